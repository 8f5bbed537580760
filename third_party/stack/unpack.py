"""unpack.py ARCHIVE DIRECTORY: takes the members of a zip that standard input names, one a line, and leaves the rest packed."""

import os
import sys
import zipfile

with zipfile.ZipFile(sys.argv[1]) as archive:
    for name in sys.stdin.read().split():
        path = archive.extract(name, sys.argv[2])
        os.chmod(path, 0o755 if name.startswith("bin/") else 0o644)
