"""`slipway update`, from the wish to the exit status."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from slipway.engine import MISSING, Engine, EngineError, lacks_copier
from slipway.gitting import GitError
from slipway.lineage import LinkError
from slipway.report import Paint, colours, shown_whole
from slipway.update.outcome import Outcome, Wish
from slipway.update.push import PushError, push, waits_there
from slipway.update.run import UpdateError, branch_of, linked, target, update, waits
from slipway.update.text import merge_request, needs_a_look, screen

DONE, FAILED, CONFLICTS, LOOK, NEWER = 0, 1, 3, 4, 5


class Asked(NamedTuple):
    """What is asked for beside the update itself.

    Attributes:
        only_look: say whether there is a newer release, and change nothing.
        remote: the remote to push the branch to.
        merge_request: open a merge request with the push.
        text: a file for the text of the merge request.
    """

    only_look: bool
    remote: str | None
    merge_request: bool
    text: Path | None


def carry_out(repository: Path, wish: Wish, asked: Asked) -> int:
    """Update or look, say what happened, and give the exit status that the command documents."""
    with tempfile.TemporaryDirectory(prefix="slipway-", ignore_cleanup_errors=True) as scratch:
        engine = Engine(Path(scratch))
        try:
            return _look(repository, engine) if asked.only_look else _update(repository, wish, asked, engine)
        except (UpdateError, LinkError, EngineError, GitError, PushError) as error:
            return _refused(str(error))
        except ModuleNotFoundError as error:
            if not lacks_copier(error):
                raise
            return _refused(MISSING)


def _refused(why: str) -> int:
    paint = Paint(on=colours(sys.stderr))
    sys.stderr.write(f"{paint('red', 'slipway update')}: {shown_whole(why)}\n")
    return FAILED


def _look(repository: Path, engine: Engine) -> int:
    _, _, link = linked(repository)
    newer = waits(link, engine)
    if newer is None:
        sys.stdout.write(f"up to date: {link.commit}\n")
        return DONE
    sys.stdout.write(f"{link.commit} is behind {newer}: bin/template-update, or slipway update\n")
    return NEWER


def _update(repository: Path, wish: Wish, asked: Asked, engine: Engine) -> int:
    if asked.remote:
        _, below, link = linked(repository)
        branch = branch_of(target(link, wish, engine), wish, below)
        if waits_there(repository, asked.remote, branch):
            sys.stdout.write(f"{branch} waits at {asked.remote} already: nothing was done\n")
            return DONE
    outcome = update(repository, wish, engine)
    if not outcome.current:
        if asked.text:
            asked.text.parent.mkdir(parents=True, exist_ok=True)
            asked.text.write_text(merge_request(outcome), encoding="utf-8", newline="\n")
        if asked.remote:
            push(repository, asked.remote, outcome.branch, merge_request=asked.merge_request)
    sys.stdout.write(screen(outcome, pushed=asked.remote))
    return status(outcome)


def status(outcome: Outcome) -> int:
    """Give the exit status of an update."""
    if outcome.conflicts:
        return CONFLICTS
    return LOOK if needs_a_look(outcome) else DONE
