"""A store of 100,000 chunks, which several stages look at; filled once in a run."""
import os
import shutil
import time

from server import Server
from texts import made_up

SENTENCES = 10
PER_REQUEST = 500


class Library:
    def __init__(self, bench, model):
        self.data = os.path.join(bench.work, f"library-{model}")
        self.model = model
        self.chunks = bench.library_chunks
        self._build = bench.build
        shutil.rmtree(self.data, ignore_errors=True)
        bench.report.progress(f"filling a store with {self.chunks} chunks, model {model}")
        with Server(bench.build, self.data, model) as server:
            self.resident_when_empty = settled_resident(server)
            start = time.perf_counter()
            for first in range(0, self.chunks // SENTENCES, PER_REQUEST):
                last = min(first + PER_REQUEST, self.chunks // SENTENCES)
                server.send_bulk([made_up(number, SENTENCES) for number in range(first, last)], wait=0)
            while (held := server.json("GET", "/v1/status")["index"]["chunks"]) < self.chunks:
                if time.perf_counter() > start + 1800:
                    raise RuntimeError(f"only {held} chunks are searchable after half an hour")
                time.sleep(0.5)
            self.fill_seconds = time.perf_counter() - start
            self.resident_after_fill = settled_resident(server)

    def open(self):
        return Server(self._build, self.data, self.model)


def settled_resident(server):
    """Resident bytes once they no longer change, ten seconds at most."""
    before = -1
    for _ in range(10):
        resident = server.metric("process_resident_memory_bytes")
        if resident == before:
            break
        before = resident
        time.sleep(1)
    return resident
