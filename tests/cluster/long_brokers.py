"""Three brokers: one may go, whichever it is, and nothing stops; the full run names this file."""

import contextlib
import time

import kafka.errors
import pytest

from cluster import CommitWatch, Uploader
from serving import wait_until
from stack import EVENTS, UPLOADS


@pytest.fixture(autouse=True)
def three_nodes(stack):
    assert len(stack.bootstrap.split(",")) == 3, "these tests need a stack of three nodes"


def test_topics_are_replicated(cluster):
    cluster.server()
    with cluster.stack.admin() as admin:
        for topic in admin.describe_topics([UPLOADS, EVENTS]):
            assert all(len(partition["replica_nodes"]) == 3 for partition in topic["partitions"])


@pytest.mark.parametrize("way", ["kill", "stop"])
def test_one_broker_after_the_other_goes(cluster, way):
    server = cluster.server()
    workers = [cluster.worker() for _ in range(3)]
    watch = CommitWatch(cluster)
    uploader = Uploader(server, 1, pause=0.03)
    for node in ("kafka1", "kafka2", "kafka3"):
        wait_until(lambda: len(uploader.accepted) > 30, "some uploads")
        getattr(cluster.stack, way)(node)
        time.sleep(5)
        while_down = Uploader(server, 10_000 + 100 * int(node[-1]), 20).wait()
        assert len(while_down) == 20
        for number in while_down.values():
            wait_until(lambda: server.finds(number), f"a document indexed without {node}", 60)
        uploader.accepted.update(while_down)
        cluster.stack.start(node)
        time.sleep(5)
    accepted = uploader.finish()
    assert uploader.refused == 0
    cluster.check(accepted, server, patience=240)
    watch.check()
    assert all(worker.running() for worker in workers)


def test_a_topic_made_anew_after_its_leaders_changed(cluster):
    """The new topic counts its leaders' epochs from the beginning; whoever knew the old one must not take that for outdated."""
    server, worker = cluster.server(), cluster.worker()
    accepted = Uploader(server, 1, 20).wait()
    cluster.check(accepted, server)
    for node in ("kafka1", "kafka2", "kafka3"):
        cluster.stack.kill(node)
        time.sleep(3)
        cluster.stack.start(node)
        time.sleep(3)
    partitions = cluster.stack.topics()[UPLOADS]
    for time_made in range(1, 4):  # where its leaders are is up to chance
        cluster.stack.delete_topics(UPLOADS)
        with contextlib.suppress(kafka.errors.TopicAlreadyExistsError):  # the server looks every ten seconds, and may be quicker
            cluster.stack.create_topic(UPLOADS, partitions)
        more = Uploader(server, 1000 * time_made, 20).wait()
        cluster.check(more, server, patience=200)  # what lies below the old topic's offsets is for the sweeper, which needs a minute or two
    assert server.running() and worker.running()


def test_a_frozen_broker(cluster):
    """It keeps its connections and answers nothing."""
    server = cluster.server()
    cluster.worker()
    uploader = Uploader(server, 1, pause=0.03)
    wait_until(lambda: len(uploader.accepted) > 30, "some uploads")
    cluster.stack.run("pause", "kafka2")
    try:
        time.sleep(25)
    finally:
        cluster.stack.run("resume", "kafka2")
    accepted = uploader.finish()
    cluster.check(accepted, server, patience=240)
