"""The API keeps its own description: requests that schemathesis makes from api/openapi.yaml, against the built api."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.service.conftest import Start
from tests.service.issuer import Issuer

pytestmark = pytest.mark.slow
# 422 is a rule of the domain that no schema states; 400 a cursor that the service did not give, or 208.0 for 208
CONFIG = """\
continue-on-failure = true

[[operations]]
include-name = "POST /v1/orders"
[operations.checks]
positive_data_acceptance.expected-statuses = ["2xx", "400", "422"]

[[operations]]
include-name = "GET /v1/orders"
[operations.checks]
positive_data_acceptance.expected-statuses = ["2xx", "400"]
"""


def run(address: str, description: Path, place: Path, token: str) -> subprocess.CompletedProcess[str]:
    (place / "schemathesis.toml").write_text(CONFIG, encoding="utf-8")
    command = [str(Path(sys.executable).with_name("schemathesis")), "--config-file", "schemathesis.toml", "run"]
    command += [str(description), "--url", address, "-n", "30", "-w", "2", "--seed", "1", "--no-color"]
    command += ["-H", f"Authorization: {token}"]
    return subprocess.run(command, cwd=place, check=False, capture_output=True, text=True)


def test_the_api_does_what_its_description_says(start: Start, built: Callable[[str], Path], tmp_path: Path) -> None:
    issuer = Issuer()
    api = start("api", RATE_LIMIT_PER_SECOND="0", **issuer.environment).ready()

    done = run(f"http://{api.public}", built("none") / "api/openapi.yaml", tmp_path, issuer.token())

    issuer.close()
    assert done.returncode == 0, done.stdout + done.stderr
    assert api.process.poll() is None


def test_an_api_that_breaks_its_description_is_caught(
    start: Start, built: Callable[[str], Path], tmp_path: Path
) -> None:
    issuer = Issuer()
    api = start("api", RATE_LIMIT_PER_SECOND="0", **issuer.environment).ready()
    text = (built("none") / "api/openapi.yaml").read_text(encoding="utf-8")
    (tmp_path / "openapi.yaml").write_text(text.replace("enum: [placed]", "enum: [shipped]"), encoding="utf-8")

    done = run(f"http://{api.public}", tmp_path / "openapi.yaml", tmp_path, issuer.token())

    issuer.close()
    assert done.returncode == 1
    assert "shipped" in done.stdout
