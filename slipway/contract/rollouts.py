"""Rollouts and their analyses: a bad release is seen, in time, and on the new pods."""

from __future__ import annotations

import re
from collections.abc import Iterator

from slipway.contract.kubernetes import Findings, Told, across, at, called, each, entries, sub, words
from slipway.contract.overlays import Build, Made
from slipway.contract.pods import seconds
from slipway.contract.references import analyses, selected, workloads
from slipway.contract.registry import check
from slipway.contract.repository import Document, Repository, line_of
from slipway.signals.source import PROMISES

BOUND = re.compile(r"result(?:\[0\])?\s*(<=?|>=?)\s*([0-9.]+)")
REGISTRIES = r"telemetry/[^/]+\.yaml$"
# what Prometheus and the operator add to every series
TARGET = frozenset({"container", "endpoint", "instance", "job", "le", "namespace", "pod", "rollouts_pod_template_hash"})
HASH = "rollouts-pod-template-hash"
# what a page is worth: this many times the error budget (observability/slo.yaml, burn)
FASTEST = 14.4
SHORTEST = 30


@check(
    "K8S033",
    "the analysis of a release looks at the new pods, and can fail",
    why="A bound that nothing breaks, or a look at the old pods, lets every bad release through (row R03).",
    fix="Bound the share of bad requests from above, fail before count is over, take podTemplateHashValue: Latest.",
)
def sharp(repository: Repository) -> Findings:
    """Yield analyses that no release can fail, or that look at the wrong pods."""
    worst, known = _worst(repository), _measured(repository)

    def judge(content: Document) -> Told:
        if content.get("kind") == "AnalysisTemplate":
            for metric in entries(sub(content, "spec"), "metrics"):
                args = {str(one.get("name")) for one in entries(sub(content, "spec"), "args")}
                for message in [*_unbound(metric, args), *_blunt(metric, worst), *_unmeasured(metric, known)]:
                    yield line_of(metric), f"{called(content)}: the metric {metric.get('name')} {message}"

    yield from each(repository, judge)
    yield from across(repository, _misplaced)


def _worst(repository: Repository) -> float:
    """Give the share of failed requests at which the service would page; 1 where no promise says it."""
    objectives = entries(repository.mapping(PROMISES), "objectives")
    targets = [
        one["target"] for one in objectives if isinstance(one.get("target"), float) and "5xx" in str(one.get("bad"))
    ]
    return min((FASTEST * (1 - target) for target in targets), default=1.0)


def _unbound(metric: Document, args: set[str]) -> Iterator[str]:
    """Say which part of a query looks at more than the new pods of this namespace."""
    query = str(sub(metric, "provider", "prometheus").get("query") or "")
    for name in sorted({*re.findall(r"\{\{\s*args\.([\w-]+)\s*\}\}", query)} - args):
        yield f"asks for {{{{args.{name}}}}}, which is none of its args"
    for matchers in re.findall(r"\w+\{((?:[^{}]|\{\{[^{}]*\}\})*)\}", query):
        missing = [name for name in sorted(args) if f"args.{name}" not in matchers]
        if missing:
            yield f"looks at more than the new pods: a part of its query does not say {', '.join(missing)}"


def _measured(repository: Repository) -> dict[str, Document]:
    """Give each metric of the registries by its name for Prometheus."""
    found = [one for path in repository.matching(REGISTRIES) for one in entries(repository.mapping(path), "metrics")]
    return {str(one.get("prometheus")): one for one in found}


def _unmeasured(metric: Document, known: dict[str, Document]) -> Iterator[str]:
    """Say which labels and buckets a query asks for, and the metric does not have."""
    query = str(sub(metric, "provider", "prometheus").get("query") or "")
    for name, matchers in re.findall(r"(\w+)\{((?:[^{}]|\{\{[^{}]*\}\})*)\}", query):
        told = known.get(re.sub(r"_(?:bucket|count|sum)$", "", name)) or known.get(name)
        pairs = re.findall(r'(\w+)\s*[=!]~?\s*"([^"]*)"', matchers) if told else []
        held = [float(one) for one in (told or {}).get("buckets") or []]
        for label, value in pairs:
            if label not in TARGET and label not in words(told, "labels"):
                yield f"asks {name} for the label {label}, which it does not have"
            number = re.fullmatch(r"[0-9.]+", value)
            if label == "le" and held and number and float(value) not in held:
                yield f"asks {name} for the bucket {value}, which it does not have"


def _blunt(metric: Document, worst: float) -> Iterator[str]:
    count, limit = metric.get("count"), metric.get("failureLimit", 0)
    if "interval" in metric and count is None:
        yield "is measured without end: no count"
    if isinstance(count, int) and isinstance(limit, int) and limit >= count:
        yield f"is measured {count} times and may fail {limit} times"
    condition = str(metric.get("successCondition") or "")
    if not condition and "failureCondition" not in metric:
        yield "has no successCondition"
    query = str(sub(metric, "provider", "prometheus").get("query") or "")
    failed = "5xx" in query and re.search(r"5xx[^/]*\)\s*/", query) is not None
    for way, number in BOUND.findall(condition) if failed else ():
        if way.startswith(">"):
            yield f"succeeds when the share of failed requests is above {number}"
        elif float(number) > worst:
            yield f"takes {number} of failed requests for good; at {worst:.4g} the service pages"


def _misplaced(build: Build) -> Findings:
    for made in build.of("Rollout"):
        strategy = sub(made.spec, "strategy")
        templates = {
            str(one.get("templateName")) for found in analyses(strategy) for one in entries(found, "templates")
        }
        for found in analyses(strategy):
            for one in entries(found, "args"):
                if sub(one, "valueFrom").get("podTemplateHashValue") == "Stable":
                    yield made.path, line_of(one), f"{made} judges the old pods: podTemplateHashValue Stable"
        yield from _unlooked(made, strategy)
        blue = sub(strategy, "blueGreen")
        if blue and blue.get("activeService") == blue.get("previewService"):
            yield *at(made, "spec", "strategy", "blueGreen"), f"{made}: active and preview are one Service"
        needed = max((_length(build, name) for name in templates), default=0.0)
        kept = blue.get("scaleDownDelaySeconds", 30)
        if "postPromotionAnalysis" in blue and isinstance(kept, int) and kept < needed:
            told = f"the old pods go after {kept} s, and the analysis takes {needed:g} s"
            yield *at(made, "spec", "strategy", "blueGreen", "scaleDownDelaySeconds"), f"{made}: {told}"
        yield from _untold(build, templates)


def _unlooked(made: Made, strategy: Document) -> Findings:
    """Yield steps of a canary that give more traffic, and are left without a look at the pods."""
    canary = sub(strategy, "canary")
    for step in entries(canary, "steps"):
        waits = sub(step, "pause").get("duration")
        if str(waits).isdigit() and int(str(waits)) < SHORTEST:
            told = f"{made} pauses for {waits} seconds; say 5m for minutes"
            yield *at(made, "spec", "strategy", "canary", "steps"), told
    looked = bool(sub(canary, "analysis"))
    weight: object = None
    for step in [*entries(canary, "steps"), {"setWeight": None}]:
        if "setWeight" in step:
            if weight is not None and not looked:
                told = f"{made}: after setWeight {weight} no analysis looks at the new pods"
                yield *at(made, "spec", "strategy", "canary", "steps"), told
            weight, looked = step["setWeight"], bool(sub(canary, "analysis"))
        looked = looked or "analysis" in step


def _length(build: Build, name: str) -> float:
    judge = build.named("AnalysisTemplate", name)
    metrics = entries(judge.spec, "metrics") if judge else []
    counted = [(seconds(one.get("interval")) or 0, one.get("count", 1)) for one in metrics]
    return max((every * (times - 1) for every, times in counted if isinstance(times, int)), default=0.0)


def _untold(build: Build, templates: set[str]) -> Findings:
    """Yield monitors that do not bring the label by which an analysis tells new pods from old ones."""
    known = [one for one in build.of("AnalysisTemplate") if one.name in templates]
    if not any(HASH.replace("-", "_") in str(entries(one.spec, "metrics")) for one in known):
        return
    serving = [one for one in workloads(build) for service in build.of("Service") if one in selected(build, service)]
    for monitor in build.of("PodMonitor"):
        chosen = selected(build, monitor)
        if any(one in chosen for one in serving) and HASH not in words(monitor.spec, "podTargetLabels"):
            told = f"{monitor} does not take {HASH} over, by which the analysis knows the new pods"
            yield *at(monitor, "spec", "podTargetLabels"), told
