"""Our api beside a bare net/http handler and beside podinfo, on one machine and under one load.

Run it with: make bench-service. Each subject is started alone, on one processor of its own; vegeta has the others.
Rounds take turns, so that a drift of the machine meets all of them, and medians are shown; a round in which a request
failed is run again. Two loads: as much as the subject can answer, and a steady rate below that, the same for all. Only
under the second do the times of answers mean something, and the processor time of a request: waking a client that waits
costs a server more than answering one that is busy.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PODINFO = "github.com/stefanprodan/podinfo/cmd/podinfo@v1.8.1-0.20250910200901-e86405a8674e"
ORDER = b'{"customer_id":"c-1","items":[{"sku":"KEEL-1","quantity":2,"unit_price_cents":1250}]}'
CONNECTIONS = 16
TICKS = os.sysconf("SC_CLK_TCK")
GOAL = 0.8
OK = 200
PATIENCE = 20.0
TRIES = 4


class FailedError(RuntimeError):
    """A request failed; the message says which and how."""


@dataclass
class Round:
    """What one round of one subject showed: rates in requests a second, times in milliseconds, memory in MiB."""

    ready: float
    idle: float
    rate: float
    microseconds: float
    allocations: float
    p50: float
    p99: float
    loaded: float


@dataclass
class Subject:
    """A program that answers reads.

    Attributes:
        name: for the table.
        command: how it is started, given its public and its admin port.
        path: what is read, given the public port; it may place an order first.
        ready: the path that answers 200 once it serves, and whether the admin port serves it.
        environment: more variables.
    """

    name: str
    command: Callable[[int, int], list[str]]
    path: Callable[[int], str]
    ready: tuple[str, bool]
    environment: Callable[[int, int], dict[str, str]] = lambda _public, _admin: {}
    rounds: list[Round] = field(default_factory=list)


def free_port() -> int:
    """Give a port that is free now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def pinned(*processors: int) -> list[str]:
    """Give what keeps a command on some processors, where that can be asked for."""
    return ["taskset", "-c", ",".join(map(str, processors))] if shutil.which("taskset") else []


def answers(url: str) -> bool:
    """Tell whether an address answers 200."""
    try:
        with urllib.request.urlopen(url, timeout=1) as answer:  # noqa: S310  -- loopback
            return int(answer.status) == OK
    except OSError:
        return False


def text_of(url: str) -> str:
    """Give what an address answers."""
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310  -- loopback
        return str(answer.read().decode())


def placed(port: int) -> str:
    """Place an order at our api, and give its path."""
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/orders", data=ORDER, headers=headers)
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310  -- loopback
        return f"/v1/orders/{json.load(answer)['id']}"


def resident(process: int) -> float:
    """Give the resident memory of a process."""
    status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    return int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) / 1024


def worked(process: int) -> float:
    """Give how many seconds of a processor a process has used."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def mallocs(port: int) -> float:
    """Give how many objects a subject has allocated."""
    metrics = text_of(f"http://127.0.0.1:{port}/metrics")
    return float(re.findall(r"^go_memstats_mallocs_total (\S+)$", metrics, re.MULTILINE)[0])


class Generator:
    """vegeta, one process for each of its processors."""

    def __init__(self, binary: Path, place: Path, processors: list[int]) -> None:
        self.binary, self.place, self.processors = binary, place, processors

    def load(self, url: str, seconds: int, rate: int) -> dict[str, float]:
        """Load an address, with a rate or, where that is 0, with as much as it answers; times in milliseconds."""
        targets = self.place / "targets"
        targets.write_text(f"GET {url}\n", encoding="utf-8")
        files = [self.place / f"results-{number}" for number in range(len(self.processors))]
        share = [f"-rate={rate // len(files)}", f"-workers={CONNECTIONS}"]
        bound = [] if rate else [f"-max-workers={CONNECTIONS}"]
        running = [
            subprocess.Popen([*pinned(one), self.binary, "attack", f"-targets={targets}", *share, *bound, *to])
            for one, to in zip(
                self.processors, ([f"-duration={seconds}s", f"-output={file}"] for file in files), strict=True
            )
        ]
        if any(process.wait() for process in running):
            message = "vegeta failed"
            raise RuntimeError(message)
        done = subprocess.run([self.binary, "report", "-type=json", *files], check=True, capture_output=True, text=True)
        seen = json.loads(done.stdout)
        if seen["success"] != 1:
            message = f"{url} failed: {seen['status_codes']} {seen['errors'][:3]}"
            raise FailedError(message)
        times = seen["latencies"]
        return {"requests": seen["requests"], "p50": times["50th"] / 1e6, "p99": times["99th"] / 1e6}


@contextmanager
def running(subject: Subject, log: Path, public: int, admin: int) -> Iterator[tuple[int, float]]:
    """Start a subject and give its process and how long it took to be ready."""
    path, at_admin = subject.ready
    address = f"http://127.0.0.1:{admin if at_admin else public}{path}"
    environment = {
        "PATH": os.environ["PATH"],
        "GOMAXPROCS": "1",
        "HOME": str(log.parent),
        **subject.environment(public, admin),
    }
    with log.open("wb") as stream:
        started = time.perf_counter()
        process = subprocess.Popen(
            [*pinned(0), *subject.command(public, admin)], env=environment, stdout=stream, stderr=stream
        )
        try:
            while not answers(address):
                if process.poll() is not None or time.perf_counter() - started > PATIENCE:
                    message = f"{subject.name} did not start: {log.read_text(encoding='utf-8')[-2000:]}"
                    raise RuntimeError(message)
                time.sleep(0.0005)
            yield process.pid, (time.perf_counter() - started) * 1000
        finally:
            process.kill()
            process.wait()


def measure(subject: Subject, generator: Generator, seconds: int, rate: int) -> Round:
    """Run one round of a subject."""
    public, admin = free_port(), free_port()
    with running(subject, generator.place / "log", public, admin) as (process, ready):
        url = f"http://127.0.0.1:{public}{subject.path(public)}"
        time.sleep(0.3)
        idle = resident(process)
        generator.load(url, 1, 0)
        most = generator.load(url, seconds, 0)
        before, used = mallocs(admin), worked(process)
        steady = generator.load(url, seconds, rate)
        used, after = worked(process) - used, mallocs(admin)
        return Round(
            ready=ready,
            idle=idle,
            rate=most["requests"] / seconds,
            microseconds=used / steady["requests"] * 1e6,
            allocations=(after - before) / steady["requests"],
            p50=steady["p50"],
            p99=steady["p99"],
            loaded=resident(process),
        )


def measured(subject: Subject, generator: Generator, seconds: int, rate: int) -> Round:
    """Run one round of a subject, again where a request failed: a machine that stands still for seconds does that."""
    for _ in range(TRIES - 1):
        try:
            return measure(subject, generator, seconds, rate)
        except FailedError as error:
            sys.stdout.write(f"again: {error}\n")
    return measure(subject, generator, seconds, rate)


def build(place: Path) -> tuple[Path, Path, Path, Path]:
    """Build the four programs: our api as it is generated, the bare handler, podinfo, vegeta."""
    command = [sys.executable, "-m", "cookiecutter", "--no-input", "-o", str(place), str(ROOT), "datastore=none"]
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, "SLIPWAY_GIT": "0"})
    service = place / "orders-service"
    subprocess.run(["make", "build"], cwd=service, check=True, capture_output=True)
    vegeta = ["go", "build", "-modfile=tools/go.mod", "-o", str(place), "github.com/tsenart/vegeta/v12"]
    subprocess.run(vegeta, cwd=service, check=True)
    trim = ["go", "build", "-trimpath", "-ldflags=-s -w", "-o", str(place / "bare"), "main.go"]
    subprocess.run(trim, cwd=ROOT / "benchmarks" / "bare", check=True)
    subprocess.run(["go", "install", PODINFO], check=True, capture_output=True, env={**os.environ, "GOBIN": str(place)})
    return service / "build" / "api", place / "bare", place / "podinfo", place / "vegeta"


def subjects(api: Path, bare: Path, podinfo: Path, sink: int) -> list[Subject]:
    """Give what is measured, the limit first."""

    def ours(public: int, admin: int) -> dict[str, str]:
        limits = {"RATE_LIMIT_PER_SECOND": "1000000", "RATE_LIMIT_BURST": "1000000"}
        return {"HTTP_ADDR": f"127.0.0.1:{public}", "ADMIN_ADDR": f"127.0.0.1:{admin}", **limits}

    def alone(public: int, admin: int) -> list[str]:
        return [str(bare), f"127.0.0.1:{public}", f"127.0.0.1:{admin}"]

    def quiet(public: int, admin: int) -> dict[str, str]:
        return {**ours(public, admin), "LOG_LEVEL": "warn"}

    def peer(public: int, admin: int) -> list[str]:
        return [str(podinfo), f"--port={public}", f"--port-metrics={admin}", "--host=127.0.0.1", "--ui-path=."]

    exported = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{sink}"}
    known, read, ready = "/v1/orders/4711", ("/v1/orders/4711", False), ("/readyz", True)
    return [
        Subject("bare net/http", alone, lambda _: known, read, lambda *_: {"GOGC": "400"}),
        Subject("ours", lambda *_: [str(api)], placed, ready, ours),
        Subject("ours, exporting by OTLP", lambda *_: [str(api)], placed, ready, lambda *at: {**ours(*at), **exported}),
        Subject("ours, LOG_LEVEL=warn", lambda *_: [str(api)], placed, ready, quiet),
        Subject("podinfo", peer, lambda _: "/api/info", ("/readyz", False)),
    ]


COLUMNS: dict[str, Callable[[dict[str, float], dict[str, float]], str]] = {
    "requests a second at most": lambda one, _: f"{one['rate']:,.0f}",
    "of bare": lambda one, bare: f"{one['rate'] / bare['rate']:.2f}",
    "processor a request": lambda one, _: f"{one['microseconds']:.1f} us",
    "bare of it": lambda one, bare: f"{bare['microseconds'] / one['microseconds']:.2f}",
    "allocations a request": lambda one, _: f"{one['allocations']:.0f}",
    "p50": lambda one, _: f"{one['p50']:.2f} ms",
    "p99": lambda one, _: f"{one['p99']:.2f} ms",
    "ready after": lambda one, _: f"{one['ready']:.0f} ms",
    "memory idle": lambda one, _: f"{one['idle']:.0f} MiB",
    "memory loaded": lambda one, _: f"{one['loaded']:.0f} MiB",
}


def middle(subject: Subject) -> dict[str, float]:
    """Give the median of each figure."""
    return {name: statistics.median(getattr(one, name) for one in subject.rounds) for name in Round.__annotations__}


def table(measured: list[Subject]) -> str:
    """Write the medians as a Markdown table, the first subject as the limit."""
    limit = middle(measured[0])
    lines = [["", *COLUMNS], ["---"] * (len(COLUMNS) + 1)]
    lines += [[one.name, *(write(middle(one), limit) for write in COLUMNS.values())] for one in measured]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="rounds of each subject")
    parser.add_argument("--seconds", type=int, default=3, help="how long each load lasts")
    parser.add_argument("--rate", type=int, default=4000, help="the steady load, in requests a second")
    arguments = parser.parse_args()
    processors = sorted(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        api, bare, podinfo, vegeta = build(place)
        generator = Generator(vegeta, place, processors[1:] or processors)
        sink = free_port()
        collector = subprocess.Popen(
            [*pinned(processors[-1]), bare, f"127.0.0.1:{free_port()}", f"127.0.0.1:{sink}"], env={"GOMAXPROCS": "1"}
        )
        try:
            beside = subjects(api, bare, podinfo, sink)
            for number in range(arguments.rounds):
                for subject in beside:
                    subject.rounds.append(measured(subject, generator, arguments.seconds, arguments.rate))
                    sys.stdout.write(f"round {number + 1}, {subject.name}: {subject.rounds[-1]}\n")
                    sys.stdout.flush()
        finally:
            collector.kill()
            collector.wait()
        sys.stdout.write(f"\n{table(beside)}\n\n{arguments.rounds} rounds, steady rate {arguments.rate}/s\n")
        sys.stdout.write(f"goal: ours at {GOAL} of bare\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
