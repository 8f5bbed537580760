"""A Kafka, a MariaDB and a Redis of the benchmark's own, through scripts/stack: fresh at the start, gone at the end."""
import contextlib
import itertools
import os
import subprocess

from server import Program, cpu_seconds, resident_bytes, wait_until
from texts import HERE

SCRIPT = os.path.normpath(os.path.join(HERE, "../scripts/stack"))
ROOM = "innodb-buffer-pool-size=1G"  # the rest is as they come: each transaction is on the disk when it is committed
PARTS = ("kafka1", "mysql", "redis")


class Stack:
    def __init__(self, bench):
        self.bench = bench
        self.directory = os.path.join(os.path.dirname(bench.work), "bench-stack")
        self._numbers = itertools.count(1)
        self._environment = os.environ | {
            "MILLRACE_STACK": self.directory, "MILLRACE_STACK_PORT": os.environ.get("MILLRACE_STACK_PORT", "11600"),
            "MILLRACE_STACK_MYSQL_OPTIONS": ROOM}

    def __enter__(self):
        self._run("wipe")
        try:
            self._run("up")
            self.settings = dict(assignment.split("=", 1) for assignment in self._run("env").split() if "=" in assignment)
        except BaseException:
            self._run("wipe")
            raise
        return self

    def __exit__(self, *_):
        self._run("wipe")

    def _run(self, command):
        return subprocess.run([SCRIPT, command], check=True, stdout=subprocess.PIPE, text=True, env=self._environment).stdout

    def pid(self, part):
        with open(os.path.join(self.directory, "run", part)) as line:
            return int(line.read().split()[0])

    def cpu_seconds(self):
        return {part: cpu_seconds(self.pid(part)) for part in PARTS}

    def resident_bytes(self):
        return {part: resident_bytes(self.pid(part)) for part in PARTS}

    def address(self):
        """What bench_rows wants to know first."""
        return [self.settings[f"MYSQL_{name}"] for name in ("HOST", "PORT", "USER", "PASSWORD")]

    def sql(self, statement, database=None):
        """The rows, each a list of texts."""
        host, port, user, password = self.address()
        command = ["mariadb", "--no-defaults", "--protocol=tcp", "--batch", "--skip-column-names", f"--host={host}",
                   f"--port={port}", f"--user={user}", f"--password={password}", f"--execute={statement}"]
        output = subprocess.run(command + [database] * bool(database), check=True, stdout=subprocess.PIPE, text=True).stdout
        return [line.split("\t") for line in output.splitlines()]

    def redis(self, *arguments):
        command = ["redis-cli", "-h", self.settings["REDIS_HOST"], "-p", self.settings["REDIS_PORT"], *arguments]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()

    @contextlib.contextmanager
    def database(self):
        """A new one: the environment that names it. The stack lets its user have those that are called like this."""
        name = f"millrace_test_bench_{next(self._numbers)}"
        self.sql(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
        try:
            yield self.settings | {"MYSQL_DATABASE": name}
        finally:
            self.sql(f"DROP DATABASE {name}")


class Cluster:
    """One server and some workers on a database, which is as new as the keys in Redis."""

    def __init__(self, stack, environment, model, workers, arguments):
        self.stack, self.database = stack, environment["MYSQL_DATABASE"]
        self._programs = contextlib.ExitStack()
        program = os.path.join(stack.bench.build, "millrace")
        stack.redis("flushall")

        def start(role, number, *more):
            def command(port):
                return [program, role, "--model", model, "--listen", f"127.0.0.1:{port}", *more]
            log = os.path.join(stack.bench.work, f"{self.database}-{role}{number}.log")
            return self._programs.enter_context(Program(command, log, environment))

        with contextlib.ExitStack() as undo:
            undo.push(self._programs)
            self.server = start("serve", 1)
            self.workers = [start("worker", number + 1, *arguments) for number in range(workers)]
            wait_until(self._shared_out, "each worker having a partition")
            undo.pop_all()

    def _shared_out(self):
        shares = [len(instance["partitions"]) for instance in self.server.json("GET", "/v1/instances")["instances"]
                  if instance["role"] == "worker"]
        return len(shares) == len(self.workers) and all(shares) and sum(shares) == 3

    def settle(self):
        """Until nothing is on its way, so that the next store finds an empty log."""
        def settled():
            status = self.server.json("GET", "/v1/status")
            return status["lag"]["total"] == 0 and status["outbox"]["rows"] == 0
        wait_until(settled, "an empty pipeline")

    def cpu_seconds(self):
        """By program, up to now."""
        return {"server": self.server.cpu_seconds(), "workers": sum(worker.cpu_seconds() for worker in self.workers),
                **self.stack.cpu_seconds()}

    def close(self):
        self._programs.close()


@contextlib.contextmanager
def fresh_cluster(stack, model="minilm", workers=1, arguments=()):
    with stack.database() as environment:
        cluster = Cluster(stack, environment, model, workers, arguments)
        try:
            yield cluster
            if cluster.server.running():
                cluster.settle()
        finally:
            cluster.close()
