"""Argo CD: each Application deploys what is there, to where its project allows, and the project allows no more."""

from __future__ import annotations

import re
from collections.abc import Iterator

from slipway.contract.kubernetes import Findings, Told, across, at, called, each, entries, objects, sub, words
from slipway.contract.overlays import CLUSTER_WIDE, Build, Made, builds, kustomization_in
from slipway.contract.registry import check
from slipway.contract.repository import Document, Repository, line_of

HOOK, WAVE = "argocd.argoproj.io/hook", "argocd.argoproj.io/sync-wave"
HOOKS = {
    HOOK: re.compile(r"(?:PreSync|Sync|PostSync|SyncFail|Skip|PreDelete|PostDelete)(?:,[A-Za-z]+)*"),
    WAVE: re.compile(r"-?[0-9]+"),
    "argocd.argoproj.io/hook-delete-policy": re.compile(
        r"(?:HookSucceeded|HookFailed|BeforeHookCreation)(?:,[A-Za-z]+)*"
    ),
}


def found(repository: Repository, kind: str) -> list[tuple[str, Document]]:
    """Give the objects of a kind of Argo CD, with their files."""
    return [
        (path, content)
        for path, content in objects(repository)
        if content.get("kind") == kind and str(content.get("apiVersion")).startswith("argoproj.io/")
    ]


@check(
    "ARG001",
    "an Application deploys an overlay that is there, to the place of that environment",
    why="A wrong path or namespace shows in the cluster alone, and may put dev where production was (row N11).",
    fix="path: k8s/overlays/ENVIRONMENT, namespace SERVICE-ENVIRONMENT, a branch or tag, and a project of this folder.",
)
def applications(repository: Repository) -> Findings:
    """Yield Applications that lead nowhere, or to another environment."""
    projects = {str(sub(one, "metadata").get("name")): one for _, one in found(repository, "AppProject")}
    deployed: dict[str, str] = {}
    for path, content in found(repository, "Application"):
        spec = sub(content, "spec")
        source, target = sub(spec, "source"), sub(spec, "destination")
        for message in _misled(repository, source, target):
            yield path, line_of(spec, "source"), f"{called(content)}: {message}"
        for message in _unfit(spec, source, target, projects):
            yield path, line_of(spec), f"{called(content)}: {message}"
        deployed[str(source.get("path"))] = path
    where = next(iter(deployed.values()), "")
    for build in builds(repository) if deployed else ():
        folder = build.path.rpartition("/")[0]
        if build.real and folder not in deployed:
            yield where, 0, f"no Application deploys {folder}"


def _misled(repository: Repository, source: Document, target: Document) -> Iterator[str]:
    folder = str(source.get("path")).strip("/")
    place = kustomization_in(repository, folder)
    if place is None:
        yield f"the path {folder} holds no kustomization"
    else:
        wanted = repository.kustomizations[place].get("namespace")
        if wanted and target.get("namespace") != wanted:
            yield f"deploys {folder} to {target.get('namespace')}, which is made for {wanted}"
    revision = source.get("targetRevision")
    if revision in (None, "", "HEAD", "*"):
        yield f"targetRevision {revision} is whatever the server calls its head"


def _unfit(spec: Document, source: Document, target: Document, projects: dict[str, Document]) -> Iterator[str]:
    name = str(spec.get("project"))
    project = sub(projects.get(name), "spec")
    if name == "default":
        yield "belongs to the project default, which may do anything"
    elif name not in projects:
        yield f"belongs to the project {name}, which is not in this folder"
    elif not any(_allowed(target, one) for one in entries(project, "destinations")):
        place = target.get("server", target.get("name"))
        yield f"the project {name} does not allow {target.get('namespace')} on {place}"
    if name in projects and not {str(source.get("repoURL")), "*"} & {*words(project, "sourceRepos")}:
        yield f"the project {name} does not allow {source.get('repoURL')}"
    yield from _careless(sub(spec, "syncPolicy"))


def _careless(policy: Document) -> Iterator[str]:
    if "automated" in policy:
        for key in ("prune", "selfHeal"):
            if sub(policy, "automated").get(key) is not True:
                yield f"syncs by itself without {key}: true, so that what git no longer holds stays"
        if sub(policy, "automated").get("allowEmpty"):
            yield "allowEmpty lets an empty folder delete everything"
    for option in words(policy, "syncOptions"):
        if option in ("Validate=false", "Replace=true", "Force=true", "PruneLast=false"):
            yield f"says {option}"


def _allowed(target: Document, allowed: Document) -> bool:
    return all(
        allowed.get(key) in ("*", target.get(key))
        for key in ("server", "name", "namespace")
        if target.get(key) is not None
    )


@check(
    "ARG002",
    "a project allows what the overlays make, and nothing else",
    why="A star lets whoever writes to the repository make anything anywhere; a missing kind stops the sync (row N11).",
    fix="List repositories, namespaces and kinds one by one; add the kind that the message names.",
)
def projects(repository: Repository) -> Findings:
    """Yield projects that allow everything, or too little."""
    for path, content in found(repository, "AppProject"):
        spec, who = sub(content, "spec"), called(content)
        for message in _stars(spec):
            yield path, line_of(spec), f"{who} {message}"
        for key, cluster in (("clusterResourceWhitelist", True), ("namespaceResourceWhitelist", False)):
            allowed = {(str(one.get("group")), str(one.get("kind"))) for one in entries(spec, key)}
            if key not in spec and cluster:
                continue
            made = {
                (one.group, one.kind)
                for build in builds(repository)
                for one in build.objects
                if (one.kind in CLUSTER_WIDE) is cluster
            }
            made |= {("", kind) for build in builds(repository) for kind, _ in build.settings if not cluster}
            for group, kind in sorted(made - allowed) if ("*", "*") not in allowed else ():
                yield path, line_of(spec, key), f"{who} does not allow {kind} of {group or 'the core'} in {key}"


def _stars(spec: Document) -> Iterator[str]:
    if "*" in words(spec, "sourceRepos") or any(one.endswith("/*") for one in words(spec, "sourceRepos")):
        yield f"takes every repository: {', '.join(words(spec, 'sourceRepos'))}"
    for one in entries(spec, "destinations"):
        stars = [f"{key}: {one[key]}" for key in ("server", "namespace", "name") if "*" in str(one.get(key, ""))]
        if stars:
            yield f"writes to {', '.join(stars)}"
    for key in ("clusterResourceWhitelist", "namespaceResourceWhitelist"):
        starred = [one for one in entries(spec, key) if "*" in (one.get("group"), one.get("kind"))]
        yield from (f"allows {key} {one.get('group')}/{one.get('kind')}" for one in starred)
    for one in entries(spec, "clusterResourceWhitelist"):
        if one.get("kind") in ("ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition"):
            yield f"may make a {one['kind']}"
    if "namespaceResourceWhitelist" not in spec:
        yield "allows every kind in its namespaces: namespaceResourceWhitelist is missing"


@check(
    "ARG003",
    "hooks and waves are known to Argo CD, and come before what waits for them",
    why="A misspelt hook is applied as an ordinary object, and a migration runs after the pods that need it (row N11).",
    fix="Hooks are PreSync, Sync, PostSync, SyncFail; waves are whole numbers in quotes, the lower the earlier.",
)
def hooks(repository: Repository) -> Findings:
    """Yield annotations that Argo CD does not know, and hooks that run before what they need."""
    yield from each(repository, _unhooked)
    yield from across(repository, _late)


def _unhooked(content: Document) -> Told:
    metadata = sub(content, "metadata")
    held = sub(metadata, "annotations")
    for key, known in HOOKS.items():
        if key in held and not known.fullmatch(str(held[key])):
            yield line_of(held, key), f"{called(content)}: {key} {held[key]} is not known"
    for key in held:
        if str(key).startswith("argocd.argoproj.io/hook") and key not in HOOKS:
            yield line_of(held, key), f"{called(content)}: the annotation {key} is not known"


def _late(build: Build) -> Findings:
    serving = [_wave(one) for one in build.of("Deployment", "Rollout", "StatefulSet")]
    for made in build.of("Job"):
        phase = str(sub(made.content, "metadata", "annotations").get(HOOK))
        if phase == "Sync" and serving and _wave(made) >= min(serving):
            yield (
                *at(made, "metadata", "annotations"),
                f"{made} runs in wave {_wave(made)}, not before the pods in {min(serving)}",
            )
        account = build.named("ServiceAccount", sub(made.content, "spec", "template", "spec").get("serviceAccountName"))
        if account and phase == "Sync" and _wave(account) >= _wave(made):
            yield (
                *at(made, "metadata", "annotations"),
                f"{made} runs in wave {_wave(made)}, {account} comes in {_wave(account)}",
            )
        if account and phase == "PreSync" and HOOK not in sub(account.content, "metadata", "annotations"):
            yield *at(made, "metadata", "annotations"), f"{made} runs before the sync that makes {account}"


def _wave(made: Made) -> int:
    found = str(sub(made.content, "metadata", "annotations").get(WAVE, 0))
    return int(found) if re.fullmatch(r"-?[0-9]+", found) else 0
