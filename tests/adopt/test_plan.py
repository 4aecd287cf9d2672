"""The plan: answers with their reasons, files against the template, steps in order, and what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from slipway.adopt import AdoptError, UsageError
from slipway.adopt.areas import LINK
from slipway.adopt.plan import Wish, make_plan
from slipway.engine import Engine, EngineError
from slipway.lineage import ANSWERS_FILE, read_link
from tests.adopt.hand import FLAT, LAYERED, MONOREPO, Adopting, files, put, reasons, repository, states
from tests.conftest import Render, commit_all, git


def test_every_answer_comes_with_the_file_that_told_it(adopting: Adopting, tmp_path: Path) -> None:
    place = repository(tmp_path / "parcels", LAYERED, "git@git.example.com:shop/parcels.git")

    plan = adopting.plan(place)

    told = reasons(plan)
    assert told["project_slug"] == ("parcels", "the remote origin")
    assert told["repository_url"] == ("git@git.example.com:shop/parcels.git", "the remote origin")
    assert told["owner_team"] == ("logistics", "CODEOWNERS")
    assert told["datastore"] == ("postgresql", "go.mod requires github.com/jackc/pgx/v5")
    assert told["ci"] == ("both", ".gitlab-ci.yml and Jenkinsfile")
    assert told["broker"] == ("none", "no client of a broker in go.mod")


def test_what_cannot_be_told_gets_the_default_and_says_so(adopting: Adopting, tmp_path: Path) -> None:
    place = repository(tmp_path / "parcels", {"notes.txt": "nothing"})

    plan = adopting.plan(place)

    told = reasons(plan)
    assert told["ticket_id"][1].startswith("default; fewer than 3 of the last 500 commit messages")
    assert told["description"] == (
        "Takes orders and reports daily sales.",
        "default; the README has no sentence that would do",
    )
    assert told["repository_url"][1] == "default; no remote, and no module path with a host"
    assert told["language"] == ("go", "default; no file tells the language")


def test_a_store_that_the_template_has_not_is_left_to_the_service(adopting: Adopting, tmp_path: Path) -> None:
    mod = "module git.example.com/shop/parcels\nrequire github.com/go-sql-driver/mysql v1.9.3\n"
    place = repository(tmp_path / "parcels", {**FLAT, "go.mod": mod})

    plan = adopting.plan(place)

    answer, reason = reasons(plan)["datastore"]
    assert answer == "none"
    assert "offers no mysql (go.mod requires github.com/go-sql-driver/mysql); yours stays" in reason


def test_a_driver_of_mongodb_tells_the_datastore(adopting: Adopting, tmp_path: Path) -> None:
    mod = "module git.example.com/shop/parcels\nrequire go.mongodb.org/mongo-driver/v2 v2.9.3\n"
    place = repository(tmp_path / "parcels", {**FLAT, "go.mod": mod})

    plan = adopting.plan(place)

    assert reasons(plan)["datastore"][0] == "mongodb"


def test_a_given_answer_goes_before_what_was_found(adopting: Adopting, tmp_path: Path) -> None:
    place = repository(tmp_path / "parcels", LAYERED)

    plan = adopting.plan(place, datastore="none", ticket_id="SHIP-12")

    assert reasons(plan)["datastore"] == ("none", "given with -d")
    assert reasons(plan)["ticket_id"] == ("SHIP-12", "given with -d")


@pytest.mark.parametrize(
    ("question", "answer", "said"),
    [
        ("datastore", "mysql", "it is not one of mongodb, postgresql, none"),
        ("project_slug", "Not A Slug", "it is not a DNS label"),
        ("colour", "green", "the template asks for project_name"),
    ],
)
def test_a_given_answer_keeps_the_rules_of_the_template(
    adopting: Adopting, tmp_path: Path, question: str, answer: str, said: str
) -> None:
    place = repository(tmp_path / "parcels", FLAT)

    with pytest.raises(UsageError, match=said) as refused:
        adopting.plan(place, **{question: answer})

    assert f"-d {question}" in str(refused.value)


def test_files_are_created_equal_different_yours_or_blocked(
    adopting: Adopting, services: Render, tmp_path: Path
) -> None:
    place = repository(tmp_path / "parcels", FLAT)
    born = services(project_slug="parcels")
    shutil.copy(born / ".editorconfig", place / ".editorconfig")
    put(place, {"infra": "a file, where a folder must be", "readme.md": "", ".gitignore": "*.log\n"})
    git(place, "add", "-A", "-f")
    commit_all(place, "feat: more")

    plan = adopting.plan(place)

    assert files(plan, "text")[".editorconfig"] == "equal"
    assert files(plan, "text")[".gitignore"] == "differs"
    assert files(plan, "text")[".yamllint.yaml"] == "create"
    assert files(plan, "docs")["README.md"] == "yours"
    assert set(files(plan, "infra").values()) == {"in the way"}
    assert states(plan)["infra"] == "held"
    assert states(plan)["text"] == "part"


def test_a_path_that_differs_in_capitals_alone_blocks(adopting: Adopting, tmp_path: Path) -> None:
    place = repository(tmp_path / "parcels", {**FLAT, "dockerfile": "FROM scratch\n", "Docs/x.md": "x\n"})
    git(place, "rm", "-q", "--cached", "Dockerfile")
    git(place, "commit", "-qm", "chore: no Dockerfile")
    (place / "Dockerfile").unlink()

    plan = adopting.plan(place)

    assert files(plan, "image")["Dockerfile"] == "in the way"
    assert files(plan, "docs")["docs/architecture.md"] == "in the way"


def test_a_link_or_submodule_in_the_way_is_named(adopting: Adopting, tmp_path: Path) -> None:
    place = repository(tmp_path / "parcels", FLAT)
    (place / "bin").symlink_to("/usr/bin")
    (place / ".gitignore").symlink_to("elsewhere")
    git(place, "add", "-A")
    commit_all(place, "feat: links")

    plan = adopting.plan(place)

    notes = {one.path: one.note for one in plan.comparison.files}
    assert notes["bin/deploy"] == "a symbolic link stands at bin, where a folder must be"
    assert notes[".gitignore"] == "a symbolic link stands at .gitignore, where a file must be"


@pytest.mark.parametrize("rule", ["/bin/deploy\n", "\n"], ids=["ignored", "untracked"])
def test_a_file_that_is_in_no_commit_blocks(adopting: Adopting, tmp_path: Path, rule: str) -> None:
    place = repository(tmp_path / "parcels", {**FLAT, ".gitignore": rule})
    put(place, {"bin/deploy": "#!/bin/sh\n# mine\n"})

    plan = adopting.plan(place)

    found = next(one for one in plan.comparison.files if one.path == "bin/deploy")
    assert found.state.value == "in the way"
    assert found.note == "bin/deploy lies in the working tree and is in no commit; commit it, or move it away"


def test_new_files_that_an_ignore_rule_matches_are_named_with_the_rule(adopting: Adopting, tmp_path: Path) -> None:
    place = repository(tmp_path / "parcels", {**FLAT, ".gitignore": "*.log\nbin/\n"})

    plan = adopting.plan(place)

    assert plan.hidden["bin/deploy"] == ".gitignore:2 bin/"
    assert "Makefile" not in plan.hidden


def test_changes_that_are_in_no_commit_are_counted_and_not_looked_at(adopting: Adopting, tmp_path: Path) -> None:
    place = repository(tmp_path / "parcels", FLAT)
    put(place, {"README.md": "# Renamed\n", "new.txt": "new\n"})

    plan = adopting.plan(place)

    assert reasons(plan)["project_name"][0] == "Parcels"
    assert any(note.startswith("2 paths differ from the last commit") for note in plan.notes)


def test_another_port_is_named(adopting: Adopting, tmp_path: Path) -> None:
    place = repository(tmp_path / "parcels", FLAT)

    plan = adopting.plan(place)

    assert any("yours listens on 8000, 9000" in note for note in plan.notes)


def test_code_is_held_while_the_module_path_is_another(adopting: Adopting, tmp_path: Path) -> None:
    place = repository(tmp_path / "parcels", FLAT, "https://git.example.com/fork/parcels.git")

    plan = adopting.plan(place)
    agreed = adopting.plan(place, repository_url="https://git.example.com/shop/parcels")

    assert states(plan)["platform"] == states(plan)["sample"] == "held"
    assert any("-d repository_url=https://git.example.com/shop/parcels" in note for note in plan.notes)
    assert states(agreed)["platform"] == "open"


def test_a_folder_of_a_monorepo_is_adopted_by_itself(adopting: Adopting, tmp_path: Path) -> None:
    place = repository(tmp_path / "all", MONOREPO)

    plan = adopting.plan(place / "services" / "parcels")

    assert reasons(plan)["project_slug"] == ("parcels", "the name of the folder")
    assert files(plan, "docs")["README.md"] == "create"
    assert states(plan)["link"] == "open"


def test_a_folder_that_is_no_service_is_refused(adopting: Adopting, tmp_path: Path) -> None:
    place = repository(tmp_path / "all", MONOREPO)

    with pytest.raises(AdoptError, match=r"no service: it has no go\.mod; adopt the whole \(slipway adopt .*all\)"):
        adopting.plan(place / "docs")


def test_the_top_of_a_monorepo_gets_no_code(adopting: Adopting, tmp_path: Path) -> None:
    place = repository(tmp_path / "all", MONOREPO)

    plan = adopting.plan(place)

    assert states(plan)["platform"] == states(plan)["sample"] == "held"


def test_another_language_is_refused_and_says_what_would_fit(adopting: Adopting, tmp_path: Path) -> None:
    place = repository(tmp_path / "parcels", {"pyproject.toml": "[project]\n", "parcels/__init__.py": ""})

    with pytest.raises(AdoptError, match=r"python \(pyproject\.toml\); the template makes services in go\.") as refused:
        adopting.plan(place)
    plan = adopting.plan(place, language="go")

    assert "-d language=go" in str(refused.value)
    assert states(plan)["commits"] == "open"


def test_a_folder_without_git_is_refused(adopting: Adopting, tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()

    with pytest.raises(AdoptError, match="no git repository, so nothing written there could be taken back"):
        adopting.plan(tmp_path / "plain")


def test_a_repository_without_a_commit_is_refused(adopting: Adopting, tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "empty")

    with pytest.raises(AdoptError, match="has no commit yet"):
        adopting.plan(tmp_path / "empty")


def test_a_bare_repository_is_refused(adopting: Adopting, tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "--bare", "bare.git")

    with pytest.raises(AdoptError, match="bare repository; clone it"):
        adopting.plan(tmp_path / "bare.git")


def test_a_template_that_cannot_be_reached_is_named_without_credentials(tmp_path: Path) -> None:
    place = repository(tmp_path / "parcels", FLAT)
    wish = Wish(f"https://me:secret@127.0.0.1:1/{tmp_path.name}.git")

    with pytest.raises(EngineError, match=r"cannot be (fetched|reached)") as refused:
        make_plan(place, wish, Engine(tmp_path / "engine"))

    assert "secret" not in str(refused.value)


def test_a_repository_that_is_no_template_is_refused(tmp_path: Path) -> None:
    place = repository(tmp_path / "parcels", FLAT)
    other = repository(tmp_path / "other", FLAT)
    git(other, "tag", "v1.0.0")

    with pytest.raises(AdoptError, match=r"no Slipway template: it has no copier\.yml"):
        make_plan(place, Wish(other.as_uri()), Engine(tmp_path / "engine"))


def test_a_version_that_is_not_there_is_refused(adopting: Adopting, tmp_path: Path) -> None:
    place = repository(tmp_path / "parcels", FLAT)

    with pytest.raises(AdoptError, match="or no such version"):
        make_plan(place, Wish(adopting.address, "v9.9.9"), adopting.engine)


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        (Wish("https://git.example.com/other/template.git"), "linked to .* already; a repository has one template"),
        (Wish(version="v0.2.0"), "slipway update --to v0.2.0"),
        (Wish(answers={"ci": "jenkins"}), "slipway update -d ci=jenkins"),
    ],
    ids=["template", "version", "answer"],
)
def test_a_linked_repository_keeps_its_link(
    adopting: Adopting, by_copier: Render, tmp_path: Path, wish: Wish, said: str
) -> None:
    place = repository(tmp_path / "parcels", {ANSWERS_FILE: (by_copier() / ANSWERS_FILE).read_text(encoding="utf-8")})

    with pytest.raises(AdoptError, match=said):
        make_plan(place, wish, adopting.engine)


def test_a_service_of_the_template_has_nothing_to_adopt(adopting: Adopting, own_copy: Render) -> None:
    place = own_copy()
    git(place, "init", "-q", "-b", "main")
    git(place, "add", "-A", "-f")
    commit_all(place, "feat: launch")

    plan = adopting.plan(place)

    assert set(states(plan).values()) == {"done"}
    assert plan.next is None
    assert {one.state.value for one in plan.comparison.files} == {"equal"}


def test_a_copy_by_hand_is_linked_to_the_release_it_came_from(three: Adopting, tmp_path: Path) -> None:
    place = tmp_path / "orders-service"
    three.engine.render(three.address, "v0.2.0", {"created_on": "21112026"}, place)
    (place / ANSWERS_FILE).unlink()
    (place / "Dockerfile").write_text("FROM scratch\n", encoding="utf-8")
    (place / "bin/scan").unlink()
    git(place, "init", "-q", "-b", "main")
    git(place, "remote", "add", "origin", "https://git.example.com/platform/orders-service")
    git(place, "add", "-A", "-f")
    commit_all(place, "feat: copied from somewhere")

    plan = three.plan(place, created_on="21112026")

    assert plan.version == "v0.2.0"
    assert plan.why.startswith("nearest of 3: ")
    assert files(plan, "make")["bin/new-2"] == "equal"
    assert files(plan, "make")["bin/scan"] == "create"


def test_a_copy_that_fits_two_releases_alike_is_linked_to_the_older(three: Adopting, tmp_path: Path) -> None:
    place = tmp_path / "orders-service"
    three.engine.render(three.address, "v0.3.0", {}, place)
    for path in (ANSWERS_FILE, "bin/new-2", "bin/new-3", "bin/deploy", "Dockerfile", "mk/slipway.mk"):
        (place / path).unlink()
    git(place, "init", "-q", "-b", "main")
    git(place, "add", "-A", "-f")
    commit_all(place, "feat: copied from somewhere")

    plan = three.plan(place)

    assert plan.version == "v0.1.0"


def test_a_repository_that_never_knew_the_template_is_linked_to_the_newest(three: Adopting, tmp_path: Path) -> None:
    place = repository(tmp_path / "parcels", LAYERED)

    plan = three.plan(place)

    assert (plan.version, plan.why) == ("v0.3.0", "the newest release")


def _cruft(template: str, commit: str, **answers: str) -> str:
    return json.dumps({"template": template, "commit": commit, "context": {"cookiecutter": answers}})


def test_the_state_of_cruft_gives_version_and_answers(three: Adopting, tmp_path: Path) -> None:
    commit = git(three.engine.mirror(three.address), "rev-parse", "v0.2.0^{commit}")
    state = _cruft(three.address, commit, project_slug="from-cruft", team="rail", colour="green")
    place = repository(tmp_path / "parcels", {**FLAT, ".cruft.json": state})

    plan = three.plan(place)

    assert (plan.version, plan.why) == ("v0.2.0", ".cruft.json")
    assert reasons(plan)["project_slug"] == ("from-cruft", ".cruft.json")
    assert reasons(plan)["owner_team"] == ("rail", "team in .cruft.json")
    assert plan.unknown == ["colour"]


def test_another_template_of_cruft_gives_answers_alone(three: Adopting, tmp_path: Path) -> None:
    state = _cruft("https://me:secret@git.example.com/other/go.git", "abc1234", project_slug="from-cruft")
    place = repository(tmp_path / "parcels", {**FLAT, ".cruft.json": state})

    plan = three.plan(place)

    assert plan.version == "v0.3.0"
    assert reasons(plan)["project_slug"][0] == "from-cruft"
    assert any("another template, https://git.example.com/other/go.git" in note for note in plan.notes)


def test_a_commit_that_the_template_has_not_is_named(three: Adopting, tmp_path: Path) -> None:
    place = repository(tmp_path / "parcels", {**FLAT, ".cruft.json": _cruft(three.address, "dead" * 10)})

    plan = three.plan(place)

    assert plan.version == "v0.3.0"
    assert any(f"names commit {'dead' * 10}" in note for note in plan.notes)


def test_a_recorded_answer_that_breaks_a_rule_gives_way(three: Adopting, tmp_path: Path) -> None:
    place = repository(tmp_path / "parcels", {**FLAT, ".cruft.json": _cruft(three.address, "", project_slug="Not It")})

    plan = three.plan(place)

    answer, reason = reasons(plan)["project_slug"]
    assert answer == "parcels"
    assert reason.startswith("the template cannot take 'not it' (.cruft.json); ")


def test_answers_without_lineage_are_linked(adopting: Adopting, by_copier: Render, tmp_path: Path) -> None:
    answers = (by_copier(project_slug="kept") / ANSWERS_FILE).read_text(encoding="utf-8")
    text = "".join(line for line in answers.splitlines(keepends=True) if not line.startswith("_"))
    place = repository(tmp_path / "parcels", {**FLAT, ANSWERS_FILE: text})

    plan = adopting.plan(place)

    assert plan.link is None
    assert reasons(plan)["project_slug"] == ("kept", ANSWERS_FILE)
    assert states(plan)["link"] == "open"


def test_the_link_is_what_copier_itself_would_write(adopting: Adopting, by_copier: Render, tmp_path: Path) -> None:
    place = repository(tmp_path / "parcels", FLAT)

    plan = adopting.plan(place)

    written = plan.comparison.rendered[LINK.paths[0]].content.decode()
    assert written == (by_copier(dict(plan.answers)) / ANSWERS_FILE).read_text(encoding="utf-8")
    assert read_link(written).commit == plan.version
