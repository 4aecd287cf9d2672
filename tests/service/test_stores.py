"""What a store promises, from outside: the binaries, a real database, signals, and a server that goes away."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Protocol

import pgserver
import pytest
from pgserver._commands import pg_ctl  # type: ignore[attr-defined]

from tests.service import mongod
from tests.service.conftest import Process, Start, make, until
from tests.service.orders import listed, migrate, place, summed, write_until

pytestmark = pytest.mark.slow


class Database(Protocol):
    """A server of a test's own, that it may stop and start again, and what tells its migrations apart."""

    settings: dict[str, str]
    guide: str
    contracted: str

    def stop(self) -> None:
        """End the server at once, as a crash would."""

    def start(self) -> None:
        """Start the server again, on the data it had."""

    def remove(self) -> None:
        """End the server for good."""


class PostgreSQL:
    """A PostgreSQL server."""

    guide = r"^```sql\n-- (migrations/\d+_\w+\.sql)\n(.+?)^```"
    contracted = "00103_drop_customer.sql wants a build that knows migration 102, this one knows 3"

    def __init__(self, folder: Path) -> None:
        for part in [folder, *folder.parents]:
            if part.stat().st_uid == os.geteuid() and part != Path("/"):
                part.chmod(part.stat().st_mode | 0o711)
        self.server = pgserver.get_server(  # type: ignore[attr-defined]
            folder, cleanup_mode="delete"
        )
        self.settings = {
            "datastore": "postgresql",
            "STORE": "postgresql",
            "DATABASE_URL": str(self.server.get_uri()),
            "DATABASE_TIMEOUT": "2s",
        }

    def stop(self) -> None:
        """End the server at once, as a crash would."""
        pg_ctl(["-m", "immediate", "-w", "stop"], pgdata=self.server.pgdata, user=self.server.system_user)

    def start(self) -> None:
        """Start the server again, on the data it had."""
        self.server.ensure_postgres_running()

    def remove(self) -> None:
        """End the server for good."""
        self.start()
        self.server.cleanup()


class MongoDB:
    """A MongoDB replica set of one."""

    guide = r"^`(migrations/\d+_\w+\.json)`\n\n```json\n(.+?)^```"
    contracted = "00103_drop_revenue.json wants a build that knows migration 102, this one knows 1"

    def __init__(self, folder: Path) -> None:
        self.server = mongod.Mongod(folder)
        self.server.start()
        self.settings = {
            "datastore": "mongodb",
            "STORE": "mongodb",
            "DATABASE_URL": self.server.url("orders"),
            "DATABASE_TIMEOUT": "2s",
        }

    def stop(self) -> None:
        """End the server at once, as a crash would."""
        self.server.kill()

    def start(self) -> None:
        """Start the server again, on the data it had."""
        self.server.start()

    def remove(self) -> None:
        """End the server for good."""
        self.server.remove()


@pytest.fixture(params=[PostgreSQL, MongoDB], ids=["postgresql", "mongodb"])
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """Give an empty database server."""
    own = request.param(tmp_path_factory.mktemp("db"))
    yield own
    own.remove()


@pytest.fixture
def settings(database: Database, start: Start) -> dict[str, str]:
    """Give the settings of a database that is migrated."""
    migrate(start, database.settings, "up")
    return database.settings


def placed_again(api: Process, key: str) -> str:
    """Repeat an order as a client does that got no answer: again while the answer is 503. Give its id."""
    answer = until(lambda: (given := place(api, key)).status != 503 and given, "an answer to a repeated order")
    assert answer.status == 201, answer.text
    return str(json.loads(answer.text)["id"])


def test_a_kill_in_mid_write_loses_no_accepted_order(start: Start, settings: dict[str, str]) -> None:
    writers = 8
    api, worker = start("api", **settings).ready(), start("worker", **settings).ready()
    stopped = Event()
    with ThreadPoolExecutor(writers) as pool:
        written = [pool.submit(write_until, stopped, api) for _ in range(writers)]
        until(lambda: len(json.loads(api.ask("/v1/orders?limit=100").text)["orders"]) == 100, "a hundred orders")
        api.kill()
        worker.kill()
        stopped.set()
        results = [one.result() for one in written]
    accepted = {key: order for placed, _ in results for key, order in placed.items()}

    api = start("api", **settings).ready()
    start("worker", **settings).ready()
    found = {order["id"] for order in listed(api)}
    repeated = {key: placed_again(api, key) for _, keys in results for key in keys}
    replays = {key: place(api, key) for key in list(accepted)[:20]}
    orders = listed(api)
    until(lambda: summed(api, orders) >= len(orders), "every order in the summaries")

    assert len(accepted) >= 100 - writers
    assert repeated, "no writer was cut off: the kill came too late"
    assert set(accepted.values()) <= found
    assert {answer.headers.get("Idempotency-Replayed") for answer in replays.values()} == {"true"}
    assert {key: json.loads(answer.text)["id"] for key, answer in replays.items()} == {
        key: accepted[key] for key in replays
    }
    assert {order["id"] for order in orders} == {*accepted.values(), *repeated.values()}
    assert len(orders) == len(accepted) + len(repeated) == summed(api, orders)


def test_a_database_that_goes_away_is_503_and_its_return_is_noticed(
    start: Start, database: Database, settings: dict[str, str]
) -> None:
    api, worker = start("api", **settings).ready(), start("worker", **settings).ready()
    first = json.loads(place(api, "k-1").text)["id"]
    paths = [f"/v1/orders/{first}", "/v1/orders", "/v1/summaries/daily?date=2026-11-20"]
    database.stop()

    away = [place(api, "k-2"), *[api.ask(path) for path in paths]]
    probes = (api.operate("/livez").status, api.operate("/readyz").status, worker.operate("/livez").status)
    database.start()
    until(lambda: api.operate("/readyz").status == 200, "readiness after the return")
    second = json.loads(place(api, "k-2").text)["id"]
    repeated = json.loads(place(api, "k-1").text)["id"]
    orders = listed(api)
    until(lambda: summed(api, orders) == 2, "both orders in the summaries")

    for answer in away:
        assert answer.status == 503, answer.text
        assert answer.headers["Content-Type"].startswith("application/problem+json")
        assert int(answer.headers["Retry-After"]) >= 1
        assert not re.search(r"postgres|sql|mongo|server|socket|connect", answer.text, re.IGNORECASE), (
            "it tells of the inside"
        )
    assert probes == (200, 503, 200)
    assert repeated == first
    assert {order["id"] for order in orders} == {first, second}
    assert (worker.stop(), api.stop()) == (0, 0)


def test_processes_that_start_before_their_database_wait_for_it(
    start: Start, database: Database, settings: dict[str, str]
) -> None:
    database.stop()
    api, worker = start("api", **settings), start("worker", **settings)
    for process in (api, worker):
        until(lambda process=process: process.operate("/livez").status == 200, "life")  # type: ignore[misc]
        until(lambda process=process: "retry_in" in process.log.read_text(encoding="utf-8"), "an attempt")  # type: ignore[misc]
        assert process.operate("/readyz").status == 503

    database.start()

    order = place(api.ready())
    worker.ready()
    until(lambda: summed(api, [json.loads(order.text)]) == 1, "the summary")
    assert order.status == 201
    assert (worker.stop(), api.stop()) == (0, 0)


def test_a_process_gives_up_on_a_database_that_stays_away(start: Start, database: Database) -> None:
    database.stop()

    process = start("api", **database.settings, DATABASE_START_TIMEOUT="1s")

    assert process.process.wait(60) == 1
    assert "Failed to start api" in process.log.read_text(encoding="utf-8")


def test_two_migrations_at_once_both_succeed_and_each_step_runs_once(start: Start, database: Database) -> None:
    processes = [start("migrate", "up", **database.settings) for _ in range(4)]

    codes = [process.process.wait(60) for process in processes]

    assert codes == [0, 0, 0, 0], [process.log.read_text(encoding="utf-8") for process in processes]
    assert "applied" in migrate(start, database.settings, "status")


def test_status_says_what_up_would_do_and_changes_nothing(start: Start, database: Database) -> None:
    before = migrate(start, database.settings, "status", 3)
    again = migrate(start, database.settings, "status", 3)
    migrate(start, database.settings, "up")
    after = migrate(start, database.settings, "status")

    assert before == again
    assert re.search(r"^1 +pending +- +00001_orders\.(sql|json)$", before, re.MULTILINE)
    assert re.search(r"^1 +applied +20\d\d-\S+Z +00001_orders\.(sql|json)$", after, re.MULTILINE)


@pytest.mark.parametrize("command", ["down", "seed"])
def test_what_destroys_or_invents_data_is_refused_in_production(
    command: str, start: Start, settings: dict[str, str]
) -> None:
    said = migrate(start, settings, command, 2, ENVIRONMENT="production")

    assert f"{command} is for ENVIRONMENT=local and dev" in said
    assert "applied" in migrate(start, settings, "status")


def test_seeds_are_placed_once_however_often_they_are_asked_for(start: Start, settings: dict[str, str]) -> None:
    said = [migrate(start, settings, "seed") for _ in range(3)]

    orders = listed(start("api", **settings).ready())
    assert ['"placed":3' in said[0], '"placed":0' in said[1], '"placed":0' in said[2]] == [True] * 3
    assert len(orders) == 3


def test_an_empty_schema_is_refused_with_the_way_out(start: Start, database: Database) -> None:
    process = start("worker", **database.settings)

    assert process.process.wait(60) == 1
    said = process.log.read_text(encoding="utf-8")
    assert re.search(r"00001_orders\.(sql|json) is not applied", said)
    assert "make run-migrate" in said


def test_the_worker_forgets_what_has_served_its_time(start: Start, settings: dict[str, str]) -> None:
    api = start("api", **settings, IDEMPOTENCY_TTL="1s").ready()
    worker = start("worker", **settings, STORE_PURGE_INTERVAL="1s").ready()
    first = json.loads(place(api, "k-1").text)["id"]

    until(lambda: '"msg":"Records purged"' in worker.log.read_text(encoding="utf-8"), "the purge")

    second = json.loads(place(api, "k-1").text)["id"]
    assert first != second
    assert len(listed(api)) == 2


def test_the_guide_to_schema_changes_does_what_it_says(
    start: Start, database: Database, settings: dict[str, str], built: Callable[[str], Path], tmp_path: Path
) -> None:
    later = Path(shutil.copytree(built(settings["datastore"]), tmp_path / "later"))
    guide = (later / "docs/how-to/change-the-schema.md").read_text(encoding="utf-8")
    steps = re.findall(database.guide, guide, re.MULTILINE | re.DOTALL)
    environment = {name: value for name, value in settings.items() if name != "datastore"}
    first = start("api", **settings).ready()
    order = json.loads(place(first).text)

    for name, text in steps[:1]:
        (later / name).write_text(text, encoding="utf-8")
    expanded = make(later, "run-migrate", **environment)
    beside = start("api", **settings).ready()
    status = place(first).status, place(beside).status
    worker = start("worker", **settings).ready()
    until(lambda: summed(beside, [order]) == 3, "three orders in the summaries")
    worker.stop()
    read = beside.ask(f"/v1/orders/{order['id']}").status
    for name, text in steps[1:]:
        (later / name).write_text(text, encoding="utf-8")
    contracted = make(later, "run-migrate", **environment)
    behind = start("api", **settings)

    assert len(steps) == 4
    assert expanded.returncode == 0, expanded.stdout + expanded.stderr
    assert status == (201, 201)
    assert read == 200
    assert contracted.returncode == 0, contracted.stdout + contracted.stderr
    assert behind.process.wait(60) == 1
    said = behind.log.read_text(encoding="utf-8")
    assert database.contracted in said
