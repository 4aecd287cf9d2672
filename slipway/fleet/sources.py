"""Which repositories a fleet has, and how each is reached: a folder is only read, a URL is fetched shallowly."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TextIO

from slipway.gitting import GitError, git, names, without_credentials
from slipway.lineage import cloned_from, is_local

HEAD = "refs/slipway/head"
BRANCHES = "refs/heads/template/"
COMMENT = re.compile(r"(?:^|\s)#.*$")
TRANSPORTS = ("file", "ssh", "git", "http", "https", "ext")
# Git runs programs that a repository's own configuration names: filters, and what fetches objects that are missing.
# None of them is wanted by somebody who reads; hooks and watchers of files are off for every call (slipway/gitting.py).
ONLY_READ = tuple(
    word
    for setting in (
        "protocol.allow=never",
        *(f"protocol.{name}.allow=never" for name in TRANSPORTS),
    )
    for word in ("-c", setting)
)


class SourceError(ValueError):
    """A list of repositories that cannot be used; the message says what and why."""


class Repository(NamedTuple):
    """One repository of a fleet.

    Attributes:
        address: a path or a git URL, with credentials when it was given with some.
        name: the address as it is shown and kept, without credentials.
    """

    address: str
    name: str

    @property
    def local(self) -> bool:
        """Whether it is a folder of this machine."""
        return is_local(self.address)


class Checkout(NamedTuple):
    """Where git finds a repository's commits.

    Attributes:
        folder: a folder in which git finds the repository.
        ref: the commit that is looked at.
        prefix: the service's place inside the repository, with a slash at its end; empty at the top.
        mine: the folder is in the cache, and not somebody's.
    """

    folder: Path
    ref: str
    prefix: str
    mine: bool


def listed(arguments: Iterable[str], lists: Iterable[str], *, given: TextIO) -> list[Repository]:
    """Give the repositories of a command line, each once, in their order.

    Args:
        arguments: paths, git URLs, `@FILE` for a list, `-` for a list on standard input.
        lists: files with one path or URL a line; `#` begins a comment; `-` is standard input.
        given: standard input.

    Raises:
        SourceError: a list cannot be read, or nothing is listed.
    """
    words: list[str] = []
    for argument in arguments:
        if argument == "-" or argument.startswith("@"):
            words += _read_list(argument.removeprefix("@"), given)
        else:
            words.append(argument)
    for name in lists:
        words += _read_list(name, given)
    found = {one.name: one for one in map(repository, words)}
    if not found:
        message = "no repository is named: give paths or git URLs, or a list with --from FILE"
        raise SourceError(message)
    return list(found.values())


def repository(word: str) -> Repository:
    """Read a path or a git URL; Copier's abbreviations and `git+` are undone."""
    address = cloned_from(word)
    if is_local(address):
        path = str(Path(address).expanduser())
        return Repository(path, path.rstrip(os.sep) or path)
    return Repository(address, without_credentials(address))


def ask(folder: Path, *arguments: str, settings: Iterable[str] = ()) -> str:
    """Ask git about a repository of somebody, without any program that the repository names.

    Args:
        folder: where git finds the repository.
        arguments: the command and what it takes.
        settings: further settings, each as KEY=VALUE.

    Raises:
        GitError: the command failed; the message is what git said.
    """
    more = [word for setting in settings for word in ("-c", setting)]
    try:
        return git(folder, *ONLY_READ, *more, *arguments)
    except GitError as error:
        message = f"git {arguments[0]}: {said(error)}"
        raise GitError(message) from error


def said(error: GitError) -> str:
    """Give what git said of an error, without the command."""
    text = str(error)
    return text.partition(": ")[2] or text


def without_filters(folder: Path) -> list[str]:
    """Give the settings that keep git from running the filters which a repository's configuration names.

    Raises:
        SourceError: a name cannot be written as a setting.
    """
    try:
        listed = names(ask(folder, "config", "--name-only", "-z", "--get-regexp", r"^filter\."))
    except GitError:  # git ends with 1 when there is none
        return []
    filters = sorted({name.rpartition(".")[0] for name in listed})
    if odd := [name for name in filters if "=" in name]:
        message = f"its git configuration names a filter that cannot be switched off: {odd[0]}"
        raise SourceError(message)
    return [f"{name}.{key}" for name in filters for key in ("clean=", "smudge=", "process=", "required=false")]


def reach(wanted: Repository, cache: Path) -> Checkout:
    """Give the checkout of a repository; the newest commit of a URL's default branch is fetched into the cache.

    Raises:
        SourceError: there is no such folder, or the URL cannot be fetched.
        GitError: git cannot read the folder.
    """
    if not wanted.local:
        return Checkout(_fetched(wanted, cache), HEAD, "", mine=True)
    folder = Path(wanted.address)
    if not folder.is_dir():
        message = f"{wanted.name} is no folder" if folder.exists() else f"{wanted.name} does not exist"
        raise SourceError(message)
    prefix = ask(folder, "rev-parse", "--show-prefix").removesuffix("\n")
    return Checkout(folder, "HEAD", prefix, mine=False)


def _fetched(wanted: Repository, cache: Path) -> Path:
    place = cache / f"{hashlib.sha256(wanted.name.encode()).hexdigest()[:20]}.git"
    place.mkdir(parents=True, exist_ok=True)
    git(place, "init", "--quiet", "--bare")
    for left in place.rglob("*.lock"):
        left.unlink()
    with _signed_in(wanted):
        try:
            git(
                place,
                *("fetch", "--quiet", "--depth", "1", "--no-tags", "--prune", "--force", "--", wanted.name),
                *(f"HEAD:{HEAD}", f"{BRANCHES}*:{BRANCHES}*"),
            )
        except GitError as error:
            message = f"it cannot be fetched: {without_credentials(said(error))}"
            raise SourceError(message) from error
    return place


@contextmanager
def _signed_in(wanted: Repository) -> Iterator[None]:
    """Let git use the credentials of an address without a word of them on a command line or in a file."""
    if wanted.address == wanted.name:
        yield
        return
    number = os.environ.get("GIT_CONFIG_COUNT") or "0"
    entry = {
        "GIT_CONFIG_COUNT": str(int(number) + 1),
        f"GIT_CONFIG_KEY_{number}": f"url.{wanted.address}.insteadOf",
        f"GIT_CONFIG_VALUE_{number}": wanted.name,
    }
    before = {name: os.environ.get(name) for name in entry}
    os.environ.update(entry)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _read_list(name: str, given: TextIO) -> list[str]:
    try:
        text = given.read() if name == "-" else Path(name).expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8 text"
        message = f"the list {name} cannot be read: {why}"
        raise SourceError(message) from error
    return [word for word in (COMMENT.sub("", line).strip() for line in text.splitlines()) if word]
