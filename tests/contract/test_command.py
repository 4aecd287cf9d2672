"""The slipway command: what it prints, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner

from slipway.cli import main
from slipway.contract import REGISTRY, load
from tests.conftest import ROOT, Render, copy_template

load()


def test_a_good_service_ends_with_0_and_one_line(services: Render) -> None:
    done = CliRunner().invoke(main, ["check", str(services())])

    assert done.exit_code == 0
    assert done.output.startswith(f"{len(REGISTRY)} checks, no finding")


def test_findings_end_with_1_and_name_file_reason_and_way_out(own_copy: Render) -> None:
    service = own_copy()
    (service / "CODEOWNERS").unlink()

    done = CliRunner().invoke(main, ["check", str(service)])

    assert done.exit_code == 1
    for part in ("CODEOWNERS", "LAY001", REGISTRY["LAY001"].why, REGISTRY["LAY001"].fix, "1 finding"):
        assert part in done.output


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["check", "no-such-folder"], "does not exist"),
        (["check", "--select", "XXX999"], "no such check"),
        (["check", "--format", "xml"], "not one of"),
        (["checks", "--explain", "nonsense"], "no such check"),
    ],
)
def test_a_wrong_command_ends_with_2_and_says_why(words: list[str], told: str) -> None:
    done = CliRunner().invoke(main, words)

    assert done.exit_code == 2
    assert told in done.output


def test_machines_read_json_sarif_gitlab_and_junit(own_copy: Render, tmp_path: Path) -> None:
    service = own_copy()
    (service / "CODEOWNERS").unlink()
    texts = {}
    for form in ("json", "sarif", "gitlab", "junit"):
        output = tmp_path / form
        CliRunner().invoke(main, ["check", str(service), "--format", form, "--output", str(output)])
        texts[form] = output.read_text(encoding="utf-8")

    sarif = json.loads(texts["sarif"])["runs"][0]
    quality = json.loads(texts["gitlab"])
    suite = ET.fromstring(texts["junit"])

    assert json.loads(texts["json"])["findings"][0]["check"] == "LAY001"
    assert [one["ruleId"] for one in sarif["results"]] == ["LAY001"]
    assert {one["id"] for one in sarif["tool"]["driver"]["rules"]} == set(REGISTRY)
    assert [(one["check_name"], one["location"]["path"]) for one in quality] == [("LAY001", "CODEOWNERS")]
    assert (suite.get("tests"), suite.get("failures")) == (str(len(REGISTRY)), "1")


def test_the_list_of_checks_holds_each_of_them() -> None:
    done = CliRunner().invoke(main, ["checks"])

    assert [line.split()[0] for line in done.output.splitlines()] == sorted(REGISTRY)


def test_a_check_is_explained_with_its_reason_and_way_out() -> None:
    done = CliRunner().invoke(main, ["checks", "--explain", "k8s003"])

    assert REGISTRY["K8S003"].why in done.output
    assert REGISTRY["K8S003"].fix in done.output


def test_nothing_that_is_written_from_another_file_is_out_of_date() -> None:
    done = CliRunner().invoke(main, ["template", "sync", "--check"])

    assert done.output == ""
    assert done.exit_code == 0


def test_what_is_out_of_date_is_named_and_then_written(tmp_path: Path) -> None:
    copy_template(tmp_path)
    text = (ROOT / "copier.yml").read_text(encoding="utf-8").replace("(?=.{2,40}", "(?=.{2,41}")
    (tmp_path / "copier.yml").write_text(text, encoding="utf-8")
    compared = CliRunner().invoke(main, ["template", "sync", "--check", "--root", str(tmp_path)])

    written = CliRunner().invoke(main, ["template", "sync", "--root", str(tmp_path)])

    assert compared.exit_code == 1
    assert "copier.yml is out of date; run: make questions" in compared.output
    assert written.exit_code == 0
    for name in ("copier.yml", "cookiecutter.json"):
        assert (tmp_path / name).read_text(encoding="utf-8") == (ROOT / name).read_text(encoding="utf-8")
