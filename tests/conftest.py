"""What every test shares: a quiet home, the template as a git repository, and both engines."""

from __future__ import annotations

import fcntl
import hashlib
import itertools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest
from cookiecutter.main import cookiecutter
from copier import run_copy
from hypothesis import settings

from slipway.engine import Engine
from slipway.template.questions import Questions

ROOT = Path(__file__).resolve().parent.parent
TREE = "{{cookiecutter.project_slug}}"
QUESTIONS = Questions.read(ROOT / "copier.yml")
FIRST_DAY = {"created_on": "21112026"}
TAG = "v0.1.0"

# The same examples on every machine and in every run; a busy machine is no failure.
settings.register_profile("fixed", derandomize=True, deadline=None, database=None)
settings.load_profile("fixed")

Answers = dict[str, str]
Render = Callable[..., Path]


def combinations() -> list[Answers]:
    """Give every combination of the choices."""
    offered = QUESTIONS.offered()
    return [dict(zip(offered, values, strict=True)) for values in itertools.product(*offered.values())]


def pairs_of(answers: Answers) -> set[tuple[tuple[str, str], ...]]:
    """Give each pair of choices that a combination holds."""
    return set(itertools.combinations(sorted(answers.items()), 2))


def together(combined: list[Answers]) -> list[Answers]:
    """Give a few combinations that hold each pair of choices, those with the most pairs first."""
    missing = set().union(*map(pairs_of, combined))
    few: list[Answers] = []
    while missing:
        few.append(max(combined, key=lambda answers: len(pairs_of(answers) & missing)))
        missing -= pairs_of(few[-1])
    return few


def cases(combined: list[Answers], fast: list[Answers]) -> list[Any]:
    """Give combinations as cases of a test, of which some belong to the fast tier."""
    return [
        pytest.param(answers, id=name_of(answers), marks=() if answers in fast else pytest.mark.slow)
        for answers in combined
    ]


def name_of(answers: Answers) -> str:
    """Name a combination for a test's id."""
    return "-".join(answers.values())


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder and give what it prints."""
    done = subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit_all(folder: Path, subject: str) -> None:
    """Commit everything in a folder."""
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--no-verify", "--no-gpg-sign", "-m", subject)


def tree_of(folder: Path) -> dict[str, tuple[bool, bytes]]:
    """Give each file below a folder, but for git's own: whether it is executable, and its bytes."""
    return {
        path.relative_to(folder).as_posix(): (os.access(path, os.X_OK), path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".git" not in path.relative_to(folder).parts
    }


@pytest.fixture(scope="session", autouse=True)
def _quiet_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    home = tmp_path_factory.mktemp("home")
    (home / "gitconfig").write_text(
        "[user]\n\tname = A Tester\n\temail = tester@example.com\n[init]\n\tdefaultBranch = main\n"
        '[protocol "file"]\n\tallow = always\n',
        encoding="utf-8",
    )
    (home / "copier.yml").write_text("{}\n", encoding="utf-8")
    caches = {
        "GOMODCACHE": Path.home() / "go" / "pkg" / "mod",
        "GOCACHE": Path.home() / ".cache" / "go-build",
        "GOLANGCI_LINT_CACHE": Path.home() / ".cache" / "golangci-lint",
        "UV_CACHE_DIR": Path.home() / ".cache" / "uv",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name in [
            one for one in os.environ if one in {"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "CI"} or one.startswith("CI_")
        ]:
            patch.delenv(name)
        for name, place in caches.items():
            patch.setenv(name, os.environ.get(name) or str(place))
        patch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
        patch.setenv("HOME", str(home))
        patch.setenv("XDG_CONFIG_HOME", str(home / "config"))
        patch.setenv("COPIER_CACHE_DIR", str(home / "copier"))
        patch.setenv("COPIER_SETTINGS_PATH", str(home / "copier.yml"))
        patch.setenv("GIT_CONFIG_GLOBAL", str(home / "gitconfig"))
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        patch.setenv("SLIPWAY_GIT", "0")
        patch.setenv("NO_COLOR", "1")
        yield


def copy_template(target: Path) -> None:
    """Copy the files of the working tree that git tracks or would track."""
    names = git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    for name in filter(None, names):
        source, place = ROOT / name, target / name
        if source.is_file():
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, place)


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """Make a file or a folder once for all processes of a test run; what fails half way is made again."""
    shared = factory.getbasetemp()
    shared = shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared
    place = shared / "once" / name
    place.parent.mkdir(exist_ok=True)
    with place.with_name(f"{name}.lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():
            unfinished = place.with_name(f"{name}.unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            make(unfinished)
            unfinished.rename(place)
    return place


@pytest.fixture(scope="session")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a bare repository that holds the template, tagged."""

    def make(place: Path) -> None:
        work = tmp_path_factory.mktemp("template")
        git(work, "init", "-q", "-b", "main")
        copy_template(work)
        commit_all(work, "feat: the template")
        git(work, "tag", TAG)
        git(work, "clone", "-q", "--bare", str(work), str(place))

    return once(tmp_path_factory, "slipway.git", make)


@pytest.fixture(scope="session")
def address(origin: Path) -> str:
    """Give the git URL of the template."""
    return origin.as_uri()


@pytest.fixture(scope="session")
def checkout(origin: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a clone of the template, as Cookiecutter would make it."""
    place = tmp_path_factory.mktemp("clone") / "slipway"
    git(place.parent, "clone", "-q", origin.as_uri(), str(place))
    return place


@pytest.fixture
def by_cookiecutter(checkout: Path, tmp_path: Path) -> Render:
    """Give a function that renders with Cookiecutter, hooks and all."""

    def render(answers: dict[str, Any] | None = None, **more: str) -> Path:
        made = cookiecutter(
            str(checkout),
            no_input=True,
            output_dir=str(tmp_path / "cookiecutter"),
            extra_context={**(answers or {}), **more},
        )
        return Path(made)

    return render


@pytest.fixture
def by_copier(address: str, tmp_path: Path) -> Render:
    """Give a function that renders with Copier, without trust."""

    def render(answers: dict[str, Any] | None = None, **more: str) -> Path:
        target = tmp_path / "copier"
        run_copy(
            address, target, data={**(answers or {}), **more}, defaults=True, quiet=True, unsafe=False, vcs_ref=TAG
        )
        return target

    return render


@pytest.fixture(scope="session")
def services(address: str, tmp_path_factory: pytest.TempPathFactory) -> Render:
    """Give a function that renders with Copier once for each set of answers; treat what it gives as read-only."""
    engine = Engine(tmp_path_factory.mktemp("engine"))

    def render(answers: dict[str, Any] | None = None, **more: str) -> Path:
        whole = {**FIRST_DAY, **(answers or {}), **more}
        slug = str(whole.get("project_slug", "orders-service"))
        number = hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()[:16]

        def make(place: Path) -> None:
            engine.render(address, TAG, whole, place / slug)

        return once(tmp_path_factory, number, make) / slug

    return render


@pytest.fixture
def own_copy(services: Render, tmp_path: Path) -> Render:
    """Give a function that renders a service the test may change."""

    def render(answers: dict[str, Any] | None = None, **more: str) -> Path:
        return Path(shutil.copytree(services(answers, **more), tmp_path / "own"))

    return render


class Parts(Protocol):
    """Gives a copy of some files and folders of the default service."""

    def __call__(self, *paths: str) -> Path:
        """Copy them."""


@pytest.fixture
def parts_of(services: Render, tmp_path: Path) -> Parts:
    """Give a function that copies no more of a service than a test changes and a check reads."""

    def copy(*paths: str) -> Path:
        whole, own = services(), tmp_path / "own"
        for path in paths:
            (own / path).parent.mkdir(parents=True, exist_ok=True)
            if (whole / path).is_dir():
                shutil.copytree(whole / path, own / path)
            else:
                shutil.copy2(whole / path, own / path)
        return own

    return copy
