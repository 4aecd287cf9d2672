"""A generated service, built, and a real PostgreSQL beside it."""

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

import pgserver
import pytest

from tests.conftest import Render

PATIENCE = 60.0
needs_go = pytest.mark.skipif(shutil.which("go") is None, reason="Go is not installed: run make setup")


def make(service: Path, *targets: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run make targets in a service, with a temporary folder of its own: golangci-lint locks the shared one."""
    temporary = service.parent / f"{service.name}.tmp"
    temporary.mkdir(exist_ok=True)
    environment["TMPDIR"] = str(temporary)
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
                [service / "build" / name, *words], cwd=service, env=own, stdout=stream, stderr=stream
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


@pytest.fixture(scope="session")
def built(services: Render, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Give a function that renders and builds a service once for each datastore."""
    made: dict[str, Path] = {}

    def build(datastore: str) -> Path:
        if datastore not in made:
            place = tmp_path_factory.mktemp("built") / datastore
            shutil.copytree(services(datastore=datastore), place)
            done = make(place, "build")
            assert done.returncode == 0, done.stdout + done.stderr
            made[datastore] = place
        return made[datastore]

    return build


@pytest.fixture
def start(built: Callable[[str], Path]) -> Iterator[Start]:
    """Give a function that starts a process of a built service; all are ended after the test."""
    started: list[Process] = []

    def begin(name: str, *words: str, datastore: str = "none", **environment: str) -> Process:
        process = Process(built(datastore), name, *words, **environment)
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
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the address of a real PostgreSQL server."""
    with postgresql(tmp_path_factory.mktemp("pg")) as address:
        yield address
