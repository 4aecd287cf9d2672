"""The Dockerfile: what only a real build would find, and what linters of single lines do not hold together."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from slipway.contract.dockerfile import (
    DOCKERFILE,
    PLATFORM_ARGUMENTS,
    VARIABLE,
    Dockerfile,
    Instruction,
    Stage,
    every,
    exec_form,
    origins,
    parsed,
    read,
)
from slipway.contract.registry import check
from slipway.contract.repository import Repository

Found = Iterator[tuple[str, int, str]]

ROOT = frozenset({"0", "root"})
FLAGS = {
    "FROM": {"platform"},
    "RUN": {"mount", "network", "security", "device"},
    "COPY": {"from", "chown", "chmod", "link", "parents", "exclude"},
    "ADD": {"checksum", "chown", "chmod", "keep-git-dir", "link", "exclude", "unpack"},
    "HEALTHCHECK": {"interval", "timeout", "start-period", "start-interval", "retries"},
}
KNOWN = frozenset(FLAGS) | {
    *("ARG", "CMD", "ENTRYPOINT", "ENV", "EXPOSE", "LABEL", "MAINTAINER", "ONBUILD"),
    *("SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"),
}
DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ns|us|ms|s|m|h))+\Z")
PORT = re.compile(r"\d+(?:-\d+)?(?:/(?:tcp|udp|sctp))?\Z")
NO_SHELL = re.compile(r"scratch\Z|.*\bdistroless\b(?!.*:[\w.-]*debug)")
STARTED = frozenset({"CMD", "ENTRYPOINT", "HEALTHCHECK"})
INSTALLS = re.compile(
    r"\b(?:(?:apt-get|apt|apk|yum|dnf|microdnf|zypper|pacman)\b[^;&|]*?\b(?:install|add|upgrade|update|-S\w*)\b"
    r"|(?:pip3?|npm|pnpm|yarn|gem|go|cargo)\s+(?:ci|install|add|build|get)\b)"
)
SECRET = re.compile(r"(?:PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|CREDENTIALS?|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY)\Z")
SECRET_FILE = re.compile(
    r"(?:.*/)?(?:\.env(?:\..+)?|\.netrc|\.npmrc|\.git-credentials|id_(?:rsa|ed25519)|.+\.(?:pem|key))\Z"
)
ADDRESS = re.compile(r"^\| `\w+_ADDR` \| `[^`]*:(\d+)`", re.MULTILINE)
TAKEN_OVER = re.compile(r"(?:.*/)?aquasec(?:urity)?/trivy:v?0\.69\.[456](?!\d)")
PIPED = re.compile(r"\b(?:curl|wget)\b[^|;&]*\|\s*(?:ba|da|z)?sh\b")
UNCHECKED = re.compile(
    r"\bGO(?:INSECURE|NOSUMDB|NOSUMCHECK)=[\"']?[^\s\"']|\bGOSUMDB=[\"']?off\b|\bGOPROXY=[\"']?http://|-mod=mod\b"
    r"|--no-check-certificate\b|\bcurl\b[^|;&]*\s(?:--insecure|-[a-zA-Z]*k[a-zA-Z]*)\s"
)
WRITABLE = re.compile(r"0?[0-7]?[0-7]{2}[2367]\Z|.*(?:a|o|^)\+\w*w")
LONGEST_INTERVAL = 60
PARTS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
GO_IMAGE = re.compile(r"(?:.*/)?golang:(\d+)\.(\d+)(?:\.(\d+))?")
GO_DIRECTIVE = re.compile(r"^go (\d+)\.(\d+)(?:\.(\d+))?", re.MULTILINE)


class Plain(NamedTuple):
    """One stage for who needs no flags: its instructions are line, name and arguments, those it inherits first."""

    line: int
    image: str
    name: str
    instructions: list[tuple[int, str, str]]


def dockerfiles(repository: Repository) -> Iterator[tuple[str, list[Plain]]]:
    """Give each Dockerfile with its stages."""
    for path, one in read(repository):
        yield (
            path,
            [
                Plain(
                    stage.line,
                    stage.image,
                    stage.name,
                    [
                        (instruction.line, instruction.word, instruction.rest)
                        for above in reversed(one.parents(index))
                        for instruction in one.stages[above].instructions
                    ],
                )
                for index, stage in enumerate(one.stages)
            ],
        )


def of_the_service(repository: Repository) -> Iterator[tuple[str, Dockerfile]]:
    """Give the Dockerfiles of what is shipped; one in a folder of its own makes a tool of the pipelines."""
    return ((path, one) for path, one in read(repository) if "/" not in path)


def images(one: Dockerfile) -> Iterator[tuple[int, str, str]]:
    """Give each image that a build fetches: where, in which words, and its name."""
    for index, stage in enumerate(one.stages):
        if one.named(stage.image, index) is None and stage.image not in ("", "scratch"):
            yield stage.line, f"FROM {stage.image}", stage.image
        for instruction in stage.instructions:
            for origin in origins(instruction):
                if one.named(origin, index) is None and _is_image(origin):
                    yield instruction.line, f"{instruction.word} from {origin}", origin


def _is_image(origin: str) -> bool:
    return any(mark in origin for mark in "/:@")


@check(
    "DOC001",
    "the image runs as a numeric user that is not root, and that cannot change its programs",
    why="Kubernetes can verify runAsNonRoot only for a numeric user (Pod Security Standards, restricted; row L02).",
    fix="End each stage that is an image with USER 65532:65532, or another number above 0; copy without --chmod=777.",
)
def numeric_user(repository: Repository) -> Found:
    """Yield Dockerfiles with an image that runs as root or as a name, and files that everybody may write."""
    for path, one in read(repository):
        for _, _, instruction in every(one):
            mode = dict(instruction.flags).get("chmod", "") if instruction.word in ("COPY", "ADD") else ""
            asked = re.search(r"\bchmod\s+(?:-\w+\s+)*(\S+)", instruction.body) if instruction.word == "RUN" else None
            if WRITABLE.match(mode or (asked[1] if asked else "")):
                yield path, instruction.line, f"{instruction.word} lets everybody write: {mode or (asked and asked[0])}"
        for index in one.shipped():
            stage = one.stages[index]
            users = one.inherited(index, "USER")
            line, user = (users[-1].line, users[-1].body) if users else (stage.line, "")
            name = stage.name or "the last one"
            if not user:
                yield path, line, f"stage {name} has no USER, so it runs as root"
            elif user.split(":")[0] in ROOT or not user.split(":")[0].isdigit():
                yield path, line, f"USER {user} of stage {name} is not a number above 0"


@check(
    "DOC002",
    "every base image has a tag of its own",
    why="An image without a tag, or with latest, is another image tomorrow (row L03).",
    fix="Name a version: image:1.2.3, better with its digest.",
)
def tagged(repository: Repository) -> Found:
    """Yield base images without a tag."""
    for path, one in read(repository):
        for line, words, image in images(one):
            tag = image.rsplit("/", 1)[-1].partition("@")[0].partition(":")[2]
            if "$" not in image and (tag == "latest" or (not tag and "@sha256:" not in image)):
                yield path, line, f"{words} names no version"


@check(
    "DOC005",
    "nothing is fetched without a check",
    why="ADD of an address, a script from a pipe and modules without their sums are whatever the address answers.",
    fix="Fetch in a RUN step with a checksum, say ADD --checksum, or vendor the file; leave GOSUMDB and GOPROXY alone.",
)
def added(repository: Repository) -> Found:
    """Yield ADD instructions with an address, scripts that are run from a pipe, and modules that nothing checks."""
    for path, one in read(repository):
        for _, _, instruction in every(one):
            for asked in (PIPED, UNCHECKED) if instruction.word in ("RUN", "ENV", "ARG") else ():
                if found := asked.search(" ".join([f"{instruction.body} ", *instruction.heredocs])):
                    yield path, instruction.line, f"'{found[0].strip()}' takes what comes without a check"
            if instruction.word == "ADD" and "checksum" not in dict(instruction.flags):
                for source in instruction.words[:-1]:
                    if "://" in source or source.startswith("git@"):
                        yield path, instruction.line, f"ADD {source} fetches without a checksum"


@check(
    "DOC006",
    "every base image has a digest",
    why="Who holds the registry can put another image under a tag; no build with a digest takes it (row L03).",
    fix="Write image:tag@sha256:...; docker buildx imagetools inspect image:tag shows it, and Renovate moves it.",
)
def pinned(repository: Repository) -> Found:
    """Yield images that a build fetches by tag alone, releases that were taken over, and digests that nobody moves."""
    for path, one in read(repository):
        for line, words, image in images(one):
            if "$" not in image and not re.search(r"@sha256:[0-9a-f]{64}\Z", image):
                yield path, line, f"{words} has no digest"
            if TAKEN_OVER.match(image):
                yield path, line, f"{words} is a release that was taken over: 0.69.4 to 0.69.6 are malicious"
    try:
        told = repository.json("renovate.json") if "renovate.json" in repository.files else {}
    except ValueError:  # DAT002 tells it
        return
    extended = told.get("extends") or [] if isinstance(told, dict) else []
    if extended and not {"docker:pinDigests", "config:best-practices"} & {*extended}:
        yield "renovate.json", 0, "extends no docker:pinDigests, so that digests grow old"
    for name in extended:
        if name in (":disableDigestUpdates", "docker:disable"):
            yield "renovate.json", 0, f"{name} leaves the digests of images as they are"


@check(
    "DOC007",
    "an image without a shell needs none",
    why="In scratch and distroless nothing can run RUN, and no shell reads a command that is not a JSON array.",
    fix='Run in an earlier stage and copy the result; write ENTRYPOINT ["/app/api"], with double quotes.',
)
def shell_less(repository: Repository) -> Found:
    """Yield what asks a shell where there is none, and what was meant as an array and is none."""
    for path, one in read(repository):
        for index, stage, instruction in every(one):
            without = NO_SHELL.match(one.root(index).partition("@")[0]) is not None
            if without and instruction.word == "RUN" and exec_form(instruction.body) is None:
                yield (
                    path,
                    instruction.line,
                    f"RUN in stage {stage.name or index}: {one.root(index).partition('@')[0]} has no shell",
                )
            if instruction.word not in STARTED:
                continue
            command = instruction.body
            if instruction.word == "HEALTHCHECK":
                kind, _, command = command.partition(" ")
                if kind.upper() != "CMD":
                    continue
            command = command.strip()
            if exec_form(command) is not None:
                continue
            if command.startswith("["):
                yield path, instruction.line, f"{instruction.word} {command} is no JSON, so a shell is asked to run it"
            elif without:
                yield path, instruction.line, f"{instruction.word} {command} asks for a shell that the image has not"


@check(
    "DOC008",
    "no secret is an argument, a variable or a file of the image",
    why="docker history, the image and its provenance show arguments and variables to whoever can pull (row L06).",
    fix="Give it to one step: RUN --mount=type=secret,id=NAME, or to the running container by its environment.",
)
def secrets(repository: Repository) -> Found:
    """Yield arguments, variables and copied files that hold a secret."""
    for path, one in read(repository):
        for instruction in [*one.head, *(each for _, _, each in every(one))]:
            if instruction.word == "ARG":
                names = [word.partition("=")[0] for word in instruction.body.split()]
            elif instruction.word == "ENV":
                names = re.findall(r"([A-Za-z_]\w*)=", instruction.body) or instruction.body.split()[:1]
            else:
                names = []
            for name in names:
                if SECRET.search(name.upper()):
                    yield path, instruction.line, f"{instruction.word} {name} holds a secret that stays in the image"
            if instruction.word in ("COPY", "ADD") and "from" not in dict(instruction.flags):
                for source in instruction.words[:-1]:
                    if SECRET_FILE.match(source):
                        yield path, instruction.line, f"{instruction.word} {source} puts a secret into a layer"


@check(
    "DOC009",
    "the image is built elsewhere: it installs and compiles nothing",
    why="A compiler or a package manager in the image is there for an intruder too, and what it fetches changes daily.",
    fix="Do it in an earlier stage, and copy the result from there (rows L01 and L04).",
)
def lean(repository: Repository) -> Found:
    """Yield steps of shipped stages that install or compile."""
    for path, one in of_the_service(repository):
        seen: set[int] = set()
        for index in one.shipped():
            for instruction in one.inherited(index, "RUN"):
                text = " ".join([instruction.body, *instruction.heredocs])
                if (found := INSTALLS.search(text)) and instruction.line not in seen:
                    seen.add(instruction.line)
                    yield path, instruction.line, f"'{found[0]}' runs in an image that is shipped"


@check(
    "DOC010",
    "no step is a heredoc",
    why="Linters do not read scripts inside a heredoc, and builders other than BuildKit take them for instructions.",
    fix="Join commands with &&, or put the script into bin/ and run it.",
)
def no_heredoc(repository: Repository) -> Found:
    """Yield RUN instructions with a heredoc."""
    for path, one in read(repository):
        for _, _, instruction in every(one):
            if instruction.word == "RUN" and instruction.heredocs:
                yield path, instruction.line, "RUN holds a heredoc"


@check(
    "DOC013",
    "an exposed port is one that the service listens on",
    why="EXPOSE is what people read to learn the ports; one that nobody serves sends them and their rules astray.",
    fix="Expose the ports of docs/configuration.md (the variables that end with _ADDR), as numbers.",
)
def served(repository: Repository) -> Found:
    """Yield exposed ports that are none, or that no address of the configuration has."""
    known = set(ADDRESS.findall(repository.text("docs/configuration.md")))
    for path, one in read(repository):
        for _, _, instruction in every(one):
            for port in instruction.body.split() if instruction.word == "EXPOSE" else []:
                if "$" not in port and not PORT.match(port):
                    yield path, instruction.line, f"EXPOSE {port} is no port"
                elif path == "Dockerfile" and known and "$" not in port and port.split("/")[0] not in known:
                    yield path, instruction.line, f"EXPOSE {port}: the service listens on {', '.join(sorted(known))}"


@check(
    "DOC014",
    "the builder understands every line",
    why="An unknown instruction, flag, stage or duration stops the build before its first step.",
    fix="Write what the reference of the Dockerfile has; arguments of FROM stand above it, with a default.",
)
def understood(repository: Repository) -> Found:
    """Yield lines that a builder refuses."""
    for path in repository.matching(DOCKERFILE):
        one = parsed(repository.text(path))
        if not one.stages:
            yield path, 0, "there is no FROM"
        for instruction in one.head:
            if instruction.word != "ARG":
                yield path, instruction.line, f"{instruction.word} stands above the first FROM"
        for index, stage in enumerate(one.stages):
            yield from ((path, stage.line, told) for told in _misnamed(one, index, stage))
        for _, _, instruction in every(one):
            yield from ((path, instruction.line, told) for told in _misspelt(instruction))


def _misnamed(one: Dockerfile, index: int, stage: Stage) -> Iterator[str]:
    words = Instruction(stage.line, "FROM", stage.source).body.split()
    if len(words) not in (1, 3) or (len(words) == 3 and words[1].upper() != "AS"):  # noqa: PLR2004
        yield f"FROM {stage.source} is not FROM image [AS name]"
    for flag, _ in Instruction(stage.line, "FROM", stage.source).flags:
        if flag not in FLAGS["FROM"]:
            yield f"FROM has no --{flag}"
    for found in VARIABLE.finditer(stage.image):
        yield f"FROM {stage.image}: no ARG above the first FROM gives {found[1] or found[4]} a value"
    names = [other.name.lower() for other in one.stages]
    if stage.name and stage.name.lower() in names[:index]:
        yield f"a stage above is named {stage.name} too"
    if stage.image.lower() in [name for name in names[index:] if name]:
        yield f"FROM {stage.image}: that stage stands further down"


def _misspelt(instruction: Instruction) -> Iterator[str]:
    word = instruction.word
    if word not in KNOWN:
        yield f"{word} is no instruction"
        return
    for flag, value in instruction.flags:
        if flag not in FLAGS.get(word, ()):
            yield f"{word} has no --{flag}"
        elif word == "HEALTHCHECK" and flag != "retries" and not DURATION.match(value):
            yield f"HEALTHCHECK --{flag}={value} is no duration, such as 10s"
    if word in ("COPY", "ADD") and not instruction.heredocs and len(instruction.words) < 2:  # noqa: PLR2004
        yield f"{word} {instruction.rest} needs a source and a target"
    if word == "HEALTHCHECK" and instruction.body.split(" ")[0].upper() not in ("CMD", "NONE"):
        yield "HEALTHCHECK is followed by CMD or NONE"
    if not instruction.rest:
        yield f"{word} says nothing"


@check(
    "DOC015",
    "an argument is declared in the stage that uses it",
    why="One that is not declared there is empty: a label without a version, or programs for the wrong processor.",
    fix="Write ARG NAME in that stage, or in one it builds upon, above the line.",
)
def declared(repository: Repository) -> Found:
    """Yield uses of arguments that are not declared in their stage."""
    for path, one in read(repository):
        arguments = PLATFORM_ARGUMENTS | {
            name for instruction in [*one.head, *(each for _, _, each in every(one))] for name in _declares(instruction)
        }
        for index, stage in enumerate(one.stages):
            known = {
                name
                for above in one.parents(index)[1:]
                for instruction in one.stages[above].instructions
                for name in _declares(instruction) | _sets(instruction)
            }
            for instruction in stage.instructions:
                for name in _uses(instruction):
                    if name in known or (instruction.word == "RUN" and name not in arguments):
                        continue
                    yield path, instruction.line, f"{instruction.word} uses {name}, which this stage does not declare"
                known |= _declares(instruction) | _sets(instruction)


def _declares(instruction: Instruction) -> set[str]:
    return {word.partition("=")[0] for word in instruction.body.split()} if instruction.word == "ARG" else set()


def _sets(instruction: Instruction) -> set[str]:
    if instruction.word != "ENV":
        return set()
    return set(re.findall(r"([A-Za-z_]\w*)=", instruction.body)) or set(instruction.body.split()[:1])


def _uses(instruction: Instruction) -> set[str]:
    """Give the variables that a line takes: not those that have a value for when they are empty, or that it sets."""
    if instruction.word in ("CMD", "ENTRYPOINT", "HEALTHCHECK", "SHELL", "ONBUILD"):
        return set()
    text = re.sub(r"\\\$", "", instruction.rest)
    used = {found[1] or found[4] for found in VARIABLE.finditer(text) if not found[2]}
    if instruction.word == "RUN":
        used -= set(re.findall(r"(?:^|[\s;&|(])([A-Za-z_]\w*)=", text))
        used -= set(re.findall(r"\b(?:for|read)\s+(?:-\w+\s+)*([A-Za-z_]\w*)", text))
    return used


@check(
    "DOC016",
    "the image says what it is, and whether it is well",
    why="Without a revision nobody finds the source of what runs; Compose waits for a health check (rows L05, L07).",
    fix='Add LABEL org.opencontainers.image.revision="${REVISION}", and HEALTHCHECK with the program of ENTRYPOINT.',
)
def described(repository: Repository) -> Found:
    """Yield what the image of the repository does not say."""
    one = dict(read(repository)).get("Dockerfile")
    if one is None:
        return
    for index in one.shipped():
        yield from (("Dockerfile", line, message) for line, message in _asked(one, index))
    last = len(one.stages) - 1
    labels = " ".join(instruction.body for instruction in one.inherited(last, "LABEL"))
    for name in ("title", "source", "version", "revision"):
        found = re.search(rf"org\.opencontainers\.image\.{name}\"?=(\"[^\"]*\"|\S*)", labels)
        if found is None or not found[1].strip('"'):
            yield "Dockerfile", one.stages[last].line, f"there is no label org.opencontainers.image.{name}"
        elif name == "source" and "://" in found[1] and (url := repository.answers.get("repository_url", "")):
            if found[1].strip('"') != url:
                yield (
                    "Dockerfile",
                    one.stages[last].line,
                    f"the label source is {found[1]}, and the repository is at {url}",
                )
        elif name in ("version", "revision") and "$" not in found[1]:
            yield "Dockerfile", one.stages[last].line, f"the label {name} is always {found[1]}, whatever is built"
    if not [each for each in one.inherited(last, "HEALTHCHECK") if each.body.upper() != "NONE"]:
        yield "Dockerfile", one.stages[last].line, "there is no HEALTHCHECK"


def _asked(one: Dockerfile, index: int) -> Iterator[tuple[int, str]]:
    """Say what is wrong with how an image is asked whether it is well, and how it is told to stop."""
    started = [exec_form(each.body) for each in one.inherited(index, "ENTRYPOINT")]
    for each in one.inherited(index, "HEALTHCHECK")[-1:]:
        program = (exec_form(each.body.partition(" ")[2].strip()) or [""])[0]
        starts = ((started[-1] if started else None) or [""])[0]
        if program and starts and program.rsplit("/", 1)[0] == starts.rsplit("/", 1)[0] and program != starts:
            yield each.line, f"HEALTHCHECK asks {program}, and the image starts {starts}"
        flags = dict(each.flags)
        interval, limit = _seconds(flags.get("interval", "30s")), _seconds(flags.get("timeout", "30s"))
        if interval > LONGEST_INTERVAL:
            yield each.line, f"HEALTHCHECK --interval={flags['interval']}: {LONGEST_INTERVAL} s are the most"
        if limit > interval:
            yield each.line, f"HEALTHCHECK --timeout={flags.get('timeout', '30s')} is longer than its interval"
    for each in one.inherited(index, "STOPSIGNAL")[-1:]:
        if each.body.upper().removeprefix("SIG") in ("KILL", "9"):
            yield each.line, f"STOPSIGNAL {each.body} ends the program without letting it finish"


def _seconds(duration: str) -> float:
    return sum(float(number) * PARTS[unit] for number, unit in re.findall(r"(\d+(?:\.\d+)?)(ns|us|ms|s|m|h)", duration))


@check(
    "DOC017",
    "the compiler of the image is as new as go.mod asks, and the one that the pipelines test with",
    why="The image of Go fetches no other version of itself, and what one compiler tested another must not ship.",
    fix="Raise the golang image (tag and digest) in the Dockerfile and in ci/, or lower the line go in go.mod.",
)
def new_enough(repository: Repository) -> Found:
    """Yield compilers that are older than go.mod asks, and pipelines that test with another one."""
    wanted = GO_DIRECTIVE.search(repository.text("go.mod"))
    built = {
        found.groups()
        for path, one in of_the_service(repository)
        for _, _, name in images(one)
        if (found := GO_IMAGE.match(name))
    }
    for path in repository.matching(r"(?:\.gitlab-ci\.yml|ci/[^/]+\.gitlab-ci\.yml)$") if built else ():
        for number, text in repository.lines(path):
            tested = re.match(r"\s*(?:image|name):\s*[\"']?((?:\S*/)?golang:[^\s@\"']+)", text)
            found = GO_IMAGE.match(tested[1]) if tested else None
            if tested and found and not any(_agree(found.groups(), one) for one in built):
                yield path, number, f"{tested[1]} tests what another compiler builds for the image (Dockerfile)"
    for path, one in read(repository):
        for line, _, image in images(one):
            found = GO_IMAGE.match(image)
            if wanted is None or found is None or path != "Dockerfile":
                continue
            parts = len([part for part in found.groups() if part])
            have = tuple(int(part) for part in found.groups() if part)
            least = tuple(int(part or 0) for part in wanted.groups())[:parts]
            if have < least:
                yield (
                    path,
                    line,
                    f"{image.partition('@')[0]} is older than go {wanted[0].removeprefix('go ')} of go.mod",
                )


def _agree(one: tuple[str | None, ...], other: tuple[str | None, ...]) -> bool:
    """Tell whether two versions may be the same; 1.26 may be any 1.26."""
    return all(mine == theirs or None in (mine, theirs) for mine, theirs in zip(one, other, strict=True))


@check(
    "DOC018",
    "what is shipped stands on an image without a system",
    why="A shell and a package manager are tools for who breaks in, and most of what scanners find (row L04).",
    fix="Start the last stages FROM gcr.io/distroless/static-debian13:nonroot or scratch, never from a debug image.",
)
def minimal(repository: Repository) -> Found:
    """Yield shipped stages that stand on anything but scratch or distroless."""
    for path, one in of_the_service(repository):
        for root in dict.fromkeys(one.root(index) for index in one.shipped()):
            if "$" not in root and not NO_SHELL.match(root.partition("@")[0]):
                line = next(stage.line for stage in one.stages if stage.image == root)
                yield path, line, f"{root.partition('@')[0]} has a shell, and it is shipped"


@check(
    "DOC019",
    "programs are built alike whenever and wherever, for the platform that is asked for, and run without a libc",
    why="Paths and dates change the digest of an unchanged commit; one processor's programs, or a libc, do not start.",
    fix="Build with CGO_ENABLED=0, -trimpath, GOOS=${TARGETOS} GOARCH=${TARGETARCH}, and -X main.NAME that is there.",
)
def built_alike(repository: Repository) -> Found:
    """Yield compilations that differ from machine to machine, or whose programs do not start in the image."""
    for path, one in of_the_service(repository):
        static = any(re.match(r"scratch\Z|.*\bdistroless/static", one.root(index)) for index in one.shipped())
        for index, _, instruction in every(one):
            if instruction.word != "RUN" or not re.search(r"\bgo\s+(?:build|install)\b", instruction.body):
                continue
            given = " ".join([*(each.body for each in one.inherited(index, "ENV")), instruction.body])
            for told in _unlike(repository, given, static=static):
                yield path, instruction.line, told


def _unlike(repository: Repository, given: str, *, static: bool) -> Iterator[str]:
    if "-trimpath" not in given:
        yield "go build without -trimpath writes the builder's paths into the programs"
    if found := re.search(r"\$\(\s*date\b|`date\b", given):
        yield f"{found[0]}: the time of the build changes what an unchanged commit gives"
    if static and re.findall(r"\bCGO_ENABLED=(\S+)", given)[-1:] != ["0"]:
        yield "go build without CGO_ENABLED=0 makes programs that want a libc, which the image has not"
    for name, value in re.findall(r"\b(GOOS|GOARCH)=[\"']?([a-z0-9]+)", given):
        yield f"{name}={value} is one platform, whatever was asked for"
    mains = [repository.text(path) for path in repository.matching(r"cmd/[^/]+/[^/]+(?<!_test)\.go$")]
    for name in re.findall(r"-X\s+main\.(\w+)=", given):
        if mains and not any(re.search(rf"^(?:var)?\s*{name}\s*(?:string\s*)?=", text, re.MULTILINE) for text in mains):
            yield f"-X main.{name} sets what no program of cmd/ has, which the linker does not tell"


@check(
    "DOC020",
    "modules are fetched by their sums, before the sources are there",
    why="A step below the sources is done again for each change of a line; without go.sum nothing is checked.",
    fix="COPY go.mod go.sum ./, then RUN go mod download, and only then COPY the sources.",
)
def in_layers(repository: Repository) -> Found:
    """Yield downloads of modules that come late or without go.sum."""
    for path, one in of_the_service(repository):
        for stage in one.stages:
            copied: set[str] = set()
            for instruction in stage.instructions:
                if instruction.word in ("COPY", "ADD") and "from" not in dict(instruction.flags):
                    copied |= {name.removeprefix("./").rstrip("/") or "." for name in instruction.words[:-1]}
                if instruction.word != "RUN" or not re.search(r"\bgo mod download\b", instruction.body):
                    continue
                early = copied & {".", "cmd", "internal", "*"}
                if early:
                    yield (
                        path,
                        instruction.line,
                        "go mod download comes after the sources, so that each change repeats it",
                    )
                if not copied & {"go.sum", "go.*", ".", "*"}:
                    yield path, instruction.line, "go mod download without go.sum checks nothing"
