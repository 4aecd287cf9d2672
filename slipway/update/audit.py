"""Every byte accounted for: what a merge must have kept, and what it did not.

With O the file as the template rendered it then, U as the team has it, and N as the template renders it now, a merge
has no choice but where both changed the file: U where the template left it alone, N where the team did. Where both did,
it is git's three-way merge, with what cannot be merged marked in the file. Copier's result is held against that, for it
puts binary files back, deletes edited files that the template gave up, and applies a hunk wherever its context fits.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from slipway.gitting import environment
from slipway.lineage import ANSWERS_FILE
from slipway.update.files import File, Tree

BEGIN = b"<<<<<<< before updating"
LABELS = ("before updating", "last update", "after updating")


class Look(NamedTuple):
    """Something of an update that a person must look at.

    Attributes:
        kind: a word for the group: `answer`, `removed`, `binary`, `both`, `deleted`, `lost` or `command`.
        path: the file, question or command it speaks of.
        sentence: what happened, and the way out.
    """

    kind: str
    path: str
    sentence: str


class Mended(NamedTuple):
    """What an audit found.

    Attributes:
        files: what must be written over Copier's result; nothing in place of a file that must go.
        looks: what a person must look at.
    """

    files: dict[str, File | None]
    looks: list[Look]


def audit(born: Tree, ours: Tree, theirs: Tree, result: Tree, owned: Callable[[str], bool]) -> Mended:
    """Hold the result of an update against what it must have kept.

    Args:
        born: files as the template rendered them for the version before (O).
        ours: files as the team has them (U); at least every path of the other three that the team has.
        theirs: files as the template renders them now (N).
        result: files after Copier's update.
        owned: tells whether the service owns a path.
    """
    mended = Mended({}, [])
    for path in sorted(born.keys() | ours.keys() | theirs.keys() | result.keys()):
        if path == ANSWERS_FILE:
            continue
        base, own, new, got = born.get(path), ours.get(path), theirs.get(path), result.get(path)
        kept = own
        if not owned(path):
            kept, looks = _merged(path, base, own, new)
            mended.looks.extend(looks)
        if kept != got:
            mended.files[path] = kept
    return mended


def added(base: File | None, own: File) -> Counter[bytes]:
    """Count the lines of a text that its base has not, or has fewer of."""
    return Counter(own.data.splitlines()) - Counter(base.data.splitlines() if base else ())


def lost(base: File | None, own: File, got: File | None) -> list[bytes]:
    """Give the lines that the team added and that a result has not; blank ones aside."""
    there = Counter(got.data.splitlines() if got else ())
    return [line for line in (added(base, own) - there).elements() if line.strip()]


def conflicts(data: bytes) -> int:
    """Count the conflicts that are marked in a text."""
    return sum(line.rstrip() == BEGIN for line in data.splitlines())


def merge(base: File | None, own: File, new: File) -> File:
    """Merge two texts by their lines, with conflicts marked as Copier marks them; line ends are the team's."""
    if _windows(own) and not _windows(new):
        merged = merge(base, File(own.mode, own.data.replace(b"\r\n", b"\n")), new)
        return File(merged.mode, merged.data.replace(b"\n", b"\r\n"))
    with tempfile.TemporaryDirectory() as scratch:
        places = [Path(scratch, name) for name in ("own", "base", "new")]
        for place, file in zip(places, (own, base, new), strict=True):
            place.write_bytes(file.data if file else b"")
        labels = [word for label in LABELS for word in ("-L", label)]
        done = subprocess.run(
            ["git", "merge-file", "-p", *labels, *map(str, places)],
            check=False,
            capture_output=True,
            env=environment(),
        )
    return File(_mode(base, own, new), done.stdout)


def _merged(path: str, base: File | None, own: File | None, new: File | None) -> tuple[File | None, list[Look]]:
    if new in (base, own):
        return own, []
    if own == base:
        return new, []
    if own is None:
        how = "changed it since" if base else "brings it"
        return None, [Look("deleted", path, f"the team deleted or moved it, and the template {how}; it stays deleted")]
    if new is None:
        say = "the template removed it, but the team had edited it; it was kept: remove it when it is no longer needed"
        return own, [Look("removed", path, say)]
    if not (own.is_text and new.is_text and (base is None or base.is_text)):
        say = "no text to merge, and both sides changed it; the team's was kept"
        return own, [
            Look("binary", path, f"{say}: take the template's with `copier update` by hand where it is wanted")
        ]
    kept = merge(base, own, new)
    looks = [Look("both", path, "the team and the template both added a file of this name")] if base is None else []
    if gone := lost(base, own, kept):
        shown = gone[0].decode("utf-8", "replace").strip()
        looks.append(Look("lost", path, f"{len(gone)} lines of the team are not in the result, the first: {shown}"))
    return kept, looks


def _windows(file: File) -> bool:
    return b"\r\n" in file.data and file.data.count(b"\r\n") == file.data.count(b"\n")


def _mode(base: File | None, own: File, new: File) -> str:
    return new.mode if base is not None and own.mode == base.mode else own.mode


def summary(looks: Iterable[Look]) -> dict[str, list[Look]]:
    """Group what to look at by its kind, in order."""
    groups: dict[str, list[Look]] = {}
    for look in looks:
        groups.setdefault(look.kind, []).append(look)
    return groups
