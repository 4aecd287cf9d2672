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


class _Span(NamedTuple):
    """A section with its lines: the heading stands at `begin`, and the next one at `end`."""

    section: Section
    begin: int
    end: int


def read(text: str) -> list[Section]:
    """Give every section of a changelog in the order of the file; the one not released yet has no version.

    Headings may be `## 1.2.0`, `## v1.2.0`, `## [1.2.0] - 2026-11-21` and `## [1.2.0](address) (2026-11-21)`. What
    stands before the first of them, and a heading that names no version, belongs to none.
    """
    return [span.section for span in _spans(_lines(text))]


def pending(text: str, version: str) -> str | None:
    """Give what a changelog says of a version that is being released: what is unreleased, or has its number already."""
    span = _pending(_lines(text), version)
    return span.section.body if span else None


def with_release(text: str, version: str, date: str, body: str) -> str:
    """Write the section of a release: in place of what is pending, or above the newest section.

    Args:
        text: the changelog.
        version: without `v`.
        date: YYYY-MM-DD.
        body: the section below its heading.
    """
    lines = _lines(text)
    spans = _spans(lines)
    section = [f"## {version} - {date}", "", *body.strip("\n").split("\n"), ""]
    if span := _pending(lines, version):
        tail = _addresses(lines[span.begin : span.end])
        return "\n".join([*lines[: span.begin], *section, *tail, *lines[span.end :]]).rstrip("\n") + "\n"
    begin = spans[0].begin if spans else len("\n".join(lines).rstrip("\n").split("\n"))
    head = lines[:begin] if spans else [*lines[:begin], ""]
    return "\n".join([*head, *section, *lines[begin:]]).strip("\n") + "\n"


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


def _lines(text: str) -> list[str]:
    return text.replace("\r\n", "\n").lstrip("\ufeff").split("\n")


def _spans(lines: list[str]) -> list[_Span]:
    heads: list[tuple[int, tuple[str, str | None] | None]] = []
    fence = ""
    for number, line in enumerate(lines):
        mark = FENCE.match(line)
        if mark and (not fence or (line.strip() == mark["mark"] and mark["mark"].startswith(fence))):
            fence = "" if fence else mark["mark"]
        heading = None if fence or mark else HEADING.fullmatch(line)
        if heading:
            heads.append((number, _head(heading["title"])))
    ends = [*(number for number, _ in heads), len(lines)][1:]
    return [
        _Span(Section(*head, _body(lines[number + 1 : end])), number, end)
        for (number, head), end in zip(heads, ends, strict=True)
        if head is not None
    ]


def _pending(lines: list[str], version: str) -> _Span | None:
    spans = _spans(lines)
    return next((span for wanted in ("", version) for span in spans if span.section.version == wanted), None)


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
    kept = lines[: len(lines) - len(_addresses(lines))]
    return "\n".join(kept).strip("\n")


def _addresses(lines: list[str]) -> list[str]:
    """Give the lines at the end that hold addresses, with the blank ones around them."""
    begin = len(lines)
    while begin and (not lines[begin - 1].strip() or LINK.match(lines[begin - 1])):
        begin -= 1
    while begin < len(lines) and not lines[begin].strip():
        begin += 1
    return lines[begin:]
