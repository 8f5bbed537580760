"""Servers and workers on a stack, each with connections of its own that can be cut, slowed and silenced."""

import contextlib
import os

import kafka

from cluster import Cluster, ClusterServer, Worker
from producers import Producer
from proxy import PASS, Loop, Proxy
from stack import EVENTS, UPLOADS, Stack
from state import MysqlStore
from watch import KafkaWatch
from world import DELAYS, Seat, World

# A member that is gone holds its partitions until its session ends: the shortest that brokers allow.
SESSION = "session.timeout.ms=6000"
# Of a node of scripts/stack, above its port.
SASL_LISTENER, BROKER_LISTENER, CONTROLLER_LISTENER = 2, 6, 1


class Installation(World):
    def __init__(self, folder, servers, workers, clocks=False, losses=False):
        super().__init__(folder, clocks)
        self.stack = Stack()
        self.loop = Loop()
        self.nodes = len(self.stack.bootstrap.split(","))
        self.shapes = {"cluster", "brokers" if self.nodes > 1 else "single"} | ({"clocks"} if clocks else set()) | ({"losses"} if losses else set())
        self.shared_proxies, self.broker_proxies = {}, []
        if port := os.environ.get("MILLRACE_STACK_SASL_PROXY"):
            # The SASL listener of each broker is advertised with such a port: every connection of a program to it passes there.
            plain = [int(address.rsplit(":", 1)[1]) for address in self.stack.bootstrap.split(",")]
            self.shared_proxies["kafka"] = [Proxy(self.loop, "127.0.0.1", first + SASL_LISTENER, int(port) + first - plain[0]) for first in plain]
            self.shapes.add("proxied")
            if self.nodes > 1:
                self.separate(plain, int(port) + 1)
        self.cluster = Cluster(self.stack, self.folder)
        self.store = MysqlStore(self.cluster)
        for number in range(servers):
            self.seats.append(self.seat(f"server{number}", ClusterServer))
        for number in range(workers):
            self.seats.append(self.seat(f"worker{number}", Worker))
        self.joined = 0

    def separate(self, plain, port):
        """Brokers meet each other by proxies, too. They are started anew for it: without these they do not find each other."""
        self.shapes.add("separated")
        self.broker_proxies = [[Proxy(self.loop, "127.0.0.1", first + listener, port + first - plain[0] + offset)
                                for offset, listener in enumerate((BROKER_LISTENER, CONTROLLER_LISTENER))] for first in plain]
        self.stack.stop("kafka")
        os.environ["MILLRACE_STACK_BROKER_PROXY"] = str(port)
        self.stack.start("kafka")

    def seat(self, name, kind):
        settings = self.stack.settings
        proxies = {"mysql": Proxy(self.loop, settings["MYSQL_HOST"], int(settings["MYSQL_PORT"])),
                   "redis": Proxy(self.loop, settings["REDIS_HOST"], int(settings["REDIS_PORT"]))}
        clock, environment = self.clock(name)
        environment = self.environment | environment | {"MYSQL_PORT": str(proxies["mysql"].port), "REDIS_PORT": str(proxies["redis"].port),
                                                        "MILLRACE_KAFKA_PROPERTIES": SESSION}
        if "kafka" in self.shared_proxies:
            environment |= {"KAFKA_BOOTSTRAP_SERVERS": ",".join(f"127.0.0.1:{proxy.port}" for proxy in self.shared_proxies["kafka"]),
                            "MILLRACE_KAFKA_SECURITY_PROTOCOL": "sasl_plaintext", "MILLRACE_KAFKA_SASL_MECHANISM": "PLAIN",
                            "MILLRACE_KAFKA_SASL_USERNAME": "millrace", "MILLRACE_KAFKA_SASL_PASSWORD": "millrace-secret"}
        return Seat(name, self.cluster.make(kind, *DELAYS, environment=environment), clock, proxies)

    def producers(self, seed):
        producer = Producer(self, seed)
        producer.take_ids()
        return [producer]

    def watch(self):
        return KafkaWatch(self.ledger, self.cluster)

    # Faults

    def proxies(self, name):
        if name in self.shared_proxies:
            return self.shared_proxies[name]
        return [seat.proxies[name] for seat in self.seats]

    def all_proxies(self):
        shared = [proxy for proxies in (*self.shared_proxies.values(), *self.broker_proxies) for proxy in proxies]
        return [*shared, *(proxy for seat in self.seats for proxy in seat.proxies.values())]

    def add_worker(self):
        self.joined += 1
        seat = self.seat(f"worker-joined{self.joined}", Worker)
        seat.up()
        self.seats.append(seat)
        return seat

    def remove_worker(self, seat):
        code = seat.leave()
        if code not in (0, None, 134, -6) and not self.is_explained(seat, code):
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
        elif verb == "fill":
            self.stack.fill(part)
        else:
            self.stack.freeze(part)

    def mend_part(self, name, verb):
        if verb == "stop":
            self.stack.thaw(self.broken)
        elif verb == "fill":
            self.stack.free(self.broken)
        else:
            self.stack.start(self.broken)

    def empty_uploads(self):
        with self.ledger.loss(self.stack.committed()):
            self.stack.empty_topic(UPLOADS)

    @contextlib.contextmanager
    def without_uploads(self):
        with self.ledger.loss(self.stack.committed()), self.without_topic(UPLOADS):
            yield

    def empty_events(self):
        self.stack.empty_topic(EVENTS)

    def without_events(self):
        return self.without_topic(EVENTS)

    @contextlib.contextmanager
    def without_topic(self, name):
        """A server that misses it may make it anew before its time."""
        partitions = self.stack.topics()[name]
        self.stack.delete_topics(name)
        yield
        if name not in self.stack.topics():
            with contextlib.suppress(kafka.errors.TopicAlreadyExistsError):
                self.stack.create_topic(name, partitions)

    def healing(self):
        for proxy in self.all_proxies():
            yield lambda proxy=proxy: proxy.set(PASS)
        yield self.stack.heal
        yield from super().healing()

    def close(self):
        super().close()
        self.cluster.close()
        if self.broker_proxies:
            self.stack.run("kill", "kafka")  # alone they cannot end in good order
        for proxy in self.all_proxies():
            proxy.close()
        self.loop.close()
