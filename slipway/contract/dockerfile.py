"""A Dockerfile, read as BuildKit reads it: directives, continued lines, heredocs, flags, and stages that inherit."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from slipway.contract.repository import Repository

DIRECTIVE = re.compile(r"#\s*([A-Za-z]+)\s*=\s*(\S+)\s*\Z")
HEREDOC = re.compile(r"<<(-?)\s*([\"']?)([A-Za-z_][A-Za-z0-9_]*)\2")
VARIABLE = re.compile(r"\$(?:\{([A-Za-z_]\w*)(?::([-+])([^}]*))?\}|([A-Za-z_]\w*))")
FLAG = re.compile(r"--([a-z][a-z-]*)(?:=(\S*))?(?:\s+|\Z)")
DOCKERFILE = r"(?:.*/)?(?:Docker|Container)file(?:\.(?!dockerignore$)[\w-]+)?$"
WITH_HEREDOCS = frozenset({"RUN", "COPY", "ADD"})
PLATFORM_ARGUMENTS = frozenset(
    f"{side}{part}" for side in ("BUILD", "TARGET") for part in ("PLATFORM", "OS", "ARCH", "VARIANT")
)


class Instruction(NamedTuple):
    """One instruction of a Dockerfile.

    Attributes:
        line: where it begins, from 1.
        word: its name, in capitals.
        rest: everything behind the name on one line, flags included.
        heredocs: the texts of its heredocs.
    """

    line: int
    word: str
    rest: str
    heredocs: tuple[str, ...] = ()

    @property
    def flags(self) -> list[tuple[str, str]]:
        """Its flags, in their order; one may stand more than once."""
        return self._split()[0]

    @property
    def body(self) -> str:
        """What stands behind the flags."""
        return self._split()[1]

    @property
    def words(self) -> list[str]:
        """The arguments behind the flags, from either form."""
        listed = exec_form(self.body)
        return self.body.split() if listed is None else listed

    def _split(self) -> tuple[list[tuple[str, str]], str]:
        found, rest = [], self.rest
        while one := FLAG.match(rest):
            found.append((one[1], (one[2] or "").strip("\"'")))
            rest = rest[one.end() :]
        return found, rest.strip()


class Stage(NamedTuple):
    """One stage of a Dockerfile: where it begins, what from, under which name, what is in it, and its FROM as it is."""

    line: int
    image: str
    name: str
    instructions: list[Instruction]
    source: str = ""


class Dockerfile(NamedTuple):
    """A Dockerfile: what stands above the first FROM, and its stages."""

    head: list[Instruction]
    stages: list[Stage]

    def named(self, name: str, before: int) -> int | None:
        """Give the index of the stage that a name or number means, looking above the stage `before`."""
        for index in range(before - 1, -1, -1):
            if name and self.stages[index].name.lower() == name.lower():
                return index
        return int(name) if name.isdigit() and int(name) < before else None

    def parents(self, index: int) -> list[int]:
        """Give a stage and those it builds upon, itself first."""
        chain = [index]
        while (above := self.named(self.stages[chain[-1]].image, chain[-1])) is not None:
            chain.append(above)
        return chain

    def root(self, index: int) -> str:
        """Give the image that a stage comes from in the end."""
        return self.stages[self.parents(index)[-1]].image

    def inherited(self, index: int, word: str) -> list[Instruction]:
        """Give the instructions of a kind that hold in a stage, those it inherits first."""
        return [
            one
            for above in reversed(self.parents(index))
            for one in self.stages[above].instructions
            if one.word == word
        ]

    def shipped(self) -> list[int]:
        """Give the stages that are images of their own: the last one, and each that says what it starts."""
        last = len(self.stages) - 1
        return [
            index
            for index, stage in enumerate(self.stages)
            if index == last or any(one.word == "ENTRYPOINT" for one in stage.instructions)
        ]


def exec_form(text: str) -> list[str] | None:
    """Give the words of a JSON array of strings, or nothing for any other text."""
    if not text.startswith("["):
        return None
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if all(isinstance(word, str) for word in found) else None


def expand(text: str, values: Mapping[str, str]) -> str:
    """Put the values of arguments into a text; what is not known stays as it is."""

    def value(found: re.Match[str]) -> str:
        name, sign, other = found[1] or found[4], found[2], found[3] or ""
        known = values.get(name, "")
        if sign == "-":
            return known or other
        if sign == "+":
            return other if known else ""
        return known or found[0]

    return VARIABLE.sub(value, text)


def instructions(text: str) -> Iterator[Instruction]:
    """Split a Dockerfile into its instructions."""
    lines = text.splitlines()
    escape, number = _directives(lines)
    while number < len(lines):
        begun, pending, number = _joined(lines, number, escape)
        word, _, rest = pending.partition(" ")
        if not word:
            continue
        bodies: list[str] = []
        if word.upper() in WITH_HEREDOCS:
            for dash, _, end in HEREDOC.findall(rest):
                body, number = _heredoc(lines, number, end, tabs=bool(dash))
                bodies.append(body)
        yield Instruction(begun, word.upper(), rest.strip(), tuple(bodies))


def _joined(lines: list[str], number: int, escape: str) -> tuple[int, str, int]:
    """Give the next instruction on one line, where it begins, and where to go on; comments within it do not end it."""
    begun, pending = 0, ""
    while number < len(lines):
        line = lines[number].strip()
        number += 1
        if not line or line.startswith("#"):
            continue
        begun = begun or number
        pending += line.removesuffix(escape)
        if not line.endswith(escape):
            break
        pending += " "
    return begun, pending.strip(), number


def _heredoc(lines: list[str], number: int, end: str, *, tabs: bool) -> tuple[str, int]:
    """Give the lines up to the end of a heredoc, and where to go on."""
    body: list[str] = []
    while number < len(lines):
        line = lines[number]
        number += 1
        if (line.lstrip("\t") if tabs else line) == end:
            break
        body.append(line)
    return "\n".join(body), number


def _directives(lines: list[str]) -> tuple[str, int]:
    escape, number = "\\", 0
    while number < len(lines) and (found := DIRECTIVE.match(lines[number].strip())):
        if found[1].lower() == "escape":
            escape = found[2]
        number += 1
    return escape, number


def parse(text: str) -> Dockerfile:
    """Read a Dockerfile. Arguments with a default above the first FROM are put into the names of images."""
    head: list[Instruction] = []
    stages: list[Stage] = []
    values: dict[str, str] = {}
    for one in instructions(text):
        if one.word == "FROM":
            words = one.body.split()
            named = words[2] if len(words) > 2 and words[1].upper() == "AS" else ""  # noqa: PLR2004
            stages.append(Stage(one.line, expand(words[0], values) if words else "", named, [], one.rest))
        elif stages:
            stages[-1].instructions.append(one)
        else:
            head.append(one)
            if one.word == "ARG":
                for name, sign, value in (word.partition("=") for word in one.body.split()):
                    if sign:
                        values[name] = expand(value.strip("\"'"), values)
    return Dockerfile(head, stages)


def read(repository: Repository) -> Iterator[tuple[str, Dockerfile]]:
    """Give each Dockerfile that has a stage."""
    for path in repository.matching(DOCKERFILE):
        if (found := parsed(repository.text(path))).stages:
            yield path, found


@lru_cache(maxsize=8)
def parsed(text: str) -> Dockerfile:
    """Read a Dockerfile once."""
    return parse(text)


def every(one: Dockerfile) -> Iterator[tuple[int, Stage, Instruction]]:
    """Give each instruction of each stage, with the index of the stage."""
    for index, stage in enumerate(one.stages):
        for instruction in stage.instructions:
            yield index, stage, instruction


def origins(instruction: Instruction) -> Iterator[str]:
    """Give the stages and images that an instruction takes something from."""
    for flag, value in instruction.flags:
        if flag == "from":
            yield value
        elif flag == "mount":
            yield from (part[5:] for part in value.split(",") if part.startswith("from="))
