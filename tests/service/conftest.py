"""A generated service, built by its own make target, and real databases. README.md says what it must keep."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pgserver
import pytest

from tests.conftest import QUESTIONS, Render, once
from tests.languages import LANGUAGES, known_again, missing
from tests.service.collector import Collector
from tests.service.kafka import Broker
from tests.service.mongod import Mongod
from tests.service.proxy import Proxy

PATIENCE = 60.0
BINARIES = "build"
DATASTORES = QUESTIONS.offered()["datastore"]


def make(service: Path, *targets: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run make targets in a service.

    With a temporary folder of its own, for linters may lock the shared one; and so that the caches of compilers know
    the same source again wherever a test has put it.
    """
    temporary = service.parent / f"{service.name}.tmp"
    temporary.mkdir(exist_ok=True)
    environment["TMPDIR"] = str(temporary)
    environment |= known_again()
    return subprocess.run(
        ["make", *targets], cwd=service, check=False, capture_output=True, text=True, env={**os.environ, **environment}
    )


def free_address() -> str:
    """Give a loopback address with a port that is free now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{listener.getsockname()[1]}"


def until(holds: Callable[[], Any], what: str) -> Any:
    """Ask again until something holds, or fail by name."""
    limit = time.monotonic() + PATIENCE
    pause = 0.005
    while time.monotonic() < limit:
        try:
            if found := holds():
                return found
        except OSError:
            pass
        time.sleep(pause)
        pause = min(pause * 2, 0.2)
    pytest.fail(f"{what} did not happen within {PATIENCE:.0f} s")


@dataclass
class Answer:
    """Status, headers and text of an answer."""

    status: int
    headers: dict[str, str]
    text: str


def answer_of(request: urllib.request.Request) -> Answer:
    """Send a request and give the answer, whatever its status."""
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310  -- loopback
            return Answer(answer.status, dict(answer.headers), answer.read().decode())
    except urllib.error.HTTPError as error:
        return Answer(error.code, dict(error.headers), error.read().decode())


class Process:
    """One process of the service, started from its binary."""

    def __init__(self, service: Path, name: str, *words: str, **environment: str) -> None:
        self.public, self.admin = free_address(), free_address()
        self.log = service / f"{name}-{self.public.rsplit(':', 1)[1]}.log"
        own = {"PATH": os.environ["PATH"], "HTTP_ADDR": self.public, "ADMIN_ADDR": self.admin, **environment}
        with self.log.open("wb") as stream:
            self.process = subprocess.Popen(
                [service / BINARIES / name, *words], cwd=service, env=own, stdout=stream, stderr=stream
            )

    def ask(self, path: str, data: bytes | None = None, **headers: str) -> Answer:
        """Send a request and give the answer, whatever its status."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return answer_of(urllib.request.Request(f"http://{self.public}{path}", data=data, headers=named))

    def operate(self, path: str) -> Answer:
        """Ask the admin port."""
        return answer_of(urllib.request.Request(f"http://{self.admin}{path}"))

    def ready(self) -> Process:
        """Wait until the process says that it is ready."""
        until(lambda: self.process.poll() is not None or self.operate("/readyz").status == 200, "readiness")
        assert self.process.poll() is None, self.log.read_text(encoding="utf-8")
        return self

    def stop(self) -> int:
        """Ask the process to stop and give its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)

    def kill(self) -> None:
        """End the process if it still runs."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


Start = Callable[..., Process]


@pytest.fixture(scope="session", params=LANGUAGES)
def language(request: pytest.FixtureRequest) -> str:
    """Give each language that copier.yml offers, where this machine can build it."""
    chosen = str(request.param)
    if program := missing(chosen):
        pytest.skip(f"{program} is not installed: run make setup")
    return chosen


Built = Callable[..., Path]


@pytest.fixture(scope="session")
def built(services: Render, language: str, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Give a function that renders and builds a service once for each datastore and broker."""

    def build(datastore: str, broker: str = "none") -> Path:
        def built_in(place: Path) -> None:
            shutil.copytree(services(language=language, datastore=datastore, broker=broker), place)
            done = make(place, "build")
            assert done.returncode == 0, done.stdout + done.stderr

        return once(tmp_path_factory, f"built-{language}-{datastore}-{broker}", built_in)

    return build


@pytest.fixture
def start(built: Built) -> Iterator[Start]:
    """Give a function that starts a process of a built service; all are ended after the test."""
    started: list[Process] = []

    def begin(name: str, *words: str, datastore: str = "none", broker: str = "none", **environment: str) -> Process:
        process = Process(built(datastore, broker), name, *words, **environment)
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()


@contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    """Run a real PostgreSQL server in a folder and give its address; it listens on a socket file there."""
    for place in [folder, *folder.parents]:
        if place.stat().st_uid == os.geteuid() and place != Path("/"):
            place.chmod(place.stat().st_mode | 0o711)
    database = pgserver.get_server(  # type: ignore[attr-defined]
        folder, cleanup_mode="delete"
    )
    yield str(database.get_uri())
    database.cleanup()


@pytest.fixture(scope="session")
def server_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of the PostgreSQL server that tests share."""
    return tmp_path_factory.mktemp("pg")


@pytest.fixture(scope="session")
def server(server_folder: Path) -> Iterator[str]:
    """Give the address of a real PostgreSQL server."""
    with postgresql(server_folder) as address:
        yield address


@pytest.fixture(scope="module")
def socket_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give the socket file of a PostgreSQL server of the module's own."""
    with postgresql(tmp_path_factory.mktemp("pg")) as address:
        yield Path(parse_qs(urlsplit(address).query)["host"][0]) / ".s.PGSQL.5432"


@pytest.fixture
def proxy(socket_file: Path) -> Iterator[Proxy]:
    """Give a proxy before that server."""
    between = Proxy(socket_file)
    yield between
    between.close()


@pytest.fixture
def behind(proxy: Proxy, start: Start) -> dict[str, str]:
    """Give what a process needs to keep orders behind the proxy; the schema is there."""
    address = f"postgres://postgres@127.0.0.1:{proxy.port}/postgres?sslmode=disable"
    shared = {"datastore": "postgresql", "STORE": "postgresql", "DATABASE_URL": address}
    assert start("migrate", "up", **shared).process.wait(PATIENCE) == 0
    return shared


@pytest.fixture(scope="session")
def replica_set(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the address of a real MongoDB replica set of one."""
    running = Mongod(tmp_path_factory.mktemp("mongod"))
    running.start()
    yield running.url()
    running.remove()


@pytest.fixture
def kafka(tmp_path: Path) -> Iterator[Broker]:
    """Give a broker of the test's own, that does not run yet."""
    made = Broker(tmp_path)
    yield made
    made.kill()


@pytest.fixture
def collector() -> Iterator[Collector]:
    """Give a stand-in for a collector."""
    made = Collector()
    yield made
    made.close()
