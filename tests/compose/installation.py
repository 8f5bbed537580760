"""The containers of deploy/ as `docker compose` runs them, asked through the ports that they publish."""

import http.client
import json
import os
import signal
import socket
import subprocess
import threading
import time

from cluster import Cluster, ClusterServer
from serving import PATIENCE, ROOT, wait_until
from stack import Stack

ZOOKEEPER = ("-f", "compose.yaml", "-f", "deploy/compose.zookeeper.yaml")


class Engine(http.client.HTTPConnection):
    """The engine's own API, on its socket."""

    def __init__(self):
        super().__init__("engine", timeout=PATIENCE)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(os.environ["DOCKER_HOST"].removeprefix("unix://"))

    def ask(self, path):
        self.request("GET", path)
        answer = self.getresponse()
        body = answer.read()
        return json.loads(body) if answer.status == 200 else None


class Checks(threading.Thread):
    """Runs the health checks: podman leaves that to timers of systemd, which a machine of a test may not have."""

    def __init__(self):
        super().__init__(daemon=True)
        self.start()

    def run(self):
        while True:
            try:
                engine = Engine()
                for container in engine.ask("/v4.0.0/libpod/containers/json") or []:
                    engine.ask(f"/v4.0.0/libpod/containers/{container['Id']}/healthcheck")
                engine.close()
            except (OSError, http.client.HTTPException):  # a container that has just ended, or the engine, which begins
                pass
            time.sleep(1)


class Published(Stack):
    """Kafka, MySQL and Redis where the containers publish them."""

    def __init__(self):
        self.settings = {"KAFKA_BOOTSTRAP_SERVERS": "localhost:9092", "MYSQL_HOST": "127.0.0.1", "MYSQL_PORT": "3306", "MYSQL_USER": "raguser",
                         "MYSQL_PASSWORD": "ragpassword", "REDIS_HOST": "127.0.0.1", "REDIS_PORT": "6379"}
        self.bootstrap = self.settings["KAFKA_BOOTSTRAP_SERVERS"]


class Backend(ClusterServer):
    """The server in its container, which is asked but not started from here."""

    def __init__(self):
        self.url = "http://localhost:8000"
        self.headers = {}
        self.sessions = threading.local()

    def ready_again(self):
        self.sessions = threading.local()
        wait_until(lambda: self.readiness() == 200, "readiness", PATIENCE * 2, 0.5)

    def readiness(self):
        try:
            return self.request("GET", "/readyz", timeout=5).status_code
        except OSError:  # requests' own errors are of this kind
            return None


def compose(*arguments, timeout=600):
    """What `docker compose` answers in the root of the repository."""
    done = subprocess.run(["docker-compose", *arguments], cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout)
    assert done.returncode == 0, f"docker compose {arguments}: {done.returncode}\n{done.stdout[-4000:]}{done.stderr[-4000:]}"
    return done.stdout


def images(*options):
    """The image of each service."""
    services = json.loads(compose(*options, "config", "--format", "json"))["services"]
    return {name: service["image"] for name, service in services.items()}


def image_size(name):
    return Engine().ask(f"/v4.0.0/libpod/images/{name}/json")["Size"]


class Installation(Cluster):
    def __init__(self):
        self.files = ()
        self.stack = Published()
        self.database = "rag_db"
        self.backend = Backend()
        self.checks = Checks()

    def compose(self, *arguments):
        return compose(*self.files, *arguments)

    def up(self, *arguments):
        """As a user does, but with the image that is there."""
        self.compose("up", "--detach", "--wait", "--wait-timeout", "300", "--no-build", *arguments)

    def containers(self):
        """By name, those that run."""
        return {container["Name"]: container for container in map(json.loads, self.compose("ps", "--format", "json").splitlines())}

    def run_in(self, service, *command):
        return self.compose("exec", "-T", service, *command)

    def inspect(self, name):
        return Engine().ask(f"/v4.0.0/libpod/containers/{name}/json")

    def wait_healthy(self):
        def healthy():
            return {container["Health"] for container in self.containers().values()} <= {"healthy", ""}
        wait_until(healthy, "every container healthy", PATIENCE * 2, 1)

    def kill(self, name):
        """The container's first process at once, as the kernel does when memory is short; returns when another has taken its place."""
        before = self.inspect(name)["State"]["Pid"]
        os.kill(before, signal.SIGKILL)
        wait_until(lambda: self.inspect(name)["State"]["Pid"] not in (0, before), f"{name} started again", PATIENCE, 0.2)
