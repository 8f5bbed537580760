"""The stages: each measures one thing, prints its table and says what it reached."""
import json
import math
import os
import re
import statistics
import subprocess
import sys
import time

import texts
from driving import median, run_tool, send_from_four
from library import settled_resident
from server import fresh_server


def json_lines(text):
    return [json.loads(line) for line in text.splitlines()]


def embed(bench):
    report = bench.report
    rows = []
    for precision in ("float32", "int8"):
        report.progress(f"bench_embed, {precision}")
        for line in json_lines(run_tool(bench, "bench_embed", "--precision", precision, "--rounds", bench.rounds)):
            if "matmul_gflops" in line:
                bound = line
            elif "set" in line:
                rows.append((line["set"].strip(), precision, line["tok_per_cpu_s"], f"{line['share_of_bound']:.2f}"))
    report.note(f"one thread, made-up texts; bound: {bound['matmul_gflops']:.0f} GFLOP/s of float32 matrix products = "
                f"{bound['bound_tok_per_cpu_s']} tokens per CPU second, in the same run; medians of {bench.rounds} rounds")
    report.table(("texts", "precision", "tokens/CPU s", "share of bound"), rows)

    what, paragraphs = texts.real_paragraphs()
    corpus = os.path.join(bench.work, "corpus.jsonl")
    with open(corpus, "w", encoding="utf-8") as lines:
        lines.writelines(json.dumps({"text": paragraph}) + "\n" for paragraph in paragraphs)
    report.progress(f"peers over {what}")
    command = [sys.executable, os.path.join(texts.HERE, "embed_peers.py"), corpus, "--texts", str(bench.peer_texts),
               "--rounds", str(bench.rounds), "--bench", os.path.join(bench.build, "bench_embed")]
    output = subprocess.run(command + ["--torch"] * bench.torch, check=True, stdout=subprocess.PIPE, text=True).stdout
    report.note(f"mixed texts, {what}: {output}")
    for peer, wanted in (("onnxruntime", 1.3), ("sentence-transformers", 1.2)):
        found = re.search(rf"  {peer}.*: millrace is ([\d.]+) times", output)
        if found:
            report.reached(f"embedding, mixed texts, against {peer}", found[1] + " x", f">= {wanted} x",
                           float(found[1]) >= wanted)
        else:
            report.left_out(f"embedding against {peer}", "--no-torch")


def search(bench):
    report = bench.report
    report.progress("bench_index")
    output = run_tool(bench, "bench_index", bench.library_chunks)
    line_of = re.compile(r"^(\S+)\s+p50 (\S+) ms, p99 (\S+) ms; reading \S+ MB (\S+) ms \((\S+) GB/s\): (\S+) x", re.M)
    report.note(f"index part, {bench.library_chunks} chunks, top 10, one thread, CPU time; reading = the int8 codes once")
    report.table(("kernel", "p50 ms", "p99 ms", "reading ms", "GB/s", "search / reading"), line_of.findall(output))
    for kernel, *_, ratio in line_of.findall(output):
        if kernel != "scalar":
            report.reached(f"search, index part, {kernel}", f"{ratio} x reading", "<= 1.5 x", float(ratio) <= 1.5)

    questions = os.path.join(bench.work, "questions.txt")
    with open(questions, "w") as lines:
        lines.write("\n".join(texts.questions(2000)) + "\n")
    rows = []
    for model in ("test", "minilm"):
        with bench.library(model).open() as server:
            for clients in (1, 16):
                report.progress(f"searches over HTTP, model {model}, {clients} clients")
                runs = [json.loads(run_tool(bench, "bench_load", "search", server.port, clients, bench.seconds, questions))
                        for _ in range(3)]
                if any(run["refused"] for run in runs):
                    raise RuntimeError(f"searches were refused: {runs}")
                rows.append((model, clients, *(f"{median(run[name] for run in runs):.{digits}f}" for name, digits in (
                    ("per_s", 0), ("p50_ms", 2), ("p99_ms", 2), ("index_p50_ms", 2), ("index_p99_ms", 2)))))
    report.note("over HTTP, client and server on the same cores; index + fetch: without HTTP and without the embedding of "
                "the query, as the server's took_ms says; medians of 3 runs")
    report.table(("model", "clients", "searches/s", "p50 ms", "p99 ms", "index+fetch p50", "p99 ms"), rows)


def ingest(bench):
    """A fresh server takes real texts; then the bare embedder takes the very same chunks. In turn, several times."""
    report = bench.report
    what, documents = texts.real_documents()
    chunks_path = os.path.join(bench.work, "chunks.jsonl")
    rounds = []
    for number in range(bench.rounds):
        report.progress(f"ingestion round {number + 1}")
        with fresh_server(bench, "ingest") as server:
            cpu, tokens = server.metric("process_cpu_seconds_total"), server.metric("millrace_embedded_tokens_total")
            start = time.perf_counter()
            ids = send_from_four(server.port, documents, wait=300)
            seconds = time.perf_counter() - start
            cpu = server.metric("process_cpu_seconds_total") - cpu
            tokens = server.metric("millrace_embedded_tokens_total") - tokens
            if number == 0:
                write_chunks(server, ids, chunks_path)
        count = sum(1 for _ in open(chunks_path))
        output = run_tool(bench, "bench_embed", "--rounds", 1, "--workers", len(os.sched_getaffinity(0)), "--corpus",
                          chunks_path, "--texts", count)
        bare = next(line for line in json_lines(output) if "set" in line)
        rounds.append((count / seconds, bare["texts_per_s"], tokens / cpu, bare["tok_per_cpu_s"], tokens / seconds))
    report.note(f"{len(documents)} documents, {what}, {count} passages, {tokens:.0f} tokens; all cores; from the first "
                f"POST (4 connections, bulk) until all are searchable; medians of {bench.rounds} rounds in turn")
    served, bare, served_cpu, bare_cpu, token_rate = (median(column) for column in zip(*rounds))
    share = median(row[0] / row[1] for row in rounds)
    share_cpu = median(row[2] / row[3] for row in rounds)
    bare_busy = bare * tokens / count / bare_cpu  # cores that it had: less than there are when others work here, too
    report.table(("", "chunks/s", "tokens/CPU s", "cores busy"),
                 [("HTTP in to searchable", f"{served:.1f}", f"{served_cpu:.0f}", f"{token_rate / served_cpu:.2f}"),
                  ("the bare embedder", f"{bare:.1f}", f"{bare_cpu:.0f}", f"{bare_busy:.2f}"),
                  ("share", f"{share:.2f}", f"{share_cpu:.2f}", "")])
    report.reached("ingestion, share of the bare embedder's rate", f"{share:.2f} ({token_rate:.0f} tokens/s)", ">= 0.85",
                   share >= 0.85)


def write_chunks(server, ids, path):
    with open(path, "w", encoding="utf-8") as lines:
        for document in ids:
            cursor = ""
            while cursor is not None:
                page = server.json("GET", f"/v1/documents/{document}/chunks?limit=100{cursor and '&cursor=' + cursor}")
                lines.writelines(json.dumps({"text": chunk["text"]}) + "\n" for chunk in page["chunks"])
                cursor = page["next_cursor"]


def syncs_per_second(directory, seconds=2):
    path = os.path.join(directory, "syncs")
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    count, start = 0, time.perf_counter()
    while time.perf_counter() < start + seconds:
        os.write(descriptor, b"x" * 4096)
        os.fdatasync(descriptor)
        count += 1
    rate = count / (time.perf_counter() - start)
    os.close(descriptor)
    os.unlink(path)
    return rate


def accept(bench):
    report = bench.report
    rows, syncs = [], []
    for model, shape in (("test", "the pipeline runs, hashing instead of a model"), ("minilm", "the model embeds meanwhile")):
        for name, connections, lines, wanted in (("bulk, 500 a request", 4, 500, 5000), ("one by one", 64, 1, 1500)):
            runs = []
            for _ in range(3):
                report.progress(f"accepting, {name}, model {model}")
                syncs.append(syncs_per_second(bench.work))
                with fresh_server(bench, "accept", model, ("--drain-seconds", "1")) as server:
                    output = run_tool(bench, "bench_load", "accept", server.port, connections, bench.seconds, lines)
                    run = json.loads(output)
                    if run["refused"] or server.metric("millrace_documents_accepted_total") < run["accepted"]:
                        raise RuntimeError(f"documents were refused or not counted: {run}")
                    runs.append(run)
            rate = median(run["per_s"] for run in runs)
            rows.append((f"{name}, {connections} connections", shape, f"{rate:.0f}",
                         *(f"{median(run[column] for run in runs):.1f}" for column in ("p50_ms", "p99_ms"))))
            report.reached(f"accepting, {name}, model {model}", f"{rate:.0f}/s", f">= {wanted}/s", rate >= wanted)
    report.note(f"documents of 1 KB, durable before the answer; client and server on the same cores; medians of 3 runs of "
                f"{bench.seconds} s\nthe disk: {median(syncs):.0f} times a second 4 KB and fdatasync, one after another")
    report.table(("how", "meanwhile", "documents/s", "p50 ms", "p99 ms"), rows)


def memory(bench):
    report = bench.report
    with fresh_server(bench, "idle") as server:
        idle = settled_resident(server)
        server.json("POST", "/v1/search", {"query": "what is this about?"})
        searched = settled_resident(server)
    library = bench.library("test")
    with library.open() as server:
        loaded = settled_resident(server)
        for question in texts.questions(200):
            server.json("POST", "/v1/search", {"query": question})
        after_searches = settled_resident(server)
        index = server.metric("millrace_index_bytes")
    vectors = 384 * 4

    def per_chunk(resident):
        return (resident - library.resident_when_empty) / library.chunks - vectors

    report.note(f"resident memory; {library.chunks} chunks, {library.chunks // 10} documents, model test; beyond the empty "
                f"server and {vectors} bytes of floats a chunk (the text stays on the disk)")
    rows = [("idle, model minilm", f"{idle / 1e6:.0f}", ""), ("  after a search", f"{searched / 1e6:.0f}", ""),
            ("empty, model test", f"{library.resident_when_empty / 1e6:.0f}", ""),
            ("  after filling", f"{library.resident_after_fill / 1e6:.0f}", f"{per_chunk(library.resident_after_fill):.0f}"),
            ("  started on it", f"{loaded / 1e6:.0f}", f"{per_chunk(loaded):.0f}"),
            ("  after 200 searches", f"{after_searches / 1e6:.0f}", f"{per_chunk(after_searches):.0f}"),
            ("  the index alone", f"{index / 1e6:.0f}", f"{index / library.chunks - vectors:.0f}")]
    report.table(("", "MB", "bytes/chunk beyond"), rows)
    worst = max(map(per_chunk, (library.resident_after_fill, loaded, after_searches)))
    report.reached("memory, idle with the model", f"{idle / 2**20:.0f} MiB", "<= 350", idle / 2**20 <= 350)
    report.reached("memory, a chunk beyond vectors and text", f"{worst / 1024:.2f} KiB", "<= 1.1", worst / 1024 <= 1.1)


def start(bench):
    report = bench.report
    rows = []
    for model in ("test", "minilm"):
        library, seconds = bench.library(model), []
        for number in range(bench.rounds):
            report.progress(f"start {number + 1}, model {model}")
            with library.open() as server:
                seconds.append(server.seconds_to_ready)
        rows.append((model, f"{median(seconds):.2f}", f"{max(seconds):.2f}"))
        if model == "minilm":
            report.reached(f"start with {library.chunks} chunks", f"{median(seconds):.2f} s", "<= 3 s", median(seconds) <= 3)
    report.note(f"from the start of the process to /readyz 200, {bench.library_chunks} chunks; the files are in the page "
                f"cache; {bench.rounds} starts")
    report.table(("model", "median s", "longest s"), rows)


def retrieval(bench):
    report = bench.report
    if not os.path.isdir(texts.SETS):
        report.left_out("retrieval", "the labelled sets are not on this machine")
        return
    rows = []
    for name, wanted in (("medline", 0.7875), ("xquad_en", 0.9433)):
        figures = {}
        for strategy in ("whole", "sentence", "passage"):
            report.progress(f"retrieval, {name}, {strategy}")
            figures[strategy] = ndcg_at_10(bench, os.path.join(texts.SETS, name), strategy)
        rows.append((name, *(f"{value:.4f}" for value in figures.values()), wanted))
        report.reached(f"retrieval, {name}, whole", f"{figures['whole']:.4f}", f"{wanted} +- 0.003",
                       abs(figures["whole"] - wanted) <= 0.003)
    report.note("nDCG@10, score of a document = its best chunk")
    report.table(("set", "whole", "sentence", "passage", "reference, whole"), rows)


def ndcg_at_10(bench, folder, strategy):
    corpus = texts.read_jsonl(os.path.join(folder, "corpus.jsonl"))
    relevant = {}
    with open(os.path.join(folder, "qrels.tsv")) as lines:
        for query, document, gain in (line.split() for line in list(lines)[1:]):
            relevant.setdefault(query, {})[document] = int(gain)
    with fresh_server(bench, "retrieval") as server:
        documents = [{"key": row["_id"], "title": row["title"], "content": row["text"], "chunking": {"strategy": strategy}}
                     for row in corpus]
        for first in range(0, len(documents), 500):
            server.send_bulk(documents[first:first + 500], wait=300)
        values = []
        for query in texts.read_jsonl(os.path.join(folder, "queries.jsonl")):
            gains = relevant.get(query["_id"])
            if not gains:
                continue
            hits = server.json("POST", "/v1/search", {"query": query["text"], "top_k": 300})["hits"]
            found = list(dict.fromkeys(hit["document"]["key"] for hit in hits))[:10]
            best = sum(gain / math.log2(rank + 2) for rank, gain in enumerate(sorted(gains.values(), reverse=True)[:10]))
            values.append(sum(gains.get(key, 0) / math.log2(rank + 2) for rank, key in enumerate(found)) / best)
    return statistics.mean(values)
