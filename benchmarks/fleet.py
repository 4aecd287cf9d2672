"""Simulate a fleet: services of the real template at mixed versions, edited and broken, updated in parallel.

Run it with: make bench, or with more repositories: python -m benchmarks.fleet --repositories 200
"""

from __future__ import annotations

import argparse
import io
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from slipway.engine import Engine
from slipway.fleet.pool import Pool, cores
from slipway.fleet.progress import Progress
from slipway.fleet.run import Means, survey, update_all
from slipway.fleet.sources import Repository, repository
from slipway.gitting import git
from slipway.lineage import ANSWERS_FILE
from slipway.update.outcome import Wish
from slipway.update.run import update

ROOT = Path(__file__).resolve().parent.parent
TREE = "{{cookiecutter.project_slug}}"
RELEASES = ("v0.1.0", "v0.2.0", "v0.3.0", "v0.4.0")
GOAL_LINEAR, GOAL_PLAIN = 0.9, 0.5
MAKE_NOTHING = Wish(targets=())
BROKEN = {
    "no commit": "is not a git repository with a commit",
    "no link": "knows no template",
    "no version": "names no version",
    "unreachable template": "cannot be fetched",
    "no folder": "does not exist",
}
EDITS = ("none", "own files", "owned files", "apart", "beside", "deleted", "mode", "conflict", "both", "moved", "dirty")
CHOICES: tuple[dict[str, str], ...] = (
    {},
    {"datastore": "none"},
    {"ci": "gitlab"},
    {"monitoring": "datadog", "rollout": "canary"},
)


class Member(NamedTuple):
    """One repository of the fleet.

    Attributes:
        number: its place in the fleet.
        version: the release it was born from.
        edit: what its team did, one of EDITS; empty when it is broken.
        broken: what is wrong with it, one of BROKEN; empty when nothing is.
    """

    number: int
    version: str
    edit: str
    broken: str

    @property
    def slug(self) -> str:
        """Its name."""
        return f"service-{self.number:03}"


class Birth(NamedTuple):
    """What `bear` needs: the member, where it goes, and the template's address."""

    member: Member
    place: Path
    template: str


# The template and its releases


def template_in(place: Path) -> Path:
    """Make a repository of the working tree, with four releases of changes as they are made."""
    work = place / "work"
    listed = git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (work / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, work / name)
    git(work, "init", "--quiet", "-b", "main")
    release(work, RELEASES[0])
    tree = work / TREE
    swap(tree / "{{cookiecutter.__go}}/Dockerfile", "FROM golang:", "FROM docker.io/library/golang:")
    swap(tree / "bin/lib.sh", """printf '%s: %s\\n' "$program" "$*" >&2\n  exit 1""",
         """printf '%s: error: %s\\n' "$program" "$*" >&2\n  exit 1""")  # fmt: skip
    where = "where: ## say which template this service has\n\t@sed -n 's/^_src_path: //p' .copier-answers.yml\n"
    swap(tree / "mk/slipway.mk", "\nhooks: ## ", f"\n{where}\nhooks: ## ")
    swap(tree / "mk/slipway.mk", " template-update clean\n", " template-update clean where\n")
    (tree / "docs/how-to").mkdir(parents=True, exist_ok=True)
    (tree / "docs/how-to/read-a-profile.md").write_text(
        "# Read a profile of {{ cookiecutter.project_slug }}\n", encoding="utf-8"
    )
    release(work, RELEASES[1])
    swap(tree / "k8s/base/api.yaml", "revisionHistoryLimit: 5", "revisionHistoryLimit: 3")
    swap(tree / "k8s/base/api.yaml", "cpu: 100m", "cpu: 120m")
    swap(tree / "{{cookiecutter.__gitlab}}/.gitlab-ci.yml", "timeout: 20 minutes", "timeout: 25 minutes")
    channel = 'channel:\n  type: str\n  help: Where the team is asked.\n  default: "#{{ owner_team }}"\n'
    swap(work / "copier.yml", "\n# Choices, default first\n", f"\n{channel}\n# Choices, default first\n")
    release(work, RELEASES[2])
    for script in sorted((tree / "bin").iterdir()):
        script.write_text(
            script.read_text("utf-8").replace("\nset -eu\n", "\nset -eu # stop early\n"), encoding="utf-8"
        )
    (tree / ".shellcheckrc").unlink()
    (tree / "docs/how-to/read-a-profile.md").write_text(
        "# Profiles of {{ cookiecutter.project_slug }}\n", encoding="utf-8"
    )
    release(work, RELEASES[3])
    bare = place / "slipway.git"
    git(place, "clone", "--quiet", "--bare", str(work), str(bare))
    return bare


def swap(file: Path, old: str, new: str) -> None:
    """Change a text once; the simulation would mean nothing if it were not there."""
    text = file.read_text(encoding="utf-8")
    if old not in text:
        message = f"{file.name} does not hold {old!r}: change benchmarks/fleet.py with it"
        raise SystemExit(message)
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def release(work: Path, tag: str) -> None:
    """Commit and tag."""
    git(work, "add", "--all")
    git(work, "commit", "--quiet", "--allow-empty", "-m", f"feat: {tag}")
    git(work, "tag", tag)


def synthetic(place: Path, files: int, releases: int) -> Path:
    """Make a template of equal small files, of which each release changes a tenth."""
    tree = place / "template"
    tree.mkdir(parents=True)
    git(place, "init", "--quiet", "-b", "main")
    (place / "copier.yml").write_text(
        '_subdirectory: template\n_templates_suffix: ""\nproject_slug: {type: str, default: x}\n', encoding="utf-8"
    )
    (tree / "{{ _copier_conf.answers_file }}").write_text("{{ _copier_answers | to_nice_yaml -}}\n", encoding="utf-8")
    body = "# a line of text, as in many files\n" * 40 + "{{ project_slug }}\n"
    for number in range(releases):
        for file in range(files):
            if not number or file % 10 == number % 10:
                (tree / f"file_{file:04}.txt").write_text(f"release {number}\n{body}", encoding="utf-8")
        release(place, f"v{number + 1}.0.0")
    return place


# The services


def plan(count: int) -> list[Member]:
    """Mix versions, edits and broken members; one in twenty is broken."""
    chance = random.Random(count)  # noqa: S311  -- the same fleet every time
    members = []
    for number in range(count):
        broken = list(BROKEN)[number // 20 % len(BROKEN)] if number % 20 == 13 else ""  # noqa: PLR2004
        edit = "" if broken else EDITS[number % len(EDITS)]
        members.append(Member(number, chance.choice(RELEASES), edit, broken))
    return members


def bear(place: Path, birth: Birth) -> None:
    """Render a service, commit it, and let its team work on it."""
    member, fleet, template = birth
    home = fleet / member.slug
    if member.broken == "no folder":
        return
    answers = {
        "project_name": f"Service {member.number:03}",
        "project_slug": member.slug,
        "created_on": "21112026",
        **CHOICES[member.number % len(CHOICES)],
    }
    engine = _ENGINE.setdefault(place, Engine(place))
    engine.render(template, member.version, answers, home)
    git(home, "init", "--quiet", "-b", "main")
    if member.broken == "no commit":
        return
    link = home / ANSWERS_FILE
    if member.broken == "no link":
        link.unlink()
    elif member.broken == "no version":
        link.write_text("".join(line for line in lines(link) if not line.startswith("_commit:")), encoding="utf-8")
    elif member.broken == "unreachable template":
        text = link.read_text(encoding="utf-8").replace(template, f"file://{fleet}/nowhere.git")
        link.write_text(text, encoding="utf-8")
    commit(home, "feat: launch")
    if member.edit not in {"", "none"}:
        edited(home, member.edit)
        if member.edit != "dirty":
            commit(home, f"feat: {member.edit}")


_ENGINE: dict[Path, Engine] = {}


def edited(home: Path, edit: str) -> None:
    """Do what a team does, of one kind."""
    profile = home / "docs/how-to/read-a-profile.md"
    doing: dict[str, Callable[[], object]] = {
        "own files": lambda: (home / "internal/app/loyalty.go").write_text("package app\n", encoding="utf-8"),
        "owned files": lambda: append(home / "README.md", "\n## On call\n\nAsk the team.\n"),
        "apart": lambda: append(home / ".gitignore", "/notes\n"),
        "beside": lambda: swap(home / "k8s/base/api.yaml", "memory: 256Mi", "memory: 512Mi"),
        "deleted": (home / ".yamllint.yaml").unlink,
        "mode": lambda: (home / "mk/slipway.mk").chmod(0o755),
        "conflict": lambda: swap(home / "bin/deploy", "set -eu", "set -eux"),
        "both": lambda: profile.write_text("# How we read profiles\n", encoding="utf-8"),
        "moved": lambda: (home / "bin/smoke").rename(home / "bin/smoke-test"),
        "dirty": lambda: append(home / ".editorconfig", "\n[*.csv]\ntrim_trailing_whitespace = false\n"),
    }
    profile.parent.mkdir(parents=True, exist_ok=True)
    doing[edit]()


def append(file: Path, text: str) -> None:
    """Add to the end of a file."""
    file.write_text(file.read_text(encoding="utf-8") + text, encoding="utf-8")


def lines(file: Path) -> list[str]:
    """Give the lines of a file, each with its end."""
    return file.read_text(encoding="utf-8").splitlines(keepends=True)


def commit(home: Path, subject: str) -> None:
    """Commit everything."""
    git(home, "add", "--all")
    git(home, "commit", "--quiet", "--no-verify", "-m", subject)


def born(members: Sequence[Member], fleet: Path, template: Path) -> None:
    """Make the services, in parallel."""
    with tempfile.TemporaryDirectory() as scratch, Pool(Path(scratch), jobs=cores(), timeout=300) as pool:
        for outcome in pool.run(bear, [Birth(member, fleet, template.as_uri()) for member in members]):
            if outcome and outcome.failure:
                message = f"{outcome.task.member.slug} could not be made: {outcome.failure}"
                raise SystemExit(message)


# What is measured


class Run(NamedTuple):
    """One run over the fleet: wall time and time of all processes on a core, in seconds, and a record a repository."""

    seconds: float
    worked: float
    records: list[dict[str, Any]]


def timed_update(wanted: list[Repository], jobs: int) -> Run:
    """Update a fleet on branches, from a cold cache, and give the time; the branches are taken away again."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as cache:
        started, idle = time.perf_counter(), worked()
        records = update_all(wanted, MAKE_NOTHING, None, Means(Path(cache), jobs=jobs), silent())
        seconds, spent = time.perf_counter() - started, worked() - idle
    for record in records:
        if record.get("branch"):
            record["tree"] = git(Path(record["repository"]), "rev-parse", f"{record['branch']}^{{tree}}").strip()
            git(Path(record["repository"]), "branch", "--quiet", "-D", record["branch"])
    return Run(seconds, spent, records)


def worked() -> float:
    """Give the seconds that processes which ended have spent on a core; what else the machine does is not in it."""
    times = os.times()
    return times.children_user + times.children_system


def silent() -> Progress:
    """Give a progress that nobody sees."""
    return Progress(io.StringIO(), quiet=True)


def plain(wanted: Iterable[Path], place: Path) -> list[float]:
    """Run `copier update` in a copy of each repository, one after another, and give the time of each."""
    took = []
    for number, home in enumerate(wanted):
        copy = shutil.copytree(home, place / str(number), symlinks=True)
        command = [sys.executable, "-m", "copier", "update", "--defaults", "--quiet"]
        environment = {**os.environ, "COPIER_CACHE_DIR": str(place / "copier")}
        started = time.perf_counter()
        done = subprocess.run(command, cwd=copy, check=False, capture_output=True, text=True, env=environment)
        took.append(time.perf_counter() - started)
        if done.returncode:
            message = f"copier update failed in {home.name}: {done.stderr}"
            raise SystemExit(message)
    return took


def judged(members: Sequence[Member], runs: Sequence[Run], before: Sequence[str], fleet: Path) -> None:
    """Stop when a member did not end as it must: a failure that was not planted is a race or a defect."""
    for run in runs:
        for member, record, first in zip(members, run.records, runs[0].records, strict=True):
            if not as_planned(member, record):
                message = f"{member} ended as {record}"
                raise SystemExit(message)
            if record.get("tree") != first.get("tree"):
                message = f"{member} came out differently in two runs"
                raise SystemExit(message)
    if list(before) != states(members, fleet):
        message = "a working tree or a branch of a team was changed"
        raise SystemExit(message)


def as_planned(member: Member, record: dict[str, Any]) -> bool:
    """Tell whether a member ended as it must."""
    if member.broken:
        return record["state"] == "failed" and BROKEN[member.broken] in record["reason"]
    if member.version == RELEASES[-1]:
        return bool(record["state"] == "current")
    wanted = {"conflict"} if member.edit in {"conflict", "both"} else {"updated", "look"}
    return record["state"] in wanted


def states(members: Sequence[Member], fleet: Path) -> list[str]:
    """Give what git says of each repository, so that two moments can be compared."""
    found = []
    for member in members:
        home = fleet / member.slug
        there = home.is_dir() and member.broken != "no commit"
        asked = (("for-each-ref",), ("status", "--porcelain"), ("worktree", "list"))
        found.append("".join(git(home, *words) for words in asked) if there else "")
    return found


def caches(sample: Sequence[Repository], template: Path) -> dict[str, float]:
    """Give the seconds a repository with each cache, in one process."""

    def timed(engine_for: Callable[[Path], Engine]) -> float:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
            started = time.perf_counter()
            for number, one in enumerate(sample):
                update(Path(one.address), MAKE_NOTHING, engine_for(Path(scratch, str(number))))
            seconds = time.perf_counter() - started
        for one in sample:
            for branch in git(
                Path(one.address), "for-each-ref", "--format=%(refname:short)", "refs/heads/template"
            ).split():
                git(Path(one.address), "branch", "--quiet", "-D", branch)
        return seconds / len(sample)

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        first = Engine(Path(folder, "first"))
        first.mirror(template.as_uri())
        one = Engine(Path(folder, "one"), mirrors=first.mirrors)
        return {
            "a mirror each, nothing compiled before": timed(Engine),
            "one mirror, nothing compiled before": timed(lambda place: Engine(place, mirrors=first.mirrors)),
            "one mirror, compiled once": timed(lambda _: one),
        }


def growth(base: Path, jobs: int) -> None:
    """Print what files and releases cost."""
    services = 4 * jobs
    for files, between in ((50, 2), (150, 2), (450, 2), (150, 20), (150, 60)):
        place = base / f"growth-{files}-{between}"
        template = synthetic(place / "template.git", files, between)
        wanted = []
        engine = Engine(place / "engine")
        for number in range(services):
            home = place / f"s{number}"
            engine.render(template.as_uri(), "v1.0.0", {"project_slug": f"s{number}"}, home)
            git(home, "init", "--quiet", "-b", "main")
            commit(home, "feat: launch")
            wanted.append(repository(str(home)))
        run = timed_update(wanted, jobs)
        bad = [record for record in run.records if record["state"] != "updated"]
        if bad:
            raise SystemExit(str(bad[0]))
        say(f"  {files:4} files, {between:2} releases: {run.seconds / services * 1000:6.0f} ms a repository")


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repositories", type=int, default=24, help="how many services the fleet has")
    parser.add_argument("--sample", type=int, default=10, help="how many of them plain `copier update` is run for")
    parser.add_argument("--no-growth", action="store_true", help="leave out what files and releases cost")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        base = Path(folder)
        quiet_home(base / "home")
        simulate(base, asked.repositories, asked.sample)
        if not asked.no_growth:
            growth(base, cores())
    return 0


def simulate(base: Path, count: int, sampled: int) -> None:
    """Print what a fleet costs."""
    (base / "template").mkdir()
    template, fleet, members = template_in(base / "template"), base / "fleet", plan(count)
    fleet.mkdir()
    born(members, fleet, template)
    wanted = [repository(str(fleet / member.slug)) for member in members]
    say(f"{count} services at {len(RELEASES)} releases, {told(member.edit or member.broken for member in members)}")
    say(f"  load of the machine before: {load()}")
    before = states(members, fleet)
    amounts = [jobs for jobs in (1, 2, 4, 8, 16) if jobs < cores()] + [cores()]
    runs = {jobs: timed_update(wanted, jobs) for jobs in amounts}
    judged(members, list(runs.values()), before, fleet)
    whole = runs[amounts[-1]]
    marked = sum(sum(record.get("conflicts", {}).values()) for record in whole.records)
    say(f"  came out: {told(record['state'] for record in whole.records)}; {marked} conflicts marked")
    say("  no cache race: every failure was planted, and each run gave the same trees")
    alone = runs[1].seconds
    for jobs, run in runs.items():
        share = alone / run.seconds / jobs
        each = count / run.seconds / jobs * 60
        goal = f" (goal {GOAL_LINEAR:.0%})" if jobs > 1 else ""
        pace = f"{each:4.0f} repositories a minute and core"
        say(f"  {jobs} at a time {run.seconds:8.1f} s, {pace}, linear {share:.0%}{goal}, {run.worked:.0f} s of work")
    for part in (count // 4, count // 2):
        took = timed_update(wanted[:part], amounts[-1]).seconds
        say(f"  {part:4} repositories {took:6.1f} s, {took / part * 1000:5.0f} ms each")
    say(f"  {count:4} repositories {whole.seconds:6.1f} s, {whole.seconds / count * 1000:5.0f} ms each")
    against_plain(base, members, fleet, whole, sampled)
    behind = [
        one for one, member in zip(wanted, members, strict=True) if member.edit and member.version != RELEASES[-1]
    ]
    for name, seconds in caches(behind[:sampled], template).items():
        say(f"  {name:40} {seconds * 1000:6.0f} ms a repository")
    looked(wanted, amounts[-1])
    say(f"  load of the machine after: {load()}")


def against_plain(base: Path, members: Sequence[Member], fleet: Path, whole: Run, sampled: int) -> None:
    """Compare with `copier update` as a command, for a sample of those that it can be run in."""
    able = [member for member in members if not member.broken and member.edit != "dirty"]
    step = max(len(able) / sampled, 1)
    sample = [able[int(number * step)] for number in range(min(sampled, len(able)))]
    took = plain((fleet / member.slug for member in sample), base / "plain")
    each = statistics.mean(took)
    expected = each * sum(not member.broken for member in members)
    say(f"  plain `copier update`: {each:.2f} s each in a sample of {len(sample)}, so {expected:.0f} s in a row")
    say(f"  with guards and in parallel {whole.seconds / expected:.2f} of it (goal {GOAL_PLAIN})")


def looked(wanted: list[Repository], jobs: int) -> None:
    """Print what `slipway fleet status` costs, the first time and again."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as cache:
        for name in ("first", "again"):
            started = time.perf_counter()
            records = survey(wanted, Means(Path(cache), jobs=jobs), silent())
            seconds = time.perf_counter() - started
            say(f"  fleet status, {name}: {seconds:.1f} s; {told(record['state'] for record in records)}")


def told(words: Iterable[str]) -> str:
    """Count words."""
    return ", ".join(f"{count} {word}" for word, count in Counter(words).most_common())


def load() -> str:
    """Give the load of the last minute and the number of cores."""
    return f"{os.getloadavg()[0]:.1f} on {cores()} cores"


def quiet_home(home: Path) -> None:
    """Keep the user's settings of git and Copier out of the figures."""
    home.mkdir()
    (home / "gitconfig").write_text("[user]\n\tname = A Team\n\temail = team@example.com\n", encoding="utf-8")
    (home / "copier.yml").write_text("{}\n", encoding="utf-8")
    os.environ |= {
        "GIT_CONFIG_GLOBAL": str(home / "gitconfig"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "COPIER_SETTINGS_PATH": str(home / "copier.yml"),
        "NO_COLOR": "1",
    }


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
