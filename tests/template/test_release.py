"""One command makes a release of the template, whole or not at all."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner
from copier import run_copy

from slipway import changelog
from slipway.cli import main
from slipway.engine import Engine, EngineError
from slipway.gitting import GitError
from slipway.template import examples
from slipway.template import release as releasing
from slipway.template.measure import Measured, measure, short
from slipway.template.release import ReleaseError, Wish, next_version, release, stand_of
from slipway.template.state import at
from slipway.update.outcome import Wish as UpdateWish
from slipway.update.run import update
from tests.conftest import commit_all, git
from tests.template.small import Change, Small, both

DAY = date(2026, 11, 21)
WRITTEN = "### Added\n\n- Help in the makefile, in our own words (SLIP-2)."
GITLAB = "{{cookiecutter.__gitlab}}/.gitlab-ci.yml"


def change(small: Small) -> None:
    """Make four commits, of which one is written about."""
    small.write("mk/slipway.mk", "help:\n\t@echo more help\n")
    small.log(WRITTEN)
    small.commit("feat(template): more help\n\nRefs: SLIP-2")
    small.write(GITLAB, "stages: [lint, test]\n")
    small.write("README.md", "# {{ cookiecutter.project_slug }}\n\nMore.\n")
    small.commit("fix(template): lint comes first\n\nRefs: SLIP-3")
    small.write("{{cookiecutter.__postgresql}}/k8s/database.yaml", "kind: Job\n")
    small.commit("docs(template): a job\n\nRefs: SLIP-4")
    small.commit("test: nothing of it\n\nRefs: SLIP-4")


class Life(NamedTuple):
    """A template with two releases made by the command."""

    small: Small
    head: str


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Life:
    """Make two releases; treat them as read-only."""
    small = Small(tmp_path_factory.mktemp("life") / "template.git")
    release(small.root, Wish(day=DAY))
    change(small)
    head = git(small.root, "rev-parse", "HEAD")
    release(small.root, Wish(day=DAY))
    return Life(small, head)


@pytest.fixture
def small(life: Life, tmp_path: Path) -> Small:
    """Give a copy of the template with two releases."""
    made = object.__new__(Small)
    made.root = Path(shutil.copytree(life.small.root, tmp_path / "template", symlinks=True))
    return made


@pytest.fixture
def unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the renderings out, for tests of other parts."""

    def none(_source: Path, old: str, before: Any, *_: Any, **__: Any) -> Measured:
        return Measured(old, before.offered, (), [(answers, {}) for answers in before.combinations])

    monkeypatch.setattr(releasing, "measure", none)
    monkeypatch.setattr(examples, "write", lambda *_: ["default"])
    monkeypatch.setattr(examples, "commit", lambda *_: None)


def test_a_release_is_one_commit_with_its_tag_on_the_branch(life: Life) -> None:
    root = life.small.root

    log = git(root, "log", "-2", "--format=%H")
    tagged = git(root, "rev-parse", "v0.2.0^{commit}")

    assert log.split() == [tagged, life.head]
    assert git(root, "cat-file", "-t", "v0.2.0") == "tag"
    assert git(root, "status", "--porcelain") == ""
    assert git(root, "diff", "--name-only", "HEAD~1", "HEAD").split() == ["CHANGELOG.md", "slipway/__init__.py"]
    assert git(root, "tag").split() == ["v0.1.0", "v0.2.0"]


def test_the_message_of_a_release_keeps_the_rules(life: Life) -> None:
    messages = [git(life.small.root, "log", "-1", "--format=%B", name) for name in ("v0.1.0", "v0.2.0", "examples")]

    assert [text.splitlines()[0] for text in messages] == [
        "chore(release): 0.1.0",
        "chore(release): 0.2.0",
        "chore(examples): 0.2.0",
    ]
    assert [text.splitlines()[-1] for text in messages] == ["Refs: SLIP-1", "Refs: SLIP-4", "Refs: SLIP-4"]


def test_a_release_sets_the_version(life: Life) -> None:
    text = git(life.small.root, "show", "v0.2.0:slipway/__init__.py")

    assert text == '"""Small."""\n\n__version__ = "0.2.0"'


def test_the_changelog_keeps_what_was_written_and_is_completed(life: Life) -> None:
    text = git(life.small.root, "show", "v0.2.0:CHANGELOG.md")

    assert text == (
        "# Changelog\n\n## 0.2.0 - 2026-11-21\n\n"
        f"{WRITTEN}\n\n"
        "### Changed\n\n- A job (SLIP-4).\n\n"
        "### Fixed\n\n- Lint comes first (SLIP-3).\n\n"
        "### What an update changes\n\n"
        "- In every service: 1 changed.\n"
        "- Where ci is both or gitlab: 1 changed.\n"
        "- Where datastore is postgresql: 1 added.\n"
        "- Where datastore is postgresql, to apply again: Kubernetes.\n"
        "- Where ci is both or gitlab, to apply again: Pipeline.\n\n"
        "## 0.1.0 - 2026-11-21\n\n- All of it (SLIP-1)."
    )


def test_the_notes_are_measured_and_stand_in_the_tag(life: Life) -> None:
    said = git(life.small.root, "tag", "--list", "--format=%(contents)", "v0.2.0")

    assert "# 0.2.0 (2026-11-21)\n\n## Added\n\n- Help in the makefile" in said
    assert "Measured: 6 combinations of choices, rendered at v0.1.0 and at v0.2.0." in said
    assert "| datastore is postgresql and ci is both or gitlab | 2 | 1 added, 2 changed | 1 changed |\n" in said
    assert "| datastore is none and ci is jenkins | 1 | 1 changed | 1 changed |\n" in said
    assert "In every service:\n\n- `mk/slipway.mk`: changed, +1 -1\n" in said
    assert "Where ci is both or gitlab:\n\n- `.gitlab-ci.yml`: changed, +1 -1\n" in said
    assert "Where datastore is postgresql:\n\n- `k8s/database.yaml`: added, +1 -0\n" in said
    assert "- Pipeline: takes effect with the merge (ci is both or gitlab)\n" in said
    own = said.partition("### Files that are the service's own\n")[2]
    assert "In every service:\n\n- `README.md`: changed, +2 -0" in own


def test_the_first_release_has_nothing_to_measure_against(life: Life) -> None:
    said = git(life.small.root, "tag", "--list", "--format=%(contents)", "v0.1.0")

    assert said.strip() == (
        "# 0.1.0 (2026-11-21)\n\n- All of it (SLIP-1).\n\nThe first release: there is nothing to update from."
    )


def test_the_examples_are_a_branch_of_their_own_with_a_commit_a_release(life: Life) -> None:
    root = life.small.root

    subjects = git(root, "log", "--format=%s", "examples").splitlines()
    shared = git(root, "rev-list", "--count", "main..examples"), git(root, "rev-list", "--count", "examples")
    changed = git(root, "diff", "--name-status", "examples~1", "examples").splitlines()

    assert subjects == ["chore(examples): 0.2.0", "chore(examples): 0.1.0"]
    assert shared == ("2", "2")
    assert git(root, "ls-tree", "--name-only", "examples").split() == ["README.md", "default", "jenkins", "none-gitlab"]
    assert changed == [
        "M\tdefault/.gitlab-ci.yml",
        "M\tdefault/README.md",
        "A\tdefault/k8s/database.yaml",
        "M\tdefault/mk/slipway.mk",
        "M\tjenkins/README.md",
        "A\tjenkins/k8s/database.yaml",
        "M\tjenkins/mk/slipway.mk",
        "M\tnone-gitlab/.gitlab-ci.yml",
        "M\tnone-gitlab/README.md",
        "M\tnone-gitlab/mk/slipway.mk",
    ]


def test_an_example_keeps_modes_and_names_no_place_of_this_machine(life: Life) -> None:
    root = life.small.root

    answers = git(root, "show", "examples:default/.copier-answers.yml")

    assert git(root, "ls-tree", "examples", "default/bin/run").startswith("100755 ")
    assert "_src_path" not in answers
    assert "_commit" not in answers
    assert "project_slug: orders-service" in answers


def test_a_service_of_the_first_release_is_updated_and_told_the_changelog(life: Life, tmp_path: Path) -> None:
    service = tmp_path / "service"
    run_copy(life.small.root.as_uri(), service, vcs_ref="v0.1.0", defaults=True, quiet=True)
    git(service, "init", "-q", "-b", "main")
    commit_all(service, "feat: launch")

    outcome = update(service, UpdateWish(targets=()), Engine(tmp_path / "engine"))

    said = git(service, "log", "-1", "--format=%B", outcome.branch)
    assert outcome.version == "v0.2.0"
    assert set(outcome.changed) == {".copier-answers.yml", ".gitlab-ci.yml", "k8s/database.yaml", "mk/slipway.mk"}
    assert "## Template 0.2.0\n\n### Added\n\n- Help in the makefile, in our own words (SLIP-2).\n" in said
    assert "### What an update changes\n\n- In every service: 1 changed.\n" in said
    assert "All of it" not in said


def test_a_dry_run_shows_everything_and_changes_nothing(small: Small) -> None:
    change(small)
    before = small.fingerprint()

    done = CliRunner().invoke(main, ["template", "release", "--dry-run", "--root", str(small.root)])

    assert done.exit_code == 0, done.output
    assert small.fingerprint() == before
    assert "# 0.2.1 (" in done.output or "# 0.3.0 (" in done.output
    assert "measuring what an update changes: 6 of 6 combinations of choices" in done.output
    assert "v0.3.0 would be made" in done.output
    assert done.output.endswith("Nothing was changed. To make it: make release\n")


@pytest.mark.usefixtures("unmeasured")
def test_the_command_says_what_it_made_and_how_to_push_it(small: Small) -> None:
    change(small)

    done = CliRunner().invoke(main, ["template", "release", "--root", str(small.root)])

    assert done.exit_code == 0, done.output
    assert "v0.3.0 is made\n  since      v0.2.0, 4 commits\n" in done.output
    assert "  git push --atomic origin main v0.3.0 examples\n" in done.output
    assert (small.root / "dist/release-notes-0.3.0.md").read_text(encoding="utf-8").startswith("# 0.3.0 (")
    assert git(small.root, "status", "--porcelain") == ""


@pytest.mark.usefixtures("unmeasured")
def test_what_the_screen_says_takes_a_release_back(small: Small) -> None:
    change(small)
    before = small.fingerprint()
    done = CliRunner().invoke(main, ["template", "release", "--root", str(small.root)])
    shutil.rmtree(small.root / "dist")

    for command in re.findall(r"^  (git (?:tag -d|branch -f).*)$", done.output, re.MULTILINE):
        for part in command.split("; "):
            git(small.root, *part.split()[1:])

    assert small.fingerprint()[1:] == before[1:]
    assert git(small.root, "tag").split() == ["v0.1.0", "v0.2.0"]


def upto(small: Small, version: str) -> None:
    """Say that a version is the last release."""
    path = small.root / "slipway/__init__.py"
    path.write_text(re.sub(r'__version__ = ".*"', f'__version__ = "{version}"', path.read_text(encoding="utf-8")))
    small.commit("chore: a version\n\nRefs: SLIP-4")
    git(small.root, "tag", f"v{version}")


@pytest.mark.parametrize(
    ("last", "subjects", "version"),
    [
        ("0.2.0", ["fix: a"], "0.2.1"),
        ("0.2.0", ["feat: a", "fix: b"], "0.3.0"),
        ("0.2.0", ["feat!: a"], "0.3.0"),
        ("1.4.2", ["perf: a"], "1.4.3"),
        ("1.4.2", ["feat: a"], "1.5.0"),
        ("1.4.2", ["fix!: a", "feat: b"], "2.0.0"),
    ],
)
def test_the_version_comes_from_the_commits(last: str, subjects: list[str], version: str, small: Small) -> None:
    if last != "0.2.0":
        upto(small, last)
    for subject in subjects:
        small.commit(f"{subject}\n\nRefs: SLIP-5")

    found = next_version(small.root, stand_of(small.root, Wish()), Wish())

    assert found == version


def test_a_commit_of_any_type_that_changes_what_is_generated_is_a_fix(small: Small) -> None:
    small.write("mk/slipway.mk", "help:\n")
    small.commit("style(template): a line\n\nRefs: SLIP-5")

    found = next_version(small.root, stand_of(small.root, Wish()), Wish())

    assert found == "0.2.1"


def test_a_break_that_is_accepted_raises_the_major_version(small: Small) -> None:
    upto(small, "1.0.0")
    small.remove("mk/slipway.mk")
    small.commit("fix(template): less\n\nRefs: SLIP-5")
    wish = Wish(breaking=True)

    found = next_version(small.root, stand_of(small.root, wish), wish)

    assert found == "2.0.0"


def test_a_major_version_that_is_asked_for_announces_a_break(small: Small) -> None:
    upto(small, "1.0.0")
    small.remove("mk/slipway.mk")
    small.commit("fix(template): less\n\nRefs: SLIP-5")
    wish = Wish(version="2.0.0")

    found = next_version(small.root, stand_of(small.root, wish), wish)

    assert found == "2.0.0"


def worked(small: Small) -> None:
    """Commit a fix."""
    small.write("mk/slipway.mk", "help:\n")
    small.commit("fix: a\n\nRefs: SLIP-5")


def elsewhere(small: Small) -> None:
    """Go to another branch."""
    git(small.root, "switch", "-q", "-c", "topic")


def shallow(small: Small) -> None:
    """Put a shallow clone in place of the repository."""
    full = small.root.rename(small.root.with_name("full"))
    git(full.parent, "clone", "-q", "--depth", "1", full.as_uri(), str(small.root))


def behind(small: Small) -> None:
    """Let the upstream have a commit more."""
    full = small.root.rename(small.root.with_name("full"))
    git(full.parent, "clone", "-q", str(full), str(small.root))
    git(full, "commit", "-q", "--allow-empty", "--no-gpg-sign", "-m", "fix: b\n\nRefs: SLIP-5")
    git(small.root, "fetch", "-q")


def unmerged(small: Small) -> None:
    """Release from another branch."""
    git(small.root, "switch", "-q", "-c", "topic")
    small.commit("fix: b\n\nRefs: SLIP-5")
    git(small.root, "tag", "v0.9.0")
    git(small.root, "switch", "-q", "main")


def broken(small: Small) -> None:
    """Take a file away without a word."""
    small.remove("mk/slipway.mk")
    small.commit("fix: less\n\nRefs: SLIP-5")


def unportable(small: Small) -> None:
    """Break a portability rule."""
    small.write("tags/a.md", "a\n")
    small.commit("fix: a\n\nRefs: SLIP-5")


def misheaded(text: str) -> Change:
    """Write a heading into the changelog."""

    def apply(small: Small) -> None:
        path = small.root / "CHANGELOG.md"
        path.write_text(
            path.read_text(encoding="utf-8").replace("\n## 0.2.0", f"\n{text}\n## 0.2.0", 1), encoding="utf-8"
        )
        worked(small)

    return apply


def versioned(text: str) -> Change:
    """Write the file that names the version."""

    def apply(small: Small) -> None:
        (small.root / "slipway/__init__.py").write_text(text, encoding="utf-8")
        worked(small)

    return apply


def beside(small: Small) -> None:
    """Check the examples out in a worktree."""
    git(small.root, "worktree", "add", "-q", str(small.root.with_name("w")), "examples")


def below(small: Small) -> None:
    """Go into a folder of the repository."""
    small.root /= "slipway"


REFUSED: list[tuple[str, Change, Wish, str]] = [
    ("dirty", both(worked, lambda small: small.write("a.md", "a\n")), Wish(), "not committed: {{cookiecutter"),
    ("edited", both(worked, lambda small: small.write("LICENSE", "a\n")), Wish(), "LICENSE; commit or stash"),
    ("branch", both(worked, elsewhere), Wish(), "made on main, and this is topic"),
    ("nothing", lambda small: small.commit("docs: a\n\nRefs: SLIP-5"), Wish(), "nothing to release: of 1 commits"),
    ("lint", unportable, Wish(), "PORT015: tags/a.md"),
    ("breaking", broken, Wish(), "COMP009: mk/slipway.mk: is no longer generated; that breaks services of v0.2.0"),
    ("minor", broken, Wish(version="0.3.0"), "say so in a commit"),
    ("too low", broken, Wish(version="0.2.1", breaking=True), "0.2.1 is too low"),
    ("taken", worked, Wish(version="0.2.0"), "tag v0.2.0 is there already"),
    ("older", worked, Wish(version="0.1.5"), "0.1.5 is not above the last release, v0.2.0"),
    ("no version", worked, Wish(version="v1"), "'v1' is no version"),
    ("candidate", worked, Wish(version="0.3.0-rc.1"), "'0.3.0-rc.1' is no version"),
    ("out of step", versioned('__version__ = "0.5.0"\n'), Wish(), "names 0.5.0, and the last release is v0.2.0"),
    ("unversioned", versioned("\n"), Wish(), "names no version"),
    ("elsewhere", both(worked, unmerged), Wish(), "release v0.9.0 is not in main"),
    ("shallow", both(worked, shallow), Wish(), "shallow"),
    ("behind", both(worked, behind), Wish(), "main lacks 1 commits of its upstream"),
    ("heading", misheaded("## 0.7.0\n\n- a\n"), Wish(), "has a section for 0.7.0, which was never released"),
    ("two", misheaded("## Unreleased\n\n- a\n\n## 0.2.1\n\n- b\n"), Wish(), "an unreleased section and one for 0.2.1"),
    (
        "examples",
        both(worked, beside),
        Wish(),
        "branch examples is checked out",
    ),
    ("below", both(worked, below), Wish(), "no template"),
]


@pytest.mark.parametrize(("change", "wish", "word"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_what_stands_against_a_release_is_named_and_nothing_changes(
    change: Change, wish: Wish, word: str, small: Small
) -> None:
    change(small)
    before = small.fingerprint() if (small.root / ".git").exists() else None

    with pytest.raises(ReleaseError, match=re.escape(word)):
        release(small.root, wish)

    assert before is None or small.fingerprint() == before


def test_every_reason_is_told_at_once(small: Small) -> None:
    small.write("LICENSE", "a\n")
    elsewhere(small)

    done = CliRunner().invoke(main, ["template", "release", "--root", str(small.root)])

    assert done.exit_code == 1
    assert "no release was made\n  - releases are made on main" in done.output
    assert "\n  - not committed: " in done.output


def test_without_a_ticket_in_the_whole_history_one_must_be_named(tmp_path: Path) -> None:
    small = Small(tmp_path / "template")
    git(small.root, "commit", "-q", "--amend", "--no-gpg-sign", "-m", "feat: the template")

    with pytest.raises(ReleaseError, match="--ticket"):
        release(small.root, Wish())

    assert git(small.root, "tag") == ""


def test_the_first_release_fits_the_changelog(tmp_path: Path) -> None:
    small = Small(tmp_path / "template")
    path = small.root / "CHANGELOG.md"
    path.write_text("# Changelog\n\n## 0.2.0\n\n- a\n\n## 0.1.0\n\n- b\n", encoding="utf-8")
    small.commit("docs: what comes\n\nRefs: SLIP-1")

    with pytest.raises(ReleaseError, match=r"0\.2\.0, which was never released: .* --version 0\.2\.0"):
        next_version(small.root, stand_of(small.root, Wish()), Wish())


def interrupted(*_: Any, **__: Any) -> Any:
    """Stop as Ctrl-C does."""
    raise KeyboardInterrupt


def failing(*_: Any, **__: Any) -> Any:
    """Stop as an engine that refuses."""
    message = "no"
    raise EngineError(message)


@pytest.mark.usefixtures("unmeasured")
@pytest.mark.parametrize("stop", [interrupted, failing], ids=["interrupted", "failing"])
@pytest.mark.parametrize("step", ["measure", "section", "notes", "_commit", "_examples", "_publish"])
def test_a_release_that_stops_at_any_step_leaves_everything_as_it_was(
    step: str, stop: Callable[..., Any], small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    worked(small)
    before = small.fingerprint()
    monkeypatch.setattr(releasing, step, stop)

    with pytest.raises((KeyboardInterrupt, EngineError)):
        release(small.root, Wish())

    assert small.fingerprint() == before


@pytest.mark.usefixtures("unmeasured")
@pytest.mark.parametrize(
    "lock", ["refs/heads/main.lock", "refs/tags/v0.2.1.lock", "refs/heads/examples.lock", "index.lock"]
)
def test_a_ref_that_cannot_be_moved_takes_the_whole_release_back(lock: str, small: Small) -> None:
    worked(small)
    (small.root / ".git" / lock).touch()
    before = small.fingerprint()

    with pytest.raises(GitError):
        release(small.root, Wish())

    assert small.fingerprint() == before


@pytest.mark.usefixtures("unmeasured")
def test_a_commit_made_meanwhile_is_not_lost(small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    worked(small)
    publish = releasing._publish  # noqa: SLF001

    def late(*arguments: Any) -> None:
        small.commit("fix: meanwhile\n\nRefs: SLIP-6")
        publish(*arguments)

    monkeypatch.setattr(releasing, "_publish", late)

    with pytest.raises(GitError):
        release(small.root, Wish())

    assert git(small.root, "log", "-1", "--format=%s") == "fix: meanwhile"
    assert git(small.root, "tag").split() == ["v0.1.0", "v0.2.0"]
    assert git(small.root, "status", "--porcelain") == ""


def test_a_fresh_clone_goes_on_with_the_examples_of_its_remote(small: Small, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(small.root), str(clone))
    mine = object.__new__(Small)
    mine.root = clone
    worked(mine)

    release(clone, Wish(day=DAY))

    git(small.root, "switch", "-q", "-c", "parked")
    git(clone, "push", "-q", "--atomic", "origin", "main", "v0.2.1", "examples")
    assert git(small.root, "log", "--format=%s", "examples").splitlines()[:2] == [
        "chore(examples): 0.2.1",
        "chore(examples): 0.2.0",
    ]


def test_identity_is_that_of_the_repository(small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    worked(small)
    git(small.root, "config", "user.name", "An Owner")
    monkeypatch.setattr(releasing, "_measure", lambda *_: None)

    release(small.root, Wish())

    assert git(small.root, "log", "-1", "--format=%an", "v0.2.1") == "An Owner"
    assert git(small.root, "log", "-1", "--format=%an", "examples") == "An Owner"
    assert "tagger An Owner" in git(small.root, "cat-file", "-p", "v0.2.1")


@pytest.mark.usefixtures("unmeasured")
@pytest.mark.parametrize("what", ["commit.gpgSign", "tag.gpgSign"])
def test_what_the_repository_wants_signed_is_signed_or_there_is_no_release(what: str, small: Small) -> None:
    worked(small)
    git(small.root, "config", what, "true")
    git(small.root, "config", "gpg.program", "no-such-program")
    before = small.fingerprint()

    with pytest.raises(GitError, match="no-such-program"):
        release(small.root, Wish())

    assert small.fingerprint() == before


def test_a_choice_that_went_is_measured_as_an_update_treats_it(small: Small) -> None:
    small.ask(lambda data: data["ci"]["choices"].pop("Take jenkins"))
    head = small.commit("feat!: no jenkins\n\nRefs: SLIP-5")

    found = measure(small.root, "v0.2.0", at(small.root, "v0.2.0"), head, at(small.root, head))

    by_jenkins = [changes for answers, changes in found.changes if answers["ci"] == "jenkins"]
    assert all(set(changes) == {".gitlab-ci.yml"} for changes in by_jenkins)
    assert short(found)[0] == "- Where ci is jenkins: 1 added."


def test_a_renamed_question_takes_its_answer_along_and_breaks_nothing(small: Small, tmp_path: Path) -> None:
    root = Path(shutil.move(small.root, tmp_path / "renamed.git"))
    small.root, service = root, tmp_path / "service"
    run_copy(root.as_uri(), service, data={"ci": "jenkins"}, vcs_ref="v0.2.0", defaults=True, quiet=True)
    git(service, "init", "-q", "-b", "main")
    commit_all(service, "feat: launch")
    text = (root / "copier.yml").read_text(encoding="utf-8")
    text = (
        text.replace("\nci:", "\npipelines:")
        .replace("ci in [", "pipelines in [")
        .replace("ci=ci", "pipelines=pipelines")
    )
    (root / "copier.yml").write_text(text, encoding="utf-8")
    small.ask(lambda data: data["pipelines"].update(default="{{ ci | default('both') }}"))
    small.commit("feat(template): a better name\n\nRefs: SLIP-5")

    made = release(root, Wish(day=DAY))
    outcome = update(service, UpdateWish(targets=()), Engine(tmp_path / "engine"))

    answers = git(service, "show", f"{outcome.branch}:.copier-answers.yml").splitlines()
    assert '"pipelines": [\n    "both"' in (root / "cookiecutter.json").read_text(encoding="utf-8")
    assert made.version == "0.3.0"
    assert [(one.rule, one.message) for one in made.found] == [
        ("COMP007", "pipelines is new and takes the answer of ci over")
    ]
    assert "pipelines: jenkins" in answers
    assert set(outcome.changed) == {".copier-answers.yml"}


def test_a_release_that_changes_no_service_says_so(small: Small) -> None:
    small.commit("feat(update): a word\n\nRefs: SLIP-5")

    made = release(small.root, Wish(day=DAY))

    assert made.examples == []
    assert "Nothing else: no file of any service." in made.notes
    assert changelog.read((small.root / "CHANGELOG.md").read_text(encoding="utf-8"))[0].body.endswith(
        "### What an update changes\n\n- The version in the answers file, and nothing else."
    )
