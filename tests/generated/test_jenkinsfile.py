"""The Jenkinsfiles are Groovy by Groovy's own compiler, and do what the stage model says when they are run."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.conftest import ROOT, Render
from tests.generated.stage_model import AROUND, STEPS, taken

GROOVY = "4.0.28"
ROLES = {f"env.{step['given']}": f"arn:{step['plans']}" for step in STEPS if "given" in step}
HARNESS = ROOT / "tests/generated/jenkins/Harness.groovy"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def groovy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give Groovy's jar from Maven Central, of one version."""
    if shutil.which("mvn") is None or shutil.which("java") is None:
        pytest.skip("java and mvn are not installed: the Jenkinsfile is not parsed")
    folder = tmp_path_factory.mktemp("groovy")
    artifact = f"org.apache.groovy:groovy:{GROOVY}"
    command = ["mvn", "-q", "-B", "dependency:copy", f"-Dartifact={artifact}", f"-DoutputDirectory={folder}"]
    done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"Groovy {GROOVY} cannot be fetched here: {done.stdout.strip()[:200]}")
    return folder / f"groovy-{GROOVY}.jar"


@pytest.mark.parametrize(
    ("path", "pattern", "text", "parses"),
    [
        ("Jenkinsfile", "", "", True),
        ("Jenkinsfile", "stages {", "stages", False),
        ("Jenkinsfile", "'make clean'", "'make clean", False),
        ("ci/template-update.Jenkinsfile", "", "", True),
        ("ci/template-update.Jenkinsfile", "steps {", "steps", False),
    ],
    ids=["as generated", "a brace is missing", "a quote is missing", "the update as generated", "the update, broken"],
)
def test_groovy_parses_a_jenkinsfile_and_names_a_planted_defect(  # noqa: PLR0917  -- a table, and fixtures
    path: str, pattern: str, text: str, services: Render, groovy: Path, tmp_path: Path, *, parses: bool
) -> None:
    source = (services() / path).read_text(encoding="utf-8")
    (tmp_path / "Jenkinsfile.groovy").write_text(
        source.replace(pattern, text, 1) if pattern else source, encoding="utf-8"
    )
    compiler = ["java", "-cp", str(groovy), "org.codehaus.groovy.tools.FileSystemCompiler", "-d", "out"]

    done = subprocess.run([*compiler, "Jenkinsfile.groovy"], cwd=tmp_path, check=False, capture_output=True, text=True)

    assert (done.returncode == 0) is parses, done.stdout + done.stderr


class Event(NamedTuple):
    """Something that a pipeline did: in which stage, on which agent, with which credentials."""

    kind: str
    stage: str
    agent: str
    credentials: str
    text: str


def run(groovy: Path, jenkinsfile: Path, **scenario: str) -> tuple[list[Event], str]:
    """Run a Jenkinsfile in the harness and give what it did, and how it ended."""
    words = [f"{name}={value}" for name, value in scenario.items()]
    command = ["java", "-cp", str(groovy), "groovy.ui.GroovyMain", str(HARNESS), str(jenkinsfile), *words]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    *lines, end = done.stdout.splitlines()
    return [Event(*line.split("\t", 4)) for line in lines], end.removeprefix("END\t")


def commands(events: list[Event]) -> dict[str, list[str]]:
    """Give the make targets that each stage called, by its own name, without those around them."""
    made: dict[str, list[str]] = {}
    for event in events:
        if event.kind == "sh":
            words = [word for word in event.text.split()[1:] if re.fullmatch(r"[a-z][a-z0-9-]*", word)]
            name = event.stage.split("/")[-1]
            made.setdefault(name, []).extend(word for word in words if word not in AROUND)
    return {name: words for name, words in made.items() if words}


def of_model(event: str) -> dict[str, list[str]]:
    """Give the same from the stage model."""
    made: dict[str, list[str]] = {}
    for step in STEPS:
        name = taken(step, "jenkins")
        if name and event in step["on"] and step["do"] not in made.setdefault(name, []):
            made[name].append(step["do"])
    return made


@pytest.mark.parametrize(
    ("scenario", "event"),
    [({"branch": "main"}, "main"), ({"branch": "MR-7", "change": "7", **ROLES}, "merge-request")],
    ids=["main", "merge request"],
)
def test_what_runs_is_the_stage_model(scenario: dict[str, str], event: str, services: Render, groovy: Path) -> None:
    events, end = run(groovy, services() / "Jenkinsfile", **scenario)

    assert end == "success"
    assert commands(events) == of_model(event)


def test_a_branch_ships_nothing_and_nobody_is_asked(services: Render, groovy: Path) -> None:
    events, end = run(groovy, services() / "Jenkinsfile", branch="feature/x")

    assert end == "success"
    assert not {"push", "deploy", "sign", "commit-check"} & {
        word for words in commands(events).values() for word in words
    }
    assert not [event for event in events if event.kind in {"input", "stash"} or event.credentials != "-"]


def test_no_agent_is_held_while_the_approval_is_waited_for(services: Render, groovy: Path) -> None:
    events, _ = run(groovy, services() / "Jenkinsfile", branch="main")

    kinds = [event.kind for event in events]
    (asked,) = [event for event in events if event.kind == "input"]
    production = [place for place, event in enumerate(events) if "ENVIRONMENT=production" in event.text]
    assert (asked.stage, asked.agent) == ("Approve", "-")
    assert kinds.index("input") < kinds.index("unstash") < production[0]


def test_credentials_are_at_hand_only_where_they_are_needed(services: Render, groovy: Path) -> None:
    events, _ = run(groovy, services() / "Jenkinsfile", branch="main")

    given = {event.stage.split("/")[-1]: event.credentials for event in events if event.credentials != "-"}

    assert given == {
        "Publish": "registry",
        "Image": "registry",
        "Sign": "registry,signing-key,signing-password",
        "Deploy staging": "kubeconfig-staging",
        "Deploy production": "kubeconfig-production",
    }


def test_a_change_is_planned_where_a_role_is_given_and_by_the_identity_of_the_build(
    services: Render, groovy: Path
) -> None:
    scenario = {"branch": "MR-7", "change": "7", "env.STAGING_PLAN_ROLE_ARN": "arn:staging"}

    events, end = run(groovy, services() / "Jenkinsfile", **scenario)

    planning = [event for event in events if event.kind == "sh" and " plan " in event.text]
    assert end == "success"
    assert [(event.stage, event.credentials) for event in planning] == [("Change/Plan/Plan staging", "plan-identity")]
    assert {event.stage for event in events if event.credentials != "-"} == {"Change/Plan/Plan staging"}
    (kept,) = [event.text for event in events if event.kind == "archiveArtifacts"]
    assert "build/plan-*.txt" in kept
    assert "tfplan" not in kept


@pytest.mark.parametrize(
    ("scenario", "never"),
    [
        ({"fail": "lint-code"}, {"test-unit", "image", "deploy"}),
        ({"fail": "login scan"}, {"sign", "deploy"}),
        ({"fail": "make smoke"}, {"deploy-window"}),
        ({"reject": "yes"}, {"deploy-window"}),
        ({"fail": "deploy-window"}, set()),
    ],
    ids=["lint", "scan", "staging does not answer", "rejected", "the window is shut"],
)
def test_a_failure_stops_the_rest_and_its_reports_are_kept(
    scenario: dict[str, str], never: set[str], services: Render, groovy: Path
) -> None:
    events, end = run(groovy, services() / "Jenkinsfile", branch="main", **scenario)

    called = {word for words in commands(events).values() for word in words}
    after = [event for event in events if event.stage.endswith("post")]
    assert end != "success"
    assert not never & called
    assert [event.text for event in after if event.kind == "sh"][:1] == ["make ci-metrics"]
    assert {"junit", "archiveArtifacts"} <= {event.kind for event in after}
    assert any("make rollback" in event.text for event in after if event.kind == "echo")


def test_parallel_checks_all_report_when_one_fails(services: Render, groovy: Path) -> None:
    events, _ = run(groovy, services() / "Jenkinsfile", branch="main", fail="lint-code")

    assert {"Code", "Repository", "Contract"} <= set(commands(events))


@pytest.mark.parametrize(("status", "told"), [("0", "success"), ("3", "unstable"), ("4", "unstable"), ("1", "error")])
def test_the_update_of_the_template_tells_a_waiting_one_from_a_failed_one(
    status: str, told: str, services: Render, groovy: Path
) -> None:
    events, end = run(groovy, services() / "ci/template-update.Jenkinsfile", branch="main", status=status)

    assert [event.text for event in events if event.kind == "sh"] == ["bin/template-update -p"]
    assert told in {end, *(event.kind for event in events)}


def test_the_harness_names_a_step_that_does_not_exist(services: Render, groovy: Path, tmp_path: Path) -> None:
    text = (services() / "Jenkinsfile").read_text(encoding="utf-8")
    (tmp_path / "Jenkinsfile").write_text(text.replace("sh 'make clean'", "shell 'make clean'", 1), encoding="utf-8")

    with pytest.raises(AssertionError, match="shell"):
        run(groovy, tmp_path / "Jenkinsfile", branch="main")
