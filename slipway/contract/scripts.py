"""Scripts: POSIX shell, strict, executable, and never against a cluster that nobody named."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from slipway.contract.registry import check
from slipway.contract.repository import Repository

KUBECTL = re.compile(r"(?:^|[;&|(]|\bthen|\bdo|\belse|\bif|!)\s*kubectl\s+(?P<words>.*)")
WITHOUT_CLUSTER = re.compile(r"(?:config|kustomize|version)\b")


@check(
    "SCR001",
    "a file that begins with #! is executable, and no other in bin/",
    why="A script that is not executable fails in CI; an executable that is no script fails where it is called.",
    fix="chmod +x FILE, or chmod -x FILE; in git: git update-index --chmod=+x FILE.",
)
def modes(repository: Repository) -> Iterator[tuple[str, int, str]]:
    """Yield files whose mode and first line disagree; Windows has no such mode."""
    if os.name == "nt":
        return
    for path, executable in repository.files.items():
        begins = repository.bytes(path).startswith(b"#!")
        if begins and not executable and repository.is_text(path):
            yield path, 1, "begins with #! and is not executable"
        if executable and not begins and path.startswith("bin/"):
            yield path, 1, "is executable and does not begin with #!"


@check(
    "SCR002",
    "scripts in bin/ are POSIX shell that stops at the first error",
    why="Images and runners have sh, not always bash; without set -eu a failed step goes on (rows U01, U02).",
    fix="Begin with #!/bin/sh and put `set -eu` before the first command.",
)
def strict_shell(repository: Repository) -> Iterator[tuple[str, int, str]]:
    """Yield shell scripts in bin/ that are not strict."""
    for path in repository.matching(r"bin/[^/.]+$"):
        text = repository.text(path)
        first = text.split("\n", 1)[0]
        if not re.match(r"#!.*\b(?:ba|da|k|z)?sh\b", first):
            continue
        if first != "#!/bin/sh":
            yield path, 1, f"begins with {first}, not with #!/bin/sh"
        if not re.search(r"^set -eu", text, re.MULTILINE):
            yield path, 1, "does not say `set -eu`"


@check(
    "SCR003",
    "kubectl is always told its context",
    why="The default context is whichever cluster was looked at last, and that may be production (row U05).",
    fix='Say kubectl --context "$context" ..., and take the context as an argument.',
)
def named_cluster(repository: Repository) -> Iterator[tuple[str, int, str]]:
    """Yield calls of kubectl that reach for a cluster without naming it."""
    for path in repository.matching(r"(?:bin/[^/]+|mk/.*|Makefile)$"):
        for number, line in repository.lines(path):
            called = None if line.lstrip().startswith("#") else KUBECTL.search(line)
            if called and "--context" not in called["words"] and not WITHOUT_CLUSTER.match(called["words"]):
                yield path, number, f"kubectl {called['words'].strip()} names no --context"
