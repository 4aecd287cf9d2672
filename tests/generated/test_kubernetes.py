"""What runs in a cluster: every overlay as an API server, the operators and Argo CD would read it."""

from __future__ import annotations

import functools
import re
import shutil
import subprocess
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from slipway.contract import check
from tests import manifests
from tests.conftest import ROOT, TREE, Answers, Render, cases, combinations, together

ENVIRONMENTS = ("dev", "staging", "production")
MANIFESTS = [one for one in combinations() if one["ci"] == "both"]
PAIRS = together(MANIFESTS)
OLDEST, NEWEST = "1.34", "1.37"
RICH = {"datastore": "postgresql", "broker": "kafka", "rollout": "canary", "monitoring": "prometheus"}
RUNS = ("Deployment", "Job", "CronJob")
SLUG = "orders-service"
UNITS = {"m": 1e-3, "": 1, "k": 1e3, "M": 1e6, "G": 1e9, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}

Document = dict[str, Any]

needs_kubectl = pytest.mark.skipif(
    shutil.which("kubectl") is None, reason="kubectl is not installed: overlays are not built"
)


@functools.cache
def rendered(overlay: Path) -> str:
    """Build an overlay."""
    done = subprocess.run(["kubectl", "kustomize", str(overlay)], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def built(service: Path, environment: str) -> list[Document]:
    """Build the overlay of an environment and give its objects."""
    return list(yaml.load_all(rendered(service / "k8s/overlays" / environment), yaml.CSafeLoader))


def named(objects: list[Document]) -> dict[tuple[str, str], Document]:
    """Give objects by kind and name, the name without the hash of a generator."""
    return {(one["kind"], re.sub(r"^config-.*", "config", one["metadata"]["name"])): one for one in objects}


def of_kind(objects: list[Document], kind: str) -> list[Document]:
    """Give the objects of a kind."""
    return [one for one in objects if one["kind"] == kind]


def pods(objects: list[Document]) -> dict[str, Document]:
    """Give each pod template by its component."""
    found = {}
    for one in objects:
        if one["kind"] in RUNS:
            spec = one["spec"].get("jobTemplate", one)["spec"]
            found[spec["template"]["metadata"]["labels"]["app.kubernetes.io/component"]] = spec["template"]
    return found


def amount(quantity: str | float) -> float:
    """Give a quantity of Kubernetes as a number."""
    number, unit = re.fullmatch(r"([0-9.]+)(.*)", str(quantity)).groups()  # type: ignore[union-attr]
    return float(number) * UNITS[unit]


def schema_errors(document: Document, version: str = NEWEST) -> list[str]:
    """Give what the schema of a kind of Kubernetes itself refuses, and nothing for a kind of an operator."""
    try:
        kubernetes_validate.validate(document, version, strict=True)
    except kubernetes_validate.SchemaNotFoundError:
        return []
    except kubernetes_validate.ValidationError as error:
        return [f"{document['kind']}: {error}"]
    return []


def is_native(document: Document) -> bool:
    """Tell whether Kubernetes itself has a kind."""
    try:
        kubernetes_validate.validate(document, NEWEST, strict=True)
    except kubernetes_validate.SchemaNotFoundError:
        return False
    except kubernetes_validate.ValidationError:
        return True
    return True


def refused(objects: list[Document]) -> list[str]:
    """Give what a cluster with the operators and Pod Security `restricted` would refuse of whole objects."""
    found = [error for one in objects for version in (OLDEST, NEWEST) for error in schema_errors(one, version)]
    for one, verdict in zip(objects, manifests.verdicts(objects), strict=True):
        found += [f"{verdict['object']}: {defect}" for defect in verdict["defects"]]
        if not verdict["custom"] and not is_native(one):
            found.append(f"{verdict['object']}: neither Kubernetes nor an operator defines {one['apiVersion']}")
    return found


def argocd(service: Path) -> list[Document]:
    """Give the objects of Argo CD."""
    return [
        one for path in sorted((service / "argocd").iterdir()) for one in yaml.safe_load_all(path.read_text("utf-8"))
    ]


@needs_kubectl
@pytest.mark.parametrize("answers", cases(PAIRS, PAIRS[:2]))
def test_every_object_of_every_overlay_keeps_its_schema(answers: Answers, services: Render) -> None:
    service = services(answers)

    errors = [error for name in ENVIRONMENTS for document in built(service, name) for error in schema_errors(document)]

    assert errors == []


@needs_kubectl
@pytest.mark.slow
@pytest.mark.parametrize("answers", cases(PAIRS, PAIRS))
def test_a_cluster_would_take_every_object_of_every_overlay(answers: Answers, services: Render) -> None:
    service = services(answers)

    objects = [one for name in ENVIRONMENTS for one in built(service, name)]

    assert refused([*objects, *argocd(service)]) == []


@needs_kubectl
@pytest.mark.slow
@pytest.mark.parametrize("answers", cases(PAIRS, PAIRS))
def test_overlays_of_the_first_services_still_build_and_are_clean(answers: Answers, own_copy: Render) -> None:
    service = own_copy(answers)
    shutil.rmtree(service / "k8s/overlays")
    shutil.copytree(manifests.OLD_OVERLAYS, service / "k8s/overlays")
    for name in ("staging", "production"):
        path = service / "k8s/overlays" / name / "kustomization.yaml"
        text = path.read_text("utf-8").replace("components/rolling", f"components/{answers['rollout']}")
        path.write_text(text, encoding="utf-8")

    objects = [one for name in ENVIRONMENTS for one in built(service, name)]

    assert refused(objects) == []
    assert check(service).findings == ()


def planted(kind: str, path: str, value: object) -> Any:
    """Give a case: the kind that is spoilt, where (`-` in front takes a field away), and how."""
    return pytest.param(kind, path, value, id=f"{kind} {path}")


@needs_kubectl
@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "path", "value"),
    [
        planted("Deployment", "spec.replica", 1),
        planted("Deployment", "spec.template.spec.hostNetwork", value=True),
        planted("Deployment", "-spec.template.spec.securityContext.seccompProfile", None),
        planted("Deployment", "spec.template.spec.containers.0.securityContext.privileged", value=True),
        planted("CronJob", "spec.jobTemplate.spec.template.spec.securityContext.runAsNonRoot", value=False),
        planted(
            "CronJob", "spec.jobTemplate.spec.template.spec.volumes", [{"name": "data", "hostPath": {"path": "/"}}]
        ),
        planted("Job", "spec.template.spec.containers.0.securityContext.capabilities.add", ["NET_ADMIN"]),
        planted("ExternalSecret", "spec.refreshIntervall", "1h"),
        planted("ExternalSecret", "spec.target.creationPolicy", "Own"),
        planted("SecretStore", "-spec.provider.aws.region", None),
        planted("SecretStore", "spec.provider.aws.service", "Secrets"),
        planted("Rollout", "spec.strategie", {}),
        planted("Rollout", "spec.strategy.canary.steps.1.pauze", {}),
        planted("AnalysisTemplate", "-spec.metrics.0.provider", None),
        planted("PodMonitor", "spec.podMetricsEndpoints.0.interval", "often"),
        planted("PrometheusRule", "spec.groups.0.rules.0.expression", "1"),
        planted("HTTPRoute", "spec.rules.0.timeouts.backendRequest", "30s"),
        planted("HTTPRoute", "spec.hostnames", ["Not A Host"]),
        planted("Application", "-spec.project", None),
        planted("Application", "spec.syncPolicy.automated.prun", value=True),
        planted("AppProject", "spec.syncWindows.0.manualsync", value=True),
        planted("Rollout", "apiVersion", "argoproj.io/v1"),
        planted("Service", "kind", "Servise"),
    ],
)
def test_a_planted_defect_would_be_refused(kind: str, path: str, value: Any, services: Render) -> None:
    service = services(RICH)
    objects = [*built(service, "production"), *argocd(service)]
    spoilt = deepcopy(next(one for one in objects if one["kind"] == kind))
    *folders, last = path.lstrip("-").split(".")
    place: Any = spoilt
    for key in folders:
        place = place[int(key) if key.isdigit() else key]
    place.pop(last) if path.startswith("-") else place.update({last: value})

    found = refused([spoilt])

    assert found


@pytest.mark.parametrize(
    "document",
    [
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}, "spec": {"replica": 1}},
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {"ports": [{"prt": 1}]}},
    ],
    ids=["unknown field", "unknown field in a list"],
)
def test_the_schemas_of_kubernetes_refuse_a_planted_defect(document: Document) -> None:
    assert schema_errors(document, OLDEST)
    assert schema_errors(document, NEWEST)


# What may differ between environments, and nothing else: where, and the three values.
DIFFERENCES: dict[str, tuple[Any, ...]] = {
    "ConfigMap/config data.ENVIRONMENT": ENVIRONMENTS,
    "ConfigMap/config data.LOG_LEVEL": ("debug", "info", "info"),
    "Deployment/api containers.0.resources.requests.cpu": ("50m", "100m", "250m"),
    "Deployment/api containers.0.resources.requests.memory": ("64Mi", "64Mi", "128Mi"),
    "Deployment/api containers.0.resources.limits.cpu": ("1", "1", "2"),
    "Deployment/api containers.0.resources.limits.memory": ("256Mi", "256Mi", "512Mi"),
    "HorizontalPodAutoscaler/api spec.minReplicas": (1, 2, 3),
    "HorizontalPodAutoscaler/api spec.maxReplicas": (2, 3, 12),
    "HorizontalPodAutoscaler/worker spec.minReplicas": (1, 1, 2),
    "HorizontalPodAutoscaler/worker spec.maxReplicas": (2, 3, 6),
    "HTTPRoute/api spec.hostnames.0": (f"{SLUG}.dev.example.com", f"{SLUG}.staging.example.com", f"{SLUG}.example.com"),
    "ExternalSecret/secrets spec.data.0.remoteRef.key": tuple(f"{SLUG}-{one}/database-url" for one in ENVIRONMENTS),
    "ServiceAccount/secrets metadata.annotations.eks.amazonaws.com/role-arn": tuple(
        f"arn:aws:iam::000000000000:role/{SLUG}-{one}" for one in ENVIRONMENTS
    ),
    "ResourceQuota/namespace spec.hard.pods": ("20", "30", "60"),
    "ResourceQuota/namespace spec.hard.requests.cpu": ("2", "3", "10"),
    "ResourceQuota/namespace spec.hard.requests.memory": ("2Gi", "3Gi", "8Gi"),
    "ResourceQuota/namespace spec.hard.limits.memory": ("3Gi", "4Gi", "20Gi"),
}
ONLY_IN_PRODUCTION = {"PrometheusRule"}
# The name of the environment where it names the namespace.
FOLLOWS = re.compile(r"^metadata\.(?:namespace|name)$|datadoghq\.com/env$|configMapRef\.name$|kube_namespace$")
SAMPLES = [
    {"datastore": "mongodb", "broker": "kafka", "monitoring": "prometheus"},
    {"datastore": "postgresql", "broker": "kafka", "monitoring": "datadog"},
    {"datastore": "none", "broker": "none", "monitoring": "datadog"},
]


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Give each leaf of an object with its path."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    if not inside or not value:
        yield path, value
    for key, one in inside:
        yield from leaves(one, f"{path}.{key}" if path else str(key))


def flat(objects: list[Document]) -> dict[str, Any]:
    """Give each leaf of all objects by object and path, but for what follows from the namespace."""
    return {
        f"{kind}/{'namespace' if kind == 'Namespace' else name} "
        + re.sub(r"^spec\.(?:jobTemplate\.spec\.)?template\.spec\.", "", path): value
        for (kind, name), one in named(objects).items()
        for path, value in leaves(one)
        if not FOLLOWS.search(path)
    }


@needs_kubectl
@pytest.mark.parametrize(
    "answers",
    [
        pytest.param(one, id="-".join(one.values()), marks=() if one is SAMPLES[0] else pytest.mark.slow)
        for one in SAMPLES
    ],
)
def test_environments_differ_in_this_and_in_nothing_else(answers: Answers, services: Render) -> None:
    service = services(answers, rollout="rolling")

    dev, staging, production = (flat(built(service, name)) for name in ENVIRONMENTS)

    seen = {
        path: (dev.get(path), staging.get(path), value)
        for path, value in production.items()
        if path.split("/")[0] not in ONLY_IN_PRODUCTION and not dev.get(path) == staging.get(path) == value
    }
    assert seen == {path: values for path, values in DIFFERENCES.items() if path in production}
    assert dev.keys() == staging.keys()
    assert {path.split("/")[0] for path in production.keys() ^ staging.keys()} <= ONLY_IN_PRODUCTION


@pytest.mark.slow
@needs_kubectl
@pytest.mark.parametrize("rollout", ["canary", "blue-green"])
@pytest.mark.parametrize("answers", SAMPLES, ids=lambda answers: "-".join(answers.values()))
def test_dev_is_rolling_and_staging_rehearses_what_production_does(
    answers: Answers, rollout: str, services: Render
) -> None:
    service = services(answers, rollout=rollout)

    dev, staging, production = (flat(built(service, name)) for name in ENVIRONMENTS)

    seen = {path: (staging[path], value) for path, value in production.items() if staging.get(path, value) != value}
    wanted = {path: values[1:] for path, values in DIFFERENCES.items() if path in production}
    assert dev == flat(built(services(answers, rollout="rolling"), "dev"))
    assert "Rollout/api kind" in staging
    assert seen == {path: values for path, values in wanted.items() if values[0] != values[1]}
    assert {path.split("/")[0] for path in production.keys() ^ staging.keys()} <= ONLY_IN_PRODUCTION


@needs_kubectl
def test_an_overlay_holds_no_value_that_was_left_to_it(services: Render) -> None:
    service = services(RICH)

    left = {value for name in ENVIRONMENTS for value in flat(built(service, name)).values() if "unset" in str(value)}

    assert left == {"service:unset"}


@needs_kubectl
def test_without_a_datastore_one_pod_runs_and_nothing_scales_it(services: Render) -> None:
    service = services(datastore="none")

    objects = built(service, "production")

    assert [one["spec"].get("replicas", 1) for one in of_kind(objects, "Deployment")] == [1]
    assert not [one for one in objects if one["kind"] in ("HorizontalPodAutoscaler", "Job", "ExternalSecret")]


@pytest.mark.slow
@needs_kubectl
@pytest.mark.parametrize("datastore", ["mongodb", "postgresql", "none"])
def test_a_broker_that_was_chosen_is_used(datastore: str, services: Render) -> None:
    service = services(datastore=datastore, broker="kafka")

    objects = named(built(service, "production"))

    assert objects["ConfigMap", "config"]["data"]["BROKER"] == "kafka"
    assert ("NetworkPolicy", "allow-kafka") in objects
    assert ("PrometheusRule", "events") in objects


@pytest.mark.slow
@needs_kubectl
def test_one_entry_of_the_overlay_moves_every_container_to_a_digest(own_copy: Render) -> None:
    service = own_copy(RICH)
    digest = "sha256:" + "a" * 64
    path = service / "k8s/overlays/production/kustomization.yaml"
    entry = f"images:\n  - name: service\n    newName: registry.example.com/orders\n    digest: {digest}\n"
    path.write_text(path.read_text("utf-8") + entry, encoding="utf-8")

    templates = pods(built(service, "production"))

    images = {one["spec"]["containers"][0]["image"] for one in templates.values()}
    assert images == {f"registry.example.com/orders@{digest}"}
    assert templates.keys() == {"api", "worker", "migrate", "pipeline"}


@needs_kubectl
@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_a_namespace_refuses_pods_that_are_not_restricted(name: str, services: Render) -> None:
    service = services(RICH)

    labels = of_kind(built(service, name), "Namespace")[0]["metadata"]["labels"]

    levels = {mode: labels[f"pod-security.kubernetes.io/{mode}"] for mode in ("enforce", "audit", "warn")}
    assert set(levels.values()) == {"restricted"}
    assert labels["pod-security.kubernetes.io/enforce-version"] == f"v{OLDEST}"
    assert {labels[f"pod-security.kubernetes.io/{mode}-version"] for mode in ("audit", "warn")} == {"latest"}


@pytest.mark.slow
@needs_kubectl
@pytest.mark.parametrize("rollout", ["rolling", "canary", "blue-green"])
@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_a_quota_has_room_for_a_release_at_the_peak(name: str, rollout: str, services: Render) -> None:
    objects = built(services(RICH, rollout=rollout), name)
    peak = {one["metadata"]["name"]: one["spec"]["maxReplicas"] for one in of_kind(objects, "HorizontalPodAutoscaler")}
    copies = {"api": 2 * peak["api"], "worker": peak["worker"] + 1, "migrate": 1, "pipeline": 1}
    quota = of_kind(objects, "ResourceQuota")[0]["spec"]["hard"]

    asked = {
        kind: sum(
            count * amount(pods(objects)[component]["spec"]["containers"][0]["resources"][group][resource])
            for component, count in copies.items()
        )
        for kind, (group, resource) in {
            "requests.cpu": ("requests", "cpu"),
            "requests.memory": ("requests", "memory"),
            "limits.memory": ("limits", "memory"),
        }.items()
    }

    assert {kind for kind, value in asked.items() if value > amount(quota[kind])} == set()
    assert sum(copies.values()) <= int(quota["pods"])
    assert amount(quota["limits.memory"]) <= 2 * asked["limits.memory"]


@needs_kubectl
@pytest.mark.parametrize("answers", [RICH, {"datastore": "none", "broker": "none"}], ids=["postgresql", "none"])
@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_the_runtime_follows_the_limits_of_its_container(name: str, answers: Answers, services: Render) -> None:
    objects = built(services(answers), name)

    for component, template in pods(objects).items():
        container = template["spec"]["containers"][0]
        told = {one["name"]: one for one in container["env"]}
        names = list(told)
        mebibytes = -(-amount(container["resources"]["limits"]["memory"]) // amount("1Mi"))
        value = told["GOMEMLIMIT"]["value"].replace("$(MEMORY_LIMIT_MIB)", str(int(mebibytes)))
        share = int(value) / amount(container["resources"]["limits"]["memory"])
        assert told["MEMORY_LIMIT_MIB"]["valueFrom"]["resourceFieldRef"] == {
            "resource": "limits.memory",
            "divisor": "1Mi",
        }
        assert names.index("MEMORY_LIMIT_MIB") < names.index("GOMEMLIMIT"), component
        assert 0.9 <= share <= 0.96, component
        assert told["GOMAXPROCS"]["valueFrom"]["resourceFieldRef"] == {"resource": "limits.cpu"}


def test_only_the_component_of_the_language_knows_the_language() -> None:
    tree = ROOT / TREE

    files = [path for folder in ("k8s", "argocd") for path in (tree / folder).rglob("*.yaml")]
    knowing = {path for path in files if re.search(r"\bGO[A-Z]{3,}|golang", path.read_text("utf-8"))}

    assert knowing
    assert all("{{cookiecutter.__go}}/runtime" in path.as_posix() for path in knowing)


@needs_kubectl
def test_a_pod_has_more_time_to_stop_than_its_process_takes(services: Render) -> None:
    objects = built(services(RICH), "production")

    config = named(objects)["ConfigMap", "config"]["data"]

    budget = int(config["SHUTDOWN_TIMEOUT"].removesuffix("s"))
    served = {name: template["spec"] for name, template in pods(objects).items()}
    assert int(config["DRAIN_DELAY"].removesuffix("s")) < budget / 2
    assert {name for name, spec in served.items() if spec.get("terminationGracePeriodSeconds", 30) <= budget} == set()


@needs_kubectl
def test_a_dependency_that_is_away_kills_no_pod(services: Render) -> None:
    objects = built(services(RICH), "production")

    for name in ("api", "worker"):
        container = pods(objects)[name]["spec"]["containers"][0]
        asked = {probe: container[probe]["httpGet"]["path"] for probe in container if probe.endswith("Probe")}
        assert asked == {"startupProbe": "/livez", "livenessProbe": "/livez", "readinessProbe": "/readyz"}


def wave(one: Document) -> int:
    """Give the wave in which Argo CD applies an object."""
    return int(one["metadata"].get("annotations", {}).get("argocd.argoproj.io/sync-wave", "0"))


@pytest.mark.slow
@needs_kubectl
@pytest.mark.parametrize("datastore", ["mongodb", "postgresql"])
@pytest.mark.parametrize("broker", ["kafka", "none"])
def test_on_a_first_sync_the_migration_finds_all_it_needs_and_pods_wait_for_it(
    datastore: str, broker: str, services: Render
) -> None:
    objects = built(services(datastore=datastore, broker=broker), "production")
    job = named(objects)["Job", "migrate"]
    needed = {"Namespace", "NetworkPolicy", "ConfigMap", "ExternalSecret", "SecretStore", "ResourceQuota", "LimitRange"}
    accounts = {"migrate", "secrets"}

    before = [
        one
        for one in objects
        if (one["kind"] in needed and "grafana_dashboard" not in one["metadata"].get("labels", {}))
        or (one["kind"] == "ServiceAccount" and one["metadata"]["name"] in accounts)
    ]

    assert job["metadata"]["annotations"]["argocd.argoproj.io/hook"] == "Sync"
    assert {one["kind"] for one in before} == needed | {"ServiceAccount"}
    assert {one["kind"] for one in before if wave(one) >= wave(job)} == set()
    assert wave(named(objects)["Namespace", before[0]["metadata"]["name"]]) < min(
        wave(one) for one in before if one["kind"] != "Namespace"
    )
    assert {one["kind"] for one in objects if wave(one) <= wave(job)} == needed | {"ServiceAccount", "Job"}


# Each policy by what it lets through: for whom, in which direction, to or from whom, on which ports.
SERVING = ("api", "worker")
STORING = ("api", "worker", "migrate")
POLICIES = {
    "default-deny": ((), "Egress Ingress", (), ()),
    "allow-dns": ((), "Egress", ("kube-system",), (53, 53)),
    "allow-issuer": (("api",), "Egress", ("0.0.0.0/0",), (443,)),
    "allow-kafka": (SERVING, "Egress", ("10.0.0.0/8",), (9092, 9093, 9096)),
    "allow-mongodb": (STORING, "Egress", ("10.0.0.0/8",), (27017,)),
    "allow-postgresql": (STORING, "Egress", ("10.0.0.0/8",), (5432,)),
    "allow-requests": (("api",), "Ingress", ("ingress",), ("http",)),
    "allow-scrapes": (SERVING, "Ingress", ("monitoring",), ("admin",)),
    "allow-telemetry": ((), "Egress", ("monitoring",), (4318,)),
}


def allowed(policy: Document) -> tuple[Any, ...]:
    """Give what a policy lets through, in the form of the table."""
    spec = policy["spec"]
    chosen = spec["podSelector"].get(
        "matchExpressions", [{"values": spec["podSelector"].get("matchLabels", {}).values()}]
    )
    rules = [*spec.get("egress", []), *spec.get("ingress", [])]
    peers = [peer for rule in rules for peer in [*rule.get("to", []), *rule.get("from", [])]]
    places = [
        peer["ipBlock"]["cidr"]
        if "ipBlock" in peer
        else peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
        for peer in peers
    ]
    ports = [port["port"] for rule in rules for port in rule["ports"]]
    return tuple(chosen[0]["values"]), " ".join(sorted(spec["policyTypes"])), tuple(places), tuple(ports)


@pytest.mark.slow
@needs_kubectl
@pytest.mark.parametrize("datastore", ["mongodb", "postgresql", "none"])
@pytest.mark.parametrize("monitoring", ["prometheus", "datadog"])
def test_each_policy_lets_through_what_its_name_says_and_no_more(
    datastore: str, monitoring: str, services: Render
) -> None:
    objects = built(services(datastore=datastore, broker="kafka", monitoring=monitoring), "production")
    told = "datadog" if monitoring == "datadog" else "monitoring"

    seen = {one["metadata"]["name"]: allowed(one) for one in of_kind(objects, "NetworkPolicy")}

    stores = {"allow-mongodb", "allow-postgresql"} - {f"allow-{datastore}"}
    wanted = {name: policy for name, policy in POLICIES.items() if name not in stores}
    for name in ("allow-scrapes", "allow-telemetry"):
        wanted[name] = (*wanted[name][:2], (told,), wanted[name][3])
    assert seen == wanted


@needs_kubectl
@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_secrets_come_from_a_store_that_nobody_else_can_use_and_no_pod_runs_as_its_account(
    name: str, services: Render
) -> None:
    objects = built(services(RICH), name)

    store = of_kind(objects, "SecretStore")[0]

    account = store["spec"]["provider"]["aws"]["auth"]["jwt"]["serviceAccountRef"]
    asked = {one["spec"]["secretStoreRef"]["kind"] for one in of_kind(objects, "ExternalSecret")}
    runs_as = {template["spec"]["serviceAccountName"] for template in pods(objects).values()}
    assert account == {"name": "secrets"}
    assert asked == {"SecretStore"}
    assert runs_as == {"api", "worker", "migrate", "pipeline"}
    assert not [one for one in of_kind(objects, "ServiceAccount") if one.get("automountServiceAccountToken", True)]


@needs_kubectl
def test_the_pipeline_does_nothing_until_it_is_asked(services: Render) -> None:
    spec = named(built(services(RICH), "production"))["CronJob", "pipeline"]["spec"]

    rules = spec["jobTemplate"]["spec"]["podFailurePolicy"]["rules"]

    assert spec["suspend"] is True
    assert spec["concurrencyPolicy"] == "Forbid"
    assert [rule["onExitCodes"]["values"] for rule in rules if rule["action"] == "FailJob"] == [[2, 3]]


@pytest.mark.slow
@pytest.mark.parametrize("monitoring", ["prometheus", "datadog"])
def test_canary_and_blue_green_are_judged_alike_and_by_the_objectives(monitoring: str, services: Render) -> None:
    service = services(monitoring=monitoring)
    slo = yaml.safe_load((service / "observability/slo.yaml").read_text("utf-8"))

    texts = {
        name: (service / f"k8s/components/{name}/analysis.yaml").read_text("utf-8") for name in ("canary", "blue-green")
    }

    templates = {one["metadata"]["name"]: one for one in yaml.safe_load_all(texts["canary"])}
    limits = {name: one["spec"]["metrics"][0]["successCondition"].split("<= ")[1] for name, one in templates.items()}
    metrics = {one["name"]: one["metric"] for one in slo["objectives"]}
    assert texts["canary"] == texts["blue-green"]
    assert limits == {"success-rate": "0.01", "latency": "0.05" if monitoring == "prometheus" else "0.25"}
    for name, objective in (("success-rate", "availability"), ("latency", "latency")):
        query = str(templates[name]["spec"]["metrics"][0]["provider"])
        assert metrics[objective] in query
        assert "{{args.namespace}}" in query
        assert "{{args.version}}" in query


@pytest.mark.slow
@needs_kubectl
@pytest.mark.parametrize("rollout", ["canary", "blue-green"])
@pytest.mark.parametrize("monitoring", ["prometheus", "datadog"])
def test_a_release_is_measured_and_a_way_back_takes_no_steps(rollout: str, monitoring: str, services: Render) -> None:
    objects = named(built(services(rollout=rollout, monitoring=monitoring), "production"))

    spec = objects["Rollout", "api"]["spec"]

    measured = re.findall(r"'templateName': '([\w-]+)'", str(spec["strategy"]))
    given = {name for kind, name in objects if kind == "AnalysisTemplate"}
    arguments = {one["name"] for one in objects["AnalysisTemplate", "latency"]["spec"]["args"]}
    assert set(measured) == given == {"success-rate", "latency"}
    assert set(re.findall(r"'args': \[\{'name': '(\w+)'.*?'name': '(\w+)'", str(spec["strategy"]))) == {
        ("namespace", "version")
    }
    assert arguments == {"namespace", "version"}
    assert spec["rollbackWindow"] == {"revisions": 3}
    assert objects["HorizontalPodAutoscaler", "api"]["spec"]["scaleTargetRef"]["kind"] == "Rollout"
    assert objects["HorizontalPodAutoscaler", "worker"]["spec"]["scaleTargetRef"]["kind"] == "Deployment"


@needs_kubectl
@pytest.mark.slow
def test_argo_cd_may_make_what_some_overlay_makes_and_nothing_else(services: Render) -> None:
    made = {
        (one["apiVersion"].rpartition("/")[0], one["kind"])
        for answers in MANIFESTS
        for name in ENVIRONMENTS
        for one in built(services(answers), name)
    }

    project = next(one for one in argocd(services()) if one["kind"] == "AppProject")["spec"]

    may = {(one["group"], one["kind"]) for one in project["namespaceResourceWhitelist"]}
    whole_cluster = {(one["group"], one["kind"], one["name"]) for one in project["clusterResourceWhitelist"]}
    assert may | {("", "Namespace")} == made
    assert whole_cluster == {("", "Namespace", f"{SLUG}-{name}") for name in ENVIRONMENTS}


@needs_kubectl
def test_each_environment_is_one_application_within_its_project(services: Render) -> None:
    service = services()

    project, applications = None, {}
    for one in argocd(service):
        if one["kind"] == "AppProject":
            project = one
        else:
            applications[one["metadata"]["name"].removeprefix(f"{SLUG}-")] = one["spec"]

    assert project is not None
    allowed_places = [(one["server"], one["namespace"]) for one in project["spec"]["destinations"]]
    assert applications.keys() == set(ENVIRONMENTS)
    for name, spec in applications.items():
        namespace = of_kind(built(service, name), "Namespace")[0]["metadata"]["name"]
        assert spec["project"] == project["metadata"]["name"]
        assert spec["source"]["path"] == f"k8s/overlays/{name}"
        assert spec["source"]["repoURL"] in project["spec"]["sourceRepos"]
        assert spec["destination"]["namespace"] == namespace
        assert (spec["destination"]["server"], namespace) in allowed_places
        assert ("automated" in spec["syncPolicy"]) is (name != "production")
    assert applications["staging"]["syncPolicy"]["automated"] == {"prune": True, "selfHeal": True}
    window = project["spec"]["syncWindows"][0]
    assert (window["kind"], window["applications"]) == ("deny", [f"{SLUG}-production"])
    assert {policy.split(", ")[3] for role in project["spec"]["roles"] for policy in role["policies"]} == {
        "get",
        "sync",
    }
