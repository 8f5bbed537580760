"""/v1/search: exact order, limits, filters."""

import random

import pytest

from serving import Starter, expect_problem
from texts import text

LIBRARY = [
    ("en/one", {"lang": "en", "year": 1999, "rating": 4.5, "draft": False, "tags": ["river", "stone"]}),
    ("en/two", {"lang": "en", "year": 2010, "rating": 3.0, "draft": True, "tags": ["stone"]}),
    ("de/one", {"lang": "de", "year": 2010, "rating": 5, "draft": False, "tags": []}),
    ("de/two", {"lang": "de", "year": 2024, "tags": ["garden", "river"]}),
    ("none", {}),
]


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    starter = Starter(tmp_path_factory.mktemp("library"))
    server = starter()
    server.bulk([{"key": key, "title": f"Title of {key}", "metadata": metadata, "content": text(number),
                  "chunking": {"strategy": "sentence"}} for number, (key, metadata) in enumerate(LIBRARY)], wait=60)
    yield server
    starter.stop_all()


def keys(server, condition, top_k=1000):
    return {hit["document"]["key"] for hit in server.search("river stone garden", top_k=top_k, filter=condition)}


def test_shape(library):
    answer = library.post("/v1/search", {"query": "river stone", "top_k": 2})
    assert list(answer) == ["query", "hits", "took_ms"]
    assert answer["query"] == "river stone"
    assert list(answer["took_ms"]) == ["embed", "index", "hydrate", "total"]
    assert all(milliseconds >= 0 for milliseconds in answer["took_ms"].values())
    assert len(answer["hits"]) == 2
    for hit in answer["hits"]:
        assert list(hit) == ["score", "document", "chunk"]
        assert list(hit["document"]) == ["id", "key", "title", "metadata"]
        assert list(hit["chunk"]) == ["id", "index", "text", "range"]
        assert hit["document"]["metadata"] == dict(LIBRARY)[hit["document"]["key"]]
        chunks = {chunk["id"]: chunk for chunk in library.chunks(hit["document"]["id"])}
        assert chunks[hit["chunk"]["id"]] == hit["chunk"]


def test_a_chunks_own_text_finds_it_first(library):
    chunks = [chunk for document in library.documents() for chunk in library.chunks(document["id"])]
    for chunk in random.Random(1).sample(chunks, 25):
        hits = library.search(chunk["text"], top_k=5)
        assert hits[0]["score"] == pytest.approx(1, abs=1e-4)
        assert chunk["text"] in [hit["chunk"]["text"] for hit in hits if hit["score"] > 0.9999]


def test_best_first_and_a_prefix_of_all(library):
    total = library.get("/v1/status")["chunks"]
    whole = library.search("the baker in the narrow garden", top_k=1000)
    assert len(whole) == total
    assert len({hit["chunk"]["id"] for hit in whole}) == total
    scores = [hit["score"] for hit in whole]
    assert scores == sorted(scores, reverse=True)
    assert all(-1.0001 <= score <= 1.0001 for score in scores)
    for top_k in (1, 2, 7, total - 1):
        part = library.search("the baker in the narrow garden", top_k=top_k)
        assert [hit["score"] for hit in part] == pytest.approx(scores[:top_k], abs=1e-6)
    assert len(library.search("the baker in the narrow garden")) == 10


def test_both_searches_agree(library):
    old = library.post("/search", {"question": "copper kettle", "top_k": 20})["results"]
    new = library.search("copper kettle", top_k=20)
    assert [result["similarity"] for result in old] == pytest.approx([hit["score"] for hit in new], abs=1e-6)
    assert [result["document_title"] for result in old] == [hit["document"]["title"] for hit in new]


def test_min_score(library):
    whole = library.search("stone bridge", top_k=1000)
    bound = whole[10]["score"]
    some = library.search("stone bridge", top_k=1000, min_score=bound - 1e-6)
    assert len(some) == len([hit for hit in whole if hit["score"] >= bound - 1e-6])
    assert all(hit["score"] >= bound - 1e-6 for hit in some)
    assert library.search("stone bridge", min_score=1) == []


@pytest.mark.parametrize("condition, expected", [
    ({"field": "metadata.lang", "equals": "en"}, {"en/one", "en/two"}),
    ({"field": "metadata.year", "equals": 2010}, {"en/two", "de/one"}),
    ({"field": "metadata.year", "equals": 2010.0}, {"en/two", "de/one"}),
    ({"field": "metadata.year", "equals": "2010"}, set()),
    ({"field": "metadata.draft", "equals": True}, {"en/two"}),
    ({"field": "metadata.draft", "equals": 1}, set()),
    ({"field": "metadata.tags", "equals": "river"}, {"en/one", "de/two"}),
    ({"field": "metadata.tags", "in": ["garden", "stone"]}, {"en/one", "en/two", "de/two"}),
    ({"field": "metadata.lang", "in": []}, set()),
    ({"field": "metadata.year", "gte": 2010}, {"en/two", "de/one", "de/two"}),
    ({"field": "metadata.year", "gt": 2010}, {"de/two"}),
    ({"field": "metadata.year", "gte": 1999, "lt": 2010}, {"en/one"}),
    ({"field": "metadata.rating", "lte": 4.5}, {"en/one", "en/two"}),
    ({"field": "metadata.lang", "gt": "de"}, {"en/one", "en/two"}),
    ({"field": "metadata.rating", "exists": True}, {"en/one", "en/two", "de/one"}),
    ({"field": "metadata.rating", "exists": False}, {"de/two", "none"}),
    ({"field": "metadata.unknown", "exists": True}, set()),
    ({"field": "key", "equals": "none"}, {"none"}),
    ({"field": "key", "in": ["none", "de/one", "nowhere"]}, {"none", "de/one"}),
    ({"field": "title", "equals": "Title of en/two"}, {"en/two"}),
    ({"all": [{"field": "metadata.lang", "equals": "en"}, {"field": "metadata.draft", "equals": False}]}, {"en/one"}),
    ({"any": [{"field": "metadata.lang", "equals": "en"}, {"field": "metadata.year", "equals": 2024}]}, {"en/one", "en/two", "de/two"}),
    ({"not": {"field": "metadata.lang", "equals": "en"}}, {"de/one", "de/two", "none"}),
    ({"all": []}, {"en/one", "en/two", "de/one", "de/two", "none"}),
    ({"any": []}, set()),
    ({"not": {"any": [{"field": "metadata.draft", "exists": True}, {"field": "key", "equals": "none"}]}}, {"de/two"}),
])
def test_filters(library, condition, expected):
    assert keys(library, condition) == expected


def test_filter_by_document_id(library):
    ids = {document["key"]: document["id"] for document in library.documents()}
    assert keys(library, {"field": "document_id", "equals": ids["de/two"]}) == {"de/two"}
    assert keys(library, {"field": "document_id", "gte": ids["de/two"]}) == {"de/two", "none"}


def test_filter_does_not_shorten_the_answer(library):
    """The filter applies before the best are taken, however rare its documents are."""
    condition = {"field": "key", "equals": "none"}
    document = library.documents("?key=none")[0]
    hits = library.search("wholly unrelated words of another kind", top_k=document["chunks"], filter=condition)
    assert len(hits) == document["chunks"]


@pytest.mark.parametrize("members, pointer", [
    ({}, "/query"),
    ({"query": ""}, "/query"),
    ({"query": " \t"}, "/query"),
    ({"query": ["x"]}, "/query"),
    ({"query": "x" * 100_000}, "/query"),
    ({"query": "x", "top_k": 0}, "/top_k"),
    ({"query": "x", "top_k": 1001}, "/top_k"),
    ({"query": "x", "top_k": "5"}, "/top_k"),
    ({"query": "x", "min_score": "high"}, "/min_score"),
    ({"query": "x", "min_score": 2}, "/min_score"),
    ({"query": "x", "topk": 5}, "/topk"),
    ({"query": "x", "filter": []}, "/filter"),
    ({"query": "x", "filter": {"field": "colour", "equals": 1}}, "/filter/field"),
    ({"query": "x", "filter": {"field": "metadata.a"}}, "/filter"),
    ({"query": "x", "filter": {"field": "metadata.a", "like": "b"}}, "/filter/like"),
    ({"query": "x", "filter": {"field": "metadata.a", "equals": {}}}, "/filter/equals"),
    ({"query": "x", "filter": {"all": [{"field": "key", "equals": "a"}, 5]}}, "/filter/all/1"),
    ({"query": "x", "filter": {"not": []}}, "/filter/not"),
    ({"query": "x", "filter": {}}, "/filter"),
])
def test_wrong_searches_name_the_field(library, members, pointer):
    expect_problem(library.request("POST", "/v1/search", json=members), 422, pointer)


def test_too_deep_filter(library):
    condition = {"field": "key", "equals": "none"}
    for _ in range(14):
        condition = {"not": condition}
    assert keys(library, condition) == {"none"}
    for _ in range(4):
        condition = {"not": condition}
    expect_problem(library.request("POST", "/v1/search", json={"query": "x", "filter": condition}), 422)


def test_nothing_to_find(start_server):
    assert start_server().search("anything") == []


def test_long_query_is_cut_not_refused(library):
    assert len(library.search("river " * 1000)) == 10
