"""The templates of a fleet: each fetched once, then read by every process; what was rendered is kept."""

from __future__ import annotations

import hashlib
import json
import os
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from slipway import versions
from slipway.engine import Engine, EngineError
from slipway.fleet.sources import said
from slipway.gitting import GitError, git, without_credentials
from slipway.lineage import Link, is_local

Blobs = dict[str, tuple[bool, str]]
"""Path of each file, whether it is executable, and the name git gives its content."""


class Template(NamedTuple):
    """A template, as it was fetched.

    Attributes:
        newest: its newest release.
        state: differs when any tag or branch of it does.
    """

    newest: str
    state: str


def fetch(_place: Path, task: tuple[str, Path]) -> Template:
    """Fetch a template to where every process will read it; no other process may fetch the same one meanwhile.

    Args:
        task: the recorded source, and the folder that keeps templates in `mirrors`.

    Raises:
        EngineError: the template cannot be reached, or has no release.
    """
    source, keeping = task
    engine = Engine(keeping)
    try:
        mirror = engine.mirror(source)
    except EngineError as error:
        why = said(error.__cause__) if isinstance(error.__cause__, GitError) else str(error)
        message = without_credentials(f"the template {source} cannot be fetched: {why}")
        raise EngineError(message) from error
    refs = git(mirror, "for-each-ref", "--format=%(objectname) %(refname)", "refs/tags", "refs/heads")
    newest = versions.newest(git(mirror, "tag", "--list").split())
    if not newest:
        message = without_credentials(f"the template {source} has no release")
        raise EngineError(message)
    return Template(newest, hashlib.sha256(refs.encode("utf-8", "surrogateescape")).hexdigest())


def unlock(keeping: Path) -> None:
    """Remove what a run that was killed left of a fetch; only for the one run that has the folder."""
    for left in (keeping / "mirrors").glob("*/**/*.lock"):
        left.unlink(missing_ok=True)


@lru_cache(maxsize=1)
def engine_of(place: Path, mirrors: Path) -> Engine:
    """Give the engine of this process: what it compiled serves every repository that the process is given."""
    return Engine(place, mirrors=mirrors)


def blobs(engine: Engine, link: Link, algorithm: str, keeping: Path, scratch: Path) -> Blobs:
    """Give the files that a template renders for some answers; rendered once, then read from a file.

    Args:
        engine: renders what is not kept yet.
        link: the template, the version and the answers.
        algorithm: the hash of the repository's objects, by the name that hashlib knows.
        keeping: holds what is kept; several processes may use it.
        scratch: a folder that is not there yet.

    Raises:
        EngineError: the template does not have the version, or refuses the answers.
    """
    from copier import __version__ as copier  # noqa: PLC0415  -- one name, for the key alone

    mirror = engine.mirror(link.source)
    try:
        commit = git(mirror, "rev-parse", "--verify", "--quiet", f"{link.commit}^{{commit}}").strip()
    except GitError as error:
        message = f"the template {link.source} has no version {link.commit}"
        raise EngineError(message) from error
    source = str(mirror) if is_local(link.source) else link.source
    said_of_it = json.dumps([copier, algorithm, source, commit, link.answers], sort_keys=True, default=repr)
    kept = keeping / f"{hashlib.sha256(said_of_it.encode('utf-8', 'surrogateescape')).hexdigest()}.json"
    try:
        found = json.loads(kept.read_text(encoding="utf-8"))
        return {path: (bool(executable), str(blob)) for path, (executable, blob) in found.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        engine.render(link.source, link.commit, link.answers, scratch)
    rendered = dict(_read(scratch, algorithm))
    keeping.mkdir(parents=True, exist_ok=True)
    half = kept.with_suffix(f".{os.getpid()}")
    half.write_text(json.dumps(rendered), encoding="utf-8", newline="\n")
    half.replace(kept)
    return rendered


def _read(folder: Path, algorithm: str) -> Blobs:
    found: Blobs = {}
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            content = file.read_bytes()
            name = hashlib.new(algorithm, f"blob {len(content)}\0".encode() + content).hexdigest()
            found[file.relative_to(folder).as_posix()] = (bool(file.stat().st_mode & 0o100), name)
    return found
