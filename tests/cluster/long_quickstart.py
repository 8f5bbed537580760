"""scripts/quickstart --cluster on a stack that is up already; the full run names this file."""

import os
import subprocess

from serving import ROOT, clean_environment, free_port


def test_from_start_to_answers(cluster, tmp_path):
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "anchor.md").write_text("# Anchors\n\nAn anchor holds a ship in place. Get started by lowering it.\n")
    (folder / "kettle.txt").write_text("A kettle boils water. Its limit is two litres.\n")
    environment = clean_environment(MILLRACE_STACK=os.environ["MILLRACE_STACK"], MILLRACE_LISTEN=f"127.0.0.1:{free_port()}")
    for _ in range(2):  # the second time everything is there already
        done = subprocess.run([ROOT / "scripts" / "quickstart", "--cluster", "--once", folder], capture_output=True, text=True, timeout=3600,
                              env=environment)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        assert done.stdout.count("Q: ") == 3
        assert "An anchor holds a ship in place." in done.stdout
    assert "unchanged  2" in done.stdout
    assert cluster.stack.members() == [], "its workers are gone"
    assert "down" not in cluster.stack.run("status"), "the stack that was there before is still there"
