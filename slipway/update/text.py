"""What a reviewer reads: the commit message of an update, which is the text of its merge request, and the screen."""

from __future__ import annotations

import sys
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from slipway.gitting import without_credentials
from slipway.report import Paint, colours, shown, shown_whole
from slipway.update.audit import Look, summary
from slipway.update.outcome import Outcome

WIDTH = 100
LISTED = 40
KINDS = {
    "answer": "Answers changed",
    "lost": "Lines of the team are missing",
    "both": "Files that both sides added",
    "clash": "Files of the template that have no place beside the team's, left out",
    "binary": "Files that cannot be merged, kept as the team has them",
    "removed": "Files that the template gave up, kept because the team had edited them",
    "deleted": "Files that the team deleted and the template changed, left deleted",
    "comment": "Comments that are not kept",
    "local": "Files of your folder that are not in git: save them before you switch",
    "command": "Commands that failed",
}
QUIET_KINDS = frozenset({"deleted"})
# What concerns the folder of the person who ran the update: for the screen, not for the reviewer.
OWN_KINDS = frozenset({"local"})
HOW_TO_SOLVE = (
    "Search for `<<<<<<< before updating`: what stands above the equals signs is the team's, below",
    "them the template's. Solve them on this branch.",
)
LAYERS = (
    ("infra/terraform/modules/", "Terraform modules: `make plan ENVIRONMENT=...`, then apply, for each environment"),
    ("infra/terraform/", "Terraform: `make plan ENVIRONMENT=...`, then apply, for each environment"),
    ("argocd/", "Argo CD: apply the project and the applications again"),
    ("k8s/", "Kubernetes: the next deploy of each environment applies it; `make manifests` shows it"),
    ("migrations/", "Database: the migration runs with the next deploy"),
    ("Dockerfile", "Image: built again by the pipeline"),
    ("observability/", "Observability: apply rules, monitors and dashboards again"),
    (".gitlab-ci.yml", "Pipeline: takes effect with the merge"),
    ("Jenkinsfile", "Pipeline: takes effect with the merge"),
    ("ci/", "Pipeline: takes effect with the merge"),
)


def message(outcome: Outcome, ticket: str) -> str:
    """Write the commit message: header, the text of the merge request, and the reference to the ticket."""
    body = merge_request(outcome)
    reference = f"\nRefs: {ticket}\n" if ticket else ""
    return f"{title(outcome)}\n\n{body}{reference}"


def title(outcome: Outcome) -> str:
    """Write the header of the commit and of the merge request."""
    if outcome.version != outcome.link.commit:
        return f"chore(template): update to {outcome.version}"
    changed = ", ".join(name for name, (before, _) in outcome.answers.items() if before is not None)
    return f"chore(template): change {changed or 'the answers'}"[:79]


def merge_request(outcome: Outcome) -> str:
    """Write the text of the merge request, in Markdown."""
    parts = [_opening(outcome)]
    if outcome.conflicts:
        rows = [f"- `{path}`: {_count(count, 'conflict')}" for path, count in outcome.conflicts.items()]
        parts.append(_section("Conflicts", [*_short(rows), "", *HOW_TO_SOLVE]))
    for kind, looks in _ordered(look for look in outcome.looks if look.kind not in OWN_KINDS):
        parts.append(_section(KINDS[kind], _short(_item(look.path, look.sentence) for look in looks)))
    unasked = {look.path for look in outcome.looks if look.kind == "answer"}
    rows = [
        f"- `{name}`: from `{before}` to `{now}`"
        for name, (before, now) in outcome.answers.items()
        if before is not None and name not in unasked
    ]
    if rows:
        parts.append(_section("Answers changed as asked for", rows))
    new = {name: now for name, (before, now) in outcome.answers.items() if before is None}
    if new:
        rows = [f"- `{name}`: `{now}`" for name, now in new.items()]
        parts.append(_section("New questions, answered by their default", rows))
    layers = layers_of(outcome.changed)
    if layers:
        parts.append(_section("To apply again after the merge", [f"- {layer}" for layer in layers]))
    if outcome.follow:
        say = "The template changed what it writes at birth here. These files are yours: nothing was touched."
        rows = [f"- `{path}`" for path in outcome.follow]
        parts.append(_section("Yours to follow", [say, "", *_short(rows)]))
    if outcome.ran:
        rows = [f"- `make {one.target}`: {'passed' if one.passed else 'failed'}" for one in outcome.ran]
        parts.append(_section("Checked", rows))
    elif outcome.conflicts:
        parts.append(_section("Checked", ["Nothing yet: solve the conflicts, then `make deps verify`."]))
    parts += [_section(f"Template {section.version}", [section.body]) for section in outcome.changelog]
    return "\n".join(parts)


def layers_of(changed: Iterable[str]) -> list[str]:
    """Give what must be applied again for changed paths, in the order in which it is done."""
    found: list[str] = []
    for prefix, sentence in LAYERS:
        covered = any(prefix.startswith(other) or other.startswith(prefix) for other, told in LAYERS if told in found)
        if any(path.startswith(prefix) for path in changed) and sentence not in found and not covered:
            found.append(sentence)
    return found


def areas(changed: Iterable[str]) -> str:
    """Count changed files by their first folder, most first."""
    counted = Counter(path.split("/", 1)[0] if "/" in path else "top level" for path in changed)
    return ", ".join(f"{name} {count}" for name, count in counted.most_common())


def screen(outcome: Outcome, *, pushed: str | None = None) -> str:
    """Write the last screen of an update; `pushed` names the remote that has its branch too."""
    paint = Paint(on=colours(sys.stdout))
    if outcome.current:
        return f"{paint('green', 'up to date')}: {outcome.link.commit} is the newest there is for this repository\n"
    letters = Counter(outcome.changed.values())
    counts = ", ".join(f"{letters[letter]} {word}" for letter, word in WORDS.items() if letters[letter])
    way = f"{paint('bold', outcome.link.commit)} to {paint('bold', outcome.version)}"
    lines = [
        f"{way}, on branch {paint('green', outcome.branch)}",
        *([f"  pushed     to {pushed}"] if pushed else []),
        f"  files      {counts} ({areas(outcome.changed)})",
    ]
    total = sum(outcome.conflicts.values())
    if total:
        lines.append(f"  {paint('red', 'conflicts')}  {total} in {_count(len(outcome.conflicts), 'file')}")
        lines += [f"             {shown(path)}: {count}" for path, count in outcome.conflicts.items()]
    for kind, looks in _ordered(outcome.looks):
        style = "dim" if kind in QUIET_KINDS else "yellow"
        lines.append(f"  {paint(style, KINDS[kind].lower())}")
        lines += [f"             {shown(look.path)}: {shown(look.sentence)}" for look in looks[:LISTED]]
    lines += [f"  make       {one.target} {'passed' if one.passed else paint('red', 'failed')}" for one in outcome.ran]
    for one in outcome.ran:
        if not one.passed:
            lines += ["", paint("bold", f"make {one.target} said, at its end:"), *_indented(one.said)]
    lines += ["", "Next:"]
    lines += [f"  {paint('cyan', command)}" for command in _next(outcome)]
    return "\n".join([*lines, ""])


WORDS = {"A": "added", "M": "changed", "D": "removed", "T": "changed in kind"}


def needs_a_look(outcome: Outcome) -> list[Look]:
    """Give what keeps an update from being merged without a look."""
    return [look for look in outcome.looks if look.kind not in QUIET_KINDS | OWN_KINDS]


def _opening(outcome: Outcome) -> str:
    letters = Counter(outcome.changed.values())
    counts = ", ".join(f"{letters[letter]} {word}" for letter, word in WORDS.items() if letters[letter])
    source = without_credentials(outcome.link.source)
    way = (
        f"From {outcome.link.commit} to {outcome.version} of {source}."
        if outcome.version != outcome.link.commit
        else f"At {outcome.version} of {source}."
    )
    return "\n".join([*textwrap.wrap(way, WIDTH, break_long_words=False), f"Files: {counts}.", ""])


def _ordered(looks: Iterable[Look]) -> Iterator[tuple[str, list[Look]]]:
    groups: Mapping[str, list[Look]] = summary(looks)
    return ((kind, groups[kind]) for kind in KINDS if kind in groups)


def _item(path: str, sentence: str) -> str:
    return textwrap.fill(f"- `{path}`: {shown_whole(sentence)}", WIDTH, subsequent_indent="  ", break_long_words=False)


def _short(rows: Iterable[str]) -> list[str]:
    every = list(rows)
    return every if len(every) <= LISTED else [*every[:LISTED], f"- and {len(every) - LISTED} more"]


def _section(head: str, lines: Iterable[str]) -> str:
    return "\n".join([f"## {head}", "", *lines, ""])


def _indented(text: str) -> list[str]:
    return [f"  {line}" for line in text.splitlines()]


def _count(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


def _next(outcome: Outcome) -> list[str]:
    first = f"git switch {outcome.branch}"
    if outcome.conflicts:
        return [first, "git grep -n '<<<<<<< before updating'", "make deps lint test"]
    return [f"git log -1 -p {outcome.branch}", first, "make lint test"]
