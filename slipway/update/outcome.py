"""What is asked of an update, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from slipway.changelog import Section
from slipway.lineage import Link
from slipway.update.audit import Look


@dataclass(frozen=True)
class Wish:
    """What is asked for.

    Attributes:
        version: a release of the template; the newest when left out.
        answers: answers that change, by question; without a version they change at the version that is there.
        branch: name of the branch; `template/` and the version when left out.
        ticket: the ticket that the commit refers to; the one of the answers when left out.
        targets: make targets to run on the result, in order.
    """

    version: str | None = None
    answers: Mapping[str, str] = field(default_factory=dict)
    branch: str | None = None
    ticket: str | None = None
    targets: Sequence[str] = ("deps", "verify")


class Ran(NamedTuple):
    """A make target that was run on the result: its name, whether it passed, and the end of what it said."""

    target: str
    passed: bool
    said: str


@dataclass(frozen=True)
class Outcome:
    """What an update did.

    Attributes:
        link: what the repository recorded before.
        version: the version it has on the branch.
        branch: where the update waits; empty when there was nothing to do.
        changed: changed paths, each with git's letter: A, M, D or T.
        conflicts: marked conflicts by path.
        looks: what a person must look at.
        answers: questions that are new or changed: the answer before, if any, and now.
        follow: service-owned paths whose first version the template changed meanwhile.
        ran: the make targets that were run.
        changelog: what the template says of the releases in between, newest first.
    """

    link: Link
    version: str
    branch: str = ""
    commit: str = ""
    changed: Mapping[str, str] = field(default_factory=dict)
    conflicts: Mapping[str, int] = field(default_factory=dict)
    looks: Sequence[Look] = ()
    answers: Mapping[str, tuple[str | None, str]] = field(default_factory=dict)
    follow: Sequence[str] = ()
    ran: Sequence[Ran] = ()
    changelog: Sequence[Section] = ()

    @property
    def current(self) -> bool:
        """Tell whether there was nothing to do."""
        return not self.branch
