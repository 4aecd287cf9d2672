"""Every byte accounted for: what a merge must have kept, and what it did not.

With O the file as the template rendered it then, U as the team has it, and N as the template renders it now, a merge
has no choice but where both changed the file: U where the template left it alone, N where the team did. Where both did,
it is git's three-way merge, with what cannot be merged marked in the file. Copier renders O and N; the merge is made
here, because Copier's own puts binary files back, deletes edited files that the template gave up, and applies a hunk
wherever its context fits: docs/explanation/what-an-update-keeps.md.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from slipway.gitting import environment
from slipway.lineage import ANSWERS_FILE
from slipway.update.files import File, Tree

BEGIN = b"<<<<<<< before updating"
LABELS = ("before updating", "last update", "after updating")
MOST_CONFLICTS = 127
COMMENT = re.compile(rb"(?:^|\s)#")
TAKE = "`copier recopy --defaults --overwrite --vcs-ref :current: -x '**' -x '!{path}'`"


class Look(NamedTuple):
    """Something of an update that a person must look at.

    Attributes:
        kind: a word for the group: `answer`, `comment`, `removed`, `binary`, `both`, `clash`, `deleted`, `lost`,
            `local` or `command`.
        path: the file, question or command it speaks of.
        sentence: what happened, and the way out.
    """

    kind: str
    path: str
    sentence: str


class Merged(NamedTuple):
    """What an update comes to.

    Attributes:
        files: the files that are other than the team has them; nothing in place of a file that goes.
        looks: what a person must look at.
    """

    files: dict[str, File | None]
    looks: list[Look]


def audit(born: Tree, ours: Tree, theirs: Tree, owned: Callable[[str], bool], held: Iterable[str] = ()) -> Merged:
    """Merge what the template changed into what the team has, and name whatever a person must look at.

    Args:
        born: files as the template rendered them for the version before (O).
        ours: files as the team has them (U); at least every path of the other two that the team has.
        theirs: files as the template renders them now (N).
        owned: tells whether the service owns a path.
        held: every other path that the team has.
    """
    merged = Merged({}, [])
    for path in sorted(born.keys() | theirs.keys()):
        if owned(path):
            continue
        own, new = ours.get(path), theirs.get(path)
        kept, looks = _answers(own, new) if path == ANSWERS_FILE else _merged(path, born.get(path), own, new)
        merged.looks.extend(looks)
        if kept != own:
            merged.files[path] = kept
    left = sorted((ours.keys() | set(held)) - {path for path, file in merged.files.items() if file is None})
    for path in [path for path, file in merged.files.items() if file and path not in ours]:
        if other := next(_in_the_way(path, left), None):
            del merged.files[path]
            where = f"where the team has the {'folder of' if other.startswith(f'{path}/') else 'file'} `{other}`"
            take = TAKE.format(path=path)
            say = f"the template brings it {where}; the team's was kept: to have the template's, move it and run {take}"
            merged.looks.append(Look("clash", path, say))
    return merged


def _in_the_way(path: str, left: list[str]) -> Iterator[str]:
    """Give the team's files that cannot stand beside a path: one where it needs a folder, or one below it."""
    parts = path.split("/")
    for depth in range(1, len(parts)):
        parent = "/".join(parts[:depth])
        at = bisect_left(left, parent)
        if at < len(left) and left[at] == parent:
            yield parent
    at = bisect_left(left, f"{path}/")
    if at < len(left) and left[at].startswith(f"{path}/"):
        yield left[at]


def _answers(own: File | None, new: File | None) -> tuple[File | None, list[Look]]:
    """Take the answers file as Copier writes it, anew; comments of the team go with the old one, and are named."""
    there = set(new.data.splitlines()) if new else set()
    gone = [line for line in (own.data.splitlines() if own else ()) if COMMENT.search(line) and line not in there]
    text = "; ".join(line.decode("utf-8", "replace").strip() for line in gone)
    return new, [Look("comment", ANSWERS_FILE, f"Copier writes this file anew, without: {text}")] if gone else []


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


def merge(base: File | None, own: File, new: File) -> File | None:
    """Merge two texts by their lines, with conflicts marked as Copier marks them; line ends are the team's.

    Returns:
        The merged file, or nothing when git cannot merge these.
    """
    if _windows(own) and b"\r" not in new.data:
        plain = File(base.mode, _unix(base.data)) if base else None
        merged = merge(plain, File(own.mode, _unix(own.data)), new)
        return File(merged.mode, merged.data.replace(b"\n", b"\r\n")) if merged else None
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
    return File(_mode(base, own, new), done.stdout) if 0 <= done.returncode <= MOST_CONFLICTS else None


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
    texts = own.is_text and new.is_text and (base is None or base.is_text)
    kept = merge(base, own, new) if texts else None
    if kept is None:
        say = "no text to merge, and both sides changed it; the team's was kept: to have the template's, run"
        return own, [Look("binary", path, f"{say} {TAKE.format(path=path)}")]
    looks = [Look("both", path, "the team and the template both added a file of this name")] if base is None else []
    if gone := lost(base, own, kept):
        shown = gone[0].decode("utf-8", "replace").strip()
        looks.append(Look("lost", path, f"{len(gone)} lines of the team are not in the result, the first: {shown}"))
    return kept, looks


def _windows(file: File) -> bool:
    return b"\r\n" in file.data and file.data.count(b"\r\n") == file.data.count(b"\n")


def _unix(data: bytes) -> bytes:
    return data.replace(b"\r\n", b"\n")


def _mode(base: File | None, own: File, new: File) -> str:
    return new.mode if base is not None and own.mode == base.mode else own.mode


def summary(looks: Iterable[Look]) -> dict[str, list[Look]]:
    """Group what to look at by its kind, in order."""
    groups: dict[str, list[Look]] = {}
    for look in looks:
        groups.setdefault(look.kind, []).append(look)
    return groups
