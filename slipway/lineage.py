"""Where a service came from: the answers file that `copier update` takes over from, also after Cookiecutter.

The text is the one Copier itself writes for the same answers, so that a service is the same whichever engine made it.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

HEADER = "# Where this repository comes from. `copier update` reads and writes this file; do not edit it by hand.\n"
WITHOUT_PREFIX = re.compile(r"https://(?:github|gitlab)\.com/")
SCP_LIKE = re.compile(r"[\w.-]+@[\w.-]+:")


@dataclass(frozen=True, slots=True)
class Origin:
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


def origin(repository: Path) -> Origin:
    """Read the lineage from the template's checkout; a missing git gives an origin without a commit."""
    top = git(repository, "rev-parse", "--show-toplevel")
    if not top or Path(top).resolve() != repository.resolve():
        return Origin(str(repository), "", dirty=False)
    address = git(repository, "config", "--get", "remote.origin.url")
    return Origin(
        source=clonable(address) if address and not is_local(address) else local_source(repository, address),
        commit=git(repository, "describe", "--tags", "--always"),
        dirty=bool(git(repository, "status", "--porcelain", "--untracked-files=no")),
    )


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


def answers_text(answers: Mapping[str, object], born: Origin) -> str:
    """Write `.copier-answers.yml`, byte for byte as Copier would."""
    import yaml  # noqa: PLC0415  -- 20 ms that a refused generation need not pay

    lineage = {"_commit": born.commit, "_src_path": born.source} if born.commit else {"_src_path": born.source}
    body: str = yaml.dump({**lineage, **answers}, indent=4, allow_unicode=True, default_flow_style=False)
    return HEADER + body


def git(repository: Path, *arguments: str) -> str:
    """Run git and give what it prints, or nothing when it fails or is missing."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_") or k.startswith("GIT_CONFIG")}
    try:
        done = subprocess.run(
            ["git", "-C", str(repository), *arguments],
            check=True,
            capture_output=True,
            encoding="utf-8",
            env=environment,
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()
