"""The load test of a service, against the service."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.service.conftest import Start

pytestmark = pytest.mark.slow


def load(service: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the load test of a service."""
    return subprocess.run([service / "bin/load", *words], check=False, capture_output=True, text=True)


def test_a_service_holds_a_small_load(start: Start, built: Callable[[str], Path]) -> None:
    api = start("api").ready()

    done = load(built("none"), "-u", f"http://{api.public}", "-r", "40", "-d", "2s", "-w", "25", "-l", "2000")

    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^  201 +20 times$", done.stdout, re.MULTILINE), done.stdout
    assert "0.00 % failed of 80" in done.stdout


def test_a_load_above_the_limit_of_one_client_is_not_held(start: Start, built: Callable[[str], Path]) -> None:
    api = start("api", RATE_LIMIT_PER_SECOND="10", RATE_LIMIT_BURST="10").ready()

    done = load(built("none"), "-u", f"http://{api.public}", "-r", "40", "-d", "2s", "-l", "2000")

    assert done.returncode == 1
    assert re.search(r"^  429 ", done.stdout, re.MULTILINE), done.stdout
    assert "NOT MET: at most 1 % failed" in done.stdout
