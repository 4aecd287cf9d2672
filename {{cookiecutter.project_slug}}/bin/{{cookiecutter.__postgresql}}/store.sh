# shellcheck shell=sh
# What backup, restore and drill do with PostgreSQL; sourced by recovery.sh, never run.

# shellcheck disable=SC2034,SC2154  # for the scripts that source this, and from lib.sh and recovery.sh
store=postgresql archive=database.dump

# tools: stop unless the programs of PostgreSQL are there
tools() {
  for tool in psql pg_dump pg_restore; do
    need "$tool" "copy PostgreSQL; install the client of your server's version"
  done
}

# connect: turn DATABASE_URL into a service file, which libpq reads by itself, so that no list of processes shows a
# password; set database
connect() {
  [ -n "${DATABASE_URL:-}" ] || wrong "DATABASE_URL is not set: postgres://user:password@host:5432/name"
  LC_ALL=C awk '
    function decoded(text, done, at) {
      done = ""
      while ((at = index(text, "%")) > 0) {
        if (substr(text, at + 1, 2) !~ /^[0-9A-Fa-f][0-9A-Fa-f]$/) exit 1
        done = done substr(text, 1, at - 1) sprintf("%c", hex(substr(text, at + 1, 1)) * 16 + hex(substr(text, at + 2, 1)))
        text = substr(text, at + 3)
      }
      return done text
    }
    function hex(digit) { return index("0123456789abcdef", tolower(digit)) - 1 }
    function put(key, value) {
      value = decoded(value)
      if (value ~ /[\n\r]/) exit 1
      if (value != "") print key "=" value
    }
    BEGIN {
      url = ENVIRON["DATABASE_URL"]
      if (!match(url, /^postgres(ql)?:\/\//)) exit 1
      rest = substr(url, RLENGTH + 1)
      query = path = user = ""
      if ((at = index(rest, "?")) > 0) { query = substr(rest, at + 1); rest = substr(rest, 1, at - 1) }
      if ((at = index(rest, "/")) > 0) { path = substr(rest, at + 1); rest = substr(rest, 1, at - 1) }
      if (match(rest, /^.*@/)) { user = substr(rest, 1, RLENGTH - 1); rest = substr(rest, RLENGTH + 1) }
      print "[store]"
      if ((at = index(user, ":")) > 0) { put("password", substr(user, at + 1)); user = substr(user, 1, at - 1) }
      put("user", user)
      count = split(rest, one, ",")
      for (i = 1; i <= count; i++) {
        port = ""
        if (match(one[i], /:[0-9]+$/)) { port = substr(one[i], RSTART + 1); one[i] = substr(one[i], 1, RSTART - 1) }
        gsub(/^\[|\]$/, "", one[i])
        hosts = hosts (i > 1 ? "," : "") one[i]
        ports = ports (i > 1 ? "," : "") (port == "" ? 5432 : port)
      }
      put("host", hosts)
      if (hosts != "") put("port", ports)
      if (path == "") exit 1
      put("dbname", path)
      count = split(query, one, "&")
      for (i = 1; i <= count; i++) {
        at = index(one[i], "=")
        key = substr(one[i], 1, at - 1)
        if (key ~ /^(pool_|statement_cache_|description_cache_|default_query_)/) continue
        if (key !~ /^[a-z_]+$/) exit 1
        put(key, substr(one[i], at + 1))
      }
    }' >"$secret/service.conf" || wrong "DATABASE_URL is no address such as postgres://user:password@host:5432/name"
  PGSERVICEFILE=$secret/service.conf PGSERVICE=store PGAPPNAME=$program PGCONNECT_TIMEOUT=${PGCONNECT_TIMEOUT:-10}
  export PGSERVICEFILE PGSERVICE PGAPPNAME PGCONNECT_TIMEOUT
  database=$(sed -n 's/^dbname=//p' "$secret/service.conf")
  source_named "$database"
}

# address DATABASE: DATABASE_URL for another database of the same server
address() {
  printf '%s\n' "$DATABASE_URL" | sed "s|^\([a-z]*://[^/?]*\)/[^?]*|\1/$1|"
}

# sql DATABASE OPTION...: run the statements on standard input
sql() {
  on=$1
  shift
  psql -X -q -A -t -F "$(printf '\t')" -v ON_ERROR_STOP=1 -d "$on" "$@"
}

# listing: the statements that list what a database holds, in texts that do not depend on who asks
listing() {
  cat <<'EOF'
SET LOCAL search_path = pg_catalog;
SET LOCAL timezone = 'UTC';
SET LOCAL datestyle = 'ISO, MDY';
SET LOCAL intervalstyle = 'postgres';
SET LOCAL bytea_output = 'hex';
SET LOCAL extra_float_digits = 1;
SELECT format(
  'SELECT %L, %L, count(*), coalesce(sum((''x'' || left(md5(t::text), 15))::bit(60)::bigint::numeric), 0) FROM %I.%I AS t',
  'table', n.nspname || '.' || c.relname, n.nspname, c.relname)
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_' \gexec
SELECT CASE c.relkind WHEN 'i' THEN 'index' WHEN 'S' THEN 'sequence' ELSE 'view' END, n.nspname || '.' || c.relname, 1,
  coalesce((SELECT i.indisvalid::text FROM pg_index AS i WHERE i.indexrelid = c.oid), '-')
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('i', 'S', 'v', 'm') AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_';
SELECT 'constraint', n.nspname || '.' || r.relname || '.' || c.conname, 1, c.convalidated::text
FROM pg_constraint AS c JOIN pg_namespace AS n ON n.oid = c.connamespace JOIN pg_class AS r ON r.oid = c.conrelid
WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_';
SELECT 'function', n.nspname || '.' || p.proname, count(*), '-'
FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_' GROUP BY 1, 2;
SELECT to_regclass('public.goose_db_version') IS NOT NULL AS ledger \gset
\if :ledger
SELECT 'schema', 'newest', coalesce(max(version_id), 0), '-' FROM public.goose_db_version WHERE is_applied;
\endif
EOF
}

# dump DATABASE FOLDER: write the archive, and the list of what is in it, as they were at one moment
dump() {
  SAVED=$2
  export SAVED
  {
    cat <<'EOF'
SET statement_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SELECT pg_export_snapshot() AS snapshot \gset
\setenv SNAPSHOT :snapshot
\! pg_dump -Fc --snapshot="$SNAPSHOT" --lock-wait-timeout=60s --file="$SAVED/database.dump" || touch "$SAVED/failed"
EOF
    listing
    echo 'COMMIT;'
  } >"$secret/dump.sql"
  sql "$1" -f "$secret/dump.sql" >"$secret/contents.txt" || return 1
  [ ! -e "$2/failed" ] && [ -s "$2/database.dump" ] || return 1
  LC_ALL=C sort "$secret/contents.txt" >"$2/contents.txt"
}

# readable FILE: read an archive to its end, without a server
readable() {
  pg_restore --file=/dev/null "$1"
}

# version: of the server
version() {
  sql "$database" -c 'SHOW server_version'
}

# schema LIST: the newest migration in a list of contents
schema() {
  awk -F '\t' '$1 == "schema" { found = $3 } END { print found + 0 }' "$1"
}

# state DATABASE: absent, empty or full
state() {
  held=$(sql "$database" -c "SELECT count(*) FROM pg_database WHERE datname = '$1'") || return 1
  if [ "$held" = 0 ]; then
    echo absent
    return 0
  fi
  held=$(sql "$1" -c "SELECT count(*) FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'") || return 1
  if [ "$held" = 0 ]; then
    echo empty
  else
    echo full
  fi
}

# load BACKUP DATABASE: make the database if it is not there, and restore the archive into it, wholly or not at all
load() {
  here=$(state "$2") || return 1
  [ "$here" != absent ] || sql "$database" -c "CREATE DATABASE $2 TEMPLATE template0" || return 1
  logged restore pg_restore --exit-on-error --single-transaction --no-owner --no-privileges --dbname="$2" "$1/$archive"
}

# contents DATABASE: the list of what a database holds
contents() {
  {
    echo 'SET statement_timeout = 0;'
    echo 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;'
    listing
    echo 'COMMIT;'
  } >"$secret/contents.sql"
  sql "$1" -f "$secret/contents.sql" >"$secret/listed" || return 1
  LC_ALL=C sort "$secret/listed"
}

# discard DATABASE: remove a database that a script made
discard() {
  sql "$database" -c "DROP DATABASE IF EXISTS $1" >/dev/null
}
