"""Reads what a healed installation holds, from its store itself; the same questions to SQLite and MySQL."""

import collections
import sqlite3
import struct

from oracle import SETTLED, Letter, State, Stored

UPLOADS, WORKERS = "document-uploads", "embedding-workers"
DOCUMENTS = """SELECT s.document_id, d.{key}, v.title, s.status, s.version, s.indexed_version, d.id IS NULL, s.error_code, s.error_message
    FROM document_state s LEFT JOIN documents d ON d.id = s.document_id
    LEFT JOIN document_versions v ON v.document_id = s.document_id AND v.version = s.version"""
CHUNKS = "SELECT document_id, version, chunk_index, {text} FROM {chunks} ORDER BY document_id, version, chunk_index, id"
RETIRED = "SELECT document_id, version FROM retired_versions WHERE chunks_removed = 0"
LETTERS = "SELECT document_id, original_partition, original_offset, error_message FROM dead_letters"
UNSETTLED = "SELECT document_id, status FROM document_state WHERE status NOT IN ({settled})"


def text_of(value):
    return value.decode() if isinstance(value, bytes) else value


class Store:
    """One connection per question: the database may have been restarted since the last one."""

    def sql(self, statement):
        raise NotImplementedError

    def read(self):
        documents = {}
        for id, key, title, status, version, indexed, gone, code, message in self.sql(DOCUMENTS.format(key=self.key)):
            reason = f"{code}: {message}" if code and message else ""
            documents[id] = Stored(id, text_of(key), title or "", status, version, indexed, bool(gone), reason)
        retired = set(map(tuple, self.sql(RETIRED)))
        for id, version, index, text in self.sql(CHUNKS.format(text=self.text, chunks=self.chunks)):
            document = documents.setdefault(id, Stored(id, None, "", "deleted", 0, 0, True))
            if version == document.indexed_version and not document.deleted:
                document.chunks.append((index, text))
            elif document.deleted or (id, version) not in retired:
                document.surplus.append(version)
        letters = [Letter(*row) for row in self.sql(LETTERS)]
        return State(documents, letters, outbox=self.outbox())

    def outbox(self):
        return self.sql("SELECT count(*) FROM outbox")[0][0]

    def unsettled(self):
        settled = ", ".join(f"'{status}'" for status in SETTLED)
        return self.sql(UNSETTLED.format(settled=settled))


class SqliteStore(Store):
    key, text, chunks = "key", "text", "chunks"

    def __init__(self, path):
        self.path = path

    def connect(self):
        return sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=20)

    def sql(self, statement):
        connection = self.connect()
        try:
            return connection.execute(statement).fetchall()
        finally:
            connection.close()

    def lag(self):
        behind = collections.Counter()
        for group, high, next_offset in self.sql(
                "SELECT g.name, p.high, max(coalesce(o.next_offset, 0), p.low) FROM log_groups g JOIN log_topics t JOIN log_partitions p ON p.topic_id = t.id "
                f"LEFT JOIN log_offsets o ON o.group_name = g.name AND o.topic_id = t.id AND o.partition = p.partition "
                f"WHERE g.name = '{WORKERS}' AND t.name = '{UPLOADS}' OR g.name LIKE '{WORKERS}-%' AND o.next_offset IS NOT NULL"):
            behind[group] += high - next_offset
        return dict(behind)


class MysqlStore(Store):
    key, text, chunks = "doc_key", "chunk_text", "embeddings"

    def __init__(self, cluster):
        self.cluster = cluster

    def sql(self, statement):
        return self.cluster.sql(statement)

    def lag(self):
        """Of every group that has committed anything."""
        behind = collections.Counter()
        stack = self.cluster.stack
        for group in (entry["group_id"] for entry in stack.ask(lambda admin: admin.list_groups())):
            offsets = stack.ask(lambda admin, group=group: admin.list_group_offsets(group)).get(group, {})
            for topic in {partition.topic for partition in offsets}:
                behind[group] += stack.behind(group, topic, stack.committed(group, topic))
        behind[WORKERS] = stack.lag()
        return dict(behind)


def decode_headers(raw):
    """Of the log in SQLite: name and value in turn, each after its length."""
    parts, at = [], 0
    while at < len(raw or b""):
        size, = struct.unpack_from("<I", raw, at)
        parts.append(raw[at + 4:at + 4 + size])
        at += 4 + size
    return {name.decode(): value for name, value in zip(parts[::2], parts[1::2])}

