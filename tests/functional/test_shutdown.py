"""SIGTERM while there is work: an end in time, with 0, and nothing lost."""

import signal
import threading
import time

import pytest
import requests

from serving import PATIENCE, wait_until
from texts import long_text, text
from watching import Watcher


@pytest.mark.parametrize("stop_signal", [signal.SIGTERM, signal.SIGINT])
def test_during_ingestion(start_server, stop_signal):
    server = start_server()
    ids = []
    for _ in range(5):  # however quick it is, and however late this asks
        first = len(ids)
        ids += [answer["document_id"] for answer in server.bulk([{"content": text(n, 30)} for n in range(first, first + 1500)])]
        if left := server.get("/v1/status")["documents"]["indexed"] < len(ids):
            break
    assert left, "there must be work left"
    server.process.send_signal(stop_signal)
    assert server.process.wait(PATIENCE) == 0
    server.restart()
    server.wait_settled(300)
    assert {document["status"] for document in server.documents()} == {"indexed"}
    assert sorted(document["id"] for document in server.documents()) == ids


def test_event_streams_end(start_server):
    server = start_server()
    watchers = [Watcher(server) for _ in range(10)]
    server.stop()
    for watcher in watchers:
        wait_until(lambda: watcher.ended, "the end of the stream")
        watcher.close()


def test_requests_in_work_are_answered(start_server):
    """Clients get an answer or a closed connection, and what was acknowledged is there afterwards."""
    server = start_server()
    acknowledged, odd = [], []

    def client(number):
        for index in range(10_000):
            try:
                body = {"title": f"{number}/{index}", "content": text(index)}
                answer = requests.post(server.url + "/documents", timeout=PATIENCE, json=body)
            except requests.RequestException:
                return
            if answer.status_code == 200:
                acknowledged.append(answer.json()["document_id"])
            elif answer.status_code != 503:
                odd.append(answer.text)
    threads = [threading.Thread(target=client, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(acknowledged) > 50, "some traffic")
    server.stop()
    for thread in threads:
        thread.join(PATIENCE)
    assert odd == []
    server.restart()
    server.wait_settled(180)
    documents = {document["id"]: document["status"] for document in server.documents()}
    assert {documents[document_id] for document_id in acknowledged} == {"indexed"}
    assert set(documents.values()) == {"indexed"}


def test_waiting_clients_are_let_go(start_server):
    server = start_server("--max-request-bytes", "16MB", model="minilm")
    answers = []

    def wait_for_it():
        answers.append(server.request("POST", "/v1/documents?wait=300", json={"content": long_text(3, 6_000_000)}))
    thread = threading.Thread(target=wait_for_it)
    thread.start()
    wait_until(lambda: server.documents("?status=processing"), "the document being processed")
    server.stop(PATIENCE)
    thread.join(PATIENCE)
    assert answers[0].status_code == 202 and answers[0].json()["searchable"] is False
    server.restart()
    assert server.documents()[0]["status"] in ("queued", "processing")
    server.delete(f"/v1/documents/{server.documents()[0]['id']}")


def test_drain_time_is_kept(start_server):
    """Also when the model has half a minute of work with what it was given last."""
    server = start_server("--max-request-bytes", "16MB", "--threads", "1", "--drain-seconds", "2", model="minilm")
    server.post("/v1/documents", {"content": long_text(4, 6_000_000), "chunking": {"max_tokens": 254}}, 202)
    wait_until(lambda: server.documents("?status=processing"), "the document being processed")
    time.sleep(1)
    server.stop(patience=2 + 20)  # that half a minute is one of a machine that does nothing else


def test_no_time_to_drain(start_server):
    server = start_server("--drain-seconds", "0")
    server.bulk([{"content": text(n, 30)} for n in range(300)])
    server.stop()
    server.restart()
    server.wait_settled()
    assert server.get("/v1/status")["documents"]["indexed"] == 300


def test_new_connections_are_refused_while_it_ends(start_server):
    server = start_server()
    server.stop()
    with pytest.raises(requests.ConnectionError):
        requests.get(server.url + "/livez", timeout=5)


def test_stopped_at_once(start_server):
    for _ in range(5):
        server = start_server.make()
        server.spawn()
        wait_until(lambda: "serves http://" in server.log(), "listening")
        server.stop()
