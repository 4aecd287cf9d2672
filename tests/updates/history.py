"""Releases of the real template, made of this working tree by what a platform team does from one to the next."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from cookiecutter.main import cookiecutter
from copier import run_copy

from slipway.template.sync import stale
from tests.conftest import FIRST_DAY, TREE, Answers, copy_template, git
from tests.updates.teams import commit

NEWEST = "v0.3.0"
NEW_QUESTION = """\
tier:
  type: str
  help: How much depends on the service.
  default: standard
  choices:
    "Standard: office hours; take it first": standard
    "Critical: at any hour, for what others cannot do without": critical

# Derived from the answers"""


class Starts(NamedTuple):
    """Where a service may have been born: the name of the start, and the version that it records."""

    template: Path
    versions: Mapping[str, str]


def edit(path: Path, old: str, new: str) -> None:
    """Change a text that must be there once."""
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, (path, old)
    path.write_text(text.replace(old, new), encoding="utf-8")


def append(path: Path, line: str) -> None:
    """Add a line at the end."""
    path.write_text(path.read_text(encoding="utf-8") + f"{line}\n", encoding="utf-8")


def write_derived(root: Path) -> None:
    """Do what `make questions` does."""
    for path, text in stale(root).items():
        (root / path).write_text(text, encoding="utf-8", newline="\n")


def release_two(root: Path) -> None:
    """Change files, bring one, and ask a new question, which has a default."""
    tree = root / TREE
    append(tree / "mk/slipway.mk", "# The second release ends here.")
    append(tree / "{{cookiecutter.__jenkins}}/Jenkinsfile", "// The second release ends here.")
    append(tree / "README.md", "Written at birth by the second release.")
    edit(root / "copier.yml", "# Derived from the answers", NEW_QUESTION)
    edit(root / "copier.yml", "      monitoring=monitoring,\n", "      monitoring=monitoring,\n      tier=tier,\n")
    write = "# On call for {{ cookiecutter.project_name_md }}\n\nThe tier is {{ cookiecutter.tier }}.\n"
    (tree / "docs/how-to/on-call.md").write_text(
        write.replace("cookiecutter.project_name_md", "cookiecutter.__project_name_md"), encoding="utf-8"
    )
    write_derived(root)


def release_three(root: Path) -> None:
    """Remove, move and change files, change a mode, and rename a question, whose answers are carried over."""
    tree = root / TREE
    edit(
        tree / "mk/slipway.mk",
        "# The part of the make targets that is the same",
        "# Those make targets that are the same",
    )
    append(tree / "README.md", "Written at birth by the third release.")
    (tree / ".rumdl.toml").unlink()
    (tree / ".yamllint.yaml").rename(tree / ".yamllint.yml")
    (tree / ".editorconfig").chmod(0o755)
    text = (root / "copier.yml").read_text(encoding="utf-8")
    head, asked, rest = re.split(r"^(?=owner_team:$|repository_url:$)", text, flags=re.MULTILINE)
    asked = asked.replace("owner_team", "team").replace(
        "default: platform", "default: \"{{ owner_team | default('platform') }}\""
    )
    rest = rest.replace("/{{ owner_team }}/", "/{{ team }}/").replace("owner_team=owner_team", "owner_team=team")
    (root / "copier.yml").write_text(head + asked + rest, encoding="utf-8")


def make_history(place: Path) -> Starts:
    """Make a template repository of three releases and a commit between two of them."""
    root = place / "slipway.git"
    root.mkdir(parents=True)
    git(root, "init", "-q", "-b", "main")
    copy_template(root)
    commit(root, "feat: the template", "-f")
    git(root, "tag", "v0.1.0")
    release_two(root)
    commit(root, "feat: the second release", "-f")
    git(root, "tag", "v0.2.0")
    append(root / TREE / ".editorconfig", "# Between two releases.")
    commit(root, "feat: between two releases", "-f")
    between = git(root, "describe", "--tags")
    release_three(root)
    commit(root, "feat: the third release", "-f")
    git(root, "tag", NEWEST)
    return Starts(root, {"v0.1.0": "v0.1.0", "v0.2.0": "v0.2.0", "untagged": between})


def tags_of(repository: Path) -> list[str]:
    """Give the releases of a repository, oldest first."""
    return git(repository, "tag", "--list", "--sort=version:refname", "v*").split()


def released_now(repository: Path, place: Path) -> Path:
    """Clone a template with its releases, and release the working tree of this one after them."""
    root = place / "slipway.git"
    git(place, "clone", "-q", "--no-local", str(repository), str(root))
    for path in root.iterdir():
        if path.name != ".git":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    copy_template(root)
    commit(root, "feat: what is released next", "-f")
    git(root, "tag", "v9999.0.0")
    return root


def born_of_cookiecutter(template: Path, version: str, answers: Answers, place: Path) -> Path:
    """Generate a service with Cookiecutter from a clone at a version, hooks and all."""
    clone = place / "clone"
    git(place, "clone", "-q", template.as_uri(), str(clone))
    git(clone, "checkout", "-q", version)
    return Path(cookiecutter(str(clone), no_input=True, output_dir=str(place), extra_context=answers))


def born_of_copier(template: Path, version: str, answers: Answers, place: Path) -> Path:
    """Generate a service with Copier from the git URL, without trust."""
    data: dict[str, Any] = dict(answers)
    run_copy(template.as_uri(), place / "service", data=data, vcs_ref=version, defaults=True, quiet=True)
    return place / "service"


ENGINES = {"cookiecutter": born_of_cookiecutter, "copier": born_of_copier}
ANSWERS: dict[str, Answers] = {
    "default": dict(FIRST_DAY),
    "rich": {
        **FIRST_DAY,
        "project_name": "Été \"x\": $(id) `ls` 'q' #1",
        "project_slug": "ete-x",
        "description": "It says: \"no\" & 'yes' # $HOME | 100 %",
        "owner_team": "team-42",
        "repository_url": "git@h.co:a/b/c.git",
        "ticket_id": "A1-99",
        "datastore": "none",
        "ci": "gitlab",
        "rollout": "canary",
        "monitoring": "datadog",
    },
    "foreign": {
        **FIRST_DAY,
        "project_name": "日本語: サービス",
        "project_slug": "jp-2",
        "owner_team": "yes-team",
        "ci": "jenkins",
        "rollout": "blue-green",
    },
}
