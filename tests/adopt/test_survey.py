"""What a repository tells about itself, and what a hostile one cannot do."""

from __future__ import annotations

from pathlib import Path

import pytest

from slipway.adopt.proposal import module_of
from slipway.adopt.snapshot import Snapshot
from slipway.adopt.survey import plain, read_readme, survey, without_credentials
from tests.adopt.hand import FLAT, LAYERED, MONOREPO, put, repository
from tests.conftest import commit_all, git

README = """\
[![Build](https://ci.example.com/badge.svg)](https://ci.example.com)

<!-- # Not this -->
# **Parcels** `v2`

![Logo](logo.png)

🇨🇳 [中文](README_CN.md)

> A quotation first.

Run the following:

    go run .

Copyright 2019 by its authors, all rights reserved.

Sends [parcels](https://example.com) to where they *belong*. It is small.
"""


def test_a_flat_service_tells_its_layout_ports_and_name(tmp_path: Path) -> None:
    place = repository(tmp_path / "parcels", FLAT)

    found = survey(Snapshot.open(place))

    assert found.layout == ["main.go at the top"]
    assert [(one.value, one.source) for one in found.ports] == [("8000", "Dockerfile"), ("9000", "Dockerfile")]
    assert [one.value for one in found.go_modules] == ["git.example.com/shop/parcels"]
    assert [one.value for one in found.titles] == ["Parcels"]
    assert [one.value for one in found.descriptions] == ["Sends parcels to where they belong."]


def test_a_layered_service_tells_its_stores_pipelines_manifests_and_owner(tmp_path: Path) -> None:
    place = repository(tmp_path / "parcels", LAYERED)

    found = survey(Snapshot.open(place))

    assert found.layout == ["cmd/", "internal/"]
    assert found.pipelines == {"GitLab": ".gitlab-ci.yml", "Jenkins": "Jenkinsfile"}
    assert found.manifests == {"Helm": "chart/Chart.yaml", "Kubernetes": "k8s/deployment.yaml"}
    assert [one.value for one in found.datastores] == ["postgresql"]
    assert [one.value for one in found.monitors] == ["prometheus"]
    assert [one.value for one in found.teams] == ["logistics"]
    assert [one.value for one in found.ports] == ["8081"]


def test_a_monorepo_names_its_services_and_those_with_a_program_first(tmp_path: Path) -> None:
    place = repository(tmp_path / "all", MONOREPO)

    found = survey(Snapshot.open(place))

    assert any("services/parcels, libs/money" in note for note in found.notes)
    assert any("slipway adopt services/parcels" in note for note in found.notes)


def test_a_folder_of_a_monorepo_is_looked_at_by_itself(tmp_path: Path) -> None:
    place = repository(tmp_path / "all", MONOREPO)

    found = survey(Snapshot.open(place / "services" / "parcels"))

    assert [one.source for one in found.go_modules] == ["go.mod"]
    assert found.titles == []
    assert any("larger repository" in note for note in found.notes)


def test_a_readme_gives_its_title_and_the_first_sentence_of_prose() -> None:
    title, sentences = read_readme(README)

    assert title == "Parcels v2"
    assert sentences == ["Sends parcels to where they belong."]


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        ("**bold** and _italic_ and `code`", "bold and italic and code"),
        ("[text](https://example.com) [ref][1]", "text ref"),
        ("snake_case_name stays", "snake_case_name stays"),
        (r"escaped \* star", "escaped * star"),
        ("<b>html</b>", "html"),
    ],
)
def test_markdown_becomes_plain_text(markdown: str, text: str) -> None:
    assert plain(markdown) == text


def test_tickets_are_told_by_the_messages_of_commits(tmp_path: Path) -> None:
    place = repository(tmp_path / "parcels", FLAT)
    for number in (7, 8, 9):
        put(place, {"n.txt": str(number)})
        commit_all(place, f"feat: step {number}, in UTF-8\n\nRefs: SHIP-{number}")

    found = survey(Snapshot.open(place))

    assert [one.value for one in found.tickets] == ["SHIP-7"]


def test_the_day_of_birth_is_the_day_of_the_first_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_AUTHOR_DATE", "2019-03-04T12:00:00Z")
    place = repository(tmp_path / "parcels", FLAT)

    found = survey(Snapshot.open(place))

    assert [one.value for one in found.days] == ["04032019"]


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://me:secret@git.example.com/a/b.git", "https://git.example.com/a/b.git"),
        ("https://git.example.com/a/b?token=secret", "https://git.example.com/a/b"),
        ("ssh://git@git.example.com:22/a/b", "ssh://git@git.example.com:22/a/b"),
        ("ssh://git:secret@git.example.com/a/b", "ssh://git@git.example.com/a/b"),
        ("git@git.example.com:a/b.git", "git@git.example.com:a/b.git"),
    ],
)
def test_a_remote_is_read_without_its_credentials(address: str, shown: str) -> None:
    assert without_credentials(address) == shown


@pytest.mark.parametrize(
    ("address", "module"),
    [
        ("https://git.example.com/a/b.git", "git.example.com/a/b"),
        ("https://git.example.com:8443/a/b", "git.example.com/a/b"),
        ("ssh://git@git.example.com:22/a/b.git", "git.example.com/a/b"),
        ("git@git.example.com:a/b.git", "git.example.com/a/b"),
    ],
)
def test_an_address_gives_the_module_path_that_the_template_derives(address: str, module: str) -> None:
    assert module_of(address) == module


@pytest.mark.parametrize(
    "hostile",
    [
        {"catalog-info.yaml": "[" * 50_000},
        {"catalog-info.yaml": "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"},
        {"catalog-info.yaml": "!!python/object/apply:os.system ['touch pwned']\n"},
        {"README.md": "<!--" * 30_000},
        {"README.md": "#" + " " * 100_000 + "x\n" + "[" * 20_000},
        {"go.mod": "\n" * 300_000 + "module x.example/y\n" + "require " * 20_000},
        {"go.mod": b"\xff\xfe\x00module"},
        {"CODEOWNERS": "* @" + "a" * 100_000},
        {"Dockerfile": "EXPOSE " + "8 " * 40_000 + "!"},
    ],
    ids=lambda files: f"{next(iter(files))} {str(next(iter(files.values())))[:12]}",
)
def test_a_hostile_file_is_read_and_nothing_more(tmp_path: Path, hostile: dict[str, str | bytes]) -> None:
    place = repository(tmp_path / "parcels", {"main.go": "package main\n", **hostile})

    survey(Snapshot.open(place))

    assert not (place / "pwned").exists()


def test_a_link_out_of_the_repository_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.md").write_text("# Top secret\n\nThe words of somebody else.\n", encoding="utf-8")
    place = repository(tmp_path / "parcels", {"main.go": "package main\n"})
    (place / "README.md").symlink_to(tmp_path / "secret.md")
    (place / "go.mod").symlink_to("/etc/passwd")
    git(place, "add", "-A")
    commit_all(place, "feat: links")

    found = survey(Snapshot.open(place))

    assert found.titles == []
    assert found.descriptions == []
    assert found.go_modules == []


def test_vendored_modules_are_noted(tmp_path: Path) -> None:
    place = repository(
        tmp_path / "parcels", {**FLAT, "vendor/modules.txt": "# x\n", "vendor/a/go.mod": "module a.b/c\n"}
    )

    found = survey(Snapshot.open(place))

    assert any("go mod vendor" in note for note in found.notes)
    assert len(found.go_modules) == 1


def test_a_file_of_more_than_a_megabyte_is_not_read(tmp_path: Path) -> None:
    place = repository(tmp_path / "parcels", {"README.md": "# Big\n" + "x" * 1_000_001})

    found = survey(Snapshot.open(place))

    assert found.titles == []
