"""Faults that take minutes; the full run names this file."""

import random
import time

import pytest

from cluster import CommitWatch, Uploader
from serving import wait_until
from stack import UPLOADS, WORKERS

STORM_SECONDS = 60


@pytest.mark.parametrize("way", ["in good order", "killed"])
def test_rebalance_storm(cluster, way):
    """For a minute a worker joins or leaves every 2 s, while documents come in."""
    server = cluster.server()
    workers = [cluster.worker()]
    watch = CommitWatch(cluster)
    uploader = Uploader(server, 1, pause=0.05)
    source = random.Random(2)
    end = time.monotonic() + STORM_SECONDS
    while time.monotonic() < end:
        next_time = time.monotonic() + 2
        if len(workers) < 2 or len(workers) < 4 and source.random() < 0.5:
            workers.append(cluster.worker())
        else:
            leaving = workers.pop(source.randrange(len(workers)))
            leaving.stop() if way == "in good order" else leaving.kill9()
        time.sleep(max(0, next_time - time.monotonic()))
    accepted = uploader.finish()
    assert len(accepted) > 100
    cluster.check(accepted, server, patience=180)
    watch.check()
    wait_until(lambda: len(cluster.stack.members()) == len(workers), "a quiet group", 60, 0.3)


def test_killed_every_second_for_a_minute(cluster):
    server = cluster.server()
    workers = [cluster.worker() for _ in range(3)]
    watch = CommitWatch(cluster)
    uploader = Uploader(server, 1, 1000, 0.04)
    source = random.Random(3)
    end = time.monotonic() + 60
    while time.monotonic() < end:
        time.sleep(source.uniform(0.3, 1.5))
        victim = source.choice(workers)
        victim.kill9()
        victim.spawn()
    for worker in workers:
        worker.wait_ready()
    accepted = uploader.wait()
    assert len(accepted) == 1000
    cluster.check(accepted, server, patience=240)
    watch.check()


def test_broker_bounced_again_and_again(cluster):
    server = cluster.server()
    workers = [cluster.worker() for _ in range(2)]
    watch = CommitWatch(cluster)
    uploader = Uploader(server, 1, pause=0.03)
    for round_number in range(5):
        time.sleep(3)
        if round_number % 2:
            cluster.stack.kill("kafka1")
        else:
            cluster.stack.stop("kafka1")
        cluster.stack.start("kafka1")
    accepted = uploader.finish()
    cluster.check(accepted, server, patience=240)
    watch.check()
    assert all(worker.running() for worker in workers)


def test_same_static_member_twice(cluster):
    """The older of two workers with one `group.instance.id` is fenced: it ends with a plain message instead of fighting."""
    server = cluster.server()
    first = cluster.worker("--kafka-group-instance-id", "worker-1")
    second = cluster.worker("--kafka-group-instance-id", "worker-1")
    wait_until(lambda: not first.running() or not second.running(), "one of them giving up", 90)
    loser = first if not first.running() else second
    assert loser.process.returncode != 0 and "worker-1" in loser.log()
    cluster.programs.remove(loser)
    accepted = Uploader(server, 1, 50).wait()
    cluster.check(accepted, server)
    with cluster.stack.admin() as admin:
        assert len(admin.describe_groups([WORKERS])[WORKERS]["members"]) == 1


def test_topic_deleted_under_a_consumer(cluster):
    """What lay in it is sent again; nothing hangs."""
    server = cluster.server()
    worker = cluster.worker()
    cluster.check(Uploader(server, 1, 20).wait(), server)
    worker.stop()
    lying = Uploader(server, 100, 20).wait()
    wait_until(lambda: sum(cluster.stack.ends().values()) >= 40, "the messages in the topic")
    worker.restart()
    cluster.stack.delete_topics(UPLOADS)
    after = Uploader(server, 200, 20).wait()
    assert len(lying) == len(after) == 20
    cluster.check(lying | after, server, patience=200)
    assert cluster.stack.topics()[UPLOADS] == 3
    worker.stop(25)


def test_uploads_emptied_before_they_are_read(cluster):
    """What lay in the topic is sent again, and until then the group is not behind."""
    server = cluster.server()
    worker = cluster.worker()
    cluster.check(Uploader(server, 1, 20).wait(), server)
    worker.stop()
    lying = Uploader(server, 100, 20).wait()
    wait_until(lambda: sum(cluster.stack.ends().values()) >= 40, "the messages in the topic")
    assert server.delete(f"/v1/topics/{UPLOADS}/messages?force=true")["removed"] == 40
    assert cluster.stack.records(UPLOADS) == []
    assert server.get(f"/v1/groups/{WORKERS}")["lag"] == 0 and server.get("/v1/status")["lag"]["total"] == 0
    worker.restart()
    after = Uploader(server, 200, 20).wait()
    cluster.check(lying | after, server, patience=200)
    assert server.metric("millrace_documents_requeued_total") >= 20
