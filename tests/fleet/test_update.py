"""`slipway fleet update`: the same update in many repositories, side by side."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from slipway.cli import main
from slipway.fleet.progress import Progress
from slipway.fleet.run import Means, update_all
from slipway.fleet.sources import repository
from slipway.update.outcome import Wish
from tests.conftest import commit_all, git, tree_of
from tests.fleet.fleet import Fleet, edit
from tests.fleet.test_pool import hang


def ran(fleet: Fleet, *words: str) -> Result:
    """Run `slipway fleet update` without a make target, with a cache of the test's own."""
    return CliRunner().invoke(main, ["fleet", "update", "--run", "", "--cache", str(fleet.home / "cache"), *words])


def records(done: Result) -> dict[str, dict[str, Any]]:
    """Give what was printed as JSON, by the name of the repository."""
    return {Path(one["repository"]).name: one for one in json.loads(done.stdout)["repositories"]}


def mixed(home: Path) -> tuple[Fleet, list[str]]:
    """Give a fleet of which some can be updated."""
    fleet = Fleet(home)
    broken = list(fleet.broken())
    fleet.bear("current")
    fleet.bear("pristine", "v0.1.0")
    edit(fleet.bear("edited", "v0.2.0"), "plain.txt", "ours\n")
    conflict = fleet.bear("conflict", "v0.1.0")
    edit(conflict, "guide.txt", (conflict / "guide.txt").read_text("utf-8").replace("release 1", "our release"))
    dirty = fleet.bear("dirty", "v0.1.0")
    (dirty / "plain.txt").write_text("not committed\n", encoding="utf-8")
    return fleet, [*broken, "current", "pristine", "edited", "conflict", "dirty"]


def test_each_is_updated_on_a_branch_and_what_fails_is_named(tmp_path: Path) -> None:
    fleet, names = mixed(tmp_path)
    paths = [str(tmp_path / name) for name in names]
    before = {name: tree_of(tmp_path / name) for name in names}

    done = ran(fleet, *paths, "--jobs", "3", "--format", "json")

    found = records(done)
    assert done.exit_code == 1
    assert {name: one["state"] for name, one in found.items()} == {
        **dict.fromkeys(names[:5], "failed"),
        "current": "current",
        "pristine": "updated",
        "edited": "updated",
        "conflict": "conflict",
        "dirty": "updated",
    }
    assert found["conflict"]["conflicts"] == {"guide.txt": 1}
    assert {name: tree_of(tmp_path / name) for name in names} == before
    for name in ("pristine", "edited", "conflict", "dirty"):
        assert git(tmp_path / name, "rev-parse", "--abbrev-ref", "HEAD") == "main"
        assert git(tmp_path / name, "worktree", "list").count("\n") == 0
        assert "release 3" in git(tmp_path / name, "show", "template/v0.3.0:guide.txt")


def test_parallel_and_sequential_updates_come_out_the_same(tmp_path: Path) -> None:
    fleet, names = mixed(tmp_path / "one")
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    ran(fleet, *(str(tmp_path / "one" / name) for name in names), "--jobs", "1")

    ran(fleet, *(str(tmp_path / "two" / name) for name in names), "--jobs", "4")

    for name in ("pristine", "edited", "conflict", "dirty"):
        trees = [git(tmp_path / place / name, "rev-parse", "template/v0.3.0^{tree}") for place in ("one", "two")]
        messages = [
            git(tmp_path / place / name, "log", "-1", "--format=%B", "template/v0.3.0") for place in ("one", "two")
        ]
        assert trees[0] == trees[1]
        assert messages[0] == messages[1]


def test_an_update_that_waits_is_left_as_it_is(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path)
    service = fleet.bear("service", "v0.1.0")
    ran(fleet, str(service))
    tip = git(service, "rev-parse", "template/v0.3.0")

    again = ran(fleet, str(service), "--format", "json")

    assert again.exit_code == 0
    assert records(again)["service"]["state"] == "waits"
    assert git(service, "rev-parse", "template/v0.3.0") == tip


def test_nothing_is_pushed_unless_it_is_asked_for(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path)
    services = [fleet.bear(name, "v0.1.0") for name in ("kept", "sent")]
    for service in services:
        remote = tmp_path / f"{service.name}.git"
        git(tmp_path, "clone", "-q", "--bare", str(service), str(remote))
        git(service, "remote", "add", "origin", str(remote))

    ran(fleet, str(services[0]))
    done = ran(fleet, "--push", str(services[1]))

    assert done.exit_code == 0
    assert git(tmp_path / "kept.git", "branch", "--list", "template/*") == ""
    assert git(tmp_path / "sent.git", "branch", "--list", "template/*") == "template/v0.3.0"


@pytest.mark.parametrize(
    ("names", "words", "code"),
    [
        (["current"], [], 0),
        (["current", "pristine"], [], 0),
        (["pristine", "conflict"], [], 3),
        (["pristine", "removed"], [], 4),
        (["conflict", "removed", "no-link"], [], 1),
        (["pristine"], ["--to", "v0.0.9"], 1),
        ([], [], 2),
    ],
)
def test_the_exit_status_is_what_the_help_says(tmp_path: Path, names: list[str], words: list[str], code: int) -> None:
    fleet = Fleet(tmp_path)
    for name in names:
        service = fleet.bear(name, "v0.3.0" if name == "current" else "v0.1.0")
        if name == "conflict":
            edit(service, "guide.txt", "ours\n")
        elif name == "removed":
            (service / "plain.txt").write_bytes(b"\0ours")
            commit_all(service, "feat: picture")
        elif name == "no-link":
            (service / ".copier-answers.yml").unlink()
            commit_all(service, "chore: forget")
    if "removed" in names:
        (fleet.small.template / "template/plain.txt").write_bytes(b"\0theirs")
        commit_all(fleet.small.template, "feat: picture")
        git(fleet.small.template, "tag", "v0.4.0")

    done = ran(fleet, *(str(tmp_path / name) for name in names), *words)

    assert done.exit_code == code, done.output


def test_two_services_of_one_repository_have_branches_of_their_own(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path)
    service, many = fleet.bear("service", "v0.1.0"), tmp_path / "many"
    git(tmp_path, "init", "-q", "-b", "main", str(many))
    for name in ("one", "two"):
        git(service, "checkout-index", "-a", f"--prefix={many}/{name}/")
    commit_all(many, "feat: many")

    done = ran(fleet, str(many / "one"), str(many / "two"), "--format", "json")

    assert done.exit_code == 0, done.output
    assert [one["state"] for one in records(done).values()] == ["updated", "updated"]
    branches = git(many, "for-each-ref", "--format=%(refname:short)", "refs/heads/template").splitlines()
    assert [branch.rpartition("-")[0] for branch in branches] == ["template/one", "template/two"]


def test_a_url_is_not_updated(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path)
    service = fleet.bear("service", "v0.1.0")

    done = ran(fleet, service.as_uri())

    assert done.exit_code == 1
    assert "clone it, and give the folder" in done.stderr


@pytest.mark.slow
def test_a_killed_update_leaves_neither_branch_nor_worktree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fleet = Fleet(tmp_path)
    service = fleet.bear("service", "v0.1.0")
    monkeypatch.setattr("slipway.fleet.run.bring", hang)
    wanted = [repository(str(service))]

    (found,) = update_all(
        wanted, Wish(targets=()), None, Means(tmp_path / "cache", timeout=10), Progress(io.StringIO())
    )

    assert "took longer than 10 s" in found["reason"]
    assert git(service, "worktree", "list").count("\n") == 0
    assert git(service, "branch", "--list", "template/*") == ""
