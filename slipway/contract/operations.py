"""The operational contract: the page that says what callers, operators and pipelines may rely on is true."""

from __future__ import annotations

import re
from collections.abc import Iterator

from slipway.contract.docker import dockerfiles
from slipway.contract.kubernetes import containers
from slipway.contract.registry import check
from slipway.contract.repository import Repository

DOCUMENT = "docs/operational-contract.md"
CONFIGURATION = "docs/configuration.md"
MAKEFILES = r"mk/(?:slipway|language)\.mk$"
VARIABLES = {"http": "HTTP_ADDR", "admin": "ADMIN_ADDR"}
TARGET = re.compile(r"^([a-z][a-z0-9-]*):.*## ", re.MULTILINE)


def rows(repository: Repository, heading: str) -> dict[str, list[str]]:
    """Give the first table under a heading of the page: each row by its first cell, without backquotes."""
    section = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", repository.text(DOCUMENT), re.MULTILINE | re.DOTALL)
    table = re.search(r"^\|.*\n\|[ |:-]+\n((?:\|.*\n?)+)", section[1], re.MULTILINE) if section else None
    lines = table[1].splitlines() if table else []
    cells = [[cell.strip().replace("`", "") for cell in line.strip("|").split("|")] for line in lines]
    return {first: rest for first, *rest in cells}


@check(
    "OPS001",
    "the operational contract promises what make offers",
    why="Pipelines and people call targets by name: one that is gone breaks them, one that is not told is not used.",
    fix=f"Bring the table of make targets in {DOCUMENT} in line with mk/; those of the Makefile may be missing.",
)
def targets(repository: Repository) -> Iterator[tuple[str, int, str]]:
    """Yield targets of the template that the page lacks, and those on the page that nothing offers."""
    if DOCUMENT not in repository.files:
        return
    told = rows(repository, "Make targets")
    offered = {name: path for path in repository.matching(MAKEFILES) for name in TARGET.findall(repository.text(path))}
    own = set(TARGET.findall(repository.text("Makefile")))
    for name, path in offered.items():
        if name not in told:
            yield path, 0, f"the target {name} is not in {DOCUMENT}"
    for name in sorted(set(told) - set(offered) - own):
        yield DOCUMENT, 0, f"the target {name} is promised, and no makefile has it"


@check(
    "OPS002",
    "the ports of the operational contract are those of variables, image and manifests",
    why="Who opens a way to a port that nobody listens on finds out in production.",
    fix=f"Use the same numbers in {DOCUMENT}, in {CONFIGURATION}, in EXPOSE and as containerPort.",
)
def ports(repository: Repository) -> Iterator[tuple[str, int, str]]:
    """Yield ports of the page that what configures, exposes or declares them does not know."""
    told = {cells[0]: number for number, cells in rows(repository, "Ports").items() if cells}
    defaults = dict(re.findall(r"^\| `(\w+_ADDR)` \| `[^`]*:(\d+)`", repository.text(CONFIGURATION), re.MULTILINE))
    image = dict(dockerfiles(repository)).get("Dockerfile")
    lines = [rest for _, word, rest in image[-1].instructions if word == "EXPOSE"] if image else []
    exposed = {number.split("/")[0] for line in lines for number in line.split()}
    for variable, number in told.items():
        if defaults.get(variable, number) != number:
            yield DOCUMENT, 0, f"{variable} is {number} here and {defaults[variable]} in {CONFIGURATION}"
        if exposed and number not in exposed:
            yield "Dockerfile", 0, f"port {number} of {DOCUMENT} is not exposed"
    for path, owner, container, _ in containers(repository):
        for port in container.get("ports") or []:
            wanted = told.get(VARIABLES.get(str(port.get("name")), ""))
            if wanted and str(port.get("containerPort")) != wanted:
                yield path, 0, f"{owner}: port {port['name']} is {port.get('containerPort')}, {DOCUMENT} says {wanted}"
