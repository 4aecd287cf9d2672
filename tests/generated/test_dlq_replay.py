"""The replay of dead letters, with a fake of the binary that reaches the broker."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Render
from tests.generated.test_scripts import Shell

LETTERS = """#!/bin/sh
echo "$1" >>"$CALLS"
case $1 in
  list)
    [ "${BROKER:-}" != away ] || { echo '{"msg":"Failed to handle dead letters"}'; exit 1; }
    echo '{"position":"0:0","reason":"failed","error":"a \\"reason\\":\\"schema\\" in a text"}'
    echo '{"position":"0:1","reason":"schema","error":"x"}'
    echo '{"position":"0:2","reason":"failed","error":"x"}' ;;
  replay) cat >>"$CALLS" ;;
esac
"""


@pytest.fixture
def shell(own_copy: Render, tmp_path: Path) -> Shell:
    """Give a shell in a service with Kafka whose binary is a fake."""
    made = Shell(own_copy(broker="kafka"), tmp_path)
    (made.service / "build").mkdir()
    (made.service / "build/deadletters").write_text(LETTERS, encoding="utf-8")
    (made.service / "build/deadletters").chmod(0o755)
    return made


def test_without_a_choice_letters_are_shown_and_nothing_is_sent(shell: Shell) -> None:
    done = shell.run("dlq-replay")

    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 3
    assert "nothing was sent" in done.stderr
    assert shell.called() == ["list"]


@pytest.mark.parametrize(
    ("words", "sent"),
    [
        (["-a"], ["0:0", "0:1", "0:2"]),
        (["-a", "-n", "2"], ["0:0", "0:1"]),
        (["-p", "0:2"], ["0:2"]),
        (["-p", "0:2", "-p", "0:0"], ["0:2", "0:0"]),
        (["-r", "schema", "-a"], ["0:1"]),
        (["-r", "failed", "-a"], ["0:0", "0:2"]),
    ],
)
def test_chosen_letters_are_sent_again(words: list[str], sent: list[str], shell: Shell) -> None:
    done = shell.run("dlq-replay", *words)

    assert done.returncode == 0, done.stderr
    assert shell.called() == ["list", "replay", *sent]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["-r", "bad"], "reason 'bad'"),
        (["-n", "0"], "-n '0'"),
        (["-n", "many"], "-n 'many'"),
        (["-p", "12"], "position '12'"),
        (["-p", "a:b"], "position 'a:b'"),
        (["-a", "-p", "0:1"], "do not go together"),
        (["more"], "argument 'more'"),
    ],
)
def test_a_wrong_call_is_refused_before_anything_is_read(words: list[str], says: str, shell: Shell) -> None:
    done = shell.run("dlq-replay", *words)

    assert done.returncode == 2
    assert says in done.stderr
    assert shell.called() == []


def test_a_position_that_is_not_there_stops_before_anything_is_sent(shell: Shell) -> None:
    done = shell.run("dlq-replay", "-p", "0:1", "-p", "0:9")

    assert done.returncode == 1
    assert "0:9 is not among the letters" in done.stderr
    assert shell.called() == ["list"]


def test_a_broker_that_is_away_is_told(shell: Shell) -> None:
    done = shell.run("dlq-replay", "-a", BROKER="away")

    assert done.returncode == 1
    assert "cannot be read" in done.stderr


def test_production_is_asked_for_consent(shell: Shell) -> None:
    refused = shell.run("dlq-replay", "-a", ENVIRONMENT="production")
    before = shell.called()
    sent = shell.run("dlq-replay", "-a", "-y", ENVIRONMENT="production", CI="true")

    assert refused.returncode == 1
    assert "say -y" in refused.stderr
    assert before == ["list"]
    assert sent.returncode == 0
    assert "replay" in shell.called()
