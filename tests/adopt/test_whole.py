"""A service made by hand adopts the template whole, builds with its platform, and follows the releases."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from copier import run_update

from slipway.adopt.plan import Wish, make_plan
from slipway.adopt.write import Order, write
from slipway.contract import check
from slipway.lineage import ANSWERS_FILE
from slipway.update.outcome import Wish as Update
from slipway.update.run import update
from tests.adopt.hand import MAIN, MODULE, Adopting, blobs, repository
from tests.conftest import commit_all, git

SERVICE: dict[str, str | bytes] = {
    "go.mod": MODULE,
    "cmd/parcels/main.go": MAIN,
    "Makefile": ".PHONY: parcels\nparcels:\n\tgo build ./cmd/parcels\n",
    "Dockerfile": "FROM golang:1.26\nCOPY . .\nUSER 65532:65532\n",
    "README.md": "# Parcels\n\nSends parcels to where they belong.\n",
}
OF_THE_SAMPLE = {
    *(("LAY001", path) for path in ("api/openapi.yaml", "cmd/api", "cmd/migrate", "cmd/pipeline", "cmd/worker")),
    *(("PAG001", path) for path in ("docs/first-week.md", "docs/security/README.md")),
    ("CMP003", "compose.yaml"),
}
OF_THE_TEAM = {
    *(("DOC006", "Dockerfile"), ("DOC016", "Dockerfile"), ("DOC018", "Dockerfile")),
    *(("MAK004", "Makefile"), ("SCR004", "bin/new-2")),
}


def linked(three: Adopting, place: Path) -> Path:
    """Make the service, linked to the release before the newest."""
    repository(place, SERVICE, "https://git.example.com/shop/parcels.git")
    done = write(make_plan(place, Wish(three.address, "v0.2.0"), three.engine), Order())
    git(place, "merge", "-q", done.branch)
    return place


def go(place: Path, *arguments: str) -> None:
    """Run go in a folder."""
    done = subprocess.run(["go", *arguments], cwd=place, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_a_service_made_by_hand_adopts_every_step_and_follows_a_release(three: Adopting, tmp_path: Path) -> None:
    place = linked(three, tmp_path / "parcels")
    while three.plan(place).next:
        three.merge(place)
    makefile = (place / "Makefile").read_text(encoding="utf-8")
    (place / "Makefile").write_text(f"include mk/slipway.mk\ninclude mk/language.mk\n\n{makefile}", encoding="utf-8")
    go(place, "mod", "tidy")
    commit_all(place, "feat: take the targets of the template")
    before = blobs(place, "HEAD")

    go(place, "build", "./...")
    go(place, "test", "./internal/platform/...")
    found = check(place).findings
    outcome = update(place, Update(targets=()), three.engine)

    assert {(one.check, one.path) for one in found} == OF_THE_SAMPLE | OF_THE_TEAM
    assert outcome.version == "v0.3.0"
    assert dict(outcome.conflicts) == {"Dockerfile": 1}
    assert set(outcome.changed) == {ANSWERS_FILE, "Dockerfile", "bin/deploy", "bin/new-3", "mk/slipway.mk"}
    after = blobs(place, outcome.branch)
    assert {path: after[path] for path in before if path not in outcome.changed} == {
        path: before[path] for path in before if path not in outcome.changed
    }


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["slipway", "copier"])
def test_an_update_after_the_link_alone_brings_what_is_new_and_no_more(
    three: Adopting, tmp_path: Path, engine: str
) -> None:
    place = linked(three, tmp_path / "parcels")
    before = blobs(place, "HEAD")

    if engine == "slipway":
        git(place, "merge", "-q", update(place, Update(targets=()), three.engine).branch)
    else:
        run_update(place, defaults=True, overwrite=True, quiet=True, unsafe=False)
        assert git(place, "ls-files", "--unmerged").split()[-1] == "Dockerfile"
        git(place, "checkout", "-q", "--ours", "Dockerfile")
        commit_all(place, "chore(template): update")
    plan = three.plan(place)

    after = blobs(place, "HEAD")
    assert after.keys() - before.keys() == {"bin/new-3"}
    assert plan.version == "v0.3.0"
    assert {path for path in before if after[path] != before[path]} <= {ANSWERS_FILE, "Dockerfile"}


@pytest.mark.slow
def test_a_step_after_an_update_brings_the_files_of_that_release(three: Adopting, tmp_path: Path) -> None:
    place = linked(three, tmp_path / "parcels")
    run_update(place, defaults=True, overwrite=True, quiet=True, unsafe=False)
    git(place, "checkout", "-q", "--ours", "Dockerfile")
    commit_all(place, "chore(template): update")

    done = three.merge(place, "make")

    assert "bin/new-2" in done.created
    assert (place / "mk/slipway.mk").read_text(encoding="utf-8").endswith("# release 3\n")
