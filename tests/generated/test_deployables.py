"""What is deployed, held by the tools that teams would use."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.conftest import Answers, Render

ENVIRONMENTS = ("dev", "staging", "production")


def run(*command: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a tool in a folder."""
    return subprocess.run(
        command, cwd=folder, check=False, capture_output=True, text=True, env={**os.environ, **environment}
    )


@pytest.mark.parametrize(
    ("file", "schema"),
    [
        (".gitlab-ci.yml", "vendor.gitlab-ci"),
        ("compose.yaml", "vendor.compose-spec"),
        ("renovate.json", "vendor.renovate"),
    ],
)
@pytest.mark.parametrize("datastore", ["postgresql", "mongodb", "none"])
def test_a_file_keeps_the_schema_of_its_vendor(file: str, schema: str, datastore: str, services: Render) -> None:
    done = run("check-jsonschema", "--builtin-schema", schema, file, folder=services(datastore=datastore))

    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("file", "schema", "text"),
    [
        (".gitlab-ci.yml", "vendor.gitlab-ci", "job: {script: 1}\n"),
        ("compose.yaml", "vendor.compose-spec", "services: {a: {imagine: b}}\n"),
        ("renovate.json", "vendor.renovate", '{"labels": 1}'),
    ],
)
def test_the_schema_of_a_vendor_refuses_a_planted_defect(file: str, schema: str, text: str, tmp_path: Path) -> None:
    (tmp_path / file).write_text(text, encoding="utf-8")

    done = run("check-jsonschema", "--builtin-schema", schema, file, folder=tmp_path)

    assert done.returncode == 1


@pytest.mark.parametrize(
    "command",
    [
        ("hadolint", "Dockerfile"),
        ("yamllint", "-s", "."),
        ("shfmt", "-i", "2", "-ci", "-d", "bin", ".githooks"),
        ("rumdl", "check", "--no-cache", "."),
    ],
    ids=lambda command: command[0],
)
@pytest.mark.parametrize("answers", [{}, {"datastore": "none", "monitoring": "datadog"}], ids=["postgresql", "none"])
def test_generated_files_are_clean_under_their_linter(
    command: tuple[str, ...], answers: Answers, services: Render
) -> None:
    done = run(*command, folder=services(answers))

    assert done.returncode == 0, done.stdout + done.stderr


def test_scripts_are_clean_under_shellcheck(services: Render) -> None:
    service = services()
    scripts = [
        str(path.relative_to(service)) for path in [*(service / "bin").iterdir(), *(service / ".githooks").iterdir()]
    ]

    done = run("shellcheck", "-s", "sh", "-S", "style", *scripts, folder=service)

    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("target", ["help", "lint", "test", "build", "image", "clean", "deps", "run"])
def test_make_reads_a_target_without_an_undefined_variable_and_its_commands_are_shell(
    target: str, services: Render
) -> None:
    service = services()

    planned = run("make", "-n", "--warn-undefined-variables", target, folder=service)

    read = subprocess.run(["sh", "-n"], input=planned.stdout, check=False, capture_output=True, text=True)
    assert (planned.returncode, read.returncode) == (0, 0), planned.stderr + read.stderr
    assert "warning" not in planned.stderr
