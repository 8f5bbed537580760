"""What clients asked for and what they were told: the truth that the oracle holds a state against.

A subject is one thing that is written to: a key, a create without a key, a document of another program's producer. It has one client,
which writes one after the other and, after an outcome that it does not know, only repeats that same write and then leaves the subject
alone. So what a subject may be at the end is certain but for its last write.
"""

import collections
import contextlib
import dataclasses
import json
import math
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
    place: tuple | None = None  # (partition, offset) of another program's record


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


@dataclasses.dataclass
class Garbage:
    """A record that is no upload, as the broker acknowledged it."""
    place: tuple
    began: float
    ended: float
    lost: bool = False  # it may have been taken away unread


@dataclasses.dataclass
class Loss:
    """Records of the uploads were taken away, at some time between the two: those below the offsets in `read` had been worked off."""
    read: dict  # by partition
    began: float = dataclasses.field(default_factory=time.time)
    ended: float = math.inf


class Ledger:
    """Thread-safe."""

    def __init__(self):
        self.lock = threading.Lock()
        self.subjects = {}
        self.garbage = []
        self.losses = []
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

    def end(self, operation, write, outcome, document_id=None, version=None, place=None):
        with self.lock:
            write.outcome, write.ended, write.place = outcome, time.time(), place
            write.document_id = document_id if document_id is not None else write.document_id
            write.version = version
            self.operations[operation, outcome] += 1

    def count(self, operation, outcome):
        with self.lock:
            self.operations[operation, outcome] += 1

    def add_garbage(self, place, began):
        with self.lock:
            self.garbage.append(Garbage(place, began, time.time()))

    @contextlib.contextmanager
    def loss(self, read):
        """While records of the uploads are taken away."""
        loss = Loss(read)
        with self.lock:
            self.losses.append(loss)
        try:
            yield
        finally:
            loss.ended = time.time()

    def loss_times(self):
        with self.lock:
            return [loss.ended for loss in self.losses]

    def is_lost(self, record):
        """Whether a record may have been taken away unread. The first loss after it decides: what was read then stays read."""
        for loss in self.losses:
            if loss.ended >= record.began:
                return record.ended >= loss.began or record.place[1] >= loss.read.get(record.place[0], 0)
        return False

    def forget_lost(self):
        """Nobody owes another program what was taken away before it was read: whether it was is not known."""
        with self.lock:
            for subject in self.subjects.values():
                for write in subject.writes:
                    if write.outcome == OK and write.place and self.is_lost(write):
                        write.outcome = UNKNOWN
            for garbage in self.garbage:
                garbage.lost = self.is_lost(garbage)

    def is_spared(self, document_id):
        """Whether every message of a document was sent after the last loss, so that none of them was taken away."""
        last = max((loss.ended for loss in self.losses), default=0)
        writes = [write for subject in self.subjects.values() for write in subject.writes if write.document_id == document_id]
        return not self.losses or bool(writes) and all(write.began > last for write in writes)

    def observe(self, kind, sentence):
        with self.lock:
            self.observed.append((kind, sentence))

    def attempt(self, what, action):
        """What `action` returns; a failure of it is an anomaly, and then nothing."""
        try:
            return action()
        except Exception as failure:
            self.observe("hang", f"{what}: {type(failure).__name__}: {failure}")
            return None

    def save(self, path):
        """Everything that is known, so that it can be judged later, too; a line each."""
        with self.lock, open(path, "w") as file:
            entries = [("subject", dataclasses.asdict(subject)) for subject in self.subjects.values()]
            entries += [("garbage", dataclasses.asdict(garbage)) for garbage in self.garbage]
            entries += [("loss", dataclasses.asdict(loss)) for loss in self.losses]
            entries += [("observed", observed) for observed in self.observed]
            entries += [("operations", [*operation, count]) for operation, count in sorted(self.operations.items())]
            file.writelines(json.dumps({kind: entry}) + "\n" for kind, entry in entries)
