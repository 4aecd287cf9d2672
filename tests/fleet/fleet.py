"""A fleet of a small template: three releases, and services that a test bears, edits and breaks."""

from __future__ import annotations

import io
from pathlib import Path

from copier import run_copy

from slipway.fleet.progress import Progress
from slipway.fleet.run import Means, Record, survey
from slipway.fleet.sources import repository
from tests.conftest import commit_all, git
from tests.updates.small import QUESTIONS, Entry, Small, text

OWNED = """\
_exclude:
  - "{% if _copier_operation == 'update' %}/README.md{% endif %}"
"""
LINES = [f"line {number}" for number in range(1, 10)]
MARKED = "<<<<<<< before updating\nours\n=======\ntheirs\n>>>>>>> after updating\n"


class Fleet:
    """A template of three releases, and the folder of its services.

    Attributes:
        home: where services and caches go.
        address: the git URL of the template.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self.small = Small(home / "origin")
        (self.small.template / "copier.yml").write_text(QUESTIONS + OWNED, encoding="utf-8")
        for number in (1, 2, 3):
            self.release(f"release {number}")
        self.address = self.small.template.as_uri()

    def release(self, first_line: str) -> str:
        """Release the template with another first line of its text."""
        return self.small.release(
            {
                "README.md": text("# A service", first_line),
                "guide.txt": text(first_line, *LINES),
                "plain.txt": text("the same in every release"),
                "bin/run": Entry(b"#!/bin/sh\n", executable=True),
            }
        )

    def bear(self, name: str, version: str = "v0.3.0", *, commit: bool = True) -> Path:
        """Generate a service and commit it."""
        service = self.home / name
        run_copy(self.address, service, vcs_ref=version, defaults=True, quiet=True)
        git(service, "init", "-q", "-b", "main")
        if commit:
            commit_all(service, "feat: launch")
        return service

    def broken(self) -> dict[str, str]:
        """Make services of which nothing can be told, and give the word that each failure must hold."""
        self.bear("no-commit", commit=False)
        unlinked = self.bear("no-link")
        (unlinked / ".copier-answers.yml").unlink()
        commit_all(unlinked, "chore: forget")
        lost = self.bear("lost-template")
        link = lost / ".copier-answers.yml"
        link.write_text(link.read_text("utf-8").replace(self.address, f"{self.address}-gone"), encoding="utf-8")
        commit_all(lost, "chore: elsewhere")
        (self.home / "no-git").mkdir()
        return {
            "no-commit": "commit",
            "no-link": "knows no template",
            "lost-template": "cannot be fetched",
            "no-git": "git",
            "no-folder": "does not exist",
        }

    def survey(self, *names: str, cache: str = "cache", jobs: int = 1, told: io.StringIO | None = None) -> list[Record]:
        """Find out about services by their names."""
        wanted = [repository(str(self.home / name)) for name in names]
        return survey(wanted, Means(self.home / cache, jobs=jobs, timeout=60), Progress(told or io.StringIO()))


def edit(service: Path, path: str, content: str) -> None:
    """Write a file of a service and commit it."""
    (service / path).write_text(content, encoding="utf-8", newline="\n")
    commit_all(service, f"feat: {path}")
