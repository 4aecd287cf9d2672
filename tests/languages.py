"""What the tests know of a language: the program without which nothing of it builds."""

from __future__ import annotations

import os
import shutil

import pytest

from tests.conftest import QUESTIONS

LANGUAGES = QUESTIONS.offered()["language"]
PROGRAMS = {"go": "go"}
needs_go = pytest.mark.skipif(shutil.which("go") is None, reason="Go is not installed: run make setup")


def missing(language: str) -> str | None:
    """Give the program that a language needs and this machine lacks, if there is one."""
    program = PROGRAMS[language]
    return None if shutil.which(program) else program


def known_again() -> dict[str, str]:
    """Give the environment in which what is compiled does not depend on the folder, so that caches know it again."""
    return {"GOFLAGS": f"{os.environ.get('GOFLAGS', '')} -trimpath".strip()}
