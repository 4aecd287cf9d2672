"""A service's files as the checks see them: listed once, read once, parsed once."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import yaml

SKIPPED = frozenset({".git", ".idea", ".terraform", ".venv", "build", "node_modules", "tmp", "vendor"})
KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")

Document = dict[str, Any]


class DuplicateKeyError(yaml.YAMLError):
    """A mapping names a key twice."""


class Mapping(dict[Any, Any]):
    """A mapping of a YAML file that knows where it stands.

    Attributes:
        line: where it begins, from 1.
        lines: where each of its keys stands.
    """

    __slots__ = ("line", "lines")

    line: int
    lines: dict[Any, int]


def line_of(content: object, key: object = None) -> int:
    """Give the line of a key of a mapping, or of the mapping; 0 where it is not known."""
    if not isinstance(content, Mapping):
        return 0
    return content.lines.get(key, content.line)


class StrictLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """PyYAML's safe loader, in C where there is one, that refuses duplicate keys and keeps custom tags apart."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002
        """Build a mapping.

        Raises:
            DuplicateKeyError: a key stands twice; the message gives key and line.
        """
        seen: set[Any] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    message = f"key {key.value!r} stands twice, again in line {key.start_mark.line + 1}"
                    raise DuplicateKeyError(message)
                seen.add(key.value)
        return cast("dict[Any, Any]", super().construct_mapping(node, deep))

    def construct_yaml_map(self, node: yaml.MappingNode) -> Iterator[Mapping]:
        """Build a mapping that knows its lines, in two steps, as a mapping may hold itself."""
        data = Mapping()
        data.line = node.start_mark.line + 1
        data.lines = {key.value: key.start_mark.line + 1 for key, _ in node.value if isinstance(key, yaml.ScalarNode)}
        yield data
        data.update(self.construct_mapping(node))


def _any_tag(loader: yaml.SafeLoader, _suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node)
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node)
    return loader.construct_scalar(cast("yaml.ScalarNode", node))


StrictLoader.add_multi_constructor("!", _any_tag)
StrictLoader.add_constructor("tag:yaml.org,2002:map", StrictLoader.construct_yaml_map)


class Repository:
    """A service at a folder. Paths are relative to it, with forward slashes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._bytes: dict[str, bytes] = {}
        self._yaml: dict[str, list[Any]] = {}
        self.broken: dict[str, str] = {}

    @cached_property
    def files(self) -> dict[str, bool]:
        """Every file and whether it is executable."""
        return dict(sorted(self._walk("")))

    def _walk(self, folder: str) -> Iterator[tuple[str, bool]]:
        with os.scandir(self.root / folder) as entries:
            for entry in entries:
                path = folder + entry.name
                if entry.is_dir(follow_symlinks=False):
                    if entry.name not in SKIPPED:
                        yield from self._walk(f"{path}/")
                elif entry.is_file():
                    yield path, bool(entry.stat().st_mode & 0o100)

    @cached_property
    def folders(self) -> frozenset[str]:
        """Every folder that holds a file, at any depth."""
        return frozenset(parent.as_posix() for path in self.files for parent in Path(path).parents)

    def exists(self, path: str) -> bool:
        """Tell whether a file or a folder is there."""
        return path in self.files or path in self.folders

    def bytes(self, path: str) -> bytes:
        """Give the bytes of a file, read once."""
        if path not in self._bytes:
            self._bytes[path] = (self.root / path).read_bytes()
        return self._bytes[path]

    def text(self, path: str) -> str:
        """Give the text of a file, or nothing when it is not there; broken UTF-8 is replaced (TXT002 names it)."""
        return self.bytes(path).decode("utf-8", "replace") if path in self.files else ""

    def lines(self, path: str) -> Iterator[tuple[int, str]]:
        """Give the lines of a file, numbered from 1."""
        return enumerate(self.text(path).splitlines(), 1)

    def matching(self, pattern: str) -> Iterator[str]:
        """Give the paths that match a regular expression from their beginning."""
        found = re.compile(pattern)
        return (path for path in self.files if found.match(path))

    def is_text(self, path: str) -> bool:
        """Tell whether a file is text, as git tells it: no zero byte at its beginning."""
        return b"\0" not in self.bytes(path)[:8000]

    def documents(self, path: str) -> list[Any]:
        """Give the YAML documents of a file; one that does not parse gives none and is remembered in `broken`."""
        if path not in self._yaml:
            try:
                self._yaml[path] = list(yaml.load_all(self.text(path), StrictLoader))
            except yaml.YAMLError as error:
                self._yaml[path] = []
                self.broken[path] = " ".join(str(error).split())
        return self._yaml[path]

    def mapping(self, path: str) -> Document:
        """Give the first document of a YAML file when it is a mapping, else an empty one."""
        found = next(iter(self.documents(path)), None) if path in self.files else None
        return found if isinstance(found, dict) else {}

    @cached_property
    def answers(self) -> Document:
        """The answers this service was made with; empty when it has no lineage."""
        return self.mapping(".copier-answers.yml")

    @cached_property
    def kustomizations(self) -> dict[str, Document]:
        """Each kustomization by its path."""
        return {path: self.mapping(path) for path in self.files if path.rsplit("/", 1)[-1] in KUSTOMIZATIONS}

    @cached_property
    def manifests(self) -> list[tuple[str, Document]]:
        """Whole Kubernetes objects: what kustomizations list as resources, with the file each stands in."""
        listed = {
            resolve(path, name)
            for path, content in self.kustomizations.items()
            for name in content.get("resources") or []
        }
        return [
            (path, document)
            for path in self.files
            if path in listed
            for document in self.documents(path)
            if isinstance(document, dict) and "kind" in document
        ]

    def json(self, path: str) -> Any:
        """Give the content of a JSON file.

        Raises:
            ValueError: it does not parse, or names a key twice.
        """
        return json.loads(self.text(path), object_pairs_hook=_unique)

    def passed_over(self) -> set[tuple[str, str]]:
        """Give the pairs of check and path that `.slipway.yml` asks to pass over; one without a reason is not taken."""
        entries = self.mapping(".slipway.yml").get("ignore") or []
        return {
            (str(one.get("id")), str(one.get("path"))) for one in entries if isinstance(one, dict) and one.get("reason")
        }


def resolve(base: str, name: str) -> str:
    """Give the path that `name` means in the file `base`."""
    parts: list[str] = [] if name.startswith("/") else base.split("/")[:-1]
    for part in name.split("/"):
        if part == "..":
            parts[-1:] = []
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


def _unique(pairs: list[tuple[str, Any]]) -> Document:
    made = dict(pairs)
    if len(made) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        message = f"key {twice!r} stands twice"
        raise ValueError(message)
    return made
