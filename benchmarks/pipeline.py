"""Stream orders through the pipeline of a generated service and measure what it holds.

The rows come from a generator through the standard input, so that only the pipeline's own files take up disk. Every
hundredth row is sent twice, far apart. The result is compared with what the generator summed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DAYS = 30
REPEATED = 100
BLOCK = 10_000
PRIME = 982_451_653


def row(number: int) -> bytes:
    """Give the order of a number as a line; the digits of its id jump about, so that nothing comes sorted."""
    jumbled = number * PRIME % (1 << 40)
    return (
        b'{"order_id":"order-%011x","customer_id":"customer-%06d","placed_at":"2026-11-%02dT%02d:15:00Z",'
        b'"items":[{"sku":"KEEL-%d","quantity":%d,"unit_price_cents":%d}]}\n'
    ) % (jumbled, number % 999_983, number % DAYS + 1, number % 24, number % 1000, number % 9 + 1, number % 5000 + 1)


def blocks(rows: int) -> Iterator[bytes]:
    """Give the lines in blocks; the repeated ones at the end."""
    for start in range(0, rows, BLOCK):
        yield b"".join(map(row, range(start, min(start + BLOCK, rows))))
    for start in range(0, rows, BLOCK * REPEATED):
        yield b"".join(map(row, range(start, min(start + BLOCK * REPEATED, rows), REPEATED)))


def expected(rows: int) -> tuple[int, int]:
    """Give how many orders there are and their revenue in cents, without going through the rows one by one."""
    period = 45_000  # of both the quantity and the price
    whole = [(number % 9 + 1) * (number % 5000 + 1) for number in range(period)]
    return rows, sum(whole) * (rows // period) + sum(whole[: rows % period])


def build(place: Path) -> Path:
    """Render a service that needs no server, build its pipeline, and give the binary."""
    subprocess.run(
        [sys.executable, "-m", "cookiecutter", "--no-input", "-o", str(place), str(ROOT), "datastore=none"],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    service = next(path for path in place.iterdir() if path.is_dir())
    subprocess.run(["go", "build", "-o", "build/", "./cmd/pipeline"], cwd=service, check=True)
    return service / "build" / "pipeline"


def held(process: int) -> int:
    """Give the most that a process has held so far, in KiB; `wait4` would count what its parent held at the fork."""
    text = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    return next((int(line.split()[1]) for line in text.splitlines() if line.startswith("VmHWM:")), 0)


def measure(binary: Path, output: Path, rows: int, **settings: str) -> dict[str, float]:
    """Send the rows to the pipeline and give its peak memory, its time and its rate, or raise if the sums are wrong."""
    begun = time.perf_counter()
    environment = {"PIPELINE_INPUT": "-", "PIPELINE_OUTPUT": str(output), **settings}
    process = subprocess.Popen([binary], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, env=environment)
    assert process.stdin is not None  # noqa: S101  -- it is a pipe
    sent = peak = 0
    for block in blocks(rows):
        process.stdin.write(block)
        sent += len(block)
        peak = max(peak, held(process.pid))
    process.stdin.close()
    while not os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG):
        peak = max(peak, held(process.pid))
        time.sleep(0.005)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - begun
    days = json.loads((output / "current" / "daily_summaries.json").read_text(encoding="utf-8"))["days"]
    summed = (sum(day["orders"] for day in days), sum(day["revenue_cents"] for day in days))
    if status or summed != expected(rows):
        message = f"the pipeline ended with {status} and summed {summed}, not {expected(rows)}"
        raise RuntimeError(message)
    return {
        "rows": rows + -(-rows // REPEATED),
        "mib": sent / 2**20,
        "peak_mib": peak / 1024,
        "seconds": seconds,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "rows_per_second": rows / seconds,
    }


def main() -> None:
    """Measure once or for several numbers of rows and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--limit", default="", help="GOMEMLIMIT of the process, such as 96MiB")
    parser.add_argument("--most", type=float, default=128.0, help="fail above this peak, in MiB")
    parser.add_argument("--binary", type=Path, help="a pipeline that is built already")
    given = parser.parse_args()
    settings = {"GOMEMLIMIT": given.limit} if given.limit else {}
    place = Path(tempfile.mkdtemp(prefix="slipway-pipeline-"))
    print(f"{'rows':>12} {'input MiB':>10} {'peak MiB':>9} {'s':>7} {'CPU s':>7} {'rows/s':>9}")
    try:
        binary = given.binary or build(place)
        for rows in given.rows:
            got = measure(binary, place / "output", rows, **settings)
            print(
                f"{got['rows']:>12.0f} {got['mib']:>10.0f} {got['peak_mib']:>9.1f} {got['seconds']:>7.1f}"
                f" {got['cpu_seconds']:>7.1f} {got['rows_per_second']:>9.0f}"
            )
            shutil.rmtree(place / "output")
            if got["peak_mib"] > given.most:
                sys.exit(f"the pipeline held {got['peak_mib']:.1f} MiB, want at most {given.most} MiB")
    finally:
        shutil.rmtree(place)


if __name__ == "__main__":
    main()
