"""Every defective script, makefile and compose file is named: the check, the file, and what is wrong."""

from __future__ import annotations

import pytest

from slipway.contract import check
from tests.conftest import Parts
from tests.contract.planting import Defect, one_each
from tests.contract.shell import SHELL

PARTS = (
    *("bin", "compose", "mk", "Makefile", "compose.yaml", "cmd", "docs", "events", "commitlint.config.mjs"),
    *(".githooks", ".shellcheckrc", ".copier-answers.yml", ".env.example", ".env.kafka.example"),
)


@pytest.mark.parametrize("defect", one_each(SHELL))
def test_a_defective_script_is_named(defect: Defect, parts_of: Parts) -> None:
    service = parts_of(*PARTS)
    defect.change(service)

    found = check(service, select=[defect.check]).findings

    assert any(one.path == defect.path and defect.word in one.message for one in found), found
