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
    fix='Publish "127.0.0.1:PORT:PORT", drop privileged, host namespaces, added capabilities and the socket.',
)
def enclosed(repository: Repository) -> Findings:
    """Yield services with rights of the host, or open to the network."""
    for path, name, one in services(repository):
        for key, message in _mighty(one):
            yield path, line_of(one, key), f"{name} {message}"
        for volume in one.get("volumes") or ():
            source = str(volume.get("source") if isinstance(volume, dict) else volume).split(":")[0]
            if source.endswith("docker.sock") or source == "/":
                yield path, line_of(one, "volumes"), f"{name} mounts {source}"
        for port in one.get("ports") or ():
            open_wide = port.get("host_ip") is None if isinstance(port, dict) else not LOCAL.match(str(port))
            if open_wide:
                yield path, line_of(one, "ports"), f"{name} publishes {_shown(port)} to the whole network"


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
            told = str(value or "")
            if told and not told.startswith("${") and (SECRET_NAME.search(str(key)) or CREDENTIALS.search(told)):
                yield path, line_of(given, key), f"{name}: {key} is written out"


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
