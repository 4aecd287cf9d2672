"""Slipway itself, released twice by the command, and a service that lives through it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from copier import run_copy

from slipway.cli import main
from slipway.contract import check
from tests.conftest import FIRST_DAY, TREE, combinations, commit_all, copy_template, git, tree_of

FIRST, SECOND = "90.0.0", "90.1.0"
GITLAB = "{{cookiecutter.__gitlab}}/.gitlab-ci.yml"


def add(template: Path, path: str, line: str, message: str) -> None:
    """Add a line to a file of the tree and commit it."""
    with (template / TREE / path).open("a", encoding="utf-8") as stream:
        stream.write(f"{line}\n")
    commit_all(template, f"{message}\n\nRefs: SLIP-3")


def command(*arguments: str) -> str:
    """Run `slipway`, which must succeed, and give what it prints."""
    done = CliRunner().invoke(main, list(arguments))
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a repository of the template with two releases; treat it as read-only."""
    root = tmp_path_factory.mktemp("released") / "slipway.git"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    copy_template(root)
    commit_all(root, "feat: the template\n\nRefs: SLIP-1")
    command("template", "release", "--root", str(root), "--version", FIRST)
    add(root, "mk/slipway.mk", "# A line for everybody.", "feat(template): a line for everybody")
    add(root, GITLAB, "# A line for GitLab.", "fix(template): a line for GitLab")
    add(root, "k8s/base/api.yaml", "# A line for Kubernetes.", "fix(template): a line for Kubernetes")
    add(root, "README.md", "A line at birth.", "docs(template): a line at birth")
    command("template", "release", "--root", str(root))
    return root


@pytest.mark.slow
def test_the_notes_of_a_release_tell_each_combination_what_changes(template: Path) -> None:
    notes = git(template, "tag", "--list", "--format=%(contents)", f"v{SECOND}")

    every = combinations()
    with_gitlab = sum(answers["ci"] != "jenkins" for answers in every)
    head = f"Measured: {len(every)} combinations of choices, rendered at v{FIRST} and at v{SECOND}."
    assert head in notes
    assert f"| ci is both or gitlab | {with_gitlab} | 3 changed | 1 changed |\n" in notes
    assert f"| ci is jenkins | {len(every) - with_gitlab} | 2 changed | 1 changed |\n" in notes
    assert "In every service:\n\n- `k8s/base/api.yaml`: changed, +1 -0\n- `mk/slipway.mk`: changed, +1 -0\n" in notes
    assert "Where ci is both or gitlab:\n\n- `.gitlab-ci.yml`: changed, +1 -0\n" in notes
    assert "`make manifests` shows it (every service)\n" in notes
    assert "Pipeline: takes effect with the merge (ci is both or gitlab)\n" in notes
    assert "- `README.md`: changed, +1 -0" in notes.partition("### Files that are the service's own")[2]
    assert "## Compatibility" not in notes


@pytest.mark.slow
def test_the_examples_show_the_release_as_a_diff(template: Path) -> None:
    changed = git(template, "diff", "--name-only", "examples~1", "examples").splitlines()

    names = git(template, "ls-tree", "-d", "--name-only", "examples").splitlines()
    assert {path.split("/")[0] for path in changed} == set(names)
    assert "default/.gitlab-ci.yml" in changed
    assert f"{next(name for name in names if 'jenkins' in name)}/.gitlab-ci.yml" not in changed


@pytest.mark.slow
def test_a_service_of_the_first_release_is_updated_to_the_second_and_told_what_changed(
    template: Path, tmp_path: Path
) -> None:
    service, fresh, review = tmp_path / "service", tmp_path / "fresh", tmp_path / "review.md"
    run_copy(template.as_uri(), service, data=dict(FIRST_DAY), vcs_ref=f"v{FIRST}", defaults=True, quiet=True)
    git(service, "init", "-q", "-b", "main")
    commit_all(service, "feat: launch\n\nRefs: PLAT-1")

    printed = command("update", str(service), "--run", "", "--text", str(review))

    git(service, "switch", "-q", f"template/v{SECOND}")
    run_copy(template.as_uri(), fresh, data=dict(FIRST_DAY), vcs_ref=f"v{SECOND}", defaults=True, quiet=True)
    section = git(template, "show", f"v{SECOND}:CHANGELOG.md").partition(f"## {SECOND} - ")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("- ")]
    said = review.read_text(encoding="utf-8")
    of_the_template = {path for path in tree_of(fresh) if path != "README.md"}
    assert f"v{FIRST} to v{SECOND}" in printed
    assert len(lines) == 8
    assert [line for line in lines if line not in said] == []
    assert f"## Template {SECOND}\n" in said
    assert f"## Template {FIRST}\n" not in said
    assert {path: tree_of(service)[path] for path in of_the_template} == {
        path: tree_of(fresh)[path] for path in of_the_template
    }
    assert check(service).findings == ()
