"""The image is built by its own Dockerfile, step by step, and runs as it does in a cluster."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest

from tests.conftest import Answers, Render
from tests.generated import stages

ARGUMENTS = {"VERSION": "1.2.3", "REVISION": "abc"}
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(stages.missing()), reason=f"the steps of the Dockerfile cannot run: {stages.missing()}"),
]


def caches(place: Path, *names: str) -> Path:
    """Give a folder of caches; those with a name (modules, build) are this machine's, the others are empty."""
    place.mkdir()
    for name in names:
        asked = ["go", "env", {"modules": "GOMODCACHE", "build": "GOCACHE"}[name]]
        found = Path(subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip())
        found.mkdir(parents=True, exist_ok=True)
        (place / f"orders-service-{name}").symlink_to(found)
    return place


def free_address() -> str:
    """Give an address that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{one.getsockname()[1]}"


def digest(image: stages.Image) -> str:
    """Give a short form of what an image holds."""
    return hashlib.sha256(stages.fingerprint(image).encode()).hexdigest()


@pytest.mark.parametrize("answers", [{}, {"datastore": "none", "broker": "none"}], ids=["default", "nothing to run"])
def test_the_image_runs_read_only_as_nobody_and_answers_its_own_probe(
    answers: Answers, services: Render, tmp_path: Path
) -> None:
    image = stages.build(
        services(answers), tmp_path / "one", caches(tmp_path / "caches", "modules", "build"), ARGUMENTS
    )
    admin = free_address()
    environment = {"HTTP_ADDR": free_address(), "ADMIN_ADDR": admin, "PATH": os.environ["PATH"]}

    with subprocess.Popen(image.command(image.entrypoint), env=environment) as process:
        try:
            asked = image.command(image.probe)
            until = time.monotonic() + 30
            while subprocess.run(asked, check=False, capture_output=True, env=environment).returncode:
                assert process.poll() is None
                assert time.monotonic() < until
            with urllib.request.urlopen(f"http://{admin}/livez", timeout=5) as answer:
                alive = answer.status
            status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
            mounts = Path(f"/proc/{process.pid}/mountinfo").read_text(encoding="utf-8")
        finally:
            process.send_signal(signal.SIGTERM)
        code = process.wait(timeout=60)

    root = next(line.split() for line in mounts.splitlines() if line.split()[4] == "/")
    uid = next(line.split()[1] for line in status.splitlines() if line.startswith("Uid:"))
    assert (alive, code) == (200, 0)
    assert root[5].split(",")[0] == "ro"
    assert uid == "65532" or os.geteuid() != 0
    assert sorted(path.name for path in (image.root / "app").iterdir()) == sorted(
        path.name for path in (services(answers) / "cmd").iterdir()
    )
    assert not list(image.root.glob("**/sh"))


def test_the_same_commit_gives_the_same_bytes_wherever_and_whenever_it_is_built(
    services: Render, tmp_path: Path
) -> None:
    service = services()
    later = Path(shutil.copytree(service, tmp_path / "elsewhere" / "checkout"))
    for path in later.rglob("*"):
        os.utime(path, (0, 0))

    warm, cold = caches(tmp_path / "warm", "modules", "build"), caches(tmp_path / "cold", "modules")

    first = stages.build(service, tmp_path / "one", warm, ARGUMENTS)
    second = stages.build(later, tmp_path / "a" / "longer" / "place", cold, ARGUMENTS)
    other = stages.build(service, tmp_path / "other", warm, {**ARGUMENTS, "REVISION": "def"})

    assert digest(first) == digest(second)
    assert digest(first) != digest(other)
