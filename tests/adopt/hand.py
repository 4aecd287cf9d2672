"""Repositories that never knew the template, made by hand, and the template in several releases."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from slipway.adopt.areas import named
from slipway.adopt.plan import Plan, Wish, Written, make_plan
from slipway.adopt.write import Order, write
from slipway.engine import Engine
from tests.conftest import TREE, commit_all, git

Contents = Mapping[str, str | bytes]
MODULE = "module git.example.com/shop/parcels\n\ngo 1.26.0\n"
MAIN = 'package main\n\nimport "fmt"\n\nfunc main() { fmt.Println("parcels") }\n'
FLAT: dict[str, str | bytes] = {
    "go.mod": MODULE,
    "main.go": MAIN,
    "README.md": "# Parcels\n\nSends parcels to where they belong. It is small.\n",
    "Dockerfile": 'FROM golang:1.26\nCOPY . .\nEXPOSE 8000/tcp 9000\nCMD ["go", "run", "."]\n',
}
LAYERED: dict[str, str | bytes] = {
    "go.mod": MODULE
    + "\nrequire (\n\tgithub.com/jackc/pgx/v5 v5.7.1\n\tgithub.com/prometheus/client_golang v1.20.0\n)\n",
    "cmd/parcels/main.go": MAIN,
    "internal/parcel/parcel.go": "package parcel\n",
    "Makefile": "build:\n\tgo build ./...\n",
    "Jenkinsfile": "pipeline { agent any }\n",
    ".gitlab-ci.yml": "build: {script: [make build]}\n",
    "CODEOWNERS": "# everything\n* @shop/logistics\n",
    "k8s/deployment.yaml": "kind: Deployment\nspec:\n  ports: [{containerPort: 8081}]\n",
    "chart/Chart.yaml": "name: parcels\n",
    "docs/Größe.md": "# Größe\n",
    "日本語.txt": "日本\n",
}
MONOREPO: dict[str, str | bytes] = {
    "README.md": "# A shop\n\nEverything we run lives here.\n",
    "services/parcels/go.mod": "module git.example.com/shop/all/services/parcels\n\ngo 1.26.0\n",
    "services/parcels/main.go": MAIN,
    "libs/money/go.mod": "module git.example.com/shop/all/libs/money\n",
    "libs/money/money.go": "package money\n",
    "docs/index.md": "# Docs\n",
}


def repository(place: Path, files: Contents, remote: str = "") -> Path:
    """Make a repository with one commit."""
    place.mkdir(parents=True)
    git(place, "init", "-q", "-b", "main")
    put(place, files)
    if remote:
        git(place, "remote", "add", "origin", remote)
    git(place, "add", "-A", "-f")
    commit_all(place, "feat: everything so far")
    return place


def put(place: Path, files: Contents) -> None:
    """Write files into a folder."""
    for path, content in files.items():
        file = place / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)


def every_byte(folder: Path) -> dict[str, tuple[int, str]]:
    """Give mode and digest of every file below a folder, those of git included, and the target of every link."""
    found = {}
    for parent, _, files in os.walk(folder):
        for name in files:
            path = Path(parent, name)
            content = str(path.readlink()).encode() if path.is_symlink() else path.read_bytes()
            found[path.relative_to(folder).as_posix()] = path.lstat().st_mode, hashlib.sha256(content).hexdigest()
    return found


def working_tree(folder: Path) -> dict[str, tuple[int, str]]:
    """Give mode and digest of every file below a folder but git's own, and of its index."""
    kept = every_byte(folder)
    return {path: one for path, one in kept.items() if not path.startswith(".git/") or path == ".git/index"}


def blobs(folder: Path, commit: str) -> dict[str, str]:
    """Give mode and object id of each file of a commit, by path."""
    listed = git(folder, "-c", "core.quotePath=false", "ls-tree", "-r", commit).splitlines()
    return {line.split("\t")[1]: line.split("\t")[0] for line in listed}


def releases(origin: Path, place: Path) -> str:
    """Give the address of a copy of the template with two more releases: each changes scripts and adds one."""
    work, bare = place / "work", place / "slipway.git"
    git(place, "clone", "-q", str(origin), str(work))
    for number in (2, 3):
        tree = work / TREE
        for path in ("mk/slipway.mk", "bin/deploy", "{{cookiecutter.__go}}/Dockerfile"):
            text = (tree / path).read_text(encoding="utf-8")
            (tree / path).write_text(f"{text}\n# release {number}\n", encoding="utf-8")
        (tree / f"bin/new-{number}").write_text("#!/bin/sh\n# New.\nset -eu\n", encoding="utf-8")
        (tree / f"bin/new-{number}").chmod(0o755)
        git(work, "add", "-A", "-f")
        commit_all(work, f"feat: release {number}")
        git(work, "tag", f"v0.{number}.0")
    git(place, "clone", "-q", "--bare", str(work), str(bare))
    return bare.as_uri()


class Kept(Engine):
    """Renders the same version with the same answers once."""

    def render(self, source: str, version: str, answers: Mapping[str, Any], into: Path) -> None:
        """Render, or copy what was rendered before."""
        name = hashlib.sha256(repr((source, version, sorted(answers.items()))).encode()).hexdigest()
        place = self.place / "rendered" / name
        if not place.exists():
            super().render(source, version, answers, place)
        shutil.copytree(place, into, dirs_exist_ok=True)


class Adopting:
    """Adopts one template in repositories, with one engine.

    Attributes:
        address: the template.
        engine: renders it.
    """

    def __init__(self, address: str, place: Path) -> None:
        self.address = address
        place.mkdir(parents=True, exist_ok=True)
        self.engine: Engine = Kept(place)

    def plan(self, path: Path, **answers: str) -> Plan:
        """Make a plan, at the newest release or where the repository is linked."""
        return make_plan(path, Wish(self.address, None, answers), self.engine)

    def write(self, path: Path, step: str | None = None, *takes: str, **answers: str) -> Written:
        """Write a step."""
        return write(self.plan(path, **answers), Order(step, takes))

    def merge(self, path: Path, step: str | None = None, *takes: str, **answers: str) -> Written:
        """Write a step and merge it, as a team would after its review."""
        done = self.write(path, step, *takes, **answers)
        git(path, "merge", "-q", "--no-edit", done.branch)
        git(path, "branch", "-q", "-d", done.branch)
        return done


def states(plan: Plan) -> dict[str, str]:
    """Give how far each step is."""
    return {step.area.name: step.progress.value for step in plan.steps}


def reasons(plan: Plan) -> dict[str, tuple[str, str]]:
    """Give each answer and its reason."""
    return {one.question: (plan.answers[one.question], one.reason) for one in plan.proposals}


def files(plan: Plan, step: str) -> dict[str, str]:
    """Give how each file of a step stands."""
    return {one.path: one.state.value for one in plan.comparison.files if one.area == named(step)}
