"""What a run worked out, kept for the next one: a file of lines, each whole or passed over."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

try:
    import fcntl
except ImportError:  # Windows has no such locks
    fcntl = None  # type: ignore[assignment]


MOST_UNUSED = 5000


class InUseError(RuntimeError):
    """Another run uses the folder; the message names it and the way out."""


class Kept:
    """Results by key, in `results.jsonl` of a folder that one run at a time may use.

    Each result is a line that is written at once, so an interrupt loses none; a torn last line is passed over.

    Attributes:
        folder: where the file is.
        fresh: do not read what earlier runs kept.
    """

    def __init__(self, folder: Path, *, fresh: bool = False) -> None:
        self.folder = folder
        self.fresh = fresh
        self._known: dict[str, Any] = {}
        self._used: set[str] = set()
        self._lock: TextIO | None = None
        self._file: TextIO | None = None

    def __enter__(self) -> Kept:  # noqa: PYI034  -- Python 3.10 has no Self
        """Take the folder and read what is there.

        Raises:
            InUseError: another run has the folder.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = (self.folder / "lock").open("w", encoding="utf-8")
        if fcntl:
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                self._lock.close()
                message = f"another run uses {self.folder}: wait for it, or give another folder with --cache"
                raise InUseError(message) from error
        if not self.fresh:
            self._known = _lines(self._path)
        self._file = self._path.open("a", encoding="utf-8", newline="\n")
        if not _ends_whole(self._path):
            self._file.write("\n")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file, and let another run have the folder."""
        if self._file:
            self._file.close()
        if kind is None:
            self._forget_unused()
        if self._lock:
            self._lock.close()

    def get(self, key: str) -> Any:
        """Give what is kept under a key, or nothing."""
        self._used.add(key)
        return self._known.get(key)

    def put(self, key: str, value: Any) -> None:
        """Keep a value that JSON can hold."""
        self._used.add(key)
        self._known[key] = value
        if self._file:
            self._file.write(json.dumps({"key": key, "value": value}) + "\n")
            self._file.flush()

    @property
    def _path(self) -> Path:
        return self.folder / "results.jsonl"

    def _forget_unused(self) -> None:
        """Write the file anew once it is long: what this run used, and the newest of the rest."""
        kept = _lines(self._path)
        if len(kept) <= 2 * MOST_UNUSED + len(self._used):
            return
        others = [key for key in kept if key not in self._used][-MOST_UNUSED:]
        wanted = {key: kept[key] for key in (*others, *(key for key in kept if key in self._used))}
        half = self._path.with_suffix(".new")
        text = "".join(json.dumps({"key": key, "value": value}) + "\n" for key, value in wanted.items())
        with suppress(OSError):
            half.write_text(text, encoding="utf-8", newline="\n")
            half.replace(self._path)


def _ends_whole(path: Path) -> bool:
    with path.open("rb") as file:
        if file.seek(0, os.SEEK_END) == 0:
            return True
        file.seek(-1, os.SEEK_END)
        return file.read() == b"\n"


def _lines(path: Path) -> dict[str, Any]:
    known: dict[str, Any] = {}
    with suppress(OSError):
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            with suppress(ValueError, KeyError, TypeError):
                entry = json.loads(line)
                known[entry["key"]] = entry["value"]
    return known
