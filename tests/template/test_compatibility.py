"""Every compatibility rule is seen failing, and a release that only adds is let pass."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner

from slipway.answers import RULES
from slipway.cli import main
from slipway.template.compatibility import COMPATIBILITY, Step, breaking
from slipway.template.rules import BREAKING, NOTE, Found
from slipway.template.state import at, described, working_tree
from tests.conftest import git
from tests.template.small import FILES, Change, Small, both

GITLAB = "{{cookiecutter.__gitlab}}/.gitlab-ci.yml"
ENTRY = "{{% if _copier_operation == 'update' %}}/{}{{% endif %}}"


class Breach(NamedTuple):
    """A change that a rule must find, where the finding must point, and a word it must hold."""

    rule: str
    change: Change
    path: str
    word: str


def ask(change: Callable[[dict[str, Any]], Any]) -> Change:
    """Change the data of copier.yml, without a check of it."""

    def apply(small: Small) -> None:
        import yaml  # noqa: PLC0415

        path = small.root / "copier.yml"
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        change(data)
        path.write_text(yaml.safe_dump(data, sort_keys=False, width=10**6), encoding="utf-8")

    return apply


def setting(key: str, value: object) -> Change:
    """Set a key of copier.yml."""
    return ask(lambda data: data.update({key: value}))


def question(name: str, **values: object) -> Change:
    """Change what a question has."""
    return ask(lambda data: data[name].update(values))


def renamed(old: str, new: str, **values: object) -> Change:
    """Give a question another name, and perhaps other values."""
    return ask(lambda data: data.update({new: {**data.pop(old), **values}}))


def moved(old: str, new: str, text: str = "") -> Change:
    """Move a file of the tree."""

    def change(small: Small) -> None:
        small.write(new, FILES[old] + text)
        small.remove(old)

    return change


def owned(*paths: str) -> Change:
    """Say what the service owns."""
    return setting("_exclude", [ENTRY.format(path) for path in paths])


def without_choice(value: str) -> Change:
    """Take a choice of `ci` away."""
    return ask(lambda data: data["ci"]["choices"].pop(f"Take {value}"))


SHORTER = "{% if ticket_id | length > 5 %}too long{% endif %}"
BREACHES = [
    Breach("COMP001", ask(lambda data: data.pop("ticket_id")), "copier.yml", "ticket_id is no longer asked"),
    Breach("COMP001", question("ticket_id", when=False), "copier.yml", "ticket_id is no longer asked"),
    Breach("COMP002", renamed("ci", "pipelines"), "copier.yml", "ci looks renamed to pipelines"),
    Breach("COMP002", renamed("ticket_id", "ticket"), "copier.yml", "ticket_id looks renamed to ticket"),
    Breach(
        "COMP003", without_choice("jenkins"), "copier.yml", "no longer offers jenkins; services that took it get both"
    ),
    Breach(
        "COMP003",
        both(without_choice("jenkins"), renamed("ci", "pipelines", default="{{ ci | default('both') }}")),
        "copier.yml",
        "pipelines no longer offers jenkins",
    ),
    Breach("COMP004", question("ticket_id", type="int"), "copier.yml", "ticket_id has type int; it was str"),
    Breach("COMP004", question("ticket_id", choices=["PLAT-1"]), "copier.yml", "any answer was accepted"),
    Breach("COMP004", question("ci", multiselect=True), "copier.yml", "several answers"),
    Breach("COMP004", question("ticket_id", validator=SHORTER), "copier.yml", "ticket_id refuses 'PLAT-1'"),
    Breach("COMP004", question("ticket_id", validator="{{ ticket_id | unheard_of }}"), "copier.yml", "refuses"),
    Breach("COMP005", question("ticket_id", validator="{# any #}"), "copier.yml", "the rule of ticket_id changed"),
    Breach("COMP006", question("ticket_id", default="NEW-1"), "copier.yml", "'NEW-1'; it was 'PLAT-1'"),
    Breach("COMP007", setting("extra", {"type": "str", "default": "on"}), "copier.yml", "extra is new"),
    Breach(
        "COMP007",
        renamed("ticket_id", "ticket", default="{{ ticket_id | default('PLAT-1') }}"),
        "copier.yml",
        "takes the answer of ticket_id over",
    ),
    Breach("COMP008", moved("LICENSE", "docs/LICENSE", "More.\n"), "LICENSE", "is now docs/LICENSE"),
    Breach(
        "COMP008",
        moved(GITLAB, "{{cookiecutter.__gitlab}}/ci/gitlab.yml"),
        ".gitlab-ci.yml",
        "is now ci/gitlab.yml where ci is both or gitlab",
    ),
    Breach("COMP009", lambda small: small.remove("mk/slipway.mk"), "mk/slipway.mk", "is no longer generated"),
    Breach(
        "COMP009",
        moved("mk/slipway.mk", "{{cookiecutter.__jenkins}}/mk/slipway.mk"),
        "mk/slipway.mk",
        "no longer generated where ci is gitlab",
    ),
    Breach("COMP010", owned(), "README.md", "was the service's, and is the template's now"),
    Breach("COMP011", owned("README.md", "k8s"), "k8s", "the template's, and is the service's now (1 files)"),
    Breach("COMP012", setting("_tasks", ["true"]), "copier.yml", "_tasks is new"),
    Breach("COMP012", setting("_migrations", []), "copier.yml", "_migrations is new"),
    Breach("COMP012", setting("_jinja_extensions", []), "copier.yml", "_jinja_extensions is new"),
    Breach("COMP013", setting("_min_copier_version", "9.20.0"), "copier.yml", "is 9.20.0; it was 9.19.0"),
    Breach("COMP014", setting("_answers_file", ".answers.yml"), "copier.yml", "is .answers.yml"),
]


@pytest.fixture
def small(tmp_path: Path) -> Small:
    """Give a template with one release."""
    made = Small(tmp_path / "template")
    git(made.root, "tag", "v0.1.0")
    return made


def compared(small: Small) -> list[Found]:
    """Hold the working tree against the release."""
    return COMPATIBILITY.run(Step(at(small.root, "v0.1.0"), working_tree(small.root)))


@pytest.mark.parametrize("breach", BREACHES, ids=lambda breach: f"{breach.rule}-{breach.word}")
def test_a_rule_finds_its_breach(breach: Breach, small: Small) -> None:
    breach.change(small)

    found = compared(small)

    mine = [one for one in found if one.rule == breach.rule]
    assert any(one.path == breach.path and breach.word in one.message for one in mine), found


def test_every_rule_has_a_breach() -> None:
    planted = {breach.rule for breach in BREACHES}

    assert planted == set(COMPATIBILITY.rules)


def test_what_is_not_changed_has_no_finding(small: Small) -> None:
    found = compared(small)

    assert found == []


def test_a_release_that_only_adds_breaks_nothing(small: Small) -> None:
    small.write("docs/a.md", "a\n")
    small.write("mk/slipway.mk", "help:\n\t@echo more\n")
    small.ask(lambda data: data["ci"]["choices"].update({"Take neither": "neither"}))

    found = compared(small)

    assert found == []


def test_a_file_that_changes_its_choice_folder_and_stays_where_it_was_has_not_moved(small: Small) -> None:
    for folder in ("gitlab", "jenkins"):
        small.write(f"{{{{cookiecutter.__{folder}}}}}/mk/only.mk", "a\n")
    small.remove("{{cookiecutter.__jenkins}}/mk/only.mk")
    small.commit("feat: a file\n\nRefs: SLIP-1")
    git(small.root, "tag", "-f", "v0.1.0")
    small.write("mk/only.mk", "a\n")
    small.remove("{{cookiecutter.__gitlab}}/mk/only.mk")

    found = compared(small)

    assert found == []


def test_a_file_of_the_services_may_go(small: Small) -> None:
    small.remove("README.md")

    found = compared(small)

    assert found == []


def test_a_renamed_question_that_takes_its_answers_over_breaks_nothing(small: Small) -> None:
    renamed("ticket_id", "ticket", default="{{ ticket_id | default('PLAT-1') }}")(small)

    found = compared(small)

    assert breaking(found) == []


@pytest.mark.parametrize("name", sorted(RULES))
def test_the_probes_find_a_rule_that_got_tighter_at_its_ends(name: str, small: Small) -> None:
    example = RULES[name].example
    for validator in ("{}", f"{{% if {name} | length > {len(example)} %}}x{{% endif %}}"):
        asked = {"type": "str", "help": "x", "default": example, "validator": validator.replace("{}", "")}
        setting(name, asked)(small)
        if validator == "{}":
            small.commit("feat: a question\n\nRefs: SLIP-1")
            git(small.root, "tag", "-f", "v0.1.0")

    found = compared(small)

    assert any(one.rule == "COMP004" and one.message.startswith(f"{name} refuses") for one in found)


def test_severities_are_two_and_both_are_used() -> None:
    used = {rule.severity for rule in COMPATIBILITY.rules.values()}

    assert used == {BREAKING, NOTE}


def run(small: Small, *options: str) -> tuple[int, str]:
    """Run the command."""
    done = CliRunner().invoke(main, ["template", "compatibility", "--root", str(small.root), *options])
    return done.exit_code, done.output


def test_the_command_fails_for_what_breaks_and_tells_the_way_out(small: Small) -> None:
    small.remove("mk/slipway.mk")

    status, output = run(small)

    assert status == 1
    assert "COMP009  no file disappears\n  mk/slipway.mk: is no longer generated\n" in output
    assert f"  fix  {COMPATIBILITY.rules['COMP009'].fix}\n" in output
    assert output.endswith("compatibility rules against v0.1.0: 1 that break services, 0 notes\n")


def test_the_command_passes_what_a_commit_announces(small: Small) -> None:
    small.remove("mk/slipway.mk")
    small.commit("feat(template)!: no more makefile\n\nRefs: SLIP-2")

    status, output = run(small)

    assert status == 0
    assert "announced by " in output
    assert "(no more makefile)" in output


def test_the_command_passes_notes(small: Small) -> None:
    question("ticket_id", default="NEW-1")(small)

    status, output = run(small, "--against", "v0.1.0")

    assert status == 0
    assert "(note)" in output
    assert output.endswith("nothing breaks services, 1 note\n")


def test_without_a_release_there_is_nothing_to_compare_with(small: Small) -> None:
    git(small.root, "tag", "-d", "v0.1.0")

    status, output = run(small)

    assert (status, output) == (0, "there is no release yet, so nothing to be compatible with\n")


def test_a_tag_that_is_not_there_is_named(small: Small) -> None:
    status, output = run(small, "--against", "v9.9.9")

    assert status == 1
    assert "the template cannot be read at v9.9.9" in output


EVERY = {"ci": ("both", "gitlab", "jenkins"), "store": ("sql", "none")}


@pytest.mark.parametrize(
    ("some", "words"),
    [
        ([("both", "sql"), ("both", "none"), ("gitlab", "sql"), ("gitlab", "none")], "ci is both or gitlab"),
        ([("both", "sql"), ("gitlab", "sql"), ("jenkins", "sql")], "store is sql"),
        ([("both", "none")], "ci is both and store is none"),
        ([(ci, store) for ci in EVERY["ci"] for store in EVERY["store"]], "every service"),
        ([("both", "sql"), ("both", "none"), ("gitlab", "sql")], "ci is both; or ci is gitlab and store is sql"),
    ],
)
def test_combinations_are_told_in_words(some: list[tuple[str, str]], words: str) -> None:
    combinations = [dict(zip(EVERY, values, strict=True)) for values in some]

    assert described(combinations, EVERY) == words
