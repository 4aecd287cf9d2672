"""A repository as its last commit has it, read through git alone: nothing in it is run, and no link is followed."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from slipway.adopt import AdoptError
from slipway.gitting import GitError, git, git_bytes, names

SYMLINK = "120000"
SUBMODULE = "160000"
EXECUTABLE = "100755"
REGULAR = "100644"
NOT_OWN = frozenset({"vendor", "node_modules", "testdata", "third_party"})
LONGEST_READ = 1_000_000
READ_ONLY = ("--no-optional-locks",)


class Entry(NamedTuple):
    """What a commit holds at a path.

    Attributes:
        mode: git's file mode, six octal digits.
        blob: id of the content.
        size: bytes of the content; 0 for a submodule.
    """

    mode: str
    blob: str
    size: int


class Snapshot:
    """The last commit of a repository, or of one folder in it, and what lies beside it in the working tree.

    Attributes:
        top: the folder of the working tree.
        below: the folder that is looked at, from the top, with forward slashes; empty when it is the top.
        head: id of the commit.
        branch: name of the branch that is checked out; empty when HEAD is detached.
        entries: everything the commit holds in the folder, by path from there.
    """

    def __init__(self, top: Path, below: str, head: str, branch: str) -> None:
        self.top = top
        self.below = below
        self.head = head
        self.branch = branch
        self.entries: dict[str, Entry] = {}
        self._read: dict[str, bytes] = {}
        for line in names(git(top, "ls-tree", "-r", "-l", "-z", "--full-tree", head, "--", self.spec)):
            about, path = line.split("\t", 1)
            mode, _, blob, size = about.split()
            self.entries[path.removeprefix(f"{below}/") if below else path] = Entry(
                mode, blob, int(size) if size.isdigit() else 0
            )

    @classmethod
    def open(cls, path: Path) -> Snapshot:
        """Read a repository, or a folder in one.

        Raises:
            AdoptError: it is no git repository, bare, git's own folder, or has no commit.
        """
        try:
            bare, inside = git(path, "rev-parse", "--is-bare-repository", "--is-inside-git-dir").split()
        except GitError as error:
            if "ownership" in str(error) or "cannot be run" in str(error):
                message = f"{path} cannot be read: {error}"
                raise AdoptError(message) from error
            message = (
                f"{path} is no git repository, so nothing written there could be taken back; first: "
                f'cd {path} && git init -b main && git add -A && git commit -m "chore: everything so far"'
            )
            raise AdoptError(message) from error
        if bare == "true":
            message = f"{path} is a bare repository; clone it and adopt the clone: git clone {path}"
            raise AdoptError(message)
        if inside == "true":
            message = f"{path} is git's own folder; adopt the folder above it"
            raise AdoptError(message)
        top = Path(git(path, "rev-parse", "--show-toplevel").rstrip("\n"))
        below = git(path, "rev-parse", "--show-prefix").rstrip("\n").rstrip("/")
        try:
            head = git(top, "rev-parse", "--verify", "--quiet", "HEAD^{commit}").strip()
        except GitError as error:
            message = f'{path} has no commit yet; first: git add -A && git commit -m "chore: everything so far"'
            raise AdoptError(message) from error
        try:
            branch = git(top, "symbolic-ref", "--quiet", "--short", "HEAD").strip()
        except GitError:
            branch = ""
        return cls(top, below, head, branch)

    @property
    def root(self) -> Path:
        """The folder that is looked at."""
        return self.top / self.below

    @property
    def spec(self) -> str:
        """The folder that is looked at, as git takes a path: literal, from the top."""
        return f":(top,literal){self.below}" if self.below else ":(top)"

    def whole(self, path: str) -> str:
        """Give a path from the top of the repository."""
        return f"{self.below}/{path}" if self.below else path

    def _here(self, path: str) -> str:
        return path.removeprefix(f"{self.below}/") if self.below else path

    def read(self, path: str) -> bytes | None:
        """Give the bytes of a file, or nothing when the commit has no regular file of at most 1 MB there."""
        entry = self.entries.get(path)
        if entry is None or entry.mode in (SYMLINK, SUBMODULE) or entry.size > LONGEST_READ:
            return None
        if entry.blob not in self._read:
            self._read[entry.blob] = git_bytes(self.top, "cat-file", "blob", entry.blob)
        return self._read[entry.blob]

    def text(self, path: str) -> str:
        """Give the text of a file, with what is no UTF-8 replaced; empty when there is none."""
        return (self.read(path) or b"").decode("utf-8-sig", "replace")

    def own(self) -> Iterator[str]:
        """Yield the paths of the repository's own files: none that was vendored or is test data."""
        for path, entry in self.entries.items():
            if entry.mode != SUBMODULE and NOT_OWN.isdisjoint(PurePosixPath(path).parts):
                yield path

    def named(self, *wanted: str) -> list[str]:
        """Give the paths of own files with one of some names, the least deep first."""
        found = [path for path in self.own() if PurePosixPath(path).name in wanted]
        return sorted(found, key=lambda path: (path.count("/"), path))

    def containing(self, pattern: str, *endings: str) -> list[str]:
        """Give the own files, of some endings, in which an extended regular expression matches a line."""
        words = ["grep", "-l", "-z", "-I", "--no-textconv", "--full-name", "-E", "-e", pattern, self.head, "--"]
        try:
            found = names(git(self.top, *READ_ONLY, *words, self.spec))
        except GitError:
            return []
        mine = {path for path in self.own() if path.endswith(endings)}
        paths = (name.split(":", 1)[1] for name in found)
        return [
            path
            for path in (one.removeprefix(f"{self.below}/") if self.below else one for one in paths)
            if path in mine
        ]

    def blob_id(self, content: bytes) -> str:
        """Give the id that git gives a content in this repository."""
        made = hashlib.new(self._algorithm, usedforsecurity=False)
        made.update(b"blob %d\0" % len(content))
        made.update(content)
        return made.hexdigest()

    @cached_property
    def dirty(self) -> frozenset[str]:
        """The paths that differ from the commit in the working tree or the index, untracked ones included."""
        words = ["status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", "--ignore-submodules=all"]
        listed = names(git(self.top, *READ_ONLY, *words, "--", self.spec))
        return frozenset(self._here(line[3:]) for line in listed)

    def ignored(self, paths: Iterable[str]) -> dict[str, str]:
        """Give those of some paths that the repository's ignore files match, each with the rule."""
        given = "".join(f"{self.whole(path)}\0" for path in paths)
        if not given:
            return {}
        try:
            printed = git(self.top, *READ_ONLY, "check-ignore", "--no-index", "-v", "-z", "--stdin", given=given)
        except GitError:
            return {}
        words = printed.split("\0")
        found = {}
        for source, line, pattern, path in zip(words[0::4], words[1::4], words[2::4], words[3::4], strict=False):
            if not pattern.startswith("!"):
                found[self._here(path)] = f"{source}:{line} {pattern}"
        return found

    def in_the_way(self, path: str) -> str:
        """Say what keeps a file from being created at a path, or nothing when the path is free."""
        if self.entries.get(path):
            return ""
        parts = path.split("/")
        for depth in range(1, len(parts)):
            folder = "/".join(parts[:depth])
            if entry := self.entries.get(folder):
                return f"{_kind(entry)} stands at {folder}, where a folder must be"
            if (told := self._clash(folder)) or (told := self._on_disk(folder, folder=True)):
                return told
        if path in self._folders:
            return f"a folder stands at {path}, where a file must be"
        return self._clash(path) or self._on_disk(path, folder=False)

    def _clash(self, path: str) -> str:
        known = self._folded.get(path.casefold(), path)
        return f"{known} differs from {path} in capitals alone, and cannot lie beside it everywhere" * (known != path)

    def _on_disk(self, path: str, *, folder: bool) -> str:
        if path in self._folders:
            return ""
        try:
            mode = os.lstat(self.root / path).st_mode
        except OSError:
            return ""
        if folder and stat.S_ISDIR(mode):
            return ""
        return f"{path} lies in the working tree and is in no commit; commit it, or move it away"

    @cached_property
    def _folders(self) -> set[str]:
        return {parent for path in self.entries for parent in parents(path)}

    @cached_property
    def _folded(self) -> dict[str, str]:
        return {path.casefold(): path for path in (*self._folders, *self.entries)}

    @cached_property
    def _algorithm(self) -> str:
        return git(self.top, "rev-parse", "--show-object-format").strip()


def parents(path: str) -> Iterable[str]:
    """Give the folders that a path lies in."""
    return [str(parent) for parent in PurePosixPath(path).parents][:-1]


def _kind(entry: Entry) -> str:
    return {SYMLINK: "a symbolic link", SUBMODULE: "a submodule"}.get(entry.mode, "a file")
