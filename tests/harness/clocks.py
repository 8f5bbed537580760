"""A process's wall clock, to be set ahead and back while it runs (libfaketime). Clocks that only go forward stay as they are."""

import pathlib

FAKETIME = next(iter(sorted(pathlib.Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))), None)


class Clock:
    def __init__(self, file):
        assert FAKETIME, "libfaketime is missing: scripts/setup test"
        self.file = file
        self.shift(0)
        self.environment = {"LD_PRELOAD": str(FAKETIME), "FAKETIME_TIMESTAMP_FILE": str(file), "FAKETIME_CACHE_DURATION": "1",
                            "FAKETIME_DONT_FAKE_MONOTONIC": "1", "FAKETIME_DONT_RESET": "1", "NO_FAKE_STAT": "1"}

    def shift(self, seconds):
        """It sees it within a second."""
        self.file.write_text(f"{seconds:+d}")
