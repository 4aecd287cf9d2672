"""What is promised of events, from outside: the binaries, a real store, a real broker, and faults of each."""

from __future__ import annotations

import json
import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any
from uuid import uuid4

import jsonschema
import pgserver
import pytest

from tests.service.collector import Collector, Span
from tests.service.conftest import Built, Process, Start, until
from tests.service.kafka import DEAD, TOPIC, Broker
from tests.service.orders import listed, migrate, place, summed, write_until

pytestmark = pytest.mark.slow
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{PARENT}-01"
SOON = {"WORKER_POLL_INTERVAL": "50ms", "RATE_LIMIT_PER_SECOND": "0"}
Settings = dict[str, str]


@pytest.fixture(params=["mongodb", "postgresql"])
def datastore(request: pytest.FixtureRequest) -> str:
    """Give each store that keeps orders."""
    return str(request.param)


@pytest.fixture
def stored(datastore: str, request: pytest.FixtureRequest, kafka: Broker, start: Start) -> Settings:
    """Give what processes need to keep orders in an empty store and to use the broker; the schema is there."""
    name = f"orders_{uuid4().hex}"
    if datastore == "mongodb":
        address = re.sub(r"/(?=\?)", f"/{name}", request.getfixturevalue("replica_set"))
    else:
        server = request.getfixturevalue("server")
        pgserver.get_server(request.getfixturevalue("server_folder")).psql(  # type: ignore[attr-defined]
            f"CREATE DATABASE {name};"
        )
        address = re.sub(r"/postgres(?=\?)", f"/{name}", server)
    settings = {"datastore": datastore, "broker": "kafka", "STORE": datastore, "DATABASE_URL": address}
    settings |= kafka.environment | SOON
    migrate(start, settings, "up")
    return settings


on_mongodb = pytest.mark.parametrize("datastore", ["mongodb"])


def placed(api: Process, count: int) -> list[dict[str, Any]]:
    """Place orders and give them."""
    answers = [place(api) for _ in range(count)]
    assert {answer.status for answer in answers} == {201}
    return [json.loads(answer.text) for answer in answers]


def measured(process: Process, series: str) -> float:
    """Read one series of the metrics; nothing yet is zero."""
    found = re.search(rf"^{re.escape(series)} (\S+)$", process.operate("/metrics").text, re.MULTILINE)
    return float(found[1]) if found else 0


def consumed(process: Process, result: str) -> float:
    """Read how many records a process took, by what became of them."""
    return measured(process, f'events_consumed_total{{result="{result}"}}')


def projected(process: Process, result: str) -> float:
    """Read how many events a process projected, by what became of them."""
    return measured(process, f'projection_events_total{{result="{result}"}}')


def test_under_faults_each_order_is_in_the_summaries_exactly_once(
    start: Start, stored: Settings, kafka: Broker
) -> None:
    kafka.start()
    api, lost = start("api", **stored).ready(), start("worker", **stored).ready()
    orders = placed(api, 20)
    until(lambda: summed(api, orders) == 20, "the first orders")
    kafka.kill()
    orders += placed(api, 20)
    lost.kill()
    kafka.start()
    worker = start("worker", **stored).ready()
    orders += placed(api, 20)
    until(lambda: summed(api, orders) == 60, "the orders of the outage")
    second = start("worker", **stored).ready()
    repeated = kafka.records()
    orders += placed(api, 20)

    kafka.send_all(repeated)

    def duplicates() -> float:
        return projected(worker, "duplicate") + projected(second, "duplicate")

    until(lambda: summed(api, orders) >= 80, "all orders")
    until(lambda: duplicates() >= len(repeated), "every duplicate")
    until(lambda: kafka.committed() == len(kafka.records()), "an empty queue")
    assert len(repeated) >= 60
    assert len(listed(api)) == summed(api, orders) == len(orders) == 80
    assert {record.event()["data"]["order_id"] for record in kafka.records()} == {order["id"] for order in orders}
    assert kafka.records(DEAD) == []


@on_mongodb
def test_an_event_is_what_the_description_says_and_knows_the_trace_of_its_request(
    start: Start, stored: Settings, kafka: Broker, built: Built
) -> None:
    kafka.start()
    api = start("api", **stored).ready()
    start("worker", **stored)
    schema = json.loads((built("mongodb", "kafka") / "events/order-placed.v1.schema.json").read_text(encoding="utf-8"))

    order = json.loads(place(api, traceparent=TRACEPARENT).text)
    (record,) = until(kafka.records, "the event")

    event = record.event()
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    jsonschema.Draft202012Validator(schema, format_checker=checker).validate(event)
    assert (record.key.decode(), event["subject"], event["data"]["order_id"]) == (order["id"],) * 3
    assert event["data"]["total_cents"] == order["total_cents"]
    assert set(record.headers) == {"content-type", "ce_id", "ce_type", "traceparent"}
    assert record.headers["content-type"].startswith(b"application/cloudevents+json")
    assert record.headers["ce_id"].decode() == event["id"]
    assert record.headers["ce_type"].decode() == event["type"]
    assert record.headers["traceparent"].decode().split("-")[1] == event["traceparent"].split("-")[1] == TRACE


def below(spans: list[Span], parent: Span, name: str) -> Span:
    """Give the one span of a name below another."""
    (found,) = [span for span in spans if span.parent == parent.identity and span.name == name]
    return found


@on_mongodb
def test_from_the_request_to_the_summary_is_one_trace(
    start: Start, stored: Settings, kafka: Broker, collector: Collector
) -> None:
    kafka.start()
    api = start("api", **stored, **collector.environment).ready()
    worker = start("worker", **stored, **collector.environment).ready()

    order = json.loads(place(api, traceparent=TRACEPARENT).text)
    until(lambda: summed(api, [order]) == 1, "the summary")
    codes = worker.stop(), api.stop()

    spans = [span for span in collector.spans() if span.trace == TRACE]
    (request,) = [span for span in spans if span.parent == PARENT]
    way = [request]
    for name in ("place order", "orders.add", f"send {TOPIC}", f"process {TOPIC}", "summaries.apply"):
        way.append(below(spans, way[-1], name))
    assert codes == (0, 0)
    assert request.name == "POST /v1/orders"
    assert len(spans) == len(way)


def replay(service: Path, settings: Settings, *words: str) -> subprocess.CompletedProcess[str]:
    """Run bin/dlq-replay as an operator does."""
    environment = {name: value for name, value in settings.items() if name.isupper()}
    done = subprocess.run(
        [service / "bin/dlq-replay", *words],
        cwd=service,
        check=False,
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], **environment},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@on_mongodb
def test_a_record_that_cannot_be_read_is_set_aside_as_it_came_and_a_mended_one_is_replayed(
    start: Start, stored: Settings, kafka: Broker, built: Built
) -> None:
    kafka.start()
    service = built("mongodb", "kafka")
    api, worker = start("api", **stored).ready(), start("worker", **stored).ready()
    orders = placed(api, 1)
    until(lambda: summed(api, orders) == 1, "the order")
    (good,) = kafka.records()
    other = json.dumps({**good.event(), "id": str(uuid4())}).encode()

    kafka.send(b"\x00 no event", b"k-1", ours=b"kept")
    (letter,) = until(lambda: kafka.records(DEAD), "the dead letter")
    orders += placed(api, 1)
    until(lambda: summed(api, orders) == 2, "the order behind it")
    kafka.send(other, good.key, DEAD, **good.headers, dlq_reason=b"failed", dlq_error=b"mended since")
    shown = replay(service, stored)
    after_showing = len(kafka.records())
    sent = replay(service, stored, "-r", "failed", "-a")

    until(lambda: summed(api, orders) == 3, "what was replayed")
    assert (letter.key, letter.value) == (b"k-1", b"\x00 no event")
    told = {name: value.decode() for name, value in letter.headers.items()}
    assert told.pop("ours") == "kept"
    assert set(told) == {
        f"dlq_{name}" for name in ("reason", "error", "topic", "partition", "offset", "attempts", "at")
    }
    assert (told["dlq_reason"], told["dlq_topic"], told["dlq_attempts"]) == ("unreadable", TOPIC, "0")
    assert sorted(json.loads(line)["reason"] for line in shown.stdout.splitlines()) == ["failed", "unreadable"]
    assert "nothing was sent" in shown.stderr
    assert after_showing == 3
    (again,) = [record for record in kafka.records() if "dlq_replayed_from" in record.headers]
    assert (again.key, again.value) == (good.key, other)
    assert '"msg":"Dead letters replayed"' in sent.stdout + sent.stderr
    assert measured(worker, 'events_dead_letters_total{reason="unreadable"}') == 1


@on_mongodb
def test_a_worker_that_is_stopped_commits_leaves_its_group_and_nothing_comes_again(
    start: Start, stored: Settings, kafka: Broker
) -> None:
    kafka.start()
    api, worker = start("api", **stored).ready(), start("worker", **stored).ready()
    orders = placed(api, 5)
    until(lambda: summed(api, orders) == 5, "the first orders")
    joined = kafka.members()
    orders += placed(api, 40)

    code = worker.stop()
    members, committed, done = kafka.members(), kafka.committed(), summed(api, orders)
    following = start("worker", **stored).ready()
    until(lambda: summed(api, orders) == 45, "the rest")
    until(lambda: kafka.committed() == len(kafka.records()), "an empty queue")

    assert (code, joined, members) == (0, 1, 0)
    assert committed == done
    assert projected(following, "duplicate") == 0
    assert consumed(following, "processed") == 45 - done


@on_mongodb
def test_orders_are_taken_while_the_broker_is_away_and_their_events_leave_when_it_is_there(
    start: Start, stored: Settings, kafka: Broker
) -> None:
    failed = 'events_published_total{result="failed"}'
    api, worker = start("api", **stored).ready(), start("worker", **stored).ready()

    def leave(orders: list[dict[str, Any]], new: int) -> tuple[float, int, int]:
        before = measured(worker, failed)
        orders += placed(api, new)
        until(lambda: measured(worker, "outbox_pending") == new, "the backlog")
        until(lambda: measured(worker, failed) >= before + new, "an attempt")
        waited = measured(worker, "outbox_age_seconds")
        probes = api.operate("/readyz").status, worker.operate("/readyz").status
        kafka.start()
        until(lambda: summed(api, orders) == len(orders), "the summaries")
        until(lambda: measured(worker, "outbox_pending") == 0, "an empty outbox")
        return waited, *probes

    orders: list[dict[str, Any]] = []
    at_start = leave(orders, 3)
    kafka.kill()
    later = leave(orders, 7)
    kafka.kill()
    placed(api, 3)
    codes = worker.stop(), api.stop()

    assert at_start[0] > 0 < later[0]
    assert at_start[1:] == later[1:] == (200, 200)
    assert codes == (0, 0)


@on_mongodb
def test_a_kill_in_mid_write_loses_no_accepted_order_on_the_way_to_the_summaries(
    start: Start, stored: Settings, kafka: Broker
) -> None:
    kafka.start()
    writers = 4
    api, worker = start("api", **stored).ready(), start("worker", **stored).ready()
    stopped = Event()
    with ThreadPoolExecutor(writers) as pool:
        written = [pool.submit(write_until, stopped, api) for _ in range(writers)]
        until(lambda: measured(api, "orders_placed_total") >= 40, "forty orders")
        api.kill()
        stopped.set()
        accepted = [identity for one in written for identity in one.result()[0].values()]
    again = start("api", **stored).ready()

    orders = listed(again)
    until(lambda: summed(again, orders) == len(orders), "the summaries")
    until(lambda: kafka.committed() == len(kafka.records()), "an empty queue")

    assert len(accepted) >= 40
    assert set(accepted) <= {order["id"] for order in orders}
    assert summed(again, orders) == len(orders)
    assert {record.event()["subject"] for record in kafka.records()} == {order["id"] for order in orders}
    assert worker.stop() == 0


def test_with_orders_in_memory_the_api_alone_sends_and_projects(start: Start, kafka: Broker) -> None:
    kafka.start()
    api = start("api", broker="kafka", **kafka.environment, **SOON).ready()

    orders = placed(api, 3)

    until(lambda: summed(api, orders) == 3, "the summaries")
    assert {record.key.decode() for record in kafka.records()} == {order["id"] for order in orders}
    until(lambda: kafka.committed() == 3, "the commit")
    assert (api.stop(), kafka.members()) == (0, 0)
