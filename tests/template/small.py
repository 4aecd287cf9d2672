"""A small template of Slipway's own form, in a git repository: two choices, six combinations, releases in a second."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from slipway.answers import RULES
from slipway.template.portability import ANSWERS_TEXT, ENVOPS
from slipway.template.questions import Questions, validator
from slipway.template.state import ANSWERS_NAME
from tests.conftest import TREE, git

FREE = ("project_slug", "ticket_id", "created_on")
BRIDGED = ("project_slug", "ticket_id", "created_on", "datastore", "ci")
FOLDERS = {
    "gitlab": "ci in ['both', 'gitlab']",
    "jenkins": "ci in ['both', 'jenkins']",
    "postgresql": "datastore == 'postgresql'",
}
FILES = {
    ANSWERS_NAME: ANSWERS_TEXT,
    "README.md": "# {{ cookiecutter.project_slug }}\n",
    "LICENSE": "".join(f"Line {number} of a long text.\n" for number in range(300)),
    "bin/run": "#!/bin/sh\nset -eu\n",
    "mk/slipway.mk": "help:\n\t@echo help\n",
    "k8s/base/api.yaml": "kind: Deployment\n",
    "{{cookiecutter.__gitlab}}/.gitlab-ci.yml": "stages: [test]\n",
    "{{cookiecutter.__jenkins}}/Jenkinsfile": "pipeline {}\n",
    "{{cookiecutter.__postgresql}}/migrations/1.sql": "SELECT 1;\n",
}
CHANGELOG = "# Changelog\n\n## 0.1.0\n\n- All of it (SLIP-1).\n"


def questions() -> dict[str, Any]:
    """Give the data of `copier.yml`."""
    asked = {
        name: {
            "type": "str",
            "help": f"The {name}.",
            "default": RULES[name].example,
            "validator": validator(name, RULES[name]),
        }
        for name in FREE
    }
    bridge = [f"{name}={name}" for name in BRIDGED] + [f"__{name}={name}" for name in FOLDERS]
    bridge.append("_answers_file=(_copier_conf.answers_file | string)")
    return {
        "_min_copier_version": "9.19.0",
        "_subdirectory": f"{{% raw %}}{TREE}{{% endraw %}}",
        "_templates_suffix": "",
        "_answers_file": ".copier-answers.yml",
        "_envops": dict(ENVOPS),
        "_exclude": ["{% if _copier_operation == 'update' %}/README.md{% endif %}"],
        **asked,
        "datastore": _choice("postgresql", "none"),
        "ci": _choice("both", "gitlab", "jenkins"),
        **{
            name: {"type": "str", "when": False, "default": f"{{{{ '.' if {condition} else '' }}}}"}
            for name, condition in FOLDERS.items()
        },
        "cookiecutter": {
            "type": "json",
            "when": False,
            "default": f"{{{{ dict({', '.join(bridge)}) | to_json }}}}",
        },
    }


def _choice(*values: str) -> dict[str, Any]:
    return {
        "type": "str",
        "help": "One of them.",
        "default": values[0],
        "choices": {f"Take {one}": one for one in values},
    }


class Small:
    """The template.

    Attributes:
        root: top of its repository.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True)
        git(root, "init", "-q", "-b", "main")
        self.ask(lambda _: None)
        for path, text in FILES.items():
            self.write(path, text)
        (root / "slipway").mkdir()
        (root / "slipway/__init__.py").write_text('"""Small."""\n\n__version__ = "0.1.0"\n', encoding="utf-8")
        (root / "CHANGELOG.md").write_text(CHANGELOG, encoding="utf-8")
        (root / ".gitignore").write_text("/dist/\n", encoding="utf-8")
        self.commit("feat: the template\n\nRefs: SLIP-1")

    def ask(self, change: Callable[[dict[str, Any]], Any]) -> None:
        """Change the questions, and write what is derived from them."""
        path = self.root / "copier.yml"
        data = yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else questions()
        change(data)
        path.write_text(yaml.safe_dump(data, sort_keys=False, width=10**6, allow_unicode=True), encoding="utf-8")
        (self.root / "cookiecutter.json").write_text(Questions.read(path).cookiecutter_json(), encoding="utf-8")

    def write(self, path: str, data: str | bytes, mode: int | None = None) -> Path:
        """Write a file of the tree; a script is executable."""
        place = self.root / TREE / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data.encode() if isinstance(data, str) else data)
        script = place.read_bytes().startswith(b"#!")
        place.chmod(mode if mode is not None else 0o755 if script else 0o644)
        return place

    def remove(self, path: str) -> None:
        """Remove a file of the tree."""
        (self.root / TREE / path).unlink()

    def log(self, text: str) -> None:
        """Write an unreleased section into the changelog."""
        path = self.root / "CHANGELOG.md"
        head, _, rest = path.read_text(encoding="utf-8").partition("\n## ")
        path.write_text(f"{head}\n## Unreleased\n\n{text}\n\n## {rest}", encoding="utf-8")

    def commit(self, message: str) -> str:
        """Commit everything."""
        git(self.root, "add", "-A")
        git(self.root, "commit", "-q", "--allow-empty", "--no-verify", "--no-gpg-sign", "-m", message)
        return git(self.root, "rev-parse", "HEAD")

    def fingerprint(self) -> tuple[str, str, str, dict[str, bytes]]:
        """Give what a command that changes nothing must leave equal: refs, index, state of git, and every file."""
        files = {
            str(path.relative_to(self.root)): path.read_bytes()
            for path in sorted(self.root.rglob("*"))
            if path.is_file() and ".git" not in path.relative_to(self.root).parts
        }
        refs = (
            git(self.root, "for-each-ref")
            + git(self.root, "rev-parse", "HEAD")
            + "".join(os.listdir(self.root / ".git"))
        )
        return refs, git(self.root, "ls-files", "--stage"), git(self.root, "status", "--porcelain"), files


Change = Callable[[Small], Any]


def both(*changes: Change) -> Change:
    """Make several changes, one after another."""

    def apply(small: Small) -> None:
        for change in changes:
            change(small)

    return apply
