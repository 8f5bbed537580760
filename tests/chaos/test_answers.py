"""A healed server is asked again while it answers wrongly, and once more when time is up, however long the questions took."""

import types

import pytest
import requests

import run
from ledger import OK, UNKNOWN, Ledger

SERVER = types.SimpleNamespace(name="server0", url="http://127.0.0.1:1")


@pytest.mark.parametrize("patience", [0, 30])
def test_what_is_wrong_is_asked_again(monkeypatch, patience):
    asked = []

    def finds(ledger, server, sentence):
        asked.append(sentence)
        return asked.count(sentence) > 1 if sentence == "late" else sentence == "there"
    monkeypatch.setattr(run, "finds", finds)
    monkeypatch.setattr(run, "FOUND", patience)
    monkeypatch.setattr(run.time, "sleep", lambda _: None)
    known = run.answers(None, SERVER, ["there", "late"], ["gone"])
    assert known == {"there": True, "late": patience > 0, "gone": False}
    assert asked.count("there") == asked.count("gone") == 1


def test_no_answer_is_no_verdict(monkeypatch):
    def fail(*_, **__):
        raise requests.ReadTimeout("too busy")
    monkeypatch.setattr(run.requests, "post", fail)
    ledger = Ledger()
    assert run.finds(ledger, SERVER, "a question") is None
    assert ledger.operations == {("final search", UNKNOWN): 1} and OK not in ledger.operations
