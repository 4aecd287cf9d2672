"""One source of questions: copier.yml, from which cookiecutter.json is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from slipway.template.questions import QuestionError, Questions
from tests.conftest import QUESTIONS, ROOT

COOKIECUTTER: dict[str, Any] = json.loads((ROOT / "cookiecutter.json").read_text(encoding="utf-8"))


def test_cookiecutter_json_is_the_one_written_from_copier_yml() -> None:
    written = QUESTIONS.cookiecutter_json()

    assert written == (ROOT / "cookiecutter.json").read_text(encoding="utf-8")


def test_both_files_ask_the_same_questions_in_the_same_order() -> None:
    asked = [name for name in COOKIECUTTER if not name.startswith("_")]

    assert asked == list(QUESTIONS.asked)


def test_both_files_offer_the_same_choices_with_the_same_default_and_help() -> None:
    for name, values in QUESTIONS.offered().items():
        prompts = COOKIECUTTER["__prompts__"][name]

        assert COOKIECUTTER[name] == list(values)
        assert prompts["__prompt__"] == " ".join(QUESTIONS.asked[name]["help"].split())
        assert {value: label for label, value in QUESTIONS.asked[name]["choices"].items()} == {
            value: label for value, label in prompts.items() if value != "__prompt__"
        }


def test_every_choice_says_when_to_take_it() -> None:
    silent = [
        label for name in QUESTIONS.offered() for label in QUESTIONS.asked[name]["choices"] if "take it" not in label
    ]

    assert silent == []


def test_neither_file_asks_for_trust_an_extension_or_a_task() -> None:
    settings = set(yaml.safe_load((ROOT / "copier.yml").read_text(encoding="utf-8"))) | set(COOKIECUTTER)

    assert settings.isdisjoint({"_tasks", "_migrations", "_jinja_extensions", "_extensions", "_copy_without_render"})


@pytest.mark.parametrize(
    ("question", "why"),
    [
        ("items: {type: str, help: x, default: x}", "not a usable name"),
        ("size: {type: int, help: x, default: 1}", "type str or bool"),
        ("size: {type: str, help: x}", "a default"),
        ("size: {type: str, default: x}", "has no help"),
        ("size: {type: str, help: x, default: x}", "needs a rule"),
        ("size: {type: str, help: x, default: c, choices: {A: a}}", "hold the default"),
    ],
)
def test_a_question_that_the_engines_could_not_share_is_refused(question: str, why: str, tmp_path: Path) -> None:
    (tmp_path / "copier.yml").write_text(question + "\n", encoding="utf-8")

    with pytest.raises(QuestionError, match=why):
        Questions.read(tmp_path / "copier.yml")


def test_a_name_that_the_content_would_not_see_is_refused(tmp_path: Path) -> None:
    text = (ROOT / "copier.yml").read_text(encoding="utf-8").replace("      broker=broker,\n", "")
    (tmp_path / "copier.yml").write_text(text, encoding="utf-8")

    with pytest.raises(QuestionError, match=r"missing \['broker'\]"):
        Questions.read(tmp_path / "copier.yml").cookiecutter_json()
