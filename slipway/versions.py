"""Versions of a template, ranked as Copier ranks its tags: PEP 440, with what `git describe` gives between two."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from packaging.version import Version

# What `git describe --always` gives where no tag is; `3b12345` and `1234567` would pass for versions.
BARE = re.compile(r"[0-9a-f]{4,40}")
DESCRIBED = re.compile(r"(?P<tag>.+)-\d+-g[0-9a-f]{4,40}")


def read(text: str) -> Version:
    """Read a version, with or without `v`; of what `git describe` gave, the release before it.

    Raises:
        ValueError: the text is no version; the message says what one looks like.
    """
    from packaging.version import InvalidVersion, Version  # noqa: PLC0415  -- comes with Copier

    try:
        return Version(released(text))
    except InvalidVersion as error:
        message = f"{text!r} is no version; one looks like 1.4.0"
        raise ValueError(message) from error


def released(text: str) -> str:
    """Give the tag in what `git describe` gave: the newest release that a commit holds."""
    found = DESCRIBED.fullmatch(text)
    return found["tag"] if found else text


def ranked(text: str) -> bool:
    """Tell whether a text has a rank among versions; the bare id of a commit has none, whatever it looks like."""
    if BARE.fullmatch(text):
        return False
    try:
        read(text)
    except ValueError:
        return False
    return True


def older(one: str, other: str) -> bool:
    """Tell whether a version is older; between a release and a commit after it, the release is.

    What is no version has no rank: any other is taken for newer.
    """
    if not (ranked(one) and ranked(other)):
        return one != other
    return (read(one), bool(DESCRIBED.fullmatch(one))) < (read(other), bool(DESCRIBED.fullmatch(other)))


def newest(tags: Iterable[str]) -> str | None:
    """Give the highest of some tags, without pre-releases and whatever is no version; nothing when none is left."""
    found = []
    for tag in tags:
        if DESCRIBED.fullmatch(tag):
            continue
        try:
            version = read(tag)
        except ValueError:
            continue
        if not version.is_prerelease:
            found.append((version, tag))
    return max(found)[1] if found else None


def raised(version: Version, part: str) -> Version:
    """Give the next version with `major`, `minor` or `patch` raised; in 0.x a break raises minor."""
    major, minor, patch = version.release[0], version.minor, version.micro
    if part == "major" and major > 0:
        return read(f"{major + 1}.0.0")
    return read(f"{major}.{minor}.{patch + 1}" if part == "patch" else f"{major}.{minor + 1}.0")
