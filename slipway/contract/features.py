"""features_summaries: one readable log for each feature, by one form (rows A01 to A05)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timezone

from slipway.contract.registry import check
from slipway.contract.repository import Repository

SUMMARY = re.compile(r"features_summaries/[A-Z][A-Z0-9]+-[1-9][0-9]*_(?P<day>[0-9]{8})_summarization\.md$")
CONTEXT = re.compile(r"features_summaries/[A-Z][A-Z0-9]+-[1-9][0-9]*-(?P<day>[0-9]{8})_llm_context\.md$")
SECTIONS = (
    "Overview",
    "Breaking Changes",
    "Configuration/Feature Flags Changes",
    "Production Considerations",
    "Modified files",
)
LONGEST = 200
CONTEXT_BYTES = 8192


def summaries(repository: Repository) -> Iterator[str]:
    """Give the paths of the summaries."""
    return (path for path in repository.matching(r"features_summaries/") if SUMMARY.match(path))


@check(
    "FEA001",
    "features_summaries holds files with the prescribed names",
    why="Tools and people find a feature by its ticket and its day (rows A01, A05).",
    fix="Name it TICKET_DDMMYYYY_summarization.md or TICKET-DDMMYYYY_llm_context.md; bin/feature does.",
)
def names(repository: Repository) -> Iterator[tuple[str, int, str]]:
    """Yield files with other names or with days that do not exist."""
    for path in repository.matching(r"features_summaries/[^.]"):
        found = SUMMARY.match(path) or CONTEXT.match(path)
        if path.endswith("/README.md"):
            continue
        if not found:
            yield path, 0, "is named neither TICKET_DDMMYYYY_summarization.md nor TICKET-DDMMYYYY_llm_context.md"
            continue
        try:
            datetime.strptime(found["day"], "%d%m%Y").replace(tzinfo=timezone.utc)
        except ValueError:
            yield path, 0, f"{found['day']} is no date (DDMMYYYY)"


@check(
    "FEA002",
    "every summary has its five sections",
    why="Reviewers and release notes read the same five places in each (row A02).",
    fix=f"Add the sections: {', '.join(SECTIONS)}.",
)
def sections(repository: Repository) -> Iterator[tuple[str, int, str]]:
    """Yield summaries that lack a section."""
    for path in summaries(repository):
        headings = set(re.findall(r"^#+ +(.+?) *$", repository.text(path), re.MULTILINE))
        for section in SECTIONS:
            if section not in headings:
                yield path, 0, f"has no section {section!r}"


@check(
    "FEA003",
    "a summary is prose of at most 200 lines",
    why="A summary is read on its own, also where code and pictures do not show (row A03).",
    fix="Take out code fences, diagrams and images, and shorten.",
)
def prose(repository: Repository) -> Iterator[tuple[str, int, str]]:
    """Yield summaries with fences or images, and long ones."""
    for path in summaries(repository):
        count = 0
        for number, line in repository.lines(path):
            count = number
            if re.match(r"\s*(?:```|~~~)", line):
                yield path, number, "holds a code fence"
            if re.search(r"!\[[^\]]*\]\(|<img\b|<svg\b", line):
                yield path, number, "holds an image"
        if count > LONGEST:
            yield path, LONGEST + 1, f"has {count} lines, at most {LONGEST}"


@check(
    "FEA004",
    "every summary has its context file, of at most 8 KiB",
    why="Coding assistants load it whole; a missing or bloated one helps nobody (row A05).",
    fix="Write TICKET-DDMMYYYY_llm_context.md beside the summary, or shorten it.",
)
def contexts(repository: Repository) -> Iterator[tuple[str, int, str]]:
    """Yield summaries without a context file, and context files that are too large."""
    for path in summaries(repository):
        wanted = re.sub(r"_([0-9]{8})_summarization\.md$", r"-\1_llm_context.md", path)
        if wanted not in repository.files:
            yield path, 0, f"{wanted} is missing"
    for path in repository.matching(r"features_summaries/.*_llm_context\.md$"):
        size = len(repository.bytes(path))
        if size > CONTEXT_BYTES:
            yield path, 0, f"has {size} bytes, at most {CONTEXT_BYTES}"
