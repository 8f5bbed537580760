"""Topics, messages and groups, over HTTP and on the command line."""

import base64
import calendar
import json
import signal
import subprocess
import time
import uuid

import pytest

from serving import BINARY, PATIENCE, clean_environment, expect_problem, run, wait_until

COMMANDS = [["topics", verb] for verb in ("list", "create", "describe", "alter", "empty", "delete")] + [
    ["groups", verb] for verb in ("list", "describe", "lag", "reset", "delete")] + [["produce"], ["consume"]]


def millrace(server, *arguments, **more):
    return run(*arguments, "--server", server.url, **more)


def lines(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def topic(server):
    name = "t-" + uuid.uuid4().hex
    millrace(server, "topics", "create", name, "-p", 2)
    yield name
    server.request("DELETE", f"/v1/topics/{name}")


def read(server, topic, *arguments):
    return lines(millrace(server, "consume", topic, "-e", "-f", "json", *arguments))


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_has_an_example(command):
    out = run(*command, "--help").stdout
    assert "Example:" in out and "millrace " + " ".join(command) in out.split("Example:")[1]


def test_topic_from_creation_to_deletion(server):
    name = "life-" + uuid.uuid4().hex
    assert "created" in millrace(server, "topics", "create", name, "--config", "retention.ms=60000").stdout
    again = millrace(server, "topics", "create", name, expect=1)
    assert name in again.stderr and len(again.stderr.splitlines()) == 1
    described = json.loads(millrace(server, "topics", "describe", name, "-o", "json").stdout)
    assert (described["partitions"], described["config"]) == (3, {"retention.ms": "60000"})
    table = millrace(server, "topics", "describe", name).stdout
    assert "LEADER" in table and "REPLICAS" in table and "retention.ms=60000" in table
    millrace(server, "topics", "alter", name, "-p", 5, "--config", "retention.ms=", "--config", "retention.bytes=1000")
    described = server.get(f"/v1/topics/{name}")
    assert (described["partitions"], described["config"]) == (5, {"retention.bytes": "1000"})
    assert name in [item["name"] for item in lines(millrace(server, "topics", "list", "-o", "jsonl"))]
    assert "--yes" in millrace(server, "topics", "delete", name, expect=2).stderr
    millrace(server, "topics", "delete", name, "--yes")
    for command in (["topics", "describe"], ["topics", "empty", "--yes"], ["topics", "delete", "--yes"], ["topics", "alter", "-p", "9"], ["consume", "-e"]):
        gone = millrace(server, *command, name, expect=3)
        assert name in gone.stderr and len(gone.stderr.splitlines()) == 1


def test_emptied_topic_goes_on_at_its_end(server, topic):
    group = "readers-" + uuid.uuid4().hex
    millrace(server, "produce", topic, "-p", 1, stdin="a\nb\nc\n")
    assert [m["value"] for m in read(server, topic, "-g", group, "-n", 1)] == ["a"]
    assert "--yes" in millrace(server, "topics", "empty", topic, expect=2).stderr
    assert server.get(f"/v1/topics/{topic}")["messages"] == 3
    assert millrace(server, "topics", "empty", topic, "--yes").stdout == f"emptied {topic} of 3 messages\n"
    assert json.loads(millrace(server, "topics", "empty", topic, "-y", "-o", "json").stdout) == {"name": topic, "removed": 0}
    assert server.get(f"/v1/topics/{topic}")["messages"] == 0 and read(server, topic) == []
    assert server.get(f"/v1/groups/{group}")["lag"] == 0
    millrace(server, "produce", topic, "d", "-p", 1)
    assert server.get(f"/v1/groups/{group}")["lag"] == 1
    assert [(m["offset"], m["value"]) for m in read(server, topic, "-g", group)] == [(3, "d")]
    millrace(server, "groups", "delete", group, "--yes")


def test_own_topics_are_kept(server):
    for name in ("document-uploads", "document-events", "search-analytics"):
        for verb, path in (("empty", f"/v1/topics/{name}/messages"), ("delete", f"/v1/topics/{name}")):
            assert "force" in millrace(server, "topics", verb, name, "--yes", expect=1).stderr
            expect_problem(server.request("DELETE", path), 409)
        server.get(f"/v1/topics/{name}")


def test_own_topics_are_emptied_by_force(start_server):
    """What was worked off needs its message no more, and what comes after goes its way."""
    server = start_server()
    before = server.add("Before the topics were emptied.")["id"]
    for name in ("document-uploads", "document-events"):
        assert json.loads(millrace(server, "topics", "empty", name, "--yes", "--force", "-o", "json").stdout)["removed"] > 0
    after = server.add("After the topics were emptied.")["id"]
    server.wait_indexed(after)
    assert {hit["document"]["id"] for hit in server.search("the topics were emptied")} == {before, after}


def test_usage(server, topic):
    for command in (["topics"], ["topics", "create"], ["topics", "create", "n", "--config", "x"], ["topics", "alter", topic],
                    ["topics", "polish"], ["groups", "reset", "g"], ["groups", "reset", "g", "--topic", topic],
                    ["groups", "reset", "g", "--topic", topic + ":x", "--to-latest"],
                    ["groups", "reset", "g", "--topic", topic, "--to-latest", "--to-earliest"], ["produce"],
                    ["produce", topic, "v", "-H", "x"], ["consume"], ["consume", topic, "-f", "%q"], ["consume", topic, "-n", "0"],
                    ["produce", topic, "--sample"]):
        assert millrace(server, *command, expect=2, stdin="").stderr, command


def test_value_key_headers_partition(server, topic):
    sent = lines(millrace(server, "produce", topic, "hello", "-k", "k", "-H", "a=1", "-H", "b=x=y", "-p", 1, "-o", "jsonl"))
    assert sent == [{"topic": topic, "partition": 1, "offset": 0}]
    [message] = read(server, topic)
    assert (message["partition"], message["offset"], message["key"], message["value"]) == (1, 0, "k", "hello")
    assert message["headers"] == [{"name": "a", "value": "1"}, {"name": "b", "value": "x=y"}]
    assert "offset 1" in millrace(server, "produce", topic, "again", "-p", 1).stdout


def test_lines_of_stdin(server, topic):
    assert len(millrace(server, "produce", topic, "-k", "same", stdin="one\ntwo\nthree").stdout.splitlines()) == 3
    messages = read(server, topic)
    assert [message["value"] for message in messages] == ["one", "two", "three"]
    assert len({message["partition"] for message in messages}) == 1


def test_json_lines_of_stdin(server, topic):
    text = '{"key":"k","value":{"n":1},"partition":0}\n\n{"value":"x","headers":{"h":"v"},"partition":0}\n'
    millrace(server, "produce", topic, "-J", stdin=text)
    first, second = read(server, topic)
    assert json.loads(first["value"]) == {"n": 1} and first["key"] == "k"
    assert second["headers"] == [{"name": "h", "value": "v"}] and second["key"] is None
    partly = millrace(server, "produce", topic, "-J", stdin='{"value":"good"}\n{"wrong":1}\n', expect=4)
    assert "line 2" in partly.stderr and len(partly.stdout.splitlines()) == 1
    millrace(server, "produce", topic, "-J", stdin='{"wrong":1}\n', expect=1)
    millrace(server, "produce", "no-such-topic", "x", expect=3)


def test_bytes_come_back(server, topic):
    raw = bytes(range(256)).replace(b"\n", b"")
    subprocess.run([BINARY, "produce", topic, "-p", "0", "--server", server.url], input=raw, check=True, capture_output=True,
                   env=clean_environment(), timeout=PATIENCE)
    [message] = read(server, topic)
    assert message["encoding"] == "base64" and base64.b64decode(message["value"]) == raw
    shown = subprocess.run([BINARY, "consume", topic, "-e", "-f", "%s", "--server", server.url], check=True, capture_output=True,
                           env=clean_environment(), timeout=PATIENCE)
    assert shown.stdout == raw


def test_offsets_and_formats(server, topic):
    for partition, count in ((0, 5), (1, 2)):
        text = "".join(json.dumps({"value": f"{partition}-{n}", "key": str(n), "partition": partition}) + "\n" for n in range(count))
        millrace(server, "produce", topic, "-J", stdin=text)

    def values(*arguments):
        return [message["value"] for message in read(server, topic, *arguments)]
    assert values("-p", 0) == [f"0-{n}" for n in range(5)]
    assert values("-p", 0, "-o", 3) == ["0-3", "0-4"]
    assert sorted(values("-o", "-1")) == ["0-4", "1-1"]
    assert values("-o", "end") == []
    assert len(values("-o", "@-10m")) == 7
    assert values("-o", "@2100-01-01T00:00:00Z") == []
    assert len(values("-n", 3)) == 3
    out = millrace(server, "consume", topic, "-e", "-p", 1, "-f", r"%t|%p|%o|%k|%s|%S%%\n").stdout
    assert out == f"{topic}|1|0|0|1-0|3%\n{topic}|1|1|1|1-1|3%\n"
    assert values("-p", 0, "-o", "+3") == ["0-3", "0-4"]
    assert sorted(values("-o", "+1")) == ["0-1", "0-2", "0-3", "0-4", "1-1"]
    for wrong in (["soon"], ["5:x"], ["stored"], ["3", "-o", "4"]):
        assert len(millrace(server, "consume", topic, "-o", *wrong, expect=2).stderr.splitlines()) == 1
    millrace(server, "consume", topic, "-p", 7, expect=3)


def test_ranges_end_by_themselves(server, topic):
    for partition, count in ((0, 1200), (1, 2)):  # more than a page
        text = "".join(json.dumps({"value": f"{partition}-{n}", "partition": partition}) + "\n" for n in range(count))
        millrace(server, "produce", topic, "-J", stdin=text)

    def values(*arguments):
        done = millrace(server, "consume", topic, "--output", "jsonl", *arguments)
        return sorted(message["value"] for message in lines(done))
    assert values("-o", "1:3") == ["0-1", "0-2", "1-1"]
    assert values("-o", ":1", "-p", 1) == ["1-0"]
    assert values("-o", "1198:9999") == ["0-1198", "0-1199"]
    assert values("-o", "1199:end", "-p", 0) == ["0-1199"]
    assert values("-o", "-2:end") == ["0-1198", "0-1199", "1-0", "1-1"]
    assert len(values("-o", "@-10m:end")) == 1202
    assert values("-o", "@-10m:-5m") == values("-o", "@2001-01-01:1h") == []
    assert len(values("-o", "@-10m:1h")) == 1202
    [last] = read(server, topic, "-p", 1, "-o", "-1")
    second, rest = last["timestamp"].removesuffix("Z").split(".")
    at = calendar.timegm(time.strptime(second, "%Y-%m-%dT%H:%M:%S")) * 1000 + int(rest)
    assert "1-1" not in values("-p", 1, "-o", f"e@{at}") and "1-1" in values("-p", 1, "-o", f"s@{at}", "-o", f"e@{at + 1}")
    group = "ranged-" + uuid.uuid4().hex
    assert values("-g", group, "-o", ":1") == ["0-0", "1-0"]
    assert server.get(f"/v1/groups/{group}")["lag"] == 1200
    assert values("-g", group, "-o", "stored", "-n", 1) in (["0-1"], ["1-1"])


def test_default_output_is_pretty(server, topic):
    millrace(server, "produce", topic, '{"a":{"b":[1,0.5]}}', "-k", "k", "-p", 0)
    out = millrace(server, "consume", topic, "-e").stdout
    head, _, body = out.partition("\n")
    assert topic in head and "partition 0" in head and "offset 0" in head and "key k" in head
    assert json.loads(body) == {"a": {"b": [1, 0.5]}} and '\n  "a": {' in "\n" + body


class Tail:
    """`consume` while it runs."""

    def __init__(self, server, topic, *arguments, output):
        self.output = output
        with open(output, "wb") as out:
            self.process = subprocess.Popen([BINARY, "consume", topic, "-f", r"%s\n", *arguments, "--server", server.url], stdout=out,
                                            stdin=subprocess.DEVNULL, env=clean_environment())

    def wait_for(self, *values):
        wait_until(lambda: self.output.read_text().splitlines() == list(values), f"{values}, not {self.output.read_text()}")

    def interrupt(self, number=signal.SIGINT):
        self.process.send_signal(number)
        since = time.monotonic()
        assert self.process.wait(PATIENCE) == 0
        assert time.monotonic() - since < 15, "it waited for its request's end, which takes 25 s"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_follows_until_interrupted(server, topic, tmp_path, number):
    millrace(server, "produce", topic, "first", "-p", 0)
    tail = Tail(server, topic, output=tmp_path / "out")
    tail.wait_for("first")
    millrace(server, "produce", topic, "second", "-p", 1)
    tail.wait_for("first", "second")
    millrace(server, "produce", topic, "third", "-p", 0)
    tail.wait_for("first", "second", "third")
    tail.interrupt(number)


def test_group_goes_on_where_it_stopped(server, topic):
    group = "readers-" + uuid.uuid4().hex
    millrace(server, "produce", topic, "-p", 0, stdin="a\nb\nc\n")
    assert [m["value"] for m in read(server, topic, "-g", group, "-n", 2)] == ["a", "b"]
    assert server.get(f"/v1/groups/{group}")["lag"] == 1
    assert [m["value"] for m in read(server, topic, "-g", group)] == ["c"]
    assert read(server, topic, "-g", group) == []
    lag = millrace(server, "groups", "lag", group).stdout
    assert "LAG" in lag and topic[:12] in lag
    assert group in [item["name"] for item in lines(millrace(server, "groups", "list", "-o", "jsonl"))]
    described = json.loads(millrace(server, "groups", "describe", group, "-o", "json").stdout)
    assert (described["state"], described["lag"], described["members"]) == ("Empty", 0, [])

    reset = ["groups", "reset", group, "--topic", topic + ":0"]
    assert "no group mistyped" in millrace(server, "groups", "reset", "mistyped", *reset[3:], "--to-latest").stderr
    dry = millrace(server, *reset, "--to-offset", 1)
    assert "--execute" in dry.stderr and server.get(f"/v1/groups/{group}")["lag"] == 0
    plan = json.loads(millrace(server, *reset, "--to-offset", 1, "--execute", "-o", "json").stdout)
    assert plan["executed"] and plan["partitions"] == [{"partition": 0, "from": 3, "to": 1}]
    assert [m["value"] for m in read(server, topic, "-g", group)] == ["b", "c"]
    for target, lag in ((["--to-earliest"], 3), (["--to-latest"], 0), (["--to-datetime", "2001-01-01T00:00:00Z"], 3),
                        (["--to-latest"], 0), (["--to-datetime", "7d"], 3)):
        millrace(server, "groups", "reset", group, "--topic", topic, *target, "--execute")
        assert server.get(f"/v1/groups/{group}")["lag"] == lag, target
    assert "offset" in millrace(server, *reset, "--to-offset", 9, "--execute", expect=1).stderr

    assert "--yes" in millrace(server, "groups", "delete", group, expect=2).stderr
    millrace(server, "groups", "delete", group, "--yes")
    for command in (["groups", "describe"], ["groups", "lag"], ["groups", "delete", "--yes"]):
        assert len(millrace(server, *command, group, expect=3).stderr.splitlines()) == 1


def test_group_with_members_is_left_alone(server):
    reset = ["groups", "reset", "embedding-workers", "--topic", "document-uploads", "--to-earliest"]
    assert "members" in millrace(server, *reset).stderr
    assert len(millrace(server, *reset, "--execute", expect=1).stderr.splitlines()) == 1
    assert "members" in millrace(server, "consume", "document-uploads", "-g", "embedding-workers", expect=1).stderr
    millrace(server, "groups", "delete", "embedding-workers", "--yes", expect=1)
    table = millrace(server, "groups", "describe", "embedding-workers").stdout
    assert "Stable" in table and "MEMBER" in table


def test_samples_are_processed(start_server):
    server = start_server()
    first = server.add("The first document.")["id"]
    sent = lines(millrace(server, "produce", "--sample", "-o", "jsonl"))
    assert {message["topic"] for message in sent} == {"document-uploads", "search-analytics"}
    for document in range(first + 1000, first + 1003):
        wait_until(lambda: server.request("GET", f"/v1/documents/{document}").status_code == 200, "the sample")
        assert server.wait_indexed(document)["title"]
    millrace(server, "produce", "document-uploads", "--sample")
    wait_until(lambda: server.request("GET", f"/v1/documents/{first + 2002}").status_code == 200, "the next sample")


def test_what_a_key_may_do(start_server, tmp_path):
    keys = tmp_path / "keys"
    keys.write_text("reader read\nwriter write\nroot admin\n")
    server = start_server("--api-keys", keys)

    def status(key, method, path, body=None):
        return server.request(method, path, json=body, headers={"Authorization": f"Bearer {key}"}).status_code
    assert status("writer", "POST", "/v1/topics", {"name": "t"}) == 403
    assert status("root", "POST", "/v1/topics", {"name": "t"}) == 201
    assert status("reader", "POST", "/v1/topics/t/messages", {"value": "v"}) == 403
    assert status("writer", "POST", "/v1/topics/t/messages", {"value": "v"}) == 200
    assert status("reader", "GET", "/v1/topics/t/messages") == 200
    assert status("reader", "GET", "/v1/groups") == 200
    for method, path, body in (("PATCH", "/v1/topics/t", {"partitions": 5}), ("DELETE", "/v1/topics/t", None),
                               ("DELETE", "/v1/topics/t/messages", None),
                               ("POST", "/v1/groups/g/reset", {"topic": "t", "to": "latest"}), ("DELETE", "/v1/groups/g", None)):
        assert status("writer", method, path, body) == 403, path


def test_waiting_readers_do_not_hold_a_server_that_stops(start_server, tmp_path):
    server = start_server()
    tail = Tail(server, "document-events", "-o", "end", output=tmp_path / "out")
    time.sleep(0.5)
    since = time.monotonic()
    server.stop()
    assert time.monotonic() - since < 15, "the reader's 25 s, or the 20 s that requests in work have, were waited for"
    tail.process.wait(PATIENCE)
