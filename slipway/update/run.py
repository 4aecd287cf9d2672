"""One update of one repository, onto a branch, so that nothing in the team's folder moves.

Copier renders the version that the team has and the one that it gets, each into an empty folder. The two are merged
with HEAD in the index of a worktree of its own: no file system, ignore rule, line-end setting or hook of the person who
runs it has a say in what the branch holds. Files are written only for the make targets that check the result.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from slipway.changelog import Section, sections
from slipway.engine import QUESTIONS, Engine
from slipway.gitting import GitError, environment, git, identity, names, worktree
from slipway.lineage import ANSWERS_FILE, Link, read_link
from slipway.ownership import asked, is_owned, service_owned
from slipway.update.audit import Look, audit, conflicts
from slipway.update.files import File, Tree, checked_out, entries, folder, stage, within, without
from slipway.update.outcome import Outcome, Ran, Wish
from slipway.update.text import message
from slipway.versions import older, ranked

KEPT_FROM_MAKE = frozenset(
    {"TEMPLATE_UPDATE_TOKEN", "GIT_ASKPASS", "GIT_USERNAME", "GIT_PASSWORD", "MAKEFLAGS", "MAKELEVEL", "MFLAGS"}
)
TAIL = 15


class UpdateError(RuntimeError):
    """An update that could not be made; the message says why and the way out. Nothing was changed."""


def linked(repository: Path) -> tuple[Path, str, Link]:
    """Give the top of the git repository that holds a service, the folder of the service in it, and what it records.

    Raises:
        UpdateError: it is no git repository, or has no commit.
        LinkError: HEAD holds no answers file that names a template.
    """
    try:
        top = Path(git(repository, "rev-parse", "--show-toplevel").rstrip("\n"))
        below = git(repository, "rev-parse", "--show-prefix").rstrip("/\n")
        git(top, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    except GitError as error:
        message = f"{repository} is not a git repository with a commit: an update needs one, to merge and to go back"
        raise UpdateError(message) from error
    where = within(below, ANSWERS_FILE)
    try:
        text: str | None = git(top, "show", f"HEAD:{where}")
    except GitError:
        text = None
    return top, below, read_link(text, where)


def target(link: Link, wish: Wish, engine: Engine) -> str:
    """Give the version that an update leads to: the one asked for, the newest release, or the one there is.

    Raises:
        UpdateError: it would be a step back.
        EngineError: the template cannot be reached.
    """
    if wish.answers and not wish.version:
        return link.commit
    version = wish.version or engine.newest(link.source)
    if version == link.commit or _newer(version, link, engine):
        return version
    if wish.version:
        message = f"{version} is older than {link.commit}, which this repository has; an update does not go back"
        raise UpdateError(message)
    return link.commit


def waits(link: Link, engine: Engine) -> str | None:
    """Give the newest release when it is newer than what a repository has.

    Raises:
        EngineError: the template cannot be reached.
    """
    newest = engine.newest(link.source)
    return newest if _newer(newest, link, engine) else None


def _newer(version: str, link: Link, engine: Engine) -> bool:
    """Tell whether a version is newer than what a repository has: by rank, or by history for a commit without one."""
    if ranked(link.commit) and ranked(version):
        return older(link.commit, version)
    return not engine.holds(link.source, link.commit, version)


def update(repository: Path, wish: Wish, engine: Engine) -> Outcome:
    """Bring a repository to a version of its template, on a branch.

    Raises:
        UpdateError: the repository or the wish cannot be worked with; nothing was changed.
        LinkError: it names no template.
        EngineError: the template cannot be reached, or Copier refused.
    """
    top, below, link = linked(repository)
    version = target(link, wish, engine)
    if not wish.answers and version == link.commit:
        return Outcome(link, link.commit)
    branch = branch_of(version, wish, below)
    _free(top, branch)
    questions = engine.text(link.source, version, QUESTIONS) or ""
    _asked(wish.answers, version, questions)
    with (
        tempfile.TemporaryDirectory(prefix="slipway-", ignore_cleanup_errors=True) as scratch,
        _staged(top, Path(scratch, "w")) as place,
    ):
        sides = _sides(place, below, link, version, wish, engine)
        owned = service_owned(questions)
        merged = audit(*sides[:3], lambda path: is_owned(path, owned), sides.held)
        stage(place, below, merged.files, Path(scratch))
        after = read_link(sides.theirs[ANSWERS_FILE].data.decode())
        looks = [*_answer_looks(link, after, wish.answers), *merged.looks]
        marked = _marked(merged.files)
        ran = [] if marked else _made(place, below, wish.targets)
        looks += [_failed(one) for one in ran if not one.passed]
        changed = _changed(place, below)
        looks += _unguarded(top, below, changed)
        outcome = Outcome(
            link,
            version,
            branch=branch,
            changed=changed,
            conflicts=marked,
            looks=looks,
            answers=_answers(link, after),
            follow=[path for path in _differ(sides.born, sides.theirs) if is_owned(path, owned)],
            ran=ran,
            changelog=_changelog(link, version, engine),
        )
        if not changed:
            return Outcome(link, link.commit)
        _commit(place, message(outcome, wish.ticket or str(link.answers.get("ticket_id", ""))))
        commit = git(place, "rev-parse", "HEAD").strip()
        git(top, "branch", "--no-track", branch, commit)
    return replace(outcome, commit=commit)


class _Sides(NamedTuple):
    born: Tree
    ours: Tree
    theirs: Tree
    held: frozenset[str]


def _sides(  # noqa: PLR0913, PLR0917  -- where the service is, and what it is brought from and to
    worktree: Path, below: str, link: Link, version: str, wish: Wish, engine: Engine
) -> _Sides:
    """Render both versions, and read what the team has of them; `held` is every path that the team has."""
    before = entries(worktree, "HEAD", below)
    recorded = checked_out(worktree, below, {ANSWERS_FILE: before[ANSWERS_FILE]})[ANSWERS_FILE]
    places = [worktree.parent / side / (Path(below).name or "service") for side in ("born", "theirs")]
    for place in places:
        place.mkdir(parents=True)
    engine.render(link.source, link.commit, link.answers, places[0])
    engine.recopy(link.source, version, recorded.data, wish.answers, places[1])
    born, theirs = (folder(place) for place in places)
    if ANSWERS_FILE not in theirs:
        message = f"version {version} of {link.source} writes no {ANSWERS_FILE}: a service that takes it loses its link"
        raise UpdateError(message)
    paths = (born.keys() | theirs.keys()) & before.keys()
    return _Sides(born, checked_out(worktree, below, {path: before[path] for path in paths}), theirs, frozenset(before))


def _differ(born: Tree, theirs: Tree) -> list[str]:
    return [path for path in sorted(born.keys() | theirs.keys()) if born.get(path) != theirs.get(path)]


def _made(worktree: Path, below: str, targets: Sequence[str]) -> list[Ran]:
    """Run make targets on what is staged, and stage what they changed."""
    if not targets:
        return []
    git(worktree, "checkout-index", "--all", "--force", "--index", "--quiet")
    ran = [_make(worktree / below, name) for name in targets]
    git(worktree, "add", "--all", "--", below or ".")
    return ran


def _unguarded(top: Path, below: str, changed: Mapping[str, str]) -> list[Look]:
    """Name the files in the person's folder that `git switch` would replace without a word."""
    looks = []
    tracked = dict(line.split(" ", 1)[::-1] for line in names(git(top, "ls-files", "-v", "-z", "--", below or ".")))
    for path, letter in changed.items():
        inside = within(below, path)
        flag = tracked.get(inside, "")
        if flag == "S" or flag.islower():
            if (top / inside).exists():
                say = "git was told to overlook changes to it in your folder, and may replace it when you switch to the"
                looks.append(Look("local", path, f"{say} branch: keep a copy of what is yours"))
        elif letter == "A" and not flag and (found := _untracked(top, inside, tracked)):
            say = f"your folder has `{found}`, which is not in git, and `git switch` may replace it with the template's"
            looks.append(Look("local", path, f"{say}: move it away first"))
    return looks


def _untracked(top: Path, path: str, tracked: Mapping[str, str]) -> str:
    """Give what stands in the place of a path, below it, or of a folder above it, and is not in git."""
    for parent in [*list(PurePosixPath(path).parents)[-2::-1], PurePosixPath(path)]:
        place = top / parent
        if place.is_symlink() or place.is_file():
            return "" if str(parent) in tracked else str(parent)
    below = names(git(top, "ls-files", "--others", "-z", "--", f":(literal){path}")) if (top / path).is_dir() else []
    return below[0] if below else ""


@contextmanager
def _staged(top: Path, place: Path) -> Iterator[Path]:
    """Give a worktree at HEAD whose files are in its index alone, but for those that say how git keeps the others."""
    with worktree(top, place, "HEAD"):
        git(place, "read-tree", "HEAD")
        attributes = git(place, "ls-files", "-z", "--", ":(glob)**/.gitattributes")
        git(place, "checkout-index", "--force", "--quiet", "-z", "--stdin", given=attributes)
        yield place


def _asked(answers: Mapping[str, str], version: str, copier_yml: str) -> None:
    """Refuse an answer to a question that the template does not ask: Copier would drop it without a word."""
    if not answers:
        return
    questions = asked(copier_yml)
    for name in answers:
        if questions and name not in questions:
            near = get_close_matches(name, questions, n=1)
            hint = f"; did you mean '{near[0]}'?" if near else f"; it asks: {', '.join(questions)}"
            message = f"the template has no question '{name}' at {version}{hint}"
            raise UpdateError(message)


def _free(top: Path, branch: str) -> None:
    try:
        git(top, "check-ref-format", "--branch", branch)
    except GitError as error:
        message = f"'{branch}' cannot be the name of a branch"
        raise UpdateError(message) from error
    if git(top, "for-each-ref", "--format=x", f"refs/heads/{branch}").strip():
        message = (
            f"branch {branch} is there already: merge it, or delete it (git branch -D {branch}) and run this again"
        )
        raise UpdateError(message)


def branch_of(version: str, wish: Wish, below: str = "") -> str:
    """Give the name of the branch on which an update waits; `below` is the folder of the service in its repository."""
    if wish.branch:
        return wish.branch
    words = [f"{name}-{answer}" for name, answer in sorted(wish.answers.items())]
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", "-".join([*below.split("/"), version, *words]))
    return f"template/{name.strip('-.')}"


def _answers(before: Link, after: Link) -> dict[str, tuple[str | None, str]]:
    return {
        name: (None if name not in before.answers else str(before.answers[name]), str(answer))
        for name, answer in after.answers.items()
        if before.answers.get(name) != answer
    }


def _answer_looks(before: Link, after: Link, asked_for: Mapping[str, str]) -> list[Look]:
    """Name the answers that changed unasked, or went and were not taken over by a renamed question."""
    looks = []
    taken_over = [answer for name, answer in after.answers.items() if name not in before.answers]
    for name, answer in before.answers.items():
        if name not in after.answers and answer in taken_over:
            continue
        if name not in after.answers:
            say = f"was {answer!r}; the template asks for it no longer"
            looks.append(Look("answer", name, say))
        elif after.answers[name] != answer and str(after.answers[name]) != asked_for.get(name):
            looks.append(Look("answer", name, f"was {answer!r}, is {after.answers[name]!r}"))
    return looks


def _marked(files: Mapping[str, File | None]) -> dict[str, int]:
    counted = {path: conflicts(file.data) for path, file in sorted(files.items()) if file and file.is_text}
    return {path: count for path, count in counted.items() if count}


def _make(service: Path, name: str) -> Ran:
    kept = {key: value for key, value in environment().items() if key not in KEPT_FROM_MAKE}
    try:
        done = subprocess.run(
            ["make", "--no-print-directory", name],
            cwd=service,
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
            env=kept,
        )
    except OSError as error:
        return Ran(name, passed=False, said=f"make cannot be run: {error.strerror}")
    return Ran(name, done.returncode == 0, "\n".join(done.stdout.strip().splitlines()[-TAIL:]))


def _failed(ran: Ran) -> Look:
    told = [line for line in ran.said.splitlines() if not line.startswith("make")]
    last = told[-1].strip() if told else "it said nothing"
    return Look("command", f"make {ran.target}", f"failed: {last}")


def _changed(worktree: Path, below: str) -> dict[str, str]:
    parts = names(git(worktree, "diff", "--cached", "--no-renames", "--name-status", "-z", "HEAD"))
    found = dict(zip(parts[1::2], parts[::2], strict=True))
    return {without(below, path): letter for path, letter in found.items()}


def _changelog(link: Link, version: str, engine: Engine) -> list[Section]:
    if not ranked(link.commit):  # born of a commit that no release describes: what is new cannot be told
        return []
    text = engine.text(link.source, version, "CHANGELOG.md")
    try:
        return sections(text or "", link.commit, version)
    except ValueError:  # a changelog of another kind
        return []


def _commit(place: Path, text: str) -> None:
    words = ["commit", "--quiet", "--no-verify", "--cleanup=verbatim", "-F", "-"]
    git(place, *identity(place, "template update"), *words, given=text)
