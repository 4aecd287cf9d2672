"""What an environment is told and given: settings, secrets, room."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import Any

from slipway.contract.environment import EXAMPLES
from slipway.contract.kubernetes import (
    Findings,
    Told,
    across,
    at,
    called,
    each,
    entries,
    own_containers,
    sub,
    template,
    words,
)
from slipway.contract.kustomize import ENVIRONMENTS
from slipway.contract.overlays import Build, Made, builds
from slipway.contract.pods import DURATION, quantity, seconds
from slipway.contract.references import sources, workloads
from slipway.contract.registry import check
from slipway.contract.repository import Document, Repository, line_of, resolve
from slipway.contract.scaling import least_replicas, most_replicas

LONGEST = 24 * 3600
FORMS = (
    ("a duration such as 25s", re.compile(r"0|" + DURATION.pattern), re.compile(DURATION.pattern)),
    ("a whole number", re.compile(r"[0-9]+"), re.compile(r"[0-9]+")),
    ("true or false", re.compile(r"true|false"), re.compile(r"true|false")),
)
WORDS = {
    "AUTH_MODE": ("jwt", "off"),
    "BROKER": ("kafka", "none"),
    "LOG_LEVEL": ("debug", "info", "warn", "error"),
    "STORE": ("memory", "mongodb", "postgresql"),
}
REGION = re.compile(r"[a-z]{2}(?:-[a-z]+)+-[0-9]")
ADDRESS = re.compile(r"(?:AUTH_ISSUER|AUTH_JWKS_URL)$")


@check(
    "K8S034",
    "settings have the form that the service reads",
    why="A duration without a unit, or a word where a number stands, ends the process at its start (row A19).",
    fix="Write the value as .env.example does; keys of the token issuer come by https, and proxies are named.",
)
def settings(repository: Repository) -> Findings:
    """Yield values of another form than the default, and addresses that nobody should trust."""
    defaults: dict[str, str] = {}
    for path in repository.matching(EXAMPLES):
        for line in repository.text(path).splitlines():
            if found := re.match(r"#?\s?([A-Z][A-Z0-9_]*)=(\S+)$", line):
                defaults.setdefault(found[1], found[2])

    def judge(build: Build) -> Findings:
        for (kind, _), held in build.settings.items():
            for name, value in held.items() if kind == "ConfigMap" else ():
                for message in _wrong(name, value, defaults.get(name, ""), build):
                    yield build.path, 0, f"{name} is {value}, {message}"
        yield from _impatient(build, defaults.get("HTTP_WRITE_TIMEOUT", ""))
        yield from _unused(build)

    yield from across(repository, judge)


def _impatient(build: Build, default: str) -> Findings:
    """Yield routes that give up before the service answers."""
    taken = [held["HTTP_WRITE_TIMEOUT"] for held in build.settings.values() if "HTTP_WRITE_TIMEOUT" in held]
    longest = seconds(next(iter(taken), default)) or 0
    for made in build.of("HTTPRoute"):
        for rule in entries(made.spec, "rules"):
            limits = sub(rule, "timeouts")
            for key, value in limits.items():
                given = seconds(value)
                if given is not None and 0 < given <= longest:
                    told = f"{key} {value} ends before HTTP_WRITE_TIMEOUT, {longest:g} s"
                    yield made.path, 0 if made.patched else line_of(limits, key), f"{made}: {told}"


def _unused(build: Build) -> Findings:
    """Yield pods that are given the address of a store which the settings do not use."""
    store = next((held["STORE"] for held in build.settings.values() if "STORE" in held), "")
    for made in workloads(build) if store == "memory" else ():
        told = {
            str(one.get("name"))
            for one in own_containers(sub(template(made.content), "spec"))
            for one in entries(one, "env")
        }
        if "DATABASE_URL" in told:
            yield (
                build.path,
                0,
                f"{made} is told DATABASE_URL, and STORE is {store}, which loses everything with the pod",
            )


def _wrong(name: str, value: str, default: str, build: Build) -> Iterator[str]:
    for form, allowed, known in FORMS:
        if known.fullmatch(default):
            if value and not allowed.fullmatch(value):
                yield f"not {form}"
            break
    if name in WORDS and value not in WORDS[name]:
        yield f"none of {', '.join(WORDS[name])}"
    if name == "KAFKA_BROKERS" and not all(re.search(r":[0-9]+$", one) for one in value.split(",")):
        yield "and a broker is HOST:PORT"
    if ADDRESS.fullmatch(name) and value.startswith("http://") and build.name in ("staging", "production"):
        yield "which anybody on the way can answer: say https"
    if name == "HTTP_TRUSTED_PROXIES" and value:
        yield from _believed(value)


def _believed(value: str) -> Iterator[str]:
    for network in value.split(","):
        try:
            whole = ipaddress.ip_network(network.strip(), strict=False)
        except ValueError:
            yield f"and {network} is no network"
        else:
            if not whole.prefixlen:
                yield "so that every client may say who it is"


@check(
    "K8S035",
    "secrets come from one store, follow it, and no pod starts without them",
    why="A store that pods can use, or a secret that is never read again, makes a rotation useless (rows N09, N10).",
    fix="Refresh within a day, use the SecretStore of the namespace, and an account that no pod runs as.",
)
def held(repository: Repository) -> Findings:
    """Yield secrets that are not refreshed, come by another store, or are needed by one pod and not by another."""
    yield from each(repository, _stale)
    yield from across(repository, _stored)


def _stale(content: Document) -> Told:
    spec = sub(content, "spec")
    if content.get("kind") != "ExternalSecret":
        return
    policy = sub(spec, "target").get("creationPolicy", "Owner")
    if policy not in ("Owner", "Orphan"):
        yield line_of(sub(spec, "target")), f"{called(content)}: creationPolicy {policy} makes no Secret"
    given = str(spec.get("refreshInterval", "1h"))
    every = 0.0 if given == "0" else seconds(given)
    if every is not None and not 0 < every <= LONGEST:
        told = f"refreshInterval {given}: what is rotated does not arrive within a day"
        yield line_of(spec, "refreshInterval"), f"{called(content)}: {told}"


def _stored(build: Build) -> Findings:
    own = next(build.of("SecretStore"), None)
    for made in build.of("ExternalSecret") if own and build.real else ():
        store = sub(made.spec, "secretStoreRef")
        if store.get("kind") == "ClusterSecretStore":
            told = f"asks ClusterSecretStore/{store.get('name')}, and this namespace has {own}"
            yield *at(made, "spec", "secretStoreRef"), f"{made} {told}; name its component before the store's"
    for made in build.of("SecretStore"):
        account = sub(made.spec, "provider", "aws", "auth", "jwt", "serviceAccountRef").get("name")
        for one in workloads(build):
            if account and sub(template(one.content), "spec").get("serviceAccountName") == account:
                yield *at(made, "spec"), f"{made} reads as ServiceAccount/{account}, which {one} runs as"
    yield from _unneeded(build)


def _unneeded(build: Build) -> Findings:
    """Yield secrets that one pod needs, and another starts without."""
    asked: dict[tuple[str, str], list[tuple[Made, Document]]] = {}
    for made in workloads(build):
        for container in own_containers(sub(template(made.content), "spec")):
            for kind, reference in sources(container):
                if kind == "Secret" and "key" in reference:
                    asked.setdefault((str(reference.get("name")), str(reference["key"])), []).append((made, reference))
    for (name, key), found in asked.items():
        needs = next((one for one, reference in found if not reference.get("optional")), None)
        for made, reference in found:
            if needs and reference.get("optional"):
                told = f"starts without {key} of Secret {name}, which {needs} needs: optional"
                yield made.path, 0 if made.patched else line_of(reference), f"{made} {told}"


@check(
    "K8S036",
    "the quota has room for what the autoscalers may start",
    why="Pods above the quota are refused, under load or in the middle of a release, and in silence (row N06).",
    fix="Raise the line of the ResourceQuota that the message names, or lower maxReplicas or the requests.",
)
def room(repository: Repository) -> Findings:
    """Yield quotas below what runs at the most."""
    yield from across(repository, _tight)


def _tight(build: Build) -> Findings:
    for quota in build.of("ResourceQuota") if build.real else ():
        taken = _taken(build)
        for key, value in sub(quota.spec, "hard").items():
            given = quantity(value)
            if given is not None and key in taken and given < taken[key]:
                told = f"{key} {value} is less than what runs at the most: {_plain(taken[key])}"
                yield *at(quota, "spec", "hard", key), f"{quota} of {build.name}: {told}"


def _plain(number: float) -> str:
    return f"{number / 1024**2:g}Mi" if number > 1024**2 else f"{number:g}"


def _taken(build: Build) -> dict[str, float]:
    taken: dict[str, float] = {"pods": 0.0}
    for made in workloads(build):
        count = 1 if made.kind in ("CronJob", "Job", "Pod") else most_replicas(build, made)
        taken["pods"] += count
        for container in own_containers(sub(template(made.content), "spec")):
            for kind in ("requests", "limits"):
                for name, value in sub(container, "resources", kind).items():
                    key = f"{kind}.{name}"
                    taken[key] = taken.get(key, 0.0) + count * (quantity(value) or 0)
    return taken


@check(
    "KUS007",
    "an environment is filled in, and production is not the small one",
    why="What a component leaves to the overlay starts nothing until it is said; a small production falls (row N06).",
    fix="Say in the overlay what the message names; give production at least the size and the parts of the others.",
)
def filled(repository: Repository) -> Findings:
    """Yield overlays with what nobody filled in, shared addresses, alerts of another, and a production below others."""
    known = {build.name: build for build in builds(repository) if build.real and build.name in ENVIRONMENTS}
    hosts: dict[str, str] = {}
    slug = str(repository.answers.get("project_slug") or "")
    told = _set_by_namespace(repository)
    for name, build in known.items():
        for made in build.objects:
            for way in _unset(made.content, "", told):
                yield build.path, 0, f"{made} of {name}: {way} is not filled in"
            for host in words(made.spec, "hostnames") if made.kind == "HTTPRoute" else ():
                if hosts.setdefault(host, name) != name:
                    yield build.path, 0, f"{made} of {name} takes the requests of {host}, as {hosts[host]} does"
            yield from _foreign(build, made)
            name_held = sub(template(made.content), "metadata", "labels").get("app.kubernetes.io/name", slug)
            if slug and name_held != slug:
                yield build.path, 0, f"the pods of {made} are called {name_held}; alerts and dashboards ask for {slug}"
            yield from _unpatched(repository, build, made)
    yield from _smaller(known)
    yield from _parts(repository, known)
    yield from _dropped(repository)


def _unpatched(repository: Repository, build: Build, made: Made) -> Findings:
    """Yield secrets whose name in the secret manager is that of the component, the same for every environment."""
    if made.kind != "ExternalSecret":
        return
    plain = next((one for _, one in repository.manifests if called(one) == str(made)), {})
    before = {str(sub(one, "remoteRef").get("key")) for one in entries(sub(plain, "spec"), "data")}
    for one in entries(made.spec, "data"):
        key = str(sub(one, "remoteRef").get("key"))
        if key in before and build.name not in key:
            yield build.path, 0, f"{made} of {build.name} reads {key}, which is not of this environment alone"


def _set_by_namespace(repository: Repository) -> frozenset[str]:
    """Give the fields that kustomize fills with the namespace, by the configurations of kustomizations."""
    files = [
        resolve(path, name)
        for path, content in repository.kustomizations.items()
        for name in words(content, "configurations")
    ]
    specs = [one for path in files for one in entries(repository.mapping(path), "namespace")]
    return frozenset(str(one.get("path")).rsplit("/", 1)[-1] for one in specs)


def _unset(content: Any, way: str, told: frozenset[str]) -> Iterator[str]:
    if isinstance(content, dict):
        for key, value in content.items():
            if key not in told:
                yield from _unset(value, f"{way}.{key}" if way else str(key), told)
    elif isinstance(content, list):
        for index, value in enumerate(content):
            yield from _unset(value, f"{way}.{index}", told)
    elif isinstance(content, str) and re.fullmatch(r"(?:.*[_./-])?unset(?:\..*)?", content):
        yield way


def _foreign(build: Build, made: Made) -> Findings:
    """Yield what speaks of another environment: alerts over its namespace, and tags."""
    space = sub(made.content, "metadata").get("namespace")
    if made.kind == "PrometheusRule" and space:
        named = {*re.findall(r'\bnamespace="([^"]+)"', str(made.spec))} - {space}
        for one in sorted(named):
            yield (
                build.path,
                0,
                f"{made} of {build.name} watches the namespace {one}: take the rule out of this overlay",
            )
    if made.kind == "SecretStore":
        region = sub(made.spec, "provider", "aws").get("region")
        if region is not None and not REGION.fullmatch(str(region)):
            yield build.path, 0, f"{made} of {build.name}: {region} is no region such as eu-central-1"
    told = sub(template(made.content), "metadata", "labels").get("tags.datadoghq.com/env", build.name)
    if told != build.name:
        yield build.path, 0, f"{made} of {build.name} is tagged tags.datadoghq.com/env: {told}"


def _smaller(known: dict[str, Build]) -> Findings:
    big = known.get("production")
    for name, build in known.items() if big else ():
        for made in build.of("Deployment") if build is not big else ():
            same = big.named("Deployment", made.name) if big else None
            if big is None or same is None:
                continue
            ours, theirs = _size(big, same), _size(build, made)
            for key in ours:
                if ours[key] < theirs.get(key, 0):
                    told = f"{key} of {same} is {_plain(ours[key])} in production"
                    yield big.path, 0, f"{told}, and {_plain(theirs[key])} in {name}"


def _size(build: Build, made: Made) -> dict[str, float]:
    found = {"minReplicas": float(least_replicas(build, made)), "maxReplicas": float(most_replicas(build, made))}
    for container in own_containers(sub(template(made.content), "spec"))[:1]:
        for kind in ("requests", "limits"):
            for name, value in sub(container, "resources", kind).items():
                found[f"{kind}.{name}"] = quantity(value) or 0
    return found


def _parts(repository: Repository, known: dict[str, Build]) -> Findings:
    """Yield components that every other environment has, and production lacks."""
    parts = {name: {*words(repository.kustomizations[build.path], "components")} for name, build in known.items()}
    big = parts.pop("production", None)
    if big is None or not parts:
        return
    for one in sorted(set.intersection(*parts.values()) - big):
        if one.rsplit("/", 1)[-1] not in ("rolling", "canary", "blue-green"):
            yield (
                known["production"].path,
                0,
                f"production lacks the component {one}, which every other environment has",
            )


def _dropped(repository: Repository) -> Findings:
    """Yield generators that replace what the base and the components say."""
    for path, content in repository.kustomizations.items():
        for one in entries(content, "configMapGenerator"):
            if one.get("behavior") == "replace":
                told = f"configMapGenerator {one.get('name')} drops what the base says: behavior: replace"
                yield path, line_of(one, "behavior"), told
