"""A load test as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mvops.usecases.loadtest import Tested

_BUSY = 0.8  # of a core; from here on the asking itself may be what is slow


def report_lines(model: str, tested: Tested) -> Iterator[str]:
    """What was measured, and how much that says."""
    report = tested.report
    asked = f"{report.requests} requests in {report.seconds:.1f} s by {report.clients} clients"
    yield f"{model} on {report.url}: {report.per_second:.0f} requests/s ({asked})"
    if report.p50_ms is not None:
        yield (
            f"  latency  p50 {report.p50_ms:.1f} ms  p95 {report.p95_ms:.1f} ms  p99 {report.p99_ms:.1f} ms"
            f"  longest {report.longest_ms:.1f} ms"
        )
    kinds = ", ".join(f"{count} x {kind}" for kind, count in report.errors.items())
    yield f"  errors   {report.error_rate:.2%}" + (f" ({kinds})" if kinds else "")
    if report.client_busy >= _BUSY:
        yield f"  asking took {report.client_busy:.0%} of a core: the endpoint may answer more than this could ask"


def report_json(model: str, tested: Tested) -> dict[str, Any]:
    """The report and its verdict."""
    found: dict[str, Any] = tested.report.model_dump()
    return {"model": model, **found, "error_rate": tested.report.error_rate, "broken": list(tested.broken)}
