"""The servers of scripts/stack as this run has them (MILLRACE_STACK), seen through clients that know nothing of Millrace."""

import contextlib
import json
import logging
import os
import pathlib
import signal
import subprocess
import time

import kafka
import pymysql
import redis

from disks import Disk
from serving import ROOT, wait_until

UPLOADS, EVENTS, ANALYTICS = "document-uploads", "document-events", "search-analytics"
WORKERS = "embedding-workers"
GROWING = {"kafka": "*.log"}  # its indexes are made at their full size

logging.getLogger("kafka").setLevel(logging.CRITICAL)  # it logs each attempt while a broker is down, which is what many tests are about


class Stack:
    """Parts: kafka (all nodes), kafka1…, mysql, redis."""

    def __init__(self):
        assert os.environ.get("MILLRACE_STACK"), "MILLRACE_STACK must name the directory of a running stack: scripts/test cluster sets it"
        self.settings = {}
        for line in self.run("env").splitlines():
            for assignment in line.removeprefix("export ").split():
                name, value = assignment.split("=", 1)
                self.settings[name] = value
        self.bootstrap = self.settings["KAFKA_BOOTSTRAP_SERVERS"]
        self.folder = pathlib.Path(os.environ["MILLRACE_STACK"])
        self.down = set()
        self.frozen = set()
        self.disks = {}  # those that are full

    def run(self, *arguments, **environment):
        done = subprocess.run([ROOT / "scripts" / "stack", *arguments], capture_output=True, text=True, timeout=180, env=os.environ | environment)
        assert done.returncode == 0, f"scripts/stack {arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def stop(self, *parts):
        self.down.update(parts)
        self.run("stop", *parts)

    def kill(self, *parts):
        self.down.update(parts)
        self.run("kill", *parts)

    def start(self, *parts):
        self.run("start", *parts)
        self.down.difference_update(parts)

    @contextlib.contextmanager
    def without(self, *parts):
        self.stop(*parts)
        yield
        self.start(*parts)

    @contextlib.contextmanager
    def little_room(self, megabytes):
        """The database with so much room on its disk: all tables in one file that must not grow further."""
        self.stop("mysql")
        file = self.folder / "mysql" / "ibdata1"
        bound = file.stat().st_size // 2**20 + megabytes
        self.run("start", "mysql", MILLRACE_STACK_MYSQL_OPTIONS=f"innodb-file-per-table=0 innodb-data-file-path=ibdata1:12M:autoextend:max:{bound}M")
        try:
            yield
        finally:
            self.stop("mysql")
            self.start("mysql")

    def pid(self, part):
        return int((self.folder / "run" / part).read_text().split()[0])

    def freeze(self, part):
        """At this very moment, without a script in between."""
        self.frozen.add(part)
        os.kill(self.pid(part), signal.SIGSTOP)

    def thaw(self, part):
        self.run("resume", part)
        self.frozen.discard(part)

    def fill(self, part):
        """Its disk is full until it is freed: of what grows, nothing may grow beyond the largest file. A broker halts when it finds out."""
        self.down.add(part)
        self.disks[part] = Disk(self.folder / part, GROWING.get(part.rstrip("123"), "*"))
        self.disks[part].fill(self.pid(part))

    def free(self, part):
        """What ended of it is started again. A broker that found out at the last moment is still about to halt, and counts as running."""
        self.disks.pop(part).free(self.pid(part))
        self.start(part)
        for _ in range(3):
            time.sleep(0.5)
            self.start(part)

    def heal(self):
        """Thaws, frees and starts again what a test that failed left frozen, full or down."""
        for part in list(self.frozen):
            self.thaw(part)
        for part in list(self.disks):
            self.free(part)
        if self.down:
            self.start(*self.down)

    # Clients

    def redis(self):
        return redis.Redis(self.settings["REDIS_HOST"], int(self.settings["REDIS_PORT"]), socket_timeout=20)

    def mysql(self, database=None):
        return pymysql.connect(host=self.settings["MYSQL_HOST"], port=int(self.settings["MYSQL_PORT"]), user=self.settings["MYSQL_USER"],
                               password=self.settings["MYSQL_PASSWORD"], database=database, charset="utf8mb4", autocommit=True,
                               connect_timeout=10, read_timeout=30)

    @contextlib.contextmanager
    def admin(self):
        admin = kafka.KafkaAdminClient(bootstrap_servers=self.bootstrap.split(","))
        try:
            yield admin
        finally:
            admin.close()

    def ask(self, question):
        """What the broker answers; one that has just started asks for patience at first."""
        deadline = time.monotonic() + 30
        with self.admin() as admin:
            while True:
                try:
                    return question(admin)
                except kafka.errors.KafkaError as error:
                    if not error.retriable or time.monotonic() > deadline:
                        raise
                    time.sleep(0.2)

    def topics(self):
        """Partitions by name."""
        topics = self.ask(lambda admin: admin.describe_topics())
        return {topic["name"]: len(topic["partitions"]) for topic in topics if not topic["name"].startswith("__")}

    def create_topic(self, name, partitions):
        """On ZooKeeper a topic is deleted when Kafka comes to it: until then its name is taken, though no broker shows it."""
        deadline = time.monotonic() + 30
        while True:
            try:
                with self.admin() as admin:
                    admin.create_topics({name: {"num_partitions": partitions}}, wait_for_metadata=True)
                return
            except kafka.errors.TopicAlreadyExistsError:
                if name in self.topics() or time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def delete_topics(self, *names):
        with self.admin() as admin:
            admin.delete_topics(list(names))
        wait_until(lambda: not set(names) & set(self.topics()), f"the end of {names}", pause=0.1)

    def clear(self):
        """No topics, no groups, no keys: as if nobody had been here."""
        names = self.topics()
        if names:
            self.delete_topics(*names)
        groups = [group["group_id"] for group in self.ask(lambda admin: admin.list_groups())]
        if groups:
            def deleted():
                return set(self.ask(lambda admin: admin.delete_groups(groups)).values()) <= {"OK", "GroupIdNotFoundError"}
            wait_until(deleted, f"the end of {groups}", pause=0.2)
        with self.redis() as client:
            client.flushall()

    def records(self, topic):
        """Every record of a topic, ascending partition and offset."""
        consumer = kafka.KafkaConsumer(bootstrap_servers=self.bootstrap.split(","), enable_auto_commit=False, group_id=None)
        try:
            partitions = [kafka.TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or ())]
            if not partitions:
                return []
            consumer.assign(partitions)
            consumer.seek_to_beginning(*partitions)
            ends = consumer.end_offsets(partitions)
            found = []

            def at_the_end():
                for batch in consumer.poll(timeout_ms=500).values():
                    found.extend(batch)
                return all(consumer.position(partition) >= end for partition, end in ends.items())
            wait_until(at_the_end, f"the end of {topic}")
            return sorted(found, key=lambda record: (record.partition, record.offset))
        finally:
            consumer.close()

    def messages(self, topic):
        """(key, value) of each record, both decoded."""
        return [(record.key.decode() if record.key else None, json.loads(record.value)) for record in self.records(topic)]

    def produce(self, topic, *values, key=None, headers=None):
        """Bytes as they are, anything else as JSON; where each landed."""
        producer = kafka.KafkaProducer(bootstrap_servers=self.bootstrap.split(","), acks="all")
        try:
            sent = []
            for value in values:
                raw = value if value is None or isinstance(value, bytes) else json.dumps(value).encode()
                sent.append(producer.send(topic, value=raw, key=key.encode() if key else None, headers=headers or []))
            return [(future.get(30).partition, future.get(30).offset) for future in sent]
        finally:
            producer.close()

    def committed(self, group=WORKERS, topic=UPLOADS):
        offsets = self.ask(lambda admin: admin.list_group_offsets(group)).get(group, {})
        return {partition.partition: entry.offset for partition, entry in offsets.items() if partition.topic == topic and entry.offset >= 0}

    def ends(self, topic=UPLOADS):
        return self.offsets(topic, kafka.OffsetSpec.LATEST)

    def starts(self, topic=UPLOADS):
        return self.offsets(topic, kafka.OffsetSpec.EARLIEST)

    def offsets(self, topic, which):
        partitions = {kafka.TopicPartition(topic, number): which for number in range(self.topics()[topic])}
        found = self.ask(lambda admin: admin.list_partition_offsets(partitions))
        return {partition.partition: entry.offset for partition, entry in found.items()}

    def behind(self, group, topic, only=None):
        """How many of a topic's records, as it holds them, a group has not worked off; `only`: of these partitions."""
        committed, starts, ends = self.committed(group, topic), self.starts(topic), self.ends(topic)
        counted = ends if only is None else set(only) & set(ends)
        return sum(max(0, ends[partition] - max(committed.get(partition, 0), starts[partition])) for partition in counted)

    def lag(self):
        return self.behind(WORKERS, UPLOADS)

    def empty_topic(self, name):
        """Offsets go on where they are."""
        ends = {kafka.TopicPartition(name, partition): end for partition, end in self.ends(name).items()}
        self.ask(lambda admin: admin.delete_records(ends))

    def members(self, group=WORKERS):
        """Of each member of a stable group the partitions that it has; while the group is being shared out, none."""
        found = self.ask(lambda admin: admin.describe_groups([group]))[group]
        if found["group_state"] != "Stable":
            return []
        return [sorted(number for topic in (member["member_assignment"] or {}).get("assigned_partitions", []) for number in topic["partitions"])
                for member in found["members"]]
