"""The compatibility rules: what a release must not do to the services that are there."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import SequenceMatcher
from functools import cache
from typing import Any, NamedTuple

from jinja2 import Environment, TemplateError

from slipway.lineage import ANSWERS_FILE
from slipway.ownership import is_owned
from slipway.template.portability import TRUSTED
from slipway.template.rules import BREAKING, NOTE, Found, Place, Rulebook
from slipway.template.state import COPIER, Answers, State, carried, described, successor

MOVED = 0.6
LENGTHS = (1, 2, 3, 8, 16, 24, 25, 32, 39, 40, 41, 60, 61, 63, 64, 80, 100, 120, 128, 160, 161, 200, 201, 255, 256)
MARKS = " -_./:@+~,'\"()[]{}<>#$%&*=|\\?!;^`0aZ\u00e9\u65e5"
SEEDS = ("a", "A", "1", "a-b", "ab", "A1", "abc-def", "A-1", "Ab c", "https://a.example/b", "git@a.example:b/c", "true")


class Step(NamedTuple):
    """From one state of the template to a later one."""

    before: State
    after: State


COMPATIBILITY: Rulebook[Step] = Rulebook()
rule = COMPATIBILITY.rule


def breaking(found: Iterable[Found]) -> list[Found]:
    """Give what breaks services among some findings."""
    return [one for one in found if COMPATIBILITY.rules[one.rule].severity == BREAKING]


@rule(
    "COMP001",
    "no question is taken away",
    why="Services lose an answer that they gave, and what hung on it changes under them.",
    fix="Keep the question; when all must have the same answer, say so in a release that breaks.",
)
def _no_question_removed(step: Step) -> Iterator[Place]:
    for name in _gone(step):
        if not _taken_over(name, step) and not _twin(name, step):
            yield COPIER, 0, f"{name} is no longer asked"


@rule(
    "COMP002",
    "a renamed question takes its answers over",
    why="Under its new name the question is a new one: every service silently gets its default.",
    fix="Give the new question a default of the form {{ OLD | default('VALUE') }}.",
)
def _renamed_with_answers(step: Step) -> Iterator[Place]:
    for name in _gone(step):
        twin = _twin(name, step)
        if twin and not _taken_over(name, step):
            yield COPIER, 0, f"{name} looks renamed to {twin}, whose default does not name it"


@rule(
    "COMP003",
    "no choice is taken away",
    why="An answer that is no longer offered silently becomes the default: files of the service go and come.",
    fix="Keep the value; its label may say that it is no longer recommended.",
)
def _no_choice_removed(step: Step) -> Iterator[Place]:
    for name, values in step.before.offered.items():
        new = next((one for one in step.after.asked if one == name or successor(one, *step) == name), None)
        offered = step.after.offered.get(new, ()) if new else ()
        if new and offered:
            for value in values:
                if value not in offered:
                    yield COPIER, 0, f"{new} no longer offers {value}; services that took it get {offered[0]}"


@rule(
    "COMP004",
    "no rule gets tighter",
    why="An answer that was accepted and is refused now stops every update of the services that gave it.",
    fix="Accept what was accepted before; tell people of a better answer in the help.",
)
def _no_rule_tightened(step: Step) -> Iterator[Place]:
    for name, old, new in _both(step):
        if old.get("type") != new.get("type"):
            yield COPIER, 0, f"{name} has type {new.get('type')}; it was {old.get('type')}"
        elif not old.get("choices") and new.get("choices"):
            yield COPIER, 0, f"{name} offers choices; any answer was accepted"
        elif bool(new.get("multiselect")) != bool(old.get("multiselect")):
            yield COPIER, 0, f"{name} takes {'several answers' if new.get('multiselect') else 'one answer'} now"
        elif (refused := _refused(name, old, new)) is not None:
            yield COPIER, 0, f"{name} refuses {refused!r}, which was accepted"


@rule(
    "COMP005",
    "a rule that changes accepts what it accepted",
    why="No probe was refused that had been accepted, but probes are no proof.",
    fix="Compare both rules yourself.",
    severity=NOTE,
)
def _rule_changed(step: Step) -> Iterator[Place]:
    for name, old, new in _both(step):
        same_kind = old.get("type") == new.get("type") and bool(old.get("choices")) == bool(new.get("choices"))
        if same_kind and old.get("validator") != new.get("validator") and _refused(name, old, new) is None:
            yield (
                COPIER,
                0,
                f"the rule of {name} changed; {len(_probes(name, _default(old)))} probes found it no tighter",
            )


@rule(
    "COMP006",
    "a default stays",
    why="Services keep the answer that they recorded; new ones, and examples in documents, get the new one.",
    fix="Say in the changelog why the new default is better.",
    severity=NOTE,
)
def _default_changed(step: Step) -> Iterator[Place]:
    for name, old, new in _both(step):
        if old.get("default") != new.get("default"):
            yield COPIER, 0, f"{name} has the default {_default(new)!r}; it was {_default(old)!r}"


@rule(
    "COMP007",
    "a new question is answered by its default",
    why="An update asks nobody: every service gets the default.",
    fix="Choose the default that changes least.",
    severity=NOTE,
)
def _question_added(step: Step) -> Iterator[Place]:
    for name, question in step.after.asked.items():
        if name not in step.before.asked:
            old = successor(name, *step)
            told = f"takes the answer of {old} over" if old else f"is answered by {_default(question)!r}"
            yield COPIER, 0, f"{name} is new and {told}"


@rule(
    "COMP008",
    "no file moves",
    why="What a team changed stays in a file at the old place, and the new one comes without it.",
    fix="Leave it where it is; or let the old file stay and point to the new one.",
)
def _nothing_moved(step: Step) -> Iterator[Place]:
    for path, combinations in _lost(step).items():
        if place := _moved(path, step):
            yield path, 0, f"is now {place}{_where(combinations, step)}"


@rule(
    "COMP009",
    "no file disappears",
    why="What a team calls, includes or changed is gone after the update.",
    fix="Let it stay, empty if need be, until a release that breaks.",
)
def _nothing_removed(step: Step) -> Iterator[Place]:
    for path, combinations in _lost(step).items():
        if not _moved(path, step):
            yield path, 0, f"is no longer generated{_where(combinations, step)}"


@rule(
    "COMP010",
    "what the service owns stays its own",
    why="The next update would merge the template's text into a file that the team was told is theirs.",
    fix="Leave the entry in _exclude; put what the template must own into a file of its own.",
)
def _stays_owned(step: Step) -> Iterator[Place]:
    yield from _changed_hands(step.before.owned, step.after.owned, step, "was the service's, and is the template's now")


@rule(
    "COMP011",
    "what the template owns stays its own",
    why="Services that exist get no more changes to it, and must follow by hand.",
    fix="Say so in the changelog.",
    severity=NOTE,
)
def _stays_the_templates(step: Step) -> Iterator[Place]:
    yield from _changed_hands(step.after.owned, step.before.owned, step, "was the template's, and is the service's now")


@rule(
    "COMP012",
    "trust is not needed",
    why="From this release on every update stops without --trust, and the bots of a fleet do not give it.",
    fix="Do it without; docs/reference/portability.md, PORT002.",
)
def _no_trust_needed(step: Step) -> Iterator[Place]:
    for key in TRUSTED:
        if key in step.after.data and key not in step.before.data:
            yield COPIER, 0, f"{key} is new"


@rule(
    "COMP013",
    "no newer Copier is needed",
    why="Whoever has the older one cannot update: people, bots and the images of pipelines.",
    fix="Stay at the older one, or say in the changelog what must be upgraded first.",
)
def _same_copier(step: Step) -> Iterator[Place]:
    key = "_min_copier_version"
    old, new = str(step.before.data.get(key, "0")), str(step.after.data.get(key, "0"))
    if _numbers(new) > _numbers(old):
        yield COPIER, 0, f"{key} is {new}; it was {old}"


@rule(
    "COMP014",
    "services find their template again",
    why="An update looks for the answers where the new release says, and finds none.",
    fix=f"Leave _answers_file at {ANSWERS_FILE}.",
)
def _same_answers_file(step: Step) -> Iterator[Place]:
    key = "_answers_file"
    old, new = (str(state.data.get(key, ANSWERS_FILE)) for state in step)
    if old != new:
        yield COPIER, 0, f"{key} is {new}; it was {old}"


def _gone(step: Step) -> list[str]:
    return [name for name in step.before.asked if name not in step.after.asked]


def _both(step: Step) -> list[tuple[str, Mapping[str, Any], Mapping[str, Any]]]:
    return [(name, old, step.after.asked[name]) for name, old in step.before.asked.items() if name in step.after.asked]


def _taken_over(name: str, step: Step) -> bool:
    return any(successor(new, *step) == name for new in step.after.asked)


def _twin(name: str, step: Step) -> str | None:
    """Give a new question that is like one that went: the same choices, the same help, or the same rule."""
    old = step.before.asked[name]
    for new, question in step.after.asked.items():
        if new in step.before.asked:
            continue
        free = not old.get("choices") and not question.get("choices")
        rules = [re.sub(rf"\b{one}\b", "", str(of.get("validator", ""))) for one, of in ((name, old), (new, question))]
        same_words = old.get("help") == question.get("help") or (rules[0] and rules[0] == rules[1])
        same_choices = name in step.before.offered and _set(step.before, name) == _set(step.after, new)
        if same_choices or (free and same_words):
            return new
    return None


def _set(state: State, name: str) -> frozenset[str]:
    return frozenset(state.offered.get(name, ()))


def _default(question: Mapping[str, Any]) -> str:
    return " ".join(str(question.get("default", "")).split())


def _lost(step: Step) -> dict[str, list[Answers]]:
    """Give each path of the template's that some service loses, with the combinations that lose it."""
    lost: dict[str, list[Answers]] = {}
    for answers in step.before.combinations:
        now = step.after.places(carried(answers, *step))
        for path in step.before.places(answers):
            if path not in now and not is_owned(path, step.before.owned) and not is_owned(path, step.after.owned):
                lost.setdefault(path, []).append(answers)
    return lost


def _moved(path: str, step: Step) -> str | None:
    """Give the new path whose text is most like that of a path that went, if it is like it at all."""
    text = _lines(step.before, path)
    old = {place for answers in step.before.combinations for place in step.before.places(answers)}
    new = {place for answers in step.after.combinations for place in step.after.places(answers)} - old
    ranked = sorted((SequenceMatcher(None, text, _lines(step.after, one)).ratio(), one) for one in new)
    return ranked[-1][1] if ranked and ranked[-1][0] >= MOVED else None


def _lines(state: State, place: str) -> list[bytes]:
    sources = next(places[place] for answers in state.combinations if place in (places := state.places(answers)))
    return state.files[sources[0]].data.splitlines()


def _where(combinations: list[Answers], step: Step) -> str:
    told = described(combinations, step.before.offered)
    return "" if told == "every service" else f" where {told}"


def _changed_hands(old: Iterable[str], new: tuple[str, ...], step: Step, said: str) -> Iterator[Place]:
    here = {place for answers in step.before.combinations for place in step.before.places(answers)}
    here &= {place for answers in step.after.combinations for place in step.after.places(answers)}
    for entry in old:
        files = [path for path in here if is_owned(path, [entry]) and not is_owned(path, new)]
        if files:
            yield entry, 0, f"{said}{f' ({len(files)} files)' if files != [entry] else ''}"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)))


def _refused(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> str | None:
    """Give an answer that the old rule of a free question accepts and the new one refuses, if a probe finds one."""
    if old.get("validator") == new.get("validator") or old.get("choices"):
        return None
    accepted = (probe for probe in _probes(name, _default(old)) if _accepts(name, str(old.get("validator", "")), probe))
    return next((probe for probe in accepted if not _accepts(name, str(new.get("validator", "")), probe)), None)


def _accepts(name: str, validator: str, answer: str) -> bool:
    """Tell whether a validator lets an answer pass; one that cannot be run lets nothing pass."""
    try:
        return not _compiled(validator).render({name: answer}).strip()
    except (TemplateError, TypeError, ValueError, re.error):
        return False


@cache
def _compiled(validator: str) -> Any:
    environment = Environment(autoescape=True)
    environment.filters["regex_search"] = lambda text, pattern: bool(re.search(pattern, str(text)))
    return environment.from_string(validator)


@cache
def _probes(name: str, default: str) -> tuple[str, ...]:
    """Give answers of many lengths and characters, around the default, the example of the rule, and common forms."""
    from slipway.answers import RULES  # noqa: PLC0415

    seeds = [
        seed for seed in (default, RULES[name].example if name in RULES else "", *SEEDS) if seed and "{" not in seed
    ]
    found = [*seeds, ""]
    for seed in seeds:
        found += [(seed * 256)[:length] for length in LENGTHS]
        found += [seed[:place] + mark + seed[place:] for mark in MARKS for place in (0, len(seed) // 2, len(seed))]
        found += [f"{seed}{joint}{other}" for joint, other in itertools.product(("-", ".", "/", " ", ""), seeds)]
    return tuple(dict.fromkeys(found))
