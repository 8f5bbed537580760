"""A full disk refuses what does not fit, to the program that runs and to the one that is started after it, and ends neither."""

import errno
import subprocess
import sys
import time

import pytest

from disks import Disk, largest
from serving import wait_until

WRITER = """import sys, time
with open(sys.argv[1], "ab", buffering=0) as file:
    while True:
        try:
            if file.write(b"x" * 100) < 100: print("short", flush=True)
        except OSError as error:
            print(error.errno, flush=True)
        time.sleep(0.001)"""


@pytest.fixture
def start(tmp_path):
    started = []

    def start(disk):
        with open(tmp_path / "said", "ab") as said:
            started.append(subprocess.Popen([sys.executable, "-c", WRITER, tmp_path / "data" / "file"], stdout=said, preexec_fn=disk.before_exec))
        return started[-1]
    (tmp_path / "data").mkdir()
    yield start
    for process in started:
        process.kill()
        process.wait()


def test_full_and_free_again(tmp_path, start):
    disk = Disk(tmp_path / "data")

    def size():
        return largest(disk.folder)

    def refused():
        return (tmp_path / "said").read_text().count(str(errno.EFBIG))

    writer = start(disk)
    wait_until(lambda: size() > 50_000, "writes")  # the bound holds for what is said of refusals as well: long enough to be seen
    disk.fill(writer.pid, 50)
    wait_until(refused, "a refusal")
    full = size()  # what was written after `fill` had looked at the size is more than its bound
    assert full >= disk.bound
    writer.kill()
    writer.wait()
    before, writer = refused(), start(disk)
    wait_until(lambda: refused() > before, "a refusal of the next program")
    assert size() == full and writer.poll() is None
    disk.free(writer.pid)
    wait_until(lambda: size() > full + 1000, "writes again")
    before = refused()
    time.sleep(0.1)
    assert refused() == before and writer.poll() is None


def test_a_program_that_has_ended(tmp_path, start):
    disk = Disk(tmp_path / "data")
    writer = start(disk)
    writer.kill()
    writer.wait()
    disk.fill(writer.pid)
    disk.free(writer.pid)
