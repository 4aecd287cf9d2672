"""Choice folders, settled after Cookiecutter has rendered them."""

from __future__ import annotations

from pathlib import Path

import pytest

from slipway.choices import ChoiceError, settle


def write(folder: Path, *names: str) -> None:
    """Write a file of each name, its text the name."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name, encoding="utf-8")


def files(folder: Path) -> list[str]:
    """Give what is below a folder, files and folders."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_a_chosen_folder_lands_one_level_up_and_another_is_gone(tmp_path: Path) -> None:
    write(tmp_path, ".lift.go/go.mod", ".drop.python/setup.py", "README.md")

    settle(tmp_path)

    assert files(tmp_path) == ["README.md", "go.mod"]


def test_choice_folders_nest_and_merge_into_folders_that_exist(tmp_path: Path) -> None:
    write(
        tmp_path, "docs/a.md", ".lift.go/docs/b.md", ".lift.go/.lift.sql/docs/c/d.md", ".lift.go/.drop.none/docs/e.md"
    )

    settle(tmp_path)

    assert files(tmp_path) == ["docs", "docs/a.md", "docs/b.md", "docs/c", "docs/c/d.md"]


def test_a_file_from_two_chosen_folders_is_refused_by_name(tmp_path: Path) -> None:
    write(tmp_path, ".lift.a/go.mod", ".lift.b/go.mod")

    with pytest.raises(ChoiceError, match=r"go\.mod comes from two choice folders"):
        settle(tmp_path)
