"""Whatever a team and the template do to the same files, nothing that the team wrote is lost without a word.

Git's own three-way merge of whole trees, in an index of its own, says what must come of it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st

from slipway.gitting import git_bytes
from slipway.update.outcome import Outcome
from tests.conftest import git
from tests.updates.small import Entry, Small, text
from tests.updates.teams import LINKED, Kept, commit, folder_of, held, missing, named, refit, written

BRANCH = "template/v0.2.0"
ANSWERS = ".copier-answers.yml"
LINES = [f"line {number}" for number in range(1, 9)]
BLOCK = ["- name: x", "  limits:", "    cpu: 1", "    memory: 2", "  end"]
BASE: dict[str, Entry] = {
    "a.txt": text(*LINES),
    "b.txt": text("one", "two", "three"),
    "d/c.txt": text(*LINES),
    "d/e.txt": text("e"),
    "run.sh": Entry(b"#!/bin/sh\necho hi\n", executable=True),
    "logo.bin": Entry(b"\0\1\2logo"),
    "r.yml": text(*BLOCK * 4),
}
OTHERS = ["n.txt", "d/n.txt", "d", "b.txt/x", "n", "n/x/y", "né ü.txt", 'q"\\.txt']
WORDS = [*BLOCK, *LINES[:4], "", "  trailing  ", "<<<<<<< of another kind", "=======", "e"]


class Deed(NamedTuple):
    """Something that is done to a file.

    Attributes:
        kind: `lines`, `write`, `delete`, `move`, `mode`, `windows` or `link`.
        path: the file.
        at: for `lines`: the first line that goes, and how many go.
        data: for `lines` and `write`: what comes; for `move` and `link`: the other path.
    """

    kind: str
    path: str
    at: tuple[int, int] = (0, 0)
    data: bytes = b""


def some_lines(words: list[str]) -> st.SearchStrategy[bytes]:
    """Give a few lines of some words."""
    several = st.lists(st.sampled_from(words), max_size=3)
    return several.map(lambda chosen: "".join(f"{word}\n" for word in chosen).encode())


def line_deeds(paths: list[str], words: list[str]) -> st.SearchStrategy[Deed]:
    """Give changes of lines: some go, some come."""
    at = st.tuples(st.integers(0, 20), st.integers(0, 3))
    return st.builds(Deed, st.just("lines"), st.sampled_from(paths), at, some_lines(words))


def deeds(focus: str, words: list[str], contents: list[bytes], *more: str) -> st.SearchStrategy[list[Deed]]:
    """Give what one side does: mostly changes of lines, and mostly to the file that the other side changes too."""
    there = st.one_of(st.just(focus), st.just(focus), st.sampled_from(list(BASE)))
    anywhere = st.one_of(st.just(focus), st.sampled_from([*BASE, *OTHERS]))
    lines = there.flatmap(lambda path: line_deeds([path], words))
    writes = st.builds(Deed, st.just("write"), anywhere, st.just((0, 0)), st.sampled_from(contents))
    simple = st.builds(Deed, st.sampled_from(["delete", "mode", "mode", *more]), there)
    moves = st.builds(Deed, st.just("move"), there, st.just((0, 0)), anywhere.map(lambda path: path.encode()))
    return st.lists(st.one_of(lines, lines, lines, writes, simple, moves), min_size=1, max_size=5)


TEXTS = [b"", b"e\n", b"new\nfile\n", b"no end", text(*BLOCK).content, b"\0binary"]
OURS = [b"ours\r\nto\r\nthe end\r\n", b"caf\xe9 ours\n", "ours\n".encode("utf-16"), b"ours \0\n", b"ours\rold\n"]
THEIRS = [b"theirs\n", b"theirs \0\n"]
Lives = tuple[list[Deed], list[Deed]]
LIVES: st.SearchStrategy[Lives] = st.sampled_from([*BASE, *["a.txt", "d/c.txt", "r.yml"] * 2]).flatmap(
    lambda focus: st.tuples(
        deeds(focus, [*WORDS, *["ours 1", "ours 2", "ours ü\u2028"] * 5], [*TEXTS, *OURS], "windows", "link"),
        deeds(focus, [*WORDS, *["theirs 1", "theirs 2"] * 5], [*TEXTS, *THEIRS]),
    )
)
ALIKE = ["r.yml"]
ALIKE_TEAMS = st.lists(line_deeds(ALIKE, [*BLOCK, "ours"]), min_size=1, max_size=3)
ALIKE_TEMPLATES = st.lists(line_deeds(ALIKE, [*BLOCK, "theirs"]), min_size=1, max_size=3)


def spliced(data: bytes, deed: Deed) -> bytes:
    """Put lines in the place of others."""
    lines = data.splitlines(keepends=True)
    first = min(deed.at[0], len(lines))
    lines[first : first + deed.at[1]] = [deed.data]
    return b"".join(lines)


def clear(root: Path, path: str) -> Path:
    """Make room for a file: what stands in its place, or in that of a folder above it, goes."""
    place = root / path
    for parent in [*place.parents]:
        if parent != root and root in parent.parents and (parent.is_symlink() or parent.is_file()):
            parent.unlink()
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)
    place.unlink(missing_ok=True)
    place.parent.mkdir(parents=True, exist_ok=True)
    return place


def do(root: Path, deed: Deed) -> None:
    """Do it in a folder; what is not there any more is left alone."""
    place = root / deed.path
    if deed.kind == "write":
        clear(root, deed.path).write_bytes(deed.data)
        return
    if place.is_symlink() or not place.is_file():
        return
    data, mode = place.read_bytes(), place.stat().st_mode
    if deed.kind == "lines":
        place.write_bytes(spliced(data, deed))
    elif deed.kind == "windows":
        place.write_bytes(data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
    elif deed.kind == "mode":
        place.chmod(mode ^ 0o111)
    elif deed.kind == "link":
        place.unlink()
        place.symlink_to("elsewhere")
    else:
        place.unlink()
    if deed.kind == "move":
        target = clear(root, deed.data.decode())
        target.write_bytes(data)
        target.chmod(mode)


class World:
    """One template and one service, which every example takes back to where they were."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.small = Small(place / "life")
        self.small.bear(self.small.release(BASE))
        self.blobs: dict[str, bytes] = {}
        self.born = git(self.small.service, "rev-parse", "main")

    def begin(self) -> None:
        """Take both back to the first release."""
        for repository, first in ((self.small.template, "v0.1.0"), (self.small.service, self.born)):
            git(repository, "reset", "-q", "--hard", first)
            git(repository, "clean", "-qffdx")
        for repository, ref in (
            (self.small.template, "refs/tags/v0.2.0"),
            (self.small.service, f"refs/heads/{BRANCH}"),
        ):
            git(repository, "update-ref", "-d", ref)

    def release(self, done: list[Deed], scratch: Path) -> str:
        """Release what the template makes of its files, and give the tree that it renders, as git would keep it."""
        tree = scratch / "theirs"
        for path, entry in BASE.items():
            place = clear(tree, path)
            place.write_bytes(entry.content)
            place.chmod(0o755 if entry.executable else 0o644)
        for deed in done:
            do(tree, deed)
        files = {
            path.relative_to(tree).as_posix(): Entry(path.read_bytes(), os.access(path, os.X_OK))
            for path in sorted(tree.rglob("*"))
            if path.is_file()
        }
        self.small.release(files, "v0.2.0")
        shutil.copyfile(self.small.service / ANSWERS, tree / ANSWERS)
        self.indexed(scratch, "--work-tree", str(tree), "add", "-A", "-f", ".")
        return self.indexed(scratch, "write-tree").strip()

    def merged(self, theirs: str, scratch: Path) -> tuple[dict[str, Kept], set[str]]:
        """Merge by git alone, without a search for renames: the files, and the paths that it cannot merge."""
        (scratch / "index").unlink()
        self.indexed(scratch, "read-tree", "-i", "-m", self.born, "main", theirs)
        stages: dict[str, dict[str, Kept]] = {}
        for line in filter(None, self.indexed(scratch, "ls-files", "--stage", "-z").split("\0")):
            head, _, path = line.partition("\t")
            mode, identity, stage = head.split(" ")
            stages.setdefault(path, {})[stage] = Kept(mode, self.blob(identity))
        files, conflicted = {}, set()
        for path, found in stages.items():
            base, own, new = (found.get(stage) for stage in "123")
            clean, whole = (True, found["0"]) if "0" in found else three_way(base, own, new, scratch)
            if not clean:
                conflicted.add(path)
            elif whole:
                files[path] = whole
        return files, conflicted

    def blob(self, identity: str) -> bytes:
        """Read a blob, once."""
        if identity not in self.blobs:
            self.blobs[identity] = git_bytes(self.small.service, "cat-file", "blob", identity)
        return self.blobs[identity]

    def indexed(self, scratch: Path, *arguments: str) -> str:
        """Run git on the service with an index of its own."""
        environment = {**os.environ, "GIT_INDEX_FILE": str(scratch / "index")}
        command = ["git", "--git-dir", str(self.small.service / ".git"), *arguments]
        place = scratch / "theirs" if "--work-tree" in arguments else scratch
        done = subprocess.run(command, check=True, capture_output=True, env=environment, cwd=place)
        return done.stdout.decode("utf-8", "surrogateescape")


def three_way(base: Kept | None, own: Kept | None, new: Kept | None, scratch: Path) -> tuple[bool, Kept | None]:
    """Merge one file of three stages: whether that can be done, and what it gives."""
    if new in (base, own):
        return True, own
    if own == base:
        return True, new
    if not base or not own or not new or LINKED in {base.mode, own.mode, new.mode}:
        return False, None
    for name, file in (("1", base), ("2", own), ("3", new)):
        (scratch / name).write_bytes(file.data)
    places = [str(scratch / name) for name in "213"]
    done = subprocess.run(["git", "merge-file", "-p", *places], check=False, capture_output=True)
    return done.returncode == 0, Kept(new.mode if own.mode == base.mode else own.mode, done.stdout)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("world"))


def hold(world: World, team: list[Deed], template: list[Deed]) -> Outcome:
    """Let both sides do what they do, update, and hold the branch against git's own merge."""
    service = world.small.service
    world.begin()
    for deed in team:
        do(service, deed)
    commit(service)
    with tempfile.TemporaryDirectory(dir=world.place) as scratch:
        by_git, conflicted = world.merged(world.release(template, Path(scratch)), Path(scratch))
        before, head = folder_of(service), git(service, "rev-parse", "main")
        outcome = refit(service, Path(scratch, "engine"))
    born, ours, branch = (held(service, revision) for revision in (world.born, head, BRANCH))

    assert folder_of(service) == before
    assert git(service, "rev-parse", "main", f"{BRANCH}~1").split() == [head, head]
    told = named(outcome)
    for path in (branch.keys() | by_git.keys()) - {ANSWERS}:
        if path not in conflicted and path not in told:
            assert branch.get(path) == by_git.get(path), path
    for path in conflicted - told:
        assert accounted(ours.get(path), branch.get(path)), path
    assert missing(written(born, ours), branch) == {}
    for path, file in branch.items():
        assert file.data.count(b"<<<<<<< before updating") == outcome.conflicts.get(path, 0)
    event(f"conflicts: {bool(outcome.conflicts)}, looks: {sorted({look.kind for look in outcome.looks})}")
    return outcome


def accounted(ours: Kept | None, branch: Kept | None) -> bool:
    """Tell whether a file that git's merge of trees gives up, and no look names, is whole: line ends of Windows."""
    return ours is not None and branch is not None and b"\r\n" in ours.data and b"\r\n" in branch.data


COMMON = settings(
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@settings(COMMON, max_examples=15)
@given(lives=LIVES)
def test_nothing_that_a_team_wrote_is_lost_without_a_word(world: World, lives: Lives) -> None:
    hold(world, *lives)


@settings(COMMON, max_examples=6)
@given(team=ALIKE_TEAMS, template=ALIKE_TEMPLATES)
def test_an_edit_stays_in_its_block_where_blocks_look_alike(
    world: World, team: list[Deed], template: list[Deed]
) -> None:
    hold(world, team, template)


@pytest.mark.slow
@settings(COMMON, max_examples=70)
@given(lives=LIVES)
def test_nothing_that_a_team_wrote_is_lost_in_many_examples(world: World, lives: Lives) -> None:
    hold(world, *lives)


@pytest.mark.slow
@settings(COMMON, max_examples=30)
@given(team=ALIKE_TEAMS, template=ALIKE_TEMPLATES)
def test_an_edit_stays_in_its_block_in_many_examples(world: World, team: list[Deed], template: list[Deed]) -> None:
    hold(world, team, template)
