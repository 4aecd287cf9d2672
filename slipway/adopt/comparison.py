"""What the template would write, against what the repository has: file by file, then by area."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from slipway.adopt.areas import AREAS, LINK, REST, Area, area_of
from slipway.adopt.snapshot import EXECUTABLE, REGULAR, SUBMODULE, SYMLINK, Snapshot

LEAST_LIKENESS = 0.25


class State(Enum):
    """How a file of the template stands to the repository."""

    CREATE = "create"
    EQUAL = "equal"
    DIFFERS = "differs"
    YOURS = "yours"
    BLOCKED = "in the way"


class Rendered(NamedTuple):
    """A file as the template writes it."""

    content: bytes
    mode: str


class Compared(NamedTuple):
    """A file of the template, and how it stands to the repository.

    Attributes:
        path: where, from the top of the repository.
        state: `YOURS` is a file that the service owns from birth, and has.
        area: the part of the template it belongs to.
        note: what a person must know: why it is blocked, or that only the mode or the line ends differ.
        owned: the service owns it: no update ever touches it.
    """

    path: str
    state: State
    area: Area
    note: str
    owned: bool


class Comparison(NamedTuple):
    """Every file of one version of the template, compared.

    Attributes:
        version: the version that was rendered.
        files: its files, in the order of areas and paths.
        rendered: what the template writes, by path.
    """

    version: str
    files: tuple[Compared, ...]
    rendered: dict[str, Rendered]

    def of(self, area: Area, *states: State) -> list[Compared]:
        """Give the files of an area in some states."""
        return [one for one in self.files if one.area == area and one.state in states]

    def areas(self) -> list[Area]:
        """Give the areas that have files, in the order of their merge requests."""
        present = {one.area for one in self.files}
        return [area for area in (*AREAS, REST) if area in present]


class Likeness(NamedTuple):
    """How much a repository is like one release.

    Attributes:
        version: the release.
        lines: lines that differ, over the files that the template owns.
        equal: files that are the same, of those that the template owns.
        total: files that the template owns.
    """

    version: str
    lines: int
    equal: int
    total: int


def read_rendering(folder: Path) -> dict[str, Rendered]:
    """Read what was rendered."""
    found = {}
    for place, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            path = Path(place, name)
            mode = EXECUTABLE if os.access(path, os.X_OK) else REGULAR
            found[path.relative_to(folder).as_posix()] = Rendered(path.read_bytes(), mode)
    return found


def compare(snapshot: Snapshot, version: str, rendered: dict[str, Rendered], owned: Sequence[str]) -> Comparison:
    """Compare a rendering with the last commit of a repository.

    Args:
        snapshot: the repository.
        version: the version that was rendered.
        rendered: what the template writes, by path.
        owned: the files and folders that are the service's own from birth.
    """
    order = {area: number for number, area in enumerate((*AREAS, REST))}
    files = [_compared(snapshot, path, one, owned) for path, one in rendered.items()]
    return Comparison(version, tuple(sorted(files, key=lambda one: (order[one.area], one.path))), rendered)


def likeness(snapshot: Snapshot, compared: Comparison, known: Iterable[str]) -> Likeness:
    """Measure how much a repository is like the version it was compared with.

    Args:
        snapshot: the repository.
        compared: the version, compared.
        known: the paths of every version that takes part; one that this version lacks counts where the repository
            has it.
    """
    files = [one for one in compared.files if not one.owned and one.area != LINK]
    lines = sum(
        _differing(compared.rendered[one.path].content, snapshot.read(one.path) or b"")
        for one in files
        if one.state is not State.EQUAL
    )
    lines += sum(
        len((snapshot.read(path) or b"").splitlines())
        for path in set(known) - compared.rendered.keys()
        if path in snapshot.entries
    )
    return Likeness(compared.version, lines, sum(1 for one in files if one.state is State.EQUAL), len(files))


def looks_like_a_copy(compared: Comparison) -> bool:
    """Tell whether a repository has so many files of the template's names that it was copied from it once."""
    files = [one for one in compared.files if not one.owned and one.area != LINK]
    there = sum(1 for one in files if one.state in (State.EQUAL, State.DIFFERS))
    equal = sum(1 for one in files if one.state is State.EQUAL)
    return bool(files) and equal > 0 and there / len(files) >= LEAST_LIKENESS


def closest(likenesses: Iterable[Likeness]) -> tuple[Likeness, str]:
    """Choose the release that a copy came from, and say how sure that is.

    Of releases that fit equally well the oldest is taken: the next update then brings what the later ones added.

    Args:
        likenesses: one a release, the oldest first; at least one.
    """
    ranked = sorted(likenesses, key=lambda one: one.lines)
    best, rest = ranked[0], ranked[1:]
    told = f"nearest of {len(ranked)}: {best.lines} lines differ, {best.equal} of {best.total} files are equal"
    if not rest:
        return best, f"{told}; it is the only release to compare with"
    if rest[0].lines == best.lines:
        return best, f"{told}; {rest[0].version} fits as well, and of those the oldest is taken"
    return best, f"{told}; next is {rest[0].version} with {rest[0].lines}"


def _compared(snapshot: Snapshot, path: str, one: Rendered, owned: Sequence[str]) -> Compared:
    mine = any(path == entry or path.startswith(f"{entry}/") for entry in owned)
    state, note = _state(snapshot, path, one, mine=mine)
    return Compared(path, state, area_of(path), note, mine)


def _state(snapshot: Snapshot, path: str, one: Rendered, *, mine: bool) -> tuple[State, str]:
    entry = snapshot.entries.get(path)
    if entry is None:
        note = snapshot.in_the_way(path)
        return (State.BLOCKED if note else State.CREATE), note
    if entry.mode in (SYMLINK, SUBMODULE):
        kind = "a symbolic link" if entry.mode == SYMLINK else "a submodule"
        return State.BLOCKED, f"{kind} stands at {path}, where a file must be"
    same = entry.blob == snapshot.blob_id(one.content)
    if same and entry.mode == one.mode:
        return State.EQUAL, ""
    if mine:
        return State.YOURS, ""
    if same:
        return State.DIFFERS, "only the executable bit differs"
    ends = _unified(snapshot.read(path) or b"") == _unified(one.content)
    return State.DIFFERS, "only the line ends differ" if ends else ""


def _unified(content: bytes) -> bytes:
    return content.replace(b"\r\n", b"\n")


def _differing(first: bytes, second: bytes) -> int:
    ours, theirs = Counter(_unified(first).splitlines()), Counter(_unified(second).splitlines())
    return sum((ours - theirs).values()) + sum((theirs - ours).values())
