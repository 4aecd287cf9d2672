"""Kinds and fields of Kubernetes objects: the API server refuses, or silently drops, what it does not know."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from slipway.contract.kubernetes import each, objects
from slipway.contract.registry import check
from slipway.contract.repository import Document, Repository, line_of

TABLE = Path(__file__).with_name("fields.json")
GONE = {
    "extensions/v1beta1 Deployment": "apps/v1",
    "extensions/v1beta1 Ingress": "networking.k8s.io/v1",
    "extensions/v1beta1 NetworkPolicy": "networking.k8s.io/v1",
    "policy/v1beta1 PodSecurityPolicy": "the labels of Pod Security on the Namespace",
}
ALIKE = 0.85
SHOWN = 40
PLAIN = {
    "s": ("text", (str,)),
    "i": ("a whole number", (int,)),
    "n": ("a number", (int, float)),
    "b": ("true or false", (bool,)),
    "q": ("a quantity", (str, int, float)),
    "p": ("a number or a name", (str, int)),
}


@lru_cache(maxsize=1)
def table() -> dict[str, Any]:
    """Give the table of kinds and types; slipway/template/fields.py writes it and says how it reads."""
    found: dict[str, Any] = json.loads(TABLE.read_text(encoding="utf-8"))
    return found


@lru_cache(maxsize=1)
def versions() -> dict[str, list[str]]:
    """Give the known versions of each kind, as `apiVersion`."""
    found: dict[str, list[str]] = {}
    for one in table()["kinds"]:
        version, kind = one.split(" ")
        found.setdefault(kind, []).append(version)
    return found


def unknown(content: Document) -> str:
    """Say why an object's kind is not known; nothing for a known kind, and for an operator that is not known here."""
    version, kind = str(content.get("apiVersion")), str(content.get("kind"))
    group = version.rpartition("/")[0]
    if f"{version} {kind}" in table()["kinds"]:
        return ""
    groups = {one.partition(" ")[0].rpartition("/")[0] for one in table()["kinds"]}
    offered = versions().get(kind, [])
    same = [one for one in offered if one.rpartition("/")[0] == group]
    instead = GONE.get(f"{version} {kind}") or ", ".join(same or offered)
    if group in groups or "." not in group:
        close = difflib.get_close_matches(kind, versions(), 1)
        hint = instead or (f"did you mean {close[0]}?" if close else "it has another name")
        return f"{version} {kind} is not served: {hint}"
    close = difflib.get_close_matches(group, [one for one in groups if "." in one], 1, ALIKE)
    if close and kind in versions():
        return f"{version} {kind} is not served: did you mean {close[0]}?"
    return ""


def refused(content: Document) -> Iterator[tuple[int, str]]:
    """Give the line and the message of each field of an object that does not keep to its kind."""
    code = table()["kinds"].get(f"{content.get('apiVersion')} {content.get('kind')}")
    if code:
        metadata = content.get("metadata")
        name = metadata.get("name") if isinstance(metadata, dict) else None
        if not name and not (isinstance(metadata, dict) and metadata.get("generateName")):
            yield line_of(content), f"{content.get('kind')} has no metadata.name"
        for line, message in judged(content, code, "", line_of(content)):
            yield line, f"{content.get('kind')}/{name}: {message}"


def judged(value: Any, code: str, where: str, line: int) -> Iterator[tuple[int, str]]:
    """Give the line and the message of what a value does not hold of its type.

    Args:
        value: what the file holds.
        code: the code of its type in the table.
        where: the way to it, for the message.
        line: where it stands, as far as it is known.
    """
    if value is None or code == "*":
        return
    if code[0] == "[" or code[0] == "{":
        yield from _many(value, code, where, line)
    elif code in PLAIN:
        told, types = PLAIN[code]
        if not isinstance(value, types) or (isinstance(value, bool) and code != "b"):
            yield line, f"{where}: {_shown(value)} must be {told}"
    elif code.startswith("s:"):
        if value not in code[2:].split("|"):
            yield line, f"{where}: {_shown(value)} is none of {', '.join(code[2:].split('|'))}"
    elif not isinstance(value, dict):
        yield line, f"{where}: {_shown(value)} must be a mapping"
    else:
        yield from _fields(value, code, where)


def _many(value: Any, code: str, where: str, line: int) -> Iterator[tuple[int, str]]:
    inner = code[1:]
    if code[0] == "[":
        if not isinstance(value, list):
            yield line, f"{where}: {_shown(value)} must be a list"
            return
        for index, one in enumerate(value):
            if one is None:
                yield line, f"{where}[{index}] is empty"
            yield from judged(one, inner, f"{where}[{index}]", line_of(one) or line)
    elif not isinstance(value, dict):
        yield line, f"{where}: {_shown(value)} must be a mapping"
    else:
        for key, one in value.items():
            yield from judged(one, inner, f"{where}.{key}", line_of(value, key))
            if not isinstance(key, str):
                yield line_of(value), f"{where}: the key {_shown(key)} must be text"


@cache
def _fields_of(code: str) -> tuple[dict[str, str], frozenset[str]]:
    given: dict[str, str] = table()["types"][code]
    fields = {name.rstrip("!"): inner for name, inner in given.items()}
    return fields, frozenset(name[:-1] for name in given if name.endswith("!"))


def _fields(value: Document, code: str, where: str) -> Iterator[tuple[int, str]]:
    fields, needed = _fields_of(code)
    front = f"{where}." if where else ""
    for key, one in value.items():
        inner = fields.get(key)
        if inner is None:
            if key == "status" and not where:
                continue
            close = difflib.get_close_matches(str(key), fields, 1)
            hint = f"; did you mean {close[0]}?" if close else ""
            yield line_of(value, key), f"{front}{key} is no field of {code.rsplit('.', 1)[-1]}{hint}"
        else:
            yield from judged(one, inner, f"{front}{key}", line_of(value, key))
    for key in needed:
        if value.get(key) is None:
            yield line_of(value), f"{front}{key} is missing"


def _shown(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."


@check(
    "K8S009",
    "every kind is one that a current cluster serves",
    why="A cluster refuses a version that was removed, and an upgrade is the day on which that is noticed (row N01).",
    fix="Use the version that the message names; kubectl explain KIND shows its fields.",
)
def kinds(repository: Repository) -> Iterator[tuple[str, int, str]]:
    """Yield objects whose apiVersion and kind are not served."""
    for path, content in objects(repository):
        told = unknown(content)
        if told:
            yield path, line_of(content, "apiVersion"), told


@check(
    "K8S010",
    "every field of an object exists, has its type, and none that must be there is missing",
    why="The API server drops a misspelt field without a word: the limit or the probe that you wrote is not there.",
    fix="Spell the field as kubectl explain does, indent it below its parent, and quote text that looks like a number.",
)
def known_fields(repository: Repository) -> Iterator[tuple[str, int, str]]:
    """Yield fields that the kind of an object does not have, and values of another type."""
    yield from each(repository, refused)
