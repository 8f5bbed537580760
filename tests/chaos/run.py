"""One run: a world, clients, a nemesis, healing, the oracle, a report. scripts/chaos starts it."""

import argparse
import concurrent.futures
import os
import pathlib
import random
import resource
import shutil
import sys
import time

import requests

from clients import Client
from nemesis import FAULTS, Nemesis
from oracle import Anomaly, check, questions
from report import as_text, report, save
from serving import wait_until
from world import Embedded

SETTLE = 300  # seconds: the sweeper looks each minute for what has stood still for one
FOUND = 90  # seconds: a lost event is found by the comparison each 30 s
QUESTIONS = 500  # of each sort


def arguments(given=None):
    parser = argparse.ArgumentParser(prog="scripts/chaos", description="Breaks everything while clients write, heals it, and proves that nothing was lost.",
                                     epilog="Example: scripts/chaos --minutes 2 --seed 7 --faults kill-worker,kill-mysql")
    parser.add_argument("--minutes", type=float, default=2, help="how long things break (2)")
    parser.add_argument("--seed", type=int, default=None, help="of an earlier run: the same faults again, in the same order")
    parser.add_argument("--faults", default="", help=f"only these, comma-separated: {', '.join(FAULTS)}")
    parser.add_argument("--embedded", action="store_true", help="one server with SQLite instead of a cluster")
    parser.add_argument("--clocks", action="store_true", help="let wall clocks jump, too (jump-clock)")
    parser.add_argument("--losses", action="store_true", help="let topics lose what they hold, too (empty- and delete-uploads and -events)")
    parser.add_argument("--servers", type=int, default=2)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--report", default=None, help="file for the report as JSON")
    parser.add_argument("--folder", default="build/chaos", help="logs, ledger and data of the run (build/chaos); emptied first")
    parser.add_argument("--planted", nargs="?", const="", metavar="BUG,…", help="build each planted bug of tests/chaos/bugs (or these) and see it caught")
    chosen = parser.parse_args(given)
    unknown = set(filter(None, chosen.faults.split(","))) - set(FAULTS)
    if unknown:
        parser.error(f"unknown faults: {', '.join(sorted(unknown))}")
    if chosen.embedded and chosen.losses:
        parser.error("--losses is about Kafka's topics; with --embedded the log is in the database of the documents, where nobody takes a message away")
    return chosen


def say(sentence):
    print(f"    {sentence}", file=sys.stderr, flush=True)


def make_world(chosen, folder):
    if chosen.embedded:
        return Embedded(folder, chosen.clocks)
    from installation import Installation  # needs a stack
    return Installation(folder, chosen.servers, chosen.workers, chosen.clocks, chosen.losses)


def settle(world, marks):
    """Heals, and waits until nothing is on its way. What does not happen in time is an anomaly."""
    since = time.monotonic()
    world.heal()
    try:
        world.wait_ready()
        marks["ready"] = round(time.monotonic() - since, 1)
        wait_until(lambda: not world.store.unsettled() and world.store.outbox() == 0 and not any(world.store.lag().values()), "an empty pipeline", SETTLE, 1)
        marks["quiet"] = round(time.monotonic() - since, 1)
    except AssertionError as failure:
        world.ledger.observe("hang", str(failure))
        world.ledger.attempt("what is left", lambda: world.ledger.observe(
            "hang", f"unsettled: {world.store.unsettled()[:5]}, lag {world.store.lag()}, outbox {world.store.outbox()}"))
    except Exception as failure:
        world.ledger.observe("hang", f"the healed state cannot be read: {type(failure).__name__}: {failure}")


def finds(ledger, server, sentence):
    """Whether it is among the best hits; none: this server did not answer, which a healed one may do once for each connection it lost."""
    try:
        answer = requests.post(server.url + "/search", json={"question": sentence, "top_k": 3}, timeout=30)
    except requests.RequestException as failure:
        ledger.count("final search", "unknown")
        say(f"{server.name}: {type(failure).__name__}: {failure}")
        return None
    ledger.count("final search", "ok" if answer.status_code == 200 else "unknown")
    if answer.status_code != 200:
        say(f"{server.name}: {answer.status_code} {answer.text[:300]}")
        return None
    return any(hit["text"] == sentence for hit in answer.json()["results"])


def answers(ledger, server, found, unfound):
    """What this server finds, asked until it answers as it should. When time is up, what is still wrong is asked once more: all the questions
    take their time."""
    known, deadline, wrong = {}, time.monotonic() + FOUND, [*found, *unfound]
    wanted, late = set(found), False
    while wrong and not late:
        late = time.monotonic() >= deadline
        still = []
        for sentence in wrong:
            known[sentence] = finds(ledger, server, sentence)
            if known[sentence] != (sentence in wanted):
                still.append(sentence)
        wrong = still
        if wrong:
            time.sleep(1)
    return known


def judge(world, watch, source):
    """The state, if it can be read, and every anomaly."""
    ledger = world.ledger
    ledger.forget_lost()
    ledger.attempt("the committed offsets cannot be read after healing", watch.finish)
    state = ledger.attempt("the store cannot be read after healing", world.store.read)
    if state is None:
        return None, []
    state.lag = ledger.attempt("the lag cannot be read after healing", world.store.lag) or {}
    found, unfound = questions(ledger, state, source, QUESTIONS)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        asked = {server.name: pool.submit(answers, ledger, server, found, unfound) for server in world.servers}
        state.answers = {name: ledger.attempt(f"{name} cannot be asked after healing", future.result) or {} for name, future in asked.items()}
    return state, check(ledger, state, found, unfound)


def run(chosen):
    seed = chosen.seed if chosen.seed is not None else time.time_ns() % 1_000_000
    folder = pathlib.Path(chosen.folder).resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    only = set(filter(None, chosen.faults.split(",")))
    world = make_world(chosen, folder)
    if elsewhere := sorted(name for name in only if not set(FAULTS[name].shapes.split()) & world.shapes):
        world.close()
        raise SystemExit(f"scripts/chaos: not in a run that is {', '.join(sorted(world.shapes))}: {', '.join(elsewhere)}")
    say(f"seed {seed} (the same faults again: scripts/chaos --seed {seed})")
    marks = {"seed": seed, "shape": " ".join(sorted(world.shapes)), "minutes": chosen.minutes, "ready": None, "quiet": None}
    nemesis, state, since = Nemesis(world, seed, world.shapes, only), None, time.monotonic()
    try:
        world.start()
        watch = world.watch()
        clients = [Client(number, world, seed) for number in range(chosen.clients)] + world.producers(seed)
        for thread in [watch, *clients, nemesis]:
            thread.start()
        deadline = time.monotonic() + chosen.minutes * 60
        while time.monotonic() < deadline and not nemesis.ending.wait(min(10, max(0, deadline - time.monotonic()))):
            say(f"{time.monotonic() - since:.0f} s: {sum(world.ledger.operations.values())} operations, {len(nemesis.log)} faults")
        if nemesis.ending.is_set():
            say("a fault failed, so the run ends here")
        nemesis.finish()
        for client in clients:
            client.stopping.set()
        for client in clients:
            client.join(300)
            if client.is_alive():
                world.ledger.observe("hang", f"client {client.number} does not end")
        settle(world, marks)
        say(f"healed: ready after {marks['ready']} s, quiet after {marks['quiet']} s")
        state, anomalies = judge(world, watch, random.Random(seed))
        for name in world.stranded():
            world.ledger.observe("stranded", name)
    finally:
        world.ledger.attempt("the end", world.close)
        world.ledger.save(folder / "ledger.jsonl")
    anomalies += [Anomaly(*observed) for observed in world.ledger.observed if Anomaly(*observed) not in anomalies]
    marks |= {"seconds": round(time.monotonic() - since), "watched": watch.seen}
    result = report(marks, world.ledger, nemesis, state, anomalies)
    save(result, chosen.report or folder / "report.json")
    print(as_text(result))
    return 1 if anomalies else 0


def main():
    chosen = arguments()
    os.environ["NO_PROXY"] = "*"
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if chosen.planted is not None:
        from planted import run_all
        return run_all(set(filter(None, chosen.planted.split(","))))
    return run(chosen)


if __name__ == "__main__":
    sys.exit(main())
