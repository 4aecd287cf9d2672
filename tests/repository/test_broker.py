"""The broker of the black-box tests is the one that the service's own tests use."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import ROOT, TREE

OF_THE_TESTS = ROOT / "tests/broker/go.mod"
OF_SERVICES = sorted((ROOT / TREE / "{{cookiecutter.__go}}").glob("*/{{cookiecutter.__kafka}}/go.mod"))
REQUIRED = re.compile(r"^(?:require )?\s*([\w./-]+) (v\S+)", re.MULTILINE)


@pytest.mark.parametrize("path", OF_SERVICES, ids=lambda path: str(path.parent.parent.name))
def test_the_broker_of_the_tests_has_the_releases_of_the_services(path: Path) -> None:
    own = dict(REQUIRED.findall(OF_THE_TESTS.read_text(encoding="utf-8")))
    theirs = dict(REQUIRED.findall(path.read_text(encoding="utf-8")))

    assert len(OF_SERVICES) == 3
    assert "github.com/twmb/franz-go/pkg/kfake" in own
    assert {name: theirs.get(name) for name in own} == own
