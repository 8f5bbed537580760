"""Retries and dead letters on Kafka and MySQL: the main flows, with copies as other programs see them."""

import json

import pytest

from cluster import Worker
from serving import wait_until
from stack import UPLOADS

DEAD = "document-uploads-dlt"
RETRIES = [f"{UPLOADS}-retry-1s", f"{UPLOADS}-retry-2s"]
DELAYS = ("--retry-delays", "1s,2s")
FAILS_FOR_NOW = "millracefailfornow"
CRASHES = "millracecrashhere"


class Faults:
    def __init__(self, path):
        self.path = path
        self.environment = {"MILLRACE_TEST_FAULTS": str(path)}
        path.write_text("")

    def end(self):
        self.path.unlink()


@pytest.fixture
def faults(tmp_path):
    return Faults(tmp_path / "faults")


@pytest.fixture
def server(cluster):
    return cluster.server(*DELAYS)


def wait_status(server, document_id, status):
    def there():
        answer = server.request("GET", f"/v1/documents/{document_id}")
        return answer.status_code == 200 and answer.json()["status"] == status and answer.json()
    return wait_until(there, f"document {document_id} being {status}")


def letters(server, query=""):
    return list(server.pages("/v1/dead-letters" + query, "dead_letters"))


def headers_of(record):
    return [(name, value) for name, value in record.headers or []]


def test_a_failing_document_goes_all_the_way_and_comes_back(cluster, server, faults):
    cluster.worker(*DELAYS, environment=faults.environment)
    value = json.dumps({"document_id": 4711, "content": f"It says {FAILS_FOR_NOW}.", "extra": [1, None]}, indent=1).encode()
    cluster.stack.produce(UPLOADS, value, key="a key of their own")
    wait_status(server, 4711, "retrying")
    wait_status(server, 4711, "dead_lettered")
    for topic, attempt in zip([*RETRIES, DEAD], ("1", "2", "3")):
        copy, = wait_until(lambda topic=topic: cluster.stack.records(topic), topic)
        assert (copy.key, copy.value) == (b"a key of their own", value)
        headers = dict(headers_of(copy))
        assert headers["millrace-attempt"].decode() == attempt
        assert headers["millrace-original-topic"].decode() == UPLOADS
    letter, = letters(server)
    assert (letter["document_id"], letter["attempts"], letter["error"]["code"]) == (4711, 3, "embedding_failed")
    wait_until(lambda: letters(server)[0]["position"], "its place on the topic")
    faults.end()
    server.request("POST", f"/v1/dead-letters/{letter['id']}/redrive", 200)
    wait_status(server, 4711, "indexed")
    assert letters(server) == []


def test_an_edited_message_becomes_a_document(cluster, server):
    cluster.worker(*DELAYS)
    cluster.stack.produce(UPLOADS, b"not json", key="doc_1")
    wait_until(lambda: len(letters(server)) == 1, "a dead letter")
    letter, = letters(server)
    server.post(f"/v1/dead-letters/{letter['id']}/redrive", {"value": {"document_id": 77, "content": "Now it is good."}})
    wait_status(server, 77, "indexed")
    assert letters(server) == []


def test_a_document_that_kills_workers_is_quarantined(cluster, server, faults):
    """Each worker that takes it dies of it, until two died while they ran nothing else; its neighbours are indexed."""
    ids = [server.add(f"It says {CRASHES}." if n == 5 else f"Neighbour {n}.", expect=202, wait=0)["id"] for n in range(10)]
    # A worker that dies with a claim on a message leaves it to be sent once more, which is one more message to die of.
    wait_until(lambda: server.get("/v1/status")["outbox"]["rows"] == 0, "all messages sent by the server")

    def ended():
        return all(server.document(document)["status"] in ("indexed", "dead_lettered") for document in ids)
    deaths = 0
    while deaths < 6:
        worker = cluster.make(Worker, *DELAYS, environment=faults.environment).spawn()
        wait_until(lambda worker=worker: ended() or not worker.running(), "a crash or the end", 120)
        if worker.running():
            break
        assert worker.process.returncode == 134
        deaths += 1
    assert deaths == 3, "once among others, then twice alone"
    assert server.document(ids[5])["error"]["code"] == "crashes_worker"
    assert {server.document(document)["status"] for document in ids if document != ids[5]} == {"indexed"}
    assert [letter["document_id"] for letter in letters(server)] == [ids[5]]


def test_topics_are_made_as_they_are_needed(cluster, server):
    cluster.worker(*DELAYS)
    for topic in [*RETRIES, DEAD]:
        wait_until(lambda topic=topic: server.request("GET", f"/v1/topics/{topic}").status_code == 200, topic)
        assert server.get(f"/v1/topics/{topic}")["partitions"] == 3
    assert server.get(f"/v1/topics/{DEAD}")["config"]["retention.ms"] == "-1"
