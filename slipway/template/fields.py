"""Writes slipway/contract/fields.json: which fields the kinds of Kubernetes and of the operators have.

    python -m slipway.template.fields

The contract reads it without network and without a schema library. The native kinds come from the OpenAPI description
that kubernetes-validate carries, the others from the definitions in the operators' Go modules, which `go` downloads.
A line is a type: its fields, `!` after a field that must be there, and the code of what it holds:

    s text     i whole number     n number     b true or false     q quantity     p number or name of a port
    * anything     [X list of X     {X map of X     s:A|B one of these words     any other word: a type of the table
"""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import yaml

TARGET = Path(__file__).parent.parent / "contract" / "fields.json"
KUBERNETES = "1.37.0"
CORE = "io.k8s.api.core.v1."
KINDS = {
    "apps/v1": "DaemonSet Deployment ReplicaSet StatefulSet",
    "autoscaling/v1": "HorizontalPodAutoscaler",
    "autoscaling/v2": "HorizontalPodAutoscaler",
    "batch/v1": "CronJob Job",
    "networking.k8s.io/v1": "Ingress NetworkPolicy",
    "policy/v1": "PodDisruptionBudget",
    "rbac.authorization.k8s.io/v1": "ClusterRole ClusterRoleBinding Role RoleBinding",
    "scheduling.k8s.io/v1": "PriorityClass",
    "v1": "ConfigMap LimitRange Namespace PersistentVolumeClaim Pod ResourceQuota Secret Service ServiceAccount",
}
OPERATORS = {
    "github.com/argoproj/argo-cd/v3@v3.6.1": (
        "manifests/crds/application-crd.yaml",
        "manifests/crds/appproject-crd.yaml",
    ),
    "github.com/argoproj/argo-rollouts@v1.10.2": (
        "manifests/crds/analysis-template-crd.yaml",
        "manifests/crds/rollout-crd.yaml",
    ),
    "github.com/external-secrets/external-secrets@v1.3.2": (
        "config/crds/bases/external-secrets.io_clustersecretstores.yaml",
        "config/crds/bases/external-secrets.io_externalsecrets.yaml",
        "config/crds/bases/external-secrets.io_secretstores.yaml",
    ),
    "github.com/prometheus-operator/prometheus-operator@v0.85.0": (
        "example/prometheus-operator-crd/monitoring.coreos.com_podmonitors.yaml",
        "example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml",
        "example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml",
    ),
    "sigs.k8s.io/gateway-api@v1.7.0": (
        "config/crd/standard/gateway.networking.k8s.io_gateways.yaml",
        "config/crd/standard/gateway.networking.k8s.io_httproutes.yaml",
    ),
}
# what the description leaves open and the API server refuses
WORDS = {
    "Container.imagePullPolicy": "Always|IfNotPresent|Never",
    "Container.terminationMessagePolicy": "FallbackToLogsOnError|File",
    "ContainerPort.protocol": "SCTP|TCP|UDP",
    "CronJobSpec.concurrencyPolicy": "Allow|Forbid|Replace",
    "DeploymentStrategy.type": "Recreate|RollingUpdate",
    "HTTPGetAction.scheme": "HTTP|HTTPS",
    "LabelSelectorRequirement.operator": "DoesNotExist|Exists|In|NotIn",
    "MetricTarget.type": "AverageValue|Utilization|Value",
    "NetworkPolicyPort.protocol": "SCTP|TCP|UDP",
    "PodSpec.dnsPolicy": "ClusterFirst|ClusterFirstWithHostNet|Default|None",
    "PodSpec.restartPolicy": "Always|Never|OnFailure",
    "SeccompProfile.type": "Localhost|RuntimeDefault|Unconfined",
    "ServicePort.protocol": "SCTP|TCP|UDP",
    "ServiceSpec.externalTrafficPolicy": "Cluster|Local",
    "ServiceSpec.sessionAffinity": "ClientIP|None",
    "ServiceSpec.type": "ClusterIP|ExternalName|LoadBalancer|NodePort",
    "Toleration.effect": "NoExecute|NoSchedule|PreferNoSchedule",
    "Toleration.operator": "Equal|Exists|Gt|Lt",
    "TopologySpreadConstraint.whenUnsatisfiable": "DoNotSchedule|ScheduleAnyway",
}
NEEDED = {
    "CronJobSpec": ("jobTemplate", "schedule"),
    "DeploymentSpec": ("selector", "template"),
    "ServiceSpec": (),
}
# kustomize has no machine-readable description of its own file
KUSTOMIZE = {
    "Kustomization": {
        "apiVersion": "s:kustomize.config.k8s.io/v1alpha1|kustomize.config.k8s.io/v1beta1",
        "buildMetadata": "[s",
        "commonAnnotations": "{s",
        "commonLabels": "{s",
        "components": "[s",
        "configMapGenerator": "[Kustomization.Generator",
        "configurations": "[s",
        "crds": "[s",
        "generatorOptions": "Kustomization.Options",
        "generators": "[s",
        "helmCharts": "[*",
        "helmGlobals": "*",
        "images": "[Kustomization.Image",
        "kind": "s:Component|Kustomization",
        "labels": "[Kustomization.Labels",
        "metadata": "ObjectMeta",
        "namePrefix": "s",
        "nameSuffix": "s",
        "namespace": "s",
        "openapi": "*",
        "patches": "[Kustomization.Patch",
        "patchesJson6902": "[Kustomization.Patch",
        "patchesStrategicMerge": "[s",
        "replacements": "[Kustomization.Replacement",
        "replicas": "[Kustomization.Replicas",
        "resources": "[s",
        "secretGenerator": "[Kustomization.Generator",
        "sortOptions": "*",
        "transformers": "[s",
        "validators": "[s",
    },
    "Kustomization.Generator": {
        "behavior": "s:create|merge|replace",
        "env": "s",
        "envs": "[s",
        "files": "[s",
        "literals": "[s",
        "name!": "s",
        "namespace": "s",
        "options": "Kustomization.Options",
        "type": "s",
    },
    "Kustomization.Image": {"digest": "s", "name!": "s", "newName": "s", "newTag": "s", "tagSuffix": "s"},
    "Kustomization.Labels": {
        "fields": "[*",
        "includeSelectors": "b",
        "includeTemplates": "b",
        "pairs!": "{s",
    },
    "Kustomization.Options": {
        "annotations": "{s",
        "disableNameSuffixHash": "b",
        "immutable": "b",
        "labels": "{s",
    },
    "Kustomization.Patch": {
        "options": "{b",
        "patch": "s",
        "path": "s",
        "target": "Kustomization.Target",
    },
    "Kustomization.Replacement": {"path": "s", "source": "*", "sourceValue": "s", "targets": "[*"},
    "Kustomization.Replicas": {"count!": "i", "name!": "s"},
    "Kustomization.Target": {
        "annotationSelector": "s",
        "group": "s",
        "kind": "s",
        "labelSelector": "s",
        "name": "s",
        "namespace": "s",
        "version": "s",
    },
}
PROVIDERS = frozenset({"aws", "kubernetes", "vault"})
LEFT_OUT = frozenset({"managedFields"})

Types = dict[str, dict[str, str]]


class Table:
    """The types met so far; equal types of the operators are kept once.

    Attributes:
        types: the fields of each type.
    """

    def __init__(self, definitions: dict[str, Any]) -> None:
        self.types: Types = {}
        self._definitions = definitions
        self._same: dict[str, str] = {}

    def native(self, reference: str) -> str:
        """Give the code of a native definition, and keep it with all that it holds."""
        name, definition = reference.rsplit(".", 1)[-1], self._definitions[reference]
        if name in ("Quantity", "IntOrString"):
            return {"Quantity": "q", "IntOrString": "p"}[name]
        if "properties" not in definition:
            return _scalar(definition)
        if ".autoscaling.v1." in reference:
            name = f"{name}V1"
        if name not in self.types:
            self.types[name] = {}
            needed = definition.get("required", ())
            self.types[name] = {
                f"{field}{'!' if field in needed else ''}": self._coded(name, field, content)
                for field, content in sorted(definition["properties"].items())
                if field not in LEFT_OUT and not (field == "status" and "kind" in definition["properties"])
            }
        return name

    def _coded(self, owner: str, field: str, content: dict[str, Any]) -> str:
        words = WORDS.get(f"{owner}.{field}")
        return f"s:{words}" if words else self._code(content)

    def _code(self, content: dict[str, Any]) -> str:
        if "$ref" in content:
            return self.native(content["$ref"].rsplit("/", 1)[-1])
        if "items" in content:
            return f"[{self._code(content['items'])}"
        if isinstance(content.get("additionalProperties"), dict):
            return f"{{{self._code(content['additionalProperties'])}"
        return _scalar(content)

    def custom(self, name: str, schema: dict[str, Any]) -> str:
        """Give the code of a schema of an operator, and keep it with all that it holds."""
        properties = schema.get("properties")
        if not properties or schema.get("x-kubernetes-preserve-unknown-fields"):
            return self._custom_plain(name, schema)
        if "containers" in properties:
            return self.native(f"{CORE}PodSpec")
        if {*properties} == {"metadata", "spec"} and "containers" in properties["spec"].get("properties", ()):
            return self.native(f"{CORE}PodTemplateSpec")
        needed = schema.get("required", ())
        fields = {}
        for field, content in sorted(properties.items()):
            if field in LEFT_OUT or (field == "status" and "." not in name):
                continue
            known = not (name.endswith(".Provider") and field not in PROVIDERS)
            part = f"{name}.{field[:1].upper()}{field[1:]}"
            fields[f"{field}{'!' if field in needed else ''}"] = self.custom(part, content) if known else "*"
        key = json.dumps(fields)
        if key not in self._same:
            self._same[key] = name
            self.types[name] = fields
        return self._same[key]

    def _custom_plain(self, name: str, schema: dict[str, Any]) -> str:
        if isinstance(schema.get("items"), dict):
            return f"[{self.custom(name, schema['items'])}"
        if isinstance(schema.get("additionalProperties"), dict):
            return f"{{{self.custom(name, schema['additionalProperties'])}"
        return _scalar(schema)


def _scalar(content: dict[str, Any]) -> str:
    if content.get("x-kubernetes-int-or-string"):
        return "p"
    kinds = content.get("type")
    kind = next((one for one in kinds if one != "null"), "") if isinstance(kinds, list) else kinds
    words = content.get("enum")
    if kind == "string" and words and all(isinstance(one, str) and one for one in words):
        return f"s:{'|'.join(sorted(words))}"
    return {"string": "s", "integer": "i", "number": "n", "boolean": "b", "array": "[*"}.get(str(kind), "*")


def table(definitions: dict[str, Any], operators: list[dict[str, Any]]) -> dict[str, Any]:
    """Give the table: where it comes from, the kinds by `apiVersion kind`, and the types.

    Args:
        definitions: the native ones, by their full names.
        operators: CustomResourceDefinitions.
    """
    made = Table(definitions)
    kinds: dict[str, str] = {}
    for name, definition in definitions.items():
        for one in definition.get("x-kubernetes-group-version-kind", ()):
            version = f"{one['group']}/{one['version']}".lstrip("/")
            if one["kind"] in KINDS.get(version, "").split():
                kinds[f"{version} {one['kind']}"] = made.native(name)
            else:
                kinds.setdefault(f"{version} {one['kind']}", "")
    for definition in operators:
        spec = definition["spec"]
        kind = spec["names"]["kind"]
        for version in spec["versions"]:
            if not version["served"] or version.get("deprecated"):
                continue
            schema = version["schema"]["openAPIV3Schema"]
            schema["properties"].pop("metadata", None)
            code = made.custom(kind, schema)
            made.types[code]["metadata"] = "ObjectMeta"
            kinds[f"{spec['group']}/{version['name']} {kind}"] = code
    for name, needed in NEEDED.items():
        made.types[name] = {
            f"{field.rstrip('!')}{'!' if field.rstrip('!') in needed else ''}": code
            for field, code in made.types[name].items()
        }
    made.types |= KUSTOMIZE
    sources = [f"kubernetes {KUBERNETES} (kubernetes-validate)", *OPERATORS]
    return {"sources": sources, "kinds": dict(sorted(kinds.items())), "types": dict(sorted(made.types.items()))}


def text(content: dict[str, Any]) -> str:
    """Give the table as JSON with one line a kind and one a type, so that a change is read in a diff."""
    parts = []
    for section, entries in content.items():
        pairs = entries.items() if isinstance(entries, dict) else ((None, entry) for entry in entries)
        lines = ",\n".join(
            (f"{json.dumps(key)}: " if key is not None else "") + json.dumps(value, separators=(",", ":"))
            for key, value in pairs
        )
        opens, closes = "{}" if isinstance(entries, dict) else "[]"
        parts.append(f"{json.dumps(section)}: {opens}\n{lines}\n{closes}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def native_definitions() -> dict[str, Any]:
    """Give the definitions that kubernetes-validate carries."""
    import kubernetes_validate  # noqa: PLC0415

    folder = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema" / f"v{KUBERNETES}-local-strict"
    found: dict[str, Any] = json.loads((folder / "_definitions.json").read_text(encoding="utf-8"))["$defs"]
    return found


def operator_definitions() -> list[dict[str, Any]]:
    """Give the definitions of the operators, from their Go modules."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for module, paths in OPERATORS.items():
            # a module that asks for a newer Go is downloaded all the same, and only then refused
            run = subprocess.run(
                ["go", "mod", "download", "-json", module], cwd=folder, capture_output=True, text=True, check=False
            )
            with zipfile.ZipFile(json.loads(run.stdout)["Zip"]) as archive:
                found += [yaml.safe_load(archive.read(f"{module}/{path}")) for path in paths]
    return found


def main() -> None:
    """Write the table."""
    written = text(table(native_definitions(), operator_definitions()))
    TARGET.write_text(re.sub(r"[ \t]+$", "", written, flags=re.MULTILINE), encoding="utf-8")


if __name__ == "__main__":
    main()
