"""Kubernetes objects: each pod safe by itself, and all objects of one mind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from slipway.contract.docker import dockerfiles
from slipway.contract.registry import check
from slipway.contract.repository import Document, Repository

WORKLOADS = frozenset({"CronJob", "DaemonSet", "Deployment", "Job", "ReplicaSet", "Rollout", "StatefulSet"})
REFERENCES = {
    "configMapRef": "ConfigMap",
    "configMapKeyRef": "ConfigMap",
    "secretRef": "Secret",
    "secretKeyRef": "Secret",
}
SERVING = frozenset({"Deployment", "Rollout", "StatefulSet", "DaemonSet"})


def pods(repository: Repository) -> Iterator[tuple[str, str, Document]]:
    """Give each pod template: the file, the object as kind/name, and the template."""
    for path, document in repository.manifests:
        if document["kind"] in WORKLOADS:
            spec = document.get("spec") or {}
            if document["kind"] == "CronJob":
                spec = (spec.get("jobTemplate") or {}).get("spec") or {}
            if spec.get("template"):
                yield path, f"{document['kind']}/{_name(document)}", spec["template"]


def containers(repository: Repository) -> Iterator[tuple[str, str, Document, Document]]:
    """Give each container with the pod it stands in."""
    for path, owner, template in pods(repository):
        spec = template.get("spec") or {}
        for container in [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]:
            yield path, f"{owner}: container {container.get('name')}", container, spec


@check(
    "K8S001",
    "every container keeps to the restricted pod security standard",
    why="A container that may become root is a foothold (Pod Security Standards, restricted; row N08).",
    fix="Set what the message names in the securityContext of the pod or the container.",
)
def restricted(repository: Repository) -> Iterator[tuple[str, int, str]]:
    """Yield containers that may do more than the standard allows."""
    for path, owner, container, pod in containers(repository):
        whole, own = pod.get("securityContext") or {}, container.get("securityContext") or {}
        wanted = {
            "runAsNonRoot: true": (own.get("runAsNonRoot", whole.get("runAsNonRoot")) is True),
            "allowPrivilegeEscalation: false": own.get("allowPrivilegeEscalation") is False,
            "readOnlyRootFilesystem: true": own.get("readOnlyRootFilesystem") is True,
            "capabilities.drop: [ALL]": "ALL" in ((own.get("capabilities") or {}).get("drop") or []),
            "seccompProfile.type: RuntimeDefault": (own.get("seccompProfile") or whole.get("seccompProfile") or {}).get(
                "type"
            )
            in ("RuntimeDefault", "Localhost"),
        }
        missing = [name for name, holds in wanted.items() if not holds]
        if missing:
            yield path, 0, f"{owner} lacks {', '.join(missing)}"


@check(
    "K8S002",
    "every container asks for resources and has a memory limit",
    why="Without requests the scheduler guesses; without a limit one leak takes the node (row N02).",
    fix="Set resources.requests for cpu and memory, and resources.limits.memory.",
)
def resources(repository: Repository) -> Iterator[tuple[str, int, str]]:
    """Yield containers without requests or memory limit."""
    for path, owner, container, _ in containers(repository):
        given = container.get("resources") or {}
        requests, limits = given.get("requests") or {}, given.get("limits") or {}
        missing = [f"requests.{name}" for name in ("cpu", "memory") if name not in requests]
        missing += ["limits.memory"] if "memory" not in limits else []
        if missing:
            yield path, 0, f"{owner} lacks resources.{', resources.'.join(missing)}"


@check(
    "K8S003",
    "liveness and readiness are probed, and are not one question",
    why="The same probe for both restarts a pod whose database is slow, and makes a bad day worse (row N03).",
    fix="Probe /livez for liveness, without dependencies, and /readyz for readiness.",
)
def probes(repository: Repository) -> Iterator[tuple[str, int, str]]:
    """Yield serving containers with a missing or doubled probe."""
    for path, document in repository.manifests:
        if document["kind"] not in SERVING:
            continue
        spec = (((document.get("spec") or {}).get("template") or {}).get("spec")) or {}
        for container in spec.get("containers") or []:
            owner = f"{document['kind']}/{_name(document)}: container {container.get('name')}"
            liveness, readiness = container.get("livenessProbe"), container.get("readinessProbe")
            for name, probe in (("livenessProbe", liveness), ("readinessProbe", readiness)):
                if not probe:
                    yield path, 0, f"{owner} has no {name}"
            if liveness and readiness and _asks(liveness) == _asks(readiness):
                yield path, 0, f"{owner} asks the same in livenessProbe and readinessProbe: {_asks(liveness)}"


@check(
    "K8S004",
    "ports that are named exist",
    why="A Service or probe that names a missing port sends traffic nowhere, and the API server accepts it.",
    fix="Give the container a port of that name, or name one that it has.",
)
def ports(repository: Repository) -> Iterator[tuple[str, int, str]]:
    """Yield target ports and probe ports that no container has."""
    declared: set[object] = set()
    for path, owner, container, _ in containers(repository):
        own = {port.get(key) for port in container.get("ports") or [] for key in ("name", "containerPort")}
        declared |= own
        for kind in ("startupProbe", "livenessProbe", "readinessProbe"):
            probe = container.get(kind) or {}
            asked = (probe.get("httpGet") or probe.get("tcpSocket") or {}).get("port")
            if asked is not None and asked not in own:
                yield path, 0, f"{owner}: {kind} asks port {asked}, which the container does not have"
    for path, document in repository.manifests:
        if document["kind"] == "Service":
            for port in (document.get("spec") or {}).get("ports") or []:
                target = port.get("targetPort", port.get("port"))
                if declared and target not in declared:
                    yield path, 0, f"Service/{_name(document)}: targetPort {target} is no port of any container"


@check(
    "K8S005",
    "a selector finds pods",
    why="A Service, a disruption budget or a policy that selects nothing does nothing, silently.",
    fix="Use labels that a pod template carries.",
)
def selectors(repository: Repository) -> Iterator[tuple[str, int, str]]:
    """Yield selectors that match no pod template."""
    added = [_added_labels(content) for content in repository.kustomizations.values()]
    common = {key: value for labels in added for key, value in labels.items()}
    labelled = [
        {**common, **((template.get("metadata") or {}).get("labels") or {})} for _, _, template in pods(repository)
    ]
    for path, document in repository.manifests:
        wanted = _selected(document)
        if wanted and labelled and not any(wanted.items() <= labels.items() for labels in labelled):
            yield path, 0, f"{document['kind']}/{_name(document)} selects {wanted}, which no pod carries"


@check(
    "K8S006",
    "accounts, ConfigMaps and Secrets that pods name exist",
    why="A pod that names a missing one never starts, and only the cluster says so.",
    fix="Add the object or its generator, or correct the name.",
)
def references(repository: Repository) -> Iterator[tuple[str, int, str]]:
    """Yield references to objects that nothing makes."""
    made: dict[str, set[str]] = {"ConfigMap": set(), "Secret": set(), "ServiceAccount": {"default"}}
    for _, document in repository.manifests:
        if document["kind"] in made:
            made[document["kind"]].add(_name(document))
        if document["kind"] == "ExternalSecret":
            target = (document.get("spec") or {}).get("target") or {}
            made["Secret"].add(target.get("name") or _name(document))
    for content in repository.kustomizations.values():
        for kind, generator in (("ConfigMap", "configMapGenerator"), ("Secret", "secretGenerator")):
            made[kind] |= {str(one.get("name")) for one in content.get(generator) or []}
    for path, owner, template in pods(repository):
        for kind, name in _named(template.get("spec") or {}):
            if name not in made[kind]:
                yield path, 0, f"{owner} names {kind} {name}, which nothing makes"


@check(
    "K8S007",
    "no Secret with data is kept in git",
    why="What is in git is known to everybody who ever cloned it (row H02).",
    fix="Use an ExternalSecret, and rotate what was committed.",
)
def secrets(repository: Repository) -> Iterator[tuple[str, int, str]]:
    """Yield Secrets with data."""
    for path in repository.matching(r"(?:k8s|argocd)/.*\.ya?ml$"):
        for document in repository.documents(path):
            if isinstance(document, dict) and document.get("kind") == "Secret":
                keys = sorted([*(document.get("data") or {}), *(document.get("stringData") or {})])
                if keys:
                    yield path, 0, f"Secret/{_name(document)} holds {', '.join(keys)}"


@check(
    "K8S008",
    "containers listen where the image says",
    why="Image, manifests and code are written apart; the port is the first thing to drift.",
    fix="Make EXPOSE in the Dockerfile and containerPort in the manifests the same.",
)
def exposed(repository: Repository) -> Iterator[tuple[str, int, str]]:
    """Yield container ports that the image does not expose."""
    told = {
        int(port.split("/")[0])
        for path, found in dockerfiles(repository)
        if path == "Dockerfile"
        for _, word, rest in found[-1].instructions
        if word == "EXPOSE"
        for port in rest.split()
        if port.split("/")[0].isdigit()
    }
    for path, owner, container, _ in containers(repository):
        for port in container.get("ports") or []:
            number = port.get("containerPort")
            if told and number not in told:
                yield (
                    path,
                    0,
                    f"{owner}: containerPort {number} is not exposed by the Dockerfile, which has {sorted(told)}",
                )


def _name(document: Document) -> str:
    return str((document.get("metadata") or {}).get("name"))


def _selected(document: Document) -> Document:
    spec = document.get("spec") or {}
    if document["kind"] == "Service":
        return spec.get("selector") or {}
    key = {"PodDisruptionBudget": "selector", "Deployment": "selector", "NetworkPolicy": "podSelector"}.get(
        document["kind"], ""
    )
    return (spec.get(key) or {}).get("matchLabels") or {}


def _asks(probe: Document) -> object:
    return probe.get("httpGet") or probe.get("tcpSocket") or probe.get("exec") or probe.get("grpc")


def _added_labels(content: Document) -> Document:
    pairs = [entry.get("pairs") or {} for entry in content.get("labels") or [] if isinstance(entry, dict)]
    return {key: value for one in [*pairs, content.get("commonLabels") or {}] for key, value in one.items()}


def _named(pod: Document) -> Iterator[tuple[str, str]]:
    if pod.get("serviceAccountName"):
        yield "ServiceAccount", str(pod["serviceAccountName"])
    for volume in pod.get("volumes") or []:
        if "configMap" in volume:
            yield "ConfigMap", str(volume["configMap"].get("name"))
        if "secret" in volume:
            yield "Secret", str(volume["secret"].get("secretName"))
    for container in [*(pod.get("initContainers") or []), *(pod.get("containers") or [])]:
        yield from _sources(container)


def _sources(container: Document) -> Iterator[tuple[str, str]]:
    sources: list[Any] = [*(container.get("envFrom") or [])]
    sources += [variable.get("valueFrom") or {} for variable in container.get("env") or []]
    for source in sources:
        for key, reference in source.items():
            kind = REFERENCES.get(key)
            if kind and not reference.get("optional"):
                yield kind, str(reference.get("name"))
