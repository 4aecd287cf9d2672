"""`slipway update` in the repositories that people have: hooks, filters, submodules, monorepos, shallow and sparse."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from copier import run_copy

from slipway.engine import Engine, EngineError
from slipway.gitting import GitError
from slipway.update.outcome import Outcome, Wish
from slipway.update.run import UpdateError, update
from tests.conftest import git
from tests.updates.small import QUESTIONS, Entry, Files, Small, lived, text
from tests.updates.teams import commit, folder_of, held, refit

BRANCH = "template/v0.2.0"
LINES = [f"line {number}" for number in range(1, 13)]
BASE: dict[str, Entry] = {"a.txt": text(*LINES), "b.txt": text("one", "two", "three"), "d/c.txt": text(*LINES)}
NEXT: dict[str, Entry] = {**BASE, "a.txt": text("NEW", *LINES), "n.txt": text("new"), "l.txt": Entry(b"caf\xe9\n")}
OURS = b"one\ntwo\nthree\nours\n"
SIZES = "size:\n  type: str\n  default: small\n  choices: [{}]\n"

Configure = Callable[..., None]


@pytest.fixture
def configure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Configure:
    """Give a function that sets what the person's own git configuration says."""
    place = tmp_path / "gitconfig"
    shutil.copyfile(os.environ["GIT_CONFIG_GLOBAL"], place)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(place))

    def put(key: str, value: str) -> None:
        git(tmp_path, "config", "--file", str(place), key, value)

    return put


def script(place: Path, *lines: str) -> Path:
    """Write a script that runs with this Python."""
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("\n".join([f"#!{sys.executable}", *lines, ""]), encoding="utf-8")
    place.chmod(0o755)
    return place


def edited(place: Path, after: Files = NEXT) -> Small:
    """Give a service that its team edited, and a template with a newer release."""
    small = lived(place, BASE, after)
    (small.service / "b.txt").write_bytes(OURS)
    commit(small.service)
    return small


def brought(small: Small, outcome: Outcome, below: str = "") -> None:
    """Hold that the branch has the template's change and the team's edit, and nothing asks for a look."""
    branch = held(small.service, outcome.branch, below)
    assert branch["a.txt"].data == NEXT["a.txt"].content
    assert branch["n.txt"].data == b"new\n"
    assert branch["l.txt"].data == b"caf\xe9\n"
    assert branch["b.txt"].data == OURS
    assert outcome.conflicts == {}
    assert list(outcome.looks) == []


def hooks(place: Path, traces: Path) -> None:
    """Write hooks that leave a trace and fail."""
    names = ["post-checkout", "pre-commit", "commit-msg", "prepare-commit-msg", "post-commit", "post-index-change",
             "reference-transaction", "post-rewrite", "post-merge"]  # fmt: skip
    for name in names:
        script(place / name, f"open({str(traces)!r}, 'a').write('{name} ')", "raise SystemExit(1)")


def test_no_hook_runs_whoever_wrote_it(tmp_path: Path, configure: Configure) -> None:
    small, traces = edited(tmp_path / "life"), tmp_path / "traces"
    hooks(small.service / ".git/hooks", traces)
    hooks(tmp_path / "own-template/hooks", traces)
    hooks(tmp_path / "hooks", traces)
    configure("core.hooksPath", str(tmp_path / "hooks"))
    configure("init.templateDir", str(tmp_path / "own-template"))

    outcome = refit(small.service, tmp_path / "engine")

    brought(small, outcome)
    assert not traces.exists()


@pytest.mark.parametrize(("key", "value"), [
    ("core.autocrlf", "true"), ("core.fileMode", "false"), ("merge.conflictStyle", "diff3"),
    *(pytest.param(key, value, marks=pytest.mark.slow) for key, value in [
        ("core.autocrlf", "input"), ("core.eol", "crlf"), ("core.safecrlf", "true"), ("core.symlinks", "false"),
        ("core.quotePath", "false"), ("core.ignoreCase", "true"), ("diff.noprefix", "true"), ("diff.external", "false"),
        ("color.ui", "always"), ("status.short", "true"), ("commit.template", "/nowhere"),
        ("commit.cleanup", "scissors"), ("i18n.commitEncoding", "latin1"), ("core.fsync", "none"),
        ("index.version", "4"), ("index.sparse", "true"), ("feature.manyFiles", "true"), ("core.splitIndex", "true"),
    ]),
])  # fmt: skip
def test_a_persons_git_settings_do_not_reach_the_branch(
    key: str, value: str, tmp_path: Path, configure: Configure
) -> None:
    small = edited(tmp_path / "life")
    configure(key, value)

    outcome = refit(small.service, tmp_path / "engine")

    brought(small, outcome)
    assert git(small.service, "diff", "--name-only", "main", BRANCH).split() == [
        ".copier-answers.yml",
        "a.txt",
        "l.txt",
        "n.txt",
    ]


@pytest.mark.parametrize("attributes", ["* text=auto eol=crlf\n", "*.txt text eol=crlf\n", "* -text\n"])
def test_windows_line_ends_of_a_working_tree_are_none_of_the_branch(
    attributes: str, tmp_path: Path, configure: Configure
) -> None:
    small = edited(tmp_path / "life")
    (small.service / ".gitattributes").write_text(attributes, encoding="utf-8")
    commit(small.service)
    configure("core.autocrlf", "true")

    outcome = refit(small.service, tmp_path / "engine")

    brought(small, outcome)


@pytest.mark.parametrize("attributes", ["", "*.txt text eol=crlf\n"])
def test_what_targets_write_with_windows_line_ends_is_committed_as_git_does(
    attributes: str, tmp_path: Path, configure: Configure
) -> None:
    small = edited(tmp_path / "life")
    (small.service / ".gitattributes").write_text(attributes, encoding="utf-8")
    (small.service / "Makefile").write_text("deps:\n\t@cat a.txt > seen.txt\n", encoding="utf-8")
    commit(small.service)
    configure("core.autocrlf", "true")

    outcome = refit(small.service, tmp_path / "engine", ["deps"])

    brought(small, outcome)
    assert held(small.service, BRANCH)["seen.txt"].data == NEXT["a.txt"].content
    assert set(outcome.changed) == {".copier-answers.yml", "a.txt", "l.txt", "n.txt", "seen.txt"}


def test_line_ends_of_windows_that_are_committed_stay(tmp_path: Path) -> None:
    small = edited(tmp_path / "life")
    theirs = (b"NEW\n" + BASE["a.txt"].content + b"ours\n").replace(b"\n", b"\r\n")
    (small.service / "a.txt").write_bytes(BASE["a.txt"].content.replace(b"\n", b"\r\n") + b"ours\r\n")
    commit(small.service)

    outcome = refit(small.service, tmp_path / "engine")

    assert held(small.service, BRANCH)["a.txt"].data == theirs
    assert outcome.conflicts == {}


def filters(small: Small, configure: Configure, *, clean: str, smudge: str, after: str = "") -> None:
    """Let the team keep its text files through a filter, which turns `plain ` into `kept ` and back."""
    configure("filter.vault.clean", f"sed 's/^/kept /'{clean}")
    configure("filter.vault.smudge", f"sed 's/^kept //'{smudge}")
    configure("filter.vault.required", "true")
    (small.service / ".gitattributes").write_text(f"*.txt filter=vault\n{after}", encoding="utf-8")
    git(small.service, "add", "--renormalize", ".")
    commit(small.service)


def test_what_a_team_keeps_through_a_filter_is_merged_and_kept_through_it(tmp_path: Path, configure: Configure) -> None:
    small = edited(tmp_path / "life")
    filters(small, configure, clean="", smudge="")

    outcome = refit(small.service, tmp_path / "engine")

    branch = held(small.service, BRANCH)
    assert branch["b.txt"].data == b"kept one\nkept two\nkept three\nkept ours\n"
    assert branch["a.txt"].data.startswith(b"kept NEW\nkept line 1\n")
    assert branch["n.txt"].data == b"kept new\n"
    assert list(outcome.looks) == []


def test_a_filter_that_fails_stops_the_update_and_nothing_is_changed(tmp_path: Path, configure: Configure) -> None:
    small = edited(tmp_path / "life")
    filters(small, configure, clean="", smudge="")
    configure("filter.vault.smudge", "false")
    before = folder_of(small.service)

    with pytest.raises(GitError, match="filter"):
        refit(small.service, tmp_path / "engine")

    assert folder_of(small.service) == before
    assert git(small.service, "branch", "--list", "template/*") == ""
    assert git(small.service, "worktree", "list").count("\n") == 0


def other_repository(place: Path) -> str:
    """Make a repository that others take in."""
    place.mkdir()
    git(place, "init", "-q", "-b", "main")
    (place / "f").write_text("f\n", encoding="utf-8")
    commit(place)
    return str(place)


@pytest.mark.parametrize("at", ["vendor/sub", "n.txt", "d"])
def test_a_submodule_stays(at: str, tmp_path: Path) -> None:
    small = edited(tmp_path / "life", {**NEXT, "d/x.txt": text("x")})
    if at == "d":
        git(small.service, "rm", "-rq", "d")
        commit(small.service)
    git(small.service, "submodule", "add", "-q", other_repository(tmp_path / "other"), at)
    commit(small.service)
    tree = git(small.service, "ls-tree", "main", at)

    outcome = refit(small.service, tmp_path / "engine")

    assert git(small.service, "ls-tree", BRANCH, at) == tree
    assert git(small.service, "worktree", "list").count("\n") == 0
    assert [look.kind for look in outcome.looks] == {"vendor/sub": [], "n.txt": ["binary"], "d": ["clash"]}[at]


def test_targets_run_in_a_service_with_a_submodule(tmp_path: Path) -> None:
    small = edited(tmp_path / "life")
    git(small.service, "submodule", "add", "-q", other_repository(tmp_path / "other"), "vendor/sub")
    (small.service / "Makefile").write_text("deps:\n\t@cat a.txt > seen\n", encoding="utf-8")
    commit(small.service)

    outcome = refit(small.service, tmp_path / "engine", ["deps"])

    branch = held(small.service, BRANCH)
    assert [ran.passed for ran in outcome.ran] == [True]
    assert branch["seen"].data == NEXT["a.txt"].content
    assert branch["vendor/sub"].mode == "160000"
    assert git(small.service, "worktree", "list").count("\n") == 0


def in_a_monorepo(place: Path) -> Small:
    """Give a service in a folder of a bigger repository, edited, and a template with a newer release."""
    small = Small(place)
    small.service = place / "mono/services/orders"
    small.service.parent.mkdir(parents=True)
    run_copy(small.template.as_uri(), small.service, vcs_ref=small.release(BASE), defaults=True, quiet=True)
    small.release(NEXT)
    (small.service / "b.txt").write_bytes(OURS)
    for other in ("other/x.txt", "services/orders.txt", "services/orders-2/a.txt"):
        (place / "mono" / other).parent.mkdir(exist_ok=True)
        (place / "mono" / other).write_text("x\n", encoding="utf-8")
    git(place / "mono", "init", "-q", "-b", "main")
    commit(place / "mono")
    return small


def test_in_a_monorepo_nothing_outside_the_service_is_touched(tmp_path: Path) -> None:
    small = in_a_monorepo(tmp_path / "life")
    mono = small.service.parent.parent
    (mono / "other/x.txt").write_text("not committed\n", encoding="utf-8")
    (mono / "other/x.txt.rej").write_text("a reject\n", encoding="utf-8")
    before = folder_of(mono)

    outcome = refit(small.service, tmp_path / "engine")

    brought(small, outcome, "services/orders/")
    assert folder_of(mono) == before
    assert git(mono, "diff", "--name-only", "main", outcome.branch, "--", ".", ":!services/orders") == ""


def test_a_shallow_clone_is_enough(tmp_path: Path) -> None:
    small = edited(tmp_path / "life")
    git(tmp_path, "clone", "-q", "--depth=1", small.service.as_uri(), str(tmp_path / "shallow"))
    small.service = tmp_path / "shallow"

    outcome = refit(small.service, tmp_path / "engine")

    brought(small, outcome)


@pytest.mark.parametrize("cone", ["--cone", "--no-cone"])
def test_a_sparse_checkout_loses_nothing_of_what_it_does_not_show(cone: str, tmp_path: Path) -> None:
    small = in_a_monorepo(tmp_path / "life")
    mono = small.service.parent.parent
    (small.service / "Makefile").write_text("deps:\n\t@cat a.txt > seen\n", encoding="utf-8")
    commit(mono)
    git(mono, "sparse-checkout", "set", cone, "services/orders")
    before = folder_of(mono)

    outcome = refit(small.service, tmp_path / "engine", ["deps"])

    brought(small, outcome, "services/orders/")
    assert [ran.passed for ran in outcome.ran] == [True]
    assert folder_of(mono) == before
    assert git(mono, "diff", "--name-only", "main", outcome.branch, "--", ".", ":!services/orders") == ""


def test_an_update_runs_in_a_worktree_that_is_not_the_main_one(tmp_path: Path) -> None:
    small = edited(tmp_path / "life")
    git(small.service, "worktree", "add", "-q", str(tmp_path / "second"), "-b", "second")

    outcome = refit(tmp_path / "second", tmp_path / "engine")

    brought(small, outcome)
    assert git(small.service, "worktree", "list").count("\n") == 1


def test_an_update_runs_on_a_detached_head_in_the_middle_of_a_merge(tmp_path: Path) -> None:
    small = edited(tmp_path / "life")
    git(small.service, "checkout", "-q", "--detach")
    (small.service / ".git/MERGE_HEAD").write_text(git(small.service, "rev-parse", "HEAD"), encoding="utf-8")
    (small.service / "a.txt").write_text("in the middle of something\n", encoding="utf-8")
    before = folder_of(small.service)

    outcome = refit(small.service, tmp_path / "engine")

    brought(small, outcome)
    assert folder_of(small.service) == before


def test_a_person_who_signs_commits_signs_this_one(tmp_path: Path, configure: Configure) -> None:
    small = edited(tmp_path / "life")
    say = "sys.stderr.write('\\n[GNUPG:] SIG_CREATED D 1 8 00 1 F\\n')"
    signer = script(
        tmp_path / "signer", "import sys", "sys.stdin.read()", say,
        "print('-----BEGIN PGP SIGNATURE-----\\nx\\n-----END PGP SIGNATURE-----')",
    )  # fmt: skip
    configure("commit.gpgSign", "true")
    configure("gpg.program", str(signer))

    outcome = refit(small.service, tmp_path / "engine")

    brought(small, outcome)
    assert "gpgsig -----BEGIN PGP SIGNATURE-----" in git(small.service, "cat-file", "commit", BRANCH)


def test_a_signature_that_cannot_be_made_stops_the_update_and_nothing_is_changed(
    tmp_path: Path, configure: Configure
) -> None:
    small = edited(tmp_path / "life")
    configure("commit.gpgSign", "true")
    configure("gpg.program", "false")
    before = folder_of(small.service)

    with pytest.raises(GitError, match="gpg failed to sign"):
        refit(small.service, tmp_path / "engine")

    assert folder_of(small.service) == before
    assert git(small.service, "branch", "--list", "template/*") == ""
    assert git(small.service, "worktree", "list").count("\n") == 0


def asked(place: Path, before: str, after: str, **answers: str) -> Small:
    """Give a service with answers, of a template whose questions change."""
    small = Small(place)
    (small.template / "copier.yml").write_text(before, encoding="utf-8")
    first = small.release({**BASE, "q.txt": Entry(b"{{ name }}\n")})
    run_copy(small.template.as_uri(), small.service, vcs_ref=first, data=answers, defaults=True, quiet=True)
    git(small.service, "init", "-q", "-b", "main")
    commit(small.service)
    (small.template / "copier.yml").write_text(after, encoding="utf-8")
    small.release({**BASE, "q.txt": Entry(b"{{ name }}\n"), "n.txt": text("new")})
    return small


def test_an_answer_that_the_template_no_longer_takes_is_named(tmp_path: Path) -> None:  # A17
    offered, fewer = SIZES.format("small, large, huge"), SIZES.format("small, large")
    small = asked(tmp_path / "life", QUESTIONS + offered, QUESTIONS + fewer, size="huge")

    outcome = refit(small.service, tmp_path / "engine")

    assert [(look.kind, look.path) for look in outcome.looks] == [("answer", "size")]
    assert "'huge'" in outcome.looks[0].sentence
    assert "'small'" in outcome.looks[0].sentence


def test_an_answer_that_breaks_a_tightened_rule_is_named(tmp_path: Path) -> None:  # A18
    rule = '  validator: "{% if name != name | lower %}no{% endif %}"\n'
    small = asked(tmp_path / "life", QUESTIONS, QUESTIONS + rule, name="Orders")

    outcome = refit(small.service, tmp_path / "engine")

    assert [(look.kind, look.path) for look in outcome.looks] == [("answer", "name")]
    assert held(small.service, BRANCH)["q.txt"].data == b"orders\n"


def test_a_renamed_question_carries_its_answer_over(tmp_path: Path) -> None:
    renamed = QUESTIONS.replace("name:\n", "title:\n").replace(
        "default: orders", "default: \"{{ name | default('x') }}\""
    )
    small = asked(tmp_path / "life", QUESTIONS, renamed, name='Bücher: "neu"')
    for path in ("q.txt",):
        (small.template / "template" / path).write_text("{{ title }}\n", encoding="utf-8")
    commit(small.template)
    git(small.template, "tag", "v0.3.0")

    outcome = refit(small.service, tmp_path / "engine")

    assert list(outcome.looks) == []
    assert outcome.answers["title"] == (None, 'Bücher: "neu"')
    assert held(small.service, outcome.branch)["q.txt"].data.decode() == 'Bücher: "neu"\n'
    assert git(small.service, "diff", "--name-only", "main", outcome.branch, "--", "q.txt") == ""


def test_a_template_with_migrations_asks_for_trust_and_gets_none(tmp_path: Path) -> None:
    small = asked(tmp_path / "life", QUESTIONS, "_migrations:\n  - touch here\n" + QUESTIONS)
    before = folder_of(small.service)

    with pytest.raises(EngineError, match="trust, which is never given"):
        refit(small.service, tmp_path / "engine")

    assert folder_of(small.service) == before
    assert git(small.service, "worktree", "list").count("\n") == 0


def test_a_template_that_cannot_be_rendered_is_told_in_a_sentence(tmp_path: Path) -> None:
    small = lived(tmp_path / "life", BASE, {**NEXT, "n.txt": Entry(b"{{ nothing_of_this_name }}\n")})

    with pytest.raises(EngineError, match="nothing_of_this_name"):
        refit(small.service, tmp_path / "engine")

    assert git(small.service, "worktree", "list").count("\n") == 0


def test_a_bare_repository_is_refused_by_name(tmp_path: Path) -> None:
    small = edited(tmp_path / "life")
    git(tmp_path, "clone", "-q", "--bare", str(small.service), "bare.git")

    with pytest.raises(UpdateError, match=r"bare\.git"):
        update(tmp_path / "bare.git", Wish(targets=()), Engine(tmp_path / "engine"))


@pytest.mark.parametrize("kind", ["clash", "binary"])
def test_the_way_out_that_is_named_brings_the_templates_file(kind: str, tmp_path: Path) -> None:
    theirs = {"n/x.txt": text("x")} if kind == "clash" else {"n.bin": Entry(b"\0theirs")}
    path, mine = next(iter(theirs)), "n" if kind == "clash" else "n.bin"
    small = lived(tmp_path / "life", BASE, {**NEXT, **theirs})
    (small.service / mine).write_bytes(b"\0ours")
    (small.service / "b.txt").write_bytes(OURS)
    commit(small.service)
    outcome = refit(small.service, tmp_path / "engine")
    git(small.service, "switch", "-q", outcome.branch)
    (small.service / mine).rename(small.service / "ours.bin")
    commit(small.service)

    told = next(look.sentence for look in outcome.looks if look.kind == kind).split("`")[-2]
    done = small.copier(told)

    assert done.returncode == 0, done.stderr
    assert (small.service / path).read_bytes() == theirs[path].content
    assert (small.service / "b.txt").read_bytes() == OURS
    assert git(small.service, "status", "--porcelain", "-uall").split() == ["??", path]
