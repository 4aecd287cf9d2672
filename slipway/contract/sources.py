"""Calls in sources, read without a compiler."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from slipway.contract.repository import Repository

GO = r"(?:cmd|internal|pkg)/.*(?<!_test)\.go$"
PAIRS = {"(": ")", "[": "]", "{": "}"}
LITERAL = re.compile(r'"(?:[^"\\\n]|\\.)*"|`[^`]*`')
COMMENT = re.compile(r'("(?:[^"\\\n]|\\.)*"|`[^`]*`|\'(?:[^\'\\\n]|\\.)+\')|//[^\n]*|/\*.*?\*/', re.DOTALL)


class Call(NamedTuple):
    """A call of a function.

    Attributes:
        path: the file.
        line: from 1.
        name: as it is written, such as `slog.Info`.
        arguments: the source of each, without surrounding space.
    """

    path: str
    line: int
    name: str
    arguments: tuple[str, ...]


def calls(repository: Repository, name: re.Pattern[str], *needles: str) -> Iterator[Call]:
    """Give each call in the Go sources, tests left out, of a function whose name the pattern matches.

    Args:
        repository: the service.
        name: the pattern.
        needles: texts of which a call holds at least one; a source without any is not searched, which is quicker.
    """
    for path in repository.matching(GO):
        text = repository.text(path)
        if needles and not any(needle in text for needle in needles):
            continue
        text = COMMENT.sub(_blank, text)
        for found in re.finditer(rf"(?<![\w.])(?:{name.pattern})\(", text):
            line = text.count("\n", 0, found.start()) + 1
            yield Call(path, line, found[0][:-1], tuple(_arguments(text, found.end())))


def literal(argument: str) -> str | None:
    """Give the text of an argument that is one string literal, escapes as they stand, else nothing."""
    return argument[1:-1] if LITERAL.fullmatch(argument) else None


def _blank(found: re.Match[str]) -> str:
    return found[1] or re.sub(r"[^\n]", " ", found[0])


def _arguments(text: str, start: int) -> Iterator[str]:
    closers, begin, at = [")"], start, start
    while at < len(text) and closers:
        if quoted := LITERAL.match(text, at):
            at = quoted.end()
            continue
        character = text[at]
        if character in PAIRS:
            closers.append(PAIRS[character])
        elif character == closers[-1]:
            closers.pop()
        if not closers or (character == "," and len(closers) == 1):
            if argument := text[begin:at].strip():
                yield argument
            begin = at + 1
        at += 1
