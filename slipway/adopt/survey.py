"""What a repository tells about itself: facts, each with the file it was read from."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import PurePosixPath
from typing import Any, NamedTuple

import yaml

from slipway.adopt.snapshot import Snapshot
from slipway.gitting import GitError, git

LANGUAGES = {
    "go": ("go.mod",),
    "python": ("pyproject.toml", "setup.py", "requirements.txt"),
    "typescript": ("tsconfig.json",),
    "javascript": ("package.json",),
    "java": ("pom.xml", "build.gradle", "build.gradle.kts"),
    "rust": ("Cargo.toml",),
    "ruby": ("Gemfile",),
    "php": ("composer.json",),
}
PIPELINES = {
    "GitLab": re.compile(r"\.gitlab-ci\.ya?ml"),
    "Jenkins": re.compile(r"(?:.+/)?Jenkinsfile(?:\.[\w-]+)?"),
    "GitHub Actions": re.compile(r"\.github/workflows/[^/]+\.ya?ml"),
    "CircleCI": re.compile(r"\.circleci/config\.ya?ml"),
    "Drone": re.compile(r"\.drone\.ya?ml"),
    "Azure Pipelines": re.compile(r"azure-pipelines\.ya?ml"),
    "Bitbucket": re.compile(r"bitbucket-pipelines\.ya?ml"),
    "Cloud Build": re.compile(r"cloudbuild\.ya?ml"),
}
MANIFESTS = {
    "Helm": re.compile(r"(?:.+/)?Chart\.ya?ml"),
    "Kustomize": re.compile(r"(?:.+/)?kustomization\.ya?ml"),
    "Terraform": re.compile(r".+\.tf"),
    "Compose": re.compile(r"(?:.+/)?(?:docker-)?compose[\w.-]*\.ya?ml"),
    "Dockerfile": re.compile(r"(?:.+/)?Dockerfile[\w.-]*"),
}
LAYOUT = ("cmd", "internal", "pkg", "api", "app", "src", "migrations")
DRIVERS = {
    "postgresql": ("github.com/jackc/pgx", "github.com/lib/pq", "gorm.io/driver/postgres", "github.com/go-pg/pg"),
    "mysql": ("github.com/go-sql-driver/mysql", "gorm.io/driver/mysql"),
    "mongodb": ("go.mongodb.org/mongo-driver",),
    "sqlite": ("github.com/mattn/go-sqlite3", "modernc.org/sqlite", "gorm.io/driver/sqlite"),
    "firestore": ("cloud.google.com/go/firestore",),
}
BROKERS = {
    "kafka": (
        *("github.com/twmb/franz-go", "github.com/segmentio/kafka-go", "github.com/IBM/sarama"),
        *("github.com/Shopify/sarama", "github.com/confluentinc/confluent-kafka-go"),
    ),
    "rabbitmq": ("github.com/rabbitmq/amqp091-go", "github.com/streadway/amqp"),
    "nats": ("github.com/nats-io/nats.go",),
}
MONITORS = {
    "datadog": ("github.com/DataDog/", "gopkg.in/DataDog/"),
    "prometheus": ("github.com/prometheus/client_golang",),
}
TICKET = re.compile(r"(?<![\w-])([A-Z][A-Z0-9]{1,9})-([1-9][0-9]{0,6})(?![\w-])")
NO_TICKETS = frozenset(
    {"UTF", "SHA", "ISO", "RFC", "CVE", "HTTP", "TLS", "AES", "MD", "PEP", "GHSA", "CWE", "GPT", "PR"}
)
READ_COMMITS = 500
LEAST_TICKETS = 3
LONGEST_README = 20_000
LONGEST_CATALOG = 100_000
LOOKED_AT = 20
FEW = 5
LEAST_WORDS = 3
NO_PROSE = re.compile(
    r"(?: {4}|\t)|\s*(?:[#|>*+<=-]|\d+[.)]|!?\[!?\[?[^\]]*\]\S*\s*$|(?i:copyright|licen[cs]ed)\b|\u00a9)"
)
TEMPLATE_PORT = "8080"
FAR_FUTURE = 4_000_000_000
REQUIRED = re.compile(
    r"^(?:require[ \t]+)?[ \t]*([\w-]+(?:\.[\w-]+)+/\S+)[ \t]+v\S+(?P<indirect>[ \t]*// indirect)?", re.MULTILINE
)
MODULE = re.compile(r"^module[ \t]+\"?([^\s\"]+)", re.MULTILINE)
FEATURE = re.compile(r"features_summaries/([A-Z][A-Z0-9]+-[1-9][0-9]*)_([0-9]{8})_summarization\.md")


class Fact(NamedTuple):
    """Something read from the repository.

    Attributes:
        value: what was read.
        source: where, for a person to look it up.
    """

    value: str
    source: str


@dataclass
class Survey:
    """What a repository tells about itself.

    Attributes:
        languages: languages by the marker file that gave them away, the one nearest to the top first.
        inside: the folder is one of a larger repository.
        layout: folders and files that show the layout.
        pipelines: continuous integration, by name.
        manifests: deployment descriptions, by name.
        remote: address of the remote `origin`, without credentials; empty when it has none.
        go_modules: the Go module paths, the one nearest to the top first.
        datastores: stores by the driver that gave them away.
        brokers: brokers by their client.
        ports: ports the service listens on.
        monitors: monitoring systems by their client or their annotations.
        rollouts: rollout strategies by the manifest.
        titles: names of the service for people.
        descriptions: sentences on what it does.
        slugs: names of the service for machines.
        teams: owners.
        tickets: ticket ids.
        days: days of birth, as DDMMYYYY.
        notes: what a person must know before trusting the rest.
    """

    languages: list[Fact] = field(default_factory=list)
    inside: bool = False
    layout: list[str] = field(default_factory=list)
    pipelines: dict[str, str] = field(default_factory=dict)
    manifests: dict[str, str] = field(default_factory=dict)
    remote: str = ""
    go_modules: list[Fact] = field(default_factory=list)
    datastores: list[Fact] = field(default_factory=list)
    brokers: list[Fact] = field(default_factory=list)
    ports: list[Fact] = field(default_factory=list)
    monitors: list[Fact] = field(default_factory=list)
    rollouts: list[Fact] = field(default_factory=list)
    titles: list[Fact] = field(default_factory=list)
    descriptions: list[Fact] = field(default_factory=list)
    slugs: list[Fact] = field(default_factory=list)
    teams: list[Fact] = field(default_factory=list)
    tickets: list[Fact] = field(default_factory=list)
    days: list[Fact] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def survey(snapshot: Snapshot) -> Survey:
    """Look at a repository."""
    found = Survey(inside=bool(snapshot.below))
    paths = sorted(snapshot.own(), key=lambda path: (path.count("/"), path))
    for language, markers in LANGUAGES.items():
        if marker := next((path for path in paths if PurePosixPath(path).name in markers), None):
            found.languages.append(Fact(language, marker))
    found.languages.sort(key=lambda fact: fact.source.count("/"))
    folders = {path.split("/")[0] for path in paths if "/" in path}
    found.layout = [f"{name}/" for name in LAYOUT if name in folders]
    found.layout += ["main.go at the top"] if "main.go" in snapshot.entries else []
    found.layout += ["go.work"] if "go.work" in snapshot.entries else []
    found.pipelines = _first_of(paths, PIPELINES)
    found.manifests = _first_of(paths, MANIFESTS)
    found.remote = _remote(snapshot)
    _read_go(snapshot, found)
    _read_catalog(snapshot, found)
    _read_owners(snapshot, found)
    _read_features(paths, found)
    _read_readme(snapshot, found)
    _read_manifests(snapshot, found)
    _read_ports(snapshot, found)
    _note_ports(found)
    _note_modules(snapshot, found)
    _read_history(snapshot, found)
    return found


def _first_of(paths: list[str], wanted: dict[str, re.Pattern[str]]) -> dict[str, str]:
    found = {}
    for name, pattern in wanted.items():
        if path := next((path for path in paths if pattern.fullmatch(path)), None):
            found[name] = path
    return found


def _remote(snapshot: Snapshot) -> str:
    try:
        address = git(snapshot.top, "config", "--get", "remote.origin.url").strip()
    except GitError:
        return ""
    return without_credentials(address)


def without_credentials(address: str) -> str:
    """Give an address without user name, password and query; `git@` of ssh stays."""
    matched = re.fullmatch(r"(?P<scheme>https?|ssh|git)://(?:(?P<user>[^/]*)@)?(?P<rest>[^?#]*).*", address)
    if not matched:
        return address
    user = "git@" if matched["scheme"] == "ssh" and (matched["user"] or "").split(":")[0] == "git" else ""
    return f"{matched['scheme']}://{user}{matched['rest'].rstrip('/')}"


def _read_go(snapshot: Snapshot, found: Survey) -> None:
    seen: dict[str, str] = {}
    for path in snapshot.named("go.mod"):
        text = snapshot.text(path)
        if (module := MODULE.search(text)) and PurePosixPath(path).parent.name != "tools":
            found.go_modules.append(Fact(module[1], path))
        for required in REQUIRED.finditer(text):
            if not required["indirect"]:
                seen.setdefault(required[1], path)
    for known, place in ((DRIVERS, found.datastores), (BROKERS, found.brokers), (MONITORS, found.monitors)):
        for name, prefixes in known.items():
            hit = next((module for module in seen if module.startswith(prefixes)), None)
            if hit:
                place.append(Fact(name, f"{seen[hit]} requires {hit}"))


def _read_catalog(snapshot: Snapshot, found: Survey) -> None:
    try:
        catalog = next(iter(yaml.safe_load_all(snapshot.text("catalog-info.yaml")[:LONGEST_CATALOG])), None)
    except (yaml.YAMLError, RecursionError, ValueError):
        return
    metadata = _mapping(_mapping(catalog).get("metadata"))
    spec = _mapping(_mapping(catalog).get("spec"))
    owner = str(spec.get("owner") or "").split("/")[-1].removeprefix("group:")
    for place, value in (
        (found.slugs, metadata.get("name")),
        (found.titles, metadata.get("title")),
        (found.descriptions, metadata.get("description")),
        (found.teams, owner),
    ):
        if isinstance(value, str) and value:
            place.append(Fact(" ".join(value.split()), "catalog-info.yaml"))


def _mapping(data: Any) -> dict[str, Any]:
    return data if isinstance(data, dict) else {}


def _read_owners(snapshot: Snapshot, found: Survey) -> None:
    for path in ("CODEOWNERS", ".github/CODEOWNERS", ".gitlab/CODEOWNERS", "docs/CODEOWNERS"):
        for line in snapshot.text(path).splitlines():
            words = line.split("#")[0].split()
            if len(words) == 2 and words[0] in ("*", "/**") and words[1].startswith("@"):  # noqa: PLR2004  -- one owner
                found.teams.append(Fact(words[1].removeprefix("@").split("/")[-1], path))


def _read_features(paths: list[str], found: Survey) -> None:
    named = [match for path in paths if (match := FEATURE.fullmatch(path))]
    for match in sorted(named, key=lambda match: (match[2][4:], match[2][2:4], match[2][:2]))[:1]:
        found.tickets.append(Fact(match[1], "features_summaries"))
        found.days.append(Fact(match[2], "features_summaries"))


def _read_readme(snapshot: Snapshot, found: Survey) -> None:
    names = ("README.md", "readme.md", "Readme.md", "README.rst", "README")
    path = next((name for name in names if name in snapshot.entries), None)
    if not path:
        return
    title, sentences = read_readme(snapshot.text(path)[:LONGEST_README])
    if title:
        found.titles.append(Fact(title, f"the title of {path}"))
    found.descriptions += [Fact(sentence, f"a sentence of {path}") for sentence in sentences]


def read_readme(text: str) -> tuple[str, list[str]]:
    """Give the title of a README and the first sentences of its paragraphs of prose, as plain text."""
    title, lines = "", _outside_fences(text)
    for number, line in enumerate(lines):
        if matched := re.match(r"#\s+(.+?)\s*#*$|<h1[^>]*>(.+?)</h1>", line):
            title = plain(matched[1] or matched[2])
        elif re.fullmatch(r"=+\s*", line) and number and lines[number - 1].strip():
            title = plain(lines[number - 1])
        if title:
            lines = lines[number + 1 :]
            break
    sentences = []
    for paragraph in re.split(r"\n\s*\n", "\n".join(lines)):
        if NO_PROSE.match(paragraph):
            continue
        sentence = re.split(r"(?<=[.!?])\s", plain(paragraph))[0]
        if len(re.findall(r"\w{2,}", sentence)) >= LEAST_WORDS and not sentence.endswith(":"):
            sentences.append(sentence)
    return title, sentences[:FEW]


def plain(markdown: str) -> str:
    """Give a line of Markdown as plain text."""
    text = re.sub(r"<[^>]+>", "", markdown)
    text = re.sub(r"\[?!\[[^\]]*\](?:\([^)]*\)|\[[^\]]*\])(?:\]\([^)]*\))?", "", text)
    text = re.sub(r"\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])", r"\1", text)
    text = re.sub(r"(?<!\\)(?:\*\*|__|`|(?<!\w)[*_]|[*_](?!\w))", "", text)
    return " ".join(re.sub(r"\\([^\w\s])", r"\1", text).split())


def _outside_fences(text: str) -> list[str]:
    lines, fenced = [], False
    for line in re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL).splitlines():
        if line.lstrip().startswith(("```", "~~~")):
            fenced = not fenced
        elif not fenced:
            lines.append(line)
    return lines


def _read_manifests(snapshot: Snapshot, found: Survey) -> None:
    yamls = (".yaml", ".yml", ".tpl", ".cue")
    if "Kustomize" not in found.manifests and (
        plain_ones := snapshot.containing(r"^kind: (Deployment|StatefulSet)$", ".yaml", ".yml")
    ):
        found.manifests.setdefault("Kubernetes", plain_ones[0])
    if hit := snapshot.containing(r"admission\.datadoghq\.com|ad\.datadoghq\.com/", *yamls):
        found.monitors.insert(0, Fact("datadog", hit[0]))
    if hit := snapshot.containing(r"kind: (ServiceMonitor|PodMonitor|PrometheusRule)$|prometheus\.io/scrape", *yamls):
        found.monitors.append(Fact("prometheus", hit[0]))
    for path in snapshot.containing(r"^kind: Rollout$", *yamls):
        text = snapshot.text(path)
        if re.search(r"^\s+canary:", text, re.MULTILINE):
            found.rollouts.append(Fact("canary", path))
        elif re.search(r"^\s+blueGreen:", text, re.MULTILINE):
            found.rollouts.append(Fact("blue-green", path))
    if hit := snapshot.containing(r"^apiVersion: flagger\.app", *yamls):
        found.rollouts.append(Fact("canary", hit[0]))


def _read_ports(snapshot: Snapshot, found: Survey) -> None:
    known: dict[str, str] = {}
    for path in (path for path in snapshot.own() if MANIFESTS["Dockerfile"].fullmatch(path)):
        for line in re.findall(r"^EXPOSE[ \t]+([0-9/a-z \t]+)$", snapshot.text(path), re.MULTILINE):
            for word in line.split():
                known.setdefault(word.split("/")[0], path)
    for path in snapshot.containing(r"containerPort: *[0-9]+", ".yaml", ".yml")[:LOOKED_AT]:
        for port in re.findall(r"containerPort:[ \t]*([0-9]{1,5})\b", snapshot.text(path)):
            known.setdefault(port, path)
    found.ports = [Fact(port, path) for port, path in known.items() if port]


def _note_ports(found: Survey) -> None:
    if found.ports and TEMPLATE_PORT not in {fact.value for fact in found.ports}:
        found.notes.append(
            f"the template's image, probes and manifests use the ports {TEMPLATE_PORT} and 9090; yours listens on "
            f"{', '.join(fact.value for fact in found.ports[:LOOKED_AT])}: change one or the other in those steps"
        )


def _note_modules(snapshot: Snapshot, found: Survey) -> None:
    folders = [str(PurePosixPath(fact.source).parent) for fact in found.go_modules]
    paths = set(snapshot.own())
    services = sorted(
        (folder for folder in folders if folder != "."),
        key=lambda folder: (
            not (f"{folder}/main.go" in paths or any(path.startswith(f"{folder}/cmd/") for path in paths))
        ),
    )
    if services and "." not in folders:
        said = ", ".join(services[:LOOKED_AT])
        found.notes.append(
            f"no go.mod here, and {len(services)} below: {said}; "
            f"the template makes one service: adopt each by its folder, as in slipway adopt {services[0]}"
        )
    if "vendor/modules.txt" in snapshot.entries:
        found.notes.append("modules are vendored: after make deps of the platform step, run go mod vendor as well")
    if snapshot.below:
        found.notes.append(
            f"{snapshot.below} is a folder of a larger repository: pipelines, CODEOWNERS, renovate.json and hooks work "
            "at the top of a repository alone; include them from there, or leave those steps out"
        )


def _read_history(snapshot: Snapshot, found: Survey) -> None:
    within = ["--", snapshot.spec] if snapshot.below else []
    if git(snapshot.top, "rev-parse", "--is-shallow-repository").strip() == "true":
        found.notes.append("the clone is shallow, so its first commit is unknown; git fetch --unshallow brings it")
    else:
        roots = [] if within else ["--max-parents=0"]
        printed = git(snapshot.top, "log", *roots, "--format=%at", snapshot.head, *within).split()
        days = [int(word) for word in printed if 0 < int(word) < FAR_FUTURE]
        if days:
            born = datetime.fromtimestamp(min(days), tz=timezone.utc)
            found.days.append(Fact(born.strftime("%d%m%Y"), "the day of the first commit"))
    words = ["log", f"--max-count={READ_COMMITS}", "--no-merges", "--format=%B%x00", snapshot.head, *within]
    commits = [set(TICKET.findall(message)) for message in git(snapshot.top, *words).split("\0")]
    named = Counter(prefix for tickets in commits for prefix in {one for one, _ in tickets} - NO_TICKETS)
    for prefix, count in named.most_common(1):
        if count >= LEAST_TICKETS:
            oldest = [int(number) for tickets in commits for known, number in tickets if known == prefix][-1]
            found.tickets.append(Fact(f"{prefix}-{oldest}", f"{count} commit messages name {prefix}"))
