"""`make lint-repository`: every linter runs, at its pinned version, and none is left out in silence."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, TREE, Parts, Render
from tests.contract.planting import add, replace
from tests.generated.fakes import Answer, Bench

PARTS = (
    *("bin", "compose", "k8s/overlays", "mk", ".githooks", "compose.yaml", "Dockerfile", ".gitlab-ci.yml", "README.md"),
    *("renovate.json", ".rumdl.toml", ".shellcheckrc", ".yamllint.yaml", "infra/terraform/envs/dev"),
)
TOOLS = ("shellcheck", "shfmt", "hadolint", "yamllint", "rumdl", "check-jsonschema", "terraform", "kustomize")
CHECKS = [
    *("shellcheck", "shfmt", "hadolint", "yamllint", "rumdl", "compose", "renovate", "gitlab", "terraform", "kustomize")
]
PINS = ROOT / TREE / "mk" / "linters.txt"
PIN = re.compile(r"^([a-z0-9-]+)==([^ \\]+)", re.MULTILINE)
FETCHING = 'case $1 in venv) mkdir -p "$3" ;; esac'


@pytest.fixture
def bench(parts_of: Parts, tmp_path: Path) -> Bench:
    """Give a bench over the parts of a service that are linted, with a fake of every linter."""
    made = Bench(parts_of(*PARTS), tmp_path)
    for tool in TOOLS:
        made.tool(tool)
    return made


def test_every_linter_runs_and_says_so_in_a_line(bench: Bench) -> None:
    done = bench.run("lint-repository")

    assert done.stdout.splitlines() == [f"ok      {name}" for name in CHECKS]
    assert (done.returncode, done.stderr) == (0, "")
    assert len(bench.called("kustomize build")) == 3


def test_what_fails_is_shown_and_stops_no_other(bench: Bench) -> None:
    bench.tool("shfmt", Answer(says="bin/deploy: a space\n", status=1))
    bench.tool("terraform", Answer(warns="main.tf\n", status=3))

    done = bench.run("lint-repository")

    assert done.returncode == 1
    assert "failed  shfmt\n  bin/deploy: a space\nok      hadolint\n" in done.stdout
    assert "failed  terraform\n  main.tf\nok      kustomize\n" in done.stdout


@pytest.mark.parametrize(("ci", "status"), [("false", 0), ("true", 1)])
def test_what_is_not_installed_is_named_and_fails_in_a_pipeline(ci: str, status: int, bench: Bench) -> None:
    for tool in ("hadolint", "check-jsonschema", "kustomize"):
        (bench.fakes / tool).unlink()

    done = bench.run("lint-repository", CI=ci)

    assert done.stderr == "not checked here, because not installed: check-jsonschema hadolint kubectl\n"
    assert done.returncode == status


def test_the_pinned_linters_are_fetched_once_and_again_when_the_pins_move(bench: Bench) -> None:
    bench.tool("uv", Answer("venv *", body='mkdir -p "$3"'))
    pins = bench.service / "mk" / "linters.txt"

    fetched = []
    for text in (pins.read_text(encoding="utf-8"), None, "moved\n"):
        if text:
            pins.write_text(text, encoding="utf-8")
        bench.run("lint-repository")
        fetched.append(bench.called("uv"))

    assert fetched[0] == [
        "uv venv --quiet ./build/linters",
        "uv pip sync --quiet --python ./build/linters --require-hashes --only-binary :all: mk/linters.txt",
    ]
    assert [len(calls) for calls in fetched] == [2, 0, 2]


def test_linters_that_cannot_be_fetched_are_said_and_tried_again(bench: Bench) -> None:
    bench.tool("uv", Answer("pip *", status=1))

    first, second = bench.run("lint-repository"), bench.run("lint-repository")

    assert first.stderr == "the pinned linters could not be fetched; those on PATH are used\n"
    assert (first.returncode, second.stderr) == (0, first.stderr)


@pytest.mark.parametrize("tool", ["shellcheck", "yamllint", "kustomize"])
def test_an_interrupt_ends_every_linter_and_leaves_nothing(tool: str, bench: Bench) -> None:
    bench.tool(tool, Answer(hangs=True))

    done = bench.interrupt("lint-repository")

    assert done.returncode == 143
    assert (bench.left(), list(bench.alive())) == ([], [])


def test_the_pins_have_hashes_and_are_the_versions_that_the_template_is_tested_with() -> None:
    text = PINS.read_text(encoding="utf-8")
    pinned, tested = dict(PIN.findall(text)), dict(PIN.findall((ROOT / "requirements/dev.txt").read_text("utf-8")))
    asked = (PINS.parent / "linters.in").read_text(encoding="utf-8").split()

    assert {name: pinned[name] for name in asked} == {name: tested[name] for name in asked}
    assert text.count("--hash=sha256:") >= len(pinned)
    assert "://" not in text


DEFECTS = {
    "shellcheck": (add("bin/deploy", "rm -rf $root/build\n"), "SC2086"),
    "shfmt": (add("bin/smoke", "if true; then\n      echo x\nfi\n"), "echo x"),
    "hadolint": (add("Dockerfile", "FROM alpine:latest\nRUN cd /tmp\n"), "DL3007"),
    "yamllint": (add("compose/store.yaml", "more: {a: 1,   b: yes}\n"), "truthy"),
    "rumdl": (add("README.md", "\n[gone](docs/no-such-file.md)\n"), "no-such-file.md"),
    "compose": (replace("compose.yaml", r"^    depends_on:", "    depend_on:"), "depend_on"),
    "renovate": (replace("renovate.json", r'"prConcurrentLimit": 5', '"prConcurrentLimit": "5"'), "prConcurrentLimit"),
    "gitlab": (add(".gitlab-ci.yml", "\nmore:\n  script: {a: b}\n"), "more"),
}


@pytest.mark.slow
def test_the_real_linters_name_what_is_wrong(own_copy: Render, tmp_path: Path) -> None:
    bench = Bench(own_copy(), tmp_path)
    for tool in TOOLS[:6]:
        (bench.basics / tool).symlink_to(Path(sys.executable).parent / tool)
    clean = bench.run("lint-repository")
    for change, _ in DEFECTS.values():
        change(bench.service)

    done = bench.run("lint-repository")

    assert clean.stdout.splitlines() == [f"ok      {name}" for name in DEFECTS]
    told = dict(re.findall(r"^(?:failed|ok) +(\w+)\n((?:  .*\n)*)", done.stdout, re.MULTILINE))
    assert [name for name, (_, word) in DEFECTS.items() if word not in told[name]] == []


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not installed, and no registry has it")
def test_an_overlay_that_does_not_come_together_is_named(parts_of: Parts, tmp_path: Path) -> None:
    bench = Bench(parts_of(*PARTS, "k8s/base", "k8s/components"), tmp_path)
    bench.real("kubectl")
    clean = bench.run("lint-repository")
    replace("k8s/overlays/dev/kustomization.yaml", r"behavior: merge", "behavior: create")(bench.service)

    done = bench.run("lint-repository")

    assert "ok      kustomize" in clean.stdout
    assert "failed  kustomize\n" in done.stdout
