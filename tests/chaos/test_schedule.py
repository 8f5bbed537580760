"""A seed gives the same faults again, and every fault that a shape has."""

import itertools

import pytest

import run
from nemesis import FAULTS, PROCESSES, SHARED, schedule


def first(count, *arguments):
    return list(itertools.islice(schedule(*arguments), count))


def test_a_seed_replays():
    for lane in (PROCESSES, SHARED):
        assert first(200, 7, lane, {"cluster"}) == first(200, 7, lane, {"cluster"})
        assert first(200, 7, lane, {"cluster"}) != first(200, 8, lane, {"cluster"})


@pytest.mark.parametrize("shape", ["embedded", "cluster", "brokers", "proxied", "separated", "clocks", "losses"])
def test_every_fault_of_a_shape_comes(shape):
    for lane in (PROCESSES, SHARED):
        expected = {fault.name for fault in FAULTS.values() if fault.lane == lane and shape in fault.shapes.split()}
        assert {step.fault for step in first(1000, 1, lane, {shape})} == expected


def test_only_what_was_asked_for():
    assert {step.fault for step in first(50, 1, SHARED, {"cluster"}, {"kill-mysql"})} == {"kill-mysql"}
    assert first(1, 1, PROCESSES, {"cluster"}, {"kill-mysql"}) == []


@pytest.mark.parametrize("given, says", [(["--embedded", "--losses"], "--embedded"), (["--faults", "kill-worker,kill-time"], "kill-time")])
def test_what_cannot_be_run_is_refused(capsys, given, says):
    with pytest.raises(SystemExit) as refused:
        run.arguments(given)
    assert refused.value.code == 2 and says in capsys.readouterr().err.splitlines()[-1]
