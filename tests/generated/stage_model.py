"""Reads the stage model and says where a pipeline of a service deviates from it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from slipway.contract.gitlab import Job, jobs, preceding, stages_of
from slipway.contract.groovy import Block
from slipway.contract.jenkins import every_stage
from slipway.contract.pipelines import called
from slipway.contract.repository import Repository
from tests.conftest import ROOT

MODEL: dict[str, Any] = yaml.safe_load((ROOT / "slipway/template/stages.yaml").read_text(encoding="utf-8"))
STEPS: list[dict[str, Any]] = MODEL["steps"]
AROUND = set(MODEL["around"])
BRANCH = {"CI_COMMIT_BRANCH": "main", "CI_DEFAULT_BRANCH": "main", "CI_COMMIT_REF_PROTECTED": "true"}
GIVEN = {step["given"]: "arn:aws:iam::123456789012:role/plan" for step in STEPS if "given" in step}
VARIABLES: dict[str, dict[str, str]] = {
    "merge-request": {"CI_PIPELINE_SOURCE": "merge_request_event", "CI_DEFAULT_BRANCH": "main", **GIVEN},
    "main": {"CI_PIPELINE_SOURCE": "push", **BRANCH},
    "tag": {
        "CI_PIPELINE_SOURCE": "push",
        "CI_COMMIT_TAG": "v1.2.3",
        "CI_DEFAULT_BRANCH": "main",
        "CI_COMMIT_REF_PROTECTED": "true",
    },
    "schedule": {"CI_PIPELINE_SOURCE": "schedule", "TEMPLATE_UPDATE_TOKEN": "given", **BRANCH},
}


def taken(step: dict[str, Any], pipeline: str) -> str:
    """Give the job or the stage that takes a step, or nothing."""
    return str(step.get(pipeline, ""))


def groups(pipeline: str) -> dict[str, list[dict[str, Any]]]:
    """Give the steps of each job or stage of a pipeline."""
    made: dict[str, list[dict[str, Any]]] = {}
    for step in STEPS:
        if name := taken(step, pipeline):
            made.setdefault(name, []).append(step)
    return made


def jobs_on(event: str) -> set[str]:
    """Give the jobs of GitLab that the model has for an event."""
    return {taken(step, "gitlab") for step in STEPS if event in step["on"] and taken(step, "gitlab")}


def holds(condition: str, variables: dict[str, str]) -> bool:
    """Tell whether a condition of GitLab's rules holds."""
    for one in re.split(r"\s*\|\|\s*", condition):
        if all(_term(term, variables) for term in re.split(r"\s*&&\s*", one)):
            return True
    return False


def _term(term: str, variables: dict[str, str]) -> bool:
    left, operator, right = re.fullmatch(r"\$(\w+)(?:\s*(==|!=|=~)\s*(.+))?", term.strip()).groups()  # type: ignore[union-attr]
    value = variables.get(left, "")
    if operator is None:
        return bool(value)
    if operator == "=~":
        return re.search(right.strip("/"), value) is not None
    wanted = variables.get(right[1:], "") if right.startswith("$") else right.strip("\"'")
    return (value == wanted) is (operator == "==")


def when(job: Job, variables: dict[str, str]) -> str:
    """Give when a job runs: on_success, manual, or never."""
    for rule in job.whole.get("rules") or [{}]:
        if "if" not in rule or holds(str(rule["if"]), variables):
            return str(rule.get("when", "on_success"))
    return "never"


def _targets(text: str) -> list[str]:
    scripts = re.findall(r"^bin/([a-z-]+)", text, re.MULTILINE)
    return [target for target in called(text) if target not in AROUND] + scripts


def gitlab_deviations(service: Path) -> list[str]:
    """Give each place where the pipeline of GitLab is not the one of the model."""
    repository = Repository(service)
    every, model = {job.name: job for job in jobs(repository)}, groups("gitlab")
    told = [f"{name} is in one of model and pipeline alone" for name in sorted(set(every) ^ set(model))]
    if stages_of(repository) != MODEL["stages"]:
        told.append(f"stages are {stages_of(repository)}")
    for name in sorted(set(every) & set(model)):
        told += [f"{name}: {one}" for one in _job_deviations(every[name], model[name])]
        told += [f"{name}: {one}" for one in _late(every[name], model[name], list(every.values()), repository)]
    return told


def _job_deviations(job: Job, steps: list[dict[str, Any]]) -> Iterator[str]:
    if _targets(job.text) != [step["do"] for step in steps]:
        yield f"calls {_targets(job.text)}"
    if {job.whole.get("stage")} != {step["stage"] for step in steps}:
        yield f"is in stage {job.whole.get('stage')}"
    if job.whole.get("timeout") != f"{steps[0]['minutes']} minutes":
        yield f"has a timeout of {job.whole.get('timeout')}"
    for event, variables in VARIABLES.items():
        runs = when(job, variables)
        wanted = ("manual" if steps[0].get("manual") else "on_success") if event in steps[0]["on"] else "never"
        if runs != wanted:
            yield f"on {event} it runs {runs}, not {wanted}"
    yield from _guards(job, steps)
    yield from _planned(job, steps[0])
    environment = (job.whole.get("environment") or {}).get("name")
    if {environment} != {step.get("environment") for step in steps}:
        yield f"names the environment {environment}"
    reports = set((job.whole.get("artifacts") or {}).get("reports") or {})
    for wanted_report in (one for step in steps for one in step.get("reports", [])):
        if wanted_report not in reports:
            yield f"keeps no report {wanted_report}"
    yield from _tools(job, steps)


def _guards(job: Job, steps: list[dict[str, Any]]) -> Iterator[str]:
    if "main" not in steps[0]["on"]:
        return
    stopped = when(job, {**VARIABLES["main"], "CI_DEPLOY_FREEZE": "true"}) == "never"
    if stopped is not bool(steps[0].get("frozen")):
        yield "does in a freeze what the model does not"
    open_branch = when(job, {**VARIABLES["main"], "CI_COMMIT_REF_PROTECTED": "false"}) != "never"
    if open_branch is bool(steps[0].get("protected")):
        yield "runs on a branch that is not protected, or on protected ones alone"


def _planned(job: Job, step: dict[str, Any]) -> Iterator[str]:
    """Say where a job deviates from what keeps a plan harmless."""
    if "plans" not in step:
        return
    if job.text != f"make plan ENVIRONMENT={step['plans']} REVIEW=1":
        yield f"does not plan {step['plans']} for a review"
    if when(job, {**VARIABLES["merge-request"], step["given"]: ""}) != "never":
        yield f"runs without {step['given']}"
    if (job.whole.get("variables") or {}).get("AWS_ROLE_ARN") != f"${step['given']}":
        yield f"has another role than {step['given']}"
    if any(rule.get("changes") != [f"{step['changes']}/**/*"] for rule in job.conditions):
        yield f"does not look for changes of {step['changes']}"
    artifacts = job.whole.get("artifacts") or {}
    if artifacts.get("paths") != ["build/ci-metrics/", step["keeps"]]:
        yield f"keeps {artifacts.get('paths')}"
    if artifacts.get("expire_in") != "7 days" or artifacts.get("access") != "developer":
        yield "keeps the plan for long, or for everybody"


def _tools(job: Job, steps: list[dict[str, Any]]) -> Iterator[str]:
    image = next((one for one in MODEL["images"].values() if one["image"] == job.whole.get("image")), None)
    if image is None:
        yield f"runs in {job.whole.get('image')}, which the model does not know"
        return
    carried = {"make", *image["carries"]}
    for file, tools in image.get("installs", {}).items():
        if any(file in line for line in job.whole.get("before_script") or []):
            carried |= set(tools)
    for tool in sorted({tool for step in steps for tool in step["needs"]} - carried):
        yield f"needs {tool}, which {image['image']} does not carry"


def _late(job: Job, steps: list[dict[str, Any]], every: list[Job], repository: Repository) -> Iterator[str]:
    stages = stages_of(repository)
    done = {target for one in preceding(job, every, stages) for target in _targets(one.text)}
    done |= {target for one in every if _first_of_build(job, one, every, stages) for target in _targets(one.text)}
    for wanted in {one for step in steps for one in step.get("after", [])}:
        if wanted not in done:
            yield f"runs before {wanted}"


def _first_of_build(job: Job, other: Job, every: list[Job], stages: list[str]) -> bool:
    """Tell whether a job stands before by its stage: a job without `needs` that comes first waits for all before it."""
    waits = [one for one in [job, *preceding(job, every, stages)] if "needs" not in one.whole]
    return any(stages.index(other.whole["stage"]) < stages.index(one.whole["stage"]) for one in waits)


def jenkins_deviations(service: Path) -> list[str]:
    """Give each place where the pipeline of Jenkins is not the one of the model."""
    repository = Repository(service)
    model = groups("jenkins")
    told: list[str] = []
    seen: dict[str, set[str]] = {}
    done: list[str] = []
    stages = every_stage(repository)
    for stage in stages:
        steps = stage.child("steps")
        if not steps or steps.child("input") or stage.title == "Clean":
            continue
        name = stage.title
        calls = [target for _, _, text in steps.shells for target in _targets(text)]
        wanted = list(dict.fromkeys(step["do"] for step in model.get(name, [])))
        if calls != wanted:
            told.append(f"{name}: calls {calls}, not {wanted}")
        seen[name] = set(calls)
        early = {one for step in model.get(name, []) for one in step.get("after", [])} - set(calls) - set(done)
        told += [f"{name}: runs before {one}" for one in sorted(early)]
        done += calls
        told += [f"{name}: {one}" for one in _stage_deviations(stage, model.get(name, []), stages)]
    told += [f"{name} is in one of model and pipeline alone" for name in sorted(set(seen) ^ set(model))]
    return told


def _stage_deviations(stage: Block, steps: list[dict[str, Any]], stages: list[Block]) -> Iterator[str]:
    around = [when for one in stages if stage in one.walk() and (when := one.child("when"))]
    conditions = {part.head for one in around for part in one.parts or []}
    events = {event for step in steps for event in step["on"]} & {"merge-request", "main"}
    on_main, on_change = "branch 'main'" in conditions, "changeRequest()" in conditions
    given = {"main"} if on_main else {"merge-request"} if on_change else {"merge-request", "main"}
    if given != events:
        yield f"runs on {sorted(given)}, not on {sorted(events)}"
    limit = re.search(
        r"timeout\(time: (\d+), unit: 'MINUTES'\)", " ".join(one.head for one in stage.walk() if one.name == "timeout")
    )
    if limit is None or int(limit[1]) > max((step["minutes"] for step in steps), default=0):
        yield f"has a timeout of {limit and limit[1]} minutes"
    for step in steps:
        environment = step.get("environment")
        text = " ".join(text for _, _, text in stage.shells)
        yield from _planning(stage, step, conditions)
        if step["do"] == "deploy" and f"ENVIRONMENT={environment} " not in text:
            yield f"does not deploy to {environment}"


def _planning(stage: Block, step: dict[str, Any], conditions: set[str]) -> Iterator[str]:
    if "plans" not in step:
        return
    text = " ".join(text for _, _, text in stage.shells)
    if f'ENVIRONMENT={step["plans"]} REVIEW=1 SINCE="origin/$CHANGE_TARGET"' not in text:
        yield f"does not plan {step['plans']} for a review of what changed"
    held = {part.head for block in stage.walk() for part in block.parts or []}
    if not any(f"env.{step['given']} != null" in one for one in held | conditions):
        yield f"runs without {step['given']}"
    if f'AWS_ROLE_ARN = "${{env.{step["given"]}}}"' not in held:
        yield f"has another role than {step['given']}"
    if not any("credentialsId: 'plan-identity'" in one for one in held):
        yield "does not prove who it is by the identity of the build"
