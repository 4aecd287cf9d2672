"""Rules for Prometheus, as PrometheusRule objects, and the unit tests in which each alert fires and stays silent."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal

from slipway.signals.source import Burn, Cause, Group, Objective, Source, plain, seconds

# What stands for the name of the service in tests; bin/alerts-test puts the name in.
SERVICE = "SERVICE"
MARGIN = 15
ABOVE, BELOW = Decimal("1.1"), Decimal("0.9")
PLAIN = re.compile(r"[A-Za-z0-9][^:#{}\[\],&*!|>'\"%@`\\]*")


def scalar(text: str) -> str:
    """Write a string for YAML, quoted where it must be."""
    return text if PLAIN.fullmatch(text) and not text.endswith(" ") else json.dumps(text, ensure_ascii=False)


def words(text: str, cause: Cause) -> str:
    """Put the numbers of a cause into a sentence or an expression."""
    number = cause.threshold if cause.threshold is not None else Decimal(0)
    return (
        text.replace("$percent", f"{plain(number * 100)} %")
        .replace("$threshold", plain(number))
        .replace("$for", cause.hold)
    )


def selected(text: str, service: str, namespace: str, *, apart: bool = False) -> str:
    """Put the labels of the service's and the cluster's metrics into an expression; apart starts a new line."""
    own = f'namespace="{namespace}"'

    def put(found: re.Match[str]) -> str:
        line = f'job="{service}",{own}' if found[0] == "$pods" else found[0].replace("$namespace", own)
        return f"\n{line}" if apart else line

    return re.sub(r"[$]pods|(?:exported_)?[$]namespace", put, text)


def manifest(source: Source, group: Group) -> str:
    """Write the PrometheusRule of one file of signals; the objectives are in that of the service."""
    lines = [
        "# Written by `make alerts`, from observability/slo.yaml and the file of this name in observability/signals/.",
        "apiVersion: monitoring.coreos.com/v1",
        "kind: PrometheusRule",
        "metadata:",
        f"  name: {group.name}",
        "spec:",
        "  groups:",
    ]
    if group.name == "service":
        lines += ["    - name: objectives", "      rules:", *_indented(8, _objectives(source))]
    if group.causes:
        lines += [f"    - name: {group.name}", "      rules:"]
        lines += _indented(8, (line for cause in group.causes for line in _cause(source, group, cause)))
    return "\n".join(lines) + "\n"


def dashboard_of(service: str, group: str) -> str:
    """Give the id of a dashboard; Grafana allows 40 characters."""
    return service if group == "service" else f"{service[: 40 - 1 - len(group)]}-{group}"


def _indented(columns: int, lines: Iterator[str]) -> list[str]:
    return [" " * columns + line for line in lines]


def _folded(key: str, text: str) -> Iterator[str]:
    # what follows the labels of a service goes on in the next line, for names may be long
    text = re.sub(r"^((?:job|(?:exported_)?namespace)=\S*) ", r"\1\n", text, flags=re.MULTILINE)
    parts = [line.strip() for line in text.strip().splitlines() if line.strip()]
    if len(parts) == 1 and not re.search(r"[:#] |^[^A-Za-z0-9(]|://", parts[0]):
        yield f"  {key}: {parts[0]}"
    else:
        yield f"  {key}: >-"
        yield from (f"    {part}" for part in parts)


def _annotations(source: Source, group: str, name: str, summary: str, description: str) -> Iterator[str]:
    yield "  annotations:"
    yield f"    summary: {scalar(summary)}"
    yield f"    description: {scalar(description)}"
    yield "    runbook_url: >-"
    yield f"      {source.runbook(name)}"
    yield "    dashboard_url: >-"
    yield f"      {source.grafana}/d/{dashboard_of(source.service, group)}"


def _cause(source: Source, group: Group, cause: Cause) -> Iterator[str]:
    yield f"- alert: {cause.name}"
    expression = selected(words(cause.prometheus, cause), source.service, source.namespace, apart=True)
    yield from _folded("expr", expression)
    yield f"  for: {cause.hold}"
    yield f"  labels: {{severity: {cause.severity}, team: {cause.owner}}}"
    description = words(cause.description, cause)
    yield from _annotations(source, group.name, cause.name, words(cause.summary, cause), description)


def bucket(limit: str) -> str:
    """Select a bucket by its bound; whole numbers are written in two ways, by the age of Prometheus."""
    return f'le="{limit}"' if "." in limit else f'le=~"{limit}|{limit}[.]0"'


def windows(source: Source) -> list[str]:
    """Give the windows over which bad requests are counted, the shortest first."""
    return sorted({window for burn in source.burns for window in (burn.short, burn.long)}, key=seconds)


def _objectives(source: Source) -> Iterator[str]:
    for objective in source.objectives:
        labels = f"  labels: {{service: {source.service}, objective: {objective.name}}}"
        every = selected(
            f"sum(rate({objective.metric}_count{{$pods}}[5m]))", source.service, source.namespace, apart=True
        )
        if objective.status:
            failed = f'{{$pods,status_class="{objective.status}"}}'
            bad = selected(
                f"sum(rate({objective.metric}_count{failed}[5m]))", source.service, source.namespace, apart=True
            )
            bad = f"{bad}\nor 0 * {every}"
        else:
            quick = f"{{$pods,{bucket(objective.slow)}}}"
            good = selected(
                f"sum(rate({objective.metric}_bucket{quick}[5m]))", source.service, source.namespace, apart=True
            )
            bad = f"{every}\n- {good}"
        yield "- record: slo:requests:rate5m"
        yield from _folded("expr", every)
        yield labels
        yield "- record: slo:bad_requests:rate5m"
        yield from _folded("expr", bad)
        yield labels
    for window in windows(source):
        own = f'{{service="{source.service}"}}'
        yield f"- record: slo:bad_share:{window}"
        yield "  expr: >-"
        yield f"    sum_over_time(slo:bad_requests:rate5m{own}[{window}])"
        yield f"    / sum_over_time(slo:requests:rate5m[{window}])"
    for objective in source.objectives:
        for burn in source.burns:
            yield from _burn(source, objective, burn)


def said(objective: Objective, burn: Burn, window: str) -> tuple[str, str]:
    """Say what a burn means: a summary and a description."""
    days = plain((Decimal(seconds(window)) / 86400 / burn.rate).quantize(Decimal("0.1")))
    what = "Requests fail" if objective.status else "Requests are slow"
    share = plain(burn.rate * objective.budget * 100)
    how = "failed" if objective.status else f"took longer than {objective.slow} s"
    return (
        f"{what}, and the error budget of {window} is spent in {days} days",
        f"More than {share} % of requests {how}, over {burn.short} and over {burn.long}.",
    )


def _burn(source: Source, objective: Objective, burn: Burn) -> Iterator[str]:
    own = f'{{service="{source.service}",objective="{objective.name}"}}'
    most = f"{plain(burn.rate)} * {plain(objective.budget)}"
    yield f"- alert: {objective.alert}"
    yield "  expr: >-"
    yield f"    slo:bad_share:{burn.short}{own} > {most}"
    yield f"    and slo:bad_share:{burn.long} > {most}"
    yield f"  for: {burn.hold}"
    yield f"  labels: {{severity: {burn.severity}, team: {source.owner}, window: {burn.long}}}"
    yield from _annotations(source, "service", objective.alert, *said(objective, burn, source.window))


# Tests


def head(files: str, interval: str) -> list[str]:
    """Begin a file of tests."""
    return [
        "# Written by `make alerts`: each alert is seen firing and seen silent. `make alerts-test` runs it: it takes",
        f"# the rules out of their manifest and writes the name of the service for {SERVICE}.",
        f"rule_files: [{files}]",
        f"evaluation_interval: {interval}",
        "",
        "tests:",
    ]


def rules_file(group: str) -> str:
    """Give the name under which the tests find the rules of a group."""
    return "rules.yaml" if group == "service" else f"rules-{group}.yaml"


def minutes(duration: str) -> int:
    """Give a duration in whole minutes, rounded up."""
    return -(-seconds(duration) // 60)


def _series(told: dict[str, str], count: int) -> Iterator[str]:
    yield "    input_series:"
    for name, values in told.items():
        yield "      - series: >-"
        yield f"          {name}"
        yield f"        values: {scalar(values if 'x' in values or ' ' in values else f'{values}x{count}')}"


def _expected(name: str, severity: str, at: int, more: dict[str, str], *, firing: bool) -> Iterator[str]:
    kept = ", ".join(["severity", *more])
    chosen = "".join(f',{key}="{value}"' for key, value in more.items())
    yield "      - expr: >-"
    yield f"          count by ({kept})"
    yield f'          (ALERTS{{alertname="{name}",alertstate="firing"{chosen}}})'
    yield f"        eval_time: {at}m"
    if firing:
        yield "        exp_samples:"
        yield f"          - labels: '{{severity=\"{severity}\"{chosen}}}'"
        yield "            value: 1"
    else:
        yield "        exp_samples: []"


def _namespace(source: Source, other: str = "") -> str:
    if other:
        return f"{SERVICE}-{other}"
    return f"{SERVICE}-production" if source.namespace == f"{source.service}-production" else source.namespace


def _filled(series: dict[str, str], cause: Cause, namespace: str) -> dict[str, str]:
    number = cause.threshold if cause.threshold is not None else Decimal(0)
    return {
        selected(name, SERVICE, namespace): values.replace("$above", plain(number * ABOVE)).replace(
            "$below", plain(number * BELOW)
        )
        for name, values in series.items()
    }


def cause_tests(source: Source, group: Group) -> str:
    """Write the tests of the causes of a group."""
    lines = head(rules_file(group.name), "1m")
    for cause in group.causes:
        at = minutes(cause.hold) + MARGIN
        notify = cause.missing == "notify"
        own, elsewhere = _namespace(source), _namespace(source, "dev")
        cases = (
            ("fires", dict(cause.fires), own, True),
            ("is silent", dict(cause.silent), own, False),
            ("does not look at another environment", dict(cause.silent if notify else cause.fires), elsewhere, notify),
        )
        for title, series, namespace, firing in cases:
            lines += [f"  - name: {cause.name} {title}", "    interval: 1m"]
            lines += _series(_filled(series, cause, namespace), at)
            lines += ["    promql_expr_test:"]
            more = dict(cause.labels) if firing and not (notify and title != "fires") else {}
            if firing and minutes(cause.hold) > 1:
                lines += _expected(cause.name, cause.severity, minutes(cause.hold) - 1, {}, firing=False)
            lines += _expected(cause.name, cause.severity, at, more, firing=firing)
    return "\n".join(lines) + "\n"


def _requests(source: Source, objective: Objective, parts: list[tuple[Decimal, int]]) -> dict[str, str]:
    """Give series of 1000 requests a minute, of which a share is bad for so many minutes, part after part."""
    namespace = _namespace(source)

    def counted(share_of: int) -> str:
        total, values = Decimal(0), []
        for share, length in parts:
            step = 1000 * ((share, 1 - share)[share_of])
            values.append(f"{plain(total)}+{plain(step)}x{length - 1}")
            total += step * length
        return " ".join(values)

    if objective.status:
        other = "2xx" if objective.status != "2xx" else "5xx"
        return {
            selected(
                f'{objective.metric}_count{{$pods,status_class="{objective.status}"}}', SERVICE, namespace
            ): counted(0),
            selected(f'{objective.metric}_count{{$pods,status_class="{other}"}}', SERVICE, namespace): counted(1),
        }
    whole = " ".join(
        f"{1000 * sum(length for _, length in parts[:index])}+1000x{length - 1}"
        for index, (_, length) in enumerate(parts)
    )
    limit = objective.slow
    return {
        selected(f'{objective.metric}_bucket{{$pods,le="{limit}"}}', SERVICE, namespace): counted(1),
        selected(f"{objective.metric}_count{{$pods}}", SERVICE, namespace): whole,
    }


def objective_tests(source: Source) -> str:
    """Write the tests of the objectives: each burn rate fires; a slower, a short and a past one do not."""
    lines = head(rules_file("service"), "5m")
    for objective in source.objectives:
        for burn in source.burns:
            most = burn.rate * objective.budget
            short, long, hold = minutes(burn.short), minutes(burn.long), max(minutes(burn.hold), 5)
            steady, whole = hold + 30, short + hold + 10
            bad, much = min(most * ABOVE, (most + 1) / 2), min(most * 3, (most + 1) / 2)
            cases: tuple[tuple[str, list[tuple[Decimal, int]], bool], ...] = (
                (f"a burn rate above {plain(burn.rate)} is told", [(bad, steady)], True),
                (f"a burn rate below {plain(burn.rate)} is not", [(most * BELOW, steady)], False),
                (
                    f"a burn rate above {plain(burn.rate)} that is over is not told for long",
                    [(much, 2 * short + hold), (Decimal(0), short + 15)],
                    False,
                ),
                (
                    f"a burn rate above {plain(burn.rate)} that is too short for {burn.long} is not told",
                    [(Decimal(0), max(long // 4, whole)), (bad, whole)],
                    False,
                ),
            )
            for title, parts, firing in cases:
                end = sum(length for _, length in parts) - 1
                lines += [f"  - name: {scalar(f'{objective.name}, {title}')}".replace('"', "'"), "    interval: 1m"]
                lines += _series(_requests(source, objective, parts), end)
                lines += ["    promql_expr_test:"]
                label = {"window": burn.long}
                if firing:
                    lines += _expected(objective.alert, burn.severity, hold, label, firing=False)
                lines += _expected(objective.alert, burn.severity, end, label, firing=firing)
    return "\n".join(lines) + "\n"
