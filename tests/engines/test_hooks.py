"""What a person meets at the command line: good days and bad ones."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from pytest_cookies.plugin import Cookies

from slipway.generation import after
from tests.conftest import Render, git, tree_of


def cookiecutter_command(
    checkout: Path, place: Path, *words: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the real command as a person would."""
    place.mkdir(exist_ok=True)
    return subprocess.run(
        [sys.executable, "-m", "cookiecutter", str(checkout), "--no-input", "-o", str(place), *words],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
    )


def test_the_default_service_is_baked_without_a_question(cookies: Cookies, checkout: Path) -> None:
    result = cookies.bake(template=str(checkout))

    assert result.exit_code == 0
    assert result.project_path.name == "orders-service"


def test_the_last_screen_says_what_was_made_checked_and_comes_next(checkout: Path, tmp_path: Path) -> None:
    done = cookiecutter_command(checkout, tmp_path / "out")

    assert done.returncode == 0
    for part in ("orders-service", "checks", "ms", "cd orders-service", "make run", "--no-input", "project_name"):
        assert part in done.stdout
    assert "\x1b[" not in done.stdout


def test_the_first_commit_is_made_on_main_and_holds_every_file(checkout: Path, tmp_path: Path) -> None:
    cookiecutter_command(checkout, tmp_path / "out", SLIPWAY_GIT="1")

    service = tmp_path / "out" / "orders-service"
    assert git(service, "branch", "--show-current") == "main"
    assert git(service, "status", "--porcelain") == ""
    assert set(git(service, "ls-files").splitlines()) == set(tree_of(service))
    assert git(service, "log", "--format=%B").splitlines()[-1] == "Refs: PLAT-1"


def test_a_missing_identity_does_not_fail_a_generation(checkout: Path, tmp_path: Path) -> None:
    nobody = tmp_path / "gitconfig"
    nobody.write_text("[user]\n\tuseConfigOnly = true\n", encoding="utf-8")

    done = cookiecutter_command(checkout, tmp_path / "out", SLIPWAY_GIT="1", GIT_CONFIG_GLOBAL=str(nobody))

    assert done.returncode == 0
    assert "git config user.name" in done.stdout
    assert "git commit" in done.stdout


def test_a_missing_git_does_not_fail_a_generation(checkout: Path, tmp_path: Path) -> None:
    done = cookiecutter_command(checkout, tmp_path / "out", SLIPWAY_GIT="1", PATH=str(tmp_path))

    assert done.returncode == 0
    assert "git is not installed" in done.stdout


@pytest.mark.parametrize(
    ("answer", "rule"),
    [
        ("project_slug=../../escape", "DNS label"),
        ("ticket_id=plat-1", "ticket id"),
        ("repository_url=https://user:secret@h.co/a", "no password"),
        ("created_on=31022026", "date that exists"),
    ],
)
def test_a_bad_answer_is_refused_with_the_question_the_rule_and_the_way_out(
    answer: str, rule: str, checkout: Path, tmp_path: Path
) -> None:
    done = cookiecutter_command(checkout, tmp_path / "out", answer)

    assert done.returncode != 0
    assert answer.split("=", maxsplit=1)[0] in done.stderr
    assert rule in done.stderr
    assert "--no-input" in done.stderr
    assert list((tmp_path / "out").iterdir()) == []
    assert not (tmp_path.parent / "escape").exists()


def test_a_folder_with_files_is_refused_and_keeps_them(checkout: Path, tmp_path: Path) -> None:
    mine = tmp_path / "out" / "orders-service" / "mine.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine", encoding="utf-8")

    done = cookiecutter_command(checkout, tmp_path / "out", "-f")

    assert done.returncode != 0
    assert "slipway adopt --template" in done.stderr
    assert list(mine.parent.iterdir()) == [mine]


def spoiled(checkout: Path, place: Path) -> Path:
    """Copy the template and break a file of it, so that a check must find it."""
    git(place, "clone", "-q", str(checkout), "spoiled")
    tree = place / "spoiled" / "{{cookiecutter.project_slug}}"
    (tree / "catalog-info.yaml").write_text("a: 1\na: 2\n", encoding="utf-8")
    return place / "spoiled"


def test_a_failed_check_names_the_file_and_leaves_nothing_behind(checkout: Path, tmp_path: Path) -> None:
    template = spoiled(checkout, tmp_path)

    done = cookiecutter_command(template, tmp_path / "out")

    assert done.returncode != 0
    assert "catalog-info.yaml" in done.stderr
    assert "SLIPWAY_KEEP=1" in done.stderr
    assert list((tmp_path / "out").iterdir()) == []


def test_a_failed_service_can_be_kept_for_a_look(checkout: Path, tmp_path: Path) -> None:
    template = spoiled(checkout, tmp_path)

    done = cookiecutter_command(template, tmp_path / "out", SLIPWAY_KEEP="1")

    assert done.returncode != 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["orders-service.rejected"]


def test_an_interruption_while_the_service_is_checked_leaves_nothing_behind(
    checkout: Path,
    services: Render,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    service = Path(shutil.copytree(services(), tmp_path / "orders-service"))
    context = json.loads((checkout / "cookiecutter.json").read_text(encoding="utf-8"))
    monkeypatch.setenv("SLIPWAY_GIT", "1")

    def interrupt(_project: Path, ignore: object) -> None:  # noqa: ARG001
        raise KeyboardInterrupt

    monkeypatch.setattr("slipway.contract.check", interrupt)

    status = after({**context, "project_slug": "orders-service"}, checkout, service)

    assert status == 130
    assert not service.exists()
    assert "nothing was left behind" in capsys.readouterr().err


def test_an_archive_of_the_template_gives_a_service_without_lineage_and_says_so(checkout: Path, tmp_path: Path) -> None:
    archive = tmp_path / "slipway.zip"
    git(checkout, "archive", "--format=zip", "--prefix=slipway/", "-o", str(archive), "HEAD")

    done = cookiecutter_command(archive, tmp_path / "out")

    answers = (tmp_path / "out" / "orders-service" / ".copier-answers.yml").read_text(encoding="utf-8")
    assert done.returncode == 0, done.stderr
    assert "not a git checkout" in done.stdout
    assert "_src_path" not in answers
    assert "_commit" not in answers
    assert os.access(tmp_path / "out" / "orders-service" / "bin" / "deploy", os.X_OK)


def test_no_rendered_hook_stays_in_the_temporary_folder(checkout: Path, tmp_path: Path) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()

    cookiecutter_command(checkout, tmp_path / "out", TMPDIR=str(temporary))

    assert list(temporary.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_read_only_place_is_an_error_and_stays_as_it_was(checkout: Path, tmp_path: Path) -> None:
    place = tmp_path / "out"
    place.mkdir()
    place.chmod(stat.S_IRUSR | stat.S_IXUSR)

    done = cookiecutter_command(checkout, place)

    assert done.returncode != 0
    assert list(place.iterdir()) == []
