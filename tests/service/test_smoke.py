"""The smoke test of a service, against the service."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.service.conftest import Start

pytestmark = pytest.mark.slow


def test_the_smoke_test_passes_on_a_service_that_serves(start: Start, built: Callable[[str], Path]) -> None:
    api = start("api").ready()
    script = built("none") / "bin/smoke"

    done = subprocess.run([script, "-u", f"http://{api.public}"], check=False, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 4


def test_the_smoke_test_passes_on_a_service_that_asks_for_tokens(start: Start, built: Callable[[str], Path]) -> None:
    tokens = {"AUTH_ISSUER": "x", "AUTH_AUDIENCE": "x", "AUTH_JWKS_URL": "http://127.0.0.1:9/keys"}
    api = start("api", AUTH_MODE="jwt", **tokens).ready()
    script = built("none") / "bin/smoke"

    done = subprocess.run([script, "-u", f"http://{api.public}"], check=False, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    assert "asks for tokens" in done.stdout
