"""Both pipelines of a service do what the stage model says, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import Answers, Render
from tests.generated.stage_model import MODEL, STEPS, gitlab_deviations, jenkins_deviations, taken

GITLAB, JENKINS = ".gitlab-ci.yml", "Jenkinsfile"
DEVIATIONS = [
    (GITLAB, r"make test-unit coverage", "make coverage test-unit", "unit: calls"),
    (GITLAB, r"make login scan sbom", "make login scan", "scan-image: calls"),
    (GITLAB, r"^  stage: security", "  stage: test", "sast: is in stage test"),
    (GITLAB, r"^  timeout: 30 minutes", "  timeout: 90 minutes", "timeout of 90 minutes"),
    (
        GITLAB,
        r"^\.on-main:\n  extends: \.job\n  rules:\n.*\n      when: never",
        ".on-main:\n  extends: .job\n  rules:",
        "on schedule it",
    ),
    (GITLAB, r"if: \$CI_DEPLOY_FREEZE \|\| \$CI_P", "if: $CI_P", "in a freeze"),
    (GITLAB, r' && \$CI_COMMIT_REF_PROTECTED == "true"\n      when', "\n      when", "not protected"),
    (GITLAB, r"^    name: staging\n    action", "    name: dev\n    action", "names the environment dev"),
    (
        GITLAB,
        r"^  extends: \[\.on-change, \.checks\]\n  before_script:\n.*\n",
        "  extends: [.on-change, .checks]\n",
        "needs hadolint",
    ),
    (GITLAB, r"^  extends: \[\.on-change, \.toolbox\]", "  extends: [.on-change, .checks]", "needs kubectl"),
    (
        GITLAB,
        r"needs: \[build-image, scan-image, sign-image\]",
        "needs: [build-image]",
        "deploy-staging: runs before s",
    ),
    (GITLAB, r"^      junit: .*\n", "", "keeps no report junit"),
    (GITLAB, r"^sast:", "gosec:", "sast is in one"),
    (GITLAB, r"\[lint, test,", "[lint, own, test,", "stages are"),
    (GITLAB, r"make plan ENVIRONMENT=staging REVIEW=1", "make plan ENVIRONMENT=staging", "plan staging for a review"),
    (GITLAB, r"make plan ENVIRONMENT=dev REVIEW=1", "make plan apply ENVIRONMENT=dev", "plan-dev: calls"),
    (GITLAB, r" && \$DEV_PLAN_ROLE_ARN", "", "runs without DEV_PLAN_ROLE_ARN"),
    (GITLAB, r"_ARN: \$STAGING_PLAN_ROLE_ARN", "_ARN: $PRODUCTION_PLAN_ROLE_ARN", "another role than STAGING"),
    (GITLAB, r"^      changes: \[infra/\*\*/\*\]\n", "", "does not look for changes of infra"),
    (GITLAB, r"build/plan-\*\.txt", "build/plan-*", "keeps ['build/ci-metrics/', 'build/plan-*']"),
    (GITLAB, r"^    access: developer\n", "", "keeps the plan for long, or for everybody"),
    (GITLAB, r"^      terraform: .*\n", "      junit: x.xml\n", "plan-dev: keeps no report terraform"),
    (JENKINS, r"ENVIRONMENT=dev REVIEW=1", "ENVIRONMENT=dev", "does not plan dev for a review"),
    (JENKINS, r"when \{ expression \{ env\.DEV_.*\n", "\n", "Plan dev: runs without DEV_PLAN_ROLE_ARN"),
    (JENKINS, r"\{env\.STAGING_PLAN", "{env.DEV_PLAN", "another role than STAGING_PLAN_ROLE_ARN"),
    (JENKINS, r"'Plan'\) \{\n.*\n", "'Plan') {\n", "Plan dev: runs on"),
    (JENKINS, r"'plan-identity'", "'registry'", "by the identity of the build"),
    (JENKINS, r"test-unit coverage", "test-unit", "Unit: calls"),
    (JENKINS, r"login scan sbom", "login scan", "Image: calls"),
    (JENKINS, r"stage\('Checkout'\)", "stage('Looking')", "Checkout is in one"),
    (JENKINS, r"'Commits'\) \{\n.*\n", "'Commits') {\n", "Commits: runs on"),
    (JENKINS, r"time: 30, unit", "time: 90, unit", "timeout of 90"),
    (JENKINS, r"deploy ENVIRONMENT=staging", "deploy ENVIRONMENT=dev", "does not deploy to staging"),
]


@pytest.mark.parametrize("answers", [{}, {"datastore": "none", "broker": "none"}], ids=["rich", "bare"])
def test_both_pipelines_do_what_the_stage_model_says(answers: Answers, services: Render) -> None:
    service = services(answers)

    deviations = [*gitlab_deviations(service), *jenkins_deviations(service)]

    assert deviations == []


@pytest.mark.parametrize(("path", "pattern", "text", "word"), DEVIATIONS, ids=[one[3] for one in DEVIATIONS])
def test_a_planted_deviation_is_named(path: str, pattern: str, text: str, word: str, own_copy: Render) -> None:
    service = own_copy()
    file = service / path
    changed, count = re.subn(pattern, lambda _: text, file.read_text(encoding="utf-8"), count=1, flags=re.MULTILINE)
    file.write_text(changed, encoding="utf-8")

    deviations = gitlab_deviations(service) if path == GITLAB else jenkins_deviations(service)

    assert count == 1
    assert any(word in one for one in deviations), deviations


def test_a_step_that_a_pipeline_leaves_out_says_why() -> None:
    silent = [
        step["do"] for step in STEPS if not ("because" in step or (taken(step, "gitlab") and taken(step, "jenkins")))
    ]

    assert silent == ["image"] * silent.count("image")


def test_the_toolbox_has_each_tool_that_the_model_says(services: Render) -> None:
    dockerfile = (services() / "ci/Containerfile").read_text(encoding="utf-8")

    absent = [tool for tool in MODEL["images"]["toolbox"]["carries"] if not re.search(rf"\b{tool}\b", dockerfile)]

    assert absent == []


def test_the_linters_of_the_pipeline_are_those_of_the_model(services: Render) -> None:
    service: Path = services()

    for file, tools in MODEL["images"]["checks"]["installs"].items():
        pinned = re.findall(r"^([a-z-]+?)(?:-bin|-py)?==", (service / file).read_text(encoding="utf-8"), re.MULTILINE)

        assert set(tools) <= set(pinned)
