"""Where a service came from: the answers file that `copier update` takes over from, also after Cookiecutter.

The text is the one Copier itself writes for the same answers, so that a service is the same whichever engine made it.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit, urlunsplit

ANSWERS_FILE = ".copier-answers.yml"
HEADER = "# Where this repository comes from. `copier update` reads and writes this file; do not edit it by hand.\n"
WITHOUT_PREFIX = re.compile(r"https://(?:github|gitlab)\.com/")
ABBREVIATIONS = {"gh:": "https://github.com", "gl:": "https://gitlab.com"}
SCP_LIKE = re.compile(r"[\w.-]+@[\w.-]+:")


class Origin(NamedTuple):
    """The template a service was rendered from.

    Attributes:
        source: address that Copier can clone, without credentials.
        commit: tag or `git describe` of the checkout that was rendered; empty when the template is no git checkout.
        dirty: the checkout held changes that no commit has.
    """

    source: str
    commit: str
    dirty: bool

    def warnings(self) -> list[str]:
        """Say what a person must know before the first `copier update`."""
        if not self.commit:
            why = "the template is not a git checkout, so `copier update` cannot find it again"
            return [f"{why}; generate from a git URL, or link later: docs/how-to/update-from-template.md"]
        found = []
        if self.dirty:
            found.append("the template has uncommitted changes; `copier update` will take them for edits of yours")
        if re.search(r"-\d+-g[0-9a-f]+$", self.commit):
            found.append(f"born from {self.commit}, which is not released; updates begin with the next release")
        return found


class LinkError(ValueError):
    """A repository that does not say which template it came from; the message says what is missing and the way out."""


class Link(NamedTuple):
    """What a repository records of its template.

    Attributes:
        source: address of the template, as Copier clones it.
        commit: the version it has: a release tag, or what `git describe` gave.
        answers: the recorded answers by question.
    """

    source: str
    commit: str
    answers: dict[str, Any]


def read_link(text: str | None, where: str = ANSWERS_FILE) -> Link:
    """Read the lineage from the text of an answers file; `None` when there is no such file.

    Raises:
        LinkError: there is no file, or it is not YAML, or names no template or version.
    """
    import yaml  # noqa: PLC0415  -- 20 ms that a refused generation need not pay

    if text is None:
        message = f"{where} is missing: this repository knows no template; `slipway adopt` links it to one"
        raise LinkError(message)
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        message = f"{where} cannot be read: {' '.join(str(error).split())}; `git log -p {where}` shows what changed it"
        raise LinkError(message) from error
    recorded = data if isinstance(data, dict) else {}
    for key, meaning in (("_src_path", "template"), ("_commit", "version")):
        if not isinstance(recorded.get(key), str) or not recorded[key]:
            message = f"{where} names no {meaning}: {key} is missing; `git log -p {where}` shows when it went"
            raise LinkError(message)
    answers = {name: value for name, value in recorded.items() if not name.startswith("_")}
    return Link(recorded["_src_path"], recorded["_commit"], answers)


class Reading:
    """Reads the lineage from the template's checkout; git works in the background until the result is asked for."""

    def __init__(self, repository: Path) -> None:
        self.repository = repository.resolve()
        checkout = (self.repository / ".git").exists()
        self._address = _begin(self.repository, "config", "--get", "remote.origin.url") if checkout else None
        self._commit = _begin(self.repository, "describe", "--tags", "--always", "--dirty=+dirty") if checkout else None

    def result(self) -> Origin:
        """Give the origin; without git, or without a checkout, one that names no commit."""
        address, described = _printed(self._address), _printed(self._commit)
        if not described:
            return Origin(str(self.repository), "", dirty=False)
        return Origin(
            source=clonable(address) if address and not is_local(address) else local_source(self.repository, address),
            commit=described.removesuffix("+dirty"),
            dirty=described.endswith("+dirty"),
        )


def origin(repository: Path) -> Origin:
    """Read the lineage from the template's checkout."""
    return Reading(repository).result()


def is_local(address: str) -> bool:
    """Tell whether a git address is a path of this machine."""
    return "://" not in address and not SCP_LIKE.match(address)


def local_source(repository: Path, address: str) -> str:
    """Give the path of a template used from this machine: the clone's own origin, else the checkout itself."""
    return str((repository / address).resolve()) if address else str(repository.resolve())


def clonable(address: str) -> str:
    """Write a git address so that Copier clones it: whole, without credentials, marked as git where that is unclear."""
    address = address.removeprefix("git+")
    if "://" in address:
        parts = urlsplit(address)
        host = (parts.hostname or "") + (f":{parts.port}" if parts.port else "")
        user = f"{parts.username}@" if parts.scheme == "ssh" and parts.username else ""
        address = urlunsplit((parts.scheme, user + host, parts.path.rstrip("/"), "", ""))
    if address.endswith(".git"):
        return address
    if WITHOUT_PREFIX.match(address):
        return f"{address}.git"
    return f"git+{address}"


def cloned_from(source: str) -> str:
    """Give the address that git itself takes for a recorded source: Copier's abbreviations and `git+` undone."""
    for alias, host in ABBREVIATIONS.items():
        if source.startswith(alias):
            path = source.removeprefix(alias).strip("/")
            return f"{host}/{path}" if path.endswith(".git") else f"{host}/{path}.git"
    address = source.removeprefix("git+")
    return f"{address}.git" if WITHOUT_PREFIX.match(address) and not address.endswith(".git") else address


def answers_text(answers: Mapping[str, object], born: Origin) -> str:
    """Write `.copier-answers.yml`, byte for byte as Copier would; without a commit there is no lineage to write."""
    import yaml  # noqa: PLC0415  -- 20 ms that a refused generation need not pay

    lineage = {"_commit": born.commit, "_src_path": born.source} if born.commit else {}
    body: str = yaml.dump({**lineage, **answers}, indent=4, allow_unicode=True, default_flow_style=False)
    return HEADER + body


def _begin(repository: Path, *arguments: str) -> subprocess.Popen[str] | None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_") or k.startswith("GIT_CONFIG")}
    command = ["git", "-C", str(repository), *arguments]
    try:
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, encoding="utf-8", env=environment
        )
    except OSError:
        return None


def _printed(process: subprocess.Popen[str] | None) -> str:
    if process is None:
        return ""
    text, _ = process.communicate()
    return text.strip() if process.returncode == 0 else ""
