"""What commits say of the next version."""

from __future__ import annotations

import pytest

from slipway.template import commits


@pytest.mark.parametrize(
    ("message", "raises", "group", "line"),
    [
        ("feat(k8s): a budget for pods\n\nRefs: SLIP-7", "minor", "Added", "- A budget for pods (SLIP-7)."),
        ("fix: names hold\n\nWhy.\n\nRefs: SLIP-7, SLIP-8", "patch", "Fixed", "- Names hold (SLIP-7, SLIP-8)."),
        ("perf(hooks): less work", "patch", "Changed", "- Less work."),
        ("feat: remove the old probe", "minor", "Removed", "- Remove the old probe."),
        ("fix(security): no token in a log", "patch", "Security", "- No token in a log."),
        ("feat!: ports move", "major", "Added", "- **Breaking:** Ports move."),
        (
            "refactor: ports\n\nBREAKING CHANGE: port 1 is\n  now 2.\nRefs: SLIP-7",
            "major",
            "Changed",
            "- **Breaking:** Ports. Port 1 is now 2 (SLIP-7).",
        ),
        ("docs: a page", "", "", "- A page."),
        ("feat(tests): a case", "", "", "- A case."),
        ("fix(ci): a job", "", "", "- A job."),
        ("perf(bench): a ratio", "", "", "- A ratio."),
        ("Merge branch x", "", "", "- Merge branch x."),
        ("fix: go.mod names its toolchain", "patch", "Fixed", "- go.mod names its toolchain."),
    ],
)
def test_a_commit_raises_a_part_of_the_version_and_gives_a_line(
    message: str, raises: str, group: str, line: str
) -> None:
    commit = commits.read("abc1234", message)

    assert (commit.raises, commit.group, commit.line) == (raises, group, line)


def test_the_highest_part_wins() -> None:
    read = [commits.read("a", text) for text in ("docs: a", "fix: b", "feat: c", "fix: d")]

    assert commits.raised_by(read) == "minor"
    assert commits.raised_by(read[:1]) == ""


def test_the_newest_ticket_has_the_highest_number() -> None:
    read = [commits.read("a", f"fix: b\n\nRefs: {ticket}") for ticket in ("SLIP-9", "SLIP-12", "OPS-99")]

    assert commits.newest_ticket(read) == "SLIP-12"
    assert commits.newest_ticket([]) is None
