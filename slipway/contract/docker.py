"""The Dockerfile: what linters of single lines do not hold together."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from slipway.contract.registry import check
from slipway.contract.repository import Repository

ROOT = frozenset({"0", "root"})


class Stage(NamedTuple):
    """One stage of a Dockerfile: where it begins, what from, under which name, and its instructions."""

    line: int
    image: str
    name: str
    instructions: list[tuple[int, str, str]]


def stages(text: str) -> list[Stage]:
    """Split a Dockerfile into stages; continued lines are joined."""
    found: list[Stage] = []
    pending, begun = "", 0
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        begun = begun or number
        pending += line.removesuffix("\\") + " "
        if line.endswith("\\"):
            continue
        word, _, rest = pending.strip().partition(" ")
        if word.upper() == "FROM":
            parts = [part for part in rest.split() if not part.startswith("--")]
            named = parts[2] if len(parts) > 2 and parts[1].upper() == "AS" else ""  # noqa: PLR2004
            found.append(Stage(begun, parts[0], named, []))
        elif found:
            found[-1].instructions.append((begun, word.upper(), rest.strip()))
        pending, begun = "", 0
    return found


def dockerfiles(repository: Repository) -> Iterator[tuple[str, list[Stage]]]:
    """Give each Dockerfile with its stages."""
    for path in repository.matching(r"(?:.*/)?Dockerfile(?:\.[\w-]+)?$"):
        if found := stages(repository.text(path)):
            yield path, found


@check(
    "DOC001",
    "the image runs as a numeric user that is not root",
    why="Kubernetes can verify runAsNonRoot only for a numeric user (Pod Security Standards, restricted; row L02).",
    fix="End the last stage with USER 65532:65532, or another number above 0.",
)
def numeric_user(repository: Repository) -> Iterator[tuple[str, int, str]]:
    """Yield Dockerfiles whose last stage runs as root or as a name."""
    for path, found in dockerfiles(repository):
        users = [(line, rest) for line, word, rest in found[-1].instructions if word == "USER"]
        line, user = users[-1] if users else (found[-1].line, "")
        if not user:
            yield path, line, "the last stage has no USER, so it runs as root"
        elif user.split(":")[0] in ROOT or not user.split(":")[0].isdigit():
            yield path, line, f"USER {user} is not a number above 0"


@check(
    "DOC002",
    "every base image has a tag of its own",
    why="An image without a tag, or with latest, is another image tomorrow (row L03).",
    fix="Name a version: image:1.2.3, better with its digest.",
)
def tagged(repository: Repository) -> Iterator[tuple[str, int, str]]:
    """Yield base images without a tag."""
    for path, found in dockerfiles(repository):
        names = {stage.name for stage in found if stage.name}
        for stage in found:
            image = stage.image.rsplit("/", 1)[-1]
            if stage.image in names or image == "scratch" or "$" in image or "@sha256:" in image:
                continue
            if ":" not in image or image.endswith(":latest"):
                yield path, stage.line, f"FROM {stage.image} names no version"


@check(
    "DOC003",
    "what COPY takes is there",
    why="A missing source is found only by a real build, late in the pipeline.",
    fix="Name a file or folder of the repository, or a stage that stands above.",
)
def copied(repository: Repository) -> Iterator[tuple[str, int, str]]:
    """Yield COPY instructions whose source or stage does not exist."""
    for path, found in dockerfiles(repository):
        known: set[str] = set()
        for index, stage in enumerate(found):
            for line, word, rest in stage.instructions:
                if word != "COPY" or "<<" in rest:
                    continue
                flags = dict(part[2:].partition("=")[::2] for part in rest.split() if part.startswith("--"))
                origin = flags.get("from")
                if origin is None:
                    sources = [part for part in rest.split() if not part.startswith("--")][:-1]
                    for source in sources:
                        if not _present(repository, source):
                            yield path, line, f"COPY {source}: there is no such file or folder"
                elif origin not in known and "/" not in origin and ":" not in origin and "$" not in origin:
                    yield path, line, f"COPY --from={origin}: there is no such stage above"
            known |= {stage.name, str(index)} - {""}


def _present(repository: Repository, source: str) -> bool:
    plain = source.strip("\"'").removeprefix("./").strip("/")
    if plain in ("", ".") or "$" in plain:
        return True
    if any(mark in plain for mark in "*?["):
        pattern = re.escape(plain).replace(r"\*", "[^/]*").replace(r"\?", "[^/]")
        return next(repository.matching(f"{pattern}(?:/|$)"), None) is not None
    return repository.exists(plain)


@check(
    "DOC004",
    "git and secrets stay out of the build context",
    why="Whatever the context holds can end up in a layer that everybody can pull (row L06).",
    fix="Add .git and .env to .dockerignore.",
)
def ignored(repository: Repository) -> Iterator[tuple[str, int, str]]:
    """Yield what .dockerignore lets through."""
    if "Dockerfile" not in repository.files:
        return
    lines = {line.strip().strip("/") for _, line in repository.lines(".dockerignore")}
    for name in (".git", ".env"):
        if not lines & {name, f"{name}*", f"**/{name}", "*", "**"}:
            yield ".dockerignore", 0, f"{name} is not ignored"


@check(
    "DOC005",
    "nothing is fetched by ADD",
    why="ADD of an address fetches without a check of what arrives.",
    fix="Fetch in a RUN step with a checksum, or vendor the file.",
)
def added(repository: Repository) -> Iterator[tuple[str, int, str]]:
    """Yield ADD instructions with an address."""
    for path, found in dockerfiles(repository):
        for stage in found:
            for line, word, rest in stage.instructions:
                if word == "ADD" and "://" in rest and "--checksum" not in rest:
                    yield path, line, f"ADD {rest.split()[0]} fetches without a checksum"
