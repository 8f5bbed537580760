"""Workers come, go, die and sleep: the partitions are shared, nothing is lost, nothing is doubled."""

import random
import signal
import threading
import time

import requests

from clocks import Clock
from cluster import SHORT_SESSION, CommitWatch, Uploader, kafka_properties
from serving import wait_until
from stack import UPLOADS, WORKERS


def shares(cluster, count):
    """The partitions of each member once they are `count` and have all three between them."""
    def shared_out():
        members = cluster.stack.members()
        return members if len(members) == count and sorted(sum(members, [])) == [0, 1, 2] else None
    return wait_until(shared_out, f"{count} members with three partitions", pause=0.2)


def test_three_share_and_a_fourth_idles(cluster):
    server = cluster.server()
    workers = [cluster.worker() for _ in range(3)]
    assert sorted(shares(cluster, 3)) == [[0], [1], [2]]
    fourth = cluster.worker()
    members = shares(cluster, 4)
    assert sorted(map(len, members)) == [0, 1, 1, 1]
    wait_until(lambda: any("it idles" in worker.log() for worker in [*workers, fourth]), "a word of the worker without a partition")
    accepted = Uploader(server, 1, 200).wait()
    cluster.check(accepted, server)
    done = [worker.log().count("Successfully processed document") for worker in [*workers, fourth]]
    assert sum(done) == 200 and sorted(done)[0] == 0 and sorted(done)[1] > 0
    for worker in workers + [fourth]:
        worker.stop()
    # Workers that end leave the group at once: their sessions would last for 45 s.
    wait_until(lambda: cluster.stack.members() == [], "the group without members", 20, 0.1)


def test_one_joins_and_one_leaves_under_load(cluster):
    server = cluster.server()
    first = cluster.worker(environment=SHORT_SESSION)
    watch = CommitWatch(cluster)
    uploader = Uploader(server, 1)
    wait_until(lambda: len(uploader.accepted) > 100, "some uploads")
    second = cluster.worker(environment=SHORT_SESSION)
    shares(cluster, 2)
    first.stop()
    shares(cluster, 1)
    cluster.worker(environment=SHORT_SESSION)
    shares(cluster, 2)
    second.kill9()
    accepted = uploader.finish()
    cluster.check(accepted, server)
    watch.check()


def test_killed_again_and_again_under_load(cluster):
    server = cluster.server()
    workers = [cluster.worker(environment=SHORT_SESSION) for _ in range(2)]
    watch = CommitWatch(cluster)
    uploader = Uploader(server, 1, 300, 0.03)
    source = random.Random(1)
    for round_number in range(6):
        time.sleep(source.uniform(0.5, 1.5))
        victim = workers[round_number % 2]
        victim.kill9()
        victim.restart()
    accepted = uploader.wait()
    assert len(accepted) == 300
    cluster.check(accepted, server)
    watch.check()


def test_killed_in_the_write(cluster):
    """The database freezes under its statements, and it is killed there."""
    server = cluster.server()
    worker = cluster.worker(environment=SHORT_SESSION)
    accepted = {}
    for round_number in range(3):
        uploader = Uploader(server, 1000 * round_number, 30)
        wait_until(lambda: len(uploader.accepted) >= 15, "some uploads")
        cluster.stack.run("pause", "mysql")
        time.sleep(0.5)
        worker.kill9()
        cluster.stack.run("resume", "mysql")
        accepted |= uploader.wait()
        worker.restart()
    cluster.check(accepted, server)


def test_killed_between_the_database_and_the_offset(cluster):
    """The broker freezes once records are read: chunks are committed, offsets cannot be, and the worker is killed there."""
    server = cluster.server()
    worker = cluster.worker(environment=SHORT_SESSION)
    accepted, uncommitted = {}, 0
    for round_number in range(10):
        worker.process.send_signal(signal.SIGSTOP)
        accepted |= Uploader(server, 1000 * round_number, 100).wait()
        wait_until(lambda: sum(cluster.stack.ends().values()) >= len(accepted), "the messages in the topic")
        seen = worker.log().count("Received message")
        worker.process.send_signal(signal.SIGCONT)
        wait_until(lambda: worker.log().count("Received message") > seen, "the first message read", pause=0.001)
        cluster.stack.freeze("kafka1")
        time.sleep(1)
        worker.kill9()
        done = sum(state[0] == "indexed" for state in cluster.states().values())
        cluster.stack.thaw("kafka1")
        uncommitted = max(uncommitted, done - sum(cluster.stack.committed().values()))
        worker.restart()
        cluster.wait_quiet()
        if uncommitted > 0:
            break
    cluster.check(accepted, server)
    assert uncommitted > 0, "no round hit the moment between the two"


def test_sleeper_wakes_after_its_partitions_were_given_away(cluster):
    """A stopped worker loses its partitions at max.poll.interval; continued, it may neither commit nor write what others did."""
    server = cluster.server()
    impatient = kafka_properties(max_poll_interval_ms=6000, session_timeout_ms=6000)
    workers = [cluster.worker(environment=impatient) for _ in range(2)]
    shares(cluster, 2)
    watch = CommitWatch(cluster)
    uploader = Uploader(server, 1, pause=0.02)
    wait_until(lambda: len(uploader.accepted) > 50, "some uploads")
    sleeper = workers[0]
    sleeper.process.send_signal(signal.SIGSTOP)
    try:
        shares(cluster, 1)
        halfway = len(uploader.accepted)
        wait_until(lambda: len(uploader.accepted) > halfway + 50, "uploads that only the other can do")
    finally:
        sleeper.process.send_signal(signal.SIGCONT)
    shares(cluster, 2)
    accepted = uploader.finish()
    cluster.check(accepted, server)
    watch.check()


def test_worker_speaks_of_itself(cluster):
    cluster.server()
    worker = cluster.worker()
    shares(cluster, 1)
    cluster.stack.produce(UPLOADS, {"document_id": 999, "title": "Sample", "content": "A sample from another program. It has two sentences."}, key="doc_999")
    wait_until(lambda: "Successfully processed document 999: 2 chunks" in worker.log(), "the contract's line")
    (partition, offset), = [(record.partition, record.offset) for record in cluster.stack.records(UPLOADS)]
    assert f"Received message from partition {partition}, offset {offset}" in worker.log()
    assert requests.get(worker.url + "/livez", timeout=5).status_code == 200
    assert requests.get(worker.url + "/readyz", timeout=5).status_code == 200
    assert "millrace_" in requests.get(worker.url + "/metrics", timeout=5).text


def test_drain_on_sigterm(cluster):
    """What it has begun it ends and commits; it leaves the group at once."""
    server = cluster.server()
    worker = cluster.worker()
    accepted = Uploader(server, 1, 150).wait()
    wait_until(lambda: "Successfully processed" in worker.log(), "the first document")
    since = time.monotonic()
    worker.stop(25)
    assert time.monotonic() - since < 25
    with cluster.stack.admin() as admin:
        assert not admin.describe_groups([WORKERS])[WORKERS]["members"]
    processed = worker.log().count("Successfully processed document")
    assert sum(cluster.stack.committed().values()) == processed, "every document that was processed is committed, and no other"
    cluster.worker()
    cluster.check(accepted, server)


def test_late_server_catches_up(cluster):
    server = cluster.server()
    cluster.worker()
    accepted = Uploader(server, 1, 150).wait()
    cluster.check(accepted, server)
    refused = []

    def watched(late):
        try:
            answer = requests.get(late.url + "/readyz", timeout=5)
        except (requests.ConnectionError, requests.Timeout):
            return False
        if answer.status_code == 503:
            refused.append(answer.json()["status"])
        return answer.status_code == 200
    for _ in range(5):  # until one is asked at the moment between the two
        late = cluster.make(type(server)).spawn()
        wait_until(lambda: watched(late), "the late server being ready", pause=0.002)
        assert all(late.finds(number) for number in accepted.values()), "ready means that everything is there"
        if refused:
            break
        late.stop()
    assert refused, "it answered before it was ready, and said no"


def test_server_cut_off_catches_up(cluster):
    """Frozen while documents come and go, it has them soon after."""
    one, other = cluster.server(), cluster.server()
    cluster.worker()
    first = Uploader(one, 1, 20).wait()
    cluster.check(first, other)
    other.process.send_signal(signal.SIGSTOP)
    accepted = Uploader(one, 100, 40).wait()
    gone = next(iter(first))
    threading.Thread(target=lambda: requests.delete(f"{one.url}/documents/{gone}", timeout=60), daemon=True).start()
    cluster.wait_quiet()
    wait_until(lambda: not one.finds(first[gone]), "the deleted document gone")
    other.process.send_signal(signal.SIGCONT)
    for number in accepted.values():
        wait_until(lambda: other.finds(number), f"document {number} on the server that slept")
    wait_until(lambda: not other.finds(first[gone]), "the deleted document gone there too")


def test_an_hour_ahead_of_the_others(cluster):
    """What a server owes the log does not wait for its clock, neither while that is ahead nor when it was set back."""
    clock = Clock(cluster.folder / "clock")
    server = cluster.server(environment=clock.environment)
    cluster.worker()
    clock.shift(3600)
    time.sleep(1.5)
    accepted = Uploader(server, 1, 5).wait()
    cluster.check(accepted, server)
    cluster.stack.freeze("kafka1")
    owed = Uploader(server, 10, 5).wait()
    clock.shift(0)
    time.sleep(1.5)
    cluster.stack.thaw("kafka1")
    cluster.check(accepted | owed, server)
