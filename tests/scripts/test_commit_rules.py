"""bin/commit-check and commitlint read one message alike."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import Render
from tests.generated.test_scripts import Shell

COMMITLINT = "19.8.1"
LONG = "é" * 73
MESSAGES = [
    ("feat: a\n\nRefs: PLAT-1\n", True),
    ("fix(api)!: a b\n\nbody\n\nRefs: PLAT-12\n", True),
    ("revert: a\n\nRefs: PLAT-1\n", True),
    (f"docs: {LONG}\n\nRefs: PLAT-1\n", True),
    (f"docs: {LONG}é\n\nRefs: PLAT-1\n", False),
    ('Revert "feat: a"\n\nThis reverts commit abc.\n', True),
    ("Merge branch 'x'\n", True),
    ("Merge x\n", True),
    ("fixup! feat: a\n", True),
    ("squash! feat: a\n", True),
    ("amend! feat: a\n", True),
    ("v1.2.0\n", False),
    ("Feat: a\n\nRefs: PLAT-1\n", False),
    ("wonder: a\n\nRefs: PLAT-1\n", False),
    ("feat(API): a\n\nRefs: PLAT-1\n", False),
    ("feat(a b): a\n\nRefs: PLAT-1\n", False),
    ("feat: \n\nRefs: PLAT-1\n", False),
    ("feat:  a\n\nRefs: PLAT-1\n", False),
    (": a\n\nRefs: PLAT-1\n", False),
    ("feat: a\n", False),
    ("feat: a\n\nRefs: PLAT-0\n", False),
    ("feat: a\n\nRefs: plat-1\n", False),
    ("feat: a\n\nRefs: OTHER-1\n", False),
    ("feat: a\n\nRefs: PLAT-1\nSigned-off-by: a <a@example.com>\n", False),
    ("Refs: PLAT-1\n", False),
]


@pytest.fixture
def shell(own_copy: Render, tmp_path: Path) -> Shell:
    """Give a shell in a default service."""
    return Shell(own_copy(), tmp_path)


@pytest.fixture(scope="module")
def commitlint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of a real commitlint, of one version."""
    if not (npm := shutil.which("npm")):
        pytest.skip("npm is not installed, so that commitlint cannot be asked")
    folder = tmp_path_factory.mktemp("commitlint")
    (folder / "package.json").write_text(json.dumps({"private": True}), encoding="utf-8")
    words = [npm, "install", "--silent", "--no-audit", "--no-fund", f"@commitlint/cli@{COMMITLINT}"]
    done = subprocess.run(words, cwd=folder, check=False, capture_output=True, text=True, timeout=240)
    if done.returncode != 0:
        pytest.skip(f"npm cannot install commitlint {COMMITLINT} here: {done.stderr.strip()[:200]}")
    return folder


@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_the_script_judges_each_message_alike_in_any_locale(locale: str, shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "message"

    judged = []
    for message, _ in MESSAGES:
        file.write_text(message, encoding="utf-8")
        judged.append((message, shell.run("commit-check", "-f", str(file), LC_ALL=locale).returncode == 0))

    assert judged == MESSAGES


@pytest.mark.slow
def test_commitlint_judges_each_message_as_the_script_does(shell: Shell, commitlint: Path) -> None:
    shutil.copy(shell.service / "commitlint.config.mjs", commitlint)
    program = commitlint / "node_modules/.bin/commitlint"

    judged = []
    for message, _ in MESSAGES:
        done = subprocess.run([program], cwd=commitlint, input=message, check=False, capture_output=True, text=True)
        judged.append((message, done.returncode == 0))

    assert judged == MESSAGES
