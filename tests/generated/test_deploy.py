"""Deploy and rollback: the exact calls, failures at every step, interrupts at every step, on a fake cluster."""

from __future__ import annotations

import re
import signal
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import Render
from tests.generated.fakes import Answer, Bench, part_of

DIGEST = "r.example.com/orders@sha256:" + "c" * 64
TAG = "r.example.com/orders:2"
SPACE = "kubectl --context eu-1 -n orders-service-staging"
PLACE = ["-e", "staging", "-c", "eu-1"]
RENDERED = """apiVersion: v1
kind: Namespace
metadata:
  name: orders-service-staging
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: config-1
---
apiVersion: apps/v1
kind: Deployment
metadata:
  labels:
    app.kubernetes.io/component: api
  name: api
spec:
  template:
    metadata:
      annotations:
        ours: kept
      labels:
        app.kubernetes.io/component: api
    spec:
      containers:
      - image: service:unset
        name: api
---
apiVersion: apps/v1
kind: Deployment
metadata:
  annotations:
    ours: kept
  name: worker
spec:
  template:
    metadata:
      labels:
        app.kubernetes.io/component: worker
    spec:
      containers:
      - image: service:unset
        name: worker
---
apiVersion: batch/v1
kind: CronJob
metadata:
  name: pipeline
spec:
  jobTemplate:
    spec:
      template:
        spec:
          containers:
          - image: service:unset
            name: pipeline
---
apiVersion: batch/v1
kind: Job
metadata:
  name: migrate
spec:
  template:
    spec:
      containers:
      - image: service:unset
        name: migrate
"""
ROLLOUT = """---
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata:
  name: api
"""
RUNNING = "api|7|r.example.com/orders:1|||r.example.com/orders:1 by ann\nworker|5|r.example.com/orders:1|||x\n"
HISTORY = """Deployment/api|7|r.example.com/orders:1|11-1|aaa|2026-11-20T10:00:00Z|r.example.com/orders:1 by ann
Deployment/api|6|r.example.com/orders:0|10-1|bbb|2026-11-19T10:00:00Z|r.example.com/orders:0 by ann
Deployment/api|10|r.example.com/orders:9||ccc|2026-11-18T10:00:00Z|no
Deployment/worker|5|r.example.com/orders:1|11-1|ddd|2026-11-20T10:00:00Z|x
Deployment/worker|3|r.example.com/orders:0|10-1|eee|2026-11-19T10:00:00Z|x
Rollout/api||r.example.com/orders:1||fff|2026-11-19T10:00:00Z|x
"""
HISTORY = HISTORY.replace("api|10|r.example.com/orders:9", "api|4|r.example.com/orders:9")
HASHES = "Deployment/api 8 hash8\nDeployment/api 7 hash7\nDeployment/worker 6 hash6\n"
CONTEXT = Answer("config get-contexts *", says="eu-1\neu-10\n")
CLUSTER = [
    CONTEXT,
    Answer("kustomize *", says=RENDERED),
    Answer("*get deployments*range*", says=RUNNING),
    Answer("*get deployments*", says="api worker"),
    Answer("*get replicasets*release*", says=HISTORY),
    Answer("*get replicasets*", says=HASHES),
    Answer("*get namespace*", says="namespace/orders-service-staging\n"),
    Answer("*get cronjobs*", says="cronjob.batch/pipeline\n"),
    Answer("*get jobs*", says="job.batch/migrate\n"),
    Answer("*get deployment *generation*", says="4"),
]
WAITING = Answer("*rollout status deployment/api*", warns="error: timed out waiting for the condition\n", status=1)
CRASH = "api-1|CrashLoopBackOff|4|back-off 1m20s\napi-2||0|\n"


@pytest.fixture
def bench(services: Render, tmp_path: Path) -> Bench:
    """Give a bench over the scripts of a default service, with a cluster in which everything succeeds."""
    made = Bench(part_of(services(), tmp_path / "service", "k8s/overlays"), tmp_path)
    made.tool("kubectl", *CLUSTER)
    return made


def with_answers(bench: Bench, *answers: Answer) -> None:
    """Give the cluster answers that come before its own."""
    bench.tool("kubectl", *answers, *CLUSTER)


def short(calls: list[str]) -> list[str]:
    """Cut a call down to what it does."""
    cut = (
        re.sub(r"^kubectl --context eu-1( -n orders-service-staging)?( --request-timeout=30s)? ?", "", one)
        for one in calls
    )
    return [
        re.sub(r"TMP/[^/ ]+/", "TMP/", re.sub(r"jsonpath=\S.*$", "...", one)).replace(" -o '...", "") for one in cut
    ]


def applied(bench: Bench, name: str) -> list[dict[str, Any]]:
    """Give the manifests that were applied from a file, as the fake kept them."""
    path = bench.place / "kept" / name
    return [one for one in yaml.safe_load_all(path.read_text(encoding="utf-8")) if one]


KEEP = Answer("*apply -f*", body='mkdir -p "$FAKES/kept"; for file; do :; done; cp "$file" "$FAKES/kept/"')


def test_a_deploy_applies_settings_then_jobs_then_pods_and_names_its_cluster_in_every_call(bench: Bench) -> None:
    done = bench.run("deploy", *PLACE, "-i", TAG)

    calls = bench.called()
    assert done.returncode == 0, done.stderr
    assert all("--context eu-1" in one for one in calls[2:])
    assert short(calls) == [
        "kubectl config get-contexts -o name",
        "kubectl kustomize ./k8s/overlays/staging",
        "get deployments -l app.kubernetes.io/name=orders-service",
        "get replicasets -l app.kubernetes.io/name=orders-service",
        "delete job migrate --ignore-not-found",
        "apply -f TMP/settings",
        "apply -f TMP/jobs",
        "wait job/migrate --for=condition=Complete --timeout=10s",
        "apply -f TMP/pods",
        "get deployments -l app.kubernetes.io/name=orders-service",
        "rollout status deployment/api --timeout=10s",
        "rollout status deployment/worker --timeout=10s",
    ]
    assert done.stdout.splitlines()[0] == f"orders-service-staging: r.example.com/orders:1 -> {TAG}"
    assert done.stdout.splitlines()[-1].startswith(f"{TAG} serves in orders-service-staging; to go back: bin/rollback")
    assert bench.left() == []


def test_what_is_applied_carries_the_image_its_record_and_one_sum_for_all_pods(bench: Bench) -> None:
    with_answers(bench, KEEP)

    done = bench.run("deploy", *PLACE, "-i", DIGEST, GITLAB_USER_LOGIN='a"nn', CI_JOB_URL="https://ci.example.com/1")

    pods = {(one["kind"], one["metadata"]["name"]): one for one in applied(bench, "pods")}
    api, worker = pods["Deployment", "api"], pods["Deployment", "worker"]
    notes = [one["spec"]["template"]["metadata"]["annotations"] for one in (api, worker)]
    assert done.returncode == 0, done.stderr
    assert set(pods) == {("Deployment", "api"), ("Deployment", "worker"), ("CronJob", "pipeline")}
    assert {one["kind"] for one in applied(bench, "settings")} == {"Namespace", "ConfigMap"}
    assert {one["kind"] for one in applied(bench, "jobs")} == {"Job"}
    assert notes[0]["release"] == notes[1]["release"]
    assert notes[0]["ours"] == "kept"
    assert worker["metadata"]["annotations"]["ours"] == "kept"
    cause = api["metadata"]["annotations"]["kubernetes.io/change-cause"]
    assert cause.startswith(f"{DIGEST} by ann in https://ci.example.com/1 at 20")
    text = (bench.place / "kept/pods").read_text(encoding="utf-8")
    assert text.count(f"image: {DIGEST}") == 3
    assert "unset" not in text


@pytest.mark.slow
def test_the_sum_follows_the_pods_and_nothing_else(bench: Bench) -> None:
    releases = []
    for text in (RENDERED, RENDERED.replace("config-1", "config-2"), RENDERED.replace("ours: kept", "ours: new")):
        with_answers(bench, KEEP, Answer("kustomize *", says=text))
        bench.run("deploy", *PLACE, "-i", TAG)
        releases.append(applied(bench, "pods")[0]["spec"]["template"]["metadata"]["annotations"]["release"])

    assert releases[0] == releases[1] != releases[2]


def test_a_dry_deploy_compares_with_the_cluster_and_changes_nothing(bench: Bench) -> None:
    keep = 'mkdir -p "$FAKES/kept"; for file; do :; done; cp "$file" "$FAKES/kept/"'
    with_answers(bench, Answer("*diff -f*", says="+ image\n", status=1, body=keep))

    done = bench.run("deploy", *PLACE, "-i", TAG, "-n")

    assert done.returncode == 0, done.stderr
    assert done.stdout == "job/migrate would run first\n+ image\n"
    compared = {one["metadata"]["name"]: one["metadata"].get("annotations") for one in applied(bench, "pods")}
    assert compared["api"] == {"kubernetes.io/change-cause": "r.example.com/orders:1 by ann"}
    assert compared["worker"] == {"kubernetes.io/change-cause": "x", "ours": "kept"}
    assert short(bench.called())[-1] == "diff -f TMP/settings -f TMP/pods"
    assert not re.search("apply|delete|annotate|undo|patch", "\n".join(bench.called()))


def test_a_dry_deploy_to_a_new_namespace_shows_the_manifests(bench: Bench) -> None:
    with_answers(bench, Answer("*get namespace*"), Answer("*get deployments*"), Answer("*get replicasets*"))

    done = bench.run("deploy", *PLACE, "-i", TAG, "-n")

    kinds = [one["kind"] for one in yaml.safe_load_all(done.stdout) if one]
    assert done.returncode == 0, done.stderr
    assert kinds == ["Namespace", "ConfigMap", "Job", "Deployment", "Deployment", "CronJob"]
    assert "diff" not in "".join(bench.called())


def test_a_comparison_that_fails_is_no_difference(bench: Bench) -> None:
    with_answers(bench, Answer("*diff -f*", warns="forbidden\n", status=2))

    done = bench.run("deploy", *PLACE, "-i", TAG, "-n")

    assert done.returncode == 1
    assert done.stderr == "forbidden\ndeploy: cluster eu-1 could not compare\n"


def test_production_is_changed_after_two_answers_and_not_after_one(bench: Bench) -> None:
    words = ["-e", "production", "-c", "eu-1", "-i", DIGEST]

    asked = [
        bench.run("deploy", *words, typed=typed)
        for typed in ("production\norders-service\n", "production\n\n", "y\n", "")
    ]
    changed = bool(bench.called("kubectl --context eu-1 apply"))

    assert [one.returncode for one in asked] == [0, 1, 1, 1]
    assert "deploying r.example.com/orders@sha256" in asked[0].stderr
    assert asked[1].stderr.endswith("stopped: that was not orders-service\ndeploy: nothing was changed\n")
    assert not changed


@pytest.mark.parametrize("script", ["deploy", "rollback"])
def test_consent_counts_in_a_pipeline_and_nowhere_else(script: str, bench: Bench) -> None:
    words = ["-e", "production", "-c", "eu-1", "-y", *(["-i", DIGEST] if script == "deploy" else [])]

    nobody = bench.run(script, *words)
    calls = bench.called()
    somebody = bench.run(script, *words, typed="no\n")
    pipeline = bench.run(script, *words, CI="true")

    assert (nobody.returncode, somebody.returncode, pipeline.returncode) == (1, 1, 0), pipeline.stderr
    assert "nobody to ask" in nobody.stderr
    assert not re.search("apply|delete|undo", "\n".join(calls))
    assert "Type the environment" in somebody.stderr


def test_a_freeze_keeps_production_still_unless_it_is_overruled(bench: Bench) -> None:
    words = ["-e", "production", "-c", "eu-1", "-i", DIGEST, "-y"]

    refused = bench.run("deploy", *words, CI="true", CI_DEPLOY_FREEZE="true")
    calls = bench.called()
    overruled = bench.run("deploy", *words, "-o", CI="true", CI_DEPLOY_FREEZE="true")
    back = bench.run("rollback", "-e", "production", "-c", "eu-1", "-y", CI="true", CI_DEPLOY_FREEZE="true")

    assert (refused.returncode, overruled.returncode, back.returncode) == (1, 0, 0), back.stderr
    assert refused.stderr == "deploy: there is a deploy freeze; wait for its end, or overrule it with -o\n"
    assert calls == ["kubectl config get-contexts -o name"]


@pytest.mark.parametrize(
    "mark", ["orders-service-staging:apps/Deployment:x/api|", "orders|", "|orders-service-staging"]
)
@pytest.mark.parametrize("script", ["deploy", "rollback"])
def test_what_argo_cd_owns_is_left_alone_unless_it_is_overruled(script: str, mark: str, bench: Bench) -> None:
    words = [*PLACE, *(["-i", TAG] if script == "deploy" else [])]
    with_answers(bench, Answer("*get deployments*range*", says=RUNNING.replace(":1|||r", f":1|{mark}|r")))

    refused = bench.run(script, *words)
    calls = bench.called()
    overruled = bench.run(script, *words, "-o")

    assert (refused.returncode, overruled.returncode) == (1, 0), overruled.stderr
    assert "Argo CD owns orders-service-staging (deployment/api)" in refused.stderr
    assert not re.search("apply|delete|undo", "\n".join(calls))


def test_an_instance_label_of_ones_own_is_no_mark_of_argo_cd(bench: Bench) -> None:
    with_answers(bench, Answer("*get deployments*range*", says=RUNNING.replace(":1|||r", ":1||ours|r")))

    done = bench.run("deploy", *PLACE, "-i", TAG)

    assert done.returncode == 0, done.stderr


def test_an_overlay_that_names_its_image_in_git_is_not_deployed_past_git(bench: Bench) -> None:
    overlay = bench.service / "k8s/overlays/staging/kustomization.yaml"
    with overlay.open("a", encoding="utf-8") as stream:
        stream.write("images:\n  - name: service\n    newName: r.example.com/orders\n    newTag: '1'\n")
    with_answers(bench, KEEP, Answer("kustomize *", says=RENDERED.replace("service:unset", "r.example.com/orders:1")))

    refused = bench.run("deploy", *PLACE, "-i", TAG)
    overruled = bench.run("deploy", *PLACE, "-i", TAG, "-o")

    assert (refused.returncode, overruled.returncode) == (1, 0), overruled.stderr
    assert "names its image in git" in refused.stderr
    assert (bench.place / "kept/pods").read_text(encoding="utf-8").count(f"image: {TAG}") == 3


def test_a_migration_that_fails_is_shown_at_once_and_stops_the_deploy(bench: Bench) -> None:
    with_answers(
        bench,
        Answer("*wait job/migrate*", status=1),
        Answer("*get job/migrate*", says=" FailureTarget Failed BackoffLimitExceeded "),
        Answer("*logs job/migrate*", says="column exists\n"),
    )

    done = bench.run("deploy", *PLACE, "-i", TAG)

    assert done.returncode == 1
    assert "column exists" in done.stderr
    assert done.stderr.endswith("deploy: job/migrate did not succeed\ndeploy: the version before goes on serving\n")
    assert len(bench.called(SPACE, "wait job/migrate")) == 1
    assert not [one for one in bench.called() if "TMP" in one and one.endswith("/pods")]


def test_pods_that_crash_are_given_up_after_three_looks_with_their_last_words(bench: Bench) -> None:
    with_answers(
        bench,
        WAITING,
        Answer("*get pods*pod-template-hash=hash8*", says=CRASH),
        Answer("*logs api-1*--previous*", says="no such host\n"),
    )

    done = bench.run("deploy", *PLACE, "-i", TAG)

    assert done.returncode == 1
    assert len(bench.called(SPACE, "rollout status")) == 3
    assert "api-1: CrashLoopBackOff, started again 4 times: back-off 1m20s\nno such host\n" in done.stderr
    assert done.stderr.splitlines()[-1] == (
        "deploy: pods of the version before go on serving; to go back: bin/rollback -e staging -c eu-1"
    )
    assert done.stdout.count("timed out") == 1


@pytest.mark.parametrize(
    "reason", ["ImagePullBackOff", "ErrImagePull", "InvalidImageName", "CreateContainerConfigError"]
)
def test_pods_that_cannot_start_are_named_with_the_reason(reason: str, bench: Bench) -> None:
    with_answers(bench, WAITING, Answer("*get pods*", says=f"api-1|{reason}|0|manifest unknown\n"))

    done = bench.run("deploy", *PLACE, "-i", TAG)

    assert done.returncode == 1
    assert f"api-1: {reason}, started again 0 times: manifest unknown" in done.stderr
    assert len(bench.called(SPACE, "rollout status")) == 3


def test_pods_that_are_only_slow_are_waited_for(bench: Bench) -> None:
    with_answers(
        bench,
        Answer("*rollout status deployment/api*", warns="error: timed out\n", status=1, times=12),
        Answer("*get pods*", says="api-1|ImagePullBackOff|0|x\n", times=2),
        Answer("*get pods*", says="api-1|ContainerCreating|0|\n"),
    )

    done = bench.run("deploy", *PLACE, "-i", TAG)

    assert done.returncode == 0, done.stderr
    assert len(bench.called(SPACE, "rollout status deployment/api")) == 13


@pytest.mark.slow
def test_patience_ends(bench: Bench) -> None:
    with_answers(bench, WAITING)

    done = bench.run("deploy", *PLACE, "-i", TAG)

    assert done.returncode == 1
    assert len(bench.called(SPACE, "rollout status")) == 30


def test_a_failed_deploy_goes_back_by_itself_to_exactly_what_ran_before_when_told_to(bench: Bench) -> None:
    new = RUNNING.replace("api|7|r.example.com/orders:1", f"api|8|{TAG}").replace("worker|5", "worker|6")
    with_answers(
        bench,
        Answer("*rollout status deployment/api*", status=1, times=3),
        Answer("*get pods*", says=CRASH),
        Answer("*get deployments*range*", says=RUNNING, times=1),
        Answer("*get deployments*range*", says=new),
    )

    done = bench.run("deploy", *PLACE, "-i", TAG, "-r")

    changes = [one for one in short(bench.called()) if re.match("rollout undo|annotate|set image", one)]
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "deploy: orders-service-staging is back on the version before"
    assert [one.split(" 'kubernetes")[0] for one in changes] == [
        "rollout undo deployment/api --to-revision=7",
        "annotate --overwrite deployment/api",
        "rollout undo deployment/worker --to-revision=5",
        "annotate --overwrite deployment/worker",
        "set image cronjob.batch/pipeline '*=r.example.com/orders:1'",
    ]


def test_a_rollout_walks_its_steps_in_a_deploy_and_skips_them_on_the_way_back(bench: Bench) -> None:
    seen = Answer("*get rollout/api*currentPodHash*", says="new old")
    with_answers(bench, Answer("kustomize *", says=RENDERED + ROLLOUT), seen)

    forth = bench.run("deploy", *PLACE, "-i", TAG)
    steps = short(bench.called())
    back = bench.run("rollback", *PLACE)
    skipped = short(bench.called())

    promoted = 'patch rollout/api --subresource=status --type=merge -p \'{"status":{"promoteFull":true}}\''
    assert (forth.returncode, back.returncode) == (0, 0), back.stderr
    assert promoted not in steps
    assert skipped.index(promoted) > [one.startswith("rollout undo") for one in skipped].index(True)
    assert any("workloadObservedGeneration}=4" in one for one in bench.called())


def test_a_canary_that_is_judged_bad_fails_the_deploy_with_the_reason(bench: Bench) -> None:
    with_answers(
        bench,
        Answer("kustomize *", says=RENDERED + ROLLOUT),
        Answer("*wait rollout/api*Healthy*", status=1),
        Answer("*get rollout/api*currentPodHash*", says="new old"),
        Answer("*get rollout/api*phase*", says="Degraded RolloutAborted metric success-rate assessed Failed"),
    )

    done = bench.run("deploy", *PLACE, "-i", TAG)

    assert done.returncode == 1
    assert "metric success-rate assessed Failed" in done.stderr
    assert len([one for one in bench.called() if "Healthy" in one]) <= 3


@pytest.mark.slow
def test_each_step_that_fails_stops_the_deploy_and_says_how_things_stand(bench: Bench) -> None:
    bench.run("deploy", *PLACE, "-i", TAG)
    steps = short(bench.called())
    for number, step in enumerate(steps[1:], start=2):
        done = bench.run("deploy", *PLACE, "-i", TAG, fail_at=number)
        calls = short(bench.called())

        if step.startswith(("wait", "rollout status")):  # a look that fails is repeated
            assert done.returncode == 0, done.stderr
            continue
        begun = any(one.startswith(("delete", "apply")) for one in calls)
        assert done.returncode == 1, step
        assert len(calls) == number, step
        assert len(done.stderr.splitlines()) == 3, (step, done.stderr)
        assert ("nothing was changed" in done.stderr) is not begun, step
        assert bench.left() == []


@pytest.mark.slow
@pytest.mark.parametrize(("by", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
@pytest.mark.parametrize("script", ["deploy", "rollback"])
def test_a_signal_at_any_step_ends_script_and_tool_and_says_how_things_stand(
    script: str, by: signal.Signals, status: int, bench: Bench
) -> None:
    words = [*PLACE, *(["-i", TAG] if script == "deploy" else [])]
    bench.run(script, *words)
    for number in range(2, len(bench.called()) + 1):
        done = bench.interrupt(script, *words, by=by, group=by == signal.SIGINT, hang_at=number)

        calls = short(bench.called())
        assert done.returncode == status, (number, done.stderr)
        assert len(calls) == number
        assert done.stderr.splitlines()[-2:-1] == [f"{script}: stopped by a signal"], calls
        begun = any(re.match("delete|apply|rollout undo", one) for one in calls)
        assert ("nothing was changed" in done.stderr) is not begun, (calls, done.stderr)
        assert bench.alive() == []
        assert bench.left() == []


def test_logs_keep_both_streams_apart_in_a_pair_of_files_for_each_run(bench: Bench) -> None:
    with_answers(bench, Answer("*apply*", says="applied\n", warns="careful\n"))
    (bench.service / "tmp/log").mkdir(parents=True)
    for day in range(10, 32):
        for end in ("out", "err"):
            (bench.service / f"tmp/log/deploy-staging.202610{day}T000000Z.1.{end}").touch()

    bench.run("deploy", *PLACE, "-i", TAG)

    logs = sorted(path.name for path in (bench.service / "tmp/log").iterdir())
    last = bench.service / "tmp/log" / logs[-1].rsplit(".", 1)[0]
    assert len(logs) == 40
    assert all(re.fullmatch(r"deploy-staging\.\d{8}T\d{6}Z\.\d+\.(out|err)", one) for one in logs)
    assert Path(f"{last}.out").read_text(encoding="utf-8") == "applied\n" * 3
    assert Path(f"{last}.err").read_text(encoding="utf-8") == "careful\n" * 3


def test_a_rollback_brings_every_deployment_to_the_release_before(bench: Bench) -> None:
    done = bench.run("rollback", *PLACE, USER="ann")

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[:2] == [
        "deployment/api -> revision 6: r.example.com/orders:1 -> r.example.com/orders:0",
        "deployment/worker -> revision 3: r.example.com/orders:1 -> r.example.com/orders:0",
    ]
    assert "the schema stays as it is" in done.stdout
    changes = [one for one in short(bench.called()) if re.match("rollout|annotate|set", one)]
    cause = "'kubernetes.io/change-cause=rolled back from r.example.com/orders:1 by ann at "
    assert [re.sub(r"20\d\d-.*", "", one) for one in changes] == [
        "rollout undo deployment/api --to-revision=6",
        f"annotate --overwrite deployment/api {cause}",
        "rollout undo deployment/worker --to-revision=3",
        f"annotate --overwrite deployment/worker {cause}",
        "set image cronjob.batch/pipeline '*=r.example.com/orders:0'",
        "rollout status deployment/api --timeout=10s",
        "rollout status deployment/worker --timeout=10s",
    ]
    assert done.stdout.splitlines()[-1] == "orders-service-staging is back on r.example.com/orders:0"


def test_a_rollback_to_a_named_revision_finds_releases_from_before_they_were_marked_by_their_image(
    bench: Bench,
) -> None:
    marked = HISTORY + "Deployment/worker|2|r.example.com/orders:9||ggg|2026-11-18T10:00:00Z|x\n"
    with_answers(bench, Answer("*get replicasets*release*", says=marked))

    done = bench.run("rollback", *PLACE, "-t", "4", "-n")

    assert done.returncode == 0, done.stderr
    assert "deployment/worker -> revision 2: r.example.com/orders:1 -> r.example.com/orders:9" in done.stdout
    assert not re.search("undo|annotate|set image", "\n".join(bench.called()))


def test_a_deployment_that_runs_the_release_already_stays(bench: Bench) -> None:
    same = RUNNING.replace("worker|5", "worker|3")
    with_answers(bench, Answer("*get deployments*range*", says=same))

    done = bench.run("rollback", *PLACE)

    assert done.returncode == 0, done.stderr
    assert [one for one in short(bench.called()) if "undo" in one] == ["rollout undo deployment/api --to-revision=6"]


def test_the_list_names_revisions_with_their_day_and_who_deployed_them(bench: Bench) -> None:
    done = bench.run("rollback", *PLACE, "-l")

    assert done.stdout.splitlines() == [
        "*    7  2026-11-20T10:00:00Z  r.example.com/orders:1  r.example.com/orders:1 by ann",
        "     6  2026-11-19T10:00:00Z  r.example.com/orders:0  r.example.com/orders:0 by ann",
        "     4  2026-11-18T10:00:00Z  r.example.com/orders:9  no",
    ]


@pytest.mark.parametrize(
    ("words", "answers", "told"),
    [
        ([], [Answer("*get deployments*", says="")], "no deployment of orders-service in orders-service-staging"),
        (
            [],
            [Answer("*get deployments*", says=RUNNING.replace("by ann", "").replace("||r.", "||rolled back from r."))],
            "rollback already",
        ),
        ([], [Answer("*get replicasets*", says=HISTORY.split("Deployment/api|6")[0])], "no revision before 7"),
        (["-t", "7"], [], "revision 7 of the api is the current one"),
        (["-t", "5"], [], "the api has no revision 5"),
        (["-t", "4"], [], "revision 4 of the api belongs to no revision of: worker"),
    ],
)
def test_a_rollback_that_has_nowhere_to_go_changes_nothing(
    words: list[str], answers: list[Answer], told: str, bench: Bench
) -> None:
    with_answers(bench, *answers)

    done = bench.run("rollback", *PLACE, *words)

    assert done.returncode == 1
    assert told in done.stderr
    assert done.stderr.endswith("rollback: nothing was changed\n")
    assert not re.search("undo|annotate|set image", "\n".join(bench.called()))


@pytest.mark.parametrize(
    ("script", "words", "told"),
    [
        ("deploy", ["-c", "eu-1", "-i", TAG], "-e is missing"),
        ("deploy", ["-e", "qa", "-c", "eu-1", "-i", TAG], "environment 'qa'"),
        ("deploy", ["-e", "dev", "-i", TAG], "-c is missing"),
        ("deploy", ["-e", "dev", "-c", "eu", "-i", TAG], "context 'eu' is not in"),
        ("deploy", ["-e", "dev", "-c", "eu-1"], "-i is missing"),
        ("deploy", ["-e", "dev", "-c", "eu-1", "-i", "orders:1"], "image 'orders:1' names no registry"),
        ("deploy", ["-e", "dev", "-c", "eu-1", "-i", "r.example.com:5000/orders"], "names no registry or no tag"),
        ("deploy", ["-e", "dev", "-c", "eu-1", "-i", "r/orders:latest"], "tag latest"),
        ("deploy", ["-e", "dev", "-c", "eu-1", "-i", "r/orders:1|e id"], "is not registry/name@sha256"),
        ("deploy", ["-e", "dev", "-c", "eu-1", "-i", "r/orders@sha256:12"], "64 hexadecimal digits"),
        ("deploy", ["-e", "production", "-c", "eu-1", "-i", TAG], "production takes an image by its digest"),
        ("deploy", ["-e"], "-e needs a value"),
        ("deploy", ["-i"], "-i needs a value"),
        ("deploy", [*PLACE, "-i", TAG, "now"], "argument 'now' is one too many"),
        ("rollback", ["-e", "dev"], "-c is missing"),
        ("rollback", ["-c", "eu-1"], "-e is missing"),
        ("rollback", [*PLACE, "-t"], "-t needs a value"),
        ("rollback", [*PLACE, "-t", "first"], "-t 'first' is no whole number"),
        ("rollback", [*PLACE, "-l", "-n"], "-l and -n do not go together"),
        ("rollback", [*PLACE, "-i", TAG], "-i is not an option"),
    ],
)
def test_a_wrong_call_ends_with_2_before_the_cluster_is_asked(
    script: str, words: list[str], told: str, bench: Bench
) -> None:
    done = bench.run(script, *words)

    assert done.returncode == 2
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert set(bench.called()) <= {"kubectl config get-contexts -o name"}
