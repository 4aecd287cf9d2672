"""Processes that each have one task: what fails, fails alone."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from slipway.fleet.bring import Bring
from slipway.fleet.pool import Outcome, Pool
from slipway.gitting import git


def work(place: Path, task: str) -> str:
    """Do what the task says; each process has a folder of its own."""
    if task == "raise":
        message = "at https://user:s3cret@example.com/x"
        raise ValueError(message)
    if task == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if task == "leave":
        os._exit(7)
    if task == "hang":
        time.sleep(600)
    print("a word that nobody waits for")  # noqa: T201  -- it must not reach the parent's output
    (place / "mark").write_text(task, encoding="utf-8")
    return place.name


def hang(place: Path, task: Bring) -> None:
    """Make a worktree as an update does, and never end."""
    git(Path(task.repository.address), "worktree", "add", "--quiet", "--detach", str(place / "tmp" / "w"), "HEAD")
    time.sleep(600)


def ended(place: Path, tasks: list[str], *, jobs: int = 2, timeout: float = 60) -> dict[str, Outcome[str, str]]:
    """Run tasks and give how each ended."""
    with Pool(place, jobs=jobs, timeout=timeout) as pool:
        return {outcome.task: outcome for outcome in pool.run(work, tasks) if outcome}


@pytest.mark.parametrize(
    ("task", "reason"),
    [
        ("raise", "ValueError: at https://example.com/x"),
        ("die", "its process was killed by SIGKILL"),
        ("leave", "its process ended with exit status 7"),
        pytest.param("hang", "it took longer than 10 s and was stopped", marks=pytest.mark.slow),
    ],
)
def test_what_fails_fails_alone_and_says_why(tmp_path: Path, task: str, reason: str) -> None:
    found = ended(tmp_path, ["a", task, "b", "c"], timeout=10 if task == "hang" else 60)

    assert found[task].failure == reason
    assert [found[name].failure for name in "abc"] == ["", "", ""]


def test_no_two_processes_share_a_folder(tmp_path: Path) -> None:
    found = ended(tmp_path, ["a", "b", "c", "d"], jobs=4)

    places = {outcome.value for outcome in found.values()}
    assert places == {path.name for path in tmp_path.iterdir() if (path / "mark").is_file()}
    assert len(places) > 1


def test_what_a_task_prints_stays_apart(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    found = ended(tmp_path, ["a"])

    assert capfd.readouterr() == ("", "")
    assert b"nobody waits" in (tmp_path / str(found["a"].value) / "log").read_bytes()


def test_leaving_the_pool_ends_what_runs(tmp_path: Path) -> None:
    with Pool(tmp_path, jobs=1, timeout=60) as pool:
        next(pool.run(work, ["hang"]))
        process = pool._busy[0]._process  # noqa: SLF001  -- there is no other way to see it end

    assert process.exitcode == -signal.SIGKILL
