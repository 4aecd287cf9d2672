"""The pipelines of Jenkins: words that exist, limits, approval, and one image that reaches production by its digest."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from slipway.contract.groovy import Block, BrokenError, groovy
from slipway.contract.pipelines import (
    MUTABLE,
    NEEDED,
    SECRET,
    TOKEN,
    Findings,
    behind_make,
    called,
    in_order,
    judged,
    spoken_of,
    stands,
    unwritten,
)
from slipway.contract.registry import check
from slipway.contract.repository import Repository

JENKINS = "Jenkinsfile"
JENKINSFILES = r"(?:Jenkinsfile|ci/[^/]+\.Jenkinsfile)$"
LITERAL = re.compile(r"\b\w*(?:PASSWORD|TOKEN|SECRET)=(?!\"?\$)\S")
TIMEOUT = re.compile(r"time:\s*(\d+)(?:,\s*unit:\s*['\"](\w+)['\"])?")
MINUTES = {"SECONDS": 1 / 60, "MINUTES": 1, "HOURS": 60, "DAYS": 1440}
LONGEST = 120
BOUND = re.compile(r"[vV]ariable:\s*['\"](\w+)['\"]")
ELSEWHERE = re.compile(r"KUBECONFIG|AWS_\w+|DOCKER_CONFIG|GIT_\w+|SSH_\w+")
REPORT = re.compile(r"(?:testResults|artifacts):\s*['\"]([^'\"]+)['\"]")
JENKINS_STAGES = [
    *("lint", "test", "build", "containerize", "scan"),
    *("deploy-staging", "approve", "deploy-production", "smoke"),
]
DIRECTIVES = {
    "pipeline": "agent options environment stages post parameters triggers tools libraries",
    "stage": "agent options environment steps stages parallel matrix post when input tools failFast",
    "stages": "stage",
    "parallel": "stage",
    "options": "buildDiscarder disableConcurrentBuilds disableResume skipStagesAfterUnstable skipDefaultCheckout "
    "timeout timestamps retry preserveStashes quietPeriod checkoutToSubdirectory newContainerPerStage "
    "overrideIndexTriggers parallelsAlwaysFailFast ansiColor gitLabConnection lock",
    "when": "branch buildingTag changelog changeset changeRequest environment equals expression tag not allOf anyOf "
    "triggeredBy beforeAgent beforeInput beforeOptions",
    "post": "always changed fixed regression aborted failure success unstable unsuccessful cleanup",
    "agent": "label node docker dockerfile kubernetes any none",
    "triggers": "cron pollSCM upstream gitlab githubPush",
}
CONDITIONS = frozenset({"not", "allOf", "anyOf"})
STEPS = frozenset(
    {
        *(
            "archiveArtifacts",
            "build",
            "catchError",
            "checkout",
            "cleanWs",
            "deleteDir",
            "dir",
            "echo",
            "error",
            "input",
        ),
        *("junit", "lock", "milestone", "recordCoverage", "recordIssues", "retry", "script", "sh", "sleep", "stash"),
        *("timeout", "unstable", "unstash", "warnError", "withCredentials", "withEnv", "writeFile", "readFile"),
    }
)
BINDINGS = re.compile(r"(?:^|[\[,(\s])([a-z]\w+)\s*\(")
KNOWN_BINDINGS = frozenset(
    {
        *("certificate", "file", "gitSshPrivateKey", "gitUsernamePassword", "sshUserPrivateKey", "string"),
        *("usernameColonPassword", "usernamePassword", "zip"),
    }
)
IN_STEPS = frozenset(
    {"steps", *DIRECTIVES["post"].split(), "withCredentials", "withEnv", "dir", "retry", "timeout", "lock"}
)


@lru_cache(maxsize=8)
def jenkins(repository: Repository, path: str = JENKINS) -> Block:
    """Give the block `pipeline` of a Jenkinsfile; an empty one when there is none (JEN002 says why)."""
    if path in repository.files:
        try:
            found = groovy(repository.text(path)).child("pipeline")
        except BrokenError:
            found = None
        if found:
            return found
    return Block("", 0)


def every_stage(repository: Repository, path: str = JENKINS) -> list[Block]:
    """Give every stage, those inside of others too, in the order of the file."""
    return [block for block in jenkins(repository, path).walk() if block.name == "stage"]


def _slug(name: str) -> str:
    plain = re.sub(r"[^a-z]+", "-", name.lower()).strip("-")
    return {"security-scan": "scan", "smoke-tests": "smoke", "approve-production": "approve"}.get(plain, plain)


@check(
    "JEN001",
    "the Jenkins stages come in the prescribed order",
    why="An image is built once, scanned, approved and then promoted, in every service alike (rows P01, P03, P04).",
    fix=f"Order the stages: {', '.join(JENKINS_STAGES)}; unit before integration; own stages may come between.",
)
def jenkins_stages(repository: Repository) -> Findings:
    """Yield missing or misplaced stages."""
    if JENKINS not in repository.files:
        return
    code = [line.partition("//")[0] for _, line in repository.lines(JENKINS)]
    given = [_slug(name) for line in code for name in re.findall(r"stage\(\s*['\"]([^'\"]+)['\"]\s*\)", line)]
    yield from in_order(JENKINS, given, JENKINS_STAGES)
    yield from in_order(JENKINS, given, ["unit", "integration"])


@check(
    "JEN002",
    "a Jenkinsfile closes what it opens and says only what Jenkins knows",
    why="Jenkins reads the file when the pipeline starts, and a misspelt step only when it is reached, late.",
    fix="Correct the word or the brace; a step of another plug-in belongs into a script block.",
)
def jenkins_words(repository: Repository) -> Findings:
    """Yield braces that do not match, and unknown directives, options, conditions, steps and bindings."""
    for path in repository.matching(JENKINSFILES):
        try:
            top = groovy(repository.text(path))
        except BrokenError as error:
            yield path, error.line, str(error)
            continue
        pipeline = top.child("pipeline")
        if pipeline is None:
            yield path, 0, "there is no pipeline { }"
            continue
        for line, told in _unknown(pipeline):
            yield path, line, told


def _unknown(block: Block) -> Iterator[tuple[int, str]]:
    kind = "when" if block.name in CONDITIONS else block.name
    for part in block.parts or []:
        if kind in IN_STEPS:
            if part.name not in STEPS:
                yield part.line, f"step {part.name or part.head or '{'} does not exist"
            if part.name == "withCredentials":
                for name in BINDINGS.findall(part.head.removeprefix("withCredentials")):
                    if name not in KNOWN_BINDINGS:
                        yield part.line, f"binding {name} does not exist"
        elif kind in DIRECTIVES and part.name not in DIRECTIVES[kind].split():
            yield part.line, f"{part.name or part.head or '{'} in {kind} does not exist"
        if part.name != "script" and kind != "environment":
            yield from _unknown(part)
    if block.name == "stage" and not any(block.child(one) for one in ("steps", "stages", "parallel", "matrix")):
        yield block.line, f"stage {block.title} has no steps"


@check(
    "JEN003",
    "a Jenkins pipeline is limited in time, in number and in what it keeps",
    why="A build that hangs holds its agent, two builds deploy over each other, and kept builds fill the disk.",
    fix="Set buildDiscarder, disableConcurrentBuilds and timeout in options, and a timeout in each stage with steps.",
)
def jenkins_limits(repository: Repository) -> Findings:
    """Yield missing options."""
    for path in repository.matching(JENKINSFILES):
        pipeline = jenkins(repository, path)
        given = {part.name for part in (pipeline.child("options") or Block("", 0)).parts or []}
        for option in ("buildDiscarder", "disableConcurrentBuilds", "timeout"):
            if pipeline.parts is not None and option not in given:
                yield path, pipeline.line, f"options has no {option}"
        if path != JENKINS:
            continue
        if pipeline.parts is not None and "skipStagesAfterUnstable" not in given:
            yield path, pipeline.line, "options has no skipStagesAfterUnstable, so that a failed test is deployed"
        for block in pipeline.walk():
            if block.name == "disableConcurrentBuilds" and "abortPrevious" in block.head:
                yield path, block.line, "abortPrevious ends a build in the middle of its deployment"
        yield from ((path, stage.line, told) for stage in every_stage(repository, path) for told in _unlimited(stage))


def _unlimited(stage: Block) -> Iterator[str]:
    options, steps = stage.child("options"), stage.child("steps")
    limit = options.child("timeout") if options else None
    if steps and not limit:
        yield f"stage {stage.title} has no timeout"
    found = TIMEOUT.search(limit.head) if limit and steps and not _input(steps) else None
    if found and int(found[1]) * MINUTES.get(found[2] or "MINUTES", 1) > LONGEST:
        yield f"stage {stage.title} may hold its agent for {found[1]} {found[2]}"


@check(
    "JEN004",
    "somebody approves before production, and no agent waits for it",
    why="Production is a decision (row P04), and an agent that is held for a day while nobody decides builds nothing.",
    fix="Put input into a stage of its own with a timeout, before the one that deploys to production, with agent none.",
)
def jenkins_approval(repository: Repository) -> Findings:
    """Yield approvals that come late, hold an agent or do not exist."""
    pipeline = jenkins(repository)
    if pipeline.parts is None:
        return
    stages = every_stage(repository)
    asking = [stage for stage in stages if stage.child("input") or _input(stage.child("steps"))]
    going = [stage for stage in stages if any(_changes_production(text) for _, _, text in _own(stage))]
    if not asking:
        yield JENKINS, 0, "no stage asks for approval (input)"
    for stage in going:
        if not asking or stage.line < asking[0].line:
            yield JENKINS, stage.line, f"stage {stage.title} deploys to production before anybody approved"
    for stage in asking:
        above = [pipeline, *(one for one in stages if stage in one.walk())]
        held = [one for one in above if (agent := one.child("agent")) and agent.head != "agent none"]
        if held:
            yield JENKINS, stage.line, f"stage {stage.title} holds an agent while it waits"
    for stage in [*asking, *going]:
        above = [one for one in stages if stage in one.walk()]
        if not any(_on_main(one) for one in above):
            yield JENKINS, stage.line, f"stage {stage.title} is not limited to the branch main"


def _input(steps: Block | None) -> bool:
    return steps is not None and any(one.name == "input" for one in steps.walk())


def _changes_production(text: str) -> bool:
    return "ENVIRONMENT=production" in text and set(called(text)) - {"ci-begin", "ci-end"} != {"plan"}


def _own(stage: Block) -> list[tuple[int, str, str]]:
    steps = stage.child("steps")
    return steps.shells if steps else []


def _on_main(stage: Block) -> bool:
    when = stage.child("when")
    return bool(when and any(part.name == "branch" and part.title == "main" for part in when.parts or []))


@check(
    "JEN005",
    "a Jenkinsfile holds no secret and hands none to Groovy",
    why="In double quotes Groovy puts the value into the command itself, where logs and lists of processes show it.",
    fix="Bind the credential by its id with withCredentials, and write the command in single quotes.",
)
def jenkins_secrets(repository: Repository) -> Findings:
    """Yield values of secrets, and commands that Groovy fills in."""
    for path in repository.matching(JENKINSFILES):
        pipeline = jenkins(repository, path)
        for line, name in _values(pipeline):
            yield path, line, f"{name} has its value in the file"
        for line, quote, text in pipeline.shells:
            if quote == '"' and "$" in text:
                yield path, line, "a command in double quotes takes its values from Groovy"
            if LITERAL.search(text):
                yield path, line, "a command holds the value of a secret"
        for number, code in repository.lines(path):
            if TOKEN.search(code):
                yield path, number, "a token or a password stands in the line"


def _values(pipeline: Block) -> Iterator[tuple[int, str]]:
    for block in pipeline.walk():
        for part in (block.parts or []) if block.name == "environment" else []:
            name, _, value = part.head.partition("=")
            if SECRET.search(name.strip()) and "credentials(" not in value:
                yield part.line, name.strip()


@check(
    "JEN006",
    "what a build leaves is kept, whatever became of it",
    why="Reports and logs are wanted above all of the build that failed.",
    fix="Keep post { always { junit ...; archiveArtifacts ... } } where the tests ran, and post in the pipeline.",
)
def jenkins_post(repository: Repository) -> Findings:
    """Yield pipelines that keep nothing."""
    pipeline = jenkins(repository)
    if pipeline.parts is None:
        return
    if not pipeline.child("post"):
        yield JENKINS, pipeline.line, "the pipeline has no post"
    kept = {
        part.name
        for block in pipeline.walk()
        if block.name == "post"
        for always in block.parts or []
        if always.name == "always"
        for part in always.parts or []
    }
    for step in ("junit", "archiveArtifacts"):
        if step not in kept:
            yield JENKINS, 0, f"no post {{ always }} calls {step}"
    for block in pipeline.walk():
        for given in REPORT.findall(block.head) if block.name in ("junit", "archiveArtifacts") else []:
            for one in given.split(","):
                if unwritten(repository, one):
                    yield JENKINS, block.line, f"{block.name} keeps {one.strip()}, and nothing writes there"


@check(
    "JEN007",
    "Jenkins runs make targets or scripts of bin/, and takes their failure for one",
    why="What only the pipeline can do nobody can try by hand, and a swallowed status lets a bad image through.",
    fix="Move the commands into a make target and call that, without || true, catchError or returnStatus.",
)
def jenkins_scripts(repository: Repository) -> Findings:
    """Yield commands that are no make target, and failures that are swallowed."""
    for path in repository.matching(JENKINSFILES):
        pipeline = jenkins(repository, path)
        for line, _, text in pipeline.shells:
            yield from ((path, line, told) for told in judged(repository, text))
        if path != JENKINS:
            if "returnStatus: true" in repository.text(path) and not re.search(r"\berror\s*\(", repository.text(path)):
                yield path, 0, "the status of a step is asked for, and no status is an error"
            continue
        for block in pipeline.walk():
            if block.name in ("catchError", "warnError") or "returnStatus" in block.head:
                yield path, block.line, f"{block.name} swallows a failure"


@check(
    "JEN008",
    "one image is built, scanned, signed and then deployed by its digest",
    why="What was tested and scanned must be what serves; a second build and a tag that moves are not it (row P03).",
    fix="Build before the scan, stash build/image.txt, unstash it where production is deployed, and name no IMAGE.",
)
def jenkins_promotion(repository: Repository) -> Findings:
    """Yield second builds, deployments before the scan, and deployments by something else than the digest."""
    pipeline = jenkins(repository)
    if pipeline.parts is None:
        return
    done: set[str] = set()
    approved = False
    stages = every_stage(repository)
    for stage in stages:
        if steps := stage.child("steps"):
            approved = approved or _input(steps)
            late = approved or "deploy" in steps.calls | done
            for told in [*_built(steps, late=late), *_deployed(steps, done)]:
                yield JENKINS, stage.line, f"stage {stage.title} {told}"
            above = [one for one in stages if stage in one.walk()]
            if steps.calls & {"push", "sign", "deploy"} and not any(_on_main(one) for one in above):
                yield JENKINS, stage.line, f"stage {stage.title} pushes, signs or deploys for other branches than main"
            done |= steps.calls
    for block in pipeline.walk():
        if "DEPLOY_ANYWAY" in block.head:
            yield JENKINS, block.line, "DEPLOY_ANYWAY in the file opens every window that is shut"


def _built(steps: Block, *, late: bool) -> Iterator[str]:
    if steps.calls & {"image", "push", "build"} and late:
        yield "builds an image again"
    if "push" in steps.calls:
        if "login" not in steps.calls:
            yield "pushes without make login"
        if not any("build/image.txt" in part.head for part in steps.walk() if part.name == "stash"):
            yield "does not stash build/image.txt"


def _deployed(steps: Block, done: set[str]) -> Iterator[str]:
    if "deploy" not in steps.calls:
        return
    text = " ".join(text for _, _, text in steps.shells)
    production = "ENVIRONMENT=production" in text
    for target in ("scan", "sign", *(("smoke",) if production else ())):
        if target not in done:
            yield f"deploys before make {target}"
    if MUTABLE.search(text):
        yield "deploys by a tag, not by the digest in build/image.txt"
    if production:
        words = text.split()
        if not any(part.name == "unstash" for part in steps.walk()):
            yield "does not unstash build/image.txt"
        if "deploy-window" not in words or words.index("deploy-window") > words.index("deploy"):
            yield "does not call make deploy-window before deploy"


@check(
    "JEN009",
    "the pipeline of Jenkins calls every target of delivery, and measures each stage to its end",
    why="A step that is left out is not missed until it would have helped; a stage that never ends counts as failed.",
    fix="Call the target in its stage again; begin the targets of a stage with ci-begin and end them with ci-end.",
)
def jenkins_targets(repository: Repository) -> Findings:
    """Yield targets that no stage calls, and stages that are measured by half."""
    pipeline = jenkins(repository)
    if pipeline.parts is None:
        return
    seen = pipeline.calls
    yield from ((JENKINS, 0, f"no stage calls make {target}") for target in NEEDED if target not in seen)
    for stage in every_stage(repository):
        steps = stage.child("steps")
        half = steps.calls & {"ci-begin", "ci-end"} if steps else set()
        if len(half) == 1:
            yield JENKINS, stage.line, f"stage {stage.title} calls make {half.pop()} without its other half"


@check(
    "JEN010",
    "a stage takes what is of its environment, under names that scripts read",
    why="A context of another environment deploys there (row P04); a credential by a wrong name is not there at all.",
    fix="Use the variables and credentials of the environment, and the names that the scripts of bin/ read.",
)
def jenkins_places(repository: Repository) -> Findings:
    """Yield stages that take something of another environment, and credentials that nothing reads."""
    for stage in every_stage(repository):
        if not stage.child("steps"):
            continue
        spoken = spoken_of("\n".join(block.head for block in stage.walk()))
        if len(spoken) > 1:
            yield JENKINS, stage.line, f"stage {stage.title} speaks of {' and of '.join(spoken)}"
    for block in jenkins(repository).walk():
        for name in BOUND.findall(block.head) if block.name == "withCredentials" else []:
            if not ELSEWHERE.fullmatch(name) and not stands(name, behind_make(repository)):
                yield JENKINS, block.line, f"{name} is bound, and no script reads it"
