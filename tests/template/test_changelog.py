"""What a changelog says of the versions between two."""

from __future__ import annotations

import itertools

import pytest

from slipway import changelog
from slipway.changelog import Section, sections
from slipway.versions import newest, older, raised, ranked, read
from tests.conftest import ROOT

TEXT = """# Changelog

All of it.

## [Unreleased]

- Not yet.

## [1.2.0] - 2026-11-21

### Added

- A thing (SLIP-9).

```md
## 9.9.9
```

## v1.1.0

- Without a date.

## [1.1.0-rc.1](https://git.example.com/a) (2026-10-01)

- A candidate.

## About this file

Nothing of a version.

## 1.0.0 - 2026-09-01 [YANKED]

- First.

[1.2.0]: https://git.example.com/b
[1.1.0]: https://git.example.com/c
"""


def test_every_form_of_a_heading_is_read() -> None:
    found = changelog.read(TEXT)

    assert [(one.version, one.date) for one in found] == [
        ("", None),
        ("1.2.0", "2026-11-21"),
        ("1.1.0", None),
        ("1.1.0-rc.1", "2026-10-01"),
        ("1.0.0", "2026-09-01"),
    ]


def test_the_body_of_a_section_ends_where_the_next_begins() -> None:
    found = {one.version: one.body for one in changelog.read(TEXT)}

    assert found["1.2.0"] == "### Added\n\n- A thing (SLIP-9).\n\n```md\n## 9.9.9\n```"
    assert found["1.1.0-rc.1"] == "- A candidate."
    assert found["1.0.0"] == "- First."


@pytest.mark.parametrize(
    ("after", "upto", "versions"),
    [
        ("1.0.0", "1.2.0", ["1.2.0", "1.1.0"]),
        ("v1.1.0", "v1.2.0", ["1.2.0"]),
        ("v1.0.0-14-g2f0fd9a", "v1.1.0", ["1.1.0"]),
        ("1.0.0", "1.1.0-rc.1", ["1.1.0-rc.1"]),
        ("1.1.0-rc.1", "1.1.0", ["1.1.0"]),
        ("", "1.1.0", ["1.1.0", "1.0.0"]),
        ("1.2.0", "1.2.0", []),
        ("1.2.0", "1.0.0", []),
        ("0.9.0", "9.0.0", ["1.2.0", "1.1.0", "1.0.0"]),
    ],
)
def test_the_sections_between_two_versions_come_newest_first(after: str, upto: str, versions: list[str]) -> None:
    found = sections(TEXT, after, upto)

    assert [one.version for one in found] == versions


def test_line_ends_and_a_byte_order_mark_of_another_system_change_nothing() -> None:
    text = "\ufeff" + TEXT.replace("\n", "\r\n")

    assert sections(text, "", "9.0.0") == sections(TEXT, "", "9.0.0")


@pytest.mark.parametrize(("after", "upto"), [("2f0fd9a", "1.0.0"), ("1.0.0", "main"), ("1.0.0", "")])
def test_what_is_no_version_is_refused_and_named(after: str, upto: str) -> None:
    with pytest.raises(ValueError, match=r"is no version; one looks like 1\.4\.0"):
        sections(TEXT, after, upto)


def test_a_text_without_a_section_gives_none() -> None:
    assert sections("", "", "1.0.0") == []
    assert sections("# Changelog\n\nSoon.\n", "", "1.0.0") == []


def test_the_changelog_of_this_repository_is_read() -> None:
    found = sections((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), "", "99.0.0")

    assert Section("0.1.0", found[-1].date, found[-1].body) == found[-1]
    assert "(SLIP-2)" in found[-1].body


def test_versions_are_ranked_and_a_commit_after_a_release_is_newer() -> None:
    texts = ["1.0.0a1", "1.0.0-rc.1", "v1.0.0", "v1.0.0-3-gabcdef0", "1.0.1", "1.10.0"]

    follows = [older(one, other) for one, other in itertools.pairwise(texts)]
    precedes = [older(other, one) for one, other in itertools.pairwise(texts)]

    assert follows == [True] * 5
    assert precedes == [False] * 5


@pytest.mark.parametrize("bare", ["abcdef0", "3b12345", "1234567", "7c12"])
def test_the_id_of_a_commit_is_no_version_whatever_it_looks_like(bare: str) -> None:
    assert not ranked(bare)
    assert older(bare, "v1.0.0")
    assert older("v1.0.0", bare)
    assert not older(bare, bare)


@pytest.mark.parametrize(
    ("before", "part", "after"),
    [
        ("0.1.0", "patch", "0.1.1"),
        ("0.1.1", "minor", "0.2.0"),
        ("0.2.3", "major", "0.3.0"),
        ("1.2.3", "patch", "1.2.4"),
        ("1.2.3", "minor", "1.3.0"),
        ("1.2.3", "major", "2.0.0"),
    ],
)
def test_a_break_raises_minor_while_major_is_0(before: str, part: str, after: str) -> None:
    assert str(raised(read(before), part)) == after


def test_the_newest_tag_is_a_final_version() -> None:
    assert newest(["v0.9.0", "v0.10.0", "v0.11.0-rc.1", "stable", "v0.10.0-3-gabcdef0"]) == "v0.10.0"
    assert newest(["stable"]) is None
