"""Programs of the benchmark's own: started on a free port, asked over keep-alive HTTP, ended with SIGTERM."""
import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time

TICKS = os.sysconf("SC_CLK_TCK")
CONFIGURING = ("MILLRACE_", "KAFKA_", "MYSQL_", "REDIS_")


class Client:
    """One keep-alive connection to 127.0.0.1."""

    def __init__(self, port):
        self.port = port
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=330)
        self._used = 0.0

    def ask(self, method, path, body=None, content_type="application/json"):
        if time.monotonic() - self._used > 5:
            self._connection.close()  # the server may have closed an idle one
        self._connection.request(method, path, body, {"Content-Type": content_type} if body is not None else {})
        answer = self._connection.getresponse()
        text = answer.read()
        self._used = time.monotonic()
        return answer.status, text

    def json(self, method, path, body=None):
        status, text = self.ask(method, path, None if body is None else json.dumps(body))
        if status >= 300:
            raise RuntimeError(f"{method} {path}: {status} {text[:300]!r}")
        return json.loads(text)

    def send_bulk(self, documents, wait):
        """Sends the documents in one request; returns the answer's lines. Raises when one of them was not taken."""
        body = "".join(json.dumps(document) + "\n" for document in documents).encode()
        status, text = self.ask("POST", f"/v1/documents/bulk?wait={wait}", body, "application/x-ndjson")
        lines = [json.loads(line) for line in text.splitlines()] if status == 200 else []
        bad = [line for line in lines if line["result"] == "rejected" or (wait and line["status"] != "indexed")]
        if status != 200 or bad:
            raise RuntimeError(f"bulk: {status} {bad[:1] or text[:300]}")
        return lines

    def metric(self, name):
        text = self.ask("GET", "/metrics")[1].decode()
        return sum(float(value) for value in re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", text, re.MULTILINE))


def cpu_seconds(pid):
    """Of a process up to now, its ended threads included."""
    with open(f"/proc/{pid}/stat") as line:
        return sum(map(int, line.read().rsplit(")", 1)[1].split()[11:13])) / TICKS


def resident_bytes(pid):
    with open(f"/proc/{pid}/status") as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))


def wait_until(condition, what, patience=600, pause=0.02):
    deadline = time.perf_counter() + patience
    while not (answer := condition()):
        if time.perf_counter() > deadline:
            raise RuntimeError(f"{what}: not in {patience} s")
        time.sleep(pause)
    return answer


class Program(Client):
    """`make_command` gets the port. Ready when `path` is answered with 200, or when `ready` says so."""

    def __init__(self, make_command, log_path, environment=None, path="/readyz", ready=None, patience=120):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            super().__init__(free.getsockname()[1])
        self.log_path = log_path
        own = {name: value for name, value in os.environ.items()
               if not name.startswith(CONFIGURING) or name == "MILLRACE_CACHE"}
        started = time.perf_counter()
        with open(log_path, "w") as log:
            self._process = subprocess.Popen(make_command(self.port), stdout=log, stderr=log, env=own | (environment or {}))
        self.pid = self._process.pid
        try:
            wait_until(lambda: self._check(path, ready), f"readiness; the log is {log_path}", patience, 0.002)
        except BaseException:
            self.stop()
            raise
        self.seconds_to_ready = time.perf_counter() - started

    def _check(self, path, ready):
        if self._process.poll() is not None:
            raise RuntimeError(f"the program ended at its start; its log is {self.log_path}")
        if ready:
            return ready(self)
        with contextlib.suppress(OSError, http.client.HTTPException):
            if self.ask("GET", path)[0] == 200:
                return True
        self._connection.close()
        return False

    def running(self):
        return self._process.poll() is None

    def cpu_seconds(self):
        return cpu_seconds(self.pid)

    def resident_bytes(self):
        return resident_bytes(self.pid)

    def stop(self):
        self._connection.close()
        if self.running():
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(60)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Server(Program):
    """`serve` in embedded mode."""

    def __init__(self, build, data, model="minilm", arguments=()):
        os.makedirs(data, exist_ok=True)
        super().__init__(lambda port: [os.path.join(build, "millrace"), "serve", "--embedded", "--data", data, "--model", model,
                                       "--listen", f"127.0.0.1:{port}", *arguments], data.rstrip("/") + ".log")


@contextlib.contextmanager
def fresh_server(bench, name, model="minilm", arguments=()):
    """With an empty store in the work directory, which goes when the server has ended."""
    data = os.path.join(bench.work, name)
    shutil.rmtree(data, ignore_errors=True)
    try:
        with Server(bench.build, data, model, arguments) as server:
            yield server
    finally:
        shutil.rmtree(data, ignore_errors=True)
