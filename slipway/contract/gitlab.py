"""The pipeline of GitLab: names lead somewhere, gates hold, and one image reaches production by its digest."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from slipway.contract.pipelines import (
    GATES,
    MUTABLE,
    NEEDED,
    ON_EVERY_CHANGE,
    SECRET,
    TOKEN,
    Findings,
    called,
    in_order,
    judged,
    printed,
    spoken_of,
    unwritten,
    with_parts,
)
from slipway.contract.registry import check
from slipway.contract.repository import Document, Repository

GITLAB = ".gitlab-ci.yml"
GITLAB_STAGES = [
    *("lint", "test", "security", "build"),
    *("deploy-staging", "integration-tests", "deploy-production", "smoke-tests"),
]
KEYWORDS = frozenset(
    {
        *("default", "include", "stages", "variables", "workflow", "image", "services", "cache", "before_script"),
        *("after_script", "spec"),
    }
)
JOB_KEYWORDS = frozenset(
    {
        *("after_script", "allow_failure", "artifacts", "before_script", "cache", "coverage", "dast_configuration"),
        *("dependencies", "environment", "extends", "hooks", "id_tokens", "identity", "image", "inherit"),
        *("interruptible", "manual_confirmation", "needs", "pages", "parallel", "release", "resource_group", "retry"),
        *("rules", "run", "script", "secrets", "services", "stage", "start_in", "tags", "timeout", "trigger"),
        *("variables", "when", "only", "except", "publish"),
    }
)


class Job(NamedTuple):
    """A job of GitLab with what it takes from the jobs it extends and from `default`.

    Attributes:
        name: its name.
        given: as it stands in the file.
        whole: with everything that it inherits.
        calls: the make targets of its script, with those they stand for.
    """

    name: str
    given: Document
    whole: Document
    calls: set[str]

    @property
    def script(self) -> list[str]:
        """The lines of the script."""
        return _lines(self.whole.get("script"))

    @property
    def text(self) -> str:
        """The script as one text."""
        return "\n".join(self.script)

    @property
    def conditions(self) -> list[Document]:
        """The rules, but for those that leave the job out."""
        return [
            rule for rule in self.whole.get("rules") or [] if isinstance(rule, dict) and rule.get("when") != "never"
        ]

    @property
    def on_merge_request(self) -> bool:
        """Whether it runs for merge requests alone."""
        conditions = self.conditions
        return bool(conditions) and all("merge_request_event" in str(rule.get("if")) for rule in conditions)

    @property
    def deploys_to(self) -> str:
        """The environment that it deploys to, or nothing."""
        found = re.search(r"\bENVIRONMENT=(\w+)", self.text)
        return found[1] if found and "deploy" in self.calls else ""

    @property
    def changes(self) -> str:
        """The environment that it deploys to, applies to or rolls back, or nothing."""
        found = re.search(r"\bENVIRONMENT=(\w+)", self.text)
        if "rollback" in self.calls:
            return found[1] if found else "production"
        return found[1] if found and self.calls & {"deploy", "apply"} else ""

    def runs_for(self, kind: str) -> bool:
        """Tell whether one of its rules lets it run for what a condition names, such as merge_request_event."""
        conditions = [str(rule.get("if") or "") for rule in self.conditions]
        return any(kind in one or not one for one in conditions) and not any(
            rule.get("changes") for rule in self.conditions
        )


def _lines(value: Any) -> list[str]:
    if isinstance(value, str):
        return [line for line in value.splitlines() if line.strip()]
    return [line for one in value for line in _lines(one)] if isinstance(value, list) else []


def _merged(below: Document, above: Document) -> Document:
    made = dict(below)
    for key, value in above.items():
        before = made.get(key)
        made[key] = _merged(before, value) if isinstance(before, dict) and isinstance(value, dict) else value
    return made


@lru_cache(maxsize=2)
def gitlab(repository: Repository) -> Document:
    """Give the pipeline of GitLab with the files of the repository that it includes."""
    content = repository.mapping(GITLAB)
    whole: Document = {}
    for path in _included(content):
        whole = _merged(whole, repository.mapping(path))
    return _merged(whole, content)


def _included(content: Document) -> Iterator[str]:
    given = content.get("include")
    for one in given if isinstance(given, list) else [given]:
        path = one.get("local") if isinstance(one, dict) else one
        if isinstance(path, str) and "://" not in path:
            yield path.lstrip("/")


@lru_cache(maxsize=2)
def jobs(repository: Repository) -> list[Job]:
    """Give every job that can run."""
    content = gitlab(repository)
    default = content.get("default")
    made = []
    for name, given in content.items():
        if isinstance(given, dict) and name not in KEYWORDS and not str(name).startswith("."):
            whole = _merged(default if isinstance(default, dict) else {}, _inherited(content, given, ()))
            text = "\n".join(_lines(whole.get("script")))
            made.append(Job(str(name), given, whole, with_parts(set(called(text)))))
    return made


def _inherited(content: Document, job: Document, seen: tuple[str, ...]) -> Document:
    whole: Document = {}
    for name in _names(job.get("extends")):
        parent = content.get(name)
        if isinstance(parent, dict) and name not in seen:
            whole = _merged(whole, _inherited(content, parent, (*seen, name)))
    return _merged(whole, job)


def _names(value: Any) -> Iterator[str]:
    for one in value if isinstance(value, list) else [value] if value else []:
        name = one.get("job") if isinstance(one, dict) else one
        if isinstance(name, str):
            yield name


def preceding(job: Job, every: list[Job], stages: list[str]) -> list[Job]:
    """Give the jobs that have ended well when a job begins."""
    by_name = {one.name: one for one in every}
    if "needs" in job.whole:
        sure = [one for one in job.whole["needs"] or [] if not (isinstance(one, dict) and one.get("optional"))]
        direct = [by_name[name] for name in _names(sure) if name in by_name and name != job.name]
    else:
        place = _place(job, stages)
        direct = [one for one in every if _place(one, stages) < place]
    found = {one.name: one for one in direct}
    for one in direct:
        if _place(one, stages) <= _place(job, stages):
            found.update({before.name: before for before in preceding(one, [j for j in every if j is not job], stages)})
    return list(found.values())


def _place(job: Job, stages: list[str]) -> int:
    stage = job.whole.get("stage", "test")
    return {".pre": -1, ".post": len(stages)}.get(stage, stages.index(stage) if stage in stages else 0)


def stages_of(repository: Repository) -> list[str]:
    """Give the stages in their order."""
    return [str(stage) for stage in gitlab(repository).get("stages") or []]


@check(
    "GIT001",
    "the GitLab stages come in the prescribed order, and each has a job",
    why="Production must come after what proves staging, in every service alike (rows Q01, Q02).",
    fix=f"Order the stages: {', '.join(GITLAB_STAGES)}; own stages may stand between them.",
)
def gitlab_stages(repository: Repository) -> Findings:
    """Yield missing, misplaced and empty stages."""
    if GITLAB not in repository.files:
        return
    given = stages_of(repository)
    yield from in_order(GITLAB, given, GITLAB_STAGES)
    used = {job.whole.get("stage", "test") for job in jobs(repository)}
    for stage in GITLAB_STAGES:
        if stage in given and stage not in used:
            yield GITLAB, 0, f"stage {stage} has no job"


@check(
    "GIT002",
    "jobs name stages, jobs, files and reports that exist, and need nothing that comes later",
    why="GitLab refuses the whole pipeline for one wrong name, and after the push; a report elsewhere stays empty.",
    fix="Correct the name, or define the stage, the job, the hidden job or the file; reports are in build/reports.",
)
def gitlab_names(repository: Repository) -> Findings:
    """Yield stages, needs, extends, includes, cache keys and reports that lead nowhere or ahead."""
    for path in _included(repository.mapping(GITLAB)):
        if path not in repository.files:
            yield GITLAB, 0, f"include of {path}, which is not there"
    content = gitlab(repository)
    for name, job in content.items():
        if isinstance(job, dict) and name not in KEYWORDS:
            for one in _names(job.get("extends")):
                if one not in content:
                    yield GITLAB, 0, f"{name}: extends {one}, which is not defined"
    every, stages = jobs(repository), stages_of(repository)
    lines = printed(repository)
    for job in every:
        yield from ((GITLAB, 0, f"{job.name}: {told}") for told in _astray(job, every, stages))
        yield from ((GITLAB, 0, f"{job.name}: {told}") for told in _empty(repository, job))
        wanted = str(job.whole.get("coverage") or "")
        if "coverage" in job.calls and wanted and lines and not any(_finds(wanted, line) for line in lines):
            yield GITLAB, 0, f"{job.name}: coverage {wanted} finds nothing in what make coverage prints"


def _finds(wanted: str, line: str) -> bool:
    try:
        return re.search(wanted.strip("/"), line) is not None
    except re.error:
        return False


def _empty(repository: Repository, job: Job) -> Iterator[str]:
    """Give the files of a cache key that are not there, and the reports that nothing writes."""
    caches = job.whole.get("cache") or []
    for cache in caches if isinstance(caches, list) else [caches]:
        key = cache.get("key") if isinstance(cache, dict) else None
        for name in (key.get("files") or []) if isinstance(key, dict) else []:
            if str(name) not in repository.files:
                yield f"its cache is keyed by {name}, which is not there"
    reports = (job.whole.get("artifacts") or {}).get("reports") or {}
    for kind, given in reports.items():
        for one in given if isinstance(given, list) else [given.get("path") if isinstance(given, dict) else given]:
            if unwritten(repository, str(one)):
                yield f"report {kind} is {one}, and nothing writes there"


def _astray(job: Job, every: list[Job], stages: list[str]) -> Iterator[str]:
    by_name = {one.name: one for one in every}
    if "stage" in job.whole and job.whole["stage"] not in {*stages, ".pre", ".post"}:
        yield f"stage {job.whole['stage']} is not in stages"
    for key in ("needs", "dependencies"):
        for one in _names(job.whole.get(key)):
            if one not in by_name:
                yield f"{key} {one}, which is not defined"
            elif one == job.name or _place(by_name[one], stages) > _place(job, stages):
                yield f"{key} {one}, which comes later"


@check(
    "GIT003",
    "jobs run make targets or scripts of bin/, by keywords that GitLab knows",
    why="What only the pipeline can do nobody can try by hand, and an unknown keyword refuses the whole pipeline.",
    fix="Move the commands into a make target and call that; correct the keyword.",
)
def gitlab_scripts(repository: Repository) -> Findings:
    """Yield jobs without a script, steps that are no make target, and unknown keywords."""
    for job in jobs(repository):
        for key in job.whole:
            if key not in JOB_KEYWORDS:
                yield GITLAB, 0, f"{job.name}: keyword {key} does not exist"
        if not job.script and not {"trigger", "run"} & set(job.whole):
            yield GITLAB, 0, f"{job.name}: has no script"
        for key in ("before_script", "script", "after_script"):
            lines = job.whole.get(key)
            if any(isinstance(line, dict) for line in (lines if isinstance(lines, list) else [lines])):
                yield GITLAB, 0, f"{job.name}: a line of {key} is a mapping, for it holds a colon; put it in quotes"
        for line in job.script:
            yield from ((GITLAB, 0, f"{job.name}: {told}") for told in judged(repository, line))


@check(
    "GIT004",
    "production is deployed by hand, from a protected branch, one deployment at a time",
    why="Who can push must not thereby deploy, and of two deployments at once nobody knows which serves (row Q02).",
    fix="Give each job that changes production rules with when: manual and CI_COMMIT_REF_PROTECTED, resource_group, "
    "interruptible: false, retry: 0 and the environment.",
)
def gitlab_production(repository: Repository) -> Findings:
    """Yield jobs that change an environment without what guards it."""
    for job in jobs(repository):
        to = job.changes
        protected = bool(job.conditions) and all("REF_PROTECTED" in str(rule.get("if")) for rule in job.conditions)
        if "name-release" in job.calls and not protected:
            yield GITLAB, 0, f"{job.name}: names a release without CI_COMMIT_REF_PROTECTED in its rules"
        lacking = [] if not to or job.whole.get("retry", 0) == 0 else ["retry: 0"]
        lacking += _unguarded(job, to, protected=protected) if to else []
        for one in lacking:
            yield GITLAB, 0, f"{job.name}: changes {to} without {one}"


def _unguarded(job: Job, to: str, *, protected: bool) -> list[str]:
    lacking = []
    if job.whole.get("resource_group") != to:
        lacking.append(f"resource_group: {to}")
    environment = job.whole.get("environment")
    if (environment.get("name") if isinstance(environment, dict) else environment) != to:
        lacking.append(f"environment: {to}")
    if job.whole.get("interruptible") is not False:
        lacking.append("interruptible: false")
    if to == "production":
        manual = [rule.get("when") == "manual" for rule in job.conditions] or [job.whole.get("when") == "manual"]
        if not all(manual):
            lacking.append("when: manual")
        if not protected:
            lacking.append("CI_COMMIT_REF_PROTECTED in its rules")
    return lacking


@check(
    "GIT005",
    "a freeze keeps production still, and Friday afternoon is one",
    why="What is deployed when nobody is there to watch breaks when nobody is there to mend (row Q05).",
    fix="Begin the rules of the job with CI_DEPLOY_FREEZE and when: never, and call make deploy-window before deploy.",
)
def gitlab_freeze(repository: Repository) -> Findings:
    """Yield deployments to production that no freeze stops."""
    for place, variables in _variables(repository):
        if "DEPLOY_ANYWAY" in variables:
            yield GITLAB, 0, f"{place}: DEPLOY_ANYWAY in the file opens every window that is shut"
    for job in jobs(repository):
        if "DEPLOY_ANYWAY=" in job.text:
            yield GITLAB, 0, f"{job.name}: DEPLOY_ANYWAY in the file opens every window that is shut"
        if job.deploys_to != "production":
            continue
        first: Document = next(iter(job.whole.get("rules") or []), {})
        if "CI_DEPLOY_FREEZE" not in str(first.get("if")) or first.get("when") != "never":
            yield GITLAB, 0, f"{job.name}: its first rule does not stop it in a freeze (CI_DEPLOY_FREEZE)"
        words = job.text.split()
        if "deploy-window" not in words or words.index("deploy-window") > words.index("deploy"):
            yield GITLAB, 0, f"{job.name}: does not call make deploy-window before deploy"


@check(
    "GIT006",
    "one press rolls production back, at any time",
    why="At night nobody looks up commands, and a rollback that waits for other jobs comes late (row Q03).",
    fix="Keep a job of make rollback ENVIRONMENT=production, with when: manual, allow_failure: true and needs: [].",
)
def gitlab_rollback(repository: Repository) -> Findings:
    """Yield a pipeline that has no such job."""
    if GITLAB not in repository.files:
        return
    back = [job for job in jobs(repository) if "rollback" in job.calls and "ENVIRONMENT=production" in job.text]
    if not back:
        yield GITLAB, 0, "no job rolls production back"
    for job in back:
        if job.whole.get("needs") != []:
            yield GITLAB, 0, f"{job.name}: waits for other jobs; it wants needs: []"
        if "CI_DEPLOY_FREEZE" in str(job.whole.get("rules")):
            yield GITLAB, 0, f"{job.name}: a freeze stops it"
        waits = [rule for rule in job.conditions if rule.get("when") == "manual"]
        if not all(rule.get("allow_failure", job.whole.get("allow_failure")) for rule in waits):
            yield GITLAB, 0, f"{job.name}: without allow_failure: true no pipeline ends before somebody presses it"


@check(
    "GIT007",
    "no gate may fail without stopping the pipeline",
    why="A check that may fail is a check that nobody reads.",
    fix="Remove allow_failure or when from the job, or the exit status that is swallowed.",
)
def gitlab_gates(repository: Repository) -> Findings:
    """Yield gates that are allowed to fail or that wait to be started."""
    for job in jobs(repository):
        if not job.calls & GATES:
            continue
        allowed = [job.whole.get("allow_failure"), *(rule.get("allow_failure") for rule in job.conditions)]
        if any(one not in (None, False) for one in allowed):
            yield GITLAB, 0, f"{job.name}: allow_failure on a gate"
        started = [job.whole.get("when"), *(rule.get("when") for rule in job.conditions)]
        if job.deploys_to != "production" and any(one not in (None, "on_success") for one in started):
            yield (
                GITLAB,
                0,
                f"{job.name}: when: {next(one for one in started if one not in (None, 'on_success'))} on a gate",
            )


@check(
    "GIT008",
    "jobs run in pinned images, without privileges",
    why="An image that moves breaks builds by itself, kaniko is abandoned, and a privileged daemon owns the host.",
    fix="Name the image with a version or a digest; build images with rootless BuildKit (make image).",
)
def gitlab_images(repository: Repository) -> Findings:
    """Yield images without a version, abandoned builders and privileged daemons."""
    variables = gitlab(repository).get("variables") or {}
    for job in jobs(repository):
        named = [job.whole.get("image"), *(job.whole.get("services") or [])]
        if not named[0]:
            yield GITLAB, 0, f"{job.name}: has no image"
        for one in named:
            image = str((one.get("name") if isinstance(one, dict) else one) or "")
            image = re.sub(r"\$\{?(\w+)\}?", lambda name: str(variables.get(name[1], name[0])), image)
            if "kaniko" in image:
                yield GITLAB, 0, f"{job.name}: image {image} is no longer maintained"
            elif re.search(r"\bdind\b", image):
                yield GITLAB, 0, f"{job.name}: service {image} needs a privileged runner"
            elif image and not image.startswith("$") and not _pinned(image):
                yield GITLAB, 0, f"{job.name}: image {image} names no version"


def _variables(repository: Repository) -> Iterator[tuple[str, Document]]:
    yield "variables", gitlab(repository).get("variables") or {}
    yield from ((job.name, job.whole.get("variables") or {}) for job in jobs(repository))


def _pinned(image: str) -> bool:
    name, _, digest = image.partition("@")
    tag = name.rsplit("/", 1)[-1].partition(":")[2]
    return digest.startswith("sha256:") or (re.search(r"\d", tag) is not None and "latest" not in tag)


@check(
    "GIT009",
    "the pipeline of GitLab holds no secret",
    why="Who can read the repository can read it, and so can who reads its history in ten years.",
    fix="Remove it, revoke it, and set it as a masked and protected variable of the project.",
)
def gitlab_secrets(repository: Repository) -> Findings:
    """Yield variables and lines that hold a secret."""
    for place, variables in _variables(repository):
        for name, value in variables.items():
            text = str(value.get("value", "") if isinstance(value, dict) else value)
            if name in ("CI_DEBUG_TRACE", "CI_DEBUG_SERVICES") and text.lower() not in ("false", "0", ""):
                yield GITLAB, 0, f"{place}: {name} writes every variable into the log, the masked ones too"
            if SECRET.search(str(name)) and text and not text.startswith("$"):
                yield GITLAB, 0, f"{place}: variable {name} has its value in the file"
    for path in [GITLAB, *_included(repository.mapping(GITLAB))]:
        for number, line in repository.lines(path):
            if TOKEN.search(line):
                yield path, number, "a token or a password stands in the line"


@check(
    "GIT010",
    "jobs say when they run by rules",
    why="only and except are no longer developed, and a job that has both kinds is refused.",
    fix="Say it with rules, or extend a hidden job that has them.",
)
def gitlab_rules(repository: Repository) -> Findings:
    """Yield jobs with the old keywords, jobs that run for too much, and a pipeline that does not say for what."""
    yield from ((GITLAB, 0, told) for told in _too_much(repository))
    for job in jobs(repository):
        for key in ("only", "except"):
            if key in job.whole:
                yield GITLAB, 0, f"{job.name}: {key} instead of rules"
        if not job.whole.get("rules") and not {"only", "except"} & set(job.whole):
            yield GITLAB, 0, f"{job.name}: has no rules, so that it runs for schedules and tags too"
    conditions = str((gitlab(repository).get("workflow") or {}).get("rules"))
    if GITLAB in repository.files:
        for wanted in ("merge_request_event", "CI_DEFAULT_BRANCH", "CI_COMMIT_TAG"):
            if wanted not in conditions:
                yield GITLAB, 0, f"workflow: no rule for {wanted}"


def _too_much(repository: Repository) -> Iterator[str]:
    """Say which rules let something run for more than is meant."""
    rules = [("workflow", rule) for rule in (gitlab(repository).get("workflow") or {}).get("rules") or []]
    for name, rule in [*rules, *((job.name, rule) for job in jobs(repository) for rule in job.conditions)]:
        for tag in re.findall(r"CI_COMMIT_TAG\s*=~\s*/(.*?)/", str(rule.get("if")) if isinstance(rule, dict) else ""):
            if not (tag.startswith("^") and tag.endswith("$")):
                yield f"{name}: /{tag}/ finds more than releases; begin it with ^ and end it with $"
    for job in jobs(repository):
        never = [str(rule.get("if")) for rule in job.whole.get("rules") or [] if rule.get("when") == "never"]
        if job.calls & {"push", "sign", "deploy", "rollback"} and not any("schedule" in one for one in never):
            yield f"{job.name}: runs for a schedule too, and changes something"


@check(
    "GIT011",
    "caches have a key and jobs have a timeout",
    why="A cache without a key is shared by every branch, and a job that hangs holds its runner for an hour or a day.",
    fix="Key the cache by its lock file; set timeout in default or in the job.",
)
def gitlab_limits(repository: Repository) -> Findings:
    """Yield caches without a key and jobs without a timeout."""
    for job in jobs(repository):
        caches = job.whole.get("cache") or []
        for cache in caches if isinstance(caches, list) else [caches]:
            if isinstance(cache, dict) and not cache.get("key"):
                yield GITLAB, 0, f"{job.name}: a cache without a key"
        if not job.whole.get("timeout"):
            yield GITLAB, 0, f"{job.name}: has no timeout"
        if (job.whole.get("artifacts") or {}).get("expire_in") == "never":
            yield GITLAB, 0, f"{job.name}: keeps its artifacts for ever"


@check(
    "GIT012",
    "merge requests have their commits and summaries checked",
    why="A message that names no ticket cannot be mended once it is merged (row Q04).",
    fix="Keep a job that calls make commit-check features-check when CI_PIPELINE_SOURCE is merge_request_event.",
)
def gitlab_commits(repository: Repository) -> Findings:
    """Yield a pipeline that does not check them."""
    if GITLAB not in repository.files:
        return
    depth = (gitlab(repository).get("variables") or {}).get("GIT_DEPTH")
    if str(depth) != "0":
        yield GITLAB, 0, f"GIT_DEPTH is {depth}, not 0: older commits of a merge request are not there to be checked"
    seen: set[str] = set()
    for job in jobs(repository):
        if job.on_merge_request:
            seen |= job.calls
    for target in ("commit-check", "features-check"):
        if target not in seen:
            yield GITLAB, 0, f"no job of merge requests calls make {target}"


@check(
    "GIT013",
    "one image is built, scanned, signed and then deployed by its digest",
    why="What was tested and scanned must be what serves; a second build and a tag that moves are not it (row P03).",
    fix="Build and push in one job, keep build/image.txt as its artifact, and let each deployment need that job, the "
    "scan and the signature; name no IMAGE.",
)
def gitlab_promotion(repository: Repository) -> Findings:
    """Yield second builds, deployments before the scan, and deployments by something else than the digest."""
    every, stages = jobs(repository), stages_of(repository)
    pushing = [job for job in every if "push" in job.calls]
    for job in pushing[1:]:
        yield GITLAB, 0, f"{job.name}: pushes a second image, after {pushing[0].name}"
    for job in pushing[:1]:
        if "build/image.txt" not in ((job.whole.get("artifacts") or {}).get("paths") or []):
            yield GITLAB, 0, f"{job.name}: does not keep build/image.txt as an artifact"
        kept = str((job.whole.get("artifacts") or {}).get("expire_in") or "30 days")
        if re.search(r"\b(?:s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?)\b", kept):
            yield GITLAB, 0, f"{job.name}: keeps build/image.txt for {kept}; production is decided about later"
        if "login" not in job.calls:
            yield GITLAB, 0, f"{job.name}: pushes without make login"
        if not all("CI_DEFAULT_BRANCH" in str(rule.get("if")) for rule in job.conditions):
            yield GITLAB, 0, f"{job.name}: pushes for other branches than the default one"
    for job in every:
        yield from ((GITLAB, 0, f"{job.name}: {told}") for told in _shown(repository, job))
    for job in every:
        if job.deploys_to:
            before = preceding(job, every, stages)
            yield from (
                (GITLAB, 0, f"{job.name}: {told}") for told in _deployed(job, before, {one.name for one in pushing})
            )


def _shown(repository: Repository, job: Job) -> Iterator[str]:
    """Say what is wrong with the identity that signs, and with who sees a plan."""
    meant = ((job.whole.get("id_tokens") or {}).get("SIGSTORE_ID_TOKEN") or {}).get("aud")
    if "sign" in job.calls and meant != "sigstore" and "COSIGN_KEY" not in repository.text(GITLAB):
        yield f"SIGSTORE_ID_TOKEN is meant for {meant}; Sigstore takes aud: sigstore alone"
    kept = job.whole.get("artifacts") or {}
    if "terraform" in (kept.get("reports") or {}) and kept.get("access") not in ("developer", "maintainer", "none"):
        yield "whoever sees the project sees the plan; say access: developer"


def _deployed(job: Job, before: list[Job], pushing: set[str]) -> Iterator[str]:
    if job.calls & {"image", "push"}:
        yield "builds an image again"
    if MUTABLE.search(job.text):
        yield "deploys by a tag, not by the digest in build/image.txt"
    done = {name for one in before for name in one.calls}
    for target in ("scan", "sign", *(("smoke",) if job.deploys_to == "production" else ())):
        if target not in done:
            yield f"deploys to {job.deploys_to} before make {target}"
    if "needs" in job.whole and not pushing & set(_names(job.whole["needs"])):
        yield "does not need the job that keeps build/image.txt"


@check(
    "GIT014",
    "the pipeline of GitLab calls every target of delivery, and the gates for each change",
    why="A step that is left out is not missed until it would have helped.",
    fix="Call the target in its stage again, in a job that runs for merge requests and for the default branch.",
)
def gitlab_targets(repository: Repository) -> Findings:
    """Yield targets that no job calls, and gates that a change does not meet."""
    if GITLAB not in repository.files:
        return
    every = jobs(repository)
    seen = {target for job in every for target in job.calls}
    yield from ((GITLAB, 0, f"no job calls make {target}") for target in NEEDED if target not in seen)
    for kind, told in (("merge_request_event", "merge requests"), ("CI_DEFAULT_BRANCH", "the default branch")):
        met = {target for job in every if job.runs_for(kind) for target in job.calls}
        for target in ON_EVERY_CHANGE:
            if target in seen - met:
                yield GITLAB, 0, f"no job of {told} calls make {target}"


@check(
    "GIT015",
    "a job speaks of one environment",
    why="A context or an address of another environment deploys there, or asks there whether this serves (row Q02).",
    fix="Use the variables of the environment that the job is for: STAGING_... or PRODUCTION_....",
)
def gitlab_places(repository: Repository) -> Findings:
    """Yield jobs that take something of another environment."""
    for job in jobs(repository):
        environment = job.whole.get("environment")
        name = str(environment.get("name") if isinstance(environment, dict) else environment or "")
        url = str(environment.get("url") if isinstance(environment, dict) else "")
        given = [f"{key}={value}" for key, value in (job.whole.get("variables") or {}).items()]
        rules = [str(rule.get("if")) for rule in job.conditions]
        spoken = spoken_of("\n".join([f"ENVIRONMENT={name}", url, *given, *rules, job.text]))
        if len(spoken) > 1:
            yield GITLAB, 0, f"{job.name}: speaks of {' and of '.join(spoken)}"
