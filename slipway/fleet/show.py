"""What a run found, as a table, as JSON and as CSV."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from slipway import __version__
from slipway.report import Paint, shown, shown_whole

Record = Mapping[str, Any]

STYLES = {
    "failed": "red",
    "conflict": "red",
    "answers": "yellow",
    "behind": "yellow",
    "drifting": "cyan",
    "current": "green",
    "look": "yellow",
    "waits": "cyan",
    "updated": "green",
}
WIDEST_NAME = 60
CSV_COLUMNS = (
    *("repository", "state", "reason", "template", "version", "newest", "behind", "drift", "conflicts", "waiting"),
    *("answers", "score", "failing", "committed", "head", "dirty", "detached"),
)
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def status_table(records: Sequence[Record], paint: Paint, *, files: bool = False, seconds: str = "") -> str:
    """Write the table of `slipway fleet status`.

    Args:
        records: one a repository.
        paint: colours, or none.
        files: name each file that drifted or is in conflict, and each check that fails.
        seconds: how long it took, for the last line.
    """
    head = ("repository", "version", "behind", "drift", "conflicts", "score", "state")
    rows = [_status_row(record) for record in records]
    lines = []
    for record, line in zip([None, *records], _aligned([head, *rows]), strict=True):
        if record is None:
            lines.append(paint("bold", line))
            continue
        lines.append(f"{line}{_coloured(record, paint)}{_because(_status_why(record))}")
        if files:
            lines += [f"    {paint('dim', text)}" for text in _details(record)]
    return "\n".join([*lines, "", _sum(records, seconds, paint), ""])


def update_table(records: Sequence[Record], paint: Paint, *, seconds: str = "") -> str:
    """Write the table of `slipway fleet update`."""
    head = ("repository", "version", "to", "files", "conflicts", "state")
    rows = [
        (
            _name(record),
            _or_dash(record.get("version")),
            _or_dash(record.get("newest")),
            _or_dash(record.get("files")),
            str(sum(record.get("conflicts", {}).values())) if "conflicts" in record else "-",
        )
        for record in records
    ]
    lines = []
    for record, line in zip([None, *records], _aligned([head, *rows]), strict=True):
        lines.append(
            paint("bold", line)
            if record is None
            else f"{line}{_coloured(record, paint)}{_because(_update_why(record))}"
        )
    return "\n".join([*lines, "", _sum(records, seconds, paint), ""])


def as_json(records: Sequence[Record]) -> str:
    """Write all that is known, in the order of the list."""
    whole = {"slipway": __version__, "states": counted(records), "repositories": list(records)}
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def as_csv(records: Sequence[Record]) -> str:
    """Write a line a repository; lists become counts, and what a spreadsheet would compute is quoted."""
    keys = CSV_COLUMNS if any("committed" in record for record in records) else tuple(_keys(records))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(keys)
    for record in records:
        known = {key: record.get(key) for key in keys}
        if record["state"] == "failed":  # nothing was counted, which is not the same as none
            known = {key: value for key, value in known.items() if value not in ([], {})}
        writer.writerow([_cell(known.get(key)) for key in keys])
    return text.getvalue()


def counted(records: Iterable[Record]) -> dict[str, int]:
    """Count the repositories by their state, worst first."""
    found = Counter(str(record["state"]) for record in records)
    return {state: found[state] for state in STYLES if found[state]}


def _keys(records: Sequence[Record]) -> list[str]:
    return list(dict.fromkeys(key for record in records for key in record))


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list | dict):
        return str(len(value))
    text = shown_whole(str(value))
    return f"'{text}" if text.startswith(FORMULA) else text


def _status_row(record: Record) -> tuple[str, ...]:
    score = record["score"]
    return (
        _name(record),
        _or_dash(record["version"]),
        _or_dash(record["behind"]),
        _or_dash(None if record["drift"] is None else len(record["drift"])),
        "-" if record["version"] is None else str(len(record["conflicts"])),
        "-" if score is None else f"{score:.1%}",
    )


def _status_why(record: Record) -> list[str]:
    why = [record["reason"]] if record["reason"] else []
    places = dict.fromkeys(one["where"] for one in record["conflicts"])
    why += [f"conflicts in {', '.join(places)}"] if places else []
    why += [f"{one['question']}: {one['rule']}" for one in record["answers"][:1]]
    why += [f"newest is {record['newest']}"] if record["behind"] else []
    why += [f"{branch} waits" for branch in record["waiting"]]
    why += ["uncommitted changes were not looked at"] if record["dirty"] else []
    return why


def _update_why(record: Record) -> list[str]:
    why = [record["reason"]] if record.get("reason") else []
    why += [f"on {record['branch']}"] if record.get("branch") else []
    why += [f"{look['path']}: {look['sentence']}" for look in record.get("looks", ())[:1]]
    more = len(record.get("looks", ())) - 1
    return [*why, f"and {more} more"] if more > 0 else why


def _details(record: Record) -> list[str]:
    lines = [f"{one['kind']:8} {shown(one['path'])}" for one in record["drift"] or ()]
    lines += [f"conflict {shown(one['path'])} ({shown(one['where'])})" for one in record["conflicts"]]
    lines += [f"fails    {one}" for one in record["failing"]]
    return lines


def _name(record: Record) -> str:
    name = shown(str(record["repository"]))
    return name if len(name) <= WIDEST_NAME else f"...{name[3 - WIDEST_NAME :]}"


def _or_dash(value: Any) -> str:
    return "-" if value is None else shown(str(value))


def _coloured(record: Record, paint: Paint) -> str:
    return paint(STYLES[record["state"]], record["state"])


def _because(why: list[str]) -> str:
    return f": {shown_whole('; '.join(why))}" if why else ""


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Write rows as columns: the first two to the left, numbers to the right; the last one is left open."""
    widths = [max(len(row[number]) for row in rows) for number in range(min(map(len, rows)))]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(widths[number]) if cell_is_number(number, rows[0]) else cell.ljust(widths[number])
            for number, cell in enumerate(row[: len(widths)])
        ]
        lines.append("  ".join([*cells, *row[len(widths) :]]) + ("" if len(row) > len(widths) else "  "))
    return lines


def cell_is_number(number: int, head: Sequence[str]) -> bool:
    """Tell whether a column holds numbers, by its head."""
    return head[number] in {"behind", "drift", "conflicts", "score", "files"}


def _sum(records: Sequence[Record], seconds: str, paint: Paint) -> str:
    states = ", ".join(f"{count} {paint(STYLES[state], state)}" for state, count in counted(records).items())
    total = f"{len(records)} {'repository' if len(records) == 1 else 'repositories'}"
    return f"{total}{f' in {seconds}' if seconds else ''}: {states}"
