"""A small template whose releases a test writes out whole: an update of it takes about half a second."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from copier import run_copy, run_update

from tests.conftest import commit_all, git

QUESTIONS = """\
_min_copier_version: "9.19.0"
_subdirectory: template
_templates_suffix: ""
_answers_file: .copier-answers.yml
_envops:
  undefined: jinja2.StrictUndefined
name:
  type: str
  help: Any name.
  default: orders
"""
ANSWERS = "{{ _copier_answers | to_nice_yaml -}}\n"


class Entry(NamedTuple):
    """A file of the template.

    Attributes:
        content: its bytes.
        executable: whether it may be run.
    """

    content: bytes
    executable: bool = False


Files = Mapping[str, Entry]


def text(*lines: str) -> Entry:
    """Give a file of some lines, each ended."""
    return Entry("".join(f"{line}\n" for line in lines).encode())


class Small:
    """A template repository of a few files, and one service born of its first release.

    Attributes:
        template: the template's repository.
        service: the service's repository.
    """

    def __init__(self, place: Path) -> None:
        self.template = place / "template.git"
        self.service = place / "service"
        self.template.mkdir(parents=True)
        git(self.template, "init", "-q", "-b", "main")
        (self.template / "copier.yml").write_text(QUESTIONS, encoding="utf-8")

    def release(self, files: Files, tag: str = "") -> str:
        """Make these the files of the template, whole, commit them, and tag the commit with the next version.

        Returns:
            The tag.
        """
        tag = tag or f"v0.{len(git(self.template, 'tag').split()) + 1}.0"
        tree = self.template / "template"
        shutil.rmtree(tree, ignore_errors=True)
        tree.mkdir()
        (tree / "{{ _copier_conf.answers_file }}").write_text(ANSWERS, encoding="utf-8")
        for path, entry in files.items():
            place = tree / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(entry.content)
            place.chmod(0o755 if entry.executable else 0o644)
        git(self.template, "add", "-A", "-f")
        git(self.template, "commit", "-q", "--allow-empty", "-m", f"feat: {tag}")
        git(self.template, "tag", tag)
        return tag

    def bear(self, tag: str) -> Path:
        """Generate the service from a release, and commit it."""
        run_copy(self.template.as_uri(), self.service, vcs_ref=tag, defaults=True, quiet=True)
        git(self.service, "init", "-q", "-b", "main")
        git(self.service, "add", "-A", "-f")
        commit_all(self.service, "feat: launch")
        return self.service

    def render(self, tag: str, into: Path) -> Path:
        """Render a release into an empty folder."""
        run_copy(self.template.as_uri(), into, vcs_ref=tag, defaults=True, quiet=True)
        return into

    def update(self) -> None:
        """Bring the service to the newest release with plain Copier."""
        run_update(self.service, defaults=True, overwrite=True, quiet=True, unsafe=False)

    def update_by_command(self, *options: str) -> subprocess.CompletedProcess[str]:
        """Bring the service to the newest release with the command line."""
        return self.copier(shlex.join(["copier", "update", "--defaults", *options]))

    def copier(self, line: str) -> subprocess.CompletedProcess[str]:
        """Run a command line of Copier in the service."""
        command = [str(Path(sys.executable).with_name("copier")), *shlex.split(line)[1:]]
        return subprocess.run(command, cwd=self.service, check=False, capture_output=True, text=True, env=os.environ)


def lived(place: Path, before: Files, after: Files) -> Small:
    """Give a template of two releases, and a service born of the first."""
    small = Small(place)
    first = small.release(before)
    small.bear(first)
    small.release(after)
    return small
