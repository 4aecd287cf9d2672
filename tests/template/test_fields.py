"""The table of fields is what the descriptions of Kubernetes and of the operators say."""

from __future__ import annotations

from typing import Any

import pytest

from slipway.contract.fields import refused, table
from slipway.template.fields import CORE, KINDS, Table, native_definitions
from slipway.template.fields import table as built

pytestmark = pytest.mark.slow
STRING = {"type": "string"}
GAUGE: dict[str, Any] = {
    "spec": {
        "group": "example.com",
        "names": {"kind": "Gauge"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "schema": {
                    "openAPIV3Schema": {
                        "properties": {
                            "metadata": {"type": "object"},
                            "spec": {
                                "properties": {
                                    "mode": {"type": "string", "enum": ["Slow", "Fast"]},
                                    "ports": {"items": {"x-kubernetes-int-or-string": True}},
                                    "labels": {"additionalProperties": STRING},
                                    "anything": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                                },
                                "required": ["mode"],
                            },
                            "status": {"properties": {"ready": {"type": "boolean"}}},
                        }
                    }
                },
            },
            {"name": "v1beta1", "served": True, "deprecated": True},
        ],
    }
}


@pytest.fixture(scope="module")
def definitions() -> dict[str, Any]:
    """Give the native definitions."""
    return native_definitions()


def test_the_native_types_are_those_of_the_installed_description(definitions: dict[str, Any]) -> None:
    made = Table(definitions)
    made.native(f"{CORE}PodTemplateSpec")

    kept = {name: fields for name, fields in table()["types"].items() if name in made.types}

    assert kept == made.types
    assert {f"{version} {kind}" for version, kinds in KINDS.items() for kind in kinds.split()} <= {
        name for name, code in table()["kinds"].items() if code
    }


def test_a_definition_of_an_operator_becomes_lines_of_the_table(definitions: dict[str, Any]) -> None:
    made = built(definitions, [GAUGE])

    assert made["types"]["Gauge.Spec"] == {"anything": "*", "labels": "{s", "mode!": "s:Fast|Slow", "ports": "[p"}
    assert made["kinds"]["example.com/v1 Gauge"] == "Gauge"
    assert "example.com/v1beta1 Gauge" not in made["kinds"]


def test_an_object_that_was_read_back_from_a_cluster_is_not_refused_for_its_status() -> None:
    content = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {}, "status": {"a": 1}}

    assert list(refused(content)) == []
