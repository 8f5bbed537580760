"""The console's own tests again, of a server on the real stack and a worker."""

import os
import subprocess

from serving import ROOT


def test_console(cluster):
    cluster.worker()
    done = subprocess.run(["node", "--test", ROOT / "tests/console/console.test.mjs"], capture_output=True, text=True, timeout=900,
                          env=os.environ | cluster.environment | {"MILLRACE_CONSOLE_ON_STACK": "1"})
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-5_000:]
