"""What the commits since a release say: Conventional Commits 1.0.0, each with its ticket."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from slipway.gitting import git

HEADER = re.compile(r"(?P<type>[a-z]+)(?:\((?P<scope>[^()\s]+)\))?(?P<mark>!)?: (?P<subject>\S.*)")
BREAK = re.compile(r"^BREAKING[ -]CHANGE: (?P<text>.+(?:\n(?![A-Za-z-]+: ).+)*)", re.MULTILINE)
TICKETS = re.compile(r"^Refs: *(?P<tickets>.+)$", re.MULTILINE)
TICKET = re.compile(r"[A-Z][A-Z0-9]+-[1-9][0-9]*")
RAISES = {"feat": "minor", "fix": "patch", "perf": "patch", "revert": "patch", "security": "patch"}
ORDER = ("patch", "minor", "major")
NOT_FOR_SERVICES = frozenset({"tests", "test", "ci", "bench", "benchmarks", "release"})
GROUPS = ("Added", "Changed", "Removed", "Fixed", "Security")
GROUP_OF = {"feat": "Added", "fix": "Fixed", "security": "Security"}
REMOVES = re.compile(r"(?:remove|drop|delete)s?\b", re.IGNORECASE)


class Commit(NamedTuple):
    """One commit.

    Attributes:
        sha: abbreviated.
        type: of the header; empty when the header has another form.
        scope: of the header, or empty.
        subject: of the header; the whole first line when it has another form.
        breaks: what the commit says it breaks; its subject when only `!` says so; empty for no break.
        tickets: of the `Refs:` lines.
        touches: it changes what is generated.
    """

    sha: str
    type: str
    scope: str
    subject: str
    breaks: str
    tickets: tuple[str, ...]
    touches: bool = False

    @property
    def raises(self) -> str:
        """Give the part of the version that the commit raises: `major`, `minor`, `patch` or nothing."""
        if self.breaks:
            return "major"
        least = "patch" if self.touches else ""
        return least if self.scope in NOT_FOR_SERVICES else RAISES.get(self.type, least)

    @property
    def group(self) -> str:
        """Give the group of the changelog that the commit stands in, or nothing."""
        if not self.raises:
            return ""
        if self.scope == "security":
            return "Security"
        if self.type == "feat" and REMOVES.match(self.subject):
            return "Removed"
        return GROUP_OF.get(self.type, "Changed")

    @property
    def line(self) -> str:
        """Give the line of the changelog."""
        text = sentence(self.subject)
        if self.breaks:
            more = sentence(self.breaks)
            text = f"**Breaking:** {text}" if more == text else f"**Breaking:** {text}. {more}"
        return f"- {text} ({', '.join(self.tickets)})." if self.tickets else f"- {text}."


def read(sha: str, message: str) -> Commit:
    """Read one commit message."""
    first, _, rest = message.strip().partition("\n")
    header = HEADER.fullmatch(first)
    tickets = [ticket for line in TICKETS.finditer(message) for ticket in TICKET.findall(line["tickets"])]
    if not header:
        return Commit(sha, "", "", first, "", tuple(dict.fromkeys(tickets)))
    footer = BREAK.search(rest)
    breaks = " ".join(footer["text"].split()) if footer else header["subject"] if header["mark"] else ""
    return Commit(sha, header["type"], header["scope"] or "", header["subject"], breaks, tuple(dict.fromkeys(tickets)))


def since(root: Path, tag: str | None, generated: Sequence[str] = ()) -> list[Commit]:
    """Give the commits since a tag, newest first, without merges; all of them when there is no tag.

    Args:
        root: top of the template's repository.
        tag: of a release.
        generated: paths whose change changes what is generated.
    """
    wanted = ["log", "--no-merges", f"{tag}..HEAD" if tag else "HEAD"]
    touching = set(git(root, *wanted, "--format=%h", "--", *generated).split()) if generated else set()
    printed = git(root, *wanted, "--format=%h%x01%B%x00", "--")
    found = [read(*text.strip("\n").split("\x01", 1)) for text in printed.split("\0") if text.strip()]
    return [one._replace(touches=one.sha in touching) for one in found]


def raised_by(commits: Sequence[Commit]) -> str:
    """Give the part of the version that some commits raise together, or nothing."""
    return max((commit.raises for commit in commits if commit.raises), key=ORDER.index, default="")


def newest_ticket(commits: Sequence[Commit]) -> str | None:
    """Give the ticket with the highest number, of the project that the newest commit names."""
    tickets = [ticket for commit in commits for ticket in commit.tickets]
    if not tickets:
        return None
    project = tickets[0].rsplit("-", 1)[0]
    return max((one for one in tickets if one.rsplit("-", 1)[0] == project), key=lambda one: int(one.rsplit("-", 1)[1]))


def sentence(text: str) -> str:
    """Begin with a capital letter, unless the first word is a name in code, and end without a full stop."""
    text = text.strip().rstrip(".")
    return text[:1].upper() + text[1:] if re.match(r"[a-z]+(?=\s|,|$)", text) else text
