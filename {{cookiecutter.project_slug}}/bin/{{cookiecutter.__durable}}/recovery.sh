# shellcheck shell=sh
# Shared by backup, restore and drill; sourced after lib.sh, never run. What only one kind of store knows is in store.sh.

# shellcheck disable=SC2154  # lib.sh sets them
. "$(dirname -- "$0")/store.sh"
umask 077

secret='' unfinished='' made=''
# left: end the tools that still run, and remove what a script made and did not finish: a database of its own, half a
# backup, the file with the address
left() {
  trap - HUP INT TERM
  alone
  [ -z "$made" ] || discard "$made" || printf '%s: database %s is left; remove it\n' "$program" "$made" >&2
  [ -z "$unfinished" ] || rm -rf "$unfinished"
  [ -z "$secret" ] || rm -rf "$secret"
}

# guarded: from here on nothing half made stays, however the script ends; it makes the folder for what must stay secret
guarded() {
  watched
  trap left EXIT
  secret=$(mktemp -d)
}

# digest FILE...: the SHA-256 of each file, as sha256sum prints it
digest() {
  if command -v sha256sum >/dev/null 2>&1; then
    sha256sum "$@"
  else
    need shasum "compute checksums"
    shasum -a 256 "$@"
  fi
}

# about BACKUP FIELD: what a backup says of itself
about() {
  sed -n "s/^$2=//p" "$1/about.txt"
}

# whole BACKUP: stop unless it is a backup of this kind of store, and each byte is the one that was written
whole() {
  [ -d "$1" ] || wrong "backup '$1' is no folder that bin/backup wrote"
  for part in SHA256SUMS about.txt contents.txt "$archive"; do
    [ -f "$1/$part" ] || fail "$1 is not whole: $part is missing"
  done
  (cd "$1" && digest about.txt contents.txt "$archive") >"$secret/sums" || fail "$1 cannot be read"
  while read -r sum part; do
    grep -Fxq "$sum  $part" "$1/SHA256SUMS" || fail "$1/$part is not what was written: its checksum differs"
  done <"$secret/sums"
  [ "$(about "$1" store)" = "$store" ] || fail "$1 is of $(about "$1" store), not of $store"
}

# newest: the number of the newest migration of this checkout
newest() {
  find "$root/migrations" -name '[0-9]*_*' | sed 's|.*/0*\([0-9][0-9]*\)_.*|\1|' | sort -n | tail -n 1
}

# known BACKUP: stop when the backup has a migration that this checkout does not know
known() {
  if [ "$(about "$1" schema)" -gt "$(newest)" ]; then
    fail "$1 has schema $(about "$1" schema), this checkout knows $(newest): git checkout $(about "$1" revision)"
  fi
}

# alike BEFORE AFTER: name each thing of the first list that the second lacks or has otherwise, and each one too many.
# A line is kind, name, count and content, parted by tabs; content - was not compared.
alike() {
  awk -F '\t' '
    { key = $1 " " $2 }
    FNR == NR { count[key] = $3; content[key] = $4; next }
    !(key in count) { print key " is not in the backup"; bad = 1; next }
    { seen[key] = 1 }
    count[key] != $3 { print key ": " count[key] " in the backup, " $3 " here"; bad = 1; next }
    content[key] != $4 && content[key] != "-" && $4 != "-" { print key ": as many, with another content"; bad = 1 }
    END {
      for (key in count) if (!(key in seen)) { print key " is missing"; bad = 1 }
      exit bad
    }' "$1" "$2" >&2
}

# moment: now, as part of a name
moment() {
  date -u +%Y%m%dT%H%M%SZ
}

# named DATABASE: stop unless it is a name that needs no quotes
named() {
  case $1 in
    '') wrong "-d is missing: the name of a database that is empty or not there" ;;
    [!a-z]* | *[!a-z0-9_]*) wrong "database '$1' is not of lower-case letters, digits and _, a letter first" ;;
  esac
  [ "$(printf '%s' "$1" | wc -c)" -le 63 ] || wrong "database '$1' has more than 63 characters"
}

# source_named DATABASE: stop unless DATABASE_URL names a database that can be told in a path
source_named() {
  case $1 in
    '' | -* | *[!A-Za-z0-9_-]*) wrong "DATABASE_URL names database '$1'; wanted are letters, digits, _ and -" ;;
  esac
}
