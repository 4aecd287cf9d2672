"""Environment variables: code, example, manifests and documentation name the same ones."""

from __future__ import annotations

import re
from collections.abc import Iterator

from slipway.contract.compose import settings
from slipway.contract.kubernetes import containers
from slipway.contract.registry import check
from slipway.contract.repository import Repository

EXAMPLE = ".env.example"
EXAMPLES = r"\.env(?:\.[a-z0-9-]+)?\.example$"
DOCUMENT = "docs/configuration.md"
DOCUMENTS = r"docs/configuration(?:-[a-z0-9-]+)?\.md$"
CODE = r"internal/platform/config/.*(?<!_test)\.go$"
VARIABLE = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*")
RUNTIME = frozenset({"GOMAXPROCS", "GOMEMLIMIT", "TZ"})
AGENT = re.compile(r"(?:DD|OTEL)_[A-Z_]+")


def in_examples(repository: Repository) -> dict[str, tuple[str, int]]:
    """Give each variable of .env.example and .env.*.example with its file and line, set or commented out."""
    found: dict[str, tuple[str, int]] = {}
    for path in repository.matching(EXAMPLES):
        for number, line in repository.lines(path):
            if match := re.match(r"#?\s?([A-Z][A-Z0-9_]*)=", line):
                found[match[1]] = path, number
    return found


def in_documents(repository: Repository) -> dict[str, str]:
    """Give each variable that docs/configuration.md and docs/configuration-*.md describe, with the file."""
    found: dict[str, str] = {}
    for path in repository.matching(DOCUMENTS):
        for name in re.findall(r"^\| `([A-Z][A-Z0-9_]*)`", repository.text(path), re.MULTILINE):
            found[name] = path
    return found


def in_code(repository: Repository) -> dict[str, str]:
    """Give each variable that the configuration package reads, with its file."""
    found: dict[str, str] = {}
    for path in repository.matching(CODE):
        for name in re.findall(r'"([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|STORE|BROKER|ENVIRONMENT)"', repository.text(path)):
            found.setdefault(name, path)
    return found


def in_manifests(repository: Repository) -> dict[str, str]:
    """Give each variable that manifests set, with the file."""
    found: dict[str, str] = {}
    for path, _, container, _ in containers(repository):
        for variable in container.get("env") or []:
            found.setdefault(str(variable.get("name")), path)
    for path, content in repository.kustomizations.items():
        for generator in content.get("configMapGenerator") or []:
            for literal in generator.get("literals") or []:
                name = str(literal).split("=")[0]
                if VARIABLE.fullmatch(name):
                    found.setdefault(name, path)
    return found


@check(
    "ENV001",
    "every variable that the code reads is in .env.example",
    why="A variable that only the code knows is set by nobody (rows A18, A19).",
    fix="Add it to .env.example with its default, or stop reading it.",
)
def example_is_whole(repository: Repository) -> Iterator[tuple[str, int, str]]:
    """Yield variables of the code that the example lacks."""
    known = in_examples(repository)
    for name, path in in_code(repository).items():
        if name not in known:
            yield path, 0, f"{name} is read and not in {EXAMPLE}"


@check(
    "ENV002",
    "every variable in .env.example is read",
    why="A variable that nothing reads misleads whoever sets it at night.",
    fix="Remove it from .env.example, or read it.",
)
def example_is_read(repository: Repository) -> Iterator[tuple[str, int, str]]:
    """Yield variables of the example that the code does not read."""
    read = in_code(repository)
    for name, (path, line) in in_examples(repository).items():
        if read and name not in read and not AGENT.fullmatch(name):
            yield path, line, f"{name} is read by nothing in the configuration package"


@check(
    "ENV003",
    "every variable is documented",
    why="Who runs the service reads the documentation, not the code (row A19).",
    fix=f"Describe it in the table of {DOCUMENT}.",
)
def documented(repository: Repository) -> Iterator[tuple[str, int, str]]:
    """Yield variables of the example that the documentation lacks, and the other way round."""
    if DOCUMENT not in repository.files:
        return
    known = in_examples(repository)
    told = in_documents(repository)
    for name, (path, line) in known.items():
        if name not in told:
            yield path, line, f"{name} is not in {DOCUMENT}"
    for name, path in told.items():
        if name not in known:
            yield path, 0, f"{name} is documented and not in {EXAMPLE}"


@check(
    "ENV004",
    "manifests and compose set only variables that the service reads",
    why="A setting that nothing reads looks like a control and is none.",
    fix="Correct the name, or take the variable out.",
)
def manifests_are_read(repository: Repository) -> Iterator[tuple[str, int, str]]:
    """Yield variables in manifests, and in the files of compose, that the service does not know."""
    known = in_examples(repository)
    for name, path in in_manifests(repository).items():
        if known and name not in known and name not in RUNTIME and not AGENT.fullmatch(name):
            yield path, 0, f"{name} is set and not in {EXAMPLE}"
    for path, number, name, _ in settings(repository):
        if known and name not in known and name not in RUNTIME and not AGENT.fullmatch(name):
            yield path, number, f"{name} is set and not in {EXAMPLE}"
