"""A run over a fleet: read each repository, fetch each template once, then work on the rest in parallel."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from slipway.fleet import status
from slipway.fleet.bring import Bring, Found, Sent, bring, find, sweep
from slipway.fleet.kept import Kept
from slipway.fleet.pool import Outcome, Pool, cores
from slipway.fleet.progress import Progress
from slipway.fleet.sources import Repository
from slipway.fleet.templates import Template, fetch, unlock
from slipway.lineage import cloned_from
from slipway.update.outcome import Wish

T = TypeVar("T")
R = TypeVar("R")

Record = dict[str, Any]


@dataclass(frozen=True)
class Means:
    """What a run may use.

    Attributes:
        cache: a folder for templates, repositories and results, which one run at a time has.
        jobs: how many repositories are worked on at the same time; 0 for one a core.
        timeout: seconds that one repository, or one template, may take.
        fresh: work everything out anew.
    """

    cache: Path
    jobs: int = 0
    timeout: float = 600.0
    fresh: bool = False

    @property
    def processes(self) -> int:
        """How many processes there are at most."""
        return self.jobs or cores()


def survey(wanted: Sequence[Repository], means: Means, progress: Progress) -> list[Record]:
    """Find out what each repository has of its template, in the order of the list; none is changed.

    Raises:
        InUseError: another run has the cache.
    """
    records: dict[str, Record] = {}
    with Kept(means.cache, fresh=means.fresh) as kept, _pool(means) as pool:

        def fail(repository: Repository, reason: str) -> None:
            records[repository.name] = status.failed(repository.name, reason)
            progress.failed(repository.name, reason)

        looks: list[status.Look] = []
        progress.begin("reading", len(wanted), _repositories(len(wanted)), f"{pool.jobs} at a time")
        for read in _run(pool, progress, status.look, [(one, means.cache / "repositories") for one in wanted]):
            if read.value is None:
                fail(read.task[0], read.failure)
            else:
                looks.append(read.value)
        templates = _templates(pool, means.cache, (look.link.source for look in looks), progress)
        tasks, reused = [], 0
        for look in looks:
            template = templates[cloned_from(look.link.source)]
            if isinstance(template, str):
                fail(look.repository, template)
                continue
            task = status.Task(look, template, _mirrors(means.cache), means.cache / "rendered")
            known = kept.get(status.key(task))
            if known is None:
                tasks.append(task)
            else:
                reused += 1
                records[look.repository.name] = status.record(look, template.newest, known)
        progress.begin("measuring", len(tasks), "of them", f"{reused} known from an earlier run")
        for measured in _run(pool, progress, status.measure, tasks):
            task = measured.task
            if measured.value is None:
                fail(task.look.repository, measured.failure)
                continue
            records[task.look.repository.name] = status.record(task.look, task.template.newest, measured.value)
            if not measured.value["unmeasured"]:
                kept.put(status.key(task), measured.value)
    progress.end()
    return [records[one.name] for one in wanted]


def update_all(
    wanted: Sequence[Repository], wish: Wish, sent: Sent | None, means: Means, progress: Progress
) -> list[Record]:
    """Update each repository as `slipway update` does, on a branch, in the order of the list.

    Raises:
        InUseError: another run has the cache.
    """
    records: dict[str, Record] = {}
    with Kept(means.cache), _swept(wanted, records) as place, _pool(means, place) as pool:

        def take(outcome: Outcome[Any, Record], repository: Repository) -> None:
            record = outcome.value or {"repository": repository.name, "state": "failed", "reason": outcome.failure}
            records[repository.name] = record
            if record["state"] == "failed":
                progress.failed(repository.name, record["reason"])

        found: list[Found] = []
        progress.begin("reading", len(wanted), _repositories(len(wanted)), f"{pool.jobs} at a time")
        for read in _run(pool, progress, find, list(wanted)):
            if read.value is None:
                take(Outcome(read.task, None, read.failure, read.seconds), read.task)
            else:
                found.append(read.value)
        templates = _templates(pool, means.cache, (one.source for one in found), progress)
        tasks = []
        for one in found:
            template = templates[cloned_from(one.source)]
            if isinstance(template, str):
                take(Outcome(one, None, template, 0.0), one.repository)
            else:
                tasks.append(Bring(one.repository, wish, sent, _mirrors(means.cache)))
        progress.begin("updating", len(tasks), "of them")
        for outcome in _run(pool, progress, bring, tasks):
            take(outcome, outcome.task.repository)
    progress.end()
    return [records[one.name] for one in wanted]


def _repositories(count: int) -> str:
    return "repository" if count == 1 else "repositories"


def _mirrors(cache: Path) -> Path:
    return cache / "templates" / "mirrors"


@contextmanager
def _pool(means: Means, place: Path | None = None) -> Iterator[Pool]:
    with (
        tempfile.TemporaryDirectory(prefix="slipway-fleet-", ignore_cleanup_errors=True) as scratch,
        Pool(place or Path(scratch), jobs=means.processes, timeout=means.timeout) as pool,
    ):
        yield pool


@contextmanager
def _swept(wanted: Iterable[Repository], records: Mapping[str, Record]) -> Iterator[Path]:
    """Give a folder for processes; worktrees that a killed process left in it are taken out of their repositories."""
    place = Path(tempfile.mkdtemp(prefix="slipway-fleet-"))
    try:
        yield place
    finally:
        for repository in wanted:
            if records.get(repository.name, {"state": "failed"})["state"] == "failed":
                with suppress(OSError):
                    sweep(repository, place)
        shutil.rmtree(place, ignore_errors=True)


def _run(pool: Pool, progress: Progress, work: Callable[[Path, T], R], tasks: Sequence[T]) -> Iterator[Outcome[T, R]]:
    for outcome in pool.run(work, tasks):
        if outcome is None:
            progress.tick()
            continue
        yield outcome
        progress.done()


def _templates(pool: Pool, cache: Path, sources: Iterable[str], progress: Progress) -> dict[str, Template | str]:
    """Fetch each template, once whatever the ways in which it is written; give it, or why it could not be had."""
    distinct = {cloned_from(source): source for source in sources}
    keeping = cache / "templates"
    unlock(keeping)
    progress.begin("fetching", len(distinct), "template" if len(distinct) == 1 else "templates")
    fetched: dict[str, Template | str] = {}
    for outcome in _run(pool, progress, fetch, [(source, keeping) for source in distinct.values()]):
        value = outcome.value
        fetched[cloned_from(outcome.task[0])] = outcome.failure if value is None else value
    return fetched
