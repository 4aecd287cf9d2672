"""A broker for the black-box tests: kfake, which speaks the Kafka protocol, as a program that can be killed."""

from __future__ import annotations

import functools
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

SOURCES = Path(__file__).parent


@functools.cache
def program() -> Path:
    """Build the broker once for each process of the tests and give it, or skip the test by the reason."""
    if shutil.which("go") is None:
        pytest.skip("no broker: it is written in Go, and Go is not installed: run make setup")
    built = Path(tempfile.mkdtemp(prefix="broker-")) / "broker"
    done = subprocess.run(
        ["go", "build", "-o", str(built), "."], cwd=SOURCES, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return built
