"""Lineage: the service knows the template it came from."""

from __future__ import annotations

from collections.abc import Iterator

from slipway.answers import refusals
from slipway.contract.registry import check
from slipway.contract.repository import Repository
from slipway.lineage import ANSWERS_FILE as FILE


@check(
    "LIN001",
    "the service names its template",
    why="Without it `copier update` cannot find the next version (row W03).",
    fix="Link the repository again: slipway adopt --template URL --write (docs/how-to/update-from-template.md).",
)
def template(repository: Repository) -> Iterator[tuple[str, int, str]]:
    """Yield a missing answers file or source."""
    if FILE not in repository.files:
        yield FILE, 0, f"{FILE} is missing"
    elif not repository.answers.get("_src_path"):
        yield FILE, 0, "_src_path is missing"
    elif "@" in str(repository.answers["_src_path"]).split("://")[-1].split("/")[0].removeprefix("git@"):
        yield FILE, 0, "_src_path holds credentials"


@check(
    "LIN002",
    "the recorded answers keep their rules",
    why="An update asks with them again, and stops at one that breaks a rule (row W08).",
    fix="Correct the answer: copier update --vcs-ref :current: -d QUESTION=ANSWER.",
)
def answers(repository: Repository) -> Iterator[tuple[str, int, str]]:
    """Yield recorded answers that break a rule."""
    for refusal in refusals(repository.answers):
        yield FILE, 0, f"{refusal.question}: {refusal.answer!r} is not {refusal.sentence}"
