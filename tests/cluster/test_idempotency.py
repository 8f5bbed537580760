"""Idempotency keys across the servers of one database."""

import concurrent.futures
import itertools

import requests

from serving import expect_problem, wait_until

FIRST = {"title": "A title", "content": "One sentence. And another one."}


def post(server, path, body, key, **more):
    return server.request("POST", path, json=body, headers={"Idempotency-Key": key}, **more)


def test_the_other_server_gives_the_first_answer(cluster):
    one, other = cluster.server(), cluster.server()
    for path in ("/documents", "/documents?async_mode=true", "/v1/documents"):
        first = post(one, path, FIRST, path)
        assert first.status_code in (200, 202) and "Idempotency-Replayed" not in first.headers
        again = post(other, path, FIRST, path)
        assert again.headers["Idempotency-Replayed"] == "true"
        assert (again.status_code, again.content, again.headers.get("Location")) == (first.status_code, first.content, first.headers.get("Location"))
        expect_problem(post(other, path, FIRST | {"title": "Another"}, path), 409)
    assert len(other.documents()) == 3


def test_both_servers_at_once(cluster):
    servers = [cluster.server(), cluster.server()]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda server: post(server, "/documents", FIRST, "k"), itertools.islice(itertools.cycle(servers), 24)))
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert len({answer.json()["document_id"] for answer in answers if answer.status_code == 200}) == 1
    assert len(servers[0].documents()) == 1


def test_the_other_server_goes_on_for_a_killed_one(cluster):
    """The document waits for a worker that is not there, so the first answer is never given."""
    one, other = cluster.server(), cluster.server()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(requests.post, one.url + "/v1/documents?wait=50", json=FIRST, headers={"Idempotency-Key": "k"}, timeout=60)
        [document] = wait_until(other.documents, "the document")
        problem = post(other, "/v1/documents?wait=50", FIRST, "k")
        expect_problem(problem, 409)
        assert problem.headers["Retry-After"] == "1"
        one.kill9()
        assert isinstance(waiting.exception(), requests.RequestException)
    cluster.worker()

    def answered():
        answer = post(other, "/v1/documents?wait=50", FIRST, "k")
        return answer if answer.status_code != 409 else None
    again = wait_until(answered, "the end of the dead server's heartbeat", pause=0.5)
    assert again.status_code == 200 and again.json()["id"] == document["id"]
    assert len(other.documents()) == 1
    assert other.metric("millrace_requests_taken_over_total") == 1
