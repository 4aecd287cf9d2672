"""Defective scripts, makefiles and compose files: one change each, and the check that names it."""

from __future__ import annotations

from tests.contract.planting import Defect, add, remove, replace, write

COMPOSE, STORE, BROKER = "compose.yaml", "compose/store.yaml", "compose/broker.yaml"
HEADER = """#!/bin/sh
# Do something.
#
# usage: bin/more [-n]
#   -n  show what would be done
#   -h  show this help
set -eu
. "$(dirname -- "$0")/lib.sh"

while getopts ':nh' name; do
  case $name in
    n) dry=1 ;;
    h) usage && exit 0 ;;
    *) option "$name" "$OPTARG" ;;
  esac
done
"""


def line(check: str, text: str, word: str) -> Defect:
    """Give a script that is good but for a line."""
    return Defect(check, write("bin/more", f"{HEADER}{text}\n", 0o755), "bin/more", word)


SHELL = [
    Defect("SCR002", write("bin/more", HEADER.replace("set -eu\n", ""), 0o755), "bin/more", "set -eu"),
    line("SCR002", "set +e", "takes back"),
    Defect("SCR004", write("bin/more", HEADER.replace("# usage: bin/more", "# Call"), 0o755), "bin/more", "# usage:"),
    Defect("SCR004", write("bin/more", HEADER.replace("bin/more", "bin/less"), 0o755), "bin/more", "bin/less"),
    Defect("SCR004", write("bin/more", HEADER.replace("':nh'", "':nxh'"), 0o755), "bin/more", "-x is read"),
    Defect("SCR004", write("bin/more", HEADER.replace("':nh'", "':n'"), 0o755), "bin/more", "does not answer -h"),
    Defect("SCR004", write("bin/more", "#!/bin/sh\nset -eu\necho x\n", 0o755), "bin/more", "getopts"),
    line("SCR005", 'if [[ "$1" = a ]]; then :; fi', "[["),
    line("SCR005", 'if [ "$1" == a ]; then :; fi', "=="),
    line("SCR005", "function again { :; }", "function"),
    line("SCR005", "source lib.sh", "source"),
    line("SCR005", "names=(a b)", "arrays"),
    line("SCR005", "set -o pipefail", "pipefail"),
    line("SCR005", 'grep a <<<"$1"', "<<<"),
    line("SCR005", 'echo "${name,,}"', "substitution"),
    line("SCR005", "again() { local a=1; }", "local"),
    line("SCR005", "diff <(a) <(b)", "process"),
    line("SCR005", "make all &>/dev/null", "&>"),
    line("SCR006", 'eval "$1"', "eval"),
    line("SCR006", "grep a $@", "keeps words"),
    line("SCR006", "grep a $*", "keeps words"),
    line("SCR006", "rm -rf $work", "rm -r"),
    line("SCR006", 'rm -rf "$work/"*', "rm -r"),
    line("SCR006", "rm -rf /", "rm -r"),
    line("SCR007", 'echo "the token is $REGISTRY_TOKEN"', "secret"),
    line("SCR007", 'docker login -u a -p "$REGISTRY_PASSWORD" registry.example.com', "--password-stdin"),
    line("SCR007", 'curl -u "a:$API_TOKEN" https://example.com', "curl --config"),
    line("SCR007", "set -x", "set -x"),
    line("SCR007", "psql postgres://app:hunter2@db.example.com/orders", "password in it"),
    line("SCR007", "API_KEY=abcdef0123456789", "written out"),
    line("SCR008", "curl -fsSL https://example.com/install | sh", "whatever the address"),
    line("SCR008", 'sh -c "$(curl https://example.com/install)"', "whatever the address"),
    line("SCR008", "curl -k https://example.com/a", "who answers"),
    line("SCR008", "curl http://example.com/a -o a", "TLS"),
    line("SCR008", "docker run alpine:latest true", "latest"),
    line("SCR008", "pip install yamllint", "newest"),
    line("SCR008", "go install example.com/tool@latest", "latest"),
    line("SCR009", "work=$(mktemp -d)", "mktemp without"),
    line("SCR009", "date >/tmp/stamp", "guessed"),
    line("SCR010", '"$root/bin/nothing" -h', "bin/nothing"),
    line("SCR010", "make nothing", "make nothing"),
    line("SCR010", '. "$(dirname -- "$0")/more.sh"', "bin/more.sh"),
    Defect("SCR010", add("Makefile", "\nmore: ## more\n\t@bin/nothing\n"), "Makefile", "bin/nothing"),
    line("SCR011", "kubectl config use-context production", "next command"),
    line("SCR011", "kubectl --context production get pods", "one machine"),
    line("SCR011", 'kubectl --context "$cluster" delete namespace "$service-dev"', "brought back"),
    line("SCR011", 'kubectl --context "$cluster" delete pod a --grace-period=0', "finish"),
    line("SCR011", "terraform apply -auto-approve", "nobody has read"),
    line("SCR011", "git push --force origin main", "others pushed"),
    line("SCR011", "chmod -R 777 build", "write"),
    line("SCR003", "kubectl get pods", "--context"),
    Defect("MAK003", add("Makefile", "\nmore: ## more\n    echo more\n"), "Makefile", "tab"),
    Defect("MAK003", add("Makefile", "\ninclude mk/more.mk\n"), "Makefile", "mk/more.mk"),
    Defect("MAK004", add("Makefile", "\n.PHONY: more\nmore:\n\t@echo more\n"), "Makefile", "no ##"),
    Defect("MAK005", add("Makefile", "\nmore: tset ## more\n\t@echo more\n"), "Makefile", "tset"),
    Defect("MAK005", add("Makefile", "\nlint: ## more\n\t@echo more\n"), "Makefile", "lint::"),
    Defect("MAK006", add("Makefile", "\nmore: ## more\n\t@echo $(SERVISE)\n"), "Makefile", "SERVISE"),
    Defect("CMP001", replace(COMPOSE, r"127\.0\.0\.1:8080:", "8080:"), COMPOSE, "whole network"),
    Defect("CMP001", replace(COMPOSE, r"^  init: true", "  privileged: true"), COMPOSE, "privileged"),
    Defect("CMP001", replace(COMPOSE, r"^  init: true", "  network_mode: host"), COMPOSE, "network_mode"),
    Defect("CMP001", replace(COMPOSE, r"^  init: true", "  cap_add: [NET_ADMIN]"), COMPOSE, "NET_ADMIN"),
    Defect("CMP001", replace(COMPOSE, r"^  init: true", "  user: root"), COMPOSE, "root"),
    Defect(
        "CMP001",
        replace(STORE, r"volumes: \[.*\]", 'volumes: ["/var/run/docker.sock:/a"]'),
        STORE,
        "docker.sock",
    ),
    Defect("CMP002", replace(STORE, r"image: mongo:.*", "image: mongo:latest"), STORE, "tomorrow"),
    Defect("CMP002", replace(STORE, r"image: mongo:.*", "image: mongo"), STORE, "tomorrow"),
    Defect("CMP002", replace(COMPOSE, r"^    OTEL_TRACES_SAMPLER_ARG.*", "    API_TOKEN: abc"), COMPOSE, "written out"),
    Defect("CMP003", replace(COMPOSE, r"^      migrate: \{", "      migrat: {"), COMPOSE, "migrat"),
    Defect("CMP003", replace(COMPOSE, r"networks: \[inside, outside\]", "networks: [inner]"), COMPOSE, "inner"),
    Defect("CMP003", replace(STORE, r"volumes: \[.*\]", 'volumes: ["stores:/a"]'), STORE, "stores"),
    Defect("CMP003", remove("compose/store.env"), COMPOSE, "store.env"),
    Defect("CMP003", remove("compose/broker.yaml"), COMPOSE, "broker.yaml"),
    line("SCR003", "attended kubectl get pods", "names no --context"),
    line("SCR003", 'logged "$program" kubectl apply -f a.yaml', "names no --context"),
    Defect("SCR004", replace("bin/deploy", r"':e:c:i:noryh'", "':e:ci:noryh'"), "bin/deploy", "-c takes a value"),
    line("SCR007", 'echo "it is ${API_TOKEN:-}"', "logs are kept"),
    line("SCR008", "curl -ksS -m 5 https://example.com", "who answers"),
    line("SCR008", "curl -sS https://example.com", "no -m SECONDS"),
    line("SCR008", "uv pip sync mk/linters.txt", "--require-hashes"),
    line("SCR008", "cosign sign --tlog-upload=false a", "nobody can check"),
    line("SCR011", 'kubectl --context "$context" delete jobs --all', "more than what was named"),
    line("SCR011", 'kubectl --context "$context" apply --validate=false -f a', "more than what was named"),
    Defect(
        "SCR010", replace("mk/slipway.mk", r'-c "\$\(CONTEXT\)"', '-k "$(CONTEXT)"'), "mk/slipway.mk", "no option -k"
    ),
    Defect("SCR012", replace("bin/deploy", r"^.*confirm .deploying.*\n", ""), "bin/deploy", "asks before production"),
    Defect("SCR012", replace("bin/load", r"^.*confirm .*\n", ""), "bin/load", "never asks"),
    Defect("SCR012", replace("bin/rollback", r"!= production \]", "= production ]"), "bin/rollback", "never asks"),
    Defect(
        "SCR012",
        replace("bin/deploy", r'= 1 \] \|\|\n  fail "there', '= 0 ] ||\n  fail "there'),
        "bin/deploy",
        "freeze",
    ),
    Defect(
        "SCR012", replace("bin/deploy", r"^if ! rolled_out .*; then", "if false; then"), "bin/deploy", "waits until"
    ),
    Defect("SCR012", replace("bin/deploy", r"^  production:\*\) wrong.*\n", ""), "bin/deploy", "by its digest alone"),
    Defect("SCR012", replace("bin/restore", r"^whole .*\n", ""), "bin/restore", "checksums"),
    Defect("SCR012", replace("bin/restore", r"^.*!= full \].*\n", ""), "bin/restore", "holds something"),
    Defect("SCR012", replace("bin/image", r"^  \*:latest\).*\n", ""), "bin/image", "tag latest"),
    Defect("SCR012", replace("bin/sign", r"\{64\}\$' \|\|$", "*' ||"), "bin/sign", "refuses a tag"),
    Defect("SCR012", replace("bin/promote", r"source:-staging", "source:-dev"), "bin/promote", "from staging"),
    Defect("SCR012", replace("bin/deploy-window", r"^  6 \| 7\).*\n", ""), "bin/deploy-window", "at the weekend"),
    Defect("SCR012", replace("bin/smoke", r'\[ "\$3" = "\$2" \]', '[ "$3" != 000 ]'), "bin/smoke", "status"),
    Defect("SCR012", replace("bin/lib.sh", r"^  trap ended EXIT\n", ""), "bin/lib.sh", "removes temporary files"),
    Defect("SCR012", replace("bin/verify", r"check \.$", "check . || true"), "bin/verify", "hides a failure"),
    Defect("SCR012", replace(".githooks/commit-msg", r'"\$1"', '"$1" || echo no'), ".githooks/commit-msg", "hides"),
    Defect("SCR012", replace("bin/features-check", r'^exit "\$bad"', "exit 0"), "bin/features-check", "'exit 0'"),
    Defect("SCR012", replace("bin/commit-check", r"-le 79", "-le 100"), "bin/commit-check", "79 characters"),
    Defect(
        "SCR012", replace("bin/commit-check", r"\^Refs: \S+\$'", "^Refs: '"), "bin/commit-check", "other last lines"
    ),
    Defect("SCR012", replace("bin/lint-repository", r"^start hadolint.*\n", ""), "bin/lint-repository", "hadolint"),
    Defect("SCR012", replace("bin/lint-repository", r"yamllint -s", "yamllint"), "bin/lint-repository", "with -s"),
    Defect("SCR012", replace("bin/lint-repository", r"^    bad=1\n", ""), "bin/lint-repository", "bad=1"),
    Defect("SCR012", add(".shellcheckrc", "disable=SC2086\n"), ".shellcheckrc", "looks away"),
    Defect("SCR012", add("mk/linters.txt", "rich>=1\n"), "mk/linters.txt", "rich>=1"),
    Defect("SCR013", replace("bin/scan", r"HIGH,CRITICAL --exit", "CRITICAL --exit"), "bin/scan", "HIGH"),
    Defect("SCR013", replace("bin/scan", r" --exit-code 1", ""), "bin/scan", "ends well"),
    Defect("SCR013", replace("bin/scan-repository", r",secret", ""), "bin/scan-repository", "for secret"),
    Defect(
        "SCR013", replace("bin/scan-repository", r"--skip-dirs tmp", "--skip-dirs k8s"), "bin/scan-repository", "k8s"
    ),
    Defect("MAK003", replace("Makefile", r"^include mk/language\.mk\n", ""), "Makefile", "not included"),
    Defect(
        "MAK007", replace("mk/slipway.mk", r"^(test:: .*) test-integration", "test:: test-unit"), "mk/slipway.mk", "run"
    ),
    Defect("MAK007", replace("mk/slipway.mk", r"@bin/verify", "@echo verified"), "mk/slipway.mk", "bin/verify"),
    Defect("MAK007", replace("mk/slipway.mk", r"@bin/verify", "@bin/verify || true"), "mk/slipway.mk", "hidden"),
    Defect("MAK007", replace("mk/slipway.mk", r"@bin/verify", "-@bin/verify"), "mk/slipway.mk", "hidden"),
    Defect(
        "MAK007", replace("mk/slipway.mk", r'sign -i "\$\(RELEASE\)', 'sign -i "$(IMAGE)'), "mk/slipway.mk", "RELEASE"
    ),
    Defect("MAK007", replace("mk/slipway.mk", r":\$\(REVISION\)$", ":latest"), "mk/slipway.mk", "tomorrow"),
    Defect(
        "MAK007", replace("mk/slipway.mk", r"^SERVICE := .*", "SERVICE := other"), "mk/slipway.mk", "SERVICE is other"
    ),
    Defect("MAK007", replace("mk/language.mk", r" -race -shuffle", " -shuffle"), "mk/language.mk", "-race"),
    Defect("MAK007", replace("mk/language.mk", r"MINIMUM \?= 80", "MINIMUM ?= 40"), "mk/language.mk", "less than 80"),
    Defect("MAK008", replace("mk/slipway.mk", r"^YES \?=$", "YES ?= 1"), "mk/slipway.mk", "nobody named it"),
    Defect("MAK008", replace("mk/slipway.mk", r":= help$", ":= deploy"), "mk/slipway.mk", "make alone runs deploy"),
    Defect(
        "MAK008",
        replace("mk/slipway.mk", r"(?<=or production\)\n)\t@\$\(call need,CONTEXT.*\n", ""),
        "mk/slipway.mk",
        "hands on $(CONTEXT)",
    ),
    Defect("CMP001", replace(COMPOSE, r"^  read_only: true\n  cap", "  cap"), COMPOSE, "read_only"),
    Defect("CMP001", replace(COMPOSE, r"^  cap_drop: \[ALL\]", "  cap_drop: [NET_RAW]"), COMPOSE, "cap_drop"),
    Defect("CMP002", add("compose/store.env", "STORE_PASSWORD=Pa55word\n"), "compose/store.env", "STORE_PASSWORD"),
    Defect("CMP003", replace(COMPOSE, r"\[/app/worker\]", "[/app/consumer]"), COMPOSE, "no program"),
    Defect("CMP003", replace(COMPOSE, r"test: \[CMD, /app", "test: [CMD-SHELL, /app"), COMPOSE, "wants a shell"),
    Defect("CMP003", replace(COMPOSE, r"127.0.0.1:8080:8080", "127.0.0.1:8080:8000"), COMPOSE, "8000 is no port"),
    Defect("CMP003", replace(STORE, r"^    volumes: .*\n", ""), STORE, "no service mounts"),
    Defect(
        "CMP004",
        replace(COMPOSE, r"service_completed_successfully", "service_started"),
        COMPOSE,
        "not until it is ready",
    ),
    Defect(
        "CMP004", replace(COMPOSE, r"(?<=worker\]\n)    depends_on:\n.*\n", ""), COMPOSE, "does not wait for migrate"
    ),
    Defect("CMP004", replace(STORE, r"^    healthcheck:$", "    x-healthcheck:"), STORE, "has no healthcheck"),
    Defect("CMP005", replace("compose/store.env", r"//store:", "//mongo:"), "compose/store.env", "no service"),
    Defect("CMP005", replace("compose/broker.env", r"broker:9092", "broker:9093"), "compose/broker.env", "9092"),
    Defect("CMP005", replace(BROKER, r"orders\.placed\.v1:3", "orders-placed:3"), BROKER, "orders.placed.v1 of"),
    Defect("CMP005", replace(BROKER, r'ENABLE: "false"', 'ENABLE: "true"'), BROKER, "by itself"),
    Defect(
        "ENV004", replace("compose/broker.env", r"^KAFKA_BROKERS", "KAFKA_BROKER"), "compose/broker.env", "KAFKA_BROKER"
    ),
    Defect("CMP001", replace(COMPOSE, r"inside: \{internal: true\}", "inside: {}"), COMPOSE, "is not internal"),
    Defect("CMP005", replace("compose/broker.env", r"=broker:", "=kafka:"), "compose/broker.env", "names kafka"),
    Defect("SCR004", write("bin/more", HEADER.replace("*) option", "*) echo"), 0o755), "bin/more", "does not know"),
    Defect("SCR012", replace("bin/lib.sh", r"^  exit 2$", "  exit 1"), "bin/lib.sh", "ends with 2"),
    Defect(
        "SCR012", replace("bin/lib.sh", r'( \|\| \[ "\$\{CI:-\}" != true \])', ""), "bin/lib.sh", "in a pipeline alone"
    ),
    Defect("SCR012", replace("bin/lib.sh", r"grep -Fxq --", "grep -q"), "bin/lib.sh", "whole name"),
    Defect("SCR012", replace("bin/lib.sh", r'2>>"\$log\.err"', "2>&1"), "bin/lib.sh", "logs of their own"),
    Defect("SCR012", replace("bin/recovery.sh", r"^umask 077\n", ""), "bin/recovery.sh", "who made them"),
    Defect("MAK007", replace("mk/language.mk", r"only gosec", "only errcheck"), "mk/language.mk", "gosec"),
    Defect("MAK007", replace("mk/language.mk", r" -count=1 -v", " -v"), "mk/language.mk", "-count=1"),
    Defect("MAK007", replace("mk/language.mk", r"-race -shuffle", "-race -short -shuffle"), "mk/language.mk", "-short"),
]
