"""The registry of checks and what a check is."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from slipway.contract.repository import Repository

INTERNAL = "SLW000"
NOT_CHECKS = frozenset({"registry", "repository"})


class Finding(NamedTuple):
    """One thing that does not hold.

    Attributes:
        path: the file, relative to the service, with forward slashes.
        line: from 1; 0 when the whole file is meant.
        check: the id of the check.
        message: the thing, its value and the rule.
    """

    path: str
    line: int
    check: str
    message: str


Body = Callable[["Repository"], Iterator[tuple[str, int, str]]]


class Check(NamedTuple):
    """One rule of the contract.

    Attributes:
        id: three capital letters and three digits; never given to another check.
        title: the rule as a statement that holds.
        why: what goes wrong without it, with the source of the rule.
        fix: what to do.
    """

    id: str
    title: str
    why: str
    fix: str
    body: Body

    def run(self, repository: Repository) -> list[Finding]:
        """Run the check; one that breaks is itself a finding, so that nothing passes unseen."""
        try:
            return [Finding(path, line, self.id, message) for path, line, message in self.body(repository)]
        except Exception as error:  # noqa: BLE001  -- whatever it is, it must be seen and the other checks must run
            return [Finding(".", 0, INTERNAL, f"check {self.id} broke: {type(error).__name__}: {error}")]


REGISTRY: dict[str, Check] = {}


def check(identifier: str, title: str, *, why: str, fix: str) -> Callable[[Body], Body]:
    """Register a check; its body yields path, line and message of each finding.

    Raises:
        ValueError: the id is taken.
    """

    def register(body: Body) -> Body:
        if identifier in REGISTRY:
            message = f"check id {identifier} is taken by {REGISTRY[identifier].title!r}"
            raise ValueError(message)
        REGISTRY[identifier] = Check(identifier, title, why, fix, body)
        return body

    return register


def load() -> None:
    """Import every module of checks, so that the registry is whole."""
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        if module.name not in NOT_CHECKS:
            importlib.import_module(f"slipway.contract.{module.name}")
