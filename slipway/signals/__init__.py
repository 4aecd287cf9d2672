"""Alerts, their tests, monitors and dashboards, written from what a service promises and watches.

The source is observability/slo.yaml, which is the service's own, and observability/signals/*.yaml.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from slipway.signals import datadog, grafana, prometheus
from slipway.signals.source import SIGNALS, Group, Source, SourceError, read

if TYPE_CHECKING:
    from slipway.contract.repository import Repository

__all__ = ["SIGNALS", "Source", "SourceError", "outputs", "read"]


def outputs(repository: Repository, source: Source | None = None) -> dict[str, str]:
    """Give each file that is written from the source of a service, by its path.

    Raises:
        SourceError: the source is wrong.
    """
    source = source or read(repository)
    written: dict[str, str] = {}
    for group in source.groups:
        if repository.answers.get("monitoring") == "datadog":
            more = "" if group.name == "service" else f"-{group.name}"
            written[f"observability/monitors{more}.json"] = datadog.monitors(source, group)
            written[f"observability/dashboard{more}.json"] = datadog.dashboard(source, group)
        else:
            written |= _for_prometheus(source, group)
    return written


def _for_prometheus(source: Source, group: Group) -> dict[str, str]:
    # what is of a component lies with it; everything else in the one that every service has
    place, more = {"service": ("monitoring", ""), "events": ("broker", "")}.get(
        group.name, ("monitoring", f"-{group.name}")
    )
    tests = "" if group.name == "service" else f"-{group.name}"
    written = {
        f"k8s/components/{place}/alerts{more}.yaml": prometheus.manifest(source, group),
        f"observability/alerts{tests}.test.yaml": prometheus.cause_tests(source, group),
        f"k8s/components/{place}/dashboard-{group.name}.json": grafana.dashboard(source, group),
    }
    if group.name == "service":
        written["observability/alerts-objectives.test.yaml"] = prometheus.objective_tests(source)
    return written
