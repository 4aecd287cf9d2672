"""Scripts: POSIX shell, strict, executable, that explain themselves, leak nothing and change nothing unasked."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from slipway.contract.registry import check
from slipway.contract.repository import Repository

Findings = Iterator[tuple[str, int, str]]

KUBECTL = re.compile(
    r"(?:^|[;&|(]|\bthen|\bdo|\belse|\bif|!|\b(?:exec|attended|answered|command)"
    r"|\b(?:logged|noted|looked|timeout|step)\s+(?:\"[^\"]*\"|\S+))\s*kubectl\s+(?P<words>.*)"
)
WITHOUT_CLUSTER = re.compile(r"(?:config|kustomize|version)\b")
PLACES = r"(?:bin/[^/.]+|bin/[^/]+\.sh|\.githooks/[^/]+)$"
SHEBANG = re.compile(r"#!.*\b(?:ba|da|k|z)?sh\b")
PLAIN = re.compile(r"[^\\'\"#\n<$()]+")
TEMPORARY = "/tmp/"  # noqa: S108  -- what is looked for
HEREDOC = re.compile(r"<<-?\s*(?P<quote>['\"\\]?)(?P<word>[A-Za-z_][A-Za-z0-9_]*)['\"]?")


class Rule(NamedTuple):
    """What no script may hold.

    Attributes:
        needles: a line without any of them is not searched, which is quicker.
        pattern: what is searched for.
        told: what is wrong with it.
    """

    needles: tuple[str, ...]
    pattern: str
    told: str

    def found(self, line: str) -> str:
        """Give what a line holds of it; nothing where it holds none."""
        seen = re.search(self.pattern, line) if any(needle in line for needle in self.needles) else None
        return seen[0].strip() or seen[0] if seen else ""


BASHISMS = [
    Rule(("[[",), r"\[\[ ", "[[ is of bash; say ["),
    Rule(("function",), r"(?:^|[;&|]\s*)function\s+\w", "function is of bash; say name() {"),
    Rule(("source",), r"(?:^|[;&|]\s*|\b(?:then|do|else)\s+)source\s", "source is of bash; say ."),
    Rule(("==",), r"\[ [^]]*[^=!<>]==[^=]", "== is of bash; say ="),
    Rule(("<<<",), r"<<<", "<<< is of bash; say printf and |"),
    Rule(("pipefail",), r"set -[a-z]*o\s+pipefail", "pipefail is not in every sh; check each step"),
    Rule(("&>",), r"(?<![<>&|\w$])&>", "&> is of bash; say >file 2>&1"),
    Rule(
        (
            "<(",
            ">(",
        ),
        r"[<>]\(",
        "process substitution is of bash",
    ),
    Rule(("${",), r"\$\{[A-Za-z_]\w*(?:\[|,,|\^\^|//|:[0-9])", "arrays, case and pattern substitution are of bash"),
    Rule(
        (
            "declare",
            "typeset",
            "let",
            "shopt",
            "mapfile",
            "readarray",
            "pushd",
            "popd",
        ),
        r"^\s*(?:declare|typeset|let|shopt|mapfile|readarray|pushd|popd)\s",
        "this command is of bash",
    ),
    Rule(("=(",), r"(?:^|\s)\w+=\((?!\))", "arrays are of bash"),
    Rule(("echo -",), r"\becho -[en]", "echo -e and -n differ between shells; say printf"),
    Rule(("read -",), r"\bread\s+-[a-qs-z]", "read knows -r alone in sh"),
    Rule(
        (
            "RANDOM",
            "BASH_",
            "PIPESTATUS",
        ),
        r"\$RANDOM\b|\$\{?BASH_\w+|\$\{?PIPESTATUS",
        "this variable is of bash",
    ),
    Rule(
        ("local",), r"(?:^|[;&|]\s*|\s)local\s+\w+=", "local is not in every sh; let functions have names of their own"
    ),
    Rule(("trap",), r"\btrap\s+[^;]*\b(?:ERR|DEBUG|RETURN)\b", "this trap is of bash"),
]
SENSITIVE = r"\$\{?(?:\w*_)?(?:PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY|PRIVATE_KEY|CREDENTIALS?)\b"
LEAKS = [
    Rule(
        (
            "PASSWORD",
            "PASSWD",
            "SECRET",
            "TOKEN",
            "API_KEY",
            "APIKEY",
            "PRIVATE_KEY",
            "CREDENTIAL",
        ),
        rf"\b(?:echo|printf)\b(?![^|]*\|)[^|;]*{SENSITIVE}(?!:[+?])",
        "writes a secret where logs are kept",
    ),
    Rule(
        ("login",),
        r"\b(?:docker|podman|buildah|skopeo|crane|helm)\s+(?:\S+\s+)*login\b[^|]*\s(?:-p|--password)[ =](?!stdin)",
        ("hands a password to everybody who lists processes; say --password-stdin"),
    ),
    Rule(
        ("curl",),
        rf"\bcurl\b.*\s(?:-u|--user)[ =]\S*{SENSITIVE}",
        "hands a secret to whoever lists processes; say curl --config -",
    ),
    Rule(("set -",), r"\bset -[a-z]*x", "set -x writes every value, secrets too, into the log"),
    Rule(
        ("://",),
        r"[a-z]+://[^/\s:@$\"']+:(?!(?i:pass(?:word)?|secret|x+)@)[^/\s@$\"']+@",
        "an address with a password in it",
    ),
    Rule(
        (
            "AKIA",
            "ASIA",
            "ghp_",
            "glpat-",
        ),
        r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bghp_[A-Za-z0-9]{36}\b|\bglpat-[\w-]{20}",
        "a key that is written out",
    ),
    Rule(
        (
            "PASSWORD=",
            "SECRET=",
            "TOKEN=",
            "API_KEY=",
            "APIKEY=",
        ),
        r"^\s*(?:export\s+)?\w*(?:PASSWORD|SECRET|TOKEN|API_?KEY)=['\"]?[A-Za-z0-9+/_-]{6,}['\"]?\s*$",
        ("a secret that is written out"),
    ),
]
FETCHES = [
    Rule(
        (
            "curl",
            "wget",
        ),
        r"\b(?:curl|wget)\b[^|;]*\|\s*(?:sudo\s+)?(?:env\s+\S+\s+)?(?:ba|da|z)?sh\b",
        "runs whatever the address answers",
    ),
    Rule(("-c",), r"\b(?:ba|da|z)?sh\s+-c\s+[\"']?\$\((?:curl|wget)", "runs whatever the address answers"),
    Rule(
        (
            "curl",
            "wget",
        ),
        r"\bcurl\b[^|;]*\s(?:-[a-zA-Z]*k[a-zA-Z]*|--insecure)(?=\s)|\bwget\b.*--no-check-certificate",
        "does not ask who answers",
    ),
    Rule(
        ("http://",),
        r"http://(?!127\.0\.0\.1|localhost|\$|\[::1\]|0\.0\.0\.0|[a-z-]+(?::|/|\"|'|\s|$))[\w.-]+",
        "fetches without TLS",
    ),
    Rule(("latest",), r"[\w./-]+:latest\b|@latest\b", "latest is another one tomorrow"),
    Rule(
        (
            "pip install",
            "pip3 install",
        ),
        r"\bpip3?\s+install\s+(?!.*(?:==|-r\s|--requirement|--require-hashes))",
        "installs whatever is newest",
    ),
    Rule(("npm",), r"\bnpm\s+install\s+-g\s+\S+(?<!@[0-9.])$", "installs whatever is newest"),
    Rule(
        ("uv pip",),
        r"\buv\s+pip\s+(?:install|sync)\b(?!.*--require-hashes).*",
        "takes whatever the index gives; say --require-hashes",
    ),
    Rule(
        (
            "insecure",
            "tlog",
        ),
        r"--(?:allow-)?insecure(?:-(?:registry|ignore-\w+))?\b|--tlog-upload=false|--insecure-ignore-tlog\b",
        "takes or gives what nobody can check",
    ),
    Rule(
        (
            "insecure-skip",
            "SSL_NO",
            "TLS_REJECT",
        ),
        r"--insecure-skip-tls-verify|GIT_SSL_NO_VERIFY|NODE_TLS_REJECT_UNAUTHORIZED=0",
        "does not ask who answers",
    ),
]
FORCES = [
    Rule(
        ("config",),
        r"\bkubectl\b.*\bconfig\s+(?:use-context|set-context)",
        "changes which cluster the next command reaches",
    ),
    Rule(
        ("--context",),
        r"--context[ =]['\"]?(?![$\"'])[A-Za-z0-9]",
        "names a cluster of one machine; take it as an argument",
    ),
    Rule(
        ("delete",),
        r"\bkubectl\b.*\bdelete\s+(?:namespace|ns|pvc|persistentvolumeclaim)\b",
        "deletes what cannot be brought back",
    ),
    Rule(
        (
            "--grace-period",
            "--force",
        ),
        r"\bkubectl\b.*--grace-period[ =]0|\bkubectl\b.*--force\b",
        "ends pods without letting them finish",
    ),
    Rule(
        (
            "--all",
            "--validate",
        ),
        r"\b(?:kubectl|told|asked)\b.*\bdelete\b.*\s--all\b|\bkubectl\b.*--validate=false\b",
        "takes more than what was named, or what the cluster does not know",
    ),
    Rule(("destroy",), r"\bterraform\b.*\bdestroy\b", "destroys what Terraform knows"),
    Rule(("auto-approve",), r"\bterraform\b.*\s-?-auto-approve\b", "applies what nobody has read"),
    Rule(("git push",), r"\bgit\s+push\b.*(?:\s-f\b|\s--force\b(?!-with-lease))", "overwrites what others pushed"),
    Rule(("chmod",), r"\bchmod\b.*\s0?777\b", "lets everybody write"),
    Rule(("sudo",), r"(?:^|[;&|]\s*)sudo\s", "asks for root"),
    Rule(("--privileged",), r"\bdocker\b.*\srun\b.*--privileged", "gives a container its host"),
    Rule(("kill",), r"\bkill\s+-(?:9|KILL)\b", "ends a process without letting it finish"),
]
UNQUOTED = re.compile(r"(?<![\\$\w\"'=])\$(?:@|\*)(?![\w\"'])")
REMOVAL = re.compile(r"\brm\s+(?:-\w+\s+)*-\w*r\w*\s+(?:--\s+)?(?P<what>[^;&|]+)")
BARE_ROOT = re.compile(r"\$\{?\w+\}?/?\*?['\"]?(?:\s|$)|['\"]?\$\{?\w+\}?['\"]?/|(?:^|\s)/(?:\s|\*|$)")


class Script(NamedTuple):
    """A shell script: its path, its text, and its lines without comments, literal text and here-documents."""

    path: str
    text: str
    code: tuple[str, ...]


@lru_cache(maxsize=2)
def scripts(repository: Repository) -> tuple[Script, ...]:
    """Give the shell scripts of bin/ and of .githooks/, and what is sourced by them."""
    found = []
    for path in repository.matching(PLACES):
        text = repository.text(path)
        first = text.split("\n", 1)[0]
        if SHEBANG.match(first) or path.endswith(".sh"):
            found.append(Script(path, text, tuple(code_of(text).split("\n"))))
    return tuple(found)


def code_of(text: str) -> str:
    """Give a script with comments, single-quoted text and here-documents blanked; lines stay where they are."""
    made: list[str] = []
    depth: list[str] = []
    waiting: list[str] = []
    at = 0
    while at < len(text):
        plain = PLAIN.match(text, at)
        if plain:
            made.append(plain[0])
            at = plain.end()
            continue
        character = text[at]
        inside = bool(depth) and depth[-1] == '"'
        end = at + 1
        if character == "\\":
            end = at + 2
            made.append(text[at:end])
        elif character == "'" and not inside:
            end = _after(text, "'", at + 1)
            made.append("'" + re.sub(r"[^\n]", " ", text[at + 1 : end - 1]) + "'")
        elif character == "#" and not inside and (at == 0 or text[at - 1] in " \t\n;("):
            end = text.find("\n", at) % (len(text) + 1)
            made.append(" " * (end - at))
        elif character == "\n" and waiting:
            end = _after_document(text, at, waiting)
            made.append(re.sub(r"[^\n]", " ", text[at:end]))
        else:
            opened = HEREDOC.match(text, at) if character == "<" and not inside else None
            if opened and text[at : at + 3] != "<<<" and text[at - 1 : at] != "<":
                waiting.append(opened["word"])
                end = opened.end()
            else:
                end += _nest(depth, text[at : at + 2], inside=inside)
            made.append(text[at:end])
        at = end
    return "".join(made)


def _nest(depth: list[str], here: str, *, inside: bool) -> int:
    """Keep what is open: quotes, and commands in them; give how many characters more were read."""
    if here[0] == '"' and inside:
        depth.pop()
    elif here[0] == '"' or here == "$(" or (here[0] == "(" and depth and not inside):
        depth.append('"' if here[0] == '"' else "(")
        return int(here == "$(")
    elif here[0] == ")" and depth and not inside:
        depth.pop()
    return 0


def _after(text: str, mark: str, start: int) -> int:
    found = text.find(mark, start)
    return len(text) if found < 0 else found + 1


def _after_document(text: str, start: int, waiting: list[str]) -> int:
    end = start
    while waiting:
        word = waiting.pop(0)
        closing = re.compile(rf"\n\t*{re.escape(word)}(?=\n|\Z)").search(text, end)
        end = closing.end() if closing else len(text)
    return end


def _seen(repository: Repository, refused: list[Rule]) -> Findings:
    for script in scripts(repository):
        whole = "\n".join(script.code)
        for one in refused:
            if any(needle in whole for needle in one.needles):
                for number, line in enumerate(script.code, 1):
                    found = one.found(line)
                    if found:
                        yield script.path, number, f"{found}: {one.told}"


@check(
    "SCR001",
    "a file that begins with #! is executable, and no other in bin/",
    why="A script that is not executable fails in CI; an executable that is no script fails where it is called.",
    fix="chmod +x FILE, or chmod -x FILE; in git: git update-index --chmod=+x FILE.",
)
def modes(repository: Repository) -> Findings:
    """Yield files whose mode and first line disagree; Windows has no such mode."""
    if os.name == "nt":
        return
    for path, executable in repository.files.items():
        begins = repository.bytes(path).startswith(b"#!")
        if begins and not executable and repository.is_text(path):
            yield path, 1, "begins with #! and is not executable"
        if executable and not begins and path.startswith("bin/"):
            yield path, 1, "is executable and does not begin with #!"


@check(
    "SCR002",
    "scripts in bin/ are POSIX shell that stops at the first error",
    why="Images and runners have sh, not always bash; without set -eu a failed step goes on (rows U01, U02).",
    fix="Begin with #!/bin/sh and put `set -eu` before the first command, for the whole script.",
)
def strict_shell(repository: Repository) -> Findings:
    """Yield shell scripts in bin/ that are not strict."""
    for script in scripts(repository):
        if not script.path.startswith("bin/") or script.path.endswith(".sh"):
            continue
        first = script.text.split("\n", 1)[0]
        if first != "#!/bin/sh":
            yield script.path, 1, f"begins with {first}, not with #!/bin/sh"
        if not re.search(r"^set -eu", script.text, re.MULTILINE):
            yield script.path, 1, "does not say `set -eu`"
        for number, line in enumerate(script.code, 1):
            if re.match(r"\s*set \+[a-z]*[eu]", line):
                yield script.path, number, f"{line.strip()} takes back `set -eu`"


@check(
    "SCR003",
    "kubectl is always told its context",
    why="The default context is whichever cluster was looked at last, and that may be production (row U05).",
    fix='Say kubectl --context "$context" ..., and take the context as an argument.',
)
def named_cluster(repository: Repository) -> Findings:
    """Yield calls of kubectl that reach for a cluster without naming it."""
    for path in repository.matching(r"(?:bin/[^/]+|mk/.*|Makefile)$"):
        for number, line in repository.lines(path) if "kubectl" in repository.text(path) else ():
            called = None if line.lstrip().startswith("#") else KUBECTL.search(line)
            if called and "--context" not in called["words"] and not WITHOUT_CLUSTER.match(called["words"]):
                yield path, number, f"kubectl {called['words'].strip()} names no --context"


@check(
    "SCR004",
    "every script says what it does and how to call it, and answers -h",
    why="At three in the morning the header is the manual; a wrong option must not start a deploy (rows U03, U04).",
    fix="Open with what it does and `# usage: bin/NAME ...`, read options with getopts, let -h print the header.",
)
def explained(repository: Repository) -> Findings:
    """Yield scripts without header, without options, or whose header names another script."""
    for script in scripts(repository):
        if not script.path.startswith("bin/") or script.path.endswith(".sh"):
            continue
        header = re.match(r"#!.*\n((?:#.*\n)+)", script.text)
        usage = re.search(r"^# usage: (\S+)", header[1], re.MULTILINE) if header else None
        if not usage:
            yield script.path, 1, f"its header has no line `# usage: {script.path}`"
        elif usage[1] != script.path:
            yield script.path, 1, f"its header says how to call {usage[1]}"
        if "getopts" not in script.text:
            yield script.path, 1, "does not read its options with getopts"
        elif header:
            yield from _options(script, header[1])


def _options(script: Script, header: str) -> Findings:
    read = re.search(r"getopts\s+['\"]:?([A-Za-z:]+)['\"]", script.text)
    known = {*re.sub(r":", "", read[1])} if read else set()
    told = {*re.findall(r"^#\s+-([A-Za-z])\b", header, re.MULTILINE)}
    valued = {*re.findall(r"^#\s+-([A-Za-z]) [A-Z]", header, re.MULTILINE)}
    taking = {*re.findall(r"([A-Za-z]):", read[1])} if read else set()
    for name in sorted((valued ^ taking) & known & told):
        what = "takes a value in the header and none in getopts" if name in valued else "takes a value and tells none"
        yield script.path, 1, f"-{name} {what}"
    for name in sorted(known ^ told) if read else ():
        what = "is read and not in the header" if name in known else "is in the header and not read"
        yield script.path, 1, f"-{name} {what}"
    if read and not re.search(r"^\s*(?:\*|\\\?)\)\s*(?:option|wrong|usage|fail)\b", script.text, re.MULTILINE):
        yield script.path, 1, "takes an option that it does not know"
    if read and "h" not in known:
        yield script.path, 1, "does not answer -h"


@check(
    "SCR005",
    "scripts use what every POSIX shell has",
    why="dash and busybox stop, or worse go on, at what only bash knows (row U01).",
    fix="Say it as the message says, or in awk.",
)
def posix(repository: Repository) -> Findings:
    """Yield what only bash understands."""
    yield from _seen(repository, BASHISMS)


@check(
    "SCR006",
    "values are quoted, nothing is evaluated, and nothing is removed by an empty name",
    why="One empty or spaced value turns rm -rf into a bad day; eval runs what an input holds (row U02).",
    fix='Write "$@" and "$name"; guard a removal by ${name:?}; name the command instead of eval.',
)
def quoted(repository: Repository) -> Findings:
    """Yield unquoted arguments, eval, and removals of what a variable alone names."""
    for script in scripts(repository):
        whole = "\n".join(script.code)
        if not (" eval" in whole or "\neval" in whole or "$@" in whole or "$*" in whole or "rm " in whole):
            continue
        for number, line in enumerate(script.code, 1):
            if not ("eval" in line or "$@" in line or "$*" in line or "rm " in line):
                continue
            bare = re.sub(r'"(?:[^"\\]|\\.)*"', '""', line)
            if re.search(r"(?:^|[;&|]\s*|\b(?:then|do|else)\s+)eval\s", line):
                yield script.path, number, "eval runs what its input holds"
            if UNQUOTED.search(bare) and not re.search(r"\bfor\b|\bcase\b", bare):
                yield script.path, number, f'{line.strip()}: say "$@", which keeps words together'
            removal = REMOVAL.search(line)
            if removal and _risky(removal["what"]):
                yield script.path, number, f"rm -r {removal['what'].strip()}: an empty value removes something else"


def _risky(what: str) -> bool:
    for word in what.split():
        plain = word.strip("\"'")
        if plain in ("/", "/*", "~", "$HOME", "${HOME}", ".", ".."):
            return True
        if plain.startswith("$") and not plain.startswith("${") and (not word.startswith('"') or "/" in plain):
            return ("/" in plain and not plain.startswith("$root/")) or not word.startswith('"')
        if re.match(r"\$\{\w+\}/", plain):
            return True
    return False


@check(
    "SCR007",
    "no script shows or holds a secret",
    why="Logs are kept, process lists are public on the machine, and git never forgets (row H02).",
    fix="Read the secret from the environment or from standard input, and print its name at most.",
)
def secrets(repository: Repository) -> Findings:
    """Yield secrets that are printed, handed over as arguments, or written down."""
    yield from _seen(repository, LEAKS)
    for path in repository.matching(r"(?:Makefile|mk/.*\.mk)$"):
        for number, line in repository.lines(path):
            for one in LEAKS[:3]:
                if not line.startswith("#") and one.found(line.replace("$$", "$")):
                    yield path, number, f"{line.strip()}: {one.told}"


@check(
    "SCR008",
    "what a script fetches is pinned, comes from whom it says, and in time",
    why="What is fetched without a version or a check is chosen by somebody else (row L05); some servers never answer.",
    fix="Name the version, check the sum, keep TLS on, give curl -m SECONDS; fetch to a file and run that.",
)
def fetched(repository: Repository) -> Findings:
    """Yield downloads that are run, not checked, not pinned, or that may take for ever."""
    yield from _seen(repository, FETCHES)
    for script in scripts(repository):
        for number, line in enumerate(script.code, 1) if "curl " in script.text else ():
            called = re.search(r"(?:^|[;&|(!]|\b(?:if|until|while|then|do))\s*curl\s+(?=-).*", line)
            if called and not re.search(r"\s(?:-[a-zA-Z]*m|--max-time)\s", called[0]):
                yield script.path, number, f"{called[0].strip()[:60]}: no -m SECONDS ends it"


@check(
    "SCR009",
    "temporary files are new, and go with the script",
    why="A name that can be guessed is a file that somebody else made; what stays fills the runner (rows A10, U06).",
    fix='Say work=$(mktemp -d) and cleaned "$work", which also removes it after Ctrl-C.',
)
def temporary(repository: Repository) -> Findings:
    """Yield temporary files that stay, or whose name can be guessed."""
    for script in scripts(repository):
        code = "\n".join(script.code)
        made = re.search(r"\bmktemp(?:\s+-[dqt]+)*\s*(?:\)|$)", code, re.MULTILINE)
        if made and not re.search(r"\bcleaned\b|\btrap\b", code):
            yield (
                script.path,
                code.count("\n", 0, made.start()) + 1,
                "mktemp without cleaned or trap leaves its files behind",
            )
        for number, line in enumerate(script.code, 1) if TEMPORARY in code else ():
            if re.search(r"(?:>|\btee\s|\bmkdir\s(?:-p\s)?|=)\s*['\"]?/tmp/[\w.$-]", line):
                yield script.path, number, f"{line.strip()}: a name in /tmp that can be guessed; say mktemp"


@check(
    "SCR010",
    "the scripts, options and targets that scripts and recipes call exist",
    why="A renamed script is missed only when its caller runs, and callers of the night run last (row A08).",
    fix="Call what exists: ls bin, make help.",
)
def callees(repository: Repository) -> Findings:
    """Yield calls of scripts and make targets that are not there."""
    for script in scripts(repository):
        for number, line in enumerate(script.code, 1):
            yield from ((script.path, number, told) for told in _missing(repository, line))
            sourced = re.match(r"\s*\.\s+\"?\$\(dirname [^)]*\)/([\w./-]+)", line)
            if sourced and f"bin/{sourced[1]}" not in repository.files:
                yield script.path, number, f"bin/{sourced[1]} does not exist"
            if "make " not in line:
                continue
            bare = re.sub(r'"(?:[^"\\]|\\.)*"', '""', line)
            asked = re.search(r"(?:^|[;&|]\s*|\bexec\s)make\s+(?:-\w+\s+)*([a-z][a-z0-9-]*)(?:\s|$)", bare)
            if asked and asked[1] not in _targets(repository):
                yield script.path, number, f"make {asked[1]}: no makefile defines {asked[1]}"
    for path in repository.matching(r"(?:Makefile|mk/.*\.mk)$"):
        for number, line in repository.lines(path):
            if line.startswith("\t"):
                yield from ((path, number, told) for told in _missing(repository, line))
                yield from ((path, number, told) for told in _unread(repository, line))


def _unread(repository: Repository, line: str) -> Iterator[str]:
    """Give the options of a recipe that its script does not read."""
    called = re.match(r"\t@?(bin/[a-z][a-z0-9-]*)((?:\s.*)?)$", line)
    read = re.search(r"getopts\s+['\"]:?([A-Za-z:]+)['\"]", repository.text(called[1])) if called else None
    if called and read:
        for name in re.findall(r"(?<=[\s,])-([A-Za-z])(?=[\s)]|$)", called[2]):
            if name not in read[1]:
                yield f"{called[1]} has no option -{name}"


def _missing(repository: Repository, line: str) -> Iterator[str]:
    if "bin/" not in line:
        return
    for name in re.findall(r"(?:^|[\s;&|(\"@]|\$root/|\$\{root\}/)(bin/[a-z][a-z0-9-]*)(?=[\s;&|)\"]|$)", line):
        if name not in repository.files:
            yield f"{name} does not exist"


def _targets(repository: Repository) -> set[str]:
    return {
        target
        for path in repository.matching(r"(?:Makefile|mk/.*\.mk)$")
        for target in re.findall(r"^([a-z][a-z0-9-]*)\s*::?(?!=)", repository.text(path), re.MULTILINE)
    }


@check(
    "SCR011",
    "nothing that cannot be taken back happens by itself",
    why="What deletes, forces or approves by itself is what the report of the incident begins with (row U05).",
    fix="Ask for the context, show a plan first, and let confirm of bin/lib.sh ask before production.",
)
def forced(repository: Repository) -> Findings:
    """Yield commands that delete, force or approve without asking."""
    yield from _seen(repository, FORCES)
