"""How far a run is: one line that is drawn again on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TextIO

from slipway.report import Paint, colours, shown_whole

SECONDS_BETWEEN_LINES = 10.0
ENOUGH_TO_GUESS = 4
MINUTE = 60


class Progress:
    """Tells, on standard error, what is done and what failed.

    Attributes:
        stream: where it is told.
        quiet: tell failures alone.
    """

    def __init__(self, stream: TextIO, *, quiet: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        self.stream = stream
        self.quiet = quiet
        self._clock = clock
        self._live = stream.isatty() and os.environ.get("TERM", "dumb" if os.name != "nt" else "") != "dumb"
        self._paint = Paint(on=colours(stream))
        self._verb, self._total, self._done, self._failed = "", 0, 0, 0
        self._begun = self._told = clock()

    def begin(self, verb: str, total: int, what: str, note: str = "") -> None:
        """Start a phase.

        Args:
            verb: such as `reading`.
            total: how many there are to do.
            what: such as `repositories`.
            note: what else is worth a word.
        """
        self._verb, self._total, self._done = verb, total, 0
        self._begun = self._told = self._clock()
        if self._live:
            self.tick()
        elif not self.quiet:
            self._line(f"{verb} {total} {what}{f', {note}' if note else ''}")

    def failed(self, name: str, reason: str) -> None:
        """Tell a failure at once."""
        self._failed += 1
        self._clear()
        self._line(f"{self._paint('red', 'failed')}: {shown_whole(name)}: {shown_whole(reason)}")

    def done(self) -> None:
        """Count one that is done."""
        self._done += 1
        self.tick()

    def tick(self) -> None:
        """Draw the line, or tell a line when the last one is long ago."""
        if self.quiet or not self._total:
            return
        if self._live:
            self._clear()
            self.stream.write(self._state())
            self.stream.flush()
        elif self._clock() - self._told >= SECONDS_BETWEEN_LINES:
            self._told = self._clock()
            self._line(self._state())

    def end(self) -> None:
        """Take the line away."""
        self._clear()
        self._total = 0

    def _state(self) -> str:
        parts = [f"{self._verb} {self._done}/{self._total}"]
        if self._failed:
            parts.append(self._paint("red", f"{self._failed} failed"))
        passed = self._clock() - self._begun
        parts.append(span(passed))
        if ENOUGH_TO_GUESS <= self._done < self._total:
            parts.append(f"{span(passed / self._done * (self._total - self._done))} left")
        return ", ".join(parts)

    def _line(self, text: str) -> None:
        self.stream.write(text + "\n")
        self.stream.flush()

    def _clear(self) -> None:
        if self._live:
            self.stream.write("\r\x1b[K")
            self.stream.flush()


def span(seconds: float) -> str:
    """Write a time: seconds, or minutes and seconds."""
    whole = round(seconds)
    return f"{whole} s" if whole < MINUTE else f"{whole // MINUTE} min {whole % MINUTE} s"
