"""The scripts of a service, with fakes of the tools that would change the world."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Render, commit_all, git
from tests.generated.fakes import part_of

Fake = Callable[[str, str], None]
CHOICES = [
    {"datastore": "mongodb", "broker": "kafka", "ci": "both"},
    {"datastore": "postgresql", "broker": "none", "ci": "gitlab", "monitoring": "datadog"},
    {"datastore": "none", "broker": "none", "ci": "jenkins", "rollout": "canary"},
]
RECORD = 'printf \'%s\\n\' "$(basename "$0") $*" >>"$CALLS"\n'
GOOD_MESSAGES = [
    "feat: launch orders\n\nRefs: PLAT-1",
    "fix(api)!: refuse a broken cursor\n\nA longer text.\n\nRefs: PLAT-12",
    f"docs: {'x' * 73}\n\nRefs: PLAT-9",
]
BAD_MESSAGES = [
    ("launch orders\n\nRefs: PLAT-1", "type(scope): subject"),
    ("feat:\n\nRefs: PLAT-1", "type(scope): subject"),
    ("wonder: orders\n\nRefs: PLAT-1", "type(scope): subject"),
    (f"docs: {'x' * 74}\n\nRefs: PLAT-1", "79 characters"),
    ("feat: launch orders", "ticket reference"),
    ("feat: launch orders\n\nRefs: OTHER-1", "ticket reference"),
    ("feat: launch orders\n\nRefs: PLAT-1\n\nand more", "ticket reference"),
]


class Shell:
    """Runs scripts of a service with fakes first on PATH."""

    def __init__(self, service: Path, place: Path) -> None:
        self.service = service
        self.fakes = place / "fakes"
        self.calls = place / "calls"
        self.fakes.mkdir()
        self.calls.write_text("", encoding="utf-8")

    def fake(self, name: str, body: str = RECORD) -> None:
        """Put a fake tool on PATH."""
        path = self.fakes / name
        path.write_text(f"#!/bin/sh\n{body}", encoding="utf-8")
        path.chmod(0o755)

    def run(self, script: str, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a script of the service."""
        path = os.pathsep.join([str(self.fakes), os.environ["PATH"]])
        return subprocess.run(
            [self.service / "bin" / script, *words],
            cwd=self.service,
            check=False,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "PATH": path, "CALLS": str(self.calls), **environment},
        )

    def called(self) -> list[str]:
        """Give the calls that fakes recorded."""
        return self.calls.read_text(encoding="utf-8").splitlines()


@pytest.fixture
def shell(own_copy: Render, tmp_path: Path) -> Shell:
    """Give a shell in a default service."""
    return Shell(own_copy(), tmp_path)


def scripts(service: Path) -> list[Path]:
    """Give the scripts of a service, without what they share."""
    return sorted(path for path in (service / "bin").iterdir() if path.suffix != ".sh")


def known(script: Path) -> dict[str, bool]:
    """Give the options that getopts of a script knows, and whether they take a value."""
    found = re.search(r"^ *while getopts '?:?([a-zA-Z:]+)'? name", script.read_text(encoding="utf-8"), re.MULTILINE)
    assert found, f"{script.name} has no getopts"
    return {one[0]: one.endswith(":") for one in re.findall("[a-zA-Z]:?", found[1])}


@pytest.mark.parametrize("answers", CHOICES, ids=lambda answers: answers["datastore"])
def test_every_script_explains_itself_and_each_of_its_options(answers: dict[str, str], services: Render) -> None:
    for script in scripts(services(answers)):
        done = subprocess.run([script, "-h"], check=False, capture_output=True, text=True)

        options = known(script)
        told = re.findall(r"^ +-([a-zA-Z])( [A-Z][A-Z=_]*)? {2,}\S", done.stdout, re.MULTILINE)
        usage = re.search(r"^usage: (.*(?:\n {7,}.*)*)", done.stdout, re.MULTILINE)
        assert (done.returncode, done.stderr) == (0, ""), script
        assert usage, script
        assert usage[1].split()[0] == f"bin/{script.name}"
        assert {name: bool(value) for name, value in told} == options, script
        in_usage = set(re.findall(r"(?<![\w-])-([a-zA-Z])\b", usage[1]))
        assert in_usage == set(options) - {"h"}, script
        assert max(map(len, done.stdout.splitlines())) <= 100, script


@pytest.mark.parametrize("answers", CHOICES, ids=lambda answers: answers["datastore"])
def test_every_script_refuses_what_it_does_not_know_with_2_and_one_line(
    answers: dict[str, str], services: Render
) -> None:
    for script in scripts(services(answers)):
        wrong = {"-Z": "-Z is not an option"}
        wrong |= {f"-{name}": f"-{name} needs a value" for name, value in known(script).items() if value}
        for word, told in wrong.items():
            done = subprocess.run([script, word], check=False, capture_output=True, text=True)

            assert (done.returncode, done.stdout) == (2, ""), (script, word)
            assert done.stderr == f"{script.name}: {told} (-h for help)\n"


@pytest.mark.parametrize("answers", CHOICES, ids=lambda answers: answers["datastore"])
def test_every_script_is_called_by_a_target_a_hook_or_a_page(answers: dict[str, str], services: Render) -> None:
    service = services(answers)
    callers = [*(service / "mk").iterdir(), *(service / ".githooks").iterdir(), *(service / "docs").rglob("*.md")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in callers)

    uncalled = [script.name for script in scripts(service) if not re.search(rf"\bbin/{script.name}\b", text)]

    assert uncalled == []


@pytest.mark.parametrize("answers", CHOICES, ids=lambda answers: answers["datastore"])
def test_every_script_names_its_cluster_and_asks_before_production(answers: dict[str, str], services: Render) -> None:
    for script in (services(answers) / "bin").iterdir():
        text = script.read_text(encoding="utf-8")
        code = [line.strip() for line in text.splitlines() if not line.lstrip().startswith("#")]
        outside = [re.sub(r'"[^"]*"|\'[^\']*\'', "''", line) for line in code]
        reached = [line for line in outside if re.search(r"(?<!need )(?<!command -v )\bkubectl\b", line)]

        loose = [line for line in reached if not re.search("kubectl (--context|config get-contexts|kustomize)", line)]
        assert [line for line in loose if "render=" not in line] == [], script
        if script.suffix != ".sh" and known(script).get("y") is False:
            assert re.search(r"\bconfirm\b", text), script


@pytest.mark.parametrize(
    ("script", "words", "told"),
    [
        ("smoke", ["-u", "localhost"], "does not begin with"),
        ("feature", [], "-t is missing"),
        ("feature", ["-t", "plat-1"], "ticket 'plat-1'"),
        ("feature", ["-t", "PLAT-2", "-d", "2026-01-01"], "day '2026-01-01'"),
        ("commit-check", [], "say -r RANGE or -f FILE"),
        ("manifests", ["-e", "qa"], "environment 'qa'"),
        ("fault-drill", ["-f", "101"], "-f '101' is not from 0 to 100"),
        ("fault-drill", ["-n", "1x"], "-n '1x' is no whole number"),
        ("fault-drill", ["-p", "0"], "-p '0' is not from 1 to 100"),
        ("fault-drill", [], "STORE is memory"),
        ("load", ["-u", "orders"], "url 'orders'"),
        ("load", ["-u", "http://127.0.0.1@example.com"], "more than scheme, host, port and path"),
        ("load", ["-r", "0"], "-r '0' is not from 1 to 100000"),
        ("load", ["-d", "30"], "-d '30' is no duration"),
        ("load", ["-d", "xs"], "-d 'x' is no whole number"),
        ("load", ["-w", "101"], "-w '101' is not from 0 to 100"),
        ("load", ["-l", "0"], "-l '0' is not from 1 to 60000"),
        ("load", ["-f", "1.2.3"], "-f '1.2.3' is no percentage"),
        ("load", ["-u", "https://orders.example.com"], "-e is missing"),
        ("load", ["-u", "https://127.0.0.1.example.com"], "-e is missing"),
        ("load", ["-u", "https://orders.prod.example.com", "-e", "staging"], "sounds like production"),
        ("load", ["-u", "https://orders.example.com", "-e", "production", "-y", "-w", "1"], "invented orders"),
    ],
)
def test_a_wrong_input_ends_with_2_and_says_why(script: str, words: list[str], told: str, shell: Shell) -> None:
    done = shell.run(script, *words)

    assert done.returncode == 2
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_smoke_test_fails_on_another_status(shell: Shell) -> None:
    shell.fake("curl", RECORD + "echo 500\n")

    done = shell.run("smoke", "-u", "http://127.0.0.1:1")

    assert done.returncode == 1
    assert "answered 500, not 200" in done.stderr


def test_the_token_of_a_smoke_test_is_in_no_argument(shell: Shell) -> None:
    shell.fake(
        "curl",
        RECORD + 'cat >"$CALLS.input"\ncase "$*" in *limit=1) echo 200 ;; *0000) echo 404 ;; *) echo 400 ;; esac\n',
    )

    done = shell.run("smoke", "-u", "http://127.0.0.1:1", SMOKE_TOKEN="hidden-word")  # noqa: S106  -- no password

    assert done.returncode == 0, done.stderr
    assert len(shell.called()) == 4
    assert "hidden-word" not in "".join(shell.called()) + done.stdout + done.stderr
    config = shell.calls.with_name("calls.input").read_text(encoding="utf-8")
    assert config == 'header = "Authorization: Bearer hidden-word"'


@pytest.mark.parametrize(("token", "code"), [("", 0), ("refused", 1)])
def test_a_service_that_asks_for_tokens_passes_without_one_and_fails_with_a_wrong_one(
    shell: Shell, token: str, code: int
) -> None:
    shell.fake("curl", RECORD + "echo 401\n")

    done = shell.run("smoke", "-u", "http://127.0.0.1:1", SMOKE_TOKEN=token)

    assert done.returncode == code
    assert ("set SMOKE_TOKEN" in done.stdout) is (code == 0)


def test_a_feature_opens_two_files_that_pass_the_check(shell: Shell) -> None:
    opened = shell.run("feature", "-t", "PLAT-2", "-s", "Refunds", "-d", "22112026")

    checked = shell.run("features-check")
    again = shell.run("feature", "-t", "PLAT-2", "-d", "22112026")

    assert opened.stdout.split() == [
        "features_summaries/PLAT-2_22112026_summarization.md",
        "features_summaries/PLAT-2-22112026_llm_context.md",
    ]
    assert (checked.returncode, checked.stderr) == (0, "")
    assert again.returncode == 1
    assert "there already" in again.stderr


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("notes.md", "x", "named neither"),
        ("PLAT-2_31022026_summarization.md", "x", "is no day"),
        ("PLAT-2_22112026_summarization.md", "## Overview\n", "no section 'Breaking Changes'"),
        ("PLAT-2_22112026_summarization.md", "```\n", "code fence"),
        ("PLAT-2_22112026_summarization.md", "x\n" * 201, "more than 200 lines"),
        ("PLAT-2_22112026_summarization.md", "x\n", "no context file"),
        ("PLAT-2-22112026_llm_context.md", "x" * 9000, "more than 8192 bytes"),
    ],
)
def test_a_bad_summary_is_named_with_its_rule(name: str, text: str, told: str, shell: Shell) -> None:
    (shell.service / "features_summaries" / name).write_text(text, encoding="utf-8")

    done = shell.run("features-check")

    assert done.returncode == 1
    assert told in done.stderr


def test_a_todo_needs_a_ticket(shell: Shell) -> None:
    (shell.service / "a.go").write_text("package a\n\n// TODO later\n// TODO(PLAT-3): now\n", encoding="utf-8")
    git(shell.service, "init", "-q")
    commit_all(shell.service, "x")

    done = shell.run("features-check")

    assert done.returncode == 1
    assert "a.go:3" in done.stderr
    assert "a.go:4" not in done.stderr


@pytest.mark.parametrize("message", GOOD_MESSAGES)
def test_a_good_commit_message_passes(message: str, shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "message").write_text(message, encoding="utf-8")

    done = shell.run("commit-check", "-f", str(tmp_path / "message"))

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(("message", "told"), BAD_MESSAGES)
def test_a_bad_commit_message_is_refused_with_its_rule(message: str, told: str, shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "message").write_text(message, encoding="utf-8")

    done = shell.run("commit-check", "-f", str(tmp_path / "message"))

    assert done.returncode == 1
    assert told in done.stderr


def test_the_hook_refuses_a_commit_whose_message_breaks_a_rule(shell: Shell) -> None:
    git(shell.service, "init", "-q", "-b", "main")
    git(shell.service, "config", "core.hooksPath", ".githooks")
    git(shell.service, "add", "-A")

    bad = subprocess.run(
        ["git", "commit", "-qm", "launch"], cwd=shell.service, check=False, capture_output=True, text=True
    )
    good = subprocess.run(
        ["git", "commit", "-qm", "feat: launch", "-m", "Refs: PLAT-1"],
        cwd=shell.service,
        check=False,
        capture_output=True,
        text=True,
    )

    assert bad.returncode != 0
    assert "type(scope): subject" in bad.stderr
    assert good.returncode == 0, good.stderr


def test_the_commits_of_a_range_are_checked_one_by_one(shell: Shell) -> None:
    git(shell.service, "init", "-q", "-b", "main")
    commit_all(shell.service, "feat: one\n\nRefs: PLAT-1")
    (shell.service / "a").write_text("a", encoding="utf-8")
    commit_all(shell.service, "two")

    done = shell.run("commit-check", "-r", "HEAD~1..HEAD")

    assert done.returncode == 1
    assert git(shell.service, "rev-parse", "HEAD") in done.stderr


def test_verify_fetches_the_checks_of_the_version_the_service_was_made_from(shell: Shell, address: str) -> None:
    shell.fake("uv")

    done = shell.run("verify")

    assert done.returncode == 0, done.stderr
    assert shell.called() == [f"uv tool run --quiet --from slipway @ git+{address}@v0.1.0 slipway check ."]


def test_verify_says_what_is_missing(shell: Shell) -> None:
    (shell.service / ".copier-answers.yml").unlink()

    done = shell.run("verify")

    assert done.returncode == 1
    assert "knows no template" in done.stderr


def test_a_missing_variable_is_explained_by_make(shell: Shell) -> None:
    done = subprocess.run(["make", "deploy"], cwd=shell.service, check=False, capture_output=True, text=True)

    assert done.returncode == 2
    told = "ENVIRONMENT is not set; say: make deploy ENVIRONMENT=VALUE, where VALUE is dev or staging or production"
    assert told in done.stderr


@pytest.mark.skipif(
    shutil.which("go", path="/usr/bin:/bin") is not None, reason="Go stands beside make on this machine"
)
def test_a_missing_compiler_is_named_with_the_way_out(shell: Shell) -> None:
    bare = {**os.environ, "PATH": "/usr/bin:/bin"}

    done = subprocess.run(["make", "build"], cwd=shell.service, check=False, capture_output=True, text=True, env=bare)

    assert done.returncode == 2
    assert "go is not installed; this service needs Go" in done.stderr


@pytest.mark.parametrize(
    ("words", "called"),
    [
        (["deploy", "ENVIRONMENT=dev", "CONTEXT=c"], "bin/deploy -e 'dev' -c 'c' -i 'r/a@sha256:1'"),
        (
            ["deploy", "ENVIRONMENT=dev", "CONTEXT=c", "IMAGE=r/a:2", "YES=1"],
            "bin/deploy -e 'dev' -c 'c' -i 'r/a:2' -y",
        ),
        (["rollback", "ENVIRONMENT=dev", "CONTEXT=c", "YES=0"], "bin/rollback -e 'dev' -c 'c'"),
        (["rollback", "ENVIRONMENT=dev", "CONTEXT=c", "REVISION=4"], "bin/rollback -e 'dev' -c 'c' -t '4'"),
        (["promote", "ENVIRONMENT=production"], "bin/promote -e 'production'"),
        (
            ["promote", "ENVIRONMENT=staging", "FROM=dev", "TICKET=PLAT-2"],
            "bin/promote -e 'staging' -f 'dev' -C 'PLAT-2'",
        ),
        (["promote", "ENVIRONMENT=dev", "IMAGE=r/a@sha256:3"], "bin/promote -e 'dev' -i 'r/a@sha256:3'"),
        (["doctor", "CONTEXT=c", "REGISTRY=r"], "bin/doctor -c 'c' -r 'r'"),
        (["start"], "bin/run"),
    ],
)
def test_a_target_hands_on_what_was_typed_and_what_was_pushed(
    words: list[str], called: str, services: Render, tmp_path: Path
) -> None:
    service = part_of(services(), tmp_path / "service", "mk", "Makefile")
    (service / "build").mkdir()
    (service / "build/image.txt").write_text("r/a@sha256:1\n", encoding="utf-8")

    done = subprocess.run(
        ["make", "-n", "--no-print-directory", *words], cwd=service, check=False, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stderr
    assert " ".join(done.stdout.splitlines()[-1].replace('"', "'").split()) == called
