"""An issuer of tokens on the loopback interface: it publishes its keys, and signs what a test asks for."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

NAME, AUDIENCE = "https://id.test", "orders"
LIFETIME = 3600


class Issuer:
    """Signs with an RSA and an elliptic key, and publishes both.

    Attributes:
        environment: what lets a service take its tokens.
    """

    def __init__(self) -> None:
        self._rsa = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._ec = ec.generate_private_key(ec.SECP256R1())
        keys = {
            "keys": [
                {**RSAAlgorithm.to_jwk(self._rsa.public_key(), as_dict=True), "kid": "r", "use": "sig", "alg": "RS256"},
                {**ECAlgorithm.to_jwk(self._ec.public_key(), as_dict=True), "kid": "e", "use": "sig", "alg": "ES256"},
            ]
        }
        content = json.dumps(keys).encode()

        class Keys(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Keys)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.environment = {
            "AUTH_MODE": "jwt",
            "AUTH_ISSUER": NAME,
            "AUTH_AUDIENCE": AUDIENCE,
            "AUTH_JWKS_URL": f"http://127.0.0.1:{self._server.server_port}/keys",
        }

    def token(self, scope: str = "orders:read orders:write", *, algorithm: str = "ES256", **claims: Any) -> str:
        """Give a bearer token that is valid for an hour; a claim of `None` is left out."""
        stated = {
            "iss": NAME,
            "aud": AUDIENCE,
            "sub": "user-1",
            "scope": scope,
            "exp": time.time() + LIFETIME,
            **claims,
        }
        kept = {name: value for name, value in stated.items() if value is not None}
        key, identity = (self._ec, "e") if algorithm == "ES256" else (self._rsa, "r")
        signed: str = jwt.encode(kept, key, algorithm, headers={"kid": identity})
        return f"Bearer {signed}"

    def close(self) -> None:
        """Stop publishing."""
        self._server.shutdown()
        self._server.server_close()
