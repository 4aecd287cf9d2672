"""One tree, two engines: for the same answers the same bytes."""

from __future__ import annotations

import pytest

from tests.conftest import FIRST_DAY, Answers, Render, cases, combinations, together, tree_of

AWKWARD = {
    "project_name": "Été \"x\": $(id) `ls` 'q' #1 <b> \\ & 50%",
    "project_slug": "ete",
    "description": "Größe: viele Łodzie, \"quoted\", 'single', ${HOME} and %{x}; a | b * c_d [e](f) ~ g! 日本語",
    "repository_url": "ssh://git@git.example.com:2222/a-team/sub.group/ete.git",
    "owner_team": "a-team",
    "ticket_id": "SHIP2-77",
}


PAIRS = together(combinations())


@pytest.mark.parametrize("answers", cases(combinations(), PAIRS[:3]))
def test_both_engines_make_the_same_bytes_and_modes(
    answers: Answers, by_cookiecutter: Render, services: Render
) -> None:
    theirs = services(answers)

    ours = by_cookiecutter(answers, **FIRST_DAY)

    assert tree_of(ours) == tree_of(theirs)


@pytest.mark.parametrize("answers", cases(PAIRS, PAIRS[:1]))
def test_what_slipway_remembers_for_copier_changes_no_byte(
    answers: Answers, services: Render, by_copier: Render
) -> None:
    ours = services(answers)

    plain = by_copier(answers, **FIRST_DAY)

    assert tree_of(ours) == tree_of(plain)


def test_both_engines_agree_on_the_defaults(by_cookiecutter: Render, by_copier: Render) -> None:
    ours = by_cookiecutter()

    theirs = by_copier()

    assert tree_of(ours) == tree_of(theirs)


def test_both_engines_agree_on_awkward_answers(by_cookiecutter: Render, by_copier: Render) -> None:
    ours = by_cookiecutter(AWKWARD, **FIRST_DAY)

    theirs = by_copier(AWKWARD, **FIRST_DAY)

    assert tree_of(ours) == tree_of(theirs)


def test_no_choice_folder_is_left_over(by_cookiecutter: Render) -> None:
    made = by_cookiecutter(datastore="none", ci="gitlab")

    left = [name for name in tree_of(made) if ".lift." in name or ".drop." in name or "cookiecutter" in name]

    assert left == []


def test_awkward_answers_arrive_unchanged_in_the_answers_file(by_cookiecutter: Render) -> None:
    yaml = pytest.importorskip("yaml")
    made = by_cookiecutter(AWKWARD)

    recorded = yaml.safe_load((made / ".copier-answers.yml").read_text(encoding="utf-8"))

    assert {name: recorded[name] for name in AWKWARD} == AWKWARD
