"""Overlays built from the files alone: base, components, generators and patches, as kustomize puts them together.

What kustomize refuses, and what it passes over in silence, is kept as a problem; the build goes on without that part.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import yaml

from slipway.contract.repository import KUSTOMIZATIONS, Document, Mapping, Repository, StrictLoader, line_of, resolve

DEPTH = 20
MERGE_KEYS = {
    "containers": "name",
    "initContainers": "name",
    "ephemeralContainers": "name",
    "env": "name",
    "volumes": "name",
    "volumeMounts": "mountPath",
    "volumeDevices": "devicePath",
    "imagePullSecrets": "name",
    "hostAliases": "ip",
    "topologySpreadConstraints": "topologyKey",
}
STRATEGIC = frozenset({"apps", "autoscaling", "batch", "networking.k8s.io", "policy", "rbac.authorization.k8s.io", ""})
CLUSTER_WIDE = frozenset(
    {
        *("ClusterRole", "ClusterRoleBinding", "ClusterSecretStore", "CustomResourceDefinition", "GatewayClass"),
        *("IngressClass", "Namespace", "PersistentVolume", "PriorityClass", "StorageClass"),
    }
)


class Problem(NamedTuple):
    """What does not come together: the kustomization, the line, and what is wrong."""

    path: str
    line: int
    message: str


class Made:
    """An object of a built overlay.

    Attributes:
        path: the file that it comes from.
        content: the object as it would be applied.
        patched: whether a patch changed it.
    """

    __slots__ = ("content", "patched", "path")

    def __init__(self, path: str, content: Document) -> None:
        self.path = path
        self.content = content
        self.patched = False

    @property
    def kind(self) -> str:
        """Its kind."""
        return str(self.content.get("kind"))

    @property
    def name(self) -> str:
        """Its name."""
        return str((self.content.get("metadata") or {}).get("name"))

    @property
    def group(self) -> str:
        """The group of its apiVersion, nothing for the core."""
        return str(self.content.get("apiVersion")).rpartition("/")[0]

    @property
    def spec(self) -> Document:
        """Its specification, empty where it has none."""
        found = self.content.get("spec")
        return found if isinstance(found, dict) else {}

    def __str__(self) -> str:
        """Give kind/name."""
        return f"{self.kind}/{self.name}"


class Build:
    """What one kustomization makes.

    Attributes:
        name: the last part of its folder, such as `production`.
        path: the kustomization.
        real: whether the kustomization stands so, or a component that no overlay uses was added.
        objects: in the order in which they were met.
        settings: the literals of each generated ConfigMap and Secret, by kind and name.
        problems: what did not come together.
    """

    def __init__(self, path: str, *, real: bool = True) -> None:
        self.path = path
        self.name = path.split("/")[-2] if "/" in path else path
        self.real = real
        self.objects: list[Made] = []
        self.settings: dict[tuple[str, str], dict[str, str]] = {}
        self.problems: list[Problem] = []

    def of(self, *kinds: str) -> Iterator[Made]:
        """Give the objects of some kinds."""
        return (one for one in self.objects if one.kind in kinds)

    def named(self, kind: str, name: object) -> Made | None:
        """Give the object of a kind and a name."""
        return next((one for one in self.objects if one.kind == kind and one.name == name), None)


@lru_cache(maxsize=2)
def builds(repository: Repository) -> tuple[Build, ...]:
    """Give what each overlay makes, and what the last one would make with each component that none uses."""
    known = repository.kustomizations
    below = {target for path in known for target in _below(repository, path, "resources")}
    roots = [path for path in known if not _is_component(known[path]) and path not in below]
    found = []
    for path in roots:
        build = Build(path)
        _accumulate(repository, path, build, 0)
        found.append(build)
    used = {component for path in known for component in _below(repository, path, "components")}
    for path in known:
        if _is_component(known[path]) and path not in used and roots:
            build = Build(path, real=False)
            _accumulate(repository, roots[-1], build, 0, (path,))
            found.append(build)
    return tuple(found)


def kustomization_in(repository: Repository, folder: str) -> str | None:
    """Give the kustomization of a folder."""
    return next((f"{folder}/{name}" for name in KUSTOMIZATIONS if f"{folder}/{name}" in repository.files), None)


def _is_component(content: Document) -> bool:
    return content.get("kind") == "Component"


def _below(repository: Repository, path: str, kind: str) -> Iterator[str]:
    for name in _entries(repository.kustomizations[path], kind):
        found = kustomization_in(repository, resolve(path, str(name)))
        if found:
            yield found


def _entries(content: Document, key: str) -> list[Any]:
    found = content.get(key)
    return found if isinstance(found, list) else []


def _accumulate(repository: Repository, path: str, build: Build, depth: int, extra: tuple[str, ...] = ()) -> None:
    content = repository.kustomizations[path]
    if depth > DEPTH:
        build.problems.append(Problem(path, 0, "names itself, by way of others"))
        return
    mine: list[Made] = build.objects if _is_component(content) else []
    outer, build.objects = build.objects, mine
    _resources(repository, path, build, depth)
    added = {one for place in extra for one in _identities(repository, place)}
    for component in [*_below(repository, path, "components"), *extra]:
        if component in extra or not added & _identities(repository, component):
            _accumulate(repository, component, build, depth + 1)
    _generate(repository, path, content, build)
    _patch_all(repository, path, build)
    _transform(content, build.objects)
    if build.objects is not outer:
        build.objects = [*outer, *build.objects]


def _identities(repository: Repository, path: str) -> set[tuple[str, str]]:
    """Give kind and name of what a kustomization lists; a component that makes the same stands in for another."""
    names = [resolve(path, str(name)) for name in _entries(repository.kustomizations[path], "resources")]
    documents = [one for name in names if name in repository.files for one in repository.documents(name)]
    made = [Made("", one) for one in documents if isinstance(one, dict)]
    return {(one.kind, one.name) for one in made}


def _resources(repository: Repository, path: str, build: Build, depth: int) -> None:
    content = repository.kustomizations[path]
    for name in _entries(content, "resources"):
        target = resolve(path, str(name))
        inner = kustomization_in(repository, target)
        if inner:
            _accumulate(repository, inner, build, depth + 1)
        elif target in repository.files:
            for document in repository.documents(target):
                if isinstance(document, dict) and "kind" in document:
                    _add(build, path, line_of(content, "resources"), Made(target, _copy(document)))


def _add(build: Build, path: str, line: int, made: Made) -> None:
    space = (made.content.get("metadata") or {}).get("namespace")
    for one in build.objects:
        if (one.kind, one.name, one.group) == (made.kind, made.name, made.group) and (
            (one.content.get("metadata") or {}).get("namespace") == space
        ):
            build.problems.append(Problem(path, line, f"{made} comes twice, from {one.path} and from {made.path}"))
            return
    build.objects.append(made)


def _generate(repository: Repository, path: str, content: Document, build: Build) -> None:
    for field, kind in (("configMapGenerator", "ConfigMap"), ("secretGenerator", "Secret")):
        for generator in _entries(content, field):
            if not isinstance(generator, dict):
                continue
            key = kind, str(generator.get("name"))
            behavior, line = generator.get("behavior", "create"), line_of(generator)
            if behavior != "create" and key not in build.settings:
                build.problems.append(Problem(path, line, f"{field} {behavior}s {key[1]}, which nothing creates"))
            if behavior == "create" and key in build.settings:
                build.problems.append(
                    Problem(path, line, f"{field} creates {key[1]} a second time; say behavior: merge")
                )
            held = build.settings.setdefault(key, {})
            if behavior == "replace":
                held.clear()
            held.update(_held(repository, path, generator))


def _held(repository: Repository, path: str, generator: Document) -> Iterator[tuple[str, str]]:
    for literal in _entries(generator, "literals"):
        name, _, value = str(literal).partition("=")
        yield name, value.strip("\"'")
    for file in _entries(generator, "files"):
        name, _, place = str(file).rpartition("=")
        yield name or place.rsplit("/", 1)[-1], repository.text(resolve(path, place))
    for file in [*_entries(generator, "envs"), *([generator["env"]] if "env" in generator else [])]:
        for _, line in repository.lines(resolve(path, str(file))):
            if "=" in line and not line.startswith("#"):
                name, _, value = line.partition("=")
                yield name.strip(), value.strip()


class Patch(NamedTuple):
    """A patch as a kustomization holds it: its target, where it is written, and what it says."""

    target: Document | None
    path: str
    line: int
    content: Any


@lru_cache(maxsize=64)
def patches(repository: Repository, path: str) -> tuple[Patch, ...]:
    """Give the patches of a kustomization, parsed once; those that are not there are left out."""
    return tuple(_patches(repository, path))


def _patches(repository: Repository, path: str) -> Iterator[Patch]:
    content = repository.kustomizations[path]
    for field in ("patches", "patchesJson6902", "patchesStrategicMerge"):
        for entry in _entries(content, field):
            one = entry if isinstance(entry, dict) else {"patch" if "\n" in str(entry) else "path": entry}
            target = one.get("target") if isinstance(one.get("target"), dict) else None
            if isinstance(one.get("path"), str):
                place = resolve(path, one["path"])
                for document in repository.documents(place) if place in repository.files else ():
                    yield Patch(target, place, line_of(document), document)
            elif isinstance(one.get("patch"), str):
                line = line_of(entry, "patch")
                try:
                    documents = list(yaml.load_all(one["patch"], StrictLoader))
                except yaml.YAMLError as error:
                    documents = [f"the patch does not parse: {' '.join(str(error).split())}"]
                for document in documents:
                    yield Patch(target, path, line, document)


def _patch_all(repository: Repository, path: str, build: Build) -> None:
    for patch in patches(repository, path):
        if isinstance(patch.content, str):
            build.problems.append(Problem(patch.path, patch.line, patch.content))
        elif patch.content:
            found = _targets(patch, build.objects)
            if not found:
                wanted = patch.target or _identity(patch.content)
                build.problems.append(Problem(patch.path, patch.line, f"the patch of {_told(wanted)} finds no object"))
            for one in found:
                _patch_one(patch, one, build)


def _identity(content: object) -> Document:
    if not isinstance(content, dict):
        return {}
    return {"kind": content.get("kind"), "name": (content.get("metadata") or {}).get("name")}


def _told(target: Document) -> str:
    return ", ".join(f"{key} {value}" for key, value in target.items() if value) or "no target"


def _targets(patch: Patch, objects: list[Made]) -> list[Made]:
    if patch.target is None:
        wanted = _identity(patch.content)
        return [one for one in objects if one.kind == wanted.get("kind") and one.name == wanted.get("name")]
    target = patch.target
    return [
        one
        for one in objects
        if _full(target.get("kind"), one.kind)
        and _full(target.get("name"), one.name)
        and _full(target.get("group"), one.group)
        and _selected(target.get("labelSelector"), (one.content.get("metadata") or {}).get("labels") or {})
        and _selected(target.get("annotationSelector"), (one.content.get("metadata") or {}).get("annotations") or {})
    ]


def _full(pattern: object, value: str) -> bool:
    try:
        return pattern is None or re.fullmatch(str(pattern), value) is not None
    except re.error:
        return False


def _selected(selector: object, labels: Document) -> bool:
    for part in str(selector).split(",") if selector else ():
        key, equals, value = part.replace("==", "=").partition("=")
        if (str(labels.get(key.strip())) != value.strip()) if equals else (key.strip() not in labels):
            return False
    return True


def _patch_one(patch: Patch, made: Made, build: Build) -> None:
    made.patched = True
    if isinstance(patch.content, list):
        for step in patch.content:
            wrong = _step(made.content, step) if isinstance(step, dict) else f"{step!r} is no operation"
            if wrong:
                build.problems.append(Problem(patch.path, patch.line, f"the patch of {made}: {wrong}"))
    elif isinstance(patch.content, dict):
        if patch.content.get("$patch") == "delete":
            build.objects.remove(made)
            return
        inner = {key: value for key, value in patch.content.items() if key not in ("apiVersion", "kind")}
        if patch.target and isinstance(inner.get("metadata"), dict):
            inner["metadata"] = {key: value for key, value in inner["metadata"].items() if key != "name"}
        merged = _merge(made.content, inner, strategic=made.group in STRATEGIC)
        made.content = merged if isinstance(merged, dict) else made.content


def _step(content: Document, step: Document) -> str:
    """Apply an operation of RFC 6902; say what keeps it from being applied."""
    operation, pointer = step.get("op"), str(step.get("path"))
    if operation not in ("add", "remove", "replace", "test", "copy", "move") or not pointer.startswith("/"):
        return f"{operation} {pointer} is no operation on a path"
    *parents, last = [part.replace("~1", "/").replace("~0", "~") for part in pointer[1:].split("/")]
    place: Any = content
    for depth, part in enumerate(parents, 1):
        place = _at(place, part)
        if place is None:
            return f"{operation} {pointer}: there is no /{'/'.join(parents[:depth])}"
    if operation in ("replace", "remove", "test") and _at(place, last) is None:
        return f"{operation} {pointer}: there is no such field"
    if operation in ("copy", "move"):
        return ""
    return _change(place, str(operation), last, _copy(step.get("value")))


def _change(place: Any, operation: str, last: str, value: Any) -> str:
    if isinstance(place, list):
        return _in_list(place, operation, last, value)
    if not isinstance(place, dict):
        return f"{operation} {last}: its parent holds no fields"
    if operation == "remove":
        del place[last]
    elif operation != "test":
        place[last] = value
    return ""


def _in_list(place: list[Any], operation: str, last: str, value: Any) -> str:
    if last == "-" and operation == "add":
        place.append(value)
    elif not last.isdigit() or int(last) > len(place):
        return f"{operation} {last} is no place in the list"
    elif operation == "add":
        place.insert(int(last), value)
    elif operation == "replace":
        place[int(last)] = value
    elif operation == "remove":
        del place[int(last)]
    return ""


def _at(place: Any, part: str) -> Any:
    if isinstance(place, dict):
        return place.get(part)
    if isinstance(place, list) and part.isdigit() and int(part) < len(place):
        return place[int(part)]
    return None


def _merge(into: Any, patch: Any, *, strategic: bool, key: str = "") -> Any:
    if isinstance(into, dict) and isinstance(patch, dict):
        if patch.get("$patch") == "replace":
            return _copy({name: value for name, value in patch.items() if name != "$patch"})
        for name, value in patch.items():
            if value is None or (isinstance(value, dict) and value.get("$patch") == "delete"):
                into.pop(name, None)
            elif not str(name).startswith("$"):
                into[name] = _merge(into.get(name), value, strategic=strategic, key=str(name))
        return into
    if isinstance(into, list) and isinstance(patch, list) and strategic:
        by = _merge_key(key, patch)
        if by:
            return _merge_lists(into, patch, by)
    return _copy(patch)


def _merge_key(key: str, patch: list[Any]) -> str:
    if key == "ports":
        return next((by for by in ("containerPort", "port") if all(isinstance(p, dict) and by in p for p in patch)), "")
    return MERGE_KEYS.get(key, "") if all(isinstance(one, dict) for one in patch) else ""


def _merge_lists(into: list[Any], patch: list[Any], by: str) -> list[Any]:
    if any(one.get("$patch") == "replace" for one in patch):
        return [_copy(one) for one in patch if one.get("$patch") != "replace"]
    for one in patch:
        at = next(
            (index for index, old in enumerate(into) if isinstance(old, dict) and old.get(by) == one.get(by)), None
        )
        if at is None:
            into.append(_copy(one))
        elif one.get("$patch") == "delete":
            del into[at]
        else:
            into[at] = _merge(into[at], one, strategic=True)
    return into


def _transform(content: Document, objects: list[Made]) -> None:
    space = content.get("namespace")
    prefix, suffix = str(content.get("namePrefix") or ""), str(content.get("nameSuffix") or "")
    for one in objects:
        metadata = one.content.get("metadata")
        if not isinstance(metadata, dict):
            continue
        if space and one.kind not in CLUSTER_WIDE:
            metadata["namespace"] = space
        if (prefix or suffix) and one.kind != "Namespace":
            metadata["name"] = f"{prefix}{metadata.get('name')}{suffix}"
        for pairs, templates, selectors in _labels(content):
            _label(one, pairs, templates=templates, selectors=selectors)
        for entry in _entries(content, "replicas"):
            if isinstance(entry, dict) and entry.get("name") == one.name and isinstance(one.content.get("spec"), dict):
                one.content["spec"]["replicas"] = entry.get("count")


def _labels(content: Document) -> Iterator[tuple[Document, bool, bool]]:
    for entry in _entries(content, "labels"):
        if isinstance(entry, dict) and isinstance(entry.get("pairs"), dict):
            selectors = entry.get("includeSelectors") is True
            yield entry["pairs"], selectors or entry.get("includeTemplates") is True, selectors
    if isinstance(content.get("commonLabels"), dict):
        yield content["commonLabels"], True, True


def _label(one: Made, pairs: Document, *, templates: bool, selectors: bool) -> None:
    places = [one.content.get("metadata")]
    spec = one.spec
    if templates and one.kind == "CronJob":
        job = spec.get("jobTemplate") if isinstance(spec.get("jobTemplate"), dict) else {}
        inner = job.get("spec") if isinstance(job.get("spec"), dict) else {}  # type: ignore[union-attr]
        places += [_metadata(job), _metadata(inner.get("template"))]  # type: ignore[union-attr]
    elif templates and isinstance(spec.get("template"), dict) and one.group in STRATEGIC:
        places.append(_metadata(spec["template"]))
    for place in places:
        if isinstance(place, dict):
            place["labels"] = {**(place.get("labels") or {}), **pairs}
    if selectors:
        for key in ("selector", "podSelector"):
            held = spec.get(key)
            if one.kind == "Service" and isinstance(held, dict):
                spec[key] = {**held, **pairs}
            elif isinstance(held, dict) and one.kind != "Job":
                held["matchLabels"] = {**(held.get("matchLabels") or {}), **pairs}


def _metadata(template: object) -> Document | None:
    if not isinstance(template, dict):
        return None
    found = template.setdefault("metadata", {})
    return found if isinstance(found, dict) else None


def _copy(content: Any) -> Any:
    if isinstance(content, dict):
        made = Mapping()
        made.line = getattr(content, "line", 0)
        made.lines = getattr(content, "lines", {})
        made.update((key, _copy(value)) for key, value in content.items())
        return made
    return [_copy(one) for one in content] if isinstance(content, list) else content
