"""What plain `copier update` loses without a word, case by case: `slipway update` keeps it, or names it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from slipway.report import shown
from slipway.update.text import screen
from tests.conftest import git
from tests.updates.small import Entry, Files, Small, lived, text
from tests.updates.teams import commit, folder_of, held, missing, named, refit, written

Does = Callable[[Path], object]
BRANCH = "template/v0.2.0"
PLAIN, SCRIPT, LINK = "100644", "100755", "120000"
LINES = [f"line {number}" for number in range(1, 13)]
BASE: dict[str, Entry] = {
    "a.txt": text(*LINES),
    "b.txt": text("one", "two", "three"),
    "d/c.txt": text(*LINES),
    "run.sh": Entry(b"#!/bin/sh\necho hi\n", executable=True),
    "logo.bin": Entry(bytes(range(256))),
}
BLOCK = ["  image: x", "  limits:", "    cpu: 1", "    memory: 2", "    disk: 3", "    net: 4", "  end"]


def but(files: Files, *gone: str, **changed: Entry) -> dict[str, Entry]:
    """Give files without some, and with others; `__` in a name is a slash and `_` a dot."""
    there = {path: entry for path, entry in files.items() if path not in gone}
    return {**there, **{name.replace("__", "/").replace("_", "."): entry for name, entry in changed.items()}}


def blocks(*names: str) -> list[str]:
    """Give a list of blocks that look alike."""
    return [line for name in names for line in (f"- name: {name}", *BLOCK)]


NEW_A = but(BASE, a_txt=text("NEW", *LINES))
NEW_B = but(BASE, b_txt=text("one", "two", "three", "four"))


def writes(path: str, data: bytes | Callable[[bytes], bytes]) -> Does:
    """Give a deed: write a file, or change its bytes."""

    def do(service: Path) -> None:
        place = service / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data if isinstance(data, bytes) else data(place.read_bytes()))

    return do


def adds(path: str, line: bytes) -> Does:
    """Give a deed: add a line at the end of a file."""
    return writes(path, lambda data: data + line + b"\n")


def replaces(path: str, line: int, *lines: bytes) -> Does:
    """Give a deed: put lines in the place of a line of a file; the first is 0."""

    def change(data: bytes) -> bytes:
        there = data.splitlines()
        there[line : line + 1] = lines
        return b"".join(one + b"\n" for one in there)

    return writes(path, change)


def replaced_by_file(service: Path) -> None:
    shutil.rmtree(service / "d")
    (service / "d").write_text("our own text\n", encoding="utf-8")


def replaced_by_folder(service: Path) -> None:
    (service / "b.txt").unlink()
    (service / "b.txt").mkdir()
    (service / "b.txt/own").write_text("own\n", encoding="utf-8")


def folder_replaced_by_link(service: Path) -> None:
    shutil.move(service / "d", service / "own")
    (service / "d").symlink_to("own")
    (service / "own/c.txt").write_text("all ours\n", encoding="utf-8")


def file_replaced_by_link(service: Path) -> None:
    (service / "mine.txt").write_text("one\nmine\n", encoding="utf-8")
    (service / "b.txt").unlink()
    (service / "b.txt").symlink_to("mine.txt")


def ignores(*patterns: str) -> Does:
    """Give a deed: commit a list of what git ignores."""

    def do(service: Path) -> None:
        (service / ".gitignore").write_text("".join(f"{one}\n" for one in patterns), encoding="utf-8")
        commit(service)

    return do


def committed(service: Path) -> None:
    """Commit even what is ignored."""
    commit(service, "chore: all of it", "-f")


def overlooked(flag: str) -> Does:
    """Give a deed: tell git to overlook changes to a file, and change it."""

    def do(service: Path) -> None:
        commit(service)
        git(service, "update-index", flag, "b.txt")
        (service / "b.txt").write_text("ours, here alone\n", encoding="utf-8")

    return do


def taken_out_of_git(service: Path) -> None:
    git(service, "rm", "-q", "--cached", "b.txt")
    ignores("b.txt")(service)
    (service / "b.txt").write_text("ours, here alone\n", encoding="utf-8")


@dataclass(frozen=True)
class Case:
    """What a team did, what the template did, and what must come of it.

    Attributes:
        name: its number in the table, and what it is about.
        does: what the team does, in order; what lies in the folder is committed after it.
        after: the files of the template's next release.
        before: the files of its first release.
        later: what the team does after the commit: what git does not keep.
        configured: settings in the person's git configuration.
        branch: bytes that a path must have on the branch; nothing where there must be no such path.
        looks: the kinds and paths to be looked at; left out: none.
        conflicts: conflicts by path.
        silent: plain Copier loses it and says nothing.
    """

    name: str
    does: tuple[Does, ...]
    after: Files
    before: Files = field(default_factory=lambda: BASE)
    later: tuple[Does, ...] = ()
    configured: Mapping[str, str] = field(default_factory=dict)
    branch: Mapping[str, bytes | None] = field(default_factory=dict)
    looks: frozenset[tuple[str, str]] = frozenset()
    conflicts: Mapping[str, int] = field(default_factory=dict)
    silent: bool = False


def looks(*pairs: tuple[str, str]) -> frozenset[tuple[str, str]]:
    """Give what must be named."""
    return frozenset(pairs)


REVERSED = bytes(range(256))[::-1]
LATIN = "café own".encode("latin-1")
ONE_TWO_THREE = b"one\ntwo\nthree\n"
LIKE = ["- a", "  x", "  y", "  z", "  p", "  q", "  r", "- b", "  x", "  y", "  z", "  p", "  q", "  r", "- c"]
IGNORING = but(BASE, _gitignore=text("b.txt"))
UNDIFFED = but(BASE, _gitattributes=text("b.txt -diff"))
EDITED = {"b.txt": ONE_TWO_THREE + b"mine\n"}
FOUR = text("one", "two", "three", "four")

CASES = [
    Case("A1 a binary of the template, edited", (writes("logo.bin", REVERSED),), NEW_A,
         branch={"logo.bin": REVERSED}, silent=True),
    Case("A1 a binary that both changed", (writes("logo.bin", REVERSED),), but(NEW_A, logo_bin=Entry(b"\0")),
         branch={"logo.bin": REVERSED}, looks=looks(("binary", "logo.bin")), silent=True),
    Case("A2 a text with a zero byte", (adds("b.txt", b"own\0"),), NEW_A,
         branch={"b.txt": ONE_TWO_THREE + b"own\0\n"}, silent=True),
    Case("A2 a text in UTF-16", (writes("b.txt", ONE_TWO_THREE.decode().encode("utf-16")),), NEW_A,
         branch={"b.txt": ONE_TWO_THREE.decode().encode("utf-16")}, silent=True),
    Case("A2 a text with a zero byte that the template changed", (adds("b.txt", b"own\0"),), NEW_B,
         branch={"b.txt": ONE_TWO_THREE + b"own\0\n"}, looks=looks(("binary", "b.txt")), silent=True),
    Case("A3 a binary that both added", (writes("n.bin", b"\0ours"),), but(BASE, n_bin=Entry(b"\0theirs")),
         branch={"n.bin": b"\0ours"}, looks=looks(("binary", "n.bin")), silent=True),
    Case("A4 a line that is not UTF-8", (adds("b.txt", LATIN),), NEW_A,
         branch={"b.txt": ONE_TWO_THREE + LATIN + b"\n"}, silent=True),
    Case("A5 an edited file that the template removes", (adds("b.txt", b"mine"),), but(BASE, "b.txt"),
         branch=EDITED, looks=looks(("removed", "b.txt")), silent=True),
    Case("A5 a file with a mode of the team's that the template removes",
         (lambda service: (service / "b.txt").chmod(0o755),), but(BASE, "b.txt"),
         branch={"b.txt": ONE_TWO_THREE}, looks=looks(("removed", "b.txt"))),
    Case("A6 an edited file that the template moves", (adds("b.txt", b"mine"),),
         but(BASE, "b.txt", e_txt=BASE["b.txt"]),
         branch={**EDITED, "e.txt": ONE_TWO_THREE}, looks=looks(("removed", "b.txt")), silent=True),
    Case("A8 an attribute of the template says -diff", (adds("b.txt", b"mine"),),
         but(UNDIFFED, a_txt=NEW_A["a.txt"]), before=UNDIFFED, branch=EDITED, silent=True),
    Case("A8 an attribute of the person says -diff", (adds("b.txt", b"mine"),), NEW_A,
         configured={"core.attributesFile": "*.txt -diff"}, branch=EDITED, silent=True),
    Case("A9 the template ignores the file", (adds("b.txt", b"mine"), committed),
         but(IGNORING, a_txt=NEW_A["a.txt"]), before=IGNORING, branch=EDITED, silent=True),
    Case("A9 the person ignores the file", (adds("b.txt", b"mine"), committed), NEW_A,
         configured={"core.excludesFile": "b.txt"}, branch=EDITED, silent=True),
    Case("A9 the template ignores the file and changes it", (), but(IGNORING, b_txt=FOUR), before=IGNORING,
         branch={"b.txt": FOUR.content}),
    Case("A10 white space is an error", (adds("b.txt", b"mine  "), adds("d/c.txt", b"other")), NEW_A,
         configured={"apply.whitespace": "error"}, silent=True,
         branch={"b.txt": ONE_TWO_THREE + b"mine  \n", "d/c.txt": BASE["d/c.txt"].content + b"other\n"}),
    Case("A11 white space is mended", (adds("b.txt", b"mine  "),), NEW_A, configured={"apply.whitespace": "fix"},
         branch={"b.txt": ONE_TWO_THREE + b"mine  \n"}, silent=True),
    Case("A12 untracked files are not shown", (adds("b.txt", b"mine"),), NEW_B,
         configured={"status.showUntrackedFiles": "no"}, conflicts={"b.txt": 1}, silent=True),
    Case("A13 a file of the team is called as a reject", (adds("b.txt", b"mine"), writes("b.txt.rej", b"notes\n")),
         NEW_B, branch={"b.txt.rej": b"notes\n"}, conflicts={"b.txt": 1}, silent=True),
    Case("A14 an ignored file whose name is a pattern", (ignores(r"\[ab\].txt"), adds("a.txt", b"mine")), NEW_B,
         later=(writes("[ab].txt", b"x\n"),), branch={"a.txt": BASE["a.txt"].content + b"mine\n"}, silent=True),
    Case("A15 a link in place of a folder", (folder_replaced_by_link,), but(BASE, d__c_txt=text(*LINES, "new")),
         branch={"d": b"own", "own/c.txt": b"all ours\n", "d/c.txt": None}, looks=looks(("deleted", "d/c.txt")),
         silent=True),
    Case("A15 a link in place of a folder, where the template adds a file", (folder_replaced_by_link,),
         but(BASE, d__n_txt=text("new")), branch={"d": b"own", "own/c.txt": b"all ours\n", "own/n.txt": None},
         looks=looks(("clash", "d/n.txt"))),
    Case("A15 a link in place of a file", (file_replaced_by_link,), NEW_B,
         branch={"b.txt": b"mine.txt", "mine.txt": b"one\nmine\n"}, looks=looks(("binary", "b.txt"))),
    Case("A16 a comment in the answers file", (writes(".copier-answers.yml", lambda data: b"# ours\n" + data),), NEW_A,
         looks=looks(("comment", ".copier-answers.yml"))),
    Case("A16 a key of the team in the answers file", (adds(".copier-answers.yml", b"own_key: 1"),), NEW_A,
         looks=looks(("answer", "own_key"))),
    Case("B1 an ignored file that the template brings", (ignores("local.env"),), but(BASE, local_env=text("A=1")),
         later=(writes("local.env", b"OURS=1\n"),), branch={"local.env": b"A=1\n"},
         looks=looks(("local", "local.env"))),
    Case("B1 an ignored file where the template brings a folder", (ignores("n"),), but(BASE, n__x_txt=text("x")),
         later=(writes("n", b"ours\n"),), branch={"n/x.txt": b"x\n"}, looks=looks(("local", "n/x.txt"))),
    Case("B1 an ignored folder where the template brings a file", (ignores("n"),), but(BASE, n=text("x")),
         later=(writes("n/ours", b"ours\n"),), branch={"n": b"x\n"}, looks=looks(("local", "n"))),
    Case("B2 a file that the team took out of git", (taken_out_of_git,), NEW_B, branch={"b.txt": None},
         looks=looks(("deleted", "b.txt"))),
    Case("B3 a file that git was told to skip", (), NEW_B, later=(overlooked("--skip-worktree"),),
         branch={"b.txt": FOUR.content}, looks=looks(("local", "b.txt"))),
    Case("B3 a file that git was told to assume unchanged", (), NEW_B, later=(overlooked("--assume-unchanged"),),
         branch={"b.txt": FOUR.content}, looks=looks(("local", "b.txt"))),
    Case("B4 an untracked file that the template brings", (), but(BASE, n_txt=text("new")),
         later=(writes("n.txt", b"ours\n"),), configured={"status.showUntrackedFiles": "no"},
         looks=looks(("local", "n.txt"))),
    Case("B5 an ignored file that is called as a reject", (ignores("*.rej"), adds("b.txt", b"mine")), NEW_A,
         later=(writes("b.txt.rej", b"notes\n"),), branch=EDITED),
    Case("C1 a file in place of a folder", (replaced_by_file,), NEW_A, branch={"d": b"our own text\n"}),
    Case("C1 a file in place of a folder where the template adds a file", (replaced_by_file,),
         but(BASE, d__n_txt=text("new")), branch={"d": b"our own text\n"}, looks=looks(("clash", "d/n.txt"))),
    Case("C2 a file in place of a folder that the template removes", (replaced_by_file,), but(NEW_A, "d/c.txt"),
         branch={"d": b"our own text\n"}),
    Case("C3 a folder in place of a file", (replaced_by_folder,), NEW_A, branch={"b.txt/own": b"own\n"}),
    Case("C3 a folder in place of a file that the template changed", (replaced_by_folder,), NEW_B,
         branch={"b.txt/own": b"own\n"}, looks=looks(("deleted", "b.txt"))),
    Case("C4 a file where the template brings a folder", (writes("n", b"own\n"),), but(BASE, n__x_txt=text("x")),
         branch={"n": b"own\n"}, looks=looks(("clash", "n/x.txt"))),
    Case("C5 a folder where the template brings a file", (writes("n/own", b"own\n"),), but(BASE, n=text("x")),
         branch={"n/own": b"own\n"}, looks=looks(("clash", "n"))),
    Case("C6 a file that the template makes a folder", (), {**but(NEW_A, "b.txt"), "b.txt/x": text("x")},
         branch={"b.txt/x": b"x\n", "b.txt": None}),
    Case("C6 an edited file that the template makes a folder", (adds("b.txt", b"mine"),),
         {**but(NEW_A, "b.txt"), "b.txt/x": text("x")}, branch=EDITED,
         looks=looks(("removed", "b.txt"), ("clash", "b.txt/x"))),
    Case("C6 a folder that the template makes a file", (adds("b.txt", b"mine"),), but(NEW_A, "d/c.txt", d=text("x")),
         branch={**EDITED, "d": b"x\n", "d/c.txt": None}),
    Case("C6 an edited folder that the template makes a file", (writes("d/own", b"own\n"),),
         but(NEW_A, "d/c.txt", d=text("x")), branch={"d/own": b"own\n", "d/c.txt": None},
         looks=looks(("clash", "d"))),
    *[Case(f"C7 a name that git quotes, {name!r}", (writes(name, b"ours\n"),), {**BASE, name: text("theirs")},
           looks=looks(("both", name)), conflicts={name: 1}) for name in ("né.txt", "a\\b", 'q"u', "t\tb")],
    Case("C8 an ignored file whose name is not UTF-8", (ignores("build/*.o"), adds("b.txt", b"mine")), NEW_A,
         later=(writes(os.fsdecode(b"build/\xff.o"), b"x"),), branch=EDITED),
    Case("C9 a file whose name is not UTF-8", (writes(os.fsdecode(b"\xff.txt"), b"own\n"), adds("b.txt", b"mine")),
         NEW_A, branch={**EDITED, os.fsdecode(b"\xff.txt"): b"own\n"}),
    Case("C10 an ignored reject of no file", (ignores("*.rej"), adds("b.txt", b"mine")), NEW_B,
         later=(writes("notes.rej", b"notes\n"),), conflicts={"b.txt": 1}),
    Case("D1 a changed line in one of many like blocks", (replaces("r.yml", 12, b"    memory: 99"),),
         but(BASE, r_yml=text(*blocks("new", "0", "1", "2"))), before=but(BASE, r_yml=text(*blocks("0", "1", "2"))),
         branch={"r.yml": text(*blocks("new", "0"), *(line.replace("memory: 2", "memory: 99") for line in blocks("1")),
                               *blocks("2")).content}),
    Case("D2 a deleted line in one of many like blocks", (replaces("r.yml", 12),),
         but(BASE, r_yml=text(*blocks("new", "0", "1", "2"))), before=but(BASE, r_yml=text(*blocks("0", "1", "2"))),
         branch={"r.yml": text(*blocks("new", "0"), *(line for line in blocks("1") if "memory" not in line),
                               *blocks("2")).content}),
    Case("D3 a changed block that the template removes", (replaces("r.yml", 12, b"    memory: 99"),),
         but(BASE, r_yml=text(*blocks("0", "2"))), before=but(BASE, r_yml=text(*blocks("0", "1", "2"))),
         conflicts={"r.yml": 1}),
    Case("D4 an inserted line that the template adopts", (replaces("r.yml", 3, b"  z", b"  own"),),
         but(BASE, r_yml=text(*LIKE[:4], "  own", *LIKE[4:])), before=but(BASE, r_yml=text(*LIKE)),
         branch={"r.yml": text(*LIKE[:4], "  own", *LIKE[4:]).content}),
]  # fmt: skip


def lives(case: Case, place: Path, monkeypatch: pytest.MonkeyPatch) -> Small:
    """Let a team do what a case says; the settings of the person's git follow last."""
    small = lived(place, case.before, case.after)
    for deed in case.does:
        deed(small.service)
    commit(small.service)
    for deed in case.later:
        deed(small.service)
    configuration = place / "gitconfig"
    shutil.copyfile(os.environ["GIT_CONFIG_GLOBAL"], configuration)
    for key, value in case.configured.items():
        said = value
        if key.endswith("File"):
            (place / key).write_text(f"{value}\n", encoding="utf-8")
            said = str(place / key)
        git(place, "config", "--file", str(configuration), key, said)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(configuration))
    return small


def birth(service: Path) -> str:
    """Give the first commit of a service."""
    return git(service, "rev-list", "--max-parents=0", "main")


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_nothing_of_the_teams_is_lost_without_a_word(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = lives(case, tmp_path / "life", monkeypatch)
    before, head = folder_of(small.service), git(small.service, "rev-parse", "HEAD")

    outcome = refit(small.service, tmp_path / "engine")

    branch = held(small.service, BRANCH)
    ours = held(small.service, head)
    unfound = missing(written(held(small.service, birth(small.service)), ours), branch)
    assert folder_of(small.service) == before
    assert git(small.service, "rev-parse", f"{BRANCH}~1") == head
    assert git(small.service, "worktree", "list").count("\n") == 0
    assert {path: (branch[path].data if path in branch else None) for path in case.branch} == case.branch
    assert {(look.kind, look.path) for look in outcome.looks} == case.looks
    assert outcome.conflicts == case.conflicts
    assert set(unfound) <= named(outcome)
    assert all(shown(look.path) in screen(outcome) for look in outcome.looks)
    assert "your folder" not in git(small.service, "log", "-1", "--format=%B", BRANCH)


@pytest.mark.slow
@pytest.mark.parametrize("case", [case for case in CASES if case.silent], ids=[c.name for c in CASES if c.silent])
def test_plain_copier_loses_it_and_says_nothing(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = lives(case, tmp_path / "life", monkeypatch)
    wrote = written(held(small.service, birth(small.service)), held(small.service, "main"))

    done = small.update_by_command()

    monkeypatch.undo()
    committed(small.service)
    assert done.returncode == 0
    assert done.stdout.strip() == ""
    assert "conflict" not in done.stderr
    assert git(small.service, "ls-files", "--unmerged") == ""
    assert missing(wrote, held(small.service, "main"))
