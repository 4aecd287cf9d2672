"""Everything in the template repository that is written from another file, in one place."""

from __future__ import annotations

import re
from pathlib import Path

from slipway.contract import REGISTRY, load
from slipway.template.questions import Questions, load_yaml, stale_validators

GENERATED = "<!-- Written by `make questions`; edit the source that the page names instead. -->\n\n"
OWNED = re.compile(r"\{% if _copier_operation == 'update' %\}/(?P<path>.+)\{% endif %\}")


def stale(root: Path) -> dict[str, str]:
    """Give each derived file that is out of date, with the text that it must have."""
    questions = Questions.read(root / "copier.yml")
    copier = (root / "copier.yml").read_text(encoding="utf-8")
    for name, text in stale_validators(questions).items():
        begun = copier.index(f"\n{name}:\n")
        head, marker, tail = copier[begun:].partition("  validator: |-\n    ")
        copier = copier[:begun] + head + marker + text + tail[tail.index("\n") :]
    wanted = {
        "copier.yml": copier,
        "cookiecutter.json": questions.cookiecutter_json(),
        "docs/reference/questions.md": questions_page(questions),
        "docs/reference/checks.md": checks_page(),
        "docs/reference/ownership.md": ownership_page(service_owned(root)),
    }
    return {path: text for path, text in wanted.items() if not _holds(root / path, text)}


def service_owned(root: Path) -> list[str]:
    """Give the paths that are written once and never updated, from `_exclude` of copier.yml."""
    entries = [OWNED.fullmatch(entry) for entry in load_yaml(root / "copier.yml")["_exclude"]]
    return [entry["path"] for entry in entries if entry]


def questions_page(questions: Questions) -> str:
    """Write the reference of the questions."""
    parts = [
        "# Questions\n\n",
        GENERATED,
        "The source is `copier.yml`. Every question has a default; Enter takes it.\n",
    ]
    for name, question in questions.asked.items():
        parts += [f"\n## {name}\n\n", " ".join(question["help"].split()), "\n\n"]
        if "choices" in question:
            parts += ["| Choice | What it means |\n| --- | --- |\n"]
            parts += [f"| `{value}` | {label} |\n" for label, value in question["choices"].items()]
            parts += [f"\nDefault: `{question['default']}`.\n"]
        else:
            from slipway.answers import RULES  # noqa: PLC0415

            sentence = re.sub(r"(?:https|ssh)://\S+/path|git@host:path", r"`\g<0>`", RULES[name].sentence)
            parts += [f"Rule: {sentence}.\n\nExample: `{RULES[name].example}`\n"]
    return "".join(parts)


def checks_page() -> str:
    """Write the reference of the checks."""
    load()
    parts = ["# Checks\n\n", GENERATED, "The source is `slipway/contract`. `slipway check` runs all of them.\n"]
    for one in sorted(REGISTRY.values(), key=lambda one: one.id):
        parts += [f"\n## {one.id}: {one.title}\n\n", f"Why: {one.why}\n\n", f"Fix: {one.fix}\n"]
    return "".join(parts)


def ownership_page(owned: list[str]) -> str:
    """Write who owns which file."""
    parts = [
        "# Who owns a file\n\n",
        GENERATED,
        "The source is `_exclude` in `copier.yml`.\n\n## The service owns\n\n",
        "Written once, at birth. An update neither changes nor deletes nor brings back any of these.\n\n",
    ]
    parts += [f"- `{path}`\n" for path in owned]
    parts += [
        "\n## The template owns\n\nEverything else: an update merges the template's changes with your edits there.\n"
    ]
    return "".join(parts)


def _holds(path: Path, text: str) -> bool:
    try:
        return path.read_text(encoding="utf-8") == text
    except FileNotFoundError:
        return False
