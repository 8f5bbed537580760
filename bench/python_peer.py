"""Beside a plain Python service with its worker (bench/python_service), on the same servers."""
import contextlib
import os
import time

import texts
from driving import in_parallel, median, wait_searchable
from environments import HERE, python_with
from server import Program, wait_until
from stack import fresh_cluster

SERVICE = os.path.join(HERE, "python_service")
MEGABYTE = 1e6


def interpreter():
    return python_with("bench-torch", "requirements-torch.txt", "python_service/requirements.txt")


def start_service(bench, environment):
    return Program(lambda port: [interpreter(), os.path.join(SERVICE, "service.py"), str(port)],
                   os.path.join(bench.work, "python-service.log"), environment | {"OMP_NUM_THREADS": "1"}, path="/", patience=300)


def start_worker(bench, environment, threads, batch):
    def ready(program):
        with open(program.log_path) as log:
            return "ready\n" in log
    return Program(lambda _: [interpreter(), "-u", os.path.join(SERVICE, "worker.py"), *["--batch"] * batch],
                   os.path.join(bench.work, "python-worker.log"), environment | {"OMP_NUM_THREADS": str(threads)}, ready=ready, patience=300)


class Copy:
    """The rows of a cluster in a database of the Python service's; it finds the vectors under the keys that Millrace has in Redis."""

    def __init__(self, bench, stack, cluster):
        self._bench, self._stack, self._cluster = bench, stack, cluster
        self._open = contextlib.ExitStack()
        self._rows = []

    def __enter__(self):
        if self._bench.torch:
            self._environment = self._open.enter_context(self._stack.database())
            self._service = self._open.enter_context(start_service(self._bench, self._environment))
        return self

    def __exit__(self, *_):
        self._open.close()

    def search(self, chunks):
        if not self._bench.torch:
            return
        self._fill(chunks)
        own = self._timed(self._cluster.server, self._bench.own_searches)
        peer = self._timed(self._service, self._bench.peer_searches)
        hits = [{hit["chunk_id"] for hit in found} for _, found in (own, peer)]
        if len(hits[0] & hits[1]) < 8:  # of ten: the last ones may be as good as each other
            raise RuntimeError(f"not the same answers: {hits}")
        self._rows.append((chunks, f"{median(own[0]):.1f}", f"{max(own[0]):.1f}", f"{median(peer[0]):.0f}", f"{max(peer[0]):.0f}",
                           f"{median(peer[0]) / median(own[0]):.0f}"))
        self._bench.report.measured(f"cluster: search, {chunks} chunks, the Python service", f"{median(peer[0]) / median(own[0]):.0f} x as long")

    def _fill(self, chunks):
        """Adds what is new."""
        source, target = self._cluster.database, self._environment["MYSQL_DATABASE"]
        wait_until(lambda: int(self._stack.redis("dbsize")) >= chunks, "the keys in Redis", pause=0.5)
        self._stack.sql(f"INSERT INTO {target}.documents (id, title, content, created_at) SELECT id, title, content, created_at FROM "
                        f"{source}.documents WHERE id > (SELECT COALESCE(MAX(id), 0) FROM {target}.documents)")
        self._stack.sql(f"INSERT INTO {target}.embeddings (id, document_id, chunk_text, chunk_index, redis_key) SELECT id, document_id, "
                        f"chunk_text, chunk_index, redis_key FROM {source}.embeddings WHERE id NOT IN (SELECT id FROM {target}.embeddings)")
        held = int(self._stack.sql(f"SELECT COUNT(*) FROM {target}.embeddings")[0][0])
        if held != chunks:
            raise RuntimeError(f"{held} chunks were copied, not {chunks}")

    def _timed(self, program, count):
        """Milliseconds of each search, and the hits of the last question, which is the same however many there are."""
        self._bench.report.progress(f"{count} searches, {'Millrace' if program is self._cluster.server else 'the Python service'}")
        questions = texts.questions(count + 1)
        milliseconds = []
        program.json("POST", "/search", {"question": questions[0], "top_k": 10})
        for question in questions[1:]:
            start = time.perf_counter()
            program.json("POST", "/search", {"question": question, "top_k": 10})
            milliseconds.append((time.perf_counter() - start) * 1000)
        return milliseconds, program.json("POST", "/search", {"question": questions[0], "top_k": 10})["results"]

    def show(self):
        report = self._bench.report
        if not self._bench.torch:
            report.left_out("cluster: beside the Python service", "--no-torch")
            return
        report.note(f"POST /search, top 10, one connection, {self._bench.own_searches} and {self._bench.peer_searches} searches; the Python service "
                    f"was not given the documents: its rows are copies of Millrace's, its vectors the keys that Millrace keeps in Redis")
        report.table(("chunks", "Millrace p50 ms", "longest", "Python p50 ms", "longest", "times"), self._rows)
        rows = [("Millrace", f"{self._cluster.server.resident_bytes() / MEGABYTE:.0f}", f"{self._cluster.workers[0].resident_bytes() / MEGABYTE:.0f}")]
        with start_worker(self._bench, self._environment, 1, False) as worker:
            rows.append(("Python", f"{self._service.resident_bytes() / MEGABYTE:.0f}", f"{worker.resident_bytes() / MEGABYTE:.0f}"))
        report.note(f"resident memory, MB, after these searches ({self._bench.peer_chunks[-1]} chunks); the Python worker just started")
        report.table(("", "server", "worker"), rows)
        own, peer = (sum(map(int, row[1:])) for row in rows)
        report.measured("cluster: memory, server and worker, the Python ones", f"{peer / own:.1f} x as much")


def ingestion(bench, stack):
    """The same documents by the contract's asynchronous call; both cut them into sentences."""
    if not bench.torch:
        return
    report = bench.report
    what, documents = texts.real_documents()
    documents = documents[:bench.peer_documents]

    def send(port):
        in_parallel(port, documents, lambda client, document: client.json("POST", "/documents?async_mode=true", document))

    report.progress("ingestion by the contract's call, Millrace")
    with fresh_cluster(stack) as cluster:
        start = time.perf_counter()
        send(cluster.server.port)
        chunks = wait_searchable(cluster.server, len(documents))
        own = chunks / (time.perf_counter() - start)
    rows = [("Millrace, one worker", chunks, f"{own:.1f}", "")]
    for name, threads, batch in (("Python, chunk by chunk, 1 thread", 1, False), ("Python, chunk by chunk, 2 threads", 2, False),
                                 ("Python, a document's chunks at once, 2 threads", 2, True)):
        report.progress(f"ingestion by the contract's call, {name}")
        chunks, rate = python_once(bench, stack, documents, send, threads, batch)
        rows.append((name, chunks, f"{rate:.1f}", f"{own / rate:.1f}"))
        report.measured(f"cluster: ingestion beside {name}", f"{own / rate:.1f} x as fast")
    report.note(f"{len(documents)} documents, {what}, one by one from 4 connections, until all are stored (Python) or searchable (Millrace); one "
                f"round; threads: of torch")
    report.table(("", "chunks", "chunks/s", "Millrace is times as fast"), rows)


def python_once(bench, stack, documents, send, threads, batch):
    with stack.database() as environment, start_service(bench, environment) as service, \
            start_worker(bench, environment, threads, batch):
        start = time.perf_counter()
        send(service.port)
        count = "SELECT COUNT(DISTINCT document_id), COUNT(*) FROM embeddings"

        def stored():
            done, chunks = map(int, stack.sql(count, environment["MYSQL_DATABASE"])[0])
            return chunks if done == len(documents) else 0
        chunks = wait_until(stored, "the documents being stored by the Python worker", 1800, 0.25)
        return chunks, chunks / (time.perf_counter() - start)
