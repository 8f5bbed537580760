"""Backups of the embedded store, and what becomes of the log's records when an older one is restored."""

import datetime
import json
import pathlib
import sqlite3

from serving import run, wait_until

UPLOADS = "document-uploads"


def backup(server, file, **options):
    return run("backup", "--embedded", "--data", server.data, file, **options)


def restore(server, file, *flags, **options):
    return run("restore", "--embedded", "--data", server.data, *flags, file, **options)


def committed(server, partition):
    partitions = server.get("/v1/groups/embedding-workers")["partitions"]
    return next(one["committed"] or 0 for one in partitions if (one["topic"], one["partition"]) == (UPLOADS, partition))


def test_a_restored_store_is_as_it_was(start_server, tmp_path):
    server = start_server()
    ids = [answer["document_id"] for answer in server.bulk([{"key": f"k{number}", "content": f"Mill number {number} grinds."} for number in range(40)])]
    assert "wrote" in backup(server, tmp_path / "forty.db").stdout  # while it works on them
    server.wait_settled()
    later = server.add("Mill number 99 grinds.", key="later")["id"]
    server.add("Mill number 0 is a ruin.", key="k0")
    server.delete(f"/v1/documents/{ids[1]}")
    server.kill9()  # what it wrote last is still in the log beside the store
    told = restore(server, tmp_path / "forty.db", "--replace").stdout
    assert "restored 40 documents" in told
    aside = told.strip().rsplit(" ", 1)[1]
    with sqlite3.connect(aside) as connection:
        assert connection.execute("SELECT count(*) FROM documents WHERE id = ?", [later]).fetchone() == (1,), "it is kept, all of it"
    server.restart()
    server.wait_settled()
    assert sorted(document["id"] for document in server.documents()) == ids
    assert server.content(ids[0]) == "Mill number 0 grinds."
    assert server.search("Mill number 1 grinds.", top_k=1)[0]["document"]["id"] == ids[1]
    new = server.add("Mill number 100 grinds.", key="new")["id"]
    assert new > later, "no document gets an id that a lost one had"
    assert server.add("Mill number 0 is a ruin.", key="k0")["version"] == 2


def test_an_old_version_that_was_sent_again_overwrites_nothing(start_server, tmp_path):
    server = start_server()
    id = server.add("The old text.", key="k")["id"]
    old = server.get(f"/v1/topics/{UPLOADS}/messages")["messages"][0]
    assert server.add("The new text.", key="k")["version"] == 2
    server.stop()
    backup(server, tmp_path / "file.db")
    restore(server, tmp_path / "file.db", "--replace")
    server.restart()
    again = {header["name"]: header["value"] for header in old["headers"]} | {  # as a redrive or a replay leaves it in the log
        "millrace-original-topic": UPLOADS, "millrace-original-partition": str(old["partition"]), "millrace-original-offset": str(old["offset"]),
        "millrace-original-timestamp": str(int(datetime.datetime.fromisoformat(old["timestamp"].replace("Z", "+00:00")).timestamp() * 1000))}
    place = server.post(f"/v1/topics/{UPLOADS}/messages", {"value": old["value"], "key": old["key"], "headers": again})
    wait_until(lambda: committed(server, place["partition"]) > place["offset"], "the record read")
    assert (server.content(id), server.document(id)["version"]) == ("The new text.", 2)


def test_records_of_the_time_before_are_news_unless_the_store_has_them(start_server, tmp_path):
    """A replay brings what was accepted after the backup, from the log that has it; embedded, the log went back too."""
    server = start_server()
    id = server.add("The text.", key="k")["id"]
    message = server.get(f"/v1/topics/{UPLOADS}/messages")["messages"][0]
    headers = {header["name"]: header["value"] for header in message["headers"]}
    server.stop()
    backup(server, tmp_path / "file.db")
    restore(server, tmp_path / "file.db", "--replace")
    server.restart()

    def send(value, version):
        server.post(f"/v1/topics/{UPLOADS}/messages", {"value": json.dumps(value), "key": message["key"], "headers": headers | {"millrace-version": str(version)}})

    send(json.loads(message["value"]), 1)
    server.wait_settled()
    assert server.document(id)["version"] == 1, "the same text is nothing new"
    send({"document_id": id, "content": "The text of the lost version."}, 2)
    wait_until(lambda: server.document(id)["indexed_version"] == 2, "the lost version")
    assert server.content(id) == "The text of the lost version."
    send({"document_id": id, "content": "", "content_ref": {"document_id": id, "version": 3, "bytes": 500_000, "sha256": "00"}}, 3)
    letter, = wait_until(lambda: server.get("/v1/dead-letters")["dead_letters"], "the dead letter")
    assert "restored from a backup" in letter["error"]["message"]


def test_what_is_wrong_is_said_and_changes_nothing(start_server, tmp_path):
    server = start_server()
    id = server.add("The text.", key="k")["id"]
    good = tmp_path / "good.db"
    backup(server, good)
    assert "exists" in backup(server, good, expect=1).stderr
    assert "uses" in restore(server, good, "--replace", expect=1).stderr, "a server works on it"
    server.stop()
    assert "--replace" in restore(server, good, expect=1).stderr
    assert "no file" in restore(server, tmp_path / "none.db", "--replace", expect=3).stderr
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE t(x)")
    assert "another program" in restore(server, other, "--replace", expect=1).stderr
    text = tmp_path / "text.db"
    text.write_text("no database at all, but long enough to look like a file of one " * 100)
    restore(server, text, "--replace", expect=1)
    damaged = tmp_path / "damaged.db"
    bytes = bytearray(good.read_bytes())
    for offset in range(8192 * 3, len(bytes), 8192):
        bytes[offset:offset + 64] = b"\xff" * 64
    damaged.write_bytes(bytes)
    assert "damaged" in restore(server, damaged, "--replace", expect=1).stderr
    newer = tmp_path / "newer.db"
    newer.write_bytes(good.read_bytes())
    with sqlite3.connect(newer) as connection:
        connection.execute("PRAGMA user_version = 9999")
    assert "newer" in restore(server, newer, "--replace", expect=1).stderr
    assert not list(pathlib.Path(server.data).glob("*.part")), "nothing is left of what did not become the store"
    assert "no store" in run("backup", "--embedded", "--data", tmp_path / "empty", tmp_path / "x.db", expect=3).stderr
    run("restore", "--embedded", "--data", server.data, expect=2)
    server.restart()
    assert server.content(id) == "The text."
