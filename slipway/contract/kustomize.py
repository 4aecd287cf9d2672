"""Kustomizations and manifests belong together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from slipway.contract.registry import check
from slipway.contract.repository import KUSTOMIZATIONS, Document, Repository, resolve

LISTS = ("resources", "components", "configurations", "crds")
PATCHES = ("patches", "patchesStrategicMerge", "patchesJson6902", "replacements")
GENERATORS = ("configMapGenerator", "secretGenerator")


def named_in(content: Document) -> Iterator[tuple[str, str]]:
    """Give what a kustomization names: the field, and the name as it stands."""
    for kind in LISTS:
        yield from ((kind, str(name)) for name in content.get(kind) or [])
    for kind in PATCHES:
        for patch in content.get(kind) or []:
            name = patch.get("path") if isinstance(patch, dict) else patch
            if isinstance(name, str) and "\n" not in name:
                yield kind, name
    for kind in GENERATORS:
        for generator in content.get(kind) or []:
            names: list[Any] = [*(generator.get("files") or []), *(generator.get("envs") or [])]
            names += [generator["env"]] if "env" in generator else []
            yield from ((kind, str(name).split("=")[-1]) for name in names)


@check(
    "KUS001",
    "what a kustomization names is there",
    why="kustomize build stops at the first missing file, and only the environment that needs it notices.",
    fix="Name an existing file or folder, or take the line out.",
)
def complete(repository: Repository) -> Iterator[tuple[str, int, str]]:
    """Yield names in kustomizations that lead nowhere."""
    for path, content in repository.kustomizations.items():
        for kind, name in named_in(content):
            if "://" in name or name.startswith("github.com/"):
                continue
            target = resolve(path, name)
            if not repository.exists(target):
                yield path, 0, f"{kind}: {name} does not exist"
            elif target in repository.folders and not any(
                f"{target}/{file}" in repository.files for file in KUSTOMIZATIONS
            ):
                yield path, 0, f"{kind}: {name} holds no kustomization.yaml"


@check(
    "KUS002",
    "no manifest is left out of every kustomization",
    why="A manifest that nothing names is never applied, and everybody believes that it is.",
    fix="Name it under resources or patches of a kustomization beside it, or remove it.",
)
def orphans(repository: Repository) -> Iterator[tuple[str, int, str]]:
    """Yield manifests in folders of kustomizations that none of them names."""
    named = {
        resolve(path, name) for path, content in repository.kustomizations.items() for _, name in named_in(content)
    }
    for path in repository.matching(r"k8s/.*\.ya?ml$"):
        if path not in named and path not in repository.kustomizations:
            yield path, 0, f"{path} is named by no kustomization"
