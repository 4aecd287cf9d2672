"""`slipway fleet`, from the command line to the exit status."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from click import UsageError

from slipway.engine import MISSING
from slipway.fleet.bring import Sent
from slipway.fleet.kept import InUseError
from slipway.fleet.progress import Progress, span
from slipway.fleet.run import Means, Record, survey, update_all
from slipway.fleet.show import as_csv, as_json, counted, status_table, update_table
from slipway.fleet.sources import Repository, SourceError, listed
from slipway.report import Paint, colours, shown_whole
from slipway.update.outcome import Wish

DONE, FAILED, WRONG, WORK, LOOK, INTERRUPTED = 0, 1, 2, 3, 4, 130


class Named(NamedTuple):
    """The repositories of a command line: paths and URLs, and files that list them."""

    repositories: Sequence[str]
    lists: Sequence[str]


class Shown(NamedTuple):
    """How a result is shown.

    Attributes:
        form: text, json or csv.
        files: name each file in the table.
        quiet: tell no progress.
    """

    form: str
    files: bool = False
    quiet: bool = False


def require_copier() -> None:
    """Stop when Slipway was installed without what renders templates.

    Raises:
        UsageError: it was; the message says what to install.
    """
    if find_spec("copier") is None:
        raise UsageError(MISSING)


def default_cache() -> Path:
    """Give the folder of this user for what a run may need again."""
    from platformdirs import user_cache_path  # noqa: PLC0415  -- comes with Copier

    return user_cache_path("slipway", appauthor=False) / "fleet"


def status(named: Named, means: Means, show: Shown, *, strict: bool) -> int:
    """Show what each repository has of its template, and give the exit status that the command documents."""

    def work(wanted: list[Repository], progress: Progress) -> list[Record]:
        return survey(wanted, means, progress)

    def table(records: list[Record], paint: Paint, seconds: str) -> str:
        return status_table(records, paint, files=show.files, seconds=seconds)

    records = _carried_out("status", named, show, work, table)
    if isinstance(records, int):
        return records
    states = counted(records)
    if states.get("failed"):
        return FAILED
    return WORK if strict and states.keys() - {"current"} else DONE


def update(named: Named, wish: Wish, sent: Sent | None, means: Means, show: Shown) -> int:
    """Update each repository on a branch, show the results, and give the exit status that the command documents."""

    def work(wanted: list[Repository], progress: Progress) -> list[Record]:
        return update_all(wanted, wish, sent, means, progress)

    def table(records: list[Record], paint: Paint, seconds: str) -> str:
        return update_table(records, paint, seconds=seconds)

    records = _carried_out("update", named, show, work, table)
    if isinstance(records, int):
        return records
    states = counted(records)
    statuses = {"failed": FAILED, "conflict": WORK, "look": LOOK}
    return next((code for state, code in statuses.items() if states.get(state)), DONE)


def _carried_out(
    name: str,
    named: Named,
    show: Shown,
    work: Callable[[list[Repository], Progress], list[Record]],
    table: Callable[[list[Record], Paint, str], str],
) -> list[Record] | int:
    """Read the list, do the work, write the result; give the records, or the exit status of what went wrong."""
    progress, begun = Progress(sys.stderr, quiet=show.quiet), time.monotonic()
    try:
        records = work(listed(named.repositories, named.lists, given=sys.stdin), progress)
    except SourceError as error:
        return _stopped(name, str(error), WRONG)
    except (InUseError, OSError) as error:
        return _stopped(name, str(error), FAILED)
    except KeyboardInterrupt:
        progress.end()
        return _stopped(name, "stopped; the same command goes on from here", INTERRUPTED)
    written = {"json": as_json, "csv": as_csv}
    text = (
        written[show.form](records)
        if show.form in written
        else table(records, Paint(on=colours(sys.stdout)), span(time.monotonic() - begun))
    )
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has seen enough, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return records


def _stopped(name: str, why: str, code: int) -> int:
    paint = Paint(on=colours(sys.stderr))
    sys.stderr.write(f"{paint('red', f'slipway fleet {name}')}: {shown_whole(why)}\n")
    return code
