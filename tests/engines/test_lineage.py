"""Where a service says that it came from."""

from __future__ import annotations

from pathlib import Path

import pytest

from slipway.lineage import Origin, clonable, origin
from tests.conftest import TAG, git


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://token@git.example.com/a/b", "git+https://git.example.com/a/b"),
        ("https://user:secret@git.example.com:8443/a/b.git", "https://git.example.com:8443/a/b.git"),
        ("https://github.com/acme/slipway", "https://github.com/acme/slipway.git"),
        ("git+https://git.example.com/a/b", "git+https://git.example.com/a/b"),
        ("ssh://git@git.example.com:2222/a/b.git", "ssh://git@git.example.com:2222/a/b.git"),
        ("git@git.example.com:a/b.git", "git@git.example.com:a/b.git"),
        ("git@git.example.com:a/b", "git+git@git.example.com:a/b"),
        ("file:///srv/slipway", "git+file:///srv/slipway"),
    ],
)
def test_an_address_is_kept_without_credentials_and_clonable(given: str, kept: str) -> None:
    assert clonable(given) == kept


def test_a_tagged_clone_gives_its_tag_and_its_origin(checkout: Path, address: str) -> None:
    born = origin(checkout)

    assert born == Origin(address, TAG, dirty=False)
    assert born.warnings() == []


def test_a_dirty_clone_is_warned_about(checkout: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", str(checkout), "dirty")
    (tmp_path / "dirty" / "README.md").write_text("changed", encoding="utf-8")

    warnings = origin(tmp_path / "dirty").warnings()

    assert len(warnings) == 1
    assert "uncommitted" in warnings[0]


def test_a_folder_without_git_is_warned_about(tmp_path: Path) -> None:
    born = origin(tmp_path)

    assert born.commit == ""
    assert "not a git checkout" in born.warnings()[0]
