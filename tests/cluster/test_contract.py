"""What clients, producers, tables and keys of the service before Millrace rely on, with everything on real servers."""

import array
import hashlib
import json
import math
import statistics
import struct
import time

import requests
from kafka.partitioner.default import murmur2

from cluster import Worker, sentences
from serving import wait_until
from stack import ANALYTICS, UPLOADS, WORKERS

CONVERGES = 20  # seconds: what events do not bring, the comparison with the store does, each 30 s
GUIDE = {"title": "Python Guide", "content": "Python is a programming language. It is easy to learn."}
GUIDE_CHUNKS = ["Python is a programming language.", "It is easy to learn."]


def rows(shared, document_id):
    return shared.sql("SELECT chunk_index, chunk_text, redis_key FROM embeddings WHERE document_id = %s ORDER BY id", document_id)


def expected_rows(document_id, texts):
    return tuple((index, text, f"emb:doc{document_id}:chunk{index}") for index, text in enumerate(texts))


def test_topics_are_created_as_the_contract_has_them(shared):
    topics = shared.stack.topics()
    assert topics[UPLOADS] == 3 and topics[ANALYTICS] == 1 and topics["document-events"] == 3


def test_health(shared):
    shared.one.wait_connected()


def test_sync_upload(shared):
    answer = shared.one.post("/documents", GUIDE)
    document_id = answer.pop("document_id")
    assert answer == {"status": "success", "chunks_created": 2, "processing_mode": "sync"}
    assert rows(shared, document_id) == expected_rows(document_id, GUIDE_CHUNKS)
    assert shared.one.best(GUIDE_CHUNKS[1]) == GUIDE_CHUNKS[1]
    assert shared.sql("SELECT title, content FROM documents WHERE id = %s", document_id) == ((GUIDE["title"], GUIDE["content"]),)


def test_async_upload(shared):
    answer = shared.one.upload(1)
    assert answer.status_code == 200
    body = answer.json()
    document_id = body.pop("document_id")
    assert body == {"status": "accepted", "message": "Document queued for async processing", "processing_mode": "async"}
    shared.one.wait_indexed(document_id)
    assert rows(shared, document_id) == expected_rows(document_id, sentences(1))


def test_list_search_and_delete(shared):
    document_id = shared.one.upload(2).json()["document_id"]
    shared.one.wait_indexed(document_id)
    newest = shared.other.get("/documents")["documents"][0]
    assert list(newest) == ["id", "title", "created_at"] and newest["id"] == document_id
    time.strptime(newest["created_at"], "%Y-%m-%d %H:%M:%S")
    found = shared.one.post("/search", {"question": sentences(2)[0], "top_k": 1})
    assert found["query"] == sentences(2)[0]
    hit = found["results"][0]
    assert list(hit) == ["chunk_id", "text", "document_title", "similarity"]
    assert hit["text"] == sentences(2)[0] and abs(hit["similarity"] - 1) < 1e-4
    assert shared.sql("SELECT document_id, chunk_text FROM embeddings WHERE id = %s", hit["chunk_id"]) == ((document_id, hit["text"]),)
    assert shared.one.delete(f"/documents/{document_id}") == {"status": "deleted", "document_id": document_id}
    assert not shared.one.finds(2)
    wait_until(lambda: not shared.other.finds(2), "the other server's index without the document", CONVERGES)
    assert shared.one.request("DELETE", f"/documents/{document_id}").status_code == 404
    assert rows(shared, document_id) == () and shared.sql("SELECT 1 FROM documents WHERE id = %s", document_id) == ()
    wait_until(lambda: shared.keys(document_id) == [], "the keys gone")


def test_our_messages(shared):
    """Five members, the key, the partition where Java's client puts that key, and headers beside them."""
    document_id = shared.one.upload(3).json()["document_id"]
    shared.one.wait_indexed(document_id)
    key = f"doc_{document_id}"
    record = [record for record in shared.stack.records(UPLOADS) if record.key == key.encode()][0]
    value = json.loads(record.value)
    created_at = value.pop("created_at")
    assert value == {"document_id": document_id, "title": "Document 3", "content": " ".join(sentences(3)), "status": "pending"}
    time.strptime(created_at[:19], "%Y-%m-%dT%H:%M:%S")
    assert record.partition == (murmur2(key.encode()) & 0x7FFFFFFF) % 3
    assert {name for name, _ in record.headers} == {"millrace-version", "millrace-store"}


def test_sample_messages_of_a_foreign_producer(shared):
    """Ids without a row, a member missing, a member that nobody knows."""
    highest = max((document["id"] for document in shared.one.get("/documents")["documents"]), default=0)
    base = highest + 1000
    samples = {
        base: {"document_id": base, "title": "Kafka 101", "content": " ".join(sentences(11)), "status": "pending", "created_at": "2024-01-15T10:30:00"},
        base + 1: {"document_id": base + 1, "title": "No status", "content": " ".join(sentences(12))},
        base + 2: {"document_id": base + 2, "content": " ".join(sentences(13)), "author": {"name": "x"}, "status": 7},
    }
    for document_id, sample in samples.items():
        shared.stack.produce(UPLOADS, sample, key=f"doc_{document_id}")
    for number, document_id in zip((11, 12, 13), samples):
        wait_until(lambda: rows(shared, document_id) == expected_rows(document_id, sentences(number)), f"the rows of {document_id}")
        for server in (shared.one, shared.other):
            wait_until(lambda: server.finds(number), "the document in a search", CONVERGES)
    assert shared.one.document(base)["title"] == "Kafka 101"
    assert shared.one.document(base + 2)["title"] == ""
    assert shared.sql("SELECT title FROM documents WHERE id = %s", base + 1) == (("No status",),)


def test_foreign_message_replaces_a_document(shared):
    document_id = shared.one.upload(21).json()["document_id"]
    shared.one.wait_indexed(document_id)
    shared.stack.produce(UPLOADS, {"document_id": document_id, "title": "New", "content": " ".join(sentences(22))}, key=f"doc_{document_id}")
    wait_until(lambda: shared.one.finds(22) and not shared.one.finds(21), "the new version in a search")
    document = shared.one.document(document_id)
    assert (document["title"], document["version"], document["status"]) == ("New", 2, "indexed")
    # The same content again is nothing new, wherever it comes from.
    shared.stack.produce(UPLOADS, {"document_id": document_id, "title": "New", "content": " ".join(sentences(22))}, key=f"doc_{document_id}")
    wait_until(lambda: shared.stack.lag() == 0, "the message read", pause=0.2)
    assert shared.one.document(document_id)["version"] == 2


def test_redis_holds_the_vectors(shared):
    document_id = shared.one.upload(31).json()["document_id"]
    shared.one.wait_indexed(document_id)
    expected = sorted(f"emb:doc{document_id}:chunk{index}" for index in range(len(sentences(31))))
    wait_until(lambda: shared.keys(document_id) == expected, "the keys")
    with shared.stack.redis() as client:
        vectors = [struct.unpack("<384f", client.get(f"emb:doc{document_id}:chunk{index}")) for index in range(len(expected))]
    assert all(abs(math.hypot(*vector) - 1) < 1e-4 for vector in vectors)
    assert len(set(vectors)) == len(vectors)
    # Cosine of two chunks as an outside program computes it from the keys is the similarity that a search tells.
    hits = shared.one.post("/search", {"question": sentences(31)[0], "top_k": 1000})["results"]
    second = next(hit for hit in hits if hit["text"] == sentences(31)[1])
    assert abs(second["similarity"] - sum(a * b for a, b in zip(vectors[0], vectors[1]))) < 1e-3


def test_rows_of_another_program(shared):
    """Its statements still work, its document is found, and its vector is the one it left in Redis."""
    text = "Another program wrote this chunk itself."
    connection = shared.stack.mysql(shared.database)
    try:
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO documents (title, content) VALUES (%s, %s)", ("Foreign", text))
            document_id = cursor.lastrowid
            with shared.stack.redis() as client:
                vector = array.array("f", [1.0] + [0.0] * 383)
                client.set(f"emb:doc{document_id}:chunk0", vector.tobytes())
            cursor.execute("INSERT INTO embeddings (document_id, chunk_text, chunk_index, redis_key) VALUES (%s, %s, 0, %s)",
                           (document_id, text, f"emb:doc{document_id}:chunk0"))
            chunk_id = cursor.lastrowid
    finally:
        connection.close()

    def adopted():
        hits = shared.one.post("/search", {"question": "Another program", "top_k": 1000})["results"]
        return any(hit["chunk_id"] == chunk_id and hit["text"] == text for hit in hits)
    wait_until(adopted, "the foreign rows in a search", 90, 0.5)
    assert rows(shared, document_id) == ((0, text, f"emb:doc{document_id}:chunk0"),)


def test_large_document_travels_by_reference(shared):
    lines = [f"Line {index} of a large document, {index * 7919 % 100003}." for index in range(40_000)]
    content = "\n".join(lines)
    assert len(content) > 1_500_000
    answer = shared.one.post("/v1/documents", {"title": "Large", "content": content}, 202)
    document = shared.one.wait_indexed(answer["id"], 120)
    record = [record for record in shared.stack.records(UPLOADS) if record.key == f"doc_{answer['id']}".encode()][0]
    value = json.loads(record.value)
    assert value["content"] == "" and len(record.value) < 1000
    assert value["content_ref"]["sha256"] == hashlib.sha256(content.encode()).hexdigest()
    assert value["content_ref"]["bytes"] == len(content.encode())
    assert shared.one.content(answer["id"]) == content
    stored = shared.sql("SELECT COUNT(*), COUNT(DISTINCT chunk_index), MAX(chunk_index) FROM embeddings WHERE document_id = %s", answer["id"])
    assert stored == ((document["chunks"], document["chunks"], document["chunks"] - 1),)


def test_servers_converge(shared):
    """Indexed by whichever worker, found on both within 2 s; deleted on one, gone from the other within 2 s. What this machine does beside it
    may hold up some, but not most of them."""
    found, gone = [], []
    for number in range(41, 51):
        document_id = shared.one.upload(number).json()["document_id"]
        shared.one.wait_indexed(document_id)
        since = time.monotonic()
        wait_until(lambda: shared.other.finds(number), "the document on the other server", CONVERGES)
        found.append(time.monotonic() - since)
        shared.other.delete(f"/documents/{document_id}")
        since = time.monotonic()
        assert not shared.other.finds(number)
        wait_until(lambda: not shared.one.finds(number), "the document gone from the first server", CONVERGES)
        gone.append(time.monotonic() - since)
    assert statistics.median(found) < 2 and statistics.median(gone) < 2, (found, gone)


def test_update_converges(shared):
    for generation in range(5):
        shared.one.add(f"Generation {generation} of the shared document.", key="converging", expect=200)
        wait_until(lambda: shared.other.best(f"Generation {generation} of the shared document.") == f"Generation {generation} of the shared document.",
                   "the new version on the other server", CONVERGES)
    hits = shared.other.search("Generation", top_k=1000, filter={"field": "key", "equals": "converging"})
    assert [hit["chunk"]["text"] for hit in hits] == ["Generation 4 of the shared document."]


def test_analytics_message_of_a_search(shared):
    question = f"an unheard-of question {time.time_ns()}"
    requests.post(shared.one.url + "/search", json={"question": question, "top_k": 2}).raise_for_status()
    found = wait_until(lambda: [value for _, value in shared.stack.messages(ANALYTICS) if value["query"] == question], "the message", pause=0.3)
    assert len(found) == 1
    assert found[0]["results_count"] == 2 and isinstance(found[0]["top_similarity"], float)
    time.strptime(found[0]["timestamp"][:19], "%Y-%m-%dT%H:%M:%S")


def bad_messages(shared):
    """How many messages the workers took for no upload, as their metrics count them."""
    total = 0
    for worker in (program for program in shared.programs if isinstance(program, Worker)):
        lines = requests.get(worker.url + "/metrics", timeout=5).text.splitlines()
        total += sum(float(line.split()[-1]) for line in lines if line.startswith("millrace_bad_messages_total "))
    return total


def test_poison_blocks_nothing(shared):
    """Not JSON, no id, no content, an id out of range, no value: each is a dead letter and counted, the good ones around them are indexed."""
    before = bad_messages(shared)
    good = {}
    poison = [b"not json", b"\xff\xfe", b"[]", b"", {"title": "no id", "content": "x"}, {"document_id": "7", "content": "x"},
              {"document_id": 90_000_001}, {"document_id": 4_000_000_000_000, "content": "x"}, {"document_id": -1, "content": "x"}, None]
    for index, value in enumerate(poison):
        shared.stack.produce(UPLOADS, value, key="doc_1")
        answer = shared.one.upload(100 + index)
        good[answer.json()["document_id"]] = 100 + index
    shared.check(good, shared.other)
    assert bad_messages(shared) - before == len(poison)
    listed = [letter for letter in shared.one.pages("/v1/dead-letters", "dead_letters") if letter["error"]["stage"] == "decode"]
    assert len(listed) == len(poison) and len({str(letter["original"]) for letter in listed}) == len(poison)
    assert shared.stack.lag() == 0 and shared.stack.committed(WORKERS)
