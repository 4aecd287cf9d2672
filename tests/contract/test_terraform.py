"""Every defect of Terraform is named, and what services keep of their own from before is none."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from slipway.contract import REGISTRY, check, load
from slipway.contract.hcl import UnreadableError, objects, read
from tests.conftest import ROOT, Parts
from tests.contract.planting import Defect, one_each
from tests.contract.terraform import TERRAFORM

load()
CHECKS = [identifier for identifier in REGISTRY if identifier.startswith("TER")]
BEFORE = ROOT / "tests/generated/planted/terraform-before/env.tf"
TEXT = """
# a comment with { and "
terraform {
  required_version = ">= 1.10" // another }
}

/* a { block
   comment */
locals {
  name   = "${var.a}-${lookup(var.b, "c}")}"
  text   = <<-EOT
    { "not": closed
  EOT
  nested = {
    list = [1, 2, {
      deep = true
    }]
  }
  truth = var.a == "b" ? 1 : 2
  none  = null
}
"""


@pytest.mark.parametrize("defect", one_each(TERRAFORM))
def test_a_defect_of_terraform_is_named(defect: Defect, parts_of: Parts) -> None:
    service = parts_of("infra")
    defect.change(service)

    found = check(service, select=[defect.check]).findings

    assert any(one.path == defect.path and defect.word in one.message for one in found), found


def test_environments_made_before_have_no_finding(parts_of: Parts) -> None:
    service = parts_of("infra")
    for environment in ("dev", "staging", "production"):
        folder = service / "infra/terraform/envs" / environment
        shutil.rmtree(folder)
        folder.mkdir()
        text = BEFORE.read_text(encoding="utf-8").replace("dev", environment)
        (folder / "main.tf").write_text(text, encoding="utf-8")

    assert check(service, select=CHECKS).findings == ()


def test_a_service_without_terraform_has_no_finding(tmp_path: Path) -> None:
    assert check(tmp_path, select=CHECKS).findings == ()


def test_what_an_init_leaves_and_what_tests_hold_is_not_judged(parts_of: Parts) -> None:
    service = parts_of("infra")
    left = service / "infra/terraform/envs/dev/.terraform/modules/a"
    left.mkdir(parents=True)
    (left / "main.tf").write_text('variable "a" {}\n', encoding="utf-8")
    (service / "infra/terraform/envs/dev/terraform.tfvars").write_text('vpc_id = "vpc-0a1b2c3d4e"\n', encoding="utf-8")

    assert check(service, select=CHECKS).findings == ()


def test_a_file_is_split_into_blocks_and_attributes() -> None:
    found = read(TEXT)

    names = next(found.of("locals")).attributes
    assert [block.kind for block in found.blocks] == ["terraform", "locals"]
    assert next(found.of("terraform")).text("required_version") == '">= 1.10"'
    assert list(names) == ["name", "text", "nested", "truth", "none"]
    assert names["name"].literal is None
    assert names["truth"].text == 'var.a == "b" ? 1 : 2'
    assert names["none"].line == 20
    assert list(objects(names["nested"].text)) == [
        "{\n      deep = true\n    }",
        "{\n    list = [1, 2, {}]\n  }",
    ]


@pytest.mark.parametrize(
    "text", ["a {", "a = {\n]", "}", "a = ]", "1 = 2", 'a "b" = 1 {', "a = (1]", "a", 'a = "b', "a = (1"]
)
def test_what_is_not_terraform_is_refused(text: str) -> None:
    with pytest.raises(UnreadableError, match=r"line \d"):
        read(text)
