"""Every defective manifest is named: the check, a file, and what is wrong."""

from __future__ import annotations

import pytest

from slipway.contract import check
from tests.conftest import Parts
from tests.contract.clusters import CLUSTERS
from tests.contract.manifests import MANIFESTS
from tests.contract.planting import Planted, one_each

PARTS = (
    "argocd",
    "docs/operational-contract.md",
    "k8s",
    "observability/slo.yaml",
    "telemetry",
    ".copier-answers.yml",
    ".env.example",
)


@pytest.mark.parametrize("planted", one_each([*MANIFESTS, *CLUSTERS]))
def test_a_defective_manifest_is_named(planted: Planted, parts_of: Parts) -> None:
    service = parts_of(*PARTS)
    planted.change(service)

    found = check(service, select=[planted.check]).findings

    assert any(planted.word in one.message and (service / one.path).is_file() for one in found), found
