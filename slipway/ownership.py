"""What a template says of its services in `copier.yml`: who owns a file, and what it asks."""

from __future__ import annotations

import re
from collections.abc import Iterable

OWNED = re.compile(r"\{% if _copier_operation == 'update' %\}/(?P<path>.+)\{% endif %\}")


def service_owned(copier_yml: str) -> tuple[str, ...]:
    """Give the files and folders that are written once, at birth, from the text of `copier.yml`."""
    import yaml  # noqa: PLC0415  -- what only reads paths need not pay for it

    data = yaml.safe_load(copier_yml)
    entries = data.get("_exclude") or [] if isinstance(data, dict) else []
    found = (OWNED.fullmatch(entry) for entry in entries if isinstance(entry, str))
    return tuple(entry["path"] for entry in found if entry)


def asked(copier_yml: str) -> tuple[str, ...]:
    """Give the questions that a person can answer, in order, from the text of `copier.yml`."""
    import yaml  # noqa: PLC0415

    data = yaml.safe_load(copier_yml)
    questions = data.items() if isinstance(data, dict) else ()
    hidden = {name for name, said in questions if isinstance(said, dict) and said.get("when") is False}
    return tuple(name for name, _ in questions if not name.startswith("_") and name not in hidden)


def is_owned(path: str, owned: Iterable[str]) -> bool:
    """Tell whether a path is one of those that a service owns, or lies below one."""
    return any(path == one or path.startswith(f"{one}/") for one in owned)
