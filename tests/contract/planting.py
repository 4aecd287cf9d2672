"""Planting: how a test breaks one rule in a copy of a service."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import pytest
import yaml

from slipway.contract.kubernetes import objects
from slipway.contract.repository import Repository

Change = Callable[[Path], None]
Step = Callable[[Any], None]


class Named(Protocol):
    """What has the id of a check and a word that tells it from others of it."""

    @property
    def check(self) -> str: ...
    @property
    def word(self) -> str: ...


D = TypeVar("D", bound=Named)


@dataclass(frozen=True)
class Defect:
    """A change that breaks one rule, where the finding must point, and a word it must hold."""

    check: str
    change: Change
    path: str
    word: str


def one_each(defects: Iterable[D]) -> list[Any]:
    """Give defects as cases of a test: the first of each check is fast, the others are slow."""
    seen: set[str] = set()
    found = []
    for one in defects:
        found.append(
            pytest.param(one, id=f"{one.check}-{one.word}", marks=pytest.mark.slow if one.check in seen else ())
        )
        seen.add(one.check)
    return found


def replace(path: str, pattern: str, text: str) -> Change:
    """Replace the first match of a pattern; it must be there."""

    def change(root: Path) -> None:
        before = (root / path).read_text(encoding="utf-8")
        after, count = re.subn(pattern, lambda _: text, before, count=1, flags=re.MULTILINE)
        assert count == 1, f"{path} has no {pattern}"
        (root / path).write_text(after, encoding="utf-8")

    return change


def write(path: str, data: str | bytes, mode: int = 0o644) -> Change:
    """Write a file."""

    def change(root: Path) -> None:
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data.encode() if isinstance(data, str) else data)
        place.chmod(mode)

    return change


def add(path: str, text: str) -> Change:
    """Add text at the end of a file."""

    def change(root: Path) -> None:
        with (root / path).open("a", encoding="utf-8") as stream:
            stream.write(text)

    return change


def remove(path: str) -> Change:
    """Remove a file."""
    return lambda root: (root / path).unlink()


def rename(path: str, name: str) -> Change:
    """Give a file another name in its folder."""

    def change(root: Path) -> None:
        (root / path).rename((root / path).with_name(name))

    return change


def chmod(path: str, mode: int) -> Change:
    """Change the mode of a file."""
    return lambda root: (root / path).chmod(mode)


@dataclass(frozen=True)
class Planted:
    """A change of a manifest, the check that must name it, and a word of the message."""

    check: str
    word: str
    change: Callable[[Path], str]


def put(way: str, value: Any) -> Step:
    """Set what stands at the end of a way such as `spec/ports/0/name`."""

    def step(content: Any) -> None:
        place, last = _walk(content, way)
        place[last] = value

    return step


def drop(way: str) -> Step:
    """Take out what stands at the end of a way; it must be there."""

    def step(content: Any) -> None:
        place, last = _walk(content, way)
        del place[last]

    return step


def more(way: str, value: Any) -> Step:
    """Add an entry to the list at the end of a way."""

    def step(content: Any) -> None:
        place, last = _walk(content, way)
        if isinstance(place, dict):
            place.setdefault(last, [])
        place[last].append(value)

    return step


def edit(kind: str, name: str, *steps: Step) -> Callable[[Path], str]:
    """Change an object wherever it stands; the file is given back."""

    def change(root: Path) -> str:
        path = next(
            path
            for path, content in objects(Repository(root))
            if (content["kind"], content["metadata"]["name"]) == (kind, name)
        )
        documents = list(yaml.safe_load_all((root / path).read_text(encoding="utf-8")))
        found = next(one for one in documents if (one["kind"], one["metadata"]["name"]) == (kind, name))
        for step in steps:
            step(found)
        (root / path).write_text(yaml.safe_dump_all(documents, sort_keys=False), encoding="utf-8")
        return path

    return change


def kustomization(folder: str, *steps: Step) -> Callable[[Path], str]:
    """Change the kustomization of a folder; its file is given back."""

    def change(root: Path) -> str:
        path = f"{folder}/kustomization.yaml"
        content = yaml.safe_load((root / path).read_text(encoding="utf-8"))
        for step in steps:
            step(content)
        (root / path).write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
        return path

    return change


def another(path: str, text: str) -> Callable[[Path], str]:
    """Add a document to a file of manifests."""

    def change(root: Path) -> str:
        with (root / path).open("a", encoding="utf-8") as stream:
            stream.write(f"---\n{text}\n")
        return path

    return change


def gone(kind: str, name: str) -> Callable[[Path], str]:
    """Take an object out of its file."""

    def change(root: Path) -> str:
        path = edit(kind, name)(root)
        documents = list(yaml.safe_load_all((root / path).read_text(encoding="utf-8")))
        left = [one for one in documents if (one["kind"], one["metadata"]["name"]) != (kind, name)]
        (root / path).write_text(yaml.safe_dump_all(left, sort_keys=False), encoding="utf-8")
        return ""

    return change


def _walk(content: Any, way: str) -> tuple[Any, Any]:
    *parts, last = [int(part) if part.isdigit() else part.replace("~1", "/") for part in way.split("/")]
    for part in parts:
        content = content.setdefault(part, {}) if isinstance(content, dict) else content[part]
    return content, last
