"""What an API server would say: the operators' own definitions and the Pod Security Standards, as a program."""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

SOURCES = Path(__file__).parent
OLD_OVERLAYS = SOURCES / "overlays"
DEFINITIONS = {
    ("github.com/argoproj/argo-cd/v3@v3.5.7", "h1:Xm1BF+I5OgDKUG3SDK49vn2/Y5AMyaNVko+/JT08gj0="): (
        "manifests/crds/application-crd.yaml",
        "manifests/crds/appproject-crd.yaml",
    ),
    ("github.com/argoproj/argo-rollouts@v1.10.0", "h1:1/DTeu/eGzJzcz8FxMBFzr0jlNQia/lnctkw83AUph0="): (
        "manifests/crds/analysis-template-crd.yaml",
        "manifests/crds/rollout-crd.yaml",
    ),
    ("github.com/external-secrets/external-secrets@v1.3.2", "h1:u2J8RjlHIeF0oZCqtl92adI/uZWUwOesJIDkfql6LqQ="): (
        "config/crds/bases/external-secrets.io_externalsecrets.yaml",
        "config/crds/bases/external-secrets.io_secretstores.yaml",
    ),
    (
        "github.com/prometheus-operator/prometheus-operator@v0.94.1",
        "h1:QEIb2wenPH+SdMN1xMf8l4Pmj00YYXXI6HlbLlQWkww=",
    ): (
        "example/prometheus-operator-crd/monitoring.coreos.com_podmonitors.yaml",
        "example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml",
    ),
    ("sigs.k8s.io/gateway-api@v1.6.3", "h1:lKpJa5bGlraC/QeACvCpsHLdmO6y0iKfzVl6gzaFEYc="): (
        "config/crd/standard/gateway.networking.k8s.io_httproutes.yaml",
    ),
}


@functools.cache
def definitions() -> tuple[str, ...]:
    """Give the files that define the custom resources, from the modules of their operators, verified by their hashes.

    They are read out of the modules and not built: an operator's own types would bring its whole dependency tree.
    """
    if shutil.which("go") is None:
        pytest.skip("no definitions of custom resources: Go, which fetches them, is not installed: run make setup")
    done = subprocess.run(
        ["go", "mod", "download", "-json", *(name for name, _ in DEFINITIONS)],
        cwd=tempfile.gettempdir(),
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = {f"{one['Path']}@{one['Version']}": one for one in _documents(done.stdout)}
    assert {(name, one["Sum"]) for name, one in found.items()} == set(DEFINITIONS)
    return tuple(str(Path(found[name]["Dir"], path)) for (name, _), paths in DEFINITIONS.items() for path in paths)


@functools.cache
def program() -> Path:
    """Build the program once for each process of the tests and give it, or skip the test by the reason."""
    if shutil.which("go") is None:
        pytest.skip("no check of custom resources: it is written in Go, and Go is not installed: run make setup")
    built = Path(tempfile.mkdtemp(prefix="manifests-")) / "manifests"
    done = subprocess.run(
        ["go", "build", "-o", str(built), "."], cwd=SOURCES, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return built


def verdicts(objects: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give for each object its name, whether an operator defines it, and what the cluster would refuse."""
    done = subprocess.run(
        [str(program()), *definitions()],
        input=yaml.safe_dump_all(objects),
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def _documents(text: str) -> list[dict[str, Any]]:
    found, decoder = [], json.JSONDecoder()
    while text := text.lstrip():
        one, end = decoder.raw_decode(text)
        found.append(one)
        text = text[end:]
    return found
