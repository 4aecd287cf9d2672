"""Make and the two pipelines: what CI calls exists, and the stages come in their order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from slipway.contract.registry import check
from slipway.contract.repository import Repository

RULE = re.compile(r"^(?P<targets>[A-Za-z0-9_./ -]+?)\s*::?(?!=)")
CALL = re.compile(r"(?:^|[\s;&|('\"])make((?:\s+[^;&|'\")]+)?)")
TARGET = re.compile(r"[a-z][a-z0-9-]*\Z")
GITLAB_STAGES = [
    *("lint", "test", "security", "build"),
    *("deploy-staging", "integration-tests", "deploy-production", "smoke-tests"),
]
JENKINS_STAGES = [
    *("lint", "test", "build", "containerize", "scan"),
    *("deploy-staging", "approve", "deploy-production", "smoke"),
]


def rules(repository: Repository) -> dict[str, str]:
    """Give each make target with the file that first defines it."""
    found: dict[str, str] = {}
    for path in repository.matching(r"(?:Makefile|mk/.*\.mk)$"):
        for _, line in repository.lines(path):
            if not line.startswith(("\t", "#", ".")) and (rule := RULE.match(line)):
                for target in rule["targets"].split():
                    found.setdefault(target, path)
    return found


def called(line: str) -> Iterator[str]:
    """Give the make targets that a line of a pipeline calls."""
    for found in CALL.finditer(line):
        for word in found[1].split():
            if TARGET.match(word):
                yield word


@check(
    "MAK001",
    "every make target that a pipeline calls exists",
    why="A pipeline is the last place to learn that a target was renamed (row A08).",
    fix="Define the target, or call one that exists: make help.",
)
def targets(repository: Repository) -> Iterator[tuple[str, int, str]]:
    """Yield calls of targets that no makefile defines."""
    defined = rules(repository)
    for path in repository.matching(r"(?:\.gitlab-ci\.yml|Jenkinsfile|ci/[^/]+\.Jenkinsfile)$"):
        for number, line in repository.lines(path):
            if line.lstrip().startswith(("#", "//", "*")) or "stage(" in line:
                continue
            for target in called(line):
                if target not in defined:
                    yield path, number, f"make {target}: no makefile defines {target}"


@check(
    "MAK002",
    "targets that make no file are phony",
    why="A file that happens to have the target's name makes the target do nothing.",
    fix="Add the target to .PHONY.",
)
def phony(repository: Repository) -> Iterator[tuple[str, int, str]]:
    """Yield targets that are neither phony nor a path."""
    listed: set[str] = set()
    for path in repository.matching(r"(?:Makefile|mk/.*\.mk)$"):
        joined = repository.text(path).replace("\\\n", " ")
        for found in re.finditer(r"^\.PHONY:(.*)$", joined, re.MULTILINE):
            listed |= set(found[1].split())
    for target, path in rules(repository).items():
        if TARGET.match(target) and target not in listed and target not in repository.files:
            yield path, 0, f"target {target} is not in .PHONY"


@check(
    "GIT001",
    "the GitLab stages come in the prescribed order",
    why="Production must come after what proves staging, in every service alike (rows Q01, Q02).",
    fix=f"Order the stages: {', '.join(GITLAB_STAGES)}; own stages may stand between them.",
)
def gitlab_stages(repository: Repository) -> Iterator[tuple[str, int, str]]:
    """Yield missing or misplaced stages."""
    if ".gitlab-ci.yml" not in repository.files:
        return
    given = [str(stage) for stage in repository.mapping(".gitlab-ci.yml").get("stages") or []]
    yield from _order(".gitlab-ci.yml", given, GITLAB_STAGES)


@check(
    "GIT002",
    "jobs name stages and jobs that exist",
    why="GitLab refuses the whole pipeline for one wrong name, and only after the push.",
    fix="Correct the name, or define the stage, the job or the hidden job.",
)
def gitlab_names(repository: Repository) -> Iterator[tuple[str, int, str]]:
    """Yield stages, needs and extends that lead nowhere."""
    content = repository.mapping(".gitlab-ci.yml")
    stages = {*(content.get("stages") or []), ".pre", ".post"}
    for name, job in content.items():
        if not isinstance(job, dict) or not ({"script", "extends", "trigger", "needs"} & set(job)):
            continue
        if "stage" in job and job["stage"] not in stages:
            yield ".gitlab-ci.yml", 0, f"{name}: stage {job['stage']} is not in stages"
        for key in ("needs", "extends", "dependencies"):
            for one in _names(job.get(key)):
                if one not in content:
                    yield ".gitlab-ci.yml", 0, f"{name}: {key} {one}, which is not defined"


@check(
    "JEN001",
    "the Jenkins stages come in the prescribed order",
    why="An image is built once, scanned, approved and then promoted, in every service alike (rows P01, P03, P04).",
    fix=f"Order the stages: {', '.join(JENKINS_STAGES)}; own stages may stand between them.",
)
def jenkins_stages(repository: Repository) -> Iterator[tuple[str, int, str]]:
    """Yield missing or misplaced stages."""
    if "Jenkinsfile" not in repository.files:
        return
    given = [_slug(name) for name in re.findall(r"stage\(\s*['\"]([^'\"]+)['\"]\s*\)", repository.text("Jenkinsfile"))]
    yield from _order("Jenkinsfile", given, JENKINS_STAGES)


def _order(path: str, given: list[str], wanted: list[str]) -> Iterator[tuple[str, int, str]]:
    for stage in wanted:
        if stage not in given:
            yield path, 0, f"stage {stage} is missing"
    present = [stage for stage in given if stage in wanted]
    expected = [stage for stage in wanted if stage in given]
    if present != expected:
        yield path, 0, f"stages come as {', '.join(present)}"


def _names(value: Any) -> Iterator[str]:
    for one in value if isinstance(value, list) else [value] if value else []:
        name = one.get("job") if isinstance(one, dict) else one
        if isinstance(name, str):
            yield name


def _slug(name: str) -> str:
    plain = re.sub(r"[^a-z]+", "-", name.lower()).strip("-")
    return {"security-scan": "scan", "smoke-tests": "smoke", "approve-production": "approve"}.get(plain, plain)
