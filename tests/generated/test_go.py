"""What holds of a Go service alone; what holds of every language is in tests/service."""

from __future__ import annotations

import pytest

from tests.conftest import Render
from tests.languages import needs_go
from tests.service.conftest import Process, make

pytestmark = [pytest.mark.slow, needs_go]


def test_the_linter_refuses_a_domain_that_imports_outward(own_copy: Render) -> None:
    service = own_copy(datastore="none")
    source = service / "internal/domain/order/outward.go"
    source.write_text('package order\n\nimport "net/http"\n\nvar _ = http.MethodGet\n', encoding="utf-8")

    done = make(service, "lint-code")

    assert done.returncode != 0
    assert "depguard" in done.stdout


def test_the_admin_port_offers_profiles_only_when_it_is_asked_to(own_copy: Render) -> None:
    service = own_copy(datastore="none")
    assert make(service, "build").returncode == 0
    plain, profiled = Process(service, "api"), Process(service, "api", PPROF_ENABLED="true")

    statuses = [one.ready().operate("/debug/pprof/").status for one in (plain, profiled)]
    public = profiled.ask("/debug/pprof/").status

    assert (statuses, public) == ([404, 200], 404)
    assert (plain.stop(), profiled.stop()) == (0, 0)
