"""The fault drill, with a fake of the api and of what calls it."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.conftest import Render
from tests.generated.fakes import Answer, Bench, part_of
from tests.generated.test_scripts import Shell

API = """#!/bin/sh
echo "FAULTS $FAULT_FAILURES $FAULT_SLOW $FAULT_DELAY" >>"$CALLS"
[ "$STORE" != broken ] || { echo no store; exit 1; }
trap 'echo TERM >>"$CALLS"; exit 0' TERM
echo '{"msg":"Breaker opened","dependency":"store"}'
echo '{"msg":"Api started","http_addr":"127.0.0.1:4711","admin_addr":"127.0.0.1:4712"}'
while :; do sleep 0.05; done
"""
CURL = """case "$*" in
*4712/metrics*)
  echo 'resilience_retries_total{dependency="store"} 7'
  echo 'resilience_refusals_total{dependency="store",result="open"} 0' ;;
*4711/v1/orders*)
  while [ "$1" != -D ]; do shift; done
  printf 'HTTP/1.1 %s\\r\\n%s' "${ANSWER%% *}" "${HEADER:-}" >"$2"
  [ -n "$ANSWER" ] || exit 28
  printf '%s' "$ANSWER" ;;
esac
"""


@pytest.fixture
def shell(own_copy: Render, tmp_path: Path) -> Shell:
    """Give a shell in a default service whose api and curl are fakes."""
    made = Shell(own_copy(), tmp_path)
    (made.service / "build").mkdir()
    (made.service / "build/api").write_text(API, encoding="utf-8")
    (made.service / "build/api").chmod(0o755)
    made.fake("curl", CURL)
    return made


def test_a_drill_shows_what_callers_and_guard_did_and_stops_the_api(shell: Shell) -> None:
    words = ["-f", "40", "-s", "5", "-d", "3s", "-n", "3"]

    done = shell.run("fault-drill", *words, STORE="postgresql", ANSWER="201 0.010")

    assert done.returncode == 0, done.stderr
    assert "  201      3 times, the slowest after 0.010 s" in done.stdout
    assert '  resilience_retries_total{dependency="store"} 7' in done.stdout
    assert "refusals" not in done.stdout
    assert "Breaker opened" in done.stdout
    assert shell.called() == ["FAULTS 40 5 3s", "TERM"]


@pytest.mark.parametrize(
    ("answer", "header", "status"),
    [
        ("503 0.1", "Retry-After: 5\r\n", 0),
        ("503 0.1", "", 1),
        ("500 0.1", "Retry-After: 5\r\n", 1),
        ("", "", 1),
    ],
)
def test_a_drill_fails_when_a_caller_is_not_told_when_to_come_again(
    answer: str, header: str, status: int, shell: Shell
) -> None:
    done = shell.run("fault-drill", "-n", "2", STORE="postgresql", ANSWER=answer, HEADER=header)

    assert done.returncode == status, done.stderr
    assert ("neither an order" in done.stderr) is (status == 1)


def test_an_api_that_does_not_start_is_shown_and_nothing_is_left(shell: Shell, tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()

    done = shell.run("fault-drill", STORE="broken", TMPDIR=str(temporary))

    assert done.returncode == 1
    assert done.stderr == "no store\nfault-drill: the api did not start\n"
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(("by", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_the_api_and_every_caller_and_leaves_nothing(
    by: signal.Signals, status: int, services: Render, tmp_path: Path
) -> None:
    bench = Bench(part_of(services(), tmp_path / "service"), tmp_path)
    started = '{"msg":"Api started","http_addr":"127.0.0.1:4711","admin_addr":"127.0.0.1:4712"}\n'
    serves = "trap 'exit 0' TERM; while :; do \"$FAKES/basics/sleep\" 0.02; done"
    bench.tool("api", Answer(says=started, body=serves))
    (bench.service / "build").mkdir()
    (bench.fakes / "api").rename(bench.service / "build/api")
    bench.tool("curl", Answer(hangs=True))

    done = bench.interrupt("fault-drill", "-p", "1", by=by, STORE="postgresql")

    assert done.returncode == status
    assert done.stderr == "fault-drill: stopped by a signal\n"
    assert bench.alive() == []
    assert bench.left() == []


def test_a_drill_without_a_build_says_what_to_do(shell: Shell) -> None:
    (shell.service / "build/api").unlink()

    done = shell.run("fault-drill", STORE="postgresql")

    assert done.returncode == 1
    assert "make build" in done.stderr
