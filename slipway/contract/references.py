"""What objects say of each other: ports, selectors, names and keys lead somewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator

from slipway.contract.kubernetes import (
    PROBES,
    WORKLOADS,
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
)
from slipway.contract.overlays import Build, Made
from slipway.contract.pods import ADMIN, seconds
from slipway.contract.registry import check
from slipway.contract.repository import Document, Repository, line_of

METRICS = "/metrics"
LONGEST = 60
AGENT = re.compile(r"ad\.datadoghq\.com/([^/.]+)\.checks")
SELECTING = {
    "NetworkPolicy": "podSelector",
    "PodDisruptionBudget": "selector",
    "PodMonitor": "selector",
    "Service": "selector",
}


def labels(made: Made) -> Document:
    """Give the labels of the pods of a workload."""
    return sub(template(made.content), "metadata", "labels")


def workloads(build: Build) -> Iterator[Made]:
    """Give the objects of an overlay that make pods by themselves."""
    return (made for made in build.of(*WORKLOADS) if template(made.content))


def matches(selector: Document, carried: Document) -> bool:
    """Tell whether a label selector picks what carries these labels; an empty one picks everything."""
    for key, value in sub(selector, "matchLabels").items():
        if carried.get(key) != value:
            return False
    for one in entries(selector, "matchExpressions"):
        value, wanted = carried.get(str(one.get("key"))), one.get("values") or []
        held = {
            "In": value in wanted,
            "NotIn": value not in wanted,
            "Exists": value is not None,
            "DoesNotExist": value is None,
        }
        if not held.get(str(one.get("operator")), True):
            return False
    return True


def selector(made: Made) -> Document:
    """Give what an object selects pods by, as a label selector; an empty one where it selects all or nothing."""
    found = sub(made.spec, SELECTING.get(made.kind, "selector"))
    return {"matchLabels": found} if made.kind == "Service" and found else found


def selected(build: Build, made: Made) -> list[Made]:
    """Give the workloads whose pods an object of the overlay selects."""
    wanted = selector(made)
    if made.kind == "Service" and not wanted:
        return []
    return [one for one in workloads(build) if matches(wanted, labels(one))]


def ports_of(made: Made) -> set[object]:
    """Give the names and numbers of the ports of a workload's pods."""
    containers = own_containers(sub(template(made.content), "spec"))
    return set().union(*map(opened, containers))


def opened(container: Document) -> set[object]:
    """Give the names and numbers of the ports of a container."""
    return {port.get(key) for port in entries(container, "ports") for key in ("name", "containerPort")} - {None}


@check(
    "K8S004",
    "ports that are named exist",
    why="A Service, probe, policy or route that names a missing port sends traffic nowhere, and nothing refuses it.",
    fix="Give the container a port of that name, or name one that it has.",
)
def ports(repository: Repository) -> Findings:
    """Yield ports that no container, or no Service, has."""
    yield from each(repository, _unheard)
    yield from across(repository, _unserved)


def _unheard(content: Document) -> Told:
    for container in own_containers(sub(template(content), "spec")):
        own = opened(container)
        for kind in PROBES:
            probe = sub(container, kind)
            asked = next(
                (sub(probe, one).get("port") for one in ("httpGet", "tcpSocket", "grpc") if one in probe), None
            )
            if asked is not None and asked not in own:
                who = f"{called(content)}: container {container.get('name')}"
                yield line_of(container, kind), f"{who}: {kind} asks port {asked}, which the container does not have"


def _unserved(build: Build) -> Findings:
    for made in build.of("Service"):
        for port in entries(made.spec, "ports"):
            target = port.get("targetPort", port.get("port"))
            for one in selected(build, made):
                if target not in ports_of(one):
                    yield made.path, line_of(port), f"{made}: targetPort {target} is no port of any container of {one}"
    for made in build.of("NetworkPolicy"):
        chosen = selected(build, made)
        known = {number for one in chosen for number in ports_of(one)}
        for port in (port for rule in entries(made.spec, "ingress") for port in entries(rule, "ports")):
            if chosen and port.get("port") not in known | {None}:
                yield made.path, line_of(port), f"{made}: port {port['port']} is no port of the pods that it selects"
    yield from _unscraped(build)
    yield from _unread(build)
    yield from _unrouted(build)


def _unread(build: Build) -> Findings:
    """Yield annotations by which the agent of Datadog asks a container, or a port, that is not there."""
    for made in workloads(build):
        pod = template(made.content)
        held = {str(one.get("name")): one for one in own_containers(sub(pod, "spec"))}
        for key, value in sub(pod, "metadata", "annotations").items():
            found = AGENT.fullmatch(str(key))
            if found is None:
                continue
            if found[1] not in held:
                yield *at(made), f"{made}: {key} is of the container {found[1]}, which the pod does not have"
            ports = {one.get("containerPort"): one.get("name") for one in entries(held.get(found[1]), "ports")}
            for port in re.findall(r"%%host%%:([0-9]+)", str(value)) if ports else ():
                if ports.get(int(port)) not in (None, ADMIN) or int(port) not in ports:
                    yield *at(made), f"{made}: {key} asks port {port}, where no metrics are"


def _unscraped(build: Build) -> Findings:
    for made in build.of("PodMonitor"):
        for endpoint in entries(made.spec, "podMetricsEndpoints"):
            number = endpoint.get("port", endpoint.get("targetPort"))
            yield from ((made.path, line_of(endpoint), f"{made} {told}") for told in _rarely(endpoint))
            for one in selected(build, made):
                if number not in ports_of(one):
                    yield made.path, line_of(endpoint), f"{made}: port {number} is no port of {one}"
                if number in ports_of(one) and not _let_in(build, one, number):
                    yield *at(made), f"{made}: no NetworkPolicy lets anybody reach port {number} of {one}"
                key = made.spec.get("jobLabel")
                if key is not None and key not in labels(one):
                    yield (
                        *at(made, "spec", "jobLabel"),
                        f"{made}: the pods of {one} carry no {key}, which names their job",
                    )
    monitors = list(build.of("PodMonitor"))
    for one in workloads(build) if monitors else ():
        seen = any(one in selected(build, made) for made in monitors)
        if not seen and ADMIN in ports_of(one) and one.kind in ("Deployment", "StatefulSet"):
            yield *at(one), f"no PodMonitor selects {one}, which serves metrics on port admin"


def _rarely(endpoint: Document) -> Iterator[str]:
    path, every = str(endpoint.get("path", METRICS)), seconds(endpoint.get("interval"))
    if path != METRICS:
        yield f"asks {path}; the metrics are at {METRICS}"
    if every is not None and every > LONGEST:
        yield f"asks every {endpoint['interval']}, and alerts look at rates over 5m"


def _let_in(build: Build, made: Made, port: object) -> bool:
    """Tell whether a policy opens a port of a workload; without a policy over it everything is open."""
    policies = [one for one in build.of("NetworkPolicy") if made in selected(build, one)]
    policies = [one for one in policies if "Ingress" in (one.spec.get("policyTypes") or ["Ingress"])]
    rules = [rule for one in policies for rule in entries(one.spec, "ingress")]
    containers = own_containers(sub(template(made.content), "spec"))
    known = [opened({"ports": [one]}) for held in containers for one in entries(held, "ports")]
    same = next((names for names in known if port in names), set())
    return not policies or any(
        not entries(rule, "ports") or {one.get("port") for one in entries(rule, "ports")} & (same | {port})
        for rule in rules
    )


def _unrouted(build: Build) -> Findings:
    for made in build.of("ServiceMonitor"):
        chosen = [
            one
            for one in build.of("Service")
            if matches(sub(made.spec, "selector"), sub(one.content, "metadata", "labels"))
        ]
        if not chosen:
            yield *at(made, "spec", "selector"), f"{made} selects no Service"
        for endpoint in entries(made.spec, "endpoints"):
            known = {port.get("name") for one in chosen for port in entries(one.spec, "ports")}
            if chosen and "port" in endpoint and endpoint["port"] not in known:
                yield (
                    made.path,
                    line_of(endpoint),
                    f"{made}: port {endpoint['port']} is no port of the Services it selects",
                )
    for made in build.of("HTTPRoute"):
        for backend in (one for rule in entries(made.spec, "rules") for one in entries(rule, "backendRefs")):
            service = build.named("Service", backend.get("name"))
            known = {port.get("port") for port in entries(service.spec, "ports")} if service else set()
            if service and backend.get("port") not in known:
                yield made.path, line_of(backend), f"{made}: {service} has no port {backend.get('port')}"


@check(
    "K8S005",
    "a selector finds the pods that are meant",
    why="A Service, a disruption budget or a policy that selects nothing, or too much, does so silently.",
    fix="Use labels that the pod template carries, and for a Service those of one workload alone.",
)
def selectors(repository: Repository) -> Findings:
    """Yield selectors that match no pod, or the pods of another workload."""
    yield from each(repository, _stranger)
    yield from across(repository, _selecting)


def _stranger(content: Document) -> Told:
    carried, spec = sub(template(content), "metadata", "labels"), sub(content, "spec")
    if content.get("kind") in ("CronJob", "Job", "Pod") or not template(content):
        return
    own = sub(spec, "selector")
    if own and not matches(own, carried):
        yield line_of(spec, "selector"), f"{called(content)} selects {own}, which its own pods do not carry"
    if not own and content.get("kind") != "Rollout":
        yield line_of(spec), f"{called(content)} has no selector"
    for one in entries(sub(template(content), "spec"), "topologySpreadConstraints"):
        if "labelSelector" not in one or not matches(sub(one, "labelSelector"), carried):
            yield (
                line_of(one),
                f"{called(content)} spreads over {one.get('topologyKey')} by labels that its pods do not carry",
            )


def _selecting(build: Build) -> Findings:
    for made in build.of(*SELECTING):
        wanted = selector(made)
        chosen = selected(build, made)
        place = at(made, "spec", SELECTING[made.kind])
        told = wanted.get("matchLabels") or wanted.get("matchExpressions")
        if wanted and not chosen:
            yield *place, f"{made} selects {told}, which no pod carries"
        elif made.kind == "PodDisruptionBudget" and not wanted:
            yield *place, f"{made} selects every pod of the namespace"
        names = [str(one) for one in chosen if one.kind not in ("Job", "CronJob")]
        if made.kind in ("Service", "PodDisruptionBudget") and wanted and len({*names}) > 1:
            yield *place, f"{made} selects the pods of {' and '.join(names)}"
        if made.kind == "Service" and not wanted and made.spec.get("type") != "ExternalName":
            yield *place, f"{made} has no selector"
    for made in build.of("Rollout"):
        source = build.named("Deployment", sub(made.spec, "workloadRef").get("name"))
        if source and not matches(sub(made.spec, "selector"), labels(source)):
            yield *at(made, "spec", "selector"), f"{made} selects what the pods of {source} do not carry"
    owners: dict[str, str] = {}
    for made in workloads(build):
        key = str(sorted((str(name), str(value)) for name, value in labels(made).items()))
        if labels(made) and owners.setdefault(key, str(made)) != str(made):
            yield *at(made, "spec", "template"), f"the pods of {made} carry the same labels as those of {owners[key]}"


@check(
    "K8S006",
    "what objects name exists",
    why="A pod that names a missing account, ConfigMap or Secret never starts, and only the cluster says so.",
    fix="Add the object or its generator, or correct the name.",
)
def references(repository: Repository) -> Findings:
    """Yield references to objects that nothing makes."""
    yield from across(repository, _dangling)


def _dangling(build: Build) -> Findings:
    made: dict[str, set[str]] = {"ServiceAccount": {"default"}}
    for kind, name in build.settings:
        made.setdefault(kind, set()).add(name)
    for one in build.objects:
        made.setdefault(one.kind, set()).add(one.name)
        if one.kind == "ExternalSecret":
            made.setdefault("Secret", set()).add(str(sub(one.spec, "target").get("name") or one.name))
    for one in build.objects:
        for line, kind, name in _named(one):
            if name not in made.get(kind, ()):
                yield one.path, 0 if one.patched else line, f"{one} names {kind} {name}, which nothing makes"


def _named(made: Made) -> Iterator[tuple[int, str, str]]:
    spec = made.spec
    pod = sub(template(made.content), "spec")
    if pod:
        yield from _named_by_pod(pod)
    by_kind = {
        "HorizontalPodAutoscaler": [sub(spec, "scaleTargetRef")],
        "Rollout": [sub(spec, "workloadRef")],
        "HTTPRoute": [one for rule in entries(spec, "rules") for one in entries(rule, "backendRefs")],
    }
    for one in by_kind.get(made.kind, []):
        if one and not one.get("namespace"):
            yield line_of(one), str(one.get("kind", "Service")), str(one.get("name"))
    if made.kind == "Rollout":
        yield from _named_by_rollout(sub(spec, "strategy"))
    if made.kind == "Ingress":
        for path in (path for rule in entries(spec, "rules") for path in entries(sub(rule, "http"), "paths")):
            yield line_of(path), "Service", str(sub(path, "backend", "service").get("name"))
    yield from _named_by_rights(made)


def _named_by_rights(made: Made) -> Iterator[tuple[int, str, str]]:
    if made.kind == "ExternalSecret":
        store = sub(made.spec, "secretStoreRef")
        if store and store.get("kind", "SecretStore") == "SecretStore":
            yield line_of(store), "SecretStore", str(store.get("name"))
    if made.kind == "SecretStore":
        account = sub(made.spec, "provider", "aws", "auth", "jwt", "serviceAccountRef")
        if account:
            yield line_of(account), "ServiceAccount", str(account.get("name"))
    if made.kind == "RoleBinding":
        role = sub(made.content, "roleRef")
        accounts = [one for one in entries(made.content, "subjects") if one.get("kind") == "ServiceAccount"]
        for one in [role, *accounts]:
            if one.get("kind") != "ClusterRole":
                yield line_of(one), str(one.get("kind")), str(one.get("name"))


def _named_by_rollout(strategy: Document) -> Iterator[tuple[int, str, str]]:
    canary, blue = sub(strategy, "canary"), sub(strategy, "blueGreen")
    for place, keys in ((canary, ("canaryService", "stableService")), (blue, ("activeService", "previewService"))):
        for key in keys:
            if key in place:
                yield line_of(place, key), "Service", str(place[key])
    for analysis in analyses(strategy):
        for one in entries(analysis, "templates"):
            if not one.get("clusterScope"):
                yield line_of(one), "AnalysisTemplate", str(one.get("templateName"))


def analyses(strategy: Document) -> list[Document]:
    """Give the analyses of the strategy of a Rollout."""
    canary, blue = sub(strategy, "canary"), sub(strategy, "blueGreen")
    found = [sub(step, "analysis") for step in entries(canary, "steps")]
    found += [sub(canary, "analysis"), sub(blue, "prePromotionAnalysis"), sub(blue, "postPromotionAnalysis")]
    return [one for one in found if one]


def _named_by_pod(pod: Document) -> Iterator[tuple[int, str, str]]:
    if pod.get("serviceAccountName"):
        yield line_of(pod, "serviceAccountName"), "ServiceAccount", str(pod["serviceAccountName"])
    for volume in entries(pod, "volumes"):
        for kind, key, name in (
            ("ConfigMap", "configMap", "name"),
            ("Secret", "secret", "secretName"),
            ("PersistentVolumeClaim", "persistentVolumeClaim", "claimName"),
        ):
            if key in volume and not sub(volume, key).get("optional"):
                yield line_of(volume), kind, str(sub(volume, key).get(name))
    for container in own_containers(pod):
        for kind, reference in sources(container):
            if not reference.get("optional"):
                yield line_of(reference), kind, str(reference.get("name"))


def sources(container: Document) -> Iterator[tuple[str, Document]]:
    """Give what the variables of a container come from: ConfigMap or Secret, and the reference."""
    for source in [*entries(container, "envFrom"), *(sub(one, "valueFrom") for one in entries(container, "env"))]:
        for kind, keys in (
            ("ConfigMap", ("configMapRef", "configMapKeyRef")),
            ("Secret", ("secretRef", "secretKeyRef")),
        ):
            yield from ((kind, sub(source, key)) for key in keys if key in source)


@check(
    "K8S022",
    "keys that pods take from ConfigMaps and Secrets are in them",
    why="A container that asks for a missing key is never created, and waits with CreateContainerConfigError.",
    fix="Correct the key, or add it to the generator or to spec.data of the ExternalSecret.",
)
def keys(repository: Repository) -> Findings:
    """Yield keys that the ConfigMap or the Secret does not have."""
    yield from across(repository, _keyless)


def _keyless(build: Build) -> Findings:
    held: dict[tuple[str, str], set[str]] = {key: {*values} for key, values in build.settings.items()}
    for one in build.of("ConfigMap", "Secret"):
        held[one.kind, one.name] = {*sub(one.content, "data"), *sub(one.content, "stringData")}
    for one in build.of("ExternalSecret"):
        target = sub(one.spec, "target")
        if not entries(one.spec, "dataFrom") and not sub(target, "template"):
            name = str(target.get("name") or one.name)
            held[("Secret", name)] = {str(data.get("secretKey")) for data in entries(one.spec, "data")}
    for made in workloads(build):
        pod = sub(template(made.content), "spec")
        for kind, name, key, line in _asked(pod):
            known = held.get((kind, name))
            if known is not None and key not in known:
                yield (
                    made.path,
                    0 if made.patched else line,
                    f"{made} asks {kind} {name} for {key}, which it does not have",
                )


def _asked(pod: Document) -> Iterator[tuple[str, str, str, int]]:
    for container in own_containers(pod):
        for kind, reference in sources(container):
            if "key" in reference and (kind == "Secret" or not reference.get("optional")):
                yield kind, str(reference.get("name")), str(reference["key"]), line_of(reference)
    for volume in entries(pod, "volumes"):
        for kind, place, name in (
            ("ConfigMap", sub(volume, "configMap"), "name"),
            ("Secret", sub(volume, "secret"), "secretName"),
        ):
            for item in entries(place, "items"):
                yield kind, str(place.get(name)), str(item.get("key")), line_of(item)


@check(
    "K8S023",
    "a Rollout is judged, by templates that get the values they ask for",
    why="Without analysis a bad release walks through every step; a missing argument stops the good one (row O03).",
    fix="Name an AnalysisTemplate in a step or around the promotion, and give each of its args without a value.",
)
def judged(repository: Repository) -> Findings:
    """Yield Rollouts that nothing judges, and analyses without their arguments."""
    yield from across(repository, _unjudged)


def _unjudged(build: Build) -> Findings:
    for made in build.of("Rollout"):
        strategy = sub(made.spec, "strategy")
        found = analyses(strategy)
        if len([key for key in ("canary", "blueGreen") if key in strategy]) != 1:
            yield *at(made, "spec", "strategy"), f"{made} has not one strategy of canary and blueGreen"
        if not found:
            yield *at(made, "spec", "strategy"), f"{made} is judged by no analysis"
        for analysis in found:
            given = {str(one.get("name")) for one in entries(analysis, "args")}
            for name in (one.get("templateName") for one in entries(analysis, "templates")):
                judge = build.named("AnalysisTemplate", name)
                args = entries(judge.spec, "args") if judge else []
                asked = {str(one.get("name")) for one in args if "value" not in one and "valueFrom" not in one}
                if asked - given:
                    yield made.path, line_of(analysis), f"{made}: {judge} asks for {', '.join(sorted(asked - given))}"
        weights = [one["setWeight"] for one in entries(sub(strategy, "canary"), "steps") if "setWeight" in one]
        if weights != sorted(w for w in weights if isinstance(w, int)):
            yield *at(made, "spec", "strategy", "canary", "steps"), f"{made}: the weights {weights} do not rise"
