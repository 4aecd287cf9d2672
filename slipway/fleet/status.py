"""One repository of a fleet: what it has of its template, and how far it is from it.

Two steps. `look` reads what can change without a commit, and is done every time. `measure` works out the rest from a
commit and a release of the template alone, so that its result can be kept. Neither writes to the repository.
"""

from __future__ import annotations

import hashlib
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import yaml

from slipway import contract, versions
from slipway.answers import RULES, refusals
from slipway.engine import QUESTIONS, EngineError
from slipway.fleet.sources import ONLY_READ, Checkout, Repository, ask, reach, without_filters
from slipway.fleet.templates import Blobs, Template, blobs, engine_of
from slipway.gitting import QUIET, GitError, environment, git, names, without_credentials
from slipway.lineage import ANSWERS_FILE, Link, LinkError, read_link

if TYPE_CHECKING:
    from packaging.version import Version

BEGUN, ENDED = b"<<<<<<< before updating", b">>>>>>> after updating"
OWN_BRANCHES = ("refs/heads/template/", "refs/remotes/*/template/")
LINK_MODE, GITLINK_MODE, EXECUTABLE_MODE = "120000", "160000", "100755"
REJECTED = ".rej"
PIECE = 1 << 20
LONGEST_REASON = 400


class UnreadableError(ValueError):
    """A repository of which nothing can be told; the message says why."""


class Entry(NamedTuple):
    """One file of a commit."""

    mode: str
    blob: str


class Branch(NamedTuple):
    """A branch of an update that waits.

    Attributes:
        name: such as template/v1.4.0.
        version: what the repository has there.
        marked: files in which a conflict is marked there.
    """

    name: str
    version: str
    marked: tuple[str, ...]


class Look(NamedTuple):
    """What a repository is at the moment.

    Attributes:
        repository: which one.
        checkout: where git finds its commits.
        head: the commit that is looked at.
        committed: its date, as ISO 8601.
        link: the template and the version it has, and its answers.
        unmerged: files that the index holds as unmerged.
        rejected: changes that an update could not make, in files of their own that no commit has.
        branches: updates that wait on a branch of their own.
        dirty: the folder holds changes that no commit has; they are not looked at.
        detached: the folder is on no branch.
    """

    repository: Repository
    checkout: Checkout
    head: str
    committed: str
    link: Link
    unmerged: tuple[str, ...]
    rejected: tuple[str, ...]
    branches: tuple[Branch, ...]
    dirty: bool
    detached: bool


class Task(NamedTuple):
    """What `measure` needs.

    Attributes:
        look: the repository.
        template: its template, as it was fetched.
        mirrors: where the templates were fetched to; read, never written.
        rendered: keeps what was rendered.
    """

    look: Look
    template: Template
    mirrors: Path
    rendered: Path


def look(_place: Path, task: tuple[Repository, Path]) -> Look:
    """Read what a repository is now.

    Args:
        task: the repository, and the folder that keeps what is fetched.

    Raises:
        SourceError: there is no such folder.
        GitError: git cannot read it.
        LinkError: it does not say which template it came from.
        UnreadableError: it holds no commit.
    """
    wanted, cache = task
    checkout = reach(wanted, cache)
    folder, ref, prefix, mine = checkout
    try:
        head, committed = ask(folder, "rev-list", "-n", "1", "--format=%H %cI", ref, "--").split()[-2:]
    except GitError as error:
        if not _has_commits(folder):
            message = "it holds no commit"
            raise UnreadableError(message) from error
        raise
    link = read_link(_text(folder, head, prefix + ANSWERS_FILE), prefix + ANSWERS_FILE)
    has_files = not mine and ask(folder, "rev-parse", "--is-inside-work-tree").strip() == "true"
    changed = _changed(folder) if has_files else []
    return Look(
        repository=wanted,
        checkout=checkout,
        head=head,
        committed=committed,
        link=link,
        unmerged=tuple(_unmerged(folder)) if has_files else (),
        rejected=tuple(sorted(path for path in changed if path.endswith(REJECTED))),
        branches=tuple(_waiting(checkout, head, link.commit)),
        dirty=bool(changed),
        detached=not mine and ask(folder, "rev-parse", "--abbrev-ref", "HEAD").strip() == "HEAD",
    )


def measure(place: Path, task: Task) -> dict[str, Any]:
    """Work out how far a commit is from its template; every value is one that JSON holds.

    Drift is what an update would carry over as the service's own edits of the template's files. Such an update renders
    the old version with the service-owned paths of both versions left out, so both are left out here: a team that
    edits what its version gave it has not drifted, and what the newest version gives away no update looks at any more.

    Raises:
        GitError: git cannot read the commit.
    """
    look, (newest, _), mirrors, rendered = task
    engine = engine_of(place, mirrors)
    link, algorithm = look.link, _hash_of(look.head)
    with tempfile.TemporaryDirectory(dir=place, prefix="measure-") as folder:
        tree = Path(folder, "tree")
        entries = _entries(look.checkout, look.head)
        marked = _export(look.checkout.folder, entries, tree)
        questions = _settings(engine.text(link.source, newest, QUESTIONS))
        broken = [{"question": one.question, "rule": one.sentence} for one in _refused(link.answers, questions)]
        result = contract.check(tree)
        found: dict[str, Any] = {
            "behind": _behind(engine.mirror(link.source), link.commit),
            "markers": [*marked, *(path for path in entries if path.endswith(REJECTED))],
            "answers": broken,
            "checks": result.checks,
            "failing": sorted({one.check for one in result.findings}),
            "drift": None,
            "unmeasured": "",
        }
        try:
            pristine = blobs(engine, link, algorithm, rendered, Path(folder, "pristine"))
        except EngineError as error:
            found["unmeasured"] = without_credentials(f"drift is not known: {error}")[:LONGEST_REASON]
            return found
        before = _settings(engine.text(link.source, link.commit, QUESTIONS))
        owned = [*_owned(before, link.answers), *_owned(questions, link.answers)]
        found["drift"] = [{"path": path, "kind": kind} for path, kind in _drift(pristine, entries, owned)]
        return found


def key(task: Task) -> str:
    """Name what `measure` depends on."""
    from slipway import __version__  # noqa: PLC0415  -- one name, for the key alone

    look = task.look
    place = str(look.checkout.folder.resolve()) if look.repository.local else look.repository.name
    parts = (__version__, place, look.checkout.prefix, look.head, look.link.source, task.template.state)
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()


def record(look: Look, newest: str, measured: Mapping[str, Any]) -> dict[str, Any]:
    """Put together all that is known of a repository."""
    conflicts = [{"path": path, "where": "index"} for path in look.unmerged]
    conflicts += [{"path": path, "where": "folder"} for path in look.rejected]
    conflicts += [{"path": path, "where": "HEAD"} for path in measured["markers"] if path not in look.unmerged]
    conflicts += [{"path": path, "where": branch.name} for branch in look.branches for path in branch.marked]
    checks, failing = measured["checks"], measured["failing"]
    whole = {
        "repository": look.repository.name,
        "state": "",
        "reason": measured["unmeasured"],
        "template": without_credentials(look.link.source),
        "version": look.link.commit,
        "newest": newest,
        "behind": measured["behind"],
        "drift": measured["drift"],
        "conflicts": conflicts,
        "waiting": [branch.name for branch in look.branches],
        "answers": measured["answers"],
        "score": round((checks - len(failing)) / checks, 4) if checks else None,
        "failing": failing,
        "committed": look.committed,
        "head": look.head,
        "dirty": look.dirty,
        "detached": look.detached,
    }
    return {**whole, "state": _state(whole)}


def failed(name: str, reason: str) -> dict[str, Any]:
    """Give the record of a repository that could not be read."""
    nothing = dict.fromkeys(("template", "version", "newest", "behind", "drift", "score", "committed", "head"))
    empty: dict[str, Any] = {"conflicts": [], "waiting": [], "answers": [], "failing": []}
    told = {"repository": name, "state": "failed", "reason": reason[:LONGEST_REASON]}
    return {**told, **nothing, **empty, "dirty": False, "detached": False}


def releases(tags: list[str]) -> list[tuple[Version, str]]:
    """Give the releases among some tags, oldest first, as Copier ranks them: versions, without pre-releases."""
    plain = [tag for tag in tags if not versions.DESCRIBED.fullmatch(tag)]
    ranked = [(version, tag) for tag in plain if (version := _version(tag)) and not version.is_prerelease]
    return sorted(ranked)


def _state(whole: Mapping[str, Any]) -> str:
    signs = {
        "conflict": whole["conflicts"],
        "answers": whole["answers"],
        "failed": whole["reason"],
        "behind": whole["behind"],
        "drifting": whole["drift"],
    }
    return next((state for state, sign in signs.items() if sign), "current")


def _version(tag: str) -> Version | None:
    try:
        return versions.read(tag)
    except ValueError:
        return None


def _behind(mirror: Path, commit: str) -> int | None:
    """Count the releases after the one a commit holds; nothing when the template does not know the commit."""
    tags = git(mirror, "tag", "--list").split()
    has = commit
    if commit not in tags:
        try:
            within = releases(git(mirror, "tag", "--merged", f"{commit}^{{commit}}").split())
        except GitError:
            return None
        has = within[-1][1] if within else ""
    at = _version(has) if has else None
    return sum(1 for version, _ in releases(tags) if at is None or version > at)


def _has_commits(folder: Path) -> bool:
    try:
        return bool(ask(folder, "rev-list", "-n", "1", "--all").strip())
    except GitError:
        return True


def _text(folder: Path, ref: str, path: str) -> str | None:
    try:
        return ask(folder, "cat-file", "blob", f"{ref}:{path}")
    except GitError:
        return None


def _unmerged(folder: Path) -> list[str]:
    lines = names(ask(folder, "ls-files", "--unmerged", "-z", "--", "."))
    return sorted({line.split("\t", 1)[1] for line in lines})


def _changed(folder: Path) -> list[str]:
    """Give the paths of which git says that the folder differs from HEAD."""
    asked = ("--no-optional-locks", "status", "--porcelain", "--no-renames", "-z", "--ignore-submodules=all", "--", ".")
    return [line[3:] for line in names(ask(folder, *asked, settings=without_filters(folder)))]


def _waiting(checkout: Checkout, head: str, has: str) -> Iterator[Branch]:
    """Give the branches that hold a newer version of the template, or another one that cannot be compared."""
    folder, _, prefix, mine = checkout
    patterns = OWN_BRANCHES[:1] if mine else OWN_BRANCHES
    listing = ask(folder, "for-each-ref", "--format=%(objectname) %(refname)", *patterns)
    seen = {head}
    for line in listing.splitlines():
        tip, ref = line.split(" ", 1)
        if tip in seen:
            continue
        seen.add(tip)
        try:
            there = read_link(_text(folder, tip, prefix + ANSWERS_FILE)).commit
        except LinkError:
            continue
        now, then = _version(has), _version(there)
        if there != has and (now is None or then is None or then > now):
            yield Branch(f"template/{ref.partition('/template/')[2]}", there, tuple(_marked_at(checkout, tip)))


def _marked_at(checkout: Checkout, commit: str) -> Iterator[str]:
    folder, _, prefix, _ = checkout
    wanted = ("-l", "-z", "-I", "--full-name", "-e", f"^{BEGUN.decode()}[[:space:]]*$", commit)
    try:
        listing = ask(folder, "grep", *wanted, "--", *([f":/{prefix}"] if prefix else []))
    except GitError:  # git grep ends with 1 when it finds nothing
        return
    for name in names(listing):
        path = name.removeprefix(f"{commit}:")
        with suppress(GitError):
            if _holds_conflict(ask(folder, "cat-file", "blob", f"{commit}:{path}").encode("utf-8", "surrogateescape")):
                yield path.removeprefix(prefix)


def _holds_conflict(content: bytes) -> bool:
    """Tell whether a file holds a conflict as Copier marks it."""
    if BEGUN not in content:
        return False
    lines = {line.rstrip() for line in content.splitlines()}
    return BEGUN in lines and ENDED in lines


def _entries(checkout: Checkout, head: str) -> dict[str, Entry]:
    """Give the files of a commit below the service's place."""
    tree = f"{head}:{checkout.prefix}"
    found = {}
    for line in names(ask(checkout.folder, "ls-tree", "-r", "-z", "--full-tree", tree)):
        about, path = line.split("\t", 1)
        mode, _, blob = about.split()
        if mode != GITLINK_MODE:
            found[path] = Entry(mode, blob)
    return found


def _export(folder: Path, entries: Mapping[str, Entry], into: Path) -> list[str]:
    """Write the files of a commit, byte for byte, and give those in which a conflict is marked.

    Git itself is not asked to check out, for that would write to the repository and run filters of its configuration.

    Raises:
        UnreadableError: a path leads out of the folder.
        GitError: an object is missing or broken.
    """
    marked: list[str] = []
    links: list[tuple[str, str]] = []
    into.mkdir(parents=True)
    with tempfile.TemporaryFile() as wanted, tempfile.TemporaryFile() as complaints:
        wanted.write("".join(f"{entry.blob}\n" for entry in entries.values()).encode())
        wanted.seek(0)
        command = ["git", *QUIET, *ONLY_READ, "-C", str(folder), "cat-file", "--batch"]
        with subprocess.Popen(
            command, stdin=wanted, stdout=subprocess.PIPE, stderr=complaints, env=environment()
        ) as process:
            output = process.stdout
            if output is None:  # pragma: no cover  -- a pipe was asked for
                return []
            for path, entry in entries.items():
                if any(part.lower() in {"", ".", "..", ".git"} for part in path.split("/")):
                    message = f"the path {path!r} leads out of the repository"
                    raise UnreadableError(message)
                if _received(output, path, entry, into, links):
                    marked.append(path)
    for path, target in links:
        _link(into, path, target)
    return marked


def _received(output: IO[bytes], path: str, entry: Entry, into: Path, links: list[tuple[str, str]]) -> bool:
    header = output.readline().split()
    if len(header) != 3 or header[1] != b"blob":  # noqa: PLR2004  -- name, kind and size
        message = f"git cannot read {path} ({entry.blob[:12]}): {b' '.join(header[1:]).decode() or 'no answer'}"
        raise GitError(message)
    left, first = int(header[2]), b""
    target = into / path
    if entry.mode == LINK_MODE:
        links.append((path, output.read(left).decode("utf-8", "surrogateescape")))
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            while left:
                piece = output.read(min(left, PIECE))
                if not piece:
                    message = f"git gave only a part of {path}"
                    raise GitError(message)
                first = first or piece
                left -= len(piece)
                file.write(piece)
        if entry.mode == EXECUTABLE_MODE:
            target.chmod(0o755)
    output.read(1)
    return _holds_conflict(first)


def _link(into: Path, path: str, target: str) -> None:
    """Make a link that stays inside the folder; any other is left out."""
    parts: list[str] = []
    for part in (*path.split("/")[:-1], *target.split("/")):
        if part == ".." and not parts:
            return
        if part == "..":
            parts.pop()
        elif part not in {"", "."}:
            parts.append(part)
    if not target.startswith("/") and not any(parent.is_symlink() for parent in (into / path).parents):
        with suppress(OSError, ValueError):
            (into / path).parent.mkdir(parents=True, exist_ok=True)
            (into / path).symlink_to(target)


def _settings(text: str | None) -> dict[str, Any]:
    try:
        data = yaml.safe_load(text or "")
    except yaml.YAMLError:
        return {}
    return data if isinstance(data, dict) else {}


def _refused(answers: Mapping[str, Any], questions: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the answers that the newest release would not take: its rules, and the choices it still offers."""
    choices: dict[str, tuple[str, ...]] = {}
    ruled: dict[str, Any] = {}
    for name, question in questions.items():
        if name.startswith("_") or name not in answers or not isinstance(question, dict):
            continue
        offered = question.get("choices")
        if isinstance(offered, dict | list) and offered and not question.get("multiselect"):
            values = list(offered.values()) if isinstance(offered, dict) else offered
            plain = [one[-1] if isinstance(one, list) and one else one for one in values]
            if all(isinstance(one, str | bool | int | float) for one in plain):
                choices[name] = tuple(plain)
        if name in RULES and RULES[name].sentence in str(question.get("validator", "")):
            ruled[name] = answers[name]
    yield from refusals(ruled)
    yield from refusals({name: answers[name] for name in choices if name not in RULES}, choices)


def _owned(settings: Mapping[str, Any], answers: Mapping[str, Any]) -> list[str]:
    """Give the patterns of what an update leaves alone, as Copier would work them out."""
    from jinja2 import TemplateError  # noqa: PLC0415
    from jinja2.sandbox import SandboxedEnvironment  # noqa: PLC0415  -- a copy of the template's words is not trusted

    jinja = SandboxedEnvironment()
    context = {**answers, "_copier_operation": "update"}
    found = []
    for setting in ("_exclude", "_skip_if_exists"):
        entries = settings.get(setting)
        for entry in entries if isinstance(entries, list) else []:
            with suppress(TemplateError, TypeError):
                found.append(jinja.from_string(str(entry)).render(context))
    return [one for one in found if one]


def _drift(pristine: Blobs, entries: Mapping[str, Entry], owned: list[str]) -> Iterator[tuple[str, str]]:
    """Yield each file that the template owns and the service edited, deleted or gave another mode."""
    from pathspec import PathSpec  # noqa: PLC0415  -- comes with Copier, which reads these patterns with it

    passed_over = PathSpec.from_lines("gitignore", owned)
    for path, (executable, blob) in sorted(pristine.items()):
        if path == ANSWERS_FILE or passed_over.match_file(path):
            continue
        entry = entries.get(path)
        if entry is None:
            yield path, "deleted"
        elif entry.blob != blob:
            yield path, "edited"
        elif executable != (entry.mode == EXECUTABLE_MODE):
            yield path, "mode"


def _hash_of(commit: str) -> str:
    """Name the hash of a repository's objects by the length of a name."""
    return "sha1" if len(commit) == 40 else "sha256"  # noqa: PLR2004  -- hexadecimal digits of SHA-1
