"""`slipway adopt`, from the wish to the exit status."""

from __future__ import annotations

import os
import shlex
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from slipway.adopt import AdoptError, UsageError
from slipway.adopt.plan import Wish, make_plan
from slipway.adopt.text import as_json, screen, written
from slipway.adopt.write import Order, write
from slipway.engine import MISSING, Engine, EngineError, lacks_copier
from slipway.gitting import GitError
from slipway.report import Paint, colours, shown_whole

DONE, FAILED, WRONG, LOOK = 0, 1, 2, 3


class Asked(NamedTuple):
    """How the command is to work.

    Attributes:
        order: what to write; nothing when the plan is only to be shown.
        form: `text` or `json`.
        every_file: list every file.
    """

    order: Order | None
    form: str
    every_file: bool


def carry_out(path: Path, wish: Wish, asked: Asked) -> int:
    """Show the plan or write a step, and give the exit status that the command documents."""
    with tempfile.TemporaryDirectory(prefix="slipway-", ignore_cleanup_errors=True) as scratch:
        try:
            try:
                plan = make_plan(path, wish, Engine(Path(scratch)), _tell)
            finally:
                _tell("")
            if asked.order is None:
                again = _again(path, wish)
                text = as_json(plan) if asked.form == "json" else screen(plan, again, every_file=asked.every_file)
                sys.stdout.write(text)
                return DONE
            done = write(plan, asked.order)
        except UsageError as error:
            return _refused(error, WRONG)
        except (AdoptError, EngineError, GitError) as error:
            return _refused(error, FAILED)
        except ModuleNotFoundError as error:
            if not lacks_copier(error):
                raise
            return _refused(AdoptError(MISSING), FAILED)
    sys.stdout.write(written(plan, done))
    return LOOK if done.kept or done.blocked else DONE


def _again(path: Path, wish: Wish) -> str:
    """Give the command again: until the link is made, nothing but the command knows what was asked for."""
    words = ["slipway", "adopt", *([] if str(path) == "." else [str(path)])]
    words += ["--template", wish.template] if wish.template else []
    words += ["--to", wish.version] if wish.version else []
    words += [word for name, answer in wish.answers.items() for word in ("-d", f"{name}={answer}")]
    return shlex.join(words)


def _tell(what: str) -> None:
    """Say on a terminal what is being done, in place of what was said before."""
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        sys.stderr.write(f"\r\x1b[K{shown_whole(what)}")
        sys.stderr.flush()


def _refused(error: Exception, status: int) -> int:
    paint = Paint(on=colours(sys.stderr))
    sys.stderr.write(f"{paint('red', 'slipway adopt')}: {shown_whole(str(error))}\n")
    return status
