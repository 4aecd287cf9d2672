"""What is deployed, held by the tools that teams would use."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

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


@pytest.fixture(scope="session")
def terraform(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Give the environment of a terraform that finds its provider on this machine, or skip."""
    named = os.environ.get("TERRAFORM_MIRROR")
    found = [Path(named)] if named else [place.parents[2] for place in Path("/opt").glob("*/*/hashicorp/aws")]
    mirror = next(iter(found), None)
    if shutil.which("terraform") is None or mirror is None:
        pytest.skip("no terraform, or no mirror of its providers (TERRAFORM_MIRROR): Terraform is not validated")
    config = tmp_path_factory.mktemp("terraform") / "config"
    config.write_text(f'provider_installation {{\n  filesystem_mirror {{ path = "{mirror}" }}\n}}\n', encoding="utf-8")
    return {"TF_CLI_CONFIG_FILE": str(config), "TF_IN_AUTOMATION": "1"}


@pytest.mark.skipif(shutil.which("terraform") is None, reason="terraform is not installed: its format is not checked")
def test_terraform_files_are_formatted(services: Render) -> None:
    done = run(
        "terraform",
        "fmt",
        "-recursive",
        "-check",
        "-diff",
        "infra",
        folder=services(project_slug="a-rather-long-slug-for-one"),
    )

    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("place", ["modules/service", *(f"envs/{name}" for name in ENVIRONMENTS)])
def test_terraform_validates(place: str, own_copy: Render, terraform: dict[str, str]) -> None:
    folder = own_copy() / "infra/terraform" / place

    begun = run("terraform", "init", "-backend=false", "-input=false", "-no-color", folder=folder, **terraform)
    done = run("terraform", "validate", "-no-color", folder=folder, **terraform)

    assert (begun.returncode, done.returncode) == (0, 0), begun.stderr + done.stdout + done.stderr


@pytest.mark.parametrize(
    ("pattern", "text", "passes"),
    [
        ("", "", True),
        ("IMMUTABLE", "MUTABLE", False),
        ("enable_key_rotation     = true", "enable_key_rotation     = false", False),
    ],
    ids=["as generated", "mutable tags", "a key that does not rotate"],
)
def test_the_terraform_module_keeps_its_promises_and_its_tests_catch_a_defect(
    pattern: str, text: str, own_copy: Render, terraform: dict[str, str], *, passes: bool
) -> None:
    folder = own_copy() / "infra/terraform/modules/service"
    main = folder / "main.tf"
    main.write_text(
        main.read_text(encoding="utf-8").replace(pattern, text) if pattern else main.read_text(encoding="utf-8"),
        encoding="utf-8",
    )
    run("terraform", "init", "-backend=false", "-input=false", folder=folder, **terraform)

    done = run("terraform", "test", "-no-color", folder=folder, **terraform)

    assert (done.returncode == 0) is passes, done.stdout
