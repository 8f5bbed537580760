"""/v1/events: what becomes of documents, as server-sent events."""

import json
import re
import time

import requests

from serving import PATIENCE, expect_problem, wait_until
from watching import Watcher


def in_order(statuses):
    ranks = {"queued": 0, "processing": 1, "indexed": 2, "dead_lettered": 2}
    return [ranks[status] for status, _ in statuses] == sorted(ranks[status] for status, _ in statuses)


def test_hello_comes_at_once(server):
    watcher = Watcher(server)
    assert watcher.events[0]["event"] == "hello"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", json.loads(watcher.events[0]["data"])["server_time"])
    watcher.close()


def test_statuses_of_a_document_in_order(server):
    watcher = Watcher(server)
    ids = [answer["document_id"] for answer in server.bulk([{"content": f"Watched text {n}."} for n in range(30)], wait=60)]
    failing = server.add("millracerefusethis")["id"]
    for document_id in ids:
        watcher.wait_for(document_id, "indexed")
    watcher.wait_for(failing, "dead_lettered")
    for document_id in [*ids, failing]:
        statuses = watcher.of(document_id)
        assert statuses[0] == ("queued", 1) and in_order(statuses), statuses
    assert [status for status, _ in watcher.of(failing)][-1] == "dead_lettered"
    watcher.close()


def test_shape_of_an_event(server):
    watcher = Watcher(server)
    document_id = server.add("One event to look at.")["id"]
    watcher.wait_for(document_id, "indexed")
    event = next(event for event in watcher.events
                 if event["event"] == "document.indexed" and json.loads(event["data"])["document_id"] == document_id)
    assert re.fullmatch(r"\d+-\d+", event["id"])
    data = json.loads(event["data"])
    assert data["event"] == "document.indexed" and data["status"] == "indexed"
    assert data["version"] == 1 and data["chunks"] == 1 and "at" in data and "revision" in data
    watcher.close()


def test_ids_rise_in_each_partition(server):
    watcher = Watcher(server)
    last = server.bulk([{"content": f"Numbered {n}."} for n in range(50)], wait=60)[-1]["document_id"]
    watcher.wait_for(last, "indexed")
    offsets = {}
    for event in list(watcher.events)[1:]:
        partition, offset = map(int, event["id"].split("-"))
        assert offset > offsets.get(partition, -1)
        offsets[partition] = offset
    watcher.close()


def test_update_delete_and_supersede(server):
    watcher = Watcher(server)
    name = f"events/{time.time_ns()}"
    document_id = server.add("Version one.", key=name)["id"]
    server.add("Version two.", key=name)
    server.delete(f"/v1/documents/{document_id}")
    watcher.wait_for(document_id, "deleted", 2)
    statuses = watcher.of(document_id)
    assert [entry for entry in statuses if entry[0] == "indexed"] == [("indexed", 1), ("indexed", 2)]
    assert statuses[-1] == ("deleted", 2)
    watcher.close()


def test_one_document_only(server):
    name = f"filtered/{time.time_ns()}"
    document_id = server.add("Watch me alone.", key=name)["id"]
    watcher = Watcher(server, f"?document_id={document_id}")
    others = server.bulk([{"content": f"Noise {n}."} for n in range(20)], wait=60)
    server.add("Watch me change.", key=name)
    watcher.wait_for(document_id, "indexed", 2)
    assert {json.loads(event["data"])["document_id"] for event in watcher.events[1:]} == {document_id}
    assert not any(watcher.of(other["document_id"]) for other in others)
    watcher.close()


def test_many_watchers(server):
    watchers = [Watcher(server) for _ in range(50)]
    document_id = server.add("Seen by fifty.")["id"]
    for watcher in watchers:
        watcher.wait_for(document_id, "indexed")
        watcher.close()


def test_a_watcher_that_leaves_is_let_go(server):
    """Its connection is closed, so that watchers that come and go use up nothing."""
    before = server.metric("millrace_http_connections")
    for _ in range(20):
        Watcher(server).close()
    wait_until(lambda: server.metric("millrace_http_connections") <= before + 2, "connections closing")


def test_slow_watcher_is_told_what_it_missed_or_gets_all(start_server):
    server = start_server()
    answer = requests.get(server.url + "/v1/events", stream=True, timeout=(5, PATIENCE))
    for start in range(0, 8000, 2000):
        server.bulk([{"content": f"Flood {n}."} for n in range(start, start + 2000)])
    server.wait_settled(300)
    last = server.add("The last of the flood.")["id"]
    seen, dropped, name = 0, 0, None
    for line in answer.iter_lines(chunk_size=8192, decode_unicode=True):
        if line.startswith("event: "):
            name = line[len("event: "):]
        elif line.startswith("data: "):
            data = json.loads(line[len("data: "):])
            if name == "dropped":
                dropped += data["dropped"]
            elif name != "hello":
                seen += 1
                if data["document_id"] == last and data["status"] == "indexed":
                    break
    answer.close()
    queued_and_indexed = 2 * 8001
    assert seen + dropped >= queued_and_indexed


def test_wrong_document_id(server):
    expect_problem(server.request("GET", "/v1/events?document_id=x"), 422, "/document_id")
