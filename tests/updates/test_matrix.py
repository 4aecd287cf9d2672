"""Services of either engine, of each release, pristine and edited, brought to the newest by plain `copier update`.

`slipway update` must come to the same tree wherever plain Copier loses nothing.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml
from _pytest.mark import ParameterSet
from copier import VcsRef, run_copy, run_update

from slipway.contract import check
from slipway.ownership import is_owned, service_owned
from tests.conftest import FIRST_DAY, ROOT, Answers, git, tree_of
from tests.languages import needs_go
from tests.service.conftest import make
from tests.updates.history import ANSWERS, ENGINES, NEWEST, Starts, make_history, released_now, tags_of
from tests.updates.teams import commit, held, refit

Tree = dict[str, tuple[bool, bytes]]
OWNED = service_owned((ROOT / "copier.yml").read_text(encoding="utf-8"))
PRISTINE = [
    ("cookiecutter", "v0.1.0", "rich"),
    ("cookiecutter", "v0.2.0", "foreign"),
    ("cookiecutter", "untagged", "default"),
    ("copier", "v0.1.0", "default"),
    ("copier", "v0.2.0", "rich"),
    ("copier", "untagged", "foreign"),
]
EDITED = [
    ("copier", "untagged", "rich"),
    ("copier", "v0.1.0", "foreign"),
    ("copier", "v0.2.0", "default"),
    ("cookiecutter", "v0.1.0", "default"),
    ("cookiecutter", "v0.2.0", "rich"),
    ("cookiecutter", "untagged", "foreign"),
]


def rows(every: Sequence[tuple[str, ...]], fast: int = 1) -> list[ParameterSet]:
    """Give the rows of a table, of which the first belong to the fast tier."""
    slow = [()] * fast + [pytest.mark.slow] * (len(every) - fast)
    return [pytest.param(*row, id="-".join(row), marks=mark) for row, mark in zip(every, slow, strict=True)]


NO_RELEASE = pytest.param("", marks=pytest.mark.skip(reason="this repository has no release yet"))
RELEASES = [pytest.param(tag, marks=pytest.mark.slow) for tag in tags_of(ROOT)] or [NO_RELEASE]


@pytest.fixture(scope="session")
def history(tmp_path_factory: pytest.TempPathFactory) -> Starts:
    """Give a template of three releases."""
    return make_history(tmp_path_factory.mktemp("history"))


def lives(template: Path, engine: str, version: str, answers: Answers, place: Path) -> Path:
    """Generate a service and commit it."""
    place.mkdir()
    service = ENGINES[engine](template, version, answers, place)
    git(service, "init", "-q", "-b", "main")
    commit(service, "feat: launch")
    return service


def plain(service: Path, answers: Answers | None = None) -> Path:
    """Run plain `copier update --defaults` in a copy of the service; with answers, `--vcs-ref :current: -d`."""
    copy = Path(shutil.copytree(service, service.parent / f"{service.name}-plain"))
    ref = VcsRef.CURRENT if answers else None
    run_update(copy, data=dict(answers or {}), vcs_ref=ref, defaults=True, overwrite=True, quiet=True, unsafe=False)
    return copy


def fresh(template: Path, answers: Answers, place: Path, version: str = NEWEST) -> Tree:
    """Give what a service that is born now is like."""
    run_copy(template.as_uri(), place, data=dict(answers), vcs_ref=version, defaults=True, quiet=True)
    return tree_of(place)


def but_owned(tree: Tree) -> Tree:
    """Leave out what the service owns."""
    return {path: file for path, file in tree.items() if not is_owned(path, OWNED)}


def only_owned(tree: Tree) -> Tree:
    """Give what the service owns."""
    return {path: file for path, file in tree.items() if is_owned(path, OWNED)}


def on_branch(service: Path, branch: str) -> Tree:
    """Read a branch as a folder would be read."""
    return {path: (kept.mode == "100755", kept.data) for path, kept in held(service, branch).items()}


def recorded(service: Path) -> Answers:
    """Read the answers file."""
    data = yaml.safe_load((service / ".copier-answers.yml").read_text(encoding="utf-8"))
    return {name: str(value) for name, value in data.items()}


@pytest.mark.parametrize(("engine", "start", "answers"), rows(PRISTINE, fast=0))
def test_a_pristine_service_becomes_what_a_fresh_one_is(
    engine: str, start: str, answers: str, history: Starts, tmp_path: Path
) -> None:
    given = ANSWERS[answers] | ({"tier": "critical"} if start != "v0.1.0" else {})
    service = lives(history.template, engine, history.versions[start], given, tmp_path / "born")
    before = tree_of(service)

    updated = plain(service)
    outcome = refit(service, tmp_path / "engine")

    carried = {("team" if name == "owner_team" else name): answer for name, answer in given.items()}
    expected = fresh(history.template, carried, tmp_path / "fresh")
    after = tree_of(updated)
    assert but_owned(after) == but_owned(expected)
    assert only_owned(after) == only_owned(before)
    assert git(updated, "ls-files", "--unmerged") == ""
    assert on_branch(service, outcome.branch) == after
    assert (outcome.conflicts, list(outcome.looks)) == ({}, [])
    assert tree_of(service) == before
    assert recorded(updated)["_commit"] == NEWEST
    assert recorded(updated)["team"] == given.get("owner_team", "platform")
    assert recorded(updated)["tier"] == given.get("tier", "standard")
    assert "README.md" in outcome.follow


def edits(service: Path) -> dict[str, bytes]:
    """Edit template-owned and service-owned files, add one, delete some; give what must be in which file after it."""
    lines = (service / "bin/verify").read_text(encoding="utf-8").splitlines(keepends=True)
    lines.insert(len(lines) // 2, '# Ours: größer als "sonst".\n')
    (service / "bin/verify").write_text("".join(lines), encoding="utf-8")
    (service / "README.md").write_text("# Ours\n", encoding="utf-8")
    (service / "mk/ours.mk").write_text("ours:\n\t@echo ours\n", encoding="utf-8")
    (service / "bin/scan").unlink()
    shutil.rmtree(service / "docs/runbooks")
    (service / "bin/smoke").chmod(0o644)
    return {"bin/verify": "# Ours: größer".encode(), "README.md": b"# Ours\n", "mk/ours.mk": b"@echo ours"}


@pytest.mark.parametrize(("engine", "start", "answers"), rows(EDITED))
def test_an_edited_service_keeps_its_edits(
    engine: str, start: str, answers: str, history: Starts, tmp_path: Path
) -> None:
    service = lives(history.template, engine, history.versions[start], ANSWERS[answers], tmp_path / "born")
    wanted = edits(service)
    commit(service)

    updated = plain(service)
    outcome = refit(service, tmp_path / "engine")

    after = tree_of(updated)
    assert all(words in after[path][1] for path, words in wanted.items())
    assert b"# Those make targets" in after["mk/slipway.mk"][1]
    assert not {"bin/scan", "docs/runbooks/README.md", ".rumdl.toml", ".yamllint.yaml"} & after.keys()
    assert ".yamllint.yml" in after
    assert [after[path][0] for path in ("bin/smoke", ".editorconfig")] == [False, True]
    assert on_branch(service, outcome.branch) == after
    assert (outcome.conflicts, list(outcome.looks)) == ({}, [])
    assert git(updated, "ls-files", "--unmerged") == ""


@pytest.mark.slow
def test_an_update_without_a_new_release_is_empty(history: Starts, tmp_path: Path) -> None:
    service = lives(history.template, "copier", NEWEST, {**FIRST_DAY, "team": "ours"}, tmp_path / "born")
    edits(service)
    commit(service)

    updated = plain(service)
    outcome = refit(service, tmp_path / "engine")

    assert git(updated, "status", "--porcelain") == ""
    assert outcome.current
    assert git(service, "branch", "--list", "template/*") == ""


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["cookiecutter", "copier"])
def test_a_conflict_is_shown_in_the_file_and_counted(engine: str, history: Starts, tmp_path: Path) -> None:
    service = lives(history.template, engine, "v0.2.0", ANSWERS["rich"], tmp_path / "born")
    path = service / "mk/slipway.mk"
    path.write_text("# Ours.\n" + path.read_text(encoding="utf-8").split("\n", 1)[1], encoding="utf-8")
    commit(service)

    updated = plain(service)
    outcome = refit(service, tmp_path / "engine")

    marked = (updated / "mk/slipway.mk").read_bytes()
    assert marked.startswith(b"<<<<<<< before updating\n# Ours.\n=======\n# Those make targets")
    assert held(service, outcome.branch)["mk/slipway.mk"].data == marked
    assert outcome.conflicts == {"mk/slipway.mk": 1}
    assert {line.split("\t")[1] for line in git(updated, "ls-files", "--unmerged").splitlines()} == {"mk/slipway.mk"}
    assert [finding.path for finding in check(updated, select=frozenset({"TXT004"})).findings] == ["mk/slipway.mk"]


CHANGES = [
    ("copier", "datastore", "postgresql", "none"),
    ("cookiecutter", "datastore", "none", "postgresql"),
    ("cookiecutter", "ci", "both", "jenkins"),
    ("cookiecutter", "rollout", "rolling", "canary"),
    ("copier", "monitoring", "prometheus", "datadog"),
]


@pytest.mark.parametrize(("engine", "question", "before", "later"), rows(CHANGES, fast=0))
def test_a_choice_changed_later_brings_and_takes_its_files(  # noqa: PLR0917  -- a table
    engine: str, question: str, before: str, later: str, history: Starts, tmp_path: Path
) -> None:
    given = {**ANSWERS["foreign"], question: before}
    service = lives(history.template, engine, "v0.2.0", given, tmp_path / "born")
    owned = only_owned(tree_of(service))

    updated = plain(service, {question: later})
    outcome = refit(service, tmp_path / "engine", answers={question: later})

    expected = fresh(history.template, {**given, question: later}, tmp_path / "fresh", "v0.2.0")
    assert but_owned(tree_of(updated)) == but_owned(expected)
    assert only_owned(tree_of(updated)) == owned
    assert on_branch(service, outcome.branch) == tree_of(updated)
    assert outcome.answers == {question: (before, later)}
    assert git(updated, "ls-files", "--unmerged") == ""


@pytest.mark.slow
def test_an_edited_file_of_a_choice_that_goes_is_kept_and_named(history: Starts, tmp_path: Path) -> None:  # A7
    service = lives(history.template, "copier", "v0.2.0", {**FIRST_DAY, "datastore": "postgresql"}, tmp_path / "born")
    path = service / "internal/adapters/postgres/orders.go"
    path.write_text(path.read_text(encoding="utf-8") + "\n// Ours.\n", encoding="utf-8")
    commit(service)

    outcome = refit(service, tmp_path / "engine", answers={"datastore": "none"})

    branch = held(service, outcome.branch)
    assert branch["internal/adapters/postgres/orders.go"].data.endswith(b"// Ours.\n")
    assert "internal/adapters/postgres/open.go" not in branch
    assert [look.path for look in outcome.looks if look.kind == "removed"] == ["internal/adapters/postgres/orders.go"]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("tag", RELEASES)
def test_a_service_of_each_release_of_this_repository_comes_to_what_it_is_now(
    tag: str, engine: str, tmp_path: Path
) -> None:
    template = released_now(ROOT, tmp_path)

    comes_to_now(template, engine, tag, tmp_path)


@pytest.mark.slow
def test_each_release_of_a_repository_is_a_start(history: Starts, tmp_path: Path) -> None:
    template = released_now(history.template, tmp_path)

    assert tags_of(history.template) == ["v0.1.0", "v0.2.0", NEWEST]
    comes_to_now(template, "copier", "v0.1.0", tmp_path)


def comes_to_now(template: Path, engine: str, tag: str, place: Path) -> None:
    """Update a service of a release, by plain Copier and by Slipway, and hold it against a fresh one."""
    service = lives(template, engine, tag, dict(FIRST_DAY), place / "born")

    updated = plain(service)
    outcome = refit(service, place / "engine")

    answers = {name: answer for name, answer in recorded(updated).items() if not name.startswith("_")}
    expected = fresh(template, answers, place / "fresh", "v9999.0.0")
    assert but_owned(tree_of(updated)) == but_owned(expected)
    assert on_branch(service, outcome.branch) == tree_of(updated)
    assert (outcome.conflicts, list(outcome.looks)) == ({}, [])


@pytest.mark.slow
@needs_go
def test_a_choice_that_slipway_changes_is_built_and_tested(tmp_path: Path, address: str) -> None:
    run_copy(address, tmp_path / "service", data=dict(FIRST_DAY), defaults=True, quiet=True)
    service = tmp_path / "service"
    git(service, "init", "-q", "-b", "main")
    commit(service, "feat: launch")

    outcome = refit(service, tmp_path / "engine", ["deps"], {"datastore": "none"})

    git(service, "switch", "-q", outcome.branch)
    built = make(service, "build", "lint-code", "test-unit")
    assert [(ran.target, ran.passed) for ran in outcome.ran] == [("deps", True)], outcome.ran
    assert "pgx" not in (service / "go.mod").read_text(encoding="utf-8")
    assert {"go.mod", "go.sum"} <= outcome.changed.keys()
    assert built.returncode == 0, built.stdout + built.stderr
    assert {finding.path for finding in check(service).findings} <= set(outcome.follow)
    assert git(service, "status", "--porcelain") == ""
