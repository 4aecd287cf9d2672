"""bin/template-update, bin/raise-modules, and the jobs that run them by a schedule."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from slipway.contract.gitlab import jobs
from slipway.contract.repository import Repository
from tests.conftest import QUESTIONS, Render
from tests.generated.stage_model import VARIABLES, when
from tests.generated.test_scripts import RECORD, Shell

GO_MOD = """module example.com/orders

go 1.26.0

require (
	github.com/jackc/pgx/v5 {pgx}
	github.com/pressly/goose/v3 v3.29.0
)

require go.opentelemetry.io/otel v1.99.0
"""


@pytest.fixture
def shell(own_copy: Render, tmp_path: Path) -> Shell:
    """Give a shell in a default service, with a fake uv."""
    made = Shell(own_copy(), tmp_path)
    made.fake("uv")
    return made


def modules(shell: Shell, go_mod: str, least: str) -> None:
    """Give the service a go.mod, and the least versions of the template."""
    (shell.service / "go.mod").write_text(go_mod, encoding="utf-8")
    (shell.service / "mk" / "modules.txt").write_text(least, encoding="utf-8")
    shell.fake("go")


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["-n"],
        ["-v", "v1.2.3", "-b", "our/branch", "-t", "PLAT-9", "-p"],
        ["-d", "datastore=none", "-d", "broker=none", "-m"],
        ["-d", "description=two words; and $more"],
    ],
    ids=" ".join,
)
def test_every_option_is_handed_on_to_the_command_of_the_version_there_is(
    shell: Shell, address: str, words: list[str]
) -> None:
    done = shell.run("template-update", *words)

    assert done.returncode == 0, done.stderr
    called = f"uv tool run --quiet --from slipway[update] @ git+{address}@v0.1.0 slipway update"
    assert shell.called() == [" ".join([called, *words])]


def test_the_status_of_the_command_is_the_status_of_the_script(shell: Shell) -> None:
    shell.fake("uv", "exit 3\n")

    done = shell.run("template-update")

    assert done.returncode == 3


def test_an_installed_command_is_taken_when_it_is_named(shell: Shell) -> None:
    shell.fake("slipway")

    done = shell.run("template-update", "-n", SLIPWAY="slipway")

    assert done.returncode == 0, done.stderr
    assert shell.called() == ["slipway update -n"]


@pytest.mark.parametrize(
    ("words", "said"),
    [(["-x"], "-x is not an option"), (["-v"], "-v needs a value"), (["v1.2.3"], "an argument too many")],
)
def test_a_wrong_command_is_refused_before_anything_is_fetched(shell: Shell, words: list[str], said: str) -> None:
    done = shell.run("template-update", *words)

    assert done.returncode == 2
    assert said in done.stderr
    assert shell.called() == []


def test_the_documented_statuses_are_those_of_the_command(shell: Shell) -> None:
    from slipway.update import command  # noqa: PLC0415  -- Copier need not be there for the rest of this module

    told = shell.run("template-update", "-h").stdout.partition("Exit status:")[2]

    stated = {int(number) for number in re.findall(r"(?<![\w.])(\d)(?= |:)", told)}
    assert stated == {0, 1, 2, 3, 4, 5}
    assert {command.DONE, command.FAILED, command.CONFLICTS, command.LOOK, command.NEWER} == stated - {2}


def test_an_older_module_is_raised_and_a_newer_one_is_left(shell: Shell) -> None:
    least = "go.mod github.com/jackc/pgx/v5 v5.12.0\ngo.mod go.opentelemetry.io/otel v1.47.0\ngo.mod go 1.26.0\n"
    modules(shell, GO_MOD.format(pgx="v5.9.1"), least)

    done = shell.run("raise-modules")

    assert done.returncode == 0, done.stderr
    assert shell.called() == ["go get -modfile=go.mod github.com/jackc/pgx/v5@v5.12.0"]
    assert "go.mod: github.com/jackc/pgx/v5 v5.9.1 to v5.12.0" in done.stdout


def test_a_module_is_added_when_a_source_imports_it_and_not_otherwise(shell: Shell) -> None:
    modules(
        shell,
        "module example.com/orders\n\ngo 1.26.0\n",
        "go.mod example.com/used/v2 v2.1.0\ngo.mod example.com/not v1.0.0\n",
    )
    (shell.service / "internal" / "more.go").write_text(
        'package internal\n\nimport _ "example.com/used/v2/part"\n', encoding="utf-8"
    )

    done = shell.run("raise-modules")

    assert done.returncode == 0, done.stderr
    assert shell.called() == ["go get -modfile=go.mod example.com/used/v2@v2.1.0"]


def test_a_module_whose_path_begins_another_is_not_taken_for_it(shell: Shell) -> None:
    go_mod = "module example.com/orders\n\nrequire (\n\texample.com/otel v1.2.0\n\texample.com/otel/metric v1.1.0\n)\n"
    modules(shell, go_mod, "go.mod example.com/otel v1.2.0\ngo.mod example.com/otel/metric v1.2.0\n")

    shell.run("raise-modules")

    assert shell.called() == ["go get -modfile=go.mod example.com/otel/metric@v1.2.0"]


def test_a_tool_is_added_and_raised_by_its_package(shell: Shell) -> None:
    required = "require example.com/a v1.0.0\n\nrequire example.com/b v1.0.0 // indirect\n"
    tools = f"module example.com/orders/tools\n\ntool example.com/a/cmd/one\n\n{required}"
    (shell.service / "tools" / "go.mod").write_text(tools, encoding="utf-8")
    modules(
        shell, "module x\n", "tools/go.mod example.com/a/cmd/one v1.1.0\ntools/go.mod example.com/b/cmd/two v1.0.0\n"
    )

    shell.run("raise-modules")

    assert shell.called() == [
        "go get -modfile=tools/go.mod -tool example.com/a/cmd/one@v1.1.0",
        "go get -modfile=tools/go.mod -tool example.com/b/cmd/two@v1.0.0",
    ]


def test_a_module_that_cannot_be_fetched_fails_the_target(shell: Shell) -> None:
    modules(shell, GO_MOD.format(pgx="v5.9.1"), "go.mod github.com/jackc/pgx/v5 v5.12.0\n")
    shell.fake("go", RECORD + "exit 1\n")

    done = shell.run("raise-modules")

    assert done.returncode == 1


@pytest.mark.slow
def test_some_service_needs_what_the_list_of_least_modules_says(services: Render) -> None:
    made = [services(datastore=datastore) for datastore in QUESTIONS.offered()["datastore"]]
    needed = "".join((service / "go.mod").read_text(encoding="utf-8") for service in made)
    listed = (made[0] / "mk" / "modules.txt").read_text(encoding="utf-8").splitlines()
    least = [line.partition(" ") for line in listed if line[0] != "#"]

    absent = [module for file, _, module in least if file == "go.mod" and module not in needed]

    assert len(least) > 8
    assert absent == []


def test_a_scheduled_pipeline_looks_and_ships_nothing(services: Render) -> None:
    every = jobs(Repository(services()))

    run = [job.name for job in every if when(job, VARIABLES["schedule"]) != "never"]

    assert run == ["template-update", "dependencies"]


def test_the_job_in_gitlab_takes_a_waiting_update_for_no_failure(services: Render) -> None:
    job = yaml.safe_load((services() / ".gitlab-ci.yml").read_text(encoding="utf-8"))["template-update"]

    assert job["allow_failure"] == {"exit_codes": [3, 4]}
    assert "TEMPLATE_UPDATE_TOKEN" in job["variables"]["GIT_CONFIG_VALUE_1"]
    assert job["script"] == ["bin/template-update -m"]
