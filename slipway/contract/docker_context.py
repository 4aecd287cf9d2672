"""What the build of an image reads and copies: that it is there, gets to the builder, and ends up in the image."""

from __future__ import annotations

import re
from collections.abc import Iterator

from slipway.contract.dockerfile import Dockerfile, Instruction, every, exec_form, origins, read
from slipway.contract.dockerignore import context, globbed, kept_out, rules_of
from slipway.contract.registry import check
from slipway.contract.repository import Repository

Found = Iterator[tuple[str, int, str]]

NO_SYSTEM = re.compile(r"scratch\Z|.*\bdistroless\b")
OF_THE_SYSTEM = re.compile(r"/(?:bin|etc|go|home|lib|lib32|lib64|opt|root|sbin|tmp|usr|var)(?:/|\Z)")
KEPT_OUT = {
    ".git": ".git/config",
    ".env": ".env",
    ".env of a folder below": "internal/.env",
    "a private key (*.key)": "internal/server.key",
    "a private key (*.pem)": "cmd/api/tls.pem",
}
TOKEN = re.compile(r"[^\s\"'=;&|(),<>]+")
BUILDS = re.compile(r"\bgo\s+(?:build|install|test|vet|run)\b[^;&|]*")
OUTPUT = re.compile(r"\s-o[\s=]+(\S+)")
IMPORT = re.compile(r"^\s*(?:import\s+)?(?:[\w.]+\s+)?\"([^\"\s]+)\"\s*$", re.MULTILINE)
EMBED = re.compile(r"^//go:embed (.+)$", re.MULTILINE)


@check(
    "DOC003",
    "what COPY takes is there",
    why="A missing source is found only by a real build, late in the pipeline.",
    fix="Name a file or folder that exists and .dockerignore lets through, or what a stage above makes.",
)
def copied(repository: Repository) -> Found:
    """Yield COPY instructions whose source, or its stage, does not exist when the image is built."""
    for path, one in read(repository):
        for index, _, instruction in every(one):
            for told in (*_unknown(one, index, instruction), *_missing(repository, path, one, index, instruction)):
                yield path, instruction.line, f"{instruction.word} {told}"


def _unknown(one: Dockerfile, index: int, instruction: Instruction) -> Iterator[str]:
    for origin in origins(instruction):
        if one.named(origin, index) is None and not any(mark in origin for mark in "/:@$"):
            yield f"--from={origin}: there is no such stage above"


def _missing(repository: Repository, path: str, one: Dockerfile, index: int, instruction: Instruction) -> Iterator[str]:
    if instruction.word not in ("COPY", "ADD") or instruction.heredocs:
        return
    origin = dict(instruction.flags).get("from", "")
    above = one.named(origin, index)
    for source in instruction.words[:-1]:
        if "$" in source or "://" in source:
            continue
        if not origin and (told := _unreachable(repository, path, source)):
            yield f"{source}: {told}"
        elif above is not None and not _made(repository, one, above, source):
            yield f"--from={origin} {source}: nothing makes it there"


def _unreachable(repository: Repository, path: str, source: str) -> str:
    plain = source.removeprefix("./").strip("/")
    folder = path.rpartition("/")[0]
    if plain in ("", "."):
        return ""
    pattern = re.compile(f"{globbed(plain)}(?:/|$)")
    there = [file for file in repository.files if pattern.match(file)]
    if not there and folder:
        there = [file for file in repository.files if pattern.match(file.removeprefix(f"{folder}/"))]
        return "" if there else "there is no such file or folder"
    if not there:
        return "there is no such file or folder"
    reached = context(repository)
    return "" if folder or any(file in reached for file in there) else ".dockerignore keeps it out"


def _made(repository: Repository, one: Dockerfile, index: int, source: str) -> bool:
    """Tell whether a stage, or one below it, names a path, holds it from the context, or has it from a system."""
    wanted = source.rstrip("/") or "/"
    chain = one.parents(index)
    adds = any(each.word in ("RUN", "COPY", "ADD") for above in chain for each in one.stages[above].instructions)
    if one.root(index) != "scratch" and (OF_THE_SYSTEM.match(wanted) or not adds):
        return True
    places = [instruction.body.rstrip("/") for instruction in one.inherited(index, "WORKDIR")]
    names = {wanted, *(wanted.removeprefix(f"{place}/") for place in places)}
    for above in chain:
        for instruction in one.stages[above].instructions:
            if instruction.word in ("RUN", "WORKDIR", "VOLUME"):
                text = " ".join([instruction.rest, *instruction.heredocs])
                tokens = {token.rstrip("/").removeprefix("./") for token in TOKEN.findall(text)}
                if any(token == name or token.startswith(f"{name}/") for token in tokens for name in names):
                    return True
                parents = [f"{token}/" for token in tokens if token.startswith("/") and instruction.word == "RUN"]
                if any(name.startswith(parent) for parent in parents for name in names):
                    return True
            elif instruction.word in ("COPY", "ADD") and (words := instruction.words):
                target = words[-1].rstrip("/")
                if target.startswith("/") and (wanted == target or wanted.startswith(f"{target}/")):
                    return True
                if not target.startswith("/") and any(repository.exists(name) for name in names if name[:1] != "/"):
                    return True
    return False


@check(
    "DOC004",
    "git and secrets stay out of the build context",
    why="Whatever the context holds can end up in a layer that everybody can pull (row L06).",
    fix="Begin .dockerignore with *, let through what the build reads, and end it with **/.env* **/*.key **/*.pem.",
)
def ignored(repository: Repository) -> Found:
    """Yield what .dockerignore lets through."""
    if "Dockerfile" not in repository.files:
        return
    if ".dockerignore" not in repository.files:
        yield ".dockerignore", 0, "is missing: .git, .env and all else goes to the builder"
        return
    rules = rules_of(repository.text(".dockerignore"))
    for name, path in KEPT_OUT.items():
        if not kept_out(path, rules):
            yield ".dockerignore", 0, f"{name} is not ignored"


@check(
    "DOC011",
    "what an image starts is in it",
    why="A program that is not there is found when the container starts, and a probe that is not there never succeeds.",
    fix="Copy it in, or name what is there; programs are named after their folder in cmd/.",
)
def startable(repository: Repository) -> Found:
    """Yield programs that an image without a system names and does not hold."""
    for path, one in read(repository):
        for index in one.shipped():
            if NO_SYSTEM.match(one.root(index)) is None:
                continue
            held, known = _contents(repository, one, index)
            for instruction in _started(one, index):
                command = instruction.body
                if instruction.word == "HEALTHCHECK":
                    command = command.partition(" ")[2].strip()
                program = (exec_form(command) or [""])[0]
                if not program or program in held or any(program.startswith(f"{place}/") for place in known):
                    continue
                yield path, instruction.line, f"{instruction.word} names {program}, which is not in the image"


def _started(one: Dockerfile, index: int) -> Iterator[Instruction]:
    entry = one.inherited(index, "ENTRYPOINT")[-1:]
    yield from entry
    if not entry:
        yield from one.inherited(index, "CMD")[-1:]
    yield from one.inherited(index, "HEALTHCHECK")[-1:]


def _contents(repository: Repository, one: Dockerfile, index: int) -> tuple[set[str], set[str]]:
    """Give the files that COPY brings into an image, and the folders of which nobody knows what they hold."""
    held: set[str] = set()
    open_ended: set[str] = set()
    for stage in (one.stages[above] for above in one.parents(index)):
        for instruction in stage.instructions:
            if instruction.word not in ("COPY", "ADD") or not (words := instruction.words):
                continue
            target, sources = words[-1].rstrip("/"), words[:-1]
            origin = one.named(dict(instruction.flags).get("from", ""), one.stages.index(stage))
            for source in sources:
                names = None if origin is None else _outputs(repository, one, origin, source.rstrip("/"))
                if names is not None:
                    held |= {f"{target}/{name}" for name in names}
                elif source.endswith("/") or source in (".", "/"):
                    open_ended.add(target)
                else:
                    held |= {target, f"{target}/{source.rsplit('/', 1)[-1]}"}
    return held, open_ended


def _outputs(repository: Repository, one: Dockerfile, index: int, folder: str) -> set[str] | None:
    """Give the programs that a stage compiles into a folder; nothing when it compiles none there."""
    names: set[str] | None = None
    for instruction in one.inherited(index, "RUN"):
        for command in BUILDS.findall(instruction.body):
            output = OUTPUT.search(command)
            if output is None or output[1].rstrip("/") != folder or not output[1].endswith("/"):
                continue
            names = names or set()
            for package in (token for token in command.split() if token.startswith("./")):
                below = package.removeprefix("./").removesuffix("/...").rstrip("/")
                if package.endswith("/..."):
                    names |= {
                        path.split("/")[-2] for path in repository.matching(rf"{re.escape(below)}/(?:.*/)?main\.go$")
                    }
                else:
                    names.add(below.rsplit("/", 1)[-1])
    return names


@check(
    "DOC012",
    "what the build compiles gets to the builder",
    why="A package that is misspelt, or that .dockerignore keeps out, breaks the build of the image and no other.",
    fix="Name a package that exists, and let its folder through in .dockerignore: !folder.",
)
def compiled(repository: Repository) -> Found:
    """Yield packages that RUN names, that sources import or that they embed, and that the context lacks."""
    one = dict(read(repository)).get("Dockerfile")
    if one is None:
        return
    reached = context(repository)
    compiles = False
    for _, _, instruction in every(one):
        for command in BUILDS.findall(instruction.body if instruction.word == "RUN" else ""):
            compiles = True
            for package in (token for token in command.split() if token.startswith("./")):
                below = package.removeprefix("./").removesuffix("...").rstrip("/")
                inside = re.compile(rf"{re.escape(below)}/" if below else "")
                if not any(inside.match(path) and path.endswith(".go") for path in reached):
                    yield "Dockerfile", instruction.line, f"{package}: the build context has no such package"
    if compiles:
        yield from _unread(repository, reached)


def _unread(repository: Repository, reached: frozenset[str]) -> Found:
    module = next(iter(re.findall(r"^module (\S+)", repository.text("go.mod"), re.MULTILINE)), "")
    if not module:
        return
    folders = {path.rpartition("/")[0] for path in reached if path.endswith(".go")}
    told: set[str] = set()
    for path in sorted(one for one in reached if one.endswith(".go")):
        text = repository.text(path)
        for name in IMPORT.findall(text.partition("\nfunc ")[0]):
            folder = name.removeprefix(f"{module}/")
            if folder != name and folder not in folders and folder not in told:
                told.add(folder)
                yield ".dockerignore", 0, f"{folder}, which {path} imports, does not get to the builder"
        place = path.rpartition("/")[0]
        for pattern in (word for line in EMBED.findall(text) for word in line.split()):
            wanted = re.compile(f"{re.escape(place)}/{globbed(pattern.removeprefix('all:'))}(?:/|$)")
            if not any(wanted.match(other) for other in reached):
                yield ".dockerignore", 0, f"{pattern}, which {path} embeds, does not get to the builder"
