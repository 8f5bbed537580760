"""Holds, while everything breaks, the rule that a committed offset never passes work that is not done. It looks at the offsets first, then
at the documents; each record is looked at once, when it is first below the committed offset."""

import json
import math
import threading

import kafka

from state import UPLOADS, WORKERS, decode_headers

PAUSE = 0.5
STATES = """SELECT document_id, status, coalesce(indexed_version, 0), coalesce(deleted_version, 0), position_topic, position_partition, position_offset,
    version FROM document_state"""
ENDED = ("retrying", "failed", "dead_lettered", "superseded")


def own(key, headers):
    """(document, version) of a record with our headers."""
    if "millrace-version" not in headers:
        return None
    return int(key.decode().removeprefix("doc_")), int(headers["millrace-version"])


def foreign(value):
    """The document of another program's record; none of a bad one, which the dead letters answer for."""
    try:
        number = json.loads(value)["document_id"]
        return number if isinstance(number, int) and number > 0 else None
    except (ValueError, TypeError, KeyError):
        return None


def is_done(record, states):
    """`record`: (partition, offset, key, value, headers)"""
    partition, offset, key, value, headers = record
    ours = own(key, headers)
    if ours:
        document, version = ours
        _, status, indexed, deleted, topic, at_partition, at_offset, newest = states.get(document, (0, "missing", 0, 0, None, None, None, 0))
        again = (topic, at_partition) == (UPLOADS, partition) and at_offset > offset  # a later record of it answers for it, when it is committed
        return max(indexed, deleted) >= version or newest > version or status in ENDED or again
    document = foreign(value)
    if document is None or document not in states:
        return document is None
    _, status, _, deleted, topic, at_partition, at_offset, _ = states[document]
    if deleted or (topic, at_partition) != (UPLOADS, partition) or at_offset > offset:
        return True
    return at_offset == offset and status not in ("queued", "processing")


class Watch(threading.Thread):
    def __init__(self, ledger):
        super().__init__(daemon=True)
        self.ledger, self.checked, self.seen, self.samples = ledger, {}, 0, 0
        self.ending = threading.Event()

    def run(self):
        while not self.ending.wait(PAUSE):
            try:
                self.look()
            except Exception:  # a dependency is away, which is what this is about; the last look, after healing, may not fail
                self.close()

    def finish(self):
        self.ending.set()
        self.join(60)
        self.look()
        self.close()

    def check(self, records, states):
        self.samples += 1
        for record in records:
            self.seen += 1
            if not is_done(record, states):
                document = own(record[2], record[4]) or (foreign(record[3]), 0)
                state = states.get(document[0])
                self.ledger.observe("early commit", f"offset {record[1]} of partition {record[0]} is committed, and document {document[0]} "
                                    f"version {document[1]} is {state and state[1]}, indexed {state and state[2]}")

    def close(self):
        pass


class SqliteWatch(Watch):
    """Offsets, records and documents as one snapshot has them."""

    def __init__(self, ledger, store):
        super().__init__(ledger)
        self.store = store

    def look(self):
        connection = self.store.connect()
        try:
            connection.execute("BEGIN")
            topic = connection.execute("SELECT id FROM log_topics WHERE name = ?", (UPLOADS,)).fetchone()
            offsets = connection.execute("SELECT partition, next_offset FROM log_offsets WHERE group_name = ? AND topic_id = ?", (WORKERS, *topic)).fetchall()
            records = []
            for partition, committed in offsets:
                rows = connection.execute("SELECT partition, offset, key, value, headers FROM log_records WHERE topic_id = ? AND partition = ? "
                                          "AND offset >= ? AND offset < ?", (*topic, partition, self.checked.get(partition, 0), committed))
                records += [(*row[:4], decode_headers(row[4])) for row in rows]
            states = {row[0]: row for row in connection.execute(STATES)}
        finally:
            connection.close()
        self.check(records, states)
        self.checked |= dict(offsets)


class KafkaWatch(Watch):
    def __init__(self, ledger, cluster):
        super().__init__(ledger)
        self.cluster, self.consumer = cluster, None

    def close(self):
        if self.consumer:
            self.consumer.close()
        self.consumer = None

    def look(self):
        """Not while the topic loses records. An offset beyond its end is of a topic that was there before, and points to no record of this one."""
        losses = self.ledger.loss_times()
        committed = self.cluster.stack.committed()
        states = {row[0]: row for row in self.cluster.sql(STATES)}
        starts, ends = self.cluster.stack.starts(), self.cluster.stack.ends()
        self.checked = {partition: first for partition, first in self.checked.items() if first <= ends[partition]}
        committed = {partition: end for partition, end in committed.items() if end <= ends[partition]}
        records = []
        for partition, end in committed.items():
            records += self.between(partition, max(self.checked.get(partition, 0), starts[partition]), end)
        if self.ledger.loss_times() == losses and math.inf not in losses:
            self.check(records, states)
            self.checked |= committed

    def between(self, partition, first, end):
        if first >= end:
            return []
        if not self.consumer:
            self.consumer = kafka.KafkaConsumer(bootstrap_servers=self.cluster.stack.bootstrap.split(","), enable_auto_commit=False, group_id=None)
        source = kafka.TopicPartition(UPLOADS, partition)
        self.consumer.assign([source])
        self.consumer.seek(source, first)
        found = []
        for _ in range(50):
            for record in self.consumer.poll(timeout_ms=500).get(source, []):
                if record.offset < end:
                    found.append((partition, record.offset, record.key or b"", record.value, dict(record.headers or [])))
            if self.consumer.position(source) >= end:
                return found
        raise TimeoutError(f"the records of partition {partition} up to {end} could not be read")
