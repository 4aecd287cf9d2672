"""Git as Slipway runs it on repositories of others: no hooks, no prompts, no surprise from the environment."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

QUIET = (
    "-c",
    f"core.hooksPath={os.devnull}",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "gc.auto=0",
    "-c",
    "maintenance.auto=false",
    "-c",
    "advice.detachedHead=false",
)
SHOWN_LINES = 6
USERINFO = re.compile(r"(?P<scheme>\b[a-z][a-z0-9+.-]*://)[^/\s'\"]*@", re.IGNORECASE)
TOKEN = re.compile(r"(?P<name>[?&;](?:[a-z]+_)?token=)[^&\s'\"]+", re.IGNORECASE)


class GitError(RuntimeError):
    """Git failed; the message holds the command and what git said, without credentials."""

    def __init__(self, message: str) -> None:
        super().__init__(without_credentials(message))


def without_credentials(text: str) -> str:
    """Take user names, passwords and tokens out of every URL in a text; the user of an ssh address stays."""

    def cleaned(found: re.Match[str]) -> str:
        if found["scheme"].lower() in {"ssh://", "git+ssh://"}:
            user = found[0].removeprefix(found["scheme"]).removesuffix("@").partition(":")[0]
            return f"{found['scheme']}{user}@"
        return found["scheme"]

    return TOKEN.sub(r"\g<name>...", USERINFO.sub(cleaned, text))


def git(folder: Path, *arguments: str, given: str | None = None) -> str:
    """Run git in a folder and give what it prints.

    Raises:
        GitError: git is missing or the command failed.
    """
    return git_bytes(folder, *arguments, given=given).decode("utf-8", "surrogateescape")


def git_bytes(folder: Path, *arguments: str, given: str | None = None) -> bytes:
    """Run git in a folder and give the bytes it prints.

    Raises:
        GitError: git is missing or the command failed.
    """
    command = ["git", *QUIET, "-C", str(folder), *arguments]
    try:
        done = subprocess.run(
            command,
            check=False,
            capture_output=True,
            input=None if given is None else given.encode("utf-8", "surrogateescape"),
            stdin=subprocess.DEVNULL if given is None else None,
            env=environment(),
        )
    except OSError as error:
        message = f"git cannot be run: {error.strerror}"
        raise GitError(message) from error
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()[-SHOWN_LINES:]
        message = f"git {' '.join(arguments)}: {' / '.join(said) or f'exit status {done.returncode}'}"
        raise GitError(message)
    return done.stdout


def environment() -> dict[str, str]:
    """Give the environment without the variables that point git at another repository, and without prompts."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("GIT_") or k.startswith(("GIT_CONFIG", "GIT_SSH"))}
    who = ("GIT_AUTHOR_", "GIT_COMMITTER_", "GIT_ASKPASS", "GIT_USERNAME", "GIT_PASSWORD")
    identity = {k: v for k, v in os.environ.items() if k.startswith(who)}
    return {**kept, **identity, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C.UTF-8"}


@contextmanager
def worktree(top: Path, place: Path, commit: str) -> Iterator[Path]:
    """Give a worktree of its own at a commit, with an empty index and no file checked out; it is removed at the end.

    Raises:
        GitError: git refused.
    """
    git(top, "worktree", "add", "--quiet", "--detach", "--no-checkout", str(place), commit)
    try:
        yield place
    finally:
        git(top, "worktree", "remove", "--force", str(place))


def identity(folder: Path, name: str) -> list[str]:
    """Give the settings that let git commit under a name, or none where git knows who commits."""
    try:
        git(folder, "var", "GIT_COMMITTER_IDENT")
    except GitError:
        return ["-c", f"user.name={name}", "-c", f"user.email={name.replace(' ', '-')}@localhost"]
    return []


def names(output: str) -> list[str]:
    """Split what git printed with -z."""
    return [name for name in output.split("\0") if name]
