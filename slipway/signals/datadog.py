"""Monitors and dashboards for Datadog, of the same source as those for Prometheus."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NamedTuple

from slipway.signals.prometheus import said, words
from slipway.signals.source import Burn, Cause, Group, Objective, Source, plain, seconds
from slipway.signals.text import readable

LIMIT = re.compile(r"[<>]=? (-?[\d.]+)$")
MISSING = {"resolve": "resolve", "notify": "show_and_notify_no_data"}


def selected(text: str, pods: str, namespace: str) -> str:
    """Put the tags of the service's metrics and of the cluster's into a query, and write it on one line."""
    put = {"$pods": pods, "$namespace": namespace}
    return " ".join(re.sub(r"[$](?:pods|namespace)", lambda found: put[found[0]], text).split())


def monitors(source: Source, group: Group) -> str:
    """Write the monitors of one file of signals; the objectives are among those of the service."""
    made = [*_of_objectives(source)] if group.name == "service" else []
    made += [_of_cause(source, cause) for cause in group.causes]
    return readable([monitor.entry(source) for monitor in made]) + "\n"


def hours(window: str) -> str:
    """Give a window as Datadog writes it; longer ones than a day in hours."""
    whole = seconds(window)
    return f"last_{whole // 3600}h" if whole >= 3600 else f"last_{whole // 60}m"  # noqa: PLR2004  -- an hour


class _Monitor(NamedTuple):
    """What is different from monitor to monitor."""

    title: str
    runbook: str
    query: str
    summary: str
    description: str
    tags: tuple[str, ...]
    missing: str = "resolve"

    def entry(self, source: Source) -> dict[str, Any]:
        """Give the monitor as the API of Datadog takes it."""
        limit = LIMIT.search(self.query)
        number = float(limit[1]) if limit else 0.0
        place = f"{source.datadog}/dashboard/lists?q={source.service}"
        links = f"Runbook: {source.runbook(self.runbook)} Dashboard: {place}"
        return {
            "name": self.title,
            "type": "query alert",
            "query": self.query,
            "message": f"{self.summary}. {self.description} {links}",
            "tags": [f"service:{source.service}", *self.tags],
            "options": {
                "thresholds": {"critical": int(number) if number.is_integer() else number},
                "on_missing_data": MISSING[self.missing],
            },
        }


def _tags(source: Source) -> tuple[str, str]:
    return f"service:{source.service},kube_namespace:{source.namespace}", f"kube_namespace:{source.namespace}"


def _of_cause(source: Source, cause: Cause) -> _Monitor:
    return _Monitor(
        title=f"{cause.name}: {source.service}",
        runbook=cause.name,
        query=selected(words(cause.datadog, cause), *_tags(source)),
        summary=words(cause.summary, cause),
        description=words(cause.description, cause),
        tags=(f"team:{cause.owner}", f"severity:{cause.severity}"),
        missing=cause.missing,
    )


def burn_query(objective: Objective, burn: Burn, pods: str) -> str:
    """Give the query of a burn rate over its long window; a share of slow requests is a percentile that is too high."""
    most = burn.rate * objective.budget
    if objective.status:
        bad = f"sum:{objective.metric}.count{{{pods},status_class:{objective.status}}}.as_count()"
        return f"sum({hours(burn.long)}):{bad} / sum:{objective.metric}.count{{{pods}}}.as_count() > {plain(most)}"
    return f"percentile({hours(burn.long)}):{percentile(1 - most)}:{objective.metric}{{{pods}}} > {objective.slow}"


def percentile(share: Decimal) -> str:
    """Name a percentile; Datadog knows two decimals."""
    return f"p{plain((share * 100).quantize(Decimal('0.01')))}"


def _of_objectives(source: Source) -> Iterator[_Monitor]:
    for objective in source.objectives:
        for burn in source.burns:
            summary, description = said(objective, burn, source.window)
            yield _Monitor(
                title=f"{objective.alert}: {source.service} ({burn.long})",
                runbook=objective.alert,
                query=burn_query(objective, burn, _tags(source)[0]),
                summary=summary,
                description=description.replace(f"over {burn.short} and over", "over"),
                tags=(f"team:{source.owner}", f"severity:{burn.severity}", f"window:{burn.long}"),
            )


def dashboard(source: Source, group: Group) -> str:
    """Write the dashboard of one file of signals."""
    name = source.service if group.name == "service" else f"{source.service} {group.name}"
    widgets = []
    for row in group.rows:
        panels = list(row.get("panels") or [])
        if row.get("objectives"):
            panels = [_promise(source, objective) for objective in source.objectives] + panels
        held = [
            {
                "definition": {
                    "type": "timeseries",
                    "title": panel["title"],
                    "requests": [
                        {
                            "q": selected(str(panel["datadog"]), f"service:{source.service},$namespace", "$namespace"),
                            "display_type": "line",
                        }
                    ],
                }
            }
            for panel in panels
        ]
        definition = {"type": "group", "layout_type": "ordered", "title": row["row"], "widgets": held}
        widgets.append({"definition": definition})
    made = {
        "title": name,
        "description": "Written by make alerts from observability/",
        "layout_type": "ordered",
        "template_variables": [{"name": "namespace", "prefix": "kube_namespace", "defaults": [source.namespace]}],
        "widgets": widgets,
    }
    return readable(made) + "\n"


def _promise(source: Source, objective: Objective) -> dict[str, str]:
    pods = f"service:{source.service},$namespace"
    if objective.status:
        bad = f"sum:{objective.metric}.count{{{pods},status_class:{objective.status}}}.as_count()"
        query = f"{bad} / sum:{objective.metric}.count{{{pods}}}.as_count()"
        return {"title": f"Share of failed requests, at most {plain(objective.budget)}", "datadog": query}
    query = f"{percentile(objective.target)}:{objective.metric}{{{pods}}}"
    title = f"Answer time of {plain(objective.target * 100)} in 100 requests, at most {objective.slow} s"
    return {"title": title, "datadog": query}
