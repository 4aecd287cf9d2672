"""A step is a commit on a branch: the rest of the repository is byte for byte what it was."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from slipway.adopt import AdoptError, UsageError
from slipway.adopt.write import Order, write
from slipway.lineage import ANSWERS_FILE
from tests.adopt.hand import (
    FLAT,
    LAYERED,
    MONOREPO,
    Adopting,
    blobs,
    every_byte,
    files,
    put,
    repository,
    states,
    working_tree,
)
from tests.conftest import commit_all, git

CRLF: dict[str, str | bytes] = {**FLAT, "windows.txt": b"one\r\ntwo\r\n", ".gitattributes": "* text=auto\n"}
LAYOUTS = {"flat": FLAT, "layered": LAYERED, "windows": CRLF}
NAMES = st.sampled_from(
    ["Dockerfile", "Makefile", "bin", "bin/deploy", "k8s", ".gitignore", "README.md", "mk/own.mk", "Größe.txt",
     "a b/c d.txt", "docs/adr/0001-ours.md", "-x", "日本.txt", "ci", "MAKEFILE", "internal/platform/own.go"]
)  # fmt: skip
CONTENT = st.one_of(st.binary(max_size=40), st.sampled_from([b"", b"bin/\n*\n", b"one\r\ntwo\r\n"]))
STATES = st.sampled_from(["committed", "edited", "untracked", "staged", "deleted", "link", "executable"])


def fate(place: Path, path: str, content: bytes, state: str) -> None:
    """Put a file into a repository in some state, where nothing stands in its way."""
    file = place / path
    if file.exists() or file.is_symlink() or any(p.is_file() or p.is_symlink() for p in file.parents):
        return
    if state == "link":
        file.parent.mkdir(parents=True, exist_ok=True)
        file.symlink_to("elsewhere")
    else:
        put(place, {path: content})
    if state != "untracked":
        git(place, "add", "-f", "--", f"./{path}")
    if state in ("committed", "edited", "deleted", "link", "executable"):
        if state == "executable":
            file.chmod(0o755)
        commit_all_but_others(place)
    if state == "edited":
        file.write_bytes(content + b"edited\n")
    if state == "deleted":
        file.unlink()


def commit_all_but_others(place: Path) -> None:
    """Commit what is staged."""
    git(place, "commit", "-q", "--allow-empty", "-m", "feat: something")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_plan_changes_no_byte(adopting: Adopting, tmp_path: Path, layout: str) -> None:
    place = repository(tmp_path / "parcels", {**LAYOUTS[layout], ".gitignore": "*.log\n"})
    put(place, {"debug.log": "ignored\n", "new.txt": "untracked\n", "README.md": "# Edited\n"})
    before = every_byte(place)

    adopting.plan(place)

    assert every_byte(place) == before


@pytest.fixture(scope="module")
def linked(adopting: Adopting, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a linked repository; treat it as read-only."""
    place = repository(tmp_path_factory.mktemp("linked") / "parcels", {"main.go": "package main\n"})
    adopting.merge(place)
    return place


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(NAMES, CONTENT, STATES), max_size=8),
    st.sampled_from(["text", "commits", "make", "image", "docs"]),
)
def test_whatever_lies_there_nothing_of_it_is_lost(
    adopting: Adopting, linked: Path, wanted: list[tuple[str, bytes, str]], step: str
) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(shutil.copytree(linked, Path(scratch, "parcels"), symlinks=True))
        for path, content, state in wanted:
            fate(place, path, content, state)
        head, tree, kept = git(place, "rev-parse", "HEAD"), every_byte(place), blobs(place, "HEAD")

        plan = adopting.plan(place)
        assert every_byte(place) == tree
        beside = working_tree(place)
        try:
            done = write(plan, Order(step))
        except AdoptError:
            assert every_byte(place) == tree
            return

        assert working_tree(place) == beside
        assert git(place, "rev-parse", "HEAD") == head
        assert git(place, "rev-parse", f"{done.branch}^") == head
        assert blobs(place, done.branch).items() >= kept.items()
        assert not any(
            os.path.lexists(place / path) for path in done.created if path not in kept and not _deleted(place, path)
        )


def _deleted(place: Path, path: str) -> bool:
    return path in git(place, "ls-files").splitlines()


def test_the_link_is_one_file_on_a_branch_of_its_own(adopting: Adopting, tmp_path: Path) -> None:
    place = repository(tmp_path / "parcels", LAYERED)
    before, tree = blobs(place, "HEAD"), working_tree(place)

    done = adopting.write(place, ticket_id="SHIP-3")

    after = blobs(place, done.branch)
    assert done.branch == "template/adopt-link"
    assert after.keys() - before.keys() == {ANSWERS_FILE}
    assert {path: after[path] for path in before} == before
    assert working_tree(place) == tree
    text = git(place, "log", "-1", "--format=%B", done.branch)
    assert text.startswith("chore(template): link to v0.1.0\n")
    assert "- `datastore`: `postgresql` (go.mod requires github.com/jackc/pgx/v5)" in text
    assert text.endswith("Refs: SHIP-3")


def test_no_worktree_is_left_behind(adopting: Adopting, tmp_path: Path) -> None:
    place = repository(tmp_path / "parcels", FLAT)

    adopting.write(place)

    assert len(git(place, "worktree", "list").splitlines()) == 1
    assert not list((place / ".git" / "worktrees").glob("*"))


@pytest.mark.slow
def test_every_step_in_turn_leads_to_an_end(adopting: Adopting, tmp_path: Path) -> None:
    place = repository(tmp_path / "parcels", LAYERED)
    before, made = blobs(place, "HEAD"), []

    while adopting.plan(place).next:
        made.append(adopting.merge(place).step.area.name)

    after = blobs(place, "HEAD")
    assert made == [
        "link",
        *("text", "commits", "make", "image", "kubernetes", "ci", "observability", "infra", "docs"),
        "platform",
    ]
    assert {path: after[path] for path in before} == before
    assert {name for name, state in states(adopting.plan(place)).items() if state != "done"} == {"sample"}
    assert git(place, "status", "--porcelain") == ""


def test_what_a_step_creates_is_what_the_template_writes(adopting: Adopting, tmp_path: Path) -> None:
    place = repository(tmp_path / "parcels", CRLF)
    git(place, "config", "core.autocrlf", "true")
    adopting.merge(place)

    done = adopting.write(place, "make")

    plan = adopting.plan(place)
    found = blobs(place, done.branch)
    for path in done.created:
        one = plan.comparison.rendered[path]
        assert found[path] == f"{one.mode} blob {plan.snapshot.blob_id(one.content)}"


def test_a_file_that_differs_is_kept_and_named(adopting: Adopting, tmp_path: Path) -> None:
    place = repository(tmp_path / "parcels", FLAT)
    adopting.merge(place)

    done = adopting.write(place, "image")

    assert [one.path for one in done.kept] == ["Dockerfile"]
    assert blobs(place, done.branch)["Dockerfile"] == blobs(place, "HEAD")["Dockerfile"]
    assert "- `Dockerfile`: it differs from the template's" in git(place, "log", "-1", "--format=%B", done.branch)


def test_a_file_that_is_taken_is_replaced_and_still_in_git(adopting: Adopting, tmp_path: Path) -> None:
    place = repository(tmp_path / "parcels", FLAT)
    adopting.merge(place)

    done = adopting.write(place, "image", "Dockerfile")

    assert list(done.taken) == ["Dockerfile"]
    assert git(place, "show", f"{done.branch}:Dockerfile").startswith("# The image of parcels")
    assert git(place, "show", "HEAD:Dockerfile").startswith("FROM golang:1.26")


def test_a_file_with_changes_in_no_commit_is_not_taken(adopting: Adopting, tmp_path: Path) -> None:
    place = repository(tmp_path / "parcels", FLAT)
    adopting.merge(place)
    put(place, {"Dockerfile": "FROM scratch\n"})
    before = every_byte(place)

    with pytest.raises(AdoptError, match="--take Dockerfile: it has changes that are in no commit"):
        adopting.write(place, "image", "Dockerfile")

    assert every_byte(place) == before


@pytest.mark.parametrize("path", ["k8s/base/api.yaml", "main.go", "../main.go", "Makefile"])
def test_only_what_differs_in_the_step_can_be_taken(adopting: Adopting, tmp_path: Path, path: str) -> None:
    place = repository(tmp_path / "parcels", FLAT)
    adopting.merge(place)

    with pytest.raises(UsageError, match="those are Dockerfile"):
        adopting.write(place, "image", path)


def test_a_blocked_file_is_left_out_and_named(adopting: Adopting, tmp_path: Path) -> None:
    place = repository(tmp_path / "parcels", {**FLAT, ".gitignore": "/bin/deploy\n"})
    put(place, {"bin/deploy": "mine\n"})
    adopting.merge(place)

    done = adopting.merge(place, "make")

    assert [one.path for one in done.blocked] == ["bin/deploy"]
    assert (place / "bin/deploy").read_text(encoding="utf-8") == "mine\n"


def test_a_step_waits_until_its_branch_is_merged(adopting: Adopting, tmp_path: Path) -> None:
    place = repository(tmp_path / "parcels", FLAT)
    adopting.merge(place)
    adopting.write(place, "make")

    plan = adopting.plan(place)

    assert states(plan)["make"] == "waits"
    assert plan.next is not None
    assert plan.next.area.name == "text"
    with pytest.raises(AdoptError, match=r"make waits on branch template/adopt-make: merge it, or delete it"):
        write(plan, Order("make"))


def test_the_link_comes_first(adopting: Adopting, tmp_path: Path) -> None:
    place = repository(tmp_path / "parcels", FLAT)

    with pytest.raises(AdoptError, match="the link comes first, for every step is rendered from it; make it"):
        adopting.write(place, "make")
    adopting.write(place)
    with pytest.raises(AdoptError, match="it waits on branch template/adopt-link: merge that"):
        adopting.write(place, "make")


@pytest.mark.parametrize(
    ("order", "kind", "said"),
    [
        (Order("link"), AdoptError, "link is done"),
        (Order("kitchen"), UsageError, "--step kitchen: one of link, text"),
        (Order("rest"), AdoptError, "the template has no such files"),
        (Order("make", branch="not a branch"), UsageError, "cannot be the name of a branch"),
        (Order("make", branch="main"), AdoptError, "branch main is there already"),
    ],
)
def test_an_order_that_cannot_be_carried_out_changes_nothing(
    adopting: Adopting, tmp_path: Path, order: Order, kind: type[Exception], said: str
) -> None:
    place = repository(tmp_path / "parcels", FLAT)
    adopting.merge(place)
    before = every_byte(place)

    with pytest.raises(kind, match=said):
        write(adopting.plan(place), order)

    assert every_byte(place) == before


def test_a_held_step_is_not_made(adopting: Adopting, tmp_path: Path) -> None:
    place = repository(tmp_path / "parcels", FLAT, "https://git.example.com/fork/parcels.git")
    adopting.merge(place)

    with pytest.raises(AdoptError, match="platform is held: the module path is another"):
        adopting.write(place, "platform")


def test_files_that_were_removed_on_purpose_do_not_come_back_by_themselves(adopting: Adopting, tmp_path: Path) -> None:
    place = repository(tmp_path / "parcels", FLAT)
    adopting.merge(place)
    adopting.merge(place, "text")
    git(place, "rm", "-q", ".rumdl.toml")
    commit_all(place, "chore: not for us")

    plan = adopting.plan(place)

    assert states(plan)["text"] == "part"
    assert plan.next is not None
    assert plan.next.area.name == "commits"


def test_a_detached_head_and_a_hook_do_not_matter(adopting: Adopting, tmp_path: Path) -> None:
    place = repository(tmp_path / "parcels", FLAT)
    for name in ("pre-commit", "commit-msg", "post-checkout", "reference-transaction"):
        hook = place / ".git/hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\nexit 1\n", encoding="utf-8")
        hook.chmod(0o755)
    git(place, "-c", "core.hooksPath=/dev/null", "checkout", "-q", "--detach")

    done = adopting.write(place)

    assert done.commit
    assert not (tmp_path / "ran").exists()


def test_no_monitor_and_no_converter_of_the_repository_is_run(adopting: Adopting, tmp_path: Path) -> None:
    place = repository(tmp_path / "parcels", {**FLAT, ".gitattributes": "* filter=evil diff=evil\n"})
    for key in ("filter.evil.smudge", "diff.evil.textconv", "core.fsmonitor"):
        git(place, "config", key, f"touch {tmp_path}/ran; cat")
    adopting.write(place)

    adopting.plan(place)

    assert not (tmp_path / "ran").exists()


def test_a_repository_without_an_identity_gets_a_commit(
    adopting: Adopting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = repository(tmp_path / "parcels", FLAT)
    empty = tmp_path / "gitconfig"
    empty.write_text("[user]\n\tuseConfigOnly = true\n", encoding="utf-8")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(empty))

    done = adopting.write(place)

    assert git(place, "log", "-1", "--format=%an", done.branch) == "slipway adopt"


def test_the_link_removes_the_state_of_cruft(adopting: Adopting, tmp_path: Path) -> None:
    state = json.dumps({"template": adopting.address, "commit": "", "context": {"cookiecutter": {"colour": "green"}}})
    place = repository(tmp_path / "parcels", {**FLAT, ".cruft.json": state})

    done = adopting.merge(place)

    assert list(done.removed) == [".cruft.json"]
    assert ".cruft.json" not in blobs(place, "HEAD")
    assert "not asked by this template: colour" in git(place, "log", "-1", "--format=%B")
    assert git(place, "show", "HEAD^:.cruft.json") == state


def test_a_service_in_a_folder_gets_its_files_there(adopting: Adopting, tmp_path: Path) -> None:
    place = repository(tmp_path / "all", MONOREPO)
    service = place / "services" / "parcels"
    before = blobs(place, "HEAD")

    link = adopting.merge(service)
    done = adopting.merge(service, "text")

    after = blobs(place, "HEAD")
    assert link.branch == "template/adopt-services-parcels-link"
    assert done.created
    assert all(path.startswith("services/parcels/") for path in after.keys() - before.keys())
    assert states(adopting.plan(service))["text"] == "done"
    assert files(adopting.plan(service), "text")[".gitignore"] == "equal"


def test_the_repository_may_count_in_sha256(adopting: Adopting, tmp_path: Path) -> None:
    place = tmp_path / "parcels"
    git(tmp_path, "init", "-q", "-b", "main", "--object-format=sha256", "parcels")
    state = json.dumps({"template": adopting.address, "commit": "", "context": {"cookiecutter": {}}})
    put(place, {**FLAT, ".cruft.json": state})
    commit_all(place, "feat: everything so far")

    adopting.merge(place)
    adopting.merge(place, "text")

    assert states(adopting.plan(place))["text"] == "done"
