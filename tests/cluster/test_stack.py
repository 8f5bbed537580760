"""scripts/stack says in one line what is wrong, and touches nothing that is not its own."""

import os
import socket
import subprocess

import pytest

from serving import ROOT, clean_environment, free_port


def call(state, *arguments, **environment):
    settings = clean_environment(MILLRACE_STACK=str(state), **environment)
    return subprocess.run([ROOT / "scripts" / "stack", *arguments], capture_output=True, text=True, timeout=60, env=settings)


def complains(done, code, *mentions):
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    last = done.stderr.splitlines()[-1]
    for mention in mentions:
        assert mention in last, done.stderr


def test_taken_port(tmp_path):
    with socket.create_server(("127.0.0.1", free_port())) as taken:  # beside it there may be no connection of others, which would be named instead
        port = taken.getsockname()[1]
        for offset, part in ((0, "kafka1"), (50, "mysql"), (60, "redis")):
            complains(call(tmp_path / "state", "up", MILLRACE_STACK_PORT=str(port - offset)), 1, str(port), part, "MILLRACE_STACK_PORT")
    assert call(tmp_path / "state", "status").stdout.split() == ["redis", "down", "mysql", "down", "kafka1", "down"]


@pytest.mark.parametrize("name, value", [("MILLRACE_STACK_NODES", "2"), ("MILLRACE_STACK_KAFKA", "2.8"), ("MILLRACE_STACK_PORT", "high"),
                                         ("MILLRACE_STACK_DATABASE", "oracle"), ("MILLRACE_STACK_PARTS", "kafka rabbit")])
def test_wrong_setting(tmp_path, name, value):
    complains(call(tmp_path / "state", "up", **{name: value}), 2, name)
    assert not (tmp_path / "state" / "settings").exists()


def test_wrong_usage(tmp_path):
    complains(call(tmp_path, "fly"), 2, "fly")
    complains(call(tmp_path, "up", "quickly"), 2, "quickly")
    complains(call(tmp_path, "status"), 3, str(tmp_path))
    complains(call(tmp_path, "kill", "kafka"), 3, str(tmp_path))
    for command in ("down", "wipe"):
        done = call(tmp_path, command)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert os.listdir(tmp_path) == []


def test_log_of_redis_that_a_full_disk_broke(stack):
    """Half a command in its middle; it starts, with what was before that."""
    with stack.redis() as client:
        client.set("before", "1")
    stack.stop("redis")
    log = next((stack.folder / "redis" / "appendonlydir").glob("*.incr.aof"))
    with open(log, "ab") as file:
        file.write(b"*3\r\n$3\r\nset\r\n$4\r\nhalf\r\n$7\r\nabc" + b"*3\r\n$3\r\nset\r\n$5\r\nafter\r\n$1\r\n1\r\n")
    stack.start("redis")
    with stack.redis() as client:
        assert (client.get("before"), client.get("half"), client.get("after")) == (b"1", None, None)
        client.flushall()


def test_unknown_part_and_other_shape(stack):
    state = os.environ["MILLRACE_STACK"]
    complains(call(state, "kill", "rabbit"), 2, "rabbit", "redis")
    complains(call(state, "up", MILLRACE_STACK_PARTS="redis"), 1, "wipe")


def test_up_again_changes_nothing(stack):
    before = stack.run("status")
    stack.run("up")
    assert [line.split()[:4] for line in stack.run("status").splitlines()] == [line.split()[:4] for line in before.splitlines()]


def test_tools_of_kafka(stack):
    listed = stack.run("kafka", "org.apache.kafka.tools.TopicCommand", "--bootstrap-server", stack.bootstrap, "--list")
    assert set(listed.split()) >= set(stack.topics())
