"""The example services: a few, that between them show every choice."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from slipway.cli import main
from slipway.template.examples import chosen
from slipway.template.state import State, working_tree
from tests.conftest import QUESTIONS, ROOT, git
from tests.template.small import Small


def test_between_them_the_examples_show_every_choice() -> None:
    found = chosen(working_tree(ROOT))

    shown = {(name, value) for answers in found.values() for name, value in answers.items()}
    assert next(iter(found)) == "default"
    assert shown == {(name, value) for name, values in QUESTIONS.offered().items() for value in values}
    assert len(found) == max(len(values) for values in QUESTIONS.offered().values())


def test_a_template_without_choices_has_one_example() -> None:
    state = State(copier="project_slug:\n  type: str\n  default: a\n", cookiecutter="", files={})

    found = chosen(state)

    assert found == {"default": {}}


def test_the_command_renders_them_with_edits_that_are_not_committed(tmp_path: Path) -> None:
    small, into = Small(tmp_path / "template"), tmp_path / "examples"
    small.write("docs/a.md", "not committed\n")
    before = git(small.root, "status", "--porcelain")

    done = CliRunner().invoke(main, ["template", "examples", "--root", str(small.root), "--into", str(into)])

    assert done.exit_code == 0, done.output
    assert done.output.splitlines() == [str(into / name) for name in ("default", "none-gitlab", "jenkins")]
    assert (into / "none-gitlab/docs/a.md").read_text(encoding="utf-8") == "not committed\n"
    assert (into / "default/migrations/1.sql").is_file()
    assert not (into / "none-gitlab/migrations").exists()
    assert (into / "README.md").read_text(encoding="utf-8").count("\n| [") == 3
    assert git(small.root, "status", "--porcelain") == before


def test_the_command_renders_a_release(tmp_path: Path) -> None:
    small, into = Small(tmp_path / "template"), tmp_path / "examples"
    git(small.root, "tag", "v0.1.0")
    small.write("docs/a.md", "later\n")
    small.commit("feat: a page\n\nRefs: SLIP-2")
    command = ["template", "examples", "--root", str(small.root), "--into", str(into), "--at"]

    done = CliRunner().invoke(main, [*command, "v0.1.0"])

    assert done.exit_code == 0, done.output
    assert not (into / "default/docs").exists()


def test_a_folder_that_has_examples_is_left_alone(tmp_path: Path) -> None:
    small, into = Small(tmp_path / "template"), tmp_path / "examples"
    (into / "jenkins").mkdir(parents=True)

    done = CliRunner().invoke(main, ["template", "examples", "--root", str(small.root), "--into", str(into)])

    assert done.exit_code == 1
    assert "has jenkins already; name another folder, or remove them" in done.output
    assert [path.name for path in into.iterdir()] == ["jenkins"]
