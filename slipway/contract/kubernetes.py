"""Kubernetes objects: how checks go through them, and what each pod must hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from slipway.contract.docker import dockerfiles
from slipway.contract.overlays import Build, Made, builds
from slipway.contract.registry import check
from slipway.contract.repository import Document, Repository, line_of

PLACES = r"(?:k8s|argocd)/.*\.ya?ml$"
WORKLOADS = frozenset({"CronJob", "DaemonSet", "Deployment", "Job", "Pod", "ReplicaSet", "Rollout", "StatefulSet"})
SERVING = frozenset({"Deployment", "Rollout", "StatefulSet", "DaemonSet"})
PROBES = ("startupProbe", "livenessProbe", "readinessProbe")
HANDLERS = ("httpGet", "tcpSocket", "exec", "grpc")
VOLUMES = frozenset({"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected"})
SYSCTLS = frozenset(
    {
        *("kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_local_reserved_ports"),
        *("net.ipv4.ip_unprivileged_port_start", "net.ipv4.ping_group_range", "net.ipv4.tcp_fin_timeout"),
        *("net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_keepalive_time"),
        *("net.ipv4.tcp_rmem", "net.ipv4.tcp_syncookies", "net.ipv4.tcp_wmem"),
    }
)

Told = Iterator[tuple[int, str]]
Findings = Iterator[tuple[str, int, str]]


def sub(content: object, *keys: str) -> Document:
    """Give the mapping below some keys; an empty one where there is none."""
    for key in keys:
        content = content.get(key) if isinstance(content, dict) else None
    return content if isinstance(content, dict) else {}


def entries(content: object, key: str) -> list[Document]:
    """Give the mappings of a list; none where there is no list."""
    found = content.get(key) if isinstance(content, dict) else None
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def words(content: object, key: str) -> list[str]:
    """Give the plain values of a list, as text."""
    found = content.get(key) if isinstance(content, dict) else None
    return [str(one) for one in found if not isinstance(one, (dict, list))] if isinstance(found, list) else []


def called(content: Document) -> str:
    """Give an object as kind/name."""
    return f"{content.get('kind')}/{sub(content, 'metadata').get('name')}"


def template(content: Document) -> Document:
    """Give the pod template of a workload; an empty one where it has none."""
    if content.get("kind") == "Pod":
        return content
    if content.get("kind") == "CronJob":
        return sub(content, "spec", "jobTemplate", "spec", "template")
    return sub(content, "spec", "template") if content.get("kind") in WORKLOADS else {}


def own_containers(pod: Document) -> list[Document]:
    """Give the containers of the specification of a pod, those that run first before the others."""
    return [one for kind in ("initContainers", "containers", "ephemeralContainers") for one in entries(pod, kind)]


def pods(repository: Repository) -> Iterator[tuple[str, str, Document]]:
    """Give each pod template: the file, the object as kind/name, and the template."""
    for path, document in repository.manifests:
        if template(document):
            yield path, called(document), template(document)


def containers(repository: Repository) -> Iterator[tuple[str, str, Document, Document]]:
    """Give each container with the pod it stands in."""
    for path, owner, one in pods(repository):
        spec = sub(one, "spec")
        for container in own_containers(spec):
            yield path, f"{owner}: container {container.get('name')}", container, spec


def objects(repository: Repository) -> Iterator[tuple[str, Document]]:
    """Give each whole object as it stands in its file: those that kustomizations list, and those of Argo CD."""
    yield from repository.manifests
    listed = {path for path, _ in repository.manifests}
    for path in repository.matching(r"argocd/.*\.ya?ml$"):
        if path not in listed and path not in repository.kustomizations:
            for document in repository.documents(path):
                if isinstance(document, dict) and "kind" in document:
                    yield path, document


def each(repository: Repository, judge: Callable[[Document], Told]) -> Findings:
    """Judge each object by itself: as it stands in its file, and as patches leave it.

    Args:
        repository: the service.
        judge: gives line and message of what is wrong with an object.
    """
    said = set()
    for path, content in objects(repository):
        for line, message in judge(content):
            if (path, message) not in said:
                yield path, line, message
            said.add((path, message))
    for build in builds(repository):
        for made in build.objects:
            for _, message in judge(made.content) if made.patched else ():
                if (made.path, message) not in said:
                    yield build.path, 0, message
                said.add((made.path, message))


def across(repository: Repository, judge: Callable[[Build], Iterator[tuple[str, int, str]]]) -> Findings:
    """Judge what each overlay makes as a whole; what is wrong in all of them is said once.

    Args:
        repository: the service.
        judge: gives file, line and message of what does not fit together.
    """
    found: dict[tuple[str, int, str], list[str]] = {}
    known = builds(repository)
    for build in known:
        for one in judge(build):
            found.setdefault(one, []).append(build.name)
    whole = {build.name for build in known if build.real}
    for (path, line, message), names in found.items():
        yield path, line, message if whole <= {*names} else f"{message} ({', '.join(dict.fromkeys(names))})"


def at(made: Made, *keys: str) -> tuple[str, int]:
    """Give the file of an object, and the line of the last of some keys that is there."""
    place: object = made.content
    line = line_of(place)
    for key in keys:
        if not isinstance(place, dict) or key not in place:
            break
        line = line_of(place, key)
        place = place[key]
    return made.path, 0 if made.patched else line


@check(
    "K8S001",
    "every pod keeps to the restricted pod security standard",
    why="A container that may become root or reach its node is a foothold (Pod Security Standards; row N08).",
    fix="Set, or take out, what the message names in the securityContext of the pod or the container.",
)
def restricted(repository: Repository) -> Findings:
    """Yield pods and containers that may do more than the standard allows."""
    yield from each(repository, _unrestricted)


def _unrestricted(content: Document) -> Told:
    pod = sub(template(content), "spec")
    if not pod:
        return
    for line, message in _pod_faults(pod):
        yield line, f"{called(content)} {message}"
    whole = sub(pod, "securityContext")
    for container in own_containers(pod):
        who = f"{called(content)}: container {container.get('name')}"
        own = sub(container, "securityContext")
        line = line_of(container, "securityContext")
        profile = sub(own, "seccompProfile") or sub(whole, "seccompProfile")
        wanted = {
            "runAsNonRoot: true": own.get("runAsNonRoot", whole.get("runAsNonRoot")) is True,
            "allowPrivilegeEscalation: false": own.get("allowPrivilegeEscalation") is False,
            "readOnlyRootFilesystem: true": own.get("readOnlyRootFilesystem") is True,
            "capabilities.drop: [ALL]": "ALL" in words(sub(own, "capabilities"), "drop"),
            "seccompProfile.type: RuntimeDefault": profile.get("type") in ("RuntimeDefault", "Localhost"),
        }
        missing = [name for name, holds in wanted.items() if not holds]
        if missing:
            yield line, f"{who} lacks {', '.join(missing)}"
        for message in _container_faults(container, own):
            yield line, f"{who} {message}"


def _pod_faults(pod: Document) -> Told:
    for key in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(key):
            yield line_of(pod, key), f"shares its node's own: {key} must not be true"
    for key in ("shareProcessNamespace",):
        if pod.get(key):
            yield line_of(pod, key), f"lets its containers see each other's processes: {key} must not be true"
    context = sub(pod, "securityContext")
    yield from ((line_of(context), message) for message in _context_faults(context))
    for one in entries(context, "sysctls"):
        if one.get("name") not in SYSCTLS:
            yield line_of(one), f"sets the sysctl {one.get('name')}, which is not a safe one"
    for volume in entries(pod, "volumes"):
        kinds = {key for key in volume if key != "name"}
        for kind in sorted(kinds - VOLUMES - {"secret"}):
            yield line_of(volume), f"mounts {kind} as volume {volume.get('name')}, which the standard does not allow"


def _context_faults(context: Document) -> Iterator[str]:
    for key in ("runAsUser", "runAsGroup", "fsGroup"):
        if context.get(key) == 0 and context.get(key) is not False:
            yield f"says {key}: 0, which is root"
    if 0 in (context.get("supplementalGroups") or ()):
        yield "says supplementalGroups: [0], which is root's"
    if sub(context, "seccompProfile").get("type") == "Unconfined":
        yield "says seccompProfile.type: Unconfined"
    if sub(context, "appArmorProfile").get("type") == "Unconfined":
        yield "says appArmorProfile.type: Unconfined"
    options = sub(context, "seLinuxOptions")
    if {"user", "role"} & {*options} or options.get("type") not in (None, "container_t", "container_init_t"):
        yield "sets seLinuxOptions that the standard does not allow"
    if sub(context, "windowsOptions").get("hostProcess"):
        yield "says windowsOptions.hostProcess: true"


def _container_faults(container: Document, own: Document) -> Iterator[str]:
    yield from _context_faults(own)
    if own.get("privileged"):
        yield "says privileged: true"
    if own.get("procMount") not in (None, "Default"):
        yield f"says procMount: {own['procMount']}"
    added = [name for name in words(sub(own, "capabilities"), "add") if name != "NET_BIND_SERVICE"]
    if added:
        yield f"adds the capabilities {', '.join(added)}"
    for port in entries(container, "ports"):
        if port.get("hostPort"):
            yield f"takes hostPort {port['hostPort']} of its node"
    for kind in PROBES:
        if sub(container, kind, "httpGet").get("host") or sub(container, kind, "tcpSocket").get("host"):
            yield f"probes another host in {kind}"


@check(
    "K8S002",
    "every container asks for resources and has a memory limit",
    why="Without requests the scheduler guesses; without a limit one leak takes the node (row N02).",
    fix="Set resources.requests for cpu and memory, and resources.limits.memory.",
)
def resources(repository: Repository) -> Findings:
    """Yield containers without requests or memory limit."""
    yield from each(repository, _unbounded)


def _unbounded(content: Document) -> Told:
    for container in own_containers(sub(template(content), "spec")):
        given = sub(container, "resources")
        missing = [f"requests.{name}" for name in ("cpu", "memory") if name not in sub(given, "requests")]
        missing += ["limits.memory"] if "memory" not in sub(given, "limits") else []
        if missing:
            line = line_of(container, "resources")
            yield (
                line,
                f"{called(content)}: container {container.get('name')} lacks resources.{', resources.'.join(missing)}",
            )


@check(
    "K8S003",
    "liveness and readiness are probed, and are not one question",
    why="The same probe for both restarts a pod whose database is slow, and makes a bad day worse (row N03).",
    fix="Probe /livez for liveness, without dependencies, and /readyz for readiness.",
)
def probes(repository: Repository) -> Findings:
    """Yield serving containers with a missing or doubled probe."""
    yield from each(repository, _unprobed)


def _unprobed(content: Document) -> Told:
    if content.get("kind") not in SERVING:
        return
    for container in entries(sub(template(content), "spec"), "containers"):
        owner = f"{called(content)}: container {container.get('name')}"
        liveness, readiness = sub(container, "livenessProbe"), sub(container, "readinessProbe")
        for name, probe in (("livenessProbe", liveness), ("readinessProbe", readiness)):
            if not probe:
                yield line_of(container), f"{owner} has no {name}"
        if liveness and not sub(container, "startupProbe") and not liveness.get("initialDelaySeconds"):
            yield line_of(container, "livenessProbe"), f"{owner} has no startupProbe: a slow start is ended by liveness"
        if liveness and readiness and _asks(liveness) == _asks(readiness):
            line = line_of(container, "readinessProbe")
            yield line, f"{owner} asks the same in livenessProbe and readinessProbe: {_asks(liveness)}"


@check(
    "K8S007",
    "no Secret with data is kept in git",
    why="What is in git is known to everybody who ever cloned it (row H02).",
    fix="Use an ExternalSecret, and rotate what was committed.",
)
def secrets(repository: Repository) -> Findings:
    """Yield Secrets with data."""
    for path in repository.matching(PLACES):
        for document in repository.documents(path):
            if isinstance(document, dict) and document.get("kind") == "Secret":
                keys = sorted(map(str, [*sub(document, "data"), *sub(document, "stringData")]))
                if keys:
                    yield path, line_of(document), f"{called(document)} holds {', '.join(keys)}"


@check(
    "K8S008",
    "containers listen where the image says",
    why="Image, manifests and code are written apart; the port is the first thing to drift.",
    fix="Make EXPOSE in the Dockerfile and containerPort in the manifests the same.",
)
def exposed(repository: Repository) -> Findings:
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
        for port in entries(container, "ports"):
            number = port.get("containerPort")
            if told and number not in told:
                yield (
                    path,
                    0,
                    f"{owner}: containerPort {number} is not exposed by the Dockerfile, which has {sorted(told)}",
                )


def _asks(probe: Document) -> object:
    return next((probe[name] for name in HANDLERS if probe.get(name)), None)
