"""The published schemas hold for what is sent, and tell what is accepted."""

import json

import jsonschema
import pytest

from serving import Starter, expect_problem, wait_until

TOPICS = ("document-uploads", "document-events", "search-analytics")
STATUSES = {"queued", "processing", "retrying", "indexed", "failed", "dead_lettered", "superseded", "deleted"}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """One of its own: ids of millions would be the next ones of everybody else's documents."""
    starter = Starter(tmp_path_factory.mktemp("schemas"))
    yield starter()
    starter.stop_all()


def validator(server, topic):
    answer = server.request("GET", f"/v1/schemas/{topic}", 200)
    assert answer.headers["Content-Type"] == "application/schema+json"
    jsonschema.Draft202012Validator.check_schema(answer.json())
    return jsonschema.Draft202012Validator(answer.json(), format_checker=jsonschema.FormatChecker())


def messages(server, topic):
    return list(server.get(f"/v1/topics/{topic}/messages?limit=1000")["messages"])


def wait_status(server, document_id, status):
    def there():
        answer = server.request("GET", f"/v1/documents/{document_id}")
        return answer.status_code == 200 and answer.json()["status"] == status
    wait_until(there, f"document {document_id} being {status}")


def test_are_listed(server):
    assert [one["topic"] for one in server.get("/v1/schemas")["schemas"]] == list(TOPICS)
    for one in server.get("/v1/schemas")["schemas"]:
        schema = server.get(one["url"])
        for example in schema["examples"]:
            validator(server, one["topic"]).validate(example)
    expect_problem(server.request("GET", "/v1/schemas/nothing"), 404)


def test_every_event_of_a_run_is_told_once_and_fits(start_server, tmp_path):
    faults = tmp_path / "faults"
    faults.write_text("")
    # Long enough to overtake the one that waits, also on a busy machine.
    server = start_server("--retry-delays", "5s", environment={"MILLRACE_TEST_FAULTS": str(faults)})
    document_id = server.add("Version one.", key="k")["id"]
    server.add("Version two.", key="k")
    server.delete(f"/v1/documents/{document_id}")
    dead = server.add("It says millracefailfornow.", expect=202, wait=0, key="d")["id"]
    wait_status(server, dead, "retrying")
    server.add("And says millracefailfornow again.", expect=202, wait=0, key="d")  # overtakes the one that waits
    wait_status(server, dead, "dead_lettered")
    server.post("/documents", {"title": "t", "content": "Sync, and millracerefusethis."}, expect=500)
    server.post("/v1/topics/document-uploads/messages", {"value": json.dumps({"document_id": 999, "content": "From elsewhere."}), "key": "doc_999"})
    wait_status(server, 999, "indexed")
    server.wait_settled()

    schema = validator(server, "document-events")
    events = {}
    for message in sorted(messages(server, "document-events"), key=lambda one: (one["partition"], one["offset"])):
        event = json.loads(message["value"])
        schema.validate(event)
        assert message["key"] == f"doc_{event['document_id']}"
        events.setdefault(event["document_id"], []).append(f"{event['status']} {event['version']}")
    assert events[document_id] == ["queued 1", "processing 1", "indexed 1", "queued 2", "processing 2", "indexed 2", "deleted 2"]
    assert events[dead] == ["queued 1", "processing 1", "retrying 1", "superseded 1", "queued 2", "processing 2", "retrying 2", "processing 2",
                            "dead_lettered 2"]
    assert events[999] == ["queued 1", "processing 1", "indexed 1"]
    assert {entry.split()[0] for of_document in events.values() for entry in of_document} == STATUSES

    for topic in ("document-uploads", "search-analytics"):
        server.search("Something.")
        schema = validator(server, topic)
        for message in wait_until(lambda topic=topic: messages(server, topic), topic):
            schema.validate(json.loads(message["value"]))


GOOD = [
    {"document_id": 1, "content": "x"},
    {"document_id": 2, "title": "Python Guide", "content": "Python.", "status": "pending", "created_at": "2024-01-15T10:30:00"},
    {"document_id": 3, "content": "x", "title": None},
    {"document_id": 4, "content": "x", "title": 17, "status": {"any": 1}, "more": [1]},
    {"document_id": 5, "content": "x", "title": "t" * 1000},
    {"document_id": 6, "content": "\u3000 Grüße 漢字 \n"},
    {"document_id": 10_000_000, "content": "x"},
]
BAD = [
    [], "text", 7, None, {},
    {"document_id": 1}, {"content": "x"},
    {"document_id": 0, "content": "x"}, {"document_id": -1, "content": "x"}, {"document_id": "1", "content": "x"},
    {"document_id": 1.5, "content": "x"}, {"document_id": None, "content": "x"}, {"document_id": 2 ** 63, "content": "x"},
    {"document_id": True, "content": "x"},
    {"document_id": 1, "content": None}, {"document_id": 1, "content": 5}, {"document_id": 1, "content": ["x"]},
    {"document_id": 1, "content": ""}, {"document_id": 1, "content": " \n\t"}, {"document_id": 1, "content": "\u3000\u00a0"},
    {"document_id": 1, "content": "a\0b"}, {"document_id": 1, "content": "x", "title": "a\0b"},
]


@pytest.mark.parametrize("message", GOOD, ids=range(len(GOOD)))
def test_uploads_that_fit_are_accepted(server, message):
    message = {**message, "document_id": message["document_id"] + 5_000_000} if message["document_id"] < 100 else message
    assert validator(server, "document-uploads").is_valid(message)
    server.post("/v1/topics/document-uploads/messages", {"value": json.dumps(message), "key": f"doc_{message['document_id']}"})
    wait_status(server, message["document_id"], "indexed")


@pytest.mark.parametrize("message", BAD, ids=range(len(BAD)))
def test_uploads_that_do_not_fit_are_dead_letters(server, message):
    assert not validator(server, "document-uploads").is_valid(message)
    place = server.post("/v1/topics/document-uploads/messages", {"value": json.dumps(message)})
    def listed():
        return [one for one in server.pages("/v1/dead-letters", "dead_letters")
                if (one["original"]["partition"], one["original"]["offset"]) == (place["partition"], place["offset"])]
    letter, = wait_until(listed, "the dead letter")
    assert letter["error"]["code"] == "bad_message"
