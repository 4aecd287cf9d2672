"""Answers proposed from what a repository tells, each with the reason and checked by its rule."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import yaml

from slipway.adopt import AdoptError, UsageError
from slipway.adopt.survey import LEAST_TICKETS, READ_COMMITS, Fact, Survey
from slipway.answers import RULES
from slipway.report import shown

Asked = Mapping[str, tuple[str, ...]]
ABSENT = frozenset({"datastore", "broker"})
LONGEST_DESCRIPTION = 160
LONGEST_SLUG = 40


class Proposal(NamedTuple):
    """An answer and where it comes from.

    Attributes:
        question: name of the question.
        answer: what is proposed; `None` leaves it to the template's default.
        reason: why, for a person.
    """

    question: str
    answer: str | None
    reason: str


def read_asked(copier_yml: str, where: str) -> dict[str, tuple[str, ...]]:
    """Give the questions of a template, each with the values it offers: none for a free answer.

    Raises:
        AdoptError: the text is no Slipway template's.
    """
    try:
        data = yaml.safe_load(copier_yml)
    except yaml.YAMLError as error:
        message = f"{where}: copier.yml cannot be read: {' '.join(str(error).split())}"
        raise AdoptError(message) from error
    asked: dict[str, tuple[str, ...]] = {}
    for name, question in (data if isinstance(data, dict) else {}).items():
        if not name.startswith("_") and isinstance(question, dict) and question.get("when") is not False:
            choices = question.get("choices") or {}
            values = choices.values() if isinstance(choices, dict) else choices
            asked[name] = tuple(str(value) for value in values)
    if not {"project_name", "project_slug"} <= set(asked):
        message = f"{where} is no Slipway template: it does not ask for project_name and project_slug"
        raise AdoptError(message)
    return asked


def checked(given: Mapping[str, str], asked: Asked) -> dict[str, str]:
    """Check the answers that a person typed.

    Raises:
        UsageError: there is no such question, or the answer breaks its rule.
    """
    for question, answer in given.items():
        if question not in asked:
            message = f"-d {shown(question)}: the template asks for {', '.join(asked)}"
            raise UsageError(message)
        if why := broken(question, answer, asked):
            message = f"-d {question}={shown(answer)}: it is not {why}"
            raise UsageError(message)
    return dict(given)


def broken(question: str, answer: str, asked: Asked) -> str:
    """Give the rule that an answer breaks, or nothing when it keeps it."""
    if offered := asked.get(question):
        return "" if answer in offered else f"one of {', '.join(offered)}"
    rule = RULES.get(question)
    return "" if rule is None or rule.accepts(answer) else rule.sentence


def propose(
    found: Survey, asked: Asked, given: Mapping[str, str], recorded: Mapping[str, Fact], folder: Path
) -> list[Proposal]:
    """Propose an answer to each question, in the order of the questions.

    Args:
        found: what the repository tells.
        asked: the questions of the template, with the values they offer.
        given: answers a person typed; they hold.
        recorded: answers that the repository has recorded, by question; they come next.
        folder: the folder of the repository, for its name.
    """
    offers = _offers(found, asked, given, folder)
    proposals = []
    for question in asked:
        if question in given:
            proposals.append(Proposal(question, given[question], "given with -d"))
            continue
        facts, none = offers.get(question, ([], "nothing in the repository tells"))
        if question in recorded:
            facts = [recorded[question], *facts]
        proposals.append(_first_kept(question, facts, none, asked))
    return proposals


def _first_kept(question: str, facts: list[Fact], none: str, asked: Asked) -> Proposal:
    refused = ""
    for fact in facts:
        if not broken(question, fact.value, asked):
            return Proposal(question, fact.value, refused + fact.source)
        what = f"offers no {shown(fact.value)}" if asked[question] else f"cannot take {shown(fact.value)[:40]!r}"
        refused = refused or f"the template {what} ({fact.source}); "
    if refused and question in ABSENT and "none" in asked[question]:
        return Proposal(question, "none", f"{refused}yours stays as it is")
    return Proposal(question, None, f"default; {refused.removesuffix('; ') or none}")


def _offers(found: Survey, asked: Asked, given: Mapping[str, str], folder: Path) -> dict[str, tuple[list[Fact], str]]:
    address, module = address_of(found), found.go_modules[0] if found.go_modules else None
    place = module_of(address.value).split("/") if address else []
    slugs = [*found.slugs]
    if len(place) > 1 and address and not found.inside:
        slugs.append(Fact(slug(place[-1]), address.source))
    slugs.append(Fact(slug(folder.name), "the name of the folder"))
    teams = [Fact(slug(fact.value), fact.source) for fact in found.teams]
    if len(place) > 2 and address:  # noqa: PLR2004  -- host, owner, name
        teams.append(Fact(slug(place[1]), address.source))
    fitting = (one.value for one in slugs if RULES["project_slug"].accepts(one.value))
    name = given.get("project_slug") or next(fitting, "")
    titles = [*found.titles, *([Fact(name.replace("-", " ").title(), "project_slug")] if name else [])]
    no_tickets = f"fewer than {LEAST_TICKETS} of the last {READ_COMMITS} commit messages name a ticket"
    return {
        "project_name": (titles, "the README has no title"),
        "project_slug": (slugs, "the folder's name makes none"),
        "description": (_fitting(found.descriptions), "the README has no sentence that would do"),
        "owner_team": (teams, "no CODEOWNERS, and the remote names no owner"),
        "repository_url": ([address] if address else [], "no remote, and no module path with a host"),
        "ticket_id": (found.tickets, no_tickets),
        "created_on": (found.days, "the first commit is unknown"),
        "language": (found.languages, "no file tells the language"),
        "datastore": (_or_none(found.datastores, module, "database driver"), "no go.mod to read drivers from"),
        "broker": (_or_none(found.brokers, module, "client of a broker"), "no go.mod to read clients from"),
        "ci": (_pipelines(found, asked), _no_pipeline(found)),
        "rollout": (found.rollouts, "no Rollout among the manifests"),
        "monitoring": (found.monitors, "no client and no annotation tells"),
    }


def slug(text: str) -> str:
    """Give a text as a slug: lower-case letters, digits and single dashes."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:LONGEST_SLUG].strip("-")


def module_of(address: str) -> str:
    """Give the Go module path that the template derives from a repository's address."""
    scheme, separator, rest = address.rpartition("://")
    rest = rest.split("@")[-1]
    host, _, path = rest.partition("/") if separator or scheme else rest.partition(":")
    return f"{host.split(':')[0]}/{path}".removesuffix(".git")


def address_of(found: Survey) -> Fact | None:
    """Give the address of the repository, if its remote or its module path tells one that the template takes."""
    if found.remote:
        address = re.sub(r"^http://", "https://", found.remote)
        if RULES["repository_url"].accepts(address):
            return Fact(address, "the remote origin")
    for fact in found.go_modules:
        address = f"https://{re.sub(r'/v[0-9]+$', '', fact.value)}"
        if RULES["repository_url"].accepts(address):
            return Fact(address, f"the module path in {fact.source}")
    return None


def _fitting(descriptions: list[Fact]) -> list[Fact]:
    short = []
    for fact in descriptions:
        text = fact.value
        if len(text) > LONGEST_DESCRIPTION:
            text = text[: LONGEST_DESCRIPTION + 1].rsplit(" ", 1)[0].rstrip(" ,;:")
        if RULES["description"].accepts(text):
            short.append(Fact(text, fact.source))
    return short


def _or_none(facts: list[Fact], module: Fact | None, what: str) -> list[Fact]:
    if facts or module is None:
        return facts
    return [Fact("none", f"no {what} in {module.source}")]


def _pipelines(found: Survey, asked: Asked) -> list[Fact]:
    there = {name.lower(): path for name, path in found.pipelines.items() if name.lower() in asked.get("ci", ())}
    if len(there) > 1:
        return [Fact("both", " and ".join(there.values()))]
    return [Fact(name, path) for name, path in there.items()]


def _no_pipeline(found: Survey) -> str:
    if not found.pipelines:
        return "no pipeline found"
    return f"the template has none for {', '.join(found.pipelines)}"
