"""Each planted bug still fits the sources that it breaks, and says how it is caught."""

import shutil
import subprocess

import pytest

from planted import BUGS, head_of
from run import arguments
from serving import ROOT

KINDS = {"lost", "phantom", "duplicate", "stale", "resurrected", "chunks", "unsearchable", "unexplained", "early commit", "stranded", "lag", "hang", "died"}
PATCHES = sorted(BUGS.glob("*.patch"))
by_name = pytest.mark.parametrize("patch", PATCHES, ids=lambda patch: patch.stem)


def test_there_are_some():
    assert len(PATCHES) >= 7
    assert shutil.which("patch"), "patch is missing: scripts/setup test"


@by_name
def test_it_applies(patch):
    """Line numbers may have moved; what is around the bug may not."""
    done = subprocess.run(["patch", "-p1", "--dry-run", "--batch", "--forward", "--fuzz=0", "-d", ROOT, "-i", patch], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@by_name
def test_its_head(patch):
    head = head_of(patch)
    assert head.keys() == {"Rule", "Bug", "Run", "Expect"}
    assert set(head["Expect"].split(",")) <= KINDS
    chosen = arguments(head["Run"].split())
    assert chosen.seed is not None and chosen.minutes < 2
