"""Choice folders: how a condition lives on a path in Cookiecutter.

A folder of the template named `{{cookiecutter.__go}}` stands for "only when Go is chosen". Copier renders the name to
`.` or to nothing, and is done. Cookiecutter renders it to `.lift.go` or `.drop.go`; `settle` then moves the contents of
the one a level up and removes the other.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

LIFT = ".lift."
DROP = ".drop."


class ChoiceError(RuntimeError):
    """Two chosen folders hold a file of the same name; the message names it."""


def settle(folder: Path) -> None:
    """Lift and drop every choice folder below `folder`, at any depth.

    Raises:
        ChoiceError: two chosen folders, or one and its surroundings, hold a file of the same name.
    """
    with os.scandir(folder) as entries:
        folders = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    for name in folders:
        path = folder / name
        if name.startswith(DROP):
            shutil.rmtree(path)
            continue
        settle(path)
        if name.startswith(LIFT):
            _merge(path, folder)


def _merge(source: Path, target: Path) -> None:
    for name in os.listdir(source):
        path, place = source / name, target / name
        if not place.exists():
            path.rename(place)
        elif path.is_dir() and place.is_dir():
            _merge(path, place)
        else:
            message = f"{place} comes from two choice folders; the template must let only one of them be chosen"
            raise ChoiceError(message)
    source.rmdir()
