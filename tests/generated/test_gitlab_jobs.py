"""The pipeline of GitLab, listed and run by gitlab-ci-local: real jobs, real scripts, and fakes of what they reach."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import Render, commit_all, git
from tests.generated.stage_model import STEPS, VARIABLES, jobs_on, taken

RUNNER = "4.65.1"
DIGEST = f"registry.example.com/team/orders-service@sha256:{'4f' * 32}"
# gitlab-ci-local copies with rsync; where that is not installed, this does what it asks for and nothing more
RSYNC = """#!/bin/sh
relative='' exclude='' tracked=''
while [ "$#" -gt 1 ]; do
  case $1 in
    -Ra) relative=1 ;;
    --exclude-from=*) tracked=1 ;;
    --exclude) shift ;;
    -*) ;;
    *) break ;;
  esac
  shift
done
for last; do :; done
mkdir -p "$last"
if [ -n "$tracked" ]; then
  git ls-files -z | tar -c --null -T - | tar -x -C "$last"
  exec cp -R .git "$last/"
fi
while [ "$#" -gt 1 ]; do
  if [ -n "$relative" ]; then
    [ ! -e "$1" ] || cp -R --parents "$1" "$last"
  else
    cp -R "$1" "$last"
  fi
  shift
done
"""
FAKE = '#!/bin/sh\nprintf \'%s\\n\' "${CI_JOB_NAME:-} $(basename "$0") $*" >>"$CALLS"\n'
CURL = """case "$*" in
*limit=0* | *no-such-order*) printf 400 ;;
*00000000*) printf 404 ;;
*) printf 200 ;;
esac
"""
GO = """case "$*" in
*-coverprofile=*) : >build/coverage.out ;;
*"cover -func"*) echo 'total: (statements) 91.0%' ;;
esac
"""
TOOLS = {"go": GO, "uv": "", "crane": "", "aws": "", "cosign": "", "kubectl": "", "curl": CURL}
# what the scripts that build and deploy do has tests of its own; here it matters who calls them with what, and when
SCRIPTS = {
    "image": """case " $* " in *" -p "*)
  mkdir -p build
  echo "$DIGEST" >build/image.txt
  ;;
esac
""",
    "sbom": """mkdir -p build/reports
echo '{}' >build/reports/sbom.cdx.json
""",
}
SCRIPTS |= {"deploy": "", "rollback": "", "infra": ""}
SCRIPTS |= {"scan": "", "sign": "", "login": "", "scan-repository": ""}
WHERE_CHANGED = {"image-builds", *(taken(step, "gitlab") for step in STEPS if "changes" in step)}
PLANS = """mkdir -p build
for one in "plan-$2.txt" "plan-$2.json" "plan-$2.tfplan"; do echo "$AWS_ROLE_ARN" >"build/$one"; done
stat -c "token %a" "$AWS_WEB_IDENTITY_TOKEN_FILE" >>"build/plan-$2.txt"
"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def gitlab_ci_local(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give gitlab-ci-local, of the last version that runs with Node 20."""
    if not (npm := shutil.which("npm")):
        pytest.skip("npm is not installed, so that no job of GitLab is run")
    folder = tmp_path_factory.mktemp("gitlab-ci-local")
    (folder / "package.json").write_text(json.dumps({"private": True}), encoding="utf-8")
    words = [npm, "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", f"gitlab-ci-local@{RUNNER}"]
    done = subprocess.run(words, cwd=folder, check=False, capture_output=True, text=True, timeout=240)
    if done.returncode != 0:
        pytest.skip(f"npm cannot install gitlab-ci-local {RUNNER} here: {done.stderr.strip()[:200]}")
    return folder / "node_modules/.bin/gitlab-ci-local"


class Pipeline:
    """Runs the pipeline of a service."""

    def __init__(self, program: Path, service: Path, place: Path) -> None:
        self.program = program
        self.service = service
        self.place = place
        self.calls = place / "calls"
        self.calls.write_text("", encoding="utf-8")
        self.fakes = place / "fakes"
        self.fakes.mkdir()
        for name, body in TOOLS.items():
            self.script(self.fakes / name, FAKE + body)
        if not shutil.which("rsync"):
            self.script(self.fakes / "rsync", RSYNC)
        for name, body in SCRIPTS.items():
            self.script(service / "bin" / name, FAKE + body)
        git(service, "init", "-q", "-b", "main")
        commit_all(service, "feat: launch orders\n\nRefs: PLAT-1")
        git(service, "remote", "add", "origin", "https://git.example.com/team/orders-service.git")
        git(service, "update-ref", "refs/remotes/origin/main", "HEAD")

    @staticmethod
    def script(path: Path, text: str) -> None:
        """Write a script."""
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)

    def run(self, event: str, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run gitlab-ci-local as for an event."""
        given = {
            "CI_COMMIT_BRANCH": "",
            **VARIABLES[event],
            "REGISTRY": "registry.example.com/team",
            "STAGING_CONTEXT": "staging",
            "STAGING_URL": "https://staging.example.com",
            "PRODUCTION_CONTEXT": "production",
            "PRODUCTION_URL": "https://orders.example.com",
            "CI_MERGE_REQUEST_DIFF_BASE_SHA": git(self.service, "rev-list", "--max-parents=0", "HEAD"),
            **variables,
        }
        command = [str(self.program), "--home", str(self.place), "--force-shell-executor", "--shell-isolation", *words]
        for name, value in given.items():
            command += ["--variable", f"{name}={value}"]
        path = os.pathsep.join([str(self.fakes), os.environ["PATH"]])
        environment = {**os.environ, "PATH": path, "CALLS": str(self.calls), "DIGEST": DIGEST, "CI": "true"}
        environment.pop("CI_METRICS_NOTES", None)
        return subprocess.run(
            command, cwd=self.service, check=False, capture_output=True, text=True, env=environment, timeout=300
        )

    def listed(self, event: str, **variables: str) -> dict[str, dict[str, str]]:
        """Give the jobs that GitLab would make for an event."""
        done = self.run(event, "--list-csv", **variables)
        assert done.returncode == 0, done.stderr
        table = done.stdout[done.stdout.index("name;") :]
        return {row["name"]: row for row in csv.DictReader(io.StringIO(table), delimiter=";")}

    def called(self) -> list[str]:
        """Give what the fakes were called with, each with its job."""
        return self.calls.read_text(encoding="utf-8").splitlines()

    def jobs(self) -> list[str]:
        """Give the jobs that called a fake, in the order of their first call."""
        return list(dict.fromkeys(line.split()[0] for line in self.called()))


@pytest.fixture
def pipeline(gitlab_ci_local: Path, own_copy: Render, tmp_path: Path) -> Pipeline:
    """Give the pipeline of a default service."""
    return Pipeline(gitlab_ci_local, own_copy(), tmp_path)


@pytest.mark.parametrize("event", ["merge-request", "main", "tag", "schedule"])
def test_an_event_has_the_jobs_of_the_stage_model(event: str, pipeline: Pipeline) -> None:
    wanted = {taken(step, "gitlab"): step["stage"] for step in STEPS if taken(step, "gitlab") in jobs_on(event)}
    manual = {taken(step, "gitlab") for step in STEPS if step.get("manual")}

    listed = pipeline.listed(event)

    for name in WHERE_CHANGED:
        wanted.pop(name, None)
    assert {name: row["stage"] for name, row in listed.items()} == wanted
    assert {name for name, row in listed.items() if row["when"] == "manual"} == manual & set(wanted)


@pytest.mark.parametrize("variable", [{"CI_DEPLOY_FREEZE": "1"}, {"CI_COMMIT_REF_PROTECTED": "false"}], ids=str)
def test_production_keeps_still_in_a_freeze_and_off_protected_branches(
    variable: dict[str, str], pipeline: Pipeline
) -> None:
    listed = pipeline.listed("main", **variable)

    assert "deploy-production" not in listed
    assert "production-answers" not in listed
    assert "deploy-staging" in listed
    assert ("rollback-production" in listed) is ("CI_DEPLOY_FREEZE" in variable)


def test_a_merge_request_runs_every_gate_and_ships_nothing(pipeline: Pipeline) -> None:
    done = pipeline.run("merge-request")

    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    gates = jobs_on("merge-request") - WHERE_CHANGED - {"commits"}  # which calls no tool
    calls = pipeline.called()
    assert set(pipeline.jobs()) == gates
    assert not [call for call in calls if call.split()[1] in {"image", "login", "kubectl"} and "kustomize" not in call]


def test_a_merge_request_that_changes_the_image_builds_and_scans_it(pipeline: Pipeline) -> None:
    with (pipeline.service / "Dockerfile").open("a", encoding="utf-8") as stream:
        stream.write("LABEL changed=yes\n")
    commit_all(pipeline.service, "feat: change the image\n\nRefs: PLAT-1")

    listed = pipeline.listed("merge-request")

    assert "image-builds" in listed
    assert "build-image" not in listed


def test_a_merge_request_that_changes_infra_is_planned_where_a_role_is_given(pipeline: Pipeline) -> None:
    (pipeline.service / "infra/terraform/envs/dev/more.tf").write_text("# more\n", encoding="utf-8")
    pipeline.script(pipeline.service / "bin/infra", FAKE + PLANS)
    commit_all(pipeline.service, "feat: change infra\n\nRefs: PLAT-1")

    listed = pipeline.listed("merge-request", STAGING_PLAN_ROLE_ARN="")
    done = pipeline.run("merge-request", "plan-production", PRODUCTION_PLAN_ROLE_ARN="arn:production")

    kept = pipeline.service / ".gitlab-ci-local/artifacts/plan-production/build"
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert {name for name in listed if name.startswith("plan-")} == {"plan-dev", "plan-production"}
    assert pipeline.called() == ["plan-production infra -e production -r"]
    assert (kept / "plan-production.txt").read_text(encoding="utf-8") == "arn:production\ntoken 600\n"
    assert list(kept.glob("*.tfplan")) == []


def test_a_commit_without_a_ticket_fails_the_merge_request(pipeline: Pipeline) -> None:
    (pipeline.service / "a.txt").write_text("x\n", encoding="utf-8")
    commit_all(pipeline.service, "feat: no ticket")

    done = pipeline.run("merge-request", "commits")

    assert done.returncode != 0
    assert "ticket reference" in done.stdout + done.stderr


def test_main_builds_once_and_deploys_the_digest_after_scan_and_signature(pipeline: Pipeline) -> None:
    done = pipeline.run("main", "--manual", "deploy-production", DEPLOY_ANYWAY="PLAT-7")

    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    calls, order = pipeline.called(), pipeline.jobs()
    wanted = ["build-image", "scan-image", "sign-image", "deploy-staging", "staging-answers"]
    assert [job for job in order if job in wanted] == wanted
    assert order[-2:] == ["deploy-production", "production-answers"]
    assert [call.split()[0] for call in calls if call.split()[1:3] == ["image", "-p"]] == ["build-image"]
    looked_at = [call.split(" -i ")[1] for call in calls if call.split()[1] in {"scan", "sbom", "sign"}]
    assert looked_at == [DIGEST] * 3
    deployed = [call for call in calls if call.split()[1] == "deploy"]
    assert deployed == [
        f"deploy-staging deploy -e staging -c staging -i {DIGEST}",
        f"deploy-production deploy -e production -c production -i {DIGEST} -y",
    ]


@pytest.mark.parametrize(
    ("broken", "fails", "never"),
    [
        ("fakes/go", "unit", ["build-image", "deploy-staging"]),
        ("bin/scan", "scan-image", ["sign-image", "deploy-staging"]),
        ("fakes/curl", "staging-answers", ["deploy-production", "production-answers"]),
    ],
)
def test_a_failing_stage_stops_the_rest(broken: str, fails: str, never: list[str], pipeline: Pipeline) -> None:
    place = pipeline.service if broken.startswith("bin/") else pipeline.place
    pipeline.script(place / broken, FAKE + "exit 7\n")
    if broken.startswith("bin/"):
        commit_all(pipeline.service, "fix: break it\n\nRefs: PLAT-1")

    done = pipeline.run("main", "--manual", "deploy-production", DEPLOY_ANYWAY="PLAT-7")

    assert done.returncode != 0
    assert fails in pipeline.jobs()
    assert not set(never) & set(pipeline.jobs())


def test_every_job_leaves_its_metrics(pipeline: Pipeline) -> None:
    done = pipeline.run("main", "manifests")

    kept = pipeline.service / ".gitlab-ci-local/artifacts/manifests/build/ci-metrics/metrics.txt"
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert 'ci_stage_success{service="orders-service",stage="lint",step="manifests"} 1' in kept.read_text("utf-8")


def test_a_tag_names_the_image_that_main_built(pipeline: Pipeline) -> None:
    done = pipeline.run("tag")

    commit = git(pipeline.service, "rev-parse", "HEAD")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert [call.split()[1] for call in pipeline.called() if call.startswith("name-release ")][:1] == ["login"]
    assert f"name-release crane tag registry.example.com/team/orders-service:{commit} v1.2.3" in pipeline.called()


def test_rollback_is_one_press_and_needs_nothing(pipeline: Pipeline) -> None:
    done = pipeline.run("main", "rollback-production")

    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert pipeline.jobs() == ["rollback-production"]
    assert pipeline.called() == ["rollback-production rollback -e production -c production -y"]
