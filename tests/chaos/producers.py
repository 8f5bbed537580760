"""Another program that writes to document-uploads itself: documents by ids of its own, and records that are no documents."""

import json
import random
import threading
import time

import kafka

from ledger import FAILED, OK, UNKNOWN, content
from serving import wait_until
from stack import UPLOADS

FIRST_ID = 5_000_000  # and down from there: once the store has seen the first, it gives ids above it
DOCUMENTS = 20
PATIENCE = 15  # seconds
GARBAGE = [b"not json", b"[]", b"", b'{"title": "no id", "content": "x"}', b'{"document_id": "7", "content": "x"}', b'{"document_id": -1, "content": "x"}', None]


class Producer(threading.Thread):
    def __init__(self, world, seed, pause=0.25):
        super().__init__(daemon=True)
        self.number, self.world, self.ledger, self.pause = "producer", world, world.ledger, pause
        self.source = random.Random(f"{seed} producer")
        self.next_id, self.counter = FIRST_ID, 0
        self.subjects = []
        self.producer = None
        self.stopping = threading.Event()

    def take_ids(self):
        """Before anyone else asks for an id: those up to the first are this program's."""
        subject = self.ledger.subject(str(FIRST_ID), "foreign")
        self.next_id = FIRST_ID - 1
        self.send_document(subject)
        wait_until(lambda: self.world.store.sql(f"SELECT 1 FROM documents WHERE id = {FIRST_ID}"), "the first document of another program")

    def run(self):
        while not self.stopping.wait(self.pause * self.source.uniform(0.3, 1.7)):
            what = self.source.random()
            if what < 0.1:
                self.send_garbage()
            elif what < 0.2:
                self.send_two(self.choose())
            else:
                self.send_document(self.choose())
        self.close()

    def send(self, key, value):
        """(outcome, (partition, offset)); after a silence the record may still arrive."""
        try:
            if not self.producer:
                self.producer = kafka.KafkaProducer(bootstrap_servers=self.world.stack.bootstrap.split(","), acks="all", enable_idempotence=True,
                                                    request_timeout_ms=5000, delivery_timeout_ms=PATIENCE * 1000, max_block_ms=5000)
            future = self.producer.send(UPLOADS, key=key, value=value)
        except kafka.errors.KafkaError:
            self.stopping.wait(0.5)
            return FAILED, None  # nothing was given to the producer
        try:
            record = future.get(PATIENCE + 5)
            return OK, (record.partition, record.offset)
        except kafka.errors.KafkaError:
            self.close()
            return UNKNOWN, None

    def close(self):
        if self.producer:
            self.producer.close(timeout=5)
        self.producer = None

    def choose(self):
        self.subjects = [subject for subject in self.subjects if subject.certain()]
        while len(self.subjects) < DOCUMENTS:
            self.subjects.append(self.ledger.subject(str(self.next_id), "foreign"))
            self.next_id -= 1
        return self.source.choice(self.subjects)

    def send_two(self, subject):
        """One that may fail for now, and at once a newer one, which the retry must not overwrite. Nothing later covers what it ends with."""
        self.subjects.remove(subject)
        self.send_document(subject, "fails-")
        if subject.certain():
            self.send_document(subject)

    def send_document(self, subject, prefix=""):
        self.counter += 1
        mark, document_id = f"{prefix}producer-x{self.counter}", int(subject.name)
        write = self.ledger.begin(subject, mark, document_id)
        value = {"document_id": document_id, "title": mark, "content": content(mark), "status": "pending"}
        outcome, place = self.send(f"doc_{document_id}".encode(), json.dumps(value).encode())
        self.ledger.end("produce", write, outcome, document_id, place=place)

    def send_garbage(self):
        began = time.time()
        outcome, place = self.send(b"doc_1", self.source.choice(GARBAGE))
        self.ledger.count("produce garbage", outcome)
        if outcome == OK:
            self.ledger.add_garbage(place, began)
