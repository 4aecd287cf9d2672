"""Prometheus's own rules engine, as a program that runs unit tests of rules and tells which metrics a query names."""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

import pytest

SOURCES = Path(__file__).parent


@functools.cache
def program() -> Path:
    """Build the program once for each process of the tests and give it, or skip the test by the reason."""
    if shutil.which("go") is None:
        pytest.skip("alerts are not seen firing: Prometheus is written in Go, and Go is not installed: run make setup")
    built = Path(tempfile.mkdtemp(prefix="alerts-")) / "alerts"
    done = subprocess.run(
        ["go", "build", "-o", str(built), "."], cwd=SOURCES, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return built


def names(queries: Iterable[str]) -> set[str]:
    """Give the metrics that queries of Prometheus name; one that does not parse fails the test."""
    lines = "".join(f"{json.dumps(query)}\n" for query in queries)
    done = subprocess.run([program(), "names"], input=lines, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())
