"""The Jenkinsfiles are Groovy, by Groovy's own compiler."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import Render

GROOVY = "4.0.28"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def groovy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give Groovy's jar from Maven Central, of one version."""
    if shutil.which("mvn") is None or shutil.which("java") is None:
        pytest.skip("java and mvn are not installed: the Jenkinsfile is not parsed")
    folder = tmp_path_factory.mktemp("groovy")
    artifact = f"org.apache.groovy:groovy:{GROOVY}"
    command = ["mvn", "-q", "-B", "dependency:copy", f"-Dartifact={artifact}", f"-DoutputDirectory={folder}"]
    done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"Groovy {GROOVY} cannot be fetched here: {done.stdout.strip()[:200]}")
    return folder / f"groovy-{GROOVY}.jar"


@pytest.mark.parametrize(
    ("path", "pattern", "text", "parses"),
    [
        ("Jenkinsfile", "", "", True),
        ("Jenkinsfile", "stages {", "stages", False),
        ("Jenkinsfile", "'make image'", "'make image", False),
        ("ci/template-update.Jenkinsfile", "", "", True),
        ("ci/template-update.Jenkinsfile", "steps {", "steps", False),
    ],
    ids=["as generated", "a brace is missing", "a quote is missing", "the update as generated", "the update, broken"],
)
def test_groovy_parses_a_jenkinsfile_and_names_a_planted_defect(  # noqa: PLR0917  -- a table, and fixtures
    path: str, pattern: str, text: str, services: Render, groovy: Path, tmp_path: Path, *, parses: bool
) -> None:
    source = (services() / path).read_text(encoding="utf-8")
    (tmp_path / "Jenkinsfile.groovy").write_text(
        source.replace(pattern, text, 1) if pattern else source, encoding="utf-8"
    )
    compiler = ["java", "-cp", str(groovy), "org.codehaus.groovy.tools.FileSystemCompiler", "-d", "out"]

    done = subprocess.run([*compiler, "Jenkinsfile.groovy"], cwd=tmp_path, check=False, capture_output=True, text=True)

    assert (done.returncode == 0) is parses, done.stdout + done.stderr
