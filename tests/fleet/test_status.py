"""`slipway fleet status`: what it finds, what it leaves alone, how it goes on and how it ends."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from slipway import contract
from slipway.cli import main
from slipway.fleet import status
from slipway.fleet.kept import Kept
from slipway.fleet.progress import Progress
from slipway.fleet.run import Means, survey
from slipway.fleet.sources import repository
from slipway.fleet.templates import Template, engine_of
from tests.conftest import ROOT, commit_all, git
from tests.fleet.fleet import LINES, MARKED, Fleet, edit


def ran(fleet: Fleet, *words: str) -> Result:
    """Run `slipway fleet status` with a cache of the test's own."""
    return CliRunner().invoke(main, ["fleet", "status", "--cache", str(fleet.home / "cache"), *words])


def whole(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Give every byte below a folder, git's own too, and the modes."""
    return {str(path): (path.stat().st_mode, path.read_bytes()) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    """Give a fleet in which every state is found; treat it as read-only."""
    fleet = Fleet(tmp_path_factory.mktemp("mixed"))
    fleet.broken()
    fleet.bear("pristine")
    fleet.bear("one-behind", "v0.2.0")
    fleet.bear("two-behind", "v0.1.0")
    edit(fleet.bear("owned"), "README.md", "# Ours\n")
    drifting = fleet.bear("drifting")
    (drifting / "plain.txt").unlink()
    (drifting / "bin/run").chmod(0o644)
    (drifting / "own.txt").write_text("ours\n", encoding="utf-8")
    edit(drifting, "guide.txt", "ours\n")
    edit(fleet.bear("marked"), "guide.txt", MARKED)
    edit(fleet.bear("rejected"), "guide.txt.rej", "@@ -1 +1 @@\n")
    return fleet


NAMES = (
    *("no-commit", "no-link", "lost-template", "no-git", "no-folder"),
    *("pristine", "one-behind", "two-behind", "owned", "drifting", "marked", "rejected"),
)


def test_every_state_of_a_mixed_fleet_is_told(mixed: Fleet) -> None:
    records = mixed.survey(*NAMES, jobs=3)

    states = {Path(record["repository"]).name: (record["state"], record["behind"]) for record in records}
    assert states == {
        **dict.fromkeys(NAMES[:5], ("failed", None)),
        "pristine": ("current", 0),
        "one-behind": ("behind", 1),
        "two-behind": ("behind", 2),
        "owned": ("current", 0),
        "drifting": ("drifting", 0),
        "marked": ("conflict", 0),
        "rejected": ("conflict", 0),
    }


def test_drift_is_what_was_edited_deleted_or_given_another_mode_of_the_templates_files(mixed: Fleet) -> None:
    records = mixed.survey("pristine", "owned", "drifting", "two-behind", cache="drift")

    assert [record["drift"] for record in records] == [
        [],
        [],
        [
            {"path": "bin/run", "kind": "mode"},
            {"path": "guide.txt", "kind": "edited"},
            {"path": "plain.txt", "kind": "deleted"},
        ],
        [],
    ]


def test_a_failed_repository_is_named_with_its_reason_and_the_rest_is_done(mixed: Fleet) -> None:
    told = {"no-commit": "it holds no commit", "no-link": "knows no template", "lost-template": "cannot be fetched",
            "no-git": "not a git repository", "no-folder": "does not exist"}  # fmt: skip

    done = ran(mixed, "--fresh", *(str(mixed.home / name) for name in NAMES))

    assert done.exit_code == 1
    for name, reason in told.items():
        assert any(
            line.startswith(f"failed: {mixed.home / name}:") and reason in line for line in done.stderr.split("\n")
        )
    assert "measuring 7 of them, 0 known from an earlier run" in done.stderr
    assert "12 repositories" in done.stdout
    assert "5 failed, 2 conflict, 2 behind, 1 drifting, 2 current" in done.stdout


def test_parallel_and_sequential_runs_find_the_same(mixed: Fleet) -> None:
    alone = mixed.survey(*NAMES, cache="alone", jobs=1)

    together = mixed.survey(*NAMES, cache="together", jobs=4)

    assert together == alone


def test_no_byte_of_a_repository_changes(mixed: Fleet) -> None:
    os.utime(mixed.home / "pristine/guide.txt", (0, 0))  # git would note in the index that it is the same
    before = {name: whole(mixed.home / name) for name in NAMES}

    mixed.survey(*NAMES, cache="untouched", jobs=2)

    assert {name: whole(mixed.home / name) for name in NAMES} == before


def test_nothing_that_a_repository_names_is_run(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path)
    service, trap, sprung = fleet.bear("trapped"), tmp_path / "trap", tmp_path / "sprung"
    trap.write_text(f"#!/bin/sh\ntouch {sprung}\ncat\n", encoding="utf-8")
    trap.chmod(0o755)
    edit(service, ".gitattributes", "* filter=trap diff=trap\n")
    for key in ("core.fsmonitor", "filter.trap.clean", "filter.trap.smudge", "diff.trap.textconv", "gpg.program"):
        git(service, "config", key, str(trap))
    git(service, "config", "log.showSignature", "true")
    for hook in ("post-checkout", "post-index-change"):
        (service / ".git/hooks" / hook).symlink_to(trap)
    os.utime(service / "guide.txt", (0, 0))

    records = fleet.survey("trapped")

    assert records[0]["state"] == "current"
    assert not sprung.exists()
    git(service, "status")
    assert sprung.exists(), "the trap itself is broken"


def test_an_index_with_unmerged_files_is_a_conflict(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path)
    service = fleet.bear("merging")
    git(service, "switch", "-q", "-c", "other")
    edit(service, "guide.txt", "theirs\n")
    git(service, "switch", "-q", "main")
    edit(service, "guide.txt", "ours\n")
    with pytest.raises(Exception, match="merge"):
        git(service, "merge", "other")

    records = fleet.survey("merging")

    assert records[0]["state"] == "conflict"
    assert records[0]["conflicts"] == [{"path": "guide.txt", "where": "index"}]
    assert records[0]["dirty"]


def test_an_update_that_waits_is_named_with_its_conflicts(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path)
    service = fleet.bear("waiting", "v0.2.0")
    git(service, "switch", "-q", "-c", "template/v0.3.0")
    link = service / ".copier-answers.yml"
    link.write_text(link.read_text("utf-8").replace("v0.2.0", "v0.3.0"), encoding="utf-8")
    edit(service, "guide.txt", MARKED)
    git(service, "switch", "-q", "main")
    url = service.as_uri()

    (local,) = fleet.survey("waiting")
    (fetched,) = survey([repository(url)], Means(tmp_path / "other", jobs=1), Progress(io.StringIO()))

    for record in (local, fetched):
        assert record["waiting"] == ["template/v0.3.0"]
        assert record["conflicts"] == [{"path": "guide.txt", "where": "template/v0.3.0"}]
        assert (record["state"], record["behind"]) == ("conflict", 1)


def test_a_bare_repository_a_url_and_a_folder_of_a_repository_are_read_alike(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path)
    service = fleet.bear("service", "v0.2.0")
    edit(service, "plain.txt", "ours\n")
    git(tmp_path, "clone", "-q", "--bare", str(service), str(tmp_path / "bare.git"))
    inner = tmp_path / "many" / "orders"
    inner.parent.mkdir()
    git(inner.parent, "init", "-q", "-b", "main")
    git(service, "checkout-index", "-a", f"--prefix={inner}/")
    commit_all(inner.parent, "feat: many")
    words = [str(service), str(tmp_path / "bare.git"), service.as_uri(), str(inner)]

    records = survey([repository(word) for word in words], Means(tmp_path / "cache", jobs=2), Progress(io.StringIO()))

    for record in records:
        assert (record["state"], record["behind"]) == ("behind", 1), record["reason"]
        assert record["drift"] == [{"path": "plain.txt", "kind": "edited"}]


def test_the_score_is_the_share_of_checks_without_a_finding(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path)
    result = contract.check(fleet.bear("service"))

    (record,) = fleet.survey("service")

    failing = {finding.check for finding in result.findings}
    assert record["failing"] == sorted(failing)
    assert record["score"] == round(1 - len(failing) / result.checks, 4)
    assert 0 < record["score"] < 1


# A run goes on


class Stopping(Progress):
    """A progress at which somebody presses Ctrl-C once the second repository is measured."""

    def done(self) -> None:
        """Count, and stop."""
        super().done()
        if self._verb == "measuring" and self._done == 2:
            raise KeyboardInterrupt


def test_a_run_that_was_stopped_goes_on_where_it_was(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path)
    names = ["a", "b", "c"]
    wanted = [repository(str(fleet.bear(name))) for name in names]
    with pytest.raises(KeyboardInterrupt):
        survey(wanted, Means(tmp_path / "cache", jobs=1), Stopping(io.StringIO()))
    told = io.StringIO()

    records = fleet.survey(*names, told=told)

    assert "measuring 1 of them, 2 known from an earlier run" in told.getvalue()
    assert [record["state"] for record in records] == ["current"] * 3
    assert records == fleet.survey(*names, cache="fresh")


@pytest.fixture
def silent_server() -> Iterator[socket.socket]:
    """Give a socket that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)
        yield server


def test_ctrl_c_ends_what_runs_and_says_how_to_go_on(tmp_path: Path, silent_server: socket.socket) -> None:
    url = f"http://127.0.0.1:{silent_server.getsockname()[1]}/orders.git"
    command = [sys.executable, "-m", "slipway", "fleet", "status", "--cache", str(tmp_path / "cache"), url]

    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        connection, _ = silent_server.accept()
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)

    assert process.returncode == 130
    assert "the same command goes on from here" in told
    connection.settimeout(60)
    while connection.recv(1024):  # git is gone, so the connection ends
        pass


@pytest.mark.slow
def test_a_server_that_does_not_answer_fails_alone(mixed: Fleet, silent_server: socket.socket) -> None:
    url = f"http://127.0.0.1:{silent_server.getsockname()[1]}/orders.git"

    done = ran(mixed, url, str(mixed.home / "pristine"), "--timeout", "10", "--format", "json")

    first, second = json.loads(done.stdout)["repositories"]
    assert (first["state"], first["reason"]) == ("failed", "it took longer than 10 s and was stopped")
    assert second["state"] == "current"


@pytest.mark.parametrize("moved", ["a commit", "a release", "nothing"])
def test_only_what_moved_is_measured_again(tmp_path: Path, moved: str) -> None:
    fleet = Fleet(tmp_path)
    service = fleet.bear("service")
    fleet.bear("other")
    fleet.survey("service", "other")
    if moved == "a commit":
        edit(service, "plain.txt", "ours\n")
    elif moved == "a release":
        fleet.release("release 4")
    told = io.StringIO()

    records = fleet.survey("service", "other", told=told)

    count, states = {
        "a commit": (1, ["drifting", "current"]),
        "a release": (2, ["behind", "behind"]),
        "nothing": (0, ["current", "current"]),
    }[moved]
    assert f"measuring {count} of them, {2 - count} known" in told.getvalue()
    assert [record["state"] for record in records] == states


def test_what_was_rendered_once_is_not_rendered_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fleet = Fleet(tmp_path)
    service = fleet.bear("service")
    fleet.survey("service")
    edit(service, "plain.txt", "ours\n")
    look = status.look(tmp_path, (repository(str(service)), tmp_path))
    mirrors = tmp_path / "cache/templates/mirrors"
    task = status.Task(look, Template("v0.3.0", ""), mirrors, tmp_path / "cache/rendered")
    engine_of.cache_clear()
    monkeypatch.setattr("slipway.engine.Engine.render", lambda *_: pytest.fail("it was rendered again"))

    measured = status.measure(tmp_path, task)

    assert measured["drift"] == [{"path": "plain.txt", "kind": "edited"}]


def test_a_torn_line_of_kept_results_is_passed_over(tmp_path: Path) -> None:
    with Kept(tmp_path) as kept:
        kept.put("a", {"whole": True})
    with (tmp_path / "results.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"key": "b", "val')

    with Kept(tmp_path) as kept:
        kept.put("c", 3)
    with Kept(tmp_path) as kept:
        found = [kept.get(key) for key in "abc"]

    assert found == [{"whole": True}, None, 3]


def test_two_runs_cannot_share_a_cache(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path)
    fleet.bear("service")

    with Kept(tmp_path / "cache"):
        done = ran(fleet, str(tmp_path / "service"))

    assert done.exit_code == 1
    assert "another run uses" in done.stderr
    assert "--cache" in done.stderr


# What is shown


def test_credentials_are_neither_shown_nor_kept(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path)
    service = fleet.bear("service")
    link = service / ".copier-answers.yml"
    link_of_theirs = "http://somebody:s3cret-word@127.0.0.1:9/template.git?private_token=s3cret-word"
    link.write_text(link.read_text("utf-8").replace(fleet.address, link_of_theirs), encoding="utf-8")
    commit_all(service, "chore: link")
    url = "http://somebody:s3cret-word@127.0.0.1:9/orders.git"

    done = ran(fleet, str(service), url, "--format", "json")

    assert done.exit_code == 1
    assert [one["state"] for one in json.loads(done.stdout)["repositories"]] == ["failed", "failed"]
    assert "http://127.0.0.1:9/orders.git" in done.stdout
    assert "s3cret" not in done.output
    kept = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert not [path for path in kept if b"s3cret" in path.read_bytes()]


def test_progress_without_a_terminal_is_plain_lines(mixed: Fleet) -> None:
    done = ran(mixed, str(mixed.home / "pristine"), str(mixed.home / "no-link"))

    assert done.stderr.startswith("reading 2 repositories, ")
    assert not set("\r\x1b") & set(done.output)


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


def clock(*seconds: float) -> Iterator[float]:
    """Give times, the last one for ever."""
    yield from seconds
    while True:
        yield seconds[-1]


def test_progress_on_a_terminal_is_one_line_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    stream, times = Terminal(), clock(0, 0, 40)
    progress = Progress(stream, clock=lambda: next(times))

    progress.begin("measuring", 8, "of them")
    for _ in range(4):
        progress.done()
    progress.end()

    assert "\n" not in stream.getvalue()
    assert "measuring 4/8, 40 s, 40 s left" in stream.getvalue()
    assert stream.getvalue().endswith("\r\x1b[K")


def test_a_long_run_without_a_terminal_tells_a_line_now_and_then() -> None:
    stream, times = io.StringIO(), clock(0, 0, 5, 5, 11, 11, 11, 12)
    progress = Progress(stream, clock=lambda: next(times))

    progress.begin("measuring", 200, "of them")
    for _ in range(4):
        progress.done()

    assert len(stream.getvalue().splitlines()) == 2


def test_machines_read_json_and_csv(mixed: Fleet) -> None:
    words = [str(mixed.home / name) for name in ("drifting", "two-behind", "no-link")]

    as_json, as_csv = ran(mixed, *words, "--format", "json"), ran(mixed, *words, "--format", "csv")

    found = json.loads(as_json.stdout)
    assert found["states"] == {"failed": 1, "behind": 1, "drifting": 1}
    rows = list(csv.DictReader(io.StringIO(as_csv.stdout)))
    assert [(row["state"], row["version"], row["drift"]) for row in rows] == [
        ("drifting", "v0.3.0", "3"),
        ("behind", "v0.1.0", "0"),
        ("failed", "", ""),
    ]


def test_a_spreadsheet_computes_nothing_and_a_terminal_is_not_steered(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path)
    service = fleet.bear("service")
    link = service / ".copier-answers.yml"
    link.write_text(link.read_text("utf-8").replace("v0.3.0", '"=cmd()\\e[2J"'), encoding="utf-8")
    commit_all(service, "chore: version")

    as_csv, as_text = ran(fleet, str(service), "--format", "csv"), ran(fleet, str(service))

    assert ",'=cmd()" in as_csv.stdout
    assert "\x1b" not in as_csv.stdout + as_text.output


def test_files_are_named_when_asked_for(mixed: Fleet) -> None:
    done = ran(mixed, "--files", str(mixed.home / "drifting"), str(mixed.home / "marked"))

    for line in ("deleted  plain.txt", "edited   guide.txt", "mode     bin/run", "conflict guide.txt (HEAD)"):
        assert f"    {line}\n" in done.stdout


# What is asked for


@pytest.mark.parametrize(
    ("names", "words", "code"),
    [
        (["pristine", "two-behind"], [], 0),
        (["pristine", "two-behind"], ["--strict"], 3),
        (["pristine"], ["--strict"], 0),
        (["pristine", "no-link"], ["--strict"], 1),
        ([], [], 2),
        ([], ["--from", "no-such-list"], 2),
        (["pristine"], ["--jobs", "0"], 2),
    ],
)
def test_the_exit_status_is_what_the_help_says(mixed: Fleet, names: list[str], words: list[str], code: int) -> None:
    done = ran(mixed, *(str(mixed.home / name) for name in names), *words)

    assert done.exit_code == code, done.output


def test_a_slipway_without_copier_says_what_to_install(mixed: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slipway.fleet.command.find_spec", lambda _: None)

    done = ran(mixed, str(mixed.home / "pristine"))

    assert done.exit_code == 2
    assert "slipway[update]" in done.stderr


def test_a_list_may_hold_comments_blanks_and_a_repository_twice(mixed: Fleet) -> None:
    listing = mixed.home / "fleet.txt"
    one, two = mixed.home / "pristine", mixed.home / "owned"
    listing.write_text(f"# ours\n{one}\n\n  {two}  # theirs\n{one}\n", encoding="utf-8")

    by_option = ran(mixed, "--from", str(listing), "--format", "json")
    by_word = ran(mixed, f"@{listing}", str(two), "--format", "json")

    assert [row["repository"] for row in json.loads(by_option.stdout)["repositories"]] == [str(one), str(two)]
    assert by_word.stdout == by_option.stdout


def test_uncommitted_work_is_not_measured_and_said(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path)
    service = fleet.bear("service")
    (service / "guide.txt").write_text("\n".join(LINES), encoding="utf-8")

    done = ran(fleet, str(service))

    assert "current: uncommitted changes were not looked at" in done.stdout
