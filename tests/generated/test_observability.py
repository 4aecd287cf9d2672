"""What is promised, what is watched, and what somebody does when it breaks: one source, seen at work."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from slipway.cli import main
from slipway.contract import check
from slipway.contract.repository import Repository
from slipway.signals import read
from tests.alerts import names, program
from tests.conftest import Answers, Render

FULL = {"datastore": "postgresql", "broker": "kafka"}
OTHERS = (
    {"datastore": "mongodb", "broker": "none"},
    {"datastore": "none", "broker": "kafka"},
    {"datastore": "none", "broker": "none"},
)


def word(answers: Answers) -> str:
    """Name a choice for a test's id."""
    return "-".join(answers.values())


CHOICES = [
    pytest.param(FULL, id=word(FULL)),
    *(pytest.param(answers, id=word(answers), marks=pytest.mark.slow) for answers in OTHERS),
]
ALERTS = "k8s/components/monitoring/alerts.yaml"
DEPENDENCIES = "k8s/components/monitoring/alerts-dependencies.yaml"
EVENTS = "k8s/components/broker/alerts.yaml"
PROMISES = "observability/slo.yaml"
# What services had before the promises told how alerts follow from them.
OLDER = """\
service: orders-service
owner: platform
window: 30d
objectives:
  - name: availability
    promise: 99.9 % of requests are answered without a fault of ours
    target: 0.999
    bad: status_class is 5xx
    metric: http_server_request_duration_seconds
    alerts:
      - name: ApiAvailabilityBurn
        burn_rate: 14.4
        windows: [5m, 1h]
  - name: latency
    promise: 99 % of requests are answered within 250 ms
    target: 0.99
    bad: slower than 0.25 s
    metric: http_server_request_duration_seconds
    alerts:
      - name: ApiLatencyBurn
        burn_rate: 6
        windows: [30m]
"""


def alerts_test(service: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the tests of the alerts as a team would."""
    return subprocess.run(
        ["bin/alerts-test"],
        cwd=service,
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "CI": "", "PROMTOOL": "no-promtool", **environment},
    )


def change(path: Path, old: str, new: str) -> None:
    """Replace the first place of a text; it must be there."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def rules(service: Path) -> list[dict[str, Any]]:
    """Give the rules of all manifests of a service."""
    manifests = [yaml.safe_load(path.read_text("utf-8")) for path in service.glob("k8s/components/*/alerts*.yaml")]
    return [rule for one in manifests for group in one["spec"]["groups"] for rule in group["rules"]]


def written(service: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """Run slipway alerts and give what it says."""
    with pytest.raises(SystemExit):
        main(["alerts", str(service)])
    return capsys.readouterr().out


# Prometheus


@pytest.mark.slow
@pytest.mark.parametrize("answers", CHOICES)
def test_every_alert_is_seen_firing_and_silent(answers: Answers, own_copy: Render) -> None:
    service = own_copy(answers)

    done = alerts_test(service, PROMTOOL=str(program()))

    assert done.returncode == 0, done.stderr
    assert len(re.findall(r": [1-9]\d* tests$", done.stdout, re.MULTILINE)) == len(
        [*service.glob("observability/alerts*.test.yaml")]
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        (ALERTS, "> 14.4 * 0.001", "> 17 * 0.001"),
        (ALERTS, "> 6 * 0.01", "> 7 * 0.01"),
        (ALERTS, 'slo:bad_share:5m{service="orders-service",objective="availability"}', "slo:bad_share:1h"),
        (ALERTS, "and slo:bad_share:3d > 1 * 0.001", ""),
        (ALERTS, 'status_class="5xx"', 'status_class="4xx"'),
        (ALERTS, 'le="0.25"', 'le="0.5"'),
        (ALERTS, "          for: 3h\n", ""),
        (ALERTS, "severity: page", "severity: ticket"),
        (ALERTS, 'container="api"}\n            == 1', 'container="worker"}\n            == 1'),
        (ALERTS, "kube_pod_container_status_restarts_total", "kube_pod_container_restarts_total"),
        (DEPENDENCIES, "          for: 10m\n", ""),
        (DEPENDENCIES, "/ on (pod, dependency)", "/ on (pod)"),
        (EVENTS, "> 300", "> 300000"),
        (EVENTS, "events_lag{", "event_lag{"),
        (EVENTS, '-production"', '-.*"'),
    ],
)
def test_the_tests_of_alerts_catch_a_planted_defect(path: str, old: str, new: str, own_copy: Render) -> None:
    service = own_copy(broker="kafka")
    change(service / path, old, new)
    for tests in service.glob("observability/alerts*.test.yaml"):
        group = tests.name.removeprefix("alerts").removesuffix(".test.yaml")
        if group not in {ALERTS: ("", "-objectives"), DEPENDENCIES: ("-dependencies",), EVENTS: ("-events",)}[path]:
            tests.write_text("tests: []\n", encoding="utf-8")

    done = alerts_test(service, PROMTOOL=str(program()))

    assert done.returncode == 1, done.stdout
    assert " is [" in done.stderr


def test_without_promtool_nothing_is_claimed_and_ci_does_not_pass(services: Render) -> None:
    service = services()

    here, there = alerts_test(service), alerts_test(service, CI="true")

    assert (here.returncode, there.returncode) == (0, 1)
    assert "not installed" in here.stderr


# One source


@pytest.mark.parametrize("answers", CHOICES)
def test_both_systems_tell_the_alerts_that_the_source_names(answers: Answers, services: Render) -> None:
    prometheus, datadog = services(answers), services(answers, monitoring="datadog")

    wanted = read(Repository(prometheus)).names()
    fired = {rule["alert"] for rule in rules(prometheus) if "alert" in rule}
    monitors = [one for path in datadog.glob("observability/monitors*.json") for one in json.loads(path.read_text())]

    assert fired == wanted
    assert {one["name"].partition(":")[0] for one in monitors} == wanted
    assert {rule["labels"]["severity"] for rule in rules(prometheus) if "alert" in rule} == {"page", "ticket"}


def test_a_monitor_of_a_burn_rate_has_the_number_of_its_alert(services: Render) -> None:
    service = services(monitoring="datadog")

    monitors = json.loads((service / "observability/monitors.json").read_text(encoding="utf-8"))

    asked = {
        one["name"].partition(": ")[::2][0] + one["name"][-5:]: one["query"]
        for one in monitors
        if "Burn" in one["name"]
    }
    assert {name: query.split("):", 1)[0] for name, query in asked.items() if "Avail" in name} == {
        "ApiAvailabilityBurn (1h)": "sum(last_1h",
        "ApiAvailabilityBurn (6h)": "sum(last_6h",
        "ApiAvailabilityBurn (1d)": "sum(last_24h",
        "ApiAvailabilityBurn (3d)": "sum(last_72h",
    }
    assert [query.rpartition(" ")[2] for name, query in asked.items() if "Avail" in name] == [
        "0.0144",
        "0.006",
        "0.003",
        "0.001",
    ]
    assert [query.split(":")[1] for name, query in asked.items() if "Latency" in name] == ["p85.6", "p94", "p97", "p99"]


def test_the_older_form_of_the_promises_gives_the_same(own_copy: Render, capsys: pytest.CaptureFixture[str]) -> None:
    service = own_copy()
    (service / PROMISES).write_text(OLDER, encoding="utf-8")

    said = written(service, capsys)

    assert said == ""
    assert check(service).findings == ()


def test_a_number_of_the_older_form_that_nothing_follows_is_told(own_copy: Render) -> None:
    service = own_copy()
    (service / PROMISES).write_text(OLDER.replace("14.4", "10"), encoding="utf-8")

    found = check(service, select=["OBS005"]).findings

    assert len(found) == 1
    assert "burn rate of 10" in found[0].message


def test_a_conflict_in_what_is_written_is_solved_by_writing_it_again(
    own_copy: Render, capsys: pytest.CaptureFixture[str]
) -> None:
    service = own_copy()
    (service / PROMISES).write_text(OLDER.replace("0.999", "0.995"), encoding="utf-8")
    change(service / ALERTS, "          for: 2m\n", "<<<<<<< before\n          for: 3m\n=======\n>>>>>>> after\n")
    told = {one.check for one in check(service).findings}

    written(service, capsys)

    assert {"DAT001", "OBS006", "TXT004"} <= told
    assert "14.4 * 0.005" in (service / ALERTS).read_text(encoding="utf-8")
    assert check(service).findings == ()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("url", "pages"),
    [
        ("https://git.example.com:8443/a/b", "https://git.example.com:8443/a/b/-/blob/HEAD/docs"),
        ("https://github.com/a/b.git", "https://github.com/a/b/blob/HEAD/docs"),
        ("git@bitbucket.org:a/b.git", "https://bitbucket.org/a/b/src/HEAD/docs"),
        ("ssh://git@gitlab.example.com:2222/a/b", "https://gitlab.example.com/a/b/-/blob/HEAD/docs"),
    ],
)
def test_a_link_to_a_page_is_right_wherever_the_repository_lives(
    url: str, pages: str, own_copy: Render, capsys: pytest.CaptureFixture[str]
) -> None:
    service = own_copy(repository_url=url)
    told = (service / PROMISES).read_text(encoding="utf-8")
    (service / PROMISES).write_text(re.sub(r"^  docs: .*\n", "", told, flags=re.MULTILINE), encoding="utf-8")

    said = written(service, capsys)

    assert f"  docs: {pages}\n" in told
    assert said == ""


@pytest.mark.slow
def test_another_target_reaches_alerts_tests_and_dashboards(
    own_copy: Render, capsys: pytest.CaptureFixture[str]
) -> None:
    service = own_copy()
    change(service / PROMISES, "target: 0.999", "target: 0.995")
    change(service / PROMISES, "promise: 99.9 %", "promise: 99.5 %")
    before = {one.path for one in check(service, select=["OBS006"]).findings}

    said = written(service, capsys)

    assert before == set(re.findall(r"^wrote (.*)$", said, re.MULTILINE))
    assert ALERTS in before
    assert "14.4 * 0.005" in (service / ALERTS).read_text(encoding="utf-8")
    assert check(service).findings == ()
    assert alerts_test(service, PROMTOOL=str(program())).returncode == 0


def test_other_numbers_of_a_cause_and_a_cause_left_out(own_copy: Render, capsys: pytest.CaptureFixture[str]) -> None:
    service = own_copy(broker="kafka")
    numbers = (
        "{ConsumerLag: {threshold: 5000, severity: page, owner: streams}, CertificateExpiry: {left_out: not ours}}"
    )
    change(service / PROMISES, "causes: {}", f"causes: {numbers}")

    written(service, capsys)

    lag = next(rule for rule in rules(service) if rule.get("alert") == "ConsumerLag")
    assert lag["expr"].endswith("> 5000")
    assert lag["labels"] == {"severity": "page", "team": "streams"}
    assert "CertificateExpiry" not in {rule.get("alert") for rule in rules(service)}
    assert check(service).findings == ()


@pytest.mark.slow
def test_an_alert_of_the_teams_own_is_a_file_a_page_and_a_line(
    own_copy: Render, capsys: pytest.CaptureFixture[str]
) -> None:
    service = own_copy()
    guide = (service / "docs/how-to/observability.md").read_text(encoding="utf-8")
    example = re.search(r"```yaml\n( +causes:\n.*?)```", guide, re.DOTALL)
    assert example is not None
    text = textwrap.dedent(example[1].rstrip(" "))
    (service / "observability/signals/refunds.yaml").write_text(text, encoding="utf-8")
    page = service / "docs/runbooks" / f"{re.findall(r'name: (.*)', text)[0]}.md"
    page.write_text("# A page\n\n## Likely causes\n\n1. A deploy.\n", encoding="utf-8")
    change(
        service / "k8s/components/monitoring/kustomization.yaml",
        "resources:\n",
        "resources:\n  - alerts-refunds.yaml\n",
    )

    written(service, capsys)

    assert check(service).findings == ()
    assert alerts_test(service, PROMTOOL=str(program())).returncode == 0


# Dashboards


def boards(service: Path) -> Iterator[dict[str, Any]]:
    """Give the dashboards of a service."""
    found = [*service.glob("k8s/components/*/dashboard-*.json")]
    assert found
    for path in found:
        yield json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.slow
@pytest.mark.parametrize("answers", CHOICES)
def test_every_query_of_a_dashboard_parses_and_names_what_is_registered(answers: Answers, services: Render) -> None:
    service = services(answers)
    registries = [yaml.safe_load(path.read_text("utf-8")) for path in service.glob("telemetry/*.yaml")]
    metrics = [metric for told in registries for metric in told.get("metrics", [])]
    metrics += [metric for told in registries for one in told.get("exporters", []) for metric in one["metrics"]]
    known = {metric["prometheus"] for metric in metrics} | {rule.get("record") for rule in rules(service)}

    queries = [
        target["expr"] for board in boards(service) for panel in board["panels"] for target in panel.get("targets", [])
    ]
    queries += [note["expr"] for board in boards(service) for note in board["annotations"]["list"]]
    asked = names(query.replace("$__rate_interval", "5m").replace("$", "") for query in queries)

    unknown = {name for name in asked if not {name, re.sub(r"_(bucket|sum|count)$", "", name)} & known}
    assert {name for name in unknown if not name.startswith("process_")} == set()
    assert len(asked) >= 15


@pytest.mark.parametrize("answers", CHOICES)
def test_a_dashboard_can_be_loaded_anywhere(answers: Answers, services: Render) -> None:
    service = services(answers)

    shown = [*boards(service)]

    assert len({board["uid"] for board in shown}) == len(shown)
    for board in shown:
        panels = [panel for panel in board["panels"] if panel["type"] != "row"]
        cells = [
            (x, y)
            for panel in board["panels"]
            for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
            for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
        ]
        assert len(board["uid"]) <= 40
        assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
        assert {panel["datasource"]["uid"] for panel in panels} == {"${datasource}"}
        assert len(set(cells)) == len(cells)
        assert max(x for x, _ in cells) == 23


# Runbooks

ON_THE_CLUSTER = {
    "events",
    "certificates",
    "pods",
    "jobs",
    "networkpolicies",
    "deployments",
    "cronjobs",
    "resourcequota",
}
VERBS = {"get", "describe", "logs", "top", "create", "scale", "rollout"}
OBJECTS = {
    "deployment/worker",
    "job/migrate",
    "deployment worker",
    "job migrate",
    "cronjob pipeline",
    "cronjob/pipeline",
}


def commands(text: str) -> list[str]:
    """Give the commands of a page: the lines of its blocks, and what stands between backticks and begins as one."""
    blocks = [line for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]
    spans = re.findall(r"`((?:make|bin/|kubectl) ?[^`]*)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    return [line.strip() for line in [*blocks, *(" ".join(span.split()) for span in spans)] if line.strip()]


def faults(service: Path, line: str) -> Iterator[str]:
    """Say what a command names that is not there."""
    words = shlex.split(line)
    if words[0] == "make":
        yield from make_faults(service, line, words)
    elif words[0].startswith("bin/"):
        script = service / words[0]
        header = script.read_text("utf-8") if script.is_file() else ""
        flags = [one for one in words[1:] if one.startswith("-")]
        yield from (f"{line}: no {flag}" for flag in flags if not re.search(rf"^#   {flag}\b", header, re.MULTILINE))
        if not header:
            yield f"{line}: no script {words[0]}"
    elif words[0] == "kubectl":
        yield from kubectl_faults(line, words)
    elif not re.fullmatch(r"C=CONTEXT N=[a-z0-9-]+-production", line):
        yield f"{line}: neither make, nor bin/, nor kubectl"


def make_faults(service: Path, line: str, words: list[str]) -> Iterator[str]:
    """Say what a call of make names that no makefile has."""
    makefiles = "".join(path.read_text("utf-8") for path in service.glob("mk/*.mk"))
    if not re.search(rf"^{re.escape(words[1])}::? .*## ", makefiles, re.MULTILINE):
        yield f"{line}: no target {words[1]}"
    for name in (one.partition("=")[0] for one in words[2:]):
        if not re.search(rf"^{name} \?=", makefiles, re.MULTILINE):
            yield f"{line}: no variable {name}"


def kubectl_faults(line: str, words: list[str]) -> Iterator[str]:
    """Say what a call of kubectl lacks, or names that no overlay makes."""
    if words == ["kubectl", "config", "get-contexts"]:
        return
    if words[1:5] != ["--context", "$C", "-n", "$N"]:
        yield f"{line}: no --context and namespace"
        return
    verb, rest = words[5], [one for one in words[6:] if not one.startswith("--")]
    if verb not in VERBS:
        yield f"{line}: {verb} is no verb of a runbook"
    if "-l" in rest:
        label = rest.pop(rest.index("-l") + 1)
        rest.remove("-l")
        if not re.fullmatch(r"app.kubernetes.io/component=(api|worker|pipeline)", label):
            yield f"{line}: nothing has the label {label}"
    if verb == "top":
        rest = [one for one in rest if one != "pods"]
    known = ON_THE_CLUSTER | {"hpa", "job", "restart"}
    source = next((one.removeprefix("--from=") for one in words if one.startswith("--from=")), "")
    named = " ".join(one for one in rest if one not in known and one not in ("-o", "wide"))
    for name in filter(None, [source or named]):
        if name not in OBJECTS and f"{rest[0]} {name}" not in OBJECTS:
            yield f"{line}: no overlay makes {name}"


@pytest.mark.parametrize("answers", CHOICES)
def test_every_command_of_every_runbook_can_be_given(answers: Answers, services: Render) -> None:
    service = services(answers)

    lines = [line for page in sorted(service.glob("docs/runbooks/*.md")) for line in commands(page.read_text("utf-8"))]

    assert [fault for line in lines for fault in faults(service, line)] == []
    assert len(lines) > 40


@pytest.mark.parametrize(
    "line",
    [
        "make rolback ENVIRONMENT=production",
        "make rollback ENVIROMENT=production",
        "bin/dlq-relay",
        "bin/dlq-replay -x",
        "kubectl get pods",
        'kubectl --context "$C" -n "$N" delete pods',
        'kubectl --context "$C" -n "$N" describe deployment wroker',
        'kubectl --context "$C" -n "$N" logs -l app.kubernetes.io/component=apis',
        'kubectl --context "$C" -n "$N" create job a --from=cronjob/pipelines',
        "curl https://example.com",
    ],
)
def test_a_command_that_cannot_be_given_is_told(line: str, services: Render) -> None:
    service = services(broker="kafka")

    assert [*faults(service, line)]


@pytest.mark.parametrize("answers", CHOICES)
def test_every_runbook_begins_with_causes_and_says_where_to_look_and_what_to_do(
    answers: Answers, services: Render
) -> None:
    service = services(answers)
    wanted = read(Repository(service)).names()

    pages = {path.stem: path.read_text("utf-8") for path in service.glob("docs/runbooks/*.md") if path.stem != "README"}

    assert set(pages) == wanted
    for name, text in pages.items():
        assert re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE) == [
            name,
            "Likely causes",
            "Look",
            "Act",
        ]
