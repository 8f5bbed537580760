"""Webhooks of two servers on Kafka and MySQL: every event, in order, also when one of them dies."""

import json
import pathlib

import jsonschema
import pytest

from receiving import Receiver
from serving import ROOT, wait_until
from stack import EVENTS

SECRET = "one secret of both"


@pytest.fixture
def receiver():
    receiver = Receiver(SECRET)
    yield receiver
    receiver.close()


@pytest.fixture
def flags(receiver, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    return "--webhook-url", receiver.url, "--webhook-secret-file", secret, "--webhook-retry-delays", "1s"


def test_every_event_arrives_when_a_server_dies(cluster, receiver, flags):
    one, other = cluster.server(*flags), cluster.server(*flags)
    cluster.worker()
    names = [f"name {n}" for n in range(12)]
    for version in range(1, 4):
        answers = other.bulk([{"content": f"Version {version} of {name}.", "key": name} for name in names], wait=60)
        if version == 2:
            one.kill9()
    ids = [answer["document_id"] for answer in answers]
    for document_id in ids:
        other.delete(f"/v1/documents/{document_id}")
    expected = ["indexed 1", "indexed 2", "indexed 3", "deleted 3"]
    # What the dead server held is given away when its session ends, after 45 s.
    wait_until(lambda: all(receiver.of(document_id) == expected for document_id in ids), "every event, in order", 150)

    schema = jsonschema.Draft202012Validator(json.loads((pathlib.Path(ROOT) / "schemas" / "document-events.json").read_text()))
    for record in cluster.stack.records(EVENTS):
        schema.validate(json.loads(record.value))


def test_a_dead_letter_is_sent_again(cluster, receiver, flags):
    server = cluster.server(*flags)
    cluster.worker()
    receiver.answer = lambda event: 500
    document_id = server.add("Nobody wants to hear of this.")["id"]
    letter, = wait_until(lambda: server.get("/v1/dead-letters?stage=webhook")["dead_letters"], "the dead letter")
    assert letter["error"]["code"] == "webhook_failed" and letter["original"]["topic"] == EVENTS
    receiver.answer = lambda event: 200
    server.request("POST", f"/v1/dead-letters/{letter['id']}/redrive", 200)
    wait_until(lambda: receiver.of(document_id) == ["indexed 1"], "the event")
    wait_until(lambda: server.get("/v1/dead-letters?stage=webhook")["dead_letters"] == [], "the list being empty")
    assert len({entry["id"] for entry in receiver.requests}) == 1
