"""Versions of the template: semantic versions, as tags write them."""

from __future__ import annotations

import re
from typing import NamedTuple

NUMBER = r"0|[1-9][0-9]*"
FORM = re.compile(
    rf"v?(?P<major>{NUMBER})\.(?P<minor>{NUMBER})\.(?P<patch>{NUMBER})"
    r"(?:-?(?P<pre>[A-Za-z][0-9A-Za-z]*(?:\.[0-9A-Za-z]+)*))?(?:\+[0-9A-Za-z.-]+)?"
)
DESCRIBED = re.compile(r"-[0-9]+-g[0-9a-f]{4,40}\Z")


class Version(NamedTuple):
    """A semantic version; versions compare as semver.org says.

    Attributes:
        major: raised by a break.
        minor: raised by a new feature, and by a break while major is 0.
        patch: raised by a fix.
        final: no pre-release.
        before: what a pre-release adds, as numbers and words that compare; empty for a final version.
        text: the version as it is written, without `v`.
    """

    major: int
    minor: int
    patch: int
    final: bool
    before: tuple[tuple[bool, int, str], ...]
    text: str

    @classmethod
    def read(cls, text: str) -> Version:
        """Read a version, with or without `v`; of what `git describe` prints, the tag.

        Raises:
            ValueError: the text is no version; the message says what one looks like.
        """
        found = FORM.fullmatch(DESCRIBED.sub("", text))
        if not found:
            message = f"{text!r} is no version; one looks like 1.4.0 or 1.4.0-rc.1"
            raise ValueError(message)
        words = re.findall(r"[0-9]+|[A-Za-z]+", found["pre"] or "")
        before = tuple((not word.isdigit(), int(word) if word.isdigit() else 0, word) for word in words)
        pre = f"-{found['pre']}" if found["pre"] else ""
        major, minor, patch = int(found["major"]), int(found["minor"]), int(found["patch"])
        return cls(major, minor, patch, not before, before, f"{major}.{minor}.{patch}{pre}")

    @property
    def tag(self) -> str:
        """Give the tag of the version."""
        return f"v{self.text}"

    @property
    def release(self) -> tuple[int, int, int]:
        """Give the three numbers."""
        return self.major, self.minor, self.patch

    def raised(self, part: str) -> Version:
        """Give the next version: `major`, `minor` or `patch` raised; in 0.x a break raises minor."""
        if part == "major" and self.major > 0:
            return Version.read(f"{self.major + 1}.0.0")
        if part in ("major", "minor"):
            return Version.read(f"{self.major}.{self.minor + 1}.0")
        return Version.read(f"{self.major}.{self.minor}.{self.patch + 1}")


def newest(tags: list[str]) -> str | None:
    """Give the tag of the highest final version, or nothing when there is none; other tags are passed over."""
    ranked = []
    for tag in tags:
        try:
            version = Version.read(tag)
        except ValueError:
            continue
        if version.final and not DESCRIBED.search(tag):
            ranked.append((version, tag))
    return max(ranked)[1] if ranked else None
