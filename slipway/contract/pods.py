"""Pods: sizes, names, images, probes, time to stop, volumes, variables, commands."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from slipway.contract.kubernetes import (
    HANDLERS,
    PROBES,
    SERVING,
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
from slipway.contract.overlays import Build
from slipway.contract.registry import check
from slipway.contract.repository import Document, Repository, line_of

QUANTITY = re.compile(r"\+?([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(Ki|Mi|Gi|Ti|Pi|Ei|m|k|M|G|T|P|E|[eE][+-]?[0-9]+)?")
POWERS = {unit: 1024**power for power, unit in enumerate(("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"))}
POWERS |= {unit: 1000**power for power, unit in enumerate(("", "k", "M", "G", "T", "P", "E"))}
LEAST_MEMORY, MOST_CPU, LEAST_START, LONGEST = 4 * 1024**2, 64, 20, 300
ADMIN = "admin"
DURATION = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?(?:ms|h|m|s))+")
SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}
DNS_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
DNS_NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?")
PORT_NAME = re.compile(r"(?=.*[a-z])(?!.*--)[a-z0-9](?:[a-z0-9-]{0,13}[a-z0-9])?")
LABEL_KEY = re.compile(r"(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
LABEL_VALUE = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?")
VARIABLE = re.compile(r"[A-Za-z_.-][A-Za-z0-9_.-]*")
PLACEHOLDER = "service:unset"
SHELLS = re.compile(r"(?:.*/)?(?:a|ba|da|k|z)?sh|(?:.*/)?(?:sleep|curl|wget|cat|kill)")
SECRET_NAME = re.compile(r"(?:^|_)(?:PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY|PRIVATE_KEY|CREDENTIALS?|DSN|DATABASE_URL)$")
CREDENTIALS = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s:@$]+:[^/\s@$]+@")
POD_FIELDS = re.compile(
    r"metadata\.(?:name|namespace|uid|labels\['[^']+'\]|annotations\['[^']+'\]|labels|annotations)"
    r"|spec\.(?:nodeName|serviceAccountName)|status\.(?:hostIPs?|podIPs?)"
)
WRITTEN = re.compile(r"(?:^|_)(?:OUTPUT|TMPDIR|TEMP_DIR|CACHE_DIR|DATA_DIR|WORK_DIR|SPOOL_DIR)$")
EXECUTABLE = re.compile(r"/app/([a-z][a-z0-9-]*)")
OPERATIONS = "docs/operational-contract.md"


def quantity(value: object) -> float | None:
    """Give the number that a quantity such as 128Mi means; nothing when it is none."""
    found = QUANTITY.fullmatch(str(value))
    if not found or isinstance(value, bool):
        return None
    number, unit = float(found[1]), found[2] or ""
    if unit == "m":
        return number / 1000
    return number * (POWERS[unit] if unit in POWERS else 10.0 ** int(unit[1:]))


def seconds(value: object) -> float | None:
    """Give the seconds of a duration such as 1m30s; nothing when it is none."""
    if not DURATION.fullmatch(str(value)):
        return None
    parts = re.findall(r"([0-9.]+)(ms|h|m|s)", str(value))
    return sum(float(number) * SECONDS[unit] for number, unit in parts)


def _each_container(content: Document) -> Iterator[tuple[str, Document, Document]]:
    pod = sub(template(content), "spec")
    for container in own_containers(pod):
        yield f"{called(content)}: container {container.get('name')}", container, pod


@check(
    "K8S011",
    "requests and limits are quantities of a sane size, and no request is above its limit",
    why="256MB is no quantity, 256m of memory is a quarter of a byte, and a request above its limit is refused.",
    fix="Write memory as 256Mi and processors as 500m or 1, the request at most as large as the limit.",
)
def sizes(repository: Repository) -> Findings:
    """Yield quantities that cannot be meant so."""
    yield from each(repository, _oversized)


def _oversized(content: Document) -> Told:
    for who, container, _ in _each_container(content):
        limits = sub(container, "resources", "limits")
        for kind in ("requests", "limits"):
            given = sub(container, "resources", kind)
            for name, value in given.items():
                wrong = _size(str(name), value, limits.get(name) if kind == "requests" else None)
                if wrong:
                    yield line_of(given, name), f"{who}: resources.{kind}.{name} {value} is {wrong}"
    asked = sub(content, "spec", "resources", "requests").get("storage")
    if content.get("kind") == "PersistentVolumeClaim" and (quantity(asked) or 0) < LEAST_MEMORY:
        yield (
            line_of(sub(content, "spec"), "resources"),
            f"{called(content)}: storage {asked} is {quantity(asked):g} bytes",
        )
    for metric in entries(sub(content, "spec"), "metrics"):
        kind = str(metric.get("type"))
        target = sub(metric, kind[:1].lower() + kind[1:], "target")
        for key in {"averageValue", "value"} & {*target}:
            if quantity(target[key]) is None:
                yield line_of(target, key), f"{called(content)}: {key} {target[key]} is no quantity"


def _size(name: str, value: object, limit: object) -> str:
    number, most = quantity(value), quantity(limit)
    if number is None:
        return "no quantity"
    if name == "memory" and (number < LEAST_MEMORY or str(value).endswith("m")):
        return f"{number:g} bytes"
    if name == "cpu" and number > MOST_CPU:
        return f"{number:g} processors"
    return f"above its limit {limit}" if most is not None and number > most else ""


@check(
    "K8S012",
    "names, labels and port numbers have the form that the API server asks for",
    why="One underscore in a name or a sixteenth character in a port's name has the whole apply refused.",
    fix="Use lower-case letters, digits and dashes; at most 15 for a port's name, 63 for a label; ports to 65535.",
)
def forms(repository: Repository) -> Findings:
    """Yield names, labels and ports of another form."""
    yield from each(repository, _malformed)


def _malformed(content: Document) -> Told:
    metadata, who = sub(content, "metadata"), called(content)
    if "name" in metadata and not DNS_NAME.fullmatch(str(metadata["name"])):
        yield line_of(metadata, "name"), f"{who}: the name is no DNS name"
    for labels in (sub(metadata, "labels"), sub(template(content), "metadata", "labels")):
        for key, value in labels.items():
            if not LABEL_KEY.fullmatch(str(key)) or (isinstance(value, str) and not LABEL_VALUE.fullmatch(value)):
                yield line_of(labels, key), f"{who}: {key}: {value} is no label"
    if content.get("kind") == "Service":
        for port in entries(sub(content, "spec"), "ports"):
            yield from _malformed_port(port, who, ("port", "targetPort", "nodePort"))
    for volume in entries(sub(template(content), "spec"), "volumes"):
        if not DNS_LABEL.fullmatch(str(volume.get("name"))):
            yield line_of(volume), f"{who}: the volume {volume.get('name')} has no DNS label for a name"
    yield from _malformed_inside(content)


def _malformed_inside(content: Document) -> Told:
    if content.get("kind") == "NetworkPolicy":
        rules = [rule for key in ("ingress", "egress") for rule in entries(sub(content, "spec"), key)]
        for port in (port for rule in rules for port in entries(rule, "ports")):
            yield from _malformed_port(port, called(content), ("port", "endPort"))
    for who, container, _ in _each_container(content):
        if not DNS_LABEL.fullmatch(str(container.get("name"))):
            yield line_of(container, "name"), f"{who}: the name is no DNS label"
        for port in entries(container, "ports"):
            yield from _malformed_port(port, who, ("containerPort", "hostPort"))
        for variable in entries(container, "env"):
            if not VARIABLE.fullmatch(str(variable.get("name"))):
                yield line_of(variable), f"{who}: {variable.get('name')} is no name of a variable"


def _malformed_port(port: Document, who: str, keys: tuple[str, ...]) -> Told:
    name = port.get("name")
    for key in ("port", "targetPort"):
        if isinstance(port.get(key), str) and not PORT_NAME.fullmatch(str(port[key])):
            yield line_of(port, key), f"{who}: {key} {port[key]!r} in quotes is a name, and no name of a port"
    if name is not None and not PORT_NAME.fullmatch(str(name)):
        yield line_of(port, "name"), f"{who}: the port name {name} is not 1 to 15 lower-case letters, digits, dashes"
    for key in keys:
        number = port.get(key)
        if isinstance(number, int) and not 1 <= number <= 65535:  # noqa: PLR2004
            yield line_of(port, key), f"{who}: {key} {number} is not from 1 to 65535"


@check(
    "K8S013",
    "every image is named exactly, and the service's own in one place",
    why="latest is another image tomorrow; a tag written into a manifest is what no deploy moves (rows L04, P05).",
    fix=f"Write image: {PLACEHOLDER} for the service's own, which deploy and promote replace; others with a digest.",
)
def images(repository: Repository) -> Findings:
    """Yield images that are not named exactly, and own images that no deploy replaces."""
    known = {
        str(container.get("image"))
        for _, content in repository.manifests
        for _, container, _ in _each_container(content)
    }
    own = {"service", str(repository.answers.get("project_slug"))} if PLACEHOLDER in known else set()

    def judge(content: Document) -> Told:
        for who, container, _ in _each_container(content):
            wrong = _inexact(str(container.get("image") or ""), own)
            if wrong:
                yield line_of(container, "image"), f"{who}: the image {container.get('image')} {wrong}"
            if container.get("imagePullPolicy") == "Never":
                yield line_of(container, "imagePullPolicy"), f"{who}: imagePullPolicy Never pulls nothing"

    yield from each(repository, judge)
    names = {_image(image)[0] for image in known}
    for path, content in repository.kustomizations.items():
        for entry in entries(content, "images"):
            for key, wrong in _unmoved(entry, names if own else set()):
                yield path, line_of(entry, key), f"images: {entry.get(key)} {wrong}"


def _inexact(image: str, own: set[str]) -> str:
    name, tag = _image(image)
    if "@sha256:" not in image and tag in ("", "latest"):
        return "is another one tomorrow"
    if image != PLACEHOLDER and name.rsplit("/", 1)[-1] in own:
        return f"is not {PLACEHOLDER}, so that no deploy replaces it"
    return ""


def _unmoved(entry: Document, names: set[str]) -> Iterator[tuple[str, str]]:
    if entry.get("newTag") == "latest":
        yield "newTag", "is another one tomorrow"
    if "digest" not in entry and "newTag" not in entry and "newName" in entry:
        yield "newName", "says no digest: promote by registry/name@sha256:..."
    if "digest" in entry and not re.fullmatch(r"sha256:[0-9a-f]{64}", str(entry["digest"])):
        yield "digest", "is no digest: sha256: and 64 digits"
    if names and entry.get("name") not in names:
        yield "name", "is the image of no container"


def _image(image: str) -> tuple[str, str]:
    plain = image.partition("@")[0]
    name, colon, tag = plain.rpartition(":")
    return (name, tag) if colon and "/" not in tag else (plain, "")


@check(
    "K8S014",
    "probes ask what the service answers, and wait no longer than their turn",
    why="A probe of an unknown path never succeeds; one that waits past its turn or gives up at once kills a busy pod.",
    fix=f"Ask the paths that {OPERATIONS} names; timeoutSeconds below periodSeconds; let liveness fail some times.",
)
def probe_sense(repository: Repository) -> Findings:
    """Yield probes that cannot succeed, or end what only was slow."""
    served = set(re.findall(r"`(?:GET )?(/[a-z]+)`", repository.text(OPERATIONS)))

    def judge(content: Document) -> Told:
        for who, container, _ in _each_container(content):
            for kind in PROBES:
                probe = sub(container, kind)
                for message in _senseless(kind, probe, served) if probe else ():
                    yield line_of(container, kind), f"{who}: {kind} {message}"
                asked = sub(probe, "httpGet")
                private = {
                    port.get("containerPort") for port in entries(container, "ports") if port.get("name") == ADMIN
                }
                if private and asked.get("path") in served and asked.get("port") not in private | {ADMIN}:
                    told = f"{kind} asks {asked['path']} of port {asked.get('port')}, and {ADMIN} answers it"
                    yield line_of(container, kind), f"{who}: {told}"

    yield from each(repository, judge)


def _senseless(kind: str, probe: Document, served: set[str]) -> Iterator[str]:
    handlers = [name for name in HANDLERS if name in probe]
    if len(handlers) != 1:
        yield f"asks by {' and '.join(handlers) or 'nothing'}, not by one of {', '.join(HANDLERS)}"
    path = sub(probe, "httpGet").get("path", "/" if "httpGet" in probe else None)
    if path and served and path not in served:
        yield f"asks {path}, which {OPERATIONS} does not name"
    if sub(probe, "httpGet").get("scheme", "HTTP") != "HTTP":
        yield f"speaks {sub(probe, 'httpGet')['scheme']}, and the admin port answers by HTTP"
    if path and kind == "livenessProbe" and path == "/readyz":
        yield "asks /readyz: a restart mends no dependency"
    if path and kind == "readinessProbe" and path == "/livez":
        yield "asks /livez, which is answered before the service can work"
    numbers = {key: probe.get(key) for key in probe if key not in handlers}
    wrong = [key for key, value in numbers.items() if isinstance(value, int) and value < (key == "periodSeconds")]
    if wrong:
        yield f"has {', '.join(f'{key} {numbers[key]}' for key in wrong)}"
    yield from _untimely(kind, probe)
    if kind != "readinessProbe" and _number(probe, "successThreshold", 1) != 1:
        yield "must have successThreshold 1"


def _untimely(kind: str, probe: Document) -> Iterator[str]:
    period, timeout = _number(probe, "periodSeconds", 10), _number(probe, "timeoutSeconds", 1)
    failures = _number(probe, "failureThreshold", 3)
    if timeout > period:
        yield f"waits {timeout} s and is asked every {period} s"
    if kind == "livenessProbe" and failures * period < 10:  # noqa: PLR2004
        yield f"gives up after {failures * period} s; a pause of the process is no reason to end it"
    elif kind == "livenessProbe" and failures == 1:
        yield "ends the process after one answer that was late: failureThreshold 1"
    if kind != "startupProbe" and failures * period > LONGEST:
        yield f"sees after {failures * period} s that nothing answers"
    if kind == "startupProbe" and failures * period < LEAST_START:
        yield f"gives up after {failures * period} s; a cold node needs longer than that"


def _number(content: Document, key: str, default: int) -> int:
    found = content.get(key, default)
    return found if isinstance(found, int) else default


@check(
    "K8S015",
    "a pod has more time to stop than the process takes",
    why="A process that is killed while it drains drops the requests and the records that it was working on (row N04).",
    fix="Make terminationGracePeriodSeconds longer than DRAIN_DELAY and SHUTDOWN_TIMEOUT together.",
)
def grace(repository: Repository) -> Findings:
    """Yield serving pods that are killed before they have ended by themselves."""
    yield from across(repository, _hurried)


def _hurried(build: Build) -> Findings:
    for made in build.of(*SERVING):
        pod = sub(template(made.content), "spec")
        if not pod:
            continue
        given = _number(pod, "terminationGracePeriodSeconds", 30)
        taken = sum(_setting(build, pod, name) for name in ("DRAIN_DELAY", "SHUTDOWN_TIMEOUT"))
        waits = _setting(build, pod, "DRAIN_DELAY")
        served = any(port.get("name") == "http" for one in own_containers(pod) for port in entries(one, "ports"))
        if served and not waits:
            told = "stops while traffic still comes to it: DRAIN_DELAY is not above 0"
            yield *at(made, "spec", "template", "spec"), f"{made} {told}"
        if given <= taken:
            place = at(made, "spec", "template", "spec", "terminationGracePeriodSeconds")
            yield (
                *place,
                f"{made} has {given} s to stop, DRAIN_DELAY and SHUTDOWN_TIMEOUT take {taken:g} s",
            )


def _setting(build: Build, pod: Document, name: str) -> float:
    for container in own_containers(pod):
        for variable in entries(container, "env"):
            if variable.get("name") == name:
                return seconds(variable.get("value")) or 0
        for source in entries(container, "envFrom"):
            held = build.settings.get(("ConfigMap", str(sub(source, "configMapRef").get("name"))), {})
            if name in held:
                return seconds(held[name]) or 0
    return 0


@check(
    "K8S016",
    "what a container mounts is a volume of its pod, and every volume is mounted",
    why="A mount without a volume is refused; a volume without a mount is a secret or a disk that nobody needs.",
    fix="Add the volume to the pod, or take out the one that nothing mounts; mount each path once.",
)
def volumes(repository: Repository) -> Findings:
    """Yield mounts and volumes that do not meet."""
    yield from each(repository, _unmounted)


def _unmounted(content: Document) -> Told:
    pod = sub(template(content), "spec")
    known = {str(one.get("name")): one for one in entries(pod, "volumes")}
    claims = {str(sub(one, "metadata").get("name")) for one in entries(sub(content, "spec"), "volumeClaimTemplates")}
    mounted: set[str] = set()
    for who, container, _ in _each_container(content):
        for mount in [*entries(container, "volumeMounts"), *entries(container, "volumeDevices")]:
            mounted.add(str(mount.get("name")))
            if str(mount.get("name")) not in known.keys() | claims:
                yield line_of(mount), f"{who} mounts {mount.get('name')}, which is no volume of the pod"
            if "mountPath" in mount and not str(mount["mountPath"]).startswith("/"):
                yield line_of(mount), f"{who}: the mountPath {mount['mountPath']} does not begin with /"
        yield from ((line, f"{who}: {message}") for line, message in _unwritable(container))
    for name, volume in known.items():
        if name not in mounted:
            yield line_of(volume), f"{called(content)}: no container mounts the volume {name}"
        claimed = "persistentVolumeClaim" in volume and sub(pod, "securityContext").get("runAsNonRoot")
        if claimed and "fsGroup" not in sub(pod, "securityContext"):
            told = "its user may write to no new disk without fsGroup"
            yield line_of(pod, "securityContext"), f"{called(content)} mounts the volume {name}, and {told}"
        if {*volume} == {"name"}:
            yield line_of(volume), f"{called(content)}: the volume {name} does not say what it holds"
        if sub(volume, "emptyDir").get("sizeLimit") is None and "emptyDir" in volume:
            yield line_of(volume), f"{called(content)}: the volume {name} may fill its node: emptyDir has no sizeLimit"


def _unwritable(container: Document) -> Told:
    """Yield mounts over the image's programs, and variables that say where to write, and name the read-only root."""
    for mount in entries(container, "volumeMounts"):
        if str(mount.get("mountPath")).strip("/") in ("", "app"):
            yield line_of(mount), f"the mountPath {mount['mountPath']} hides the programs of the image"
    if sub(container, "securityContext").get("readOnlyRootFilesystem") is not True:
        return
    mounted = [f"{str(one.get('mountPath')).rstrip('/')}/" for one in entries(container, "volumeMounts")]
    for variable in entries(container, "env"):
        name, value = str(variable.get("name")), str(variable.get("value"))
        if WRITTEN.search(name) and value.startswith("/") and not f"{value}/".startswith(tuple(mounted)):
            yield line_of(variable), f"{name} is {value}, which is in no volume, and the root is read-only"


@check(
    "K8S017",
    "nothing in a pod is named twice",
    why="Of two variables with one name the last counts, and who reads the first is wrong; others are refused.",
    fix="Remove one of the two, or give it another name.",
)
def doubles(repository: Repository) -> Findings:
    """Yield containers, ports, variables, volumes and mounts of one name."""
    yield from each(repository, _doubled)


def _doubled(content: Document) -> Told:
    pod = sub(template(content), "spec")
    who, line = called(content), line_of(pod)
    yield from _twice(line, who, "container", [one.get("name") for one in own_containers(pod)])
    yield from _twice(line, who, "volume", [one.get("name") for one in entries(pod, "volumes")])
    spread = [one.get("topologyKey") for one in entries(pod, "topologySpreadConstraints")]
    yield from _twice(line, who, "topologyKey", spread)
    for owner, container, _ in _each_container(content):
        ports = entries(container, "ports")
        lines = [one.get("name") for one in ports]
        numbers: list[Any] = [f"{one.get('containerPort')}/{one.get('protocol', 'TCP')}" for one in ports]
        at_line = line_of(container)
        yield from _twice(at_line, owner, "variable", [one.get("name") for one in entries(container, "env")])
        yield from _twice(at_line, owner, "port", [*lines, *numbers])
        yield from _twice(at_line, owner, "mount", [one.get("mountPath") for one in entries(container, "volumeMounts")])
    if content.get("kind") == "Service":
        given = entries(sub(content, "spec"), "ports")
        pairs: list[Any] = [f"{one.get('port')}/{one.get('protocol', 'TCP')}" for one in given]
        yield from _twice(line_of(content), who, "port", [*(one.get("name") for one in given), *pairs])


def _twice(line: int, who: str, kind: str, names: list[Any]) -> Told:
    for name, count in Counter(str(one) for one in names if one is not None).items():
        if count > 1:
            yield line, f"{who} has the {kind} {name} {count} times"


@check(
    "K8S018",
    "no secret stands in a variable, and each variable has one source",
    why="What is written into a manifest or a ConfigMap is read by everybody who may list pods (row H02).",
    fix="Take the value from a Secret by secretKeyRef, and let an ExternalSecret fill that.",
)
def variables(repository: Repository) -> Findings:
    """Yield variables that hold secrets, and those with no source or with two."""
    yield from each(repository, _told_secret)
    for path, content in repository.kustomizations.items():
        for generator in entries(content, "configMapGenerator"):
            for literal in words(generator, "literals"):
                name, _, value = literal.partition("=")
                if value and (SECRET_NAME.search(name) or CREDENTIALS.search(value)):
                    yield path, line_of(generator, "literals"), f"configMapGenerator holds {name}, which is a secret"
        for generator in entries(content, "secretGenerator"):
            yield path, line_of(generator), f"secretGenerator {generator.get('name')} makes a secret of what git holds"


def _told_secret(content: Document) -> Told:
    if content.get("kind") == "ConfigMap":
        for name, value in sub(content, "data").items():
            if SECRET_NAME.search(str(name)) or CREDENTIALS.search(str(value)):
                yield line_of(sub(content, "data"), name), f"{called(content)} holds {name}, which is a secret"
    pod = sub(template(content), "spec")
    names = {one.get("name") for one in own_containers(pod)}
    for who, container, _ in _each_container(content):
        for variable in entries(container, "env"):
            for message in _unsourced(variable, container, names):
                yield line_of(variable), f"{who}: the variable {variable.get('name')} {message}"


def _unsourced(variable: Document, container: Document, names: set[object]) -> Iterator[str]:
    value, source = variable.get("value"), sub(variable, "valueFrom")
    if value and (SECRET_NAME.search(str(variable.get("name"))) or CREDENTIALS.search(str(value))):
        yield "is a secret, and its value is written out"
    if value is not None and source:
        yield "has a value and a valueFrom"
    if "valueFrom" in variable and len(source) != 1:
        yield f"has {len(source)} sources in valueFrom, not 1"
    field = sub(source, "fieldRef").get("fieldPath")
    if field is not None and not POD_FIELDS.fullmatch(str(field)):
        yield f"takes {field}, which no pod offers"
    size = sub(source, "resourceFieldRef")
    kind, _, what = str(size.get("resource")).partition(".")
    if size and (size.get("containerName", container.get("name")) not in names or kind not in ("limits", "requests")):
        yield f"takes {size.get('resource')}, which no container has"
    elif size and "containerName" not in size and what not in sub(container, "resources", kind):
        yield f"takes {size.get('resource')}, which is not set"


@check(
    "K8S019",
    "what the runtime sizes itself by follows the limits",
    why="A memory target above the limit ends in a kill; more threads than processors wait for each other (row N02).",
    fix="Take GOMEMLIMIT and GOMAXPROCS from limits.memory and limits.cpu by resourceFieldRef.",
)
def runtime_limits(repository: Repository) -> Findings:
    """Yield serving containers of a Go service that size themselves by something else than their limits."""
    wanted = {"GOMEMLIMIT": "limits.memory", "GOMAXPROCS": "limits.cpu"}

    def judge(content: Document) -> Told:
        for who, container, _ in _each_container(content):
            given = {str(one.get("name")): one for one in entries(container, "env")}
            for name, resource in wanted.items():
                named = re.findall(r"\$\(([A-Z0-9_]+)\)", str(sub(given.get(name)).get("value")))
                sources = [
                    sub(given.get(one), "valueFrom", "resourceFieldRef").get("resource") for one in [name, *named]
                ]
                if name in given and resource not in sources:
                    yield line_of(given[name]), f"{who}: {name} does not follow {resource}"
            for place, later in _unexpanded(entries(container, "env")):
                yield (
                    line_of(place),
                    f"{who}: {place.get('name')} names {later}, which is set behind it and stays as it is",
                )
            share = _share_of_limit(given)
            if share is not None and not 0.5 <= share < 1:  # noqa: PLR2004
                yield (
                    line_of(given["GOMEMLIMIT"]),
                    f"{who}: GOMEMLIMIT is {share:.3g} times limits.memory, not below it",
                )

    yield from each(repository, judge)
    yield from across(repository, _without_runtime)


def _unexpanded(given: list[Document]) -> Iterator[tuple[Document, str]]:
    """Give each variable that names one that stands behind it: the cluster puts in what stands before."""
    names = [str(one.get("name")) for one in given]
    for index, one in enumerate(given):
        for name in re.findall(r"\$\(([A-Za-z0-9_]+)\)", str(one.get("value"))):
            if name in names[index:]:
                yield one, name


def _share_of_limit(given: dict[str, Document]) -> float | None:
    """Give which part of the memory limit GOMEMLIMIT is; nothing where it does not follow it."""
    direct = sub(given.get("GOMEMLIMIT"), "valueFrom", "resourceFieldRef")
    if direct.get("resource") == "limits.memory":
        return 1 / (quantity(direct.get("divisor", "1")) or 1)
    found = re.fullmatch(r"\$\(([A-Z0-9_]+)\)([0-9]*)((?:[KMGT]i)?B)?", str(sub(given.get("GOMEMLIMIT")).get("value")))
    source = sub(given.get(found[1]), "valueFrom", "resourceFieldRef") if found else {}
    if not found or source.get("resource") != "limits.memory":
        return None
    unit = POWERS.get((found[3] or "B")[:-1], 1)
    return float(10 ** len(found[2]) * unit / (quantity(source.get("divisor", "1")) or 1))


def _without_runtime(build: Build) -> Findings:
    """Yield containers of the service's own image that size themselves by nothing, where others do by their limits."""
    own = [
        (made, container)
        for made in build.objects
        for container in own_containers(sub(template(made.content), "spec"))
        if container.get("image") == PLACEHOLDER
    ]
    known = [{str(one.get("name")) for one in entries(container, "env")} for _, container in own]
    for name in ("GOMEMLIMIT", "GOMAXPROCS"):
        if any(name in names for names in known) and build.real:
            for (made, container), names in zip(own, known, strict=True):
                if name not in names:
                    yield made.path, 0, f"{made}: container {container.get('name')} is not told {name}, as others are"


@check(
    "K8S020",
    "commands are programs of the image, which has no shell",
    why="A command that the image does not hold fails at the start of the pod, or at each probe, and only there.",
    fix=f"Call a process of {OPERATIONS} by /app/NAME, without sh, sleep or curl.",
)
def commands(repository: Repository) -> Findings:
    """Yield commands of the service's own image that it does not hold."""
    processes = set(re.findall(r"^\| `([a-z][a-z0-9-]*)` \|", repository.text(OPERATIONS), re.MULTILINE))

    def judge(content: Document) -> Told:
        for who, container, _ in _each_container(content):
            if container.get("image") != PLACEHOLDER:
                continue
            places = [("command", words(container, "command"))]
            places += [(kind, words(sub(container, kind, "exec"), "command")) for kind in PROBES]
            hooks = sub(container, "lifecycle")
            places += [(kind, words(sub(hooks, kind, "exec"), "command")) for kind in ("preStop", "postStart")]
            for kind, command in places:
                first = command[0] if command else ""
                program = EXECUTABLE.fullmatch(first)
                if SHELLS.fullmatch(first):
                    yield (
                        line_of(container, kind),
                        f"{who}: {kind} calls {first}, and the image has no shell and no tools",
                    )
                elif first and not program:
                    yield line_of(container, kind), f"{who}: {kind} calls {first}, which is not /app/NAME"
                elif program and processes and program[1] not in processes:
                    yield line_of(container, kind), f"{who}: {kind} calls {first}, which {OPERATIONS} does not name"
            step = [*words(container, "command"), *words(container, "args")]
            wrong = _other_process(container, processes)
            if wrong:
                yield line_of(container, "command"), f"{who}: {wrong}"
            if step[:1] == ["/app/migrate"] and step[1:2] != ["up"]:
                yield line_of(container, "args"), f"{who} calls {' '.join(step)}: what a release runs is migrate up"

    yield from each(repository, judge)


def _other_process(container: Document, processes: set[str]) -> str:
    """Say which process a container starts, when it is named after another one."""
    name, command = str(container.get("name")), words(container, "command")
    started = EXECUTABLE.fullmatch(command[0])[1] if command and EXECUTABLE.fullmatch(command[0]) else ""  # type: ignore[index]
    if name not in processes or started == name or (not command and name == "api"):
        return ""
    if not command:
        return "says no command, and the image starts another process by itself"
    return f"starts {started}, which is another process" if started in processes else ""


@check(
    "K8S021",
    "every pod has an account of its own, without a token unless it needs one",
    why="The default account gathers the rights of all; a token in a pod is what an intruder takes first (row N08).",
    fix="Set serviceAccountName, and automountServiceAccountToken: false in the pod and the ServiceAccount.",
)
def accounts(repository: Repository) -> Findings:
    """Yield pods with the default account, another's or a mounted token, and accounts that mount one."""
    yield from each(repository, _trusted)
    yield from across(repository, _shared)


def _shared(build: Build) -> Findings:
    owners: dict[str, str] = {}
    for made in build.objects:
        pod = sub(template(made.content), "spec")
        account = str(pod.get("serviceAccountName") or "default")
        if pod and account != "default" and owners.setdefault(account, str(made)) != str(made):
            place = at(made, "spec", "template", "spec", "serviceAccountName")
            yield *place, f"{made} runs as the ServiceAccount {account} of {owners[account]}"


def _trusted(content: Document) -> Told:
    pod = sub(template(content), "spec")
    if pod:
        account = pod.get("serviceAccountName", pod.get("serviceAccount"))
        if account in (None, "", "default"):
            yield line_of(pod, "serviceAccountName"), f"{called(content)} runs as the default ServiceAccount"
        if pod.get("automountServiceAccountToken") is not False:
            line = line_of(pod, "automountServiceAccountToken")
            yield line, f"{called(content)} does not say automountServiceAccountToken: false"
    if content.get("kind") == "ServiceAccount" and content.get("automountServiceAccountToken") is not False:
        yield line_of(content), f"{called(content)} does not say automountServiceAccountToken: false"


@check(
    "K8S037",
    "a pod runs where there is room for it, and asks the cluster for names",
    why="A pod that is tied to one node, or that takes every one, falls with it; Default finds no Service (row N11).",
    fix="Take the field out; spread pods by topologySpreadConstraints, and tolerate a taint by its key.",
)
def placed(repository: Repository) -> Findings:
    """Yield pods that are tied to a node, run anywhere, or ask the node for names."""
    yield from each(repository, _tied)


def _tied(content: Document) -> Told:
    pod, who = sub(template(content), "spec"), called(content)
    if "nodeName" in pod:
        yield line_of(pod, "nodeName"), f"{who} runs on {pod['nodeName']} alone: nodeName"
    if "kubernetes.io/hostname" in sub(pod, "nodeSelector"):
        yield line_of(pod, "nodeSelector"), f"{who} runs on one node alone: nodeSelector"
    if str(pod.get("priorityClassName")).startswith("system-"):
        yield line_of(pod, "priorityClassName"), f"{who} goes before the cluster's own pods: {pod['priorityClassName']}"
    if pod.get("dnsPolicy") in ("Default", "None"):
        yield (
            line_of(pod, "dnsPolicy"),
            f"{who} asks the node for names, and finds no Service: dnsPolicy {pod['dnsPolicy']}",
        )
    for one in entries(pod, "tolerations"):
        if not one.get("key"):
            yield line_of(one), f"{who} tolerates every taint, of nodes that are going too"
