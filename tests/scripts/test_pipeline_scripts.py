"""What pipelines run beside the build: bin/ci-metrics, bin/deploy-window and bin/name-release."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tests.conftest import Render, commit_all, git
from tests.generated.test_scripts import RECORD, Shell

SCRIPTS = ["ci-metrics", "deploy-window", "name-release"]
DEPLOYED = {"CI_METRICS_DEPLOYS": "production", "CI_JOB_NAME": "deploy-production"}
ASKED = {"CI_METRICS_VERIFIES": "production", "CI_JOB_NAME": "production-answers"}
WENT_BACK = {"CI_METRICS_ROLLS_BACK": "production", "CI_JOB_NAME": "rollback-production"}
IMAGE = "registry.example.com:5000/team/orders-service:4f2a9c1"


@pytest.fixture
def shell(own_copy: Render, tmp_path: Path) -> Shell:
    """Give a shell in a default service with one commit and an origin, where no CI runs."""
    made = Shell(own_copy(), tmp_path)
    git(made.service, "init", "-q", "-b", "main")
    commit_all(made.service, "feat: launch orders")
    git(tmp_path, "init", "-q", "--bare", "-b", "main", "origin.git")
    git(made.service, "remote", "add", "origin", str(tmp_path / "origin.git"))
    git(made.service, "push", "-q", "origin", "main")
    return made


def at(seconds: int) -> str:
    """Say when a job began, that many seconds ago, as GitLab says it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - seconds))


def gitlab(shell: Shell, status: str = "success", **more: str) -> dict[str, float]:
    """Measure a job of GitLab and give the samples."""
    given = {
        "CI_JOB_NAME": "unit",
        "CI_JOB_STAGE": "test",
        "CI_JOB_STATUS": status,
        "CI_JOB_STARTED_AT": at(90),
        **more,
    }
    done = shell.run("ci-metrics", **given)
    assert done.returncode == 0, done.stderr
    return samples(shell)


def samples(shell: Shell) -> dict[str, float]:
    """Give the samples, read by the parser of OpenMetrics: by name, and by name and step where there is one."""
    text = (shell.service / "build/ci-metrics/metrics.txt").read_text(encoding="utf-8")
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(text):  # type: ignore[no-untyped-call]
        for sample in family.samples:
            step = sample.labels.get("step")
            found[f"{sample.name}/{step}" if step else sample.name] = sample.value
    return found


def event(shell: Shell, ago: int, kind: str, result: str, lead: str = "60") -> None:
    """Put an event into the notes of origin, as a pipeline before did."""
    commit = git(shell.service, "rev-parse", "HEAD")
    line = f"{int(time.time()) - ago} production {kind} {result} {lead} {commit}"
    git(shell.service, "notes", "--ref=deployments", "append", "-m", line)
    git(shell.service, "push", "-q", "origin", "refs/notes/deployments")


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_and_wrong_options_are_answered(script: str, shell: Shell) -> None:
    told, refused = shell.run(script, "-h"), shell.run(script, "-Z")

    assert (told.returncode, refused.returncode) == (0, 2)
    assert f"usage: bin/{script}" in told.stdout
    assert refused.stderr == f"{script}: -Z is not an option (-h for help)\n"


@pytest.mark.parametrize(
    ("script", "words", "more", "told"),
    [
        ("ci-metrics", ["-d", "0"], {}, "-d '0' is not from 1 to 3650"),
        ("ci-metrics", ["-e"], {"STAGE_NAME": "Unit"}, "'Unit' has not begun"),
        ("ci-metrics", [], {"CI_METRICS_DEPLOYS": "live"}, "environment 'live'"),
        ("ci-metrics", [], {"CI_JOB_NAME": "unit", "CI_JOB_STARTED_AT": "yesterday"}, "'yesterday' is no time"),
        ("ci-metrics", [], {"CI_METRICS_PUSH_URL": "ftp://a"}, "does not begin with http"),
        ("deploy-window", ["-t", "8 10:00"], {}, "-t '8 10:00'"),
        ("deploy-window", ["-t", "5 10:00"], {"DEPLOY_ANYWAY": "please"}, "DEPLOY_ANYWAY 'please' is not a ticket"),
        ("name-release", ["-t", "v1.2.3"], {}, "-i is missing"),
        ("name-release", ["-i", "orders", "-t", "v1.2.3"], {}, "image 'orders'"),
        ("name-release", ["-i", IMAGE, "-t", "latest"], {}, "tag 'latest' is not a release"),
        ("name-release", ["-i", IMAGE, "-t", "v01.2.3"], {}, "tag 'v01.2.3' is not a release"),
    ],
)
def test_wrong_input_ends_with_2_and_one_line(
    script: str, words: list[str], more: dict[str, str], told: str, shell: Shell
) -> None:
    done = shell.run(script, *words, **more)

    assert done.returncode == 2
    assert told in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(("status", "success"), [("success", 1), ("failed", 0), ("canceled", 0)])
def test_a_job_of_gitlab_is_measured(status: str, success: int, shell: Shell) -> None:
    found = gitlab(shell, status)

    assert found["ci_stage_success/unit"] == success
    assert 90 <= found["ci_stage_duration_seconds/unit"] < 120
    assert set(found) == {"ci_stage_success/unit", "ci_stage_duration_seconds/unit"}


def test_a_stage_of_jenkins_that_never_says_it_ended_has_failed(shell: Shell) -> None:
    for words, stage in [("-b", "Unit"), ("-e", "Unit"), ("-b", "Security scan")]:
        assert shell.run("ci-metrics", words, STAGE_NAME=stage).returncode == 0

    done = shell.run("ci-metrics")

    assert done.returncode == 0
    assert samples(shell)["ci_stage_success/Unit"] == 1
    assert samples(shell)["ci_stage_success/Security-scan"] == 0


def test_one_deployment_tells_its_lead_time_and_claims_no_history(shell: Shell) -> None:
    found = gitlab(shell, **DEPLOYED)

    assert 0 <= found["ci_lead_time_seconds"] < 600
    assert "ci_deployments_per_day" not in found
    assert git(shell.service, "for-each-ref", "refs/notes") == ""


def test_lead_time_is_the_median_of_the_commits_that_a_deployment_brings(shell: Shell) -> None:
    event(shell, 5000, "deploy", "success")
    for age in (4000, 1000, 900):
        when = f"{int(time.time()) - age} +0000"
        shell.fake("commit", f'GIT_COMMITTER_DATE="{when}" git commit -q --allow-empty --no-verify -m x\n')
        shell.run("../../fakes/commit")

    gitlab(shell, CI_METRICS_NOTES="push", **DEPLOYED)

    newest = git(shell.service, "notes", "--ref=deployments", "show", "HEAD").split()
    assert 1000 <= int(newest[4]) < 1100


def test_deployments_are_kept_in_origin_and_counted(shell: Shell) -> None:
    event(shell, 40 * 86400, "deploy", "success")
    event(shell, 5 * 86400, "deploy", "success", "300")
    event(shell, 4 * 86400, "deploy", "success", "100")

    found = gitlab(shell, CI_METRICS_NOTES="push", **DEPLOYED)

    kept = git(shell.service.parent / "origin.git", "notes", "--ref=deployments", "show", "main")
    assert kept.count("deploy success") == 4
    assert found["ci_deployments"] == 3
    assert found["ci_deployments_per_day"] == pytest.approx(3 / 28, abs=1e-4)
    assert found["ci_change_failure_ratio"] == 0
    assert found["ci_lead_time_seconds"] == 100
    assert "ci_time_to_restore_seconds" not in found


@pytest.mark.parametrize(
    ("events", "last", "ratio", "restored"),
    [
        ([(600, "deploy", "failed")], DEPLOYED, 0.5, 600),
        ([(600, "deploy", "success"), (500, "verify", "failed")], WENT_BACK, 1, 500),
        ([(600, "deploy", "success"), (500, "verify", "success")], WENT_BACK, 1, 600),
        ([(900, "deploy", "failed"), (600, "deploy", "failed")], DEPLOYED, 2 / 3, 900),
        ([(600, "deploy", "success")], {**ASKED, "CI_JOB_STATUS": "failed"}, 1, None),
    ],
    ids=["mended by the next", "rolled back after no answer", "rolled back by eye", "failed twice", "still down"],
)
def test_failures_and_recovery_follow_from_the_events(
    events: list[tuple[int, str, str]], last: dict[str, str], ratio: float, restored: int | None, shell: Shell
) -> None:
    for ago, kind, result in events:
        event(shell, ago, kind, result)

    found = gitlab(shell, CI_METRICS_NOTES="push", **last)

    assert found["ci_change_failure_ratio"] == pytest.approx(ratio, abs=1e-4)
    assert ("ci_time_to_restore_seconds" in found) is (restored is not None)
    assert found.get("ci_time_to_restore_seconds", restored or 0) == pytest.approx(restored or 0, abs=30)


def test_two_pipelines_that_keep_a_deployment_at_once_lose_none(shell: Shell, tmp_path: Path) -> None:
    event(shell, 900, "deploy", "success")
    git(tmp_path, "clone", "-q", "origin.git", "other")
    (tmp_path / "place").mkdir()
    other = Shell(tmp_path / "other", tmp_path / "place")
    gitlab(other, CI_METRICS_NOTES="push", **DEPLOYED)

    found = gitlab(shell, CI_METRICS_NOTES="push", **{**DEPLOYED, "CI_JOB_STATUS": "failed"})

    assert found["ci_deployments"] == 2
    assert found["ci_change_failure_ratio"] == pytest.approx(1 / 3, abs=1e-4)


def test_an_origin_that_takes_no_notes_is_said_and_fails_nothing(shell: Shell, tmp_path: Path) -> None:
    hook = tmp_path / "origin.git/hooks/pre-receive"
    hook.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    hook.chmod(0o755)

    done = shell.run(
        "ci-metrics", CI_METRICS_NOTES="push", CI_JOB_STARTED_AT=at(5), CI_JOB_STATUS="success", **DEPLOYED
    )

    assert done.returncode == 0
    assert "cannot be kept in refs/notes/deployments" in done.stderr


@pytest.mark.parametrize("works", [True, False])
def test_metrics_are_sent_when_a_gateway_is_named(works: bool, shell: Shell) -> None:  # noqa: FBT001  -- a case
    shell.fake("curl", RECORD + ("" if works else "exit 22\n"))

    gitlab(shell, CI_METRICS_PUSH_URL="https://push.example.com/")

    (call,) = shell.called()
    assert call.endswith("https://push.example.com/metrics/job/ci/service/orders-service/part/unit")


@pytest.mark.parametrize(
    ("when", "more", "status", "told"),
    [
        ("5 11:59", {}, 0, "is open"),
        ("5 12:00", {}, 1, "Friday afternoon"),
        ("6 10:00", {}, 1, "the weekend"),
        ("7 23:59", {}, 1, "the weekend"),
        ("1 05:59", {}, 1, "Monday before six"),
        ("1 06:00", {}, 0, "is open"),
        ("3 09:08", {}, 0, "is open"),
        ("3 10:00", {"DEPLOY_FREEZE": "year end"}, 1, "there is a freeze: year end"),
        ("6 10:00", {"DEPLOY_ANYWAY": "PLAT-7"}, 0, "PLAT-7 opens it: it is the weekend"),
        ("3 10:00", {"DEPLOY_FREEZE": "year end", "DEPLOY_ANYWAY": "PLAT-7"}, 0, "PLAT-7 opens it: there is a freeze"),
    ],
)
def test_the_window_is_shut_when_nobody_watches(
    when: str, more: dict[str, str], status: int, told: str, shell: Shell
) -> None:
    done = shell.run("deploy-window", "-t", when, **more)

    assert done.returncode == status
    assert told in done.stdout + done.stderr


def test_a_release_names_the_image_that_main_built(shell: Shell) -> None:
    shell.fake("crane")

    done = shell.run("name-release", "-i", IMAGE, "-t", "v1.2.3")

    assert done.returncode == 0
    assert shell.called() == [f"crane digest {IMAGE}", f"crane tag {IMAGE} v1.2.3"]


def test_a_release_of_a_commit_without_an_image_is_refused(shell: Shell) -> None:
    shell.fake("crane", RECORD + "exit 1\n")

    done = shell.run("name-release", "-i", IMAGE, "-t", "v1.2.3")

    assert done.returncode == 1
    assert f"there is no image {IMAGE}" in done.stderr
    assert shell.called() == [f"crane digest {IMAGE}"]
