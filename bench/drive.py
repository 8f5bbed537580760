#!/usr/bin/env python3
"""Runs the stages of scripts/bench, which builds what they need. Only Python's own library, except for the peers."""
import argparse
import os
import signal
import sys
import traceback

import cluster
import report
import stages
from library import Library

STAGES = ("embed", "search", "ingest", "accept", "memory", "start", "retrieval", "cluster")


class Bench:
    """What the stages share: where things are, how long to measure, the stores of 100,000 chunks."""

    def __init__(self, arguments):
        self.build, self.work, self.torch = arguments.build, arguments.work, not arguments.no_torch
        self.report = report.Report()
        quick = arguments.quick
        self.rounds, self.seconds = (1, 2) if quick else (arguments.rounds, 10)
        self.peer_texts = 40 if quick else 300
        self.library_chunks = 5000 if quick else 100_000
        # The stage cluster
        self.ingest_documents, self.bare_documents, self.single_documents = (60, 2000, 10) if quick else (None, 20_000, 100)
        self.peer_documents, self.peer_chunks = (4, (500, 2000)) if quick else (200, (1000, 10_000, 50_000))
        self.own_searches, self.peer_searches = (20, 3) if quick else (200, 10)
        self._libraries = {}

    def library(self, model):
        if model not in self._libraries:
            self._libraries[model] = Library(self, model)
        return self._libraries[model]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--no-torch", action="store_true")
    parser.add_argument("stages", nargs="*", choices=[*STAGES, []])
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that servers end and the stack goes
    os.makedirs(arguments.work, exist_ok=True)
    bench = Bench(arguments)
    bench.report.title("Machine" + (" (quick: too short to compare)" if arguments.quick else ""))
    bench.report.table(("what", "here"), report.machine())
    failed = False
    for name in arguments.stages or STAGES:
        bench.report.title(name)
        try:
            (cluster.cluster if name == "cluster" else getattr(stages, name))(bench)
        except Exception as error:  # one stage's failure must not cost the figures of the others
            traceback.print_exc()
            bench.report.left_out(name, str(error))
            failed = True
    bench.report.summary()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
