"""The first commit of a service. Git is a convenience here: without it, or without an identity, nothing fails."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from slipway.modes import scripts

QUICK = (
    "-c",
    "gc.auto=0",
    "-c",
    "maintenance.auto=false",
    "-c",
    "core.fsync=none",
    "-c",
    "core.autocrlf=false",
    "-c",
    "core.hooksPath=/dev/null",
)


class FirstCommit:
    """Make the first commit on branch `main`.

    The repository is created, and `start` puts the files into the index, in the background, so that the choice folders
    are settled and the checks run meanwhile; `finish` commits.
    """

    def __init__(self, project: Path, slug: str, ticket: str) -> None:
        self.project = project
        self.message = ("-m", f"feat: launch {slug}", "-m", f"Refs: {ticket}")
        self._adding: subprocess.Popen[bytes] | None = None
        self._creating: subprocess.Popen[bytes] | None = None
        self._why_not = ""
        if os.environ.get("SLIPWAY_GIT", "1") == "0":
            self._why_not = "no first commit: SLIPWAY_GIT=0"
        elif shutil.which("git") is None:
            self._why_not = "no first commit: git is not installed"
        else:
            self._creating = self._begin("init", "-q", "-b", "main", "--template=")

    def start(self) -> None:
        """Begin to add the files; remember why not when that is impossible."""
        if self._creating is None:
            return
        if self._creating.wait():
            self._why_not = "no first commit: `git init` failed"
        else:
            self._adding = self._begin("add", "-A")

    def finish(self) -> tuple[bool, str]:
        """Commit what was added.

        Returns:
            Whether there is a commit, and the sentence that says so or says what to run.
        """
        if self._adding is not None and self._adding.wait():
            self._why_not = "no first commit: `git add` failed"
        if self._why_not:
            return False, self._why_not
        if os.name == "nt":
            self._git("update-index", "--chmod=+x", *(str(path) for path in scripts(self.project)))
        if self._git("commit", "-q", "--no-verify", "--no-gpg-sign", *self.message).returncode:
            return False, "no first commit: git does not know who you are (git config user.name, user.email)"
        return True, "first commit on branch main"

    def abandon(self) -> None:
        """Stop what `start` began, so that the folder can be removed."""
        if self._adding is not None:
            self._adding.kill()
            self._adding.wait()

    def by_hand(self) -> str:
        """Give the commands that do the same by hand."""
        subject, reference = self.message[1], self.message[3]
        return f'git init -b main && git add -A && git commit -m "{subject}" -m "{reference}"'

    def _command(self, *arguments: str) -> list[str]:
        return ["git", "-C", str(self.project), *QUICK, *arguments]

    def _begin(self, *arguments: str) -> subprocess.Popen[bytes]:
        quiet = subprocess.DEVNULL
        return subprocess.Popen(self._command(*arguments), env=_environment(), stdout=quiet, stderr=quiet)

    def _git(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(self._command(*arguments), env=_environment(), check=False, capture_output=True)


def _environment() -> dict[str, str]:
    return {
        k: v
        for k, v in os.environ.items()
        if not k.startswith("GIT_") or k.startswith(("GIT_CONFIG", "GIT_AUTHOR", "GIT_COMMITTER"))
    }
