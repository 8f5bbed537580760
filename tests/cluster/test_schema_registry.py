"""Schema ids on Kafka, with a real registry (Apicurio): as clients of its own kind write and read them."""

import json
import os
import subprocess

import pytest
import requests

from registering import framed
from serving import ROOT, wait_until
from stack import ANALYTICS, EVENTS, UPLOADS

HEADER = "__value_schema_id"


class Registry:
    def __init__(self, folder):
        self.environment = os.environ | {"MILLRACE_STACK": str(folder), "MILLRACE_STACK_PARTS": "registry",
                                         "MILLRACE_STACK_PORT": str(int(os.environ.get("MILLRACE_STACK_PORT", 11400)) + 200)}
        self.run("up")
        self.url = self.run("env").split("=", 1)[1].strip()

    def run(self, *arguments):
        done = subprocess.run([ROOT / "scripts" / "stack", *arguments], capture_output=True, text=True, timeout=300, env=self.environment)
        assert done.returncode == 0, f"{done.stdout}{done.stderr}"
        return done.stdout

    def add(self, subject, schema, kind="JSON"):
        answer = requests.post(f"{self.url}/subjects/{subject}/versions", json={"schema": json.dumps(schema), "schemaType": kind}, timeout=30,
                               headers={"Content-Type": "application/vnd.schemaregistry.v1+json"})
        assert answer.status_code == 200, answer.text
        return answer.json()["id"]

    def newest(self, topic):
        answer = requests.get(f"{self.url}/subjects/{topic}-value/versions/latest", timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    registry = Registry(tmp_path_factory.mktemp("registry"))
    yield registry
    registry.run("wipe")


def status_of(server, document_id):
    answer = server.request("GET", f"/v1/documents/{document_id}")
    return answer.json()["status"] if answer.status_code == 200 else None


def test_schemas_are_registered_and_named(cluster, registry):
    flags = ("--schema-registry-url", registry.url)
    server = cluster.server(*flags)
    cluster.worker(*flags)
    accepted = {server.upload(number).json()["document_id"]: number for number in range(10)}
    cluster.check(accepted, server)
    for topic in (UPLOADS, EVENTS, ANALYTICS):
        newest = registry.newest(topic)
        assert newest["schemaType"] == "JSON" and json.loads(newest["schema"]) == server.get(f"/v1/schemas/{topic}")
        records = wait_until(lambda: cluster.stack.records(topic), f"messages of {topic}", pause=0.5)
        assert records and all(dict(record.headers)[HEADER] == framed(newest["id"]) for record in records)
        assert all(json.loads(record.value) for record in records), "the values are the contract's JSON"
    assert len(registry.newest(UPLOADS)["schema"]) > 0 and registry.newest(UPLOADS)["version"] == 1, "two processes made one version"


def test_messages_of_others(cluster, registry):
    flags = ("--schema-registry-url", registry.url)
    server = cluster.server(*flags)
    cluster.worker(*flags)
    wait_until(lambda: UPLOADS in cluster.stack.topics(), "the topic")
    theirs = registry.add("theirs", {"$schema": "http://json-schema.org/draft-07/schema#", "type": "object"})
    avro = registry.add("avro", {"type": "record", "name": "Document", "fields": []}, "AVRO")

    def send(document_id, number=None, in_header=True):
        value = json.dumps({"document_id": document_id, "title": "t", "content": f"From elsewhere comes {document_id}."}).encode()
        headers = [(HEADER, framed(number))] if number is not None and in_header else []
        place, = cluster.stack.produce(UPLOADS, value if in_header else framed(number, value), key=f"doc_{document_id}", headers=headers)
        return place

    good = {5001: dict(), 5002: dict(number=theirs), 5003: dict(number=theirs, in_header=False)}
    bad = {5004: (dict(number=987_654), "unknown_schema"), 5005: (dict(number=987_654, in_header=False), "unknown_schema"),
           5006: (dict(number=avro), "incompatible_schema"), 5007: (dict(number=avro, in_header=False), "incompatible_schema")}
    for document_id, options in good.items():
        send(document_id, **options)
    places = {send(document_id, **options): code for document_id, (options, code) in bad.items()}
    for document_id in good:
        wait_until(lambda: status_of(server, document_id) == "indexed", f"document {document_id}")
        wait_until(lambda: server.best(f"From elsewhere comes {document_id}.") == f"From elsewhere comes {document_id}.", "the answer")
    def listed():
        letters = {(one["original"]["partition"], one["original"]["offset"]): one["error"]["code"]
                   for one in server.pages("/v1/dead-letters", "dead_letters")}
        return letters if len(letters) == len(places) else None
    assert wait_until(listed, "the dead letters") == places


def test_a_registry_that_dies_and_comes_back(cluster, registry):
    flags = ("--schema-registry-url", registry.url)
    server, worker = cluster.server(*flags), cluster.worker(*flags)
    accepted = {server.upload(number).json()["document_id"]: number for number in range(5)}
    cluster.check(accepted, server)
    registry.run("kill", "registry")
    accepted |= {server.upload(number).json()["document_id"]: number for number in range(5, 10)}
    cluster.check(accepted, server)
    value = json.dumps({"document_id": 5001, "title": "t", "content": "It waits."}).encode()
    cluster.stack.produce(UPLOADS, value, key="doc_5001", headers=[(HEADER, framed(4711))])
    wait_until(lambda: "the schema registry is not available" in worker.get("/health").get("consumption", ""), "the outage being said")
    registry.run("start", "registry")
    wait_until(lambda: [one["error"]["code"] for one in server.get("/v1/dead-letters")["dead_letters"]] == ["unknown_schema"], "the verdict")
    wait_until(lambda: cluster.stack.lag() == 0, "no lag")
