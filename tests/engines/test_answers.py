"""The rules of the answers, the same in the hook and in Copier."""

from __future__ import annotations

import string
from pathlib import Path

import pytest
from copier import run_copy
from hypothesis import given, settings
from hypothesis import strategies as st

from slipway.answers import RULES, refusals
from slipway.template.questions import Questions, stale_validators, validator
from tests.conftest import ROOT, Answers

LONG = "x" * 500
GOOD = [
    ("project_name", "A"),
    ("project_name", "Orders Service"),
    ("project_name", "Été \"x\": $(id) `ls` 'q' #1"),
    ("project_name", "Łódź"),
    ("project_name", "日本語サービス"),
    ("project_name", "A\\b"),
    ("project_name", "A" * 60),
    ("project_slug", "ab"),
    ("project_slug", "go-x"),
    ("project_slug", "x" * 40),
    ("project_slug", "orders-2-service"),
    ("description", "It says: \"no\" & 'yes' # $HOME | 100 %"),
    ("owner_team", "go"),
    ("owner_team", "team-42"),
    ("repository_url", "https://h.co/a"),
    ("repository_url", "https://h.co:8443/a/b.git"),
    ("repository_url", "ssh://git@h.co:22/a/b"),
    ("repository_url", "git@h.co:a/b/c.git"),
    ("ticket_id", "A1-99"),
    ("ticket_id", "PLAT-1"),
    ("created_on", "29022024"),
    ("created_on", "29022000"),
    ("created_on", "31122099"),
]
BAD = [
    *(
        ("project_name", text)
        for text in ("", " A", "A ", "A\n", "A\nb", "A{{b", "A{%b", "A{#b", "A\U0001f600", "1a", LONG)
    ),
    *(
        ("project_name", text)
        for text in ("A\x7f", "A\x00b", "A\x1b[31m", "A\u202eb", "A\u2028b", "A\u00adb", "A\tb", "-A")
    ),
    *(("description", text) for text in ("", "two\nlines", "ends ", "{{ x }}", LONG)),
    *(
        ("project_slug", text)
        for text in ("", "a", "A", "go", "main", "internal", "kube-x", "x" * 41, "a--b", "-a", "a-")
    ),
    *(
        ("project_slug", text)
        for text in ("a_b", "../x", "a/b", "ab\n", "com1", "é-x", "$(id)", "`id`", "a b", "{{x}}", LONG)
    ),
    *(("owner_team", text) for text in ("", "a", "Platform", "a team", "@team", "a\n", LONG)),
    *(
        ("repository_url", text)
        for text in ("", "http://h.co/a", "https://u:p@h.co/a", "https://token@h.co/a", "https://h/a")
    ),
    *(
        ("repository_url", text)
        for text in ("https://h.co/", "https://h.co/a/", "https://h.co/a?x", "https://h.co/../a")
    ),
    *(
        ("repository_url", text)
        for text in ("ftp://h.co/a", "git@h.co/a", "https://h.co/a b", "https://h.co/a\n", "h.co/a")
    ),
    *(
        ("ticket_id", text)
        for text in ("", "plat-1", "P-1", "PLAT-0", "PLAT-01", "PLAT1", "PLAT-1\n", "PLAT-1 x", "1A-1")
    ),
    *(("created_on", text) for text in ("", "29022025", "31042026", "00012026", "01132026", "2026-01-01", "31021999")),
]


def copier_accepts(answers: Answers, template: Path, target: Path) -> bool:
    """Tell whether Copier takes the answers, by asking it for a service."""
    try:
        run_copy(str(template), target, data=dict(answers), defaults=True, quiet=True, unsafe=False)
    except ValueError:
        return False
    return True


@pytest.fixture(scope="session")
def questions_only(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a template with Slipway's questions and one file."""
    place = tmp_path_factory.mktemp("questions")
    (place / "copier.yml").write_bytes((ROOT / "copier.yml").read_bytes())
    (place / "{{cookiecutter.project_slug}}").mkdir()
    (place / "{{cookiecutter.project_slug}}" / "name").write_text("{{ cookiecutter.project_name }}", encoding="utf-8")
    return place


@pytest.mark.parametrize(("question", "answer"), GOOD)
def test_a_good_answer_is_accepted_by_the_hook_and_by_copier(
    question: str, answer: str, questions_only: Path, tmp_path: Path
) -> None:
    by_hook = not list(refusals({question: answer}))

    by_copier = copier_accepts({"project_slug": "fine", question: answer}, questions_only, tmp_path / "out")

    assert (by_hook, by_copier) == (True, True)


@pytest.mark.parametrize(("question", "answer"), BAD)
def test_a_bad_answer_is_refused_by_the_hook_and_by_copier_before_anything_is_written(
    question: str, answer: str, questions_only: Path, tmp_path: Path
) -> None:
    found = list(refusals({question: answer}))

    by_copier = copier_accepts({"project_slug": "fine", question: answer}, questions_only, tmp_path / "out")

    assert [(refusal.question, refusal.answer, refusal.sentence) for refusal in found] == [
        (question, answer, RULES[question].sentence)
    ]
    assert not by_copier
    assert not (tmp_path / "out").exists() or not any((tmp_path / "out").iterdir())


def test_an_answer_that_no_choice_offers_is_refused_with_what_is_offered() -> None:
    found = list(refusals({"datastore": "oracle"}, {"datastore": ("postgresql", "none")}))

    assert [(refusal.question, refusal.sentence) for refusal in found] == [("datastore", "one of postgresql, none")]


def test_copiers_validators_are_written_from_the_rules() -> None:
    questions = Questions.read(ROOT / "copier.yml")

    stale = stale_validators(questions)

    assert stale == {}


def test_every_rule_accepts_its_own_example() -> None:
    refused = [name for name, rule in RULES.items() if not rule.accepts(rule.example)]

    assert refused == []


def test_a_validator_quotes_its_pattern_so_that_jinja_reads_it_back() -> None:
    written = {name: validator(name, rule) for name, rule in RULES.items()}

    assert all(text.count("'") == 2 for text in written.values())


@settings(deadline=None, max_examples=200)
@given(st.sampled_from(sorted(RULES)), st.text(max_size=80) | st.text(string.printable, max_size=80))
def test_no_accepted_answer_holds_a_control_character_or_opens_jinja(question: str, answer: str) -> None:
    accepted = RULES[question].accepts(answer)

    harmless = all(character.isprintable() for character in answer) and not any(
        mark in answer for mark in ("{{", "{%", "{#")
    )

    assert harmless or not accepted
