"""Which files are scripts, for places that lost the executable bit: archives unpacked by Python, and Windows."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path


def scripts(project: Path) -> Iterator[Path]:
    """Give the files that begin with #!, but for git's own."""
    for folder, folders, files in os.walk(project):
        if ".git" in folders:
            folders.remove(".git")
        for name in files:
            path = Path(folder, name)
            with path.open("rb") as stream:
                if stream.read(2) == b"#!":
                    yield path


def mark(project: Path) -> None:
    """Make every script executable, for those who may read it."""
    for path in scripts(project):
        mode = path.stat().st_mode
        path.chmod(mode | (mode & 0o444) >> 2)
