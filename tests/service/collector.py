"""A stand-in for an OpenTelemetry collector: it takes spans by OTLP over HTTP and reads what the tests ask about."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

LENGTH_DELIMITED, VARINT = 2, 0
WIDTHS = {1: 8, 5: 4}


class Span(NamedTuple):
    """A span: the ids as hexadecimal digits, the parent's empty when there is none."""

    name: str
    trace: str
    identity: str
    parent: str


class Collector:
    """Takes what is sent to it and keeps it.

    Attributes:
        address: where it listens, for `OTEL_EXPORTER_OTLP_ENDPOINT`.
        environment: what makes a service send it every trace.
    """

    def __init__(self) -> None:
        self._received: list[tuple[str, bytes]] = []
        received = self._received

        class Receiver(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = _body(self)
                packed = self.headers.get("Content-Encoding") == "gzip"
                received.append((self.path, gzip.decompress(body) if packed else body))
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        self.environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": self.address, "OTEL_TRACES_SAMPLER_ARG": "1"}

    def spans(self) -> list[Span]:
        """Give every span that arrived: TracesData holds ResourceSpans (1), those ScopeSpans (2), those Spans (2)."""
        return [
            Span(_text(fields, 5), _digits(fields, 1), _digits(fields, 2), _digits(fields, 4))
            for path, body in list(self._received)
            if path == "/v1/traces"
            for resource in _within(body, 1)
            for scope in _within(resource, 2)
            for fields in map(_fields, _within(scope, 2))
        ]

    def holds(self, signal: str, text: str) -> bool:
        """Tell whether a text arrived with a signal: traces, metrics or logs."""
        return any(path == f"/v1/{signal}" and text.encode() in body for path, body in list(self._received))

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


def _body(request: BaseHTTPRequestHandler) -> bytes:
    if request.headers.get("Transfer-Encoding") != "chunked":
        return request.rfile.read(int(request.headers["Content-Length"]))
    body = b""
    while size := int(request.rfile.readline(), 16):
        body += request.rfile.read(size)
        request.rfile.readline()
    request.rfile.readline()
    return body


def _fields(message: bytes) -> list[tuple[int, bytes]]:
    return list(_read(message))


def _read(message: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        number, kind = tag >> 3, tag & 7
        if kind == VARINT:
            _, at = _varint(message, at)
            continue
        size = WIDTHS.get(kind, 0)
        if kind == LENGTH_DELIMITED:
            size, at = _varint(message, at)
            yield number, message[at : at + size]
        at += size


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at += 1
        shift += 7
        if byte < 0x80:
            return value, at


def _within(message: bytes, number: int) -> list[bytes]:
    return [content for found, content in _read(message) if found == number]


def _text(fields: list[tuple[int, bytes]], number: int) -> str:
    return next((content.decode() for found, content in fields if found == number), "")


def _digits(fields: list[tuple[int, bytes]], number: int) -> str:
    return next((content.hex() for found, content in fields if found == number), "")
