"""With a schema registry: what our messages carry, and what becomes of messages that name a schema."""

import base64
import itertools
import json

import pytest

from registering import Registry, framed
from serving import PATIENCE, wait_until

TOPICS = ("document-uploads", "document-events", "search-analytics")
numbers = itertools.count(1)


@pytest.fixture
def registry():
    registry = Registry()
    yield registry
    registry.stop()


def messages(server, topic):
    """(value, {header: bytes}) of each."""
    def raw(one, encoding):
        return base64.b64decode(one["value"]) if one.get(encoding) else (one["value"] or "").encode()
    return [(raw(one, "encoding"), {header["name"]: raw(header, "encoding") for header in one["headers"]})
            for one in server.get(f"/v1/topics/{topic}/messages?limit=1000")["messages"]]


def send(server, number=None, header=None):
    """A message of another program: its document's id, and its place. Over HTTP a header is text, so the id goes into the value."""
    document_id = 5_000 + next(numbers)
    value = json.dumps({"document_id": document_id, "title": "t", "content": f"From elsewhere comes {document_id}."}).encode()
    body = {"key": f"doc_{document_id}"}
    if number is not None:
        value = framed(number, value)
    if header is not None:
        body["headers"] = {"__value_schema_id": header}
    body["value_base64"] = base64.b64encode(value).decode()
    place = server.post("/v1/topics/document-uploads/messages", body)
    return document_id, (place["partition"], place["offset"])


def indexed(server, document_id):
    def there():
        answer = server.request("GET", f"/v1/documents/{document_id}")
        return answer.status_code == 200 and answer.json()["status"] == "indexed"
    wait_until(there, f"document {document_id} being indexed")


def dead_letter(server, place):
    def listed():
        return [one for one in server.pages("/v1/dead-letters", "dead_letters")
                if (one["original"]["partition"], one["original"]["offset"]) == place]
    letter, = wait_until(listed, "the dead letter")
    return letter


def registered(server):
    """A server begins without its schemas when the registry has not answered in time: until it has the ids of all."""
    wait_until(lambda: server.metric("millrace_schemas_registered") == len(TOPICS), "the registration")
    return server


def test_our_messages_carry_the_id_in_a_header(start_server, registry):
    server = registered(start_server("--schema-registry-url", registry.url))
    server.add("One that is searched for.")
    server.post("/search", {"question": "searched"})
    server.wait_settled()
    for topic in TOPICS:
        number, = registry.subjects[f"{topic}-value"]
        assert registry.schemas[number]["schemaType"] == "JSON"
        assert json.loads(registry.schemas[number]["schema"]) == server.get(f"/v1/schemas/{topic}")
        for value, headers in wait_until(lambda: messages(server, topic), f"messages of {topic}"):
            assert headers["__value_schema_id"] == framed(number)
            assert value.startswith(b"{")
    # A registry that has not answered in 1.5 s is said to be disconnected.
    wait_until(lambda: server.get("/health")["schema_registry"] == "connected", "the registry being connected")
    wait_until(lambda: server.metric("millrace_dependency_up", dependency="schema_registry") == 1, "the metric of it")


def test_without_a_registry_nothing_is_added(start_server):
    server = start_server()
    server.add("One.")
    server.wait_settled()
    for topic in ("document-uploads", "document-events"):
        assert all("__value_schema_id" not in headers for _, headers in messages(server, topic))
    assert "schema_registry" not in server.get("/health")


def test_messages_of_others(start_server, registry):
    server = start_server("--schema-registry-url", registry.url)
    theirs = registry.add("their-own", '{"type":"object"}')
    avro = registry.add("avro", '"string"', "AVRO")
    for options in ({}, {"number": theirs}):
        document_id, _ = send(server, **options)
        indexed(server, document_id)
        text = f"From elsewhere comes {document_id}."
        wait_until(lambda: [hit["document"]["id"] for hit in server.search(text, top_k=1)] == [document_id], "the answer")
    refused = {"unknown_schema": [dict(number=77), dict(number=77), dict(header="\x01" + 16 * "a")],
               "incompatible_schema": [dict(number=avro), dict(header="7"), dict(header="")]}
    for code, kinds in refused.items():
        for options in kinds:
            document_id, place = send(server, **options)
            letter = dead_letter(server, place)
            assert (letter["error"]["code"], letter["error"]["stage"]) == (code, "decode"), options
            server.request("GET", f"/v1/documents/{document_id}", 404)
    assert "has no schema 61616161-6161-6161-6161-616161616161" in dead_letter(server, send(server, header="\x01" + 16 * "a")[1])["error"]["message"]
    assert [path for _, path in registry.asked].count("/apis/ccompat/v7/schemas/ids/77") == 1, "what is missing is asked for seldom"


def test_a_schema_that_came_later(start_server, registry):
    server = registered(start_server("--schema-registry-url", registry.url))
    following = 10 + len(registry.schemas)
    document_id, place = send(server, following)
    letter = dead_letter(server, place)
    assert registry.add("late", '{"type":"object"}') == following
    server.request("POST", f"/v1/dead-letters/{letter['id']}/redrive", 200)
    indexed(server, document_id)


def test_a_registry_that_is_down_is_waited_for(start_server, registry):
    number = registry.add("their-own", '{"type":"object"}')
    registry.stop()
    server = start_server("--schema-registry-url", registry.url)
    server.add("Ours need nothing of it.")
    theirs, _ = send(server, number)
    wait_until(lambda: "the schema registry is not available" in server.get("/health").get("consumption", ""), "the outage being said")
    assert server.get("/health")["schema_registry"].startswith("disconnected")
    server.request("GET", f"/v1/documents/{theirs}", 404)
    assert not server.get("/v1/dead-letters")["dead_letters"]
    registry.start()
    indexed(server, theirs)
    registered(server)
    assert len(registry.subjects) == 4
    server.add("And now they carry it.")
    wait_until(lambda: any("__value_schema_id" in headers for _, headers in messages(server, "document-uploads")), "an id")


def test_ids_in_the_value_by_a_switch(start_server, registry):
    server = registered(start_server("--schema-registry-url", registry.url, "--schema-framed-topics", ",".join(TOPICS)))
    document_id = server.add("Framed, and searched for.")["id"]
    assert server.search("Framed, and searched for.")[0]["document"]["id"] == document_id
    server.wait_settled()
    for topic in TOPICS:
        number, = registry.subjects[f"{topic}-value"]
        for value, headers in wait_until(lambda: messages(server, topic), f"messages of {topic}"):
            assert value.startswith(framed(number, b"{")) and "__value_schema_id" not in headers
    wait_until(lambda: server.get("/v1/analytics/searches")["searches"] >= 1, "the search being counted")
    server.stop()
    server.start()
    assert server.search("Framed, and searched for.")[0]["document"]["id"] == document_id


def test_framed_messages_wait_for_the_registry(start_server, registry):
    registry.stop()
    server = start_server("--schema-registry-url", registry.url, "--schema-framed-topics", "document-events")
    document_id = server.add("Its upload goes, its events wait.", expect=202, wait=0)["id"]
    indexed(server, document_id)
    assert messages(server, "document-uploads") and not messages(server, "document-events")
    registry.start()
    assert wait_until(lambda: messages(server, "document-events"), "the events")


def test_a_refused_schema_stops_nothing(start_server, registry):
    registry.refuse = (409, {"error_code": 409, "message": "Schema being registered is incompatible with an earlier schema"})
    server = start_server("--schema-registry-url", registry.url)
    wait_until(lambda: server.log().count("messages go without an id") == len(TOPICS), "every schema being refused")
    server.add("Goes without an id.")
    server.wait_settled()
    assert all("__value_schema_id" not in headers for _, headers in messages(server, "document-uploads"))
    registry.refuse = None
    wait_until(lambda: "the schema of document-uploads is registered now" in server.log(), "what was refused being taken")
    server.add("Goes with one.")
    wait_until(lambda: any("__value_schema_id" in headers for _, headers in messages(server, "document-uploads")), "a message with an id")
    assert server.log().count("messages go without an id") == 3, "said once of each topic"


@pytest.mark.parametrize("flags, words", [(["--schema-framed-topics", "document-uploads,other"], "--schema-framed-topics"),
                                          (["--schema-registry-url", "nowhere"], "--schema-registry-url")])
def test_wrong_settings(start_server, flags, words):
    server = start_server.make(*flags).spawn()
    assert server.process.wait(PATIENCE) not in (0, None)
    line, = server.log().splitlines()
    assert words in line
