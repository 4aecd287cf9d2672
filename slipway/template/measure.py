"""What an update changes, measured: both versions rendered for every combination of choices, and compared."""

from __future__ import annotations

import multiprocessing
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from difflib import SequenceMatcher
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from slipway.answers import RULES
from slipway.engine import Engine
from slipway.lineage import ANSWERS_FILE
from slipway.ownership import is_owned
from slipway.template.state import Answers, State, carried, described
from slipway.update.files import File, Tree, folder
from slipway.update.text import WORDS, layers_of

MOST_PROCESSES = 8
JOBS_WORTH_A_PROCESS = 4
LISTED = 60
DATED = "created_on"


class Change(NamedTuple):
    """What happens to one file.

    Attributes:
        letter: git's: A, M or D.
        added: lines that are new.
        removed: lines that are gone.
        digest: equal for equal changes alone.
    """

    letter: str
    added: int
    removed: int
    digest: str


Changes = dict[str, Change]


class Measured(NamedTuple):
    """What an update from one version to another changes.

    Attributes:
        old: the version before.
        offered: the values of each choice at that version.
        owned: what the service owns at the new version.
        changes: each combination of choices with what changes, but for the answers file.
    """

    old: str
    offered: Mapping[str, tuple[str, ...]]
    owned: Sequence[str]
    changes: list[tuple[Answers, Changes]]

    def where(self, holds: Callable[[Changes], bool]) -> list[Answers]:
        """Give the combinations for whose changes something holds."""
        return [answers for answers, changes in self.changes if holds(changes)]

    def brought(self, changes: Changes) -> Changes:
        """Give the changes that an update brings: all but those in files that the service owns."""
        return {path: change for path, change in changes.items() if not is_owned(path, self.owned)}

    def kept(self, changes: Changes) -> Changes:
        """Give the changes that an update leaves out, for the service owns the files."""
        return {path: change for path, change in changes.items() if is_owned(path, self.owned)}


class _Job(NamedTuple):
    source: str
    versions: tuple[str, str]
    answers: tuple[Answers, Answers]


def measure(  # noqa: PLR0913  -- two versions, each with its name and its state
    source: Path,
    old: str,
    before: State,
    new: str,
    after: State,
    *,
    told: Callable[[int, int], None] = lambda _done, _of: None,
) -> Measured:
    """Render two versions for every combination of the choices of the older, side by side, and compare.

    Args:
        source: a repository of the template that has both versions.
        old: tag of the older version.
        before: the template at the older version.
        new: tag or commit of the newer version.
        after: the template at the newer version.
        told: is told how many combinations are done, and of how many.

    Raises:
        EngineError: Copier could not render one of them.
    """
    every = before.combinations
    jobs = [
        _Job(str(source), (old, new), (dated(answers, before), dated(carried(answers, before, after), after)))
        for answers in every
    ]
    found = []
    with tempfile.TemporaryDirectory(prefix="slipway-", ignore_cleanup_errors=True) as scratch:
        workers = min(-(-len(jobs) // JOBS_WORTH_A_PROCESS), os.cpu_count() or 1, MOST_PROCESSES)
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(workers, context, initializer=_begin, initargs=(scratch,)) as pool:
            for number, changes in enumerate(pool.map(_compare, jobs), 1):
                found.append(changes)
                told(number, len(jobs))
    return Measured(old, before.offered, after.owned, list(zip(every, found, strict=True)))


def dated(answers: Mapping[str, str], state: State) -> Answers:
    """Add a day of birth that does not change, where the template asks for one."""
    return {**answers, **({DATED: RULES[DATED].example} if DATED in state.asked else {})}


def short(measured: Measured) -> list[str]:
    """Say in a few lines of Markdown what an update changes."""
    if not any(changes for _, changes in measured.changes):
        return ["- The version in the answers file, and nothing else."]
    lines = [
        f"- {_upper(where)}: {_counts(group.values())}." for where, group in _conditions(measured, measured.brought)
    ]
    lines = lines or ["- No file of the template's; what a service is born with changed."]
    lines += [f"- {_upper(where)}, to apply again: {_first(layer)}." for layer, where in _layers(measured)]
    return lines


def text(measured: Measured, new: str) -> str:
    """Write the section "What an update changes" of the release notes, in Markdown."""
    count = len(measured.changes)
    parts = [
        "## What an update changes\n\n",
        f"Measured: {_plural(count, 'combination')} of choices, rendered at {measured.old} and at {new}. ",
        "Beside what is listed the answers file changes.\n",
    ]
    if not any(changes for _, changes in measured.changes):
        return "".join([*parts, "\nNothing else: no file of any service.\n"])
    parts += ["\n| Services | Combinations | Template's files | Service's own |\n| --- | --- | --- | --- |\n"]
    parts += [
        f"| {where} | {number} | {_counts(measured.brought(changes).values())} "
        f"| {_counts(measured.kept(changes).values())} |\n"
        for where, number, changes in _alike(measured)
    ]
    if brought := _conditions(measured, measured.brought):
        parts += ["\n### Files that an update changes\n", *_lists(brought)]
    if layers := _layers(measured):
        parts += ["\n### To apply again\n\n", *(f"- {layer} ({where})\n" for layer, where in layers)]
    if kept := _conditions(measured, measured.kept):
        parts += [
            "\n### Files that are the service's own\n\n",
            "New services are born with these; an update leaves them alone, and each team decides.\n",
            *_lists(kept),
        ]
    return "".join(parts)


def _alike(measured: Measured) -> list[tuple[str, int, Changes]]:
    """Give the combinations with equal changes: in words, their number, and the changes; most first."""
    groups: dict[frozenset[tuple[str, Change]], list[Answers]] = {}
    for answers, changes in measured.changes:
        groups.setdefault(frozenset(changes.items()), []).append(answers)
    ranked = sorted(groups.items(), key=lambda item: -len(item[1]))
    return [(described(some, measured.offered), len(some), dict(changes)) for changes, some in ranked]


def _conditions(measured: Measured, part: Callable[[Changes], Changes]) -> list[tuple[str, Changes]]:
    """Give the changed files by the services in which they change alike: in words, and their changes; most first."""
    found: dict[tuple[str, Change], list[int]] = {}
    for number, (_, changes) in enumerate(measured.changes):
        for item in part(changes).items():
            found.setdefault(item, []).append(number)
    groups: dict[tuple[int, ...], Changes] = {}
    for (path, change), numbers in sorted(found.items()):
        groups.setdefault(tuple(numbers), {})[path] = change
    ranked = sorted(groups.items(), key=lambda item: (-len(item[0]), item[0]))
    return [
        (described([measured.changes[number][0] for number in numbers], measured.offered), changes)
        for numbers, changes in ranked
    ]


def _layers(measured: Measured) -> list[tuple[str, str]]:
    """Give what must be applied again, each with the services, in words."""
    per = [(answers, layers_of(measured.brought(changes))) for answers, changes in measured.changes]
    order = list(dict.fromkeys(layer for _, layers in per for layer in layers))
    return [(one, described([answers for answers, layers in per if one in layers], measured.offered)) for one in order]


def _lists(groups: Iterable[tuple[str, Changes]]) -> list[str]:
    parts = []
    for where, changes in groups:
        rows = [f"- `{path}`: {WORDS[change.letter]}{_lines(change)}\n" for path, change in changes.items()]
        if len(rows) > LISTED:
            rows = [*rows[:LISTED], f"- and {len(rows) - LISTED} more\n"]
        parts += [f"\n{_upper(where)}:\n\n", *rows]
    return parts


def _lines(change: Change) -> str:
    return f", +{change.added} -{change.removed}" if change.added or change.removed else ""


def _counts(changes: Iterable[Change]) -> str:
    letters = Counter(change.letter for change in changes)
    return ", ".join(f"{letters[letter]} {word}" for letter, word in WORDS.items() if letters[letter]) or "none"


def _first(sentence: str) -> str:
    return sentence.partition(":")[0]


def _plural(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


def _upper(words: str) -> str:
    return "In every service" if words == "every service" else f"Where {words}"


_ENGINES: list[Engine] = []


def _begin(scratch: str) -> None:
    """Give this process an engine of its own."""
    _ENGINES.append(Engine(Path(tempfile.mkdtemp(dir=scratch))))


def _compare(job: _Job) -> Changes:
    """Render both versions for one combination and compare them."""
    states = []
    with tempfile.TemporaryDirectory(dir=_ENGINES[0].place) as scratch:
        for name, version, answers in zip(("old", "new"), job.versions, job.answers, strict=True):
            _ENGINES[0].render(job.source, version, answers, Path(scratch, name))
            states.append(folder(Path(scratch, name)))
    return differences(*states)


def differences(old: Tree, new: Tree) -> Changes:
    """Compare two services, but for their answers files."""
    return {
        path: _change(old.get(path), new.get(path))
        for path in sorted(old.keys() | new.keys())
        if old.get(path) != new.get(path) and path != ANSWERS_FILE
    }


@cache
def _change(old: File | None, new: File | None) -> Change:
    letter = "A" if old is None else "D" if new is None else "M"
    before, after = (_text_of(file) for file in (old, new))
    added = removed = 0
    for kind, begin, end, new_begin, new_end in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind != "equal":
            added, removed = added + new_end - new_begin, removed + end - begin
    return Change(letter, added, removed, sha256(repr((old, new)).encode()).hexdigest())


def _text_of(file: File | None) -> list[str]:
    return file.data.decode("utf-8", "replace").splitlines() if file and file.is_text else []
