"""What tests do as callers and operators: migrate, place orders, list them, and read what the summaries hold."""

from __future__ import annotations

import json
import urllib.error
from threading import Event
from typing import Any
from uuid import uuid4

from tests.service.conftest import Answer, Process, Start

ITEM = {"sku": "KEEL-1", "quantity": 1, "unit_price_cents": 100}
ORDER = json.dumps({"customer_id": "c-1", "items": [ITEM]}).encode()


def migrate(start: Start, settings: dict[str, str], command: str, status: int = 0, **more: str) -> str:
    """Run a command of migrate to its end and give what it said."""
    process = start("migrate", command, **{**settings, **more})
    code = process.process.wait(60)
    said = process.log.read_text(encoding="utf-8")
    assert code == status, said
    return said


def place(api: Process, key: str | None = None, **more: str) -> Answer:
    """Place an order, with a key or without one."""
    headers = {"Content_Type": "application/json"} | ({"Idempotency_Key": key} if key else {}) | more
    return api.ask("/v1/orders", ORDER, **headers)


def listed(api: Process) -> list[dict[str, Any]]:
    """Give every order, page by page."""
    orders: list[dict[str, Any]] = []
    path = "/v1/orders?limit=100"
    while path:
        page = json.loads(api.ask(path).text)
        orders += page["orders"]
        path = f"/v1/orders?limit=100&cursor={page['next_cursor']}" if page["next_cursor"] else ""
    return orders


def summed(api: Process, orders: list[dict[str, Any]]) -> int:
    """Count what the summaries hold for the days of some orders, or give -1 while the api says 503."""
    days = {order["created_at"][:10] for order in orders}
    answers = [api.ask(f"/v1/summaries/daily?date={day}") for day in days]
    if any(answer.status == 503 for answer in answers):
        return -1
    return sum(int(json.loads(answer.text)["orders"]) for answer in answers)


def write_until(stopped: Event, api: Process) -> tuple[dict[str, str], set[str]]:
    """Place orders until the api is gone; give the accepted ones by key, and the keys that got no answer."""
    accepted: dict[str, str] = {}
    open_keys: set[str] = set()
    while not stopped.is_set():
        key = str(uuid4())
        try:
            answer = place(api, key)
        except (OSError, urllib.error.URLError):
            open_keys.add(key)
            break
        assert answer.status == 201, answer.text
        accepted[key] = json.loads(answer.text)["id"]
    return accepted, open_keys
