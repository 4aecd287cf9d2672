"""Make and what the two pipelines share: what CI calls exists, and how a command of a pipeline is read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from slipway.contract.registry import check
from slipway.contract.repository import Repository

Findings = Iterator[tuple[str, int, str]]

RULE = re.compile(r"^(?P<targets>[A-Za-z0-9_./ -]+?)\s*::?(?!=)")
CALL = re.compile(r"(?:^|[\s;&|('\"])make((?:\s+(?:\"[^\"]*\"|[^;&|'\"\s)]|=\"[^\"]*\")+)*)")
TARGET = re.compile(r"[a-z][a-z0-9-]*\Z")
STEP = re.compile(r"(?:make(?: |$)|(?P<script>bin/[a-z][a-z0-9-]*)(?: |$))")
HIDING = re.compile(r"\|\|\s*(?:true|:|exit 0)(?:\s|$)")
MUTABLE = re.compile(r"\bIMAGE=(?!\S*@sha256:)")
SECRET = re.compile(
    r"(?:PASSWORD|PASSWD|SECRET|TOKEN|PRIVATE_KEY|API_?KEY|ACCESS_KEY|CREDENTIALS?)(?:_|$)", re.IGNORECASE
)
TOKEN = re.compile(r"glpat-\w{8}|gh[pousr]_\w{20}|AKIA[0-9A-Z]{12}|xox[bp]-\w{8}|-----BEGIN |://[^/\s:@$]+:[^/\s@$]+@")
GATES = frozenset(
    {
        *("lint", "lint-code", "lint-repository", "verify", "commit-check", "features-check", "manifests"),
        *("test", "test-unit", "test-integration", "test-e2e", "coverage"),
        *("scan", "scan-code", "scan-dependencies", "scan-repository", "sbom", "sign", "smoke", "deploy"),
    }
)
WHOLE = {
    "lint": {"lint-code", "lint-repository"},
    "lint-repository": {"features-check"},
    "test": {"test-unit", "test-integration", "test-e2e"},
}
NEEDED = [
    *("lint-code", "lint-repository", "verify", "commit-check", "features-check"),
    *("test-unit", "coverage", "test-integration", "test-e2e"),
    *("scan-code", "scan-dependencies", "scan-repository", "manifests", "infra-test"),
    *("image", "push", "scan", "sbom", "sign", "deploy", "smoke"),
]
ON_EVERY_CHANGE = [
    *("lint-code", "lint-repository", "verify", "test-unit", "coverage", "test-integration", "test-e2e"),
    *("scan-code", "scan-dependencies", "scan-repository"),
]
PLACE = re.compile(
    r"\b(DEV|STAGING|PRODUCTION)_[A-Z]|\bENVIRONMENT=[\"']?(dev|staging|production)\b"
    r"|\bkubeconfig-(dev|staging|production)\b|\bCI_METRICS_\w+\s*[=:]\s*[\"']?(dev|staging|production)\b"
)
PRINTED = re.compile(r'\bprintf "((?:[^"\\]|\\.)*)"')


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


def with_parts(targets: set[str]) -> set[str]:
    """Give targets with those that they stand for."""
    whole = set(targets)
    while more := {part for target in whole for part in WHOLE.get(target, set())} - whole:
        whole |= more
    return whole


def spoken_of(text: str) -> list[str]:
    """Give the environments that a text speaks of, by its variables, credentials and arguments."""
    return sorted({next(filter(None, found)).lower() for found in PLACE.findall(text)})


def unwritten(repository: Repository, pattern: str) -> bool:
    """Tell whether nothing that make runs writes into the folder of a report."""
    folder = pattern.strip().strip("\"'").rsplit("/", 1)[0].rstrip("/*")
    return folder.split("/")[0] not in ("build", "tmp") or not stands(folder, behind_make(repository), "/-")


@lru_cache(maxsize=2)
def behind_make(repository: Repository) -> str:
    """Give all that make runs: makefiles and scripts."""
    return "\n".join(repository.text(path) for path in repository.matching(r"(?:Makefile|mk/.*\.mk|bin/[^/]+)$"))


def stands(word: str, text: str, more: str = "") -> bool:
    """Tell whether a word stands in a text by itself: no letter, digit, `_`, or one of `more` beside it.

    As a pattern does, `/` behind a word ends it. Searching for the plain text first is fifty times as quick.
    """
    at = text.find(word)
    while at >= 0:
        before, after = text[at - 1 : at], text[at + len(word) : at + len(word) + 1]
        inside = (before.isalnum() or before in ("_", *more)), (after.isalnum() or after in ("_", *more.strip("/")))
        if not any(inside):
            return True
        at = text.find(word, at + 1)
    return False


def printed(repository: Repository) -> list[str]:
    """Give what makefiles print by printf, with numbers for what is filled in."""
    found = [text for path in repository.matching(r"mk/.*\.mk$") for text in PRINTED.findall(repository.text(path))]
    return [text.replace("%%", "%").replace("%s", "81.5").replace("%d", "81").replace("\\n", "\n") for text in found]


@check(
    "MAK001",
    "every make target that a pipeline calls exists",
    why="A pipeline is the last place to learn that a target was renamed (row A08).",
    fix="Define the target, or call one that exists: make help.",
)
def targets(repository: Repository) -> Findings:
    """Yield calls of targets that no makefile defines."""
    defined = rules(repository)
    for path in repository.matching(r"(?:\.gitlab-ci\.yml|Jenkinsfile|ci/[^/]+\.(?:Jenkinsfile|gitlab-ci\.yml))$"):
        for number, line in repository.lines(path):
            if line.lstrip().startswith(("#", "//", "*")) or "stage(" in line or "echo " in line:
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
def phony(repository: Repository) -> Findings:
    """Yield targets that are neither phony nor a path."""
    listed: set[str] = set()
    for path in repository.matching(r"(?:Makefile|mk/.*\.mk)$"):
        joined = repository.text(path).replace("\\\n", " ")
        for found in re.finditer(r"^\.PHONY:(.*)$", joined, re.MULTILINE):
            listed |= set(found[1].split())
    for target, path in rules(repository).items():
        if TARGET.match(target) and target not in listed and target not in repository.files:
            yield path, 0, f"target {target} is not in .PHONY"


def judged(repository: Repository, line: str) -> Iterator[str]:
    """Say what is wrong with a command of a pipeline."""
    found = STEP.match(line)
    if not found:
        yield f"'{line}' is neither a make target nor a script of bin/"
    elif found["script"] and found["script"] not in repository.files:
        yield f"{found['script']} is not there"
    if HIDING.search(line):
        yield f"'{line}' hides a failure"


def in_order(path: str, given: list[str], wanted: list[str]) -> Findings:
    """Yield what is missing of `wanted`, and what comes in another order."""
    for stage in wanted:
        if stage not in given:
            yield path, 0, f"stage {stage} is missing"
    present = [stage for stage in given if stage in wanted]
    expected = [stage for stage in wanted if stage in given]
    if present != expected:
        yield path, 0, f"stages come as {', '.join(present)}"
