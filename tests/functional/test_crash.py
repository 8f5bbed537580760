"""Kills at random moments while clients write; their ledgers hold what was acknowledged, and all of it must be there at the end."""

import json
import os
import random
import threading
import time

import requests

from serving import FULL, wait_until
from texts import text

KILLS = 100 if FULL else 8
SENTENCES = {"strategy": "sentence"}


class Client(threading.Thread):
    """Does one thing after another, keeps a ledger of acknowledgements, and repeats what was not acknowledged.

    Keys belong to one client, so that its ledger says exactly what each must hold. A keyless create that was not acknowledged may
    have happened: its text goes to `maybe`.
    """

    def __init__(self, number, url, seed):
        super().__init__(daemon=True)
        self.number, self.url = number, url
        self.session = requests.Session()
        self.source = random.Random(seed)
        self.by_id = {}        # document id -> (title, content): acknowledged, keyless
        self.by_key = {}       # key -> content: the newest acknowledged
        self.deleted = set()   # ids whose delete was acknowledged
        self.maybe = set()     # contents that may be there without an acknowledgement
        self.counter = 0
        self.stopping, self.failure = False, None
        self.acknowledged = 0

    def run(self):
        try:
            while not self.stopping:
                self.source.choices([self.sync, self.deferred, self.bulk, self.upsert, self.delete, self.delete_key],
                                    [3, 3, 2, 6, 2, 1])[0]()
                self.acknowledged += 1
        except Exception as failure:
            self.failure = failure

    def fresh(self):
        self.counter += 1
        sentences = 700 if self.counter % 40 == 0 else None  # now and then one long enough to be staged
        return text(self.number * 1_000_000 + self.counter, sentences)

    def once(self, method, path, **more):
        """None when the connection broke or the server would not: whether it happened is open then."""
        try:
            answer = self.session.request(method, self.url + path, timeout=60, **more)
        except requests.RequestException:
            time.sleep(0.02)
            return None
        if answer.status_code == 503:
            return None
        assert answer.status_code in (200, 202, 404), f"{method} {path}: {answer.status_code} {answer.text[:500]}"
        return answer

    def until_answered(self, method, path, **more):
        while True:
            answer = self.once(method, path, **more)
            if answer is not None:
                return answer

    def keyless(self, path):
        content = self.fresh()
        self.maybe.add(content)
        answer = self.once("POST", path, json={"title": f"client {self.number}", "content": content})
        if answer is not None:
            self.maybe.discard(content)
            self.by_id[answer.json()["document_id"]] = content

    def sync(self):
        self.keyless("/documents")

    def deferred(self):
        self.keyless("/documents?async_mode=true")

    def key(self):
        return f"client{self.number}/{self.source.randrange(25)}"

    def upsert(self):
        body = {"key": self.key(), "content": self.fresh(), "chunking": SENTENCES}
        answer = self.until_answered("POST", "/v1/documents" + self.source.choice(["", "?wait=1"]), json=body).json()
        assert answer["key"] == body["key"]
        self.by_key[body["key"]] = body["content"]

    def bulk(self):
        keys = {self.key() for _ in range(10)}
        documents = {key: self.fresh() for key in keys}
        lines = "".join(json.dumps({"key": key, "content": content, "chunking": SENTENCES}) + "\n" for key, content in documents.items())
        while True:
            answer = self.until_answered("POST", "/v1/documents/bulk", data=lines.encode(),
                                         headers={"Content-Type": "application/x-ndjson"})
            if not any(json.loads(line)["result"] == "rejected" for line in answer.text.splitlines()):
                break
        self.by_key |= documents

    def delete(self):
        if not self.by_id:
            return
        document_id = self.source.choice(sorted(self.by_id))
        self.until_answered("DELETE", f"/documents/{document_id}")
        del self.by_id[document_id]
        self.deleted.add(document_id)

    def delete_key(self):
        if not self.by_key:
            return
        key = self.source.choice(sorted(self.by_key))
        found = self.until_answered("GET", "/v1/documents", params={"key": key}).json()["documents"]
        if found:
            self.until_answered("DELETE", f"/v1/documents/{found[0]['id']}")
            self.deleted.add(found[0]["id"])
        del self.by_key[key]


def shape(server, document_id):
    return [(chunk["index"], chunk["text"], tuple(chunk["range"].values())) for chunk in server.chunks(document_id)]


def check_ledgers(clients, documents, contents):
    """Everything acknowledged is there once, and nothing is there that nobody sent."""
    by_key = {document["key"]: document["id"] for document in documents if document["key"] is not None}
    expected_keys = {key: content for client in clients for key, content in client.by_key.items()}
    assert set(by_key) == set(expected_keys)
    for key, content in expected_keys.items():
        assert contents[by_key[key]] == content, f"{key} does not hold its newest text"
    keyless = {document["id"] for document in documents if document["key"] is None}
    acknowledged = {id: content for client in clients for id, content in client.by_id.items()}
    assert set(acknowledged) <= keyless, f"lost: {sorted(set(acknowledged) - keyless)[:10]}"
    for document_id, content in acknowledged.items():
        assert contents[document_id] == content
    maybe = set().union(*(client.maybe for client in clients))
    extra = [document_id for document_id in keyless - set(acknowledged)]
    assert all(contents[document_id] in maybe for document_id in extra)
    assert len({contents[document_id] for document_id in extra}) == len(extra), "sent once and there twice"
    deleted = set().union(*(client.deleted for client in clients))
    assert not deleted & {document["id"] for document in documents}, "a deleted document is back"


def check_searches(server, reference, texts):
    for query in texts:
        answers = []
        for asked in (server, reference):
            hits = [(round(hit["score"], 4), hit["chunk"]["text"]) for hit in asked.search(query, top_k=30)]
            answers.append(sorted(hit for hit in hits if hit[0] > hits[-1][0] + 0.0002))  # ties at the end may differ
        assert answers[0] == answers[1]


def test_kills_while_clients_write(start_server):
    seed = int(os.environ.get("MILLRACE_SEED", time.time_ns() % 1_000_000))
    print(f"MILLRACE_SEED={seed}")
    source = random.Random(seed)
    server = start_server()
    clients = [Client(number, server.url, source.random()) for number in range(4)]
    for client in clients:
        client.start()
    for _ in range(KILLS):
        time.sleep(source.uniform(0.05, 1.2))
        server.kill9()
        server.restart()
    # On a busy machine a client gets little done between two kills.
    wait_until(lambda: all(client.acknowledged > KILLS or client.failure for client in clients), "answers for every client", 300)
    for client in clients:
        client.stopping = True
    for client in clients:
        client.join(120)
        assert client.failure is None and not client.is_alive(), client.failure
        assert client.acknowledged > KILLS
    server.wait_settled(300)

    documents = server.documents()
    assert {(document["status"], document["searchable"]) for document in documents} == {("indexed", True)}
    assert all(document["version"] == document["indexed_version"] for document in documents)
    contents = {document["id"]: server.content(document["id"]) for document in documents}
    check_ledgers(clients, documents, contents)

    reference = start_server()  # the same documents, undisturbed
    ordered = sorted(contents)
    chunking = {document["id"]: document["chunking"]["strategy"] for document in documents}
    copies = []
    for first in range(0, len(ordered), 500):  # a long run on a fast machine writes more than one request may hold
        copies += reference.bulk([{"content": contents[id], "chunking": {"strategy": chunking[id]}}
                                  for id in ordered[first:first + 500]], wait=300)
    total = 0
    for document_id, copy in zip(ordered, copies):
        expected = shape(reference, copy["document_id"])
        assert shape(server, document_id) == expected
        total += len(expected)
    status = server.get("/v1/status")
    assert status["chunks"] == status["index"]["chunks"] == total
    assert status["index"]["documents"] == len(documents)
    sample = source.sample(ordered, min(30, len(ordered)))
    check_searches(server, reference, [source.choice(shape(server, document_id))[1] for document_id in sample])
    # Once more from the store alone.
    server.kill9()
    server.restart()
    assert server.get("/v1/status")["index"]["chunks"] == total
    check_searches(server, reference, [source.choice(shape(server, document_id))[1] for document_id in sample[:5]])
