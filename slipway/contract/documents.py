"""Pages for people: what they name exists, so that whoever follows one at night gets somewhere."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator

from slipway.contract.registry import check
from slipway.contract.repository import SKIPPED, Repository, resolve

PAGES = r"docs/(?:(?:security|dr|runbooks|how-to)/.*|README|architecture|first-week|on-call)\.md$"
GUIDES = "docs/how-to/"
FENCE = re.compile(r"^ *(```+|~~~+) *(\w*)")
SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
LINK = re.compile(r"(?<!!)\[[^\]\n]*\]\(([^()\s]+)\)")
PATH = re.compile(r"\.?[A-Za-z0-9_*][A-Za-z0-9_.*{},-]*(?:/[A-Za-z0-9_.*{},-]+)+/?$")
PLACEHOLDER = re.compile(r"(?<![^/])(?!README\b)[^/]*[A-Z]{2}[^/]*?(?=\.[a-z]+$|/|$)")
ASSIGNMENT = re.compile(r"[A-Z_]+=\S*$")
TARGET = re.compile(r"^([a-z][a-z0-9-]*)::?(?!=)", re.MULTILINE)
OPTIONS = re.compile(r"getopts '?:?([A-Za-z:]+)'?")
HEADING = re.compile(r"^#+ +(.+?) *$")


def parts(repository: Repository, path: str) -> Iterator[tuple[int, str, str]]:
    """Give each line of a page outside of fences, as text, and each line of a shell fence, as shell."""
    fence = kind = ""
    for number, line in repository.lines(path):
        if found := FENCE.match(line):
            if not fence:
                fence, kind = found[1], found[2]
                continue
            if found[1].startswith(fence) and not found[2]:
                fence = kind = ""
                continue
        if not fence:
            yield number, "text", line
        elif kind in {"sh", "shell", "bash"}:
            yield number, "shell", line


def commands(text: str) -> Iterator[list[str]]:
    """Give the words of each command on a line, without what is assigned before it and without its comment."""
    plain = re.sub(r"(?:^|\s)#.*", "", re.sub(r"\"[^\"]*\"|'[^']*'", "x", text))
    for one in re.split(r"\s*(?:&&|\|\||[;|()])\s*", plain):
        words = one.split()
        while words and ASSIGNMENT.match(words[0]):
            del words[0]
        if words:
            yield words


def told(repository: Repository) -> Iterator[tuple[str, int, str]]:
    """Give each piece of code of the pages: a span in backquotes, or a line of a shell fence."""
    for path in repository.matching(PAGES):
        for number, kind, line in parts(repository, path):
            for text in SPAN.findall(line) if kind == "text" else [line]:
                yield path, number, text


def is_there(repository: Repository, page: str, name: str) -> bool:
    """Tell whether a path exists; capitals, stars and braces stand for anything.

    A guide may name a file that its reader is to write, in a folder that is there; a script it must not invent.
    """
    plain = name.rstrip("/")
    folder = re.sub(r"/[^/]*[*{].*", "", plain.rsplit("/", 1)[0])
    if page.startswith(GUIDES) and folder != "bin" and folder in repository.folders:
        return True
    if repository.exists(plain) or plain.split("/")[0] in SKIPPED:
        return True
    if plain.split("/")[0] not in repository.folders:
        return True
    pattern = PLACEHOLDER.sub("*", re.sub(r"\{[^}]*\}", "*", plain))
    if "*" not in pattern:
        return False
    wanted = re.compile(fnmatch.translate(pattern))
    return any(wanted.match(one) for one in (*repository.files, *repository.folders))


@check(
    "PAG001",
    "every path that a page names exists",
    why="Whoever follows a page at night, or proves a control by it, stops where the file it names is gone.",
    fix="Name the file where it is now, or remove the line with what it stood for.",
)
def paths(repository: Repository) -> Iterator[tuple[str, int, str]]:
    """Yield paths in backquotes and in commands that are not there."""
    for page, number, text in told(repository):
        for word in re.sub(r"[:#](?:\d+|[a-z][\w-]*)(?=\s|$)", "", text).split():
            if PATH.match(word) and not is_there(repository, page, word):
                yield page, number, f"{word} does not exist"


@check(
    "PAG002",
    "every command that a page shows exists, and says which cluster it asks",
    why="A runbook whose command is not there costs the minutes it was written to save (row T04).",
    fix="Name a target of `make help`, or a script of bin/ with an option of its -h; give kubectl its --context.",
)
def shown_commands(repository: Repository) -> Iterator[tuple[str, int, str]]:
    """Yield make targets, scripts, options and namespaces that are not there, and kubectl without a context."""
    yield from _clusters(repository)
    makefiles = [path for path in ("Makefile", *repository.matching(r"mk/.*\.mk$")) if path in repository.files]
    targets = {name for path in makefiles for name in TARGET.findall(repository.text(path))}
    if not targets:
        return
    for page, number, text in told(repository):
        for words in commands(text):
            if words[0] == "make":
                for word in words[1:]:
                    if re.fullmatch(r"[a-z][a-z0-9-]*", word) and word not in targets:
                        yield page, number, f"make {word}: there is no such target"
            elif re.fullmatch(r"bin/[a-z][a-z0-9-]*", words[0]) and words[0] in repository.files:
                known = OPTIONS.search(repository.text(words[0]))
                for word in words[1:] if known else ():
                    if re.fullmatch(r"-[A-Za-z]", word) and known and word[1] not in known[1]:
                        yield page, number, f"{words[0]} has no option {word}"


def _clusters(repository: Repository) -> Iterator[tuple[str, int, str]]:
    """Yield commands of pages that reach whichever cluster was looked at last, or a namespace that is none."""
    namespaces = {str(content["namespace"]) for content in repository.kustomizations.values() if "namespace" in content}
    for page in repository.matching(PAGES):
        for number, kind, line in parts(repository, page):
            if kind != "shell":
                continue
            for words in commands(line):
                reaches = words[0] == "kubectl" and words[1:2] not in (["config"], ["kustomize"], ["version"])
                if reaches and not any(word.startswith("--context") for word in words):
                    yield page, number, f"{' '.join(words[:3])} names no --context"
            named = re.search(r"(?:^|\s)N=([a-z][a-z0-9-]*)(?:\s|$)", line)
            if named and namespaces and named[1] not in namespaces:
                yield page, number, f"{named[1]} is no namespace of k8s/overlays"


def anchors(repository: Repository, path: str) -> set[str]:
    """Give the anchors of a page, as GitLab and GitHub make them from its headings."""
    found: set[str] = set()
    for _, kind, line in parts(repository, path):
        if kind == "text" and (heading := HEADING.match(line)):
            found.add(re.sub(r"[^\w\- ]", "", heading[1].lower()).replace(" ", "-"))
    return found


@check(
    "PAG003",
    "every link between pages leads somewhere",
    why="A link that leads nowhere hides the page that was meant, most of all from who does not know it.",
    fix="Point the link at the file where it is now, and its anchor at a heading that is there.",
)
def links(repository: Repository) -> Iterator[tuple[str, int, str]]:
    """Yield relative links to files or headings that are not there."""
    for page in repository.matching(PAGES):
        for number, kind, line in parts(repository, page):
            for link in LINK.findall(SPAN.sub("", line)) if kind == "text" else []:
                if re.match(r"[a-z]+:", link):
                    continue
                name, _, anchor = link.partition("#")
                target = resolve(page, name) if name else page
                if not repository.exists(target):
                    yield page, number, f"{link} leads nowhere"
                elif anchor and target.endswith(".md") and anchor not in anchors(repository, target):
                    yield page, number, f"{link}: {target} has no such heading"


@check(
    "PAG004",
    "the page of recovery says for each loss how long it takes and how much is gone",
    why="Without RTO and RPO nobody can tell whether a backup, or a plan, is good enough (row T01).",
    fix="Keep the table of docs/dr/README.md with the columns RTO and RPO, and no cell of them empty.",
)
def recoverable(repository: Repository) -> Iterator[tuple[str, int, str]]:
    """Yield a page without these columns, and cells that say nothing; the first services have one column for both."""
    page = "docs/dr/README.md"
    if page not in repository.files:
        return
    columns: list[str] = []
    found = False
    for number, line in repository.lines(page):
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")] if line.startswith("|") else []
        if not cells:
            columns = []
        elif not columns:
            columns = cells
            found = found or bool(_promised(columns))
        elif not set(line) <= set("|-: "):
            for name in _promised(columns):
                at = columns.index(name)
                if at >= len(cells) or cells[at].lower() in ("", "-", "tbd", "?", "todo"):
                    yield page, number, f"{cells[0]}: {name} is not said"
    if not found:
        yield page, 0, "has no table with the columns RTO and RPO"


def _promised(columns: list[str]) -> tuple[str, ...]:
    """Give the columns of a table that say how long a recovery takes and how much is gone."""
    return next((names for names in (("RTO", "RPO"), ("Goal",)) if {*names} <= {*columns}), ())
