"""A service lives on: plain `copier update`, whichever engine made it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from cookiecutter.main import cookiecutter
from copier import VcsRef, run_copy, run_update

from slipway.contract import check
from slipway.ownership import is_owned, service_owned
from tests.conftest import FIRST_DAY, ROOT, TAG, TREE, commit_all, copy_template, git, tree_of
from tests.languages import needs_go
from tests.service.conftest import make

Born = Callable[[Path, Path], Path]
OWNED = service_owned((ROOT / "copier.yml").read_text(encoding="utf-8"))
NEXT_TAG = "v0.2.0"
NEW_LINE = "\n# A line that the next release adds.\n"
TEMPLATE_OWNED = "mk/slipway.mk"


def template_repository(place: Path) -> Path:
    """Make a template repository of its own, tagged, whose URL both engines can clone."""
    work = place / "slipway.git"
    work.mkdir(parents=True)
    git(work, "init", "-q", "-b", "main")
    copy_template(work)
    commit_all(work, "feat: the template")
    git(work, "tag", TAG)
    return work


def release_next(template: Path) -> None:
    """Change one template-owned file and tag the next release."""
    path = template / TREE / TEMPLATE_OWNED
    path.write_text(path.read_text(encoding="utf-8") + NEW_LINE, encoding="utf-8")
    commit_all(template, "feat: a line")
    git(template, "tag", NEXT_TAG)


def born_of_cookiecutter(template: Path, place: Path) -> Path:
    """Generate a service with Cookiecutter from a clone, as from a URL."""
    clone = place / "clone"
    git(place, "clone", "-q", template.as_uri(), str(clone))
    made = cookiecutter(str(clone), no_input=True, output_dir=str(place), extra_context=FIRST_DAY)
    return Path(made)


def born_of_copier(template: Path, place: Path) -> Path:
    """Generate a service with Copier from the git URL."""
    target = place / "service"
    run_copy(template.as_uri(), target, data=dict(FIRST_DAY), defaults=True, quiet=True)
    return target


@pytest.fixture(
    params=[
        pytest.param(born_of_cookiecutter, id="cookiecutter"),
        pytest.param(born_of_copier, id="copier", marks=pytest.mark.slow),
    ]
)
def life(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Path]:
    """Give a template of one release and a committed service born of it."""
    template = template_repository(tmp_path / "template")
    born: Born = request.param
    service = born(template, tmp_path)
    git(service, "init", "-q", "-b", "main")
    commit_all(service, "feat: launch")
    return template, service


def update(service: Path) -> None:
    """Run plain `copier update` with defaults."""
    run_update(service, defaults=True, overwrite=True, quiet=True, unsafe=False)


@pytest.mark.slow
def test_an_update_without_a_new_release_changes_nothing(life: tuple[Path, Path]) -> None:
    _, service = life

    update(service)

    assert git(service, "status", "--porcelain") == ""


def test_an_update_brings_the_next_release_and_keeps_an_edit(life: tuple[Path, Path]) -> None:
    template, service = life
    edited = service / TEMPLATE_OWNED
    edited.write_text("# Our own first line.\n" + edited.read_text(encoding="utf-8"), encoding="utf-8")
    commit_all(service, "chore: an edit of ours")
    release_next(template)

    update(service)

    text = edited.read_text(encoding="utf-8")
    assert text.startswith("# Our own first line.\n")
    assert text.endswith(NEW_LINE)
    assert git(service, "ls-files", "--unmerged") == ""
    assert git(service, "diff", "--name-only").split() == [".copier-answers.yml", TEMPLATE_OWNED]


@pytest.mark.slow
def test_an_update_of_a_pristine_service_equals_a_fresh_copy(life: tuple[Path, Path], tmp_path: Path) -> None:
    template, service = life
    release_next(template)
    fresh = tmp_path / "fresh"
    run_copy(template.as_uri(), fresh, data=dict(FIRST_DAY), defaults=True, quiet=True)

    update(service)

    assert tree_of(service) == tree_of(fresh)


@pytest.mark.slow
@needs_go
@pytest.mark.parametrize(("before", "later"), [("none", "postgresql"), ("postgresql", "none")])
def test_a_choice_changed_later_brings_and_takes_its_files_and_the_service_builds(
    before: str, later: str, tmp_path: Path
) -> None:
    template = template_repository(tmp_path / "template")
    service = tmp_path / "service"
    run_copy(template.as_uri(), service, data={**FIRST_DAY, "datastore": before}, defaults=True, quiet=True)
    git(service, "init", "-q", "-b", "main")
    commit_all(service, "feat: launch")

    run_update(service, data={"datastore": later}, vcs_ref=VcsRef.CURRENT, defaults=True, overwrite=True, quiet=True)

    built = make(service, "deps", "build", "lint-code", "test-unit")
    assert (service / "migrations").exists() == (later == "postgresql")
    assert (service / "internal/adapters/postgres").exists() == (later == "postgresql")
    assert git(service, "ls-files", "--unmerged") == ""
    assert built.returncode == 0, built.stdout + built.stderr
    theirs = {finding.path for finding in check(service).findings}
    assert {path for path in theirs if not is_owned(path, OWNED)} == set()
    fresh = tmp_path / "fresh"
    run_copy(template.as_uri(), fresh, data={**FIRST_DAY, "datastore": later}, defaults=True, quiet=True)
    for path in theirs:
        shutil.copyfile(fresh / path, service / path)
    assert check(service).findings == ()


@pytest.mark.slow
def test_an_update_leaves_service_owned_and_deleted_files_alone(life: tuple[Path, Path]) -> None:
    template, service = life
    (service / "README.md").write_text("# Ours\n", encoding="utf-8")
    shutil.rmtree(service / "docs")
    (service / "Makefile").unlink()
    commit_all(service, "chore: our own ways")
    release_next(template)

    update(service)

    assert (service / "README.md").read_text(encoding="utf-8") == "# Ours\n"
    assert not (service / "docs").exists()
    assert not (service / "Makefile").exists()
    assert git(service, "ls-files", "--unmerged") == ""
