"""The fakes themselves: a test that they answer wrongly would prove nothing."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.generated.fakes import FAILED, Answer, Bench

SCRIPT = """#!/bin/sh
set -eu
trap 'exit 143' TERM
cloud one "two words"
cloud three
echo "$(pwd)" >&2
if [ -t 0 ]; then read -r answer && echo "typed $answer"; else cat; fi
"""


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Give a bench over a service of one script."""
    service = tmp_path / "service"
    (service / "bin").mkdir(parents=True)
    (service / "bin/script").write_text(SCRIPT, encoding="utf-8")
    (service / "bin/script").chmod(0o755)
    return Bench(service, tmp_path)


def test_calls_are_written_down_word_by_word_and_answered_from_the_table(bench: Bench) -> None:
    bench.tool("cloud", Answer("one *", says="first\n"), Answer("three", warns="hot\n", body='echo "$1 in $(pwd)"'))

    done = bench.run("script", stdin="given")

    assert done.stdout == f"first\nthree in {bench.service}\ngiven"
    assert done.stderr == f"hot\n{bench.service}\n"
    assert bench.called() == ["cloud one 'two words'", "cloud three"]


def test_an_answer_may_hold_for_the_first_calls_alone_and_a_new_run_begins_anew(bench: Bench) -> None:
    bench.tool("cloud", Answer(says="a\n", times=1), Answer(says="b\n"))

    done = [bench.run("script").stdout for _ in range(2)]

    assert done == ["a\nb\n", "a\nb\n"]


def test_any_call_can_be_told_to_fail(bench: Bench) -> None:
    bench.tool("cloud")

    done = bench.run("script", fail_at=2)

    assert (done.returncode, done.stderr) == (FAILED, "cloud was told to fail\n")
    assert len(bench.called()) == 2


def test_a_script_can_be_answered_at_a_terminal(bench: Bench) -> None:
    bench.tool("cloud")

    done = bench.run("script", typed="yes\n")

    assert done.stdout == "typed yes\n"


def test_no_tool_of_this_machine_is_within_reach(bench: Bench) -> None:
    done = bench.run("script")

    assert done.returncode == 127
    assert "cloud" in done.stderr


def test_a_fake_that_outlives_its_script_and_a_file_that_is_left_are_seen(bench: Bench) -> None:
    bench.tool("cloud")
    (bench.temporary / "left").touch()
    script = bench.service / "bin/script"
    script.write_text("#!/bin/sh\ntrap 'exit 143' TERM\ncloud >&- 2>&- &\nwait\n", encoding="utf-8")

    done = bench.interrupt("script", by=signal.SIGTERM, hang_at=1)
    alive = bench.alive()

    assert done.returncode == 143
    assert len(alive) == 1
    assert bench.left() == ["left"]
    bench.end()
    assert bench.alive() == []
