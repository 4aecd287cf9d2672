"""The template for adoptions: with one release, and with three."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.adopt.hand import Adopting, releases


@pytest.fixture(scope="session")
def adopting(address: str, tmp_path_factory: pytest.TempPathFactory) -> Adopting:
    """Adopt the template in its one release."""
    return Adopting(address, tmp_path_factory.mktemp("engine"))


@pytest.fixture(scope="session")
def three(origin: Path, tmp_path_factory: pytest.TempPathFactory) -> Adopting:
    """Adopt a template of three releases."""
    place = tmp_path_factory.mktemp("three")
    return Adopting(releases(origin, place), place / "engine")
