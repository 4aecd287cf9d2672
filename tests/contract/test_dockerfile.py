"""Dockerfiles that a real build, a cluster or an auditor would refuse: each defect is named before that."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from slipway.contract import check
from slipway.contract.dockerfile import parse
from slipway.contract.dockerignore import kept_out, rules_of
from tests.conftest import Render
from tests.contract.planting import Change, add, remove, replace, write

FILE = "Dockerfile"
LAST = r"^FROM programs AS api$"
ENTRY = r'^ENTRYPOINT \["/app/api"\]$'
PROBE = r'CMD \["/app/api", "healthcheck"\]$'
COPIED = r"^COPY --from=build /out/ /app/$"


def before_the_last_entry(line: str) -> Change:
    """Put a line into the last stage."""
    return replace(FILE, ENTRY, f'{line}\nENTRYPOINT ["/app/api"]')


def both(*changes: Change) -> Change:
    """Make more than one change."""

    def change(root: Path) -> None:
        for one in changes:
            one(root)

    return change


DEFECTS: dict[str, tuple[Change, str, str, str]] = {
    "no user": (replace(FILE, r"^USER 65532:65532\n(?=EXPOSE 8080)", ""), "DOC001", FILE, "runs as root"),
    "a user by name": (
        replace(FILE, r"^USER 65532:65532$(?=\nEXPOSE 8080)", "USER nonroot"),
        "DOC001",
        FILE,
        "nonroot",
    ),
    "root by number": (replace(FILE, r"^USER 65532:65532$(?=\nEXPOSE 8080)", "USER 0:0"), "DOC001", FILE, "0:0"),
    "root in a target that is not the last": (
        replace(FILE, r"^USER 65532:65532$(?=\nENTRYPOINT \[\"/app/migrate)", "USER root"),
        "DOC001",
        FILE,
        "stage migrate",
    ),
    "a base without a tag": (replace(FILE, r"golang:\S+ AS build", "golang AS build"), "DOC002", FILE, "golang"),
    "a base with the tag latest": (
        replace(FILE, r"static-debian13:nonroot@\S+", "static-debian13:latest@sha256:" + "0" * 64),
        "DOC002",
        FILE,
        "latest",
    ),
    "a base without a digest": (replace(FILE, r"(?<=bookworm)@\S+", ""), "DOC006", FILE, "bookworm"),
    "half a digest": (replace(FILE, r"@sha256:\S+ AS build", "@sha256:d9c6 AS build"), "DOC006", FILE, "d9c6"),
    "a mount from an image without a digest": (
        replace(FILE, r"^RUN --mount=type=cache,id=\S+ go mod", "RUN --mount=from=busybox:1.37,target=/b go mod"),
        "DOC006",
        FILE,
        "busybox:1.37",
    ),
    "a source that is not there": (before_the_last_entry("COPY banner.txt /"), "DOC003", FILE, "no such file"),
    "a source that .dockerignore keeps out": (
        before_the_last_entry("COPY README.md /"),
        "DOC003",
        FILE,
        "keeps it out",
    ),
    "a stage that is not there": (replace(FILE, COPIED, "COPY --from=builder /out/ /app/"), "DOC003", FILE, "builder"),
    "a stage that stands further down": (
        replace(FILE, COPIED, "COPY --from=api /out/ /app/"),
        "DOC003",
        FILE,
        "--from=api",
    ),
    "a folder that the stage does not make": (
        replace(FILE, COPIED, "COPY --from=build /output/ /app/"),
        "DOC003",
        FILE,
        "/output/",
    ),
    "a misspelt flag": (replace(FILE, COPIED, "COPY --form=build /out/ /app/"), "DOC014", FILE, "--form"),
    "no .dockerignore": (remove(".dockerignore"), "DOC004", ".dockerignore", "is missing"),
    "the git folder in the context": (add(".dockerignore", "!.git\n"), "DOC004", ".dockerignore", ".git is not"),
    "secrets in the context": (add(".dockerignore", "!**/.env\n"), "DOC004", ".dockerignore", ".env is not"),
    "keys in the context": (replace(".dockerignore", r"^\*\*/\*\.pem$", ""), "DOC004", ".dockerignore", "*.pem"),
    "an imported package that is kept out": (
        replace(".dockerignore", r"^!events$", ""),
        "DOC012",
        ".dockerignore",
        "events, which internal/adapters/cloudevents",
    ),
    "an embedded file that is kept out": (
        add(".dockerignore", "**/*.json\n"),
        "DOC012",
        ".dockerignore",
        "order-placed.v1.schema.json",
    ),
    "a package that is not there": (replace(FILE, r"\./cmd/\.\.\.$", "./commands/..."), "DOC012", FILE, "./commands"),
    "an address in ADD": (before_the_last_entry("ADD https://example.com/a /a"), "DOC005", FILE, "example.com"),
    "a step where there is no shell": (before_the_last_entry("RUN chmod +x /app/api"), "DOC007", FILE, "has no shell"),
    "an entrypoint in shell form": (replace(FILE, ENTRY, "ENTRYPOINT /app/api"), "DOC007", FILE, "asks for a shell"),
    "an entrypoint in single quotes": (replace(FILE, ENTRY, "ENTRYPOINT ['/app/api']"), "DOC007", FILE, "no JSON"),
    "a health check in shell form": (
        replace(FILE, PROBE, "CMD wget -q http://127.0.0.1:9090/livez"),
        "DOC007",
        FILE,
        "wget",
    ),
    "a secret as argument": (
        replace(FILE, r"^ARG TARGETOS$", "ARG TARGETOS\nARG NPM_TOKEN"),
        "DOC008",
        FILE,
        "NPM_TOKEN",
    ),
    "a secret as variable": (before_the_last_entry("ENV DATABASE_PASSWORD=x"), "DOC008", FILE, "DATABASE_PASSWORD"),
    "a secret file in a layer": (before_the_last_entry("COPY .env /"), "DOC008", FILE, ".env"),
    "a package manager in the image": (
        both(
            replace(FILE, r"^FROM gcr\.io\S+", "FROM debian:13.1-slim@sha256:" + "0" * 64),
            before_the_last_entry("RUN apt-get update && apt-get install -y curl"),
        ),
        "DOC009",
        FILE,
        "apt-get",
    ),
    "the compiler in the image": (replace(FILE, LAST, "FROM build AS api"), "DOC009", FILE, "go build"),
    "a heredoc": (before_the_last_entry("RUN <<EOF\nchmod +x /app/api\nEOF"), "DOC010", FILE, "heredoc"),
    "an entrypoint that is not in the image": (
        replace(FILE, ENTRY, 'ENTRYPOINT ["/app/server"]'),
        "DOC011",
        FILE,
        "/app/server",
    ),
    "a health check that is not in the image": (
        replace(FILE, PROBE, 'CMD ["/usr/bin/curl", "-f", "http://127.0.0.1:9090/livez"]'),
        "DOC011",
        FILE,
        "/usr/bin/curl",
    ),
    "a port that nobody listens on": (
        replace(FILE, r"^EXPOSE 8080 9090$", "EXPOSE 8080 9090 9999"),
        "DOC013",
        FILE,
        "9999",
    ),
    "a port that is none": (replace(FILE, r"^EXPOSE 8080 9090$", "EXPOSE 8080 9090 http"), "DOC013", FILE, "http"),
    "an instruction that is none": (before_the_last_entry("EXPOSED 8080"), "DOC014", FILE, "EXPOSED"),
    "a duration without a unit": (
        replace(FILE, r"--interval=10s --timeout=3s(?=.*\nENTRYPOINT \[\"/app/api)", "--interval=10 --timeout=3s"),
        "DOC014",
        FILE,
        "--interval=10",
    ),
    "a base from an argument without a value": (
        replace(FILE, r"^FROM gcr\.io\S+", "FROM ${RUNTIME}"),
        "DOC014",
        FILE,
        "RUNTIME",
    ),
    "two stages of one name": (replace(FILE, r"AS migrate$", "AS worker"), "DOC014", FILE, "worker too"),
    "a base that stands further down": (replace(FILE, LAST, "FROM later AS api"), "DOC002", FILE, "later"),
    "a label of an argument that is not declared": (
        replace(FILE, r"^ARG VERSION=dev\nARG REVISION=unknown\nLABEL", "ARG VERSION=dev\nLABEL"),
        "DOC015",
        FILE,
        "REVISION",
    ),
    "programs for the wrong processor": (replace(FILE, r"^ARG TARGETARCH\n", ""), "DOC015", FILE, "TARGETARCH"),
    "no revision label": (
        replace(FILE, r" \\\n +org\.opencontainers\.image\.revision=.*$", ""),
        "DOC016",
        FILE,
        "image.revision",
    ),
    "a revision that never changes": (
        replace(FILE, r"\"\$\{REVISION\}\"$", '"1"'),
        "DOC016",
        FILE,
        "whatever is built",
    ),
    "no health check": (replace(FILE, rf"^HEALTHCHECK .*{PROBE}\n", ""), "DOC016", FILE, "no HEALTHCHECK"),
    "a compiler older than go.mod": (
        replace("go.mod", r"^go 1\..*$", "go 1.99.0"),
        "DOC017",
        FILE,
        "older than go 1.99.0",
    ),
    "a base with a system": (
        replace(FILE, r"^FROM gcr\.io\S+:nonroot@", "FROM debian:13.1-slim@"),
        "DOC018",
        FILE,
        "debian:13.1-slim has a shell",
    ),
    "a base for debugging": (replace(FILE, r":nonroot@", ":debug-nonroot@"), "DOC018", FILE, "debug-nonroot"),
    "a health check of another program": (
        replace(FILE, r'CMD \["/app/worker", "healthcheck"\]', 'CMD ["/app/api", "healthcheck"]'),
        "DOC016",
        FILE,
        "asks /app/api, and the image starts /app/worker",
    ),
    "a health check that comes late": (replace(FILE, r"--interval=10s", "--interval=10m"), "DOC016", FILE, "the most"),
    "a health check that waits too long": (replace(FILE, r"--timeout=3s", "--timeout=15s"), "DOC016", FILE, "longer"),
    "the source of another": (
        replace(FILE, r'image\.source="[^"]*"', 'image.source="https://example.com/other"'),
        "DOC016",
        FILE,
        "the label source is",
    ),
    "a stop that kills": (before_the_last_entry("STOPSIGNAL SIGKILL"), "DOC016", FILE, "SIGKILL"),
    "programs that everybody may write": (
        replace(FILE, r"--from=build /out/", "--from=build --chmod=0777 /out/"),
        "DOC001",
        FILE,
        "0777",
    ),
    "a script from a pipe": (
        replace(FILE, r" go mod download$", " curl -sSL https://example.com/a | sh && go mod download"),
        "DOC005",
        FILE,
        "| sh",
    ),
    "modules that nobody checks": (replace(FILE, r"^ENV CGO", "ENV GOSUMDB=off CGO"), "DOC005", FILE, "GOSUMDB"),
    "a toolbox without a digest": (
        replace("ci/Containerfile", r"(kubectl:v\S+)@\S+", "kubectl:v1.37.1"),
        "DOC006",
        "ci/Containerfile",
        "no digest",
    ),
    "a toolbox that was taken over": (
        replace("ci/Containerfile", r"trivy:0\.69\.3", "trivy:0.69.4"),
        "DOC006",
        "ci/Containerfile",
        "malicious",
    ),
    "a toolbox that is root": (
        replace("ci/Containerfile", r"^USER 1000:1000\n", ""),
        "DOC001",
        "ci/Containerfile",
        "USER 0",
    ),
    "digests that grow old": (
        replace("renovate.json", r'"docker:pinDigests"', '":disableDigestUpdates"'),
        "DOC006",
        "renovate.json",
        "grow old",
    ),
    "a compiler that nothing was tested with": (
        replace("ci/code.gitlab-ci.yml", r"golang:1\.\d+\.\d+", "golang:1.99.1"),
        "DOC017",
        "ci/code.gitlab-ci.yml",
        "golang:1.99.1",
    ),
    "paths of the builder": (replace(FILE, r"-trimpath ", ""), "DOC019", FILE, "-trimpath"),
    "a libc": (replace(FILE, r"CGO_ENABLED=0", "CGO_ENABLED=1"), "DOC019", FILE, "libc"),
    "one platform": (replace(FILE, r"GOARCH=\S+", "GOARCH=amd64"), "DOC019", FILE, "GOARCH=amd64"),
    "the time of the build": (replace(FILE, r"main\.version=\S+", "main.version=$(date +%s)"), "DOC019", FILE, "date"),
    "a version that nothing takes": (replace(FILE, r"main\.version", "main.Version"), "DOC019", FILE, "main.Version"),
    "modules below the sources": (replace(FILE, r"^COPY go\.mod go\.sum \./$", "COPY . ."), "DOC020", FILE, "after"),
    "modules without sums": (replace(FILE, r"^COPY go\.mod go\.sum", "COPY go.mod"), "DOC020", FILE, "without go.sum"),
    "a port that the manifests do not know": (
        replace(FILE, r"^EXPOSE 8080 9090$", "EXPOSE 8080"),
        "K8S008",
        "k8s/base/api.yaml",
        "9090",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", DEFECTS)
def test_a_planted_defect_is_named(name: str, own_copy: Render) -> None:
    change, identifier, path, word = DEFECTS[name]
    service = own_copy()

    change(service)

    found = check(service).findings
    assert [one for one in found if one.check == identifier and one.path == path and word in one.message], found


def test_what_is_planted_is_more_than_twenty_and_touches_every_check_of_images() -> None:
    touched = {identifier for _, identifier, _, _ in DEFECTS.values() if identifier.startswith("DOC")}

    assert len(DEFECTS) > 40
    assert touched == {f"DOC{number:03}" for number in range(1, 21)}


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("ENTRYPOINT /app/api", "DL3025"),
        ("MAINTAINER me", "DL4000"),
        ("WORKDIR app", "DL3000"),
        ("EXPOSE 99999", "DL3011"),
    ],
)
def test_the_linter_beside_the_checks_is_not_blind(line: str, rule: str, own_copy: Render) -> None:
    service = own_copy()
    before_the_last_entry(line)(service)

    done = subprocess.run(["hadolint", "Dockerfile"], cwd=service, check=False, capture_output=True, text=True)

    assert done.returncode == 1
    assert rule in done.stdout


def test_other_ways_to_write_a_good_dockerfile_are_no_findings(own_copy: Render) -> None:
    service = own_copy()
    digest = "@sha256:" + "a" * 64
    text = f"""# syntax=docker/dockerfile:1.7{digest}
# escape=`

ARG GO=1.26.9
ARG BASE=scratch
FROM --platform=$BUILDPLATFORM golang:${{GO}}-bookworm{digest} AS Build
WORKDIR /src
ENV CGO_ENABLED=0 `
    # a comment within, and an empty line

    GOFLAGS=-mod=readonly
COPY --chown=0:0 ["go.mod", "go.sum", "./"]
COPY cmd/ cmd/
COPY internal ./internal
COPY events migrations* ./
ARG TARGETARCH VERSION
RUN --network=default GOARCH=$TARGETARCH go build -trimpath -o /out/ ./cmd/api ./cmd/worker `
    && echo ${{VERSION:-dev}}
RUN for name in a b; do echo "$name"; done

FROM ${{BASE}} AS image
ARG VERSION=1
ARG REVISION=x
LABEL "org.opencontainers.image.title"=a org.opencontainers.image.source=b
LABEL org.opencontainers.image.version=$VERSION org.opencontainers.image.revision="$REVISION"
COPY --from=0 /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --link --from=build /out/api /out/worker /usr/local/bin/
USER 1000
EXPOSE 8080/tcp 9090
HEALTHCHECK --start-period=1m30s CMD ["/usr/local/bin/api", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/api"]
CMD ["--help"]
"""
    write(FILE, text)(service)

    found = [one for one in check(service).findings if one.check.startswith("DOC")]

    assert found == []


def test_an_image_of_tools_in_a_folder_of_its_own_may_install_what_it_needs(own_copy: Render) -> None:
    service = own_copy()
    digest = "@sha256:" + "a" * 64
    text = f"""FROM registry.example.com/signer:v3.1.3{digest} AS signer
FROM moby/buildkit:v0.34.0-rootless{digest}
USER 0
RUN apk add --no-cache git make
COPY --from=signer /ko-app/signer /usr/local/bin/
USER 1000:1000
ENTRYPOINT []
CMD ["sh"]
"""
    write("ci/Dockerfile", text)(service)

    found = [one for one in check(service).findings if one.check.startswith("DOC")]

    assert found == []


def test_a_file_is_read_as_the_builder_reads_it() -> None:
    head = "# syntax=x\nARG A=1\nFROM a:${A} as one\nRUN echo 1 \\\n  # between\n  && echo 2\n"

    read = parse(f"{head}COPY <<END /x\nFROM no\nEND\nfrom one\nuser 5\n")

    assert [(stage.image, stage.name, stage.line) for stage in read.stages] == [("a:1", "one", 3), ("one", "", 10)]
    assert [one.rest for one in read.stages[0].instructions] == ["echo 1  && echo 2", "<<END /x"]
    assert read.stages[0].instructions[1].heredocs == ("FROM no",)
    assert (read.parents(1), read.root(1)) == ([1, 0], "a:1")


@pytest.mark.parametrize(
    ("text", "path", "kept"),
    [
        ("*\n!cmd\n", "cmd/api/main.go", False),
        ("*\n!cmd\n", "README.md", True),
        ("*\n!cmd\n**/*_test.go\n", "cmd/api/main_test.go", True),
        (".git\n", ".git/config", True),
        ("/docs\n", "docs/a.md", True),
        ("docs\n", "internal/docs/a.md", False),
        ("**/docs\n", "internal/docs/a.md", True),
        ("*.md\n", "docs/a.md", False),
        ("# *\n\n a?.go \n", "ab.go", True),
        ("[a-c].go\n", "b.go", True),
        ("[a-c].go\n", "d.go", False),
    ],
)
def test_patterns_of_dockerignore_mean_what_they_mean_to_the_builder(text: str, path: str, *, kept: bool) -> None:
    assert kept_out(path, rules_of(text)) is kept
