"""The stage `cluster`: the same product on a real Kafka, MariaDB and Redis that it starts, beside the embedded shape."""
import datetime
import json
import os
import random
import time

import python_peer
import texts
from driving import CORES, Busy, median, quantile, run_tool, send_from_four, wait_searchable
from library import PER_REQUEST, SENTENCES
from server import fresh_server
from stack import Stack, fresh_cluster

PARTS = ("server", "workers", "kafka1", "mysql", "redis")


def cluster(bench):
    bench.report.note(f"one Kafka (KRaft, 3 partitions a topic), one MariaDB (buffer pool 1 GB, durable at each commit) and one Redis (every "
                      f"write in its log) beside the programs and their clients on {CORES} cores")
    bench.report.progress("starting Kafka, MariaDB and Redis")
    with Stack(bench) as stack:
        for part in (ingestion, documents, freshness, search, python_peer.ingestion):
            part(bench, stack)


# Ingestion, with the model

INGESTION = {"embedded": None, "1 worker": (1, ()), "3 workers": (3, ()), "1 worker of 1 thread": (1, ("--threads", "1")),
             "2 workers of 1 thread": (2, ("--threads", "1")), "3 workers of 1 thread": (3, ("--threads", "1"))}


def ingestion(bench, stack):
    """The same real texts into fresh stores of each shape, in turn."""
    report = bench.report
    what, documents = texts.real_documents()
    documents = documents[:bench.ingest_documents]
    rounds = {name: [] for name in INGESTION}
    for number in range(bench.rounds):
        for name, shape in INGESTION.items():
            report.progress(f"ingestion round {number + 1}, {name}")
            rounds[name].append(ingest_once(bench, stack, shape, documents))
    report.note(f"{len(documents)} documents, {what}, {rounds['1 worker'][0][1]} passages; from the first POST (4 connections, bulk) until all "
                f"are searchable; cores busy, by program and of all; medians of {bench.rounds} rounds in turn")
    rates = {name: median(chunks / busy.seconds for busy, chunks in runs) for name, runs in rounds.items()}
    rows = []
    for name, runs in rounds.items():
        busy = {part: median(run.programs.get(part, 0) for run, _ in runs) for part in PARTS}
        rows.append((name, f"{rates[name]:.1f}", *(f"{busy[part]:.2f}" for part in PARTS),
                     f"{median(run.machine for run, _ in runs):.2f}"))
    report.table(("", "chunks/s", "server", "workers", "Kafka", "MariaDB", "Redis", "all"), rows)

    def ratio(name, other):
        pairs = zip(rounds[name], rounds[other])
        return median(own[1] / own[0].seconds / (peer[1] / peer[0].seconds) for own, peer in pairs)

    share = ratio("1 worker", "embedded")
    report.reached("cluster: ingestion, one worker, share of embedded", f"{share:.2f} ({rates['1 worker']:.1f} chunks/s)", ">= 0.85",
                   share >= 0.85)
    full = median(run.machine for run, _ in rounds["3 workers of 1 thread"])
    report.reached("cluster: three workers of one thread, busy cores",
                   f"{full:.2f} of {CORES}, {ratio('3 workers of 1 thread', '1 worker of 1 thread'):.2f} x one", f">= {0.9 * min(3, CORES):.1f}",
                   full >= 0.9 * min(3, CORES))
    report.measured("cluster: three workers with a thread per core", f"{ratio('3 workers', '1 worker'):.2f} x one")


def ingest_once(bench, stack, shape, documents):
    if shape is None:
        with fresh_server(bench, "ingest") as server:
            busy = Busy(lambda: {"server": server.cpu_seconds()})
            send_from_four(server.port, documents, wait=0)
            chunks = wait_searchable(server, len(documents))
            return busy.stop(), chunks
    with fresh_cluster(stack, workers=shape[0], arguments=shape[1]) as cluster:
        busy = Busy(cluster.cpu_seconds)
        send_from_four(cluster.server.port, documents, wait=0)
        chunks = wait_searchable(cluster.server, len(documents))
        return busy.stop(), chunks


# Documents, without the model

def documents(bench, stack):
    """Small documents through the whole way, and then the bare inserts of the rows that they left."""
    report, rows, costs = bench.report, [], []
    for name, connections, lines in (("bulk, 500 a request", 4, 500), ("one by one", 64, 1)):
        runs = []
        for number in range(min(3, bench.rounds)):
            report.progress(f"documents of 1 KB, {name}, round {number + 1}")
            runs.append(documents_once(bench, stack, connections, lines))
        rate, bare, share = (median(run[column] for run in runs) for column in ("per_s", "bare_per_s", "share"))
        load = [run["load"] for run in runs]
        how = f"{name}, {connections} connections"
        rows.append((how, f"{rate:.0f}", f"{bare:.0f}", f"{share:.2f}",
                     *(f"{median(run[column] for run in load):{form}}" for column, form in (("per_s", ".0f"), ("p50_ms", ".1f"), ("p99_ms", ".1f")))))
        costs.append((how, *(f"{median(run['costs'][part] for run in runs):.0f}" for part in (*PARTS, "bare MariaDB"))))
        report.reached(f"cluster: documents, {name}, share of bare inserts", f"{share:.2f} ({rate:.0f} of {bare:.0f}/s)", ">= 0.50",
                       share >= 0.5)
        report.measured(f"cluster: accepting under that load, {name}, p99", f"{median(run['p99_ms'] for run in load):.1f} ms")
    report.note(f"documents of 1 KB, one chunk each, model test, one worker; sent for {bench.seconds} s without a pause, then waited for. "
                f"documents/s: from the first POST until all are searchable. Bare: the rows that they left (five tables), written again into "
                f"empty tables of the same server with nobody else at work, as many documents a transaction and connections as the client had. "
                f"Then how the server answered meanwhile; medians of {min(3, bench.rounds)} runs")
    report.table(("how", "documents/s", "bare/s", "share", "accepted/s", "p50 ms", "p99 ms"), rows)
    report.note("microseconds of CPU that a document cost each program, and MariaDB for the bare inserts")
    report.table(("how", "server", "worker", "Kafka", "MariaDB", "Redis", "bare MariaDB"), costs)


def documents_once(bench, stack, connections, lines):
    with stack.database() as target:
        target = target["MYSQL_DATABASE"]
        with fresh_cluster(stack, model="test") as cluster:
            busy = Busy(cluster.cpu_seconds)
            load = json.loads(run_tool(bench, "bench_load", "accept", cluster.server.port, connections, bench.seconds, lines, "whole"))
            accepted = cluster.server.metric("millrace_documents_accepted_total")
            if load["refused"] or wait_searchable(cluster.server, accepted) != accepted:
                raise RuntimeError(f"documents were refused or have another number of chunks than one: {load}")
            busy.stop()
            cluster.settle()
            cluster.close()
            for table in ("documents", "document_versions", "document_state", "document_contents", "embeddings"):
                stack.sql(f"CREATE TABLE {target}.{table} LIKE {cluster.database}.{table}")
            stack.sql("ALTER TABLE embeddings ADD FOREIGN KEY (document_id) REFERENCES documents(id) ON DELETE CASCADE", target)
            before = stack.cpu_seconds()["mysql"]
            bare = json.loads(run_tool(bench, "bench_rows", *stack.address(), cluster.database, target, connections, lines, bench.bare_documents))
            bare_cost = (stack.cpu_seconds()["mysql"] - before) / bare["documents"]
    rate = accepted / busy.seconds
    costs = {part: cores / rate * 1e6 for part, cores in busy.programs.items()} | {"bare MariaDB": bare_cost * 1e6}
    return {"per_s": rate, "bare_per_s": bare["per_s"], "share": rate / bare["per_s"], "load": load, "costs": costs}


# A single document

def freshness(bench, stack):
    report, rows = bench.report, []
    with fresh_server(bench, "freshness") as server:
        rows.append(("embedded", *single_documents(bench, server)))
    with fresh_cluster(stack) as cluster:
        rows.append(("cluster", *single_documents(bench, cluster.server)))
    report.note(f"one document of 1 KB (one chunk) at a time, nothing else at work, {bench.single_documents} of them after pauses of 50 to "
                f"550 ms; from the POST until it is searchable (wait=). Its steps are the store's: accepted; through the log to the worker "
                f"and cut; embedded; stored; from there in the index")
    table = []
    for name, total, steps in rows:
        beyond = [whole - step["embed"] for whole, step in zip(total, steps)]
        table.append((name, f"{median(total):.1f}", f"{quantile(total, 0.99):.1f}", f"{median(beyond):.1f}", f"{quantile(beyond, 0.99):.1f}",
                      *(f"{median(step[part] for step in steps):.1f}" for part in ("accept", "cut", "embed", "store", "index"))))
    report.table(("", "p50 ms", "p99 ms", "beyond embedding p50", "p99", "accept", "to worker, cut", "embed", "store", "to index"), table)
    p50, p99 = (quantile(beyond, q) for q in (0.5, 0.99))
    report.reached("cluster: accept to searchable when idle, beyond its embedding", f"p50 {p50:.0f} ms, p99 {p99:.0f} ms", "<= 100 ms", p99 <= 100)


def single_documents(bench, server):
    chance = random.Random("single documents")
    totals, steps = [], []
    for number in range(bench.single_documents + 3):
        time.sleep(chance.uniform(0.05, 0.55))
        words = " ".join(texts.sentence(chance) for _ in range(30))[:1000]
        body = {"title": f"Single {number}", "content": words, "chunking": {"strategy": "whole"}}
        posted = time.time()
        answer = server.json("POST", "/v1/documents?wait=30", body)
        found = time.time()
        if not answer["searchable"]:
            raise RuntimeError(f"not searchable after 30 s: {answer}")
        if number < 3:
            continue  # the first ones find cold caches
        times = [posted, *(parse_time(answer["steps"][name]) for name in ("received", "chunked", "embedded", "stored")), found]
        totals.append((found - posted) * 1000)
        steps.append({name: (after - before) * 1000
                      for name, before, after in zip(("accept", "cut", "embed", "store", "index"), times, times[1:])})
    return totals, steps


def parse_time(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


# Searches

def search(bench, stack):
    """A growing library of made-up texts: beside the Python service at each of its sizes, at last beside the embedded shape."""
    with fresh_cluster(stack) as cluster, python_peer.Copy(bench, stack, cluster) as peer:
        chunks = 0
        for size in bench.peer_chunks:
            fill(bench, cluster.server, chunks, size)
            chunks = size
            peer.search(size)
        peer.show()
        fill(bench, cluster.server, chunks, bench.library_chunks)
        cluster.settle()
        for worker in cluster.workers:
            worker.stop()
        compare_searches(bench, cluster.server)


def fill(bench, server, held, wanted):
    bench.report.progress(f"filling the cluster's store up to {wanted} chunks")
    for first in range(held // SENTENCES, wanted // SENTENCES, PER_REQUEST):
        last = min(first + PER_REQUEST, wanted // SENTENCES)
        server.send_bulk([texts.made_up(number, SENTENCES) for number in range(first, last)], wait=0)
    wait_searchable(server, wanted // SENTENCES)


def compare_searches(bench, server):
    report, rows = bench.report, []
    questions = os.path.join(bench.work, "questions.txt")
    with open(questions, "w") as lines:
        lines.write("\n".join(texts.questions(2000)) + "\n")
    with bench.library("minilm").open() as embedded:
        for clients in (1, 16):
            runs = {"embedded": [], "cluster": []}
            for _ in range(3):
                for name, one in (("embedded", embedded), ("cluster", server)):
                    report.progress(f"searches over HTTP, {name}, {clients} clients")
                    runs[name].append(json.loads(run_tool(bench, "bench_load", "search", one.port, clients, bench.seconds, questions)))
            if any(run["refused"] for both in runs.values() for run in both):
                raise RuntimeError(f"searches were refused: {runs}")
            figures = {name: {column: median(run[column] for run in found) for column in found[0]} for name, found in runs.items()}
            for name, found in figures.items():
                rows.append((name, clients, *(f"{found[column]:.{digits}f}" for column, digits in (
                    ("per_s", 0), ("p50_ms", 2), ("p99_ms", 2), ("index_p50_ms", 2), ("index_p99_ms", 2)))))
            ratios = {q: figures["cluster"][f"{q}_ms"] / figures["embedded"][f"{q}_ms"] for q in ("p50", "p99")}
            report.reached(f"cluster: search, {clients} connections, beside embedded",
                           f"p50 {ratios['p50']:.2f} x, p99 {ratios['p99']:.2f} x", "<= 1.25 x", max(ratios.values()) <= 1.25)
    report.note(f"{bench.library_chunks} chunks, model minilm, both servers up and one asked, in turn; index + fetch: the index and the passages "
                f"from the store, as the server's took_ms says; medians of 3 runs of {bench.seconds} s")
    report.table(("", "clients", "searches/s", "p50 ms", "p99 ms", "index+fetch p50", "p99 ms"), rows)
