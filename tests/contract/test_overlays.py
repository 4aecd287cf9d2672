"""The overlays that the contract builds from the files are those that kustomize builds."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from slipway.contract.overlays import builds
from slipway.contract.repository import Repository
from tests.conftest import Render

HASH = re.compile(r"-[a-z0-9]{10}$")


def plain(content: Any, generated: set[str]) -> Any:
    """Give an object without the hashes behind generated names; the order of variables means nothing."""
    if isinstance(content, dict):
        made = {key: plain(value, generated) for key, value in content.items()}
        return {**made, "env": sorted(made["env"], key=lambda one: str(one["name"]))} if "env" in made else made
    if isinstance(content, list):
        return [plain(one, generated) for one in content]
    return HASH.sub("", content) if isinstance(content, str) and HASH.sub("", content) in generated else content


def rendered(folder: Path) -> dict[tuple[str, str], Any]:
    """Give what kustomize makes of an overlay, by kind and name."""
    run = subprocess.run(["kubectl", "kustomize", str(folder)], capture_output=True, text=True, check=True)
    objects = list(yaml.safe_load_all(run.stdout))
    made = {HASH.sub("", one["metadata"]["name"]) for one in objects if one["kind"] == "ConfigMap"}
    shown = [plain(one, made) for one in objects]
    return {(one["kind"], one["metadata"]["name"]): one for one in shown}


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not installed, and no registry has it")
@pytest.mark.parametrize("datastore", ["mongodb", "postgresql", "none"])
@pytest.mark.parametrize("rollout", ["rolling", "canary", "blue-green"])
def test_an_overlay_is_built_as_kustomize_builds_it(datastore: str, rollout: str, services: Render) -> None:
    service = services(datastore=datastore, rollout=rollout)

    built = [build for build in builds(Repository(service)) if build.real]

    assert len(built) == 3
    for build in built:
        wanted = rendered((service / build.path).parent)
        settings = {key: wanted.pop(key)["data"] for key in build.settings}
        assert {(one.kind, one.name): plain(one.content, set()) for one in build.objects} == wanted
        assert build.settings == settings
