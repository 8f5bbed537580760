"""What clients asked for and what they were told: the truth that the oracle holds a state against.

A subject is one thing that is written to: a key, a create without a key, a document of another program's producer. It has one client,
which writes one after the other and, after an outcome that it does not know, only repeats that same write and then leaves the subject
alone. So what a subject may be at the end is certain but for its last write.
"""

import collections
import dataclasses
import json
import random
import threading
import time

OK, UNKNOWN, FAILED = "ok", "unknown", "failed"
LONG = 300  # sentences: more than one transaction stages
POISONS = {"refused": "millracerefusethis", "fails": "millracefailfornow", "crashes": "millracecrashhere"}


def sentences(mark):
    """What a document with this mark is made of. By sentences cut, they are its chunks; no two marks share one."""
    source = random.Random(mark)
    count = LONG if source.random() < 0.01 else source.randint(2, 6)
    texts = [f"Document {mark} says in sentence {index} a word like {source.randrange(10**9)}." for index in range(count)]
    word = POISONS.get(mark.split("-", 1)[0])
    return texts + [f"Document {mark} holds the word {word}."] if word else texts


def content(mark):
    return " ".join(sentences(mark))


@dataclasses.dataclass
class Write:
    mark: str | None  # none: a delete
    outcome: str = UNKNOWN
    document_id: int | None = None
    version: int | None = None
    began: float = 0.0
    ended: float = 0.0


@dataclasses.dataclass
class Subject:
    name: str
    kind: str  # key, keyless, foreign
    writes: list[Write] = dataclasses.field(default_factory=list)

    def possible(self):
        """The marks that it may have at the end; none among them: it may be absent."""
        marks = {None}
        for write in self.writes:
            if write.outcome == OK:
                marks = {write.mark}
            elif write.outcome == UNKNOWN:
                marks.add(write.mark)
        return marks

    def may_fail(self):
        """It was made to fail: a dead letter with its reason is as good as an index entry."""
        return any(mark and mark.split("-", 1)[0] in POISONS for mark in self.possible())

    def certain(self):
        return all(write.outcome != UNKNOWN for write in self.writes[-1:])

    def marks(self):
        return {write.mark for write in self.writes if write.mark}

    def ids(self):
        return {write.document_id for write in self.writes if write.document_id is not None}

    def newest(self):
        """The last acknowledged write."""
        return next((write for write in reversed(self.writes) if write.outcome == OK), None)


@dataclasses.dataclass(frozen=True)
class Garbage:
    """A record that is no upload, as the broker acknowledged it."""
    partition: int
    offset: int


class Ledger:
    """Thread-safe."""

    def __init__(self):
        self.lock = threading.Lock()
        self.subjects = {}
        self.garbage = []
        self.observed = []  # anomalies seen while it ran: (kind, sentence)
        self.operations = collections.Counter()  # (operation, outcome)

    def subject(self, name, kind):
        with self.lock:
            return self.subjects.setdefault(name, Subject(name, kind))

    def begin(self, subject, mark, document_id=None):
        write = Write(mark, document_id=document_id, began=time.time())
        with self.lock:
            subject.writes.append(write)
        return write

    def end(self, operation, write, outcome, document_id=None, version=None):
        with self.lock:
            write.outcome, write.ended = outcome, time.time()
            write.document_id = document_id if document_id is not None else write.document_id
            write.version = version
            self.operations[operation, outcome] += 1

    def count(self, operation, outcome):
        with self.lock:
            self.operations[operation, outcome] += 1

    def add_garbage(self, partition, offset):
        with self.lock:
            self.garbage.append(Garbage(partition, offset))

    def observe(self, kind, sentence):
        with self.lock:
            self.observed.append((kind, sentence))

    def save(self, path):
        with self.lock, open(path, "w") as file:
            for subject in self.subjects.values():
                file.write(json.dumps(dataclasses.asdict(subject)) + "\n")
