"""Every defective pipeline is named: the check, the file, and what is wrong."""

from __future__ import annotations

import pytest

from slipway.contract import check
from tests.conftest import Parts
from tests.contract.pipelines import PIPELINES
from tests.contract.planting import Defect, one_each

PARTS = ("bin", "ci", "mk", "Makefile", ".gitlab-ci.yml", "Jenkinsfile", ".copier-answers.yml")


@pytest.mark.parametrize("defect", one_each(PIPELINES))
def test_a_defective_pipeline_is_named(defect: Defect, parts_of: Parts) -> None:
    service = parts_of(*PARTS)
    defect.change(service)

    found = check(service, select=[defect.check]).findings

    assert any(one.path == defect.path and defect.word in one.message for one in found), found
