"""The contract: what must hold of a whole service, checked without network and without any tool.

A check is a decorated function in one of the modules here. It receives the repository and yields findings:

    @check("DOC001", "the image runs as a numeric user", why="...", fix="...")
    def numeric_user(repository: Repository) -> Iterator[Finding]: ...
"""

from __future__ import annotations

import time
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from slipway.contract.registry import REGISTRY, Check, Finding, load
from slipway.contract.repository import Repository

__all__ = ["REGISTRY", "Check", "Finding", "Repository", "Result", "check", "load"]


class Result(NamedTuple):
    """What a run of the contract found.

    Attributes:
        findings: in the order of path and check.
        ignored: findings that `.slipway.yml` asks to pass over, each with its reason.
        checks: how many checks ran.
        seconds: wall time of the run.
    """

    findings: tuple[Finding, ...]
    ignored: tuple[Finding, ...]
    checks: int
    seconds: float


def check(root: Path, *, select: Collection[str] = (), ignore: Collection[str] = ()) -> Result:
    """Run the checks over the service at `root`.

    Args:
        root: the folder of the service.
        select: ids of the only checks to run; all when empty.
        ignore: ids of checks to leave out.
    """
    started = time.perf_counter()
    load()
    repository = Repository(root)
    chosen = [one for one in REGISTRY.values() if (not select or one.id in select) and one.id not in ignore]
    found: list[Finding] = []
    for one in chosen:
        found += one.run(repository)
    passed_over = repository.passed_over()
    ignored = tuple(finding for finding in found if (finding.check, finding.path) in passed_over)
    kept = sorted(finding for finding in found if (finding.check, finding.path) not in passed_over)
    return Result(tuple(kept), ignored, len(chosen), time.perf_counter() - started)
