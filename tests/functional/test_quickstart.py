"""scripts/quickstart: what can be wrong is said in one line before anything is done; in the long run, the whole of it."""

import os
import socket
import subprocess

from serving import FULL, ROOT, clean_environment, free_port


def quickstart(tmp_path, *arguments, listen=None, timeout=60):
    environment = clean_environment(MILLRACE_LISTEN=listen or f"127.0.0.1:{free_port()}", MILLRACE_DATA=str(tmp_path / "data"))
    return subprocess.run([ROOT / "scripts" / "quickstart", *arguments], capture_output=True, text=True, timeout=timeout, env=environment)


def complains(done, code, *mentions):
    assert done.returncode == code, done.stderr
    assert len(done.stderr.splitlines()) == 1 and done.stdout == ""
    for mention in mentions:
        assert mention in done.stderr


def test_wrong_folder(tmp_path):
    complains(quickstart(tmp_path, "/no/such/folder"), 1, "/no/such/folder")
    (tmp_path / "file").write_text("x")
    complains(quickstart(tmp_path, str(tmp_path / "file")), 1, str(tmp_path / "file"))


def test_taken_port(tmp_path):
    with socket.create_server(("127.0.0.1", free_port())) as taken:
        port = taken.getsockname()[1]
        complains(quickstart(tmp_path, str(tmp_path), listen=f"127.0.0.1:{port}"), 1, str(port), "MILLRACE_LISTEN")


def test_taken_port_of_a_worker(tmp_path):
    with socket.create_server(("127.0.0.1", free_port())) as taken:
        port = taken.getsockname()[1]
        complains(quickstart(tmp_path, "--cluster", str(tmp_path), listen=f"127.0.0.1:{port - 1}"), 1, str(port), "MILLRACE_LISTEN")


def test_wrong_usage(tmp_path):
    complains(quickstart(tmp_path, "one", "two"), 2, "two")
    complains(quickstart(tmp_path, listen="nonsense"), 2, "nonsense")
    assert quickstart(tmp_path, "--colour").returncode == 2


if FULL:
    def test_from_start_to_answers(tmp_path):
        folder = tmp_path / "notes"
        folder.mkdir()
        (folder / "anchor.md").write_text("# Anchors\n\nAn anchor holds a ship in place. Get started by lowering it.\n")
        (folder / "kettle.txt").write_text("A kettle boils water. Its limit is two litres.\n")
        for _ in range(2):  # the second time everything is there already
            done = quickstart(tmp_path, "--once", str(folder), timeout=3600)
            assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
            assert done.stdout.count("Q: ") == 3
            assert "An anchor holds a ship in place." in done.stdout
        assert "unchanged  2" in done.stdout
        assert os.listdir(tmp_path / "data")
