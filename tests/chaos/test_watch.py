"""When a record below the committed offset counts as worked off."""

import json

import pytest

from state import UPLOADS
from watch import is_done

OURS = (0, 7, b"doc_4", b"{}", {"millrace-version": b"2"})


def state(status="indexed", indexed=0, deleted=0, topic=UPLOADS, partition=0, offset=7, version=2):
    return {4: (4, status, indexed, deleted, topic, partition, offset, version)}


def theirs(value):
    return 0, 7, b"doc_4", value, {}


THEIRS = theirs(json.dumps({"document_id": 4, "content": "x"}).encode())


@pytest.mark.parametrize("record, states", [
    (OURS, state(indexed=2)), (OURS, state(indexed=3, version=3)), (OURS, state("deleted", deleted=2)), (OURS, state("dead_lettered")),
    (OURS, state("queued", indexed=1, version=3)), (OURS, state("retrying")), (OURS, state("processing", offset=9)), (THEIRS, state()), (THEIRS, state("processing", offset=9)),
    (THEIRS, state("deleted", deleted=1)), (theirs(b"no json"), {}), (theirs(None), {}), (theirs(b'{"document_id": -1}'), {}),
])
def test_done(record, states):
    assert is_done(record, states)


@pytest.mark.parametrize("record, states", [
    (OURS, {}), (OURS, state("queued", indexed=1)), (OURS, state("processing")), (OURS, state("processing", offset=6)),
    (OURS, state("processing", partition=1, offset=9)), (THEIRS, {}), (THEIRS, state("processing")), (THEIRS, state(offset=6)),
])
def test_not_done(record, states):
    assert not is_done(record, states)
