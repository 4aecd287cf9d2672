"""The changelog of a release: what was written by hand stays, and the commits complete it."""

from __future__ import annotations

import pytest

from slipway import changelog
from slipway.template import commits
from slipway.template.notes import NOTHING, notes, section
from slipway.template.rules import Found

WRITTEN = """\
Two things.

### Added

- A thing, in our own words (SLIP-7).

### Fixed

- Another (SLIP-8).
"""


def of(*messages: str) -> list[commits.Commit]:
    """Read commits, the newest last."""
    return [commits.read(f"{number:07x}", message) for number, message in enumerate(reversed(messages))]


def test_without_a_word_by_hand_every_commit_for_services_gets_a_line() -> None:
    found = of(
        "feat: a\n\nRefs: SLIP-1", "docs: b\n\nRefs: SLIP-1", "fix: c\n\nRefs: SLIP-2", "feat: d\n\nRefs: SLIP-1"
    )

    body = section("", found, ())

    assert body == "### Added\n\n- A (SLIP-1).\n- D (SLIP-1).\n\n### Fixed\n\n- C (SLIP-2)."


def test_what_is_written_stays_and_what_is_not_is_added() -> None:
    found = of(
        "feat: x\n\nRefs: SLIP-7", "feat: y\n\nRefs: SLIP-9", "fix: z\n\nRefs: SLIP-10", "perf: q\n\nRefs: SLIP-11"
    )

    body = section(WRITTEN, found, ())

    assert body == (
        "Two things.\n\n### Added\n\n- A thing, in our own words (SLIP-7).\n- Y (SLIP-9)."
        "\n\n### Changed\n\n- Q (SLIP-11).\n\n### Fixed\n\n- Another (SLIP-8).\n- Z (SLIP-10)."
    )


def test_a_break_is_told_also_where_its_ticket_is_named_for_something_else() -> None:
    found = of("feat!: ports move\n\nRefs: SLIP-7")

    told = section(WRITTEN, found, ())
    written = section(WRITTEN.replace("A thing", "**Breaking:** a thing"), found, ())

    assert "- **Breaking:** Ports move (SLIP-7)." in told
    assert "Ports move" not in written


def test_a_commit_that_changes_what_is_generated_gets_a_line_whatever_its_type() -> None:
    found = [commits.read("a", "docs(template): a page\n\nRefs: SLIP-1")._replace(touches=True)]

    body = section("", found, ())

    assert body == "### Changed\n\n- A page (SLIP-1)."


def test_a_release_of_nothing_says_so() -> None:
    assert section("", of("docs: a"), ()) == NOTHING


def test_the_effect_stands_last() -> None:
    body = section("- A (SLIP-1).", [], ["- In every service: 1 changed."])

    assert body == "- A (SLIP-1).\n\n### What an update changes\n\n- In every service: 1 changed."


def test_the_notes_hold_the_changelog_the_measure_and_what_breaks() -> None:
    body = section("### Added\n\n- A (SLIP-1).", [], ["- In every service: 1 changed."])
    found = [
        Found("mk/a.mk", 0, "COMP009", "is no longer generated"),
        Found("copier.yml", 0, "COMP006", "has the default"),
    ]

    text = notes("1.0.0", "2026-11-21", body, "## What an update changes\n\nMeasured.\n", found)

    assert text == (
        "# 1.0.0 (2026-11-21)\n\n## Added\n\n- A (SLIP-1).\n\n## What an update changes\n\nMeasured.\n\n"
        "## Compatibility\n\n- **Breaking:** `mk/a.mk`: is no longer generated (COMP009)\n"
        "- `copier.yml`: has the default (COMP006)\n"
    )


def test_the_notes_of_the_first_release_say_that_it_is_the_first() -> None:
    text = notes("0.1.0", "2026-11-21", "- A (SLIP-1).", "", [])

    assert text.endswith("- A (SLIP-1).\n\nThe first release: there is nothing to update from.\n")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "# C\n\nAll.\n\n## Unreleased\n\n- a\n\n## 0.1.0\n\n- z\n",
            "# C\n\nAll.\n\n## 0.2.0 - D\n\n- b\n\n## 0.1.0\n\n- z\n",
        ),
        ("# C\n\nAll.\n\n## 0.1.0\n\n- z\n", "# C\n\nAll.\n\n## 0.2.0 - D\n\n- b\n\n## 0.1.0\n\n- z\n"),
        ("# C\n\n## 0.2.0\n\n- a\n", "# C\n\n## 0.2.0 - D\n\n- b\n"),
        ("# C\n", "# C\n\n## 0.2.0 - D\n\n- b\n"),
        ("", "## 0.2.0 - D\n\n- b\n"),
        ("# C\n\n## [Unreleased]\n\n[Unreleased]: u\n", "# C\n\n## 0.2.0 - D\n\n- b\n\n[Unreleased]: u\n"),
        (
            "# C\n\n```\n## Unreleased\n```\n\n## 0.1.0\n",
            "# C\n\n```\n## Unreleased\n```\n\n## 0.2.0 - D\n\n- b\n\n## 0.1.0\n",
        ),
    ],
)
def test_the_section_of_a_release_takes_its_place(before: str, after: str) -> None:
    assert changelog.with_release(before, "0.2.0", "D", "- b") == after


def test_what_is_pending_is_unreleased_or_has_the_number_already() -> None:
    assert changelog.pending("## Unreleased\n\n- a\n\n## 0.1.0\n\n- z\n", "0.2.0") == "- a"
    assert changelog.pending("## 0.1.0\n\n- z\n", "0.1.0") == "- z"
    assert changelog.pending("## 0.1.0\n\n- z\n", "0.2.0") is None
