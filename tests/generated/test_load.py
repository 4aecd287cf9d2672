"""The load test, with fakes of what sends the requests."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Render
from tests.generated.test_scripts import Shell

CURL = """while [ "$1" != -o ]; do shift; done
printf '{"orders":[{"id":"4711","items":[]}],"next_cursor":""}' >"$2"
while [ $# -gt 1 ]; do shift; done
echo "curl $1 with $(cat)" >>"$CALLS"
case $1 in */v1/orders) printf '%s' "${PLACED:-201}" ;; *) printf '%s' "${LISTED:-200}" ;; esac
"""
VEGETA = """echo "vegeta $*" >>"$CALLS"
for word; do
  case $word in
    -targets=*) cat "${word#-targets=}" >"$CALLS.targets" ;;
    -output=*) [ "$1" = attack ] || printf '%s' "$REPORT" >"${word#-output=}" ;;
  esac
done
[ "$1" != "${BROKEN:-}" ]
"""
FINE = {"99th": 9_000_000, "success": 1, "rate": 50.01, "requests": 1500, "200": 1350, "201": 150}
AWAY = ["-u", "https://orders.example.com/base/"]


def report(**more: float) -> str:
    """Write what vegeta reports of a load that went well, but for some figures."""
    seen = {**FINE, **more}
    times = {"total": 1, "mean": 1, "50th": 1_000_000, "90th": 1, "95th": 2_000_000, "99th": seen["99th"], "max": 12e6}
    codes = {code: count for code, count in seen.items() if code.isdecimal() and count}
    whole = {"latencies": times, "requests": seen["requests"], "rate": seen["rate"], "throughput": 1}
    return json.dumps({**whole, "success": seen["success"], "status_codes": codes, "errors": []}, separators=(",", ":"))


@pytest.fixture
def shell(own_copy: Render, tmp_path: Path) -> Shell:
    """Give a shell in a default service whose curl and vegeta are fakes."""
    made = Shell(own_copy(), tmp_path)
    made.fake("curl", CURL)
    made.fake("vegeta", VEGETA)
    return made


def targets(shell: Shell) -> list[str]:
    """Give the first lines of the requests that were sent."""
    text = shell.calls.with_name("calls.targets").read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line.startswith(("GET ", "POST "))]


def test_a_load_shows_what_was_answered_and_succeeds(shell: Shell) -> None:
    done = shell.run("load", "-r", "50", "-d", "2m", REPORT=report())

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "loading http://127.0.0.1:8080 with 50 requests a second for 2m, 10 in 100 of them orders",
        "  200      1350 times",
        "  201       150 times",
        "  p50 1.0 ms, p95 2.0 ms, p99 9.0 ms, the slowest 12.0 ms",
        "  0.00 % failed of 1500",
        "the service held the load",
    ]
    assert " -rate=50/1s -duration=2m " in shell.called()[2]


@pytest.mark.parametrize(
    ("more", "words", "told"),
    [
        ({"99th": 251e6}, [], "99 in 100 answers within 250 ms"),
        ({"99th": 9e6}, ["-l", "8"], "99 in 100 answers within 8 ms"),
        ({"success": 0.98, "503": 30}, [], "at most 1 % failed"),
        ({"success": 0.998}, ["-f", "0.1"], "at most 0.1 % failed"),
        ({"rate": 40}, [], "50 requests a second; this machine sent 40"),
        ({"requests": 0, "success": 0}, [], "nothing was sent"),
    ],
)
def test_a_load_that_is_not_held_fails_and_says_why(
    more: dict[str, float], words: list[str], told: str, shell: Shell
) -> None:
    done = shell.run("load", *words, REPORT=report(**more))

    assert done.returncode == 1
    assert f"NOT MET: {told}" in done.stdout
    assert done.stderr == "load: the service did not hold the load\n"


def test_answers_that_never_came_are_named(shell: Shell) -> None:
    done = shell.run("load", REPORT=report(**{"0": 3, "success": 0.998}))

    assert "  none        3 times" in done.stdout


@pytest.mark.parametrize(("share", "orders"), [("0", 0), ("10", 10), ("33", 33), ("100", 100)])
def test_the_share_of_orders_is_spread_over_the_requests(share: str, orders: int, shell: Shell) -> None:
    shell.run("load", "-w", share, REPORT=report())

    sent = targets(shell)
    assert len(sent) == 100
    assert sent.count("POST http://127.0.0.1:8080/v1/orders") == orders
    assert abs(sum(one.endswith("/4711") for one in sent) - (100 - orders) / 2) <= 1


def test_the_token_is_sent_and_shown_to_nobody(shell: Shell) -> None:
    environment = {"LOAD_TOKEN": "a.b.c"}

    done = shell.run("load", REPORT=report(), **environment)

    text = shell.calls.with_name("calls.targets").read_text(encoding="utf-8")
    calls = shell.called()
    assert text.count("Authorization: Bearer a.b.c\n") == 100
    assert all("with header" in call for call in calls if call.startswith("curl"))
    assert "a.b.c" not in done.stdout + done.stderr + "".join(call for call in calls if call.startswith("vegeta"))


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({"PLACED": "401"}, "asks for a token; set LOAD_TOKEN"),
        ({"PLACED": "500"}, "/v1/orders answered 500, not 201"),
        ({"LISTED": "404"}, "/v1/orders?limit=1 answered 404, not 200"),
        ({"BROKEN": "attack"}, "could not send the requests"),
        ({"LOAD_TOKEN": "a\nGET x"}, "no bearer token"),
    ],
)
def test_a_load_that_cannot_begin_says_why_and_leaves_nothing(
    environment: dict[str, str], told: str, shell: Shell, tmp_path: Path
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()

    done = shell.run("load", REPORT=report(), TMPDIR=str(temporary), **environment)

    assert done.returncode == 1
    assert told in done.stderr
    assert list(temporary.iterdir()) == []


def test_production_is_refused_until_somebody_says_that_it_may_feel_it(shell: Shell) -> None:
    done = shell.run("load", *AWAY, "-e", "production", "-y", REPORT=report())

    assert done.returncode == 1
    assert "nobody to ask" in done.stderr
    assert shell.called() == []


def test_production_is_only_read(shell: Shell) -> None:
    done = shell.run("load", *AWAY, "-e", "production", "-y", REPORT=report(), CI="true")

    assert done.returncode == 0, done.stderr
    assert "0 in 100 of them orders" in done.stdout
    assert not any("POST" in one for one in targets(shell))


def test_products_are_not_production(shell: Shell) -> None:
    done = shell.run("load", "-u", "https://products.example.com:8443", "-e", "dev", REPORT=report())

    assert done.returncode == 0, done.stderr


def test_the_tool_of_the_service_is_taken_where_none_is_installed(shell: Shell) -> None:
    (shell.fakes / "vegeta").unlink()
    shell.fake("go", f'echo "go $1 $2 $3" >>"$CALLS"\nshift 3\n{VEGETA}')

    done = shell.run("load", REPORT=report())

    assert done.returncode == 0, done.stderr
    assert shell.called()[2] == "go tool -modfile=tools/go.mod vegeta"
