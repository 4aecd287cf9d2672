"""Alerts and metrics: each alert can be answered and asks for something that is measured, and no metric can explode."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from slipway.contract.registry import check
from slipway.contract.repository import Document, Repository
from slipway.contract.sources import calls, literal

REGISTRY_FILE = "telemetry/metrics.yaml"
REGISTRIES = r"telemetry/[^/]+\.yaml$"
ANNOTATIONS = ("summary", "description", "runbook_url")
FOREIGN = ("go_", "process_", "kube_", "container_", "up", "ALERTS", "promhttp_", "scrape_")
SUFFIXES = ("_bucket", "_sum", "_count")
LABELS = re.compile(r"labels|(?:metric\.)?WithAttributes|(?:attribute\.)?NewSet")
ATTRIBUTE = re.compile(r'attribute\.\w+\(("(?:[^"\\\n]|\\.)*"|`[^`]*`)')
UNBOUNDED = re.compile(
    r"(?:^|_)(?:id|ids|uuid|guid|key|user|customer|client|email|phone|ip|addr|address|host|hostname|path|url|uri|query"
    r"|trace|span|session|token|time|timestamp|date|message|error|cause|body)$"
)
PROMQL = re.compile(r"\b([a-z][a-z0-9_]*[a-z0-9])\s*(?=\{|\[)")


def alerts(repository: Repository) -> Iterator[tuple[str, Document]]:
    """Give each alerting rule with its file."""
    for path in repository.matching(r"(?:observability|k8s)/.*\.ya?ml$"):
        for document in repository.documents(path):
            yield from ((path, rule) for rule in _rules(document) if "alert" in rule)


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
    "every runbook that an alert names is there",
    why="A dead link at three in the morning is worse than none (row T04).",
    fix="Write the runbook under docs/runbooks/, or correct the link.",
)
def runbooks(repository: Repository) -> Iterator[tuple[str, int, str]]:
    """Yield runbook links into this repository that lead nowhere."""
    for path, rule in alerts(repository):
        link = str((rule.get("annotations") or {}).get("runbook_url") or "")
        found = re.search(r"docs/runbooks/[\w.-]+\.md", link)
        if found and found[0] not in repository.files:
            yield path, 0, f"alert {rule['alert']} links to {found[0]}, which does not exist"


@check(
    "OBS003",
    "every metric that an alert asks for is registered",
    why="An alert on a metric that nobody emits never fires, and nobody notices (row E04).",
    fix=f"Correct the name, or register the metric in {REGISTRY_FILE}.",
)
def metrics(repository: Repository) -> Iterator[tuple[str, int, str]]:
    """Yield alerts over metrics that the registry does not know."""
    texts = [repository.text(path) for path in repository.matching(REGISTRIES)]
    known = {name for text in texts for name in re.findall(r"[a-z][a-z0-9_]+", text)}
    recorded = {
        str(rule.get("record"))
        for path in repository.matching(r"(?:observability|k8s)/.*\.ya?ml$")
        for document in repository.documents(path)
        for rule in _rules(document)
    }
    for path, rule in alerts(repository):
        for name in PROMQL.findall(str(rule.get("expr"))):
            plain = next((name.removesuffix(suffix) for suffix in SUFFIXES if name.endswith(suffix)), name)
            if known and not name.startswith(FOREIGN) and not known & {name, plain} and name not in recorded:
                yield path, 0, f"alert {rule['alert']} asks for {name}, which {REGISTRY_FILE} does not know"


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
    for call in calls(repository, LABELS):
        if "go.opentelemetry.io/otel/metric" not in repository.text(call.path):
            continue
        names = call.arguments[::2] if call.name == "labels" else ATTRIBUTE.findall(" ".join(call.arguments))
        for label in filter(None, map(literal, names)):
            if UNBOUNDED.search(label):
                yield call.path, call.line, f"the label {label} can take any value"
