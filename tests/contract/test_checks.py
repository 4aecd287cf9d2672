"""Every check catches the defect it is for, and leaves a good service alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from slipway.contract import REGISTRY, Finding, check, load
from tests.conftest import Answers, Render, cases, combinations, together
from tests.contract.clusters import CLUSTERS
from tests.contract.manifests import MANIFESTS
from tests.contract.pipelines import PIPELINES
from tests.contract.planting import Defect, add, chmod, one_each, remove, rename, replace, write
from tests.contract.shell import SHELL
from tests.contract.terraform import TERRAFORM

load()
# every other combination is checked by the hook, when tests/engines renders it
SOME = together(combinations())[:3]
API = "k8s/base/api.yaml"
CI = ".gitlab-ci.yml"
JOB = "ci/template-update.Jenkinsfile"
METRICS = "telemetry/metrics.yaml"
MEASURES = "internal/platform/telemetry/metrics.go"
PLACE = "internal/app/place_order.go"
OPERATIONS = "docs/operational-contract.md"
ALERTS = "k8s/components/monitoring/alerts.yaml"
PROMISES = "observability/slo.yaml"
SIGNALS = "observability/signals/service.yaml"
SUMMARY = "features_summaries/PLAT-1_21112026_summarization.md"


DEFECTS = [
    Defect("LAY001", remove("CODEOWNERS"), "CODEOWNERS", "missing"),
    Defect("LAY001", remove("Jenkinsfile"), "Jenkinsfile", "missing"),
    Defect("LAY002", replace(".gitignore", r"^/tmp/$", "/scratch/"), ".gitignore", "tmp/"),
    Defect("TXT001", add("README.md", "{{ cookiecutter.project_slug }}\n"), "README.md", "never rendered"),
    Defect("TXT001", write("docs/.lift.go/a.md", "x\n"), "docs/.lift.go/a.md", "template text"),
    Defect("TXT002", write("docs/a.md", b"caf\xe9\n"), "docs/a.md", "0xe9"),
    Defect("TXT002", write("docs/a.md", b"\xef\xbb\xbf# a\n"), "docs/a.md", "byte order mark"),
    Defect("TXT003", write("docs/a.md", b"a\r\n"), "docs/a.md", "CR LF"),
    Defect("TXT004", add("docs/architecture.md", "<<<<<<< before updating\n"), "docs/architecture.md", "begins here"),
    Defect("TXT004", write("bin/deploy.rej", "@@ -1 +1 @@\n"), "bin/deploy.rej", "could not be applied"),
    Defect("DAT001", add("catalog-info.yaml", "kind: Again\n"), "catalog-info.yaml", "'kind' stands twice"),
    Defect("DAT001", add("catalog-info.yaml", "a: [\n"), "catalog-info.yaml", "line"),
    Defect("DAT002", write("a.json", '{"a": 1, "a": 2}'), "a.json", "'a' stands twice"),
    Defect("DAT002", write("a.json", "{"), "a.json", "line 1"),
    Defect("DAT003", write("a.toml", "a = \n"), "a.toml", "line 1"),
    Defect("SCR001", chmod("bin/deploy", 0o644), "bin/deploy", "not executable"),
    Defect("SCR001", chmod("bin/lib.sh", 0o755), "bin/lib.sh", "does not begin"),
    Defect("SCR002", replace("bin/deploy", r"^set -eu$", ""), "bin/deploy", "set -eu"),
    Defect("SCR002", replace("bin/deploy", r"^#!/bin/sh$", "#!/bin/bash"), "bin/deploy", "#!/bin/bash"),
    Defect("SCR003", add("bin/deploy", "kubectl delete namespace x\n"), "bin/deploy", "--context"),
    Defect("DOC001", replace("Dockerfile", r"^USER .*$", ""), "Dockerfile", "no USER"),
    Defect("DOC001", replace("Dockerfile", r"^USER .*$", "USER nonroot"), "Dockerfile", "USER nonroot"),
    Defect("DOC001", replace("Dockerfile", r"^USER .*$", "USER 0:0"), "Dockerfile", "USER 0:0"),
    Defect("DOC002", add("Dockerfile", "FROM alpine\nUSER 1\nEXPOSE 8080 9090\n"), "Dockerfile", "FROM alpine"),
    Defect("DOC003", add("Dockerfile", "COPY no-such-file /\n"), "Dockerfile", "no-such-file"),
    Defect("DOC003", add("Dockerfile", "COPY --from=nowhere /a /b\n"), "Dockerfile", "nowhere"),
    Defect("DOC004", write(".dockerignore", "tmp\n"), ".dockerignore", ".git"),
    Defect("DOC005", add("Dockerfile", "ADD https://example.com/a /a\n"), "Dockerfile", "checksum"),
    Defect("DOC006", replace("Dockerfile", r"(?<=bookworm)@\S+", ""), "Dockerfile", "no digest"),
    Defect("DOC007", add("Dockerfile", "RUN chmod +x /app/api\n"), "Dockerfile", "has no shell"),
    Defect("DOC008", add("Dockerfile", "ENV DATABASE_PASSWORD=x\n"), "Dockerfile", "DATABASE_PASSWORD"),
    Defect("DOC009", add("Dockerfile", "RUN apt-get install -y curl\n"), "Dockerfile", "apt-get install"),
    Defect("DOC010", add("Dockerfile", "RUN <<EOF\ntrue\nEOF\n"), "Dockerfile", "heredoc"),
    Defect("DOC011", add("Dockerfile", 'ENTRYPOINT ["/app/server"]\n'), "Dockerfile", "/app/server"),
    Defect("DOC012", replace("Dockerfile", r"\./cmd/\.\.\.", "./commands/..."), "Dockerfile", "./commands/..."),
    Defect("DOC013", add("Dockerfile", "EXPOSE 9999\n"), "Dockerfile", "9999"),
    Defect("DOC014", add("Dockerfile", "EXPOSED 8080\n"), "Dockerfile", "EXPOSED"),
    Defect("DOC015", replace("Dockerfile", r"^ARG TARGETARCH\n", ""), "Dockerfile", "TARGETARCH"),
    Defect("DOC016", replace("Dockerfile", r"^LABEL .*title", "LABEL a"), "Dockerfile", "image.title"),
    Defect("DOC017", replace("go.mod", r"^go 1\..*$", "go 1.99.0"), "Dockerfile", "older than go 1.99.0"),
    Defect("DOC018", replace("Dockerfile", r"static-debian13:nonroot", "static-debian13:debug"), "Dockerfile", "shell"),
    Defect("DOC019", replace("Dockerfile", r"-trimpath ", ""), "Dockerfile", "-trimpath"),
    Defect("DOC020", replace("Dockerfile", r"^COPY go\.mod go\.sum", "COPY go.mod"), "Dockerfile", "without go.sum"),
    Defect(
        "KUS001",
        replace("k8s/base/kustomization.yaml", r"- network\.yaml", "- nowhere.yaml"),
        "k8s/base/kustomization.yaml",
        "nowhere",
    ),
    Defect("KUS001", write("k8s/base/empty/a.txt", "x"), "k8s/base/kustomization.yaml", "holds no"),
    Defect("KUS002", write("k8s/base/orphan.yaml", "a: 1\n"), "k8s/base/orphan.yaml", "no kustomization"),
    Defect(
        "K8S001",
        replace(API, r"readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false"),
        API,
        "readOnlyRootFilesystem",
    ),
    Defect("K8S001", replace(API, r"drop: \[ALL\]", "drop: [NET_RAW]"), API, "capabilities.drop"),
    Defect("K8S001", replace(API, r"runAsNonRoot: true", "runAsNonRoot: false"), API, "runAsNonRoot"),
    Defect(
        "K8S002",
        replace(API, r"^            limits:\n              cpu: .*\n              memory: .*$", ""),
        API,
        "limits.memory",
    ),
    Defect(
        "K8S003",
        replace(API, r"(?<=livenessProbe:\n            httpGet:\n              path: )/livez", "/readyz"),
        API,
        "asks the same",
    ),
    Defect("K8S003", replace(API, r"livenessProbe:", "otherProbe:"), API, "no livenessProbe"),
    Defect("K8S004", replace(API, r"targetPort: http", "targetPort: web"), API, "web"),
    Defect("K8S004", replace(API, r"^              port: admin$", "              port: probes"), API, "probes"),
    Defect(
        "K8S005",
        replace(
            API,
            r"^  selector:\n    matchLabels:\n      app.kubernetes.io/component: api$",
            "  selector:\n    matchLabels:\n      app.kubernetes.io/component: other",
        ),
        API,
        "selects",
    ),
    Defect(
        "K8S006", replace(API, r"serviceAccountName: .*", "serviceAccountName: nobody"), API, "ServiceAccount nobody"
    ),
    Defect(
        "K8S006",
        replace(API, r"configMapRef:\n +name: .*", "configMapRef:\n                name: nothing"),
        API,
        "ConfigMap nothing",
    ),
    Defect(
        "K8S007",
        add(API, "---\napiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {password: x}\n"),
        API,
        "password",
    ),
    Defect("K8S008", replace(API, r"containerPort: 8080", "containerPort: 8081"), API, "8081"),
    Defect("MAK001", replace(CI, r"make lint-code", "make lint-cod"), CI, "lint-cod"),
    Defect("MAK001", replace("Jenkinsfile", r"ci-begin image", "ci-begin imagine"), "Jenkinsfile", "imagine"),
    Defect("MAK001", replace(JOB, r"'bin/template-update -p'", "'make template-updat'"), JOB, "template-updat"),
    Defect("MAK002", add("Makefile", "\nour-own:\n\techo x\n"), "Makefile", "our-own"),
    Defect(
        "ENV001",
        replace(".env.example", r"^#? ?DRAIN_DELAY=.*$", ""),
        "internal/platform/config/config.go",
        "DRAIN_DELAY",
    ),
    Defect("ENV002", add(".env.example", "NOBODY_READS=1\n"), ".env.example", "NOBODY_READS"),
    Defect("ENV002", write(".env.more.example", "NOBODY_READS=1\n"), ".env.more.example", "NOBODY_READS"),
    Defect("ENV003", write(".env.more.example", "NOBODY_READS=1\n"), ".env.more.example", "NOBODY_READS"),
    Defect(
        "ENV003",
        write("docs/configuration-more.md", "| `INVENTED_NAME` | 1 | x |\n"),
        "docs/configuration-more.md",
        "INVENTED_NAME",
    ),
    Defect("ENV003", replace("docs/configuration.md", r"^\| `DRAIN_DELAY`.*$\n", ""), ".env.example", "DRAIN_DELAY"),
    Defect(
        "ENV003",
        add("docs/configuration.md", "| `INVENTED_NAME` | 1 | x |\n"),
        "docs/configuration.md",
        "INVENTED_NAME",
    ),
    Defect(
        "ENV004",
        replace("k8s/base/kustomization.yaml", r"DRAIN_DELAY=5s", "DRAIN_DELEY=5s"),
        "k8s/base/kustomization.yaml",
        "DRAIN_DELEY",
    ),
    Defect("OBS001", replace(ALERTS, r"^          for: 2m\n", ""), ALERTS, "lacks for"),
    Defect("OBS001", replace(ALERTS, r"severity: page, ", ""), ALERTS, "severity"),
    Defect("OBS002", remove("docs/runbooks/ApiAbsent.md"), ALERTS, "ApiAbsent.md"),
    Defect("OBS002", write("docs/runbooks/NobodyAsks.md", "# x\n"), "docs/runbooks/NobodyAsks.md", "no alert is named"),
    Defect(
        "OBS002",
        write("observability/monitors-own.json", '[{"name": "Own: a"}]'),
        "observability/monitors-own.json",
        "Own",
    ),
    Defect(
        "OBS003",
        replace(ALERTS, r"http_server_request_duration_seconds_count\{", "http_requests_total{"),
        ALERTS,
        "http_requests_total",
    ),
    Defect("OBS003", replace(ALERTS, r"kube_job_failed", "kube_job_fialed"), ALERTS, "kube_job_fialed"),
    Defect("OBS003", replace(ALERTS, r"absent\(up", "absent(upp"), ALERTS, "upp"),
    Defect(
        "OBS003",
        replace("k8s/components/monitoring/dashboard-service.json", r"orders_placed_total", "orders_plaecd_total"),
        "k8s/components/monitoring/dashboard-service.json",
        "orders_plaecd_total",
    ),
    Defect(
        "OBS003",
        write("observability/monitors-own.json", '[{"name": "Own: a", "query": "max(last_5m):sum:lags{a:b} > 1"}]'),
        "observability/monitors-own.json",
        "lags",
    ),
    Defect(
        "OBS003",
        write(
            "k8s/own/analysis.yaml",
            "kind: AnalysisTemplate\n"
            "spec: {metrics: [{name: a, provider: {prometheus: {query: 'rate(b_total[5m])'}}}]}\n",
        ),
        "k8s/own/analysis.yaml",
        "b_total",
    ),
    Defect("OBS004", replace(METRICS, r"labels: \[reason\]", "labels: [user_id]"), METRICS, "user_id"),
    Defect("OBS004", replace(METRICS, r"^    bound: 2 reasons\n", ""), METRICS, "bound"),
    Defect(
        "OBS004", replace(MEASURES, r'labels\("result", result\)', 'labels("order_id", result)'), MEASURES, "order_id"
    ),
    Defect(
        "OBS004",
        replace(MEASURES, r'labels\("result", result\)', 'metric.WithAttributes(attribute.String("path", result))'),
        MEASURES,
        "path",
    ),
    Defect("OBS005", replace(PROMISES, r"severity: page\}", "severity: critical}"), PROMISES, "critical"),
    Defect("OBS005", replace(PROMISES, r"target: 0.999", "target: 99.9"), PROMISES, "between 0 and 1"),
    Defect("OBS005", replace(PROMISES, r"target: 0.99\n", "target: 0.9\n"), PROMISES, "cannot be passed"),
    Defect("OBS005", replace(PROMISES, r"\[5m, 1h\]", "[1h, 5m]"), PROMISES, "shorter"),
    Defect("OBS005", replace(PROMISES, r"slower than 0.25 s", "slower than 0.3 s"), PROMISES, "bucket"),
    Defect("OBS005", replace(PROMISES, r"^causes: \{\}", "causes: {Lag: {for: 1m}}"), PROMISES, "Lag"),
    Defect("OBS005", replace(SIGNALS, r"^    summary: .*\n", ""), SIGNALS, "summary"),
    Defect("OBS005", replace(SIGNALS, r"^    for: 5m\n", ""), SIGNALS, "for"),
    Defect("OBS005", replace(SIGNALS, r"^    silent:\n .*\n", ""), SIGNALS, "silent"),
    Defect("OBS005", replace(SIGNALS, r"^    threshold: 3\n", ""), SIGNALS, "threshold"),
    Defect("OBS005", replace(SIGNALS, r"name: ContainerRestarts", "name: ApiAbsent"), PROMISES, "twice"),
    Defect("OBS006", replace(PROMISES, r"target: 0.999", "target: 0.995"), ALERTS, "14.4 * 0.005"),
    Defect("OBS006", replace(ALERTS, r"14\.4 \* 0\.001", "14.4 * 0.01"), ALERTS, "14.4 * 0.01 "),
    Defect("OBS006", replace(ALERTS, r"^          for: 15m\n", ""), ALERTS, "for is not there"),
    Defect("OBS006", remove("observability/alerts.test.yaml"), "observability/alerts.test.yaml", "missing"),
    Defect(
        "OBS006",
        replace("k8s/components/monitoring/dashboard-service.json", r'"unit": "reqps"', '"unit": "ms"'),
        "k8s/components/monitoring/dashboard-service.json",
        "reqps",
    ),
    Defect(
        "OBS002",
        replace("docs/runbooks/ConsumerLag.md", r"^## Likely causes$", "## Notes"),
        "docs/runbooks/ConsumerLag.md",
        "causes",
    ),
    Defect(
        "OBS003",
        replace("docs/runbooks/ConsumerLag.md", r"events_consumed_total", "events_handled_total"),
        "docs/runbooks/ConsumerLag.md",
        "events_handled_total",
    ),
    Defect("OBS005", replace(PROMISES, r"target: 0.999", "target: 0.995"), PROMISES, "promises 99.9 %"),
    Defect("OBS005", replace(PROMISES, r"within 250 ms", "within 500 ms"), PROMISES, "promises within 500 ms"),
    Defect(
        "OBS005",
        replace(
            PROMISES, r"(?s)^burn:.*?(?=^# )", "burn:\n  - {rate: 1, windows: [6h, 3d], for: 3h, severity: ticket}\n\n"
        ),
        PROMISES,
        "wakes",
    ),
    Defect(
        "OBS007",
        replace(METRICS, r"prometheus: outbox_pending$", "prometheus: outbox_waiting"),
        METRICS,
        "outbox_waiting",
    ),
    Defect("OBS007", replace(METRICS, r"orders_placed\.count", "orders_placed.total"), METRICS, "orders_placed.total"),
    Defect("OPS001", add("mk/slipway.mk", "polish: ## make it shine\n"), "mk/slipway.mk", "polish"),
    Defect("OPS001", replace(OPERATIONS, r"^\| `smoke` \|", "| `smoulder` |"), OPERATIONS, "smoulder"),
    Defect("OPS002", replace(OPERATIONS, r"^\| 9090 \|", "| 9191 |"), OPERATIONS, "9191"),
    Defect("OPS002", replace("Dockerfile", r"^EXPOSE 8080 9090", "EXPOSE 8080"), "Dockerfile", "9090"),
    Defect("OPS002", replace(API, r"containerPort: 8080", "containerPort: 8081"), API, "8081"),
    Defect("PAG001", add("docs/on-call.md", "See `k8s/base/nowhere.yaml`.\n"), "docs/on-call.md", "nowhere.yaml"),
    Defect("PAG001", add("docs/dr/README.md", "`bin/scan-all -h`\n"), "docs/dr/README.md", "bin/scan-all"),
    Defect("PAG001", add("docs/how-to/a.md", "`docs/nothing/*.md`\n"), "docs/how-to/a.md", "docs/nothing/*.md"),
    Defect("PAG001", add("docs/on-call.md", "```sh\ncat k8s/base/x.yaml\n```\n"), "docs/on-call.md", "x.yaml"),
    Defect("PAG001", add("docs/how-to/a.md", "Say `bin/unheard-of`.\n"), "docs/how-to/a.md", "bin/unheard-of"),
    Defect("PAG002", add("docs/dr/README.md", "Say `make resurrect`.\n"), "docs/dr/README.md", "make resurrect"),
    Defect("PAG002", add("docs/security/a.md", "```sh\nA=1 make lint polish\n```\n"), "docs/security/a.md", "polish"),
    Defect("PAG002", add("docs/on-call.md", "```sh\nbin/deploy -e dev -q\n```\n"), "docs/on-call.md", "no option -q"),
    Defect("PAG002", add("docs/on-call.md", "```sh\nkubectl get pods\n```\n"), "docs/on-call.md", "no --context"),
    Defect("PAG002", add("docs/on-call.md", "```sh\nC=a N=orders-prod\n```\n"), "docs/on-call.md", "no namespace"),
    Defect(
        "PAG004", replace("docs/dr/README.md", r"\| RTO \| RPO \|", "| Time | Data |"), "docs/dr/README.md", "columns"
    ),
    Defect("PAG004", replace("docs/dr/README.md", r"\| 10 minutes \|", "| |"), "docs/dr/README.md", "RTO is not said"),
    Defect("PAG003", add("docs/on-call.md", "[so](dr/no.md)\n"), "docs/on-call.md", "leads nowhere"),
    Defect("PAG003", add("docs/on-call.md", "[so](dr/README.md#no)\n"), "docs/on-call.md", "no such heading"),
    Defect("LOG001", replace(PLACE, r'"Order placed"', '"Order " + state'), PLACE, "no string literal"),
    Defect("LOG001", replace(PLACE, r'"Order placed"', '"Order\\nplaced"'), PLACE, "more than one line"),
    Defect("LOG001", replace(PLACE, r'"Order placed"', f'"{"Order " * 40}placed"'), PLACE, "246 characters"),
    Defect("LOG002", replace(PLACE, r'"Order placed"', '"order placed!"'), PLACE, "none of"),
    Defect("LOG002", replace(PLACE, r'"Order placed"', '"Could not place order"'), PLACE, "none of"),
    Defect("LOG003", replace(PLACE, r'"Placing order"', '"Packing parcel"'), PLACE, "ends nowhere"),
    Defect("COM001", replace(PLACE, r"^func ", "// run it\nfunc "), PLACE, "'// run it' explains"),
    Defect("COM001", add(PLACE, "\n// TODO: later\n"), PLACE, "names no ticket"),
    Defect("COM001", add(PLACE, "\nvar _ = 1 //nolint:gosec\n"), PLACE, "gives no reason"),
    Defect("FEA001", rename(SUMMARY, "summary.md"), "features_summaries/summary.md", "named neither"),
    Defect(
        "FEA001",
        rename(SUMMARY, "PLAT-1_31022026_summarization.md"),
        "features_summaries/PLAT-1_31022026_summarization.md",
        "no date",
    ),
    Defect("FEA002", replace(SUMMARY, r"^## Overview$", "## Summary"), SUMMARY, "'Overview'"),
    Defect("FEA003", add(SUMMARY, "```sh\nx\n```\n"), SUMMARY, "code fence"),
    Defect("FEA003", add(SUMMARY, "![a](b.png)\n"), SUMMARY, "image"),
    Defect("FEA003", add(SUMMARY, "x\n" * 200), SUMMARY, "at most 200"),
    Defect("FEA004", remove("features_summaries/PLAT-1-21112026_llm_context.md"), SUMMARY, "is missing"),
    Defect(
        "FEA004",
        add("features_summaries/PLAT-1-21112026_llm_context.md", "x" * 9000),
        "features_summaries/PLAT-1-21112026_llm_context.md",
        "8192",
    ),
    Defect("LIN001", remove(".copier-answers.yml"), ".copier-answers.yml", "missing"),
    Defect(
        "LIN001",
        replace(".copier-answers.yml", r"^_src_path: .*$", "_src_path: https://token@h.co/a"),
        ".copier-answers.yml",
        "credentials",
    ),
    Defect(
        "LIN002",
        replace(".copier-answers.yml", r"^owner_team: .*$", "owner_team: A Team"),
        ".copier-answers.yml",
        "owner_team",
    ),
]


def with_empty_folder(root: Path) -> None:
    """Name a folder that holds no kustomization."""
    replace("k8s/base/kustomization.yaml", r"- network\.yaml", "- network.yaml\n  - empty")(root)


@pytest.mark.parametrize("defect", one_each(DEFECTS))
def test_a_check_catches_its_defect(defect: Defect, own_copy: Render) -> None:
    service = own_copy()
    defect.change(service)
    if defect.path == "k8s/base/kustomization.yaml" and defect.word == "holds no":
        with_empty_folder(service)

    found = check(service, select=[defect.check]).findings

    assert any(one.path == defect.path and defect.word in one.message for one in found), found


@pytest.mark.parametrize(("goal", "findings"), [("no one notices", []), ("", ["A pod is lost: Goal is not said"])])
def test_the_recovery_page_of_the_first_services_has_one_column_for_both(
    goal: str, findings: list[str], own_copy: Render
) -> None:
    service = own_copy()
    table = f"# Recovery\n\n| What | Goal | How |\n| --- | --- | --- |\n| A pod is lost | {goal} | replicas |\n"
    (service / "docs/dr/README.md").write_text(table, encoding="utf-8")

    found = check(service, select=["PAG004"]).findings

    assert [one.message for one in found] == findings


@pytest.mark.parametrize("answers", cases(SOME, SOME))
def test_a_good_service_has_no_finding(answers: Answers, services: Render) -> None:
    service = services(answers)

    result = check(service)

    assert result.findings == ()
    assert result.checks == len(REGISTRY)


def test_every_check_has_a_defect_that_it_catches() -> None:
    planted = [defect.check for defect in [*DEFECTS, *PIPELINES, *SHELL, *TERRAFORM]]
    without = sorted(set(REGISTRY) - set(planted) - {one.check for one in [*MANIFESTS, *CLUSTERS]})

    assert without == []


def test_every_check_is_described_in_whole_sentences() -> None:
    short = [one.id for one in REGISTRY.values() if not one.why.endswith(".") or not one.fix.endswith(".")]

    assert short == []


def test_a_check_that_breaks_is_a_finding_and_the_others_go_on(
    services: Render, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = REGISTRY["LAY001"]

    def explode(_repository: object) -> object:
        message = "boom"
        raise RuntimeError(message)

    monkeypatch.setitem(REGISTRY, "LAY001", type(broken)("LAY001", broken.title, broken.why, broken.fix, explode))  # type: ignore[arg-type]

    result = check(services())

    assert result.findings == (Finding(".", 0, "SLW000", "check LAY001 broke: RuntimeError: boom"),)


def test_a_finding_is_passed_over_only_with_a_reason(own_copy: Render) -> None:
    service = own_copy()
    (service / "CODEOWNERS").unlink()
    (service / ".slipway.yml").write_text("ignore:\n  - {id: LAY001, path: CODEOWNERS}\n", encoding="utf-8")
    without_reason = check(service, select=["LAY001"])

    (service / ".slipway.yml").write_text(
        "ignore:\n  - {id: LAY001, path: CODEOWNERS, reason: one team}\n", encoding="utf-8"
    )
    with_reason = check(service, select=["LAY001"])

    assert len(without_reason.findings) == 1
    assert with_reason.findings == ()
    assert len(with_reason.ignored) == 1
