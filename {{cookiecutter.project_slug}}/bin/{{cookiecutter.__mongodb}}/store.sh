# shellcheck shell=sh
# What backup, restore and drill do with MongoDB; sourced by recovery.sh, never run.

# shellcheck disable=SC2034,SC2154  # for the scripts that source this, and from lib.sh and recovery.sh
store=mongodb archive=database.archive.gz

# tools: stop unless the programs of MongoDB are there
tools() {
  for tool in mongodump mongorestore mongosh; do
    need "$tool" "copy MongoDB; install the MongoDB Database Tools and mongosh"
  done
}

# address DATABASE: DATABASE_URL for another database of the same servers, or for none; who logs in stays who it was
address() {
  NAME=$1 awk 'BEGIN {
    url = ENVIRON["DATABASE_URL"]
    if (!match(url, /^mongodb([+]srv)?:\/\/[^\/?]+/)) exit 1
    head = substr(url, 1, RLENGTH)
    rest = substr(url, RLENGTH + 1)
    query = ""
    if ((at = index(rest, "?")) > 0) { query = substr(rest, at + 1); rest = substr(rest, 1, at - 1) }
    old = substr(rest, 2)
    if (index(head, "@") && query !~ /(^|&)authSource=/ && old != "") query = query (query == "" ? "" : "&") "authSource=" old
    print head "/" ENVIRON["NAME"] (query == "" ? "" : "?" query)
  }'
}

# configuration DATABASE: a file for the tools with that address, so that no list of processes shows a password
configuration() {
  address "$1" | sed "s/'/''/g; s/^/uri: '/; s/\$/'/" >"$secret/tools.yaml"
  printf '%s\n' "$secret/tools.yaml"
}

# connect: look at DATABASE_URL, and set database
connect() {
  [ -n "${DATABASE_URL:-}" ] || wrong "DATABASE_URL is not set: mongodb://user:password@host:27017/name"
  address '' >/dev/null || wrong "DATABASE_URL is no address such as mongodb://user:password@host:27017/name"
  database=$(printf '%s\n' "$DATABASE_URL" | sed -n 's|^[a-z+]*://[^/?]*/\([^?]*\).*|\1|p')
  source_named "$database"
}

# ask DATABASE: run the script on standard input in mongosh, with db for that database
ask() {
  {
    echo 'const db = new Mongo(process.env.STORE_ADDRESS).getDB(process.env.STORE_DATABASE);'
    cat
  } >"$secret/ask.js"
  STORE_ADDRESS=$(address '') STORE_DATABASE=$1 mongosh --nodb --norc --quiet --file "$secret/ask.js"
}

# contents DATABASE: the list of what a database holds; where the server has no dbHash, content is not compared
contents() {
  ask "$1" >"$secret/listed" <<'EOF' || return 1
let hashes = {};
try {
  hashes = db.runCommand({ dbHash: 1 }).collections || {};
} catch (error) {
  if (![59, 303].includes(error.code)) throw error;
}
for (const { name, type } of db.getCollectionInfos()) {
  if (name.startsWith('system.')) continue;
  if (type !== 'collection') { print(['view', name, 1, '-'].join('\t')); continue; }
  print(['collection', name, db.getCollection(name).countDocuments({}), hashes[name] || '-'].join('\t'));
  for (const index of db.getCollection(name).getIndexes()) print(['index', `${name}.${index.name}`, 1, '-'].join('\t'));
}
const newest = db.getCollection('migration_ledger').find({ finished_at: { $exists: true } }).sort({ _id: -1 }).limit(1);
for (const one of newest.toArray()) print(['schema', 'newest', one._id, '-'].join('\t'));
EOF
  LC_ALL=C sort "$secret/listed"
}

# dump DATABASE FOLDER: write the archive, and the list of what is in it. mongodump reads one collection after the other: of
# one that was written to meanwhile, the list has the count that mongodump tells, and no content.
dump() {
  contents "$1" >"$secret/before" || return 1
  logged backup mongodump --config="$(configuration "$1")" --archive="$2/$archive" --gzip 2>"$secret/dumped" || {
    cat "$secret/dumped" >&2
    return 1
  }
  [ -s "$2/$archive" ] || return 1
  contents "$1" >"$secret/after" || return 1
  awk -F '\t' -v database="$1" '
    BEGIN { OFS = "\t" }
    FILENAME == ARGV[1] { before[$0] = there[$1 " " $2] = 1; next }
    FILENAME == ARGV[2] {
      if (match($0, /done dumping .* \([0-9]+ documents?\)/)) {
        split(substr($0, RSTART, RLENGTH), word, " ")
        name = word[3]
        gsub(/`/, "", name)
        count[substr(name, length(database) + 2)] = substr(word[4], 2)
      }
      next
    }
    $1 == "collection" && !($2 in count) && (("collection " $2) in there) {
      print "mongodump tells nothing of collection " $2 >"/dev/stderr"
      exit 1
    }
    $1 == "collection" && !($2 in count) { next }
    $1 == "collection" && !($0 in before) { print $1, $2, count[$2], "-"; next }
    $1 == "collection" && $3 != count[$2] { print $1, $2, count[$2], "-"; next }
    { print }' "$secret/before" "$secret/dumped" "$secret/after" >"$2/contents.txt"
}

# readable FILE: read an archive to its end, without a server
readable() {
  gzip -t <"$1"
}

# version: of the server
version() {
  echo 'print(db.version());' | ask "$database"
}

# schema LIST: the newest migration in a list of contents
schema() {
  awk -F '\t' '$1 == "schema" { found = $3 } END { print found + 0 }' "$1"
}

# state DATABASE: absent or full; there is no empty database
state() {
  held=$(echo 'print(db.getCollectionNames().length);' | ask "$1") || return 1
  case $held in
    0) echo absent ;;
    *) echo full ;;
  esac
}

# load BACKUP DATABASE: restore the archive into a database
load() {
  from=$(about "$1" database)
  logged restore mongorestore --config="$(configuration '')" --archive="$1/$archive" --gzip --stopOnError \
    --nsInclude="$from.*" --nsFrom="$from.*" --nsTo="$2.*"
}

# discard DATABASE: remove a database that a script made
discard() {
  echo 'db.dropDatabase();' | ask "$1" >/dev/null
}
