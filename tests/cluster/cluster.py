"""Servers and workers on a stack, each test's own database, and the oracle: nothing lost, nothing doubled, nothing stale."""

import collections
import itertools
import os
import random
import threading
import time

import requests

from serving import BINARY, PATIENCE, Program, Server, wait_until
from stack import UPLOADS

SETTLED = ("indexed", "failed", "dead_lettered", "superseded", "deleted")
HEALED = 90  # seconds: an event that a fault has swallowed is found by the comparison with the store, each 30 s
numbers = itertools.count(1)


def sentences(number, count=None):
    """What document `number` is made of: as chunks of the contract's calls they are these, one by one."""
    count = count or 2 + number % 5
    return [f"Document {number} says in sentence {index} a word like {random.Random(number * 100 + index).randrange(10**9)}." for index in range(count)]


class ClusterServer(Server):
    def command(self):
        return [BINARY, "serve", "--listen", f"127.0.0.1:{self.port}", "--model", self.model, *self.flags]

    def upload(self, number, timeout=PATIENCE):
        """Document `number` by the contract's asynchronous call; the answer, or nothing when there was none."""
        body = {"title": f"Document {number}", "content": " ".join(sentences(number))}
        try:
            return requests.post(self.url + "/documents?async_mode=true", json=body, timeout=timeout)
        except requests.RequestException:
            return None

    def wait_connected(self):
        """Until /health has everything connected: a first connection may take longer than it waits for one."""
        def connected():
            health = self.get("/health")
            return {health["redis"], health["mysql"], health["kafka"]} == {"connected"}
        wait_until(connected, "/health with everything connected", pause=0.2)

    def best(self, question):
        """The text of the best hit of the contract's search, if any."""
        results = self.post("/search", {"question": question, "top_k": 1})["results"]
        return results[0]["text"] if results else None

    def finds(self, number):
        return self.best(sentences(number)[0]) == sentences(number)[0]


def kafka_properties(**properties):
    """The environment with settings of librdkafka, underscores for dots."""
    return {"MILLRACE_KAFKA_PROPERTIES": ",".join(f"{name.replace('_', '.')}={value}" for name, value in properties.items())}


# A killed member holds its partitions until its session ends: the shortest that brokers allow, instead of 45 s.
SHORT_SESSION = kafka_properties(session_timeout_ms=6000)


class Worker(Program):
    def __init__(self, folder, *flags, model="test", **options):
        super().__init__(folder, **options)
        self.flags = flags
        self.model = model

    def command(self):
        return [BINARY, "worker", "--listen", f"127.0.0.1:{self.port}", "--model", self.model, *self.flags]


class Cluster:
    """Everything of one test on the stack: a database of its own, topics and keys that nobody else has."""

    def __init__(self, stack, folder):
        self.stack = stack
        self.folder = folder
        self.programs = []
        self.database = f"millrace_test_{os.getpid()}_{next(numbers)}"
        stack.heal()
        stack.clear()
        self.sql(f"CREATE DATABASE {self.database} CHARACTER SET utf8mb4", database=None)
        self.environment = stack.settings | {"MYSQL_DATABASE": self.database}

    def make(self, kind, *flags, environment=None, **options):
        folder = self.folder / f"{kind.__name__.lower()}{len(self.programs)}"
        folder.mkdir()
        program = kind(folder, *flags, environment=self.environment | (environment or {}), **options)
        self.programs.append(program)
        return program

    def server(self, *flags, **options):
        return self.make(ClusterServer, *flags, **options).start()

    def worker(self, *flags, **options):
        return self.make(Worker, *flags, **options).start()

    def close(self):
        """Ends every program: one that runs must end with 0."""
        self.stack.heal()
        failures = []
        for program in self.programs:
            if program.running():
                try:
                    program.stop()
                except Exception as failure:
                    failures.append(failure)
                    program.kill9()
        self.sql(f"DROP DATABASE IF EXISTS {self.database}", database=None)
        if failures:
            raise failures[0]

    def sql(self, statement, *values, database=...):
        """The rows of one statement."""
        connection = self.stack.mysql(self.database if database is ... else database)
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement, values)
                return cursor.fetchall()
        finally:
            connection.close()

    def keys(self, document_id):
        with self.stack.redis() as client:
            return sorted(key.decode() for key in client.scan_iter(f"emb:doc{document_id}:chunk*", count=1000))

    def states(self):
        """(status, newest version, indexed version, deleted version) of every document."""
        rows = self.sql("SELECT document_id, status, version, COALESCE(indexed_version, 0), COALESCE(deleted_version, 0) FROM document_state")
        return {row[0]: row[1:] for row in rows}

    # The oracle

    def wait_quiet(self, patience=120):
        """Until every document has ended one way or the other and the group is at the end of the log."""
        def quiet():
            waiting = {document: state for document, state in self.states().items() if state[0] not in SETTLED}
            return not waiting and self.stack.lag() == 0
        wait_until(quiet, "an empty pipeline", patience, 0.25)

    def check(self, accepted, server=None, patience=120):
        """`accepted`: document id → its number. All are indexed with exactly their chunks; the rows say so, and so does a server."""
        self.wait_quiet(patience)
        states = self.states()
        rows = collections.defaultdict(list)
        for document_id, index, text, key in self.sql("SELECT document_id, chunk_index, chunk_text, redis_key FROM embeddings ORDER BY document_id, chunk_index"):
            rows[document_id].append((index, text, key))
        wrong = {}
        for document_id, number in accepted.items():
            expected = [(index, text, f"emb:doc{document_id}:chunk{index}") for index, text in enumerate(sentences(number))]
            if states[document_id][0] != "indexed" or rows[document_id] != expected:
                wrong[document_id] = (number, states[document_id], rows[document_id])
        assert not wrong, f"{len(wrong)} of {len(accepted)} documents are not as they should be: {list(wrong.items())[:3]}"
        committed, ends = self.stack.committed(), self.stack.ends()
        assert all(committed.get(partition, 0) <= end for partition, end in ends.items()), (committed, ends)
        if server:
            for number in list(accepted.values())[::max(1, len(accepted) // 50)]:
                wait_until(lambda: server.finds(number), f"document {number} in a search", HEALED)


class Uploader(threading.Thread):
    """Uploads document after document until it is told to stop; keeps what was accepted."""

    def __init__(self, server, first, count=10**9, pause=0.0):
        super().__init__(daemon=True)
        self.server, self.numbers, self.pause = server, itertools.count(first), pause
        self.count = count
        self.accepted, self.refused, self.odd, self.slowest = {}, 0, [], 0.0
        self.stopping = False
        self.start()

    def run(self):
        for number in itertools.islice(self.numbers, self.count):
            if self.stopping:
                return
            since = time.monotonic()
            answer = self.server.upload(number)
            self.slowest = max(self.slowest, time.monotonic() - since)
            if answer is not None and answer.status_code == 200:
                self.accepted[answer.json()["document_id"]] = number
            elif answer is None or answer.status_code == 503:
                self.refused += 1
            else:
                self.odd.append(f"{answer.status_code} {answer.text}")
            time.sleep(self.pause)

    def finish(self):
        self.stopping = True
        return self.wait()

    def wait(self):
        self.join(PATIENCE * 3)
        assert not self.is_alive() and not self.odd, self.odd[:3]
        return self.accepted


class CommitWatch(threading.Thread):
    """Holds the rule that a committed offset never passes work that is not done: it looks at the offsets, then at the documents."""

    def __init__(self, cluster):
        super().__init__(daemon=True)
        self.cluster, self.samples, self.stopping = cluster, [], False
        self.start()

    def run(self):
        while not self.stopping:
            try:
                committed = self.cluster.stack.committed()
                self.samples.append((committed, self.cluster.states()))
            except Exception:  # a dependency is away, which is what the test is about
                pass
            time.sleep(0.3)

    def check(self):
        self.stopping = True
        self.join(PATIENCE)
        records = []
        for record in self.cluster.stack.records(UPLOADS):
            headers = {name: value.decode() for name, value in record.headers}
            records.append((record.partition, record.offset, int(record.key.decode().removeprefix("doc_")), int(headers["millrace-version"])))
        assert self.samples, "nothing was seen of the offsets"
        for committed, states in self.samples:
            for partition, offset, document_id, version in records:
                if offset < committed.get(partition, 0):
                    status, _, indexed, deleted = states[document_id]
                    done = max(indexed, deleted) >= version or status in ("retrying", "failed", "dead_lettered", "superseded")
                    assert done, f"partition {partition} is committed to {committed[partition]}, but {offset} (document {document_id}) is {status}"
