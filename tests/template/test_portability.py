"""Every portability rule catches its defect, and leaves the tree alone."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner

from slipway.cli import main
from slipway.template.portability import PORTABILITY
from slipway.template.state import ANSWERS_NAME, working_tree
from tests.conftest import ROOT, TREE, git
from tests.template.small import Change, Small, both


class Defect(NamedTuple):
    """A change that breaks one rule, where the finding must point, and a word it must hold."""

    rule: str
    change: Change
    path: str
    word: str


def write(path: str, data: str | bytes, mode: int | None = None) -> Change:
    """Write a file of the tree."""
    return lambda small: small.write(path, data, mode)


def top(path: str, text: str) -> Change:
    """Write a file beside the tree."""

    def change(small: Small) -> None:
        place = small.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")

    return change


def replace(path: str, pattern: str, text: str) -> Change:
    """Replace the first match of a pattern in a file beside the tree; it must be there."""

    def change(small: Small) -> None:
        before = (small.root / path).read_text(encoding="utf-8")
        after, count = re.subn(pattern, lambda _: text, before, count=1, flags=re.MULTILINE)
        assert count == 1, f"{path} has no {pattern}"
        (small.root / path).write_text(after, encoding="utf-8")

    return change


def setting(key: str, value: object) -> Change:
    """Set a key of copier.yml."""
    return lambda small: small.ask(lambda data: data.update({key: value}))


def linked(small: Small) -> None:
    """Put a symbolic link into the tree."""
    (small.root / TREE / "link").symlink_to("README.md")


def submodule(small: Small) -> None:
    """Put a repository into the tree, as git records a submodule."""
    git(small.root, "init", "-q", f"{TREE}/module")
    git(small.root / TREE / "module", "commit", "-q", "--allow-empty", "--no-gpg-sign", "-m", "x")
    git(small.root, "add", f"{TREE}/module")


def derived(name: str, default: str) -> Change:
    """Give a derived answer another default."""
    return lambda small: small.ask(lambda data: data[name].update(default=default))


def raw(text: str) -> Change:
    """Write a file whose name and content go into the tree."""
    return write("docs/a.md", text)


DEFECTS = [
    Defect("PORT001", replace("cookiecutter.json", '"both"', '"all"'), "cookiecutter.json", "make questions"),
    Defect("PORT001", replace("copier.yml", "^ci:", "items:"), "copier.yml", "items"),
    Defect("PORT002", setting("_tasks", ["true"]), "copier.yml", "_tasks"),
    Defect("PORT002", setting("_migrations", []), "copier.yml", "_migrations"),
    Defect("PORT002", setting("_jinja_extensions", ["jinja2.ext.do"]), "copier.yml", "_jinja_extensions"),
    Defect(
        "PORT003", replace("cookiecutter.json", r"^\{", '{\n  "_extensions": [],'), "cookiecutter.json", "_extensions"
    ),
    Defect("PORT003", top("hooks/pre_prompt.py", "\n"), "hooks/pre_prompt.py", "pre_prompt"),
    Defect("PORT004", setting("_envops", {}), "copier.yml", "_envops"),
    Defect("PORT004", setting("_templates_suffix", ".jinja"), "copier.yml", "_templates_suffix"),
    Defect("PORT005", setting("_min_copier_version", "9.14.0"), "copier.yml", "9.14.0"),
    Defect(
        "PORT006", setting("_exclude", ["{% if ci == 'both' %}/README.md{% endif %}"]), "copier.yml", "ci == 'both'"
    ),
    Defect("PORT006", setting("_exclude", ["*.md"]), "copier.yml", "*.md"),
    Defect(
        "PORT007",
        setting("_exclude", ["{% if _copier_operation == 'update' %}/docs/no{% endif %}"]),
        "copier.yml",
        "docs/no",
    ),
    Defect("PORT008", top("{{cookiecutter.other}}/a", "a\n"), "copier.yml", "cookiecutter.other"),
    Defect("PORT009", write(ANSWERS_NAME, "{{ _copier_answers | to_nice_yaml }}\n"), ANSWERS_NAME, "text must be"),
    Defect("PORT009", lambda small: small.remove(ANSWERS_NAME), ANSWERS_NAME, "missing"),
    Defect("PORT010", linked, "link", "symbolic link"),
    Defect("PORT010", submodule, "module", "submodule"),
    Defect("PORT011", both(write(".gitignore", "/tmp/\n"), write("tmp/a", "a\n")), "tmp/a", "ignored"),
    Defect("PORT012", raw("a\r\n"), "docs/a.md", "carriage return"),
    Defect("PORT012", write("docs/a.md", b"caf\xe9\n"), "docs/a.md", "0xe9"),
    Defect("PORT012", write("docs/a.md", b"\xef\xbb\xbf# a\n"), "docs/a.md", "byte order mark"),
    Defect("PORT013", write("docs/a.bin", "text\n"), "docs/a.bin", "binary"),
    Defect("PORT013", write("docs/a.md", b"a\0b\n"), "docs/a.md", "binary"),
    Defect("PORT014", write("docs/a:b.md", "a\n"), "docs/a:b.md", "a:b.md"),
    Defect("PORT014", write("aux.go", "a\n"), "aux.go", "aux.go"),
    Defect("PORT014", write("readme.MD", "a\n"), "readme.MD", "README.md"),
    Defect("PORT015", write("tags/a.md", "a\n"), "tags/a.md", "tags"),
    Defect("PORT016", write("{{cookiecutter.__none}}/a.md", "a\n"), "{{cookiecutter.__none}}/a.md", "no choice folder"),
    Defect("PORT016", write("{{cookiecutter.__gitlab}}.md", "a\n"), "{{cookiecutter.__gitlab}}.md", "whole name"),
    Defect("PORT016", write("{% if x %}a{% endif %}.md", "a\n"), "{% if x %}a{% endif %}.md", "statement"),
    Defect("PORT016", write(".lift.go/a.md", "a\n"), ".lift.go/a.md", "rendered already"),
    Defect(
        "PORT017",
        write("{{cookiecutter.__postgresql}}/.gitlab-ci.yml", "a\n"),
        "{{cookiecutter.__gitlab}}/.gitlab-ci.yml",
        "datastore is postgresql and ci is both or gitlab",
    ),
    Defect("PORT018", raw("{% now 'local' %}\n"), "docs/a.md", "unknown tag 'now'"),
    Defect("PORT018", raw("a\n{{ $labels.pod }}\n"), "docs/a.md", "Jinja cannot read it"),
    Defect("PORT018", raw("{{ cookiecutter.ci | slugify }}\n"), "docs/a.md", "slugify"),
    Defect("PORT018", raw("{{ cookiecutter.ci is version }}\n"), "docs/a.md", "version"),
    Defect("PORT018", raw("{% include 'a.j2' %}\n"), "docs/a.md", "another file"),
    Defect("PORT019", raw("a\n{{ cookiecutter.sky }}\n"), "docs/a.md", "cookiecutter.sky"),
    Defect("PORT019", raw("{{ cookiecutter['sky'] }}\n"), "docs/a.md", "cookiecutter.sky"),
    Defect("PORT019", raw("{{ project_slug }}\n"), "docs/a.md", "'project_slug'"),
    Defect("PORT019", raw("{{ _copier_conf.dst_path }}\n"), "docs/a.md", "_copier_conf"),
    Defect("PORT020", raw("{{ [1, 2] | random }}\n"), "docs/a.md", "random"),
    Defect("PORT020", raw("{{ now() }}\n"), "docs/a.md", "now"),
    Defect("PORT020", derived("project_slug", "{{ lipsum() }}"), "copier.yml", "lipsum"),
    Defect("PORT021", raw("echo ${#list} #}\n"), "docs/a.md", "comment"),
    Defect("PORT022", write("bin/run", "#!/bin/sh\n", 0o644), "bin/run", "not executable"),
    Defect("PORT022", write("docs/a.md", "a\n", 0o755), "docs/a.md", "no #! line"),
    Defect("PORT023", raw("{{ cookiecutter.ci }}\n" * 9), ".", "3."),
]


@pytest.fixture
def small(tmp_path: Path) -> Small:
    """Give a template that keeps every rule."""
    return Small(tmp_path / "template")


def test_a_template_that_keeps_the_rules_has_no_finding(small: Small) -> None:
    found = PORTABILITY.run(working_tree(small.root))

    assert found == []


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: f"{defect.rule}-{defect.word}")
def test_a_rule_catches_its_defect(defect: Defect, small: Small) -> None:
    defect.change(small)

    found = PORTABILITY.run(working_tree(small.root))

    mine = [one for one in found if one.rule == defect.rule]
    assert any(one.path == defect.path and defect.word in one.message for one in mine), found


def test_every_rule_has_a_defect() -> None:
    planted = {defect.rule for defect in DEFECTS}

    assert planted == set(PORTABILITY.rules)


def test_the_tree_of_this_repository_keeps_every_rule() -> None:
    found = PORTABILITY.run(working_tree(ROOT))

    assert found == []


def test_a_finding_names_its_line(small: Small) -> None:
    small.write("docs/a.md", "one\ntwo\n{{ cookiecutter.sky }}\n")

    found = PORTABILITY.run(working_tree(small.root))

    assert [(one.path, one.line) for one in found] == [("docs/a.md", 3)]


def test_what_is_escaped_for_another_language_is_no_finding(small: Small) -> None:
    small.write("docs/a.md", "{% raw %}{{ $labels.pod }} ${#list} {{ now() }}{% endraw %}\n")

    found = PORTABILITY.run(working_tree(small.root))

    assert found == []


def test_the_command_lists_rule_reason_and_way_out(small: Small) -> None:
    small.write("tags/a.md", "a\n")

    done = CliRunner().invoke(main, ["template", "lint", "--root", str(small.root)])

    rule = PORTABILITY.rules["PORT015"]
    assert done.exit_code == 1
    assert "  tags/a.md: lies below a folder called tags\n" in done.output
    assert f"  why  {rule.why}\n  fix  {rule.fix}\n" in done.output
    assert done.output.endswith("portability rules, 1 finding\n")


def test_the_command_is_quiet_about_a_good_tree(small: Small) -> None:
    done = CliRunner().invoke(main, ["template", "lint", "--root", str(small.root)])

    assert (done.exit_code, done.output) == (0, f"{len(PORTABILITY.rules)} portability rules, no finding\n")


def test_a_folder_without_a_template_is_named(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["template", "lint", "--root", str(tmp_path)])

    assert done.exit_code == 1
    assert "is no template in a git repository" in done.output


def test_a_deleted_file_is_no_part_of_the_tree(small: Small) -> None:
    shutil.rmtree(small.root / TREE / "k8s")

    state = working_tree(small.root)

    assert not any(path.startswith("k8s/") for path in state.files)


def test_a_rule_that_breaks_is_seen_and_the_others_run(small: Small) -> None:
    top("copier.yml", "sky: blue\n")(small)

    found = PORTABILITY.run(working_tree(small.root))

    assert any(one.rule == "PORT001" and "the rule broke" in one.message for one in found)
    assert any(one.rule == "PORT005" for one in found)
