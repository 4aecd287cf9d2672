"""The command: what it prints, and its exit status."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from slipway.adopt.command import Asked, carry_out
from slipway.adopt.plan import Wish
from slipway.adopt.source import default_source, installed_from
from slipway.cli import main
from tests.adopt.hand import FLAT, LAYERED, Adopting, every_byte, put, repository, working_tree
from tests.conftest import commit_all, git


def run(*arguments: str | Path) -> Result:
    """Run `slipway adopt`."""
    return CliRunner().invoke(main, ["adopt", *map(str, arguments)])


def test_the_plan_shows_answers_steps_and_the_next_command(adopting: Adopting, tmp_path: Path) -> None:
    place = repository(tmp_path / "parcels", LAYERED)

    shown = run(place, "--template", adopting.address, "-d", "ticket_id=SHIP-1")

    assert shown.exit_code == 0, shown.output
    assert "go.mod requires github.com/jackc/pgx/v5" in shown.output
    assert f"slipway adopt {place} --template {adopting.address} -d ticket_id=SHIP-1 --write" in shown.output
    assert "\x1b[" not in shown.output


def test_colours_come_with_a_terminal(adopting: Adopting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = repository(tmp_path / "parcels", FLAT)
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("FORCE_COLOR", "1")

    shown = run(place, "--template", adopting.address)

    assert "\x1b[1mAnswers\x1b[0m" in shown.output


def test_what_a_repository_says_cannot_move_the_cursor(adopting: Adopting, tmp_path: Path) -> None:
    context = {"cookiecutter": {"\x1b[2J": "\x07"}}
    state = json.dumps({"template": "https://a.example/\x1b[2Jb", "commit": "\x1b", "context": context})
    place = repository(tmp_path / "parcels", {**FLAT, "CODEOWNERS": "* @x\x1b[2Jy\n", ".cruft.json": state})

    shown = run(place, "--template", adopting.address)
    wrote = run(place, "--template", adopting.address, "--write")

    assert shown.exit_code == 0, shown.output
    assert "\x1b" not in shown.output + wrote.output
    assert "\x1b" not in git(place, "log", "-1", "--format=%B", "template/adopt-link")


def test_json_holds_the_whole_plan(adopting: Adopting, tmp_path: Path) -> None:
    place = repository(tmp_path / "parcels", LAYERED)

    shown = run(place, "--template", adopting.address, "--format", "json")

    plan = json.loads(shown.output)
    assert plan["next"] == "link"
    assert plan["linked"] is False
    assert plan["answers"]["datastore"] == {
        "answer": "postgresql",
        "told": True,
        "reason": "go.mod requires github.com/jackc/pgx/v5",
    }
    make = next(step for step in plan["steps"] if step["step"] == "make")
    assert {"path": "Makefile", "state": "yours", "note": "", "service_owned": True} in make["files"]


def test_names_that_are_no_text_are_written_out(adopting: Adopting, tmp_path: Path) -> None:
    place = repository(tmp_path / "parcels", FLAT)
    put(place, {os.fsdecode(b"\xff/Jenkinsfile"): "pipeline {}\n", os.fsdecode(b"\xfe.txt"): "x\n"})
    git(place, "add", "-A")
    commit_all(place, "feat: names")

    told = run(place, "--template", adopting.address)
    shown = run(place, "--template", adopting.address, "--format", "json")
    wrote = run(place, "--template", adopting.address, "--write")

    assert r"Jenkins (\udcff/Jenkinsfile)" in told.output
    assert os.fsencode(json.loads(shown.output)["found"]["pipelines"]["Jenkins"]) == b"\xff/Jenkinsfile"
    assert wrote.exit_code == 0, wrote.output


def test_progress_is_shown_on_a_terminal_and_wiped(
    adopting: Adopting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place = repository(tmp_path / "parcels", FLAT)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")

    status = carry_out(place, Wish(adopting.address), Asked(None, "text", every_file=False))

    said = capsys.readouterr().err
    assert status == 0
    assert f"reading {adopting.address}" in said
    assert said.endswith("\r\x1b[K")


def test_a_step_with_files_of_the_team_kept_exits_with_3(adopting: Adopting, tmp_path: Path) -> None:
    place = repository(tmp_path / "parcels", FLAT)

    link = run(place, "--template", adopting.address, "--write")
    git(place, "merge", "-q", "template/adopt-link")
    text = run(place, "--write")
    image = run(place, "--write", "--step", "image")

    assert link.exit_code == 0, link.output
    assert text.exit_code == 0, text.output
    assert image.exit_code == 3, image.output
    assert "kept      Dockerfile  it differs from the template's" in image.output
    assert "merge it after make" in image.output


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["--step", "make"], 2, "add --write"),
        (["--write", "--step", "kitchen"], 2, "--step kitchen: one of"),
        (["-d", "ci"], 2, "is not QUESTION=ANSWER"),
        (["-d", "ci=drone"], 2, "-d ci=drone: it is not one of both, gitlab, jenkins"),
        (["--format", "xml"], 2, "is not one of"),
        (["--write", "--step", "make"], 1, "the link comes first"),
    ],
)
def test_a_refusal_names_its_reason_and_changes_nothing(
    adopting: Adopting, tmp_path: Path, arguments: list[str], status: int, said: str
) -> None:
    place = repository(tmp_path / "parcels", FLAT)
    before = every_byte(place)

    refused = run(place, "--template", adopting.address, *arguments)

    assert refused.exit_code == status
    assert said in refused.output
    assert every_byte(place) == before


def test_without_copier_the_way_out_is_named(
    adopting: Adopting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = repository(tmp_path / "parcels", FLAT)
    monkeypatch.setitem(sys.modules, "copier", None)

    refused = run(place, "--template", adopting.address)

    assert refused.exit_code == 1
    assert "install slipway[update]" in refused.output


def test_a_branch_that_stands_in_the_way_is_named(adopting: Adopting, tmp_path: Path) -> None:
    place = repository(tmp_path / "parcels", FLAT)
    git(place, "branch", "template")
    before = working_tree(place)

    refused = run(place, "--template", adopting.address, "--write")
    wrote = run(place, "--template", adopting.address, "--write", "--branch", "adopt/link")

    assert refused.exit_code == 1
    assert "refs/heads/template" in refused.output
    assert wrote.exit_code == 0
    assert working_tree(place) == before


def test_the_help_lists_the_exit_statuses() -> None:
    shown = run("--help")

    assert "  3  the step waits on its branch, and files of yours" in shown.output


def test_the_template_is_the_one_that_slipway_came_from(tmp_path: Path) -> None:
    checkout = repository(tmp_path / "slipway", {"copier.yml": "a: 1\n"}, "https://me:x@git.example.com/a/slipway")

    source = default_source(checkout)

    assert source == "git+https://git.example.com/a/slipway"


@pytest.mark.parametrize(
    ("record", "source"),
    [
        ('{"url": "https://git.example.com/a/b.git", "vcs_info": {"vcs": "git"}}', "https://git.example.com/a/b.git"),
        ('{"url": "https://git.example.com/a/b.git", "vcs_info": {"vcs": "hg"}}', ""),
        ('{"url": "https://git.example.com/a/b.whl", "archive_info": {}}', ""),
        ("", ""),
    ],
)
def test_an_installed_slipway_knows_where_it_came_from(record: str, source: str) -> None:
    assert installed_from(record) == source


@pytest.mark.slow
def test_a_finished_adoption_says_so(adopting: Adopting, tmp_path: Path) -> None:
    place = repository(tmp_path / "parcels", FLAT)
    adopting.merge(place)
    while adopting.plan(place).next:
        adopting.merge(place)

    shown = run(place)
    again = run(place, "--write")

    assert "nothing is left that was not begun" in shown.output
    assert f"slipway adopt {place} --write --step sample" in shown.output
    assert again.exit_code == 1
