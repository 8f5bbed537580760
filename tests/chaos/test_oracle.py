"""The oracle can fail: a ledger and a state that do not fit, one of each kind."""

import json
import random
import time

import pytest

from ledger import FAILED, OK, POISONS, UNKNOWN, Ledger, sentences
from oracle import Letter, State, Stored, check, questions


def stored(id, mark, key=None, version=1, **changes):
    values = {"status": "indexed", "indexed_version": version, "chunks": list(enumerate(sentences(mark)))} | changes
    return Stored(id, key, mark, version=version, **values)


class Story:
    """A ledger and the state that fits it; each test spoils one of them."""

    def __init__(self):
        self.ledger = Ledger()
        self.state = State({}, [], {"one": {}, "two": {}}, {"embedding-workers": 0})
        self.write("k", "key", "a1", OK, 1, 1)
        self.write("k", "key", "a2", OK, 1, 2)
        self.write("b1", "keyless", "b1", OK, 2)
        self.write("gone", "key", "c1", OK, 3, 1)
        self.write("gone", "key", None, OK, 3)
        self.write("maybe", "keyless", "d1", UNKNOWN)
        self.write("refused-1", "keyless", "refused-1", OK, 5)
        self.write("no", "keyless", "no", FAILED)
        self.ledger.add_garbage((2, 17), time.time())
        self.put(stored(1, "a2", "k", 2))
        self.put(stored(2, "b1"))
        self.put(Stored(3, None, "", "deleted", 1, 0, deleted=True))
        self.put(Stored(5, None, "refused-1", "dead_lettered", 1, 0, reason="invalid_text: refused"))
        self.state.letters = [Letter(5, 0, 3, "refused"), Letter(0, 2, 17, "not JSON")]

    def write(self, name, kind, mark, outcome, id=None, version=None):
        write = self.ledger.begin(self.ledger.subject(name, kind), mark)
        self.ledger.end("write", write, outcome, id, version)

    def put(self, document):
        self.state.documents[document.id] = document

    def kinds(self):
        found, unfound = questions(self.ledger, self.state, random.Random(1), 100)
        for answers in self.state.answers.values():
            for sentence in found:
                answers.setdefault(sentence, True)
        return {anomaly.kind for anomaly in check(self.ledger, self.state, found, unfound)}


@pytest.fixture
def story():
    return Story()


def test_a_state_that_fits(story):
    assert story.kinds() == set()


def test_no_question_that_is_refused(story):
    """A document that was refused as a text, and as a document by a server that was in trouble, is asked for by its other sentences."""
    for number in range(50):
        story.write(f"refused-no{number}", "keyless", f"refused-no{number}", FAILED)
    _, unfound = questions(story.ledger, story.state, random.Random(1), 100)
    assert sum("refused-no" in question for question in unfound) == 50
    assert not any(POISONS["refused"] in question for question in unfound)


def test_what_was_there_before_a_failure_may_still_be_found(story):
    story.write("77", "foreign", "p1", OK, 77)
    story.write("77", "foreign", "fails-p2", OK, 77)
    story.put(Stored(77, None, "fails-p2", "dead_lettered", 2, 1, reason="embedding_failed: for now", chunks=list(enumerate(sentences("p1")))))
    story.state.letters.append(Letter(77, 0, 9, "for now"))
    story.state.answers["one"] = {sentence: True for sentence in sentences("p1")}
    assert story.kinds() == set()


def test_unknown_may_have_happened(story):
    story.put(stored(4, "d1"))
    assert story.kinds() == set()


def test_unknown_last_write_may_be_either(story):
    story.write("k", "key", "a3", UNKNOWN)
    assert story.kinds() == set()
    story.put(stored(1, "a3", "k", 3))
    assert story.kinds() == set()
    story.put(stored(1, "a1", "k", 1))
    assert "stale" in story.kinds()


def lose(story):
    del story.state.documents[2]


def bury(story):
    story.state.documents[2] = Stored(2, None, "", "deleted", 1, 0, deleted=True)


def get_stuck(story):
    story.state.documents[2].status = "queued"


def give_up_a_good_one(story):
    story.state.documents[2] = Stored(2, None, "b1", "dead_lettered", 1, 0, reason="internal: no")


def invent(story):
    story.put(stored(9, "nobody"))


def let_refused_in(story):
    story.put(stored(9, "no"))


def create_twice(story):
    story.put(stored(9, "b1"))


def create_unknown_twice(story):
    story.put(stored(8, "d1"))
    story.put(stored(9, "d1"))


def keep_older(story):
    story.state.documents[1] = stored(1, "a1", "k", 1)


def index_older(story):
    story.state.documents[1].indexed_version = 1


def raise_the_dead(story):
    story.state.documents[3] = stored(3, "c1", "gone")


def leave_chunks(story):
    story.state.documents[3].chunks = list(enumerate(sentences("c1")))


def lose_a_chunk(story):
    story.state.documents[2].chunks.pop()


def double_a_chunk(story):
    story.state.documents[2].chunks.append(story.state.documents[2].chunks[-1])


def mix_chunks(story):
    story.state.documents[1].chunks[0] = (0, sentences("a1")[0])


def keep_chunks_of_an_older_version(story):
    story.state.documents[1].surplus = [1]


def hide_the_reason(story):
    story.state.documents[5].reason = ""


def lose_a_letter(story):
    story.state.letters = [letter for letter in story.state.letters if letter.document_id != 5]


def lose_garbage(story):
    story.state.letters = [letter for letter in story.state.letters if letter.document_id == 5]


def list_garbage_twice(story):
    story.state.letters.append(story.state.letters[-1])


def fall_behind(story):
    story.state.lag["embedding-workers"] = 3


def keep_the_outbox(story):
    story.state.outbox = 1


def forget_on_one_server(story):
    story.state.answers["two"] = {sentence: False for mark in ("a2", "b1") for sentence in sentences(mark)}


def find_what_was_overtaken(story):
    story.state.answers["two"] = {sentence: True for mark in ("a1", "a2", "b1") for sentence in sentences(mark)}


def find_what_was_deleted(story):
    story.state.answers["one"] = {sentence: True for mark in ("c1", "a2", "b1") for sentence in sentences(mark)}


def see_an_early_commit(story):
    story.ledger.observe("early commit", "partition 0 is committed to 7, but 6 is queued")


def other_program(story, place):
    """Its document and a bad record, acknowledged by the broker and never seen since."""
    write = story.ledger.begin(story.ledger.subject("77", "foreign"), "p1", 77)
    story.ledger.end("produce", write, OK, 77, place=place)
    story.ledger.add_garbage((place[0], place[1] + 1), time.time())


def take_away(story, read={0: 5, 1: 90}, began=None):
    with story.ledger.loss(read):
        pass
    story.ledger.losses[-1].began = time.time() if began is None else began
    story.ledger.forget_lost()


@pytest.mark.parametrize("changes, place", [({}, (0, 5)), ({}, (2, 0)), ({"began": 0}, (0, 3))])
def test_what_was_taken_away_unread_is_not_lost(story, changes, place):
    """Or sent at that very moment."""
    other_program(story, place)
    assert story.kinds() == {"lost"}
    take_away(story, **changes)
    assert story.kinds() == set()


def test_what_was_read_before_it_was_taken_away_is_lost(story):
    other_program(story, (0, 3))
    take_away(story)
    take_away(story, read={0: 0})
    assert story.kinds() == {"lost"}


def test_what_was_sent_after_it_was_taken_away_is_lost(story):
    take_away(story)
    time.sleep(0.01)
    other_program(story, (0, 9))
    story.ledger.forget_lost()
    assert story.kinds() == {"lost"}


def test_a_documents_letter_may_lie_where_a_bad_record_lay(story):
    story.state.letters = [Letter(5, 2, 17, "refused"), Letter(0, 2, 17, "not JSON")]  # the topic was made anew in between
    assert story.kinds() == set()


def test_only_what_was_taken_away_may_be_sent_again(story):
    assert story.ledger.is_spared(1), "nothing was"
    take_away(story)
    assert not story.ledger.is_spared(1) and not story.ledger.is_spared(1234)
    time.sleep(0.01)
    story.write("late", "keyless", "l1", OK, 6)
    assert story.ledger.is_spared(6)


def test_what_was_seen_is_saved(story, tmp_path):
    see_an_early_commit(story)
    take_away(story)
    story.ledger.save(tmp_path / "ledger")
    lines = [json.loads(line) for line in (tmp_path / "ledger").read_text().splitlines()]
    assert {kind for line in lines for kind in line} == {"subject", "garbage", "loss", "observed", "operations"}
    assert {"observed": ["early commit", "partition 0 is committed to 7, but 6 is queued"]} in lines


@pytest.mark.parametrize("spoil, kind", [
    (lose, "lost"), (bury, "lost"), (get_stuck, "lost"), (give_up_a_good_one, "lost"), (invent, "phantom"), (let_refused_in, "phantom"),
    (create_twice, "duplicate"), (create_unknown_twice, "duplicate"), (keep_older, "stale"), (index_older, "stale"),
    (raise_the_dead, "resurrected"), (leave_chunks, "resurrected"), (lose_a_chunk, "chunks"), (double_a_chunk, "chunks"), (mix_chunks, "chunks"),
    (keep_chunks_of_an_older_version, "chunks"), (hide_the_reason, "unexplained"), (lose_a_letter, "unexplained"), (lose_garbage, "lost"),
    (list_garbage_twice, "duplicate"), (fall_behind, "lag"), (keep_the_outbox, "lag"), (forget_on_one_server, "unsearchable"),
    (find_what_was_overtaken, "stale"), (find_what_was_deleted, "stale"), (see_an_early_commit, "early commit"),
])
def test_each_anomaly_is_seen(story, spoil, kind):
    spoil(story)
    assert kind in story.kinds()
