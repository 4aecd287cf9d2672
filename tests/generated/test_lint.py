"""The linter's configuration: every rule that is on catches what it is for."""

from __future__ import annotations

import re
import shutil
from collections import defaultdict
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT, TREE, Render
from tests.languages import needs_go
from tests.service.conftest import make

pytestmark = [pytest.mark.slow, needs_go]
CONFIGURATION = ROOT / TREE / "{{cookiecutter.__go}}" / ".golangci.yml"
PLANTED = Path(__file__).parent / "planted"
PLACE = "internal/adapters/planted"
ISSUE = re.compile(r"^(\S+?):\d+(?::\d+)?: (.*) \(([a-z0-9]+)\)$", re.MULTILINE)
ENABLED = yaml.safe_load(CONFIGURATION.read_text(encoding="utf-8").replace("{{", "").replace("}}", ""))["linters"][
    "enable"
]
FAMILIES = {
    "errors.go": "errcheck errname errorlint forcetypeassert nilerr nilnesserr reassign wrapcheck",
    "contexts.go": "bodyclose contextcheck durationcheck fatcontext forbidigo noctx spancheck usestdlibvars",
    "queries.go": "rowserrcheck sqlclosecheck unqueryvet",
    "secrets.go": "bidichk depguard gosec nosprintfhostport",
    "logs.go": "depguard forbidigo sloglint",
    "shapes.go": (
        "copyloopvar cyclop dupword exhaustive gocheckcompilerdirectives gochecknoglobals gochecknoinits gocritic govet"
        " ineffassign intrange makezero mirror misspell modernize musttag nestif nolintlint perfsprint predeclared"
        " revive staticcheck unconvert unparam unused wastedassign"
    ),
    "lengths.go": "funlen",
    "shapes_test.go": "paralleltest testpackage thelper tparallel usetesting",
}
MODULE = "git.example.com/platform/orders-service"
LAYERS = {
    "internal/domain/outward": ["net/http", "database/sql", "go.opentelemetry.io/otel/trace", f"{MODULE}/internal/app"],
    "internal/app/outward": ["net/http", "go.opentelemetry.io/otel/trace", f"{MODULE}/internal/platform/redact"],
    "internal/pipeline/outward": ["net/http", "go.opentelemetry.io/otel/trace", f"{MODULE}/internal/platform/redact"],
    "internal/platform/outward": [f"{MODULE}/internal/domain/order", f"{MODULE}/internal/adapters/events"],
}


def importing(place: str, package: str) -> str:
    """Write a source at a place that imports a package."""
    return f'package {place.rsplit("/", 1)[1]}\n\nimport _ "{package}"\n'


@pytest.fixture(scope="module")
def issues(services: Render, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[str, str]]]:
    """Give what the linter says of a service with planted defects: linter and message by file."""
    service = Path(shutil.copytree(services(datastore="none"), tmp_path_factory.mktemp("planted") / "service"))
    shutil.copytree(PLANTED, service / PLACE)
    for place, packages in LAYERS.items():
        for number, package in enumerate(packages):
            (service / place).mkdir(exist_ok=True)
            (service / place / f"outward_{number}.go").write_text(importing(place, package), encoding="utf-8")
    with (service / "go.mod").open("a", encoding="utf-8") as stream:
        stream.write("\nreplace example.com/a => ./a\n")
    (service / PLACE / "spaced.go").write_text("package planted\n\nvar  _  =  1\n", encoding="utf-8")
    done = make(service, "lint-code")
    assert done.returncode != 0
    found = defaultdict(list)
    for path, message, linter in ISSUE.findall(done.stdout):
        found[path].append((linter, message))
    assert "typecheck" not in {linter for said in found.values() for linter, _ in said}, done.stdout
    return found


@pytest.mark.parametrize(("file", "linters"), FAMILIES.items(), ids=FAMILIES)
def test_each_rule_catches_its_defect(file: str, linters: str, issues: dict[str, list[tuple[str, str]]]) -> None:
    said = {linter for linter, _ in issues[f"{PLACE}/{file}"]}

    assert set(linters.split()) - said == set()


@pytest.mark.parametrize(
    ("place", "number", "package"),
    [(place, number, package) for place, packages in LAYERS.items() for number, package in enumerate(packages)],
)
def test_each_layer_imports_inwards_alone(
    place: str, number: int, package: str, issues: dict[str, list[tuple[str, str]]]
) -> None:
    said = issues[f"{place}/outward_{number}.go"]

    assert any(linter == "depguard" and package in message for linter, message in said), said


def test_modules_are_not_replaced_and_sources_are_formatted(issues: dict[str, list[tuple[str, str]]]) -> None:
    assert "gomoddirectives" in {linter for linter, _ in issues["go.mod"]}
    assert "gofmt" in {linter for linter, _ in issues[f"{PLACE}/spaced.go"]}


def test_every_rule_that_is_on_has_a_defect_that_it_catches() -> None:
    caught = {name for linters in FAMILIES.values() for name in linters.split()} | {"gomoddirectives"}

    assert sorted(set(ENABLED) - caught) == []


@pytest.mark.parametrize("pattern", ["time.Sleep", "fmt.Println"])
def test_what_is_forbidden_is_named_with_what_to_do(pattern: str, issues: dict[str, list[tuple[str, str]]]) -> None:
    said = [
        message
        for file in ("contexts.go", "logs.go")
        for linter, message in issues[f"{PLACE}/{file}"]
        if linter == "forbidigo"
    ]

    assert any(pattern in message and "because" in message for message in said), said


def test_a_log_line_is_held_to_its_rules(issues: dict[str, list[tuple[str, str]]]) -> None:
    said = " ".join(message for linter, message in issues[f"{PLACE}/logs.go"] if linter == "sloglint")

    wanted = ["default logger should not be used", "InfoContext should be used", "a string literal or a constant"]
    assert all(words in said for words in [*wanted, "snake_case"]), said
