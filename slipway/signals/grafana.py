"""Dashboards for Grafana. They name no data source of their own: whoever looks chooses one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from slipway.signals.prometheus import dashboard_of, selected, windows
from slipway.signals.source import Group, Objective, Source, plain
from slipway.signals.text import readable

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
SCHEMA = 41
COLUMNS, WIDTH, HEIGHT = 24, 8, 7


def dashboard(source: Source, group: Group) -> str:
    """Write the dashboard of one file of signals."""
    panels: list[dict[str, Any]] = []
    top = 0
    for row in group.rows:
        panels.append(
            {"id": len(panels) + 1, "type": "row", "title": row["row"], "gridPos": _place(0, top, COLUMNS, 1)}
        )
        top += 1
        shown = [*_promises(source)] if row.get("objectives") else []
        shown += [_panel(panel) for panel in row.get("panels") or []]
        for index, panel in enumerate(shown):
            left = index * WIDTH % COLUMNS
            place = _place(left, top + index * WIDTH // COLUMNS * HEIGHT, WIDTH, HEIGHT)
            panels.append({"id": len(panels) + 1, **panel, "gridPos": place})
        top += -(-len(shown) * WIDTH // COLUMNS) * HEIGHT
    title = source.service if group.name == "service" else f"{source.service} {group.name}"
    return readable(_whole(source, group, title, panels)) + "\n"


def _whole(source: Source, group: Group, title: str, panels: list[dict[str, Any]]) -> dict[str, Any]:
    variables = [
        {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Data source"},
        {"name": "service", "type": "constant", "query": source.service, "hide": 2},
        {
            "name": "namespace",
            "type": "query",
            "datasource": DATASOURCE,
            "query": 'label_values(build_info{job="$service"}, namespace)',
            "refresh": 2,
            "sort": 2,
        },
    ]
    newer = 'sum by (version) (build_info{job="$service",namespace="$namespace"})'
    deploys = {
        "name": "Deploys",
        "enable": True,
        "datasource": DATASOURCE,
        "expr": f"{newer} unless {newer.replace('})', '} offset 5m)')}",
        "step": "60s",
        "titleFormat": "Deploy",
        "textFormat": "{{version}}",
        "iconColor": "blue",
    }
    return {
        "uid": dashboard_of(source.service, group.name),
        "title": title,
        "description": "Written by make alerts from observability/",
        "tags": [source.service],
        "schemaVersion": SCHEMA,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "1m",
        "time": {"from": "now-3h", "to": "now"},
        "timezone": "utc",
        "links": [
            {
                "type": "dashboards",
                "title": "Dashboards",
                "tags": [source.service],
                "keepTime": True,
                "includeVars": True,
            },
            {"type": "link", "title": "Runbooks", "url": f"{source.docs}/runbooks"},
        ],
        "templating": {"list": variables},
        "annotations": {"list": [deploys]},
        "panels": panels,
    }


def _place(left: int, top: int, width: int, height: int) -> dict[str, int]:
    return {"x": left, "y": top, "w": width, "h": height}


def _shown(title: str, unit: str, targets: list[tuple[str, str]], kind: str = "timeseries") -> dict[str, Any]:
    return {
        "type": kind,
        "title": title,
        "datasource": DATASOURCE,
        "fieldConfig": {
            "defaults": {"unit": unit, "min": 0} if kind == "timeseries" else {"unit": unit},
            "overrides": [],
        },
        "targets": [
            {"refId": chr(ord("A") + index), "expr": expr, "legendFormat": legend}
            for index, (expr, legend) in enumerate(targets)
        ],
    }


def _panel(panel: dict[str, Any]) -> dict[str, Any]:
    expr = " ".join(selected(str(panel["prometheus"]), "$service", "$namespace").split())
    by = panel.get("by")
    legend = "{{" + str(by) + "}}" if by else str(panel["title"])
    return _shown(str(panel["title"]), str(panel["unit"]), [(expr.replace("$window", "$__rate_interval"), legend)])


def _promises(source: Source) -> Iterator[dict[str, Any]]:
    for objective in source.objectives:
        yield _budget(source, objective)
        yield _burning(source, objective)


def _own(objective: Objective) -> str:
    return f'{{service="$service",objective="{objective.name}"}}'


def _budget(source: Source, objective: Objective) -> dict[str, Any]:
    own = f"{_own(objective)}[{source.window}]"
    bad = f"sum_over_time(slo:bad_requests:rate5m{own}) / sum_over_time(slo:requests:rate5m{own})"
    title = f"{objective.name.capitalize()}: error budget of {source.window} that is left"
    return _shown(title, "percentunit", [(f"1 - {bad} / {plain(objective.budget)}", "left")], "stat")


def _burning(source: Source, objective: Objective) -> dict[str, Any]:
    targets = [
        (f"slo:bad_share:{window}{_own(objective)} / {plain(objective.budget)}", f"over {window}")
        for window in windows(source)
    ]
    return _shown(f"{objective.name.capitalize()}: burn rate", "none", targets)
