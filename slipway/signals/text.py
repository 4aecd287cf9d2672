"""JSON that people can read: what fits on a line stands on one."""

from __future__ import annotations

import json
from typing import Any

COLUMNS = 110
LONG = frozenset({"query", "q", "expr", "url", "tags", "defaults"})


def readable(value: Any, indent: int = 0) -> str:
    """Write a value as JSON; a list or an object that fits into the columns left stands on one line."""
    line = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, dict | list) or not value or _fits(value, indent + len(line)):
        return line
    pad = " " * (indent + 2)
    if isinstance(value, dict):
        parts = [f"{pad}{json.dumps(key)}: {readable(one, indent + 2)}" for key, one in value.items()]
        opened, closed = "{", "}"
    else:
        parts = [f"{pad}{readable(one, indent + 2)}" for one in value]
        opened, closed = "[", "]"
    body = ",\n".join(parts)
    return f"{opened}\n{body}\n{' ' * indent}{closed}"


def _fits(value: Any, end: int) -> bool:
    """Tell whether a value stands on one line; what has a length that differs from service to service has no say."""
    if isinstance(value, list):
        return not any(isinstance(one, dict | list) for one in value)
    return end <= COLUMNS and not LONG & set(value)
