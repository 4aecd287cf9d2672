"""What a person or a platform reads of an adoption: the plan on the screen, as JSON, and in the commits."""

from __future__ import annotations

import json
import secrets
import sys
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

from slipway.adopt.areas import LINK
from slipway.adopt.comparison import Compared, State
from slipway.adopt.plan import Plan, Progress, Written, branch_of
from slipway.report import CODES, Paint, colours, shown_whole

WIDTH = 100
LISTED = 12
STYLES = {
    Progress.DONE: "green",
    Progress.PART: "yellow",
    Progress.OPEN: "bold",
    Progress.WAITS: "cyan",
    Progress.HELD: "red",
}


def screen(plan: Plan, command: str, *, every_file: bool = False) -> str:
    """Write the plan for a terminal.

    Args:
        plan: the plan.
        command: the command that was given, without options, for the hints.
        every_file: list the files to create as well.
    """
    paint = Marks(on=colours(sys.stdout))
    lines = [
        f"{paint('bold', str(plan.snapshot.root))} and {plan.source} at {paint('bold', plan.version)} ({plan.why})"
    ]
    lines += ["", paint("bold", "The repository"), *_rows(_facts(plan), paint)]
    lines += ["", paint("bold", "Answers"), *_answers(plan, paint)]
    if plan.unknown:
        where = plan.record.file if plan.record else ""
        lines += _wrapped(f"{where} also answers what the template does not ask: {', '.join(plan.unknown)}", paint)
    if plan.notes:
        lines += ["", paint("bold", "Notes")]
        for note in plan.notes:
            lines += _wrapped(note, paint)
    lines += ["", paint("bold", "Steps, each a merge request of its own"), *_steps(plan, paint)]
    lines += _files(plan, paint, every_file=every_file)
    lines += ["", paint("bold", "Next"), *(f"  {line}" for line in _next(plan, command, paint))]
    return paint.settled(lines)


class Marks(Paint):
    """Colour words by marks that only this screen knows, so that nothing read from a repository can be a colour."""

    def __init__(self, *, on: bool) -> None:
        super().__init__(on=on)
        self.key = secrets.token_hex(8)

    def __call__(self, style: str, text: str) -> str:
        """Mark `text` with a style of CODES."""
        return f"{self.key}[{CODES[style]}m{text}{self.key}[0m" if self.on else text

    def settled(self, lines: Iterable[str]) -> str:
        """Join lines, with what could move the cursor written out, and the marks turned into colours."""
        return "".join(f"{shown_whole(line)}\n" for line in lines).replace(self.key, "\x1b")


def as_json(plan: Plan) -> str:
    """Write the plan for a program."""
    survey = plan.survey
    data: dict[str, Any] = {
        "repository": str(plan.snapshot.root),
        "commit": plan.snapshot.head,
        "template": {"source": plan.source, "version": plan.version, "why": plan.why},
        "linked": plan.link is not None,
        "found": {
            "layout": survey.layout,
            "pipelines": survey.pipelines,
            "manifests": survey.manifests,
            "remote": survey.remote,
            **{
                name: [one._asdict() for one in getattr(survey, name)]
                for name in ("languages", "go_modules", "datastores", "brokers", "monitors", "rollouts", "ports")
            },
        },
        "record": None if plan.record is None else plan.record.file,
        "answers": {
            one.question: {
                "answer": plan.answers.get(one.question),
                "told": one.answer is not None,
                "reason": one.reason,
            }
            for one in plan.proposals
        },
        "not_asked": list(plan.unknown),
        "notes": list(plan.notes),
        "next": plan.next.area.name if plan.next else None,
        "steps": [
            {
                "step": step.area.name,
                "title": step.area.title,
                "state": step.progress.value,
                "note": step.note,
                "optional": step.area.optional,
                "branch": branch_of(plan.snapshot, step.area),
                "run": list(step.area.commands),
                "look_at": step.area.check,
                "after": list(step.area.after),
                "risk": step.area.risk,
                "files": [
                    {"path": one.path, "state": one.state.value, "note": one.note, "service_owned": one.owned}
                    for one in plan.comparison.files
                    if one.area == step.area
                ],
            }
            for step in plan.steps
        ],
        "hidden_by_ignore_files": dict(plan.hidden),
    }
    text = json.dumps(data, indent=2, ensure_ascii=False)
    return text.encode("utf-8", "backslashreplace").decode() + "\n"


def message(plan: Plan, done: Written, ticket: str) -> str:
    """Write the commit message of a step, which is the text of its merge request."""
    area = done.step.area
    parts = [f"chore(template): {'link to' if area == LINK else 'adopt'} {plan.version if area == LINK else area.name}"]
    parts += ["", *_fill(f"{area.title.capitalize()}, from {plan.version} of {plan.source}."), ""]
    if area == LINK:
        parts += ["## Answers", ""]
        for one in plan.proposals:
            parts += _fill(f"- `{one.question}`: `{plan.answers.get(one.question, '')}` ({one.reason})", "  ")
        if plan.unknown:
            parts += _fill(f"- not asked by this template: {', '.join(plan.unknown)}", "  ")
        parts.append("")
    for head, paths in (("New", done.created), ("Replaced", done.taken), ("Removed", done.removed)):
        if paths:
            parts += [f"## {head}", "", *(f"- `{path}`" for path in paths), ""]
    if done.kept:
        parts += ["## Kept as the team has them", ""]
        parts += [line for one in done.kept for line in _fill(f"- `{one.path}`{_because(one)}", "  ")]
        parts.append("")
    if done.blocked:
        parts += [
            "## Not made",
            "",
            *(line for one in done.blocked for line in _fill(f"- `{one.path}`: {one.note}", "  ")),
            "",
        ]
    parts += ["## To look at", "", *_fill(area.check), *_fill(f"Risk: {area.risk}")]
    if before := plan.before(area):
        parts += _fill(f"Merge after {', '.join(before)}: this uses what that brings.")
    parts.append("")
    parts += ["## To run", "", *(f"- `{command}`" for command in area.commands), ""]
    reference = [f"Refs: {ticket}", ""] if ticket else []
    return "\n".join(shown_whole(line) for line in [*parts, *reference])


def written(plan: Plan, done: Written) -> str:
    """Write the last screen of a step."""
    paint = Marks(on=colours(sys.stdout))
    counts = [(len(done.created), "new"), (len(done.taken), "replaced"), (len(done.removed), "removed")]
    told = ", ".join(f"{count} {word}" for count, word in counts if count)
    lines = [
        f"{paint('bold', done.step.area.name)} waits on branch {paint('green', done.branch)}",
        f"  files     {told}",
    ]
    lines += _listed("kept", [(one.path, _because(one).removeprefix(": ")) for one in done.kept], paint, "yellow")
    lines += _listed("not made", [(one.path, one.note) for one in done.blocked], paint, "red")
    lines += _hidden(plan, done.created, paint)
    lines += ["", "Next:"]
    commands = [f"git show --stat {done.branch}", f"git switch {done.branch}", *done.step.area.commands]
    lines += [f"  {paint('cyan', command)}" for command in commands]
    lines += ["", "Look at:", *(f"  {line}" for line in _fill(done.step.area.check))]
    if before := plan.before(done.step.area):
        lines += _wrapped(f"merge it after {', '.join(before)}: it uses what that brings", paint)
    return paint.settled(lines)


def _facts(plan: Plan) -> list[tuple[str, str]]:
    found = plan.survey
    rows = [
        ("language", ", ".join(f"{one.value} ({one.source})" for one in found.languages[:LISTED])),
        ("layout", "  ".join(found.layout)),
        ("module", ", ".join(f"{one.value} ({one.source})" for one in found.go_modules[:LISTED])),
        ("remote", found.remote),
        ("pipelines", ", ".join(f"{name} ({path})" for name, path in found.pipelines.items())),
        ("manifests", ", ".join(f"{name} ({path})" for name, path in found.manifests.items())),
        ("store", ", ".join(f"{one.value} ({one.source})" for one in found.datastores)),
        ("broker", ", ".join(f"{one.value} ({one.source})" for one in found.brokers)),
        ("monitoring", ", ".join(f"{one.value} ({one.source})" for one in found.monitors)),
        ("ports", ", ".join(f"{one.value} ({one.source})" for one in found.ports[:LISTED])),
        ("born by", f"a record in {plan.record.file}" if plan.record else ""),
    ]
    return [(name, text or "none found") for name, text in rows if text or name not in ("remote", "born by")]


def _rows(rows: Iterable[tuple[str, str]], paint: Paint) -> list[str]:
    lines = []
    for name, text in rows:
        first, *rest = textwrap.wrap(text, WIDTH - 14, break_long_words=False) or [""]
        lines += [f"  {paint('dim', f'{name:<12}')}{first}", *(f"  {'':<12}{line}" for line in rest)]
    return lines


def _answers(plan: Plan, paint: Paint) -> list[str]:
    lines = []
    for one in plan.proposals:
        answer = plan.answers.get(one.question, "")
        style = "green" if one.answer is not None else "yellow"
        lines += [f"  {one.question:<16}{paint(style, answer)}", f"  {'':<16}{paint('dim', one.reason)}"]
    return lines


def _steps(plan: Plan, paint: Paint) -> list[str]:
    heads = "".join(f"{word:>8}" for word in ("create", "equal", "differ", "yours", "blocked"))
    lines = [paint("dim", f"  {'step':<15}{'state':<7}{heads}  ")]
    columns = (State.CREATE, State.EQUAL, State.DIFFERS, State.YOURS, State.BLOCKED)
    for step in plan.steps:
        if step.area == LINK:
            numbers = [int(step.progress is not Progress.DONE), int(step.progress is Progress.DONE), 0, 0, 0]
        else:
            numbers = [len(plan.comparison.of(step.area, state)) for state in columns]
        counted = "".join(f"{number or '-':>8}" for number in numbers)
        note = step.note or ("optional" if step.area.optional and step.progress is not Progress.DONE else "")
        state = paint(STYLES[step.progress], f"{step.progress.value:<7}")
        lines.append(f"  {step.area.name:<15}{state}{counted}  {note}".rstrip())
    return lines


def _files(plan: Plan, paint: Paint, *, every_file: bool) -> list[str]:
    lines: list[str] = []
    groups: list[tuple[str, str, tuple[State, ...]]] = [
        ("Differ: yours stay, and --take PATH takes the template's", "yellow", (State.DIFFERS,)),
        ("Yours from birth on: no update touches them", "dim", (State.YOURS,)),
        ("Blocked: something stands in the way", "red", (State.BLOCKED,)),
    ]
    if every_file:
        groups.insert(0, ("To create", "green", (State.CREATE,)))
    for head, style, states in groups:
        rows = [(one, step.area) for step in plan.steps for one in plan.comparison.of(step.area, *states)]
        rows = [(one, area) for one, area in rows if area != LINK]
        if rows:
            lines += ["", paint("bold", head)]
            shown_rows = rows if every_file else rows[:LISTED]
            lines += [f"  {area.name:<15}{paint(style, one.path)}{_noted(one)}" for one, area in shown_rows]
            if len(rows) > len(shown_rows):
                lines.append(f"  and {len(rows) - len(shown_rows)} more; --files lists them all")
    return [*lines, *_hidden(plan, plan.hidden, paint)]


def _hidden(plan: Plan, paths: Iterable[str], paint: Paint) -> list[str]:
    rules: dict[str, int] = {}
    for path in paths:
        if path in plan.hidden:
            rules[plan.hidden[path]] = rules.get(plan.hidden[path], 0) + 1
    lines = []
    for rule, count in rules.items():
        say = (
            f"{count} of the new files match your ignore rule {rule}: they are committed all the same, but new ones of "
            "a later release would be left out; narrow the rule"
        )
        lines += _wrapped(say, paint)
    return ["", paint("bold", "Ignored"), *lines] if lines else []


def _listed(head: str, rows: Sequence[tuple[str, str]], paint: Paint, style: str) -> list[str]:
    lines = [
        f"  {head if not number else '':<9} {paint(style, path)}  {note}" for number, (path, note) in enumerate(rows)
    ]
    return lines[:LISTED] + ([f"  {'':<9} and {len(lines) - LISTED} more"] if len(lines) > LISTED else [])


def _wrapped(text: str, paint: Paint) -> list[str]:
    first, *rest = textwrap.wrap(text, WIDTH - 4, break_long_words=False, break_on_hyphens=False)
    return [f"  {paint('yellow', '-')} {first}", *(f"    {line}" for line in rest)]


def _noted(one: Compared) -> str:
    return f"  {one.note}" if one.note else ""


def _because(one: Compared) -> str:
    if one.state is State.YOURS:
        return ": the service owns it from birth on"
    return f": {one.note}" if one.note else ": it differs from the template's"


def _next(plan: Plan, command: str, paint: Paint) -> list[str]:
    step = plan.next
    if step is None:
        waiting = [one for one in plan.steps if one.progress is Progress.WAITS]
        if waiting:
            return [f"merge {', '.join(branch_of(plan.snapshot, one.area) for one in waiting)}"]
        optional = [one.area.name for one in plan.steps if one.progress in (Progress.OPEN, Progress.PART)]
        return [
            "nothing is left that was not begun; `slipway update` brings the releases from here on",
            *(paint("cyan", f"{command} --write --step {name}") for name in optional),
        ]
    if step.progress is Progress.WAITS:
        return [f"merge {branch_of(plan.snapshot, step.area)}: every other step is rendered from it"]
    lines = [
        f"{paint('cyan', f'{command} --write')}",
        f"makes {step.area.name} on branch {branch_of(plan.snapshot, step.area)}",
    ]
    if step.area == LINK:
        lines.append("-d QUESTION=ANSWER corrects an answer before the link; later `slipway update -d` does")
    return lines


def _fill(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
