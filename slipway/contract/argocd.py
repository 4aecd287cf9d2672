"""Argo CD: each Application deploys what is there, to where its project allows, and the project allows no more."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatch

from slipway.contract.kubernetes import Findings, Told, across, at, called, each, entries, objects, sub, words
from slipway.contract.overlays import CLUSTER_WIDE, Build, Made, builds, kustomization_in
from slipway.contract.pods import seconds
from slipway.contract.references import selected, sources
from slipway.contract.registry import check
from slipway.contract.repository import Document, Repository, line_of
from slipway.contract.scaling import unscheduled

HOOK, WAVE = "argocd.argoproj.io/hook", "argocd.argoproj.io/sync-wave"
DELETE = "argocd.argoproj.io/hook-delete-policy"
DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
WEEKEND = 6 * 24
HOOKS = {
    HOOK: re.compile(r"(?:PreSync|Sync|PostSync|SyncFail|Skip|PreDelete|PostDelete)(?:,[A-Za-z]+)*"),
    WAVE: re.compile(r"-?[0-9]+"),
    DELETE: re.compile(r"(?:HookSucceeded|HookFailed|BeforeHookCreation)(?:,[A-Za-z]+)*"),
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
    yield from _apart(repository, projects)
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


def _apart(repository: Repository, projects: dict[str, Document]) -> Findings:
    """Yield Applications that are treated otherwise than the rest, and a production that nobody approves."""
    known = found(repository, "Application")
    options = {option for _, one in known for option in words(sub(one, "spec", "syncPolicy"), "syncOptions")}
    yield from _twice(known)
    branches = [str(sub(one, "spec", "source").get("targetRevision")) for _, one in known]
    for path, content in known:
        spec, metadata = sub(content, "spec"), sub(content, "metadata")
        policy, who = sub(spec, "syncPolicy"), called(content)
        lacking = sorted(options - {*words(policy, "syncOptions")})
        if lacking:
            yield path, line_of(policy, "syncOptions"), f"{who} does not say {', '.join(lacking)}, as the others do"
        branch = str(sub(spec, "source").get("targetRevision"))
        if branches.count(branch) * 2 < len(branches):
            yield (
                path,
                line_of(spec, "source"),
                f"{who} follows {branch}, and the others {max(branches, key=branches.count)}",
            )
        home = sub(projects.get(str(spec.get("project"))), "metadata").get("namespace")
        if home != metadata.get("namespace") and str(spec.get("project")) in projects:
            yield (
                path,
                line_of(metadata, "namespace"),
                f"{who} is in {metadata.get('namespace')}, its project in {home}",
            )
        if str(sub(spec, "source").get("path")).rstrip("/").endswith("/production"):
            if "automated" in policy:
                yield (
                    path,
                    line_of(policy, "automated"),
                    f"{who} syncs production by itself, so that nobody approves it",
                )
            if any("finalizer" in one for one in words(metadata, "finalizers")):
                yield path, line_of(metadata), f"{who} takes production with it when it is deleted: finalizers"


def _twice(known: list[tuple[str, Document]]) -> Findings:
    """Yield Applications of one name, and those that name the image themselves."""
    names = [called(one) for _, one in known]
    for path, one in known:
        if names.count(called(one)) > 1:
            yield path, line_of(one), f"{called(one)} stands twice, and the last one counts"
        if words(sub(one, "spec", "source", "kustomize"), "images"):
            told = "names its image, over what bin/promote writes into the overlay"
            yield path, line_of(sub(one, "spec"), "source"), f"{called(one)} {told}"


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
    if spec.get("revisionHistoryLimit") == 0:
        yield "revisionHistoryLimit 0 keeps nothing to go back to"
    for one in entries(spec, "ignoreDifferences"):
        whole = {"", "/", "/spec", "/spec/template", "/spec/template/spec"} & {*words(one, "jsonPointers")}
        if whole:
            yield f"ignoreDifferences skips {', '.join(sorted(whole))} of {one.get('kind')}: git says it no more"


def _careless(policy: Document) -> Iterator[str]:
    if "automated" in policy:
        for key in ("prune", "selfHeal"):
            if sub(policy, "automated").get(key) is not True:
                yield f"syncs by itself without {key}: true, so that what git no longer holds stays"
        if sub(policy, "automated").get("allowEmpty"):
            yield "allowEmpty lets an empty folder delete everything"
    if isinstance(sub(policy, "retry").get("limit"), int) and sub(policy, "retry")["limit"] < 0:
        yield "tries a sync that fails again for ever: retry.limit is below 0"
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
            made = {
                (one.group, one.kind)
                for build in builds(repository)
                for one in build.objects
                if (one.kind in CLUSTER_WIDE) is cluster
            }
            made |= {("", kind) for build in builds(repository) for kind, _ in build.settings if not cluster}
            for group, kind in sorted(made - allowed) if ("*", "*") not in allowed else ():
                yield path, line_of(spec, key), f"{who} does not allow {kind} of {group or 'the core'} in {key}"


@check(
    "ARG004",
    "a project's roles and windows name what is there, and data outlives a sync",
    why="A policy of another role gives nothing; a window over nothing stops nothing; a pruned claim is lost (R01).",
    fix="Write p, proj:PROJECT:ROLE, ...; deny from Friday to Monday by the Application's name; Prune=false on claims.",
)
def rights(repository: Repository) -> Findings:
    """Yield policies that give nothing or too much, windows over nothing, and claims that a sync may remove."""
    names = {str(sub(one, "metadata").get("name")) for _, one in found(repository, "Application")}
    for path, content in found(repository, "AppProject"):
        spec, who = sub(content, "spec"), called(content)
        project = str(sub(content, "metadata").get("name"))
        for role in entries(spec, "roles"):
            for policy in words(role, "policies"):
                wrong = _policy(policy, project, str(role.get("name")))
                if wrong:
                    yield path, line_of(role, "policies"), f"{who}: the policy {policy!r} {wrong}"
        for window in entries(spec, "syncWindows"):
            for message in _window(window, names):
                yield path, line_of(window), f"{who}: the sync window {message}"
        for line, message in _surplus(repository, spec):
            yield path, line, f"{who} {message}"
    if names:
        yield from each(repository, _pruned)


def _surplus(repository: Repository, spec: Document) -> Told:
    """Yield kinds that a project allows, and that no overlay makes."""
    kinds = {one.kind for build in builds(repository) for one in build.objects}
    for one in entries(spec, "namespaceResourceWhitelist"):
        if one.get("kind") in {"Role", "RoleBinding", "Secret"} - kinds:
            yield line_of(one), f"allows {one['kind']}, which no overlay makes"
    held = entries(spec, "clusterResourceWhitelist")
    for one in held if any("name" in one for one in held) else ():
        if "name" not in one:
            yield line_of(one), f"may make a {one.get('kind')} of any name"


def _policy(policy: str, project: str, role: str) -> str:
    parts = [part.strip() for part in policy.split(",")]
    if len(parts) != 6 or parts[0] != "p":  # noqa: PLR2004
        return "is not p, ROLE, RESOURCE, ACTION, OBJECT, EFFECT"
    if parts[1] != f"proj:{project}:{role}":
        return f"is not for proj:{project}:{role}, and gives nothing"
    if not parts[4].startswith(f"{project}/"):
        return f"reaches {parts[4]}, outside of {project}"
    if parts[5] == "allow" and {parts[2], parts[3].partition("/")[0]} & {"*", "delete", "override", "update", "exec"}:
        return f"allows {parts[3]} of {parts[2]}, so that git is not the only way"
    return ""


def _window(window: Document, names: set[str]) -> Iterator[str]:
    for one in words(window, "applications"):
        if names and not any(fnmatch(name, one) for name in names):
            yield f"is for {one}, and no Application has that name"
    wrong = unscheduled(str(window.get("schedule")))
    if wrong:
        yield f"has the schedule {window.get('schedule')!r}, which {wrong}"
        return
    lasting = seconds(window.get("duration"))
    if lasting is None:
        yield f"lasts {window.get('duration')}, which is no duration such as 66h"
    if window.get("kind") != "deny":
        yield f"is of kind {window.get('kind')}: what is not in it is denied, and in it everything goes"
    if window.get("manualSync") is not True:
        yield "keeps even a person from mending what is broken: manualSync is not true"
    weekly = re.fullmatch(r"([0-9]+) ([0-9]+) \* \* ([0-9]|[A-Za-z]{3})", str(window.get("schedule")))
    if weekly and lasting is not None and window.get("kind") == "deny":
        day = (
            DAYS.index(weekly[3].lower())
            if weekly[3].lower() in DAYS
            else int(weekly[3]) % 7
            if weekly[3].isdigit()
            else 0
        )
        begin = day * 24 + int(weekly[2]) + int(weekly[1]) / 60
        if day and (begin > WEEKEND or begin + lasting / 3600 < 8 * 24):
            yield f"from {window['schedule']} for {window['duration']} does not cover Saturday and Sunday"


def _pruned(content: Document) -> Told:
    options = str(sub(content, "metadata", "annotations").get("argocd.argoproj.io/sync-options", ""))
    if content.get("kind") == "PersistentVolumeClaim" and "Prune=false" not in options.replace(" ", "").split(","):
        line = line_of(sub(content, "metadata"), "annotations")
        yield line, f"{called(content)} goes with its line in git, and its data with it: say Prune=false"


def _everybody(spec: Document) -> Iterator[str]:
    if "*" in words(spec, "sourceNamespaces"):
        yield "lets Applications of every namespace use it: sourceNamespaces"
    for role in entries(spec, "roles"):
        if "*" in words(role, "groups"):
            yield f"gives the role {role.get('name')} to everybody: groups"


def _stars(spec: Document) -> Iterator[str]:
    yield from _everybody(spec)
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
    if found(repository, "Application"):
        yield from each(repository, _again)
        yield from _settings(repository)
    yield from across(repository, _late)
    yield from across(repository, _behind)


def _again(content: Document) -> Told:
    """Yield jobs of a fixed name that the second sync cannot replace."""
    held = sub(content, "metadata", "annotations")
    if content.get("kind") != "Job":
        return
    line = line_of(sub(content, "metadata"), "annotations")
    if HOOK not in held:
        yield line, f"{called(content)} is no hook: the second sync cannot change it, a Job is immutable"
    policy = str(held.get(DELETE, "BeforeHookCreation"))
    if HOOK in held and "BeforeHookCreation" not in policy:
        yield line, f"{called(content)}: with {policy} alone a Job that did not end so stays, and stops the next sync"


def _settings(repository: Repository) -> Findings:
    """Yield ConfigMaps that a hook reads, and that are applied after it."""
    for build in builds(repository):
        for made in build.of("Job") if build.real else ():
            if str(sub(made.content, "metadata", "annotations").get(HOOK)) != "Sync":
                continue
            pod = sub(made.content, "spec", "template", "spec")
            read = {
                str(one.get("name"))
                for held in entries(pod, "containers")
                for kind, one in sources(held)
                if kind == "ConfigMap"
            }
            for name in sorted(read & {name for kind, name in build.settings if kind == "ConfigMap"}):
                waves = [
                    int(wave)
                    for content in repository.kustomizations.values()
                    for one in entries(content, "configMapGenerator")
                    if one.get("name") == name
                    and re.fullmatch(r"-?[0-9]+", wave := str(sub(one, "options", "annotations").get(WAVE)))
                ]
                first = min(waves, default=0)
                if first >= _wave(made):
                    told = f"runs in wave {_wave(made)}, and the ConfigMap {name} that it reads comes in {first}"
                    yield *at(made, "metadata", "annotations"), f"{made} {told}"
                    return


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
        for one in build.of("ExternalSecret", "NetworkPolicy") if phase == "Sync" else ():
            needed = made in selected(build, one) if one.kind == "NetworkPolicy" else _reads(made, one)
            if needed and _wave(one) >= _wave(made):
                told = f"{made} runs in wave {_wave(made)}, and {one}, which it needs, comes in {_wave(one)}"
                yield *at(made, "metadata", "annotations"), told
        commands = [
            words(one, "command") for one in entries(sub(made.content, "spec", "template", "spec"), "containers")
        ]
        if phase == "PostSync" and ["/app/migrate"] in commands:
            yield *at(made, "metadata", "annotations"), f"{made} migrates after the pods that need it: {HOOK} {phase}"
        if account and phase == "PreSync" and HOOK not in sub(account.content, "metadata", "annotations"):
            yield *at(made, "metadata", "annotations"), f"{made} runs before the sync that makes {account}"


def _behind(build: Build) -> Findings:
    """Yield namespaces and stores that come after what needs them."""
    first = min((_wave(one) for one in build.objects if one.kind != "Namespace"), default=0)
    for made in build.of("Namespace"):
        if _wave(made) > first:
            yield *at(made, "metadata"), f"{made} comes in wave {_wave(made)}, and what is in it in {first}"
    for made in build.of("ExternalSecret"):
        for kind in ("SecretStore", "ServiceAccount"):
            store = build.named("SecretStore", sub(made.spec, "secretStoreRef").get("name"))
            account = (
                sub(store.spec, "provider", "aws", "auth", "jwt", "serviceAccountRef").get("name") if store else None
            )
            needed = store if kind == "SecretStore" else build.named(kind, account)
            if needed and _wave(needed) > _wave(made):
                told = f"{made} comes in wave {_wave(made)}, and {needed}, which it reads by, in {_wave(needed)}"
                yield *at(needed, "metadata"), told


def _reads(made: Made, secret: Made) -> bool:
    name = sub(secret.spec, "target").get("name") or secret.name
    containers = entries(sub(made.content, "spec", "template", "spec"), "containers")
    return any(kind == "Secret" and one.get("name") == name for held in containers for kind, one in sources(held))


def _wave(made: Made) -> int:
    found = str(sub(made.content, "metadata", "annotations").get(WAVE, 0))
    return int(found) if re.fullmatch(r"-?[0-9]+", found) else 0
