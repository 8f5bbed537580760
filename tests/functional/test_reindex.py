"""Documents indexed again from the store: the old state answers until the new one takes its place."""

import json
import signal
import subprocess

import pytest

from serving import BINARY, expect_problem, run, wait_until

FAILS_FOR_NOW = "millracefailfornow"


@pytest.fixture
def own(start_server):
    return start_server()


def reindex(server, *arguments, **options):
    return run("reindex", *arguments, "--server", server.url, **options)


def ask(server, **body):
    return server.post("/v1/reindex", body)


def wait_version(server, document_id, version):
    def there():
        document = server.document(document_id)
        return document["indexed_version"] == version and document["status"] == "indexed" and document["searchable"]
    wait_until(there, f"version {version} of document {document_id}")


def events_of(server, document_id):
    messages = server.get("/v1/topics/document-events/messages?limit=1000")["messages"]
    values = [message["value"] if isinstance(message["value"], dict) else json.loads(message["value"]) for message in messages]
    return [value for value in values if value["document_id"] == document_id]


def test_all_documents_pass_again_and_answer(own):
    ids = [own.add(f"The mill number {number} grinds barley.", key=f"mill/{number}")["id"] for number in range(5)]
    before = {id: [chunk["id"] for chunk in own.chunks(id)] for id in ids}
    assert "5 documents would be" in reindex(own, "--dry-run").stdout
    assert own.document(ids[0])["version"] == 1
    assert "5 documents queued" in reindex(own).stdout
    for id in ids:
        wait_version(own, id, 2)
        assert not set(before[id]) & {chunk["id"] for chunk in own.chunks(id)}
        assert own.content(id) == f"The mill number {ids.index(id)} grinds barley."
        wait_until(lambda: events_of(own, id)[-1]["revision"] == 1, f"the event of document {id}'s second pass")  # the relay's to deliver
    own.wait_settled()
    hits = own.search("mill number 3 grinds barley", top_k=10)
    assert sorted(hit["document"]["id"] for hit in hits) == ids
    assert own.add("The mill number 0 grinds barley.", key="mill/0")["result"] == "unchanged"


def test_a_filter_and_single_documents(own):
    a = own.add("One.", key="a/1")["id"]
    b = own.add("Two.", key="b/1")["id"]
    c = own.add("Three.")["id"]
    assert ask(own, filter={"key_prefix": "a/"}, dry_run=False)["queued"] == [a]
    wait_version(own, a, 2)
    assert ask(own, ids=[c, 999])["matched"] == 1
    reindex(own, "--document", f"{b},999", expect=4)
    wait_version(own, b, 2)
    reindex(own, "--document", "999", expect=3)
    assert own.post(f"/v1/documents/{c}/reindex", None, 202) == {"id": c, "version": 2, "status": "queued"}
    wait_version(own, c, 2)
    own.delete(f"/v1/documents/{c}")
    expect_problem(own.request("POST", f"/v1/documents/{c}/reindex"), 404)
    assert [own.document(id)["version"] for id in (a, b)] == [2, 2]


def english(condition="en"):
    return {"field": "metadata.lang", "equals": condition}


def test_a_condition_on_the_metadata(own):
    ids = {name: own.post("/v1/documents?wait=30", {"content": f"In {name}.", "key": name, "metadata": {"lang": name[:2], "tags": [name[-1]]}})["id"]
           for name in ("en/a", "en/b", "de/a", "fr/b")}
    assert ask(own, filter={"where": english()})["matched"] == 2
    assert ask(own, filter={"where": english("it")}, dry_run=False) == {"dry_run": False, "matched": 0, "queued": [], "next_cursor": None}
    either = {"any": [english("de"), {"field": "metadata.tags", "equals": "b"}]}
    first = ask(own, filter={"where": either}, dry_run=False, limit=2)
    assert first["queued"] == [ids["fr/b"], ids["de/a"]]
    rest = ask(own, filter={"where": either}, dry_run=False, limit=2, cursor=first["next_cursor"])
    assert rest["queued"] == [ids["en/b"]] and rest["next_cursor"] is None
    own.wait_settled()
    assert {name: own.document(id)["version"] for name, id in ids.items()} == {"en/a": 1, "en/b": 2, "de/a": 2, "fr/b": 2}
    assert "1 documents queued" in reindex(own, "--filter", json.dumps(english()), "--key-prefix", "en/a").stdout
    wait_version(own, ids["en/a"], 2)
    assert ask(own, filter={"where": english(), "status": "any_failed"})["matched"] == 0


def test_a_condition_that_is_none(own):
    answer = expect_problem(own.request("POST", "/v1/reindex", json={"filter": {"where": {"field": "metadata.lang", "equal": "en"}}}), 422)
    assert answer["errors"][0]["pointer"].startswith("/filter/where"), answer
    expect_problem(own.request("POST", "/v1/reindex", json={"filter": {"where": "lang"}}), 422)
    assert "--filter" in reindex(own, "--filter", "{", expect=2).stderr
    reindex(own, "--filter", "{}", "--document", "1", expect=2)


def test_what_failed_is_tried_again(start_server, tmp_path):
    faults = tmp_path / "faults"
    faults.write_text("")
    server = start_server("--retry-delays", "1s", environment={"MILLRACE_TEST_FAULTS": str(faults)})
    good = server.add("A good one.")["id"]
    bad = server.post("/v1/documents", {"content": f"It says {FAILS_FOR_NOW}."}, 202)["id"]
    wait_until(lambda: server.document(bad)["status"] == "dead_lettered", "a dead letter")
    faults.unlink()
    answer = json.loads(reindex(server, "--failed", "-o", "json").stdout)
    assert answer == {"dry_run": False, "matched": 1, "queued": 1, "next_cursor": None}
    wait_version(server, bad, 1)
    assert server.get("/v1/dead-letters")["dead_letters"] == []
    assert server.document(good)["version"] == 1


def test_batches_go_on_at_their_cursor(own):
    ids = [own.add(f"Number {number}.")["id"] for number in range(5)]
    first = ask(own, filter={}, dry_run=False, limit=2)
    assert first["queued"] == [ids[4], ids[3]]
    stopped = ask(own, filter={}, dry_run=True, cursor=first["next_cursor"])
    assert stopped["matched"] == 3
    assert "3 documents queued" in reindex(own, "--cursor", first["next_cursor"]).stdout
    for id in ids:
        wait_version(own, id, 2)


def test_ctrl_c_says_where_to_go_on(own):
    ids = [own.add(f"Number {number}.")["id"] for number in range(20)]
    process = subprocess.Popen([BINARY, "reindex", "--rate", "1", "--server", own.url], text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_until(lambda: own.document(ids[-1])["version"] == 2, "the first batch")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 4, err
    cursor = err.strip().rsplit(" ", 1)[1]
    assert "documents queued" in out
    reindex(own, "--cursor", cursor)
    for id in ids:
        wait_version(own, id, 2)


def test_a_crash_leaves_the_old_state_and_finishes_later(own):
    documents = [{"content": f"The wheel number {number} turns.", "key": str(number)} for number in range(200)]
    ids = [line["document_id"] for line in own.bulk(documents)]
    own.wait_settled()
    reindex(own)
    own.kill9()
    own.restart()
    hits = own.search("The wheel number 7 turns.", top_k=200)
    assert sorted(hit["document"]["id"] for hit in hits) == ids
    own.wait_settled()
    for id in ids:
        wait_version(own, id, 2)
    assert sorted(hit["document"]["id"] for hit in own.search("The wheel number 7 turns.", top_k=200)) == ids


def test_a_document_that_now_fails_keeps_its_old_chunks(start_server, tmp_path):
    faults = tmp_path / "faults"
    server = start_server("--retry-delays", "1s", environment={"MILLRACE_TEST_FAULTS": str(faults)})
    id = server.add(f"It says {FAILS_FOR_NOW}.")["id"]
    faults.write_text("")
    reindex(server)
    wait_until(lambda: server.document(id)["status"] == "dead_lettered", "a dead letter")
    assert server.document(id)["indexed_version"] == 1
    assert [hit["document"]["id"] for hit in server.search("what does it say")] == [id]
    faults.unlink()
    reindex(server, "--failed")
    wait_version(server, id, 2)


@pytest.mark.parametrize("body,field", [
    ({}, "ids"), ({"ids": [], "dry_run": False}, "ids"), ({"ids": [1], "filter": {}}, "ids"),
    ({"filter": {"status": "queued"}}, "status"), ({"filter": {"nothing": 1}}, "nothing"),
    ({"filter": {}, "cursor": "x"}, "cursor"), ({"filter": {}, "limit": 0}, "limit"),
])
def test_bad_requests_name_the_field(server, body, field):
    problem = expect_problem(server.request("POST", "/v1/reindex", json=body), 422)
    assert field in json.dumps(problem)


def test_usage(server):
    reindex(server, "--document", "1", "--failed", expect=2)
    reindex(server, "--status", "queued", expect=2)
    assert "--cursor" in run("reindex", "--help").stdout
