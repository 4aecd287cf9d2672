"""One command makes a release of the template: version, changelog, commit, tag, notes and examples, or nothing at all.

Everything is made in a repository of its own that borrows the objects of the template's. Only when it is whole are the
objects fetched, the working tree brought forward, and branch, tag and examples moved in one transaction of git.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import NamedTuple

from slipway import changelog, versions
from slipway.engine import Engine
from slipway.gitting import GitError, git
from slipway.template import commits as history
from slipway.template import examples
from slipway.template.commits import Commit
from slipway.template.compatibility import COMPATIBILITY, Step, breaking
from slipway.template.measure import Measured, measure, short
from slipway.template.measure import text as measured_text
from slipway.template.notes import notes, section
from slipway.template.portability import PORTABILITY
from slipway.template.rules import Found, at
from slipway.template.state import COPIER, State, tree_name, working_tree
from slipway.template.state import at as state_at

VERSION_FILE, CHANGELOG = "slipway/__init__.py", "CHANGELOG.md"
VERSION = re.compile(r'^__version__ = "(?P<version>[^"]*)"$', re.MULTILINE)
FULL = re.compile(r"(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)")
IDENTITY = r"^(user|gpg|commit\.gpgsign|tag\.gpgsign)"
FIRST_LINES = 12
MADE, EXAMPLES = "refs/slipway/release", f"refs/heads/{examples.BRANCH}"


class ReleaseError(RuntimeError):
    """A release that cannot be made; the message lists every reason with its way out. Nothing was changed."""

    def __init__(self, *reasons: str) -> None:
        super().__init__("\n".join(reasons))
        self.reasons = reasons


@dataclass(frozen=True)
class Wish:
    """What is asked for.

    Attributes:
        version: of the release; worked out from the commits when left out.
        branch: that releases are made on.
        breaking: what the compatibility rules call breaking is accepted, though no commit announces it.
        ticket: that the commit refers to; the newest of the commits when left out.
        day: of the release; today when left out.
    """

    version: str | None = None
    branch: str = "main"
    breaking: bool = False
    ticket: str | None = None
    day: date | None = None


class Stand(NamedTuple):
    """Where a template stands: what the next release is worked out from.

    Attributes:
        head: the commit that is released.
        tag: of the last release; `None` before the first.
        version: that the sources name.
        commits: since the last release, newest first.
        found: what the compatibility rules find against the last release.
        before: the template at the last release.
        after: the template now.
    """

    head: str
    tag: str | None
    version: str
    commits: Sequence[Commit]
    found: Sequence[Found]
    before: State | None
    after: State


@dataclass(frozen=True)
class Release:
    """A release that was made, or that would be.

    Attributes:
        version: without `v`.
        last: tag of the release before, if any.
        body: its section of the changelog, below the heading.
        notes: the release notes, in Markdown.
        examples: names of the example services; empty when none of them changed.
        commits: how many commits it holds.
        found: what the compatibility rules found.
        measured: what an update changes; nothing for the first release.
    """

    version: str
    last: str | None
    body: str
    notes: str
    examples: Sequence[str]
    commits: int
    found: Sequence[Found]
    measured: Measured | None

    @property
    def tag(self) -> str:
        """Give the tag of the release."""
        return f"v{self.version}"


Told = Callable[[str], None]


def release(root: Path, wish: Wish, *, dry: bool = False, told: Told = lambda _: None) -> Release:
    """Make the next release of a template, or only work it out.

    Args:
        root: top of the template's repository.
        wish: what is asked for.
        dry: change nothing.
        told: is told of each step.

    Raises:
        ReleaseError: something stands against it; nothing was changed.
        GitError, EngineError, StateError: a step failed; nothing was changed.
    """
    stand = stand_of(root, wish)
    version, ticket = next_version(root, stand, wish), wish.ticket or _ticket(root, stand)
    if not ticket:
        message = "no commit names a ticket that the release could refer to; name one with --ticket"
        raise ReleaseError(message)
    told(f"{len(stand.commits)} commits since {stand.tag or 'the beginning'}: the next release is {version}")
    with _workshop(root) as workshop:
        measured = _measure(workshop, stand, told)
        day = (wish.day or date.today()).isoformat()  # noqa: DTZ011  -- the day as the person at the keyboard has it
        text = git(root, "show", f"{stand.head}:{CHANGELOG}")
        body = section(changelog.pending(text, version) or "", stand.commits, short(measured) if measured else ())
        said = notes(version, day, body, measured_text(measured, f"v{version}") if measured else "", stand.found)
        edits = {
            CHANGELOG: changelog.with_release(text, version, day, body),
            VERSION_FILE: _with_version(root, stand, version),
        }
        _commit(workshop, stand, edits, f"chore(release): {version}\n\n{_why(version)}\n\nRefs: {ticket}\n")
        git(workshop, "tag", "--annotate", "--cleanup=verbatim", "-F", "-", f"v{version}", MADE, given=said)
        told("rendering the example services")
        if newest := _newest_examples(root):
            git(workshop, "update-ref", EXAMPLES, newest)
        shown = _examples(workshop, stand.after, version, ticket)
        if not dry:
            _publish(root, workshop, wish.branch, stand, f"v{version}")
    return Release(version, stand.tag, body, said, shown, len(stand.commits), stand.found, measured)


def stand_of(root: Path, wish: Wish) -> Stand:
    """Find out where the template stands, and everything that stands against a release of it.

    Raises:
        ReleaseError: with each reason.
    """
    if reasons := _unfit(root, wish):
        raise ReleaseError(*reasons)
    head = git(root, "rev-parse", "HEAD").strip()
    tags = git(root, "tag", "--list").split()
    tag = versions.newest(git(root, "tag", "--list", "--merged", "HEAD").split())
    version = VERSION.search((root / VERSION_FILE).read_text(encoding="utf-8"))
    after = working_tree(root)
    reasons = []
    if (every := versions.newest(tags)) != tag:
        reasons.append(f"release {every} is not in {wish.branch}: merge it, or release from where it is")
    if version is None:
        reasons.append(f'{VERSION_FILE} names no version: it needs a line __version__ = "..."')
    elif tag and version["version"] != tag.removeprefix("v"):
        reasons.append(
            f"{VERSION_FILE} names {version['version']}, and the last release is {tag}: "
            "write that version there; this command raises it"
        )
    for one in PORTABILITY.run(after):
        reasons.append(f"{one.rule}: {at(one)}: {one.message}; see: slipway template lint")
    before = state_at(root, tag) if tag else None
    found = COMPATIBILITY.run(Step(before, after)) if before else []
    commits = history.since(root, tag, (tree_name(after.copier), COPIER))
    reasons += _unannounced(found, commits, tag, version["version"] if version else "0.0.0", wish)
    if reasons or version is None:
        raise ReleaseError(*reasons)
    return Stand(head, tag, version["version"], commits, found, before, after)


def _unfit(root: Path, wish: Wish) -> list[str]:
    """Give what must hold before anything else can be looked at, and does not."""
    missing = [name for name in (COPIER, VERSION_FILE, CHANGELOG) if not (root / name).is_file()]
    if missing:
        return [f"{root} is no template to release: {', '.join(missing)} missing"]
    try:
        top = Path(git(root, "rev-parse", "--show-toplevel").rstrip("\n"))
        git(root, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    except GitError:
        return [f"{root} is not a git repository with a commit"]
    reasons = []
    if top.resolve() != root.resolve():
        reasons.append(f"{root} is not the top of its git repository, {top} is")
    if git(root, "rev-parse", "--is-shallow-repository").strip() == "true":
        reasons.append("this clone is shallow, so tags and commits are missing: git fetch --unshallow --tags")
    branch = git(root, "rev-parse", "--abbrev-ref", "HEAD").strip()
    if branch != wish.branch:
        way = f"git switch {wish.branch}, or name it with --branch"
        reasons.append(f"releases are made on {wish.branch}, and this is {branch}: {way}")
    if changed := git(root, "status", "--porcelain").splitlines():
        more = f" and {len(changed) - FIRST_LINES} more" if len(changed) > FIRST_LINES else ""
        listed = ", ".join(line[3:] for line in changed[:FIRST_LINES])
        reasons.append(f"not committed: {listed}{more}; commit or stash, for a release is what a commit holds")
    behind = _behind(root, branch)
    if behind:
        reasons.append(f"{branch} lacks {behind} commits of its upstream: git pull --rebase")
    worktrees = git(root, "worktree", "list", "--porcelain").splitlines()
    if f"branch refs/heads/{examples.BRANCH}" in worktrees:
        reasons.append(f"branch {examples.BRANCH} is checked out in a worktree: switch that to another branch")
    return reasons


def _behind(root: Path, branch: str) -> int:
    try:
        return int(git(root, "rev-list", "--count", f"{branch}..{branch}@{{upstream}}"))
    except GitError:  # no upstream
        return 0


def _unannounced(
    found: Sequence[Found], commits: Sequence[Commit], tag: str | None, version: str, wish: Wish
) -> list[str]:
    """Give what breaks services without a word of it."""
    broken = breaking(found)
    announced = wish.breaking or any(one.breaks for one in commits)
    if tag and wish.version and FULL.fullmatch(wish.version) and versions.read(version).major:
        announced = announced or versions.read(wish.version).major > versions.read(version).major
    if announced:
        return []
    way = "say so in a commit (feat!: or a BREAKING CHANGE: line), or accept it with --breaking"
    return [f"{one.rule}: {at(one)}: {one.message}; that breaks services of {tag}: {way}" for one in broken]


def next_version(root: Path, stand: Stand, wish: Wish) -> str:
    """Give the version of the release.

    Raises:
        ReleaseError: there is nothing to release, or the version asked for is none, taken, or too low.
    """
    part = "major" if breaking(stand.found) else history.raised_by(stand.commits)
    if stand.tag is None:
        least = stand.version
    elif part:
        least = str(versions.raised(versions.read(stand.tag), part))
    else:
        least = ""
    version = wish.version or least
    if not version:
        message = (
            f"nothing to release: of {len(stand.commits)} commits since {stand.tag} none changes what is generated, "
            "and none is a feat, a fix or a break; --version X releases all the same"
        )
        raise ReleaseError(message)
    if not FULL.fullmatch(version):
        message = f"'{version}' is no version of a release; one looks like 1.4.0, without v"
        raise ReleaseError(message)
    if reasons := [*_wrong(root, version, least, stand.tag), *_misheaded(root, version, stand.tag)]:
        raise ReleaseError(*reasons)
    return version


def _wrong(root: Path, version: str, least: str, last: str | None) -> list[str]:
    """Say why a version cannot be the next one."""
    if git(root, "tag", "--list", f"v{version}").strip():
        return [f"tag v{version} is there already; leave --version out, or name a higher one"]
    if last and versions.read(version) <= versions.read(last):
        return [f"{version} is not above the last release, {last}"]
    if last and least and versions.read(version) < versions.read(least):
        return [f"{version} is too low: what was committed since {last} needs {least} at least"]
    return []


def _misheaded(root: Path, version: str, last: str | None) -> list[str]:
    """Say which headings of the changelog do not fit a release."""
    headed = [one.version for one in changelog.read((root / CHANGELOG).read_text(encoding="utf-8"))]
    if "" in headed and version in headed:
        return [f"{CHANGELOG} has an unreleased section and one for {version}: make them one"]
    above = [one for one in headed if one not in ("", version) and versions.read(one) > versions.read(last or version)]
    way = "head it 'Unreleased', or release it with --version"
    return [f"{CHANGELOG} has a section for {one}, which was never released: {way} {one}" for one in above]


def _ticket(root: Path, stand: Stand) -> str | None:
    return history.newest_ticket(stand.commits) or history.newest_ticket(history.since(root, None))


def _why(version: str) -> str:
    return f"What it brings stands in {CHANGELOG}, what an update changes in the tag v{version}."


@contextmanager
def _workshop(root: Path) -> Iterator[Path]:
    """Give a bare repository that borrows the objects of another, with its refs and its identity."""
    with tempfile.TemporaryDirectory(prefix="slipway-", ignore_cleanup_errors=True) as scratch:
        place = Path(scratch, "template.git")
        git(Path(scratch), "clone", "--quiet", "--bare", "--shared", "--", str(root.resolve()), str(place))
        try:
            listed = git(root, "config", "--null", "--get-regexp", IDENTITY)
        except GitError:  # nothing of the kind is set
            listed = ""
        for entry in filter(None, listed.split("\0")):
            key, _, value = entry.partition("\n")
            git(place, "config", "--add", key, value or "true")
        yield place


def _measure(workshop: Path, stand: Stand, told: Told) -> Measured | None:
    if stand.tag is None or stand.before is None:
        return None

    def tell(done: int, of: int) -> None:
        if done in (1, of) or done % 12 == 0:
            told(f"measuring what an update changes: {done} of {of} combinations of choices")

    return measure(workshop, stand.tag, stand.before, stand.head, stand.after, told=tell)


def _with_version(root: Path, stand: Stand, version: str) -> str:
    text = git(root, "show", f"{stand.head}:{VERSION_FILE}")
    return VERSION.sub(f'__version__ = "{version}"', text, count=1)


def _commit(workshop: Path, stand: Stand, edits: dict[str, str], message: str) -> None:
    """Commit edited texts on top of the head, as MADE in the workshop."""
    git(workshop, "read-tree", stand.head)
    for path, text in edits.items():
        mode = git(workshop, "ls-files", "--stage", "--", path).split(" ", 1)[0]
        blob = git(workshop, "hash-object", "-w", "--stdin", given=text).strip()
        git(workshop, "update-index", "--cacheinfo", f"{mode},{blob},{path}")
    tree = git(workshop, "write-tree").strip()
    made = examples.commit_tree(workshop, tree, stand.head, message)
    git(workshop, "update-ref", MADE, made)


def _newest_examples(root: Path) -> str | None:
    """Give the commit that the examples go on from: the branch here, or the remote's where that is ahead or alone."""
    remote = git(root, "for-each-ref", "--format=%(objectname)", f"refs/remotes/*/{examples.BRANCH}").split()
    local = git(root, "for-each-ref", "--format=%(objectname)", EXAMPLES).strip()
    ahead = [one for one in remote if not local or git(root, "rev-list", "--count", f"{one}..{local}").strip() == "0"]
    return ahead[0] if ahead else local or None


def _examples(workshop: Path, state: State, version: str, ticket: str) -> list[str]:
    """Render the examples of a release and commit them to their branch in the workshop; nothing when none changed."""
    with tempfile.TemporaryDirectory(prefix="slipway-", ignore_cleanup_errors=True) as scratch:
        folder = Path(scratch, "examples")
        made = examples.write(Engine(Path(scratch)), workshop, f"v{version}", state, folder)
        message = f"chore(examples): {version}\n\nRefs: {ticket}\n"
        return made if examples.commit(workshop, folder, message) else []


def _publish(root: Path, workshop: Path, branch: str, stand: Stand, tag: str) -> None:
    """Bring what the workshop holds to the template: objects, then the working tree, then every ref at once."""
    moved = {f"refs/heads/{branch}": MADE, f"refs/tags/{tag}": f"refs/tags/{tag}", EXAMPLES: EXAMPLES}
    git(root, "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--", str(workshop), *moved.values())
    old = dict(line.split(" ") for line in git(root, "for-each-ref", "--format=%(refname) %(objectname)").splitlines())
    new = {name: git(workshop, "rev-parse", source).strip() for name, source in moved.items()}
    old[f"refs/heads/{branch}"] = stand.head
    orders = [
        f"update {name} {new[name]} {old[name]}" if name in old else f"create {name} {new[name]}" for name in moved
    ]
    made = new[f"refs/heads/{branch}"]
    git(root, "update-index", "-q", "--refresh")
    try:
        git(root, "read-tree", "-m", "-u", stand.head, made)
        given = "\n".join(["start", *orders, "prepare", "commit", ""])
        git(root, "update-ref", "-m", f"release: {tag}", "--stdin", given=given)
    except BaseException:
        if git(root, "rev-parse", "HEAD").strip() != made:
            git(root, "read-tree", "-m", "-u", made, stand.head)
        raise
