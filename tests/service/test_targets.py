"""The make targets that a team would use, on what was generated."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.conftest import Render
from tests.service import mongod
from tests.service.conftest import DATASTORES, make

pytestmark = pytest.mark.slow


@pytest.fixture
def service(request: pytest.FixtureRequest, services: Render, language: str, tmp_path: Path) -> Path:
    """Give a service of the datastore that the test names."""
    return Path(shutil.copytree(services(language=language, datastore=request.param), tmp_path / "service"))


@pytest.mark.parametrize("service", DATASTORES, indirect=True)
@pytest.mark.parametrize("target", ["lint-code", "test-unit", "coverage", "test-e2e"])
def test_a_target_succeeds_on_the_first_commit(service: Path, target: str) -> None:
    done = make(service, target)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("service", "kind"), [("postgresql", "server"), ("mongodb", "replica_set")], indirect=["service"]
)
def test_the_stores_pass_their_suite_on_a_real_server(service: Path, kind: str, request: pytest.FixtureRequest) -> None:
    address = request.getfixturevalue(kind)

    done = make(service, "test-integration", TEST_DATABASE_URL=address, MONGOD=str(mongod.binary() or ""))

    assert done.returncode == 0, done.stdout + done.stderr
    assert "TEST_DATABASE_URL" not in done.stdout + done.stderr, "a test was left out"


@pytest.mark.parametrize("service", ["postgresql", "mongodb"], indirect=True)
def test_without_a_server_the_integration_tests_say_what_to_set(service: Path) -> None:
    done = make(service, "test-integration", TEST_DATABASE_URL="", MONGOD="")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "TEST_DATABASE_URL" in done.stdout


def test_sources_stay_formatted_and_linted_whatever_the_names(services: Render, language: str, tmp_path: Path) -> None:
    answers = {
        "language": language,
        "project_slug": "zz",
        "repository_url": "git@a-very-long-host-name.example.org:group/sub/another-name.git",
    }
    service = Path(shutil.copytree(services(answers), tmp_path / "service"))

    done = make(service, "lint-code")

    assert done.returncode == 0, done.stdout + done.stderr
