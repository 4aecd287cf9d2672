"""The plan of an adoption, worked out from the repository and the template alone: there is no state to keep or lose."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from slipway.adopt import AdoptError
from slipway.adopt.areas import LINK, REST, Area
from slipway.adopt.comparison import Compared, Comparison, State, closest, compare, likeness, looks_like_a_copy
from slipway.adopt.comparison import read_rendering as read
from slipway.adopt.proposal import Proposal, address_of, checked, module_of, propose, read_asked
from slipway.adopt.records import Record, find_record, mapped, same_template
from slipway.adopt.snapshot import Snapshot
from slipway.adopt.source import default_source, given_source, releases_of
from slipway.adopt.survey import Fact, Survey, survey
from slipway.engine import QUESTIONS, Engine, EngineError
from slipway.gitting import GitError, git
from slipway.lineage import ANSWERS_FILE, Link, LinkError, read_link
from slipway.ownership import service_owned
from slipway.report import shown

NEWEST = "the newest release"
BRANCH = "template/adopt-"
Tell = Callable[[str], None]


class Progress(Enum):
    """How far an area is."""

    DONE = "done"
    WAITS = "waits"
    PART = "part"
    OPEN = "open"
    HELD = "held"


class Step(NamedTuple):
    """One merge request of the plan.

    Attributes:
        area: what it brings.
        progress: how far it is; `PART` has some of its files, `HELD` cannot be made as things are.
        note: why it is held, or where it waits.
    """

    area: Area
    progress: Progress
    note: str = ""


@dataclass(frozen=True)
class Wish:
    """What is asked for.

    Attributes:
        template: address of the template; the one of the link, or this Slipway's own, when left out.
        version: a release of it; the newest, or the one that a copy is nearest to, when left out.
        answers: answers that a person gives, by question.
    """

    template: str | None = None
    version: str | None = None
    answers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """What an adoption would do.

    Attributes:
        snapshot: the repository.
        survey: what it tells about itself.
        link: what it records of its template; nothing when it is not linked.
        record: what another tool recorded of its template.
        source: address of the template.
        version: the version of it that the plan is for.
        why: why that version.
        proposals: the answers.
        answers: the answers as the template settles them, by question.
        unknown: recorded answers that no question asks for.
        comparison: every file of the template against the repository.
        steps: the merge requests, in order.
        hidden: files to create that an ignore file of the repository matches, each with the rule.
        notes: what a person must know.
    """

    snapshot: Snapshot
    survey: Survey
    link: Link | None
    record: Record | None
    source: str
    version: str
    why: str
    proposals: Sequence[Proposal]
    answers: Mapping[str, str]
    unknown: Sequence[str]
    comparison: Comparison
    steps: Sequence[Step]
    hidden: Mapping[str, str]
    notes: Sequence[str]

    @property
    def next(self) -> Step | None:
        """The first step that nothing was done about; one that waits on its branch holds up those after a link."""
        if self.steps[0].progress is not Progress.DONE:
            return self.steps[0]
        return next((one for one in self.steps if one.progress is Progress.OPEN and not one.area.optional), None)

    def before(self, area: Area) -> list[str]:
        """Give the steps that a step needs and that the repository has nothing of yet."""
        wanted = [one for one in self.steps if one.area.name in area.after]
        return [one.area.name for one in wanted if one.progress not in (Progress.DONE, Progress.PART)]

    def step(self, area: Area) -> Step | None:
        """Give the step of an area, when the template has files of it."""
        return next((one for one in self.steps if one.area == area), None)


def make_plan(path: Path, wish: Wish, engine: Engine, tell: Tell = lambda _: None) -> Plan:
    """Look at a repository and work out how it adopts a template; nothing is written.

    Args:
        path: the repository, or the folder of one service in it.
        wish: what is asked for.
        engine: renders the template.
        tell: is told what is being done.

    Raises:
        UsageError: the wish cannot be worked with.
        AdoptError: the repository cannot be adopted.
        EngineError: the template cannot be reached, or refuses an answer.
    """
    snapshot = Snapshot.open(path)
    link = _link(snapshot, wish)
    record = None if link else find_record(snapshot)
    found = survey(snapshot)
    notes = [*found.notes, *(record.notes if record else ())]
    source = link.source if link else given_source(wish.template) if wish.template else default_source()
    tell(f"reading {source}")
    if link:
        version, why = link.commit, "linked"
    else:
        version, why = _version(source, wish, record, engine, notes)
    asked = read_asked(_questions(engine, source, version), f"{source} at {version}")
    if link:
        recorded = {name: Fact(str(answer), ANSWERS_FILE) for name, answer in link.answers.items()}
        unknown: list[str] = []
    else:
        _fits(snapshot, found, asked.get("language", ()), wish)
        recorded, unknown = _recorded(record, asked)
    proposals = propose(found, asked, checked(wish.answers, asked), recorded, snapshot.root)
    answers = {one.question: one.answer for one in proposals if one.answer is not None}
    if link:
        answers = dict(link.answers)
    with tempfile.TemporaryDirectory(prefix="slipway-", ignore_cleanup_errors=True) as scratch:
        release = _Release(snapshot, source, answers, engine, Path(scratch))
        compared = release.compared(version)
        if why == NEWEST and looks_like_a_copy(compared):
            compared, why = release.nearest(compared, tell)
            version = compared.version
    settled = read_link(compared.rendered[ANSWERS_FILE].content.decode())
    texts = {name: str(answer) for name, answer in settled.answers.items()}
    if snapshot.dirty:
        notes.append(
            f"{len(snapshot.dirty)} paths differ from the last commit; they are not looked at, and nothing touches them"
        )
    create = [one.path for one in compared.files if one.state is State.CREATE]
    held = _held(found, texts, notes)
    steps = [_step(snapshot, area, compared, link, held) for area in compared.areas()]
    return Plan(
        snapshot,
        found,
        link,
        record,
        settled.source,
        version,
        why,
        proposals,
        texts,
        unknown,
        compared,
        steps,
        snapshot.ignored(create),
        notes,
    )


class Written(NamedTuple):
    """What was written.

    Attributes:
        step: the step.
        branch: where it waits.
        commit: its id.
        created: files that the repository had not.
        taken: files of which the template's version replaced the repository's.
        removed: files that the link makes useless.
        kept: files that differ, or are the service's own, and were left as they are.
        blocked: files that something else stands in the place of.
    """

    step: Step
    branch: str
    commit: str
    created: Sequence[str]
    taken: Sequence[str]
    removed: Sequence[str]
    kept: Sequence[Compared]
    blocked: Sequence[Compared]


def branch_of(snapshot: Snapshot, area: Area) -> str:
    """Give the branch on which a step waits; of a service in a folder, the folder is part of the name."""
    folder = re.sub(r"[^A-Za-z0-9]+", "-", snapshot.below).strip("-")
    return f"{BRANCH}{folder}-{area.name}" if folder else f"{BRANCH}{area.name}"


def _link(snapshot: Snapshot, wish: Wish) -> Link | None:
    text = snapshot.text(ANSWERS_FILE)
    try:
        link = read_link(text, ANSWERS_FILE) if text else None
    except LinkError:
        return None
    if link is None:
        return None
    if wish.template and not same_template(given_source(wish.template), link.source):
        message = (
            f"it is linked to {link.source} at {link.commit} already; a repository has one template: remove "
            f"{ANSWERS_FILE} in a commit of its own first, if it is to change"
        )
        raise AdoptError(message)
    if wish.version:
        message = f"it is linked at {link.commit} already; `slipway update --to {wish.version}` brings another release"
        raise AdoptError(message)
    if wish.answers:
        given = " ".join(f"-d {name}={answer}" for name, answer in wish.answers.items())
        message = f"it is linked already, with its answers; `slipway update {given}` changes them"
        raise AdoptError(message)
    return link


def _questions(engine: Engine, source: str, version: str) -> str:
    text = engine.text(source, version, QUESTIONS)
    if text is None:
        message = f"{source} at {version} is no Slipway template: it has no {QUESTIONS}, or no such version"
        raise AdoptError(message)
    return text


def _version(source: str, wish: Wish, record: Record | None, engine: Engine, notes: list[str]) -> tuple[str, str]:
    mirror = engine.mirror(source)
    if wish.version:
        return wish.version, "given with --to"
    if record and record.template and not same_template(record.template, source):
        notes.append(
            f"{record.file} names another template, {_without_user(record.template)}: its answers are used, its commit "
            "is not; with --template it can be linked to that one, if that is a Slipway template"
        )
    elif record and record.template and record.commit:
        try:
            return git(mirror, "describe", "--tags", "--always", f"{record.commit}^{{commit}}").strip(), record.file
        except GitError:
            notes.append(f"{record.file} names commit {record.commit}, which {source} has not")
    return engine.newest(source), NEWEST


def _without_user(address: str) -> str:
    scheme, separator, rest = address.rpartition("://")
    return shown(f"{scheme}{separator}{rest.split('@', 1)[-1]}" if separator else address)


def _fits(snapshot: Snapshot, found: Survey, offered: tuple[str, ...], wish: Wish) -> None:
    """Refuse a repository in a language that the template has not.

    Raises:
        AdoptError: no language of the repository is offered, and none was given.
    """
    if not offered or "language" in wish.answers:
        return
    if found.languages and not any(fact.value in offered for fact in found.languages):
        there = ", ".join(f"{fact.value} ({fact.source})" for fact in found.languages)
        message = (
            f"{snapshot.root} is written in {there}; the template makes services in {', '.join(offered)}. Its make "
            "targets, image and code would not fit; its commit rules, manifests, alerts and Terraform would. If you "
            f"want those all the same, give the language (-d language={offered[0]}) and leave out the steps make, "
            "image, platform and sample"
        )
        raise AdoptError(message)
    if snapshot.below and not found.languages:
        message = (
            f"{snapshot.root} is a folder of the repository {snapshot.top}, and no service: it has no go.mod; adopt "
            f"the whole (slipway adopt {snapshot.top}) or the folder of a service"
        )
        raise AdoptError(message)


def _recorded(record: Record | None, asked: Mapping[str, tuple[str, ...]]) -> tuple[dict[str, Fact], list[str]]:
    if record is None:
        return {}, []
    found, unknown = mapped(record.answers, set(asked))
    facts = {
        question: Fact(value, record.file if name == question else f"{name} in {record.file}")
        for question, (value, name) in found.items()
    }
    return facts, unknown


class _Release(NamedTuple):
    """Compares a repository with releases of a template."""

    snapshot: Snapshot
    source: str
    answers: Mapping[str, str]
    engine: Engine
    scratch: Path

    def compared(self, version: str) -> Comparison:
        """Compare it with one."""
        into = self.scratch / version.replace("/", "-")
        self.engine.render(self.source, version, self.answers, into)
        owned = service_owned(self.engine.text(self.source, version, QUESTIONS) or "")
        return compare(self.snapshot, version, read(into), owned)

    def nearest(self, newest: Comparison, tell: Tell) -> tuple[Comparison, str]:
        """Find the release that a copy by hand came from: the one that the fewest lines differ from."""
        compared = {newest.version: newest}
        releases = releases_of(self.engine.mirror(self.source))
        for number, version in enumerate(releases, start=1):
            tell(f"it looks like a copy; comparing it with {version} ({number} of {len(releases)})")
            if version not in compared:
                with suppress(EngineError):
                    compared[version] = self.compared(version)
        known = {path for one in compared.values() for path in one.rendered}
        in_order = sorted(compared, key=lambda version: releases.index(version) if version in releases else -1)
        best, told = closest([likeness(self.snapshot, compared[version], known) for version in in_order])
        return compared[best.version], told


def _held(found: Survey, answers: Mapping[str, str], notes: list[str]) -> str:
    """Say why code of the template would not build here, or nothing when it would."""
    if found.go_modules and all("/" in fact.source for fact in found.go_modules):
        return "no go.mod here, but below"
    derived = module_of(answers.get("repository_url", ""))
    own = next((fact.value for fact in found.go_modules if fact.source == "go.mod"), derived)
    if own == derived:
        return ""
    address = address_of(found)
    way = f"-d repository_url=https://{own}" if address else "give your module a path with a host"
    notes.append(
        f"go.mod names the module {own}, and the template's code would import {derived}; its code steps are held; "
        f"to have them, let both agree before the link: {way}, or rename the module"
    )
    return "the module path is another; see the notes"


def _step(snapshot: Snapshot, area: Area, compared: Comparison, link: Link | None, held: str) -> Step:
    left = link is None if area == LINK else bool(compared.of(area, State.CREATE))
    blocked = compared.of(area, State.BLOCKED)
    step = Step(area, Progress.OPEN, "not known to this Slipway" if area == REST else "")
    if not left:
        step = Step(area, Progress.HELD, blocked[0].note) if blocked else Step(area, Progress.DONE)
    elif waiting := _waiting(snapshot, area):
        step = Step(area, Progress.WAITS, waiting)
    elif held and area.code:
        step = Step(area, Progress.HELD, held)
    elif area != LINK and any(not one.owned for one in compared.of(area, State.EQUAL)):
        step = Step(area, Progress.PART)
    return step


def _waiting(snapshot: Snapshot, area: Area) -> str:
    """Name the branch on which a step waits: one of its name that HEAD has not."""
    branch = branch_of(snapshot, area)
    try:
        if git(snapshot.top, "rev-list", "--max-count=1", f"refs/heads/{branch}", f"^{snapshot.head}").strip():
            return f"on branch {branch}"
    except GitError:
        return ""
    return ""
