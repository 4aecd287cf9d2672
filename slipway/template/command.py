"""`slipway template lint`, `compatibility`, `examples` and `release`, from what is asked to the exit status."""

from __future__ import annotations

import sys
from pathlib import Path

from slipway import versions
from slipway.engine import EngineError
from slipway.gitting import GitError, git
from slipway.report import Paint, colours, shown_whole
from slipway.template import examples
from slipway.template.commits import since
from slipway.template.compatibility import COMPATIBILITY, Step, breaking
from slipway.template.portability import PORTABILITY
from slipway.template.release import Release, ReleaseError, Wish, release
from slipway.template.state import StateError, at, working_tree

DONE, FAILED = 0, 1
NOTES = "dist/release-notes-{}.md"


def lint(root: Path) -> int:
    """Hold the tree against the portability rules."""
    paint = Paint(on=colours(sys.stdout))
    try:
        found = PORTABILITY.run(working_tree(root))
    except StateError as error:
        return _failed("lint", str(error))
    if found:
        sys.stdout.write(f"{PORTABILITY.listed(found, paint)}\n\n")
    told = paint("red", _plural(len(found), "finding")) if found else paint("green", "no finding")
    sys.stdout.write(f"{len(PORTABILITY.rules)} portability rules, {told}\n")
    return FAILED if found else DONE


def compatibility(root: Path, against: str | None) -> int:
    """Hold the working tree against the compatibility rules."""
    paint = Paint(on=colours(sys.stdout))
    try:
        tag = against or versions.newest(git(root, "tag", "--list", "--merged", "HEAD").split())
        if tag is None:
            sys.stdout.write("there is no release yet, so nothing to be compatible with\n")
            return DONE
        found = COMPATIBILITY.run(Step(at(root, tag), working_tree(root)))
        announced = [one for one in since(root, tag) if one.breaks]
    except (StateError, GitError) as error:
        return _failed("compatibility", str(error))
    if found:
        sys.stdout.write(f"{COMPATIBILITY.listed(found, paint)}\n\n")
    broken = breaking(found)
    notes = len(found) - len(broken)
    told = paint("red", f"{len(broken)} that break services") if broken else paint("green", "nothing breaks services")
    sys.stdout.write(
        f"{len(COMPATIBILITY.rules)} compatibility rules against {tag}: {told}, {_plural(notes, 'note')}\n"
    )
    if broken and announced:
        sys.stdout.write(f"announced by {', '.join(f'{one.sha} ({one.subject})' for one in announced)}\n")
    return FAILED if broken and not announced else DONE


def show_examples(root: Path, version: str, into: Path) -> int:
    """Render the example services into a folder."""
    try:
        state = working_tree(root) if version == "HEAD" else at(root, version)
        made = examples.preview(root.resolve(), version, state, into)
    except (StateError, GitError, EngineError, OSError) as error:
        return _failed("examples", str(error))
    for name in made:
        sys.stdout.write(f"{into / name}\n")
    return DONE


def make_release(root: Path, wish: Wish, *, dry: bool) -> int:
    """Make a release, or say what it would be."""

    def tell(step: str) -> None:
        sys.stderr.write(f"  {step}\n")
        sys.stderr.flush()

    try:
        made = release(root, wish, dry=dry, told=tell)
    except ReleaseError as error:
        return _refused(error)
    except (StateError, GitError, EngineError, OSError) as error:
        return _failed("release", f"{error}; nothing was changed")
    if dry:
        sys.stdout.write(f"\n{made.notes}{_ended(made, wish.branch, '')}")
        return DONE
    sys.stdout.write(_ended(made, wish.branch, _kept(root, made)))
    return DONE


def _kept(root: Path, made: Release) -> str:
    """Write the notes into a file for the release page, and say where they are."""
    notes = root / NOTES.format(made.version)
    try:
        notes.parent.mkdir(exist_ok=True)
        notes.write_text(made.notes, encoding="utf-8", newline="\n")
    except OSError:
        return "in the tag"
    return f"{NOTES.format(made.version)}, and in the tag"


def _ended(made: Release, branch: str, notes: str) -> str:
    paint = Paint(on=colours(sys.stdout))
    breaks, dry = len(breaking(made.found)), not notes
    lines = [
        "",
        f"{paint('green', made.tag)} {'would be made' if dry else 'is made'}",
        f"  since      {made.last or 'the beginning'}, {_plural(made.commits, 'commit')}",
        f"  changelog  {_plural(sum(line.startswith('- ') for line in made.body.splitlines()), 'line')}",
        f"  services   {f'{breaks} findings that break them' if breaks else 'nothing breaks them'}",
        f"  examples   {', '.join(made.examples) or 'none of them changed'}",
    ]
    if dry:
        return "\n".join([*lines, "", "Nothing was changed. To make it: make release", ""])
    return "\n".join(
        [
            *lines,
            f"  notes      {notes}",
            "",
            "Look at it, then push it in one go:",
            f"  {paint('cyan', f'git show {made.tag}')}",
            f"  {paint('cyan', 'git log -1 -p examples')}",
            f"  {paint('cyan', f'git push --atomic origin {branch} {made.tag} examples')}",
            "",
            "To take it back while it is not pushed:",
            f"  {paint('dim', f'git tag -d {made.tag}; git reset --keep HEAD~1')}",
            *([f"  {paint('dim', _examples_back(made))}"] if made.examples else []),
            "",
        ]
    )


def _examples_back(made: Release) -> str:
    return "git branch -f examples examples~1" if made.last else "git branch -D examples"


def _refused(error: ReleaseError) -> int:
    paint = Paint(on=colours(sys.stderr))
    sys.stderr.write(f"{paint('red', 'no release was made')}\n")
    for reason in error.reasons:
        sys.stderr.write(f"  - {shown_whole(reason)}\n")
    return FAILED


def _failed(command: str, message: str) -> int:
    paint = Paint(on=colours(sys.stderr))
    sys.stderr.write(f"{paint('red', f'slipway template {command}')}: {shown_whole(message)}\n")
    return FAILED


def _plural(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"
