"""The description of the events, held by the parser that its readers use."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import Render

PARSER = "3.6.3"
pytestmark = pytest.mark.slow
PROGRAM = """
import {Parser, fromFile} from '@asyncapi/parser';
const {document, diagnostics} = await fromFile(new Parser(), process.argv[2]).parse();
for (const one of diagnostics) console.log(one.severity, one.path.join('.'), one.message);
process.exit(document && diagnostics.every((one) => one.severity > 1) ? 0 : 1);
"""


@pytest.fixture(scope="module")
def parser(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of a real parser of AsyncAPI, of one version."""
    if not (npm := shutil.which("npm")):
        pytest.skip("npm is not installed, so that the parser of AsyncAPI cannot be asked")
    folder = tmp_path_factory.mktemp("asyncapi")
    (folder / "package.json").write_text(json.dumps({"private": True}), encoding="utf-8")
    (folder / "parse.mjs").write_text(PROGRAM, encoding="utf-8")
    words = [npm, "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", f"@asyncapi/parser@{PARSER}"]
    done = subprocess.run(words, cwd=folder, check=False, capture_output=True, text=True, timeout=240)
    if done.returncode != 0:
        pytest.skip(f"npm cannot install @asyncapi/parser {PARSER} here: {done.stderr.strip()[:200]}")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pattern", "text", "passes"),
    [
        ("", "", True),
        ("action: send", "action: shout", False),
        ("payload:\n        $ref: ./", "payload:\n        $ref: ./no-", False),
    ],
    ids=["as generated", "an unknown action", "a schema that is not there"],
)
def test_the_description_of_the_events_is_one(
    pattern: str, text: str, parser: Path, own_copy: Render, *, passes: bool
) -> None:
    description = own_copy(broker="kafka") / "events/asyncapi.yaml"
    written = description.read_text(encoding="utf-8")
    assert pattern in written
    description.write_text(written.replace(pattern, text) if pattern else written, encoding="utf-8")

    done = subprocess.run(
        ["node", "parse.mjs", str(description)], cwd=parser, check=False, capture_output=True, text=True
    )

    assert (done.returncode == 0) is passes, done.stdout + done.stderr
