"""Deletes with a receipt: what was there, what is left, and what the log still holds."""

import json
import sqlite3

import pytest

from serving import expect_problem, run

ROWS = {"documents", "contents", "chunks", "outbox", "dead_letters", "answers"}


def left(receipt):
    return sum(count["left"] for count in [*receipt["store"].values(), receipt["index"]])


@pytest.mark.parametrize("path, name", [("/documents/{}?verify=true", "document_id"), ("/v1/documents/{}?verify=true", "id")])
def test_receipt(server, path, name):
    document = server.add("One sentence to be forgotten. And another one.")
    server.wait_settled()
    position, chunks = server.document(document["id"])["position"], len(server.chunks(document["id"]))
    receipt = server.delete(path.format(document["id"]))
    assert receipt[name] == document["id"] and receipt["status"] == "deleted"
    assert receipt["verified"] is True and receipt["already_deleted"] is False
    assert set(receipt["store"]) == ROWS and left(receipt) == 0
    assert receipt["store"]["chunks"]["found"] == chunks
    assert receipt["store"]["documents"]["found"] > 0 and receipt["store"]["contents"]["found"] == 1
    assert receipt["index"]["found"] == 1 and receipt["cache"] is None
    [instance] = receipt["instances"]
    assert instance["state"] == "confirmed" and instance["role"] == "server" and instance["url"] == server.url
    [record] = receipt["log"]
    assert {key: record[key] for key in ("topic", "partition", "offset")} == position
    assert record["kept_until"] > receipt["checked_at"] and record["for_ever"] is False  # a day in embedded mode
    server.request("GET", f"/v1/documents/{document['id']}", 404)


def test_once_more(server):
    document = server.add("Deleted twice.")["id"]
    assert server.delete(f"/v1/documents/{document}") == {"id": document, "status": "deleted"}
    for _ in range(2):
        receipt = server.delete(f"/v1/documents/{document}?verify=true")
        assert receipt["already_deleted"] and receipt["verified"]
        assert all(count == {"found": 0, "left": 0} for count in receipt["store"].values())
        assert receipt["index"] == {"found": 0, "left": 0} and len(receipt["log"]) == 1
    server.request("DELETE", f"/v1/documents/{document}", 404)
    for path in ("/documents/987654321", "/v1/documents/987654321"):
        expect_problem(server.request("DELETE", path + "?verify=true"), 404)


def test_a_dead_letter_stays_in_the_log_for_ever(start_server):
    server = start_server()
    document = server.post("/v1/documents", {"content": "millracerefusethis"}, 202)["id"]
    server.wait_settled()
    receipt = server.delete(f"/v1/documents/{document}?verify=true")
    assert receipt["verified"] and receipt["store"]["dead_letters"] == {"found": 1, "left": 0}
    kept = {record["topic"]: (record["for_ever"], record["kept_until"] is None) for record in receipt["log"]}
    assert kept == {"document-uploads": (False, False), "document-uploads-dlt": (True, True)}


def test_what_was_left_is_told(start_server):
    """Rows that a delete should have removed: put back behind its back."""
    server = start_server()
    document = server.add("Something stays.")["id"]
    server.delete(f"/v1/documents/{document}")
    server.wait_settled()
    with sqlite3.connect(server.data / "millrace.db", timeout=30) as database:
        database.execute("INSERT INTO document_contents(document_id, version, part, sha256, data) VALUES (?, 1, 0, '', 'x')", (document,))
    receipt = server.delete(f"/v1/documents/{document}?verify=true")
    assert receipt["verified"] is False and receipt["store"]["contents"] == {"found": 1, "left": 1}
    done = run("documents", "delete", document, "--verify", "--server", server.url, expect=1)
    assert "NOT verified" in done.stdout and "store contents" in done.stdout


@pytest.mark.parametrize("query, pointer", [("verify=perhaps", "/verify"), ("timeout=3", "/timeout"), ("verify=true&timeout=-1", "/timeout"),
                                            ("verify=true&timeout=61", "/timeout"), ("verify=true&timeout=x", "/timeout")])
def test_wrong_queries(server, query, pointer):
    document = server.add("Not deleted by mistake.")["id"]
    expect_problem(server.request("DELETE", f"/v1/documents/{document}?{query}"), 422, pointer)
    server.document(document)


def test_command_line(server):
    documents = [server.add(f"Document {i}.")["id"] for i in range(2)]
    done = run("documents", "delete", documents[0], "--verify", "--server", server.url)
    assert f"document {documents[0]}: deleted, verified" in done.stdout
    assert "store chunks" in done.stdout and "confirmed" in done.stdout and "document-uploads" in done.stdout
    [receipt] = json.loads(run("documents", "delete", documents[1], "--verify", "-o", "json", "--server", server.url).stdout)
    assert receipt["verified"] is True
    run("documents", "delete", 987654321, "--verify", "--server", server.url, expect=3)
