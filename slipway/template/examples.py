"""The example services: a few, rendered at each release onto a branch, so that a release is read as a diff."""

from __future__ import annotations

import itertools
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from slipway.engine import Engine
from slipway.gitting import GitError, git
from slipway.lineage import ANSWERS_FILE
from slipway.template.measure import dated
from slipway.template.state import Answers, State

BRANCH = "examples"
DEFAULT = "default"
LINEAGE = re.compile(r"^_(?:commit|src_path):.*\n", re.MULTILINE)
EXACT = ("-c", "core.autocrlf=false", "-c", "core.safecrlf=false", "-c", "core.fileMode=true")
README = """\
# Example services

Each folder is a service as the template renders it, at the newest release. A release is one commit here:
`git diff {branch}~1 {branch}` shows what it changes in them. Nobody edits this branch: `slipway template release`
writes it. The answers files are without the template's address and version, which change with every release.

| Folder | Choices |
| --- | --- |
"""


def chosen(state: State) -> dict[str, Answers]:
    """Give the answers of each example by its name: all defaults, then every other choice at least once.

    The second takes the second value of each choice, the third the third, and so on; a choice with fewer values gives
    its default again.
    """
    found: dict[str, Answers] = {}
    for row in itertools.zip_longest(*state.offered.values()) if state.offered else [()]:
        values = dict(zip(state.offered, row, strict=True))
        answers = {name: value or state.offered[name][0] for name, value in values.items()}
        other = [value for name, value in answers.items() if value != state.offered[name][0]]
        found["-".join(other) or DEFAULT] = answers
    return found


def write(engine: Engine, source: Path, version: str, state: State, into: Path) -> list[str]:
    """Render the examples into a folder, each into a folder of its own there.

    Args:
        engine: renders them.
        source: a repository of the template that has the version.
        version: a tag, a commit, or HEAD.
        state: the template at that version.
        into: is made; it must hold none of the examples.

    Returns:
        The names of the examples.

    Raises:
        EngineError: Copier could not render one of them.
        FileExistsError: the folder holds one already.
    """
    examples = chosen(state)
    taken = [name for name in examples if (into / name).exists()]
    if taken:
        message = f"{into} has {', '.join(taken)} already; name another folder, or remove them"
        raise FileExistsError(message)
    into.mkdir(parents=True, exist_ok=True)
    for name, answers in examples.items():
        engine.render(str(source), version, dated(answers, state), into / name)
        path = into / name / ANSWERS_FILE
        path.write_text(LINEAGE.sub("", path.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
    (into / "README.md").write_text(_readme(examples), encoding="utf-8", newline="\n")
    return list(examples)


def commit(repository: Path, folder: Path, message: str, branch: str = BRANCH) -> str | None:
    """Commit a folder of examples on top of a branch of its own, in a bare repository; the first begins the branch.

    Returns:
        The commit; nothing when the examples are the branch's already.

    Raises:
        GitError: git failed.
    """
    try:
        parent = git(repository, "rev-parse", "--verify", "--quiet", f"refs/heads/{branch}^{{commit}}").strip()
    except GitError:
        parent = ""
    here = (f"--git-dir={repository}", f"--work-tree={folder}")
    git(folder, *here, "read-tree", "--empty")
    git(folder, *here, *EXACT, "add", "--all", "--force", ".")
    tree = git(folder, *here, "write-tree").strip()
    if parent and git(repository, "rev-parse", f"{parent}^{{tree}}").strip() == tree:
        return None
    made = commit_tree(repository, tree, parent, message)
    git(repository, "update-ref", f"refs/heads/{branch}", made)
    return made


def commit_tree(repository: Path, tree: str, parent: str, message: str) -> str:
    """Commit a tree on top of a commit, or of nothing, signed where the repository asks for it, and give the commit.

    Raises:
        GitError: git failed, for example because it does not know who commits, or cannot sign.
    """
    try:
        signed = git(repository, "config", "--type=bool", "--get", "commit.gpgSign").strip() == "true"
    except GitError:  # not set
        signed = False
    options = [*(["-p", parent] if parent else []), *(["-S"] if signed else [])]
    return git(repository, "commit-tree", tree, *options, "-F", "-", given=message).strip()


def preview(root: Path, version: str, state: State, into: Path) -> list[str]:
    """Render the examples of a template's repository into a folder; as `write`."""
    with tempfile.TemporaryDirectory(prefix="slipway-", ignore_cleanup_errors=True) as scratch:
        return write(Engine(Path(scratch)), root, version, state, into)


def _readme(examples: Mapping[str, Answers]) -> str:
    rows = [
        f"| [{name}]({name}) | {', '.join(f'{question}: {value}' for question, value in answers.items())} |\n"
        for name, answers in examples.items()
    ]
    return README.format(branch=BRANCH) + "".join(rows)
