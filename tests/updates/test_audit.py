"""The audit of an update: what a merge must keep, for every state that a file can be in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.update.audit import BEGIN, audit, conflicts, lost, merge
from slipway.update.files import LINK, PLAIN, SCRIPT, File

LINES = st.lists(st.sampled_from([b"a", b"b", b"c", b"}", b"", b"d e"]), max_size=8)
OURS = st.lists(st.sampled_from([b"a", b"b", b"c", b"}", b"", b"d e", b"ours 1", b"ours 2"]), max_size=10)


def text(*lines: str, mode: str = PLAIN) -> File:
    """Give a text file."""
    return File(mode, "".join(f"{line}\n" for line in lines).encode())


def of(lines: list[bytes]) -> File:
    """Give a text file of lines."""
    return File(PLAIN, b"".join(line + b"\n" for line in lines))


A, B, C = text("a"), text("b"), text("c")
PICTURE, OUR_PICTURE, NEW_PICTURE = File(PLAIN, b"\0a"), File(PLAIN, b"\0b"), File(PLAIN, b"\0c")
STATES = [
    ("the template alone changed it", A, A, B, B, ""),
    ("the team alone changed it", A, B, A, B, ""),
    ("both made the same change", A, B, B, B, ""),
    ("the template alone removed it", A, A, None, None, ""),
    ("the team alone deleted it", A, None, A, None, ""),
    ("the team deleted what the template changed", A, None, B, None, "deleted"),
    ("the template removed what the team had edited", A, B, None, B, "removed"),
    ("the template brings a new file", None, None, A, A, ""),
    ("the file is the team's own", None, A, None, A, ""),
    ("both changed a picture", PICTURE, OUR_PICTURE, NEW_PICTURE, OUR_PICTURE, "binary"),
    ("the team alone changed a picture", PICTURE, OUR_PICTURE, PICTURE, OUR_PICTURE, ""),
    ("the team put a link in its place", A, File(LINK, b"elsewhere"), B, File(LINK, b"elsewhere"), "binary"),
    ("the team made it executable", A, text("a", mode=SCRIPT), A, text("a", mode=SCRIPT), ""),
    ("the template made executable what the team edited", text("a", "x"), text("a", "y"),
     text("a", "x", mode=SCRIPT), text("a", "y", mode=SCRIPT), ""),
]  # fmt: skip


@pytest.mark.parametrize(("case", "born", "ours", "theirs", "wanted", "kind"), STATES, ids=[s[0] for s in STATES])
@pytest.mark.parametrize("result", [None, A, B, File(PLAIN, b"what no side wrote\n")], ids=["gone", "a", "b", "other"])
def test_whatever_copier_left_the_file_is_what_it_must_be(  # noqa: PLR0917  -- a table of states
    case: str,
    born: File | None,
    ours: File | None,
    theirs: File | None,
    wanted: File | None,
    kind: str,
    result: File | None,
) -> None:
    trees = [{"f": one} if one else {} for one in (born, ours, theirs, result)]

    mended = audit(trees[0], trees[1], trees[2], trees[3], lambda _: False)

    assert mended.files.get("f", result) == wanted, case
    assert [look.kind for look in mended.looks] == ([kind] if kind else [])


@pytest.mark.parametrize(("born", "theirs"), [(A, C), (A, None), (None, C)], ids=["changed", "removed", "brought"])
@pytest.mark.parametrize("ours", [A, B, None], ids=["pristine", "edited", "deleted"])
def test_a_file_that_the_service_owns_stays_as_it_is(born: File | None, theirs: File | None, ours: File | None) -> None:
    trees = [{"f": one} if one else {} for one in (born, ours, theirs, C)]

    mended = audit(trees[0], trees[1], trees[2], trees[3], lambda path: path == "f")

    assert mended.files == {"f": ours}
    assert mended.looks == []


def test_a_file_that_both_added_is_merged_and_named() -> None:
    mended = audit({}, {"f": A}, {"f": B}, {"f": B}, lambda _: False)

    kept = mended.files["f"]
    assert kept is not None
    assert conflicts(kept.data) == 1
    assert lost(None, A, kept) == []
    assert [look.kind for look in mended.looks] == ["both"]


def test_windows_line_ends_of_the_team_do_not_make_the_whole_file_a_conflict() -> None:
    base, new = text("a", "b", "c", "d", "e"), text("A", "b", "c", "d", "e")
    own = File(PLAIN, base.data.replace(b"\n", b"\r\n") + b"ours\r\n")

    merged = merge(base, own, new)

    assert merged.data == b"A\r\nb\r\nc\r\nd\r\ne\r\nours\r\n"


@given(base=LINES, own=OURS, new=LINES)
def test_no_merge_loses_a_line_that_the_team_added(base: list[bytes], own: list[bytes], new: list[bytes]) -> None:
    merged = merge(of(base), of(own), of(new))

    assert lost(of(base), of(own), merged) == []
    assert (BEGIN in merged.data) == bool(conflicts(merged.data))


@given(base=LINES, own=OURS)
def test_without_a_change_of_the_template_the_teams_text_stands(base: list[bytes], own: list[bytes]) -> None:
    mended = audit({"f": of(base)}, {"f": of(own)}, {"f": of(base)}, {"f": of(base)}, lambda _: False)

    assert mended.files.get("f", of(base)) == of(own)
    assert mended.looks == []
