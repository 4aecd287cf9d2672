"""A team that lives with the template: what its folder holds, what its branches hold, and an update that it runs."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from slipway.engine import Engine
from slipway.update.outcome import Outcome, Wish
from slipway.update.run import update
from tests.conftest import Answers, git

LINKED = "120000"
MODULE = "160000"


class Kept(NamedTuple):
    """A file as git keeps it: its mode, and its bytes (of a link, its target; of a submodule, nothing)."""

    mode: str
    data: bytes


def held(repository: Path, revision: str, below: str = "") -> dict[str, Kept]:
    """Read the files of a revision with git alone; names that are not UTF-8 keep their bytes as surrogates."""
    listed = _git(repository, "ls-tree", "-r", "-z", "--full-tree", revision)
    entries = []
    for line in filter(None, listed.decode("utf-8", "surrogateescape").split("\0")):
        head, _, path = line.partition("\t")
        mode, _, identity = head.split(" ")
        entries.append((path, mode, identity))
    rest = _git(repository, "cat-file", "--batch", given="".join(f"{one[2]}\n" for one in entries).encode())
    found = {}
    for path, mode, _ in entries:
        told, _, rest = rest.partition(b"\n")
        size = 0 if mode == MODULE else int(told.split(b" ")[2])
        if path.startswith(below):
            found[path.removeprefix(below)] = Kept(mode, rest[:size])
        rest = rest if mode == MODULE else rest[size + 1 :]
    return found


def folder_of(repository: Path) -> dict[str, tuple[int, bytes]]:
    """Read whatever lies in a working tree, the index and the branch that is checked out: what no update may touch."""
    found = {}
    for path in sorted(repository.rglob("*")):
        name = path.relative_to(repository).as_posix()
        if name.split("/")[0] == ".git" and name not in {".git/index", ".git/HEAD", ".git/config"}:
            continue
        if path.is_symlink():
            found[name] = (0, str(path.readlink()).encode("utf-8", "surrogateescape"))
        elif path.is_file():
            found[name] = (path.stat().st_mode, path.read_bytes())
    return found


def refit(service: Path, place: Path, targets: Sequence[str] = (), answers: Answers | None = None) -> Outcome:
    """Run `slipway update` in this process; with answers, they change at the version that is there."""
    place.mkdir(parents=True, exist_ok=True)
    return update(service, Wish(answers=answers or {}, targets=targets), Engine(place))


def commit(service: Path, subject: str = "chore: our own ways", *more: str) -> None:
    """Commit whatever lies in the folder, if anything does."""
    git(service, "add", "-A", *more)
    git(service, "commit", "-q", "--allow-empty", "--no-verify", "--no-gpg-sign", "-m", subject)


def written(born: Mapping[str, Kept], ours: Mapping[str, Kept]) -> dict[str, Counter[bytes]]:
    """Count what a team wrote: by path the lines that the template did not bring, or the whole of what has no lines."""
    found = {}
    for path, file in ours.items():
        was = born.get(path)
        if file == was or path == ".copier-answers.yml":
            continue
        whole = file.mode == LINKED or b"\0" in file.data
        lines = Counter([file.data] if whole else file.data.splitlines())
        found[path] = lines - (Counter() if whole or was is None else Counter(was.data.splitlines()))
    return found


def missing(wrote: Mapping[str, Counter[bytes]], branch: Mapping[str, Kept]) -> dict[str, list[bytes]]:
    """Give what a team wrote and a branch does not hold, by path."""
    found = {}
    for path, lines in wrote.items():
        data = branch[path].data if path in branch else None
        there = Counter([data, *data.splitlines()]) if data is not None else Counter[bytes]()
        if gone := [line for line in (lines - there).elements() if line.strip()]:
            found[path] = gone
    return found


def named(outcome: Outcome) -> set[str]:
    """Give the paths that an update tells a person to look at."""
    return {look.path for look in outcome.looks} | set(outcome.conflicts)


def _git(repository: Path, *arguments: str, given: bytes = b"") -> bytes:
    return subprocess.run(
        ["git", "-C", str(repository), *arguments], check=True, capture_output=True, input=given
    ).stdout
