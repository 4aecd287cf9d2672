"""The files of an update: rendered into a folder, or kept by git."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from slipway.gitting import environment, git, git_bytes, names

PLAIN, SCRIPT, LINK, MODULE = "100644", "100755", "120000", "160000"
UNFILTERED = frozenset({"unspecified", "unset", "set", ""})
AS_KEPT = ("-c", "core.autocrlf=false", "-c", "core.eol=lf")


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
        links = [name for name in folders if Path(parent, name).is_symlink()]
        for name in [*files, *links]:
            path = Path(parent, name)
            found[path.relative_to(root).as_posix()] = _read(path)
    return found


def _read(path: Path) -> File:
    if path.is_symlink():
        return File(LINK, os.fsencode(path.readlink()))
    return File(SCRIPT if path.stat().st_mode & 0o100 else PLAIN, path.read_bytes())


def within(below: str, path: str) -> str:
    """Give the path in a repository of what lies at a path of its folder `below`, which is empty for its top."""
    return f"{below}/{path}" if below else path


def without(below: str, path: str) -> str:
    """Give the path in a folder `below` of what lies at a path of the repository."""
    return path.removeprefix(f"{below}/") if below else path


def entries(repository: Path, tree: str, below: str) -> dict[str, tuple[str, str]]:
    """Give mode and object id of each file of a tree below a folder of the repository, by its path from there."""
    listed = names(git(repository, "ls-tree", "-r", "-z", "--full-tree", tree, "--", below or "."))
    found = {}
    for line in listed:
        head, _, path = line.partition("\t")
        mode, _, identity = head.split(" ")
        found[without(below, path)] = (mode, identity)
    return found


def contents(repository: Path, wanted: Mapping[str, tuple[str, str]]) -> Tree:
    """Read files by their object ids, in one process."""
    blobs = sorted({identity for mode, identity in wanted.values() if mode != MODULE})
    data = dict(zip(blobs, _batch(repository, blobs), strict=True))
    return {path: File(mode, data.get(identity, identity.encode())) for path, (mode, identity) in wanted.items()}


def checked_out(worktree: Path, below: str, wanted: Mapping[str, tuple[str, str]]) -> Tree:
    """Read files by their object ids; what a filter keeps elsewhere is read through the filter.

    Raises:
        GitError: a filter failed, or an object is missing.
    """
    found = contents(worktree, wanted)
    for path in filtered(worktree, below, [path for path, file in found.items() if file.mode in (PLAIN, SCRIPT)]):
        mode, identity = wanted[path]
        whole = git_bytes(worktree, *AS_KEPT, "cat-file", "--filters", f"--path={within(below, path)}", identity)
        found[path] = File(mode, whole)
    return found


def filtered(repository: Path, below: str, paths: Iterable[str]) -> list[str]:
    """Give the paths that git keeps through a filter, such as Git LFS, by the attributes of its tree."""
    given = "".join(f"{within(below, path)}\0" for path in paths)
    if not given:
        return []
    told = git(repository, "check-attr", "--stdin", "-z", "filter", given=given).split("\0")
    found = (path for path, value in zip(told[::3], told[2::3], strict=False) if value not in UNFILTERED)
    return [without(below, path) for path in found]


def stage(repository: Path, below: str, files: Mapping[str, File | None], scratch: Path) -> None:
    """Put files into the index, or take them out, whatever the working tree and the ignore rules say.

    Bytes are kept as they are: no line end is turned, and only a filter that the path has by its attributes runs.

    Args:
        repository: a working tree, whose index is changed.
        below: the folder of the service in it.
        files: what the index is to hold by path; nothing in place of a file that must go.
        scratch: a folder for temporary files.

    Raises:
        GitError: git refused, or a filter failed.
    """
    regular = {path: file for path, file in files.items() if file and file.mode != MODULE}
    places = []
    with tempfile.TemporaryDirectory(dir=scratch) as kept:
        for number, file in enumerate(regular.values()):
            place = Path(kept, str(number))
            place.write_bytes(file.data)
            places.append(f"{place}\n")
        told = git(repository, "hash-object", "-w", "--no-filters", "--stdin-paths", given="".join(places)).split()
    identities = dict(zip(regular, told, strict=True))
    for path in filtered(repository, below, [path for path, file in regular.items() if file.mode != LINK]):
        text, inside = regular[path].data.decode("utf-8", "surrogateescape"), f"--path={within(below, path)}"
        identities[path] = git(repository, *AS_KEPT, "hash-object", "-w", "--stdin", inside, given=text).strip()
    gone = "0" * len(git(repository, "rev-parse", "HEAD").strip())
    removed = [f"0 {gone}\t{within(below, path)}\0" for path, file in files.items() if file is None]
    put = [
        f"{file.mode} {identities.get(path) or file.data.decode()}\t{within(below, path)}\0"
        for path, file in files.items()
        if file
    ]
    git(repository, "update-index", "-z", "--index-info", given="".join([*removed, *put]))


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
