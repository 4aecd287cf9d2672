"""Who owns a file of a service: read from `_exclude` of the template's `copier.yml`."""

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


def is_owned(path: str, owned: Iterable[str]) -> bool:
    """Tell whether a path is one of those that a service owns, or lies below one."""
    return any(path == one or path.startswith(f"{one}/") for one in owned)
