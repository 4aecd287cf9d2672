"""What holds a running service knows no language, so that the next one is held to it unchanged."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import QUESTIONS, ROOT, TREE
from tests.languages import PROGRAMS

SUITE = sorted(path for path in (ROOT / "tests/service").iterdir() if path.suffix in {".py", ".md"})
PAGE = ROOT / TREE / "docs/operational-contract.md"
OF_A_LANGUAGE = re.compile(
    r"""\.(?:go|mod|ts|js|jar)\b | \b(?:go|npm|node|uv|pip|cargo)\ (?:build|test|run|mod|vet|tool|install|sync)\b
    | \b(?:golang|golangci|goroutine|needs_go|pgx|pprof|node_modules|package\.json|pyproject)\b
    | \bGO(?:FLAGS|PATH|ROOT|PROXY|CACHE|MODCACHE|GC|MEMLIMIT|MAXPROCS|OS|ARCH)\b
    | \bNODE_[A-Z]+\b | \b(?:cmd|internal|src)/ | \b(?:go|python|nodejs)_[a-z]
    | \b(?:Go|Python|TypeScript|JavaScript|Java|Rust)\b""",
    re.VERBOSE,
)


@pytest.mark.parametrize("path", [*SUITE, PAGE], ids=lambda path: path.name)
def test_neither_the_suite_nor_the_page_names_a_language(path: Path) -> None:
    named = [
        f"{number}: {found[0]}"
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        for found in OF_A_LANGUAGE.finditer(line)
    ]

    assert named == []


@pytest.mark.parametrize(
    "text", ["make(service / 'cmd/api')", "x.go", "GOFLAGS", "run go build", '"go_goroutines"', "a Go binary"]
)
def test_a_word_of_a_language_is_noticed(text: str) -> None:
    assert OF_A_LANGUAGE.search(text)


def test_every_language_says_which_program_builds_it() -> None:
    assert set(PROGRAMS) == set(QUESTIONS.offered()["language"])
