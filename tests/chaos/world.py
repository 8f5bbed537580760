"""What is broken: servers and workers, each on a seat where a supervisor starts it again, and what they depend on."""

import contextlib
import pathlib
import re
import signal
import threading
import time

import requests

from clocks import Clock
from disks import Disk
from ledger import Ledger
from serving import PATIENCE, Server, wait_until
from state import SqliteStore
from watch import SqliteWatch

DELAYS = ("--retry-delays", "1s,3s")
READY = 120  # seconds
AGAIN = re.compile(r"document (\d+) version \d+ is published again: its message cannot arrive any more")
CRASHED = (134, -signal.SIGABRT)


class Seat:
    """A process that ought to be there. Thread-safe."""

    def __init__(self, name, program, clock=None, proxies=None, disk=None):
        self.name, self.program, self.proxies = name, program, proxies or {}
        self.clock = clock
        self.disk = disk
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

    def fill_disk(self):
        with self.lock:
            self.disk.fill(self.program.process.pid)

    def free_disk(self):
        with self.lock:
            self.disk.free(self.program.process.pid)

    def ready(self):
        try:
            return requests.get(self.url + "/readyz", timeout=5).status_code == 200
        except requests.RequestException:
            return False


class World:
    """Common to both shapes."""

    def __init__(self, folder, clocks=False):
        self.folder = pathlib.Path(folder)
        self.clocks = clocks
        self.ledger = Ledger()
        self.seats = []
        self.faults_file = self.folder / "faults"
        self.environment = {"MILLRACE_TEST_FAULTS": str(self.faults_file)}
        self.crashes_until = 0.0
        self.troubled_until = 0.0
        self.troubles = 0
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
                    if not self.is_explained(seat, code):
                        self.ledger.observe("died", f"{seat.name} ended with {code} after {lived:.0f} s: {seat.program.log()[-500:]}")
                    seat.up()

    def is_explained(self, seat, code):
        """Whether a process may have ended so by itself: of a text that ends processes, or because it could not start."""
        meant = code in CRASHED and (self.faults_file.exists() or time.monotonic() < self.crashes_until)
        refused = code == 1 and time.monotonic() - seat.spawned_at < READY and self.is_troubled()
        return meant or refused

    def is_troubled(self):
        return self.troubles > 0 or time.monotonic() < self.troubled_until

    @contextlib.contextmanager
    def trouble(self):
        """While something that processes need is away, and for a while after it, one may refuse to start."""
        self.troubles += 1
        try:
            yield
        finally:
            self.troubles -= 1
            self.troubled_until = time.monotonic() + 30

    def clock(self, name):
        """A wall clock of its own, where clocks jump, and the environment that makes a process go by it."""
        clock = Clock(self.folder / f"clock-{name}") if self.clocks else None
        return clock, clock.environment if clock else {}

    def start_faults(self):
        self.faults_file.write_text("")

    def end_faults(self):
        self.faults_file.unlink(missing_ok=True)
        self.crashes_until = time.monotonic() + 30  # a process that is stopped at this moment crashes when it goes on

    def heal(self):
        """All that can be: what cannot is told, and the rest is judged."""
        for step in self.healing():
            self.ledger.attempt("healing", step)

    def healing(self):
        yield self.end_faults
        for seat in self.seats:
            if seat.clock:
                yield lambda seat=seat: seat.clock.shift(0)
            yield seat.thaw
            yield seat.up

    def wait_ready(self):
        wait_until(lambda: all(seat.ready() for seat in self.seats), "readiness of every process", READY, 0.2)

    def stranded(self):
        """Documents that the sweeper published again, though no message of theirs was taken away."""
        for seat in self.servers:
            for line in seat.program.log().splitlines():
                if (again := AGAIN.search(line)) and self.ledger.is_spared(int(again[1])):
                    yield f"{seat.name}: {line}"

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
        disk = Disk(home / "data")
        clock, environment = self.clock("server0")
        server = Server(home, *DELAYS, environment=self.environment | environment, before_exec=disk.before_exec)
        self.seats.append(Seat("server0", server, clock, disk=disk))
        self.store = SqliteStore(home / "data" / "millrace.db")

    def producers(self, seed):
        """Programs that write to the log themselves."""
        return []

    def watch(self):
        return SqliteWatch(self.ledger, self.store)

    # Faults

    def fill_disk(self):
        self.seats[0].fill_disk()

    def free_disk(self):
        self.seats[0].free_disk()

    def healing(self):
        yield self.free_disk
        yield from super().healing()
