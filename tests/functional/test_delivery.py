"""Nothing lost, doubled or stale: kills in the middle, changes and deletes under search, long documents."""

import collections
import threading
import time

import pytest

from serving import wait_until
from texts import long_text, text

LONG_BYTES = 6_000_000
LONG_FLAGS = ("--max-request-bytes", "16MB")


def shape(chunks):
    return [(chunk["index"], chunk["text"], chunk["range"]["start"], chunk["range"]["end"]) for chunk in chunks]


def indexed_chunk_ids(server, key):
    """What search can answer with for a document, all of it."""
    return [hit["chunk"]["id"] for hit in server.search("anything", top_k=1000, filter={"field": "key", "equals": key})]


def test_killed_and_restarted_nothing_is_doubled(start_server):
    server = start_server()
    documents = [{"key": f"k{n}", "content": text(n)} for n in range(400)]
    answers = server.bulk(documents)
    server.kill9()
    server.restart()
    again = server.bulk(documents, wait=120)
    assert {answer["result"] for answer in again} == {"unchanged"}
    assert [answer["document_id"] for answer in again] == [answer["document_id"] for answer in answers]
    server.wait_settled()
    total = 0
    for number in range(0, 400, 9):
        chunks = server.chunks(answers[number]["document_id"])
        assert [chunk["index"] for chunk in chunks] == list(range(len(chunks)))
        assert sorted(indexed_chunk_ids(server, f"k{number}")) == [chunk["id"] for chunk in chunks]
    for document in server.documents():
        assert (document["status"], document["version"], document["indexed_version"]) == ("indexed", 1, 1)
        total += document["chunks"]
    status = server.get("/v1/status")
    assert status["chunks"] == status["index"]["chunks"] == total


def test_sync_document_survives_a_kill_right_after_its_answer(start_server):
    server = start_server()
    for number in range(5):
        answer = server.post("/documents", {"title": f"S{number}", "content": f"Synchronous text {number}."})
        server.kill9()
        server.restart()
        results = server.post("/search", {"question": f"Synchronous text {number}.", "top_k": 1})["results"]
        assert results[0]["document_title"] == f"S{number}"
        document = server.document(answer["document_id"])
        assert document["status"] == "indexed" and document["chunks"] == answer["chunks_created"] == 1


class Searcher(threading.Thread):
    """Searches one document again and again; keeps what it saw and what went wrong."""

    def __init__(self, server, key):
        super().__init__(daemon=True)
        self.server, self.key = server, key
        self.seen, self.failure, self.stopping = [], None, False

    def run(self):
        try:
            while not self.stopping:
                hits = self.server.search("generation", top_k=1000, filter={"field": "key", "equals": self.key})
                self.seen.append(sorted(hit["chunk"]["text"] for hit in hits))
        except Exception as failure:
            self.failure = failure

    def finish(self):
        self.stopping = True
        self.join(60)
        assert self.failure is None, self.failure
        return self.seen

    def wait_seen(self, texts):
        wait_until(lambda: self.failure or self.seen[-1:] == [texts], f"{texts[0]} being seen")


@pytest.mark.parametrize("way", ["waiting", "not waiting"])
def test_new_content_is_swapped_at_once(start_server, way):
    """While it is searched, a document answers with one version, whole, and never goes back."""
    server = start_server()
    sentence = {"strategy": "sentence"}
    generations = [[f"This is generation {g} sentence {s}." for s in range(3 + g % 5)] for g in range(40)]
    server.add(" ".join(generations[0]), key="swapped", chunking=sentence)
    searchers = [Searcher(server, "swapped") for _ in range(2)]
    for searcher in searchers:
        searcher.start()
        searcher.wait_seen(sorted(generations[0]))
    for sentences in generations[1:]:
        body = {"key": "swapped", "content": " ".join(sentences), "chunking": sentence}
        server.post("/v1/documents" + ("?wait=60" if way == "waiting" else ""), body, None)
        time.sleep(0.01)
    wait_until(lambda: server.documents("?key=swapped")[0]["searchable"], "the last generation")
    expected = [sorted(sentences) for sentences in generations]
    for searcher in searchers:
        searcher.wait_seen(expected[-1])
        seen = [expected.index(texts) if texts in expected else texts for texts in searcher.finish()]
        mixed = [texts for texts in seen if not isinstance(texts, int)]
        assert not mixed, f"neither one version nor another: {mixed[:3]}"
        assert seen == sorted(seen) and len(set(seen)) > 1
    hits = server.search("generation", top_k=1000, filter={"field": "key", "equals": "swapped"})
    assert sorted(hit["chunk"]["text"] for hit in hits) == expected[-1]


def test_deleted_is_gone_at_once_and_stays_gone(start_server):
    server = start_server()
    answers = server.bulk([{"key": f"d{n}", "content": text(n)} for n in range(60)], wait=60)
    for number in range(0, 60, 2):
        server.delete(f"/v1/documents/{answers[number]['document_id']}")
        assert indexed_chunk_ids(server, f"d{number}") == []
    server.kill9()
    server.restart()
    for number in range(60):
        assert bool(indexed_chunk_ids(server, f"d{number}")) == (number % 2 == 1)
    assert len(server.documents()) == 30


def test_deleted_before_it_was_processed_never_appears(start_server):
    server = start_server()
    answers = server.bulk([{"key": f"q{n}", "content": text(n, 40)} for n in range(300)])
    for answer in answers[100:200]:
        server.delete(f"/v1/documents/{answer['document_id']}")
    server.kill9()
    server.restart()
    server.wait_settled()
    counts = server.get("/v1/status")["documents"]
    assert counts["indexed"] == 200 and counts["deleted"] == 100
    found = {hit["document"]["key"] for hit in server.search("note number begins", top_k=1000)}
    assert not found & {f"q{n}" for n in range(100, 200)}


def test_update_before_it_was_processed_leaves_the_newest_only(start_server):
    server = start_server()
    server.bulk([{"content": text(n, 60)} for n in range(200)])
    for version in range(20):
        server.bulk([{"key": f"u{n}", "content": f"Version {version} of {n}."} for n in range(10)])
    server.wait_settled()
    for number in range(10):
        document = server.documents(f"?key=u{number}")[0]
        assert (document["version"], document["indexed_version"]) == (20, 20)
        assert [chunk["text"] for chunk in server.chunks(document["id"])] == [f"Version 19 of {number}."]
        assert len(indexed_chunk_ids(server, f"u{number}")) == 1


def test_long_document_goes_on_after_a_kill(start_server):
    content = long_text(1, LONG_BYTES)
    reference = start_server(*LONG_FLAGS)
    expected = shape(reference.chunks(reference.add(content, wait=300, chunking={"strategy": "sentence"})["id"]))
    assert len(expected) > 20_000
    reference.stop()

    server = start_server(*LONG_FLAGS)
    document_id = server.post("/v1/documents", {"key": "long", "content": content, "chunking": {"strategy": "sentence"}}, 202)["id"]
    for part in (1, 2):
        wait_until(lambda: server.metric("millrace_embedded_texts_total") > 3000, f"part {part} of the long document")
        assert server.document(document_id)["indexed_version"] == 0, "it was done before it could be interrupted"
        assert indexed_chunk_ids(server, "long") == [], "a half of it is searchable"
        server.kill9()
        server.restart()
    server.wait_indexed(document_id, 300)
    assert shape(server.chunks(document_id)) == expected
    assert server.metric("millrace_embedded_texts_total") < len(expected) - 4000, "what was staged is not embedded again"
    server.wait_settled()
    status = server.get("/v1/status")
    assert status["chunks"] == status["index"]["chunks"] == len(expected)
    server.delete(f"/v1/documents/{document_id}")
    assert server.get("/v1/status")["index"]["chunks"] == 0


def test_short_documents_get_through_while_a_long_one_is_processed(start_server):
    server = start_server(*LONG_FLAGS, model="minilm")  # the real model has minutes of work with it
    long_id = server.post("/v1/documents", {"key": "long", "content": long_text(2, LONG_BYTES)}, 202)["id"]
    wait_until(lambda: server.document(long_id)["status"] == "processing", "the long document being processed")
    answers = server.bulk([{"content": f"A short text, number {n}."} for n in range(12)], wait=240)
    assert {answer["status"] for answer in answers} == {"indexed"}
    assert server.post("/documents", {"title": "Sync", "content": "Also a short one."})["chunks_created"] == 1
    assert server.document(long_id)["status"] == "processing"
    server.delete(f"/v1/documents/{long_id}")
    server.wait_settled(300)  # what the model has been given is embedded before the delete is met
    status = server.get("/v1/status")
    assert status["documents"]["deleted"] == 1 and status["chunks"] == status["index"]["chunks"] == 13


def test_a_short_version_overtakes_a_long_one(start_server):
    server = start_server(*LONG_FLAGS)
    long_one = server.post("/v1/documents", {"key": "both", "content": long_text(5, LONG_BYTES)}, 202)
    wait_until(lambda: server.metric("millrace_embedded_texts_total") > 300, "some of the long version")
    short_one = server.add("The short version.", key="both")
    assert (short_one["id"], short_one["version"], short_one["indexed_version"]) == (long_one["id"], 2, 2)
    server.wait_settled()
    assert [chunk["text"] for chunk in server.chunks(short_one["id"])] == ["The short version."]
    assert len(indexed_chunk_ids(server, "both")) == 1
    status = server.get("/v1/status")
    assert status["chunks"] == status["index"]["chunks"] == 1


def test_one_key_from_many_clients(start_server):
    """One document, versions without a gap, and the highest one's text."""
    server = start_server()
    answers = []

    def client(number):
        for index in range(15):
            content = f"Client {number} writes {index}."
            answer = server.post("/v1/documents", {"key": "contested", "content": content}, None)
            answers.append((answer["id"], answer["version"], answer["result"], content))
    threads = [threading.Thread(target=client, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    server.wait_settled()
    assert len({document_id for document_id, _, _, _ in answers}) == 1
    assert [result for _, _, result, _ in answers].count("created") == 1
    document = server.documents()[0]
    # An answer shows the newest version of its time, so the last writer is known by what came of it.
    assert document["version"] == document["indexed_version"] == 120
    content = server.content(document["id"])
    assert content in [content for _, version, _, content in answers if version == 120]
    hits = server.search("Client writes", filter={"field": "key", "equals": "contested"})
    assert [hit["chunk"]["text"] for hit in hits] == [content]


def test_every_offset_is_used_once(start_server):
    """Positions of messages: no two documents share one, and lag counts down to zero."""
    server = start_server()
    server.bulk([{"content": f"Positioned {n}."} for n in range(500)], wait=60)
    server.wait_settled()
    positions = [tuple(document["position"].values()) for document in server.documents()]
    assert len(set(positions)) == 500
    by_partition = collections.Counter(partition for _, partition, _ in positions)
    for one in server.get("/v1/status")["lag"]["partitions"]:
        assert one["committed"] == one["high"] == by_partition[one["partition"]]
    assert min(by_partition.values()) > 100, "the keys are spread over the partitions"
