"""A request that a test holds open: it is sent in two parts, and its answer read when the test wants it."""

from __future__ import annotations

import http.client
import socket

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = "00f067aa0ba902b7"


class Held:
    """An order of which the second half is still to come.

    Attributes:
        trace: the id of the trace that the caller has begun, as hexadecimal digits.
        parent: the id of the caller's span in it.
    """

    trace, parent = TRACE, CALLER

    def __init__(self, address: str, body: bytes) -> None:
        host, port = address.rsplit(":", 1)
        self._half = len(body) // 2
        self._body = body
        self._socket = socket.create_connection((host, int(port)), timeout=60)
        head = (
            f"POST /v1/orders HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\ntraceparent: 00-{TRACE}-{CALLER}-01\r\n\r\n"
        )
        self._socket.sendall(head.encode() + body[: self._half])

    def send_rest(self) -> None:
        """Send what is still to come."""
        self._socket.sendall(self._body[self._half :])

    def answer(self) -> tuple[int, dict[str, str], str]:
        """Wait for the answer and give its status, headers and text.

        Raises:
            OSError: the connection was cut.
            http.client.HTTPException: it ended without an answer.
        """
        response = http.client.HTTPResponse(self._socket)
        response.begin()
        return response.status, dict(response.headers), response.read().decode()

    def close(self) -> None:
        """Hang up."""
        self._socket.close()
