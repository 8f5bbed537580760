"""How the stages drive programs and look at what it costs."""
import os
import statistics
import subprocess
import threading
import time

from server import Client

CORES = len(os.sched_getaffinity(0))
median = statistics.median


def run_tool(bench, name, *arguments):
    command = [os.path.join(bench.build, name), *map(str, arguments)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def quantile(values, q):
    values = sorted(values)
    return values[int(q * (len(values) - 1))]


class Busy:
    """CPU time by program between two moments, and of the whole machine."""

    def __init__(self, read):
        self._read = read
        self._start, self._idle, self._programs = time.perf_counter(), idle_seconds(), read()

    def stop(self):
        self.seconds = time.perf_counter() - self._start
        self.machine = CORES - (idle_seconds() - self._idle) / self.seconds
        self.programs = {name: (after - self._programs[name]) / self.seconds for name, after in self._read().items()}
        return self


def idle_seconds():
    with open("/proc/stat") as lines:
        fields = lines.readline().split()
    return (int(fields[4]) + int(fields[5])) / os.sysconf("SC_CLK_TCK")


def wait_searchable(server, documents):
    """Returns the number of chunks. Looks the more often the nearer the end seems to be: each look costs the store and the log something."""
    start = before = time.perf_counter()
    held = first = -1
    while True:
        index = server.json("GET", "/v1/status")["index"]
        now = time.perf_counter()
        if index["documents"] >= documents:
            return index["chunks"]
        if index["documents"] > held:
            held, before = index["documents"], now
            first = held if first < 0 else first
        elif now > before + 300:
            raise RuntimeError(f"no progress for 5 minutes at {held} of {documents} documents in the index")
        left = (now - start) * (documents - held) / max(held - first, 1)
        time.sleep(min(max(left / 3, 0.05), 2))


def send_from_four(port, documents, wait):
    """Bulk requests on four connections, each answered when its documents are durable, or searchable within `wait` seconds. The ids."""
    ids = []
    in_parallel(port, [documents[i:i + 64] for i in range(0, len(documents), 64)],
                lambda client, part: ids.extend(line["document_id"] for line in client.send_bulk(part, wait)))
    return ids


def in_parallel(port, parts, send):
    """Hands the parts out to four connections."""
    waiting, failures = iter(parts), []
    lock = threading.Lock()

    def run():
        client = Client(port)
        try:
            while True:
                with lock:
                    part = next(waiting, None)
                if part is None:
                    return
                send(client, part)
        except (OSError, RuntimeError) as error:
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
