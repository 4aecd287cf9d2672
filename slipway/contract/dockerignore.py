"""What a .dockerignore lets through to the builder."""

from __future__ import annotations

import re
from functools import lru_cache

from slipway.contract.repository import Repository

Rules = list[tuple[re.Pattern[str], bool]]


def context(repository: Repository) -> frozenset[str]:
    """Give the files that .dockerignore lets through to the builder."""
    return _let_through(repository.text(".dockerignore"), frozenset(repository.files))


@lru_cache(maxsize=2)
def _let_through(text: str, files: frozenset[str]) -> frozenset[str]:
    rules = rules_of(text)
    return frozenset(path for path in files if not kept_out(path, rules))


def rules_of(text: str) -> Rules:
    """Give the patterns of a .dockerignore, and whether each keeps out; the last one that matches a path holds."""
    found = []
    for line in (raw.strip() for raw in text.splitlines()):
        if line and not line.startswith("#"):
            pattern = line.removeprefix("!").strip().strip("/").removeprefix("./")
            found.append((re.compile(f"{globbed(pattern)}(?:/|\\Z)"), not line.startswith("!")))
    return found


def kept_out(path: str, rules: Rules) -> bool:
    """Tell whether the rules keep a path out."""
    return next((out for pattern, out in reversed(rules) if pattern.match(path)), False)


def globbed(pattern: str) -> str:
    """Give the regular expression of a pattern as Dockerfiles and .dockerignore have it."""
    text = re.escape(pattern)
    text = text.replace(r"\*\*/", "(?:.*/)?").replace(r"\*\*", ".*").replace(r"\*", "[^/]*").replace(r"\?", "[^/]")
    return re.sub(r"\\\[(.*?)\\\]", lambda found: "[" + found[1].replace("\\-", "-") + "]", text)
