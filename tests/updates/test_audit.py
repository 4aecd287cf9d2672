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
def test_a_file_becomes_what_a_merge_must_make_of_it(  # noqa: PLR0917  -- a table of states
    case: str,
    born: File | None,
    ours: File | None,
    theirs: File | None,
    wanted: File | None,
    kind: str,
) -> None:
    trees = [{"f": one} if one else {} for one in (born, ours, theirs)]

    merged = audit(trees[0], trees[1], trees[2], lambda _: False)

    assert merged.files.get("f", ours) == wanted, case
    assert ("f" in merged.files) == (wanted != ours)
    assert [look.kind for look in merged.looks] == ([kind] if kind else [])


@pytest.mark.parametrize(("born", "theirs"), [(A, C), (A, None), (None, C)], ids=["changed", "removed", "brought"])
@pytest.mark.parametrize("ours", [A, B, None], ids=["pristine", "edited", "deleted"])
def test_a_file_that_the_service_owns_stays_as_it_is(born: File | None, theirs: File | None, ours: File | None) -> None:
    trees = [{"f": one} if one else {} for one in (born, ours, theirs)]

    merged = audit(trees[0], trees[1], trees[2], lambda path: path == "f")

    assert merged.files == {}
    assert merged.looks == []


def test_a_file_that_both_added_is_merged_and_named() -> None:
    merged = audit({}, {"f": A}, {"f": B}, lambda _: False)

    kept = merged.files["f"]
    assert kept is not None
    assert conflicts(kept.data) == 1
    assert lost(None, A, kept) == []
    assert [look.kind for look in merged.looks] == ["both"]


def test_windows_line_ends_of_the_team_do_not_make_the_whole_file_a_conflict() -> None:
    base, new = text("a", "b", "c", "d", "e"), text("A", "b", "c", "d", "e")
    own = File(PLAIN, base.data.replace(b"\n", b"\r\n") + b"ours\r\n")

    merged = merge(base, own, new)

    assert merged is not None
    assert merged.data == b"A\r\nb\r\nc\r\nd\r\ne\r\nours\r\n"


@given(base=LINES, own=OURS, new=LINES)
def test_no_merge_loses_a_line_that_the_team_added(base: list[bytes], own: list[bytes], new: list[bytes]) -> None:
    merged = merge(of(base), of(own), of(new))

    assert merged is not None
    assert lost(of(base), of(own), merged) == []
    assert (BEGIN in merged.data) == bool(conflicts(merged.data))


@given(base=LINES, own=OURS)
def test_without_a_change_of_the_template_the_teams_text_stands(base: list[bytes], own: list[bytes]) -> None:
    merged = audit({"f": of(base)}, {"f": of(own)}, {"f": of(base)}, lambda _: False)

    assert merged.files == {}
    assert merged.looks == []


def test_a_text_that_git_cannot_merge_is_kept_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slipway.update.audit.merge", lambda *_: None)

    merged = audit({"f": A}, {"f": B}, {"f": C}, lambda _: False)

    assert merged.files == {}
    assert [look.kind for look in merged.looks] == ["binary"]


CLASHES = [
    ("a file of the team where the template needs a folder", {}, {"n": A}, {"n/x": B}, "n/x", "`n`"),
    ("a file of the team two folders up", {}, {"n": A}, {"n/o/x": B}, "n/o/x", "`n`"),
    ("a folder of the team where the template needs a file", {}, {"n/own": A}, {"n": B}, "n", "`n/own`"),
    ("an edited file that the template made a folder", {"n": A}, {"n": B}, {"n/x": C}, "n/x", "`n`"),
    ("an edited folder that the template made a file", {"n/x": A}, {"n/x": B}, {"n": C}, "n", "`n/x`"),
]


@pytest.mark.parametrize(("case", "born", "ours", "theirs", "path", "named"), CLASHES, ids=[c[0] for c in CLASHES])
def test_what_has_no_place_beside_the_teams_is_left_out_and_named(  # noqa: PLR0917  -- a table of states
    case: str, born: dict[str, File], ours: dict[str, File], theirs: dict[str, File], path: str, named: str
) -> None:
    merged = audit(born, {}, theirs, lambda _: False, ours) if not born else audit(born, ours, theirs, lambda _: False)

    looks = [look for look in merged.looks if look.kind == "clash"]
    assert merged.files == {}, case
    assert [look.path for look in looks] == [path]
    assert named in looks[0].sentence


def test_a_file_of_the_template_may_take_the_place_of_a_folder_that_it_gave_up() -> None:
    merged = audit({"n/x": A}, {"n/x": A}, {"n": B}, lambda _: False, ["n.txt", "na", "m/n"])

    assert merged.files == {"n": B, "n/x": None}
    assert merged.looks == []
