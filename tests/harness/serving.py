"""Real millrace processes: started on a free port, asked, stopped, killed, started again."""

import json
import os
import pathlib
import random
import signal
import socket
import subprocess
import threading
import time

import requests

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("MILLRACE_BINARY", ROOT / "build" / "release" / "millrace"))
FULL = os.environ.get("MILLRACE_FULL") == "1"
PATIENCE = 60  # seconds; nothing here is a measurement, a wait this long means that something hangs


def free_port():
    """Below the kernel's range for outgoing connections, so that nothing takes it between a kill and a restart."""
    while True:
        port = random.SystemRandom().randrange(12000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def clean_environment(**extra):
    """The caller's environment without what configures Millrace."""
    known = ("MILLRACE_", "KAFKA_", "MYSQL_", "REDIS_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(known)}
    if "MILLRACE_CACHE" in os.environ:
        environment["MILLRACE_CACHE"] = os.environ["MILLRACE_CACHE"]
    return environment | extra


def wait_until(condition, what, patience=PATIENCE, pause=0.02):
    """The first truthy answer of `condition`."""
    deadline = time.monotonic() + patience
    while True:
        answer = condition()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"{what} did not happen in {patience} s"
        time.sleep(pause)


class Program:
    """A process of millrace that answers on a port of its own."""

    def __init__(self, folder, environment=None, before_exec=None):
        self.folder = pathlib.Path(folder)
        self.log_path = self.folder / "server.log"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = clean_environment(**(environment or {}))
        self.before_exec = before_exec
        self.headers = {}  # sent with every request
        self.process = None
        self.sessions = threading.local()

    def command(self):
        raise NotImplementedError

    def spawn(self):
        self.sessions = threading.local()  # connections to an earlier process are of no use
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env=self.environment, preexec_fn=self.before_exec)
        return self

    def start(self):
        self.spawn()
        return self.wait_ready()

    def is_ready(self):
        assert self.process.poll() is None, f"it ended with {self.process.returncode}:\n{self.log()}"
        try:
            return requests.get(self.url + "/readyz", timeout=5).status_code == 200
        except (requests.ConnectionError, requests.Timeout):  # a busy machine may need longer for an answer
            return False

    def wait_ready(self, patience=PATIENCE):
        wait_until(self.is_ready, "readiness", patience)
        return self

    def running(self):
        return self.process is not None and self.process.poll() is None

    def log(self):
        return self.log_path.read_text(errors="replace")

    def stop(self, patience=PATIENCE):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(patience)
        assert code == 0, f"SIGTERM ended it with {code}:\n{self.log()[-4000:]}"

    def kill9(self):
        self.process.kill()
        self.process.wait(PATIENCE)

    def restart(self):
        return self.start()

    # Requests. The answer's status is checked where `expect` is given.

    def request(self, method, path, expect=None, timeout=PATIENCE, **more):
        more["headers"] = self.headers | more.get("headers", {})
        if not hasattr(self.sessions, "own"):
            self.sessions.own = requests.Session()
        answer = self.sessions.own.request(method, self.url + path, timeout=timeout, allow_redirects=False, **more)
        if expect is not None:
            assert answer.status_code == expect, f"{method} {path}: {answer.status_code} {answer.text[:2000]}"
        return answer

    def get(self, path, expect=200, **more):
        return self.request("GET", path, expect, **more).json()

    def post(self, path, body, expect=200, **more):
        return self.request("POST", path, expect, json=body, **more).json()

    def delete(self, path, expect=200):
        return self.request("DELETE", path, expect).json()

    def metric(self, name, **labels):
        """The sum of a metric's samples that have these labels."""
        total = 0.0
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        for line in self.request("GET", "/metrics", 200).text.splitlines():
            if line.startswith((name + " ", name + "{")) and all(label in line for label in wanted):
                total += float(line.rsplit(" ", 1)[1])
        return total


class Server(Program):
    """`serve` in embedded mode, and what nearly every test needs of /v1."""

    def __init__(self, folder, *flags, model="test", data=None, **options):
        super().__init__(folder, **options)
        self.data = pathlib.Path(data) if data else self.folder / "data"
        self.flags = flags
        self.model = model

    def command(self):
        return [BINARY, "serve", "--embedded", "--data", self.data, "--listen", f"127.0.0.1:{self.port}",
                "--model", self.model, *self.flags]

    def add(self, content, expect=200, wait=PATIENCE, **members):
        return self.post(f"/v1/documents?wait={wait}", {"content": content, **members}, expect, timeout=wait + PATIENCE)

    def bulk(self, documents, wait=None):
        """One answer for each document, in order."""
        lines = "".join(json.dumps(document) + "\n" for document in documents)
        answer = self.request("POST", "/v1/documents/bulk" + (f"?wait={wait}" if wait else ""), 200, data=lines.encode(),
                              headers={"Content-Type": "application/x-ndjson"}, timeout=300 + (wait or 0))
        return [json.loads(line) for line in answer.text.splitlines()]

    def document(self, document_id):
        return self.get(f"/v1/documents/{document_id}")

    def pages(self, path, member, limit=1000):
        cursor = None
        joint = "&" if "?" in path else "?"
        while True:
            page = self.get(f"{path}{joint}limit={limit}" + (f"&cursor={cursor}" if cursor else ""))
            yield from page[member]
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def documents(self, query="", limit=1000):
        return list(self.pages("/v1/documents" + query, "documents", limit))

    def chunks(self, document_id, limit=1000):
        return list(self.pages(f"/v1/documents/{document_id}/chunks", "chunks", limit))

    def content(self, document_id):
        return self.request("GET", f"/v1/documents/{document_id}/content", 200).content.decode()

    def search(self, query, expect=200, **members):
        return self.post("/v1/search", {"query": query, **members}, expect)["hits"]

    def wait_settled(self, patience=PATIENCE):
        """Until nothing is on its way: no document waits, the consumer is at the end of the log, and the index has followed."""
        def quiet():
            status = self.get("/v1/status")
            counts = status["documents"]
            waiting = counts["queued"] + counts["processing"] + counts["retrying"]
            return waiting == 0 and status["lag"]["total"] == 0 and status["outbox"]["rows"] == 0

        def settled():
            # Twice: the parts of a status are read one after the other, and a message may leave the log for the store between two of them.
            return quiet() and quiet()

        def followed():
            """The index reads the events a moment after they are in the log."""
            status = self.get("/v1/status")
            return (status["index"]["chunks"] == status["chunks"]
                    and all(document["searchable"] for document in self.pages("/v1/documents?status=indexed", "documents")))
        wait_until(settled, "an empty pipeline", patience, 0.05)
        wait_until(followed, "the index following the store", patience, 0.05)

    def wait_indexed(self, document_id, patience=PATIENCE):
        def indexed():
            document = self.document(document_id)
            assert document["status"] not in ("failed", "dead_lettered"), document
            return document if document["searchable"] else None
        return wait_until(indexed, f"document {document_id} being searchable", patience)


class Starter:
    """Starts servers that a test may break; each is stopped at its end and must then exit with 0."""

    def __init__(self, folder):
        self.folder = folder
        self.programs = []

    def make(self, *flags, **options):
        folder = self.folder / f"server{len(self.programs)}"
        folder.mkdir()
        self.programs.append(Server(folder, *flags, **options))
        return self.programs[-1]

    def __call__(self, *flags, **options):
        return self.make(*flags, **options).start()

    def stop_all(self):
        for server in self.programs:
            if server.running():
                try:
                    server.stop()
                finally:
                    if server.running():
                        server.kill9()


def run(*arguments, expect=0, stdin=None, timeout=PATIENCE, environment=None, cwd=None):
    """The client of the command line, or a server that is expected to refuse to start."""
    done = subprocess.run([BINARY, *map(str, arguments)], input=stdin, capture_output=True, text=True, timeout=timeout,
                          env=clean_environment(**(environment or {})), cwd=cwd)
    assert done.returncode == expect, f"{arguments}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def expect_problem(answer, status, pointer=None):
    """Checks the shape of problem details (RFC 9457) and returns them."""
    assert answer.status_code == status, f"{answer.status_code} {answer.text[:2000]}"
    assert answer.headers["Content-Type"].split(";")[0] == "application/problem+json"
    problem = answer.json()
    assert problem["type"] == "about:blank"
    assert problem["status"] == status
    assert isinstance(problem["title"], str) and problem["title"]
    assert isinstance(problem["detail"], str) and problem["detail"] and "\n" not in problem["detail"]
    for error in problem.get("errors", []):
        assert isinstance(error["detail"], str) and error["detail"]
        assert error["pointer"] == "" or error["pointer"].startswith("/")
    if pointer is not None:
        assert pointer in [error["pointer"] for error in problem.get("errors", [])], problem
    return problem
