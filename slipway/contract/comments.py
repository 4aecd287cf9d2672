"""Comments in sources: the code speaks for itself, and what a caller must know stands above what is called.

Each language has a reader of its own in `READERS`; it gives the comments that the rule refuses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from slipway.contract.registry import check
from slipway.contract.repository import Repository

SHOWN = 60
TODO = re.compile(r"TODO\([A-Z][A-Z0-9]+-[1-9][0-9]*\): \S")
ANY_TODO = re.compile(r"(?:TODO|FIXME|XXX|HACK)\b")

GO_LITERAL = r'"[^"\\\n]*(?:\\.[^"\\\n]*)*"?|`[^`]*`?|' + r"'(?:[^'\\\n]|\\.)+'"
GO_COMMENT = r"(?P<comment>//[^\n]*|/\*.*?(?:\*/|\Z))"
GO_TEXT = re.compile(f"{GO_LITERAL}|{GO_COMMENT}", re.DOTALL)
GO_TOKEN = re.compile(f"{GO_LITERAL}|{GO_COMMENT}|(?P<opens>[({{])|(?P<closes>[)}}])", re.DOTALL)
GO_GENERATED = re.compile(r"^// Code generated .* DO NOT EDIT\.$", re.MULTILINE)
GO_DIRECTIVE = re.compile(r"//(?:[a-z0-9]+:[a-z0-9]|line |export |extern )")
GO_NOLINT = re.compile(r"//\s*nolint\b")
GO_NOLINT_WITH_REASON = re.compile(r"//nolint:[a-z0-9-]+(?:,[a-z0-9-]+)* // \S")
GO_OUTPUT = re.compile(r"// (?:unordered output|output):", re.IGNORECASE)
GO_LIST = re.compile(r"\b(?:struct|interface|const|var|type)\s*\Z")
GO_TOP = re.compile(r'\n(?:package \w|import "C"|func (?:\([^)]*\) ?)?[A-Z])')
GO_PUBLIC = re.compile(r"\n(?:const|var|type) (?:\w+, )*[A-Z]")
GO_PUBLIC_GROUP = re.compile(r"\n(?:const|var|type) \((?:(?!\n\)).)*?\n\s+[A-Z]", re.DOTALL)
GO_PUBLIC_MEMBER = re.compile(r"\n\s+(?:\w+, )*(?:\*?\w+\.)?\*?[A-Z]")


class Refused(NamedTuple):
    """A comment that must not be there: its line, from 1, and what is wrong with it."""

    line: int
    why: str


class Lines(NamedTuple):
    """Comments on lines that follow each other.

    Attributes:
        start: where the first begins in the source.
        end: where the last ends.
        alone: nothing else stands on their lines.
    """

    start: int
    end: int
    alone: bool


def go(text: str, *, test: bool) -> Iterator[Refused]:
    """Give the comments of a Go source that are no directive, no ticket, and no documentation of what is exported.

    Args:
        text: the source.
        test: whether it is a test, where the output that an example must have is a comment too.
    """
    if ("//" not in text and "/*" not in text) or ("// Code" in text and GO_GENERATED.search(text)):
        return
    for lines in _together(text):
        first = text.count("\n", 0, lines.start) + 1
        words = []
        for number, line in enumerate(text[lines.start : lines.end].splitlines(), first):
            if GO_NOLINT.match(line):
                if not GO_NOLINT_WITH_REASON.match(line):
                    yield Refused(number, f"'{_short(line)}' names no linter or gives no reason")
            elif not GO_DIRECTIVE.match(line):
                words.append((number, line))
        if words and not (test and GO_OUTPUT.match(words[0][1].lstrip())):
            yield from _judged(text, lines, *words[0])


def _judged(text: str, lines: Lines, number: int, line: str) -> Iterator[Refused]:
    said = line.lstrip("/* \t")
    if TODO.match(said) or (lines.alone and _documents(text, lines)):
        return
    wrong = "names no ticket, as in TODO(TICKET-123): text" if ANY_TODO.match(said) else "explains what no caller sees"
    yield Refused(number, f"'{_short(line.strip())}' {wrong}")


def _documents(text: str, lines: Lines) -> bool:
    if GO_TOP.match(text, lines.end):
        return True
    public = any(one.match(text, lines.end) for one in (GO_PUBLIC, GO_PUBLIC_MEMBER, GO_PUBLIC_GROUP))
    return public and _is_listed(text, lines.start)


def _is_listed(text: str, place: int) -> bool:
    """Tell whether a place is at the top of a source or in a list of declarations, and not in a body."""
    inside: list[bool] = []
    for found in GO_TOKEN.finditer(text, 0, place):
        if found["opens"]:
            inside.append(GO_LIST.search(text, max(0, found.start() - 12), found.start()) is not None)
        elif found["closes"]:
            inside[-1:] = []
    return all(inside)


def _together(text: str) -> Iterator[Lines]:
    held: Lines | None = None
    for one in _comments(text):
        if held and held.alone and one.alone and re.fullmatch(r"\n[ \t]*", text[held.end : one.start]):
            held = held._replace(end=one.end)
            continue
        if held:
            yield held
        held = one
    if held:
        yield held


def _comments(text: str) -> Iterator[Lines]:
    for found in GO_TEXT.finditer(text):
        if found["comment"]:
            before = text[text.rfind("\n", 0, found.start()) + 1 : found.start()]
            yield Lines(*found.span(), not before or before.isspace())


def _short(line: str) -> str:
    return line if len(line) <= SHOWN else f"{line[: SHOWN - 3]}..."


Reader = Callable[[Repository, str], Iterator[Refused]]
READERS: dict[str, Reader] = {
    ".go": lambda repository, path: go(repository.text(path), test=path.endswith("_test.go")),
}


@check(
    "COM001",
    "sources hold no explanatory comment",
    why="A comment that retells code is believed after the code has changed; names, types and tests fail (row B09).",
    fix="Say it with a name, a function or a test. TODO(TICKET-123): text, directives, nolint with a reason, and the"
    " documentation of what is exported may stay.",
)
def no_explanation(repository: Repository) -> Iterator[tuple[str, int, str]]:
    """Yield comments that are neither directive, ticket, nor documentation of what others call."""
    for path in repository.files:
        if reader := READERS.get(path[path.rfind(".") :]):
            for line, why in reader(repository, path):
                yield path, line, why
