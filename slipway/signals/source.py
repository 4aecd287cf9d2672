"""What a service promises and watches: observability/slo.yaml, and the causes and panels in observability/signals."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from slipway.contract.repository import Repository

PROMISES = "observability/slo.yaml"
SIGNALS = r"observability/signals/[a-z][a-z0-9-]*\.yaml$"
SEVERITIES = ("page", "ticket")
DURATION = re.compile(r"(\d+)([smhd])")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
NAME = re.compile(r"[A-Z][A-Za-z0-9]+")
FAILED = re.compile(r"status_class is (\dxx)")
SLOW = re.compile(r"slower than ([\d.]+) s")
GRAFANA = "https://grafana.example.com"
DATADOG = "https://app.datadoghq.com"
# What a service had before slo.yaml told it: the policy of the SRE workbook, chapter 5.
BURN = (
    {"rate": 14.4, "windows": ["5m", "1h"], "for": "2m", "severity": "page"},
    {"rate": 6, "windows": ["30m", "6h"], "for": "15m", "severity": "page"},
    {"rate": 3, "windows": ["2h", "1d"], "for": "1h", "severity": "ticket"},
    {"rate": 1, "windows": ["6h", "3d"], "for": "3h", "severity": "ticket"},
)


class SourceError(ValueError):
    """The source of the alerts says something that cannot be; the message names the file, the thing and the rule."""


class Burn(NamedTuple):
    """How fast the error budget may be spent before somebody is told.

    Attributes:
        rate: times faster than allowed; 1 spends the budget in the window of the objectives.
        short: the shorter window, as a duration of Prometheus; it ends the alert soon after the fault.
        long: the longer window.
        hold: how long it must last.
        severity: page or ticket.
    """

    rate: Decimal
    short: str
    long: str
    hold: str
    severity: str


class Objective(NamedTuple):
    """A promise to users.

    Attributes:
        name: a word.
        alert: the name of its alerts.
        metric: the histogram that counts requests.
        target: the share of requests that must be good, between 0 and 1.
        status: the class of answers that are bad; empty when slow ones are.
        slow: the seconds from which on an answer is bad; empty when failed ones are.
    """

    name: str
    alert: str
    metric: str
    target: Decimal
    status: str
    slow: str

    @property
    def budget(self) -> Decimal:
        """The share of requests that may be bad."""
        return 1 - self.target


class Cause(NamedTuple):
    """An alert on something that makes promises break.

    Attributes:
        name: of the alert, the runbook and the monitor.
        severity: page or ticket.
        hold: how long it must last, as a duration of Prometheus.
        threshold: the number of the expression; None when there is none.
        owner: the team that is told.
        prometheus: the expression, in lines, with $pods, $namespace and $threshold.
        datadog: the query of the monitor, with the same words.
        missing: what Datadog does without data: resolve or notify.
        fires: series with which it is seen firing, by their name.
        silent: series with which it is seen silent.
        labels: what the alert of `fires` carries beside severity and team.
    """

    name: str
    severity: str
    hold: str
    threshold: Decimal | None
    owner: str
    summary: str
    description: str
    prometheus: str
    datadog: str
    missing: str
    fires: Mapping[str, str]
    silent: Mapping[str, str]
    labels: Mapping[str, str]


class Group(NamedTuple):
    """What one file in signals/ holds.

    Attributes:
        name: of the file.
        causes: its alerts.
        rows: the rows of its dashboard as they stand in the file.
    """

    name: str
    causes: tuple[Cause, ...]
    rows: tuple[Mapping[str, Any], ...]


class Source(NamedTuple):
    """Everything that alerts, tests, monitors and dashboards are written from."""

    service: str
    owner: str
    namespace: str
    window: str
    docs: str
    grafana: str
    datadog: str
    objectives: tuple[Objective, ...]
    burns: tuple[Burn, ...]
    groups: tuple[Group, ...]

    def names(self) -> set[str]:
        """Give the names of all alerts."""
        causes = {cause.name for group in self.groups for cause in group.causes}
        return causes | {objective.alert for objective in self.objectives}

    def runbook(self, name: str) -> str:
        """Give the address of an alert's runbook."""
        return f"{self.docs}/runbooks/{name}.md"


def read(repository: Repository) -> Source:
    """Read the source of a service's alerts.

    Raises:
        SourceError: a part is missing or wrong.
    """
    told = repository.mapping(PROMISES)
    if not told:
        message = f"{PROMISES} is missing or empty: it says what is promised"
        raise SourceError(message)
    service = _text(told, "service", PROMISES)
    owner = _text(told, "owner", PROMISES)
    links = told.get("links") or {}
    numbers = told.get("causes") or {}
    groups = tuple(_group(repository, path, owner, numbers) for path in repository.matching(SIGNALS))
    known = {cause.name for group in groups for cause in group.causes} | _left_out(numbers)
    if unknown := sorted(set(numbers) - known):
        message = f"{PROMISES}: causes: {unknown[0]} is no cause of observability/signals/"
        raise SourceError(message)
    source = Source(
        service=service,
        owner=owner,
        namespace=str(told.get("namespace") or f"{service}-production"),
        window=_duration(told.get("window", "30d"), f"{PROMISES}: window"),
        docs=str(links.get("docs") or pages(str(repository.answers.get("repository_url") or ""))),
        grafana=str(links.get("grafana") or GRAFANA),
        datadog=str(links.get("datadog") or DATADOG),
        objectives=tuple(_objective(one) for one in told.get("objectives") or []),
        burns=tuple(_burn(one) for one in told.get("burn") or BURN),
        groups=groups,
    )
    _reachable(source)
    _once(source)
    _older_form(told, source)
    return source


def pages(repository_url: str) -> str:
    """Give where a browser finds docs/ of the newest commit, from the address of the repository.

    The paths are those of GitHub, Bitbucket and GitLab, told apart by the host; what is none of the first two is taken
    for GitLab.
    """
    address = repository_url.removesuffix(".git")
    if not address.startswith("https://"):
        host, _, path = address.rpartition("@")[2].partition("/" if "://" in address else ":")
        address = f"https://{host.partition(':')[0]}/{path}"
    host = address.split("/")[2] if address.count("/") > 1 else ""
    between = {"github.com": "blob/HEAD", "bitbucket.org": "src/HEAD"}.get(host, "-/blob/HEAD")
    return f"{address}/{between}/docs"


def seconds(duration: str) -> int:
    """Give a duration such as 30m in seconds."""
    found = DURATION.fullmatch(duration)
    return int(found[1]) * SECONDS[found[2]] if found else 0


def plain(number: Decimal) -> str:
    """Write a number without an exponent and without zeros at its end."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _text(mapping: Mapping[str, Any], key: str, where: str) -> str:
    value = mapping.get(key)
    if not isinstance(value, str) or not value.strip():
        message = f"{where}: {key} is missing"
        raise SourceError(message)
    return value.strip()


def _number(value: object, where: str) -> Decimal:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        message = f"{where} is {value!r}, not a number"
        raise SourceError(message)
    return number


def _duration(value: object, where: str) -> str:
    if not isinstance(value, str) or not DURATION.fullmatch(value):
        message = f"{where} is {value!r}, not a duration such as 30m"
        raise SourceError(message)
    return value


def _severity(value: object, where: str) -> str:
    if value not in SEVERITIES:
        message = f"{where} is {value!r}, not page or ticket"
        raise SourceError(message)
    return str(value)


def _objective(told: Mapping[str, Any]) -> Objective:
    name = _text(told, "name", f"{PROMISES}: an objective")
    where = f"{PROMISES}: objective {name}"
    older: Mapping[str, Any] = next(iter(told.get("alerts") or []), {})
    bad = _text(told, "bad", where)
    status, slow = FAILED.fullmatch(bad), SLOW.fullmatch(bad)
    if not status and not slow:
        message = f"{where}: bad is {bad!r}, neither 'status_class is 5xx' nor 'slower than 0.25 s'"
        raise SourceError(message)
    target = _number(told.get("target"), f"{where}: target")
    if not 0 < target < 1:
        message = f"{where}: target is {target}, not between 0 and 1"
        raise SourceError(message)
    return Objective(
        name=name,
        alert=_text({"alert": told.get("alert") or older.get("name")}, "alert", where),
        metric=_text(told, "metric", where),
        target=target,
        status=status[1] if status else "",
        slow=plain(_number(slow[1], f"{where}: bad")) if slow else "",
    )


def _burn(told: Mapping[str, Any]) -> Burn:
    where = f"{PROMISES}: burn {told.get('rate')}"
    windows = told.get("windows") or []
    if len(windows) != 2:  # noqa: PLR2004  -- a short one and a long one
        message = f"{where}: windows are {windows!r}, not a short one and a long one"
        raise SourceError(message)
    short, long = (_duration(window, f"{where}: windows") for window in windows)
    if seconds(short) >= seconds(long):
        message = f"{where}: the first window, {short}, is not the shorter one"
        raise SourceError(message)
    hold = _duration(told.get("for", "0m"), f"{where}: for")
    return Burn(
        _number(told.get("rate"), where), short, long, hold, _severity(told.get("severity"), f"{where}: severity")
    )


def _group(repository: Repository, path: str, owner: str, numbers: Mapping[str, Any]) -> Group:
    told = repository.mapping(path)
    causes = (_cause(path, one, owner, numbers) for one in told.get("causes") or [])
    return Group(
        name=path.rpartition("/")[2].removesuffix(".yaml"),
        causes=tuple(cause for cause in causes if cause.name not in _left_out(numbers)),
        rows=tuple(told.get("dashboard") or []),
    )


def _left_out(numbers: Mapping[str, Any]) -> set[str]:
    return {name for name, other in numbers.items() if (other or {}).get("left_out")}


def _cause(path: str, told: Mapping[str, Any], owner: str, numbers: Mapping[str, Any]) -> Cause:
    name = _text(told, "name", f"{path}: a cause")
    if not NAME.fullmatch(name):
        message = f"{path}: cause {name} is not named in capital words, as ConsumerLag is"
        raise SourceError(message)
    where = f"{path}: {name}"
    own = {**told, **(numbers.get(name) or {})}
    for kind in ("fires", "silent"):
        if not isinstance(own.get(kind), dict) or not own[kind]:
            message = (
                f"{where}: {kind} is missing: the series with which the alert is seen {kind.replace('fires', 'firing')}"
            )
            raise SourceError(message)
    missing = str(own.get("missing", "resolve"))
    if missing not in ("resolve", "notify"):
        message = f"{where}: missing is {missing!r}, not resolve or notify"
        raise SourceError(message)
    threshold = None if own.get("threshold") is None else _number(own["threshold"], f"{where}: threshold")
    cause = Cause(
        name=name,
        severity=_severity(own.get("severity"), f"{where}: severity"),
        hold=_duration(own.get("for"), f"{where}: for"),
        threshold=threshold,
        owner=str(own.get("owner") or owner),
        summary=_text(own, "summary", where),
        description=_text(own, "description", where),
        prometheus=_text(own, "prometheus", where),
        datadog=_text(own, "datadog", where),
        missing=missing,
        fires={str(key): str(value) for key, value in own["fires"].items()},
        silent={str(key): str(value) for key, value in own["silent"].items()},
        labels={str(key): str(value) for key, value in (own.get("labels") or {}).items()},
    )
    if ("$threshold" in cause.prometheus) != (threshold is not None):
        message = f"{where}: threshold and $threshold in prometheus belong together"
        raise SourceError(message)
    return cause


def _reachable(source: Source) -> None:
    for objective in source.objectives:
        for burn in source.burns:
            if burn.rate * objective.budget >= 1:
                share = plain(burn.rate * objective.budget * 100)
                message = (
                    f"{PROMISES}: objective {objective.name}: a burn rate of {burn.rate} means {share} % of all "
                    "requests, which cannot be passed: raise the target or lower the rate"
                )
                raise SourceError(message)


def _once(source: Source) -> None:
    names = [cause.name for group in source.groups for cause in group.causes]
    names += [objective.alert for objective in source.objectives]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        message = f"the alert {twice[0]} is told twice in observability/"
        raise SourceError(message)


def _older_form(told: Mapping[str, Any], source: Source) -> None:
    """Refuse numbers of the older form, which stood at each objective, that nothing follows any more."""
    for objective in told.get("objectives") or []:
        for one in objective.get("alerts") or []:
            rate = _number(one.get("burn_rate"), f"{PROMISES}: burn_rate")
            same = [burn for burn in source.burns if burn.rate == rate]
            if not any(set(one.get("windows") or []) <= {burn.short, burn.long} for burn in same):
                message = (
                    f"{PROMISES}: {one.get('name')} asks for a burn rate of {rate} over {one.get('windows')}; "
                    "write it under burn, where all of them stand"
                )
                raise SourceError(message)


def buckets(source: Source) -> Iterator[tuple[str, str]]:
    """Give the buckets that objectives need: the metric and the bound in seconds."""
    for objective in source.objectives:
        if objective.slow:
            yield objective.metric, objective.slow
