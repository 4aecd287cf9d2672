"""Log messages: constants that say what state begins, is reached or was missed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from slipway.contract.registry import check
from slipway.contract.repository import Repository
from slipway.contract.sources import calls, literal

LONGEST = 200
LOGS = re.compile(r"(?:\w+(?:\(\))?\.)*(?:\w*[lL]ogger|slog)\.(?:Debug|Info|Warn|Error|Log)(?:Context|Attrs)?")
POSITION = {"Context": 1, "Log": 2, "Attrs": 2}
WORD = r"[A-Za-z0-9][A-Za-z0-9-]*"
BEGINS = re.compile(rf"([A-Z][a-z]+ing) ({WORD}(?: {WORD})*)")
FAILS = re.compile(rf"Failed to ([a-z]+) ({WORD}(?: {WORD})*)")
ENDS = re.compile(rf"([A-Z][A-Za-z0-9-]*(?: {WORD})*?) ((?:[a-z]+-)*[a-z]+)")
IRREGULAR = re.compile(
    r"begun|bound|broken|built|caught|chosen|cut|done|drawn|driven|fed|forgotten|found|frozen|given|gone|held"
    r"|hidden|hit|kept|known|led|left|lost|made|met|overridden|paid|put|read|rebuilt|rerun|resent|reset|run|seen"
    r"|sent|set|shown|shut|spent|split|stolen|taken|thrown|told|torn|undone|withdrawn|woken|won|written"
)
FINISHED = re.compile(r"completed|ended|finished")
STEM = 3
ANY = ""


class Message(NamedTuple):
    """A log message and where it stands; no text when it is not one literal."""

    path: str
    line: int
    text: str | None


@lru_cache(maxsize=1)
def messages(repository: Repository) -> tuple[Message, ...]:
    """Give each message that the sources log; three checks ask, and the sources are read once."""
    found = []
    for call in calls(repository, LOGS, "ogger.", "slog."):
        method = call.name.rsplit(".", 1)[-1]
        position = next((place for end, place in POSITION.items() if method.endswith(end)), 0)
        if len(call.arguments) > position:
            found.append(Message(call.path, call.line, literal(call.arguments[position])))
    return tuple(found)


def is_state(text: str) -> bool:
    """Tell whether a message says that a state begins, is reached or was missed."""
    ends = ENDS.fullmatch(text)
    reached = ends is not None and (ends[2].endswith("ed") or IRREGULAR.fullmatch(ends[2]))
    return bool(reached or BEGINS.fullmatch(text) or FAILS.fullmatch(text))


@check(
    "LOG001",
    "a log message is a constant of one line",
    why="Messages that hold values cannot be counted, searched for or alerted on (row D03).",
    fix=f"Write the message as one string literal of at most {LONGEST} characters, and give the values as fields.",
)
def constant(repository: Repository) -> Iterator[tuple[str, int, str]]:
    """Yield messages that are put together, span lines or are too long."""
    for path, line, text in messages(repository):
        if text is None:
            yield path, line, "the message is no string literal"
        elif "\n" in text or "\\n" in text:
            yield path, line, "the message has more than one line"
        elif len(text) > LONGEST:
            yield path, line, f"the message has {len(text)} characters, at most {LONGEST} are allowed"


@check(
    "LOG002",
    "a log message follows the grammar",
    why="Messages of one form tell what began, what was reached and what failed, without reading the code (row D04).",
    fix="Write 'Verbing object' at the beginning, 'Object verbed' at the end, 'Failed to verb object' at a failure.",
)
def grammar(repository: Repository) -> Iterator[tuple[str, int, str]]:
    """Yield messages of another form."""
    for path, line, text in messages(repository):
        if text is not None and not is_state(text):
            yield path, line, f"'{text}' is none of 'Verbing object', 'Object verbed', 'Failed to verb object'"


@check(
    "LOG003",
    "what is said to begin is also said to end",
    why="A beginning without an end looks like something that hangs (row D04).",
    fix="Log 'Object verbed' or 'Failed to verb object' with the same verb and object, or 'Object finished'.",
)
def closed(repository: Repository) -> Iterator[tuple[str, int, str]]:
    """Yield beginnings whose end is logged nowhere."""
    found = messages(repository)
    ended = set()
    for message in found:
        if fails := FAILS.fullmatch(message.text or ""):
            ended.add((fails[1][:STEM], fails[2].lower()))
        elif ends := ENDS.fullmatch(message.text or ""):
            ended.add((ANY if FINISHED.fullmatch(ends[2]) else ends[2][:STEM], ends[1].lower()))
    for path, line, text in found:
        begins = BEGINS.fullmatch(text or "")
        if begins and not ended & {(verb, begins[2].lower()) for verb in (begins[1][:STEM].lower(), ANY)}:
            yield path, line, f"'{text}' begins and ends nowhere"
