"""The texts of a release: the section of the changelog, completed from the commits, and the notes."""

from __future__ import annotations

import re
from collections.abc import Sequence

from slipway.template.commits import GROUPS, TICKET, Commit
from slipway.template.compatibility import COMPATIBILITY
from slipway.template.rules import BREAKING, Found, at

EFFECT = "### What an update changes"
NOTHING = "- Nothing that a service sees."
GROUP = re.compile(r"^### (?P<name>.+?)[ \t]*$", re.MULTILINE)


def section(written: str, commits: Sequence[Commit], effect: Sequence[str]) -> str:
    """Give the section of a release in the changelog, below its heading.

    Args:
        written: what stands there by hand; it stays word for word.
        commits: since the last release, newest first; those that nothing is written about get a line each.
        effect: what an update changes, in lines of Markdown; none for the first release.
    """
    body = written.strip("\n")
    for group in GROUPS:
        lines = [one.line for one in reversed(commits) if one.group == group and not _told(one, written)]
        body = _with_lines(body, group, list(dict.fromkeys(lines)))
    body = body or NOTHING
    return "\n".join([body, "", EFFECT, "", *effect]) if effect else body


def notes(version: str, date: str, body: str, measured: str, found: Sequence[Found]) -> str:
    """Write the notes of a release, in Markdown.

    Args:
        version: without `v`.
        date: YYYY-MM-DD.
        body: the section of the changelog, below its heading.
        measured: the section "What an update changes"; empty for the first release.
        found: what the compatibility rules found.
    """
    told = body.partition(f"\n{EFFECT}\n")[0].strip("\n")
    parts = [f"# {version} ({date})", "", GROUP.sub(r"## \g<name>", told)]
    parts += ["", measured.strip("\n")] if measured else ["", "The first release: there is nothing to update from."]
    if found:
        parts += ["", "## Compatibility", "", *(_compatibility(one) for one in found)]
    return "\n".join([*parts, ""])


def _compatibility(found: Found) -> str:
    rule = COMPATIBILITY.rules[found.rule]
    mark = "**Breaking:** " if rule.severity == BREAKING else ""
    return f"- {mark}`{at(found)}`: {found.message} ({rule.id})"


def _told(commit: Commit, written: str) -> bool:
    """Tell whether a text speaks of a commit: it names its ticket, and where the commit breaks, says so."""
    if not commit.tickets:
        return commit.line in written
    lines = [line for line in written.splitlines() if set(TICKET.findall(line)) & set(commit.tickets)]
    return any("breaking" in line.lower() for line in lines) if commit.breaks else bool(lines)


def _with_lines(body: str, group: str, lines: list[str]) -> str:
    """Add lines to a group of a section, at its end; a new group comes in the order of GROUPS."""
    if not lines:
        return body
    heads = list(GROUP.finditer(body))
    names = [head["name"] for head in heads]
    if group in names:
        following = heads[names.index(group) + 1 :]
        place = following[0].start() if following else len(body)
        parts = [body[:place].rstrip("\n"), "\n", *(f"{line}\n" for line in lines), "\n", body[place:]]
        return "".join(parts).strip("\n")
    later = GROUPS[GROUPS.index(group) + 1 :]
    place = next((head.start() for head in heads if head["name"] in later), len(body))
    block = "\n".join([f"### {group}", "", *lines])
    return "\n\n".join(part for part in (body[:place].strip("\n"), block, body[place:].strip("\n")) if part)
