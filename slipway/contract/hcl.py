"""Terraform files as blocks and attributes: enough of the language for checks, and no tool.

An expression stays text. What cannot be read raises `UnreadableError`, for a check that sees half a file sees nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise

TOKEN = re.compile(
    r"""(?P<comment>\#[^\n]*|//[^\n]*|/\*.*?\*/)
    |(?P<heredoc><<-?(?P<word>\w+)\n.*?^\s*(?P=word)\b)
    |(?P<string>"(?:[^"\\$%]|\\.|[$%](?!\{)|[$%]\{(?:[^{}"]|"(?:[^"\\]|\\.)*"|\{[^{}]*\})*\})*")
    |(?P<open>[{(\[])|(?P<close>[})\]])
    |(?P<line>\n)
    |(?P<is>=(?![=>]))
    |(?P<name>[A-Za-z_][\w-]*)
    |(?P<other>[^\s"{}()\[\]\w]=?>?|[\w.]+)""",
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)
PAIRS = {"}": "{", ")": "(", "]": "["}


class UnreadableError(ValueError):
    """A file that cannot be split into blocks."""


@dataclass(frozen=True)
class Attribute:
    """A name and its expression."""

    line: int
    text: str

    @property
    def literal(self) -> str | None:
        """The string, when the expression is nothing but one without a reference."""
        quoted = len(self.text) > 1 and self.text[0] == self.text[-1] == '"' and '"' not in self.text[1:-1]
        return self.text[1:-1] if quoted and "${" not in self.text else None


@dataclass(frozen=True)
class Block:
    """A block: its kind, labels and what it holds."""

    kind: str
    labels: tuple[str, ...]
    line: int
    attributes: dict[str, Attribute] = field(default_factory=dict)
    blocks: list[Block] = field(default_factory=list)

    def text(self, name: str) -> str:
        """Give the expression of an attribute, or nothing."""
        return self.attributes[name].text if name in self.attributes else ""

    def of(self, *kinds: str) -> Iterator[Block]:
        """Give the blocks directly inside that are of these kinds."""
        return (block for block in self.blocks if block.kind in kinds)

    def everywhere(self) -> Iterator[Block]:
        """Give this block and every block inside, at any depth."""
        yield self
        for block in self.blocks:
            yield from block.everywhere()


class _Token:
    __slots__ = ("kind", "line", "start", "text")

    def __init__(self, kind: str, text: str, line: int, start: int) -> None:
        self.kind, self.text, self.line, self.start = kind, text, line, start


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    line, end = 1, 0
    for match in TOKEN.finditer(text):
        if text[end : match.start()].strip(" \t\r"):
            message = f"line {line}: {text[end : match.start()].strip()[:20]!r} cannot be read"
            raise UnreadableError(message)
        kind, end = str(match.lastgroup), match.end()
        if match["heredoc"]:
            kind = "heredoc"
        if kind != "comment":
            found.append(_Token(kind, match[0], line, match.start()))
        line += match[0].count("\n")
    if text[end:].strip():
        message = f"line {line}: {text[end:].strip()[:20]!r} cannot be read"
        raise UnreadableError(message)
    return found


@lru_cache(maxsize=256)
def read(text: str) -> Block:
    """Split a file into blocks; what stands at its top is in a block without a kind.

    Raises:
        UnreadableError: brackets do not match, or something stands where a name must.
    """
    root = Block("", (), 1)
    tokens = _tokens(text)
    at = _body(tokens, 0, root, text)
    if at < len(tokens):
        message = f"line {tokens[at].line}: {tokens[at].text} closes nothing"
        raise UnreadableError(message)
    return root


def _body(tokens: list[_Token], at: int, block: Block, text: str) -> int:
    while at < len(tokens) and tokens[at].kind != "close":
        token = tokens[at]
        at += 1
        if token.kind == "line":
            continue
        if token.kind not in ("name", "string"):
            message = f"line {token.line}: {token.text[:20]!r} stands where a name must"
            raise UnreadableError(message)
        if at < len(tokens) and tokens[at].kind == "is":
            first = at + 1
            at = _expression(tokens, first)
            end = tokens[at].start if at < len(tokens) else len(text)
            value = text[tokens[first].start : end].strip() if first < len(tokens) else ""
            block.attributes[token.text.strip('"')] = Attribute(token.line, _plain(value))
            continue
        labels = []
        while at < len(tokens) and tokens[at].kind in ("name", "string"):
            labels.append(tokens[at].text.strip('"'))
            at += 1
        if at >= len(tokens) or tokens[at].text != "{":
            message = f"line {token.line}: {token.text} has neither = nor a block"
            raise UnreadableError(message)
        inner = Block(token.text, tuple(labels), token.line)
        at = _body(tokens, at + 1, inner, text)
        if at >= len(tokens) or tokens[at].text != "}":
            message = f"line {token.line}: the block {token.text} is not closed"
            raise UnreadableError(message)
        at += 1
        block.blocks.append(inner)
    return at


def _expression(tokens: list[_Token], at: int) -> int:
    depth: list[str] = []
    while at < len(tokens):
        token = tokens[at]
        if token.kind == "open":
            depth.append(token.text)
        elif token.kind == "close":
            if not depth:
                return at
            if depth.pop() != PAIRS[token.text]:
                message = f"line {token.line}: {token.text} closes something else"
                raise UnreadableError(message)
        elif token.kind == "line" and not depth:
            return at
        at += 1
    if depth:
        message = f"line {tokens[-1].line}: {depth[-1]} is not closed"
        raise UnreadableError(message)
    return at


def _plain(value: str) -> str:
    """Take comments out of an expression."""
    if "#" not in value and "//" not in value and "/*" not in value:
        return value
    return TOKEN.sub(lambda match: "" if match["comment"] else match[0], value).strip()


def objects(expression: str) -> Iterator[str]:
    """Give each object of an expression, without the objects inside it: `{ a = { b = 1 } }` gives two."""
    return (shallow for shallow, _ in spans(expression))


def spans(expression: str) -> Iterator[tuple[str, str]]:
    """Give each object of an expression twice: without the objects inside it, and whole."""
    opened: list[int] = []
    found: list[tuple[int, int]] = []
    for match in TOKEN.finditer(expression):
        if match[0] == "{":
            opened.append(match.start())
        elif match[0] == "}" and opened:
            found.append((opened.pop(), match.end()))
    for start, end in found:
        inside = sorted((a, b) for a, b in found if start < a and b < end)
        outermost = [span for span in inside if not any(a < span[0] and span[1] < b for a, b in inside)]
        edges = [(start, start), *outermost, (end, end)]
        shallow = "{}".join(expression[before[1] : after[0]] for before, after in pairwise(edges))
        yield shallow, expression[start:end]
