"""One step of an adoption, as a commit on a branch of its own: the working tree and the index are not involved."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from slipway.adopt import AdoptError, UsageError
from slipway.adopt.areas import LINK, NAMES, Area, named
from slipway.adopt.comparison import Rendered, State
from slipway.adopt.plan import Plan, Progress, Step, Written, branch_of
from slipway.adopt.text import message
from slipway.gitting import GitError, git, git_bytes, identity, worktree


class Order(NamedTuple):
    """What is to be written.

    Attributes:
        step: name of the area; the next one of the plan when left out.
        takes: paths of which the template's version is taken, though the repository has one of its own.
        branch: name of the branch; `template/adopt-` and the area when left out.
        ticket: the ticket of the commit; the one of the answers when left out.
    """

    step: str | None = None
    takes: Sequence[str] = ()
    branch: str | None = None
    ticket: str | None = None


def write(plan: Plan, order: Order) -> Written:
    """Write a step as one commit on a new branch from HEAD.

    Raises:
        UsageError: the order cannot be worked with.
        AdoptError: the step cannot be made as things are; nothing was changed.
        GitError: git refused; nothing was changed.
    """
    step = _chosen(plan, order)
    taken = _taken(plan, step.area, order.takes)
    files = plan.comparison
    created = [one.path for one in files.of(step.area, State.CREATE)]
    removed = [plan.record.file] if step.area == LINK and plan.record and plan.record.goes else []
    if step.area == LINK:
        created, taken = _link_files(plan)
    branch = order.branch or branch_of(plan.snapshot, step.area)
    _free(plan, branch)
    kept = [one for one in files.of(step.area, State.DIFFERS, State.YOURS) if one.path not in taken]
    blocked = files.of(step.area, State.BLOCKED)
    done = Written(step, branch, "", created, taken, removed, kept, blocked)
    ticket = order.ticket or plan.answers.get("ticket_id", "")
    commit = _commit(
        plan, {path: files.rendered[path] for path in (*created, *taken)}, removed, message(plan, done, ticket)
    )
    git(plan.snapshot.top, "branch", "--no-track", branch, commit)
    return done._replace(commit=commit)


def _chosen(plan: Plan, order: Order) -> Step:
    if order.step is None:
        if plan.next is None:
            message = "every step was made, or waits on its branch; name one to make it all the same: --step AREA"
            raise AdoptError(message)
        step = plan.next
    else:
        step = _named(plan, order.step)
    if step.progress is Progress.WAITS:
        branch = branch_of(plan.snapshot, step.area)
        message = f"{step.area.name} waits {step.note}: merge it, or delete it (git branch -D {branch}), then again"
        raise AdoptError(message)
    if step.area != LINK and plan.steps[0].progress is not Progress.DONE:
        where = plan.steps[0].note
        first = f"it waits {where}: merge that" if where else "make it: slipway adopt --write"
        message = f"the link comes first, for every step is rendered from it; {first}"
        raise AdoptError(message)
    if step.progress is Progress.HELD:
        message = f"{step.area.name} is held: {step.note}; the notes of `slipway adopt` say more"
        raise AdoptError(message)
    if step.progress is Progress.DONE and not order.takes:
        message = f"{step.area.name} is done: there is no file left to create"
        raise AdoptError(message)
    return step


def _named(plan: Plan, name: str) -> Step:
    if name not in NAMES:
        message = f"--step {name}: one of {', '.join(one.area.name for one in plan.steps)}"
        raise UsageError(message)
    step = plan.step(named(name))
    if step is None:
        message = f"{name}: the template has no such files for these answers"
        raise AdoptError(message)
    return step


def _taken(plan: Plan, area: Area, takes: Sequence[str]) -> list[str]:
    known = {one.path: one for one in plan.comparison.files}
    for path in takes:
        one = known.get(path)
        if one is None or one.area != area or one.state not in (State.DIFFERS, State.YOURS):
            offered = [one.path for one in plan.comparison.of(area, State.DIFFERS, State.YOURS)]
            message = f"--take {path}: no file that differs in {area.name}; those are {', '.join(offered) or 'none'}"
            raise UsageError(message)
        if path in plan.snapshot.dirty:
            message = f"--take {path}: it has changes that are in no commit; commit them first, so that git has them"
            raise AdoptError(message)
    return list(dict.fromkeys(takes))


def _link_files(plan: Plan) -> tuple[list[str], list[str]]:
    path = LINK.paths[0]
    blocked = plan.comparison.of(LINK, State.BLOCKED)
    if blocked:
        raise AdoptError(blocked[0].note)
    return ([], [path]) if path in plan.snapshot.entries else ([path], [])


def _free(plan: Plan, branch: str) -> None:
    try:
        git(plan.snapshot.top, "check-ref-format", "--branch", branch)
    except GitError as error:
        message = f"--branch {branch}: it cannot be the name of a branch"
        raise UsageError(message) from error
    if git(plan.snapshot.top, "for-each-ref", "--format=x", f"refs/heads/{branch}").strip():
        message = f"branch {branch} is there already: delete it (git branch -D {branch}), or give another with --branch"
        raise AdoptError(message)


def _commit(plan: Plan, files: dict[str, Rendered], removed: Sequence[str], text: str) -> str:
    """Write a commit on top of HEAD by way of the index of a worktree that no file is checked out in."""
    top, whole = plan.snapshot.top, plan.snapshot.whole
    with tempfile.TemporaryDirectory(prefix="slipway-", ignore_cleanup_errors=True) as scratch:
        kept = Path(scratch, "files")
        kept.mkdir()
        for number, one in enumerate(files.values()):
            (kept / str(number)).write_bytes(one.content)
        names = "".join(f"{kept / str(number)}\n" for number in range(len(files)))
        blobs = git(top, "hash-object", "-w", "--no-filters", "--stdin-paths", given=names).split()
        lines = [f"{one.mode} {blob}\t{whole(path)}\0" for (path, one), blob in zip(files.items(), blobs, strict=True)]
        lines += [f"0 {'0' * len(plan.snapshot.head)}\t{whole(path)}\0" for path in removed]
        with worktree(top, Path(scratch, "w"), plan.snapshot.head) as place:
            git(place, "read-tree", plan.snapshot.head)
            git(place, "update-index", "-z", "--index-info", given="".join(lines))
            tree = git(place, "write-tree").strip()
        words = ["commit-tree", tree, "-p", plan.snapshot.head, "-F", "-"]
        return git_bytes(top, *identity(top, "slipway adopt"), *words, given=text).decode().strip()
