"""Idempotency-Key: a request repeated with its key is carried out once, whatever dies in between."""

import concurrent.futures
import contextlib
import json
import random
import sqlite3
import threading
import time

import pytest
import requests

from serving import expect_problem, wait_until

FIRST, OTHER = {"title": "A title", "content": "One sentence. And another one."}, {"title": "A title", "content": "Something else."}


def keyed(key, **headers):
    return {"Idempotency-Key": key} | headers


def post(server, path, body, key, **more):
    return server.request("POST", path, json=body, headers=keyed(key), **more)


def same(first, again):
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    for part in ("status_code", "content"):
        assert getattr(first, part) == getattr(again, part)
    for name in ("Content-Type", "Location"):
        assert first.headers.get(name) == again.headers.get(name)


@contextlib.contextmanager
def rows(server):
    """The database of a server that does not run."""
    connection = sqlite3.connect(server.data / "millrace.db")
    with connection:
        yield connection
    connection.close()


def cut_off(server):
    """As a kill between accepting and answering leaves it: what was accepted is noted, an answer is not."""
    server.kill9()
    with rows(server) as database:
        changed = database.execute("UPDATE keyed_requests SET owner = 'dead', status = NULL, content_type = NULL, location = NULL, body = NULL").rowcount
    assert changed == 1
    server.restart()


@pytest.mark.parametrize("path", ["/documents", "/documents?async_mode=true", "/v1/documents", "/v1/documents?wait=30"])
def test_the_first_answer_again(start_server, path):
    server = start_server()
    first = post(server, path, FIRST, "a key")
    assert first.status_code in (200, 202)
    same(first, post(server, path, FIRST, "a key"))
    server.stop()
    server.restart()
    same(first, post(server, path, FIRST, "a key"))
    assert len(server.documents()) == 1
    assert server.metric("millrace_requests_replayed_total") == 1


def test_without_a_key_each_counts(start_server):
    server = start_server()
    answers = [server.request("POST", "/documents?async_mode=true", 200, json=FIRST) for _ in range(2)]
    assert all("Idempotency-Replayed" not in answer.headers for answer in answers)
    assert len(server.documents()) == 2


def test_bulk_and_delete(start_server):
    server = start_server()
    lines = "".join(json.dumps(FIRST | {"key": f"k{i}"}) + "\n" for i in range(300)) + '{"content": ""}\n'
    send = lambda: server.request("POST", "/v1/documents/bulk", 200, data=lines, headers=keyed("bulk", **{"Content-Type": "application/x-ndjson"}))
    first = send()
    same(first, send())
    assert len(server.documents()) == 300
    document = json.loads(first.text.splitlines()[0])["document_id"]
    server.wait_settled()
    delete = lambda: server.request("DELETE", f"/v1/documents/{document}", 200, headers=keyed("delete"))
    same(delete(), delete())
    server.request("DELETE", f"/v1/documents/{document}", 404)


def test_other_writes(start_server):
    server = start_server()
    topic = lambda: post(server, "/v1/topics", {"name": "mine"}, "topic")
    same(topic(), topic())
    expect_problem(server.request("POST", "/v1/topics", json={"name": "mine"}), 409)
    purge = lambda: post(server, "/v1/dead-letters/purge", {"ids": [1]}, "purge")
    same(purge(), purge())


@pytest.mark.parametrize("path, body", [("/documents?async_mode=true", OTHER), ("/documents", FIRST), ("/v1/documents", FIRST)])
def test_another_request_under_the_key(server, path, body):
    key = f"taken {random.random()}"
    post(server, "/documents?async_mode=true", FIRST, key, expect=200)
    problem = expect_problem(post(server, path, body, key), 409)
    assert "Idempotency-Key" in problem["detail"]


@pytest.mark.parametrize("key", ["", "k" * 256, "tab\there", "caf\u00e9".encode("latin-1")])
def test_wrong_keys(server, key):
    problem = expect_problem(post(server, "/documents", FIRST, key), 400)
    assert "Idempotency-Key" in problem["detail"]


def test_longest_key_and_reads(server):
    post(server, "/documents?async_mode=true", FIRST, "k" * 255, expect=200)
    assert server.request("GET", "/v1/documents", 200, headers=keyed("k" * 300))
    assert server.request("POST", "/search", 200, json={"question": "x"}, headers=keyed("k" * 300))


def test_a_refusal_is_not_kept(start_server):
    server = start_server()
    post(server, "/v1/documents", {"content": ""}, "k", expect=422)
    post(server, "/v1/documents", FIRST, "k", expect=202)  # mended, under the same key
    assert len(server.documents()) == 1


def test_a_failure_after_the_accept_makes_no_second_document(start_server):
    """The document is there and has failed: a repeated request runs it again."""
    server = start_server()
    body = {"title": "t", "content": "millracerefusethis"}
    for _ in range(3):
        answer = post(server, "/documents", body, "k")
        assert answer.status_code == 500 and "Idempotency-Replayed" not in answer.headers
    assert len(server.documents()) == 1
    expect_problem(post(server, "/documents", FIRST, "k"), 409)


def test_keys_of_two_callers_are_two(start_server, tmp_path):
    keys = tmp_path / "keys"
    keys.write_text("first write\nsecond write\n")
    server = start_server("--api-keys", str(keys), environment={})
    ids = []
    for caller in ("first", "second"):
        answer = server.request("POST", "/documents?async_mode=true", 200, json=FIRST, headers=keyed("k", Authorization=f"Bearer {caller}"))
        assert "Idempotency-Replayed" not in answer.headers
        ids.append(answer.json()["document_id"])
    assert ids[0] != ids[1]


def test_many_at_once(start_server):
    server = start_server()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: post(server, "/documents", FIRST, "k"), range(24)))
    for answer in answers:
        assert answer.status_code in (200, 409)
        assert answer.status_code == 200 or answer.headers["Retry-After"]
    assert len({answer.json()["document_id"] for answer in answers if answer.status_code == 200}) == 1
    assert len(server.documents()) == 1


@pytest.mark.parametrize("path", ["/documents", "/documents?async_mode=true", "/v1/documents", "/v1/documents?wait=30"])
def test_killed_between_accept_and_answer(start_server, path):
    server = start_server()
    first = post(server, path, FIRST, "k")
    server.wait_settled()
    cut_off(server)
    again = post(server, path, FIRST, "k")
    assert again.status_code == first.status_code and "Idempotency-Replayed" not in again.headers
    for member in ("id", "document_id", "version", "result", "chunks_created"):
        assert again.json().get(member) == first.json().get(member)
    assert len(server.documents()) == 1
    assert server.metric("millrace_requests_taken_over_total") == 1
    assert post(server, path, FIRST, "k").headers["Idempotency-Replayed"] == "true"


def test_a_bulk_killed_half_way_goes_on(start_server):
    server = start_server()
    lines = "".join(json.dumps({"content": f"Document {i}."}) + "\n" for i in range(600))
    send = lambda: server.request("POST", "/v1/documents/bulk", 200, data=lines, headers=keyed("bulk", **{"Content-Type": "application/x-ndjson"}))
    first = send().text
    server.wait_settled()
    server.kill9()
    with rows(server) as database:  # the last batch had not been committed
        database.execute("UPDATE keyed_requests SET owner = 'dead', status = NULL, body = NULL")
        database.execute("DELETE FROM keyed_documents WHERE line > 512")
    server.restart()
    again = send().text
    assert again.splitlines()[:512] == first.splitlines()[:512]
    assert len({json.loads(line)["document_id"] for line in again.splitlines()}) == 600


def test_killed_at_any_moment(start_server):
    """Clients repeat each request until it is answered; the server dies again and again. One document for each key."""
    server = start_server()
    acknowledged, stopping = {}, threading.Event()

    def client(number):
        session, count = requests.Session(), 0
        while not stopping.is_set():
            count += 1
            key = f"{number}/{count}"
            path = ["/documents", "/documents?async_mode=true", "/v1/documents?wait=5"][count % 3]
            body = {"title": key, "content": f"Document {key} of a client. It says a little more."}
            while True:
                try:
                    answer = session.post(server.url + path, json=body, headers=keyed(key), timeout=60)
                except requests.RequestException:
                    time.sleep(0.02)
                    continue
                if answer.status_code in (200, 202):
                    break
                assert answer.status_code in (409, 503), answer.text
                time.sleep(0.05)
            acknowledged[key] = answer.json().get("document_id", answer.json().get("id"))

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        clients = [pool.submit(client, number) for number in range(4)]
        source = random.Random(7)
        try:
            for _ in range(5):
                before = len(acknowledged)
                wait_until(lambda: len(acknowledged) > before + 5, "answers between two kills")
                time.sleep(source.uniform(0, 0.3))
                server.kill9()
                server.restart()
        finally:
            stopping.set()  # the pool waits for its clients also when this fails
        for one in clients:
            one.result()
    titles = {document["id"]: document["title"] for document in server.documents()}
    assert len(titles) == len(acknowledged), "a request made two documents, or none"
    assert all(titles[document] == key for key, document in acknowledged.items())


def test_a_delete_forgets_the_answer(start_server):
    server = start_server()
    secret = {"title": "Forget this title", "content": "Some text."}
    document = post(server, "/v1/documents", secret, "k", expect=202).json()["id"]
    server.wait_settled()
    server.request("DELETE", f"/v1/documents/{document}", 200)
    expect_problem(post(server, "/v1/documents", secret, "k"), 404)  # it does not come back either
    assert server.documents() == []
    server.stop()
    with rows(server) as database:
        assert database.execute("SELECT count(*) FROM keyed_requests WHERE body IS NOT NULL").fetchone() == (0,)
