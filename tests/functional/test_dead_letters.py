"""Retries, dead letters and the poison guard: what fails is tried again, then kept with its reason until somebody repairs it."""

import base64
import contextlib
import json

import pytest
import requests

from serving import expect_problem, run, wait_until

REFUSED = "millracerefusethis"
FAILS_FOR_NOW = "millracefailfornow"
CRASHES = "millracecrashhere"
UPLOADS = "document-uploads"
DEAD = "document-uploads-dlt"


class Faults:
    """The fault of the test model: there while its file is."""

    def __init__(self, path):
        self.path = path
        self.environment = {"MILLRACE_TEST_FAULTS": str(path)}
        self.begin()

    def begin(self):
        self.path.write_text("")

    def end(self):
        self.path.unlink()


@pytest.fixture
def faults(tmp_path):
    return Faults(tmp_path / "faults")


@pytest.fixture
def own(start_server, faults):
    return start_server("--retry-delays", "1s,2s", environment=faults.environment)


@pytest.fixture
def patient(start_server, faults):
    """On a busy machine its first delay may pass before a test goes on; the second is so long that the tries do not end before it does."""
    return start_server("--retry-delays", "1s,20s", environment=faults.environment)


def produce(server, value, topic=UPLOADS, **members):
    if isinstance(value, bytes):
        members["value_base64"] = base64.b64encode(value).decode()
    else:
        members["value"] = value
    return server.post(f"/v1/topics/{topic}/messages", members)


def messages(server, topic):
    return server.get(f"/v1/topics/{topic}/messages?limit=1000")["messages"]


def letters(server, query=""):
    return list(server.pages("/v1/dead-letters" + query, "dead_letters"))


def wait_letters(server, count, query=""):
    wait_until(lambda: len(letters(server, query)) == count, f"{count} dead letters")
    return letters(server, query)


def wait_status(server, document_id, status):
    def there():
        answer = server.request("GET", f"/v1/documents/{document_id}")
        return answer.status_code == 200 and answer.json()["status"] == status and answer.json()
    return wait_until(there, f"document {document_id} being {status}")


def headers_of(message):
    return [(header["name"], header["value"]) for header in message["headers"]]


def dlq(server, *arguments, **options):
    return run("dlq", *arguments, "--server", server.url, **options)


def test_a_bad_message_is_listed_with_its_reason(own):
    for value in ("not json", '{"content":"no id"}', '{"document_id":5}', '{"document_id":99999999999,"content":"x"}', b"\xff\x00"):
        produce(own, value)
    listed = wait_letters(own, 5)
    assert [letter["error"]["code"] for letter in sorted(listed, key=lambda one: one["id"])].count("bad_message") == 4
    assert letters(own, "?code=refused")[0]["error"]["stage"] == "decode"
    assert all(letter["original"]["topic"] == UPLOADS and letter["redrives"] == 0 for letter in listed)
    reasons = own.get("/v1/dead-letters")["reasons"]
    assert [(reason["code"], reason["count"]) for reason in reasons] == [("bad_message", 4), ("refused", 1)]
    binary = next(letter for letter in listed if letter["value_bytes"] == 2)
    message = own.get(f"/v1/dead-letters/{binary['id']}")["message"]
    assert base64.b64decode(message["value"]) == b"\xff\x00" and message["encoding"] == "base64"
    assert own.metric("millrace_dead_letters") == 5
    # Counted and said once it is in the store.
    wait_until(lambda: own.metric("millrace_bad_messages_total") == 5, "the last one being counted")
    for letter in listed:
        place = letter["original"]
        said = f"({UPLOADS}/{place['partition']}@{place['offset']}) failed at decode and is a dead letter"
        wait_until(lambda said=said: said in own.log(), said)
    own.wait_settled()


def test_bad_messages_hold_nobody_up(own):
    for number in range(30):
        produce(own, "bad")
        produce(own, json.dumps({"document_id": 1000 + number, "content": f"Good text {number}."}), key=f"doc_{1000 + number}")
    for number in range(30):
        wait_status(own, 1000 + number, "indexed")
    wait_letters(own, 30)
    own.wait_settled()


def test_a_failing_document_is_tried_again(patient, faults):
    added = patient.add(f"It says {FAILS_FOR_NOW} today.", expect=202, wait=0)
    retrying = wait_status(patient, added["id"], "retrying")
    assert retrying["next_attempt_at"] and retrying["error"]["code"] == "embedding_failed"
    faults.end()
    indexed = wait_status(patient, added["id"], "indexed")
    assert indexed["next_attempt_at"] is None and indexed["error"] is None and indexed["attempts"] >= 2
    assert letters(patient) == []
    patient.wait_settled()
    wait_until(lambda: patient.get("/v1/status")["retries"]["waiting"] == 0, "the retry's offset being committed")


def test_tries_end_with_a_dead_letter_and_a_redrive_repairs_it(own, faults):
    added = own.add(f"It says {FAILS_FOR_NOW} today.", expect=202, wait=0)
    neighbour = own.add("It says nothing special.")
    dead = wait_status(own, added["id"], "dead_lettered")
    assert dead["error"]["stage"] == "embed" and dead["attempts"] == 3
    letter, = letters(own)
    assert (letter["document_id"], letter["version"], letter["attempts"], letter["redriven_at"]) == (added["id"], 1, 3, None)
    assert own.metric("millrace_retries_total", topic="document-uploads-retry-1s") == 1
    # The last one is counted once it is in the store.
    wait_until(lambda: own.metric("millrace_failures_total", **{"class": "transient"}) == 3, "the third failure being counted")

    # Its cause is still there: it comes back.
    own.request("POST", f"/v1/dead-letters/{letter['id']}/redrive", 200)
    back = wait_until(lambda: [one for one in letters(own, "?redriven=false") if one["redrives"] == 1], "the dead letter coming back")
    assert [one["id"] for one in back] == [letter["id"]], "it is the same dead letter"
    wait_until(lambda: len(messages(own, DEAD)) == 2, "both copies on the topic")

    faults.end()
    assert own.post(f"/v1/dead-letters/{letter['id']}/redrive", {}) == {"id": letter["id"], "status": "redriven"}
    wait_status(own, added["id"], "indexed")
    wait_letters(own, 0)
    expect_problem(own.request("GET", f"/v1/dead-letters/{letter['id']}"), 404)
    assert own.document(neighbour["id"])["status"] == "indexed"


def test_copies_keep_key_value_and_user_headers(own, faults):
    value = json.dumps({"document_id": 4711, "content": f"It says {FAILS_FOR_NOW}.", "anything": [1, {"else": None}]}, indent=1)
    place = produce(own, value, key="a key of their own", headers={"trace": "0af7", "empty": "", "ünï": "✓"})
    wait_status(own, 4711, "dead_lettered")
    original, = [message for message in messages(own, UPLOADS) if message["offset"] == place["offset"] and message["partition"] == place["partition"]]
    for topic in ("document-uploads-retry-1s", "document-uploads-retry-2s", DEAD):
        copy, = wait_until(lambda topic=topic: messages(own, topic), topic)
        assert (copy["key"], copy["value"]) == ("a key of their own", value)
        theirs = [header for header in headers_of(copy) if not header[0].startswith("millrace-")]
        assert theirs == headers_of(original)
        ours = [header for header in headers_of(copy) if header[0].startswith("millrace-")]
        assert len(ours) == len(dict(ours)), "none is there twice"
        ours = dict(ours)
        assert (ours["millrace-original-topic"], ours["millrace-original-partition"], ours["millrace-original-offset"]) == (
            UPLOADS, str(place["partition"]), str(place["offset"]))
        assert ours["millrace-error-code"] == "embedding_failed" and ours["millrace-error-class"] == "transient"
    attempts = [dict(headers_of(messages(own, topic)[0]))["millrace-attempt"] for topic in ("document-uploads-retry-1s", "document-uploads-retry-2s", DEAD)]
    assert attempts == ["1", "2", "3"]


def test_no_retry_begins_before_its_time(own):
    added = own.add(f"It says {FAILS_FOR_NOW} today.", expect=202, wait=0)
    wait_status(own, added["id"], "dead_lettered")
    first, = messages(own, "document-uploads-retry-1s")
    second, = messages(own, "document-uploads-retry-2s")
    not_before = int(dict(headers_of(first))["millrace-not-before"])
    failed_again = int(dict(headers_of(second))["millrace-not-before"]) - 2000
    assert failed_again >= not_before, "the second run ended after the first delay"


def test_a_refused_document_is_repaired_by_editing_it(own):
    failing = own.add(f"It says {REFUSED}.", expect=202, wait=0)
    wait_status(own, failing["id"], "dead_lettered")
    letter, = letters(own)
    assert messages(own, "document-uploads-retry-1s") == [], "a permanent failure is not tried again"
    path = f"/v1/dead-letters/{letter['id']}/redrive"
    for value in ("not json", {"document_id": failing["id"]}, {"document_id": failing["id"] + 1, "content": "x"}):
        expect_problem(own.request("POST", path, json={"value": value}), 422)
    expect_problem(own.request("POST", path, json={"value": None}), 422)
    own.post(path, {"value": {"document_id": failing["id"], "title": "Repaired", "content": "It says something nice."}})
    repaired = wait_status(own, failing["id"], "indexed")
    assert (repaired["version"], repaired["title"]) == (2, "Repaired")
    assert own.content(failing["id"]) == "It says something nice."
    wait_letters(own, 0)


def test_an_edited_bad_message_becomes_a_document(own, tmp_path):
    produce(own, "not json")
    letter, = wait_letters(own, 1)
    (tmp_path / "value.json").write_text('{"document_id": 77, "content": "Now it is good."}')
    assert "--value-file" in dlq(own, "edit", letter["id"], stdin="", expect=1, environment={"EDITOR": "", "VISUAL": ""}).stderr
    listed = [json.loads(dlq(own, "list", "-o", "json", *when).stdout) for when in (["--since", "1h"], ["--until", "1h"])]
    assert [[one["id"] for one in found] for found in listed] == [[letter["id"]], []]
    assert "redriven" in dlq(own, "edit", letter["id"], "--value-file", tmp_path / "value.json").stdout
    wait_status(own, 77, "indexed")
    wait_letters(own, 0)


def test_an_older_version_never_overwrites_a_newer_one(own, faults):
    old = own.add(f"Old: {FAILS_FOR_NOW}.", expect=202, wait=0, key="k")
    wait_status(own, old["id"], "dead_lettered")
    letter, = letters(own)
    new = own.add("New text.", key="k")
    assert new["id"] == old["id"] and own.content(old["id"]) == "New text."
    wait_letters(own, 0)
    faults.end()
    expect_problem(own.request("POST", f"/v1/dead-letters/{letter['id']}/redrive"), 404)


def test_a_retry_that_was_overtaken_is_skipped(own, faults):
    old = own.add(f"Old: {FAILS_FOR_NOW}.", expect=202, wait=0, key="k")
    wait_status(own, old["id"], "retrying")
    own.add("New text.", key="k")
    faults.end()
    own.wait_settled()
    wait_until(lambda: own.get("/v1/status")["retries"]["waiting"] == 0, "the retry being read")
    assert own.content(old["id"]) == "New text." and own.document(old["id"])["version"] == 2
    assert letters(own) == []


def test_deleting_takes_the_dead_letter_along(own):
    failing = own.add(f"It says {REFUSED}.", expect=202, wait=0)
    wait_status(own, failing["id"], "dead_lettered")
    own.delete(f"/v1/documents/{failing['id']}")
    assert letters(own) == []


def test_dry_runs_change_nothing(own):
    ids = [own.add(f"Number {n}: {REFUSED}.", expect=202, wait=0)["id"] for n in range(3)]
    wait_letters(own, 3)
    before = wait_until(lambda: all(letter["position"] for letter in letters(own)) and letters(own), "their copies on the topic")
    plan = own.post("/v1/dead-letters/redrive", {"filter": {"code": "embedding_failed"}})
    assert (plan["dry_run"], plan["matched"]) == (True, 3)
    assert [result["result"] for result in plan["results"]] == ["would_redrive"] * 3
    assert sorted(result["document_id"] for result in plan["results"]) == sorted(ids)
    assert [result["id"] for result in plan["results"]] == sorted(letter["id"] for letter in before), "oldest first"
    assert own.post("/v1/dead-letters/redrive", {"filter": {"code": "other"}})["matched"] == 0
    assert own.post("/v1/dead-letters/purge", {"filter": {}}) == {"dry_run": True, "matched": 3, "purged": 0}
    dlq(own, "redrive", "--all")
    dlq(own, "purge", "--all")
    assert letters(own) == before
    for body in ({}, {"ids": []}, {"ids": [1], "filter": {}}, {"ids": ["1"]}, {"filter": {"code": 5}}, {"filter": {}, "other": 1}):
        expect_problem(own.request("POST", "/v1/dead-letters/redrive", json=body), 422)


def test_redriving_many_and_purging(own, faults):
    documents = [own.add(f"Number {n}: {FAILS_FOR_NOW}.", expect=202, wait=0)["id"] for n in range(6)]
    refused = own.add(f"It says {REFUSED}.", expect=202, wait=0)["id"]
    wait_letters(own, 7)
    faults.end()
    answer = own.post("/v1/dead-letters/redrive", {"filter": {}, "limit": 2, "dry_run": False})
    assert len(answer["results"]) == 2 and answer["next_cursor"]
    done = dlq(own, "redrive", "--all", "--execute", "--rate", "50/s", "-o", "jsonl").stdout
    assert {json.loads(line)["result"] for line in done.splitlines()} == {"redriven"}
    for document in documents:
        wait_status(own, document, "indexed")
    last, = wait_until(lambda: [one for one in letters(own, "?redriven=false") if one["document_id"] == refused], "the refused one coming back")
    assert last["redrives"] >= 1 and len(letters(own)) == 1
    assert own.post("/v1/dead-letters/purge", {"ids": [last["id"]], "dry_run": False})["purged"] == 1
    assert letters(own) == [] and own.document(refused)["status"] == "dead_lettered"
    assert [message for message in messages(own, DEAD) if str(refused) in message["key"]], "the topic keeps them"
    assert dlq(own, "purge", "--ids", last["id"], "--execute", expect=3).stdout


def test_export_and_show(own):
    produce(own, "bad one", key="k", headers={"a": "b"})
    failing = own.add(f"It says {REFUSED}.", expect=202, wait=0)
    wait_letters(own, 2)
    wait_until(lambda: all(letter["position"] for letter in letters(own)), "their copies on the topic")
    lines = own.request("GET", "/v1/dead-letters/export", 200).text.splitlines()
    exported = [json.loads(line) for line in lines]
    assert [one["id"] for one in exported] == [one["id"] for one in letters(own)]
    bad = next(one for one in exported if one["document_id"] is None)
    assert bad["message"]["value"] == "bad one" and bad["message"]["headers"] == [{"name": "a", "value": "b"}]
    assert own.get(f"/v1/dead-letters/{bad['id']}") == bad
    assert [json.loads(line) for line in dlq(own, "export").stdout.splitlines()] == exported
    shown = dlq(own, "show", bad["id"]).stdout
    assert "bad_message at decode" in shown and "header     a=b" in shown and "bad one" in shown
    table = dlq(own, "list").stdout
    assert "embedding_failed" in table and str(failing["id"]) in table
    assert dlq(own, "show", 4711, expect=3).stdout == ""
    assert "which ones?" in dlq(own, "redrive", "--execute", expect=2).stderr


def test_a_canary_that_comes_back_stops_the_rest(own):
    for number in range(8):
        own.add(f"Number {number}: {REFUSED}.", expect=202, wait=0)
    wait_letters(own, 8)
    stopped = dlq(own, "redrive", "--all", "--execute", "--canary", 2, expect=4)
    assert "came back" in stopped.stderr and "6 were not sent" in stopped.stderr
    assert sorted(one["redrives"] for one in letters(own)) == [0] * 6 + [1] * 2


def test_canaries_that_succeed_let_the_rest_through(own, faults):
    documents = [own.add(f"Number {n}: {FAILS_FOR_NOW}.", expect=202, wait=0)["id"] for n in range(8)]
    wait_letters(own, 8)
    faults.end()
    dlq(own, "redrive", "--code", "embedding_failed", "--execute", "--canary", 2)
    for document in documents:
        wait_status(own, document, "indexed")
    wait_letters(own, 0)


def test_a_document_that_kills_the_process_is_quarantined(start_server, faults):
    """Its neighbours of the same batch are indexed, and it itself dies alone twice before it is given up."""
    faults.end()
    own = start_server("--retry-delays", "1s", environment=faults.environment)
    faults.begin()
    texts = [f"Neighbour number {n}." for n in range(20)]
    texts[10] = f"It says {CRASHES}."
    lines = "".join(json.dumps({"content": text, "key": f"n{n}"}) + "\n" for n, text in enumerate(texts))
    with contextlib.suppress(requests.RequestException):  # it may die while it answers, in the middle of the body too
        own.request("POST", "/v1/documents/bulk", data=lines.encode(), headers={"Content-Type": "application/x-ndjson"})
    deaths = 0
    while deaths < 10:
        wait_until(lambda: not own.running() or settled(own), "a crash or its end")
        if own.running():
            break
        assert own.process.returncode == 134
        deaths += 1
        own.spawn()
        wait_until(lambda: not own.running() or is_ready(own), "a start")
    assert deaths == 3, "once among others, then twice alone"
    documents = {document["key"]: document for document in own.documents()}
    culprit = documents.pop("n10")
    assert culprit["status"] == "dead_lettered"
    assert len(documents) == 19 and {document["status"] for document in documents.values()} == {"indexed"}
    letter, = letters(own)
    assert letter["error"]["code"] == "crashes_worker" and letter["document_id"] == culprit["id"]


def is_ready(server):
    try:
        return server.request("GET", "/readyz").status_code == 200
    except OSError:
        return False


def settled(server):
    try:
        documents = server.documents()
    except OSError:
        return False
    return documents and all(document["status"] in ("indexed", "dead_lettered") for document in documents)


def test_a_clean_stop_is_no_crash(start_server, faults):
    """However often a server is stopped while it works on a document, the document is not to blame."""
    own = start_server("--retry-delays", "1s", environment=faults.environment)
    added = own.add("A long text. " * 300_000, expect=202, wait=0)
    for _ in range(3):
        wait_until(lambda: own.document(added["id"])["status"] in ("processing", "indexed"), "its beginning")
        own.stop()
        own.restart()
    own.wait_indexed(added["id"])
    assert letters(own) == []


def test_retries_survive_kill_9(patient, faults):
    added = patient.add(f"It says {FAILS_FOR_NOW} today.", expect=202, wait=0)
    produce(patient, "bad")
    wait_status(patient, added["id"], "retrying")
    wait_letters(patient, 1)
    patient.kill9()
    faults.end()
    patient.restart()
    wait_status(patient, added["id"], "indexed")
    assert len(letters(patient)) == 1


def test_without_retry_topics_the_first_failure_is_the_last(start_server, faults):
    own = start_server("--retry-delays", "", environment=faults.environment)
    added = own.add(f"It says {FAILS_FOR_NOW}.", expect=202, wait=0)
    assert wait_status(own, added["id"], "dead_lettered")["attempts"] == 1
    names = [topic["name"] for topic in own.get("/v1/topics")["topics"]]
    assert not [name for name in names if "-retry-" in name] and DEAD in names
    config = own.get(f"/v1/topics/{DEAD}")["config"]
    assert config["retention.ms"] == "-1"


@pytest.mark.parametrize("delays", ["5", "5s,5s", "0s", "25h", "1s,2s,3s,4s,5s,6s,7s,8s,9s"])
def test_wrong_delays_are_refused_at_start(delays, tmp_path):
    done = run("serve", "--embedded", "--data", tmp_path, "--retry-delays", delays, expect=2)
    assert "--retry-delays" in done.stderr and "such as 5s,1m,10m" in done.stderr
