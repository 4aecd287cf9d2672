"""Time an update by whole-process wall time, side by side, and print ratios. Run it with: make bench.

The floor is two renders of the service and what git itself must do: put the old render in a repository, take the
difference to what the team has, and apply it to the new one.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from generation import ROOT, TREE, say, template_in

from slipway.engine import Engine
from slipway.update.outcome import Wish
from slipway.update.run import update

GOAL_COPIES, GOAL_LOOK = 3.0, 1.0
OLD, NEW = "v99.0.0", "v99.1.0"
COPIER, SLIPWAY = [sys.executable, "-m", "copier"], [sys.executable, "-m", "slipway"]
GIT_ALONE = """
set -e
cp -r "$1" old && cd old && git init -q && git add -A -f && tree=$(git write-tree)
git fetch -q --depth 1 "$2" HEAD
git diff-tree --binary -p "$tree" FETCH_HEAD >../edits.patch
cp -r "$3" ../new && cd ../new && git init -q && git apply --reject --exclude=.copier-answers.yml ../edits.patch
"""


class Step(NamedTuple):
    """A command to time: its words, its folder, and what brings the folder back to where it was before each run."""

    command: list[str]
    folder: Path
    before: Callable[[], None]


def git(folder: Path, *arguments: str) -> None:
    """Run git, quietly."""
    subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True)


def release(template: Path, bare: Path) -> None:
    """Make two releases: the committed template, and one that changes, adds and removes a few files."""
    git(template, "config", "user.name", "bench")
    git(template, "config", "user.email", "bench@example.com")
    tree = template / TREE
    for path in ("bin/lib.sh", "mk/slipway.mk", "Dockerfile", "docs/configuration.md", "k8s/base/kustomization.yaml"):
        for place in [tree / path, *tree.glob(f"*/{path}")]:
            if place.is_file():
                place.write_text(place.read_text(encoding="utf-8") + "# a line of the next release\n", encoding="utf-8")
    (tree / "docs" / "how-to" / "a-new-page.md").write_text("# New\n", encoding="utf-8")
    git(template, "add", "-A")
    git(template, "commit", "-q", "-m", "feat: the next release")
    git(template, "tag", NEW)
    git(template, "clone", "-q", "--bare", str(template), str(bare))


def service_of(address: str, place: Path) -> Path:
    """Generate a service from the older release, with two edits of its team."""
    subprocess.run([*COPIER, "copy", "-q", "--defaults", "--vcs-ref", OLD, address, str(place)], check=True)
    git(place, "init", "-q", "-b", "main")
    for name in ("Dockerfile", "bin/smoke"):
        text = (place / name).read_text(encoding="utf-8").splitlines(keepends=True)
        (place / name).write_text("".join([*text[:1], "# an edit of the team\n", *text[1:]]), encoding="utf-8")
    git(place, "add", "-A")
    git(place, "-c", "user.name=bench", "-c", "user.email=bench@example.com", "commit", "-q", "-m", "feat: launch")
    return place


def measure(steps: dict[str, Step], runs: int) -> dict[str, float]:
    """Give the median of each step in seconds, measured in turn so that a drift of the machine meets all of them."""
    times: dict[str, list[float]] = {name: [] for name in steps}
    for number in range(runs + 1):
        for name, step in steps.items():
            step.before()
            started = time.perf_counter()
            done = subprocess.run(step.command, cwd=step.folder, check=False, capture_output=True)
            took = time.perf_counter() - started
            if done.returncode not in (0, 2, 5):
                sys.exit(f"{name}: exit status {done.returncode}\n{done.stderr.decode()}")
            if number:
                times[name].append(took)
    return {name: statistics.median(values) for name, values in times.items()}


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7, help="counted runs of each command")
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        os.environ["COPIER_CACHE_DIR"] = str(base / "cache")
        bare = base / "slipway.git"
        release(template_in(base / "slipway"), bare)
        address = bare.as_uri()
        service = service_of(address, base / "service")
        current = service_of(address, base / "current")
        subprocess.run([*COPIER, "update", "-q", "--defaults"], cwd=current, check=True)
        git(current, "add", "-A")
        git(current, "-c", "user.name=bench", "-c", "user.email=b@example.com", "commit", "-q", "-m", "chore: update")
        renders = {}
        for version in (OLD, NEW):
            renders[version] = base / version
            arguments = ["copy", "-q", "--defaults", "--vcs-ref", version, address, str(renders[version])]
            subprocess.run([*COPIER, *arguments], check=True)
        scratch, target = base / "scratch", base / "target"

        def nothing() -> None:
            pass

        def as_it_was() -> None:
            git(service, "reset", "-q", "--hard")
            git(service, "clean", "-qfd")
            subprocess.run(["git", "-C", str(service), "branch", "-q", "-D", "bench"], check=False, capture_output=True)

        def empty() -> None:
            for place in (scratch, target):
                shutil.rmtree(place, ignore_errors=True)
            scratch.mkdir()

        def cold() -> None:
            as_it_was()
            shutil.rmtree(base / "cache", ignore_errors=True)

        plain = [*COPIER, "update", "-q", "--defaults"]
        ours = [*SLIPWAY, "update", str(service), "-b", "bench", "--run", ""]
        alone = ["sh", "-c", GIT_ALONE, "sh", str(renders[OLD]), str(service), str(renders[NEW])]
        copy = [*COPIER, "copy", "-q", "--defaults", "--vcs-ref", NEW, address, str(target)]
        medians = measure(
            {
                "copier copy": Step(copy, base, empty),
                "git alone": Step(alone, scratch, empty),
                "copier check-update": Step([*COPIER, "check-update"], current, nothing),
                "slipway update --check": Step([*SLIPWAY, "update", "--check", str(current)], ROOT, nothing),
                "slipway update, current": Step([*SLIPWAY, "update", str(current)], ROOT, nothing),
                "copier update": Step(plain, service, as_it_was),
                "copier update, no cache": Step(plain, service, cold),
                "slipway update, guards": Step(ours, ROOT, as_it_was),
            },
            runs,
        )
        as_it_was()
        report(medians, runs)
        warm(service, base / "engine", runs)
    return 0


def report(medians: dict[str, float], runs: int) -> None:
    """Print the medians, against one copy and against two renders with git's own work."""
    one, floor = medians["copier copy"], 2 * medians["copier copy"] + medians["git alone"]
    say(f"update of the default service over one release, median of {runs} runs")
    for name, median in medians.items():
        say(f"  {name:24} {median * 1000:7.0f} ms   {median / one:5.2f} copies   {median / floor:5.2f} of the floor")
    say(f"  the floor, two copies and git alone: {floor * 1000:.0f} ms")
    guarded = medians["slipway update, guards"] / one
    looked = medians["slipway update, current"] / medians["copier check-update"]
    say(f"  an update with guards: {guarded:.2f} copies (goal {GOAL_COPIES})")
    say(f"  a current service found out: {looked:.2f} of copier check-update (goal {GOAL_LOOK})")


def warm(service: Path, place: Path, runs: int) -> None:
    """Print what the second update in one process costs, with the mirror and what was compiled at hand."""
    place.mkdir()
    engine, times = Engine(place), []
    for number in range(runs + 1):
        started = time.perf_counter()
        update(service, Wish(branch=f"bench-{number}", targets=()), engine)
        times.append(time.perf_counter() - started)
    later = statistics.median(times[1:])
    say(f"  in one process: the first {times[0] * 1000:.0f} ms, each later one {later * 1000:.0f} ms")


if __name__ == "__main__":
    sys.exit(main())
