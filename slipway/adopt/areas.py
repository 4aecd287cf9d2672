"""The areas that are adopted one by one, in the order of their merge requests."""

from __future__ import annotations

from typing import NamedTuple


class Area(NamedTuple):
    """A part of the template that makes one merge request.

    Attributes:
        name: what `--step` takes.
        title: what it is, in a few words.
        paths: the files and folders it covers; the longest that fits decides.
        commands: what to run on the branch.
        check: what to look at before merging.
        risk: what can go wrong.
        after: the steps it uses something of.
        optional: never proposed as the next step; it is made when it is named.
        code: it holds code that imports the module path of the answers.
    """

    name: str
    title: str
    paths: tuple[str, ...]
    commands: tuple[str, ...]
    check: str
    risk: str
    after: tuple[str, ...] = ()
    optional: bool = False
    code: bool = False


LINK = Area(
    "link",
    "link to the template",
    (".copier-answers.yml",),
    ("slipway update --check",),
    "The answers in the file are right: every area is rendered with them.",
    "None: nothing reads the file but Copier and Slipway.",
)
REST = Area(
    "rest",
    "everything else",
    (),
    ("git show --stat",),
    "What each file is for; this version of Slipway does not know them.",
    "Unknown: the template is newer than this Slipway.",
)
AREAS = (
    LINK,
    Area(
        "text",
        "text, editor and linter settings",
        (".gitignore", ".gitattributes", ".editorconfig", ".shellcheckrc", ".yamllint.yaml", ".rumdl.toml"),
        ("git add --renormalize . && git status --short",),
        "`.gitattributes` and `.gitignore` hold for every file you have; with Windows line ends in the repository, "
        "commit what `git add --renormalize .` changes on this branch too.",
        "Low. Files with other line ends show as changed until they are normalised.",
    ),
    Area(
        "commits",
        "commit rules, hooks and features summaries",
        (
            *(".githooks", "commitlint.config.mjs", "features_summaries"),
            *("bin/lib.sh", "bin/commit-check", "bin/feature", "bin/features-check"),
        ),
        ("bin/features-check", "bin/commit-check -r HEAD~1..HEAD", "git config core.hooksPath .githooks"),
        "The ticket prefix is the one you use. Commits made before are not checked.",
        "Low. A clone turns the hook on for itself; the pipeline checks once the ci step is merged.",
    ),
    Area(
        "make",
        "make targets and scripts",
        ("Makefile", "mk", "bin", "tools", ".golangci.yml"),
        ("make help", "make lint-repository"),
        "With a Makefile of your own, add `include mk/slipway.mk` and `include mk/language.mk` at its top, and give up "
        "the targets that both define.",
        "Low. Targets of the same name are reported by make; nothing runs by itself.",
        after=("commits",),
    ),
    Area(
        "image",
        "container image",
        ("Dockerfile", ".dockerignore", "compose.yaml", "compose", ".env.example"),
        ("make image", "make scan"),
        "The Dockerfile builds every main package under ./cmd and starts the one named api; ports 8080 and 9090.",
        "Medium. A service with another layout needs its own build line and entrypoint.",
        after=("make",),
    ),
    Area(
        "kubernetes",
        "Kubernetes and Argo CD",
        ("k8s", "argocd"),
        ("make manifests",),
        "Names, namespaces, ports, probes and resources against what runs today, before anything is applied.",
        "High when applied, none when merged: nothing reads these files before Argo CD or `make deploy` does.",
        after=("make", "image"),
    ),
    Area(
        "ci",
        "pipelines",
        (".gitlab-ci.yml", "Jenkinsfile", ".gitlab", "ci", "renovate.json"),
        ("make -n lint test image",),
        "Every job calls a make target, so the make step comes first. The variables named at the top are set.",
        "Medium. A new pipeline runs with the first push of its branch; a pipeline you have goes on beside it.",
        after=("make",),
    ),
    Area(
        "observability",
        "telemetry, alerts and objectives",
        ("observability", "telemetry"),
        ("make lint-repository",),
        "The metric names are those the service serves.",
        "Low. Alerts on metrics the service does not serve stay silent or fire for absence.",
    ),
    Area(
        "infra",
        "Terraform",
        ("infra",),
        ("make plan ENVIRONMENT=dev",),
        "The plan creates nothing that exists already; import it first.",
        "High when applied, none when merged.",
        after=("make",),
    ),
    Area(
        "docs",
        "documents and ownership",
        ("docs", "README.md", "AGENTS.md", "CODEOWNERS", "catalog-info.yaml"),
        ("make lint-repository",),
        "Runbooks and decisions describe the template's sample service; keep what is true of yours.",
        "None to the service.",
    ),
    Area(
        "platform",
        "platform packages",
        ("internal/platform", "go.mod", "go.sum"),
        ("make deps", "go build ./...", "go test ./internal/platform/..."),
        "`make deps` adds what the packages need to go.mod and go.sum, and raises modules that you share; commit that "
        "on this branch. With an .env.example of your own, the test of the config package names what differs.",
        "Low until your code imports them.",
        after=("make",),
        code=True,
    ),
    Area(
        "sample",
        "sample service",
        ("cmd", "internal", "migrations", "test", "api", "examples"),
        ("make deps build test",),
        "Whether you want it at all: it takes orders. Read it as an example of the layers.",
        "High: code that is not yours, with main packages and migrations.",
        after=("make", "platform"),
        optional=True,
        code=True,
    ),
)
NAMES = (*(area.name for area in AREAS), REST.name)


def named(name: str) -> Area:
    """Give the area of a name of NAMES."""
    return next(area for area in (*AREAS, REST) if area.name == name)


def area_of(path: str) -> Area:
    """Give the area a path belongs to."""
    found = [
        (len(covered), area)
        for area in AREAS
        for covered in area.paths
        if path == covered or path.startswith(f"{covered}/")
    ]
    return max(found, key=lambda one: one[0])[1] if found else REST
