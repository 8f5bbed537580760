"""What is broken: servers and workers, each on a seat where a supervisor starts it again, and what they depend on."""

import contextlib
import pathlib
import signal
import threading
import time

import requests

from ledger import Ledger
from serving import PATIENCE, Server, wait_until
from state import SqliteStore
from watch import SqliteWatch

DELAYS = ("--retry-delays", "1s,3s")
READY = 120  # seconds
FAKETIME = next(iter(sorted(pathlib.Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))), None)
CRASHED = (134, -signal.SIGABRT)


class Seat:
    """A process that ought to be there. Thread-safe."""

    def __init__(self, name, program, clock, proxies=None):
        self.name, self.program, self.proxies = name, program, proxies or {}
        self.clock = clock  # the file that says how far its wall clock is off
        self.lock = threading.RLock()
        self.wanted = True
        self.spawned_at = 0.0

    @property
    def url(self):
        return self.program.url

    def up(self):
        with self.lock:
            self.wanted = True
            if not self.program.running():
                self.program.spawn()
                self.spawned_at = time.monotonic()

    def kill(self):
        with self.lock:
            self.wanted = False
            if self.program.running():
                self.program.kill9()

    def leave(self):
        """In good order; what does not end in time is killed, which is an anomaly."""
        with self.lock:
            self.wanted = False
            process = self.program.process
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            with contextlib.suppress(Exception):
                return process.wait(PATIENCE)
            process.kill()
            process.wait(PATIENCE)
        return process.returncode

    def freeze(self):
        with self.lock:
            if self.program.running():
                self.program.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        with self.lock:
            if self.program.running():
                self.program.process.send_signal(signal.SIGCONT)

    def shift_clock(self, seconds):
        self.clock.write_text(f"{seconds:+d}")

    def ready(self):
        try:
            return requests.get(self.url + "/readyz", timeout=5).status_code == 200
        except requests.RequestException:
            return False


class World:
    """Common to both shapes."""

    def __init__(self, folder, clocks=False):
        self.folder = pathlib.Path(folder)
        assert not clocks or FAKETIME, "libfaketime is missing: scripts/setup test"
        self.clocks = clocks
        self.ledger = Ledger()
        self.seats = []
        self.faults_file = self.folder / "faults"
        self.environment = {"MILLRACE_TEST_FAULTS": str(self.faults_file)}
        self.crashes_until = 0.0
        self.unexpected = 0
        self.ending = threading.Event()
        self.supervisor = threading.Thread(target=self.supervise, daemon=True)

    @property
    def servers(self):
        return [seat for seat in self.seats if seat.name.startswith("server")]

    @property
    def workers(self):
        return [seat for seat in self.seats if seat.name.startswith("worker")]

    def start(self):
        for seat in self.seats:
            seat.up()
        self.wait_ready()
        self.supervisor.start()

    def supervise(self):
        """Starts again what ended by itself; an end that nothing of ours explains is an anomaly."""
        while not self.ending.wait(0.2):
            for seat in list(self.seats):
                with seat.lock:
                    if not seat.wanted or seat.program.process is None or seat.program.running():
                        continue
                    code, lived = seat.program.process.returncode, time.monotonic() - seat.spawned_at
                    meant = code in CRASHED and (self.faults_file.exists() or time.monotonic() < self.crashes_until)
                    refused = code == 1 and lived < READY and self.is_troubled()
                    if not meant and not refused:
                        self.ledger.observe("died", f"{seat.name} ended with {code} after {lived:.0f} s: {seat.program.log()[-500:]}")
                    seat.up()

    def is_troubled(self):
        """Something that a process needs to start may be away."""
        return False

    def trouble(self):
        return contextlib.nullcontext()

    def clock_environment(self, name):
        """Its wall clock goes by a file of its own; clocks that only go forward stay as they are."""
        if not self.clocks:
            return {}
        self.clock_of(name).write_text("+0")
        return {"LD_PRELOAD": str(FAKETIME), "FAKETIME_TIMESTAMP_FILE": str(self.clock_of(name)), "FAKETIME_CACHE_DURATION": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1", "FAKETIME_DONT_RESET": "1", "NO_FAKE_STAT": "1"}

    def clock_of(self, name):
        return self.folder / f"clock-{name}"

    def start_faults(self):
        self.faults_file.write_text("")

    def end_faults(self):
        self.faults_file.unlink(missing_ok=True)
        self.crashes_until = time.monotonic() + 15

    def heal(self):
        self.end_faults()
        for seat in self.seats:
            if self.clocks:
                seat.shift_clock(0)
            seat.thaw()
            seat.up()

    def wait_ready(self):
        wait_until(lambda: all(seat.ready() for seat in self.seats), "readiness of every process", READY, 0.2)

    def stranded(self):
        """Documents that the sweeper had to publish again: nothing here takes a message away, so none may need it."""
        for seat in self.servers:
            yield from (f"{seat.name}: {line}" for line in seat.program.log().splitlines() if "its message cannot arrive any more" in line)

    def close(self):
        self.ending.set()
        if self.supervisor.is_alive():
            self.supervisor.join(PATIENCE)
        for seat in self.seats:
            if seat.program.running():
                seat.thaw()
                code = seat.leave()
                if code != 0:
                    self.ledger.observe("died", f"{seat.name} ended with {code} at SIGTERM")


class Embedded(World):
    """One server with SQLite."""

    def __init__(self, folder, clocks=False):
        super().__init__(folder, clocks)
        home = self.folder / "server0"
        home.mkdir()
        self.shapes = {"embedded", "clocks" if clocks else "embedded"}
        self.seats.append(Seat("server0", Server(home, *DELAYS, environment=self.environment | self.clock_environment("server0")), self.clock_of("server0")))
        self.store = SqliteStore(home / "data" / "millrace.db")

    def producers(self, seed):
        """Programs that write to the log themselves."""
        return []

    def watch(self):
        return SqliteWatch(self.ledger, self.store)
