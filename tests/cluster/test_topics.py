"""Topics that are missing, narrower, wider or taken away, and ways to be refused."""

import json
import time

import pytest

from cluster import ClusterServer, Uploader, Worker
from serving import expect_problem, run, wait_until
from stack import EVENTS, UPLOADS


def test_worker_started_before_any_server_finds_its_topics(cluster):
    cluster.worker()
    wait_until(lambda: cluster.stack.topics().get(UPLOADS) == 3, "the topic with three partitions", pause=0.2)
    server = cluster.server()
    cluster.check(Uploader(server, 1, 10).wait(), server)


def test_existing_topic_with_one_partition_is_left_as_it_is(cluster):
    """As brokers create it by themselves: it works, and the log says how to widen it."""
    cluster.stack.create_topic(UPLOADS, 1)
    server, _ = cluster.server(), cluster.worker()
    assert cluster.stack.topics()[UPLOADS] == 1

    def advised():
        return any(UPLOADS in line and "partition" in line and "topics alter" in line for line in server.log().splitlines())
    wait_until(advised, "the advice in the log")
    cluster.check(Uploader(server, 1, 20).wait(), server)


def test_topic_widened_under_load(cluster):
    cluster.stack.create_topic(UPLOADS, 1)
    server = cluster.server()
    cluster.worker(), cluster.worker()
    uploader = Uploader(server, 1, 150, 0.03)
    wait_until(lambda: len(uploader.accepted) > 30, "some uploads")
    with cluster.stack.admin() as admin:
        admin.create_partitions({UPLOADS: 3})
    cluster.check(uploader.wait(), server)


def test_topic_that_takes_small_messages_only(cluster):
    """A text that is too long for it travels by reference; the messages that were sent with it are not held up."""
    server = cluster.server()
    run("topics", "alter", UPLOADS, "--config", "max.message.bytes=20000", "--server", server.url)
    cluster.worker()
    uploader = Uploader(server, 1, 100)
    long = {server.post("/documents?async_mode=true", {"title": "Long", "content": f"Text {number} " + "goes on " * 8000})["document_id"] for number in range(3)}
    cluster.check(uploader.wait(), server)
    assert {cluster.states()[document][0] for document in long} == {"indexed"}
    assert {message["document_id"] for _, message in cluster.stack.messages(UPLOADS) if "content_ref" in message} == long


def test_events_topic_deleted(cluster):
    one, other = cluster.server(), cluster.server()
    cluster.worker()
    cluster.check(Uploader(one, 1, 10).wait(), other)
    cluster.stack.delete_topics(EVENTS)
    accepted = Uploader(one, 100, 10).wait()
    for number in accepted.values():
        wait_until(lambda: one.finds(number) and other.finds(number), "the document on both servers", 60)


def test_emptied_topic_as_others_see_it(cluster):
    """Offsets go on at the end, groups keep theirs, and the lag of one that was behind is 0."""
    server = cluster.server()
    server.post("/v1/topics", {"name": "orders", "partitions": 2}, 201)

    def values(*arguments):
        done = run("consume", "orders", "-g", "readers", "-e", "-f", "json", *arguments, "--server", server.url)
        return [json.loads(line)["value"] for line in done.stdout.splitlines()]
    cluster.stack.produce("orders", *(f"before {number}".encode() for number in range(40)))
    ends = cluster.stack.ends("orders")
    assert len(values("-n", 5)) == 5
    committed = cluster.stack.committed("readers", "orders")
    assert server.get("/v1/groups/readers")["lag"] == 35
    assert server.delete("/v1/topics/orders/messages") == {"name": "orders", "removed": 40}
    assert cluster.stack.records("orders") == [] and cluster.stack.ends("orders") == ends
    topic = server.get("/v1/topics/orders")
    assert topic["messages"] == 0 and {part["partition"]: part["low"] for part in topic["layout"]} == ends
    group = server.get("/v1/groups/readers")
    assert group["lag"] == 0 and all(part["lag"] == 0 for part in group["partitions"])
    assert cluster.stack.committed("readers", "orders") == committed
    assert server.delete("/v1/topics/orders/messages")["removed"] == 0
    cluster.stack.produce("orders", b"after")
    assert server.get("/v1/groups/readers")["lag"] == 1
    assert values() == ["after"]
    assert server.get("/v1/groups/readers")["lag"] == 0


def test_compacted_topic_is_not_emptied(cluster):
    server = cluster.server()
    server.post("/v1/topics", {"name": "table", "partitions": 1, "config": {"cleanup.policy": "compact"}}, 201)
    cluster.stack.produce("table", b"kept", key="k")
    refused = expect_problem(server.request("DELETE", "/v1/topics/table/messages"), 409)
    assert "compacted" in refused["detail"] and len(cluster.stack.records("table")) == 1


@pytest.mark.parametrize("kind", [ClusterServer, Worker])
def test_wrong_password(cluster, kind):
    """One line that names the database and the user, never the password; nothing is waited for that nobody will mend."""
    program = cluster.make(kind, environment={"MYSQL_PASSWORD": "not-the-password"}).spawn()
    assert program.process.wait(40) != 0
    assert "raguser" in program.log() and "not-the-password" not in program.log() and "waiting" not in program.log()


def test_half_of_the_environment(cluster):
    """Kafka without MySQL, or the other way round, is refused with one line that names both variables."""
    for missing in ("MYSQL_HOST", "KAFKA_BOOTSTRAP_SERVERS"):
        environment = {name: value for name, value in cluster.environment.items() if name != missing}
        done = run("serve", "--listen", "127.0.0.1:0", "--model", "test", expect=2, environment=environment)
        lines = done.stderr.strip().splitlines()
        assert len(lines) == 1 and "MYSQL_HOST" in lines[0] and "KAFKA_BOOTSTRAP_SERVERS" in lines[0]
    assert "--embedded" in run("serve", "--help").stdout


def test_embedded_ignores_the_environment(cluster, tmp_path):
    class Embedded(ClusterServer):
        def command(self):
            return [*super().command(), "--embedded", "--data", tmp_path / "data"]
    server = cluster.make(Embedded).start()
    assert server.get("/health")["mode"] == "embedded"
    assert cluster.stack.topics() == {}


def test_second_store_on_the_same_broker_is_foreign(cluster, tmp_path):
    """The messages of another store are of a foreign producer to this one, whatever version they carry."""
    server = cluster.server()
    accepted = Uploader(server, 1, 3).wait()
    wait_until(lambda: sum(cluster.stack.ends().values()) >= 3, "the messages")
    server.stop()
    cluster.sql(f"CREATE DATABASE {cluster.database}_b CHARACTER SET utf8mb4", database=None)
    try:
        environment = {"MYSQL_DATABASE": cluster.database + "_b"}
        second = cluster.server(environment=environment)
        cluster.worker(environment=environment)
        for number in accepted.values():
            wait_until(lambda: second.finds(number), "the other store's document")
        for program in cluster.programs[1:]:
            program.stop()
    finally:
        cluster.sql(f"DROP DATABASE {cluster.database}_b", database=None)
