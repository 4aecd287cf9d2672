"""Promotion: one digest moves in git, and nothing else of the overlay."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.conftest import Render, commit_all, git
from tests.generated.fakes import Bench, part_of

OLD = "registry.example.com:5000/platform/orders-service@sha256:" + "a" * 64
NEW = "registry.example.com:5000/platform/orders-service@sha256:" + "b" * 64
NAME, DIGEST = NEW.split("@")
HEAD = "# ours\nkind: Kustomization\nnamespace: orders-service-staging\n"
TAIL = "# the patches\npatches:\n  - path: a.yaml # name: service\n"
SHAPES = {
    "none": HEAD + TAIL,
    "none, and no line end": "kind: Kustomization",
    "empty": HEAD + "images: [] # none yet\n" + TAIL,
    "last": HEAD + "images:\n  - name: service\n    newName: a/b\n    digest: sha256:1",
    "tag": HEAD + "images:\n  - name: service\n    newName: a/b # ours\n    newTag: '1.2' # moved by hand\n" + TAIL,
    "tag and digest": HEAD
    + "images:\n  - name: service\n    digest: sha256:1\n    newName: a/b\n    newTag: x\n"
    + TAIL,
    "not indented": HEAD + "images:\n- name: service\n  newName: a/b\n  digest: sha256:1\n\n" + TAIL,
    "no name of its own": HEAD + "images:\n  - name: service\n    digest: sha256:1\n" + TAIL,
    "only a name": HEAD + 'images:\n  - name: "service"\n' + TAIL,
    "digest first": HEAD + "images:\n  - digest: sha256:1\n    name: service\n    newTag: x\n    newName: a/b\n" + TAIL,
    "tag first": HEAD + "images:\n  - newTag: x\n    digest: sha256:1\n    name: service # this\n" + TAIL,
    "among others": HEAD
    + "images:\n  # a sidecar\n  - name: sidecar\n    newTag: service\n\n  # ours\n  - name: service\n    newTag: x\n"
    + "  - name: service-other\n    digest: sha256:1\n"
    + TAIL,
    "only others": HEAD + "images:\n    - name: sidecar\n      newTag: x\n# the end\n" + TAIL,
    "first key": "images:\n  - name: service\n    newTag: x\nkind: Kustomization\n",
}


@pytest.fixture
def bench(services: Render, tmp_path: Path) -> Bench:
    """Give a bench over the scripts and overlays of a default service, in git, whose staging has the older image."""
    made = Bench(part_of(services(), tmp_path / "service", "k8s/overlays"), tmp_path)
    with overlay(made).open("a", encoding="utf-8") as stream:
        name, digest = OLD.split("@")
        stream.write(f"images:\n  - name: service\n    newName: {name}\n    digest: {digest}\n")
    git(made.service, "init", "-q", "-b", "main")
    commit_all(made.service, "feat: launch")
    return made


def overlay(bench: Bench, environment: str = "staging") -> Path:
    """Give the file that names the image."""
    return bench.service / "k8s/overlays" / environment / "kustomization.yaml"


@pytest.mark.parametrize("shape", SHAPES)
def test_the_entry_is_written_into_any_shape_nothing_else_changes_and_a_second_time_nothing_does(
    shape: str, bench: Bench
) -> None:
    before = SHAPES[shape]
    overlay(bench).write_text(before, encoding="utf-8")
    commit_all(bench.service, "chore: another shape")

    done = bench.run("promote", "-e", "staging", "-i", NEW)
    after = overlay(bench).read_text(encoding="utf-8")
    again = bench.run("promote", "-e", "staging", "-i", NEW)

    was, now = yaml.safe_load(before), yaml.safe_load(after)
    assert done.returncode == 0, done.stderr
    assert [one for one in now.pop("images") if one["name"] == "service"] == [
        {"name": "service", "newName": NAME, "digest": DIGEST}
    ]
    others = [one for one in was.pop("images", None) or [] if one["name"] != "service"]
    assert now == was
    assert [one for one in yaml.safe_load(after)["images"] if one["name"] != "service"] == others
    kept = [line for line in before.splitlines() if not line.lstrip(" -").startswith(("images: []", "new", "digest"))]
    assert [line for line in after.splitlines() if line in kept] == kept
    assert all(note in after for note in ("# moved by hand", "# ours", "# this") if note in before)
    assert overlay(bench).read_text(encoding="utf-8") == after
    assert again.stdout == f"k8s/overlays/staging/kustomization.yaml names {NEW} already\n"


@pytest.mark.parametrize(
    "text", ["images: [{name: service, newTag: x}]\n", "images:\n  - {name: service, newTag: x}\n"]
)
def test_an_entry_in_braces_is_refused_and_left_alone(text: str, bench: Bench) -> None:
    overlay(bench).write_text(text, encoding="utf-8")
    commit_all(bench.service, "chore: in braces")

    done = bench.run("promote", "-e", "staging", "-i", NEW)

    assert done.returncode == 1
    assert "write them line by line" in done.stderr
    assert overlay(bench).read_text(encoding="utf-8") == text


def test_a_dry_run_shows_the_difference_and_changes_nothing(bench: Bench) -> None:
    before = overlay(bench).read_bytes()

    done = bench.run("promote", "-e", "staging", "-i", NEW, "-n")

    assert done.returncode == 0, done.stderr
    assert f"-    digest: {OLD.split('@')[1]}\n+    digest: {DIGEST}\n" in done.stdout
    assert overlay(bench).read_bytes() == before


def test_a_promotion_is_committed_when_a_ticket_is_named_and_nothing_else_with_it(bench: Bench) -> None:
    (bench.service / "README.md").write_text("half an edit\n", encoding="utf-8")
    git(bench.service, "add", "README.md")

    done = bench.run("promote", "-e", "staging", "-i", NEW, "-C", "PLAT-7")

    message = git(bench.service, "log", "-1", "--format=%B")
    (bench.place / "message").write_text(message, encoding="utf-8")
    checked = bench.run("commit-check", "-f", str(bench.place / "message"))
    assert done.returncode == 0, done.stderr
    assert message == f"chore(release): promote {'b' * 12} to staging\n\n{NEW}\n\nRefs: PLAT-7"
    assert git(bench.service, "show", "--format=", "--name-only") == "k8s/overlays/staging/kustomization.yaml"
    assert checked.returncode == 0, checked.stderr


def test_what_was_pushed_is_promoted_when_nothing_is_named(bench: Bench) -> None:
    (bench.service / "build").mkdir()
    (bench.service / "build/image.txt").write_text(f"{NEW}\n", encoding="utf-8")

    done = bench.run("promote", "-e", "dev")

    assert done.returncode == 0, done.stderr
    assert NEW.split("@")[1] in overlay(bench, "dev").read_text(encoding="utf-8")


def test_production_takes_what_staging_has_and_nothing_else(bench: Bench) -> None:
    before = overlay(bench, "production").read_bytes()

    refused = bench.run("promote", "-e", "production", "-i", NEW)
    untouched = overlay(bench, "production").read_bytes()
    taken = bench.run("promote", "-e", "production")

    assert refused.returncode == 1
    assert refused.stderr == f"promote: staging has {OLD}, not {NEW}; promote it there first\n"
    assert untouched == before
    assert taken.returncode == 0, taken.stderr
    assert OLD.split("@")[1] in overlay(bench, "production").read_text(encoding="utf-8")


def test_production_takes_nothing_while_staging_names_no_image(bench: Bench) -> None:
    overlay(bench).write_text(HEAD, encoding="utf-8")
    commit_all(bench.service, "chore: no image")

    asked = bench.run("promote", "-e", "production")
    named = bench.run("promote", "-e", "production", "-i", NEW)

    assert (asked.returncode, named.returncode) == (1, 1)
    assert asked.stderr == "promote: k8s/overlays/staging names no image; promote to staging first\n"
    assert "staging has no image" in named.stderr


def test_an_overlay_that_somebody_is_editing_is_left_alone(bench: Bench) -> None:
    with overlay(bench).open("a", encoding="utf-8") as stream:
        stream.write("# half an edit\n")

    done = bench.run("promote", "-e", "staging", "-i", NEW)

    assert done.returncode == 1
    assert "not committed; commit them first" in done.stderr
    assert DIGEST not in overlay(bench).read_text(encoding="utf-8")


def test_a_commit_that_git_refuses_says_how_things_stand(bench: Bench) -> None:
    hook = bench.service / ".git/hooks/commit-msg"
    hook.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    hook.chmod(0o755)

    done = bench.run("promote", "-e", "staging", "-i", NEW, "-C", "PLAT-2")

    assert done.returncode == 1
    assert done.stderr.splitlines()[-2:] == [
        "promote: git did not commit it",
        "promote: k8s/overlays/staging/kustomization.yaml names the image, and is not committed",
    ]
    assert bench.left() == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "-e is missing"),
        (["-e", "qa"], "environment 'qa'"),
        (["-e", "dev", "-i"], "-i needs a value"),
        (["-e", "dev"], "build/image.txt is not there; say: make push"),
        (["-e", "dev", "-i", "r/orders:1"], "named by its tag, which can move"),
        (["-e", "dev", "-i", "r/orders@sha256:12"], "64 hexadecimal digits"),
        (["-e", "dev", "-i", NEW, "-f", "staging"], "do not go together"),
        (["-e", "dev", "-f", "dev"], "-f is the environment that -e names"),
        (["-e", "dev", "-f", "qa"], "environment 'qa'"),
        (["-e", "dev", "-i", NEW, "-C", "OTHER-1"], "ticket 'OTHER-1' is not PLAT-N"),
        (["-e", "dev", "-i", NEW, "staging"], "argument 'staging' is one too many"),
    ],
)
def test_a_wrong_promotion_ends_with_2_and_says_why(words: list[str], told: str, bench: Bench) -> None:
    done = bench.run("promote", *words)

    assert done.returncode == 2
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert git(bench.service, "status", "--porcelain") == ""
