"""Receipts of deletes on Kafka, MySQL and Redis, with several processes."""

import signal

from serving import wait_until


def add(cluster, server, others):
    document = server.add("A sentence to be forgotten. And another one.", wait=30)["id"]
    for other in others:
        other.wait_indexed(document)
    return document, wait_until(lambda: cluster.keys(document), "keys in Redis")


def states(receipt):
    return {instance["url"]: instance["state"] for instance in receipt["instances"]}


def test_every_process_confirms(cluster):
    one, other = cluster.server(), cluster.server()
    worker = cluster.worker()
    document, keys = add(cluster, one, [other])
    receipt = one.delete(f"/v1/documents/{document}?verify=true&timeout=30")
    assert receipt["verified"], receipt
    assert states(receipt) == {program.url: "confirmed" for program in (one, other, worker)}
    assert receipt["cache"] == {"found": len(keys), "left": 0} and cluster.keys(document) == []
    assert receipt["store"]["chunks"]["found"] == len(keys)
    [record] = receipt["log"]
    assert record["topic"] == "document-uploads" and record["kept_until"] > receipt["checked_at"]  # as the brokers are set
    again = other.delete(f"/documents/{document}?verify=true&timeout=30")
    assert again["already_deleted"] and again["verified"] and again["cache"] == {"found": 0, "left": 0}


def test_a_stopped_server_is_unreachable(cluster):
    one, other = cluster.server(), cluster.server()
    cluster.worker()
    document, _ = add(cluster, one, [other])
    other.process.send_signal(signal.SIGSTOP)
    try:
        receipt = one.delete(f"/v1/documents/{document}?verify=true&timeout=3")
        assert receipt["verified"] is False and states(receipt)[other.url] == "unreachable"
        assert states(receipt)[one.url] == "confirmed"
        assert all(count["left"] == 0 for count in receipt["store"].values()) and receipt["index"]["left"] == 0
    finally:
        other.process.send_signal(signal.SIGCONT)

    def confirmed():
        receipt = one.delete(f"/v1/documents/{document}?verify=true&timeout=5")
        return other.url in states(receipt) and receipt["verified"]
    wait_until(confirmed, "the server that goes on confirming")


def test_a_key_that_another_program_wrote_is_left(cluster):
    server = cluster.server()
    cluster.worker()
    document, _ = add(cluster, server, [])
    server.delete(f"/v1/documents/{document}")
    wait_until(lambda: not cluster.keys(document), "its own keys gone")
    with cluster.stack.redis() as client:
        client.set(f"emb:doc{document}:chunk0", b"\0" * 1536)
    receipt = server.delete(f"/v1/documents/{document}?verify=true&timeout=30")
    assert receipt["verified"] is False and receipt["cache"] == {"found": 1, "left": 1}
