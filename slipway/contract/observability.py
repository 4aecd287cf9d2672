"""Alerts and metrics: each alert can be answered and asks for something that is measured, and no metric can explode."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from typing import Any

import yaml

from slipway.contract.overlays import builds
from slipway.contract.registry import check
from slipway.contract.repository import Document, Repository, StrictLoader
from slipway.contract.sources import calls, literal
from slipway.signals import outputs
from slipway.signals.source import PROMISES, SIGNALS, SourceError, buckets, read

REGISTRY_FILE = "telemetry/metrics.yaml"
REGISTRIES = r"telemetry/[^/]+\.yaml$"
ANNOTATIONS = ("summary", "description", "runbook_url")
CLUSTER = "telemetry/cluster.yaml"
# Names that nobody had to register before there was a registry of the cluster's metrics.
FOREIGN = ("go_", "process_", "kube_", "container_", "up", "ALERTS", "promhttp_", "scrape_")
SUFFIXES = ("_bucket", "_sum", "_count", ".count", ".sum")
PAGE = re.compile(r"docs/runbooks/([A-Z][A-Za-z0-9]*[a-z][A-Za-z0-9]*)\.md$")
LABELS = re.compile(r"labels|(?:metric\.)?WithAttributes|(?:attribute\.)?NewSet")
ATTRIBUTE = re.compile(r'attribute\.\w+\(("(?:[^"\\\n]|\\.)*"|`[^`]*`)')
UNBOUNDED = re.compile(
    r"(?:^|_)(?:id|ids|uuid|guid|key|user|customer|client|email|phone|ip|addr|address|host|hostname|path|url|uri|query"
    r"|trace|span|session|token|time|timestamp|date|message|error|cause|body)$"
)
# What is no metric in an expression: strings, label matchers, windows, lists of labels, functions and words.
TEXT = re.compile(r'"(?:[^"\\]|\\.)*"')
NO_METRIC = re.compile(r"\{[^}]*\}|\[[^\]]*\]|\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)")
PROMQL = re.compile(r"(?<![\w.:$@])([a-zA-Z_:][\w:]*)(?!\s*\(|[\w:])")
WORDS = frozenset(
    {"and", "or", "unless", "offset", "bool", "by", "without", "on", "ignoring", "group_left", "inf", "nan"}
)
LONGEST, BEFORE = 100, 40
DATADOG = re.compile(r":([a-z][\w.]*)\{")
PROMISED = re.compile(r"(\d+(?:\.\d+)?) ?%")
WITHIN = re.compile(r"within (\d+(?:\.\d+)?) ?(ms|s)\b")
SLOWER = re.compile(r"slower than (\d+(?:\.\d+)?) ?s\b")
NAMED = re.compile(r"`([a-z][a-z0-9_]*)(?:\{[^`]*\}`|(?<=_total)`|(?<=_seconds)`|(?<=_bytes)`)")
CAUSES = re.compile(r"^## Likely causes\n(?:(?!## ).*\n)*?1\. ", re.MULTILINE)


def alerts(repository: Repository) -> Iterator[tuple[str, Document]]:
    """Give each alerting rule with its file."""
    return ((path, rule) for path, rule in rules(repository) if "alert" in rule)


def rules(repository: Repository) -> Iterator[tuple[str, Document]]:
    """Give each alerting or recording rule with its file."""
    for path in repository.matching(r"(?:observability|k8s)/.*\.ya?ml$"):
        for document in repository.documents(path):
            yield from ((path, rule) for rule in _rules(document))


def _rules(document: Any) -> Iterator[Document]:
    spec = document.get("spec", document) if isinstance(document, dict) else {}
    groups = spec.get("groups") if isinstance(spec, dict) else None
    for group in groups if isinstance(groups, list) else []:
        yield from (
            rule for rule in (group.get("rules") if isinstance(group, dict) else None) or [] if isinstance(rule, dict)
        )


@check(
    "OBS001",
    "every alert says how long, how bad, what and what to do",
    why="An alert without a runbook or a severity wakes somebody and leaves them alone (row S03).",
    fix="Give it for, labels.severity and the annotations summary, description and runbook_url.",
)
def complete(repository: Repository) -> Iterator[tuple[str, int, str]]:
    """Yield alerts that lack a part."""
    for path, rule in alerts(repository):
        missing = ["for"] if "for" not in rule else []
        missing += ["labels.severity"] if "severity" not in (rule.get("labels") or {}) else []
        missing += [f"annotations.{name}" for name in ANNOTATIONS if not (rule.get("annotations") or {}).get(name)]
        if missing:
            yield path, 0, f"alert {rule['alert']} lacks {', '.join(missing)}"


@check(
    "OBS002",
    "every alert has its runbook, and every runbook its alert",
    why="A dead link at three in the morning is worse than none; a page that nothing leads to grows old (row T04).",
    fix="Write docs/runbooks/NAME.md, beginning with its causes, correct the link, or remove a page without an alert.",
)
def runbooks(repository: Repository) -> Iterator[tuple[str, int, str]]:
    """Yield links to runbooks that are not there, monitors without a page and pages without an alert."""
    named = set(watched(repository))
    for path, rule in alerts(repository):
        named.add(str(rule["alert"]))
        link = str((rule.get("annotations") or {}).get("runbook_url") or "")
        found = re.search(r"docs/runbooks/[\w.-]+\.md", link)
        if found and found[0] not in repository.files:
            yield path, 0, f"alert {rule['alert']} links to {found[0]}, which does not exist"
    for path, name, _ in monitors(repository):
        named.add(name)
        if f"docs/runbooks/{name}.md" not in repository.files:
            yield path, 0, f"monitor {name} has no runbook docs/runbooks/{name}.md"
    for path in repository.files if named else ():
        page = PAGE.match(path)
        if page and page[1] not in named:
            yield path, 0, f"no alert is named {page[1]}"
        elif page and not CAUSES.search(repository.text(path)):
            yield path, 0, "does not begin with likely causes, the likeliest first"


def watched(repository: Repository) -> Iterator[str]:
    """Give the names of the alerts that the sources in observability/ tell, also of those that are left out."""
    for objective in repository.mapping(PROMISES).get("objectives") or []:
        yield from (str(one.get("name")) for one in objective.get("alerts") or [])
        yield str(objective.get("alert"))
    for path in repository.matching(SIGNALS):
        yield from (str(cause.get("name")) for cause in repository.mapping(path).get("causes") or [])


def monitors(repository: Repository) -> Iterator[tuple[str, str, str]]:
    """Give each monitor of Datadog: its file, its name without the service, its query."""
    for path in repository.matching(r"observability/monitors[^/]*\.json$"):
        for one in _json(repository, path):
            if isinstance(one, dict):
                yield path, str(one.get("name")).partition(":")[0], str(one.get("query"))


def _json(repository: Repository, path: str) -> list[Any]:
    try:
        found = repository.json(path)
    except ValueError:  # DAT002 tells it
        return []
    return found if isinstance(found, list) else [found]


@check(
    "OBS003",
    "every metric that is asked for is registered",
    why="An alert on a metric that nobody emits never fires, and a panel on one stays empty (row E04).",
    fix=f"Correct the name, or register the metric in {REGISTRY_FILE}, one of the cluster's in a file beside it.",
)
def metrics(repository: Repository) -> Iterator[tuple[str, int, str]]:
    """Yield what asks for metrics that no registry knows: alerts, records, dashboards, monitors, analyses."""
    known, prefixes = registered(repository)
    if not known:
        return
    for path, who, names in sorted({(path, who, tuple(sorted({*names}))) for path, who, names in asked(repository)}):
        for name in names:
            plain = next((name.removesuffix(suffix) for suffix in SUFFIXES if name.endswith(suffix)), name)
            if not name.startswith(prefixes) and not known & {name, plain}:
                yield path, 0, f"{who} asks for {name}, which no file in telemetry/ knows"
    for path in repository.matching(r"docs/runbooks/[^/]+\.md$"):
        for number, line in repository.lines(path):
            for name in NAMED.findall(line):
                plain = next((name.removesuffix(suffix) for suffix in SUFFIXES if name.endswith(suffix)), name)
                if not name.startswith(prefixes) and not known & {name, plain}:
                    yield path, number, f"{name} is a metric that no file in telemetry/ knows"


def registered(repository: Repository) -> tuple[set[str], tuple[str, ...]]:
    """Give the names that the registries and the recording rules know, and the prefixes that need no registration."""
    known: set[str] = set()
    prefixes: tuple[str, ...] = ("ALERTS",) if CLUSTER in repository.files else FOREIGN
    for path in repository.matching(REGISTRIES):
        told = repository.mapping(path)
        prefixes += tuple(map(str, told.get("runtime_prefixes") or []))
        exporters = [exporter.get("metrics") or [] for exporter in told.get("exporters") or []]
        for metric in itertools.chain(told.get("metrics") or [], *exporters):
            known |= {str(metric.get(system)) for system in ("otel", "prometheus", "datadog")}
    records = {str(rule["record"]) for _, rule in rules(repository) if "record" in rule}
    return (known | records if known else known), prefixes


def asked(repository: Repository) -> Iterator[tuple[str, str, list[str]]]:
    """Give who asks for which metrics: a file, a word for the one that asks, and the names."""
    for path, rule in rules(repository):
        who = f"alert {rule['alert']}" if "alert" in rule else f"record {rule.get('record')}"
        yield path, who, promql(str(rule.get("expr")))
    for path, name, query in monitors(repository):
        yield path, f"monitor {name}", DATADOG.findall(query)
    yield from _scaled(repository)
    for path in repository.matching(r"(?:observability|k8s)/.*\bdashboard[^/]*\.json$"):
        for board in _json(repository, path):
            names = [name for text in _texts(board, "expr") for name in promql(text)]
            yield path, "a panel", [*names, *(name for text in _texts(board, "q") for name in DATADOG.findall(text))]
    for path in repository.matching(r"k8s/.*\.ya?ml$"):
        for document in repository.documents(path) if "AnalysisTemplate" in repository.text(path) else ():
            for metric in (document.get("spec") or {}).get("metrics") or []:
                provider = metric.get("provider") or {}
                query = str((provider.get("prometheus") or {}).get("query") or "")
                other = str((provider.get("datadog") or {}).get("query") or "")
                yield path, f"analysis {metric.get('name')}", [*promql(query), *DATADOG.findall(other)]


def _scaled(repository: Repository) -> Iterator[tuple[str, str, list[str]]]:
    """Give which metrics autoscalers ask for, beside those of pods."""
    for build in builds(repository):
        for made in build.of("HorizontalPodAutoscaler"):
            for one in (one for one in made.spec.get("metrics") or [] if isinstance(one, dict) and "external" in one):
                metric = one["external"].get("metric") if isinstance(one["external"], dict) else None
                if isinstance(metric, dict) and metric.get("name"):
                    yield made.path, str(made), [str(metric["name"])]


def promql(expression: str) -> list[str]:
    """Give the names of metrics in an expression."""
    return [name for name in PROMQL.findall(NO_METRIC.sub(" ", TEXT.sub(" ", expression))) if name.lower() not in WORDS]


def _texts(value: Any, key: str) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get(key), str):
            yield value[key]
        value = list(value.values())
    for one in value if isinstance(value, list) else ():
        yield from _texts(one, key)


@check(
    "OBS004",
    "no label of a metric can take any value",
    why="Each value of a label is a series of its own: an id or a path fills the store and the bill (row E02).",
    fix="Take the label out, or replace it by a class such as status_class; ids belong into logs and traces.",
)
def bounded(repository: Repository) -> Iterator[tuple[str, int, str]]:
    """Yield labels without a bound, in the registry and in the sources, and metrics whose bound is not told."""
    for path in repository.matching(REGISTRIES):
        for metric in repository.mapping(path).get("metrics") or []:
            for label in metric.get("labels") or []:
                if UNBOUNDED.search(str(label)):
                    yield path, 0, f"{metric.get('otel')} has the label {label}, which can take any value"
            if not metric.get("bound"):
                yield path, 0, f"{metric.get('otel')} does not say its bound"
    for call in calls(repository, LABELS, "labels(", "WithAttributes(", "NewSet("):
        if "go.opentelemetry.io/otel/metric" not in repository.text(call.path):
            continue
        names = call.arguments[::2] if call.name == "labels" else ATTRIBUTE.findall(" ".join(call.arguments))
        for label in filter(None, map(literal, names)):
            if UNBOUNDED.search(label):
                yield call.path, call.line, f"the label {label} can take any value"


@check(
    "OBS005",
    "what is promised and watched is told whole",
    why="An alert without a number, an owner or a test is believed to watch, and does not (rows S01 to S05).",
    fix="Correct what the message names, in observability/slo.yaml or observability/signals/, then run: make alerts.",
)
def source(repository: Repository) -> Iterator[tuple[str, int, str]]:
    """Yield what cannot be in the source of alerts, and objectives that fall between two buckets."""
    if not any(repository.matching(SIGNALS)):
        return
    try:
        told = read(repository)
    except SourceError as error:
        path = str(error).partition(":")[0]
        yield path if path in repository.files else PROMISES, 0, str(error)
        return
    known = {
        str(metric.get("prometheus")): [*map(str, metric["buckets"])]
        for path in repository.matching(REGISTRIES)
        for metric in repository.mapping(path).get("metrics") or []
        if metric.get("buckets")
    }
    for name, limit in buckets(told):
        if name in known and limit not in known[name]:
            yield PROMISES, 0, f"{name} has no bucket that ends at {limit} s, only {', '.join(known[name])}"
    content = repository.mapping(PROMISES)
    for objective in content.get("objectives") or []:
        # services from before tell their alerts in the objective, and were not asked for the same numbers in words
        for one in _broken(objective) if "alerts" not in objective else ():
            yield PROMISES, 0, f"objective {objective.get('name')} {one}"
    burns = [one for one in content.get("burn") or [] if isinstance(one, dict)]
    if burns and not any(one.get("severity") == "page" for one in burns):
        yield PROMISES, 0, "no burn wakes anybody: give the fastest one severity: page"


def _broken(objective: Document) -> Iterator[str]:
    """Say where the words of a promise and its numbers differ."""
    words, bad, target = str(objective.get("promise")), str(objective.get("bad")), objective.get("target")
    share, within, slower = PROMISED.search(words), WITHIN.search(words), SLOWER.search(bad)
    if share and isinstance(target, float) and abs(float(share[1]) / 100 - target) > 1e-9:  # noqa: PLR2004  -- rounding
        yield f"promises {share[1]} %, and its target is {target}"
    if within and slower and abs(float(within[1]) / (1000 if within[2] == "ms" else 1) - float(slower[1])) > 1e-9:  # noqa: PLR2004
        yield f"promises {within[0]}, and counts what is {slower[0]}"


@check(
    "OBS006",
    "alerts, tests, monitors and dashboards are what observability/ says",
    why="A number that was changed in one place alone wakes people for nothing, or nobody at all (rows S02 to S06).",
    fix="Change observability/slo.yaml or observability/signals/ instead, then run: make alerts.",
)
def written(repository: Repository) -> Iterator[tuple[str, int, str]]:
    """Yield files that differ from what is written from their source."""
    if not any(repository.matching(SIGNALS)):
        return
    try:
        wanted = outputs(repository)
    except SourceError:  # OBS005 tells it
        return
    for path, text in wanted.items():
        if path not in repository.files:
            yield path, 0, f"{path} is missing"
        elif repository.text(path) != text and (found := _different(repository, path, text)):
            yield path, 0, found


def _different(repository: Repository, path: str, text: str) -> str:
    """Say where a file differs in meaning from a text; nothing when it does not."""
    if path.endswith(".json"):
        have, want = _json(repository, path), json.loads(text)
        want = want if isinstance(want, list) else [want]
    else:
        have, want = repository.documents(path), list(yaml.load_all(text, StrictLoader))
    return next(_differences(have, want, ""), "")


def _differences(have: Any, want: Any, where: str) -> Iterator[str]:
    if isinstance(have, dict) and isinstance(want, dict):
        name = str(want.get("alert") or want.get("record") or want.get("title") or want.get("name") or "")
        for key in [*want, *(key for key in have if key not in want)]:
            yield from _differences(have.get(key), want.get(key), f"{name or where} {key}".strip())
    elif isinstance(have, list) and isinstance(want, list):
        for index in range(max(len(have), len(want))):
            one, other = (part[index] if index < len(part) else None for part in (have, want))
            yield from _differences(one, other, where)
    elif "".join(str(have).split()) != "".join(str(want).split()):
        one, other = _apart(have, want)
        yield f"{where or 'it'} is {one}, and observability/ says {other}"


def _apart(have: Any, want: Any) -> tuple[str, str]:
    """Write two values shortly, from a little before where they part."""
    texts = ["not there" if value is None else " ".join(str(value).split()) for value in (have, want)]
    parted = next((index for index, (one, other) in enumerate(zip(*texts, strict=False)) if one != other), 0)
    begin = max(0, parted - BEFORE)
    cut = [("..." if begin else "") + text[begin:] for text in texts]
    one, other = (text if len(text) <= LONGEST else text[: LONGEST - 3] + "..." for text in cut)
    return one, other


@check(
    "OBS007",
    "a metric has one name, told as each system writes it",
    why="An exporter makes the name at Prometheus from the one in the code; one that is told otherwise is never seen.",
    fix="Write dots as underscores, end counters with _total (.count at Datadog) and seconds with _seconds.",
)
def one_name(repository: Repository) -> Iterator[tuple[str, int, str]]:
    """Yield metrics of the service whose names do not follow from each other."""
    for path in repository.matching(REGISTRIES):
        for metric in repository.mapping(path).get("metrics") or []:
            code = str(metric.get("otel")).replace(".", "_")
            code += "_seconds" if metric.get("unit") == "s" and not code.endswith("_seconds") else ""
            counts = metric.get("type") == "counter"
            for system, wanted in (
                ("prometheus", f"{code}_total" if counts else code),
                ("datadog", f"{code}.count" if counts else code),
            ):
                if metric.get(system) not in (wanted, "-", None):
                    yield path, 0, f"{metric.get('otel')} is {metric[system]} at {system}, which makes it {wanted}"
