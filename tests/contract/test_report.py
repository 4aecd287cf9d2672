"""What a person sees."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from slipway.answers import Refusal
from slipway.contract import Finding, Result
from slipway.report import Paint, colours, failed, generated, occupied, refused, shown, summary


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environment", "stream", "coloured"),
    [
        ({"TERM": "xterm"}, Terminal(), True),
        ({"TERM": "dumb"}, Terminal(), False),
        ({"TERM": "xterm", "NO_COLOR": "1"}, Terminal(), False),
        ({"TERM": "xterm"}, io.StringIO(), False),
        ({"FORCE_COLOR": "1"}, io.StringIO(), True),
    ],
)
def test_colours_come_with_a_terminal(
    environment: dict[str, str], stream: io.StringIO, monkeypatch: pytest.MonkeyPatch, *, coloured: bool
) -> None:
    for name in ("TERM", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    assert colours(stream) is coloured


def test_a_hostile_value_cannot_move_the_cursor_or_fill_the_screen() -> None:
    text = shown("\x1b[2J\r\n" + "x" * 500)

    assert text.isprintable()
    assert text.startswith("\\x1b[2J\\r\\n")
    assert text.endswith("(506 characters)")


def test_a_refusal_names_question_value_rule_example_and_command() -> None:
    text = refused([Refusal("ticket_id", "plat-1", "a ticket id", "PLAT-1")], "cookiecutter x ticket_id=...")

    assert text.splitlines() == [
        "Nothing was generated: an answer breaks its rule.",
        "",
        "  ticket_id  plat-1",
        "    rule     a ticket id",
        "    example  PLAT-1",
        "",
        "Again, with the rest of your answers:",
        "  cookiecutter x ticket_id=...",
    ]


def test_the_last_screen_reads_from_what_was_made_to_how_to_make_it_again() -> None:
    text = generated(
        project=Path("/srv/orders"),
        checks=44,
        milliseconds=31,
        commit="first commit on branch main",
        commands=["cd orders", "make help"],
        again="cookiecutter x --no-input",
        warnings=["the template has uncommitted changes"],
    )

    assert text.strip().splitlines() == [
        "orders is ready in /srv/orders",
        "  checked   44 checks, no finding, 31 ms",
        "  git       first commit on branch main",
        "  warning   the template has uncommitted changes",
        "",
        "Next:",
        "  cd orders",
        "  make help",
        "",
        "The same again, without questions:",
        "  cookiecutter x --no-input",
    ]


def test_an_occupied_folder_points_to_copier() -> None:
    text = occupied(Path("/srv/orders"), "https://h.co/t.git")

    assert "slipway adopt --template https://h.co/t.git /srv/orders" in text


def test_a_failed_generation_says_how_to_keep_it_and_then_where_it_is() -> None:
    result = Result((Finding("a.yaml", 3, "DAT001", "broken"),), (), 1, 0.01)

    gone, kept = failed(result, None), failed(result, Path("/srv/orders.rejected"))

    assert "SLIPWAY_KEEP=1" in gone
    assert "a.yaml:3: broken" in gone
    assert "/srv/orders.rejected" in kept


@pytest.mark.parametrize(("count", "told"), [(0, "no finding"), (1, "1 finding"), (2, "2 findings")])
def test_the_summary_counts(count: int, told: str) -> None:
    result = Result((Finding("a", 0, "DAT001", "x"),) * count, (), 3, 0.0412)

    assert summary(result, paint=Paint(on=False)) == f"3 checks, {told}, 41 ms"
