"""Makefiles: what they include, need and use is there, and every target says what it is for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from slipway.contract.registry import check
from slipway.contract.repository import Repository

Findings = Iterator[tuple[str, int, str]]

PLACES = r"(?:Makefile|mk/.*\.mk)$"
RULE = re.compile(r"^(?P<targets>[A-Za-z0-9_./%$(){} -]+?)\s*(?P<colons>::?)(?!=)(?P<rest>.*)$")
TARGET = re.compile(r"[a-z][a-z0-9-]*\Z")
SET = re.compile(r"^\s*(?:export\s+|override\s+|private\s+)*([A-Za-z_][\w.-]*)\s*(?:[:?+!]|::|:::)?=")
USED = re.compile(r"\$[({]([A-Za-z_][\w.-]*)[)}]")
WORDS = re.compile(r"[a-z][a-z0-9_/.-]*\Z")
BUILT_IN = frozenset(
    {
        *("MAKE", "MAKEFLAGS", "MAKEFILE_LIST", "MAKECMDGOALS", "MAKELEVEL", "CURDIR", "SHELL", "HOME", "PATH", "USER"),
        *("CI", "CC", "RM", "PWD", "OS", "TERM", "AR", "CFLAGS"),
    }
)


class Rule(NamedTuple):
    """A rule: file, line, its targets, what it needs, one colon or two, and whether it says what it is for."""

    path: str
    line: int
    targets: tuple[str, ...]
    needs: tuple[str, ...]
    colons: str
    told: bool


def rules(repository: Repository) -> Iterator[Rule]:
    """Give the rules of every makefile; continued lines are one."""
    for path in repository.matching(PLACES):
        number = 0
        for joined in re.split(r"(?<!\\)\n", repository.text(path)):
            found = None if joined.startswith(("\t", "#", ".", " ")) else RULE.match(joined.replace("\\\n", " "))
            if found and not SET.match(joined):
                needs = re.split(r"\s+##|;|\|", found["rest"])[0].split()
                yield Rule(
                    path, number + 1, tuple(found["targets"].split()), tuple(needs), found["colons"], "##" in joined
                )
            number += joined.count("\n") + 1


@check(
    "MAK003",
    "recipes are indented by tabs, included files are there, and every part of mk/ is included",
    why="make stops at a line of spaces with `missing separator`, and at a missing file, whatever was asked for.",
    fix="Begin the line of a recipe with a tab; correct the name behind include, or include the part.",
)
def readable(repository: Repository) -> Findings:
    """Yield recipes of spaces, includes that lead nowhere, and parts that nothing includes."""
    lines = [line for path in repository.matching(PLACES) for _, line in repository.lines(path)]
    given = "\n".join(line for line in lines if re.match(r"-?s?include\s", line))
    for path in repository.matching(r"mk/[^/]+\.mk$") if "Makefile" in repository.files else ():
        if path not in given and "mk/*.mk" not in given:
            yield "Makefile", 0, f"{path} is not included, and its targets are not there"
    for path in repository.matching(PLACES):
        in_rule, continued = False, False
        for number, line in repository.lines(path):
            if continued:
                continued = line.endswith("\\")
                continue
            continued = line.endswith("\\")
            if re.match(r" +\S", line) and in_rule and not SET.match(line):
                yield path, number, f"{line.strip()}: a recipe begins with a tab, not with spaces"
            if line and not line.startswith(("\t", " ", "#")):
                in_rule = RULE.match(line) is not None and not SET.match(line)
            included = re.match(r"include\s+([^$*]+)$", line)
            for name in included[1].split() if included else ():
                if name not in repository.files:
                    yield path, number, f"include {name}: there is no such file"


@check(
    "MAK004",
    "every target says what it is for",
    why="make help shows what carries ## alone; what it does not show is not used, or written a second time (row A08).",
    fix="Write ## and a few words behind the target.",
)
def told(repository: Repository) -> Findings:
    """Yield targets that make help does not show."""
    known = list(rules(repository))
    shown = {target for rule in known if rule.told for target in rule.targets}
    for rule in known:
        for target in rule.targets:
            if TARGET.match(target) and target not in shown and target not in repository.files:
                yield rule.path, rule.line, f"the target {target} has no ## and is not in make help"


@check(
    "MAK005",
    "what a target needs is there, and no target is defined twice",
    why="make stops at a need that nothing makes; of two rules with one colon the second silently wins.",
    fix="Correct the name; to add to a target of the template write it with two colons.",
)
def needed(repository: Repository) -> Findings:
    """Yield needs that nothing makes, and targets that are defined twice."""
    known = list(rules(repository))
    targets = {target for rule in known for target in rule.targets}
    first: dict[str, Rule] = {}
    for rule in known:
        for need in rule.needs:
            if WORDS.match(need) and need not in targets and not repository.exists(need):
                yield rule.path, rule.line, f"{' '.join(rule.targets)} needs {need}, which nothing makes"
        for target in rule.targets:
            other = first.setdefault(target, rule)
            if other is not rule and TARGET.match(target) and ":" in (rule.colons, other.colons):
                one, two = (rule, other) if rule.colons == ":" else (other, rule)
                yield one.path, one.line, f"the target {target} stands in {two.path} as well; say {target}::"


@check(
    "MAK006",
    "every variable that a makefile uses is set",
    why="make replaces an unknown variable by nothing, and the command runs without it.",
    fix="Set it with ?= and a default, or correct its name.",
)
def defined(repository: Repository) -> Findings:
    """Yield variables that nothing sets."""
    known = {*BUILT_IN}
    for path in repository.matching(PLACES):
        for _, line in repository.lines(path):
            found = SET.match(line) or re.match(r"define\s+(\w+)", line)
            known |= {found[1]} if found else set()
            known |= {*re.findall(r"\$[({]foreach\s+(\w+),", line)}
            known |= {*re.findall(r"\$[({](?:or|origin|flavor|value|call)\s+\$?[({]?([A-Za-z_]\w*)", line)}
    for path in repository.matching(PLACES):
        for number, line in repository.lines(path):
            if line.lstrip().startswith("#"):
                continue
            for name in USED.findall(re.sub(r"\$\$\S*", "", line)):
                if name not in known:
                    yield path, number, f"$({name}) is set by nothing"
