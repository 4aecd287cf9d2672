"""The template repository lives by its own rules."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from binaryornot.check import is_binary
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jinja2 import Environment, StrictUndefined

from slipway.answers import RULES
from slipway.contract import check
from slipway.ownership import is_owned, service_owned
from slipway.template.sync import DIGESTS
from tests.conftest import ROOT, TREE, Render, git

AWKWARD = {
    "project_name": "Été \"x\": $(id) `ls` 'q' #1 <b> \\ & 50%",
    "description": "Größe: viele Łodzie, \"quoted\", 'single', ${HOME} and %{x}; a | b * c_d [e](f) ~ g! 日本語",
    "project_slug": "ete",
}
JINJA = re.compile(rb"\{\{ ?cookiecutter|\{%")
MOST_JINJA = 0.02
ILLEGAL = re.compile(r'["|<>:*?\\]')


def tree_files() -> list[str]:
    """Give the files of the tree that git tracks or would track."""
    return [name for name in git(ROOT, "ls-files", "-z", "-co", "--exclude-standard", "--", TREE).split("\0") if name]


def test_the_share_of_lines_with_jinja_stays_small() -> None:
    lines = [line for name in tree_files() for line in (ROOT / name).read_bytes().splitlines()]

    share = sum(1 for line in lines if JINJA.search(line)) / len(lines)

    assert share < MOST_JINJA


def test_every_name_can_be_checked_out_on_windows() -> None:
    bad = [name for name in tree_files() if ILLEGAL.search(re.sub(r"\{\{.*?\}\}", "x", name))]

    assert bad == []


def test_no_file_is_hidden_by_the_services_own_ignore_file() -> None:
    hidden = git(ROOT, "ls-files", "--others", "--ignored", "--exclude-standard", "--", TREE)

    assert hidden == ""


def test_every_file_is_text_that_both_engines_render() -> None:
    unlike = [
        name
        for name in tree_files()
        if is_binary(str(ROOT / name)) or (ROOT / name).is_symlink() or b"\r" in (ROOT / name).read_bytes()
    ]

    assert unlike == []


def test_every_service_owned_path_is_generated(services: Render) -> None:
    made = [services(), services(datastore="none", monitoring="datadog")]

    owned = service_owned((ROOT / "copier.yml").read_text(encoding="utf-8"))
    absent = [path for path in owned if not any((service / path).exists() for service in made)]

    assert absent == []


def matched(path: str, patterns: list[str]) -> bool:
    """Tell whether Renovate's patterns match a path; those that are written here are paths, or end in `/**`."""
    folders = [pattern.removesuffix("**") for pattern in patterns if pattern.endswith("/**")]
    return path in patterns or any(path.startswith(folder) for folder in folders)


@pytest.mark.parametrize("answers", [{}, {"datastore": "none", "monitoring": "datadog"}], ids=["default", "other"])
def test_renovate_moves_exactly_what_the_service_owns(services: Render, answers: dict[str, str]) -> None:
    service = services(**answers)
    owned = service_owned((ROOT / "copier.yml").read_text(encoding="utf-8"))
    rules = json.loads((service / "renovate.json").read_text(encoding="utf-8"))["packageRules"]
    off = [rule for rule in rules if rule.get("enabled") is False and "matchFileNames" in rule]
    left_alone = [rule["matchFileNames"] for rule in off if "matchUpdateTypes" not in rule]
    paths = [path.relative_to(service).as_posix() for path in service.rglob("*") if path.is_file()]

    unlike = [
        path
        for path in paths
        if path not in (".copier-answers.yml", *DIGESTS) and matched(path, left_alone[0]) is is_owned(path, owned)
    ]

    assert len(left_alone) == 1
    assert len(paths) > 100
    assert unlike == []


def test_services_move_the_digests_of_their_image_and_the_template_its_tags(services: Render) -> None:
    rules = json.loads((services() / "renovate.json").read_text(encoding="utf-8"))["packageRules"]

    of_image = [rule for rule in rules if matched("Dockerfile", rule.get("matchFileNames", []))]

    kept = {kind for rule in of_image if rule.get("enabled") is False for kind in rule["matchUpdateTypes"]}
    moved = {kind for rule in of_image if rule.get("enabled") is not False for kind in rule["matchUpdateTypes"]}
    assert kept == {"major", "minor", "patch", "pin", "replacement", "rollback"}
    assert moved == {"digest", "pinDigest"}


def test_renovate_of_the_template_finds_every_image_that_is_pinned_in_the_tree(tmp_path: Path) -> None:
    config = ROOT / "renovate.json"
    data = json.loads(config.read_text(encoding="utf-8"))
    (tmp_path / "renovate.json").write_text(config.read_text(encoding="utf-8").replace('"labels": [', '"labels": [1, '))
    check_schema = ["check-jsonschema", "--builtin-schema", "vendor.renovate"]

    codes = [
        subprocess.run([*check_schema, file], check=False, capture_output=True).returncode
        for file in (config, tmp_path / "renovate.json")
    ]

    (custom,) = data["customManagers"]
    files = [re.compile(pattern.strip("/")) for pattern in custom["managerFilePatterns"]]
    found = re.compile(custom["matchStrings"][0].replace("(?<", "(?P<"))
    texts = {name: (ROOT / name).read_text(encoding="utf-8") for name in tree_files() if "/bin/" in name}
    counts = {name: len(re.findall(r"@sha256:[0-9a-f]{64}", text)) for name, text in texts.items()}
    assert codes == [0, 1]
    assert "dockerfile" in data["enabledManagers"]
    assert sum(counts.values()) > 1
    for name in (name for name, count in counts.items() if count):
        assert any(pattern.search(name) for pattern in files), name
        assert len(found.findall(texts[name])) == counts[name]


def test_renovate_does_not_bring_releases_of_the_template_beside_the_scheduled_job(services: Render) -> None:
    rules = json.loads((services() / "renovate.json").read_text(encoding="utf-8"))["packageRules"]

    copier = [rule["enabled"] for rule in rules if rule.get("matchManagers") == ["copier"]]

    assert copier == [False]


def test_the_ownership_list_depends_on_the_operation_alone() -> None:
    entries = yaml.safe_load((ROOT / "copier.yml").read_text(encoding="utf-8"))["_exclude"]

    assert all(
        re.fullmatch(r"\{% if _copier_operation == 'update' %\}/[\w./-]+\{% endif %\}", entry) for entry in entries
    )


@pytest.mark.parametrize("datastore", ["postgresql", "mongodb", "none"])
def test_free_text_survives_every_file_it_lands_in(datastore: str, services: Render) -> None:
    service = services(AWKWARD, datastore=datastore)

    catalog = yaml.safe_load((service / "catalog-info.yaml").read_text(encoding="utf-8"))
    api = yaml.safe_load((service / "api/openapi.yaml").read_text(encoding="utf-8"))
    readme = (service / "README.md").read_text(encoding="utf-8")

    assert catalog["metadata"]["title"] == AWKWARD["project_name"]
    assert catalog["metadata"]["description"] == AWKWARD["description"]
    assert api["info"]["title"] == AWKWARD["project_name"]
    assert re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", readme.splitlines()[0]) == f"# {AWKWARD['project_name']}"
    assert check(service).findings == ()


WORD = st.from_regex(r"[a-z][a-z0-9]{1,8}", fullmatch=True)
LETTERS = st.sampled_from("AzÉłДש日한")
TEXT = st.text(st.sampled_from(list(" !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~aZ9éß日")), max_size=40)
NAMES = st.builds(lambda first, rest: (first + rest).rstrip(), LETTERS, TEXT)
SLUGS = st.lists(WORD, min_size=1, max_size=4).map("-".join)
PATHS = st.lists(
    st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,8}[A-Za-z0-9_]", fullmatch=True), min_size=1, max_size=3
).map("/".join)
HOSTS = st.lists(WORD, min_size=2, max_size=3).map(".".join)
FORMS = st.sampled_from(
    ["https://{}/{}", "https://{}:8443/{}.git", "ssh://git@{}/{}", "ssh://git@{}:22/{}.git", "git@{}:{}.git"]
)
URLS = st.builds(lambda form, host, path: form.format(host, path), FORMS, HOSTS, PATHS)
TICKETS = st.from_regex(r"[A-Z][A-Z0-9]{1,8}-[1-9][0-9]{0,6}", fullmatch=True)


def accepted(name: str, answers: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Keep the answers that the rule of a question accepts."""
    return answers.filter(RULES[name].accepts)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(
    accepted("project_name", NAMES),
    accepted("project_slug", SLUGS),
    accepted("repository_url", URLS),
    accepted("ticket_id", TICKETS),
)
def test_every_accepted_answer_gives_usable_derived_values(name: str, slug: str, url: str, ticket: str) -> None:
    questions = json.loads((ROOT / "cookiecutter.json").read_text(encoding="utf-8"))
    answers = {
        "project_name": name,
        "project_slug": slug,
        "repository_url": url,
        "ticket_id": ticket,
        "description": name,
    }
    jinja = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False)  # noqa: S701

    def derived(key: str) -> str:
        return jinja.from_string(questions[key]).render(cookiecutter=answers)

    assert re.fullmatch(r"[a-z0-9.-]+(/[A-Za-z0-9._-]+)+", derived("__go_module"))
    assert not derived("__go_module").endswith(".git") or url.endswith(".git.git")
    assert re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", derived("__project_name_md")) == name
    assert ticket.startswith(derived("__ticket_prefix") + "-")


def test_the_template_keeps_its_own_features_summaries() -> None:
    result = check(ROOT, select=["FEA001", "FEA002", "FEA003", "FEA004", "TXT002", "TXT003"])

    assert result.findings == ()


def test_every_commit_message_keeps_the_rules() -> None:
    messages = [text.strip() for text in git(ROOT, "log", "--no-merges", "--format=%B%x00").split("\0") if text.strip()]

    bad = [
        text
        for text in messages
        if not re.match(r"[a-z]+(\([a-z0-9-]+\))?!?: \S", text)
        or len(text.splitlines()[0]) > 79
        or not re.fullmatch(r"Refs: SLIP-[1-9][0-9]*", text.splitlines()[-1])
    ]

    assert bad == []


def test_locks_carry_hashes_and_no_download_address() -> None:
    for path in (ROOT / "requirements").glob("*.txt"):
        text = path.read_text(encoding="utf-8")
        pins = re.findall(r"^[a-z0-9][\w.-]*==", text, re.MULTILINE | re.IGNORECASE)

        assert "://" not in text
        assert text.count("--hash=sha256:") >= len(pins) > 0


@pytest.mark.parametrize("name", ["pre_gen_project.py", "post_gen_project.py"])
def test_a_hook_is_valid_python_before_it_is_rendered(name: str) -> None:
    compile((ROOT / "hooks" / name).read_text(encoding="utf-8"), name, "exec")


def test_the_documentation_builds_strictly(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "properdocs",
        "build",
        "--strict",
        "-q",
        "-f",
        str(ROOT / "properdocs.yml"),
        "-d",
        str(tmp_path),
    ]

    done = subprocess.run(command, check=False, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "index.html").exists()


def test_the_pipelines_of_a_service_call_make_and_the_one_script_whose_status_counts(services: Render) -> None:
    service = services()
    jobs = yaml.safe_load((service / ".gitlab-ci.yml").read_text(encoding="utf-8"))
    steps = [line for job in jobs.values() if isinstance(job, dict) for line in job.get("script", [])]
    pipelines = [service / "Jenkinsfile", *(service / "ci").glob("*.Jenkinsfile")]
    for pipeline in pipelines:
        steps += re.findall(r"\bsh(?: |\([^)]*script: )'([^']*)'", pipeline.read_text(encoding="utf-8"))

    other = [step for step in steps if not step.startswith(("make ", "bin/template-update "))]

    assert len(pipelines) == 2
    assert len(steps) > 20
    assert other == []
