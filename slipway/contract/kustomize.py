"""Kustomizations and manifests belong together, and each overlay speaks of its own environment."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from slipway.contract.fields import judged, versions
from slipway.contract.kubernetes import Findings, containers, entries, pods, sub, words
from slipway.contract.overlays import Build, Patch, builds, kustomization_in, patches
from slipway.contract.references import sources
from slipway.contract.registry import check
from slipway.contract.repository import KUSTOMIZATIONS, Document, Repository, line_of, resolve

LISTS = ("resources", "components", "configurations", "crds")
PATCHES = ("patches", "patchesStrategicMerge", "patchesJson6902", "replacements")
GENERATORS = ("configMapGenerator", "secretGenerator")
ENVIRONMENTS = ("dev", "staging", "production")
OLD = {
    "bases": "resources",
    "commonLabels": "labels",
    "patchesJson6902": "patches",
    "patchesStrategicMerge": "patches",
    "vars": "replacements",
}
KINDS = {"Kustomization": "kustomize.config.k8s.io/v1beta1", "Component": "kustomize.config.k8s.io/v1alpha1"}
BOUND = {"LOG_LEVEL": ("debug", "trace"), "AUTH_MODE": ("none", "off", "disabled", "")}


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
        for generator in entries(content, kind):
            names: list[Any] = [*(generator.get("files") or []), *(generator.get("envs") or [])]
            names += [generator["env"]] if "env" in generator else []
            yield from ((kind, str(name).split("=")[-1]) for name in names)


@check(
    "KUS001",
    "what a kustomization names is there",
    why="kustomize build stops at the first missing file, and only the environment that needs it notices.",
    fix="Name an existing file or folder, or take the line out.",
)
def complete(repository: Repository) -> Findings:
    """Yield names in kustomizations that lead nowhere."""
    for path, content in repository.kustomizations.items():
        for kind, name in named_in(content):
            if "://" in name or name.startswith("github.com/"):
                yield (
                    path,
                    line_of(content, kind),
                    f"{kind}: {name} is fetched from outside, and is another one tomorrow",
                )
                continue
            target = resolve(path, name)
            if not repository.exists(target):
                yield path, line_of(content, kind), f"{kind}: {name} does not exist"
            elif target in repository.folders and not any(
                f"{target}/{file}" in repository.files for file in KUSTOMIZATIONS
            ):
                yield path, line_of(content, kind), f"{kind}: {name} holds no kustomization.yaml"


@check(
    "KUS002",
    "no manifest is left out of every kustomization",
    why="A manifest that nothing names is never applied, and everybody believes that it is.",
    fix="Name it under resources or patches of a kustomization beside it, or remove it.",
)
def orphans(repository: Repository) -> Findings:
    """Yield manifests in folders of kustomizations that none of them names."""
    named = {
        resolve(path, name) for path, content in repository.kustomizations.items() for _, name in named_in(content)
    }
    for path in repository.matching(r"k8s/.*\.ya?ml$"):
        if path not in named and path not in repository.kustomizations:
            yield path, 0, f"{path} is named by no kustomization"


@check(
    "KUS003",
    "patches and generators come together with what they change",
    why="kustomize passes over a target that is not there in silence, and stops at a path that is not (row N12).",
    fix="Correct the target or the path; a generator that adds to another says behavior: merge.",
)
def fitting(repository: Repository) -> Findings:
    """Yield patches and generators that change nothing, or cannot be applied."""
    said: dict[tuple[str, int, str], int] = {}
    for build in builds(repository):
        own = build.path.rpartition("/")[0]
        for problem in build.problems:
            if build.real or problem.path.startswith(f"{own}/"):
                said[problem] = said.get(problem, 0) + 1
    for (path, line, message), count in said.items():
        found = [
            patch
            for place in repository.kustomizations
            for patch in patches(repository, place)
            if (patch.path, patch.line) == (path, line) and patch.target and "finds no object" in message
        ]
        if not found or (count >= _users(repository, path) and not _chosen_away(repository, found[0])):
            yield path, line, message


def _chosen_away(repository: Repository, patch: Patch) -> bool:
    """Tell whether a patch takes away what is not there, or is for what a service without a store has none of."""
    if isinstance(patch.content, dict) and patch.content.get("$patch") == "delete":
        return True
    return repository.answers.get("datastore") == "none" and str((patch.target or {}).get("kind")) in versions()


def _users(repository: Repository, path: str) -> int:
    """Give how many overlays build what a kustomization, or a patch beside it, is part of; at least one."""
    folder = path.rpartition("/")[0]
    place = kustomization_in(repository, folder) or path
    pending, seen = [place], {place}
    while pending:
        below = pending.pop().rpartition("/")[0]
        for other, content in repository.kustomizations.items():
            names = [*words(content, "resources"), *words(content, "components")]
            if other not in seen and any(resolve(other, name) == below for name in names):
                seen.add(other)
                pending.append(other)
    return max(1, sum(1 for build in builds(repository) if build.real and build.path in seen))


@check(
    "KUS004",
    "a kustomization has fields that kustomize knows, and names components as components",
    why="A misspelt field stops the build; old ones go with the next version, and commonLabels changes selectors.",
    fix="Write the field that the message names; bases and components stand in the list of their kind.",
)
def known(repository: Repository) -> Findings:
    """Yield unknown and old fields, and folders in the wrong list."""
    for path, content in repository.kustomizations.items():
        for key in sorted({*OLD} & {*content}):
            yield path, line_of(content, key), f"{key} is old; say {OLD[key]}"
        rest = {key: value for key, value in content.items() if key not in OLD}
        for line, message in judged(rest, "Kustomization", "", line_of(content)):
            yield path, line or line_of(content), message
        kind = str(content.get("kind", "Kustomization"))
        if "apiVersion" in content and content["apiVersion"] != KINDS.get(kind):
            yield path, line_of(content, "apiVersion"), f"a {kind} has apiVersion {KINDS.get(kind)}"
        for field, wanted in (("resources", "Kustomization"), ("components", "Component")):
            for name in words(content, field):
                below = kustomization_in(repository, resolve(path, name))
                other = repository.kustomizations[below].get("kind", "Kustomization") if below else wanted
                if other != wanted:
                    yield path, line_of(content, field), f"{field}: {name} is a {other}"
        for field in ("resources", "components"):
            names = words(content, field)
            for name in sorted({name for name in names if names.count(name) > 1}):
                yield path, line_of(content, field), f"{field}: {name} is listed {names.count(name)} times"


@check(
    "KUS005",
    "an overlay speaks of its own environment, and of no other",
    why="An overlay that was copied reads the secrets of the other environment, and tells nobody (row N13).",
    fix="Put the name of the overlay's environment where the message points.",
)
def own_environment(repository: Repository) -> Findings:
    """Yield overlays that name another environment, or none."""
    slug = str(repository.answers.get("project_slug") or "")
    others = re.compile(rf"(?<![\w-]){re.escape(slug)}-({'|'.join(ENVIRONMENTS)})(?![\w-])")
    for build in builds(repository):
        if build.name not in ENVIRONMENTS or not build.real:
            continue
        for path in repository.matching(re.escape(f"{build.path.rpartition('/')[0]}/")):
            for number, line in repository.lines(path) if slug else ():
                for name in {*others.findall(line)} - {build.name}:
                    yield path, number, f"{build.name} speaks of {slug}-{name}"
        yield from _misled(build)


def _misled(build: Build) -> Findings:
    for (kind, name), values in build.settings.items():
        if kind == "ConfigMap" and values.get("ENVIRONMENT", build.name) != build.name:
            yield build.path, 0, f"ENVIRONMENT is {values['ENVIRONMENT']} in the ConfigMap {name} of {build.name}"
        for variable, refused in BOUND.items():
            if build.name == "production" and values.get(variable) in refused:
                yield build.path, 0, f"{variable} is {values[variable]} in the ConfigMap {name} of production"


@check(
    "KUS006",
    "overlays build on the base, and differ in what an environment is",
    why="An overlay that forgets the base or a component deploys half a service; three equal ones prove nothing.",
    fix="Name the base and the components of the other overlays, and set what differs in the overlay.",
)
def differing(repository: Repository) -> Findings:
    """Yield overlays without the base, with other components than most, or like another but for the name."""
    overlays = {build.name: build for build in builds(repository) if build.real and build.name in ENVIRONMENTS}
    shapes: dict[str, str] = {}
    for name, build in overlays.items():
        content = repository.kustomizations[build.path]
        folder = build.path.rpartition("/")[0]
        base = resolve(build.path, "../../base")
        if repository.exists(base) and base not in {resolve(build.path, one) for one in words(content, "resources")}:
            yield build.path, line_of(content, "resources"), f"{name} does not name {base} under resources"
        shape = "".join(
            repository.text(path).replace(name, "ENVIRONMENT") for path in repository.matching(re.escape(f"{folder}/"))
        )
        plain = "\n".join(line for line in shape.splitlines() if not line.lstrip().startswith("#"))
        if shapes.setdefault(plain, name) != name:
            yield build.path, 0, f"{name} differs from {shapes[plain]} in nothing but the name"
        if not any(kind == "ConfigMap" and "ENVIRONMENT" in values for (kind, _), values in build.settings.items()):
            yield build.path, 0, f"{name} does not set ENVIRONMENT"
    yield from _unhashed(repository)


def _unhashed(repository: Repository) -> Findings:
    named = {
        str(reference.get("name"))
        for _, _, container, _ in containers(repository)
        for _, reference in sources(container)
    }
    for _, _, template in pods(repository):
        named |= {str(sub(one, "configMap").get("name")) for one in entries(sub(template, "spec"), "volumes")}
    for path, content in repository.kustomizations.items():
        places = [sub(content, "generatorOptions")]
        generators = [one for kind in GENERATORS for one in entries(content, kind)]
        places += [sub(one, "options") for one in generators if str(one.get("name")) in named]
        for place in places:
            if place.get("disableNameSuffixHash"):
                line = line_of(place, "disableNameSuffixHash")
                yield path, line, "disableNameSuffixHash keeps pods on the old settings when the ConfigMap changes"
