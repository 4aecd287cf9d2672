"""What a repository has recorded of the template it was born from, by cruft, by Cookiecutter or by an unlinked copy."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

import yaml

from slipway.adopt import AdoptError
from slipway.adopt.snapshot import Snapshot
from slipway.lineage import ANSWERS_FILE, cloned_from
from slipway.report import shown

CRUFT = ".cruft.json"
CONTEXTS = (".cookiecutter.json", ".cookiecutter.yaml", ".cookiecutter.yml", ".cookiecutterrc")
ALIASES = {
    "project_name": ("service_title", "name"),
    "project_slug": ("service_name", "service_slug", "repo_name", "app_name", "app_slug", "slug", "name"),
    "description": ("project_short_description", "project_description", "short_description", "service_description"),
    "owner_team": ("team", "team_name", "owner", "squad"),
    "repository_url": ("repo_url", "git_url", "project_url", "repository"),
    "ticket_id": ("ticket", "jira_ticket"),
    "datastore": ("database", "db", "db_type", "storage"),
    "broker": ("message_broker", "queue", "messaging"),
    "ci": ("ci_provider", "ci_system", "pipeline"),
    "monitoring": ("metrics", "monitoring_system", "observability"),
}
SAME_VALUES = {
    "postgres": "postgresql",
    "pg": "postgresql",
    "mongo": "mongodb",
    "false": "none",
    "no": "none",
    "golang": "go",
}
MEANT_FOR_PROGRAMS = frozenset({"project_slug", "datastore", "broker", "ci", "monitoring", "language", "rollout"})


class Record(NamedTuple):
    """What a repository recorded at its birth.

    Attributes:
        file: where it is recorded.
        template: address of the template, as it was recorded; empty when it is not known.
        commit: the commit or tag it was rendered from; empty when the record names none.
        answers: what was answered, by question; settings of the engine, with a name that begins with `_`, left out.
        goes: the link replaces the file.
        notes: what the record holds and a link cannot carry.
    """

    file: str
    template: str
    commit: str
    answers: dict[str, Any]
    goes: bool
    notes: tuple[str, ...] = ()


def find_record(snapshot: Snapshot) -> Record | None:
    """Read the record of a repository, if it has one.

    Raises:
        AdoptError: there is one, and it cannot be read.
    """
    if CRUFT in snapshot.entries:
        return read_cruft(snapshot.text(CRUFT))
    if ANSWERS_FILE in snapshot.entries:
        return _read_unlinked(snapshot.text(ANSWERS_FILE))
    for path in CONTEXTS:
        if path in snapshot.entries and (record := read_context(path, snapshot.text(path))):
            return record
    return None


def read_cruft(text: str) -> Record:
    """Read the text of a `.cruft.json`.

    Raises:
        AdoptError: it is no JSON, or lacks the template or the answers.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        message = f"{CRUFT} is no JSON: {error}; `git log -p {CRUFT}` shows what changed it"
        raise AdoptError(message) from error
    record = data if isinstance(data, dict) else {}
    template, context = record.get("template"), record.get("context")
    answers = context.get("cookiecutter") if isinstance(context, dict) else None
    if not isinstance(template, str) or not template or not isinstance(answers, dict):
        message = f"{CRUFT} lacks template or context.cookiecutter; `git log -p {CRUFT}` shows when they went"
        raise AdoptError(message)
    notes = []
    if record.get("directory"):
        notes.append(f"{CRUFT}: directory {shown(str(record['directory']))} is passed over: this template has none")
    if record.get("skip"):
        notes.append(f"{CRUFT}: skip is passed over; name what no update may touch with copier update -x")
    return Record(
        CRUFT, template, _commit(record.get("commit")), _without_settings(answers), goes=True, notes=tuple(notes)
    )


def read_context(path: str, text: str) -> Record | None:
    """Read a context that a template of Cookiecutter left in the repository; nothing when the file holds none."""
    try:
        data = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError):
        return None
    data = data if isinstance(data, dict) else {}
    inside = next((data[key] for key in ("cookiecutter", "default_context") if isinstance(data.get(key), dict)), data)
    if not inside:
        return None
    template = inside.get("_template") or data.get("_template") or ""
    commit = inside.get("_commit") or data.get("_commit") or inside.get("_checkout") or ""
    return Record(
        path, template if isinstance(template, str) else "", _commit(commit), _without_settings(inside), goes=False
    )


def mapped(answers: dict[str, Any], asked: set[str]) -> tuple[dict[str, tuple[str, str]], list[str]]:
    """Map recorded answers to questions.

    Returns:
        By question, the answer and the name it was recorded by; and the names that no question asks for.
    """
    plain = {name: value for name, value in answers.items() if isinstance(value, (str, bool, int, float))}
    found = {name: (_text(name, value), name) for name, value in plain.items() if name in asked}
    used = set(found)
    for question, names in ALIASES.items():
        for name in names:
            if question in asked and question not in found and name in plain:
                found[question] = (_text(question, plain[name]), name)
        if question in found:
            used.add(found[question][1])
    return found, sorted(set(answers) - used)


def same_template(one: str, other: str) -> bool:
    """Tell whether two addresses name one repository, however they are written: scheme, user and `.git` aside."""
    return bool(one) and _place(one) == _place(other)


def _place(address: str) -> str:
    address = cloned_from(address)
    address = re.sub(r"^[a-z+]+://", "", address.rstrip("/").removesuffix(".git"))
    address = address.split("@", 1)[-1] if "@" in address.split("/")[0] else address
    return address if address.startswith("/") else re.sub(r":(?!\d+/)", "/", address, count=1)


def _read_unlinked(text: str) -> Record:
    try:
        data = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        message = (
            f"{ANSWERS_FILE} cannot be read: {' '.join(str(error).split())}; "
            f"`git log -p {ANSWERS_FILE}` shows what changed it"
        )
        raise AdoptError(message) from error
    answers = data if isinstance(data, dict) else {}
    template = answers.get("_src_path")
    return Record(
        ANSWERS_FILE,
        template if isinstance(template, str) else "",
        _commit(answers.get("_commit")),
        _without_settings(answers),
        goes=False,
    )


def _commit(value: Any) -> str:
    return value if isinstance(value, str) and re.fullmatch(r"\w[\w.+-]{0,99}", value) else ""


def _without_settings(answers: dict[Any, Any]) -> dict[str, Any]:
    return {str(name): value for name, value in answers.items() if not str(name).startswith("_")}


def _text(question: str, value: Any) -> str:
    text = str(value)
    if question in MEANT_FOR_PROGRAMS:
        text = text.lower()
        return SAME_VALUES.get(text, text)
    return text
