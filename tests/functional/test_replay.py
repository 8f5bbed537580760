"""Messages of the log sent through the pipeline again: the fence decides what is new."""

import json

import pytest

from serving import expect_problem, run, wait_until

UPLOADS = "document-uploads"
FAILS_FOR_NOW = "millracefailfornow"
NOTHING = {"sent": 0, "up_to_date": 0, "gone": 0, "other": 0, "unreadable": 0}


@pytest.fixture
def own(start_server):
    return start_server()


def replay(server, *arguments, **options):
    done = run("replay", "--topic", UPLOADS, *arguments, "-o", "json", "--server", server.url, **options)
    return json.loads(done.stdout)


def produce(server, document_id, content, **members):
    return server.post(f"/v1/topics/{UPLOADS}/messages",
                       {"key": f"doc_{document_id}", "value": {"document_id": document_id, "title": "t", "content": content}, **members})


def wait_content(server, document_id, content):
    def there():
        answer = server.request("GET", f"/v1/documents/{document_id}")
        return answer.status_code == 200 and answer.json()["status"] == "indexed" and server.content(document_id) == content
    wait_until(there, f"document {document_id} being {content}")


def test_what_is_up_to_date_stays_as_it_is(own):
    ids = [own.post("/v1/documents", {"content": f"Number {number}."}, 202)["id"] for number in range(3)]
    own.wait_settled()
    produce(own, 4711, "one")
    produce(own, 4711, "two")
    wait_content(own, 4711, "two")
    own.wait_settled()
    before = {id: own.document(id)["version"] for id in [*ids, 4711]}
    assert replay(own) == {"dry_run": True, "next_cursor": None, **NOTHING, "read": 5, "up_to_date": 3, "sent": 2}
    assert own.get(f"/v1/topics/{UPLOADS}/messages?limit=1000")["messages"][5:] == []
    assert replay(own, "--execute")["sent"] == 2  # of foreign messages the fence alone knows
    own.wait_settled()
    assert {id: own.document(id)["version"] for id in before} == before
    assert own.content(4711) == "two"
    assert own.get("/v1/dead-letters")["dead_letters"] == []
    assert replay(own, "--execute")["read"] == 7  # the copies are messages as any
    own.wait_settled()
    assert {id: own.document(id)["version"] for id in before} == before


def test_what_failed_is_indexed(start_server, tmp_path):
    faults = tmp_path / "faults"
    faults.write_text("")
    server = start_server("--retry-delays", "1s", environment={"MILLRACE_TEST_FAULTS": str(faults)})
    foreign, own = f"Foreign {FAILS_FOR_NOW}.", f"Own {FAILS_FOR_NOW}."
    produce(server, 4711, foreign)
    id = server.post("/v1/documents", {"content": own}, 202)["id"]
    for document in (4711, id):
        wait_until(lambda document=document: server.request("GET", f"/v1/documents/{document}").json().get("status") == "dead_lettered", "a dead letter")
    letters = [letter["id"] for letter in server.get("/v1/dead-letters")["dead_letters"]]
    server.post("/v1/dead-letters/purge", {"ids": letters, "dry_run": False})
    faults.unlink()
    assert replay(server, "--execute")["sent"] == 2
    wait_content(server, 4711, foreign)
    wait_content(server, id, own)
    assert server.document(4711)["version"] == server.document(id)["version"] == 1


def test_what_was_deleted_stays_deleted(own):
    id = own.post("/v1/documents", {"content": "Mine."}, 202)["id"]
    own.wait_settled()
    produce(own, 4711, "Theirs.")
    wait_content(own, 4711, "Theirs.")
    for document in (id, 4711):
        own.delete(f"/v1/documents/{document}")
    assert replay(own, "--execute") == {"dry_run": False, "next_cursor": None, **NOTHING, "read": 2, "gone": 1, "sent": 1}
    own.wait_settled()
    assert own.documents() == []
    assert own.search("mine or theirs") == []


def test_a_document_a_partition_and_bad_messages(own):
    produce(own, 1, "one")
    produce(own, 2, "two")
    own.post(f"/v1/topics/{UPLOADS}/messages", {"value": "no upload", "partition": 0})
    for id, content in ((1, "one"), (2, "two")):
        wait_content(own, id, content)
    own.wait_settled()
    assert replay(own, "--document", 2) == {"dry_run": True, "next_cursor": None, **NOTHING, "read": 3, "sent": 1, "other": 1, "unreadable": 1}
    counts = [replay(own, "--partition", partition)["read"] for partition in range(3)]
    assert sum(counts) == 3
    assert replay(own, "--from", "@-1h")["read"] == 3
    assert replay(own, "--from", "end")["read"] == 0


def test_batches_end_where_the_topic_ended(own):
    for number in range(10):
        produce(own, 100 + number, f"Number {number}.")
    own.wait_settled()
    answer = own.post("/v1/replay", {"topic": UPLOADS, "limit": 3, "dry_run": False})
    assert (answer["read"], answer["remaining"]) == (3, 7)
    read = 3
    while answer["next_cursor"] is not None:
        answer = own.post("/v1/replay", {"topic": UPLOADS, "limit": 3, "dry_run": False, "cursor": answer["next_cursor"]})
        read += answer["read"]
    assert read == 10
    own.wait_settled()
    assert {document["version"] for document in own.documents()} == {1}


def test_bad_requests(server):
    problem = expect_problem(server.request("POST", "/v1/replay", json={"from": "soon", "cursor": "0:1", "limit": 0}), 422)
    text = json.dumps(problem)
    assert all(name in text for name in ("topic", "from", "cursor", "limit"))
    expect_problem(server.request("POST", "/v1/replay", json={"topic": "no-such-topic"}), 404)
    expect_problem(server.request("POST", "/v1/replay", json={"topic": UPLOADS, "cursor": "99:0-1"}), 404)
    run("replay", "--topic", "no-such-topic", "--server", server.url, expect=3)
    run("replay", expect=2)
