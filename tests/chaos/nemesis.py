"""The faults, and the schedule that a seed gives. Two lanes break things at the same time: processes, and what they share."""

import contextlib
import dataclasses
import random
import threading
import time

from clients import Client, canary
from proxy import CUT, DEAF, PASS, SILENT, SLOW

PROCESSES, SHARED = "processes", "shared"
CANARY = 30  # seconds


@dataclasses.dataclass(frozen=True)
class Fault:
    name: str
    lane: str
    weight: float
    seconds: tuple  # shortest, longest
    shapes: str  # of embedded, cluster, brokers (three of them), proxied (Kafka too), separated (brokers from each other), clocks, losses
    act: object  # a generator of (world, step): breaks, yields, mends


FAULTS = {}


def fault(name, lane, weight, seconds, shapes):
    def add(act):
        FAULTS[name] = Fault(name, lane, weight, seconds, shapes, contextlib.contextmanager(act))
        return act
    return add


@dataclasses.dataclass(frozen=True)
class Step:
    fault: str
    pause: float  # before it
    seconds: float
    pick: float  # whom it takes, from 0 to 1

    def choose(self, among):
        return among[int(self.pick * len(among))]


def schedule(seed, lane, shapes, only=None):
    """The steps of a lane, without end: the same for the same arguments."""
    source = random.Random(f"{seed} {lane}")
    among = [entry for entry in FAULTS.values() if entry.lane == lane and set(entry.shapes.split()) & set(shapes) and (not only or entry.name in only)]
    while among:
        chosen = source.choices(among, [entry.weight for entry in among])[0]
        yield Step(chosen.name, round(source.uniform(0.2, 3), 2), round(source.uniform(*chosen.seconds), 2), source.random())


# Processes


@fault("kill-server", PROCESSES, 3, (0, 2), "embedded cluster")
def kill_server(world, step):
    seat = step.choose(world.servers)
    seat.kill()
    yield
    seat.up()


@fault("stop-server", PROCESSES, 1, (2, 6), "embedded cluster")
def stop_server(world, step):
    seat = step.choose(world.servers)
    seat.freeze()
    yield
    seat.thaw()


@fault("restart-server", PROCESSES, 1, (0, 1), "embedded cluster")
def restart_server(world, step):
    yield from restart(world, step.choose(world.servers))


def restart(world, seat):
    code = seat.leave()
    # It may have ended by itself a moment ago, before anyone started it again.
    if code not in (0, None) and not world.faults_file.exists() and not world.is_explained(seat, code):
        world.ledger.observe("died", f"{seat.name} ended with {code} at SIGTERM")
    yield
    seat.up()


@fault("kill-worker", PROCESSES, 4, (0, 2), "cluster")
def kill_worker(world, step):
    seat = step.choose(world.workers)
    seat.kill()
    yield
    seat.up()


@fault("kill-workers", PROCESSES, 1, (0, 2), "cluster")
def kill_workers(world, step):
    seats = world.workers
    for seat in seats:
        seat.kill()
    yield
    for seat in seats:
        seat.up()


@fault("expire-worker", PROCESSES, 2, (8, 14), "cluster")
def expire_worker(world, step):
    """Stopped for longer than its session: the group goes on without it, and then it wakes."""
    seat = step.choose(world.workers)
    seat.freeze()
    yield
    seat.thaw()


@fault("restart-worker", PROCESSES, 1, (0, 2), "cluster")
def restart_worker(world, step):
    yield from restart(world, step.choose(world.workers))


@fault("join-worker", PROCESSES, 1, (3, 8), "cluster")
def join_worker(world, step):
    seat = world.add_worker()
    yield
    world.remove_worker(seat)


@fault("jump-clock", PROCESSES, 2, (2, 10), "clocks")
def jump_clock(world, step):
    """An hour, back or forth, and back again: as the system's time is set by hand."""
    seat = step.choose(world.seats)
    seat.clock.shift(3600 if int(step.pick * 1000) % 2 else -3600)
    yield
    seat.clock.shift(0)


@fault("fill-disk", SHARED, 1, (1, 6), "embedded")
def fill_disk(world, step):
    world.fill_disk()
    yield
    world.free_disk()


@fault("fail-model", SHARED, 1, (1, 6), "embedded cluster")
def fail_model(world, step):
    """Texts with one word fail for now, texts with another end the process."""
    world.start_faults()
    yield
    world.end_faults()


# What they share


def part(verb, name, weight, seconds, shapes="cluster"):
    @fault(f"{verb}-{name}", SHARED, weight, seconds, shapes)
    def act(world, step):
        world.break_part(name, verb)
        yield
        world.mend_part(name, verb)


for of_stack, weights in {"broker": (2, 1, 1), "mysql": (2, 1, 1), "redis": (1, 1, 1)}.items():
    for way, weight_of, lasting in zip(("kill", "bounce", "stop", "fill"), (*weights, 1), ((0, 4), (0, 2), (2, 8), (2, 8))):
        part(way, of_stack, weight_of, lasting)
part("kill", "leader", 2, (0, 6), "brokers")
part("stop", "leader", 1, (3, 10), "brokers")


@fault("flush-redis", SHARED, 1, (0, 0), "cluster")
def flush_redis(world, step):
    with contextlib.suppress(Exception), world.stack.redis() as client:
        client.flushall()
    yield


@fault("empty-uploads", SHARED, 1, (0, 0), "losses")
def empty_uploads(world, step):
    """Its records go, read or not; documents whose messages they were wait for the sweeper."""
    world.empty_uploads()
    yield


@fault("delete-uploads", SHARED, 1, (0, 4), "losses")
def delete_uploads(world, step):
    """The topic goes and comes again, its offsets from 0."""
    with world.without_uploads():
        yield


@fault("empty-events", SHARED, 1, (0, 0), "losses")
def empty_events(world, step):
    world.empty_events()
    yield


@fault("delete-events", SHARED, 1, (0, 4), "losses")
def delete_events(world, step):
    with world.without_events():
        yield


def net(way, mode, name, weight, seconds, shapes="cluster", delay=0.0):
    @fault(f"{way}-{name}", SHARED, weight, seconds, shapes)
    def act(world, step):
        """Of one process or all; of Kafka, to one broker or all, for every process."""
        proxies = world.proxies(name)
        chosen = [step.choose(proxies)] if int(step.pick * 1000) % 2 else proxies
        for proxy in chosen:
            proxy.set(mode, delay)
        yield
        for proxy in chosen:
            proxy.set(PASS)


for target, needs in {"mysql": "cluster", "redis": "cluster", "kafka": "proxied"}.items():
    net("cut", CUT, target, 1, (0.5, 5), needs)
    net("silence", SILENT, target, 1, (1, 8), needs)
    net("delay", SLOW, target, 1, (3, 8), needs, 0.05)
    net("deafen", DEAF, target, 1, (0.5, 4), needs)


@fault("split-brokers", SHARED, 2, (3, 12), "separated")
def split_brokers(world, step):
    """The others cannot reach one broker, neither its log nor its controller, while it reaches them; programs reach them all."""
    to_one = step.choose(world.broker_proxies)
    for proxy in to_one:
        proxy.set(CUT if int(step.pick * 1000) % 2 else SILENT)
    yield
    for proxy in to_one:
        proxy.set(PASS)


class Nemesis:
    """Runs both lanes until it is told to end; every fault ends before it does. One that fails ends both: what is broken then is not known."""

    def __init__(self, world, seed, shapes, only=None, crashes=True):
        self.world, self.log = world, []
        self.ending = threading.Event()
        self.lanes = [threading.Thread(target=self.run, args=(lane, schedule(seed, lane, shapes, only), seed), daemon=True)
                      for lane in (PROCESSES, SHARED)]

    def start(self):
        self.began = time.monotonic()
        for lane in self.lanes:
            lane.start()

    def finish(self):
        self.ending.set()
        for lane in self.lanes:
            lane.join(300)
            if lane.is_alive():
                self.world.ledger.observe("hang", f"a fault did not end: {self.log[-2:]}")

    def run(self, lane, steps, seed):
        probe = Client(f"probe-{lane}", self.world, seed)
        try:
            for step in steps:
                if self.ending.wait(step.pause):
                    return
                entry = {"at": round(time.monotonic() - self.began, 2), "fault": step.fault, "seconds": step.seconds, "pick": round(step.pick, 3)}
                self.log.append(entry)
                with self.world.trouble() if lane == SHARED else contextlib.nullcontext(), FAULTS[step.fault].act(self.world, step):
                    self.ending.wait(step.seconds)
                recovered = None if self.ending.is_set() else canary(probe, self.world, CANARY)
                entry["recovered"] = recovered and round(recovered, 2)
        except Exception as failure:
            self.world.ledger.observe("nemesis", f"{self.log[-1:]}: {type(failure).__name__}: {failure}")
            self.ending.set()
