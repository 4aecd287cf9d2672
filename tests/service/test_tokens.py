"""Who may do what, from outside: tokens that a real issuer could have signed, against the built api."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.service.conftest import Process, Start
from tests.service.issuer import AUDIENCE, Issuer

pytestmark = pytest.mark.slow
ORDER = b'{"customer_id":"c-1","items":[{"sku":"KEEL-1","quantity":2,"unit_price_cents":1250}]}'


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """Give an issuer of tokens."""
    made = Issuer()
    yield made
    made.close()


@pytest.fixture
def api(start: Start, issuer: Issuer) -> Process:
    """Give an api that takes the issuer's tokens."""
    return start("api", **issuer.environment).ready()


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
def test_a_token_opens_what_its_scope_names(api: Process, issuer: Issuer, algorithm: str) -> None:
    reads = issuer.token("orders:read", algorithm=algorithm)
    writes = issuer.token("orders:write", algorithm=algorithm)

    statuses = [
        api.ask("/v1/orders", Authorization=reads).status,
        api.ask("/v1/orders", Authorization=writes).status,
        api.ask("/v1/orders", ORDER, Content_Type="application/json", Authorization=writes).status,
        api.ask("/v1/orders", ORDER, Content_Type="application/json", Authorization=reads).status,
    ]

    assert statuses == [200, 403, 201, 403]


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": time.time() - 3600},
        {"exp": None},
        {"nbf": time.time() + 3600},
        {"iss": "https://evil.test"},
        {"iss": None},
        {"aud": "billing"},
        {"aud": None},
        {"sub": None},
    ],
    ids=["expired", "for ever", "not yet", "other issuer", "no issuer", "other audience", "no audience", "nobody"],
)
def test_a_token_that_states_something_else_is_refused(api: Process, issuer: Issuer, claims: dict[str, Any]) -> None:
    answer = api.ask("/v1/orders", Authorization=issuer.token(**claims))

    assert answer.status == 401, answer.text
    assert answer.headers["Www-Authenticate"] == 'Bearer error="invalid_token"'


def test_a_token_of_another_issuer_with_the_same_names_is_refused(api: Process) -> None:
    other = Issuer()

    answers = [api.ask("/v1/orders", Authorization=other.token(algorithm=one)).status for one in ("ES256", "RS256")]

    other.close()
    assert answers == [401, 401]


def test_a_write_is_audited_without_the_name_and_the_token(api: Process, issuer: Issuer) -> None:
    token = issuer.token(sub="anna@example.com", aud=[AUDIENCE, "other"])

    placed = api.ask("/v1/orders", ORDER, Content_Type="application/json", Authorization=token)

    api.stop()
    log = api.log.read_text(encoding="utf-8")
    audited = [line for line in map(json.loads, log.splitlines()) if line["msg"] == "Write audited"]
    assert [(one["status"], one["resource"]) for one in audited] == [(201, placed.headers["Location"])]
    assert len(audited[0]["caller"]) == 16
    assert "anna" not in log
    assert token.split()[1] not in log


def test_keys_that_were_fetched_outlive_the_issuer(api: Process, issuer: Issuer) -> None:
    token = issuer.token()
    before = api.ask("/v1/orders", Authorization=token).status

    issuer.close()

    assert (before, api.ask("/v1/orders", Authorization=token).status) == (200, 200)


def test_while_no_key_was_ever_fetched_callers_are_asked_to_come_back(start: Start, issuer: Issuer) -> None:
    api = start("api", **{**issuer.environment, "AUTH_JWKS_URL": "http://127.0.0.1:9/keys"}).ready()

    answer = api.ask("/v1/orders", Authorization=issuer.token())

    assert answer.status == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert api.operate("/readyz").status == 200
