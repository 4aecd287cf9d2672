"""The configurations in the guides are what their tools take."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT
from tests.generated.test_jenkinsfile import groovy  # noqa: F401  -- a fixture

GUIDES = ROOT / "docs/how-to/fleet"
FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w+)\n(?P<text>.*?)^ *```$", re.MULTILINE | re.DOTALL)
MULTI_GITTER = {
    *("platform", "base-url", "group", "include-subgroups", "git-type", "fetch-depth", "manual-commit", "branch"),
    *("conflict-strategy", "concurrent", "pr-title", "pr-body", "labels"),
}


def blocks(guide: str, language: str) -> list[str]:
    """Give the blocks of a language in a guide, without their indent."""
    text = (GUIDES / guide).read_text(encoding="utf-8")
    return [
        re.sub(f"^{found['indent']}", "", found["text"], flags=re.MULTILINE)
        for found in FENCE.finditer(text)
        if found["language"] == language
    ]


def ran(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a tool."""
    return subprocess.run(command, check=False, capture_output=True, text=True)


def rules() -> list[dict[str, Any]]:
    """Give the rules of the configuration for Renovate, read as JSON."""
    (source,) = blocks("renovate.md", "js")
    text = source[source.index("packageRules:") + len("packageRules:") : source.rindex("],") + 1]
    text = re.sub(r"^(\s*)(\w+):", r'\1"\2":', text.replace("'", '"'), flags=re.MULTILINE)
    found: list[dict[str, Any]] = json.loads(re.sub(r",(\s*[}\]])", r"\1", text))
    return found


def test_gitlab_takes_the_pipeline_of_the_fleet(tmp_path: Path) -> None:
    (text,) = blocks("gitlab.md", "yaml")
    good, bad = tmp_path / "good.yml", tmp_path / "bad.yml"
    good.write_text(text, encoding="utf-8")
    bad.write_text(text.replace("when: always", "when: sometimes"), encoding="utf-8")

    done = [ran("check-jsonschema", "--builtin-schema", "vendor.gitlab-ci", str(file)) for file in (good, bad)]

    assert [one.returncode for one in done] == [0, 1], done[0].stdout


def test_renovate_takes_the_rule_and_does_not_wait_for_a_date(tmp_path: Path) -> None:
    (rule,) = rules()
    config = tmp_path / "renovate.json"
    config.write_text(json.dumps({"packageRules": [rule]}), encoding="utf-8")

    done = ran("check-jsonschema", "--builtin-schema", "vendor.renovate", str(config))

    assert done.returncode == 0, done.stdout
    assert rule["enabled"] is True
    assert rule["minimumReleaseAge"] is None


@pytest.mark.parametrize(("guide", "count"), [("gitlab.md", 1), ("multi-gitter.md", 1)])
def test_shellcheck_finds_nothing_in_a_script(guide: str, count: int, tmp_path: Path) -> None:
    scripts = [text for text in blocks(guide, "sh") if text.startswith("#!")]
    (tmp_path / "script").write_text(scripts[0], encoding="utf-8")
    (tmp_path / "broken").write_text(f"{scripts[0]}echo $1\n", encoding="utf-8")

    done = [ran("shellcheck", "-s", "sh", "-S", "style", str(tmp_path / name)) for name in ("script", "broken")]

    assert len(scripts) == count
    assert [one.returncode for one in done] == [0, 1], done[0].stdout


def test_multi_gitter_knows_every_key_of_its_configuration() -> None:
    (text,) = blocks("multi-gitter.md", "yaml")

    config = yaml.safe_load(text)

    assert set(config) == MULTI_GITTER
    assert config["manual-commit"] is True


@pytest.mark.slow
@pytest.mark.parametrize("broken", [False, True])
@pytest.mark.parametrize("number", [0, 1], ids=["jobs", "status"])
def test_groovy_parses_what_jenkins_reads(number: int, groovy: Path, tmp_path: Path, *, broken: bool) -> None:  # noqa: F811
    source = blocks("jenkins.md", "groovy")[number]
    text = source.replace("}", "", 1) if broken else source
    (tmp_path / "Jenkins.groovy").write_text(text, encoding="utf-8")
    compiler = ["java", "-cp", str(groovy), "org.codehaus.groovy.tools.FileSystemCompiler", "-d", str(tmp_path / "out")]

    done = ran(*compiler, str(tmp_path / "Jenkins.groovy"))

    assert (done.returncode == 0) is not broken, done.stdout + done.stderr
