"""Backup, restore and drill against a real mongod and mongosh.

The Database Tools of MongoDB are in no package registry. Stand-ins for mongodump and mongorestore copy through mongosh,
take the same options, and say what the real ones say.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Render
from tests.generated.test_scripts import Shell
from tests.service.mongod import Mongod

MONGOSH = "2.12.0"
DUMP = r"""
for word in "$@"; do
  case $word in --config=*) config=${word#--config=} ;; --archive=*) archive=${word#--archive=} ;; esac
done
printf 'mongodump %s\n' "$*" >>"$CALLS"
cat >"$TMPDIR/dump.js" <<'EOF'
const db = connect(process.env.URI);
for (const { name, options } of db.getCollectionInfos({ type: 'collection' })) {
  const documents = db.getCollection(name).find().toArray();
  const indexes = db.getCollection(name).getIndexes();
  print(EJSON.stringify({ name, options, documents, indexes }, { relaxed: false }));
  const said = `2026-11-21T03:00:00.000+0000\tdone dumping ${db.getName()}.${name} (${documents.length} documents)\n`;
  if (process.env.SILENT !== name) require('fs').writeSync(2, said);
}
EOF
URI=$(sed "s/^uri: '//; s/'\$//" "$config")
export URI
mongosh --nodb --norc --quiet --file "$TMPDIR/dump.js" >"$TMPDIR/plain" || exit 1
gzip <"$TMPDIR/plain" >"$archive"
rm "$TMPDIR/dump.js" "$TMPDIR/plain"
[ -z "${MEANWHILE:-}" ] || mongosh --nodb --norc --quiet --eval "$MEANWHILE"
"""
RESTORE = r"""
for word in "$@"; do
  case $word in
    --config=*) config=${word#--config=} ;;
    --archive=*) archive=${word#--archive=} ;;
    --nsTo=*) to=${word#--nsTo=} ;;
  esac
done
printf 'mongorestore %s\n' "$*" >>"$CALLS"
gunzip <"$archive" >"$TMPDIR/plain" || exit 1
cat >"$TMPDIR/restore.js" <<'EOF'
const db = new Mongo(process.env.URI).getDB(process.env.TO);
for (const line of require('fs').readFileSync(process.env.PLAIN, 'utf8').split('\n').filter(Boolean)) {
  const { name, options, documents, indexes } = EJSON.parse(line, { relaxed: false });
  db.createCollection(name, options);
  for (const index of indexes.slice(1)) db.getCollection(name).createIndex(index.key, { name: index.name });
  if (documents.length) db.getCollection(name).insertMany(documents);
}
EOF
URI=$(sed "s/^uri: '//; s/'\$//" "$config")
export URI
TO=${to%.\*} PLAIN=$TMPDIR/plain \
  mongosh --nodb --norc --quiet --file "$TMPDIR/restore.js" || exit 1
target="var db = new Mongo('$URI').getDB('${to%.\*}')"
[ -z "${LOSS:-}" ] || mongosh --nodb --norc --quiet --eval "$target; $LOSS" || exit 1
rm "$TMPDIR/plain" "$TMPDIR/restore.js"
"""
FILL = """
const db = connect(process.env.URI);
db.dropDatabase();
db.orders.insertMany(Array.from({ length: 50 }, (_, n) => ({ _id: n + 1, note: `order ${n}`, total: Long(n) })));
db.orders.createIndex({ note: 1 }, { name: 'by_note' });
db.createCollection('outbox');
db.migration_ledger.insertOne({ _id: Long(1), note: 'x', finished_at: new Date() });
"""

pytestmark = pytest.mark.slow


class Site(Shell):
    """A service beside a mongod."""

    def __init__(self, service: Path, place: Path, server: Mongod, programs: Path) -> None:
        super().__init__(service, place)
        self.server = server
        self.temporary = place / "temporary"
        self.temporary.mkdir()
        self.mongosh = programs / "mongosh"
        (self.fakes / "mongosh").symlink_to(self.mongosh)
        self.fake("mongodump", DUMP)
        self.fake("mongorestore", RESTORE)
        for path in (service / "migrations").glob("0001*_*"):
            path.unlink()
        (service / "build").mkdir()
        (service / "build/migrate").write_text('#!/bin/sh\necho "migrate $DATABASE_URL" >>"$CALLS"\n', encoding="utf-8")
        (service / "build/migrate").chmod(0o755)
        self.ask(FILL)

    def call(self, script: str, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a script on the database of the service."""
        known = {"DATABASE_URL": self.server.url("orders"), "TMPDIR": str(self.temporary), "ENVIRONMENT": "local"}
        return self.run(script, *words, **{**known, "HOME": str(self.temporary.parent), **environment})

    def ask(self, script: str) -> str:
        """Run a script in mongosh and give what it prints."""
        words = [str(self.mongosh), "--nodb", "--norc", "--quiet", "--eval", script]
        more = {"URI": self.server.url("orders"), "HOME": str(self.temporary.parent)}
        done = subprocess.run(words, check=True, capture_output=True, text=True, env={**os.environ, **more})
        return done.stdout.strip()

    def databases(self) -> set[str]:
        """Give the names of the databases, but for the server's own."""
        found = self.ask(
            "print(connect(process.env.URI).adminCommand({listDatabases: 1}).databases.map(d => d.name).join(' '))"
        )
        return set(found.split()) - {"admin", "config", "local"}

    def backup(self, **environment: str) -> Path:
        """Make a backup."""
        done = self.call("backup", **environment)
        assert done.returncode == 0, done.stderr
        return Path(done.stdout.strip().splitlines()[-1])


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of a real mongosh, of one version."""
    if not (npm := shutil.which("npm")):
        pytest.skip("npm is not installed, so that there is no mongosh")
    folder = tmp_path_factory.mktemp("mongosh")
    (folder / "package.json").write_text(json.dumps({"private": True}), encoding="utf-8")
    words = [npm, "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", f"mongosh@{MONGOSH}"]
    done = subprocess.run(words, cwd=folder, check=False, capture_output=True, text=True, timeout=240)
    if done.returncode != 0:
        pytest.skip(f"npm cannot install mongosh {MONGOSH} here: {done.stderr.strip()[:200]}")
    return folder / "node_modules/.bin"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mongod]:
    """Give a running server."""
    made = Mongod(tmp_path_factory.mktemp("db"))
    made.start()
    yield made
    made.remove()


@pytest.fixture
def site(own_copy: Render, tmp_path: Path, server: Mongod, programs: Path) -> Iterator[Site]:
    """Give a service with MongoDB, and some orders in it."""
    made = Site(own_copy(datastore="mongodb"), tmp_path, server, programs)
    yield made
    for name in made.databases():
        made.ask(f"connect(process.env.URI).getSiblingDB('{name}').dropDatabase()")


def test_what_was_backed_up_comes_back_and_a_second_time_is_refused(site: Site) -> None:
    backup = site.backup()

    done = site.call("restore", "-b", str(backup), "-d", "orders_restored")
    again = site.call("restore", "-b", str(backup), "-d", "orders_restored")

    listed = (backup / "contents.txt").read_text(encoding="utf-8").splitlines()
    assert done.returncode == 0, done.stderr
    assert [line.split("\t")[:3] for line in listed if line.startswith("collection")] == [
        ["collection", "migration_ledger", "1"],
        ["collection", "orders", "50"],
        ["collection", "outbox", "0"],
    ]
    assert "schema=1\n" in (backup / "about.txt").read_text(encoding="utf-8")
    assert again.returncode == 1
    assert "database orders_restored holds something" in again.stderr


def test_what_a_restore_lost_or_changed_is_named_and_not_kept(site: Site) -> None:
    backup = site.backup()
    losses = [
        "db.outbox.drop()",
        "db.migration_ledger.deleteMany({})",
        "db.orders.updateOne({_id: 7}, {$set: {note: 'x'}})",
        "db.orders.dropIndex('by_note')",
    ]

    done = site.call("restore", "-b", str(backup), "-d", "orders_restored", LOSS="; ".join(losses))

    assert done.returncode == 1
    assert "collection outbox is missing" in done.stderr
    assert "collection migration_ledger: 1 in the backup, 0 here" in done.stderr
    assert "collection orders: as many, with another content" in done.stderr
    assert "index orders.by_note is missing" in done.stderr
    assert site.databases() == {"orders"}


def test_a_collection_of_which_the_tool_tells_nothing_makes_no_backup(site: Site) -> None:
    done = site.call("backup", SILENT="orders")

    assert done.returncode == 1
    assert "mongodump tells nothing of collection orders" in done.stderr
    assert not list((site.service / "tmp/backup").iterdir())


def test_what_was_written_to_during_the_backup_is_held_to_the_count_that_was_dumped(site: Site) -> None:
    late = "connect(process.env.URI).orders.insertOne({_id: 999, note: 'late'})"
    backup = site.backup(MEANWHILE=late)

    done = site.call("restore", "-b", str(backup), "-d", "orders_restored")

    assert "collection\torders\t50\t-\n" in (backup / "contents.txt").read_text(encoding="utf-8")
    assert done.returncode == 0, done.stderr


def test_a_truncated_archive_is_refused_even_with_a_checksum_that_fits(site: Site) -> None:
    backup = site.backup()
    archive = backup / "database.archive.gz"
    archive.write_bytes(archive.read_bytes()[:-20])
    differs = site.call("restore", "-b", str(backup), "-d", "orders_restored")
    sums = subprocess.run(
        ["sha256sum", "about.txt", "contents.txt", archive.name], cwd=backup, check=True, capture_output=True, text=True
    )
    (backup / "SHA256SUMS").write_text(sums.stdout, encoding="utf-8")

    done = site.call("restore", "-b", str(backup), "-d", "orders_restored")

    assert differs.returncode == done.returncode == 1
    assert "its checksum differs" in differs.stderr
    assert "cannot be read; nothing was changed" in done.stderr
    assert site.databases() == {"orders"}


def test_a_drill_restores_compares_and_leaves_a_record_and_nothing_else(site: Site) -> None:
    done = site.call("drill")

    records = list((site.service / "tmp/drill").iterdir())
    text = records[0].read_text(encoding="utf-8")
    assert done.returncode == 0, done.stderr
    assert len(records) == 1
    assert "| collection orders | 50 |" in text
    assert site.databases() == {"orders"}


def test_the_address_is_in_no_list_of_processes_and_keeps_who_logs_in(site: Site) -> None:
    (site.fakes / "mongosh").unlink()
    site.fake(
        "mongosh", 'printf "mongosh %s\\n" "$*" >>"$CALLS"; printf "at %s\\n" "$STORE_ADDRESS" >>"$CALLS"; exit 1\n'
    )

    done = site.call("backup", DATABASE_URL="mongodb+srv://me:p%27w@cluster.example.com/orders?w=majority")

    told = site.calls.read_text(encoding="utf-8")
    assert done.returncode == 1
    assert "at mongodb+srv://me:p%27w@cluster.example.com/?w=majority&authSource=orders\n" in told
    assert not [line for line in told.splitlines() if line.startswith("mongosh") and "p%27w" in line]
    assert "p%27w" not in done.stdout + done.stderr
