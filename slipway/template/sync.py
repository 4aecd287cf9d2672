"""Everything in the template repository that is written from another file, in one place."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from slipway.contract import REGISTRY, load
from slipway.ownership import is_owned, service_owned
from slipway.template.compatibility import COMPATIBILITY
from slipway.template.portability import PORTABILITY
from slipway.template.questions import Questions, stale_validators
from slipway.template.signals import signals

GENERATED = "<!-- Written by `make questions`; edit the source that the page names instead. -->\n\n"
PORTABILITY_HEAD = (
    f"# Portability rules\n\n{GENERATED}The source is `slipway/template/portability.py`. `slipway template lint` holds "
    "the tree against\nthem: both engines render it alike, and updates stay quiet. `make lint` runs it.\n"
)
COMPATIBILITY_HEAD = (
    f"# Compatibility rules\n\n{GENERATED}The source is `slipway/template/compatibility.py`. "
    "`slipway template compatibility` holds the working\ntree against the last release. What breaks services needs a "
    "commit that announces it, and raises the major version (the\nminor one before 1.0); a note stops nothing.\n"
)
TREE = "{{cookiecutter.project_slug}}"
RENOVATE = f"{TREE}/renovate.json"
MODULES = f"{TREE}/{{{{cookiecutter.__go}}}}/mk/modules.txt"
MODULES_HEAD = (
    "# What the template's own code needs at least. `make deps` raises go.mod and tools/go.mod to it.\n",
    "# The template's owners write this file from the go.mod of the template: make questions.\n",
)
RENOVATE_RULE = "The template moves these with its own releases"
DIGESTS = frozenset({"Dockerfile"})  # rules of their own let services move the digests in these


def stale(root: Path) -> dict[str, str]:
    """Give each derived file that is out of date, with the text that it must have."""
    questions = Questions.read(root / "copier.yml")
    copier = (root / "copier.yml").read_text(encoding="utf-8")
    for name, text in stale_validators(questions).items():
        begun = copier.index(f"\n{name}:\n")
        head, marker, tail = copier[begun:].partition("  validator: |-\n    ")
        copier = copier[:begun] + head + marker + text + tail[tail.index("\n") :]
    owned = service_owned(copier)
    wanted = {
        "copier.yml": copier,
        "cookiecutter.json": questions.cookiecutter_json(),
        "docs/reference/questions.md": questions_page(questions),
        "docs/reference/checks.md": checks_page(),
        "docs/reference/ownership.md": ownership_page(owned),
        "docs/reference/portability.md": PORTABILITY.page(PORTABILITY_HEAD),
        "docs/reference/compatibility.md": COMPATIBILITY.page(COMPATIBILITY_HEAD),
        RENOVATE: renovate_json((root / RENOVATE).read_text(encoding="utf-8"), template_owned(root, owned)),
    }
    wanted[MODULES] = modules_txt(root / TREE)
    wanted |= signals(root / TREE, TREE)
    return {path: text for path, text in wanted.items() if not _holds(root / path, text)}


def template_owned(root: Path, owned: Sequence[str]) -> list[str]:
    """Give patterns of what the template owns in a service: whole folders where nothing below is the service's."""
    files = set()
    for folder, _, names in os.walk(root / TREE):
        parts = [part for part in Path(folder).relative_to(root / TREE).parts if not part.startswith("{{")]
        files |= {"/".join([*parts, name]) for name in names if not name.startswith("{{")}
    return sorted(set(_patterns(files, owned, "")))


def renovate_json(text: str, patterns: Sequence[str]) -> str:
    """Write the patterns into the rule of Renovate's configuration that leaves the template's files to the template."""
    data = json.loads(text)
    rule = next(rule for rule in data["packageRules"] if rule["description"] == RENOVATE_RULE)
    wanted = [pattern for pattern in patterns if pattern not in DIGESTS]
    if rule["matchFileNames"] == wanted:
        return text
    rule["matchFileNames"] = wanted
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def modules_txt(tree: Path) -> str:
    """Write what the template's Go code needs at least: the direct requirements of each go.mod, and the tools."""
    least: dict[tuple[str, str], str] = {}
    for path in sorted(tree.rglob("go.mod")):
        text = path.read_text(encoding="utf-8")
        file = "tools/go.mod" if path.parent.name == "tools" else "go.mod"
        versions = dict(re.findall(r"^(?:require )?\t?(\S+) (v?\d\S*)(?: // indirect)?$", text, re.MULTILINE))
        direct = dict(re.findall(r"^(?:require )?\t?(\S+) (v?\d\S*)$", text, re.MULTILINE))
        least |= {(file, module): version for module, version in direct.items()}
        for tool in re.findall(r"^(?:tool )?\t?([\w.-]+/\S+)$", text, re.MULTILINE):
            least[file, tool] = versions[next(module for module in versions if f"{tool}/".startswith(f"{module}/"))]
    lines = [f"{file} {module} {version}\n" for (file, module), version in sorted(least.items())]
    return "".join([*MODULES_HEAD, *lines])


def _patterns(files: set[str], owned: Sequence[str], below: str) -> Iterator[str]:
    for path in files:
        name, slash, _ = path.removeprefix(below).partition("/")
        place = below + name
        if is_owned(place, owned):
            continue
        if not slash:
            yield place
        elif any(one.startswith(f"{place}/") for one in owned):
            yield from _patterns({other for other in files if other.startswith(f"{place}/")}, owned, f"{place}/")
        else:
            yield f"{place}/**"


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


def ownership_page(owned: Sequence[str]) -> str:
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
