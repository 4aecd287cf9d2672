"""Data files parse, and say each thing once."""

from __future__ import annotations

import importlib
from collections.abc import Iterator

from slipway.contract.registry import check
from slipway.contract.repository import Repository


@check(
    "DAT001",
    "every YAML file parses, without duplicate keys",
    why="A broken file stops a deploy, and of two equal keys the parser silently keeps one (YAML 1.2.2, 3.2.1.3).",
    fix="Mend the line that the message names; of a duplicate key remove one.",
)
def yaml_files(repository: Repository) -> Iterator[tuple[str, int, str]]:
    """Yield YAML files that do not parse."""
    for path in repository.matching(r".*\.ya?ml$"):
        repository.documents(path)
        if path in repository.broken:
            yield path, 0, repository.broken[path]


@check(
    "DAT002",
    "every JSON file parses, without duplicate keys",
    why="Readers of JSON differ in which of two equal keys they keep (RFC 8259, section 4).",
    fix="Mend the place that the message names; of a duplicate key remove one.",
)
def json_files(repository: Repository) -> Iterator[tuple[str, int, str]]:
    """Yield JSON files that do not parse."""
    for path in repository.matching(r".*\.json$"):
        try:
            repository.json(path)
        except ValueError as error:
            yield path, getattr(error, "lineno", 0), str(error)


@check(
    "DAT003",
    "every TOML file parses",
    why="A tool that cannot read its configuration stops, or runs with other rules than you think.",
    fix="Mend the place that the message names.",
)
def toml_files(repository: Repository) -> Iterator[tuple[str, int, str]]:
    """Yield TOML files that do not parse; Python before 3.11 has no parser for them."""
    paths = list(repository.matching(r".*\.toml$"))
    try:
        tomllib = importlib.import_module("tomllib") if paths else None
    except ModuleNotFoundError:
        return
    for path in paths:
        try:
            tomllib.loads(repository.text(path))  # type: ignore[union-attr]
        except ValueError as error:
            yield path, 0, str(error)
