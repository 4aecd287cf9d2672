"""What the caller sees when the store is slow, away or failing, from outside."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.service.conftest import Answer, Process, Start, until
from tests.service.proxy import Proxy

pytestmark = pytest.mark.slow
REQUEST_TIMEOUT = 2.0
TUNED = {
    "REQUEST_TIMEOUT": "2s",
    "RESILIENCE_TIMEOUT": "300ms",
    "RESILIENCE_ATTEMPTS": "3",
    "RESILIENCE_BREAKER_CALLS": "6",
    "RESILIENCE_BREAKER_DELAY": "1s",
}
ORDER = json.dumps({"customer_id": "c-1", "items": [{"sku": "KEEL-1", "quantity": 2, "unit_price_cents": 1250}]})


@pytest.fixture
def settings(behind: dict[str, str]) -> dict[str, str]:
    """Give what a process needs to keep orders behind the proxy, and to give up soon."""
    return {**behind, **TUNED}


def place(process: Process, **headers: str) -> Answer:
    """Place an order."""
    return process.ask("/v1/orders", ORDER.encode(), Content_Type="application/json", **headers)


def measured(process: Process, series: str) -> float:
    """Read one series of the metrics."""
    found = re.search(rf"^{re.escape(series)} (\S+)$", process.operate("/metrics").text, re.MULTILINE)
    assert found, series
    return float(found[1])


def breaker(process: Process) -> float:
    """Read the state of the breaker before the store: 0 closed, 1 half-open, 2 open."""
    return measured(process, 'resilience_breaker_state{dependency="store"}')


def refused(answer: Answer) -> bool:
    """Tell whether an answer is the problem that says when to come again."""
    return (
        answer.status == 503
        and answer.headers["Content-Type"] == "application/problem+json"
        and int(answer.headers["Retry-After"]) >= 1
    )


def messages(process: Process) -> list[str]:
    """Give the messages of the log."""
    return [json.loads(line)["msg"] for line in process.log.read_text(encoding="utf-8").splitlines()]


def test_a_store_that_stalls_is_a_503_in_time_and_the_breaker_opens_and_closes(
    start: Start, settings: dict[str, str], proxy: Proxy
) -> None:
    api = start("api", **settings).ready()
    order = place(api).headers["Location"]

    proxy.stall()
    began = time.monotonic()
    stalled = api.ask(order)
    took = time.monotonic() - began
    until(lambda: refused(api.ask(order)) and breaker(api) == 2, "the breaker to open")
    began = time.monotonic()
    open_now = place(api, Idempotency_Key="during-the-stall")
    at_once = time.monotonic() - began
    unready, alive = api.operate("/readyz").status, api.operate("/livez").status
    proxy.serve()
    until(lambda: api.ask(order).status == 200 and breaker(api) == 0, "the breaker to close")
    again = place(api, Idempotency_Key="during-the-stall")

    assert refused(stalled)
    assert took < REQUEST_TIMEOUT
    assert refused(open_now)
    assert at_once < 0.3
    assert (unready, alive) == (503, 200)
    assert again.status == 201
    assert "Idempotency-Replayed" not in again.headers
    assert measured(api, 'resilience_attempts_total{dependency="store",result="timeout"}') >= 3
    assert measured(api, 'resilience_retries_total{dependency="store"}') >= 2
    assert measured(api, 'resilience_refusals_total{dependency="store",result="open"}') >= 1
    assert {"Breaker opened", "Breaker half-opened", "Breaker closed"} <= set(messages(api))
    assert api.stop() == 0


def test_a_store_that_is_away_is_a_503_and_no_fault_of_the_caller(
    start: Start, settings: dict[str, str], proxy: Proxy
) -> None:
    api = start("api", **settings).ready()

    proxy.refuse()
    answers = [place(api), place(api, Idempotency_Key="away"), api.ask("/v1/orders")]
    proxy.serve()
    back = until(lambda: (found := place(api, Idempotency_Key="away")).status == 201 and found, "the store to be back")

    assert all(refused(answer) for answer in answers), answers
    assert "127.0.0.1" not in "".join(answer.text for answer in answers)
    assert json.loads(back.text)["total_cents"] == 2500


def test_a_drill_makes_the_store_fail_and_retries_hide_it(start: Start, settings: dict[str, str]) -> None:
    api = start("api", **settings, FAULT_FAILURES="20", RESILIENCE_BREAKER_FAILURES="100").ready()

    answers = [api.ask("/v1/orders?limit=1").status for _ in range(60)]

    assert answers.count(200) >= 50
    assert measured(api, 'resilience_retries_total{dependency="store"}') >= 1
    assert "Fault injection enabled" in messages(api)


def test_the_drill_of_the_service_shows_the_breaker(built: Callable[[str], Path], settings: dict[str, str]) -> None:
    script = built("postgresql") / "bin/fault-drill"
    environment = {"PATH": os.environ["PATH"], **settings}

    done = subprocess.run(
        [script, "-f", "100", "-n", "40"], check=False, capture_output=True, text=True, env=environment
    )

    assert done.returncode == 0, done.stderr
    assert re.search(r"503 +40 times", done.stdout)
    assert 'resilience_breaker_state{dependency="store"} 2' in done.stdout
    assert "Breaker opened" in done.stdout


def test_production_refuses_a_drill(start: Start, settings: dict[str, str]) -> None:
    api = start("api", **settings, FAULT_FAILURES="20", ENVIRONMENT="production")

    assert api.process.wait(30) == 2
    assert "FAULT_FAILURES" in api.log.read_text(encoding="utf-8")
