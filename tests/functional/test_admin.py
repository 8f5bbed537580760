"""What an operator looks at: liveness, readiness, metrics, the pipeline's state, settings."""

import math
import re

import pytest

from serving import Starter, expect_problem, wait_until
from texts import text

SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)')
STATUSES = ["queued", "processing", "retrying", "indexed", "failed", "dead_lettered", "superseded", "deleted"]


def parse_metrics(exposition):
    """Strict reader of the text format 0.0.4: {name: (type, [(sample name, labels, value)])}."""
    families, name = {}, None
    assert exposition.endswith("\n")
    for line in exposition.splitlines():
        if line.startswith("# HELP "):
            name = line.split(" ", 3)[2]
            assert name not in families, f"{name} comes in two places"
            families[name] = [None, []]
        elif line.startswith("# TYPE "):
            _, _, typed, kind = line.split(" ")
            assert typed == name and kind in ("counter", "gauge", "histogram", "summary", "untyped")
            families[name][0] = kind
        else:
            found = SAMPLE.fullmatch(line)
            assert found, line
            sample, labels, value = found.groups()
            pairs = LABEL.findall(labels or "")
            assert ",".join(f'{label}="{value}"' for label, value in pairs) == (labels or ""), line
            assert len(dict(pairs)) == len(pairs), line
            suffixes = ("_bucket", "_sum", "_count") if families[name][0] == "histogram" else ("",)
            assert sample in [name + suffix for suffix in suffixes], f"{sample} in the family {name}"
            families[name][1].append((sample, dict(pairs), float(value)))
    return families


def check_histogram(name, samples):
    series = {}
    for sample, labels, value in samples:
        others = tuple(sorted((label, content) for label, content in labels.items() if label != "le"))
        one = series.setdefault(others, {"buckets": []})
        if sample == name + "_bucket":
            one["buckets"].append((float(labels["le"]), value))
        else:
            one[sample] = value
    for one in series.values():
        bounds = [bound for bound, _ in one["buckets"]]
        counts = [count for _, count in one["buckets"]]
        assert bounds == sorted(bounds) and bounds[-1] == math.inf, name
        assert counts == sorted(counts) and counts[-1] == one[name + "_count"], name
        assert one[name + "_sum"] >= 0


@pytest.fixture(scope="module")
def used(tmp_path_factory):
    """A server with some of everything behind it."""
    starter = Starter(tmp_path_factory.mktemp("admin"))
    server = starter()
    server.bulk([{"content": text(n)} for n in range(20)], wait=60)
    server.add("millracerefusethis")
    server.delete(f"/v1/documents/{server.add('Soon deleted.')['id']}")
    server.search("river")
    server.request("GET", "/nowhere", 404)
    server.wait_settled()
    yield server
    starter.stop_all()


def test_alive_and_ready(used):
    assert used.get("/livez") == {"status": "ok"}
    assert used.get("/readyz") == {"status": "ready"}


def test_metrics_are_well_formed(used):
    answer = used.request("GET", "/metrics", 200)
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    for name, (kind, samples) in parse_metrics(answer.text).items():
        assert re.match(r"millrace_|process_", name)
        assert kind is not None
        if kind == "counter":
            assert name.endswith("_total") and all(value >= 0 for _, _, value in samples)
        if kind == "histogram":
            assert name.endswith("_seconds") and samples
            check_histogram(name, samples)


@pytest.mark.parametrize("name, kind", [
    ("millrace_documents", "gauge"),
    ("millrace_outbox_rows", "gauge"),
    ("millrace_in_flight_documents", "gauge"),
    ("millrace_consumer_lag", "gauge"),
    ("millrace_chunks_indexed_total", "counter"),
    ("millrace_embedded_tokens_total", "counter"),
    ("millrace_embed_seconds", "histogram"),
    ("millrace_search_seconds", "histogram"),
    ("millrace_http_request_seconds", "histogram"),
    ("process_resident_memory_bytes", "gauge"),
])
def test_metric_is_there(used, name, kind):
    families = parse_metrics(used.request("GET", "/metrics", 200).text)
    assert families[name][0] == kind and families[name][1]


def test_metrics_agree_with_what_happened(used):
    assert used.metric("millrace_documents", status="indexed") == 20
    assert used.metric("millrace_documents", status="dead_lettered") == 1
    assert used.metric("millrace_documents", status="deleted") == 1
    wait_until(lambda: used.metric("millrace_outbox_rows") == 0, "the relay's next look at the outbox, which is a second apart")
    assert used.metric("millrace_consumer_lag") == 0
    status = used.get("/v1/status")
    assert used.metric("millrace_index_chunks") == status["index"]["chunks"] == status["chunks"]
    assert used.metric("millrace_embedded_tokens_total") > used.metric("millrace_chunks_indexed_total") >= status["chunks"]
    assert used.metric("millrace_search_seconds_count") == 1
    assert used.metric("process_resident_memory_bytes") > 10 << 20
    assert used.metric("millrace_http_requests_total", route="unmatched", status="404") == 1


def test_labels_stay_few_whatever_clients_send(used):
    for number in range(50):
        used.request("GET", f"/nowhere/{number}")
        used.request("GET", f"/v1/documents/{10**6 + number}")
        used.request(f"METHOD{number}", "/v1/documents")
    exposition = used.request("GET", "/metrics", 200).text
    assert "METHOD" not in exposition and "/nowhere/" not in exposition and str(10**6 + 7) not in exposition


def test_status(used):
    status = used.get("/v1/status")
    assert list(status) == ["mode", "model", "documents", "chunks", "index", "outbox", "in_flight", "lag", "retries", "dead_letters", "rates", "seconds_left",
                            "instances"]
    assert status["instances"] == {"servers": 1, "workers": 0}
    assert status["mode"] == "embedded" and isinstance(status["model"], str)
    assert list(status["documents"]) == STATUSES
    assert status["documents"] == dict.fromkeys(STATUSES, 0) | {"indexed": 20, "dead_lettered": 1, "deleted": 1}
    assert status["index"]["documents"] == 20 and status["index"]["bytes"] > 0
    assert status["outbox"] == {"rows": 0, "oldest_seconds": None}
    assert status["in_flight"] == 0
    assert list(status["rates"]) == ["documents_per_second", "chunks_per_second", "tokens_per_second"]
    assert status["lag"]["total"] == 0
    assert status["retries"] == {"waiting": 0, "topics": [{"topic": f"document-uploads-retry-{delay}", "waiting": 0} for delay in ("10m", "1m", "5s")]}
    assert status["dead_letters"] == 1
    partitions = status["lag"]["partitions"]
    assert [(one["topic"], one["partition"]) for one in partitions] == [("document-uploads", n) for n in range(3)]
    for one in partitions:
        assert list(one) == ["topic", "partition", "low", "high", "committed", "lag"]
        assert one["low"] <= one["high"] and one["lag"] == 0
        assert one["committed"] is None or one["committed"] == one["high"]
    assert sum(one["high"] for one in partitions) == 22


def test_history_begins_with_the_server(used):
    def later():
        history = used.get("/v1/status/history")
        return history if history["published"][-1:] == [22] else None
    history = wait_until(later, "a sample of what is done")
    columns = ["at", "published", "committed", "lag", "waiting", "documents_per_second", "chunks_per_second"]
    assert list(history) == ["from", "to", "step_seconds", *columns]
    assert {len(history[column]) for column in columns} == {len(history["at"])}
    times = [history["from"], *history["at"], history["to"]]
    assert times == sorted(times) and len(set(times)) == len(times) and history["step_seconds"] == 10
    assert history["published"][0] == 0, "the first was taken before anything came"
    assert [history[column][-1] for column in ("committed", "lag", "waiting")] == [22, 0, 0]
    assert all(rate >= 0 for column in columns[-2:] for rate in history[column])


@pytest.mark.parametrize("minutes", ["0", "361", "1.5", "hour", ""])
def test_history_of_a_wrong_span(used, minutes):
    expect_problem(used.request("GET", f"/v1/status/history?minutes={minutes}"), 422, "/minutes")


def test_version(used):
    version = used.get("/v1/version")
    assert list(version) == ["version", "model", "mode"]
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", version["version"]) and version["mode"] == "embedded"


def test_config_shows_where_settings_come_from(start_server, tmp_path):
    keys = tmp_path / "keys"
    keys.write_text("topsecretkey admin\n")
    file = tmp_path / "millrace.toml"
    file.write_text('http_workers = 7\nlog_level = "warning"\n')
    server = start_server("--config", str(file), "--api-keys", str(keys), "--max-connections", "77",
                          environment={"MILLRACE_HTTP_WORKERS": "8", "MILLRACE_MAX_CONNECTIONS": "66"})
    server.headers = {"Authorization": "Bearer topsecretkey"}
    answer = server.request("GET", "/v1/config", 200)
    assert "topsecretkey" not in answer.text
    settings = {setting["name"]: (str(setting["value"]), setting["source"]) for setting in answer.json()["settings"]}
    assert settings["listen"] == (f"127.0.0.1:{server.port}", "flag")
    assert settings["max_connections"] == ("77", "flag")
    assert settings["http_workers"] == ("8", "environment")
    assert settings["log_level"] == ("warning", "file")
    assert settings["drain_seconds"] == ("20", "default")


def test_wrong_settings_are_all_said_at_once(start_server, tmp_path):
    file = tmp_path / "millrace.toml"
    file.write_text('colour = "red"\nhttp_workers = "many"\n')
    server = start_server.make("--config", str(file), "--max-connections", "0", environment={"MILLRACE_LOG_LEVEL": "loud"})
    assert server.spawn().process.wait(60) == 2
    for name in ("colour", "http_workers", "max-connections", "MILLRACE_LOG_LEVEL"):
        assert name in server.log()


def test_unknown_flag_is_refused(start_server):
    server = start_server.make("--colour", "red")
    assert server.spawn().process.wait(60) == 2
    assert "--colour" in server.log() and len(server.log().splitlines()) == 1


@pytest.mark.parametrize("environment", [{"MYSQL_HOST": "db"}, {"KAFKA_BOOTSTRAP_SERVERS": "kafka:9093"},
                                         {"MYSQL_HOST": "db", "KAFKA_BOOTSTRAP_SERVERS": "kafka:9093"}])
def test_embedded_ignores_the_cluster_variables(start_server, environment):
    assert start_server(environment=environment).get("/health")["mode"] == "embedded"


def test_ephemeral_leaves_nothing_behind(start_server):
    server = start_server("--ephemeral")
    document = server.add("Kept in memory alone.", key="here")
    assert server.search("Kept in memory alone.")[0]["document"]["key"] == "here"
    assert server.post("/documents?async_mode=true", {"title": "t", "content": "Later."})["status"] == "accepted"
    server.wait_settled()
    server.delete(f"/v1/documents/{document['id']}")
    server.stop()
    assert not server.data.exists()
    server.restart()
    assert server.documents() == []


def test_unknown_query_parameter(used):
    expect_problem(used.request("GET", "/v1/status?verbose=1"), 422)


def test_request_ids(used):
    given = used.request("GET", "/livez", headers={"X-Request-Id": "my-id.7"})
    assert given.headers["X-Request-Id"] == "my-id.7"
    made = {used.request("GET", "/livez", headers={"X-Request-Id": "not harmless"}).headers["X-Request-Id"] for _ in range(3)}
    assert len(made) == 3
