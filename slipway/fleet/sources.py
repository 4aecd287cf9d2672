"""Which repositories a fleet has, and how each is reached: a folder is only read, a URL is fetched shallowly."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TextIO
from urllib.parse import urlsplit, urlunsplit

from slipway.gitting import git
from slipway.lineage import cloned_from, is_local

HEAD = "refs/slipway/head"
BRANCHES = "refs/heads/template/"
USERINFO = re.compile(r"(?P<scheme>\b[a-z][a-z0-9+.-]*://)[^/\s'\"]*@", re.IGNORECASE)
TOKEN = re.compile(r"(?P<name>[?&;](?:[a-z]+_)?token=)[^&\s'\"]+", re.IGNORECASE)
COMMENT = re.compile(r"(?:^|\s)#.*$")


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


def without_credentials(text: str) -> str:
    """Take user names, passwords and tokens out of every URL in a text; the user of an ssh address stays."""

    def cleaned(found: re.Match[str]) -> str:
        if found["scheme"].lower() in {"ssh://", "git+ssh://"}:
            user = found[0].removeprefix(found["scheme"]).removesuffix("@").partition(":")[0]
            return f"{found['scheme']}{user}@"
        return found["scheme"]

    return TOKEN.sub(r"\g<name>...", USERINFO.sub(cleaned, text))


def reach(wanted: Repository, cache: Path) -> Checkout:
    """Give the checkout of a repository; the newest commit of a URL's default branch is fetched into the cache.

    Raises:
        SourceError: there is no such folder.
        GitError: git cannot read the folder or fetch the URL.
    """
    if not wanted.local:
        return Checkout(_fetched(wanted, cache), HEAD, "", mine=True)
    folder = Path(wanted.address)
    if not folder.is_dir():
        message = f"{wanted.name} is no folder" if folder.exists() else f"{wanted.name} does not exist"
        raise SourceError(message)
    prefix = git(folder, "rev-parse", "--show-prefix").removesuffix("\n")
    return Checkout(folder, "HEAD", prefix, mine=False)


def _fetched(wanted: Repository, cache: Path) -> Path:
    place = cache / f"{hashlib.sha256(wanted.name.encode()).hexdigest()[:20]}.git"
    place.mkdir(parents=True, exist_ok=True)
    git(place, "init", "--quiet", "--bare")
    for left in place.rglob("*.lock"):
        left.unlink()
    with _signed_in(wanted):
        git(
            place,
            *("fetch", "--quiet", "--depth", "1", "--no-tags", "--prune", "--force", "--", wanted.name),
            *(f"HEAD:{HEAD}", f"{BRANCHES}*:{BRANCHES}*"),
        )
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


def short(name: str) -> str:
    """Give the last two parts of a name, for a line that has little room."""
    path = urlunsplit(("", "", *urlsplit(name)[2:])) if "://" in name else name.replace(":", "/")
    return "/".join(path.removesuffix(".git").split("/")[-2:])


def _read_list(name: str, given: TextIO) -> list[str]:
    try:
        text = given.read() if name == "-" else Path(name).expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8 text"
        message = f"the list {name} cannot be read: {why}"
        raise SourceError(message) from error
    return [word for word in (COMMENT.sub("", line).strip() for line in text.splitlines()) if word]
