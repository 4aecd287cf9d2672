"""The pages of a service: each is reached from the first one, its diagrams render, and what it proves by exists."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from slipway.contract import REGISTRY, load
from tests.conftest import Render

MERMAID = {"mermaid": "12.3.0", "jsdom": "26.1.0"}
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)\s]*)?\)")
DIAGRAM = re.compile(r"^```mermaid\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CHECK = re.compile(r"`([A-Z][A-Z0-9]{2}\d{3})`")
PARSER = """
import { readFileSync } from 'node:fs';
import { JSDOM } from 'jsdom';
globalThis.window = new JSDOM('').window;
globalThis.document = window.document;
const { default: mermaid } = await import('mermaid');
const judged = [];
for (const text of JSON.parse(readFileSync(0, 'utf8'))) {
  judged.push(await mermaid.parse(text).then(found => found.diagramType, error => `broken: ${error.message}`));
}
console.log(JSON.stringify(judged));
"""


def reached(service: Path) -> set[Path]:
    """Give the pages that links lead to, from the README on; a link to a folder leads to each page in it."""
    found: set[Path] = set()
    waiting = [service / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in found:
            continue
        found.add(page)
        for link in LINK.findall(page.read_text(encoding="utf-8")):
            target = (page.parent / link).resolve()
            waiting += list(target.glob("*.md")) if target.is_dir() else []
            waiting += [target] if target.suffix == ".md" and target.exists() else []
    return found


def unreached(service: Path) -> list[str]:
    """Give the pages under docs/ to which no link leads; a runbook is reached by its alert."""
    pages = set((service / "docs").rglob("*.md")) - reached(service)
    return sorted(page.relative_to(service).as_posix() for page in pages if page.parent.name != "runbooks")


@pytest.mark.parametrize("datastore", ["mongodb", "postgresql", "none"])
@pytest.mark.parametrize("broker", ["kafka", "none"])
def test_every_page_is_reached_from_the_readme(datastore: str, broker: str, services: Render) -> None:
    found = unreached(services(datastore=datastore, broker=broker))

    assert found == []


def test_a_page_to_which_nothing_leads_is_found(own_copy: Render) -> None:
    service = own_copy()
    (service / "docs/security/forgotten.md").write_text("# Forgotten\n", encoding="utf-8")

    found = unreached(service)

    assert found == ["docs/security/forgotten.md"]


@pytest.mark.parametrize("datastore", ["mongodb", "postgresql", "none"])
def test_every_check_that_a_page_proves_by_exists(datastore: str, services: Render) -> None:
    load()
    pages = (services(datastore=datastore) / "docs").rglob("*.md")

    named = {found for page in pages for found in CHECK.findall(page.read_text(encoding="utf-8"))}

    assert named
    assert named - set(REGISTRY) == set()


@pytest.fixture(scope="module")
def parser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give the folder of Mermaid's own parser, of one version, with a page to stand in."""
    npm = shutil.which("npm")
    if not npm or not shutil.which("node"):
        pytest.skip("node and npm are not installed, so that Mermaid cannot be asked")
    folder = tmp_path_factory.mktemp("mermaid")
    (folder / "package.json").write_text(json.dumps({"private": True}), encoding="utf-8")
    (folder / "parse.mjs").write_text(PARSER, encoding="utf-8")
    words = [npm, "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"]
    words += [f"{name}@{version}" for name, version in MERMAID.items()]
    done = subprocess.run(words, cwd=folder, check=False, capture_output=True, text=True, timeout=240)
    if done.returncode != 0:
        pytest.skip(f"npm cannot install mermaid {MERMAID['mermaid']} here: {done.stderr.strip()[:200]}")
    yield folder
    shutil.rmtree(folder)


def judge(parser: Path, diagrams: list[str]) -> list[str]:
    """Give the kind of each diagram, or how it is broken."""
    words = ["node", "parse.mjs"]
    done = subprocess.run(words, cwd=parser, input=json.dumps(diagrams), check=True, capture_output=True, text=True)
    return [str(one) for one in json.loads(done.stdout)]


@pytest.mark.slow
def test_every_diagram_renders(parser: Path, services: Render) -> None:
    pages = [page for store in ("mongodb", "none") for page in (services(datastore=store) / "docs").rglob("*.md")]
    diagrams = [diagram for page in pages for diagram in DIAGRAM.findall(page.read_text(encoding="utf-8"))]

    judged = judge(parser, diagrams)

    assert len(diagrams) >= 10
    assert [one for one in judged if one.startswith("broken")] == []
    assert {"flowchart-v2", "sequence", "stateDiagram"} <= set(judged)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("good", "bad"), [("worker[worker]", "worker[worker"), ("-->|HTTP 8080|", "--|HTTP 8080|>"), ("  end\n", "")]
)
def test_a_broken_diagram_is_found(good: str, bad: str, parser: Path, services: Render) -> None:
    text = (services() / "docs/architecture.md").read_text(encoding="utf-8")
    diagram = next(one for one in DIAGRAM.findall(text) if good in one)

    judged = judge(parser, [diagram, diagram.replace(good, bad, 1)])

    assert judged[0] == "flowchart-v2"
    assert judged[1].startswith("broken")
