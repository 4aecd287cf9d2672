"""What scripts do when they are interrupted, asked or called in an odd place, seen through fakes."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.conftest import Render, git
from tests.generated.test_scripts import RECORD, Shell

RENDERED = """apiVersion: v1
kind: ServiceAccount
metadata:
  name: orders-service-migrate
---
apiVersion: batch/v1
kind: Job
metadata:
  annotations:
    name: not-this
  name: orders-service-migrate
spec: {image: x}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: orders-service-api
spec:
  image: service:unset
"""
KUBECTL = (
    RECORD + 'case "$*" in\n"config get-contexts -o name") echo eu-1 ;;\n'
    'kustomize*) cat "$RENDERED" ;;\n'
    '*"get deployments"*) echo deployment.apps/orders-service-api ;;\n'
    "esac\n"
)
DEPLOY = ("-e", "dev", "-c", "eu-1", "-i", "r/orders:1")


@pytest.fixture
def shell(own_copy: Render, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """Give a shell in a default service, with a cluster that renders a job and a deployment."""
    made = Shell(own_copy(), tmp_path)
    made.fake("kubectl", KUBECTL)
    (tmp_path / "rendered").write_text(RENDERED, encoding="utf-8")
    monkeypatch.setenv("RENDERED", str(tmp_path / "rendered"))
    monkeypatch.setenv("APPLIED", str(tmp_path / "applied"))
    return made


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_deploy_leaves_nothing_behind(number: signal.Signals, shell: Shell, tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    shell.fake("kubectl", KUBECTL + 'case "$*" in *apply*) : >"$APPLIED.started"; sleep 2 ;; esac\n')
    environment = {
        **os.environ,
        "PATH": f"{shell.fakes}{os.pathsep}{os.environ['PATH']}",
        "CALLS": str(shell.calls),
        "TMPDIR": str(temporary),
    }
    with subprocess.Popen(
        ["bin/deploy", *DEPLOY], cwd=shell.service, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        deadline = time.monotonic() + 20
        while not (tmp_path / "applied.started").exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)

        process.send_signal(number)
        process.communicate(timeout=20)

    assert process.returncode == 128 + number
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(
    ("answer", "agreed"), [("1", True), ("true", True), ("false", False), ("0", False), ("", False)]
)
def test_only_a_yes_skips_the_question_before_production(answer: str, agreed: bool, shell: Shell) -> None:  # noqa: FBT001
    words = ["make", "-n", "deploy", "ENVIRONMENT=production", "CONTEXT=eu-1", f"YES={answer}"]

    done = subprocess.run(words, cwd=shell.service, check=True, capture_output=True, text=True)

    assert done.stdout.rstrip().endswith("-y") is agreed


def test_a_title_reaches_the_summary_as_it_was_typed(shell: Shell) -> None:
    title = 'it\'s "odd" `touch pwned` $$(touch pwned)'

    done = subprocess.run(
        ["make", "feature", "TICKET=PLAT-2", f"TITLE={title}"],
        cwd=shell.service,
        check=False,
        capture_output=True,
        text=True,
    )

    summary = shell.service / done.stdout.split()[0]
    assert summary.read_text(encoding="utf-8").startswith(f"# PLAT-2: {title.replace('$$', '$')}\n")
    assert not (shell.service / "pwned").exists()


def test_a_day_that_does_not_exist_opens_no_feature(shell: Shell) -> None:
    done = shell.run("feature", "-t", "PLAT-2", "-d", "31022026")

    assert done.returncode == 2
    assert "day '31022026' does not exist" in done.stderr
    assert not list((shell.service / "features_summaries").glob("PLAT-2*"))


@pytest.mark.parametrize("image", ["localhost:5000/orders", "orders"])
def test_the_port_of_a_registry_is_no_tag(image: str, shell: Shell) -> None:
    shell.fake("docker")

    done = shell.run("image", "-i", image)

    assert done.returncode == 2
    assert f"image '{image}' has no tag" in done.stderr
    assert shell.called() == []


@pytest.mark.parametrize(
    ("source", "commit", "asked"),
    [
        ("gh:acme/slipway", "v1.2.0", "git+https://github.com/acme/slipway@v1.2.0"),
        ("https://git.example.com/a/b.git", "'1234567'", "git+https://git.example.com/a/b.git@1234567"),
        ("git+https://git.example.com/a/b", "v1.2.0-3-gabc1234", "git+https://git.example.com/a/b@abc1234"),
        ("git@git.example.com:a/b.git", "v1.2.0", "git+ssh://git@git.example.com/a/b.git@v1.2.0"),
        ("/srv/slipway", "v1.2.0", "git+file:///srv/slipway@v1.2.0"),
    ],
)
def test_verify_understands_every_form_of_address(source: str, commit: str, asked: str, shell: Shell) -> None:
    (shell.service / ".copier-answers.yml").write_text(f"_commit: {commit}\n_src_path: {source}\n", encoding="utf-8")
    shell.fake("uv")

    done = shell.run("verify")

    assert done.returncode == 0, done.stderr
    assert shell.called() == [f"uv tool run --quiet --from slipway @ {asked} slipway check ."]


def test_a_repository_without_a_commit_has_one_word_for_its_revision(shell: Shell) -> None:
    git(shell.service, "init", "-q")

    done = subprocess.run(["make", "-n", "build"], cwd=shell.service, check=True, capture_output=True, text=True)

    assert "main.revision=unknown'" in done.stdout


def test_help_lists_every_target_once_and_colours_only_a_terminal(shell: Shell) -> None:
    plain = subprocess.run(["make"], cwd=shell.service, check=True, capture_output=True, text=True).stdout
    leader, follower = pty.openpty()
    environment = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    subprocess.run(["make"], cwd=shell.service, check=True, stdout=follower, env=environment)
    coloured = os.read(leader, 65536)
    os.close(leader)
    os.close(follower)

    targets = [line.split()[0] for line in plain.splitlines() if line.startswith("  ")]
    assert len(targets) == len(set(targets))
    assert {"test-e2e", "run", "clean", "deploy"} <= set(targets)
    assert "\033" not in plain
    assert b"\033[36m" in coloured
