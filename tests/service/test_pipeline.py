"""The batch pipeline as a process: files, pipes, signals and exit codes, no word of the language."""

from __future__ import annotations

import hashlib
import json
import os
import pty
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.pipeline import measure
from tests.service.conftest import PATIENCE, until

pytestmark = pytest.mark.slow
MIB = 2**20


def order(name: str, **changes: object) -> str:
    """Give an order as a line."""
    item = {"sku": "KEEL-1", "quantity": 2, "unit_price_cents": 1250}
    whole = {"order_id": name, "customer_id": "c-1", "placed_at": "2026-11-18T08:15:00Z", "items": [item], **changes}
    return json.dumps(whole) + "\n"


GOOD = (
    order("A-1") + order("A-2", placed_at="2026-11-19T01:15:00+02:00") + order("A-3", placed_at="2026-11-19T08:15:00Z")
)
SERVED = [
    {"date": "2026-11-18", "orders": 2, "revenue_cents": 5000},
    {"date": "2026-11-19", "orders": 1, "revenue_cents": 2500},
]


class Batch:
    """The pipeline of a built service with an input and an output folder of its own."""

    def __init__(self, binary: Path, place: Path) -> None:
        self.binary = binary
        self.input = place / "orders.ndjson"
        self.output = place / "output"
        self.started: list[subprocess.Popen[bytes]] = []

    def start(self, **settings: Any) -> subprocess.Popen[bytes]:
        """Start a run; `stdin` and the like go to the process, all else into its environment."""
        plumbing = {name: settings.pop(name) for name in ("stdin", "stderr") if name in settings}
        environment = {"PIPELINE_INPUT": str(self.input), "PIPELINE_OUTPUT": str(self.output), **settings}
        process = subprocess.Popen([self.binary], env=environment, stdout=subprocess.PIPE, **plumbing)
        self.started.append(process)
        return process

    def run(self, text: str | bytes | None = None, **settings: str) -> tuple[int, list[dict[str, Any]]]:
        """Run to the end over a text and give the exit code and the log lines."""
        if text is not None:
            self.input.write_bytes(text.encode() if isinstance(text, str) else text)
        process = self.start(**settings)
        output, _ = process.communicate(timeout=PATIENCE)
        return process.returncode, [json.loads(line) for line in output.splitlines()]

    def days(self) -> Any:
        """Give the days that are served."""
        return json.loads((self.output / "current" / "daily_summaries.json").read_text(encoding="utf-8"))["days"]

    def lineage(self, run: str = "current") -> Any:
        """Give the lineage of a run."""
        return json.loads((self.output / run / "lineage.json").read_text(encoding="utf-8"))

    def runs(self) -> list[str]:
        """Give the names of the runs, the oldest first."""
        return sorted(os.listdir(self.output / "runs"))

    def work(self) -> list[Path]:
        """Give what runs have not finished."""
        return list(self.output.glob(".work-*"))


@pytest.fixture
def batch(built: Callable[[str], Path], tmp_path: Path) -> Iterator[Batch]:
    """Give a pipeline; what it started is ended after the test."""
    made = Batch(built("none") / "build" / "pipeline", tmp_path)
    yield made
    for process in made.started:
        if process.poll() is None:
            process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream and not stream.closed:
                stream.close()


def test_the_result_and_its_lineage_are_served_together(batch: Batch) -> None:
    code, lines = batch.run(GOOD)

    lineage = batch.lineage()
    summaries = (batch.output / "current" / "daily_summaries.json").read_bytes()
    assert code == 0
    assert batch.days() == SERVED
    assert lineage["input"] == {
        "name": "orders.ndjson",
        "bytes": len(GOOD),
        "sha256": hashlib.sha256(GOOD.encode()).hexdigest(),
    }
    assert lineage["outputs"][0]["sha256"] == hashlib.sha256(summaries).hexdigest()
    assert (batch.output / lineage["raw_file"]).read_text(encoding="utf-8") == GOOD
    assert lineage["rows"] == {"read": 3, "accepted": 3, "duplicates": 0, "rejected": 0}
    assert lineage["transform_version"] == json.loads(summaries)["transform_version"] == lines[-1]["transform"]
    assert lineage["started_at"] < lineage["ended_at"]
    assert batch.work() == []


def test_the_log_goes_from_stage_to_stage(batch: Batch) -> None:
    _, lines = batch.run(GOOD)

    assert [line["msg"] for line in lines] == [
        "Running pipeline",
        "Ingesting rows",
        "Rows ingested",
        "Transforming rows",
        "Rows transformed",
        "Publishing run",
        "Run published",
        "Pipeline run",
    ]
    assert all({"time", "level", "trace_id", "span_id"} <= set(line) for line in lines)


def test_a_second_run_serves_the_same_bytes(batch: Batch) -> None:
    batch.run(GOOD)
    first = batch.lineage(), (batch.output / "current" / "daily_summaries.json").read_bytes()

    code, _ = batch.run()

    second = batch.lineage(), (batch.output / "current" / "daily_summaries.json").read_bytes()
    assert code == 0
    assert second[1] == first[1]
    assert {name for name in first[0] if first[0][name] != second[0][name]} == {"run", "started_at", "ended_at"}
    assert len(batch.runs()) == 2


def test_shuffled_and_repeated_lines_serve_the_same_days(batch: Batch) -> None:
    lines = GOOD.splitlines(keepends=True)

    code, said = batch.run("".join([*reversed(lines), *lines]))

    assert code == 0
    assert batch.days() == SERVED
    assert said[-1]["rows"] == {"read": 6, "accepted": 3, "duplicates": 3, "rejected": 0}


@pytest.mark.parametrize(
    ("bad", "rule"),
    [
        (order("X")[:40].encode(), "schema"),
        (b'{"order_id":"' + b"x" * (3 * MIB), "schema"),
        (b"\xff\xfe\n", "schema"),
        (b"\x00\n", "schema"),
        (b"[" * (MIB // 2), "schema"),
        (order("X", customer_id=None).encode(), "not_null"),
        (order("X", placed_at="yesterday").encode(), "format"),
        (order("X", items=[{"sku": "A", "quantity": 0, "unit_price_cents": 1}]).encode(), "range"),
        (order("A-1", customer_id="c-2").encode(), "conflict"),
    ],
)
def test_a_critical_fault_exits_with_3_names_its_line_and_keeps_what_was_served(
    bad: bytes, rule: str, batch: Batch
) -> None:
    batch.run(GOOD)
    served = (batch.output / "current").readlink()

    code, lines = batch.run(GOOD.encode() + bad)

    broken = {one["rule"]: one["lines"] for one in batch.lineage(f"runs/{lines[-1]['run']}")["rules"] if one["count"]}
    assert code == 3
    assert broken == {rule: [4]}
    assert lines[-1]["msg"] == "Failed to run pipeline"
    assert f"{rule} in 1 rows, lines 4 (" in lines[-1]["error"]
    assert len(lines[-1]["error"]) < 500
    assert (batch.output / "current").readlink() == served
    assert batch.work() == []


def test_shares_and_the_catalogue_decide_what_is_refused(batch: Batch, tmp_path: Path) -> None:
    catalogue = tmp_path / "catalogue.txt"
    catalogue.write_text("SAIL-3\n", encoding="utf-8")

    tolerated, _ = batch.run(GOOD + "{\n", PIPELINE_MAX_REJECTED_SHARE="0.25")
    repeated, _ = batch.run(GOOD + GOOD, PIPELINE_MAX_WARNING_SHARE="0.4")
    unknown, _ = batch.run(GOOD, PIPELINE_CATALOGUE=str(catalogue))
    empty, _ = batch.run("")

    assert (tolerated, repeated, unknown, empty) == (0, 3, 3, 3)


def test_a_byte_order_mark_crlf_and_no_last_newline_are_fine(batch: Batch) -> None:
    code, _ = batch.run("\ufeff" + GOOD.replace("\n", "\r\n").rstrip())

    assert code == 0
    assert batch.days() == SERVED


def test_what_cannot_be_read_or_written_exits_with_1_and_names_the_variable_or_the_path(
    batch: Batch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    cases = {
        "PIPELINE_INPUT": {"PIPELINE_INPUT": str(tmp_path / "none")},
        "is a folder": {"PIPELINE_INPUT": str(tmp_path)},
        "PIPELINE_CATALOGUE": {"PIPELINE_CATALOGUE": str(tmp_path / "none")},
        "input/output error": {"PIPELINE_INPUT": "/proc/self/mem"},
        "output folder": {"PIPELINE_OUTPUT": str(tmp_path / "file")},
        "create output folder": {"PIPELINE_OUTPUT": "/proc/output"},
    }

    told = {what: batch.run(GOOD, **settings) for what, settings in cases.items()}

    for what, (code, lines) in told.items():
        assert code == 1, what
        assert what in lines[-1]["error"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write and read everywhere")
def test_missing_permission_exits_with_1(batch: Batch, tmp_path: Path) -> None:
    batch.output.mkdir(mode=0o500)
    unwritable, _ = batch.run(GOOD)
    batch.input.chmod(0)

    unreadable, _ = batch.run(PIPELINE_OUTPUT=str(tmp_path / "other"))

    assert (unwritable, unreadable) == (1, 1)


def test_wrong_variables_exit_with_2_and_are_all_named(batch: Batch) -> None:
    wrong = {"PIPELINE_MAX_REJECTED_SHARE": "2", "PIPELINE_KEEP_RUNS": "0", "PIPELINE_SORT_MEMORY_BYTES": "all"}
    batch.input.write_text(GOOD, encoding="utf-8")
    process = batch.start(stderr=subprocess.PIPE, **wrong)

    _, errors = process.communicate(timeout=PATIENCE)

    assert process.returncode == 2
    assert all(name in errors.decode() for name in wrong)
    assert not batch.output.exists()


def test_a_signal_in_the_middle_exits_with_4_and_leaves_nothing(batch: Batch) -> None:
    batch.run(GOOD)
    served = (batch.output / "current").readlink()
    process = batch.start(PIPELINE_INPUT="-", PIPELINE_SORT_MEMORY_BYTES="65536", stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write("".join(order(f"B-{number}") for number in range(20_000)).encode())
    process.stdin.flush()
    until(lambda: [path for work in batch.work() for path in work.glob("sales-*")], "the first spill")

    process.send_signal(signal.SIGTERM)

    assert process.wait(PATIENCE) == 4
    assert batch.work() == []
    assert (batch.output / "current").readlink() == served
    assert batch.days() == SERVED
    assert len(batch.runs()) == 1


def test_a_pipe_that_nobody_writes_to_does_not_hold_up_a_signal(batch: Batch, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    process = batch.start(PIPELINE_INPUT=str(fifo))
    until(batch.work, "the work folder")

    process.send_signal(signal.SIGINT)

    assert process.wait(PATIENCE) == 4
    assert batch.work() == []


def test_a_run_that_is_killed_leaves_no_half_result_and_the_next_one_sweeps(batch: Batch) -> None:
    batch.run(GOOD)
    process = batch.start(PIPELINE_INPUT="-", stdin=subprocess.PIPE)
    until(batch.work, "the work folder")
    busy, busy_lines = batch.run(order("C-1"))

    process.kill()
    process.wait(PATIENCE)

    assert busy == 1
    assert "another run" in busy_lines[-1]["error"]
    assert len(batch.work()) == 1
    assert batch.days() == SERVED
    assert batch.run(order("C-1"))[0] == 0
    assert batch.work() == []
    assert batch.days() == [{"date": "2026-11-18", "orders": 1, "revenue_cents": 2500}]


@pytest.mark.parametrize(
    "moment",
    ["Running pipeline", "Ingesting rows", "Rows ingested", "Transforming rows", "Rows transformed", "Publishing run"],
)
def test_killed_at_any_moment_the_current_result_is_whole(moment: str, batch: Batch) -> None:
    batch.run(GOOD)
    batch.input.write_text("".join(order(f"B-{number}") for number in range(5_000)), encoding="utf-8")
    process = batch.start(PIPELINE_SORT_MEMORY_BYTES="65536")
    assert process.stdout is not None
    next(line for line in process.stdout if json.loads(line)["msg"] == moment)

    process.kill()
    process.wait(PATIENCE)

    lineage = batch.lineage()
    summaries = (batch.output / "current" / lineage["outputs"][0]["name"]).read_bytes()
    assert hashlib.sha256(summaries).hexdigest() == lineage["outputs"][0]["sha256"]
    assert batch.run(GOOD)[0] == 0
    assert batch.days() == SERVED


def test_old_runs_and_their_inputs_go(batch: Batch) -> None:
    for number in range(5):
        assert batch.run(order(f"A-{number}"), PIPELINE_KEEP_RUNS="2")[0] == 0

    assert len(batch.runs()) == 2
    assert len(os.listdir(batch.output / "raw")) == 2
    assert (batch.output / "current").readlink().as_posix() == f"runs/{batch.runs()[-1]}"


def test_a_long_run_logs_where_it_is_and_paints_on_a_terminal(batch: Batch) -> None:
    batch.input.write_text("".join(order(f"B-{number}") for number in range(150_000)), encoding="utf-8")
    leader, follower = pty.openpty()
    process = batch.start(PIPELINE_PROGRESS_INTERVAL="100ms", stderr=follower)
    output, _ = process.communicate(timeout=PATIENCE)
    os.close(follower)

    painted = os.read(leader, 100_000).decode()
    os.close(leader)

    messages = [json.loads(line)["msg"] for line in output.splitlines()]
    assert process.returncode == 0
    assert messages.count("Ingesting rows") > 1
    assert "\r\x1b[Kingest: " in painted
    assert painted.endswith("\r\x1b[K")


def test_memory_does_not_grow_with_the_input(batch: Batch) -> None:
    small = measure(batch.binary, batch.output / "small", 10_000, PIPELINE_SORT_MEMORY_BYTES="1048576")

    large = measure(batch.binary, batch.output / "large", 400_000, PIPELINE_SORT_MEMORY_BYTES="1048576")

    assert large["mib"] > 60
    assert large["peak_mib"] < 32
    assert large["peak_mib"] < small["peak_mib"] + 12
