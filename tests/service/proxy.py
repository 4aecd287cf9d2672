"""A TCP proxy before a server that listens on a socket file: it can stall, refuse, and serve again."""

from __future__ import annotations

import contextlib
import socket
import threading
from pathlib import Path


class Proxy:
    """Hands bytes on, between clients on a loopback port and a server on a socket file.

    Attributes:
        port: where clients connect.
    """

    def __init__(self, upstream: Path) -> None:
        self._upstream = upstream
        self._flowing = threading.Event()
        self._flowing.set()
        self._refusing = False
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def stall(self) -> None:
        """Accept connections and keep them, and hand on nothing."""
        self._flowing.clear()

    def refuse(self) -> None:
        """Cut every connection, and each new one at once."""
        self._refusing = True
        self._cut()

    def serve(self) -> None:
        """Hand everything on again."""
        self._refusing = False
        self._flowing.set()

    def close(self) -> None:
        """Stop listening and cut every connection."""
        self._listener.close()
        self._flowing.set()
        self._cut()

    def _cut(self) -> None:
        for end in self._open:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self._open.clear()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self._refusing:
                    client.close()
                    continue
                server = socket.socket(socket.AF_UNIX)
                server.connect(str(self._upstream))
                self._open += [client, server]
                threading.Thread(target=self._pump, args=(client, server), daemon=True).start()
                threading.Thread(target=self._pump, args=(server, client), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self._flowing.wait()
                target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
