"""Read a changelog in the form of Keep a Changelog (keepachangelog.com, 1.1.0)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from slipway import versions

if TYPE_CHECKING:
    from packaging.version import Version

HEADING = re.compile(r"##[ \t]+(?P<title>\S.*?)[ \t]*#*[ \t]*")
TITLE = re.compile(r"\[?(?P<version>v?[0-9][^\]\s]*)\]?(?:\([^)]*\))?(?P<rest>.*)")
UNRELEASED = re.compile(r"\[?unreleased\]?(?:\([^)]*\))?", re.IGNORECASE)
DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
FENCE = re.compile(r" {0,3}(?P<mark>`{3,}|~{3,})")
LINK = re.compile(r" {0,3}\[[^\]]+\]:\s")


class Section(NamedTuple):
    """What one version changed.

    Attributes:
        version: without `v`; empty for what is not released yet.
        date: YYYY-MM-DD, or nothing when the heading has none.
        body: the text below the heading, without blank lines around it.
    """

    version: str
    date: str | None
    body: str


def read(text: str) -> list[Section]:
    """Give every section of a changelog in the order of the file; the one not released yet has no version.

    Headings may be `## 1.2.0`, `## v1.2.0`, `## [1.2.0] - 2026-11-21` and `## [1.2.0](address) (2026-11-21)`. What
    stands before the first of them, and a heading that names no version, belongs to none.
    """
    found: list[tuple[str, str | None, list[str]]] = []
    lines: list[str] | None = None
    fence = ""
    for line in text.replace("\r\n", "\n").lstrip("\ufeff").split("\n"):
        mark = FENCE.match(line)
        if mark and (not fence or (line.strip() == mark["mark"] and mark["mark"].startswith(fence))):
            fence = "" if fence else mark["mark"]
        heading = None if fence or mark else HEADING.fullmatch(line)
        if heading:
            head = _head(heading["title"])
            lines = []
            if head is not None:
                found.append((*head, lines))
        elif lines is not None:
            lines.append(line)
    return [Section(version, date, _body(lines)) for version, date, lines in found]


def sections(text: str, after: str, upto: str) -> list[Section]:
    """Give the sections of the versions between two, newest first.

    A pre-release is left out when its final version is there too, for that one tells the same again.

    Args:
        text: the changelog.
        after: the version that is had already, as a tag or as `git describe` writes it; empty for none.
        upto: the version that is brought; it is among the sections.

    Raises:
        ValueError: `after` or `upto` is no version.
    """
    low, high = versions.read(after) if after else None, versions.read(upto)
    between: dict[Version, Section] = {}
    for section in read(text):
        version = versions.read(section.version) if section.version else None
        if version and (low is None or low < version) and version <= high:
            between.setdefault(version, section)
    finals = {version.release for version in between if not version.is_prerelease}
    return [between[one] for one in sorted(between, reverse=True) if not one.is_prerelease or one.release not in finals]


def _head(title: str) -> tuple[str, str | None] | None:
    """Read a heading: version and date; `None` when it is about no version."""
    if UNRELEASED.fullmatch(title):
        return "", None
    found = TITLE.fullmatch(title)
    try:
        versions.read(found["version"]) if found else None
    except ValueError:
        return None
    if found is None:
        return None
    date = DATE.search(found["rest"])
    return found["version"].removeprefix("v"), date[0] if date else None


def _body(lines: list[str]) -> str:
    """Join the lines of a section; the addresses that the end of the file holds for its headings are no part of it."""
    kept = list(lines)
    while kept and (not kept[-1].strip() or LINK.match(kept[-1])):
        kept.pop()
    return "\n".join(kept).strip("\n")
