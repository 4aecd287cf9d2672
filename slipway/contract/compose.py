"""compose.yaml: what runs on a laptop keeps to the rules of the cluster as far as it can, and names what is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from slipway.contract.kubernetes import sub, words
from slipway.contract.pods import CREDENTIALS, SECRET_NAME
from slipway.contract.registry import check
from slipway.contract.repository import Document, Repository, line_of, resolve

Findings = Iterator[tuple[str, int, str]]

PLACES = r"(?:compose(?:\.[a-z]+)?\.ya?ml|docker-compose[^/]*\.ya?ml|compose/[^/]+\.ya?ml)$"
HARDENED = {"read_only": True, "cap_drop": ["ALL"], "security_opt": ["no-new-privileges:true"]}
DEFAULTS = {"mongo": "27017", "postgres": "5432", "mysql": "3306", "redis": "6379"}
REACHED = re.compile(r"(?:^|[/@,])([a-z][a-z0-9-]*):(\d{2,5})(?=[/?,]|$)")
LISTENED = re.compile(r"^\| `\w+_ADDR` \| `[^`]*:(\d+)`", re.MULTILINE)
ADDRESS = re.compile(r"^ +address: (\S+)", re.MULTILINE)
LOCAL = re.compile(r"(?:127\.0\.0\.1|localhost|\[::1\]):")


def services(repository: Repository) -> Iterator[tuple[str, str, Document]]:
    """Give each service of the compose files: file, name, content."""
    for path in repository.matching(PLACES):
        content = repository.mapping(path)
        for name, one in sub(content, "services").items():
            if isinstance(one, dict):
                yield path, str(name), one


@check(
    "CMP001",
    "what compose runs has no more rights than it needs, and is reached from this machine alone",
    why="A published port is open to the whole network of the desk; the socket of Docker is root on it (row L07).",
    fix='Publish "127.0.0.1:PORT:PORT", drop privileged, host namespaces, added capabilities and the socket; give our '
    'own read_only: true, cap_drop: [ALL] and security_opt: ["no-new-privileges:true"].',
)
def enclosed(repository: Repository) -> Findings:
    """Yield services with rights of the host, or open to the network."""
    yield from _open_networks(repository)
    for path, name, one in services(repository):
        for key, message in _mighty(one):
            yield path, line_of(one, key), f"{name} {message}"
        for key, wanted in HARDENED.items() if "build" in one else ():
            given = one.get(key)
            if given != wanted and not (isinstance(wanted, list) and {*map(str, given or ())} >= {*wanted}):
                yield path, line_of(one, key), f"{name} has not {key}: {wanted}, as it has in the cluster"
        for volume in one.get("volumes") or ():
            source = str(volume.get("source") if isinstance(volume, dict) else volume).split(":")[0]
            if source.endswith("docker.sock") or source == "/":
                yield path, line_of(one, "volumes"), f"{name} mounts {source}"
        for port in one.get("ports") or ():
            open_wide = port.get("host_ip") is None if isinstance(port, dict) else not LOCAL.match(str(port))
            if open_wide:
                yield path, line_of(one, "ports"), f"{name} publishes {_shown(port)} to the whole network"


def _open_networks(repository: Repository) -> Findings:
    """Yield networks of servers that reach out."""
    networks = {
        name: (path, sub(content, "networks").get(name) or {})
        for path in repository.matching(PLACES)
        for content in [repository.mapping(path)]
        for name in sub(content, "networks")
    }
    reached = {host for _, _, _, value in settings(repository) for host, _ in REACHED.findall(value)}
    for name in dict.fromkeys(net for _, host, one in services(repository) if host in reached for net in _joined(one)):
        path, network = networks.get(name, ("", {}))
        if path and not network.get("internal"):
            yield path, 0, f"the network {name}, where servers trust everybody, is not internal: true"


def _joined(one: Document) -> list[str]:
    return [str(name) for name in one.get("networks") or ()]


def _mighty(one: Document) -> Iterator[tuple[str, str]]:
    if one.get("privileged"):
        yield "privileged", "is privileged"
    for key in ("network_mode", "pid", "ipc", "userns_mode"):
        if one.get(key) == "host":
            yield key, f"shares the host's own: {key}: host"
    if words(one, "cap_add"):
        yield "cap_add", f"adds the capabilities {', '.join(words(one, 'cap_add'))}"
    if str(one.get("user", "1")).split(":")[0] in ("0", "root"):
        yield "user", "runs as root"


def _shown(port: Any) -> str:
    return str(port.get("published", port.get("target"))) if isinstance(port, dict) else str(port)


@check(
    "CMP002",
    "every image of compose has a tag, and no secret is written out",
    why="latest is another image tomorrow, and what git holds everybody knows (rows L04, H02).",
    fix="Name the version, or build it; take a secret from the environment: ${NAME:?}.",
)
def exact(repository: Repository) -> Findings:
    """Yield images without a version, and secrets."""
    for path, name, one in services(repository):
        image = str(one.get("image") or "")
        tag = image.partition("@")[0].rpartition("/")[2].partition(":")[2]
        if image and "@sha256:" not in image and tag in ("", "latest"):
            yield path, line_of(one, "image"), f"{name}: the image {image} is another one tomorrow"
        if not image and "build" not in one and "extends" not in one:
            yield path, line_of(one), f"{name} has neither image nor build"
        given = one.get("environment")
        pairs = (
            [*given.items()] if isinstance(given, dict) else [str(entry).partition("=")[::2] for entry in given or ()]
        )
        for key, value in pairs:
            if _written_out(key, value):
                yield path, line_of(given, key), f"{name}: {key} is written out"
    for path, number, key, value in settings(repository):
        if _written_out(key.removesuffix("_URL"), value):
            yield path, number, f"{key} is written out"


def _written_out(key: object, value: object) -> bool:
    told = str(value or "")
    secret = SECRET_NAME.search(str(key)) or CREDENTIALS.search(told)
    return bool(told and not told.startswith("${") and secret)


def settings(repository: Repository) -> Iterator[tuple[str, int, str, str]]:
    """Give each variable of the files that compose takes variables from: file, line, name, value."""
    files = {resolve(path, place) for path, _, one in services(repository) for place in _files(one)}
    for path in sorted(files & {*repository.files}):
        for number, line in repository.lines(path):
            name, found, value = line.partition("=")
            if found and not line.startswith("#"):
                yield path, number, name.strip(), value.strip()


@check(
    "CMP003",
    "what compose names is there",
    why="compose stops at a name that leads nowhere, and the first to notice is the new colleague.",
    fix="Correct the name, or define the service, network, volume, config or file.",
)
def present(repository: Repository) -> Findings:
    """Yield services, networks, volumes and files that are not there."""
    known = {kind: {"default"} for kind in ("networks", "volumes", "configs", "secrets")}
    names = {name for _, name, _ in services(repository)}
    for path in repository.matching(PLACES):
        content = repository.mapping(path)
        for kind, held in known.items():
            held |= {str(name) for name in sub(content, kind)}
        missing = [name for name in words(content, "include") if resolve(path, name) not in repository.files]
        yield from ((path, line_of(content, "include"), f"include {name}: there is no such file") for name in missing)
    for path, name, one in services(repository):
        for other in {str(other) for other in one.get("depends_on") or ()} - names:
            yield path, line_of(one, "depends_on"), f"{name} waits for {other}, which is no service"
        for kind, given in _named(one):
            if given not in known[kind]:
                yield path, line_of(one, kind), f"{name}: {kind} {given} is not defined"
        for place in _files(one):
            if resolve(path, place) not in repository.files:
                yield path, line_of(one, "env_file"), f"{name}: env_file {place} does not exist"
        yield from ((path, line_of(one, key), f"{name}: {told}") for key, told in _absent(repository, one))
    yield from _unused(repository)


def _unused(repository: Repository) -> Findings:
    used = {given for _, _, one in services(repository) for kind, given in _named(one) if kind == "volumes"}
    for path in repository.matching(PLACES):
        for volume in sub(repository.mapping(path), "volumes"):
            if volume not in used:
                yield path, 0, f"no service mounts the volume {volume}: what is written is gone with its container"


def _absent(repository: Repository, one: Document) -> Iterator[tuple[str, str]]:
    """Give the programs and ports of our own image that it has not."""
    programs = {path.split("/")[1] for path in repository.matching(r"cmd/[^/]+/")}
    listened = {*LISTENED.findall(repository.text("docs/configuration.md"))}
    if "build" not in one or not programs:
        return
    entry = one.get("entrypoint")
    probe = sub(one, "healthcheck").get("test")
    for key, command in (("entrypoint", entry), ("healthcheck", probe)):
        given = [str(word) for word in command] if isinstance(command, list) else str(command or "").split()
        if key == "healthcheck" and given:
            if given[0] != "CMD":
                yield key, f"healthcheck {given[0]} wants a shell, which the image has not"
                continue
            given = given[1:]
        if given and given[0].rsplit("/", 1)[-1] not in programs:
            yield key, f"{given[0]} is no program of cmd/"
    for port in one.get("ports") or () if listened else ():
        inside = str(port.get("target") if isinstance(port, dict) else port).split("/")[0].rsplit(":", 1)[-1]
        if inside not in listened:
            yield "ports", f"{inside} is no port that the service listens on: {', '.join(sorted(listened))}"


def _files(one: Document) -> Iterator[str]:
    files = one.get("env_file") or ()
    for file in [files] if isinstance(files, str) else files:
        if not isinstance(file, dict) or file.get("required") is not False:
            yield str(file.get("path") if isinstance(file, dict) else file)


def _named(one: Document) -> Iterator[tuple[str, str]]:
    for kind in ("networks", "configs", "secrets"):
        for given in one.get(kind) or ():
            yield kind, str(given.get("source") if isinstance(given, dict) else given)
    for volume in one.get("volumes") or ():
        source = str(volume.get("source") if isinstance(volume, dict) else volume).split(":")[0]
        kept = volume.get("type") == "volume" if isinstance(volume, dict) else ":" in str(volume)
        if kept and re.fullmatch(r"[A-Za-z0-9][\w.-]*", source):
            yield "volumes", source


@check(
    "CMP004",
    "what compose starts waits until what it needs is ready",
    why="Started is not ready: the first request meets a schema that is not there yet (row M02).",
    fix="Wait for migrate with service_completed_successfully, for a server with service_healthy, and let it be asked.",
)
def ready(repository: Repository) -> Findings:
    """Yield services that wait for too little, and servers that nothing asks whether they are well."""
    known = {name: one for _, name, one in services(repository)}
    reached = {host for _, _, _, value in settings(repository) for host, _ in REACHED.findall(value)}
    for path, name, one in services(repository):
        needs = one.get("depends_on") or {}
        for other in needs:
            condition = needs[other].get("condition") if isinstance(needs, dict) else "service_started"
            line = line_of(one, "depends_on")
            if condition not in ("service_healthy", "service_completed_successfully"):
                yield path, line, f"{name} waits until {other} has started, not until it is ready"
            elif condition == "service_healthy" and not _asked(known.get(str(other), {})):
                yield path, line, f"{name} waits for the health of {other}, which has no healthcheck"
        if "build" in one and "migrate" in known and name != "migrate" and "migrate" not in needs:
            yield path, line_of(one), f"{name} does not wait for migrate"
        if name in reached and not _asked(one):
            yield path, line_of(one), f"{name} is reached by the service and has no healthcheck"


def _asked(one: Document) -> bool:
    return bool(sub(one, "healthcheck").get("test")) or "build" in one


@check(
    "CMP005",
    "the servers and topics that the service is told are those that compose starts",
    why="An address that nothing serves and a topic that nothing makes look like a broken service (row M01).",
    fix="Use name and port of the service in compose/, and make each topic of events/asyncapi.yaml.",
)
def reachable(repository: Repository) -> Findings:
    """Yield addresses that no service has, and topics that are not made, or by themselves."""
    known = {name: one for _, name, one in services(repository)}
    for path, number, key, value in settings(repository):
        for host, port in REACHED.findall(value):
            if host not in known:
                yield path, number, f"{key} names {host}, which is no service of compose"
            elif port not in (ports := _ports(known[host])) and ports:
                yield path, number, f"{key} names {host}:{port}, and {host} listens on {', '.join(sorted(ports))}"
            base = re.search(rf"@?{host}:\d+/([\w-]+)", value)
            named = sub(known.get(host, {}), "environment").get("POSTGRES_DB")
            if base and named and base[1] != named:
                yield path, number, f"{key} names the database {base[1]}, and {host} makes {named}"
    topics = {*ADDRESS.findall(repository.text("events/asyncapi.yaml"))}
    for path, name, one in services(repository):
        creating = str(sub(one, "environment").get("KAFKA_AUTO_CREATE_TOPICS_ENABLE", "true")).lower()
        if "KAFKA_LISTENERS" in sub(one, "environment") and creating != "false":
            yield path, line_of(one, "environment"), f"{name} makes topics by itself, which hides a misspelt one"
        command = " ".join(str(word) for word in one.get("command") or ())
        if "kafka-topics" in command and "--create" in command:
            made = {*re.findall(r"[\w.-]+", command)}
            for topic in sorted(topics - made):
                yield path, line_of(one, "command"), f"{name} does not make the topic {topic} of events/asyncapi.yaml"


def _ports(one: Document) -> set[str]:
    """Give the ports that clients of a server are to use; none where it is not known."""
    told = str(sub(one, "environment").get("KAFKA_ADVERTISED_LISTENERS") or "")
    if told:
        return {*re.findall(r"//[^:,]*:(\d+)", told)}
    image = str(one.get("image") or "").rsplit("/", 1)[-1].partition(":")[0]
    return {DEFAULTS[image]} if image in DEFAULTS else set()
