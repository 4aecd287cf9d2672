"""What other tools recorded of a template, and how it becomes answers."""

from __future__ import annotations

import json

import pytest

from slipway.adopt import AdoptError
from slipway.adopt.records import mapped, read_context, read_cruft, same_template

CRUFT = {
    "template": "https://git.example.com/templates/go",
    "commit": "0123456789abcdef0123456789abcdef01234567",
    "checkout": None,
    "skip": ["README.md"],
    "context": {
        "cookiecutter": {
            "project_name": "Parcels",
            "repo_name": "parcels",
            "database": "Postgres",
            "colour": "green",
            "_template": "https://git.example.com/templates/go",
        }
    },
    "directory": None,
}
ASKED = {"project_name", "project_slug", "datastore", "description"}


def test_the_state_of_cruft_gives_template_commit_and_answers() -> None:
    record = read_cruft(json.dumps(CRUFT))

    assert record.template == "https://git.example.com/templates/go"
    assert record.commit == "0123456789abcdef0123456789abcdef01234567"
    assert set(record.answers) == {"project_name", "repo_name", "database", "colour"}
    assert record.goes
    assert any("skip" in note for note in record.notes)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        ("[]", "lacks template"),
        ('{"template": "x"}', "lacks template"),
        ('{"template": 3, "context": {"cookiecutter": {}}}', "lacks template"),
    ],
)
def test_a_broken_state_of_cruft_is_refused(text: str, said: str) -> None:
    with pytest.raises(AdoptError, match=said) as refused:
        read_cruft(text)

    assert "git log -p .cruft.json" in str(refused.value)


def test_a_commit_that_is_no_revision_is_passed_over() -> None:
    record = read_cruft(json.dumps({**CRUFT, "commit": "--upload-pack=touch pwned"}))

    assert not record.commit


def test_answers_are_mapped_by_the_names_that_templates_use() -> None:
    found, unknown = mapped(read_cruft(json.dumps(CRUFT)).answers, ASKED)

    assert found == {
        "project_name": ("Parcels", "project_name"),
        "project_slug": ("parcels", "repo_name"),
        "datastore": ("postgresql", "database"),
    }
    assert unknown == ["colour"]


def test_an_answer_of_the_same_name_goes_before_one_of_a_like_name() -> None:
    found, unknown = mapped({"project_slug": "one", "repo_name": "two"}, ASKED)

    assert found == {"project_slug": ("one", "project_slug")}
    assert unknown == ["repo_name"]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (".cookiecutter.json", '{"cookiecutter": {"project_name": "P", "_template": "gh:a/b", "_commit": "v1.2.0"}}'),
        (".cookiecutter.json", '{"project_name": "P", "_template": "gh:a/b", "_checkout": "v1.2.0"}'),
        (".cookiecutterrc", "default_context:\n  project_name: P\n  _template: 'gh:a/b'\n  _commit: v1.2.0\n"),
    ],
)
def test_a_context_that_cookiecutter_left_is_read(path: str, text: str) -> None:
    record = read_context(path, text)

    assert record is not None
    assert (record.template, record.commit, record.answers) == ("gh:a/b", "v1.2.0", {"project_name": "P"})
    assert not record.goes


@pytest.mark.parametrize("text", ["", "[1, 2]", "{", "[" * 100_000, "- a"])
def test_a_file_that_holds_no_context_is_no_record(text: str) -> None:
    assert read_context(".cookiecutter.json", text) is None


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://git.example.com/a/b.git", "https://git.example.com/a/b", True),
        ("git@git.example.com:a/b.git", "https://git.example.com/a/b", True),
        ("ssh://git@git.example.com/a/b.git", "git+https://git.example.com/a/b", True),
        ("gh:a/b", "https://github.com/a/b.git", True),
        ("https://me:x@git.example.com/a/b", "https://git.example.com/a/b", True),
        ("https://git.example.com/a/b", "https://git.example.com/a/c", False),
        ("https://git.example.com:8443/a/b", "https://git.example.com/a/b", False),
        ("", "", False),
    ],
)
def test_a_template_is_the_same_however_its_address_is_written(one: str, other: str, *, same: bool) -> None:
    assert same_template(one, other) is same
