"""A reader of Jenkinsfiles: Groovy's braces, quotes and comments, as a tree of blocks."""

from __future__ import annotations

import re
from collections.abc import Iterator

from slipway.contract.pipelines import called, with_parts

SHELL = re.compile(r"\bsh\b[ (](?P<rest>.*)", re.DOTALL)
QUOTED = re.compile(r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"", re.DOTALL)
WORD = re.compile(r"[A-Za-z_]\w*")


class Block:
    """A piece of a Jenkinsfile: its head, such as `stage('Lint')`, its line, and what stands between its braces."""

    def __init__(self, head: str, line: int) -> None:
        self.head = head
        self.line = line
        self.parts: list[Block] | None = None

    @property
    def name(self) -> str:
        """The first word of the head."""
        found = WORD.match(self.head)
        return found[0] if found else ""

    @property
    def title(self) -> str:
        """The first text of the head: the name of a stage."""
        found = QUOTED.search(self.head)
        return (found[1] or found[2] or "") if found else ""

    def child(self, name: str) -> Block | None:
        """Give the first part of a name."""
        return next((part for part in self.parts or [] if part.name == name), None)

    def walk(self) -> Iterator[Block]:
        """Give this and everything inside, in the order of the file."""
        yield self
        for part in self.parts or []:
            yield from part.walk()

    @property
    def shells(self) -> list[tuple[int, str, str]]:
        """Each shell command inside: its line, the quote around it and its text."""
        found = []
        for block in self.walk():
            if block.name != "sh" and not re.search(r"\bsh\s*\(", block.head):
                continue
            call = SHELL.search(block.head)
            rest = re.sub(r"^.*?\bscript:", "", call["rest"], flags=re.DOTALL) if call else ""
            if text := QUOTED.search(rest):
                found.append((block.line, rest[text.start()], text[1] if text[1] is not None else text[2]))
        return found

    @property
    def calls(self) -> set[str]:
        """The make targets that are called inside."""
        return with_parts({target for _, _, text in self.shells for target in called(text)})


class BrokenError(ValueError):
    """A Jenkinsfile whose braces or quotes do not close; `line` says where."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


TOKENS = re.compile(
    r"(?P<comment>//[^\n]*|/\*.*?\*/)|(?P<string>'''.*?'''|\"\"\".*?\"\"\"|'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\")"
    r"|(?P<open>[{(\[])|(?P<close>[})\]])|(?P<end>[\n;])|(?P<quote>['\"])|(?P<other>[^'\"/{}()\[\]\n;]+|/)",
    re.DOTALL,
)
PAIRS = {"}": "{", ")": "(", "]": "["}


class _Reader:
    """Takes the tokens of a Jenkinsfile one by one and builds the tree."""

    def __init__(self) -> None:
        self.top = Block("", 1)
        self.top.parts = []
        self.stack = [self.top]
        self.opened: list[tuple[str, int]] = []
        self.head = ""
        self.begun = self.line = 1

    def take(self, kind: str, piece: str) -> None:
        """Take a token."""
        if not self.head.strip():
            self.begun = self.line
        if kind == "quote":
            message = f"the quote {piece} is not closed"
            raise BrokenError(message, self.line)
        if kind == "close":
            self._closed(piece)
        in_code = all(bracket == "{" for bracket, _ in self.opened)
        if kind == "open":
            self.opened.append((piece, self.line))
        if in_code and piece == "{":
            block = self._put(opens=True)
            block.parts = []
            self.stack.append(block)
        elif in_code and piece == "}":
            self._put()
            self.stack.pop()
        elif in_code and kind == "end":
            self._put()
        elif kind != "comment":
            self.head += piece
        self.line += piece.count("\n")

    def _closed(self, piece: str) -> None:
        if not self.opened or self.opened[-1][0] != PAIRS[piece]:
            message = f"'{piece}' closes " + (f"'{self.opened[-1][0]}'" if self.opened else "nothing")
            raise BrokenError(message, self.line)
        self.opened.pop()

    def _put(self, *, opens: bool = False) -> Block:
        block = Block(self.head.strip(), self.begun)
        parts = self.stack[-1].parts
        if parts is not None and (block.head or opens):
            parts.append(block)
        self.head = ""
        return block

    def end(self) -> Block:
        """Give the tree."""
        if self.opened:
            message = f"'{self.opened[-1][0]}' is not closed"
            raise BrokenError(message, self.opened[-1][1])
        self._put()
        return self.top


def groovy(text: str) -> Block:
    """Read a Jenkinsfile into blocks.

    Raises:
        BrokenError: a brace or a quote does not close.
    """
    reader = _Reader()
    for token in TOKENS.finditer(text):
        reader.take(str(token.lastgroup), token[0])
    return reader.end()
