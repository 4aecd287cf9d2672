"""A function run over many things, each run in a process that can be stopped.

`concurrent.futures` cannot be used here: one killed process breaks its whole pool and does not say which task it had,
and a task that hangs cannot be ended. Here each process has one task at a time, and a pipe of its own.
"""

from __future__ import annotations

import itertools
import os
import signal
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import connection, get_context
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, TypeVar

from slipway.gitting import without_credentials

T = TypeVar("T")
R = TypeVar("R")

LOOKS_A_SECOND = 2
GIVEN_TO_END = 5.0


@dataclass(frozen=True)
class Outcome(Generic[T, R]):
    """How one task ended.

    Attributes:
        task: what the function was given.
        value: what it gave; nothing when it failed.
        failure: why it failed; empty when it did not.
        seconds: wall time of the task.
    """

    task: T
    value: R | None
    failure: str
    seconds: float


def cores() -> int:
    """Give how many cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # no such call on macOS and Windows
        return os.cpu_count() or 1


class Pool:
    """Processes that each take one task at a time, in a folder that no other process writes to.

    A task that raises, runs too long or kills its process fails alone: its reason is told, a new process takes the
    place, and the other tasks go on. Leaving the pool ends every process at once, with what it started.

    Attributes:
        place: holds a folder for each process.
        jobs: how many tasks run at the same time.
        timeout: seconds a task may take.
    """

    def __init__(self, place: Path, *, jobs: int, timeout: float) -> None:
        self.place = place
        self.jobs = max(jobs, 1)
        self.timeout = timeout
        self._idle: list[_Process] = []
        self._busy: list[_Process] = []
        self._numbers = itertools.count()

    def __enter__(self) -> Pool:  # noqa: PYI034  -- Python 3.10 has no Self
        """Give the pool; its processes start when there is something to do."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End every process, whatever it does."""
        for process in (*self._busy, *self._idle):
            process.end()
        self._busy, self._idle = [], []

    def run(self, work: Callable[[Path, T], R], tasks: Iterable[T]) -> Iterator[Outcome[T, R] | None]:
        """Yield how each task ended, as it ends, and nothing from time to time so that a clock can be drawn.

        Args:
            work: a function of a module, given the folder of its process and a task; its result must be picklable.
            tasks: what to run it over, each picklable.
        """
        waiting = deque(tasks)
        while waiting or self._busy:
            while waiting and len(self._busy) < self.jobs:
                process = self._idle.pop() if self._idle else _Process(self.place / f"process-{next(self._numbers)}")
                self._busy.append(process)
                process.give(work, waiting.popleft())
            ready = connection.wait([one.pipe for one in self._busy], timeout=self._patience())
            late = [one for one in self._busy if one.pipe not in ready and one.age() >= self.timeout]
            for process in [one for one in self._busy if one.pipe in ready] + late:
                yield self._ended(process)
            if not ready and not late:
                yield None

    def _patience(self) -> float:
        nearest = min(self.timeout - one.age() for one in self._busy)
        return min(max(nearest, 0.0), 1 / LOOKS_A_SECOND)

    def _ended(self, process: _Process) -> Outcome[Any, Any]:
        self._busy.remove(process)
        seconds, task = process.age(), process.task
        if process.pipe.poll():
            with suppress(EOFError, OSError):
                well, value = process.pipe.recv()
                self._idle.append(process)
                return Outcome(task, value, "", seconds) if well else Outcome(task, None, value, seconds)
            failure = f"its process {process.death()}"
        else:
            failure = f"it took longer than {self.timeout:g} s and was stopped"
        process.end()
        return Outcome(task, None, failure, seconds)


class _Process:
    """One process, its pipe, and the task it has."""

    def __init__(self, place: Path) -> None:
        spawning = get_context("spawn")
        self.pipe, other = spawning.Pipe()
        self._process = spawning.Process(target=_serve, args=(place, other), daemon=True)
        with _uninterrupted():
            self._process.start()
        other.close()
        self.task: Any = None
        self._begun = 0.0

    def give(self, work: Callable[..., Any], task: Any) -> None:
        """Hand over a task; a process that is gone is seen when its answer is read."""
        self.task, self._begun = task, time.monotonic()
        with suppress(BrokenPipeError, ConnectionResetError):
            self.pipe.send((work, task))

    def age(self) -> float:
        """Give the seconds since the task was handed over."""
        return time.monotonic() - self._begun

    def death(self) -> str:
        """Say how the process ended."""
        self._process.join(GIVEN_TO_END)
        code = self._process.exitcode
        if code is not None and code < 0:
            return f"was killed by {signal.Signals(-code).name}"
        return f"ended with exit status {code}"

    def end(self) -> None:
        """End the process and all it started."""
        if self._process.pid is not None:
            with suppress(ProcessLookupError, PermissionError, AttributeError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()
        self._process.join(GIVEN_TO_END)
        self.pipe.close()


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Start a process so that Ctrl-C reaches the parent alone, which then ends its processes."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(place: Path, pipe: connection.Connection[Any, Any]) -> None:
    """Run tasks until the parent is gone. What a task prints goes to a file, not between the parent's lines."""
    with suppress(AttributeError, PermissionError):
        os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    (place / "tmp").mkdir(parents=True, exist_ok=True)
    os.environ["TMPDIR"] = tempfile.tempdir = str(place / "tmp")
    with (place / "log").open("ab") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    while True:
        try:
            work, task = pipe.recv()
        except (EOFError, OSError):
            return
        try:
            answer: tuple[bool, Any] = (True, work(place, task))
        except Exception as error:  # noqa: BLE001  -- whatever it is, this task alone fails, and says why
            answer = (False, reason(error))
        try:
            pipe.send(answer)
        except BrokenPipeError:
            return


def reason(error: BaseException) -> str:
    """Give the message of an error of ours, and the kind as well of any other."""
    text = without_credentials(" ".join(str(error).split()))
    ours = type(error).__module__.partition(".")[0] == "slipway"
    return text if ours and text else f"{type(error).__name__}: {text}".removesuffix(": ")
