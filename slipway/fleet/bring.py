"""One repository of a fleet brought to a release of its template: `slipway update` in a process that lives on."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from slipway.fleet.sources import Repository, SourceError
from slipway.fleet.templates import engine_of
from slipway.gitting import GitError, git, names
from slipway.update.command import CONFLICTS, DONE, LOOK, status
from slipway.update.outcome import Wish
from slipway.update.push import push, waits_there
from slipway.update.run import branch_of, linked, target, update
from slipway.update.text import needs_a_look

WORDS = {DONE: "updated", CONFLICTS: "conflict", LOOK: "look"}


class Found(NamedTuple):
    """A service, and the template it names."""

    repository: Repository
    source: str


class Sent(NamedTuple):
    """Where the branch of an update goes: the remote, and whether a merge request is opened there."""

    remote: str
    merge_request: bool


class Bring(NamedTuple):
    """What `bring` needs.

    Attributes:
        repository: a folder of this machine.
        wish: what is asked for.
        sent: where the branch goes; nothing to keep it in the repository alone.
        mirrors: where the templates were fetched to; read, never written.
    """

    repository: Repository
    wish: Wish
    sent: Sent | None
    mirrors: Path


def find(_place: Path, repository: Repository) -> Found:
    """Find out which template a repository names.

    Raises:
        SourceError: it is no folder.
        UpdateError: it is no git repository, or has no commit.
        LinkError: it names no template.
    """
    if not repository.local:
        message = "it is a URL: clone it, and give the folder"
        raise SourceError(message)
    folder = Path(repository.address)
    if not folder.is_dir():
        message = "it is no folder" if folder.exists() else "it does not exist"
        raise SourceError(message)
    return Found(repository, linked(folder)[2].source)


def bring(place: Path, task: Bring) -> dict[str, Any]:
    """Update a repository on a branch, and give what a table says of it.

    Raises:
        UpdateError: it cannot be worked with; nothing was changed.
        LinkError: it names no template.
        EngineError: Copier refused.
        PushError: the branch was made and could not be sent.
    """
    engine, folder, wish = engine_of(place, task.mirrors), Path(task.repository.address), task.wish
    told: dict[str, Any] = {"repository": task.repository.name, "reason": ""}
    top, _, link = linked(folder)
    version = target(link, wish, engine)
    branch = branch_of(version, wish)
    told |= {"version": link.commit, "newest": version}
    if (version != link.commit or wish.answers) and _waits(top, branch, task.sent):
        return {**told, "state": "waits", "branch": branch}
    outcome = update(folder, wish, engine)
    if outcome.current:
        return {**told, "state": "current"}
    if task.sent:
        push(folder, task.sent.remote, outcome.branch, merge_request=task.sent.merge_request)
    return {
        **told,
        "state": WORDS[status(outcome)],
        "branch": outcome.branch,
        "files": len(outcome.changed),
        "conflicts": dict(outcome.conflicts),
        "looks": [look._asdict() for look in needs_a_look(outcome)],
    }


def sweep(repository: Repository, place: Path) -> None:
    """Take the worktrees that lie below a folder out of a repository, after the process that made them was killed."""
    folder = Path(repository.address)
    if not repository.local or not folder.is_dir():
        return
    with suppress(GitError):
        for line in names(git(folder, "worktree", "list", "--porcelain", "-z")):
            worktree = Path(line.removeprefix("worktree "))
            if line.startswith("worktree ") and worktree.is_relative_to(place.resolve()):
                shutil.rmtree(worktree, ignore_errors=True)
                git(folder, "worktree", "remove", "--force", "--force", str(worktree))


def _waits(top: Path, branch: str, sent: Sent | None) -> bool:
    if sent:
        return waits_there(top, sent.remote, branch)
    return bool(git(top, "for-each-ref", "--format=x", f"refs/heads/{branch}").strip())
