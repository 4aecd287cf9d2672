"""The first minute, for real: generate the default service from a git URL, build it, start it, use it, stop it."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from slipway.report import Paint, colours
from slipway.template.picture import terminal

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
PATIENCE = 30.0
ORDER = {"customer_id": "c-1", "items": [{"sku": "KEEL-1", "quantity": 2, "unit_price_cents": 1250}]}


class DemoError(RuntimeError):
    """A step of the demo did not do what it must; the message says which and what it showed."""


@dataclass
class Screen:
    """Shows each step with its time, and remembers what was shown."""

    lines: list[str] = field(default_factory=list)
    paint: Paint = field(default_factory=lambda: Paint(on=colours(sys.stdout)))

    def show(self, took: str, text: str) -> None:
        """Print one line: the time, and what was done."""
        self.lines.append(f"{took:>8}  {text}")
        sys.stdout.write(f"{self.paint('dim', f'{took:>8}')}  {text}\n")
        sys.stdout.flush()

    @contextmanager
    def step(self, text: str) -> Iterator[Callable[[str], None]]:
        """Time a step; what it hands to the function replaces its text."""
        said = [text]
        started = time.perf_counter()
        yield said.append
        took = time.perf_counter() - started
        self.show(f"{took:.2f} s" if took >= 1 else f"{took * 1000:.0f} ms", said[-1])


def run(*command: str, folder: Path, **environment: str) -> str:
    """Run a command and give what it prints.

    Raises:
        DemoError: it failed; the message holds the end of what it said.
    """
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **environment}, check=False, capture_output=True, text=True
    )
    if done.returncode:
        message = f"{' '.join(command)} ended with {done.returncode}:\n{(done.stdout + done.stderr)[-2000:]}"
        raise DemoError(message)
    return done.stdout


def free_address() -> str:
    """Give a loopback address with a port that is free now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{listener.getsockname()[1]}"


def ask(url: str, body: object = None) -> tuple[int, str]:
    """Send a request to this machine and give status and text."""
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(url, data=data, headers={"Content-Type": "application/json"})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310  -- loopback, over HTTP
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def until(what: str, holds: Callable[[], Any]) -> Any:
    """Ask again until something holds.

    Raises:
        DemoError: it did not hold in time.
    """
    limit = time.monotonic() + PATIENCE
    while time.monotonic() < limit:
        try:
            if found := holds():
                return found
        except (OSError, ValueError, KeyError):
            pass
        time.sleep(0.02)
    message = f"{what} did not happen within {PATIENCE:.0f} s"
    raise DemoError(message)


def generate(screen: Screen) -> Path:
    """Generate the default service from this repository's git URL."""
    service = BUILD / "orders-service"
    shutil.rmtree(service, ignore_errors=True)
    BUILD.mkdir(exist_ok=True)
    config = BUILD / "cookiecutter.yml"
    folders = {"cookiecutters_dir": str(BUILD / "templates"), "replay_dir": str(BUILD / "replay")}
    config.write_text(json.dumps(folders), encoding="utf-8")
    with screen.step("") as say:
        command = [sys.executable, "-m", "cookiecutter", f"git+{ROOT.as_uri()}", "--no-input", "-o", str(BUILD)]
        printed = run(*command, "--config-file", str(config), folder=BUILD, SLIPWAY_GIT="1")
        checked = next(
            (line.split(None, 1)[1] for line in printed.splitlines() if line.strip().startswith("checked")), ""
        )
        files = sum(path.is_file() for path in service.rglob("*") if ".git" not in path.parts)
        say(f"cookiecutter <URL>: {files} files; {checked}")
    return service


def use(screen: Screen, service: Path) -> None:
    """Build the service, start it, place an order, read it back, and stop it."""
    with screen.step("make build: api, worker, migrate, pipeline"):
        run("make", "build", folder=service)
    public, admin = free_address(), free_address()
    log = (BUILD / "api.log").open("w", encoding="utf-8")
    environment = {**os.environ, "HTTP_ADDR": public, "ADMIN_ADDR": admin}
    process = None
    try:
        with screen.step("build/api: started with nothing configured but free ports; ready"):
            process = subprocess.Popen(
                [service / "build" / "api"], cwd=service, env=environment, stdout=log, stderr=log
            )
            until("readiness", lambda: ask(f"http://{admin}/readyz")[0] == 200)  # noqa: PLR2004
        converse(screen, f"http://{public}", f"http://{admin}")
        with screen.step("SIGTERM: drained, closed, exit 0"):
            process.send_signal(signal.SIGTERM)
            status = process.wait(PATIENCE)
            if status:
                message = f"the api ended with {status}; its log is {BUILD / 'api.log'}"
                raise DemoError(message)
    finally:
        log.close()
        if process and process.poll() is None:
            process.kill()
            process.wait()


def converse(screen: Screen, public: str, admin: str) -> None:
    """Place an order, read it and the day's summary, and scrape a metric."""
    with screen.step("") as say:
        status, text = ask(f"{public}/v1/orders", ORDER)
        if status != 201:  # noqa: PLR2004
            message = f"POST /v1/orders answered {status}: {text}"
            raise DemoError(message)
        order = json.loads(text)
        say(f"POST /v1/orders: 201, total_cents {order['total_cents']}")
    with screen.step("GET /v1/orders/{id}: the same order"):
        if json.loads(ask(f"{public}/v1/orders/{order['id']}")[1]) != order:
            message = "the order that was read is not the one that was placed"
            raise DemoError(message)
    with screen.step("") as say:
        day = datetime.now(timezone.utc).date().isoformat()
        address = f"{public}/v1/summaries/daily?date={day}"
        summary = until("the daily summary", lambda: (found := json.loads(ask(address)[1]))["orders"] and found)
        say(f"GET /v1/summaries/daily: {summary['orders']} order, revenue_cents {summary['revenue_cents']}")
    with screen.step("") as say:
        metrics = ask(f"{admin}/metrics")[1].splitlines()
        say("GET /metrics: " + next(line for line in metrics if line.startswith("orders_placed_total")))


def main() -> int:
    """Run the demo; with --picture also draw what it showed."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--picture", type=Path, help="write the screen there, as SVG")
    options = parser.parse_args()
    screen = Screen()
    if not (ROOT / ".git").exists():
        sys.stderr.write(
            "make demo generates from a git URL, and this folder is no git checkout: clone the repository\n"
        )
        return 1
    try:
        service = generate(screen)
        use(screen, service)
    except DemoError as error:
        sys.stderr.write(f"{screen.paint('red', 'the demo stopped:')} {error}\n")
        return 1
    sys.stdout.write(
        f"\nThe service is in {service.relative_to(ROOT)}. Look around: cd {service.relative_to(ROOT)} && make\n"
    )
    if options.picture:
        options.picture.write_text(terminal("make demo", screen.lines), encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
