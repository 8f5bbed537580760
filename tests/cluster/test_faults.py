"""One dependency after the other goes away and comes back: what was accepted is indexed once, what needs no dependency goes on."""

import time

import pymysql
import pytest
import requests

from cluster import ClusterServer, CommitWatch, Uploader, Worker, sentences
from serving import PATIENCE, run, wait_until
from stack import UPLOADS

BOUND = 6  # seconds: /health answers within 2 s whatever is down; on a busy machine what hangs shall be told from what waits its turn


def health(server):
    """/health, in time."""
    since = time.monotonic()
    answer = server.get("/health", timeout=30)
    assert time.monotonic() - since < BOUND, f"/health took {time.monotonic() - since:.1f} s"
    return answer


def wait_health(server, **expected):
    def as_expected():
        found = health(server)
        return all(found[name].split(":")[0] == state for name, state in expected.items())
    wait_until(as_expected, f"/health with {expected}", pause=0.2)


def test_health_with_each_dependency_down(cluster):
    """Stopped, then frozen: a frozen one answers nothing, which must not hold /health up."""
    server = cluster.server()
    all_well = {"redis": "connected", "mysql": "connected", "kafka": "connected"}
    wait_health(server, **all_well)
    for part in ("redis", "mysql", "kafka"):
        with cluster.stack.without(part):
            wait_health(server, **(all_well | {part: "disconnected"}))
            reason = health(server)[part]
            assert reason.startswith("disconnected: ") and len(reason) > len("disconnected: ") and "\n" not in reason
            assert requests.get(server.url + "/livez", timeout=5).status_code == 200
            assert requests.get(server.url + "/readyz", timeout=5).status_code == 200, "a shared dependency takes no server out of rotation"
        wait_health(server, **all_well)
    for part in ("redis", "mysql", "kafka"):
        cluster.stack.run("pause", part)
        try:
            wait_health(server, **{part: "disconnected"})
        finally:
            cluster.stack.run("resume", part)
        wait_health(server, **all_well)


def test_broker_down_at_start(cluster):
    """Uploads are accepted and sync documents searchable without a broker; when it comes, everything else follows."""
    cluster.stack.stop("kafka")
    server = cluster.make(ClusterServer).spawn()
    worker = cluster.make(Worker).spawn()

    def listening():
        assert server.running(), server.log()
        try:
            return requests.get(server.url + "/livez", timeout=5).status_code == 200
        except (requests.ConnectionError, requests.Timeout):
            return False
    wait_until(listening, "an answer without a broker")
    wait_health(server, kafka="disconnected", mysql="connected", redis="connected")
    accepted = Uploader(server, 1, 20).wait()
    assert len(accepted) == 20
    assert worker.running()
    status = server.get("/v1/status", timeout=20)
    assert (status["documents"]["queued"], status["lag"]["total"]) == (20, None) and status["lag"]["error"], status
    assert "unknown" in run("status", "--server", server.url).stdout
    history = wait_until(lambda: (lambda found: found if found["at"] else None)(server.get("/v1/status/history")), "a sample")
    assert set(history["lag"]) == {None} and None not in history["waiting"], "a gap, not a lag of 0"
    assert [server.metric("millrace_dependency_up", dependency=name) for name in ("kafka", "mysql", "redis")] == [0, 1, 1]
    cluster.stack.start("kafka")
    server.wait_ready()
    worker.wait_ready()
    cluster.check(accepted, server)
    wait_health(server, kafka="connected")


def test_sync_upload_needs_no_broker(cluster):
    server = cluster.server()
    with cluster.stack.without("kafka"):
        answer = server.post("/documents", {"title": "Sync", "content": " ".join(sentences(7))})
        assert answer["status"] == "success" and server.finds(7)
    cluster.worker()
    cluster.check({answer["document_id"]: 7}, server)
    assert server.document(answer["document_id"])["version"] == 1


def test_broker_killed_and_restarted_under_load(cluster):
    server = cluster.server()
    cluster.worker()
    watch = CommitWatch(cluster)
    uploader = Uploader(server, 1, pause=0.01)
    wait_until(lambda: len(uploader.accepted) > 50, "some uploads")
    cluster.stack.kill("kafka")
    before = len(uploader.accepted)
    wait_until(lambda: len(uploader.accepted) > before + 50, "uploads accepted without a broker")
    cluster.stack.start("kafka")
    back = len(uploader.accepted)
    wait_until(lambda: len(uploader.accepted) > back + 50, "uploads after its return")
    accepted = uploader.finish()
    assert uploader.refused == 0, "the outbox takes what the broker cannot"
    cluster.check(accepted, server)
    watch.check()


def test_broker_frozen_until_it_is_given_up(cluster):
    """It wakes fenced and says that there are topics and no brokers, which must not make a client forget where Kafka is."""
    server = cluster.server()
    cluster.worker()
    for _ in range(2):
        cluster.stack.run("pause", "kafka")
        time.sleep(13)  # longer than the broker's session, 9 s
        cluster.stack.run("resume", "kafka")
        until = time.monotonic() + 3
        while time.monotonic() < until:  # asked at the very moment when it answers so
            requests.get(server.url + "/v1/topics", timeout=PATIENCE)
        wait_until(lambda: requests.get(server.url + "/v1/topics", timeout=PATIENCE).status_code == 200, "the topics", pause=0.2)
    cluster.check(Uploader(server, 1, count=20).wait(), server)


def test_database_away_for_8_s_during_200_uploads(cluster):
    """The service before lost 145 of 200 here. An upload without the database is refused in time, an accepted one is never lost."""
    server = cluster.server()
    workers = [cluster.worker() for _ in range(2)]
    uploader = Uploader(server, 1, 200, 0.05)
    wait_until(lambda: len(uploader.accepted) >= 40, "some uploads")
    cluster.stack.stop("mysql")
    down = time.monotonic()
    answer = requests.post(server.url + "/documents?async_mode=true", json={"title": "x", "content": "x y."}, timeout=PATIENCE)
    assert answer.status_code == 503 and answer.json()["detail"] and int(answer.headers["Retry-After"]) > 0
    assert time.monotonic() - down < 30
    time.sleep(max(0, 8 - (time.monotonic() - down)))
    cluster.stack.start("mysql")
    accepted = uploader.wait()
    # Those that were refused come again, as a client would do it.
    again = [number for number in range(1, 201) if number not in set(accepted.values())]
    for number in again:
        answer = wait_until(lambda: (lambda a: a if a is not None and a.status_code == 200 else None)(server.upload(number)), "an accepted upload", pause=0.2)
        accepted[answer.json()["document_id"]] = number
    assert sorted(accepted.values()) == list(range(1, 201))
    cluster.check(accepted, server)
    assert all(worker.running() for worker in workers)
    assert server.metric("millrace_http_requests_total") > 0


def test_database_killed_under_load(cluster):
    """Also in the middle of a commit, whose outcome the client of the database then does not know."""
    server = cluster.server()
    cluster.worker()
    watch = CommitWatch(cluster)
    uploader = Uploader(server, 1, pause=0.01)
    for _ in range(3):
        enough = len(uploader.accepted) + 40
        wait_until(lambda: len(uploader.accepted) >= enough, "uploads")
        cluster.stack.kill("mysql")
        cluster.stack.start("mysql")
    accepted = uploader.finish()
    cluster.check(accepted, server)
    watch.check()


def test_redis_flushed_and_down(cluster):
    """Every document is still found, uploads go on, and the keys come back."""
    server = cluster.server()
    cluster.worker()
    accepted = Uploader(server, 1, 30).wait()
    cluster.check(accepted, server)
    with cluster.stack.redis() as client:
        client.flushall()
    assert all(server.finds(number) for number in accepted.values())
    cluster.stack.stop("redis")
    more = Uploader(server, 100, 30).wait()
    assert len(more) == 30
    cluster.check(more, server)
    fresh = cluster.server()
    assert all(fresh.finds(number) for number in accepted.values()), "a server that starts without Redis knows everything"
    cluster.stack.start("redis")
    for document_id, number in (accepted | more).items():
        expected = sorted(f"emb:doc{document_id}:chunk{index}" for index in range(len(sentences(number))))
        wait_until(lambda: cluster.keys(document_id) == expected, f"the keys of document {document_id}", 90, 0.2)


def test_everything_away_at_once(cluster):
    server = cluster.server()
    worker = cluster.worker()
    uploader = Uploader(server, 1, 100, 0.03)
    wait_until(lambda: len(uploader.accepted) > 20, "some uploads")
    cluster.stack.kill("kafka", "mysql", "redis")
    time.sleep(2)
    cluster.stack.start("redis", "mysql", "kafka")
    accepted = uploader.wait()
    cluster.check(accepted, server)
    assert worker.running() and server.running()
    assert cluster.stack.topics()[UPLOADS] == 3


def test_full_disk_of_the_database(cluster):
    """Uploads are refused with the reason, searches go on; with room again everything that was accepted is there."""
    with cluster.stack.little_room(60):
        server = cluster.server()
        cluster.worker()
        accepted = Uploader(server, 1, 10).wait()
        cluster.check(accepted, server)
        lying = Uploader(server, 100, 30, 0.02)
        cluster.sql("CREATE TABLE filler (bytes LONGBLOB)")
        for size in (1_000_000, 100_000, 10_000):
            with pytest.raises(pymysql.err.OperationalError, match="full"):
                for _ in range(3000):  # space that was taken and freed again goes first
                    cluster.sql("INSERT INTO filler VALUES (REPEAT('x', %s))", size)
        accepted |= lying.wait()
        for number in range(1000, 3000):
            answer = server.upload(number)
            if answer.status_code != 200:
                break
            accepted[answer.json()["document_id"]] = number
        assert answer.status_code == 503 and "disk" in answer.json()["detail"] and int(answer.headers["Retry-After"]) > 0
        assert server.finds(1) and requests.get(server.url + "/readyz", timeout=5).status_code == 200
    wait_health(server, mysql="connected")
    accepted |= Uploader(server, 5000, 10).wait()
    cluster.check(accepted, server)


def test_stops_in_time_without_its_dependencies(cluster):
    server, worker = cluster.server(), cluster.worker()
    Uploader(server, 1, 30).wait()
    with cluster.stack.without("kafka", "mysql", "redis"):
        for program in (server, worker):
            since = time.monotonic()
            program.stop(40)
            assert time.monotonic() - since < 30
