"""The changelog, as a service reads it: what a template changed between two versions."""

from __future__ import annotations

import re
from typing import NamedTuple

HEADING = re.compile(r"^## \[?v?(?P<version>\d+\.\d+\.\d+)\]?(?: - (?P<date>\d{4}-\d{2}-\d{2}))?.*$", re.MULTILINE)


class Section(NamedTuple):
    """What one release changed."""

    version: str
    date: str | None
    body: str


def sections(text: str, after: str, upto: str) -> list[Section]:
    """Give the sections of the releases after one version and up to another, as they stand in the text."""
    from packaging.version import InvalidVersion, Version  # noqa: PLC0415

    try:
        low, high = Version(after), Version(upto)
    except InvalidVersion:
        return []
    heads = list(HEADING.finditer(text))
    ends = [*(head.start() for head in heads[1:]), len(text)]
    found = [
        Section(head["version"], head["date"], text[head.end() : end].strip())
        for head, end in zip(heads, ends, strict=True)
    ]
    return [section for section in found if low < Version(section.version) <= high]
