"""What holds of a Go service alone; what holds of every language is in tests/service."""

from __future__ import annotations

import re

import pytest

from tests.conftest import Render
from tests.languages import needs_go
from tests.service.conftest import Process, make

pytestmark = [pytest.mark.slow, needs_go]
FUZZED = """package health_test

import "testing"

func FuzzPlanted_2(f *testing.F) {
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1 {
			t.Error(text)
		}
	})
}
"""


def test_the_coverage_gate_can_fail(own_copy: Render) -> None:
    done = make(own_copy(datastore="none"), "coverage", COVERAGE_MINIMUM="100")

    assert done.returncode != 0
    assert "want 100%" in done.stdout


def test_every_parser_is_fuzzed_and_a_defect_is_found(own_copy: Render) -> None:
    service = own_copy(datastore="none")
    (service / "internal/platform/health/planted_test.go").write_text(FUZZED, encoding="utf-8")

    done = make(service, "fuzz", FUZZ_TIME="3000x")

    assert done.returncode != 0
    assert "internal/adapters/httpapi" in done.stdout
    assert "FuzzPlanted_2" in done.stdout


def test_the_hot_path_is_measured_with_its_allocations(own_copy: Render) -> None:
    done = make(own_copy(datastore="none"), "bench", BENCH_TIME="1x")

    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^BenchmarkAPI/read.* allocs/op$", done.stdout, re.MULTILINE), done.stdout
    assert re.search(r"^BenchmarkAPI/write.* allocs/op$", done.stdout, re.MULTILINE), done.stdout


def test_the_admin_port_offers_profiles_only_when_it_is_asked_to(own_copy: Render) -> None:
    service = own_copy(datastore="none")
    assert make(service, "build").returncode == 0
    plain, profiled = Process(service, "api"), Process(service, "api", PPROF_ENABLED="true")

    statuses = [one.ready().operate("/debug/pprof/").status for one in (plain, profiled)]
    public = profiled.ask("/debug/pprof/").status

    assert (statuses, public) == ([404, 200], 404)
    assert (plain.stop(), profiled.stop()) == (0, 0)
