# shellcheck shell=sh
# Shared by the scripts beside it; sourced, never run.

# shellcheck disable=SC2034  # for the scripts that source this
service={{ cookiecutter.project_slug }}
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
program=$(basename -- "$0")

# usage: print the header of the calling script, without its comment signs
usage() {
  awk 'NR > 1 && /^#/ { sub(/^# ?/, ""); print; next } NR > 1 { exit }' "$0"
}

# fail MESSAGE: stop because of something that went wrong
fail() {
  printf '%s: %s\n' "$program" "$*" >&2
  exit 1
}

# wrong MESSAGE: stop because the command was wrong
wrong() {
  printf '%s: %s (-h for help)\n' "$program" "$*" >&2
  exit 2
}

# option NAME VALUE: what getopts hands to the last branch of a case
option() {
  case $1 in
    :) wrong "-$2 needs a value" ;;
    *) wrong "-$2 is not an option" ;;
  esac
}

# need COMMAND WHY: stop when a tool is not installed
need() {
  command -v "$1" >/dev/null 2>&1 || fail "$1 is not installed; it is needed to $2"
}

# number NAME VALUE LEAST MOST: stop unless the value is a whole number in that range
number() {
  case $2 in
    '' | *[!0-9]* | ?????????*) wrong "$1 '$2' is no whole number" ;;
  esac
  [ "$2" -ge "$3" ] && [ "$2" -le "$4" ] || wrong "$1 '$2' is not from $3 to $4"
}

# environment NAME: stop unless it is one of the three
environment() {
  case $1 in
    dev | staging | production) ;;
    '') wrong "-e is missing: dev, staging or production" ;;
    *) wrong "environment '$1' is not dev, staging or production" ;;
  esac
}

# context NAME: stop unless kubectl knows it
context() {
  [ -n "$1" ] || wrong "-c is missing: a context of kubectl config get-contexts"
  need kubectl "reach the cluster"
  kubectl config get-contexts -o name | grep -Fxq -- "$1" || wrong "context '$1' is not in kubectl config get-contexts"
}

# confirm WHAT: ask before production, unless -y was given (yes=1)
confirm() {
  [ "${yes:-0}" = 1 ] && return 0
  [ -t 0 ] || fail "$1 changes production; say -y where nobody can be asked"
  printf '%s changes production. Type production to go on: ' "$1" >&2
  read -r answer
  [ "$answer" = production ] || fail "stopped; nothing was changed"
}

# real_day DDMMYYYY: true for a day that exists
real_day() {
  awk -v day="$1" 'BEGIN {
    d = substr(day, 1, 2) + 0; m = substr(day, 3, 2) + 0; y = substr(day, 5, 4) + 0
    split("31 28 31 30 31 30 31 31 30 31 30 31", last, " ")
    if (m == 2 && (y % 4 == 0 && y % 100 != 0 || y % 400 == 0)) last[2] = 29
    exit !(m >= 1 && m <= 12 && d >= 1 && d <= last[m])
  }'
}

# cleaned PATH: remove it at the end, however that comes about; dash runs no EXIT trap for a signal that is not trapped
cleaned() {
  scratch=$1
  trap 'rm -rf "$scratch"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
}

# names KIND: the names of the objects of a kind among the rendered manifests on standard input
names() {
  awk -v kind="$1" '
    /^---/ { found = 0 }
    /^kind: / { found = $2 == kind }
    found && /^  name: / { print $2; found = 0 }'
}

# rolled_out CONTEXT NAMESPACE DEPLOYMENTS ROLLOUTS: wait until the pods of the newest version serve
rolled_out() {
  for workload in $3; do
    logged rollout kubectl --context "$1" -n "$2" rollout status "$workload" --timeout=5m
  done
  # A Rollout takes its pods from the Deployment of its name, and is judged only once it has seen the newest of them.
  for workload in $4; do
    generation=$(kubectl --context "$1" -n "$2" get deployment "$workload" -o 'jsonpath={.metadata.generation}')
    logged rollout kubectl --context "$1" -n "$2" wait "rollout/$workload" --timeout=2m \
      --for="jsonpath={.status.workloadObservedGeneration}=$generation"
    echo "waiting up to 45 minutes for the steps of rollout/$workload"
    logged rollout kubectl --context "$1" -n "$2" wait "rollout/$workload" --timeout=45m \
      --for='jsonpath={.status.phase}=Healthy'
  done
}

# recorded NAME: what the answers file says, without the quotes that YAML puts around what looks like a number
recorded() {
  sed -n "s/^$1: *//p" "$root/.copier-answers.yml" | sed "s/^'\(.*\)'\$/\1/; s/^\"\(.*\)\"\$/\1/"
}

# slipway EXTRA ARGUMENT...: run the template's own command, in the version this repository was made from; EXTRA is
# '[update]' for what needs Copier, else ''
slipway() {
  extra=$1
  shift
  # shellcheck disable=SC2086  # a command with its arguments
  [ -z "${SLIPWAY:-}" ] || exec $SLIPWAY "$@"
  [ -r "$root/.copier-answers.yml" ] || fail ".copier-answers.yml is missing: this repository knows no template"
  source=$(recorded _src_path)
  commit=$(recorded _commit)
  [ -n "$source" ] && [ -n "$commit" ] || fail ".copier-answers.yml names no template"
  need uv "fetch the template's command; or say SLIPWAY=slipway where it is installed"
  case $source in
    git+*) address=$source ;;
    git@*) address="git+ssh://$(printf '%s\n' "$source" | sed 's|:|/|')" ;;
    gh:*) address=git+https://github.com/${source#gh:} ;;
    gl:*) address=git+https://gitlab.com/${source#gl:} ;;
    *://*) address=git+$source ;;
    /*) address=git+file://$source ;;
    *) fail "_src_path is $source, which cannot be fetched; say SLIPWAY=slipway where it is installed" ;;
  esac
  reference=$(printf '%s\n' "$commit" | sed -E 's/^.*-[0-9]+-g([0-9a-f]+)$/\1/')
  exec uv tool run --quiet --from "slipway$extra @ $address@$reference" slipway "$@"
}

# logged NAME COMMAND...: run, show, and keep both streams apart in tmp/log
logged() {
  log=$root/tmp/log/$1
  shift
  mkdir -p "$root/tmp/log"
  if "$@" >"$log.out" 2>"$log.err"; then
    cat "$log.out"
    cat "$log.err" >&2
  else
    status=$?
    cat "$log.out"
    cat "$log.err" >&2
    return "$status"
  fi
}
