"""A broker of a test's own, that may be killed and started again, and a client that shares no code with it."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from tests.broker import program

PATIENCE = 60.0
ANSWER = 10.0
QUIET = {"log_level": 0, "enable.metrics.push": False}
PARTITIONS = 3
TOPIC, DEAD, GROUP = "orders.placed.v1", "orders.placed.v1.dead", "black-box"


class Record(NamedTuple):
    """A record as it lies in a topic."""

    key: bytes
    value: bytes
    headers: dict[str, bytes]
    place: tuple[int, int]

    def event(self) -> dict[str, Any]:
        """Read the value as an event."""
        return dict(json.loads(self.value))


class Broker:
    """A broker with its data in a folder.

    Attributes:
        environment: what makes a service use it; faults are noticed soon.
    """

    def __init__(self, folder: Path) -> None:
        self.binary = program()
        self.folder = folder
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            self.port = int(listener.getsockname()[1])
        self.address = f"127.0.0.1:{self.port}"
        self.client: dict[str, Any] = {"bootstrap.servers": self.address, **QUIET}
        self.process: subprocess.Popen[bytes] | None = None
        self.environment = {
            "BROKER": "kafka",
            "KAFKA_BROKERS": self.address,
            "KAFKA_GROUP": GROUP,
            "KAFKA_TLS": "false",
            "KAFKA_DELIVERY_TIMEOUT": "1s",
            "KAFKA_LEASE_TTL": "2s",
        }

    def start(self) -> Broker:
        """Start the broker on what it had, and wait until it listens."""
        log = (self.folder / "broker.log").open("ab")
        self.process = subprocess.Popen(
            [self.binary, str(self.port), str(self.folder / "data"), TOPIC, DEAD], stdout=log, stderr=log
        )
        limit = time.monotonic() + PATIENCE
        while time.monotonic() < limit and self.process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            time.sleep(0.01)
        pytest.fail(f"the broker did not start: {(self.folder / 'broker.log').read_text(encoding='utf-8')[-2000:]}")

    def kill(self) -> None:
        """End the broker at once, as a crash would."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()

    def send(self, value: bytes, key: bytes = b"", topic: str = TOPIC, **headers: bytes) -> None:
        """Send a record and wait until the broker has it."""
        self.send_all([Record(key, value, headers, (0, 0))], topic)

    def send_all(self, records: list[Record], topic: str = TOPIC) -> None:
        """Send records, wherever they lay before, and wait until the broker has them."""
        outcome: list[Any] = []
        producer = Producer(self.client)
        for one in records:
            producer.produce(
                topic,
                one.value,
                one.key,
                headers=[*one.headers.items()],
                on_delivery=lambda error, _: outcome.append(error),
            )
        producer.flush(ANSWER)
        assert outcome == [None] * len(records)

    def records(self, topic: str = TOPIC) -> list[Record]:
        """Give all that lies in a topic, partition by partition."""
        consumer = Consumer({**self.client, "group.id": "reader", "enable.auto.commit": False, "fetch.wait.max.ms": 20})
        try:
            ends = {
                number: consumer.get_watermark_offsets(TopicPartition(topic, number), ANSWER)[1]
                for number in range(PARTITIONS)
            }
            consumer.assign([TopicPartition(topic, number, 0) for number in ends])
            found: list[Record] = []
            limit = time.monotonic() + PATIENCE
            while len(found) < sum(ends.values()) and time.monotonic() < limit:
                message: Any = consumer.poll(1)
                if message is not None and message.error() is None:
                    headers = dict(message.headers() or [])
                    place = message.partition(), message.offset()
                    found.append(Record(message.key() or b"", message.value(), headers, place))
        finally:
            consumer.close()
        return sorted(found, key=lambda record: record.place)

    def members(self) -> int:
        """Count the members of the group of the service."""
        admin = AdminClient(self.client)
        return len(admin.describe_consumer_groups([GROUP], request_timeout=ANSWER)[GROUP].result().members)

    def committed(self) -> int:
        """Count the records that the group has behind it."""
        admin = AdminClient(self.client)
        asked = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(GROUP)], request_timeout=ANSWER)
        try:
            return sum(max(0, one.offset) for one in asked[GROUP].result().topic_partitions)
        except KafkaException:
            return 0
