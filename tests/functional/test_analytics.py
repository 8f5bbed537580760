"""What people search for, counted from the log; and who is there to do the work."""

import datetime
import json
import re

import pytest

from serving import expect_problem, run, wait_until

SEARCHES = "/v1/analytics/searches"


@pytest.fixture
def own(start_server):
    server = start_server()
    server.add("The mill stands at the river.")
    return server


def counted(server, searches):
    """The report, once it counts that many."""
    def report():
        shown = server.get(SEARCHES)
        assert shown["searches"] <= searches, "a search was counted twice"
        return shown if shown["searches"] == searches else None
    return wait_until(report, f"{searches} searches counted")


def test_searches_are_counted(own):
    for _ in range(3):
        own.search("where is the mill")
    own.search("  Where is the mill ")
    own.search("a dragon", min_score=1)
    own.post("/search", {"question": "where is the mill"})
    report = counted(own, 6)
    assert list(report) == ["from", "to", "step_seconds", "searches", "without_results", "latency_ms", "top", "unanswered",
                            "buckets"]
    assert report["without_results"] == 1
    assert report["top"] == [{"query": "where is the mill", "searches": 4, "without_results": 0},
                             {"query": "Where is the mill", "searches": 1, "without_results": 0},
                             {"query": "a dragon", "searches": 1, "without_results": 1}]
    assert report["unanswered"] == [{"query": "a dragon", "searches": 1, "without_results": 1}]
    latency = report["latency_ms"]
    assert 0 < latency["p50"] <= latency["p95"] <= latency["p99"] < 60_000
    wait_until(lambda: own.metric("millrace_analytics_records_total", outcome="counted") == 6, "the metric, which follows the store")
    assert own.metric("millrace_analytics_dropped_total") == 0


def test_buckets_cover_the_range(own):
    own.search("mill")
    counted(own, 1)
    now = datetime.datetime.now(datetime.timezone.utc)
    begin = (now - datetime.timedelta(hours=3)).strftime("%Y-%m-%dT%H:%M:%SZ")
    report = own.get(f"{SEARCHES}?from={begin}&step=3600&top=0")
    starts = [bucket["start"] for bucket in report["buckets"]]
    assert len(starts) in (4, 5) and all(start.endswith(":00:00.000Z") for start in starts)
    assert sum(bucket["searches"] for bucket in report["buckets"]) == report["searches"] == 1
    assert [bucket["latency_ms"] is None for bucket in report["buckets"]] == [bucket["searches"] == 0 for bucket in report["buckets"]]
    assert report["top"] == report["unanswered"] == []
    end = (now - datetime.timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert own.get(f"{SEARCHES}?from={begin}&to={end}")["searches"] == 0


def test_nothing_is_lost_or_doubled_by_a_crash(own):
    for number in range(30):
        own.search(f"question {number % 3}")
    counted(own, 30)
    own.kill9()
    own.restart()
    for number in range(3):
        own.search(f"question {number}")
    report = counted(own, 33)
    assert {query["query"]: query["searches"] for query in report["top"]} == {f"question {number}": 11 for number in range(3)}
    own.stop()
    own.restart()
    assert own.get(SEARCHES)["searches"] == 33


@pytest.mark.parametrize("query, pointer", [
    ("from=yesterday", "/from"), ("to=2026-01-15", "/to"), ("step=59", "/step"), ("step=90", "/step"), ("step=1h", "/step"),
    ("top=-1", "/top"), ("top=1001", "/top"), ("from=2026-01-15T10:30:00Z&to=2026-01-15T10:30:00Z", "/from"),
    ("from=2026-01-01T00:00:00Z&to=2026-01-15T00:00:00Z&step=60", "/step"),
])
def test_wrong_questions(server, query, pointer):
    expect_problem(server.request("GET", f"{SEARCHES}?{query}"), 422, pointer)


def test_unknown_parameter(server):
    expect_problem(server.request("GET", f"{SEARCHES}?until=now"), 422)


def test_command(own):
    own.search("where is the mill")
    own.search("a dragon", min_score=1)
    counted(own, 2)
    table = run("analytics", "--server", own.url).stdout
    assert table.startswith("searches  2 in the last 24h, 1 without results\n")
    assert re.search(r"^1 +0 +where is the mill$", table, re.M) and re.search(r"^1 +1 +a dragon$", table, re.M)
    report = json.loads(run("analytics", "--server", own.url, "--since", "30m", "--top", "1", "-o", "json").stdout)
    assert report["searches"] == 2 and report["step_seconds"] == 60 and len(report["top"]) == 1


@pytest.mark.parametrize("since", ["forever", "24", "h", "0h", "-1h", "400d", "99999999999999999999s", ""])
def test_command_refuses_what_is_no_duration(server, since):
    done = run("analytics", "--server", server.url, "--since=" + since, expect=2)
    assert "--since" in done.stderr and len(done.stderr.splitlines()) == 1


def test_the_server_is_there(own):
    status = own.get("/v1/status")
    assert status["instances"] == {"servers": 1, "workers": 0}

    def counted_and_done():
        """Its document may be searchable before the thread that indexed it has said so."""
        instances = own.get("/v1/instances")["instances"]
        assert len(instances) == 1
        rates = instances[0]["rates"]
        done = instances[0]["in_flight"] == 0 and rates["documents_per_second"] > 0 and rates["chunks_per_second"] > 0
        return instances[0] if done else None
    one = wait_until(counted_and_done, "the document being counted")
    assert one["role"] == "server" and one["url"] == own.url
    assert [part["partition"] for part in one["partitions"]] == [0, 1, 2]
    assert one["started_at"] <= one["heartbeat"]
    wait_until(lambda: own.get("/v1/instances")["instances"][0]["heartbeat"] > one["heartbeat"], "a heartbeat")
    own.stop()
    own.restart()
    assert [instance["id"] == one["id"] for instance in own.get("/v1/instances")["instances"]] == [False]
