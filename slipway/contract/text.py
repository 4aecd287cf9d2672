"""Texts: rendered to the end, UTF-8, LF."""

from __future__ import annotations

import re
from collections.abc import Iterator

from slipway.contract.registry import check
from slipway.contract.repository import Repository

LEFTOVER = re.compile(r"\{[{%][^\n]*?\b(?:cookiecutter\b|_copier_|endif|endfor|endraw)[^\n]*?[%}]\}")
CHOICE_FOLDER = re.compile(r"(?:^|/)\.(?:lift|drop)\.|\{\{|\{%")


@check(
    "TXT001",
    "no template text is left",
    why="Text that was never rendered reaches users, shells and clusters as it stands.",
    fix="Write what it stands for; when the template made it, report it to the template's owners.",
)
def leftovers(repository: Repository) -> Iterator[tuple[str, int, str]]:
    """Yield unrendered Jinja in names and in texts."""
    for path in repository.files:
        if CHOICE_FOLDER.search(path):
            yield path, 0, f"the name {path} holds template text"
        if b"cookiecutter" not in repository.bytes(path) and b"{%" not in repository.bytes(path):
            continue
        for number, line in repository.lines(path):
            if found := LEFTOVER.search(line):
                yield path, number, f"{found[0]} was never rendered"


@check(
    "TXT002",
    "texts are UTF-8 without a byte order mark",
    why="Tools read other encodings wrongly or stop, and a byte order mark breaks scripts and parsers.",
    fix="Save the file as UTF-8 without a byte order mark.",
)
def encoding(repository: Repository) -> Iterator[tuple[str, int, str]]:
    """Yield texts in another encoding."""
    for path in repository.files:
        if not repository.is_text(path):
            continue
        data = repository.bytes(path)
        if data.startswith(b"\xef\xbb\xbf"):
            yield path, 1, "begins with a byte order mark"
        try:
            data.decode("utf-8")
        except UnicodeDecodeError as error:
            yield path, data.count(b"\n", 0, error.start) + 1, f"byte {data[error.start]:#04x} is not UTF-8"


@check(
    "TXT003",
    "lines end with LF",
    why="A carriage return breaks shell scripts and makes every update of the template a conflict.",
    fix="Convert the file to LF; .gitattributes with `* text=auto eol=lf` keeps it so.",
)
def line_ends(repository: Repository) -> Iterator[tuple[str, int, str]]:
    """Yield texts with carriage returns."""
    for path in repository.files:
        data = repository.bytes(path)
        if b"\r\n" in data and repository.is_text(path) and not path.endswith((".bat", ".cmd", ".ps1")):
            yield path, data.count(b"\n", 0, data.index(b"\r\n")) + 1, "a line ends with CR LF"


@check(
    "TXT004",
    "no conflict of an update is left",
    why="Conflict markers break whatever reads the file, and a .rej file holds an edit that was dropped (row W03).",
    fix="Decide between the two sides, remove the markers, delete the .rej file.",
)
def conflicts(repository: Repository) -> Iterator[tuple[str, int, str]]:
    """Yield conflict markers and rejected hunks."""
    for path in repository.files:
        if path.endswith(".rej"):
            yield path, 0, "holds hunks that could not be applied"
        elif b"<<<<<<< " in repository.bytes(path):
            for number, line in repository.lines(path):
                if line.startswith("<<<<<<< "):
                    yield path, number, "a conflict begins here"
