"""/v1/documents/bulk: newline-delimited JSON, an answer for each line."""

import json
import time

from serving import expect_problem
from texts import text

NDJSON = {"Content-Type": "application/x-ndjson"}


def send(server, body, path="/v1/documents/bulk", expect=200):
    data = body if isinstance(body, bytes) else body.encode()
    answer = server.request("POST", path, expect, data=data, headers=NDJSON)
    assert answer.headers["Content-Type"].split(";")[0] == "application/x-ndjson"
    return [json.loads(line) for line in answer.text.splitlines()]


def test_one_answer_for_each_line_in_order(server):
    body = "\n".join([
        '{"content":"First line."}',
        "",
        '{"content":"Third line.","title":"T"}',
        "{broken",
        '{"title":"no content"}',
        "   ",
        '{"content":"Seventh.","unknown":1}',
        "[1,2]",
        '{"content":"Ninth and last, without a line end."}'])
    answers = send(server, body)
    assert [answer["line"] for answer in answers] == [1, 3, 4, 5, 7, 8, 9]
    assert [answer["result"] for answer in answers] == ["created", "created", "rejected", "rejected", "rejected", "rejected", "created"]
    for answer in answers:
        if answer["result"] == "created":
            assert list(answer) == ["line", "result", "document_id", "version"]
            assert answer["version"] == 1
        else:
            assert list(answer) == ["line", "result", "error"]
            assert isinstance(answer["error"]["detail"], str)
    statuses = [answer["error"]["status"] for answer in answers if answer["result"] == "rejected"]
    assert statuses == [400, 422, 422, 422]
    assert answers[3]["error"]["errors"][0]["pointer"] == "/content"
    assert answers[4]["error"]["errors"][0]["pointer"] == "/unknown"
    good = [answer["document_id"] for answer in answers if answer["result"] == "created"]
    assert good == sorted(good)
    assert server.wait_indexed(good[2])["content_bytes"] == len("Ninth and last, without a line end.")


def test_wait_adds_what_became_of_each(server):
    answers = send(server, '{"content":"Good."}\n{"content":"millracerefusethis"}\n{"content":5}\n', "/v1/documents/bulk?wait=30")
    assert [answer.get("status") for answer in answers] == ["indexed", "dead_lettered", None]
    assert answers[1]["error"]["stage"] == "embed"
    assert server.document(answers[0]["document_id"])["searchable"]


def test_windows_line_ends(server):
    answers = send(server, '{"content":"One."}\r\n\r\n{"content":"Two."}\r\n')
    assert [(answer["line"], answer["result"]) for answer in answers] == [(1, "created"), (3, "created")]


def test_same_key_twice_in_one_request(server):
    name = f"bulk/{time.time_ns()}"
    lines = [json.dumps({"key": name, "content": content}) for content in ("Old.", "New.", "New.")]
    answers = send(server, "\n".join(lines), "/v1/documents/bulk?wait=30")
    assert [(answer["result"], answer["version"]) for answer in answers] == [("created", 1), ("updated", 2), ("unchanged", 2)]
    assert len({answer["document_id"] for answer in answers}) == 1
    assert [chunk["text"] for chunk in server.chunks(answers[0]["document_id"])] == ["New."]


def test_sent_again_all_are_unchanged(server):
    stamp = time.time_ns()
    documents = [{"key": f"again/{stamp}/{n}", "content": text(n)} for n in range(300)]
    assert {answer["result"] for answer in server.bulk(documents, wait=60)} == {"created"}
    assert {answer["result"] for answer in server.bulk(documents)} == {"unchanged"}


def test_bad_bytes_reject_their_line_only(server):
    answers = send(server, b'{"content":"Good one."}\n{"content":"\xff\xfe"}\n{"content":"nul \\u0000"}\n{"content":"Good two."}\n')
    assert [answer["result"] for answer in answers] == ["created", "rejected", "rejected", "created"]


def test_nothing_in_it(server):
    assert send(server, "") == []
    assert send(server, "\n \n") == []


def test_thousands_are_all_indexed(start_server):
    server = start_server()
    answers = server.bulk([{"content": f"Short text number {n}."} for n in range(5000)], wait=120)
    assert {answer["status"] for answer in answers} == {"indexed"}
    assert len({answer["document_id"] for answer in answers}) == 5000
    status = server.get("/v1/status")
    assert status["documents"]["indexed"] == status["chunks"] == status["index"]["chunks"] == 5000


def test_other_content_type(server):
    answer = server.request("POST", "/v1/documents/bulk", data=b"{}", headers={"Content-Type": "application/json"})
    expect_problem(answer, 415)
