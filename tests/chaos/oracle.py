"""Holds a ledger against a healed state (DELIVERY): nothing lost, doubled, stale, undead or unexplained. Pure: no server is asked here."""

import collections
import dataclasses

from ledger import POISONS, sentences

SETTLED = ("indexed", "failed", "dead_lettered", "superseded", "deleted")


@dataclasses.dataclass
class Stored:
    """A document as the store has it; `chunks`: (index, text) of the indexed version."""
    id: int
    key: str | None
    title: str
    status: str
    version: int
    indexed_version: int
    deleted: bool = False
    reason: str = ""
    chunks: list = dataclasses.field(default_factory=list)
    surplus: list = dataclasses.field(default_factory=list)  # versions of chunk rows that nothing may answer with


@dataclasses.dataclass(frozen=True)
class Letter:
    """A dead letter."""
    document_id: int
    partition: int
    offset: int
    reason: str


@dataclasses.dataclass
class State:
    documents: dict  # id → Stored
    letters: list
    answers: dict = dataclasses.field(default_factory=dict)  # server → sentence → whether it was found
    lag: dict = dataclasses.field(default_factory=dict)  # group → records behind
    outbox: int = 0


@dataclasses.dataclass(frozen=True)
class Anomaly:
    kind: str
    sentence: str


def living(state):
    return [document for document in state.documents.values() if not document.deleted]


def owner_of(ledger):
    return {mark: subject for subject in ledger.subjects.values() for mark in subject.marks()}


def askable(mark):
    """The model refuses a text for one word, and a question as well."""
    return [sentence for sentence in sentences(mark) if POISONS["refused"] not in sentence]


def questions(ledger, state, source, limit):
    """(sentences that every server must find, sentences that none may find), at most `limit` of each. Where a newer version failed, an older one
    still answers, which nobody is asked for."""
    owners = owner_of(ledger)
    present = {document.title for document in living(state) if document.status == "indexed" and document.title in owners}
    failed = {document.title for document in living(state) if document.status != "indexed" and document.indexed_version and document.title in owners}
    gone = set(owners) - {document.title for document in living(state)} - {mark for title in failed for mark in owners[title].marks()}
    def pick(marks):
        return source.sample(sorted(marks), min(limit, len(marks)))
    return [source.choice(askable(mark)) for mark in pick(present)], [source.choice(askable(mark)) for mark in pick(gone)]


def check(ledger, state, found=(), unfound=()):
    """Every anomaly; `found` and `unfound` are the questions that `state.answers` answers."""
    anomalies = [Anomaly(*observed) for observed in ledger.observed]
    owners = owner_of(ledger)
    documents = collections.defaultdict(list)  # subject → its living documents
    for document in living(state):
        subject = owners.get(document.title)
        if subject is None:
            anomalies.append(Anomaly("phantom", f"document {document.id} '{document.title}' was sent by nobody"))
        else:
            documents[subject.name].append(document)
    letters = collections.defaultdict(list)
    for letter in state.letters:
        letters[letter.document_id].append(letter)
    for subject in ledger.subjects.values():
        anomalies += check_subject(subject, documents[subject.name], state, letters)
    for document in state.documents.values():
        anomalies += check_rows(document)
    anomalies += check_garbage(ledger, state)
    anomalies += check_answers(state, found, unfound)
    anomalies += check_pipeline(state)
    return anomalies


def check_subject(subject, documents, state, letters):
    possible = subject.possible()
    name = f"{subject.kind} {subject.name}"
    if len(documents) > 1:
        yield Anomaly("duplicate", f"{name} is there {len(documents)} times: {[document.id for document in documents]}")
    if not documents and None not in possible:
        deleted = [id for id in sorted(subject.ids()) if id in state.documents and state.documents[id].deleted]
        yield Anomaly("lost", f"{name} was acknowledged as {sorted(possible)} and is not there; tombstones {deleted}")
    for document in documents:
        yield from check_document(subject, document, possible, letters[document.id])
    gone = {write.document_id for write in subject.writes if write.mark is None and write.outcome == "ok"}
    for document in documents:
        if document.id in gone and subject.kind != "foreign":
            yield Anomaly("resurrected", f"{name}: document {document.id} was deleted and is back")


def check_document(subject, document, possible, letters):
    name = f"{subject.kind} {subject.name}: document {document.id} version {document.version}"
    if document.title not in possible:
        write = next(write for write in subject.writes if write.mark == document.title)
        kind = "phantom" if write.outcome == "failed" else "resurrected" if possible == {None} else "stale"
        yield Anomaly(kind, f"{name} is '{document.title}' ({write.outcome}), it may be {sorted(map(str, possible))}")
        return
    newest = subject.newest()
    if newest and newest.version and newest.document_id == document.id and document.version < newest.version:
        yield Anomaly("stale", f"{name}, but {newest.version} was acknowledged")
    if document.status == "indexed":
        expected = list(enumerate(sentences(document.title)))
        if document.indexed_version != document.version:
            yield Anomaly("stale", f"{name} is called indexed, and what is indexed is version {document.indexed_version}")
        elif document.chunks != expected:
            yield Anomaly("chunks", f"{name} has chunks {shorten(document.chunks)} instead of {shorten(expected)}")
        if document.title.split("-", 1)[0] == "refused":
            yield Anomaly("phantom", f"{name} is indexed, though the model refuses its text")
        if letters:
            yield Anomaly("duplicate", f"{name} is indexed and has {len(letters)} dead letters")
        return
    if document.status != "dead_lettered":
        yield Anomaly("lost", f"{name} is {document.status}: {document.reason}")
        return
    if not subject.may_fail():
        yield Anomaly("lost", f"{name} is a dead letter, and nothing was wrong with it: {document.reason}")
    if not document.reason or len(letters) != 1 or not letters[0].reason:
        yield Anomaly("unexplained", f"{name} is a dead letter with reason '{document.reason}', listed {len(letters)} times")


def check_rows(document):
    if document.deleted and (document.chunks or document.surplus):
        rows = len(document.chunks) + len(document.surplus)
        yield Anomaly("resurrected", f"document {document.id} is deleted and {rows} of its chunks are still stored")
    elif document.surplus:
        yield Anomaly("chunks", f"document {document.id} version {document.version} also has chunks of {sorted(set(document.surplus))}")


def check_garbage(ledger, state):
    """Records of a topic that was made anew lie where others lay, also those of documents, whose letters name them."""
    listed = collections.Counter((letter.partition, letter.offset) for letter in state.letters if not letter.document_id)
    sent = collections.defaultdict(list)
    for garbage in ledger.garbage:
        sent[garbage.place].append(garbage)
    for place, there in sent.items():
        certain = sum(not garbage.lost for garbage in there)
        if not certain <= listed[place] <= len(there):
            kind = "lost" if listed[place] < certain else "duplicate"
            yield Anomaly(kind, f"the bad record at {place[0]}@{place[1]} is {listed[place]} dead letters")


def check_answers(state, found, unfound):
    for server, answers in state.answers.items():
        for sentence in found:
            if not answers.get(sentence):
                yield Anomaly("unsearchable", f"{server} does not find '{sentence}'")
        for sentence in unfound:
            if answers.get(sentence, False) is None:
                yield Anomaly("unsearchable", f"{server} does not answer when asked for '{sentence}'")
            elif answers.get(sentence):
                yield Anomaly("stale", f"{server} still finds '{sentence}', which was overtaken or deleted")


def check_pipeline(state):
    for group, behind in state.lag.items():
        if behind:
            yield Anomaly("lag", f"group {group} is {behind} records behind")
    if state.outbox:
        yield Anomaly("lag", f"{state.outbox} messages are still in the outbox")


def shorten(chunks):
    text = str([index for index, _ in chunks])
    texts = " | ".join(text for _, text in chunks[:2])
    return f"{text[:80]} ({texts[:120]})"


__all__ = ["Anomaly", "Letter", "POISONS", "SETTLED", "State", "Stored", "check", "questions"]
