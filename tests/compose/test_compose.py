"""deploy/compose.yaml, brought up as it is. The tests follow each other: each finds what the ones before have left."""

import itertools
import re

import pytest
import requests

from cluster import Uploader, sentences
from installation import ZOOKEEPER, image_size, images
from serving import wait_until
from stack import ANALYTICS, UPLOADS

GUIDE = {"title": "Python Guide", "content": "Python is a programming language. It is easy to learn."}
ONE_OF_EACH = {"rag-backend", "rag-embedding-worker-1", "rag-jupyter", "rag-kafka", "rag-mysql", "rag-redis"}
first_number = itertools.count(1, 1000)


@pytest.fixture(scope="module")
def accepted(installation):
    """Every document that must be there: id → its number."""
    return {}


def shares(installation, count):
    """The partitions of each member once they are `count` and have all three between them; a killed member's are free after 45 s."""
    def shared_out():
        members = installation.stack.members()
        return members if len(members) == count and sorted(sum(members, [])) == [0, 1, 2] else None
    return wait_until(shared_out, f"{count} members with three partitions", 120, 0.5)


def test_up_waits_until_all_are_healthy(installation):
    containers = installation.containers()
    assert set(containers) == ONE_OF_EACH
    assert {name: container["Health"] for name, container in containers.items() if name != "rag-jupyter"} == dict.fromkeys(
        ONE_OF_EACH - {"rag-jupyter"}, "healthy")
    assert installation.backend.readiness() == 200
    assert requests.get("http://localhost:8888", timeout=10).status_code == 200


def test_ports_are_published_on_this_computer_only(installation):
    published = {}
    for container in installation.containers().values():
        for port in container["Publishers"]:
            if port["PublishedPort"]:
                published[container["Service"], port["PublishedPort"]] = port["URL"]
    assert published == dict.fromkeys([("backend", 8000), ("backend", 8080), ("jupyter", 8888), ("kafka", 9092), ("mysql", 3306), ("redis", 6379)], "127.0.0.1")


def test_start_order(installation):
    """Backend and worker wait for the three that they need."""
    started = {name: installation.inspect(name)["State"]["StartedAt"] for name in ONE_OF_EACH}
    for program in ("rag-backend", "rag-embedding-worker-1"):
        assert started[program] > max(started["rag-kafka"], started["rag-mysql"], started["rag-redis"])


def test_image(installation):
    """Not root, nothing to write to, no tools of the build, and no more than it needs."""
    for service in ("backend", "embedding-worker"):
        assert installation.run_in(service, "id", "-u").strip() == "10001"
        installation.run_in(service, "sh", "-c", "! touch /data/x /tmp/x 2>/dev/null")
        installation.run_in(service, "sh", "-c", "! command -v g++ cmake python3 mvn npm")
        assert re.search(r"^CapEff:\s+0+$", installation.run_in(service, "cat", "/proc/self/status"), re.M)
    added = image_size("millrace:0.1.0") - image_size("debian:12-slim")
    assert added < 350 * 10**6, f"the image adds {added} bytes to its base"


def test_topics_and_health(installation):
    topics = installation.stack.topics()
    assert topics[UPLOADS] == 3 and topics[ANALYTICS] == 1
    health = installation.backend.get("/health")
    assert {health["redis"], health["mysql"], health["kafka"]} == {"connected"}


def test_contract(installation, accepted):
    backend = installation.backend
    answer = backend.post("/documents", GUIDE)
    guide = answer.pop("document_id")
    assert answer == {"status": "success", "chunks_created": 2, "processing_mode": "sync"}
    number = next(first_number)
    answer = backend.upload(number).json()
    document_id = answer.pop("document_id")
    assert answer == {"status": "accepted", "message": "Document queued for async processing", "processing_mode": "async"}
    backend.wait_indexed(document_id)
    accepted[document_id] = number
    found = backend.post("/search", {"question": "Which programming language is easy to learn?"})
    assert found["results"][0]["document_title"] == "Python Guide"
    assert backend.finds(number)
    assert [document["id"] for document in backend.get("/documents")["documents"]] == [document_id, guide]
    wait_until(lambda: installation.keys(guide) == [f"emb:doc{guide}:chunk{index}" for index in range(2)], "the keys", 10)
    assert backend.delete(f"/documents/{guide}") == {"status": "deleted", "document_id": guide}
    assert [document["id"] for document in backend.get("/documents")["documents"]] == [document_id]
    wait_until(lambda: installation.keys(guide) == [], "the keys gone", 10)


def test_message_from_outside(installation):
    """A producer on this computer, by the address that the broker gives it."""
    number = next(first_number)
    installation.stack.produce(UPLOADS, {"document_id": 5000, "title": "Outside", "content": " ".join(sentences(number))}, key="doc_5000")
    wait_until(lambda: installation.backend.finds(number), "the document in a search", 60, 0.3)
    installation.backend.delete("/documents/5000")


def test_v1_by_every_name_of_a_container(installation):
    """From another container as from here, by the service, the container, its host name or its address; not by a name that anybody may choose."""
    backend = installation.inspect("rag-backend")
    address = next(iter(backend["NetworkSettings"]["Networks"].values()))["IPAddress"]
    for host in ("backend", "rag-backend", address):
        assert "version" in installation.run_in("embedding-worker", "curl", "-fsS", f"http://{host}:8000/v1/version")
    for url in ("http://localhost:8000", "http://127.0.0.1:8000", f"http://{address}:8000"):
        assert requests.get(f"{url}/v1/version", timeout=10).status_code == 200
    for name, status in ((backend["Config"]["Hostname"], 200), ("host.docker.internal", 200), ("rebound.example", 421)):
        assert requests.get("http://localhost:8000/v1/version", headers={"Host": f"{name}:8000"}, timeout=10).status_code == status
    assert "version" in installation.run_in("backend", "curl", "-fsS", "http://rag-embedding-worker:8000/v1/version")


def test_scaling(installation, accepted):
    installation.up("--scale", "embedding-worker=3")
    assert set(installation.containers()) == ONE_OF_EACH | {"rag-embedding-worker-2", "rag-embedding-worker-3"}
    assert sorted(shares(installation, 3)) == [[0], [1], [2]]
    accepted |= Uploader(installation.backend, next(first_number), 30).wait()
    installation.check(accepted, installation.backend)
    logs = [installation.compose("logs", "--no-log-prefix", "--index", str(index), "embedding-worker") for index in (1, 2, 3)]
    assert all("Successfully processed document" in log for log in logs)


@pytest.mark.parametrize("victim", ["rag-embedding-worker-2", "rag-kafka", "rag-mysql", "rag-redis", "rag-backend"])
def test_a_container_dies_under_load(installation, accepted, victim):
    """It is started again by itself, and nothing that was accepted is lost, doubled or stale."""
    uploader = Uploader(installation.backend, next(first_number), 60, pause=0.05)
    wait_until(lambda: len(uploader.accepted) >= 10, "some uploads")
    installation.kill(victim)
    accepted |= uploader.wait()
    installation.wait_healthy()
    installation.backend.ready_again()
    installation.check(accepted, installation.backend, 240)


def test_down_and_up(installation, accepted):
    """The data are in volumes."""
    before = {key: installation.keys(key) for key in accepted}
    ends = installation.stack.ends()
    installation.compose("down")
    assert installation.compose("ps", "--all", "--format", "json").strip() == ""
    installation.up()
    assert set(installation.containers()) == ONE_OF_EACH
    assert installation.stack.ends() == ends
    installation.check(accepted, installation.backend)
    wait_until(lambda: {key: installation.keys(key) for key in accepted} == before, "the keys", 60, 0.5)
    accepted |= Uploader(installation.backend, next(first_number), 5).wait()
    installation.check(accepted, installation.backend)


def test_with_zookeeper(installation, accepted):
    """Over the same database: a broker that knows nothing of it is given what it lacks."""
    installation.compose("down")
    old = installation.files
    installation.files = ZOOKEEPER
    try:
        installation.up()
        assert set(installation.containers()) == ONE_OF_EACH | {"rag-zookeeper"}
        assert "zookeeper.connect = zookeeper:2181" in installation.compose("logs", "--no-log-prefix", "kafka")
        accepted |= Uploader(installation.backend, next(first_number), 20).wait()
        installation.check(accepted, installation.backend)
        installation.compose("down", "--volumes")
    finally:
        installation.files = old


@pytest.mark.parametrize("profile", [(), ("--profile", "kafka-ui")])
@pytest.mark.parametrize("files", [(), ZOOKEEPER])
def test_every_image_has_a_version(files, profile):
    found = images(*files, *profile)
    assert ("kafka-ui" in found) == bool(profile) and ("zookeeper" in found) == bool(files)
    assert all(re.search(r":[^:/]*\d+\.\d+|:\d{4}-\d\d-\d\d$", image) for image in found.values()), found
