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
