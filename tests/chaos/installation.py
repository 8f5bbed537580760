"""Servers and workers on a stack, each with connections of its own that can be cut, slowed and silenced."""

import contextlib
import os
import time

from cluster import Cluster, ClusterServer, Worker
from producers import Producer
from proxy import PASS, Loop, Proxy
from stack import UPLOADS, Stack
from state import MysqlStore
from watch import KafkaWatch
from world import DELAYS, Seat, World

# A member that is gone holds its partitions until its session ends: the shortest that brokers allow.
SESSION = "session.timeout.ms=6000"


class Installation(World):
    def __init__(self, folder, servers, workers, clocks=False):
        super().__init__(folder, clocks)
        self.stack = Stack()
        self.cluster = Cluster(self.stack, self.folder)
        self.store = MysqlStore(self.cluster)
        self.loop = Loop()
        self.nodes = len(self.stack.bootstrap.split(","))
        self.shapes = {"cluster", "brokers" if self.nodes > 1 else "single"} | ({"clocks"} if clocks else set())
        self.shared_proxies = {}
        self.troubled_until = 0.0
        self.troubles = 0
        if port := os.environ.get("MILLRACE_CHAOS_KAFKA"):
            # The stack's SASL listener is advertised with this port: every connection of a program to the broker passes here.
            listener = int(self.stack.bootstrap.rsplit(":", 1)[1]) + 2
            self.shared_proxies["kafka"] = Proxy(self.loop, "127.0.0.1", listener, int(port))
            self.shapes.add("proxied")
        for number in range(servers):
            self.seats.append(self.seat(f"server{number}", ClusterServer))
        for number in range(workers):
            self.seats.append(self.seat(f"worker{number}", Worker))
        self.joined = 0

    def seat(self, name, kind):
        settings = self.stack.settings
        proxies = {"mysql": Proxy(self.loop, settings["MYSQL_HOST"], int(settings["MYSQL_PORT"])),
                   "redis": Proxy(self.loop, settings["REDIS_HOST"], int(settings["REDIS_PORT"]))}
        environment = self.environment | self.clock_environment(name) | {"MYSQL_PORT": str(proxies["mysql"].port), "REDIS_PORT": str(proxies["redis"].port),
                                          "MILLRACE_KAFKA_PROPERTIES": SESSION}
        if "kafka" in self.shared_proxies:
            environment |= {"KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{self.shared_proxies['kafka'].port}",
                            "MILLRACE_KAFKA_SECURITY_PROTOCOL": "sasl_plaintext", "MILLRACE_KAFKA_SASL_MECHANISM": "PLAIN",
                            "MILLRACE_KAFKA_SASL_USERNAME": "millrace", "MILLRACE_KAFKA_SASL_PASSWORD": "millrace-secret"}
        return Seat(name, self.cluster.make(kind, *DELAYS, environment=environment), self.clock_of(name), proxies)

    def producers(self, seed):
        producer = Producer(self, seed)
        producer.take_ids()
        return [producer]

    def watch(self):
        return KafkaWatch(self.ledger, self.cluster)

    # Faults

    def is_troubled(self):
        return self.troubles > 0 or time.monotonic() < self.troubled_until

    @contextlib.contextmanager
    def trouble(self):
        """While something shared is away, and for a while after it, a process may refuse to start."""
        self.troubles += 1
        try:
            yield
        finally:
            self.troubles -= 1
            self.troubled_until = time.monotonic() + 30

    def proxies(self, name):
        if name in self.shared_proxies:
            return [self.shared_proxies[name]]
        return [seat.proxies[name] for seat in self.seats]

    def add_worker(self):
        self.joined += 1
        seat = self.seat(f"worker-joined{self.joined}", Worker)
        seat.up()
        self.seats.append(seat)
        return seat

    def remove_worker(self, seat):
        code = seat.leave()
        if code not in (0, None, 134, -6):
            self.ledger.observe("died", f"{seat.name} ended with {code} at SIGTERM: {seat.program.log()[-500:]}")
        self.seats.remove(seat)

    def node(self, name):
        """The part of the stack that is meant by broker, or by leader: the node that leads a partition of the uploads."""
        if name == "leader":
            with contextlib.suppress(Exception), self.stack.admin() as admin:
                topic, = admin.describe_topics([UPLOADS])
                return f"kafka{topic['partitions'][0]['leader_id']}"
        return "kafka1" if name in ("broker", "leader") else name

    def break_part(self, name, verb):
        self.broken = part = self.node(name)
        if verb == "kill":
            self.stack.kill(part)
        elif verb == "bounce":
            self.stack.stop(part)
        else:
            self.stack.freeze(part)

    def mend_part(self, name, verb):
        if verb == "stop":
            self.stack.run("resume", self.broken)
        else:
            self.stack.start(self.broken)

    def heal(self):
        for seat in self.seats:
            for proxy in seat.proxies.values():
                proxy.set(PASS)
        for proxy in self.shared_proxies.values():
            proxy.set(PASS)
        self.stack.heal()
        super().heal()

    def close(self):
        super().close()
        self.cluster.close()
        for proxy in [*self.shared_proxies.values(), *(proxy for seat in self.seats for proxy in seat.proxies.values())]:
            proxy.close()
        self.loop.close()
