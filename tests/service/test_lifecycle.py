"""How processes begin and end, from outside: probes, signals, requests held open, and a store that comes late."""

from __future__ import annotations

import http.client
import json
import re
import signal
import socket
import time
import urllib.error
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timezone
from typing import Any

import pytest

from tests.service.collector import Collector
from tests.service.conftest import PATIENCE, Process, Start, free_address, until
from tests.service.held import Held
from tests.service.proxy import Proxy

pytestmark = pytest.mark.slow
ORDER = json.dumps({"customer_id": "c-1", "items": [{"sku": "KEEL-1", "quantity": 2, "unit_price_cents": 1250}]})
LATE = 1.0
PATIENT = {
    "REQUEST_TIMEOUT": "30s",
    "HTTP_READ_TIMEOUT": "30s",
    "HTTP_WRITE_TIMEOUT": "30s",
    "RESILIENCE_ATTEMPTS": "1",
    "RESILIENCE_TIMEOUT": "25s",
    "DATABASE_TIMEOUT": "25s",
}


@pytest.fixture
def hold() -> Iterator[Callable[[Process], Held]]:
    """Give a function that holds an order open at a process; the process knows of it when the function returns."""
    opened: list[Held] = []

    def begin(process: Process) -> Held:
        opened.append(Held(process.public, ORDER.encode()))
        until(lambda: measured(process, "http_server_active_requests") == len(opened), "the request to arrive")
        return opened[-1]

    yield begin
    for one in opened:
        one.close()


def place(process: Process, **headers: str) -> int:
    """Place an order and give the status."""
    return process.ask("/v1/orders", ORDER.encode(), Content_Type="application/json", **headers).status


def measured(process: Process, series: str) -> float:
    """Read one series of the metrics; nothing yet is zero."""
    found = re.search(rf"^{re.escape(series)} (\S+)$", process.operate("/metrics").text, re.MULTILINE)
    return float(found[1]) if found else 0


def lines(process: Process) -> list[dict[str, Any]]:
    """Give the log."""
    return [json.loads(line) for line in process.log.read_text(encoding="utf-8").splitlines()]


def reason(process: Process) -> str | None:
    """Ask why a process is not ready; nothing when it is."""
    answer = process.operate("/readyz")
    told = json.loads(answer.text)
    assert (answer.status == 503) == (told["status"] == "not ready") == ("reason" in told)
    return str(told["reason"]) if "reason" in told else None


def connects(process: Process) -> bool:
    """Tell whether the public port takes a new connection."""
    host, port = process.public.rsplit(":", 1)
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except ConnectionRefusedError:
        return False
    return True


def ended(process: Process, since: float) -> tuple[int, float]:
    """Wait for the end of a process; give its exit code and how long it took."""
    return process.process.wait(PATIENCE), time.monotonic() - since


def test_a_stop_drains_finishes_what_is_open_and_sends_the_last_span(
    start: Start, hold: Callable[[Process], Held], collector: Collector
) -> None:
    drain, budget = 1.5, 20
    settings = {"DRAIN_DELAY": "1500ms", "SHUTDOWN_TIMEOUT": f"{budget}s", **PATIENT, **collector.environment}
    api = start("api", **settings).ready()
    held = hold(api)

    began = time.monotonic()
    api.process.send_signal(signal.SIGTERM)
    until(lambda: reason(api) == "stopping", "readiness to end")
    unready_after = time.monotonic() - began
    draining = api.ask("/v1/orders")
    until(lambda: not connects(api), "new connections to be refused")
    refused_after = time.monotonic() - began
    still = reason(api), api.operate("/livez").status
    held.send_rest()
    status, headers, text = held.answer()
    code, took = ended(api, began)

    assert unready_after < LATE
    assert (draining.status, draining.headers["Connection"]) == (200, "close")
    assert refused_after >= drain
    assert still == ("stopping", 200)
    assert (status, headers["Connection"], json.loads(text)["total_cents"]) == (201, "close", 2500)
    assert code == 0
    assert took < budget
    spans = {span.name: span for span in collector.spans() if span.trace == held.trace}
    assert spans["POST /v1/orders"].parent == held.parent
    assert spans["place order"].parent == spans["POST /v1/orders"].identity
    assert [line["msg"] for line in lines(api)][-1] == "Api stopped"
    assert collector.holds("logs", "Api stopped")
    assert collector.holds("metrics", "orders.placed")


def test_a_request_that_waits_for_the_store_is_answered_before_the_end(
    start: Start, behind: dict[str, str], proxy: Proxy, collector: Collector
) -> None:
    api = start("api", **behind, **PATIENT, **collector.environment).ready()
    proxy.stall()
    held = Held(api.public, ORDER.encode())
    held.send_rest()
    until(lambda: measured(api, "http_server_active_requests") == 1, "the request to arrive")

    api.process.send_signal(signal.SIGTERM)
    until(lambda: not connects(api), "new connections to be refused")
    proxy.serve()
    status, _, text = held.answer()
    code = api.process.wait(PATIENCE)

    held.close()
    again = start("api", **behind).ready()
    assert (status, code) == (201, 0)
    assert again.ask(f"/v1/orders/{json.loads(text)['id']}").status == 200
    assert {"POST /v1/orders", "place order"} <= {span.name for span in collector.spans() if span.trace == held.trace}


def test_an_upload_that_outlasts_the_budget_is_cut_off_and_told(
    start: Start, hold: Callable[[Process], Held], collector: Collector
) -> None:
    budget = 3
    api = start("api", SHUTDOWN_TIMEOUT=f"{budget}s", **PATIENT, **collector.environment).ready()
    held = hold(api)

    began = time.monotonic()
    api.process.send_signal(signal.SIGTERM)
    code, took = ended(api, began)

    assert code == 1
    assert took < budget + LATE
    last = lines(api)[-1]
    assert (last["level"], last["msg"]) == ("ERROR", "Failed to stop api")
    assert "cut off open requests" in last["error"]
    assert collector.holds("logs", "Failed to stop api")
    with pytest.raises((OSError, http.client.HTTPException)):
        held.answer()


def test_a_call_of_the_store_that_outlasts_the_budget_is_ended_and_its_caller_asked_to_come_back(
    start: Start, behind: dict[str, str], proxy: Proxy
) -> None:
    budget = 4
    api = start("api", **behind, **PATIENT, SHUTDOWN_TIMEOUT=f"{budget}s").ready()
    proxy.stall()
    held = Held(api.public, ORDER.encode())
    held.send_rest()
    until(lambda: measured(api, "http_server_active_requests") == 1, "the request to arrive")

    began = time.monotonic()
    api.process.send_signal(signal.SIGTERM)
    status, headers, _ = held.answer()
    answered_after = time.monotonic() - began
    code, took = ended(api, began)

    held.close()
    assert status == 503
    assert answered_after > 0.75 * budget
    assert int(headers["Retry-After"]) >= 1
    assert code == 1
    assert took < budget + LATE
    assert lines(api)[-1]["msg"] == "Failed to stop api"


def ask_until_told_to_leave(process: Process) -> list[int]:
    """Ask again and again over one connection until an answer ends it; give the statuses."""
    host, port = process.public.rsplit(":", 1)
    connection = http.client.HTTPConnection(host, int(port), timeout=PATIENCE)
    statuses = []
    while True:
        connection.request("POST", "/v1/orders", ORDER, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        statuses.append(answer.status)
        answer.read()
        if answer.headers.get("Connection") == "close":
            connection.close()
            return statuses


def test_callers_that_keep_their_connections_lose_no_request_when_an_api_stops(start: Start) -> None:
    callers = 8
    api = start("api", DRAIN_DELAY="1s", RATE_LIMIT_PER_SECOND="0").ready()
    with ThreadPoolExecutor(callers) as pool:
        asking = [pool.submit(ask_until_told_to_leave, api) for _ in range(callers)]
        until(lambda: measured(api, "orders_placed_total") >= 200, "the load")

        code = api.stop()

        statuses = [status for one in asking for status in one.result(PATIENCE)]
    assert code == 0
    assert len(statuses) >= 200
    assert set(statuses) == {201}


@pytest.mark.parametrize(
    ("first", "second"),
    [(signal.SIGTERM, signal.SIGTERM), (signal.SIGINT, signal.SIGINT), (signal.SIGTERM, signal.SIGINT)],
)
def test_a_second_signal_ends_a_process_at_once(
    first: signal.Signals, second: signal.Signals, start: Start, hold: Callable[[Process], Held]
) -> None:
    api = start("api", **PATIENT).ready()
    hold(api)
    api.process.send_signal(first)
    until(lambda: reason(api) == "stopping", "the stop to begin")

    began = time.monotonic()
    api.process.send_signal(second)
    code, took = ended(api, began)

    assert code == 1
    assert took < LATE


@pytest.mark.parametrize("name", ["api", "worker"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_either_signal_stops_a_process(name: str, number: signal.Signals, start: Start) -> None:
    process = start(name, DRAIN_DELAY="0s").ready()

    process.process.send_signal(number)

    assert process.process.wait(PATIENCE) == 0
    messages = [line["msg"] for line in lines(process)]
    assert messages[-2:] == [f"Stopping {name}", f"{name.capitalize()} stopped"]
    assert lines(process)[-2]["cause"] == "signal"


def test_connections_that_nobody_uses_hold_up_no_stop(start: Start) -> None:
    api = start("api").ready()
    host, port = api.public.rsplit(":", 1)
    silent = socket.create_connection((host, int(port)))
    idle = http.client.HTTPConnection(host, int(port))
    idle.request("GET", "/v1/orders")
    idle.getresponse().read()

    began = time.monotonic()
    api.process.send_signal(signal.SIGTERM)
    code, took = ended(api, began)

    silent.close()
    idle.close()
    assert code == 0
    assert took < 10


def test_a_worker_that_is_stopped_in_mid_batch_loses_and_doubles_nothing(
    start: Start, behind: dict[str, str], proxy: Proxy, socket_file: Any
) -> None:
    direct = {**behind, "DATABASE_URL": f"postgres://postgres@/postgres?host={socket_file.parent}"}
    worker = start("worker", **behind, WORKER_POLL_INTERVAL="50ms").ready()
    api = start("api", **direct).ready()
    path = f"/v1/summaries/daily?date={datetime.now(timezone.utc).date().isoformat()}"
    before = json.loads(api.ask(path).text)["orders"]

    statuses = []
    for number in range(40):
        statuses.append(place(api))
        if number == 20:
            proxy.stall()
    worker.process.send_signal(signal.SIGTERM)
    until(lambda: reason(worker) == "stopping", "the stop to begin")
    proxy.serve()
    code = worker.process.wait(PATIENCE)
    start("worker", **behind).ready()
    until(lambda: measured(api, "orders_placed_total") == json.loads(api.ask(path).text)["orders"] - before, "the sum")

    assert set(statuses) == {201}
    assert code == 0
    assert json.loads(api.ask(path).text)["orders"] - before == 40


@pytest.mark.parametrize("name", ["api", "worker"])
def test_a_process_that_waits_for_its_store_is_alive_says_what_it_waits_for_and_can_be_stopped(
    name: str, start: Start
) -> None:
    nowhere = f"postgres://postgres@{free_address()}/postgres?sslmode=disable"
    process = start(name, datastore="postgresql", STORE="postgresql", DATABASE_URL=nowhere)
    until(lambda: process.operate("/livez").status == 200, "life")
    until(lambda: reason(process) == "waiting for store", "the wait")

    probe = start(name, "healthcheck", ADMIN_ADDR=process.admin).process.wait(PATIENCE)
    with suppress(urllib.error.URLError):
        assert process.ask("/v1/orders").status == 0, "requests must wait for the store"
    code = process.stop()

    assert (probe, code) == (0, 0)
    assert [line["msg"] for line in lines(process)][-2:] == [f"Stopping {name}", f"{name.capitalize()} stopped"]
    assert not [line for line in lines(process) if line["level"] == "ERROR"]


def test_a_store_that_comes_late_is_noticed(start: Start, behind: dict[str, str], proxy: Proxy) -> None:
    proxy.refuse()
    api, worker = start("api", **behind), start("worker", **behind)
    for process in (api, worker):
        until(lambda process=process: reason(process) == "waiting for store", "the wait")  # type: ignore[misc]

    proxy.serve()

    assert place(api.ready()) == 201
    assert (worker.ready().stop(), api.stop()) == (0, 0)


def test_a_migration_waits_for_its_store(start: Start, behind: dict[str, str], proxy: Proxy) -> None:
    proxy.refuse()
    migration = start("migrate", "up", **behind)
    until(lambda: "Failed to connect to database" in [line["msg"] for line in lines(migration)], "the wait")

    proxy.serve()
    code = migration.process.wait(PATIENCE)

    assert code == 0
    assert lines(migration)[-1]["msg"] == "Store migrated"


def test_a_migration_whose_store_stays_away_says_so(start: Start, behind: dict[str, str], proxy: Proxy) -> None:
    proxy.refuse()

    migration = start("migrate", "up", **{**behind, "DATABASE_START_TIMEOUT": "1s"})
    code = migration.process.wait(PATIENCE)

    assert code == 1
    assert (lines(migration)[-1]["level"], lines(migration)[-1]["msg"]) == ("ERROR", "Failed to migrate store")
