"""The whole service on this machine, with fakes of its processes; and what a machine lacks for it."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest

from tests.conftest import Render, commit_all, git
from tests.generated.fakes import Answer, Bench, part_of

READY = Answer("*readyz*")
SILENT = Answer("*", status=7)
DURABLE = {"STORE": "postgresql", "DATABASE_URL": "postgres://x"}
TOOLS = {
    "git": "git version 2.47.1",
    "make": "GNU Make 4.3",
    "curl": "curl 8.5.0 (x86_64)",
    "go": "go version go1.26.1 linux/amd64",
    "uv": "uv 0.9.0",
    "shellcheck": "ShellCheck - shell script analysis tool\nversion: 0.11.0",
    "shfmt": "v3.12.0",
    "hadolint": "Haskell Dockerfile Linter 2.15.1",
    "yamllint": "yamllint 1.38.0",
    "docker": "Docker version 28.2.2, build x",
    "trivy": "Version: 0.67.2",
    "kubectl": "Client Version: v1.34.1",
    "terraform": "Terraform v1.14.0",
    "cosign": "GitVersion:    v3.0.2",
    "aws": "aws-cli/2.31.0 Python/3.13",
    "mongosh": "2.5.8",
    "mongodump": "mongodump version: 100.13.0",
    "mongorestore": "mongorestore version: 100.13.0",
}


@pytest.fixture
def bench(services: Render, tmp_path: Path) -> Bench:
    """Give a bench over the scripts of a default service, in git, whose processes and tools are fakes."""
    made = Bench(part_of(services(), tmp_path / "service", "mk", ".env.example"), tmp_path)
    git(made.service, "init", "-q", "-b", "main")
    (made.service / "build").mkdir()
    for process in ("api", "worker", "migrate"):
        made.tool(process)
        (made.fakes / process).rename(made.service / "build" / process)
    made.tool("make")
    made.tool("curl", Answer("*readyz*", status=7, times=4), READY, SILENT)
    return made


def process(bench: Bench, name: str, *answers: Answer) -> None:
    """Give a process of the service other answers."""
    bench.tool(name, *answers)
    (bench.fakes / name).rename(bench.service / "build" / name)


SERVES = Answer(body="trap 'echo ended >&2; exit 0' TERM; while :; do \"$FAKES/basics/sleep\" 0.02; done")
NOW_READY = Answer("*readyz*", body=': >"$FAKES/serves.$$"')
PAUSE = Answer(
    "1",
    body='set -- "$FAKES"/serves.*; [ $# -lt "$PROCESSES" ] || [ ! -e "$1" ] || [ -e "$FAKES/paused" ] || {\n'
    ': >"$FAKES/paused"; echo $$ >"$FAKES/ready"; exec "$FAKES/basics/sleep" 600; }',
)


def serving(bench: Bench) -> None:
    """Let the processes run until they are stopped, and the first questions find them not ready."""
    for name in ("api", "worker"):
        process(bench, name, SERVES)
    bench.tool("sleep", PAUSE)
    bench.tool("curl", Answer("*readyz*", status=7, times=2), NOW_READY, SILENT)


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_store_is_migrated_before_worker_and_api_start_and_all_end_on_a_signal(
    by: signal.Signals, bench: Bench
) -> None:
    serving(bench)

    done = bench.interrupt("run", by=by, PROCESSES="2", STORE="postgresql", DATABASE_URL="postgres://x")

    calls = [one for one in bench.called() if not one.startswith(("curl", "sleep"))]
    assert done.returncode == 0, done.stderr
    assert calls[:2] == ["make build", "migrate up"]
    assert sorted(calls[2:]) == ["api", "worker"]
    assert "api: http://127.0.0.1:8080/v1/orders\n" in done.stderr
    assert "worker, for operators: http://127.0.0.1:9091/readyz" in done.stderr
    assert done.stderr.count("ended\n") == 2
    assert bench.alive() == []


def test_in_memory_the_api_runs_alone(bench: Bench) -> None:
    serving(bench)

    done = bench.interrupt("run", "-b", PROCESSES="1", HTTP_ADDR="0.0.0.0:8000")

    calls = [one for one in bench.called() if not one.startswith(("curl", "sleep"))]
    assert done.returncode == 0, done.stderr
    assert calls == ["api"]
    assert "api: http://127.0.0.1:8000/v1/orders\n" in done.stderr


def test_variables_come_from_the_environment_and_then_from_a_file(bench: Bench) -> None:
    lines = [
        "# a note",
        "",
        "LOG_LEVEL=debug",
        "HTTP_ADDR=:1",
        "DATABASE_URL='postgres://u:$(id)@h/d'",
        'EMPTY=""',
        "LAST=1",
    ]
    (bench.service / ".env").write_text("\n".join(lines), encoding="utf-8")
    process(bench, "api", Answer(body='echo "$LOG_LEVEL|$HTTP_ADDR|$DATABASE_URL|$EMPTY|$LAST"', status=1))
    bench.tool("curl", SILENT)

    done = bench.run("run", "-b", HTTP_ADDR=":2")

    assert "debug|:2|postgres://u:$(id)@h/d||1\n" in done.stdout
    assert "http://127.0.0.1:2" in "".join(bench.called("curl"))


@pytest.mark.parametrize("line", ["no assignment", "1A=b", "a-b=c", "export A=b"])
def test_a_line_that_is_no_variable_is_named(line: str, bench: Bench) -> None:
    (bench.service / ".env").write_text(f"A=b\n{line}\n", encoding="utf-8")

    done = bench.run("run")

    assert (done.returncode, done.stderr) == (2, f"run: .env has a line that is not NAME=value: {line} (-h for help)\n")
    assert bench.called() == []


@pytest.mark.parametrize(
    ("name", "answer", "environment", "told"),
    [
        ("make", Answer(status=2), {}, "it does not build"),
        ("migrate", Answer(status=3), DURABLE, "the store could not be migrated"),
        ("api", Answer(warns="no config\n", status=2), {}, "the api ended before it was ready; its log says why"),
        ("worker", Answer(status=1), DURABLE, "the worker ended before it was ready; its log says why"),
    ],
)
def test_what_cannot_start_is_named_and_nothing_else_stays(
    name: str, answer: Answer, environment: dict[str, str], told: str, bench: Bench
) -> None:
    serving(bench)
    bench.tool("sleep")
    bench.tool("curl", Answer("*:9091/readyz*", status=7), Answer("*readyz*", status=7, times=1), READY, SILENT)
    if name == "api":
        bench.tool("curl", SILENT)
    if name == "make":
        bench.tool(name, answer)
    else:
        process(bench, name, answer)

    done = bench.run("run", **environment)  # type: ignore[arg-type]

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == f"run: {told}" or f"run: {told}" in done.stderr
    assert bench.alive() == []


def test_a_process_that_ends_by_itself_ends_the_rest(bench: Bench) -> None:
    serving(bench)
    process(bench, "worker", Answer(body='while [ ! -e "$FAKES/both" ]; do "$FAKES/basics/sleep" 0.02; done', status=1))
    bench.tool("sleep", Answer("1", body='"$FAKES/basics/sleep" 0.02'))
    bench.tool("curl", Answer("*:9091/readyz*", body=': >"$FAKES/both"'), READY, SILENT)

    done = bench.run("run", **DURABLE)  # type: ignore[arg-type]

    assert done.returncode == 1
    assert "run: a process ended by itself; its log says why\n" in done.stderr
    assert "ended\n" in done.stderr
    assert bench.alive() == []


def test_a_port_that_is_taken_is_named_before_anything_starts(bench: Bench) -> None:
    bench.tool("curl")

    done = bench.run("run", "-b")

    assert done.returncode == 1
    assert done.stderr == "run: somebody listens on http://127.0.0.1:8080 already; set HTTP_ADDR to another address\n"
    assert [one for one in bench.called() if not one.startswith("curl")] == []


def test_patience_with_a_process_that_is_never_ready_ends(bench: Bench) -> None:
    process(bench, "api", SERVES)
    bench.tool("sleep")
    bench.tool("curl", SILENT)

    done = bench.run("run", "-b", "-w", "3")

    assert done.returncode == 1
    assert "the api is not ready after 3 seconds: http://127.0.0.1:9090/readyz" in done.stderr
    assert len(bench.called("curl -fsS")) == 3
    assert bench.alive() == []


@pytest.mark.parametrize(
    ("words", "environment", "told"),
    [
        (["-w", "0"], {}, "-w '0' is not from 1 to 3600"),
        (["-a", "here"], {}, "-a 'here' is not host:port"),
        (["-a", ":x"], {}, "-a ':x' is not host:port"),
        ([], {"ENVIRONMENT": "production"}, "ENVIRONMENT is production"),
        (["api"], {}, "argument 'api' is one too many"),
    ],
)
def test_a_wrong_run_ends_with_2(words: list[str], environment: dict[str, str], told: str, bench: Bench) -> None:
    done = bench.run("run", *words, **environment)  # type: ignore[arg-type]

    assert done.returncode == 2
    assert told in done.stderr
    assert bench.called() == []


def equipped(bench: Bench, **versions: str) -> None:
    """Give the machine every tool, some in another version, and the ports free."""
    for name, says in {**TOOLS, **versions}.items():
        if name in {"git", "curl"}:
            continue
        bench.tool(name, Answer(says=f"{says}\n"))
    bench.tool("curl", Answer("--version", says=TOOLS["curl"]), SILENT)


def test_a_machine_that_has_everything_is_told_so(bench: Bench) -> None:
    equipped(bench)
    git(bench.service, "config", "core.hooksPath", ".githooks")
    (bench.service / ".env").write_text("", encoding="utf-8")

    done = bench.run("doctor")

    assert done.returncode == 0, done.stdout
    assert {line.split()[0] for line in done.stdout.splitlines()} == {"ok"}
    assert "ok       trivy 0.67.2" in done.stdout
    assert "\033" not in done.stdout


def test_linters_are_looked_for_only_where_no_uv_brings_them(bench: Bench) -> None:
    equipped(bench)
    for name in ("shellcheck", "hadolint"):
        (bench.fakes / name).unlink()

    brought = bench.run("doctor").stdout
    (bench.fakes / "uv").unlink()
    looked_for = bench.run("doctor").stdout

    assert "ok       the linters come by uv, as mk/linters.txt pins them" in brought.splitlines()
    assert "shellcheck" not in brought
    assert re.findall(r"(?m)^absent +(\w+), for make lint:", looked_for) == ["shellcheck", "hadolint"]
    assert "ok       shfmt 3.12.0" in looked_for


def test_what_must_be_there_fails_and_what_may_be_there_is_told_with_the_way_out(bench: Bench) -> None:
    equipped(bench, trivy="trivy of nowhere", go="go version go1.9.9")
    (bench.fakes / "docker").unlink()

    done = bench.run("doctor")

    lines = done.stdout.splitlines()
    assert done.returncode == 1
    assert "MISSING  go 1.9.9, for build and test: too old; install 1.26 or later: https://go.dev/doc/install" in lines
    assert any(line.startswith("absent   docker, for make image, make push: install 24.0") for line in lines)
    assert any(
        line.startswith(
            "absent   trivy, for make scan, make scan-repository, make sbom: 'trivy --version' names no version"
        )
        for line in lines
    )
    assert "absent   the check of commit messages: make hooks" in lines


def test_a_file_of_secrets_in_git_and_a_port_that_is_taken_are_seen(bench: Bench) -> None:
    equipped(bench)
    bench.tool("curl", Answer("--version", says=TOOLS["curl"]), Answer("*:9090/*"), SILENT)
    (bench.service / ".env").write_text("", encoding="utf-8")
    git(bench.service, "add", "-f", ".env")
    commit_all(bench.service, "feat: launch")

    done = bench.run("doctor")

    assert done.returncode == 1
    assert "git tracks it, with what is secret in it: git rm --cached .env" in done.stdout
    assert re.findall(r"(?m)^absent +port (\d+)", done.stdout) == ["9090"]


@pytest.mark.parametrize(
    ("answers", "registry", "status", "told"),
    [
        ([Answer("config *", says="eu-1\n")], "401", 0, "ok       cluster eu-1 answers"),
        (
            [Answer("config *", says="eu-1\n"), Answer("*readyz*", status=1)],
            "200",
            1,
            "cluster eu-1: it does not answer",
        ),
        ([Answer("config *", says="eu-10\n")], "200", 1, "context eu-1: it is not in"),
        ([Answer("config *", says="eu-1\n")], "000", 1, "registry r.example.com: it answered 000 on /v2/"),
    ],
)
def test_a_cluster_and_a_registry_are_asked_when_they_are_named(
    answers: list[Answer], registry: str, status: int, told: str, bench: Bench
) -> None:
    equipped(bench)
    bench.tool("kubectl", Answer("version *", says=TOOLS["kubectl"]), *answers)
    bench.tool("curl", Answer("--version", says=TOOLS["curl"]), Answer("*/v2/", says=registry), SILENT)

    done = bench.run("doctor", "-c", "eu-1", "-r", "r.example.com/team")

    assert done.returncode == status, done.stdout
    assert told in done.stdout


def test_nobody_is_asked_who_was_not_named(bench: Bench) -> None:
    equipped(bench)

    bench.run("doctor")

    assert bench.called("kubectl") == ["kubectl version --client"]
    assert not [one for one in bench.called("curl") if "/v2/" in one]


def test_every_tool_is_named_once_with_all_that_a_reader_needs(bench: Bench) -> None:
    rows = [
        line.split("|")
        for path in sorted((bench.service / "mk").glob("tools*.txt"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    ]

    assert all(len(row) == 6 and all(row) for row in rows)
    assert all(row[0] in {"must", "may", "lint"} and row[3].startswith(row[1]) for row in rows)
    assert len({row[1] for row in rows}) == len(rows)
    assert {row[1] for row in rows} == set(TOOLS)


def test_what_a_script_asks_for_is_what_the_doctor_looks_for(bench: Bench) -> None:
    asked = {
        tool
        for path in (bench.service / "bin").iterdir()
        for tool in re.findall(r"\bneed ([a-z_]+) \"", path.read_text(encoding="utf-8"))
    }

    assert asked - {"shasum", "syft"} <= set(TOOLS)  # where sha256sum and trivy are not
