"""What the tests of the contract share."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Protocol

import pytest

from tests.conftest import Render


class Parts(Protocol):
    """Gives a copy of some files and folders of the default service."""

    def __call__(self, *paths: str) -> Path:
        """Copy them."""


@pytest.fixture
def parts_of(services: Render, tmp_path: Path) -> Parts:
    """Give a function that copies no more of a service than a test changes and a check reads."""

    def copy(*paths: str) -> Path:
        whole, own = services(), tmp_path / "own"
        for path in paths:
            (own / path).parent.mkdir(parents=True, exist_ok=True)
            if (whole / path).is_dir():
                shutil.copytree(whole / path, own / path)
            else:
                shutil.copy2(whole / path, own / path)
        return own

    return copy
