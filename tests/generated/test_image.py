"""What builds, logs in, scans, lists and signs, with fakes of docker, BuildKit, aws, Trivy, Syft and Cosign."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Render, commit_all, git
from tests.generated.fakes import Answer, Bench

SCRIPTS = ["image", "login", "scan", "scan-repository", "sbom", "sign"]
NAME = "registry.example.com:5000/team/orders"
IMAGE = f"{NAME}:1.2.3"
DIGEST = f"sha256:{'0a' * 32}"
RELEASE = f"{NAME}@{DIGEST}"
COMMIT = {"VERSION": "1.2.3", "REVISION": "abc", "SOURCE_DATE_EPOCH": "1790000000"}
BUILDKIT = "moby/buildkit:v0.34.0@sha256:b059f8d7226d0b326bc871af489a5dddf65e36af4d20d14251b072974d9ee87c"
SCANNER = "docker/buildkit-syft-scanner:1.12.0@sha256:ae4f3b554449e7e25548e7d8ccc029d17357348e30c6e3df01b92bc93654d6a9"
ARGUMENTS = ("VERSION=1.2.3", "REVISION=abc", "SOURCE_DATE_EPOCH=1790000000")
WRITES = """
while [ $# -gt 0 ]; do
  case $1 in
    --metadata-file) printf '%s' "$METADATA" >"$2" ;;
    --output)
      case $2 in
        type=docker,*dest=*)
          file=${2#*dest=}
          echo image >"${file%%,*}"
          ;;
        type=*) ;;
        *=*) echo "$LISTED" >"${2#*=}" ;;
        *) echo "$LISTED" >"$2" ;;
      esac
      ;;
  esac
  shift
done
"""
METADATA = json.dumps({"buildx.build.ref": "b/b0/x", "containerimage.digest": DIGEST}, indent=2)
LISTED = '{"bomFormat": "CycloneDX", "spdxVersion": "SPDX-2.3"}'
SECRET = "a word that nobody sees"  # noqa: S105  -- no password


@pytest.fixture
def bench(own_copy: Render, tmp_path: Path) -> Bench:
    """Give a bench with a default service."""
    made = Bench(own_copy(), tmp_path)
    made.real("base64")
    return made


def with_docker(bench: Bench, *answers: Answer) -> None:
    """Put a docker with buildx on PATH, whose builder is not made yet."""
    bench.tool("docker", *answers, Answer("buildx inspect *", status=1), Answer("buildx build *", body=WRITES))


def with_buildkit(bench: Bench, *answers: Answer) -> None:
    """Put a BuildKit without docker on PATH."""
    bench.tool("buildctl-daemonless.sh", *answers, Answer(body=WRITES))


def image(bench: Bench, *words: str, fail_at: int | None = None, **more: Any) -> subprocess.CompletedProcess[str]:
    """Run bin/image for one commit."""
    return bench.run("image", *words, fail_at=fail_at, **{**COMMIT, "METADATA": METADATA, **more})


def written(bench: Bench) -> list[str]:
    """Give the files below build/ of the service."""
    place = bench.service / "build"
    return sorted(path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file())


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_tells_how_to_call_a_script(script: str, bench: Bench) -> None:
    done = bench.run(script, "-h")

    assert (done.returncode, done.stderr) == (0, "")
    assert f"usage: bin/{script}" in done.stdout


@pytest.mark.parametrize(
    ("script", "words", "more", "told"),
    [
        *((script, ["-Z"], {}, "-Z is not an option") for script in SCRIPTS),
        *((script, ["more"], {}, "argument 'more' is one too many") for script in SCRIPTS),
        ("image", [], {}, "-i is missing"),
        ("image", ["-i"], {}, "-i needs a value"),
        ("image", ["-i", "orders"], {}, "has no tag"),
        ("image", ["-i", "r.example.com:5000/orders"], {}, "has no tag"),
        ("image", ["-i", "r/orders:latest"], {}, "tag latest"),
        ("image", ["-i", f"r/orders@{DIGEST}"], {}, "has a digest"),
        ("image", ["-i", "r/orders:1,push=true"], {}, "character that no image has"),
        ("image", ["-i", "r/orders:$(id)"], {}, "character that no image has"),
        ("image", ["-p", "-i", "orders:1"], {}, "names no registry"),
        ("image", ["-i", IMAGE, "-t", "server"], {}, "target 'server' is no stage"),
        ("image", ["-i", IMAGE, "-t", "api AS"], {}, "is no stage"),
        ("image", ["-i", IMAGE, "-a", "linux/amd64,linux/arm64"], {}, "add -p"),
        ("image", ["-i", IMAGE, "-a", "Linux"], {}, "not of the form"),
        ("image", ["-i", IMAGE], {"BUILDER": "kaniko"}, "BUILDER 'kaniko'"),
        ("image", ["-i", IMAGE], {"ATTEST": "some"}, "ATTEST 'some'"),
        ("image", ["-i", IMAGE], {"SOURCE_DATE_EPOCH": "today"}, "SOURCE_DATE_EPOCH 'today'"),
        ("login", [], {}, "-r is missing"),
        ("login", ["-r", "https://r.example.com"], {}, "without https://"),
        ("login", ["-r", "r example/x"], {}, "is no host name"),
        ("scan", [], {}, "-i is missing"),
        ("scan", ["-i", IMAGE, "-f", "a.tar"], {}, "not both"),
        ("scan", ["-f", "nowhere.tar"], {}, "cannot be read"),
        ("sbom", [], {}, "-i is missing"),
        ("sbom", ["-f", "nowhere.tar"], {}, "cannot be read"),
        ("sign", [], {}, "-i is missing"),
        ("sign", ["-i", IMAGE], {}, "a tag is not signed"),
        ("sign", ["-i", f"{IMAGE}@sha256:0a"], {}, "a tag is not signed"),
        ("sign", ["-i", RELEASE, "-k", "nowhere.key"], {}, "key 'nowhere.key'"),
    ],
)
def test_a_wrong_input_ends_with_2_says_why_and_calls_nothing(
    script: str, words: list[str], more: dict[str, Any], told: str, bench: Bench
) -> None:
    with_docker(bench)
    for name in ("aws", "trivy", "cosign"):
        bench.tool(name)

    done = bench.run(script, *words, **more)

    assert done.returncode == 2, done.stderr
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert bench.called() == []
    assert written(bench) == []


def test_docker_builds_with_a_builder_that_can_rewrite_dates(bench: Bench) -> None:
    with_docker(bench)

    done = image(bench, "-i", IMAGE, "-t", "worker")

    assert done.returncode == 0, done.stderr
    built = " ".join(f"--build-arg {one}" for one in ARGUMENTS)
    create = "docker buildx create --name orders-service --driver docker-container"
    assert bench.called() == [
        "docker buildx version",
        "docker buildx inspect orders-service",
        f"{create} --driver-opt image={BUILDKIT}",
        (
            f"docker buildx build --builder orders-service --target worker {built} --provenance=false --output "
            f"type=docker,name={IMAGE},rewrite-timestamp=true --metadata-file build/image.part/metadata.json ."
        ),
    ]
    assert written(bench) == []


def test_a_push_carries_provenance_and_sbom_and_leaves_the_digest(bench: Bench) -> None:
    with_docker(bench, Answer("buildx inspect *"))

    done = image(bench, "-p", "-i", IMAGE, "-a", "linux/amd64,linux/arm64", BUILDX_BUILDER="ours")

    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{RELEASE}\n"
    last = bench.called("docker buildx build")[0]
    assert last.startswith("docker buildx build --builder ours --platform linux/amd64,linux/arm64 ")
    assert f"--provenance=mode=max --sbom=generator={SCANNER}" in last
    assert f"--output type=image,name={IMAGE},push=true,rewrite-timestamp=true" in last
    assert not bench.called("docker buildx create")
    assert (bench.service / "build/image.txt").read_text(encoding="utf-8") == f"{RELEASE}\n"
    assert written(bench) == ["image.txt"]


def test_without_docker_buildkit_builds_into_a_file_and_pushes(bench: Bench) -> None:
    with_buildkit(bench)
    arguments = " ".join(f"--opt build-arg:{one}" for one in ARGUMENTS)
    begin = "buildctl-daemonless.sh build --frontend dockerfile.v0 --local context=. --local dockerfile=."

    built = image(bench, "-i", IMAGE)
    of_build, kept = bench.called(), written(bench)
    pushed = image(bench, "-p", "-i", IMAGE, "-t", "migrate")

    assert (built.returncode, pushed.returncode) == (0, 0), built.stderr + pushed.stderr
    assert of_build == [
        (
            f"{begin} {arguments} --output type=docker,name={IMAGE},dest=build/image.part/image.tar,"
            "rewrite-timestamp=true "
            "--metadata-file build/image.part/metadata.json"
        )
    ]
    assert kept == ["image.tar"]
    assert bench.called() == [
        (
            f"{begin} --opt target=migrate {arguments} --opt attest:provenance=mode=max --opt "
            f"attest:sbom=generator={SCANNER} --output "
            f"type=image,name={IMAGE},push=true,rewrite-timestamp=true --metadata-file build/image.part/metadata.json"
        )
    ]
    assert written(bench) == ["image.tar", "image.txt"]


def test_a_bare_push_has_no_attestation_so_that_its_digest_is_that_of_the_commit(bench: Bench) -> None:
    with_buildkit(bench)

    image(bench, "-p", "-i", IMAGE, ATTEST="none")

    assert "attest" not in bench.called()[0]


@pytest.mark.parametrize(
    ("tools", "more", "used"),
    [
        (["docker", "buildctl", "buildctl-daemonless.sh"], {}, "docker buildx build"),
        (["buildctl", "buildctl-daemonless.sh"], {"BUILDKIT_HOST": "tcp://b:1"}, "buildctl build"),
        (["buildctl", "buildctl-daemonless.sh"], {}, "buildctl-daemonless.sh build"),
        (["docker", "buildctl-daemonless.sh"], {"BUILDER": "daemonless"}, "buildctl-daemonless.sh build"),
    ],
)
def test_what_builds_is_what_is_installed_or_named(
    tools: list[str], more: dict[str, Any], used: str, bench: Bench
) -> None:
    for name in tools:
        bench.tool(name, Answer(body=WRITES))

    done = image(bench, "-i", IMAGE, **more)

    assert done.returncode == 0, done.stderr
    assert next(call for call in bench.called() if " build --" in call).startswith(used)


@pytest.mark.parametrize(
    ("docker", "more", "told"),
    [(False, {}, "nothing here builds images"), (True, {}, "nothing here"), (True, {"BUILDER": "docker"}, "not here")],
    ids=["no tool", "docker without buildx", "docker without buildx, asked for"],
)
def test_a_missing_builder_is_named(bench: Bench, more: dict[str, Any], told: str, *, docker: bool) -> None:
    if docker:
        bench.tool("docker", Answer("buildx version", status=1))

    done = image(bench, "-i", IMAGE, **more)

    assert done.returncode == 1
    assert told in done.stderr


def test_the_date_of_an_image_is_that_of_its_commit(bench: Bench) -> None:
    with_buildkit(bench)
    git(bench.service, "init", "-q")
    commit_all(bench.service, "feat: one")

    bench.run("image", "-n", "-i", IMAGE)
    shown = bench.run("image", "-n", "-i", IMAGE).stdout

    assert f"SOURCE_DATE_EPOCH={git(bench.service, 'log', '-1', '--format=%ct')}" in shown
    assert bench.called() == []
    assert written(bench) == []


@pytest.mark.parametrize("metadata", ["{}", '{"containerimage.digest": "sha256:0a"}', ""])
def test_a_push_whose_digest_is_not_told_leaves_no_release(metadata: str, bench: Bench) -> None:
    with_buildkit(bench)

    done = image(bench, "-p", "-i", IMAGE, METADATA=metadata)

    assert done.returncode == 1
    assert "no digest" in done.stderr
    assert written(bench) == []


@pytest.mark.parametrize("words", [["-i", IMAGE], ["-p", "-i", IMAGE]])
def test_what_fails_leaves_nothing_half_written_and_no_older_release(words: list[str], bench: Bench) -> None:
    with_buildkit(bench)
    image(bench, "-p", "-i", IMAGE)
    assert written(bench) == ["image.txt"]

    done = image(bench, *words, fail_at=1)

    assert done.returncode == 9
    assert written(bench) == []
    assert not (bench.service / "build/image.part").exists()


def test_an_interrupted_push_leaves_nothing(bench: Bench) -> None:
    with_buildkit(bench)

    done = bench.interrupt("image", "-p", "-i", IMAGE, by=signal.SIGINT, group=True, hang_at=1, **COMMIT)

    assert done.returncode == 130
    assert written(bench) == []


def test_a_login_hands_the_password_over_on_standard_input(bench: Bench) -> None:
    bench.tool("docker", Answer("login *", body='cat >"$FAKES/typed"'))

    done = bench.run("login", "-r", f"{NAME}", REGISTRY_USER="robot", REGISTRY_PASSWORD=SECRET)

    assert done.returncode == 0, done.stderr
    assert bench.called() == ["docker login --username robot --password-stdin registry.example.com:5000"]
    assert (bench.place / "typed").read_text(encoding="utf-8") == SECRET
    assert SECRET not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("host", "region"),
    [
        ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", "eu-west-1"),
        ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", "cn-north-1"),
    ],
)
def test_ecr_gives_its_own_password(host: str, region: str, bench: Bench) -> None:
    bench.tool("aws", Answer("ecr get-login-password *", says=SECRET))
    bench.tool("docker", Answer("login *", body='cat >"$FAKES/typed"'))

    done = bench.run("login", "-r", f"{host}/team")

    assert done.returncode == 0, done.stderr
    assert bench.called() == [
        f"aws ecr get-login-password --region {region}",
        f"docker login --username AWS --password-stdin {host}",
    ]
    assert (bench.place / "typed").read_text(encoding="utf-8") == SECRET


def test_without_docker_the_login_is_a_file_that_nobody_else_reads(bench: Bench) -> None:
    words = ["login", "-r", NAME]
    first = bench.run(*words, REGISTRY_USER="robot", REGISTRY_PASSWORD="old")  # noqa: S106  -- no password

    again = bench.run(*words, REGISTRY_USER="robot", REGISTRY_PASSWORD=SECRET)

    file = bench.home / ".docker/config.json"
    auth = base64.b64encode(f"robot:{SECRET}".encode()).decode()
    assert (first.returncode, again.returncode) == (0, 0), again.stderr
    assert json.loads(file.read_text(encoding="utf-8")) == {"auths": {"registry.example.com:5000": {"auth": auth}}}
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert os.listdir(file.parent) == ["config.json"]
    assert SECRET not in again.stdout + again.stderr


def test_logins_that_somebody_else_wrote_are_left_alone(bench: Bench) -> None:
    file = bench.home / ".docker/config.json"
    file.parent.mkdir()
    file.write_text('{"auths": {}, "credsStore": "pass"}', encoding="utf-8")

    done = bench.run("login", "-r", NAME, REGISTRY_USER="robot", REGISTRY_PASSWORD=SECRET)

    assert done.returncode == 1
    assert "is not of this script" in done.stderr
    assert file.read_text(encoding="utf-8") == '{"auths": {}, "credsStore": "pass"}'


@pytest.mark.parametrize(
    ("registry", "more", "aws", "told"),
    [
        (NAME, {}, Answer(), "are not set"),
        (NAME, {"REGISTRY_USER": "robot"}, Answer(), "go together"),
        ("1.dkr.ecr.eu-west-1.amazonaws.com", {}, None, "aws is not installed"),
        ("1.dkr.ecr.eu-west-1.amazonaws.com", {}, Answer(status=255, warns="expired\n"), "gave no password"),
        ("1.dkr.ecr.eu-west-1.amazonaws.com", {}, Answer(says=""), "gave no password"),
    ],
)
def test_a_login_without_a_password_says_what_is_missing(
    registry: str, more: dict[str, Any], aws: Answer | None, told: str, bench: Bench
) -> None:
    bench.tool("docker")
    if aws:
        bench.tool("aws", aws)

    done = bench.run("login", "-r", registry, **more)

    assert done.returncode == 1
    assert told in done.stderr
    assert not bench.called("docker")


@pytest.mark.parametrize(
    ("script", "words", "asked"),
    [
        ("scan", ["-i", RELEASE], f"trivy image --quiet {{}} --scanners vuln,misconfig,secret {RELEASE}"),
        (
            "scan",
            ["-f", "build/image.tar"],
            "trivy image --quiet {} --scanners vuln,misconfig,secret --input ./build/image.tar",
        ),
        (
            "scan-repository",
            [],
            (
                "trivy fs --quiet {} --scanners vuln,misconfig,secret "
                "--skip-dirs build --skip-dirs tmp --skip-dirs .cache --skip-dirs '**/.terraform' ."
            ),
        ),
    ],
)
def test_a_scan_keeps_all_it_found_and_judges_the_severe(
    script: str, words: list[str], asked: str, bench: Bench
) -> None:
    bench.tool("trivy", Answer("convert *"), Answer(body=WRITES))
    (bench.service / "build").mkdir()
    (bench.service / "build/image.tar").write_text("image", encoding="utf-8")

    done = bench.run(script, *words, LISTED="{}")

    report = f"build/reports/{'scan-image' if script == 'scan' else script}.json"
    assert done.returncode == 0, done.stderr
    assert bench.called() == [
        asked.format(f"--format json --output {report}.part"),
        f"trivy convert --quiet --format table --severity HIGH,CRITICAL --exit-code 1 {report}",
    ]
    assert (bench.service / report).exists()


@pytest.mark.parametrize("script", ["scan", "scan-repository"])
def test_what_is_severe_fails_a_scan_and_its_report_stays(script: str, bench: Bench) -> None:
    bench.tool("trivy", Answer("convert *", status=1), Answer(body=WRITES))

    done = bench.run(script, *(["-i", RELEASE] if script == "scan" else []), LISTED="{}")

    assert done.returncode == 1
    assert len(written(bench)) == 1


@pytest.mark.parametrize("script", ["scan", "scan-repository"])
def test_a_scan_that_breaks_passes_nothing_and_leaves_no_older_report(script: str, bench: Bench) -> None:
    words = ["-i", RELEASE] if script == "scan" else []
    bench.tool("trivy", Answer("convert *"), Answer(body=WRITES))
    bench.run(script, *words, LISTED="{}")

    done = bench.run(script, *words, fail_at=1, LISTED="{}")

    assert done.returncode == 9
    assert written(bench) == []
    assert not bench.called("trivy convert")


@pytest.mark.parametrize("script", ["scan", "scan-repository", "sbom"])
def test_nothing_is_scanned_or_listed_without_its_tool(script: str, bench: Bench) -> None:
    done = bench.run(script, *([] if script == "scan-repository" else ["-i", RELEASE]))

    assert done.returncode == 1
    assert "is not installed" in done.stderr


@pytest.mark.parametrize(
    ("tool", "asked"),
    [
        (
            "trivy",
            [
                f"trivy image --quiet --format cyclonedx --output build/reports/sbom.part/sbom.cdx.json {RELEASE}",
                f"trivy image --quiet --format spdx-json --output build/reports/sbom.part/sbom.spdx.json {RELEASE}",
            ],
        ),
        (
            "syft",
            [
                (
                    "syft scan --quiet --output cyclonedx-json=build/reports/sbom.part/sbom.cdx.json "
                    f"--output spdx-json=build/reports/sbom.part/sbom.spdx.json {RELEASE}"
                )
            ],
        ),
    ],
)
def test_an_sbom_is_written_in_both_forms_and_names_its_image(tool: str, asked: list[str], bench: Bench) -> None:
    bench.tool(tool, Answer(body=WRITES))

    done = bench.run("sbom", "-i", RELEASE, LISTED=LISTED)

    assert done.returncode == 0, done.stderr
    assert bench.called() == asked
    assert written(bench) == ["reports/sbom.cdx.json", "reports/sbom.spdx.json", "reports/sbom.txt"]
    assert (bench.service / "build/reports/sbom.txt").read_text(encoding="utf-8") == f"{RELEASE}\n"


@pytest.mark.parametrize(("fail_at", "listed"), [(1, LISTED), (2, LISTED), (None, "{}")])
def test_half_an_sbom_is_none(fail_at: int | None, listed: str, bench: Bench) -> None:
    bench.tool("trivy", Answer(body=WRITES))
    bench.run("sbom", "-i", RELEASE, LISTED=LISTED)

    done = bench.run("sbom", "-i", RELEASE, fail_at=fail_at, LISTED=listed)

    assert done.returncode != 0
    assert written(bench) == []


def listed(bench: Bench, of: str) -> None:
    """Write an SBOM of an image, as bin/sbom does."""
    bench.tool("trivy", Answer(body=WRITES))
    bench.run("sbom", "-i", of, LISTED=LISTED)


@pytest.mark.parametrize(
    ("words", "more", "key"),
    [
        ([], {}, ""),
        (["-k", "awskms:///alias/release"], {}, "--key awskms:///alias/release "),
        ([], {"COSIGN_KEY": "awskms:///alias/release"}, "--key awskms:///alias/release "),
    ],
)
def test_a_digest_is_signed_after_its_sbom_was_attested(
    words: list[str], more: dict[str, Any], key: str, bench: Bench
) -> None:
    listed(bench, RELEASE)
    bench.tool("cosign")

    done = bench.run("sign", *words, "-i", RELEASE, **more)

    assert done.returncode == 0, done.stderr
    assert bench.called() == [
        f"cosign attest --yes {key}--type cyclonedx --predicate build/reports/sbom.cdx.json {RELEASE}",
        f"cosign attest --yes {key}--type spdxjson --predicate build/reports/sbom.spdx.json {RELEASE}",
        f"cosign sign --yes {key}{RELEASE}",
    ]


def test_a_dry_signature_shows_the_commands(bench: Bench) -> None:
    listed(bench, RELEASE)
    bench.tool("cosign")

    done = bench.run("sign", "-n", "-i", RELEASE)

    assert (done.returncode, bench.called()) == (0, [])
    assert done.stdout.splitlines()[-1] == f"cosign sign --yes {RELEASE}"


@pytest.mark.parametrize("of", ["", f"{NAME}@sha256:{'0b' * 32}"], ids=["none", "of another image"])
def test_no_digest_is_signed_with_the_sbom_of_another(of: str, bench: Bench) -> None:
    if of:
        listed(bench, of)
    bench.tool("cosign")

    done = bench.run("sign", "-i", RELEASE)

    assert done.returncode == 1
    assert "make sbom first" in done.stderr
    assert bench.called() == []


def test_an_attestation_that_fails_leaves_the_digest_unsigned(bench: Bench) -> None:
    listed(bench, RELEASE)
    bench.tool("cosign")

    done = bench.run("sign", "-i", RELEASE, fail_at=2)

    assert done.returncode == 9
    assert not bench.called("cosign sign")
    assert "is signed" not in done.stdout


def make(bench: Bench, *words: str) -> list[str]:
    """Give what make would run, without running it."""
    done = subprocess.run(
        ["make", "-n", *words], cwd=bench.service, check=True, capture_output=True, text=True, env=bench.environment({})
    )
    return [line.strip() for line in done.stdout.splitlines() if line.startswith("bin/")]


@pytest.mark.parametrize(
    ("files", "words", "calls"),
    [
        ({}, ["image", "IMAGE=r/a:1"], ['bin/image -i "r/a:1"']),
        ({}, ["image", "IMAGE=r/a:1", "PROCESS=worker"], ['bin/image -i "r/a:1" -t "worker"']),
        ({}, ["push", "IMAGE=r/a:1", "PLATFORMS=linux/arm64"], ['bin/image -p -i "r/a:1"  -a "linux/arm64"']),
        ({}, ["scan", "sbom", "IMAGE=r/a:1"], ['bin/scan -i "r/a:1"', 'bin/sbom -i "r/a:1"']),
        ({}, ["scan", "REVISION=1"], ['bin/scan -i "orders-service:1"']),
        ({"image.tar": ""}, ["scan", "sbom"], ["bin/scan -f build/image.tar", "bin/sbom -f build/image.tar"]),
        ({"image.tar": ""}, ["scan", "IMAGE=r/a:1"], ['bin/scan -i "r/a:1"']),
        (
            {"image.tar": "", "image.txt": RELEASE},
            ["scan", "sign"],
            [f'bin/scan -i "{RELEASE}"', f'bin/sign -i "{RELEASE}"'],
        ),
        ({"image.txt": RELEASE}, ["sign", f"IMAGE={NAME}@1"], [f'bin/sign -i "{NAME}@1"']),
        ({}, ["login", "REGISTRY=r.example.com/team"], ['bin/login -r "r.example.com/team"']),
    ],
)
def test_make_hands_on_what_was_typed_then_what_was_pushed_then_what_was_built(
    files: dict[str, str], words: list[str], calls: list[str], bench: Bench
) -> None:
    (bench.service / "build").mkdir()
    for name, text in files.items():
        (bench.service / "build" / name).write_text(f"{text}\n", encoding="utf-8")

    assert make(bench, *words) == calls
