"""The files of an update: rendered into a folder, or kept by git."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from slipway.gitting import environment, git, names

PLAIN, SCRIPT, LINK, MODULE = "100644", "100755", "120000", "160000"


class File(NamedTuple):
    """A file as git keeps it.

    Attributes:
        mode: git's mode: PLAIN, SCRIPT, LINK or MODULE.
        data: its bytes; of a link, its target.
    """

    mode: str
    data: bytes

    @property
    def is_text(self) -> bool:
        """Tell whether lines can be merged: a regular file without a zero byte at its beginning, as git sees it."""
        return self.mode in (PLAIN, SCRIPT) and b"\0" not in self.data[:8000]


Tree = dict[str, File]


def folder(root: Path) -> Tree:
    """Read a folder that was rendered."""
    found: Tree = {}
    for parent, folders, files in os.walk(root):
        if ".git" in folders:
            folders.remove(".git")
        for name in files:
            path = Path(parent, name)
            mode = SCRIPT if path.stat().st_mode & 0o100 else PLAIN
            found[path.relative_to(root).as_posix()] = File(mode, path.read_bytes())
    return found


def entries(repository: Path, tree: str, below: str) -> dict[str, tuple[str, str]]:
    """Give mode and object id of each file of a tree below a folder of the repository, by its path from there."""
    listed = names(git(repository, "ls-tree", "-r", "-z", "--full-tree", tree, "--", below or "."))
    found = {}
    for line in listed:
        head, _, path = line.partition("\t")
        mode, _, identity = head.split(" ")
        found[path.removeprefix(f"{below}/") if below else path] = (mode, identity)
    return found


def contents(repository: Path, wanted: dict[str, tuple[str, str]]) -> Tree:
    """Read files by their object ids, in one process."""
    blobs = sorted({identity for mode, identity in wanted.values() if mode != MODULE})
    data = dict(zip(blobs, _batch(repository, blobs), strict=True))
    return {path: File(mode, data.get(identity, identity.encode())) for path, (mode, identity) in wanted.items()}


def put(root: Path, path: str, file: File | None) -> None:
    """Write a file into a folder, or remove it, whatever stands at its place."""
    place = root / path
    if place.is_symlink() or place.is_file():
        place.unlink()
    if file is None or file.mode == MODULE:
        return
    for parent in place.parents:
        if parent == root:
            break
        if parent.is_symlink() or parent.is_file():
            parent.unlink()
    place.parent.mkdir(parents=True, exist_ok=True)
    if file.mode == LINK:
        place.symlink_to(os.fsdecode(file.data))
    else:
        place.write_bytes(file.data)
        place.chmod(0o755 if file.mode == SCRIPT else 0o644)


def _batch(repository: Path, blobs: Iterable[str]) -> Iterator[bytes]:
    done = subprocess.run(
        ["git", "-C", str(repository), "cat-file", "--batch"],
        check=True,
        capture_output=True,
        input="".join(f"{blob}\n" for blob in blobs).encode(),
        env=environment(),
    )
    rest = memoryview(done.stdout)
    while rest:
        end = bytes(rest[:200]).index(b"\n")
        size = int(bytes(rest[:end]).split(b" ")[2])
        yield bytes(rest[end + 1 : end + 1 + size])
        rest = rest[end + 2 + size :]
