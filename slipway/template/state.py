"""The template as it stands at one moment: in the working tree, or at a release."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, TemplateError, nodes

from slipway.gitting import GitError, git, names
from slipway.lineage import ANSWERS_FILE
from slipway.ownership import service_owned
from slipway.template.questions import BRIDGE, FOLDER, bridged, own_default
from slipway.update.files import LINK, MODULE, PLAIN, SCRIPT, File, Tree, contents, entries

COPIER, COOKIECUTTER = "copier.yml", "cookiecutter.json"
ANSWERS_NAME = "{{cookiecutter._answers_file}}"
CHOICE = re.compile(r"\{\{ ?cookiecutter\.__(?P<name>\w+) ?\}\}")

Answers = dict[str, str]


class StateError(RuntimeError):
    """A template that cannot be read; the message says what is missing and the way out."""


@dataclass(frozen=True)
class State:
    """A template.

    Attributes:
        copier: the text of `copier.yml`.
        cookiecutter: the text of `cookiecutter.json`; empty when there is none.
        files: the files of the tree by their path below it, choice folders and all.
        beside: names beside the tree, at the top of the repository.
        hooks: names in `hooks/`.
        hidden: files of the tree that an ignore file keeps out of git.
    """

    copier: str
    cookiecutter: str
    files: Tree
    beside: tuple[str, ...] = ()
    hooks: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()

    @cached_property
    def data(self) -> dict[str, Any]:
        """Give `copier.yml` as data."""
        return _mapping(self.copier)

    @cached_property
    def questions(self) -> dict[str, dict[str, Any]]:
        """Give every question, asked and derived, but for the bridge."""
        return {
            name: question
            for name, question in self.data.items()
            if not name.startswith("_") and name != BRIDGE and isinstance(question, dict)
        }

    @cached_property
    def asked(self) -> dict[str, dict[str, Any]]:
        """Give the questions that a person answers."""
        return {name: question for name, question in self.questions.items() if question.get("when") is not False}

    @cached_property
    def offered(self) -> dict[str, tuple[str, ...]]:
        """Give the values of each choice, its default first."""
        return {
            name: _default_first(_values(question["choices"]), str(own_default(question, self.questions)))
            for name, question in self.asked.items()
            if question.get("choices")
        }

    @cached_property
    def folders(self) -> dict[str, str]:
        """Give the condition of each choice folder."""
        found = {name: FOLDER.fullmatch(str(question.get("default"))) for name, question in self.questions.items()}
        return {name: form["condition"] for name, form in found.items() if form and name not in self.asked}

    @cached_property
    def bridge(self) -> frozenset[str]:
        """Give the names that the content may ask `cookiecutter` for."""
        question = self.data.get(BRIDGE)
        return frozenset(bridged(str(question.get("default", ""))) if isinstance(question, dict) else ())

    @cached_property
    def owned(self) -> tuple[str, ...]:
        """Give what the service owns."""
        return service_owned(self.copier)

    @cached_property
    def combinations(self) -> list[Answers]:
        """Give every combination of the choices, the one of the defaults first."""
        return [dict(zip(self.offered, values, strict=True)) for values in itertools.product(*self.offered.values())]

    def places(self, answers: Mapping[str, str]) -> dict[str, list[str]]:
        """Give each path of the service that some choices generate, with the files of the tree that want to be it."""
        chosen = {name for name, condition in self.folders.items() if _holds(condition, answers)}
        found: dict[str, list[str]] = {}
        for path in self.files:
            parts = []
            for part in path.split("/"):
                choice = CHOICE.fullmatch(part)
                if choice and choice["name"] in self.folders:
                    if choice["name"] not in chosen:
                        break
                else:
                    parts.append(ANSWERS_FILE if part == ANSWERS_NAME else part)
            else:
                found.setdefault("/".join(parts), []).append(path)
        return found


def working_tree(root: Path) -> State:
    """Read the template as it stands in the working tree: what git tracks or would track.

    Raises:
        StateError: it is no git repository with a `copier.yml`, or that cannot be read.
    """
    try:
        copier = (root / COPIER).read_text(encoding="utf-8")
        tree = tree_name(copier)
        listed = names(git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", tree))
        hidden = names(git(root, "ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--", tree))
    except (OSError, GitError) as error:
        message = f"{root} is no template in a git repository: {error}"
        raise StateError(message) from error
    cookiecutter = root / COOKIECUTTER
    files = {path.removeprefix(f"{tree}/"): _file(root / path) for path in sorted(set(listed)) if _there(root / path)}
    return State(
        copier,
        cookiecutter.read_text(encoding="utf-8") if cookiecutter.is_file() else "",
        files,
        beside=tuple(sorted(os.listdir(root))),
        hooks=tuple(sorted(os.listdir(root / "hooks"))) if (root / "hooks").is_dir() else (),
        hidden=tuple(path.removeprefix(f"{tree}/") for path in hidden if "__pycache__/" not in path),
    )


def at(root: Path, version: str) -> State:
    """Read the template as it stood at a version.

    Raises:
        StateError: there is no such version, or it holds no `copier.yml`.
    """
    try:
        copier = git(root, "show", f"{version}:{COPIER}")
        top = names(git(root, "ls-tree", "-z", "--name-only", "--full-tree", version))
        tree = tree_name(copier)
        files = contents(root, entries(root, version, tree))
        cookiecutter = git(root, "show", f"{version}:{COOKIECUTTER}") if COOKIECUTTER in top else ""
    except GitError as error:
        message = f"the template cannot be read at {version}: {error}"
        raise StateError(message) from error
    return State(copier, cookiecutter, files, beside=tuple(top))


def tree_name(copier: str) -> str:
    """Give the name of the folder that is rendered, from the text of `copier.yml`."""
    try:
        return Environment(autoescape=True).from_string(str(_mapping(copier).get("_subdirectory", "."))).render()
    except TemplateError as error:
        message = f"{COPIER}: _subdirectory: {error}; put it between raw and endraw"
        raise StateError(message) from error


def carried(answers: Mapping[str, str], before: State, after: State) -> Answers:
    """Give the choices that a service has after an update: kept where they are still offered, else the default."""
    kept = {}
    for name, values in after.offered.items():
        old = name if name in before.asked else successor(name, before, after)
        kept[name] = answers[old] if old and answers.get(old) in values else values[0]
    return kept


def successor(name: str, before: State, after: State) -> str | None:
    """Give the question whose answer a new question takes over, because its default names it."""
    default = after.asked[name].get("default")
    if name in before.asked or not isinstance(default, str):
        return None
    try:
        used = {node.name for node in Environment(autoescape=True).parse(default).find_all(nodes.Name)}
    except TemplateError:
        return None
    return next((old for old in before.asked if old in used and old not in after.asked), None)


def described(some: Iterable[Mapping[str, str]], every: Mapping[str, tuple[str, ...]]) -> str:
    """Say in words which combinations of choices are meant.

    Args:
        some: the combinations.
        every: the values that each choice offers.
    """
    boxes = _boxes([dict(one) for one in some], every)
    if boxes == [{}]:
        return "every service"
    return "; or ".join(
        " and ".join(f"{name} is {' or '.join(values)}" for name, values in box.items()) for box in boxes
    )


def _boxes(some: list[Answers], every: Mapping[str, tuple[str, ...]]) -> list[dict[str, tuple[str, ...]]]:
    """Cover combinations with as few products of values as a greedy split finds; what a box leaves out is any value."""
    values = {
        name: tuple(value for value in offered if any(one[name] == value for one in some))
        for name, offered in every.items()
    }
    size = 1
    for one in values.values():
        size *= len(one)
    if size == len(some):
        return [{name: one for name, one in values.items() if len(one) < len(every[name])}]
    splits = []
    for name, taken in values.items():
        if len(taken) > 1:
            parts: dict[frozenset[tuple[str, ...]], list[str]] = {}
            for value in taken:
                rest = frozenset(tuple(v for n, v in one.items() if n != name) for one in some if one[name] == value)
                parts.setdefault(rest, []).append(value)
            if len(parts) > 1:
                splits.append(
                    [
                        box
                        for alike in parts.values()
                        for box in _boxes([one for one in some if one[name] in alike], every)
                    ]
                )
    return min(splits, key=lambda split: (len(split), sum(map(len, split))))


def _mapping(text: str) -> dict[str, Any]:
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        message = f"{COPIER} cannot be read: {' '.join(str(error).split())}"
        raise StateError(message) from error
    return data if isinstance(data, dict) else {}


def _values(choices: Any) -> tuple[str, ...]:
    return tuple(str(value) for value in (choices.values() if isinstance(choices, dict) else choices))


def _default_first(values: tuple[str, ...], default: str) -> tuple[str, ...]:
    return tuple(sorted(values, key=lambda value: value != default))


def _holds(condition: str, answers: Mapping[str, str]) -> bool:
    return bool(Environment(autoescape=True).compile_expression(condition)(**answers))


def _there(path: Path) -> bool:
    return path.is_symlink() or path.exists()


def _file(path: Path) -> File:
    if path.is_symlink():
        return File(LINK, os.fsencode(path.readlink()))
    if path.is_dir():
        return File(MODULE, b"")
    return File(SCRIPT if path.stat().st_mode & 0o100 else PLAIN, path.read_bytes())
