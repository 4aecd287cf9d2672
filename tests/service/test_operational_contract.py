"""The page docs/operational-contract.md, table by table, against the built processes."""

from __future__ import annotations

import json
import re
import signal
import socket
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.request import Request

import pgserver
import pytest
import yaml

from slipway.contract.logs import is_state
from tests.conftest import QUESTIONS
from tests.service.conftest import (
    PATIENCE,
    Answer,
    Built,
    Process,
    Start,
    answer_of,
    make,
    postgresql,
    until,
)
from tests.service.held import Held
from tests.service.issuer import Issuer
from tests.service.kafka import Broker
from tests.service.proxy import Proxy

pytestmark = pytest.mark.slow
ORDER = json.dumps({"customer_id": "c-1", "items": [{"sku": "KEEL-1", "quantity": 2, "unit_price_cents": 1250}]})
JSON = {"Content_Type": "application/json"}
PAGE = "docs/operational-contract.md"
PROCESSES = ("api", "worker", "migrate", "pipeline")


def table(service: Path, heading: str, number: int = 0) -> list[list[str]]:
    """Give the rows of a table under a heading of the page, without backquotes."""
    page = (service / PAGE).read_text(encoding="utf-8")
    section = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    assert section, heading
    bodies = re.findall(r"^\|.*\n\|[ |-]+\n((?:\|.*\n)+)", section[1], re.MULTILINE)
    return [
        [cell.strip().replace("`", "") for cell in line.strip("|").split("|")] for line in bodies[number].splitlines()
    ]


@pytest.fixture
def service(built: Built) -> Path:
    """Give the service that keeps orders in memory."""
    return built("none")


@pytest.fixture
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dict[str, str], Callable[[str], str]]]:
    """Give the settings of an empty PostgreSQL server, and a function that runs SQL there."""
    folder = tmp_path_factory.mktemp("pg")
    with postgresql(folder) as address:
        server = pgserver.get_server(folder)  # type: ignore[attr-defined]
        yield {"datastore": "postgresql", "STORE": "postgresql", "DATABASE_URL": address}, server.psql


def lines(process: Process) -> list[dict[str, Any]]:
    """Give the log."""
    return [json.loads(line) for line in process.log.read_text(encoding="utf-8").splitlines()]


def place(api: Process, body: str = ORDER, **headers: str) -> Answer:
    """Place an order."""
    return api.ask("/v1/orders", body.encode(), **JSON, **headers)


# Exit codes


def stopped(start: Start, name: str) -> int:
    return start(name).ready().stop()


def taken(start: Start, name: str, variable: str) -> int:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        return start(name, **{variable: f"127.0.0.1:{other.getsockname()[1]}"}).process.wait(PATIENCE)


def run(start: Start, name: str, *words: str, **settings: str) -> int:
    return start(name, *words, **settings).process.wait(PATIENCE)


NOWHERE = {"datastore": "postgresql", "STORE": "postgresql", "DATABASE_URL": "postgres://nobody@127.0.0.1:9/none"}
ENDS: dict[tuple[str, str], Callable[[Start, Path], int]] = {
    ("api", "0"): lambda start, _: stopped(start, "api"),
    ("api", "1"): lambda start, _: taken(start, "api", "HTTP_ADDR"),
    ("api", "2"): lambda start, _: run(start, "api", LOG_LEVEL="loud"),
    ("worker", "0"): lambda start, _: stopped(start, "worker"),
    ("worker", "1"): lambda start, _: taken(start, "worker", "ADMIN_ADDR"),
    ("worker", "2"): lambda start, _: run(start, "worker", "faster"),
    ("migrate", "0"): lambda start, _: run(start, "migrate", "up"),
    ("migrate", "1"): lambda start, _: run(start, "migrate", "up", **NOWHERE, DATABASE_START_TIMEOUT="1s"),
    ("migrate", "2"): lambda start, _: run(start, "migrate"),
    ("pipeline", "0"): lambda start, place: run(start, "pipeline", PIPELINE_OUTPUT=str(place / "out")),
    ("pipeline", "1"): lambda start, place: run(
        start, "pipeline", PIPELINE_OUTPUT=str(place / "out"), PIPELINE_INPUT=str(place / "missing")
    ),
    ("pipeline", "2"): lambda start, _: run(start, "pipeline", SHUTDOWN_TIMEOUT="soon"),
}
ELSEWHERE = {("migrate", "3")}


def test_every_exit_code_of_the_page_is_seen_and_no_other(service: Path) -> None:
    told = {(name, code) for name, code, _ in table(service, "Exit codes")}

    assert told == set(ENDS) | ELSEWHERE
    assert {name for name, *_ in table(service, "Processes")} == {name for name, _ in told} == set(PROCESSES)


@pytest.mark.parametrize(("name", "code"), ENDS, ids=" ".join)
def test_a_process_ends_with_the_code_of_the_page(name: str, code: str, start: Start, tmp_path: Path) -> None:
    assert ENDS[name, code](start, tmp_path) == int(code)


def test_what_is_left_to_apply_has_a_code_of_its_own(
    start: Start, database: tuple[dict[str, str], Callable[[str], str]]
) -> None:
    settings, _ = database

    codes = [run(start, "migrate", word, **settings) for word in ("status", "up", "status")]

    assert codes == [3, 0, 0]


@pytest.mark.parametrize("name", PROCESSES)
def test_every_process_tells_its_version_and_whether_another_one_is_alive(name: str, start: Start) -> None:
    version = start(name, "version")

    assert version.process.wait(PATIENCE) == 0
    assert version.log.read_text(encoding="utf-8").split()[1] == name
    assert run(start, name, "healthcheck") == 1


# Ports and endpoints


def listens(address: str) -> bool:
    host, port = address.rsplit(":", 1)
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


def test_each_process_listens_on_the_ports_of_the_page(start: Start, service: Path) -> None:
    api, worker = start("api").ready(), start("worker").ready()

    listening = [listens(one) for one in (api.public, api.admin, worker.public, worker.admin)]

    assert [row[1] for row in table(service, "Ports")] == ["HTTP_ADDR", "ADMIN_ADDR"]
    assert listening == [True, True, False, True]


def test_the_admin_port_has_the_endpoints_of_the_page(start: Start, service: Path) -> None:
    api = start("api").ready()
    told = table(service, "Endpoints")

    for request, statuses, _ in told:
        method, path = request.split()
        answer = answer_of(Request(f"http://{api.admin}{path}", method=method))
        assert str(answer.status) in statuses.split(", "), request
    assert [api.operate(path).status for path in ("/", "/v1/orders", "/healthz", "/metrics/")] == [404] * 4
    assert set(json.loads(api.operate("/version").text)) == {"service", "process", "version", "revision"}


def test_readiness_gives_the_reasons_of_the_page(
    start: Start, service: Path, behind: dict[str, str], proxy: Proxy
) -> None:
    api = start("api", **behind).ready()
    well = json.loads(api.operate("/readyz").text)

    proxy.refuse()
    ill = until(lambda: (found := api.operate("/readyz")).status == 503 and json.loads(found.text), "unreadiness")

    assert well == {"status": "ready", "store": "ok"}
    assert ill == {"status": "not ready", "store": "failing", "reason": "failing: store"}
    told = [reason for reason, *_ in table(service, "Endpoints", 1)]
    assert told == ["starting", "waiting for NAME", "failing: NAMES", "stopping"]


def test_the_public_port_has_the_endpoints_of_the_description_and_no_other(start: Start, service: Path) -> None:
    api = start("api").ready()
    described = yaml.safe_load((service / "api/openapi.yaml").read_text(encoding="utf-8"))["paths"]

    for path, operations in described.items():
        for method in operations:
            url = f"http://{api.public}{re.sub(r'{[^}]+}', 'x', path)}"
            answer_of(Request(url, method=method.upper(), data=b"" if method == "post" else None))
    api.ask("/v1/nothing")

    served = re.findall(r'_count{method="(\w+)",route="([^"]+)"', api.operate("/metrics").text)
    wanted = {(method.upper(), path) for path, operations in described.items() for method in operations}
    assert set(served) == wanted | {("GET", "unmatched")}


# Problems


def overloaded(start: Start) -> Answer:
    api = start("api", HTTP_MAX_IN_FLIGHT="1").ready()
    held = Held(api.public, ORDER.encode())
    until(lambda: "http_server_active_requests 1" in api.operate("/metrics").text, "the request to arrive")
    answer = api.ask("/v1/orders")
    held.close()
    return answer


def too_slow(start: Start) -> Answer:
    api = start("api", HTTP_READ_TIMEOUT="1s", HTTP_READ_HEADER_TIMEOUT="1s").ready()
    held = Held(api.public, ORDER.encode())
    answer = Answer(*held.answer())
    held.close()
    return answer


def hurried(start: Start) -> Answer:
    api = start("api", RATE_LIMIT_PER_SECOND="1", RATE_LIMIT_BURST="1").ready()
    return [api.ask("/v1/orders") for _ in range(3)][-1]


def with_token(start: Start, scope: str | None) -> Answer:
    issuer = Issuer()
    shown = {"Authorization": issuer.token(scope)} if scope else {}
    answer = place(start("api", **issuer.environment).ready(), **shown)
    issuer.close()
    return answer


def unsupported(start: Start) -> Answer:
    return start("api").ready().ask("/v1/orders", b"x", Content_Type="text/plain")


def wrong_method(start: Start) -> Answer:
    return answer_of(Request(f"http://{start('api').ready().public}/v1/orders", method="DELETE"))


PROBLEMS: dict[str, Callable[[Start], Answer]] = {
    "400": lambda start: place(start("api").ready(), "{"),
    "401": lambda start: with_token(start, None),
    "403": lambda start: with_token(start, "orders:read"),
    "404": lambda start: start("api").ready().ask("/v1/nothing"),
    "405": wrong_method,
    "408": too_slow,
    "413": lambda start: place(start("api", HTTP_MAX_BODY_BYTES="9").ready()),
    "415": unsupported,
    "422": lambda start: place(start("api").ready(), '{"customer_id":"c-1","items":[]}'),
    "429": hurried,
    "503": overloaded,
}


@pytest.mark.parametrize("status", PROBLEMS)
def test_a_problem_is_what_the_page_says(status: str, start: Start, service: Path) -> None:
    title, _, header, _ = next(rest for told, *rest in table(service, "Problems") if told == status)

    answer = PROBLEMS[status](start)

    problem = json.loads(answer.text)
    named = {name.lower(): value for name, value in answer.headers.items()}
    assert answer.status == int(status)
    assert named["content-type"] == "application/problem+json"
    assert (problem["type"], problem["title"], problem["status"]) == ("about:blank", title, int(status))
    assert set(problem) <= {"type", "title", "status", "detail", "errors"}
    assert bool(header) == any(name in named for name in ("www-authenticate", "allow", "retry-after"))
    assert not header or named[header.lower()]


def test_a_fault_of_the_service_is_a_500_that_the_log_knows_by_its_trace(
    start: Start, service: Path, database: tuple[dict[str, str], Callable[[str], str]]
) -> None:
    settings, sql = database
    assert run(start, "migrate", "up", **settings) == 0
    api = start("api", **settings).ready()
    sql("DROP TABLE daily_summaries;")
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"

    answer = api.ask("/v1/summaries/daily?date=2026-11-21", traceparent=f"00-{trace}-00f067aa0ba902b7-01")

    title = next(rest[0] for told, *rest in table(service, "Problems") if told == "500")
    assert (answer.status, json.loads(answer.text)["title"]) == (500, title)
    assert "daily_summaries" not in answer.text
    told = [line for line in lines(api) if line["msg"] == "Failed to serve request"]
    assert [(line["level"], line["trace_id"]) for line in told] == [("ERROR", trace)]


def test_the_page_explains_every_status_that_the_description_names(service: Path) -> None:
    described = yaml.safe_load((service / "api/openapi.yaml").read_text(encoding="utf-8"))["paths"]
    named = {
        status
        for operations in described.values()
        for operation in operations.values()
        for status in operation["responses"]
        if int(status) >= 400
    }

    told = {status for status, *_ in table(service, "Problems")}

    assert told == set(PROBLEMS) | {"500"}
    assert told == named | {"405"}


def test_oversized_headers_are_refused_before_they_are_a_request(start: Start) -> None:
    api = start("api").ready()

    small, large = api.ask("/v1/orders", X="a" * 30_000), api.ask("/v1/orders", X="a" * 40_000)

    assert (small.status, large.status) == (200, 431)
    assert large.headers["Content-Type"].startswith("text/plain")


# Variables


def test_values_are_written_as_the_page_says(start: Start) -> None:
    api = start(
        "api",
        DRAIN_DELAY="250ms",
        IDEMPOTENCY_TTL="1m30s",
        HTTP_TRUSTED_PROXIES="10.0.0.0/8, 192.168.0.0/16",
        HTTP_MAX_IN_FLIGHT="",
        NOBODY_READS_THIS="1",
    )

    assert api.ready().stop() == 0


@pytest.mark.parametrize("name", PROCESSES)
def test_everything_that_is_wrong_is_told_at_once_in_one_line(name: str, start: Start) -> None:
    wrong = {
        "DRAIN_DELAY": "5",
        "SHUTDOWN_TIMEOUT": "-1s",
        "HTTP_MAX_IN_FLIGHT": "many",
        "ALLOW_MEMORY_STORE": "yes",
        "ADMIN_ADDR": "9090",
        "OTEL_TRACES_SAMPLER_ARG": "2",
    }
    process = start(name, *(["up"] if name == "migrate" else []), **wrong)

    assert process.process.wait(PATIENCE) == 2
    (line,) = lines(process)
    assert (line["level"], line["msg"]) == ("ERROR", "Failed to load configuration")
    assert set(wrong) <= {told.split(": ")[0] for told in line["errors"]}
    assert all(re.fullmatch(r"[A-Z_]+: .+", told) for told in line["errors"])


def test_a_secret_that_is_wrong_is_not_told(start: Start) -> None:
    broken = "postgres://user:hunter2@[::1/name"
    process = start("api", datastore="postgresql", STORE="postgresql", DATABASE_URL=broken)

    assert process.process.wait(PATIENCE) in {1, 2}
    assert "hunter2" not in process.log.read_text(encoding="utf-8")


# Log


@pytest.fixture
def logged(start: Start, tmp_path: Path) -> list[dict[str, Any]]:
    """Give what every process says at its most talkative, over good and bad requests."""
    talkative = {"LOG_LEVEL": "debug"}
    api = start("api", **talkative, DRAIN_DELAY="10ms").ready()
    place(api)
    place(api, "{")
    api.ask("/v1/nothing")
    until(lambda: any(line["msg"] == "Orders projected" for line in lines(api)), "the projection")
    worker = start("worker", **talkative).ready()
    migrate = start("migrate", "up", **talkative)
    pipeline = start("pipeline", PIPELINE_OUTPUT=str(tmp_path / "out"), **talkative)
    codes = [api.stop(), worker.stop(), migrate.process.wait(PATIENCE), pipeline.process.wait(PATIENCE)]
    assert codes == [0, 0, 0, 0]
    return [line for process in (api, worker, migrate, pipeline) for line in lines(process)]


def test_every_line_of_the_log_has_the_fields_of_the_page(logged: list[dict[str, Any]], service: Path) -> None:
    told = table(service, "Log")
    always = {field for field, where, _ in told if where in {"every line", "once variables are read"}}
    traced = {field for field, where, _ in told if "trace_id" in where or "of a request" in where}

    assert always == {"time", "level", "msg", "service", "process", "version", "environment"}
    assert traced == {"trace_id", "span_id"}
    assert {line["process"] for line in logged} == set(PROCESSES)
    for line in logged:
        assert always <= set(line), line
        assert traced <= set(line), line
        assert line["level"] in {"DEBUG", "INFO", "WARN", "ERROR"}
        assert datetime.fromisoformat(re.sub(r"(\.\d{6})\d*Z$", r"\1+00:00", line["time"])).utcoffset() == timedelta(0)
        assert isinstance(line.get("error", ""), str)
        assert isinstance(line.get("duration_ms", 0), int)


def test_every_message_has_a_form_of_the_page_and_what_begins_also_ends(
    logged: list[dict[str, Any]], service: Path
) -> None:
    messages = {line["msg"] for line in logged}
    examples = [example for _, example, _ in table(service, "Log", 1)]

    assert [message for message in messages | set(examples) if not is_state(message)] == []
    assert max(map(len, messages)) <= 200
    assert set(examples[:2]) <= messages


def test_a_write_leaves_the_fields_that_the_page_names(logged: list[dict[str, Any]]) -> None:
    audited = [line for line in logged if line["msg"] == "Write audited"]

    assert [line["status"] for line in audited] == [201, 400]
    assert all({"caller", "method", "path", "status", "resource"} <= set(line) for line in audited)


# Metrics


def registered(service: Path) -> tuple[dict[str, dict[str, Any]], tuple[str, ...]]:
    """Give the metrics that the files in telemetry/ list, by their Prometheus name, and the prefixes of the others."""
    files = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in (service / "telemetry").glob("*.yaml")]
    prefixes = [prefix for content in files for prefix in content.get("runtime_prefixes", [])]
    return {metric["prometheus"]: metric for content in files for metric in content.get("metrics", [])}, tuple(prefixes)


def served(process: Process, apart: tuple[str, ...]) -> tuple[dict[str, str], dict[str, set[str]]]:
    """Give the types and the labels of the metrics that a process serves, those of runtime and process left out."""
    text = process.operate("/metrics").text
    types = dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE))
    kept = {name: kind for name, kind in types.items() if not name.startswith(apart)}
    labels: dict[str, set[str]] = {name: set() for name in kept}
    for sample, found in re.findall(r"^(\w+)\{([^}]*(?:\{[^}]*\}[^}]*)*)\} ", text, re.MULTILINE):
        name = sample if sample in kept else re.sub(r"_(bucket|sum|count)$", "", sample)
        if name in kept:
            labels[name] |= set(re.findall(r'(\w+)="', found)) - {"le"}
    return kept, labels


def assert_registered(service: Path, *processes: Process) -> None:
    known, apart = registered(service)
    found = [served(process, apart) for process in processes]

    assert {name for types, _ in found for name in types} == set(known)
    for types, labels in found:
        for name, kind in types.items():
            assert kind == known[name]["type"], name
            assert labels[name] <= set(known[name]["labels"]), name


def test_the_metrics_served_are_those_of_the_registry(start: Start, service: Path) -> None:
    api = start("api", RATE_LIMIT_PER_SECOND="1", RATE_LIMIT_BURST="1").ready()
    place(api)
    place(api)
    until(lambda: 'projection_events_total{result="applied"} 1' in api.operate("/metrics").text, "the projection")

    assert_registered(service, api)


@pytest.mark.parametrize("broker", QUESTIONS.offered()["broker"])
def test_the_metrics_of_what_a_service_depends_on_are_those_of_the_registry(
    broker: str, start: Start, built: Built, behind: dict[str, str], proxy: Proxy, *, kafka: Broker
) -> None:
    settings = behind | {"broker": broker}
    if broker == "kafka":
        settings |= kafka.start().environment
        assert run(start, "migrate", "up", **settings) == 0
    worker = start("worker", **settings).ready()
    api = start(
        "api", **settings, RESILIENCE_BREAKER_CALLS="2", RESILIENCE_TIMEOUT="100ms", REQUEST_TIMEOUT="5s"
    ).ready()
    place(api)
    until(lambda: 'projection_events_total{result="applied"} 1' in worker.operate("/metrics").text, "the projection")
    until(lambda: "outbox_pending 0" in worker.operate("/metrics").text, "an empty outbox")
    proxy.stall()
    opened = 'resilience_breaker_state{dependency="store"} 2'
    until(lambda: api.ask("/v1/orders").status == 503 and opened in api.operate("/metrics").text, "the breaker")

    assert_registered(built("postgresql", broker), api, worker)


# Make

RECOVERY = ["backup", "restore", "drill"]  # told below the table, for they come with a datastore


def test_make_offers_the_targets_of_the_page(built: Built) -> None:
    for datastore in ("none", "postgresql"):
        place = built(datastore)
        offered = re.findall(r"^  ([a-z][a-z0-9-]*) +\S", make(place, "help").stdout, re.MULTILINE)
        recovery = [target for target in offered if target in RECOVERY]
        told = [target for target, _ in table(place, "Make targets")]
        assert told == [target for target in offered if target not in RECOVERY]
        assert recovery == ([] if datastore == "none" else RECOVERY)


def test_a_signal_breaks_off_what_runs_to_its_end(start: Start) -> None:
    silent = socket.create_server(("127.0.0.1", 0))
    address = f"postgres://nobody@127.0.0.1:{silent.getsockname()[1]}/none"
    migrate = start("migrate", "up", datastore="postgresql", STORE="postgresql", DATABASE_URL=address)
    connection, _ = silent.accept()

    migrate.process.send_signal(signal.SIGTERM)
    code = migrate.process.wait(PATIENCE)

    connection.close()
    silent.close()
    assert code == 1
    assert lines(migrate)[-1]["msg"] == "Failed to migrate store"
