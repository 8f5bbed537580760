"""A Millrace server of the benchmark's own: started on a free port, asked over keep-alive HTTP, ended with SIGTERM."""
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


class Server(Client):
    def __init__(self, build, data, model="minilm", arguments=()):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            super().__init__(free.getsockname()[1])
        os.makedirs(data, exist_ok=True)
        self._log_path = data.rstrip("/") + ".log"
        command = [os.path.join(build, "millrace"), "serve", "--embedded", "--data", data, "--model", model,
                   "--listen", f"127.0.0.1:{self.port}", *arguments]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MILLRACE_")}
        if "MILLRACE_CACHE" in os.environ:
            environment["MILLRACE_CACHE"] = os.environ["MILLRACE_CACHE"]
        started = time.perf_counter()
        with open(self._log_path, "w") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        self.seconds_to_ready = self._wait_until_ready(started)

    def _wait_until_ready(self, started):
        while time.perf_counter() < started + 120:
            if self._process.poll() is not None:
                raise RuntimeError(f"the server ended at its start; its log is {self._log_path}")
            with contextlib.suppress(OSError):
                if self.ask("GET", "/readyz")[0] == 200:
                    return time.perf_counter() - started
            self._connection.close()
            time.sleep(0.002)
        self.stop()
        raise RuntimeError(f"the server was not ready after 120 s; its log is {self._log_path}")

    def stop(self):
        self._connection.close()
        if self._process.poll() is None:
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
