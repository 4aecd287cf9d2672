"""The operational contract, from outside: HTTP, environment, signals and exit codes, no word of the language."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.request import Request

import pytest

from tests.service.conftest import Answer, Process, Start, answer_of, until

pytestmark = pytest.mark.slow
JSON = {"Content_Type": "application/json"}
ORDER: dict[str, Any] = {"customer_id": "c-1", "items": [{"sku": "KEEL-1", "quantity": 2, "unit_price_cents": 1250}]}
TODAY = datetime.now(timezone.utc).date().isoformat()


def place(process: Process, order: object = None, **headers: str) -> Answer:
    """Place an order."""
    return process.ask("/v1/orders", json.dumps(order or ORDER).encode(), **JSON, **headers)


@pytest.fixture
def api(start: Start) -> Process:
    """Give an api that runs with nothing set but free ports."""
    return start("api").ready()


def test_an_order_is_placed_read_listed_and_summed(api: Process) -> None:
    placed = place(api)
    order = json.loads(placed.text)

    read = json.loads(api.ask(placed.headers["Location"]).text)
    listed = json.loads(api.ask("/v1/orders?limit=10").text)
    summary = until(
        lambda: (found := json.loads(api.ask(f"/v1/summaries/daily?date={TODAY}").text))["orders"] and found,
        "the summary",
    )

    assert placed.status == 201
    assert set(order) == {"id", "customer_id", "status", "items", "total_cents", "created_at"}
    assert order["total_cents"] == 2500
    assert placed.headers["Location"] == f"/v1/orders/{order['id']}"
    assert read == order
    assert listed["orders"] == [order]
    assert (summary["orders"], summary["revenue_cents"]) == (1, 2500)


TOKENS = {
    "AUTH_MODE": "jwt",
    "AUTH_ISSUER": "https://id.test",
    "AUTH_AUDIENCE": "orders",
    "AUTH_JWKS_URL": "http://127.0.0.1:9/keys",
}


def test_who_shows_no_valid_token_is_refused(start: Start) -> None:
    api = start("api", **TOKENS).ready()
    unsigned = "eyJhbGciOiJub25lIn0.eyJpc3MiOiJodHRwczovL2lkLnRlc3QiLCJhdWQiOiJvcmRlcnMiLCJzdWIiOiJ4In0."

    anonymous, wrong = api.ask("/v1/orders"), api.ask("/v1/orders", Authorization=f"Bearer {unsigned}")
    written = place(api)

    assert (anonymous.status, anonymous.headers["Www-Authenticate"]) == (401, "Bearer")
    assert (wrong.status, wrong.headers["Www-Authenticate"]) == (401, 'Bearer error="invalid_token"')
    assert written.status == 401
    assert json.loads(written.text)["status"] == 401
    assert api.operate("/readyz").status == 200
    api.stop()
    lines = [json.loads(line) for line in api.log.read_text(encoding="utf-8").splitlines()]
    audited = [line for line in lines if line["msg"] == "Write audited"]
    assert [(line["caller"], line["method"], line["status"]) for line in audited] == [("anonymous", "POST", 401)]


def test_the_service_lets_strangers_in_on_a_laptop_alone(start: Start) -> None:
    api = start("api", ENVIRONMENT="staging", ALLOW_MEMORY_STORE="true")

    assert api.process.wait(20) == 2
    assert "AUTH_MODE: off lets anybody in" in api.log.read_text(encoding="utf-8")


def test_a_client_that_asks_too_often_is_told_when_to_come_back(start: Start) -> None:
    api = start("api", RATE_LIMIT_PER_SECOND="1", RATE_LIMIT_BURST="3").ready()

    answers = [api.ask("/v1/orders") for _ in range(10)]

    refused = [answer for answer in answers if answer.status == 429]
    assert [answer.status for answer in answers[:3]] == [200, 200, 200]
    assert len(refused) >= 6
    assert int(refused[0].headers["Retry-After"]) >= 1
    assert refused[0].headers["Content-Type"] == "application/problem+json"
    assert 'http_server_refused_total{reason="rate"}' in api.operate("/metrics").text
    assert api.operate("/readyz").status == 200


def test_a_browser_of_another_origin_is_closed_out_unless_it_is_named(start: Start) -> None:
    shop = "https://shop.example.com"
    closed, opened = start("api").ready(), start("api", CORS_ALLOWED_ORIGINS=shop).ready()

    answers = [
        one.ask("/v1/orders", Origin=origin) for one in (closed, opened) for origin in (shop, "https://evil.test")
    ]

    allowed = [answer.headers.get("Access-Control-Allow-Origin") for answer in answers]
    assert allowed == [None, None, shop, None]


def test_every_answer_has_the_security_headers(api: Process) -> None:
    answers = [api.ask("/v1/orders"), api.ask("/nothing"), place(api), place(api, {"x": 1})]

    for answer in answers:
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "max-age=" in answer.headers["Strict-Transport-Security"]


def test_a_repeated_key_gives_the_same_answer_and_another_body_is_refused(api: Process) -> None:
    first = place(api, Idempotency_Key="k-1")

    again = place(api, Idempotency_Key="k-1")
    other = place(api, {**ORDER, "customer_id": "c-2"}, Idempotency_Key="k-1")

    assert (again.status, again.text) == (first.status, first.text)
    assert other.status == 422
    assert len(json.loads(api.ask("/v1/orders").text)["orders"]) == 1


def test_a_cursor_walks_through_every_order_once(api: Process) -> None:
    ids = {json.loads(place(api).text)["id"] for _ in range(7)}

    seen: list[str] = []
    path = "/v1/orders?limit=3"
    while path:
        page = json.loads(api.ask(path).text)
        seen += [order["id"] for order in page["orders"]]
        path = f"/v1/orders?limit=3&cursor={page['next_cursor']}" if page.get("next_cursor") else ""

    assert sorted(seen) == sorted(ids)


@pytest.mark.parametrize(
    ("path", "data", "headers", "status"),
    [
        ("/v1/orders", b"{", JSON, 400),
        ("/v1/orders", b"", JSON, 400),
        ("/v1/orders", b"[]", JSON, 400),
        ("/v1/orders", json.dumps({**ORDER, "extra": 1}).encode(), JSON, 400),
        ("/v1/orders", json.dumps(ORDER).encode() + b"{}", JSON, 400),
        ("/v1/orders", json.dumps({**ORDER, "customer_id": 7}).encode(), JSON, 400),
        ("/v1/orders", b'{"customer_id":"c","items":[{"sku":"A","quantity":1}]}', JSON, 400),
        ("/v1/orders", b'{"customer_id":"c","items":[{"sku":"A","quantity":1,"unit_price_cents":null}]}', JSON, 400),
        ("/v1/orders", b'{"customer_id":"c","customer_id":"d","items":[]}', JSON, 400),
        ("/v1/orders", b'{"CUSTOMER_ID":"c","items":[]}', JSON, 400),
        ("/v1/orders", json.dumps(ORDER).encode(), {**JSON, "Content_Encoding": "gzip"}, 415),
        ("/v1/orders", json.dumps(ORDER).encode(), {"Content_Type": "application/json; charset=utf-16"}, 415),
        ("/v1/orders?limit=", None, {}, 400),
        ("/v1/orders", json.dumps(ORDER).encode(), {"Content_Type": "text/plain"}, 415),
        ("/v1/orders", b'{"customer_id":"' + b"x" * 2_000_000 + b'"}', JSON, 413),
        ("/v1/orders", json.dumps({"customer_id": "c", "items": []}).encode(), JSON, 422),
        ("/v1/orders?limit=0", None, {}, 400),
        ("/v1/orders?limit=101", None, {}, 400),
        ("/v1/orders?limit=99999999999999999999", None, {}, 400),
        ("/v1/orders?limit=x", None, {}, 400),
        ("/v1/orders?cursor=nonsense", None, {}, 400),
        ("/v1/orders/01890a5d-ac96-774b-bcce-b302099a8057", None, {}, 404),
        ("/v1/summaries/daily", None, {}, 400),
        ("/v1/summaries/daily?date=2026-02-30", None, {}, 400),
        ("/v1/nothing", None, {}, 404),
    ],
)
def test_a_bad_request_is_a_problem_with_its_status(
    path: str, data: bytes | None, headers: dict[str, str], status: int, api: Process
) -> None:
    answer = api.ask(path, data, **headers)

    problem = json.loads(answer.text)

    assert answer.status == status, answer.text
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert problem["status"] == status
    assert problem["title"]
    assert api.process.poll() is None


def test_a_wrong_method_is_405_and_says_which_are_allowed(api: Process) -> None:
    answer = answer_of(Request(f"http://{api.public}/v1/orders", method="DELETE"))

    assert answer.status == 405
    assert "GET" in answer.headers["Allow"]


def test_operators_have_a_port_of_their_own(api: Process) -> None:
    place(api)

    metrics = api.operate("/metrics").text

    assert api.operate("/livez").status == 200
    assert {"service", "version", "revision"} <= set(json.loads(api.operate("/version").text))
    assert "orders_placed_total 1" in metrics
    assert (
        'http_server_request_duration_seconds_count{method="POST",route="/v1/orders",status_class="2xx"} 1' in metrics
    )
    for path in ("/metrics", "/livez", "/readyz", "/version"):
        assert api.ask(path).status == 404


def test_every_log_line_is_json_with_the_fields_of_the_contract(api: Process) -> None:
    place(api)
    api.stop()

    lines = [json.loads(line) for line in api.log.read_text(encoding="utf-8").splitlines()]

    assert all({"time", "level", "msg", "service", "version", "environment"} <= set(line) for line in lines)
    assert all(len(line["msg"]) <= 200 for line in lines)
    assert any("trace_id" in line for line in lines)


def test_a_signal_ends_the_api_cleanly(api: Process) -> None:
    assert api.stop() == 0


def test_every_wrong_variable_is_named_at_once_and_the_exit_code_is_2(start: Start) -> None:
    process = start("api", LOG_LEVEL="loud", DRAIN_DELAY="soon", ENVIRONMENT="moon")

    status = process.process.wait(30)

    said = process.log.read_text(encoding="utf-8")
    assert status == 2
    assert all(name in said for name in ("LOG_LEVEL", "DRAIN_DELAY", "ENVIRONMENT"))


def test_production_refuses_a_store_that_forgets(start: Start) -> None:
    refused = start("api", ENVIRONMENT="production")

    tokens = {**TOKENS, "AUTH_JWKS_URL": "https://127.0.0.1:9/keys"}
    consented = start("api", ENVIRONMENT="production", ALLOW_MEMORY_STORE="true", **tokens).ready()

    assert refused.process.wait(30) == 2
    assert "ALLOW_MEMORY_STORE" in refused.log.read_text(encoding="utf-8")
    assert consented.stop() == 0


def test_a_port_that_is_taken_is_a_failure_that_is_told(start: Start, api: Process) -> None:
    process = start("api", HTTP_ADDR=api.public)

    assert process.process.wait(30) == 1
    assert api.public in process.log.read_text(encoding="utf-8")


def test_the_worker_serves_its_probes_and_stops(start: Start) -> None:
    worker = start("worker").ready()

    assert worker.stop() == 0


def test_the_pipeline_gives_the_same_bytes_twice_with_nothing_set(start: Start, tmp_path: Path) -> None:
    results = []
    for name in ("one", "two"):
        process = start("pipeline", PIPELINE_OUTPUT=str(tmp_path / name))
        assert process.process.wait(60) == 0, process.log.read_text(encoding="utf-8")
        results.append((tmp_path / name / "current" / "daily_summaries.json").read_bytes())

    assert results[0]
    assert results[0] == results[1]


def test_the_probe_of_the_image_tells_alive_from_dead(start: Start, api: Process) -> None:
    alive = start("api", "healthcheck", ADMIN_ADDR=api.admin).process.wait(30)

    dead = start("api", "healthcheck").process.wait(30)

    assert (alive, dead) == (0, 1)


def test_orders_outlive_the_process_and_the_worker_sums_them(start: Start, server: str) -> None:
    settings = {"datastore": "postgresql", "STORE": "postgresql", "DATABASE_URL": server}
    early = start("api", **settings)
    assert early.process.wait(60) == 1, "an api must refuse an empty schema"
    assert start("migrate", "up", **settings).process.wait(60) == 0
    assert start("migrate", "up", **settings).process.wait(60) == 0
    first = start("api", **settings).ready()
    order = json.loads(place(first).text)
    assert first.stop() == 0

    second, worker = start("api", **settings).ready(), start("worker", **settings).ready()
    read = json.loads(second.ask(f"/v1/orders/{order['id']}").text)
    address = f"/v1/summaries/daily?date={order['created_at'][:10]}"
    summary = until(lambda: (found := json.loads(second.ask(address).text))["orders"] and found, "the summary")

    assert read == order
    assert (summary["orders"], summary["revenue_cents"]) == (1, 2500)
    assert (worker.stop(), second.stop()) == (0, 0)
