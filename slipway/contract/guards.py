"""Guards: what scripts and targets promise to refuse, to ask and to wait for still stands in them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from slipway.contract.makefiles import PLACES, SET, rules
from slipway.contract.pipelines import HIDING, WHOLE
from slipway.contract.registry import check
from slipway.contract.repository import Repository
from slipway.contract.scripts import Script, scripts

Findings = Iterator[tuple[str, int, str]]

ASKS = re.compile(r'!= production \] \|\|(?:[^|\n]*\|\|)*\s*confirm\b|\bproduction\b[^)"\n]*\)\s*confirm\b')
# What a script does, in this order: each is looked for behind the one before.
STEPS = {
    "bin/deploy": [
        (r"^reference ", "says whether the image has a version"),
        (
            r"^\s*production:\*@sha256:\*\)[^\n]*\n\s*production:\*\) wrong",
            "takes production's image by its digest alone",
        ),
        (r"^placed\b", "checks the cluster"),
        (r"CI_DEPLOY_FREEZE[^\n]*= 1 \] \|\|\s*fail", "stops in a freeze"),
        (r"^owned\b", "leaves to Argo CD what is its own"),
        (r"\bconfirm\b", "asks before production"),
        (r"^applied ", "applies"),
        (r"(?:^|! )rolled_out ", "waits until it serves"),
    ],
    "bin/rollback": [
        (r"^placed\b", "checks the cluster"),
        (r"^owned\b", "leaves to Argo CD what is its own"),
        (r"\bconfirm\b", "asks before production"),
        (r"^gone_back ", "waits until the older version serves"),
    ],
    "bin/restore": [
        (r"^whole ", "compares the checksums of the backup"),
        (r"^known ", "refuses a schema that it does not know"),
        (r"!= full \] \|\| fail", "refuses a database that holds something"),
        (r"\bconfirm\b", "asks before production"),
        (r"^load ", "restores"),
        (r"^alike ", "compares what arrived"),
    ],
    "bin/backup": [
        (r"^dump ", "copies"),
        (r"^readable ", "reads back what it wrote"),
        (r"\bdigest ", "writes checksums"),
    ],
    "bin/image": [(r":latest\) wrong", "refuses the tag latest")],
    "bin/sign": [
        (r"@sha256:\[0-9a-f\]\{64\}\$' \|\|\s*wrong", "refuses a tag"),
        (r"^cosigned attest", "attests the SBOM"),
        (r"^cosigned sign", "signs last"),
    ],
    "bin/promote": [
        (r"source:-staging\}", "takes production's image from staging"),
        (r"git diff --quiet", "refuses an overlay with changes of its own"),
    ],
    "bin/deploy-window": [
        (r"5\)[^\n]*-lt 1[0-5]\b", "shuts on Friday afternoon"),
        (r"6 \| 7\)\s*shut=", "shuts at the weekend"),
        (r"DEPLOY_FREEZE:-\}", "shuts in a freeze"),
    ],
    "bin/smoke": [(r'\[ "\$3" = "\$2" \] \|\| fail', "compares the status with the one that is wanted")],
    "bin/recovery.sh": [(r"^umask 077", "keeps copies of the database to who made them")],
    "bin/lib.sh": [
        (
            r"^fail\(\) \{\n  printf [^\n]* >&2\n  exit 1\n",
            "ends with 1 and a line on stderr when something went wrong",
        ),
        (
            r"^wrong\(\) \{\n  printf [^\n]* >&2\n  exit 2\n",
            "ends with 2 and a line on stderr when the command was wrong",
        ),
        (r"^environment\(\) \{\n(?:    ?[^\n}]*\n|  [^\n}]*\n)*?    \*\) wrong", "refuses another environment"),
        (r"latest\) wrong", "refuses the tag latest"),
        (r"kubectl config get-contexts -o name \| grep -Fxq", "compares the whole name of a cluster"),
        (r'"\$\{CI:-\}" != true \]', "takes -y in a pipeline alone"),
        (r'^  typed "[^"]*" production', "asks for the environment"),
        (r'^  typed "[^"]*" "\$service"', "asks for the service"),
        (r"^  trap ended EXIT", "removes temporary files"),
        (r"^  trap .* HUP", "removes them after a hang-up"),
        (r"^  trap .* INT", "removes them after Control-C"),
        (r"^  trap .* TERM", "removes them when it is stopped"),
        (r'>>"\$log\.out" 2>>"\$log\.err"', "keeps stdout and stderr in logs of their own"),
    ],
}
GATES = re.compile(r"bin/(?:verify|lint-repository|features-check|commit-check|scan|scan-repository)$|\.githooks/")
AT_LEAST = frozenset({"vuln", "misconfig", "secret"})
LEFT_OUT = frozenset({"build", "tmp", ".cache", "**/.terraform", ".git", "vendor"})
LEAST_COVERAGE = 80
UNASKED = ("ENVIRONMENT", "CONTEXT", "YES")
OF_GO = [
    ("test-unit", r"-race", "does not look for data races (-race)"),
    ("test-unit", r"-skip '\^TestIntegration'", "leaves out more than the tests of integration"),
    ("test-integration", r"-race", "does not look for data races (-race)"),
    ("test-integration", r"-count=1", "may show the result of an earlier run (-count=1)"),
    ("test-integration", r"-run '\^TestIntegration'", "does not run the tests of integration"),
    ("test-e2e", r"-race", "does not look for data races (-race)"),
    ("test-e2e", r"-count=1", "may show the result of an earlier run (-count=1)"),
    ("scan-code", r"gosec", "does not look for weaknesses (gosec)"),
    ("scan-dependencies", r"govulncheck \./\.\.\.", "does not look at every package (./...)"),
]
BY_DIGEST = ("scan", "sbom", "sign", "deploy")


def plain(script: Script) -> str:
    """Give a script without the lines that are comments, and with continued lines joined."""
    return "\n".join(line for line in script.text.replace("\\\n", " ").split("\n") if not line.startswith("#"))


@check(
    "SCR012",
    "scripts keep their guards, in their order",
    why="What asks, refuses and waits is missed on the one day that it was there for (rows P04, Q05, R05, T02).",
    fix="Put the guard back where the message says; the header of the script says what it promises.",
)
def guarded(repository: Repository) -> Findings:
    """Yield scripts that no longer ask, refuse, compare or wait, and gates that let failures through."""
    for script in scripts(repository):
        text = plain(script)
        at, before = 0, ""
        for pattern, told in STEPS.get(script.path, ()):
            found = re.compile(pattern, re.MULTILINE).search(text, at)
            if found is None:
                again = re.search(pattern, text, re.MULTILINE)
                yield script.path, 0, f"no longer {told}" if not again else f"{told} only before it {before}"
            else:
                at, before = found.start(), told
        options = re.search(r"getopts\s+'([^']*)'", script.text)
        if options and "y" in options[1] and not ASKS.search(text):
            yield script.path, 0, "has -y and never asks: [ ... != production ] || confirm is missing"
        if GATES.match(script.path):
            yield from ((script.path, 0, told) for told in _open(text))
    yield from _messages(repository)
    yield from _linters(repository)


def _open(text: str) -> Iterator[str]:
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    last = lines[-1] if lines else ""
    if "||" in last or last in ("exit 0", "true", ":"):
        yield f"'{last}' hides a failure"
    if "bad=0" in text and last != 'exit "$bad"':
        yield 'does not end with exit "$bad", so that nothing fails'


def _messages(repository: Repository) -> Findings:
    """Yield rules of commit messages that differ between the script and commitlint's configuration."""
    script, rules_ = repository.text("bin/commit-check"), repository.text("commitlint.config.mjs")
    longest, ticket = (
        re.search(r"'header-max-length': \[2, 'always', (\d+)\]", rules_),
        re.search(r"/(\^Refs: .*?)/", rules_),
    )
    if script and longest and not re.search(rf"-le {longest[1]}\b", script):
        yield "bin/commit-check", 0, f"takes other headers than commitlint.config.mjs: {longest[1]} characters at most"
    if script and ticket and ticket[1] not in script:
        yield "bin/commit-check", 0, f"takes other last lines than commitlint.config.mjs: {ticket[1]}"


def _linters(repository: Repository) -> Findings:
    """Yield linters that are pinned and not run, that look away, and that are not pinned."""
    text = repository.text("bin/lint-repository")
    for name in repository.text("mk/linters.in").split() if text else ():
        program = name.removesuffix("-py").removesuffix("-bin")
        if not re.search(rf"^\s*start \S+ {re.escape(program)}\b", text, re.MULTILINE):
            yield "bin/lint-repository", 0, f"does not run {program}, which mk/linters.in names"
    for word, told in (("shellcheck -s sh -S style", "shellcheck with -S style"), ("yamllint -s", "yamllint with -s")):
        if text and word not in text:
            yield "bin/lint-repository", 0, f"does not run {told}, so that warnings pass"
    if text and 'bad=1\n    echo "failed' not in text:
        yield "bin/lint-repository", 0, "a check that failed does not set bad=1"
    yield from _unlinted(repository)


def _unlinted(repository: Repository) -> Findings:
    """Yield linters that look away, and linters that are not pinned."""
    for path, pattern in ((".shellcheckrc", r"disable="), (".hadolint.yaml", r"ignored:|failure-threshold:")):
        for number, line in repository.lines(path):
            if re.match(rf"\s*(?:{pattern})", line):
                yield path, number, f"{line.strip()}: the linter looks away everywhere; say it at the line"
    joined = repository.text("mk/linters.txt").replace("\\\n", " ")
    for line in joined.splitlines():
        if re.match(r"[A-Za-z]", line) and not ("==" in line and "--hash=sha256:" in line):
            yield "mk/linters.txt", 0, f"{line.split()[0]} has no exact version with its hash"


@check(
    "SCR013",
    "a scan looks at everything, and fails on what is HIGH or CRITICAL",
    why="A scan that ends well whatever it found is a scan that nobody reads (rows L06, P01).",
    fix="Say --scanners vuln,misconfig,secret, --severity HIGH,CRITICAL, --exit-code 1; leave out build and tmp alone.",
)
def scanning(repository: Repository) -> Findings:
    """Yield scans that look away or never fail."""
    for script in scripts(repository):
        if not script.path.startswith("bin/scan"):
            continue
        text = plain(script)
        for call in re.findall(r"^\s*trivy (?:image|fs|config|rootfs) .*", text, re.MULTILINE):
            yield from ((script.path, 0, told) for told in _blind(call))
        judged = re.findall(r"^\s*trivy .*--severity.*", text, re.MULTILINE)
        if "trivy" in text and not judged:
            yield script.path, 0, "no severity makes it fail"
        for call in judged:
            yield from ((script.path, 0, told) for told in _mild(call))


def _blind(call: str) -> Iterator[str]:
    looked = re.search(r"--scanners[ =](\S+)", call)
    if looked and (missing := AT_LEAST - {*looked[1].split(",")}):
        yield f"does not scan for {', '.join(sorted(missing))}"
    for folder in re.findall(r"--skip-(?:dirs|files)[ =]['\"]?([^'\"\s]+)", call):
        if folder not in LEFT_OUT:
            yield f"leaves out {folder}"
    if "--ignore-unfixed" in call:
        yield "--ignore-unfixed leaves out what is not mended yet"


def _mild(call: str) -> Iterator[str]:
    severity = re.search(r"--severity[ =](\S+)", call)
    for wanted in ("HIGH", "CRITICAL"):
        if severity and wanted not in severity[1].split(","):
            yield f"passes over what is {wanted}"
    if not re.search(r"--exit-code[ =][1-9]", call):
        yield "ends well whatever it found: --exit-code 1 is missing"


def recipes(repository: Repository) -> dict[str, list[tuple[str, int, str]]]:
    """Give the lines of the recipe of each target: file, line, text."""
    found: dict[str, list[tuple[str, int, str]]] = {}
    for rule in rules(repository):
        lines = repository.text(rule.path).splitlines()
        for number in range(rule.line, len(lines)):
            if not lines[number].startswith("\t"):
                break
            for target in rule.targets:
                found.setdefault(target, []).append((rule.path, number + 1, lines[number].strip()))
    return found


@check(
    "MAK007",
    "a target does what its name says, and fails when that fails",
    why="Pipelines and people trust the name; what no longer happens behind it nobody sees (rows C07, L07, P03).",
    fix="Let the target call its script and its parts again, without a leading - and without || true.",
)
def meant(repository: Repository) -> Findings:
    """Yield targets without their parts or their script, failures that are hidden, and versions that move."""
    known = recipes(repository)
    needs: dict[str, set[str]] = {}
    where: dict[str, tuple[str, int]] = {}
    for rule in rules(repository):
        for target in rule.targets:
            needs.setdefault(target, set()).update(rule.needs)
            where.setdefault(target, (rule.path, rule.line))
    for target, parts in WHOLE.items():
        for part in sorted(parts - needs.get(target, parts)):
            yield *where[target], f"{target} does not run {part}"
    for target, lines in known.items():
        yield from _done(repository, target, lines)
        for path, number, line in lines:
            if re.match(r"[@+]*-", line) or HIDING.search(line):
                yield path, number, f"{line}: the failure is hidden"
    yield from _versions(repository)


def _done(repository: Repository, target: str, lines: list[tuple[str, int, str]]) -> Findings:
    text = "\n".join(line for _, _, line in lines)
    path, number, _ = lines[0]
    if path in ("mk/slipway.mk", "mk/recovery.mk") and f"bin/{target}" in repository.files:
        if not re.search(rf"\bbin/{target}\b", text):
            yield path, number, f"{target} does not call bin/{target}"
        if target in BY_DIGEST and "$(RELEASE)" not in text:
            yield path, number, f"{target} does not take $(RELEASE), which is the digest that was pushed"
    if path == "mk/language.mk" and "$(GO" in text + repository.text(path):
        for name, pattern, told in OF_GO:
            if name == target and not re.search(pattern, text):
                yield path, number, f"{target} {told}"
        if target.startswith("test-") and re.search(r"\s-short\b", text):
            yield path, number, f"{target} leaves out what -short leaves out"


def _versions(repository: Repository) -> Findings:
    slug = repository.answers.get("project_slug")
    for path in repository.matching(PLACES):
        for number, line in repository.lines(path):
            least = re.match(r"COVERAGE_MINIMUM\s*[?:]?=\s*(\d+)", line)
            if least and int(least[1]) < LEAST_COVERAGE:
                yield path, number, f"COVERAGE_MINIMUM is {least[1]}, less than {LEAST_COVERAGE}"
            covered = re.match(r"COVERED\s*[:?]?=\s*(.*)", line)
            for layer in ("domain", "app") if covered else ():
                if (
                    covered
                    and layer in {name.split("/")[1] for name in repository.folders if name.startswith("internal/")}
                    and (f"internal/{layer}" not in covered[1] and "./internal/..." not in covered[1])
                ):
                    yield path, number, f"COVERED leaves out internal/{layer}"
            if re.search(r":latest\b", line) and not line.lstrip().startswith("#"):
                yield path, number, f"{line.strip()}: latest is another image tomorrow"
            named = re.match(r"SERVICE\s*[?:]?=\s*(\S+)", line)
            if named and slug and named[1] != slug:
                yield path, number, f"SERVICE is {named[1]}, and the service is {slug}"
    named = re.search(r"^service=(\S+)", repository.text("bin/lib.sh"), re.MULTILINE)
    if named and slug and named[1] != slug:
        yield "bin/lib.sh", 0, f"service is {named[1]}, and the service is {slug}"


@check(
    "MAK008",
    "make changes nothing that nobody named",
    why="A default environment, cluster or yes is one that was not meant, some day (row U05).",
    fix="Leave ENVIRONMENT, CONTEXT and YES empty, call need for what has no default, and let make alone show help.",
)
def asked(repository: Repository) -> Findings:
    """Yield defaults for what must be named, recipes that hand on nothing, and a first target that does something."""
    empty: set[str] = set()
    for path in repository.matching(PLACES):
        for number, line in repository.lines(path):
            found = SET.match(line)
            value = line.partition("=")[2].strip() if found else ""
            if found and not value:
                empty.add(found[1])
            elif found and found[1] in UNASKED and not line.startswith("\t"):
                yield path, number, f"{line.strip()}: nobody named it"
            goal = re.match(r"\.DEFAULT_GOAL\s*[?:]?=\s*(\S+)", line)
            if goal and goal[1] != "help":
                yield path, number, f"make alone runs {goal[1]}"
    yield from _handed(repository, empty)


def _handed(repository: Repository, empty: set[str]) -> Findings:
    """Yield recipes that hand on what is empty."""
    for target, lines in recipes(repository).items():
        needed = {name for _, _, line in lines for name in re.findall(r"\$\(call need,(\w+),", line)}
        for path, number, line in lines:
            if "bin/" not in line:
                continue
            for name in re.findall(r'-[A-Za-z] "\$\((\w+)\)"', _unconditional(line)):
                if name in empty - needed:
                    yield path, number, f"{target} hands on $({name}), which is empty, without asking: call need,{name}"


def _unconditional(line: str) -> str:
    """Give a line without what $(if ...) and $(or ...) decide."""
    before = ""
    while before != line:
        before = line
        line = re.sub(
            r"\$\((?:if|or|and|filter|firstword|origin|call)\b(?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)", "", line
        )
    return line
