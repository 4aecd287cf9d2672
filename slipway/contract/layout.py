"""The prescribed layout: what every service has, and what each choice brings."""

from __future__ import annotations

from collections.abc import Iterator

from slipway.contract.registry import check
from slipway.contract.repository import Repository

ALWAYS = (
    "AGENTS.md",
    "CODEOWNERS",
    "Dockerfile",
    "Makefile",
    "README.md",
    "api/openapi.yaml",
    "bin",
    "catalog-info.yaml",
    "docs/adr",
    "docs/runbooks",
    "features_summaries",
    "infra/terraform/envs",
    "infra/terraform/modules",
    "k8s/base",
    "k8s/overlays/dev",
    "k8s/overlays/production",
    "k8s/overlays/staging",
    "mk",
    "renovate.json",
    "telemetry/metrics.yaml",
)
BY_CHOICE = {
    ("language", "go"): ("cmd/api", "cmd/migrate", "cmd/pipeline", "cmd/worker", "go.mod", "go.sum", "internal"),
    ("datastore", "mongodb"): ("migrations",),
    ("datastore", "postgresql"): ("migrations",),
    ("ci", "both"): (".gitlab-ci.yml", "Jenkinsfile"),
    ("ci", "gitlab"): (".gitlab-ci.yml",),
    ("ci", "jenkins"): ("Jenkinsfile",),
}


@check(
    "LAY001",
    "the prescribed layout is there",
    why="People and pipelines find things by their place; a missing part is a missing guarantee (rows A08 to A12).",
    fix="Bring the file or folder back from git, or make it again by a step of slipway adopt.",
)
def layout(repository: Repository) -> Iterator[tuple[str, int, str]]:
    """Yield each part of the layout that is missing."""
    wanted = [*ALWAYS]
    for (question, answer), paths in BY_CHOICE.items():
        if repository.answers.get(question) == answer:
            wanted += paths
    for path in wanted:
        if not repository.exists(path):
            yield path, 0, f"{path} is missing"


@check(
    "LAY002",
    "temporary files have a place that git ignores",
    why="Scratch files and logs end up in commits when ./tmp is not ignored (row A10).",
    fix="Add the line /tmp/ to .gitignore.",
)
def scratch(repository: Repository) -> Iterator[tuple[str, int, str]]:
    """Yield the ignore file that does not ignore tmp."""
    lines = {line.strip() for _, line in repository.lines(".gitignore")}
    if "tmp" not in {line.strip("/") for line in lines}:
        yield ".gitignore", 0, "tmp/ is not ignored"
