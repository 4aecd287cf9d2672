"""The portability rules: what keeps one tree working in both engines, and its updates quiet."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.meta import find_undeclared_variables

from slipway.lineage import ANSWERS_FILE, HEADER
from slipway.template.questions import SETTINGS, TODAY, QuestionError, Questions, own_default
from slipway.template.rules import Place, Rulebook
from slipway.template.state import ANSWERS_NAME, CHOICE, COOKIECUTTER, COPIER, State, described, tree_name
from slipway.update.files import LINK, MODULE, SCRIPT

PORTABILITY: Rulebook[State] = Rulebook()
rule = PORTABILITY.rule

OLDEST_COPIER = (9, 19, 0)
TRUSTED = ("_tasks", "_migrations", "_jinja_extensions", "_external_data")
ONE_ENGINE = {"_extensions": "an extension", "_copy_without_render": "a list of files that are not rendered"}
ENVOPS = {"undefined": "jinja2.StrictUndefined", **SETTINGS["_jinja2_env_vars"]}
OWNED = re.compile(r"\{% if _copier_operation == 'update' %\}/(?P<path>[\w./-]*[\w-])\{% endif %\}")
ANSWERS_TEXT = (
    f"{HEADER}{{% if _copier_answers is defined %}}\n{{{{ _copier_answers | to_nice_yaml -}}}}\n{{% endif %}}\n"
)
NEVER_CLEANED = frozenset({"RCS", "CVS", "tags", ".git", ".hg", ".bzr", "_darcs", "__pycache__"})
ILLEGAL = re.compile(r'[<>:"|?*\\\x00-\x1f]')
DEVICES = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?", re.IGNORECASE)
EXPRESSION = re.compile(r"\{\{.*?\}\}")
SETTLED = re.compile(r"\.(?:lift|drop)\.")
UNSTABLE = frozenset({"random", "shuffle", "lipsum", "now", "uuid4", "random_ascii_string", "strftime"})
ENVIRONMENT = Environment(autoescape=True, **SETTINGS["_jinja2_env_vars"])
FILTERS = frozenset(Environment(autoescape=True).filters) | UNSTABLE
TESTS = frozenset(Environment(autoescape=True).tests)
NAMES = frozenset({"cookiecutter", "range", "dict", "namespace", "joiner", "cycler", "loop"}) | UNSTABLE
WITH_JINJA = re.compile(rb"\{\{ ?cookiecutter|\{%")
MOST_JINJA = 0.02


@rule(
    "PORT001",
    "both engines ask the same questions",
    why="A question that only one engine knows gives services that differ, and an update that fails.",
    fix="Change copier.yml alone, then run `make questions`; what the message says of a question must be mended first.",
)
def _same_questions(state: State) -> Iterator[Place]:
    with tempfile.TemporaryDirectory() as scratch:
        copier = Path(scratch, COPIER)
        copier.write_text(state.copier, encoding="utf-8")
        try:
            wanted = Questions.read(copier).cookiecutter_json()
        except QuestionError as error:
            yield COPIER, 0, str(error).removeprefix(f"{COPIER}: ")
            return
    if state.cookiecutter != wanted:
        yield COOKIECUTTER, 0, "is not what `make questions` writes from copier.yml"


@rule(
    "PORT002",
    "nothing asks for trust",
    why="A task, a migration, an extension or outside data stops every update without --trust, in later releases too.",
    fix="Do it with a question and a choice folder; what must run once goes into the release notes.",
)
def _no_trust(state: State) -> Iterator[Place]:
    for key in TRUSTED:
        if key in state.data:
            yield COPIER, _line(state.copier, key), f"{key} needs --trust at every copy and update"


@rule(
    "PORT003",
    "nothing is set that only one engine has",
    why="What one engine is told and the other cannot know makes their services differ.",
    fix="Take it out; a file that must not be rendered is escaped where it is needed.",
)
def _no_private_setting(state: State) -> Iterator[Place]:
    for key, what in ONE_ENGINE.items():
        if re.search(rf'^\s*"{key}"', state.cookiecutter, re.MULTILINE):
            yield COOKIECUTTER, _line(state.cookiecutter, f'  "{key}"'), f"{key} is {what}, which Copier does not know"
    for name in state.hooks:
        if name.startswith("pre_prompt"):
            yield (
                f"hooks/{name}",
                0,
                "a pre_prompt hook copies the whole repository, and leaves the copy when a hook fails",
            )


@rule(
    "PORT004",
    "both engines render with the same settings",
    why="Other block trimming, line ends or names of templates change every file of a service.",
    fix="Set it as the message says; slipway/template/questions.py holds what cookiecutter.json gets.",
)
def _same_settings(state: State) -> Iterator[Place]:
    wanted = {"_envops": ENVOPS, "_templates_suffix": "", "_answers_file": ANSWERS_FILE}
    for key, value in wanted.items():
        if state.data.get(key) != value:
            yield COPIER, _line(state.copier, key), f"{key} is {state.data.get(key)!r}; it must be {value!r}"


@rule(
    "PORT005",
    "Copier is new enough",
    why="Below 9.19.0 a template can read and write outside its folder (five advisories of 2026).",
    fix='Write _min_copier_version: "9.19.0", or a later one.',
)
def _new_copier(state: State) -> Iterator[Place]:
    least = str(state.data.get("_min_copier_version", ""))
    if tuple(map(int, re.findall(r"\d+", least)[:3])) < OLDEST_COPIER:
        yield COPIER, _line(state.copier, "_min_copier_version"), f"_min_copier_version is {least or 'missing'}"


@rule(
    "PORT006",
    "what the service owns depends on the operation alone",
    why="An update renders the old version with the new list: an entry that names an answer stops it.",
    fix="Write {% if _copier_operation == 'update' %}/PATH{% endif %}, with a path without wildcard.",
)
def _plain_exclude(state: State) -> Iterator[Place]:
    for entry in state.data.get("_exclude") or ():
        if not OWNED.fullmatch(str(entry)):
            yield COPIER, _line(state.copier, str(entry)), f"_exclude has {entry!r}"


@rule(
    "PORT007",
    "what the service owns is in the tree",
    why="An entry without a file protects nothing: the file has another name, or is the template's after all.",
    fix="Correct the path in _exclude, or take the entry out.",
)
def _owned_is_there(state: State) -> Iterator[Place]:
    generated = {place for answers in state.combinations for place in state.places(answers)}
    for path in state.owned:
        if not any(place == path or place.startswith(f"{path}/") for place in generated):
            yield COPIER, _line(state.copier, f"/{path}{{"), f"no choice generates {path}"


@rule(
    "PORT008",
    "there is one tree",
    why="Cookiecutter renders the first folder with braces in its name that it finds.",
    fix="Keep one such folder at the top, and name it in _subdirectory of copier.yml, between raw and endraw.",
)
def _one_tree(state: State) -> Iterator[Place]:
    trees = [name for name in state.beside if "{{" in name]
    if len(trees) != 1 or trees != [tree_name(state.copier)]:
        yield (
            COPIER,
            _line(state.copier, "_subdirectory"),
            f"_subdirectory is {tree_name(state.copier)}; there is {trees}",
        )


@rule(
    "PORT009",
    "the answers file is written alike",
    why="Without it no update finds the template; with another text each update changes it.",
    fix=f"Keep {ANSWERS_NAME} at the top of the tree, with the text of slipway/template/portability.py.",
)
def _answers_file(state: State) -> Iterator[Place]:
    file = state.files.get(ANSWERS_NAME)
    if file is None:
        yield ANSWERS_NAME, 0, "is missing"
    elif file.data.decode("utf-8", "replace") != ANSWERS_TEXT:
        yield ANSWERS_NAME, 0, f"its text must be {ANSWERS_TEXT!r}"


@rule(
    "PORT010",
    "there are no links and no submodules",
    why="Of a link Cookiecutter makes a file or an empty folder, and Copier a copy.",
    fix="Put a plain file there.",
)
def _no_links(state: State) -> Iterator[Place]:
    for path, file in state.files.items():
        if file.mode in (LINK, MODULE):
            yield path, 0, "is a symbolic link" if file.mode == LINK else "is a submodule"


@rule(
    "PORT011",
    "no file is hidden by an ignore file",
    why="The service's own .gitignore is live in the template: what it matches never becomes part of the template.",
    fix="Narrow the entry, or name the file otherwise.",
)
def _nothing_hidden(state: State) -> Iterator[Place]:
    for path in state.hidden:
        yield path, 0, "is ignored by git, and so no part of the template"


@rule(
    "PORT012",
    "every file is text in UTF-8, with LF at line ends",
    why="Cookiecutter stops at other encodings and keeps CR LF, Copier does neither; and a binary cannot be merged.",
    fix="Save it as UTF-8 without byte order mark and with LF; what is binary is fetched or built by the service.",
)
def _plain_text(state: State) -> Iterator[Place]:
    for path, file in state.files.items():
        if file.mode in (LINK, MODULE):
            continue
        try:
            file.data.decode("utf-8")
        except UnicodeDecodeError as error:
            yield path, file.data.count(b"\n", 0, error.start) + 1, f"byte 0x{file.data[error.start]:02x} is not UTF-8"
            continue
        if b"\r" in file.data:
            yield path, file.data.count(b"\n", 0, file.data.index(b"\r")) + 1, "has a carriage return"
        if file.data.startswith(b"\xef\xbb\xbf"):
            yield path, 1, "begins with a byte order mark"


@rule(
    "PORT013",
    "both engines take every file for text",
    why="Cookiecutter goes by the name too: a text called .bin, .com, .step or .mat is copied with its Jinja in it.",
    fix="Give it another name; take zero bytes out.",
)
def _taken_for_text(state: State) -> Iterator[Place]:
    from binaryornot.check import is_binary  # noqa: PLC0415  -- comes with Cookiecutter

    with tempfile.TemporaryDirectory() as scratch:
        for number, (path, file) in enumerate(state.files.items()):
            name = Path(path).name
            if file.mode in (LINK, MODULE) or not file.data:
                continue
            place = Path(scratch, str(number), EXPRESSION.sub("x", name))
            place.parent.mkdir()
            place.write_bytes(file.data[:8192])
            if b"\0" in file.data or is_binary(str(place)):
                yield path, 0, "Cookiecutter takes it for binary and does not render it"


@rule(
    "PORT014",
    "every name can be checked out on every system",
    why="A clone with such a name fails on Windows, and two names that differ in case are one file there and on macOS.",
    fix="Choose a name of letters, digits, dots, dashes and underscores.",
)
def _legal_names(state: State) -> Iterator[Place]:
    seen: dict[str, str] = {}
    for path in state.files:
        for part in EXPRESSION.sub("x", path).split("/"):
            if ILLEGAL.search(part) or DEVICES.fullmatch(part) or part[-1] in ". ":
                yield path, 0, f"'{part}' is no name on Windows"
        other = seen.setdefault(path.casefold(), path)
        if other != path:
            yield path, 0, f"differs from {other} only in case"


@rule(
    "PORT015",
    "Copier can remove every file again",
    why="Below a folder of such a name Copier overlooks what a release removes: services keep dead files.",
    fix=f"Choose another name than {', '.join(sorted(NEVER_CLEANED))}.",
)
def _removable(state: State) -> Iterator[Place]:
    for path in state.files:
        for part in sorted(NEVER_CLEANED & set(path.split("/")[:-1])):
            yield path, 0, f"lies below a folder called {part}"


@rule(
    "PORT016",
    "a condition on a path is a choice folder",
    why="Cookiecutter fails at a folder whose name is empty, or spills its files outside the project.",
    fix="Name a whole folder {{cookiecutter.__NAME}}, after a derived answer that is '.' or ''.",
)
def _choice_folders(state: State) -> Iterator[Place]:
    for path in state.files:
        *folders, name = path.split("/")
        if "{%" in path:
            yield path, 0, "has a statement in its name"
        if SETTLED.search(path):
            yield path, 0, "has the name of a choice folder that was rendered already"
        for part in folders:
            choice = CHOICE.fullmatch(part)
            if choice and choice["name"] not in state.folders:
                yield (
                    path,
                    0,
                    f"{part} is no choice folder: copier.yml has no derived answer {choice['name']} of that form",
                )
        partly = [*(part for part in folders if not CHOICE.fullmatch(part)), name]
        for choice in CHOICE.finditer("/".join(partly)):
            if choice["name"] in state.folders:
                yield path, 0, f"{choice[0]} must be the whole name of a folder"


@rule(
    "PORT017",
    "no two chosen folders hold the same file",
    why="One of the two would win, and not the same one in both engines; Slipway's hook refuses it.",
    fix="Let the conditions of the folders exclude each other, or merge the two files.",
)
def _one_source(state: State) -> Iterator[Place]:
    twice: dict[tuple[str, ...], list[dict[str, str]]] = {}
    for answers in state.combinations:
        for rivals in state.places(answers).values():
            if len(rivals) > 1:
                twice.setdefault(tuple(rivals), []).append(answers)
    for sources, combinations in twice.items():
        yield sources[0], 0, f"is also {', '.join(sources[1:])} where {described(combinations, state.offered)}"


@rule(
    "PORT018",
    "Jinja in the tree is plain Jinja",
    why="A tag, filter, test or partial that one engine has is an error in the other; neither finds a partial like it.",
    fix="Use Jinja's own; text meant for another language goes between raw and endraw.",
)
def _plain_jinja(state: State) -> Iterator[Place]:
    for path, source in _sources(state):
        try:
            parsed = ENVIRONMENT.parse(source)
        except TemplateSyntaxError as error:
            yield path, error.lineno, f"Jinja cannot read it: {error.message}"
            continue
        for taken in parsed.find_all((nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)):
            yield path, taken.lineno, "takes in another file, which the engines look for in different places"
        for used in parsed.find_all(nodes.Filter):
            if used.name not in FILTERS:
                yield path, used.lineno, f"filter '{used.name}' is not Jinja's own"
        for test in parsed.find_all(nodes.Test):
            if test.name not in TESTS:
                yield path, test.lineno, f"test '{test.name}' is not Jinja's own"


@rule(
    "PORT019",
    "the tree uses names that both engines know",
    why="Both render strictly: one unknown name stops the generation, in one engine or in both.",
    fix="Use cookiecutter.NAME, of a question or a derived answer that the hidden answer `cookiecutter` carries.",
)
def _known_names(state: State) -> Iterator[Place]:
    for path, source in _sources(state):
        parsed = _parsed(source)
        for line, name in _asked_for(parsed):
            if name not in state.bridge:
                yield path, line, f"cookiecutter.{name or '[...]'} is not among the names that copier.yml carries"
        free = _free(parsed) - NAMES - (state.questions.keys() if path == COPIER else set())
        for unknown in sorted(free):
            first = next((one.lineno for one in parsed.find_all(nodes.Name) if one.name == unknown), 0)
            yield path, first, f"'{unknown}' is unknown to one of the engines"


@rule(
    "PORT020",
    "nothing differs from one rendering to the next",
    why="An update renders the old version again: what differs then is a change that nobody made, at every update.",
    fix="Make it a question: its answer is recorded.",
)
def _stable(state: State) -> Iterator[Place]:
    for path, source in _sources(state):
        parsed = _parsed(source)
        used: list[nodes.Filter | nodes.Name] = [*parsed.find_all(nodes.Filter), *parsed.find_all(nodes.Name)]
        for node in used:
            if node.name in UNSTABLE:
                yield path, node.lineno, f"'{node.name}' gives another value each time"


@rule(
    "PORT021",
    "nothing is lost as a comment of Jinja",
    why="What another language writes between a brace with a hash and its mirror is gone without a word.",
    fix="Put it between raw and endraw, or write it otherwise.",
)
def _no_comments(state: State) -> Iterator[Place]:
    for path, source in _sources(state):
        try:
            tokens = list(ENVIRONMENT.lex(source))
        except TemplateSyntaxError:
            continue
        for line, kind, _ in tokens:
            if kind == "comment_begin":
                yield path, line, "a comment of Jinja begins here"


@rule(
    "PORT022",
    "what can be executed says how, and the other way round",
    why="A script without its bit does not start; the bit on anything else is a change at the next checkout.",
    fix="chmod +x what begins with #!, and chmod -x the rest.",
)
def _executable(state: State) -> Iterator[Place]:
    for path, file in state.files.items():
        begins = file.data.startswith(b"#!")
        if file.mode not in (LINK, MODULE) and begins != (file.mode == SCRIPT):
            yield path, 1, "begins with #! and is not executable" if begins else "is executable and has no #! line"


@rule(
    "PORT023",
    "less than 2 % of the lines hold Jinja",
    why="A tree full of conditions is read, linted and tested by nobody but its renderer.",
    fix="Move conditions to choice folders.",
)
def _little_jinja(state: State) -> Iterator[Place]:
    lines = [line for file in state.files.values() for line in file.data.splitlines()]
    count = sum(1 for line in lines if WITH_JINJA.search(line))
    if lines and count / len(lines) >= MOST_JINJA:
        yield ".", 0, f"{count} of {len(lines)} lines: {count / len(lines):.1%}"


def _sources(state: State) -> Iterator[tuple[str, str]]:
    """Give every template that both engines render: contents, names, and defaults of questions."""
    for path, file in state.files.items():
        if path == ANSWERS_NAME:
            continue
        if "{" in path:
            yield path, path
        if file.mode not in (LINK, MODULE):
            yield path, file.data.decode("utf-8", "replace")
    for question in state.questions.values():
        default = own_default(question, state.questions)
        if isinstance(default, str) and default != TODAY["copier"]:
            yield COPIER, default


def _parsed(source: str) -> nodes.Template:
    """Parse a template; one that cannot be parsed, which PORT018 tells, is as good as empty."""
    try:
        return ENVIRONMENT.parse(source)
    except TemplateSyntaxError:
        return ENVIRONMENT.parse("")


def _free(parsed: nodes.Template) -> set[str]:
    """Give the names that a template takes from outside; none when a filter is unknown, which PORT018 tells."""
    known = all(node.name in FILTERS - UNSTABLE for node in parsed.find_all(nodes.Filter))
    known = known and all(node.name in TESTS for node in parsed.find_all(nodes.Test))
    return find_undeclared_variables(parsed) if known else set()


def _asked_for(parsed: nodes.Template) -> Iterator[tuple[int, str]]:
    """Give what a template asks `cookiecutter` for, each with its line; nothing for a name that is worked out."""
    for attribute in parsed.find_all(nodes.Getattr):
        if isinstance(attribute.node, nodes.Name) and attribute.node.name == "cookiecutter":
            yield attribute.lineno, attribute.attr
    for item in parsed.find_all(nodes.Getitem):
        if isinstance(item.node, nodes.Name) and item.node.name == "cookiecutter":
            yield item.lineno, str(item.arg.value) if isinstance(item.arg, nodes.Const) else ""


def _line(text: str, begin: str) -> int:
    """Give the line on which a text stands, or 0."""
    found = text.find(begin)
    return text.count("\n", 0, found) + 1 if found >= 0 else 0
