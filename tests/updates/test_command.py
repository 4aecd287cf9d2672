"""`slipway update`, as it is called: what it prints, its exit status, its branch, and what it leaves alone."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from slipway.cli import main
from slipway.gitting import git_bytes
from tests.conftest import commit_all, git
from tests.updates.small import QUESTIONS, Entry, Small, text

OWNED = """\
_exclude:
- "{% if _copier_operation == 'update' %}/own.txt{% endif %}"
"""
SIZE = """\
size:
  type: str
  help: Any size.
  choices: [small, large]
  default: small
"""
MAKEFILE = text(
    "deps:", "\t@echo deps of $(CURDIR)", "verify:", "\t@grep -q good a.txt || { echo a.txt is bad; exit 1; }"
)
BEFORE: dict[str, Entry] = {
    "a.txt": text("good", "two", "three"),
    "b.txt": text("b"),
    "own.txt": text("own"),
    "Makefile": MAKEFILE,
}
AFTER: dict[str, Entry] = BEFORE | {"a.txt": text("good", "two", "four"), "k8s/new.yaml": text("new")}


@pytest.fixture
def small(tmp_path: Path) -> Small:
    """Give a template with one release, and a service born of it."""
    small = Small(tmp_path)
    (small.template / "copier.yml").write_text(OWNED + QUESTIONS, encoding="utf-8")
    small.bear(small.release(BEFORE))
    return small


def update(small: Small, *options: str, path: Path | None = None) -> Result:
    return CliRunner().invoke(main, ["update", str(path or small.service), *options], catch_exceptions=False)


def on_branch(small: Small, path: str, branch: str = "template/v0.2.0") -> str:
    return git_bytes(small.service, "show", f"{branch}:{path}").decode("utf-8", "replace")


def edit(small: Small, path: str, content: str) -> None:
    (small.service / path).write_text(content, encoding="utf-8")
    commit_all(small.service, "feat: an edit of the team")


def snapshot(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Give every file of a folder, git's own left out, with its bytes and its mode."""
    files = (path for path in folder.rglob("*") if path.is_file() and ".git" not in path.relative_to(folder).parts)
    return {str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mode) for path in files}


def test_an_update_waits_on_a_branch_of_one_commit(small: Small) -> None:
    head = git(small.service, "rev-parse", "HEAD")
    small.release(AFTER)

    done = update(small)

    assert done.exit_code == 0, done.output
    assert "v0.1.0 to v0.2.0, on branch template/v0.2.0" in done.output
    assert git(small.service, "rev-parse", "template/v0.2.0^") == head
    assert on_branch(small, "a.txt") == "good\ntwo\nfour\n"
    assert on_branch(small, "k8s/new.yaml") == "new\n"
    assert "_commit: v0.2.0" in on_branch(small, ".copier-answers.yml")


def test_the_folder_of_the_team_does_not_move(small: Small) -> None:
    small.release(AFTER)
    (small.service / "a.txt").write_text("half a thought", encoding="utf-8")
    (small.service / "k8s").mkdir()
    (small.service / "k8s" / "new.yaml").write_text("not in git", encoding="utf-8")
    git(small.service, "add", "a.txt")
    before, status = snapshot(small.service), git(small.service, "status", "--porcelain")

    done = update(small)

    assert done.exit_code == 0
    assert snapshot(small.service) == before
    assert git(small.service, "status", "--porcelain") == status
    assert git(small.service, "branch", "--show-current").strip() == "main"
    assert git(small.service, "worktree", "list").splitlines()[1:] == []


def test_a_current_service_is_told_so_and_gets_no_branch(small: Small) -> None:
    done = update(small)

    assert done.exit_code == 0
    assert "up to date: v0.1.0" in done.output
    assert git(small.service, "branch", "--list", "template/*") == ""


def born_between(small: Small, *, ahead: bool) -> str:
    """Let the service record a commit that no tag names: of a template without tags, or after its newest release."""
    small.release(AFTER, "v0.1.1")
    commit = git(small.template, "rev-parse", "--short", "HEAD")
    git(small.template, "tag", "-d", "v0.1.1")
    recorded = f"v0.1.0-1-g{commit}" if ahead else commit
    answers = small.service / ".copier-answers.yml"
    answers.write_text(answers.read_text(encoding="utf-8").replace("v0.1.0", f"'{recorded}'"), encoding="utf-8")
    commit_all(small.service, "chore: born between two releases")
    return recorded


@pytest.mark.parametrize("ahead", [True, False], ids=["described", "bare"])
def test_a_service_born_between_releases_is_current_until_the_next_one(small: Small, *, ahead: bool) -> None:
    recorded = born_between(small, ahead=ahead)

    before = [update(small), update(small, "--check"), update(small, "-v", "v0.1.0")]
    small.release(AFTER | {"c.txt": text("c")}, "v0.2.0")
    looked, done = update(small, "--check"), update(small)

    assert [one.exit_code for one in before] == [0, 0, 1], [one.output for one in before]
    assert f"up to date: {recorded}" in before[0].output
    assert f"v0.1.0 is older than {recorded}" in before[2].stderr
    assert looked.exit_code == 5
    assert done.exit_code == 0, done.output
    assert on_branch(small, "c.txt") == "c\n"


@pytest.mark.parametrize(
    ("releases", "status", "said"), [(0, 0, "up to date: v0.1.0"), (1, 5, "v0.1.0 is behind v0.2.0")]
)
def test_a_look_says_whether_there_is_a_newer_release(small: Small, releases: int, status: int, said: str) -> None:
    for _ in range(releases):
        small.release(AFTER)

    done = update(small, "--check")

    assert (done.exit_code, said in done.output) == (status, True), done.output
    assert git(small.service, "branch", "--list", "template/*") == ""


def test_a_conflict_is_marked_counted_and_ends_with_3(small: Small) -> None:
    edit(small, "a.txt", "good\ntwo\nmine\n")
    small.release(AFTER)

    done = update(small)

    assert done.exit_code == 3
    assert "conflicts  1 in 1 file" in done.output
    assert "a.txt: 1" in done.output
    merged = on_branch(small, "a.txt")
    assert merged == "good\ntwo\n<<<<<<< before updating\nmine\n=======\nfour\n>>>>>>> after updating\n"
    assert "- `a.txt`: 1 conflict" in git(small.service, "log", "-1", "--format=%B", "template/v0.2.0")
    assert "make" not in done.output.split("Next:")[0]


def test_an_edited_file_that_the_template_gave_up_is_kept_and_ends_with_4(small: Small) -> None:
    edit(small, "b.txt", "b, and better\n")
    small.release({path: entry for path, entry in AFTER.items() if path != "b.txt"})

    done = update(small)

    assert done.exit_code == 4
    assert "b.txt: the template removed it, but the team had edited it" in done.output
    assert on_branch(small, "b.txt") == "b, and better\n"


def test_a_binary_of_the_team_is_not_put_back(small: Small) -> None:
    small.release(BEFORE | {"logo.png": Entry(b"\x89PNG\0one")})
    update(small)
    git(small.service, "merge", "-q", "template/v0.2.0")
    (small.service / "logo.png").write_bytes(b"\x89PNG\0ours")
    commit_all(small.service, "feat: our logo")
    small.release(AFTER | {"logo.png": Entry(b"\x89PNG\0two")})

    done = update(small)

    assert done.exit_code == 4
    assert "logo.png" in done.output
    assert "ours" in on_branch(small, "logo.png", "template/v0.3.0")


def test_an_answer_that_a_release_no_longer_takes_is_named(small: Small) -> None:
    (small.template / "copier.yml").write_text(OWNED + QUESTIONS + SIZE, encoding="utf-8")
    small.release(AFTER)
    update(small, "-d", "size=large", "-v", "v0.2.0", "-b", "large")
    git(small.service, "merge", "-q", "large")
    (small.template / "copier.yml").write_text(
        OWNED + QUESTIONS + SIZE.replace("small, large", "small, huge"), encoding="utf-8"
    )
    small.release(AFTER)

    done = update(small)

    assert done.exit_code == 4
    assert "size: was 'large', is 'small'" in done.output


def test_a_new_question_takes_its_default_and_the_text_says_so(small: Small) -> None:
    (small.template / "copier.yml").write_text(OWNED + QUESTIONS + SIZE, encoding="utf-8")
    small.release(AFTER)

    done = update(small)

    assert done.exit_code == 0
    assert "size: small" in on_branch(small, ".copier-answers.yml")
    assert "- `size`: `small`" in git(small.service, "log", "-1", "--format=%B", "template/v0.2.0")


def test_a_choice_changes_at_the_version_that_is_there(small: Small) -> None:
    small.release(AFTER)

    done = update(small, "-d", "name=bills")

    branch = "template/v0.1.0-name-bills"
    assert done.exit_code == 0, done.output
    assert f"on branch {branch}" in done.output
    answers = on_branch(small, ".copier-answers.yml", branch)
    assert "name: bills" in answers
    assert "_commit: v0.1.0" in answers
    assert "- `name`: from `orders` to `bills`" in git(small.service, "log", "-1", "--format=%B", branch)


def test_a_failed_check_of_the_result_is_shown_and_ends_with_4(small: Small) -> None:
    small.release(AFTER | {"a.txt": text("poor")})

    done = update(small)

    assert done.exit_code == 4
    assert "make verify: failed: a.txt is bad" in done.output
    assert "deps passed" in done.output


def test_only_the_targets_that_were_asked_for_are_run(small: Small) -> None:
    small.release(AFTER | {"a.txt": text("poor")})

    done = update(small, "--run", "deps")

    assert done.exit_code == 0
    assert "verify" not in done.output


def test_what_make_runs_is_not_told_the_token(small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPLATE_UPDATE_TOKEN", "hidden-from-make")
    shown = text("deps:", "\t@env > env.txt", "verify:", "\t@true")
    small.release(AFTER | {"Makefile": shown})

    done = update(small)

    assert done.exit_code == 0
    assert "PATH=" in on_branch(small, "env.txt")
    assert "hidden-from-make" not in on_branch(small, "env.txt")


def test_a_branch_that_is_there_is_never_written_over(small: Small) -> None:
    small.release(AFTER)
    git(small.service, "branch", "template/v0.2.0")

    done = update(small)

    assert done.exit_code == 1
    assert "branch template/v0.2.0 is there already" in done.stderr
    assert git(small.service, "rev-parse", "template/v0.2.0") == git(small.service, "rev-parse", "HEAD")


@pytest.mark.parametrize("branch", ["bad..name", "-x", "a b"])
def test_a_name_that_is_no_branch_is_refused(small: Small, branch: str) -> None:
    small.release(AFTER)

    done = update(small, f"--branch={branch}")

    assert done.exit_code == 1
    assert f"'{branch}' cannot be the name of a branch" in done.stderr


def test_an_update_does_not_go_back(small: Small) -> None:
    small.release(AFTER)
    update(small)
    git(small.service, "merge", "-q", "template/v0.2.0")

    done = update(small, "-v", "v0.1.0")

    assert done.exit_code == 1
    assert "v0.1.0 is older than v0.2.0" in done.stderr


def test_a_version_that_is_not_there_is_named(small: Small) -> None:
    done = update(small, "-v", "v9.9.9")

    assert done.exit_code == 1
    assert "v9.9.9" in done.stderr


def test_a_service_in_a_folder_of_a_bigger_repository_is_updated_there(small: Small, tmp_path: Path) -> None:
    mono = tmp_path / "mono"
    service = mono / "services" / "orders"
    service.parent.mkdir(parents=True)
    (small.service).rename(service)
    git(service, "rev-parse")
    for path in sorted((service / ".git").rglob("*"), reverse=True):
        path.unlink() if path.is_file() or path.is_symlink() else path.rmdir()
    (service / ".git").rmdir()
    (mono / "a.txt").write_text("another a.txt\n", encoding="utf-8")
    git(mono, "init", "-q", "-b", "main")
    commit_all(mono, "feat: a monorepo")
    small.release(AFTER)

    done = update(small, path=service)

    assert done.exit_code == 0, done.output
    changed = git(mono, "diff", "--name-only", "main", "template/services-orders-v0.2.0").split()
    assert changed == [f"services/orders/{path}" for path in (".copier-answers.yml", "a.txt", "k8s/new.yaml")]


def not_a_repository(small: Small) -> None:
    (small.service / ".git").rename(small.service / "git-was-here")


def without_a_link(small: Small) -> None:
    git(small.service, "rm", "-q", ".copier-answers.yml")
    git(small.service, "commit", "-q", "-m", "chore: unlink")


def without_a_template(small: Small) -> None:
    small.template.rename(small.template.with_name("moved.git"))


def without_a_release(small: Small) -> None:
    git(small.template, "tag", "-d", "v0.1.0")


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (not_a_repository, "is not a git repository with a commit"),
        (without_a_link, ".copier-answers.yml"),
        (without_a_template, "cannot be reached"),
        (without_a_release, "has no release"),
    ],
)
@pytest.mark.parametrize("options", [(), ("-n",)], ids=["update", "look"])
def test_a_repository_that_cannot_be_updated_is_told_why(
    small: Small, broken: Callable[[Small], None], said: str, options: tuple[str, ...]
) -> None:
    broken(small)
    before = snapshot(small.service)

    done = update(small, *options)

    assert done.exit_code == 1
    assert said in done.stderr
    assert done.stdout == ""
    assert snapshot(small.service) == before


def test_an_answer_to_no_question_is_refused_with_the_one_that_was_meant(small: Small) -> None:
    done = update(small, "-d", "nmae=bills")

    assert done.exit_code == 1
    assert "no question 'nmae' at v0.1.0; did you mean 'name'?" in done.stderr


@pytest.mark.parametrize("answer", ["name", "=x"])
def test_an_answer_that_is_no_answer_is_a_wrong_command(small: Small, answer: str) -> None:
    done = update(small, "-d", answer)

    assert done.exit_code == 2


def test_the_text_for_the_reviewer_is_the_commit_message_and_goes_to_a_file(small: Small, tmp_path: Path) -> None:
    (small.template / "CHANGELOG.md").write_text(
        "# Log\n\n## 0.3.0\n\n- not yet\n\n## 0.2.0\n\n### Changed\n\n- Three became four.\n\n## 0.1.0\n\n- one\n",
        encoding="utf-8",
    )
    small.release(AFTER | {"own.txt": text("written at birth")})

    update(small, "--text", str(tmp_path / "text" / "mr.md"), "--ticket", "SHOP-7")

    body = git(small.service, "log", "-1", "--format=%B", "template/v0.2.0")
    told = (tmp_path / "text" / "mr.md").read_text(encoding="utf-8")
    assert body.startswith("chore(template): update to v0.2.0\n\nFrom v0.1.0 to v0.2.0 of ")
    assert told.strip() in body
    assert "## Template 0.2.0\n\n### Changed\n\n- Three became four." in told
    assert "not yet" not in told
    assert "- one" not in told
    assert "Kubernetes: the next deploy of each environment applies it" in told
    assert "## Yours to follow" in told
    assert "- `own.txt`" in told
    assert on_branch(small, "own.txt") == "own\n"
    assert body.rstrip().endswith("Refs: SHOP-7")


def test_the_branch_is_pushed_once_and_waits_there(small: Small, tmp_path: Path) -> None:
    remote = tmp_path / "remote.git"
    git(tmp_path, "init", "-q", "--bare", str(remote))
    git(small.service, "remote", "add", "origin", str(remote))
    small.release(AFTER)
    first = update(small, "--push")
    git(small.service, "branch", "-q", "-D", "template/v0.2.0")

    second = update(small, "--push")

    assert first.exit_code == 0
    assert "pushed     to origin" in first.output
    assert git(remote, "branch", "--list").split() == ["template/v0.2.0"]
    assert second.exit_code == 0
    assert "template/v0.2.0 waits at origin already" in second.output
    assert git(small.service, "branch", "--list", "template/*") == ""


def test_a_merge_request_is_asked_for_by_the_options_of_the_push(small: Small, tmp_path: Path) -> None:
    remote = tmp_path / "remote.git"
    git(tmp_path, "init", "-q", "--bare", str(remote))
    git(remote, "config", "receive.advertisePushOptions", "true")
    hook = remote / "hooks" / "pre-receive"
    hook.write_text('#!/bin/sh\nset | sed -n "s/^GIT_PUSH_OPTION_[0-9]*=//p" > options\n', encoding="utf-8")
    hook.chmod(0o755)
    git(small.service, "remote", "add", "origin", str(remote))
    small.release(AFTER)

    done = update(small, "--merge-request")

    assert done.exit_code == 0, done.output
    options = (remote / "options").read_text(encoding="utf-8")
    assert "merge_request.create" in options
    assert "merge_request.remove_source_branch" in options


def test_a_remote_that_refuses_leaves_the_branch_here(small: Small, tmp_path: Path) -> None:
    remote = tmp_path / "remote.git"
    git(tmp_path, "init", "-q", "--bare", str(remote))
    hook = remote / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho no pushes today >&2\nexit 1\n", encoding="utf-8")
    hook.chmod(0o755)
    git(small.service, "remote", "add", "origin", str(remote))
    small.release(AFTER)

    done = update(small, "--push")

    assert done.exit_code == 1
    assert "no pushes today" in done.stderr
    assert on_branch(small, "k8s/new.yaml") == "new\n"


def test_the_hooks_of_the_team_are_not_run(small: Small, tmp_path: Path) -> None:
    for name in ("post-checkout", "pre-commit", "commit-msg", "post-commit", "reference-transaction"):
        hook = small.service / ".git" / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/{name}\nexit 1\n", encoding="utf-8")
        hook.chmod(0o755)
    small.release(AFTER)

    done = update(small)

    assert done.exit_code == 0, done.output
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == []


def test_an_update_without_an_identity_of_git_is_committed_all_the_same(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small.release(AFTER)
    for name in [name for name in os.environ if name.startswith(("GIT_AUTHOR", "GIT_COMMITTER"))] + ["EMAIL"]:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "none"))
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "user.useConfigOnly")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "true")

    done = update(small)

    assert done.exit_code == 0, done.output
    assert git(small.service, "log", "-1", "--format=%an", "template/v0.2.0").strip() == "template update"


def test_credentials_in_an_address_are_not_shown(small: Small) -> None:
    answers = small.service / ".copier-answers.yml"
    address = "https://robot:s3cret@template.invalid/slipway.git"
    answers.write_text(f"_commit: v0.1.0\n_src_path: {address}\nname: orders\n", encoding="utf-8")
    commit_all(small.service, "chore: another address")

    done = update(small)

    assert done.exit_code == 1
    assert "s3cret" not in done.output
    assert "template.invalid" in done.stderr


def test_a_missing_copier_is_named_with_the_way_out(small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    small.release(AFTER)
    for name in ("copier", "packaging", "packaging.version"):
        monkeypatch.setitem(sys.modules, name, None)

    done = update(small)

    assert done.exit_code == 1
    assert "install slipway[update]" in done.stderr
