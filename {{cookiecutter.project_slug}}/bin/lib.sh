# shellcheck shell=sh
# Shared by the scripts beside it; sourced, never run.

# shellcheck disable=SC2034  # for the scripts that source this
service={{ cookiecutter.project_slug }}
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
program=$(basename -- "$0")

# usage: print the header of the calling script, without its comment signs and in at most 100 columns
usage() {
  awk '
    function put(text, margin,   at) {
      while (length(text) > 100) {
        for (at = 101; at > length(margin) + 1 && substr(text, at, 1) != " "; ) at--
        if (at <= length(margin) + 1) break
        print substr(text, 1, at - 1)
        text = margin substr(text, at + 1)
      }
      print text
    }
    function end() { if (prose != "") put(prose, ""); prose = "" }
    NR == 1 { next }
    !/^#/ { exit }
    { sub(/^# ?/, "") }
    /^(usage:|example:| |$)/ {
      end()
      margin = match($0, /^ +-[A-Za-z]( [A-Z]+)? +/) ? substr("                        ", 1, RLENGTH) : "  "
      put($0, margin)
      next
    }
    { prose = prose == "" ? $0 : prose " " $0 }
    END { end() }' "$0"
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

# no_more ARGUMENT...: stop when there is more than options; to be called after getopts
no_more() {
  shift $((OPTIND - 1))
  [ $# -eq 0 ] || wrong "argument '$1' is one too many"
}

# reference IMAGE: stop unless it is registry/name with a digest, or with a tag that names a version
reference() {
  case $1 in
    '') wrong "-i is missing: registry/name@sha256:digest, or registry/name:tag" ;;
    *[!A-Za-z0-9._:/@-]* | */ | *//*) wrong "image '$1' is not registry/name@sha256:digest or registry/name:tag" ;;
    */*@sha256:*)
      printf '%s\n' "$1" | grep -Eq '^[^@]+@sha256:[0-9a-f]{64}$' || wrong "image '$1' has no digest of 64 hexadecimal digits"
      ;;
    *@*) wrong "image '$1' has no digest of sha256" ;;
    */*:latest) wrong "image '$1' has the tag latest, which names no version" ;;
    */*) ;;
    *) wrong "image '$1' names no registry or no tag" ;;
  esac
  case ${1##*/} in
    *:?*) ;; # the port of a registry is no tag
    *) wrong "image '$1' names no registry or no tag" ;;
  esac
}

# promoted ENVIRONMENT: the image that the overlay names in git for `service`, if it names one
promoted() {
  awk '
    function value(text) {
      sub(/^ *(- +)?[A-Za-z]+: */, "", text)
      sub(/ +#.*$/, "", text)
      gsub(/["\047]| +$/, "", text)
      return text
    }
    function put() {
      if (name == "service" && digest != "") print new "@" digest
      else if (name == "service" && tag != "") print new ":" tag
      name = new = digest = tag = ""
    }
    /^[A-Za-z]/ { inside = /^images:/ }
    inside && /^ *- / { put() }
    inside && /^ *(- +)?name:/ { name = value($0); new = new == "" ? name : new }
    inside && /^ *(- +)?newName:/ { new = value($0) }
    inside && /^ *(- +)?newTag:/ { tag = value($0) }
    inside && /^ *(- +)?digest:/ { digest = value($0) }
    END { put() }' "$root/k8s/overlays/$1/kustomization.yaml"
}

# context NAME: stop unless kubectl knows it
context() {
  [ -n "$1" ] || wrong "-c is missing: a context of kubectl config get-contexts"
  need kubectl "reach the cluster"
  kubectl config get-contexts -o name | grep -Fxq -- "$1" || wrong "context '$1' is not in kubectl config get-contexts"
}

# typed WHAT WORD: ask at the terminal for a word, and stop unless it is typed
typed() {
  printf 'Type %s to go on, %s: ' "$1" "$2" >&2
  read -r answer || answer=''
  [ "$answer" = "$2" ] || fail "stopped: that was not $2"
}

# confirm WHAT: ask twice before production is changed. -y (yes=1) answers in a pipeline (CI=true) and nowhere else.
confirm() {
  [ "${yes:-0}" != 1 ] || [ "${CI:-}" != true ] || return 0
  [ -t 0 ] || fail "$1 changes production, and there is nobody to ask; in a pipeline, where CI=true, say -y"
  printf '%s changes production.\n' "$1" >&2
  typed "the environment" production
  typed "the service" "$service"
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

scratch='' children='' known=${!:-} so_far=''

# begun: note the process that was started last, so that the end of this script ends it too
begun() {
  children="$children $!" known=$!
}

# alone: end the tools that still run, also one whose start a signal did not let this script note
alone() {
  [ "${!:-}" = "$known" ] || begun
  for one in $children; do
    kill "$one" 2>/dev/null || :
  done
  for one in $children; do
    wait "$one" 2>/dev/null || :
  done
}

# ended: whatever the end, leave nothing running, remove the temporary files, and say how things stand (so_far)
ended() {
  ended_with=$?
  trap - HUP INT TERM
  alone
  [ -z "$scratch" ] || rm -rf -- "$scratch"
  [ "$ended_with" -eq 0 ] || [ -z "$so_far" ] || printf '%s: %s\n' "$program" "$so_far" >&8
}

# interrupted STATUS: what a signal does; dash runs no EXIT trap for a signal that is not trapped
interrupted() {
  printf '%s: stopped by a signal\n' "$program" >&8
  exit "$1"
}

# watched: see to the end, however it comes about. 8 is where this script complains, also while a tool writes elsewhere.
watched() {
  exec 8>&2
  trap ended EXIT
  trap 'interrupted 129' HUP
  trap 'interrupted 130' INT
  trap 'interrupted 143' TERM
}

# cleaned PATH: remove it at the end, however that comes about
cleaned() {
  scratch=$1
  watched
}

# attended COMMAND...: run a tool so that a signal to this script ends both at once; it reads the same standard input
attended() {
  { "$@" <&3 3<&- 8>&- & } 3<&0
  begun
  attended_status=0
  wait "$!" || attended_status=$?
  children=${children% *}
  return "$attended_status"
}

# answered COMMAND...: the same, with what it prints in $answer; it needs the folder of cleaned
answered() {
  attended "$@" >"$scratch/answer" || return
  answer=$(cat "$scratch/answer")
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

# noted NAME COMMAND...: run, and add both streams to files of their own in tmp/log: a pair for each run of a script, and
# of each NAME the newest twenty
noted() {
  case ${log:-} in
    "$root/tmp/log/$1."*) ;;
    *)
      log=$root/tmp/log/$1.$(date -u +%Y%m%dT%H%M%SZ).$$
      mkdir -p "$root/tmp/log"
      : >"$log.out"
      : >"$log.err"
      for one in "$root/tmp/log/$1".*.out; do
        echo "$one"
      done | sort -r | tail -n +21 | while read -r one; do
        rm -f -- "$one" "${one%.out}.err"
      done
      ;;
  esac
  shift
  noted_out=$(wc -c <"$log.out") noted_err=$(wc -c <"$log.err")
  attended "$@" >>"$log.out" 2>>"$log.err"
}

# logged NAME COMMAND...: the same, and show what was said
logged() {
  logged_status=0
  noted "$@" || logged_status=$?
  tail -c "+$((noted_out + 1))" "$log.out"
  tail -c "+$((noted_err + 1))" "$log.err" >&2
  return "$logged_status"
}
