"""A fault that fails ends the run, and what can be healed and judged still is."""

import contextlib
import random
import types

import pytest

import nemesis
from ledger import Ledger
from nemesis import PROCESSES, SHARED, Fault, Nemesis
from oracle import State
from run import judge
from serving import wait_until
from world import World


@pytest.fixture
def world(monkeypatch):
    def fault(name, lane, act):
        return Fault(name, lane, 1, (0, 600), "cluster", contextlib.contextmanager(act))

    def lasts(world, step):
        world.did.append("broke")
        yield
        world.did.append("mended")

    def fails(world, step):
        wait_until(lambda: "broke" in world.did, "the other fault")
        raise OSError("no such broker")
        yield
    monkeypatch.setattr(nemesis, "FAULTS", {"lasts": fault("lasts", PROCESSES, lasts), "fails": fault("fails", SHARED, fails)})
    monkeypatch.setattr(nemesis, "canary", lambda *_: 0.1)
    return types.SimpleNamespace(ledger=Ledger(), did=[], trouble=contextlib.nullcontext)


def test_a_fault_that_fails_ends_both_lanes(world):
    both = Nemesis(world, 1, {"cluster"})
    both.start()
    assert both.ending.wait(30)
    both.finish()
    assert world.did == ["broke", "mended"]
    (kind, sentence), = world.ledger.observed
    assert kind == "nemesis" and "no such broker" in sentence and "fails" in sentence


def test_healing_goes_on(tmp_path):
    healed = []

    class Half(World):
        def healing(self):
            yield lambda: healed.append(1)
            yield lambda: 1 / 0
            yield lambda: healed.append(2)
    world = Half(tmp_path)
    world.heal()
    assert healed == [1, 2]
    assert [kind for kind, _ in world.ledger.observed] == ["hang"]


def fail():
    raise OSError("away")


def judged(**parts):
    world = types.SimpleNamespace(ledger=Ledger(), servers=[], store=types.SimpleNamespace(
        read=parts.get("read", lambda: State({}, [])), lag=parts.get("lag", dict)))
    watch = types.SimpleNamespace(finish=parts.get("finish", lambda: None))
    write = world.ledger.begin(world.ledger.subject("one", "keyless"), "one")
    world.ledger.end("create", write, "ok", 1)
    state, anomalies = judge(world, watch, random.Random(1))
    return state, [anomaly.kind for anomaly in anomalies], [kind for kind, _ in world.ledger.observed]


@pytest.mark.parametrize("part", ["finish", "lag"])
def test_what_can_be_judged_is(part):
    assert judged()[1:] == (["lost"], [])
    state, anomalies, observed = judged(**{part: fail})
    assert sorted(anomalies) == ["hang", "lost"] and observed == ["hang"]


def test_without_a_state_there_is_what_was_seen():
    assert judged(read=fail) == (None, [], ["hang"])
