"""Backup, restore and drill against a real PostgreSQL: what was kept comes back, and each loss is named."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pgserver
import pytest

from tests.conftest import Render
from tests.generated.test_scripts import Shell
from tests.service.conftest import make, until
from tests.service.test_stores import PostgreSQL

PROGRAMS = Path(pgserver.__file__).parent / "pginstall/bin"
SCHEMA = """
CREATE TABLE orders (id int PRIMARY KEY, note text NOT NULL CHECK (note <> ''));
CREATE TABLE outbox (position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, payload jsonb NOT NULL);
CREATE INDEX outbox_payload ON outbox (payload);
CREATE TABLE goose_db_version (id int PRIMARY KEY, version_id bigint NOT NULL, is_applied boolean NOT NULL);
INSERT INTO orders SELECT n, 'order ' || n FROM generate_series(1, 2000) AS n;
INSERT INTO outbox (payload) SELECT jsonb_build_object('n', n) FROM generate_series(1, 500) AS n;
INSERT INTO goose_db_version VALUES (0, 0, true), (1, 3, true);
"""
MIGRATE = """#!/bin/sh
echo "migrate $* $STORE ${DATABASE_URL%%[?]*}" >>"$CALLS"
exit "${MIGRATE_STATUS:-0}"
"""


class Site(Shell):
    """A service beside a server of its own, with the programs of that server on PATH."""

    def __init__(self, service: Path, place: Path, server: PostgreSQL) -> None:
        super().__init__(service, place)
        self.server = server
        self.temporary = place / "temporary"
        self.temporary.mkdir()
        for name in ("psql", "pg_dump", "pg_restore"):
            (self.fakes / name).symlink_to(PROGRAMS / name)
        self.sql("postgres", "CREATE DATABASE orders_service")
        self.sql("orders_service", SCHEMA)
        self.migration("00003_rules_of_old_rows.sql")
        (service / "build").mkdir()
        (service / "build/migrate").write_text(MIGRATE, encoding="utf-8")
        (service / "build/migrate").chmod(0o755)

    def migration(self, newest: str) -> None:
        """Let a migration be the newest that the checkout knows."""
        for path in (self.service / "migrations").glob("[0-9]*"):
            path.unlink()
        (self.service / "migrations" / newest).write_text("", encoding="utf-8")

    def address(self, database: str = "orders_service") -> str:
        """Give the address of a database."""
        return str(self.server.server.get_uri(database))

    def sql(self, database: str, statements: str) -> str:
        """Run statements and give what they print."""
        words = [str(PROGRAMS / "psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", self.address(database)]
        done = subprocess.run(words, input=statements, check=True, capture_output=True, text=True)
        return str(done.stdout).strip()

    def databases(self) -> set[str]:
        """Give the names of the databases, but for the server's own."""
        found = self.sql("postgres", "SELECT datname FROM pg_database")
        return set(found.split()) - {"postgres", "template0", "template1"}

    def call(self, script: str, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a script on the database of the service."""
        known = {"DATABASE_URL": self.address(), "TMPDIR": str(self.temporary), "ENVIRONMENT": "local"}
        return self.run(script, *words, **{**known, **environment})

    def backup(self) -> Path:
        """Make a backup."""
        done = self.call("backup")
        assert done.returncode == 0, done.stderr
        return Path(done.stdout.strip())

    def left(self) -> list[str]:
        """Give what lies in the folders where nothing unfinished may stay."""
        kept = self.service / "tmp"
        found = [*self.temporary.iterdir(), *kept.glob("*/.unfinished*"), *kept.glob("backup/*")]
        return sorted(path.name for path in found)

    def wrap(self, name: str, before: str = "", after: str = "") -> None:
        """Put commands around a program of PostgreSQL."""
        (self.fakes / name).unlink(missing_ok=True)
        self.fake(name, f'{before}\n"{PROGRAMS / name}" "$@" || exit\n{after}\n')


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgreSQL]:
    """Give a running server."""
    made = PostgreSQL(tmp_path_factory.mktemp("db"))
    yield made
    made.remove()


@pytest.fixture
def site(own_copy: Render, tmp_path: Path, server: PostgreSQL) -> Iterator[Site]:
    """Give a service with PostgreSQL, and some orders in it."""
    made = Site(own_copy(datastore="postgresql"), tmp_path, server)
    yield made
    for name in made.databases():
        made.sql("postgres", f"DROP DATABASE {name}")


def spoil(path: Path) -> None:
    """Change one byte in the middle of a file."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def agree(backup: Path) -> None:
    """Write the checksums of a backup anew, as who wants to deceive would."""
    names = ["about.txt", "contents.txt", "database.dump"]
    done = subprocess.run(["sha256sum", *names], cwd=backup, check=True, capture_output=True, text=True)
    (backup / "SHA256SUMS").write_text(done.stdout, encoding="utf-8")


@pytest.mark.slow
def test_what_was_backed_up_comes_back_row_by_row(site: Site) -> None:
    backup = site.backup()
    site.sql("orders_service", "DELETE FROM orders")

    done = site.call("restore", "-b", str(backup), "-d", "orders_restored")

    restored = site.sql("orders_restored", "SELECT count(*), min(note), max(note) FROM orders")
    assert done.returncode == 0, done.stderr
    assert restored == "2000|order 1|order 999"
    assert site.sql("orders_restored", "INSERT INTO outbox (payload) VALUES ('{}') RETURNING position") == "501"
    assert site.sql("orders_service", "SELECT count(*) FROM orders") == "0"
    assert sorted(path.name for path in backup.iterdir()) == [
        "SHA256SUMS",
        "about.txt",
        "contents.txt",
        "database.dump",
    ]
    assert {path.stat().st_mode & 0o077 for path in [backup, *backup.iterdir()]} == {0}
    assert sorted(path.suffix for path in (site.service / "tmp/log").glob("restore.*")) == [".err", ".out"]


@pytest.mark.slow
def test_archive_and_list_show_one_moment_while_others_write(site: Site) -> None:
    late = "psql -X -q -d orders_service -c \"INSERT INTO orders VALUES (9999, 'late')\""
    site.wrap("pg_dump", before=late)
    backup = site.backup()

    done = site.call("restore", "-b", str(backup), "-d", "orders_restored")

    assert done.returncode == 0, done.stderr
    assert site.sql("orders_service", "SELECT count(*) FROM orders") == "2001"
    assert site.sql("orders_restored", "SELECT count(*) FROM orders") == "2000"


@pytest.mark.slow
@pytest.mark.parametrize("part", ["about.txt", "contents.txt", "database.dump"])
def test_a_changed_byte_is_refused_by_the_name_of_the_file(part: str, site: Site) -> None:
    backup = site.backup()
    spoil(backup / part)

    done = site.call("restore", "-b", str(backup), "-d", "orders_restored")

    assert done.returncode == 1
    assert f"{backup}/{part} is not what was written: its checksum differs" in done.stderr
    assert site.databases() == {"orders_service"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sums", "told"), [("as they were", "its checksum differs"), ("anew", "cannot be read; nothing was changed")]
)
def test_a_truncated_archive_is_refused_even_with_a_checksum_that_fits(sums: str, told: str, site: Site) -> None:
    backup = site.backup()
    archive = backup / "database.dump"
    archive.write_bytes(archive.read_bytes()[:-2000])
    if sums == "anew":
        agree(backup)

    done = site.call("restore", "-b", str(backup), "-d", "orders_restored")

    assert done.returncode == 1
    assert told in done.stderr
    assert site.databases() == {"orders_service"}


@pytest.mark.slow
def test_a_part_that_is_missing_is_named(site: Site) -> None:
    backup = site.backup()
    (backup / "contents.txt").unlink()

    done = site.call("restore", "-b", str(backup), "-d", "orders_restored")

    assert done.returncode == 1
    assert f"{backup} is not whole: contents.txt is missing" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("loss", "told"),
    [
        ("DROP TABLE outbox", "table public.outbox is missing"),
        ("DELETE FROM orders WHERE id = 7", "table public.orders: 2000 in the backup, 1999 here"),
        ("UPDATE orders SET note = 'other' WHERE id = 7", "table public.orders: as many, with another content"),
        ("DROP INDEX outbox_payload", "index public.outbox_payload is missing"),
        ("CREATE TABLE extra ()", "table public.extra is not in the backup"),
        (
            "ALTER TABLE orders DROP CONSTRAINT orders_note_check",
            "constraint public.orders.orders_note_check is missing",
        ),
    ],
)
def test_what_a_restore_lost_or_changed_is_named_and_not_kept(loss: str, told: str, site: Site) -> None:
    backup = site.backup()
    site.wrap("pg_restore", after=f'case "$*" in *--dbname*) psql -X -q -d orders_restored -c "{loss}" ;; esac')

    done = site.call("restore", "-b", str(backup), "-d", "orders_restored")

    assert done.returncode == 1
    assert told in done.stderr
    assert "database orders_restored is not what was backed up" in done.stderr
    assert site.databases() == {"orders_service"}


@pytest.mark.slow
def test_a_backup_with_a_newer_schema_names_the_checkout_that_knows_it(site: Site) -> None:
    site.sql("orders_service", "INSERT INTO goose_db_version VALUES (2, 104, true)")
    backup = site.backup()

    done = site.call("restore", "-b", str(backup), "-d", "orders_restored")

    assert done.returncode == 1
    assert "has schema 104, this checkout knows 3: git checkout " in done.stderr
    assert site.databases() == {"orders_service"}


@pytest.mark.slow
def test_a_backup_with_an_older_schema_is_restored_and_told(site: Site) -> None:
    backup = site.backup()
    site.migration("00104_later.sql")

    done = site.call("restore", "-b", str(backup), "-d", "orders_restored")

    assert done.returncode == 0, done.stderr
    assert "its schema is 3, this checkout has 104: run migrate up on it" in done.stdout


@pytest.mark.slow
def test_a_database_that_holds_something_is_never_restored_into(site: Site) -> None:
    backup = site.backup()

    done = site.call("restore", "-b", str(backup), "-d", "orders_service")

    assert done.returncode == 1
    assert "database orders_service holds something" in done.stderr
    assert site.sql("orders_service", "SELECT count(*) FROM orders") == "2000"


@pytest.mark.slow
def test_an_empty_database_is_restored_into_and_stays_when_that_fails(site: Site) -> None:
    site.sql("postgres", "CREATE DATABASE orders_restored")
    backup = site.backup()
    site.wrap("pg_restore", before='case "$*" in *--dbname*) echo no room >&2; exit 1 ;; esac')
    failed = site.call("restore", "-b", str(backup), "-d", "orders_restored")
    kept = site.databases()
    site.wrap("pg_restore")

    done = site.call("restore", "-b", str(backup), "-d", "orders_restored")

    assert failed.returncode == 1
    assert kept == {"orders_service", "orders_restored"}
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_a_dry_restore_checks_everything_and_changes_nothing(site: Site) -> None:
    backup = site.backup()

    done = site.call("restore", "-b", str(backup), "-d", "orders_restored", "-n")

    assert done.returncode == 0, done.stderr
    assert "into database orders_restored, which is absent" in done.stdout
    assert site.databases() == {"orders_service"}


@pytest.mark.slow
def test_production_is_not_restored_into_where_nobody_can_be_asked(site: Site) -> None:
    backup = site.backup()

    refused = site.call("restore", "-b", str(backup), "-d", "orders_restored", "-e", "production")
    before = site.databases()
    agreed = site.call("restore", "-b", str(backup), "-d", "orders_restored", "-e", "production", "-y", CI="true")

    assert refused.returncode == 1
    assert "changes production" in refused.stderr
    assert before == {"orders_service"}
    assert agreed.returncode == 0, agreed.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("echo broken >&2; exit 1", "database orders_service could not be read; nothing was written"),
        (
            'for word in "$@"; do case $word in --file=*) printf PGDMP >"${word#--file=}" ;; esac; done',
            "what was written cannot be read back; nothing was kept",
        ),
    ],
    ids=["fails", "writes rubbish"],
)
def test_nothing_half_written_stays(body: str, told: str, site: Site) -> None:
    (site.fakes / "pg_dump").unlink()
    site.fake("pg_dump", f"{body}\n")

    done = site.call("backup")

    assert done.returncode != 0
    assert told in done.stderr
    assert site.left() == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "program", "while_it"),
    [
        ("backup", "pg_dump", "--snapshot"),
        ("restore", "pg_restore", "--dbname"),
        ("drill", "pg_restore", "--dbname"),
    ],
)
def test_an_interrupt_leaves_nothing_behind(script: str, program: str, while_it: str, site: Site) -> None:
    backup = site.backup()
    ready = site.temporary.parent / "ready"
    site.wrap(program, after=f'case "$*" in *{while_it}*) touch {ready}; sleep 60 ;; esac')
    words = {
        "backup": ["-o", str(site.temporary)],
        "restore": ["-b", str(backup), "-d", "orders_restored"],
        "drill": [],
    }
    path = os.pathsep.join([str(site.fakes), os.environ["PATH"]])
    known = {"PATH": path, "CALLS": str(site.calls), "DATABASE_URL": site.address(), "TMPDIR": str(site.temporary)}
    command = [str(site.service / "bin" / script), *words[script]]
    running = subprocess.Popen(command, env={**os.environ, **known}, start_new_session=True)
    until(ready.exists, f"{program} at work")

    os.killpg(running.pid, signal.SIGINT)
    status = running.wait(timeout=60)

    assert status == 130
    assert site.databases() == {"orders_service"}
    assert site.left() == [backup.name]


@pytest.mark.slow
def test_an_end_by_the_system_ends_the_tool_at_once_and_leaves_nothing_behind(site: Site) -> None:
    backup = site.backup()
    ready, ended = site.temporary.parent / "ready", site.temporary.parent / "ended"
    (site.fakes / "pg_restore").unlink()
    waits = f"trap 'touch {ended}; exit 1' TERM; touch {ready}; while :; do sleep 0.05; done"
    site.fake("pg_restore", f'case "$*" in *--dbname*) {waits} ;; esac\n')
    path = os.pathsep.join([str(site.fakes), os.environ["PATH"]])
    known = {"PATH": path, "CALLS": str(site.calls), "DATABASE_URL": site.address(), "TMPDIR": str(site.temporary)}
    command = [str(site.service / "bin/restore"), "-b", str(backup), "-d", "orders_restored"]
    running = subprocess.Popen(command, env={**os.environ, **known}, start_new_session=True)
    until(ready.exists, "pg_restore at work")

    running.terminate()
    status = running.wait(timeout=60)

    assert status == 143
    assert ended.exists()
    assert site.databases() == {"orders_service"}
    assert site.left() == [backup.name]


@pytest.mark.slow
def test_a_drill_restores_compares_asks_for_the_schema_and_leaves_a_record(site: Site) -> None:
    done = site.call("drill")

    records = list((site.service / "tmp/drill").iterdir())
    assert done.returncode == 0, done.stderr
    assert site.databases() == {"orders_service"}
    assert site.left() == []
    text = records[0].read_text(encoding="utf-8")
    assert "| Result | passed |" in text
    assert "| Schema | current |" in text
    assert "| table public.orders | 2000 |" in text
    assert site.called()[0].startswith("migrate status postgresql ")
    assert "/drill_" in site.called()[0]


@pytest.mark.slow
def test_make_drill_rehearses_with_the_processes_of_the_service(site: Site, services: Render) -> None:
    shutil.copytree(services(datastore="postgresql") / "migrations", site.service / "migrations", dirs_exist_ok=True)
    (site.service / "build/migrate").unlink()
    site.sql("postgres", "CREATE DATABASE orders")
    path = os.pathsep.join([str(PROGRAMS), os.environ["PATH"]])
    more = {"DATABASE_URL": site.address("orders"), "STORE": "postgresql", "PATH": path}
    for target in ("run-migrate", "run-seed"):
        make(site.service, target, **more)

    done = make(site.service, "drill", **more)

    assert done.returncode == 0, done.stdout + done.stderr
    record = next((site.service / "tmp/drill").iterdir()).read_text(encoding="utf-8")
    assert "| Result | passed |" in record
    assert "| Schema | current |" in record
    assert "| table public.orders | 3 |" in record
    assert site.databases() == {"orders_service", "orders"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("plant", "words", "told"),
    [
        ("DROP TABLE outbox", [], "failed: restore: restore: database drill_"),
        ("migrate", [], "failed: migrate status ended with 1"),
        ("slow", ["-t", "1"], "s, more than 1 s"),
        ("old", ["-a", "60"], "s old, more than 60 s"),
    ],
)
def test_a_drill_that_misses_its_goal_fails_and_records_why(
    plant: str, words: list[str], told: str, site: Site
) -> None:
    backup = site.backup()
    more = {"MIGRATE_STATUS": "1"} if plant == "migrate" else {}
    if plant == "old":
        about = (backup / "about.txt").read_text(encoding="utf-8")
        taken = next(line for line in about.splitlines() if line.startswith("taken_seconds="))
        (backup / "about.txt").write_text(about.replace(taken, "taken_seconds=1"), encoding="utf-8")
        agree(backup)
    if plant == "slow":
        site.wrap("pg_restore", before="sleep 2.1")
    if plant.startswith("DROP"):
        find = 'for word in "$@"; do case $word in --dbname=*) psql -X -q -d "${word#--dbname=}" '
        site.wrap("pg_restore", after=find + f'-c "{plant}" ;; esac; done')

    done = site.call("drill", "-b", str(backup), *words, **more)

    record = next((site.service / "tmp/drill").iterdir()).read_text(encoding="utf-8")
    assert done.returncode == 1
    assert told in record
    assert site.databases() == {"orders_service"}


@pytest.mark.slow
def test_no_password_is_seen_in_any_list_of_processes(site: Site) -> None:
    seen = site.temporary.parent / "seen"
    for name in ("psql", "pg_dump", "pg_restore"):
        site.wrap(name, before=f'printf \'%s\\n\' "$*" >>{seen}; cat "$PGSERVICEFILE" >>{seen}.service')
    address = site.address().replace("postgres:@", "postgres:s%2Fcret%40x@")

    done = site.call("backup", DATABASE_URL=address)

    assert done.returncode == 0, done.stderr
    assert "password=s/cret@x\n" in Path(f"{seen}.service").read_text(encoding="utf-8")
    assert "cret" not in seen.read_text(encoding="utf-8") + done.stdout + done.stderr


def test_a_drill_without_a_build_says_what_to_do(own_copy: Render, tmp_path: Path) -> None:
    shell = Shell(own_copy(datastore="postgresql"), tmp_path)

    done = shell.run("drill", DATABASE_URL="postgres://a:b@127.0.0.1:1/orders")

    assert done.returncode == 1
    assert "say: make build" in done.stderr


@pytest.fixture(params=["postgresql", "mongodb"])
def quiet(request: pytest.FixtureRequest, services: Render, tmp_path: Path) -> Shell:
    """Give a shell in a service of each datastore, where every program of a store is a fake."""
    shell = Shell(services(datastore=request.param), tmp_path)
    for tool in ("psql", "pg_dump", "pg_restore", "mongosh", "mongodump", "mongorestore"):
        shell.fake(tool)
    return shell


@pytest.mark.parametrize(
    ("script", "words", "url", "told"),
    [
        ("backup", ["more"], "", "argument 'more' is one too many"),
        ("backup", [], "", "DATABASE_URL is not set"),
        ("backup", [], "http://a/b", "DATABASE_URL is no address"),
        ("backup", [], "SCHEME://user:secret@host/a%2Fb", "DATABASE_URL names database"),
        ("restore", ["-d", "orders"], "SCHEME://h/a", "-b is missing"),
        ("restore", ["-b", "x"], "SCHEME://h/a", "-d is missing"),
        ("restore", ["-b", "x", "-d", "Orders; DROP"], "SCHEME://h/a", "database 'Orders; DROP'"),
        ("restore", ["-b", "x", "-d", "o" * 64], "SCHEME://h/a", "more than 63 characters"),
        ("restore", ["-b", "x", "-d", "orders", "-e", "qa"], "SCHEME://h/a", "environment 'qa'"),
        ("restore", ["-b", "/nowhere", "-d", "orders"], "SCHEME://h/a", "backup '/nowhere' is no folder"),
        ("drill", ["-t", "0"], "SCHEME://h/a", "-t '0' is not from 1 to 86400"),
        ("drill", ["-b", "/nowhere"], "SCHEME://h/a", "backup '/nowhere' is no folder"),
        ("drill", ["-Z"], "", "-Z is not an option"),
    ],
)
def test_a_wrong_input_ends_with_2_and_one_line_without_the_address(
    script: str, words: list[str], url: str, told: str, quiet: Shell
) -> None:
    scheme = "mongodb" if "mongodb" in (quiet.service / "bin/store.sh").read_text(encoding="utf-8") else "postgres"

    done = quiet.run(script, *words, DATABASE_URL=url.replace("SCHEME", scheme))

    assert done.returncode == 2
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "secret" not in done.stderr
    assert quiet.called() == []


@pytest.mark.parametrize("script", ["backup", "restore", "drill"])
def test_help_tells_how_to_call_a_script(script: str, quiet: Shell) -> None:
    done = quiet.run(script, "-h")

    assert done.returncode == 0
    assert f"usage: bin/{script}" in done.stdout


def test_without_a_datastore_there_is_nothing_to_back_up(services: Render) -> None:
    service = services(datastore="none")

    found = [name for name in ("backup", "restore", "drill", "recovery.sh") if (service / "bin" / name).exists()]

    assert found == []
    assert (
        "backup" not in subprocess.run(["make", "help"], cwd=service, check=True, capture_output=True, text=True).stdout
    )
