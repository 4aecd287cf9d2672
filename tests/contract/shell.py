"""Defective scripts, makefiles and compose files: one change each, and the check that names it."""

from __future__ import annotations

from tests.contract.planting import Defect, add, remove, replace, write

COMPOSE, STORE = "compose.yaml", "compose/store.yaml"
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
]
