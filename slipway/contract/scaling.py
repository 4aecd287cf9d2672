"""How many pods there are, how they are replaced, and jobs that run to their end."""

from __future__ import annotations

import re

from slipway.contract.kubernetes import (
    Findings,
    Told,
    across,
    at,
    called,
    each,
    entries,
    own_containers,
    sub,
    template,
)
from slipway.contract.overlays import Build, Made
from slipway.contract.pods import quantity
from slipway.contract.references import labels, matches, selected, selector
from slipway.contract.registry import check
from slipway.contract.repository import Document, Repository, line_of

SCALED = ("Deployment", "Rollout", "StatefulSet")
FIELD = re.compile(r"(?:\*|[0-9]+(?:-[0-9]+)?|[A-Za-z]{3}(?:-[A-Za-z]{3})?)(?:/[1-9][0-9]*)?")
RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
TOPOLOGY = ("topology.kubernetes.io/zone", "kubernetes.io/hostname", "topology.kubernetes.io/region")
ZONE = re.compile(r"UTC|Etc/[A-Za-z0-9+-]+|(?:[A-Z][A-Za-z_]+/)+[A-Za-z0-9_+-]+")
MACROS = frozenset({"@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"})


@check(
    "K8S024",
    "what is scaled is there, within its bounds, and by one hand",
    why="An autoscaler without target or requests never scales; one that meets a fixed number fights it (row N05).",
    fix="Name an existing target with requests, keep minReplicas at most maxReplicas, take replicas out of the target.",
)
def autoscaling(repository: Repository) -> Findings:
    """Yield autoscalers that cannot work."""
    yield from each(repository, _unscalable)
    yield from each(repository, _one_way)
    yield from across(repository, _fighting)


def _unscalable(content: Document) -> Told:
    spec = sub(content, "spec")
    if content.get("kind") != "HorizontalPodAutoscaler":
        return
    least, most = spec.get("minReplicas", 1), spec.get("maxReplicas")
    if isinstance(least, int) and isinstance(most, int) and least > most:
        yield line_of(spec, "minReplicas"), f"{called(content)}: minReplicas {least} is above maxReplicas {most}"
    if least == 0:
        yield line_of(spec, "minReplicas"), f"{called(content)}: minReplicas 0 leaves nobody to serve"
    if not entries(spec, "metrics") and "targetCPUUtilizationPercentage" not in spec:
        yield line_of(spec), f"{called(content)} scales by no metric"
    for metric in entries(spec, "metrics"):
        kind = str(metric.get("type"))
        place = sub(metric, kind[:1].lower() + kind[1:])
        target = sub(place, "target")
        wanted = {"Utilization": "averageUtilization", "AverageValue": "averageValue", "Value": "value"}
        field = wanted.get(str(target.get("type")))
        if not place:
            yield line_of(metric), f"{called(content)}: the metric of type {kind} does not say which"
        elif field and field not in target:
            yield line_of(target), f"{called(content)}: a target of type {target['type']} needs {field}"
        share = target.get("averageUtilization")
        if isinstance(share, int) and not 1 <= share <= 100:  # noqa: PLR2004
            yield line_of(target), f"{called(content)}: averageUtilization {share} is not from 1 to 100"


def _one_way(content: Document) -> Told:
    """Yield autoscalers that scale one way alone, or start a pod for less than a record."""
    spec = sub(content, "spec")
    if content.get("kind") != "HorizontalPodAutoscaler":
        return
    for way in ("scaleUp", "scaleDown"):
        if sub(spec, "behavior", way).get("selectPolicy") == "Disabled":
            yield line_of(spec, "behavior"), f"{called(content)}: {way} is disabled, so that it scales one way alone"
    for metric in entries(spec, "metrics"):
        target = sub(metric, "external", "target")
        waiting = quantity(target.get("averageValue"))
        if waiting is not None and waiting < 1:
            yield (
                line_of(target),
                f"{called(content)}: averageValue {target['averageValue']} is less than one record a pod",
            )


def _fighting(build: Build) -> Findings:
    targets: dict[tuple[str, str], Made] = {}
    taken = {sub(one.spec, "workloadRef").get("name"): one for one in build.of("Rollout")}
    for made in build.of("HorizontalPodAutoscaler"):
        reference = sub(made.spec, "scaleTargetRef")
        if reference.get("kind") == "Deployment" and reference.get("name") in taken:
            told = f"scales Deployment/{reference['name']}, whose pods {taken[reference['name']]} has taken"
            yield *at(made, "spec", "scaleTargetRef"), f"{made} {told}"
        key = str(reference.get("kind")), str(reference.get("name"))
        if key in targets:
            yield *at(made, "spec", "scaleTargetRef"), f"{made} and {targets[key]} scale the same {'/'.join(key)}"
        targets[key] = made
        target = build.named(*key)
        if target is None:
            continue
        version = reference.get("apiVersion")
        if version != target.content.get("apiVersion"):
            yield *at(made, "spec", "scaleTargetRef"), f"{made}: {target} is no {version}"
        if "replicas" in target.spec:
            yield *at(target, "spec", "replicas"), f"{target} fixes replicas, which {made} scales"
        pod = sub(template(_source(build, target).content), "spec")
        for metric in entries(made.spec, "metrics"):
            name = sub(metric, "resource").get("name")
            for container in own_containers(pod) if name else ():
                if name not in sub(container, "resources", "requests"):
                    yield *at(made, "spec", "metrics"), f"{made}: container {container.get('name')} requests no {name}"


def _source(build: Build, made: Made) -> Made:
    """Give the Deployment that a Rollout takes its pods from, or the workload itself."""
    return build.named("Deployment", sub(made.spec, "workloadRef").get("name")) or made


def least_replicas(build: Build, made: Made) -> int:
    """Give how many pods of a workload there are when the fewest run."""
    rollout = next((one for one in build.of("Rollout") if sub(one.spec, "workloadRef").get("name") == made.name), None)
    names = {(made.kind, made.name)} | ({(rollout.kind, rollout.name)} if rollout else set())
    for scaler in build.of("HorizontalPodAutoscaler"):
        reference = sub(scaler.spec, "scaleTargetRef")
        if (reference.get("kind"), reference.get("name")) in names:
            found = scaler.spec.get("minReplicas", 1)
            return found if isinstance(found, int) else 1
    found = (rollout or made).spec.get("replicas", made.spec.get("replicas", 1))
    return found if isinstance(found, int) else 1


def most_replicas(build: Build, made: Made) -> int:
    """Give how many pods of a workload there may be."""
    for scaler in build.of("HorizontalPodAutoscaler"):
        if sub(scaler.spec, "scaleTargetRef").get("name") == made.name:
            found = scaler.spec.get("maxReplicas", 1)
            return found if isinstance(found, int) else 1
    return least_replicas(build, made)


@check(
    "K8S025",
    "pods may be moved, but never all at once",
    why="A budget that allows no eviction stops every upgrade of a node; without one a drain takes all pods (row N06).",
    fix="Give what runs more than once a budget with maxUnavailable: 1 and a spread; two pods in production.",
)
def budgets(repository: Repository) -> Findings:
    """Yield budgets that block, and workloads without one, without spread or with a single pod in production."""
    yield from across(repository, _unmovable)


def _unmovable(build: Build) -> Findings:
    for made in build.of("PodDisruptionBudget"):
        given = [key for key in ("minAvailable", "maxUnavailable") if made.spec.get(key) is not None]
        if len(given) != 1:
            yield (
                *at(made, "spec"),
                f"{made} says {' and '.join(given) or 'neither'}, not one of minAvailable, maxUnavailable",
            )
        for one in selected(build, made) if selector(made) else ():
            count = least_replicas(build, one)
            most = made.spec.get("maxUnavailable")
            if str(most) == "100%" or (isinstance(most, int) and most >= max(count, 2)):
                yield (
                    *at(made, "spec", "maxUnavailable"),
                    f"{made} protects nothing: {most} of {count} pods of {one} may go",
                )
            if _blocks(made.spec, count):
                key = given[0]
                told = f"{made} allows no eviction: {key} {made.spec[key]} of {count} pods of {one}"
                yield *at(made, "spec", key), told
    for made in build.of("Deployment", "StatefulSet"):
        yield from _alone(build, made)


def _blocks(spec: Document, count: int) -> bool:
    least, most = spec.get("minAvailable"), spec.get("maxUnavailable")
    if most is not None:
        return str(most) in ("0", "0%")
    if isinstance(least, str) and least.rstrip("%").isdigit():
        return -(-count * int(least.rstrip("%")) // 100) >= count
    return isinstance(least, int) and least >= count


def _alone(build: Build, made: Made) -> Findings:
    served = any(made in selected(build, service) for service in build.of("Service"))
    pod = sub(template(made.content), "spec")
    if most_replicas(build, made) > 1:
        if not any(matches(selector(one), labels(made)) for one in build.of("PodDisruptionBudget")):
            yield *at(made), f"{made} runs more than once, and no PodDisruptionBudget selects it"
        if not entries(pod, "topologySpreadConstraints") and not sub(pod, "affinity", "podAntiAffinity"):
            yield *at(made, "spec", "template", "spec"), f"{made} runs more than once, and nothing spreads its pods"
        for one in entries(pod, "topologySpreadConstraints"):
            key = str(one.get("topologyKey"))
            if one.get("maxSkew") == 0:
                yield made.path, line_of(one), f"{made}: maxSkew 0 is refused"
            if re.search(r"(?:^|\.)(?:kubernetes|k8s)\.io/", key) and key not in TOPOLOGY:
                yield (
                    made.path,
                    line_of(one),
                    f"{made} spreads over {key}, which no node carries: {', '.join(TOPOLOGY)}",
                )
    if served and build.name == "production" and least_replicas(build, made) == 1 < most_replicas(build, made):
        yield *at(made, "spec"), f"{made} serves production with a single pod"


@check(
    "K8S026",
    "a release replaces pods without a gap, and can be taken back",
    why="Recreate, or all pods unavailable at once, is an outage by design; without history there is no rollback.",
    fix="RollingUpdate with maxUnavailable 0 and maxSurge 1; keep some revisions in revisionHistoryLimit.",
)
def releases(repository: Repository) -> Findings:
    """Yield strategies that leave nobody to serve, and workloads that keep no revision."""
    yield from each(repository, _gap)
    yield from across(repository, _fewer)


def _given_up(content: Document) -> Told:
    """Yield what gives a release up too early, or never."""
    spec, who = sub(content, "spec"), called(content)
    if spec.get("paused") is True:
        yield line_of(spec, "paused"), f"{who} is paused, so that no release reaches it"
    if sub(spec, "workloadRef").get("scaleDown", "never") == "never" and "workloadRef" in spec:
        told = "leaves the pods of the Deployment running beside its own: scaleDown is not onsuccess"
        yield line_of(spec, "workloadRef"), f"{who} {told}"
    started = [sub(one, "startupProbe") for one in own_containers(sub(template(content), "spec"))]
    longest = max(
        (_times(one, "periodSeconds", 10) * _times(one, "failureThreshold", 3) for one in started if one), default=0
    )
    if (
        isinstance(spec.get("progressDeadlineSeconds", 600), int)
        and spec.get("progressDeadlineSeconds", 600) <= longest
    ):
        told = f"progressDeadlineSeconds {spec.get('progressDeadlineSeconds')} gives up while startupProbe still waits"
        yield line_of(spec, "progressDeadlineSeconds"), f"{who}: {told}, for {longest} s"
    deadline, ready = spec.get("progressDeadlineSeconds", 600), spec.get("minReadySeconds", 0)
    if isinstance(deadline, int) and isinstance(ready, int) and deadline <= ready:
        yield line_of(spec), f"{who}: progressDeadlineSeconds {deadline} is not above minReadySeconds {ready}"
    if content.get("kind") == "Rollout" and spec.get("progressDeadlineAbort") is not True:
        yield line_of(spec), f"{who}: without progressDeadlineAbort: true new pods that never become ready stay"


def _fewer(build: Build) -> Findings:
    """Yield what serves and may have fewer pods during a release than before it."""
    for made in build.of("Deployment", "Rollout"):
        source = _source(build, made)
        if made.kind == "Deployment" and any(
            sub(one.spec, "workloadRef").get("name") == made.name for one in build.of("Rollout")
        ):
            continue
        if not any(source in selected(build, service) for service in build.of("Service")):
            continue
        strategy = sub(made.spec, "strategy")
        if "blueGreen" in strategy or strategy.get("type") == "Recreate":
            continue
        place = sub(strategy, "canary") if made.kind == "Rollout" else sub(strategy, "rollingUpdate")
        gone = str(place.get("maxUnavailable", "25%"))
        if gone not in ("0", "0%", "100%"):
            yield (
                *at(made, "spec", "strategy"),
                f"{made} may lose {gone} of its pods in a release: maxUnavailable is not 0",
            )


def _gap(content: Document) -> Told:
    spec = sub(content, "spec")
    if content.get("kind") not in SCALED:
        return
    who = called(content)
    if spec.get("revisionHistoryLimit") == 0:
        yield line_of(spec, "revisionHistoryLimit"), f"{who}: revisionHistoryLimit 0 keeps nothing to go back to"
    if spec.get("replicas") == 0:
        yield line_of(spec, "replicas"), f"{who}: replicas 0 runs nothing"
    strategy = sub(spec, "strategy")
    ports = [port for one in own_containers(sub(template(content), "spec")) for port in entries(one, "ports")]
    if strategy.get("type") == "Recreate" and any(port.get("name") == "http" for port in ports):
        yield line_of(spec, "strategy"), f"{who}: Recreate ends every pod before the first new one serves"
    if strategy.get("type") == "Recreate" and "rollingUpdate" in strategy:
        yield line_of(spec, "strategy"), f"{who}: Recreate does not know rollingUpdate"
    yield from _given_up(content)
    for place in (sub(strategy, "rollingUpdate"), sub(strategy, "canary")):
        gone, more = str(place.get("maxUnavailable", "25%")), str(place.get("maxSurge", "25%"))
        if gone in ("0", "0%") and more in ("0", "0%"):
            yield line_of(place), f"{who}: maxUnavailable 0 and maxSurge 0 can replace no pod"
        if gone == "100%":
            yield line_of(place), f"{who}: maxUnavailable 100% ends every pod at once"


@check(
    "K8S027",
    "jobs end, tell it, and do not pile up",
    why="A job without a deadline holds its lock for ever, and a slow night starts the next run upon it (row N07).",
    fix="Say restartPolicy Never or OnFailure, backoffLimit, activeDeadlineSeconds; concurrencyPolicy: Forbid.",
)
def jobs(repository: Repository) -> Findings:
    """Yield jobs that may run for ever, over each other, or never."""
    yield from each(repository, _endless)


def _endless(content: Document) -> Told:
    spec, who, kind = sub(content, "spec"), called(content), content.get("kind")
    pod = sub(template(content), "spec")
    policy, line = pod.get("restartPolicy", "Always"), line_of(pod, "restartPolicy")
    if kind in SCALED and policy != "Always":
        yield line, f"{who}: restartPolicy {policy} is for jobs"
    if kind not in ("CronJob", "Job"):
        return
    if kind == "CronJob":
        yield from _repeated(spec, who)
        spec = sub(spec, "jobTemplate", "spec")
    if policy not in ("Never", "OnFailure"):
        yield line, f"{who}: restartPolicy {policy} is not Never or OnFailure"
    if "podFailurePolicy" in spec and policy == "OnFailure":
        yield line, f"{who}: a podFailurePolicy goes with restartPolicy Never, and is refused with OnFailure"
    for key in ("backoffLimit", "activeDeadlineSeconds"):
        if key not in spec:
            yield line_of(spec), f"{who} does not say {key}"


def _times(probe: Document, key: str, default: int) -> int:
    found = probe.get(key, default)
    return found if isinstance(found, int) else default


def _repeated(spec: Document, who: str) -> Told:
    schedule = str(spec.get("schedule"))
    if "timeZone" in spec and not ZONE.fullmatch(str(spec["timeZone"])):
        yield line_of(spec, "timeZone"), f"{who}: the timeZone {spec['timeZone']} is no name such as Europe/Berlin"
    wrong = unscheduled(schedule)
    if wrong:
        yield line_of(spec, "schedule"), f"{who}: the schedule {schedule!r} {wrong}"
    if spec.get("concurrencyPolicy", "Allow") == "Allow":
        yield line_of(spec, "concurrencyPolicy"), f"{who}: concurrencyPolicy Allow starts a run on top of a slow one"
    waits = spec.get("startingDeadlineSeconds", 10)
    if isinstance(waits, int) and waits < 10:  # noqa: PLR2004
        told = f"startingDeadlineSeconds {waits} is shorter than the controller's turn, and runs are missed"
        yield line_of(spec, "startingDeadlineSeconds"), f"{who}: {told}"
    if spec.get("failedJobsHistoryLimit") == 0:
        yield line_of(spec), f"{who}: failedJobsHistoryLimit 0 keeps no failed run to look at"


def unscheduled(schedule: str) -> str:
    """Say what is wrong with a schedule of cron; nothing when it can be met."""
    if schedule in MACROS:
        return ""
    parts = schedule.split()
    if len(parts) != len(RANGES):
        return f"has {len(parts)} fields, not 5"
    for part, (least, most) in zip(parts, RANGES, strict=True):
        for one in part.split(","):
            if not FIELD.fullmatch(one):
                return f"has {one!r}, which is no field"
            numbers = [int(number) for number in re.findall(r"[0-9]+", one.partition("/")[0])]
            if any(not least <= number <= most for number in numbers):
                return f"has {one!r}, which is not from {least} to {most}"
            if numbers != sorted(numbers):
                return f"has {one!r}, which runs backwards"
    return ""
