"""What a gate said, as text."""

from __future__ import annotations

from mvops.lifecycle.compare import Comparison
from mvops.lifecycle.gate import GateReport
from mvops.show.table import Table, printable, table_lines


def gate_lines(report: GateReport) -> list[str]:
    """The verdict, then a line for each condition: whether it holds, the condition, and why."""
    lines = [f"gate {'passed' if report.passed else 'refused'}: {printable(report.sentence)}"]
    width = max((len(printable(check.text)) for check in report.checks), default=0)
    for check in report.checks:
        mark = "pass" if check.passed else "FAIL"
        lines.append(f"  {mark}  {printable(check.text):<{width}}  {printable(check.sentence)}")
    return lines


def comparison_lines(comparison: Comparison) -> list[str]:
    """Both models' metrics side by side with the interval of the difference, or why they cannot be compared."""
    if not comparison.comparable:
        return [printable(comparison.reason)]
    rows = [
        (name, found.champion, found.challenger, f"{found.difference:+.4f}", _interval(found.low, found.high))
        for name, found in comparison.differences.items()
    ]
    titles = ("metric", "champion", "challenger", "difference", "95 % interval")
    return [printable(comparison.reason), *(f"  {line}" for line in table_lines(Table(titles, rows)))]


def _interval(low: float | None, high: float | None) -> str | None:
    return None if low is None or high is None else f"{low:+.4f} to {high:+.4f}"
