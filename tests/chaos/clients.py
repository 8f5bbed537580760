"""Clients that write, update, delete and read through any server, each with subjects of its own, and tell the ledger what they were told.

A connection that was refused means that nothing was sent; every other silence, a reset and 503 leave the outcome open."""

import json
import random
import threading
import time

import requests
from urllib3.exceptions import NewConnectionError

from ledger import FAILED, OK, UNKNOWN, content, sentences

TIMEOUT = 15  # seconds; a stopped server answers nobody
KEYS = 12  # of each client
REPEATS = 30
CHUNKING = {"strategy": "sentence"}
OPERATIONS = {"upsert": 6, "create": 3, "create_later": 4, "bulk": 1, "remove": 2, "remove_key": 1, "read": 4, "search": 1, "poison": 0.3}


class Client(threading.Thread):
    def __init__(self, number, world, seed, pause=0.05, crashes=True):
        super().__init__(daemon=True)
        self.number, self.world, self.ledger, self.pause = number, world, world.ledger, pause
        self.source = random.Random(f"{seed} client {number}")
        self.poisons = ["refused", "refused", "fails", "fails"] + ["crashes"] * crashes
        self.session = requests.Session()
        self.keys, self.keyless = [], []
        self.counter = self.names = 0
        self.stopping, self.failure = threading.Event(), None

    def run(self):
        names, weights = list(OPERATIONS), list(OPERATIONS.values())
        try:
            while not self.stopping.wait(self.pause * self.source.uniform(0.3, 1.7)):
                getattr(self, self.source.choices(names, weights)[0])()
        except Exception as failure:
            self.failure = failure
            self.ledger.observe("client", f"client {self.number}: {type(failure).__name__}: {failure}")

    def mark(self, prefix=""):
        self.counter += 1
        return f"{prefix}c{self.number}x{self.counter}"

    def ask(self, method, path, server=None, timeout=TIMEOUT, **more):
        """(outcome, status, answer): status 0 is no answer."""
        server = server or self.source.choice(self.world.servers)
        try:
            answer = self.session.request(method, server.url + path, timeout=timeout, **more)
        except requests.ConnectionError as error:
            refused = isinstance(getattr(error.args[0] if error.args else None, "reason", None), NewConnectionError)
            self.stopping.wait(0.05)
            return (FAILED if refused else UNKNOWN), 0, None
        except requests.RequestException:
            return UNKNOWN, 0, None
        if answer.status_code == 503:
            return UNKNOWN, 503, answer
        if answer.status_code >= 500:
            self.ledger.observe("error", f"{method} {path}: {answer.status_code} {answer.text[:300]}")
            return UNKNOWN, answer.status_code, answer
        return (OK if answer.status_code < 300 else FAILED), answer.status_code, answer

    def expect(self, outcome, status, answer, call):
        """A refusal that nothing explains is an anomaly."""
        if outcome == FAILED and status:
            self.ledger.observe("error", f"{call}: {status} {answer.text[:300]}")

    # Writes

    def key_subject(self):
        """One of this client's keys; those whose state is not certain are left alone for ever."""
        self.keys = [subject for subject in self.keys if subject.certain()]
        while len(self.keys) < KEYS:
            self.names += 1
            self.keys.append(self.ledger.subject(f"client{self.number}/{self.names}", "key"))
        return self.source.choice(self.keys)

    def upsert(self):
        subject = self.key_subject()
        mark = self.mark()
        write = self.ledger.begin(subject, mark)
        body = {"key": subject.name, "title": mark, "content": content(mark), "chunking": CHUNKING}
        path = "/v1/documents" + self.source.choice(["", "", "?wait=1"])
        self.repeat("upsert", write, lambda: self.ask("POST", path, json=body), lambda answer: (answer.json()["id"], answer.json()["version"]))
        self.retire(subject, write)

    def repeat(self, operation, write, ask, read):
        """The same write again until it is answered, or given up: by chance at the first silence, at the end for good."""
        unknown = False
        patient = self.source.random() < 0.6
        for _ in range(REPEATS if patient else 1):
            outcome, status, answer = ask()
            if outcome == OK:
                self.ledger.end(operation, write, OK, *read(answer))
                self.uncertain = unknown
                return
            self.expect(outcome, status, answer, operation)
            unknown |= outcome == UNKNOWN
            if self.stopping.wait(0.2):
                break
        self.ledger.end(operation, write, UNKNOWN if unknown else FAILED)
        self.uncertain = unknown

    def retire(self, subject, write):
        """A silent first attempt may still be carried out, after whatever came next."""
        if self.uncertain and subject in self.keys:
            self.keys.remove(subject)

    def bulk(self):
        subjects = list({id(subject): subject for subject in (self.key_subject() for _ in range(6))}.values())
        writes = [(subject, self.ledger.begin(subject, self.mark())) for subject in subjects]
        lines = [json.dumps({"key": subject.name, "title": write.mark, "content": content(write.mark), "chunking": CHUNKING}) for subject, write in writes]
        outcome, status, answer = self.ask("POST", "/v1/documents/bulk", data="\n".join(lines).encode(), headers={"Content-Type": "application/x-ndjson"})
        self.expect(outcome, status, answer, "bulk")
        results = {}
        if outcome == OK:
            results = {result["line"]: result for result in map(json.loads, answer.text.splitlines())}
        for number, (subject, write) in enumerate(writes, 1):
            result = results.get(number, {"result": "rejected"})
            if outcome == OK and result["result"] != "rejected":
                self.ledger.end("bulk", write, OK, result["document_id"], result["version"])
            else:
                self.ledger.end("bulk", write, FAILED if outcome == FAILED else UNKNOWN)

    def new(self, operation, path, mark):
        subject = self.ledger.subject(mark, "keyless")
        write = self.ledger.begin(subject, mark)
        outcome, status, answer = self.ask("POST", path, json={"title": mark, "content": content(mark)})
        self.expect(outcome, status, answer, operation)
        self.ledger.end(operation, write, outcome, answer.json()["document_id"] if outcome == OK else None)
        return subject if outcome == OK else None

    def create(self):
        self.keep(self.new("create", "/documents", self.mark()))

    def create_later(self):
        self.keep(self.new("create_later", "/documents?async_mode=true", self.mark()))

    def keep(self, subject):
        if subject:
            self.keyless.append(subject)

    def poison(self):
        """Only by way of the log, where a crash takes the worker and not the server that answers."""
        kind = self.source.choice(self.poisons)
        self.new(f"poison {kind}", "/documents?async_mode=true", self.mark(f"{kind}-"))

    def remove(self):
        if self.keyless:
            subject = self.keyless.pop(self.source.randrange(len(self.keyless)))
            self.delete("remove", subject, "/documents/")

    def remove_key(self):
        subject = self.key_subject()
        newest = subject.newest()
        if newest and newest.mark:
            self.delete("remove_key", subject, "/v1/documents/")

    def delete(self, operation, subject, path):
        document_id = subject.newest().document_id
        write = self.ledger.begin(subject, None, document_id)
        silent = False

        def ask():
            nonlocal silent
            outcome, status, answer = self.ask("DELETE", f"{path}{document_id}")
            if status == 404 and silent:
                return OK, status, answer  # an attempt without an answer was carried out
            if status == 404:
                self.ledger.observe("lost", f"document {document_id} of {subject.name} was acknowledged and cannot be deleted: {answer.text[:200]}")
            silent |= outcome == UNKNOWN
            return outcome, status, answer
        self.repeat(operation, write, ask, lambda answer: (document_id, None))
        self.retire(subject, write)

    # Reads: one store answers, so what was acknowledged shows at once, whichever server is asked

    def read(self):
        known = [subject for subject in self.keys + self.keyless[-50:] if subject.writes and subject.certain() and subject.newest()]
        if not known:
            return
        subject = self.source.choice(known)
        newest = subject.newest()
        outcome, status, answer = self.ask("GET", f"/v1/documents/{newest.document_id}")
        self.ledger.count("read", UNKNOWN if outcome == UNKNOWN or not status else OK)
        if not status or outcome == UNKNOWN:
            return
        if newest.mark is None:
            if status != 404:
                self.ledger.observe("resurrected", f"{subject.name}: document {newest.document_id} was deleted and answers {status} {answer.text[:200]}")
        elif status == 404:
            self.ledger.observe("lost", f"{subject.name}: document {newest.document_id} was acknowledged and answers 404")
        elif answer.json()["title"] != newest.mark:
            self.ledger.observe("stale", f"{subject.name}: '{answer.json()['title']}' was read after '{newest.mark}' was acknowledged")

    def search(self):
        mark = next(iter(self.source.choice(self.keyless).marks())) if self.keyless else "nothing"
        outcome, status, answer = self.ask("POST", "/search", json={"question": sentences(mark)[0], "top_k": 2})
        self.expect(outcome, status, answer, "search")
        self.ledger.count("search", outcome)


def canary(client, world, patience):
    """Seconds until a document that was just sent is found, or none within `patience`."""
    since = time.monotonic()
    sent = server = None
    while time.monotonic() - since < patience:
        if sent is None:
            sent = client.new("canary", "/documents?async_mode=true", client.mark())
        if sent:
            server = client.source.choice(world.servers)
            outcome, status, answer = client.ask("GET", f"/v1/documents/{sent.newest().document_id}", server, 5)
            if outcome == OK and answer.json()["searchable"]:
                return time.monotonic() - since
        time.sleep(0.1)
    return None
