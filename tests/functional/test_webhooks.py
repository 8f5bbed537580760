"""Webhooks: every event arrives, signed and in the order of its document, whatever the receiver or the server does meanwhile."""

import pytest

from receiving import Receiver
from serving import run, wait_until

SECRET = "one secret of both"
REFUSED = "millracerefusethis"
ALL = "queued,processing,retrying,indexed,failed,dead_lettered,superseded,deleted"


@pytest.fixture
def receiver():
    receiver = Receiver(SECRET)
    yield receiver
    receiver.close()


@pytest.fixture
def hooked(start_server, tmp_path, receiver):
    def start(*flags, make=start_server):
        secret = tmp_path / "secret"
        secret.write_text(SECRET + "\n")
        return make("--webhook-url", receiver.url, "--webhook-secret-file", secret, *flags)
    return start


def letters(server):
    return server.get("/v1/dead-letters?stage=webhook")["dead_letters"]


def test_events_arrive_signed_and_in_order(hooked, receiver):
    server = hooked("--webhook-events", ALL)
    name = "watched"
    document_id = server.add("Version one.", key=name)["id"]
    server.add("Version two.", key=name)
    server.delete(f"/v1/documents/{document_id}")
    expected = [f"{status} {version}" for version in (1, 2) for status in ("queued", "processing", "indexed")] + ["deleted 2"]
    wait_until(lambda: len(receiver.of(document_id)) == len(expected), "all events")
    assert receiver.of(document_id) == expected
    entry = receiver.accepted[0]
    assert entry["headers"]["Content-Type"] == "application/json"
    assert entry["id"].startswith("document-events-") and len({one["id"] for one in receiver.accepted}) == len(expected)
    indexed = next(one["event"] for one in receiver.accepted if one["event"]["status"] == "indexed")
    assert indexed["chunks"] == 1 and set(indexed["steps"]) == {"received", "chunked", "embedded", "stored"}


def test_what_is_sent_unless_told_otherwise(hooked, receiver):
    server = hooked()
    good = server.add("A good one.")["id"]
    bad = server.add(f"It says {REFUSED}.", expect=202, wait=0)["id"]
    server.delete(f"/v1/documents/{good}")
    wait_until(lambda: receiver.of(good) == ["indexed 1", "deleted 1"] and receiver.of(bad) == ["dead_lettered 1"], "the events")
    failed = next(one["event"] for one in receiver.accepted if one["event"]["document_id"] == bad)
    assert failed["error"]["code"] == "embedding_failed" and failed["error"]["stage"] == "embed"
    wait_until(lambda: server.metric("millrace_webhook_requests_total", outcome="accepted") == 3, "the count")


def test_a_receiver_that_fails_is_tried_again(hooked, receiver):
    server = hooked("--webhook-retry-delays", "1s,2s,3s")
    failures = iter([500, 500])
    receiver.answer = lambda event: next(failures, 200)
    document_id = server.add("Third time lucky.")["id"]
    wait_until(lambda: receiver.of(document_id) == ["indexed 1"], "the third try")
    assert len(receiver.requests) == 3 and len({entry["id"] for entry in receiver.requests}) == 1
    assert letters(server) == []


def test_a_failing_event_holds_nobody_else_up(hooked, receiver):
    server = hooked("--webhook-retry-delays", "1s,2s,4s,8s,16s,32s")
    broken = server.add("The receiver cannot take this one.", key="broken")["id"]
    wait_until(lambda: receiver.of(broken) == ["indexed 1"], "the first version")
    receiver.answer = lambda event: 500 if event["document_id"] == broken else 200
    server.add("Nor what became of it.", key="broken")
    others = [answer["document_id"] for answer in server.bulk([{"content": f"Neighbour {n}."} for n in range(50)], wait=60)]
    wait_until(lambda: all(receiver.of(other) == ["indexed 1"] for other in others), "the others' events")
    server.delete(f"/v1/documents/{broken}")
    assert receiver.of(broken) == ["indexed 1"]
    receiver.answer = lambda event: 200
    wait_until(lambda: len(receiver.of(broken)) == 3, "the rest of them")
    assert receiver.of(broken) == ["indexed 1", "indexed 2", "deleted 2"]


def test_dead_letters_and_redrive(hooked, receiver):
    server = hooked("--webhook-retry-delays", "1s")
    receiver.answer = lambda event: 410 if event["status"] == "deleted" else 500
    document_id = server.add("Nobody wants to hear of this.")["id"]
    wait_until(lambda: len(letters(server)) == 1, "the first dead letter")
    server.delete(f"/v1/documents/{document_id}")
    refused, failed = wait_until(lambda: len(letters(server)) == 2 and letters(server), "the second one")
    assert (refused["error"]["code"], refused["attempts"]) == ("webhook_refused", 1), "410 is not tried again"
    assert (failed["error"]["code"], failed["attempts"]) == ("webhook_failed", 2)
    assert failed["original"]["topic"] == "document-events" and failed["document_id"] is None
    shown = server.get(f"/v1/dead-letters/{failed['id']}")["message"]
    assert '"status":"indexed"' in shown["value"] and shown["key"] == f"doc_{document_id}"
    answer = server.request("POST", f"/v1/dead-letters/{failed['id']}/redrive", json={"value": "{}"})
    assert answer.status_code == 422, answer.text

    receiver.answer = lambda event: 200
    run("dlq", "redrive", "--stage", "webhook", "--execute", "--server", server.url)
    wait_until(lambda: sorted(receiver.of(document_id)) == ["deleted 1", "indexed 1"], "the redriven events")
    wait_until(lambda: letters(server) == [], "the list being empty")
    ids = {entry["event"]["status"]: {one["id"] for one in receiver.requests if one["event"]["status"] == entry["event"]["status"]}
           for entry in receiver.accepted}
    assert all(len(of_status) == 1 for of_status in ids.values()), "a redriven event keeps its id"
    assert server.get("/v1/documents?status=queued")["documents"] == [], "no document is touched"


def test_a_redirect_is_not_followed(hooked, receiver):
    server = hooked()
    receiver.answer = lambda event: 302
    server.add("Sent elsewhere.")
    letter, = wait_until(lambda: letters(server), "the dead letter")
    assert letter["error"] == {"code": "webhook_refused", "message": "the receiver answered 302", "stage": "webhook"}
    assert len(receiver.requests) == 1


def test_without_a_receiver_nothing_is_lost_or_given_up(hooked, receiver, tmp_path):
    server = hooked("--webhook-retry-delays", "1s")
    receiver.close()
    ids = [answer["document_id"] for answer in server.bulk([{"content": f"Waiting {n}."} for n in range(20)], wait=60)]
    wait_until(lambda: server.metric("millrace_webhook_paused") == 1, "the pause")
    wait_until(lambda: server.metric("millrace_webhook_requests_total", outcome="away") > 4, "more tries than an event has")
    assert server.log().count("the receiver of webhooks is away") == 1
    server.kill9()
    server.start()
    wait_until(lambda: server.metric("millrace_webhook_paused") == 1, "the pause after the restart")
    assert letters(server) == []
    back = Receiver(SECRET, port=receiver.port)
    wait_until(lambda: all(back.of(one) == ["indexed 1"] for one in ids), "every event")
    wait_until(lambda: server.metric("millrace_webhook_paused") == 0, "the end of the pause")
    back.close()


def test_restarts_lose_nothing_and_keep_the_order(hooked, receiver):
    server = hooked()
    names = [f"name {n}" for n in range(10)]
    for version in range(1, 5):
        answers = server.bulk([{"content": f"Version {version} of {name}.", "key": name} for name in names], wait=60)
        (server.kill9 if version % 2 else server.stop)()
        server.start()
    server.wait_settled()
    ids = [answer["document_id"] for answer in answers]
    for document_id in ids:
        server.delete(f"/v1/documents/{document_id}")
    expected = [f"indexed {version}" for version in range(1, 5)] + ["deleted 4"]
    wait_until(lambda: all(receiver.of(one) == expected for one in ids), "every event, in order")


def test_wrong_settings_are_refused_and_the_url_is_secret(hooked, receiver):
    for flag, value in (("--webhook-url", "ftp://example.org"), ("--webhook-url", "nonsense"), ("--webhook-events", "everything"),
                        ("--webhook-secret-file", "/nowhere")):
        assert "expected" in run("serve", "--embedded", flag, value, expect=2).stderr
    server = hooked()
    shown = {one["name"]: one["value"] for one in server.get("/v1/config")["settings"]}
    assert shown["webhook_url"] == shown["webhook_secret"] == "***"
    assert "/hooks" not in server.log()
