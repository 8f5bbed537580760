"""/v1/documents: creating, changing, watching, listing, reading back, deleting, failing and trying again."""

import re
import time
import unicodedata

import pytest

from serving import expect_problem
from texts import MANY_SCRIPTS, long_text, text

MEMBERS = ["id", "key", "title", "status", "version", "indexed_version", "searchable", "chunks", "content_bytes", "attempts", "next_attempt_at",
           "metadata", "chunking", "created_at", "updated_at", "steps", "error", "warning", "position"]
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
REFUSED = "The test model does not take millracerefusethis at all."


def key(name):
    return f"{name}/{time.time_ns()}"


def test_create_and_wait(server):
    content = text(1)
    answer = server.request("POST", "/v1/documents?wait=30", 200, json={"content": content, "title": "First"})
    document = answer.json()
    assert answer.headers["Location"] == f"/v1/documents/{document['id']}"
    assert document["result"] == "created"
    assert sorted(document) == sorted(MEMBERS + ["result"])
    assert (document["status"], document["searchable"], document["error"]) == ("indexed", True, None)
    assert (document["version"], document["indexed_version"]) == (1, 1)
    assert document["content_bytes"] == len(content)
    assert document["chunks"] == len(server.chunks(document["id"])) > 0
    assert document["chunking"] == {"strategy": "passage", "max_tokens": 200, "overlap_tokens": 0}
    assert document["key"] is None and document["metadata"] == {} and document["title"] == "First"
    shown = server.document(document["id"])
    assert sorted(shown) == sorted(MEMBERS)
    assert {**shown, "result": "created"} == document | {"position": shown["position"], "updated_at": shown["updated_at"]}


def test_create_without_waiting(server):
    answer = server.request("POST", "/v1/documents", 202, json={"content": text(2)})
    document = answer.json()
    assert answer.headers["Location"] == f"/v1/documents/{document['id']}"
    assert document["result"] == "created" and document["title"] == ""
    assert document["status"] in ("queued", "processing", "indexed")
    assert server.wait_indexed(document["id"])["status"] == "indexed"


def test_steps_come_in_order(server):
    document = server.add(text(3))
    steps = [document["steps"][name] for name in ("received", "chunked", "embedded", "stored")]
    assert list(document["steps"]) == ["received", "chunked", "embedded", "stored"]
    assert all(re.fullmatch(TIME, step) for step in steps)
    assert steps == sorted(steps)
    assert re.fullmatch(TIME, document["created_at"]) and re.fullmatch(TIME, document["updated_at"])
    assert document["created_at"] <= document["updated_at"]


def test_position_names_the_message(server):
    document = server.add(text(4))
    position = server.document(document["id"])["position"]
    assert position["topic"] == "document-uploads"
    assert position["partition"] in (0, 1, 2) and position["offset"] >= 0


@pytest.mark.parametrize("wait", ["-1", "301", "soon", "", "nan"])
def test_wait_has_bounds(server, wait):
    problem = expect_problem(server.request("POST", f"/v1/documents?wait={wait}", json={"content": "x"}), 422, "/wait")
    assert "wait" in problem["detail"]


def test_same_key_and_content_is_unchanged(server):
    name = key("same")
    first = server.add("The first and only text.", key=name, title="T", metadata={"a": 1})
    again = server.post("/v1/documents", {"content": "The first and only text.", "key": name, "title": "T", "metadata": {"a": 1}})
    assert (again["result"], again["id"], again["version"]) == ("unchanged", first["id"], 1)
    assert [chunk["id"] for chunk in server.chunks(first["id"])] == [chunk["id"] for chunk in server.chunks(again["id"])]


@pytest.mark.parametrize("change", [{"content": "Another text."}, {"title": "Another title"}, {"metadata": {"a": 2}},
                                    {"chunking": {"strategy": "sentence"}}])
def test_same_key_with_a_change_is_a_new_version(server, change):
    name = key("changing")
    body = {"content": "Once. Upon. A time.", "key": name, "title": "T", "metadata": {"a": 1}}
    first = server.post("/v1/documents?wait=30", body)
    second = server.post("/v1/documents?wait=30", body | change)
    assert (second["result"], second["id"], second["version"], second["indexed_version"]) == ("updated", first["id"], 2, 2)
    assert second["created_at"] == first["created_at"]
    for member, value in change.items():
        if member in ("title", "metadata"):
            assert second[member] == value
    assert server.documents(f"?key={name}") == [server.document(first["id"])]


def test_update_replaces_chunks(server):
    name = key("replaced")
    first = server.add("Alpha one. Alpha two. Alpha three.", key=name, chunking={"strategy": "sentence"})
    second = server.add("Beta one.", key=name, chunking={"strategy": "sentence"})
    assert [chunk["text"] for chunk in server.chunks(first["id"])] == ["Beta one."]
    assert second["chunks"] == 1
    hits = server.search("Alpha one.", top_k=100, filter={"field": "key", "equals": name})
    assert [hit["chunk"]["text"] for hit in hits] == ["Beta one."]


def test_new_title_and_metadata_show_in_searches(server):
    name = key("renamed")
    server.add("The text stays as it is, renamed.", key=name, title="Before", metadata={"shelf": "old"})
    server.add("The text stays as it is, renamed.", key=name, title="After", metadata={"shelf": "new"})
    hits = server.search("The text stays as it is, renamed.", filter={"field": "key", "equals": name})
    assert [(hit["document"]["title"], hit["document"]["metadata"]) for hit in hits] == [("After", {"shelf": "new"})]
    for shelf, count in [("old", 0), ("new", 1)]:
        both = {"all": [{"field": "key", "equals": name}, {"field": "metadata.shelf", "equals": shelf}]}
        assert len(server.search("text", filter=both)) == count
    best = server.post("/search", {"question": "The text stays as it is, renamed.", "top_k": 1})["results"][0]
    assert best["document_title"] == "After"


def test_going_back_to_an_old_text_is_a_new_version(server):
    name = key("back")
    for version, content in enumerate(["Old text.", "New text.", "Old text."], start=1):
        assert server.add(content, key=name)["version"] == version
    assert server.content(server.documents(f"?key={name}")[0]["id"]) == "Old text."


def test_deleted_key_gets_a_new_id(server):
    name = key("deleted")
    first = server.add("To be deleted.", key=name)
    assert server.delete(f"/v1/documents/{first['id']}") == {"id": first["id"], "status": "deleted"}
    second = server.add("To be deleted.", key=name)
    assert second["result"] == "created" and second["version"] == 1
    assert second["id"] > first["id"]


def test_versions_and_their_texts(server):
    name = key("versions")
    texts = ["The first text.", "The second text.", "The third text."]
    for number, content in enumerate(texts, 1):
        document = server.add(content, key=name, title=f"Text {number}")
    path = f"/v1/documents/{document['id']}"
    answer = server.get(f"{path}/versions")
    assert [(one["version"], one["title"], one["newest"], one["indexed"]) for one in answer["versions"]] == [
        (3, "Text 3", True, True), (2, "Text 2", False, False), (1, "Text 1", False, False)]
    assert answer["versions"][0]["kept_until"] is None and answer["versions"][1]["kept_until"] > answer["versions"][1]["overtaken_at"]
    assert answer["next_cursor"] is None
    for number, content in enumerate(texts, 1):
        assert server.request("GET", f"{path}/content?version={number}").text == content
    assert server.request("GET", f"{path}/content").text == texts[-1]
    page = server.get(f"{path}/versions?limit=2")
    rest = server.get(f"{path}/versions?limit=2&cursor={page['next_cursor']}")
    assert page["versions"] + rest["versions"] == answer["versions"] and rest["next_cursor"] is None
    expect_problem(server.request("GET", f"{path}/content?version=4"), 404)
    expect_problem(server.request("GET", f"{path}/content?version=0"), 422, "/version")
    expect_problem(server.request("GET", f"{path}/versions?cursor=0"), 422, "/cursor")


def test_delete(server):
    document = server.add("Seventeen seagulls sat on the roof.")
    server.delete(f"/v1/documents/{document['id']}")
    for path in ("", "/chunks", "/content", "/versions"):
        expect_problem(server.request("GET", f"/v1/documents/{document['id']}{path}"), 404)
    expect_problem(server.request("DELETE", f"/v1/documents/{document['id']}"), 404)
    assert document["id"] not in [other["id"] for other in server.documents()]
    texts = [hit["chunk"]["text"] for hit in server.search("Seventeen seagulls sat on the roof.", top_k=1000)]
    assert "Seventeen seagulls sat on the roof." not in texts


def test_keyless_creates_always_create(server):
    assert server.add("The same.")["id"] != server.add("The same.")["id"]


def test_pages_while_documents_are_added(start_server):
    server = start_server()
    before = [answer["document_id"] for answer in server.bulk([{"content": f"Page text {n}."} for n in range(53)])]
    seen, cursor, pages = [], None, 0
    while True:
        page = server.get("/v1/documents?limit=7" + (f"&cursor={cursor}" if cursor else ""))
        assert len(page["documents"]) <= 7
        seen += [document["id"] for document in page["documents"]]
        pages += 1
        cursor = page["next_cursor"]
        if cursor is None:
            break
        assert len(page["documents"]) == 7
        server.post("/v1/documents", {"content": f"Added during page {pages}."}, 202)
    assert seen == sorted(seen, reverse=True)
    assert seen == before[::-1]


def test_last_page_has_no_cursor(start_server):
    server = start_server()
    assert server.get("/v1/documents") == {"documents": [], "next_cursor": None}
    server.bulk([{"content": f"Text {n}."} for n in range(4)])
    assert server.get("/v1/documents?limit=4")["next_cursor"] is None
    assert server.get("/v1/documents?limit=3")["next_cursor"] is not None


@pytest.mark.parametrize("query, pointer", [("limit=0", "/limit"), ("limit=1001", "/limit"), ("limit=ten", "/limit"),
                                            ("cursor=@@", "/cursor"), ("status=lost", "/status")])
def test_wrong_list_queries(server, query, pointer):
    expect_problem(server.request("GET", "/v1/documents?" + query), 422, pointer)


def test_list_by_status_and_key(start_server):
    server = start_server()
    good = server.add("Good text.", key="good")
    bad = server.add(REFUSED, key="bad")
    gone = server.add("Gone text.", key="gone")
    server.delete(f"/v1/documents/{gone['id']}")
    assert [document["id"] for document in server.documents("?status=indexed")] == [good["id"]]
    assert [document["id"] for document in server.documents("?status=dead_lettered")] == [bad["id"]]
    assert [document["id"] for document in server.documents("?status=deleted")] == [gone["id"]]
    assert server.documents("?status=queued") == []
    assert [document["id"] for document in server.documents("?key=good")] == [good["id"]]
    assert server.documents("?key=gone") == [] and server.documents("?key=goo") == []
    assert [document["id"] for document in server.documents("?key=bad&status=dead_lettered")] == [bad["id"]]
    assert server.documents("?key=bad&status=indexed") == []


@pytest.mark.parametrize("strategy", ["passage", "sentence", "whole"])
@pytest.mark.parametrize("content", [MANY_SCRIPTS, MANY_SCRIPTS * 12, text(5, 200), "x", "\n\n  lead\n\n and trail \n",
                                     unicodedata.normalize("NFD", "Tiếng Việt có dấu. Một câu nữa! ") * 40])
def test_chunk_ranges_are_slices_of_the_content(server, strategy, content):
    document = server.add(content, chunking={"strategy": strategy})
    chunks = server.chunks(document["id"])
    assert [chunk["index"] for chunk in chunks] == list(range(document["chunks"]))
    assert chunks, "a document that is not blank has a chunk"
    ends = 0
    for chunk in chunks:
        assert list(chunk) == ["id", "index", "text", "range"]
        start, end = chunk["range"]["start"], chunk["range"]["end"]
        assert content[start:end] == chunk["text"] != ""
        assert start >= ends
        if strategy != "whole":
            assert content[ends:start].strip() == "", "nothing but white space is left out"
        ends = end
    if strategy != "whole":
        assert content[ends:].strip() == ""


def test_overlap_repeats_whole_sentences(server):
    content = text(6, 120)
    plain = server.chunks(server.add(content, chunking={"max_tokens": 100})["id"])
    overlapping = server.chunks(server.add(content, chunking={"max_tokens": 100, "overlap_tokens": 40})["id"])
    assert len(overlapping) > len(plain) > 5
    assert any(b["range"]["start"] < a["range"]["end"] for a, b in zip(overlapping, overlapping[1:]))
    for chunk in overlapping:
        assert content[chunk["range"]["start"]:chunk["range"]["end"]] == chunk["text"]


def test_fewer_tokens_make_more_chunks(server):
    counts = [server.add(text(7, 150), chunking={"max_tokens": tokens})["chunks"] for tokens in (254, 64, 16)]
    assert counts == sorted(counts) and counts[0] < counts[1] < counts[2]


def test_whole_says_what_it_left_out(server):
    assert server.add("Short.", chunking={"strategy": "whole"})["warning"] is None
    document = server.add(text(8, 300), chunking={"strategy": "whole"})
    assert document["chunks"] == 1 and document["warning"]


def test_chunks_come_in_pages(server):
    document = server.add(text(9, 60), chunking={"strategy": "sentence"})
    all_at_once = server.chunks(document["id"])
    assert len(all_at_once) >= 60
    assert server.chunks(document["id"], limit=7) == all_at_once
    expect_problem(server.request("GET", f"/v1/documents/{document['id']}/chunks?limit=0"), 422, "/limit")
    expect_problem(server.request("GET", f"/v1/documents/{document['id']}/chunks?cursor=x"), 422, "/cursor")


@pytest.mark.parametrize("content", [MANY_SCRIPTS, " \n leading and trailing kept \t\n", long_text(10, 3_000_000)])
def test_content_comes_back_byte_for_byte(server, content):
    document = server.add(content)
    answer = server.request("GET", f"/v1/documents/{document['id']}/content", 200)
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.content == content.encode()
    assert document["content_bytes"] == len(content.encode())


def test_metadata_come_back(server):
    metadata = {"lang": "de", "pages": 12, "ratio": 0.25, "draft": False, "tags": ["a", "b"], "größe": "XL", "big": 2**53}
    document = server.add("Text.", metadata=metadata)
    assert server.document(document["id"])["metadata"] == metadata


@pytest.mark.parametrize("members, pointer", [
    ({}, "/content"),
    ({"content": 7}, "/content"),
    ({"content": " \r\n"}, "/content"),
    ({"content": "x", "key": ""}, "/key"),
    ({"content": "x", "key": "k" * 513}, "/key"),
    ({"content": "x", "key": 1}, "/key"),
    ({"content": "x", "title": "t" * 256}, "/title"),
    ({"content": "x", "metadata": []}, "/metadata"),
    ({"content": "x", "metadata": {"nested": {"a": 1}}}, "/metadata/nested"),
    ({"content": "x", "metadata": {"big": "m" * 70_000}}, "/metadata"),
    ({"content": "x", "chunking": "sentence"}, "/chunking"),
    ({"content": "x", "chunking": {"strategy": "page"}}, "/chunking/strategy"),
    ({"content": "x", "chunking": {"max_tokens": 15}}, "/chunking/max_tokens"),
    ({"content": "x", "chunking": {"max_tokens": 255}}, "/chunking/max_tokens"),
    ({"content": "x", "chunking": {"max_tokens": 100, "overlap_tokens": 51}}, "/chunking/overlap_tokens"),
    ({"content": "x", "chunking": {"size": 5}}, "/chunking/size"),
    ({"content": "x", "Title": "T"}, "/Title"),
    ({"content": "x", "a/b~c": "T"}, "/a~1b~0c"),
])
def test_wrong_fields_are_named(server, members, pointer):
    problem = expect_problem(server.request("POST", "/v1/documents", json=members), 422, pointer)
    assert problem["errors"]


def test_all_wrong_fields_are_named_at_once(server):
    answer = server.request("POST", "/v1/documents", json={"title": 1, "key": 2, "unknown": 3, "other": 4})
    problem = expect_problem(answer, 422)
    assert {"/title", "/key", "/content", "/unknown", "/other"} <= {error["pointer"] for error in problem["errors"]}


def test_longest_title_and_key(server):
    title, name = "é" * 255, key("k") .ljust(512, "k")
    document = server.add("x", title=title, key=name)
    assert (document["title"], document["key"]) == (title, name)


def test_failure_is_shown_and_sending_again_retries(server):
    name = key("failing")
    failed = server.add(REFUSED, key=name)
    assert (failed["status"], failed["searchable"], failed["indexed_version"], failed["chunks"]) == ("dead_lettered", False, 0, 0)
    assert list(failed["error"]) == ["code", "message", "stage"]
    assert failed["error"]["stage"] == "embed" and failed["error"]["code"] and failed["error"]["message"]
    assert failed["steps"]["stored"] is None
    assert server.search("test model", top_k=1000, filter={"field": "key", "equals": name}) == []
    again = server.add(REFUSED, key=name)
    assert again["result"] != "unchanged" and again["status"] == "dead_lettered" and again["id"] == failed["id"]
    good = server.add("The test model takes this.", key=name)
    assert (good["id"], good["status"], good["searchable"], good["error"]) == (failed["id"], "indexed", True, None)


def test_failed_new_version_leaves_the_old_one(server):
    name = key("half")
    first = server.add("The good first version.", key=name)
    failed = server.add(REFUSED, key=name)
    assert (failed["id"], failed["status"], failed["version"], failed["indexed_version"]) == (first["id"], "dead_lettered", 2, 1)
    assert failed["searchable"] is False
    hits = server.search("The good first version.", filter={"field": "key", "equals": name})
    assert [hit["chunk"]["text"] for hit in hits] == ["The good first version."]


def test_a_failure_touches_no_other_document(server):
    answers = server.bulk([{"content": REFUSED if n % 5 == 0 else text(100 + n)} for n in range(40)], wait=60)
    assert [answer["status"] for answer in answers] == ["dead_lettered" if n % 5 == 0 else "indexed" for n in range(40)]


@pytest.mark.parametrize("path", ["/v1/documents/987654321", "/v1/documents/987654321/chunks",
                                  "/v1/documents/987654321/content"])
def test_unknown_id(server, path):
    expect_problem(server.request("GET", path), 404)
