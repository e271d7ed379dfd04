"""Writes docs/benchmarks.md: every `bench_*.py` beside this file is a section. `nox -s bench` runs it.

`python tests/benchmarks plan registry` prints some sections and writes nothing.
"""

from __future__ import annotations

import importlib
import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from measure import Row, Table

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "benchmarks.md"
HEAD = """\
# Benchmarks

*This page is written by `nox -s bench` from `tests/benchmarks`, a file for each section.*

Every figure is the median of runs that took turns with those that they are compared with: seconds differ from machine
to machine, the ratios within one run much less. A load average above 1 says that others had the cores too: then seconds
are long, and CPU seconds are what a program needed. mvops and its peers were byte-compiled first, as pip does.
"""


def main(chosen: list[str]) -> None:
    """Measure, and write the page."""
    names = [path.stem.removeprefix("bench_") for path in sorted(HERE.glob("bench_*.py"))]
    tables = [_table(name) for name in names if not chosen or name in chosen]
    page = "\n".join([HEAD, *_machine(tables), *(line for table in tables for line in _section(table))])
    if chosen:
        sys.stdout.write(page)
    else:
        PAGE.write_text(page, encoding="utf-8")


def _table(name: str) -> Table:
    sys.stderr.write(f"measuring: {name}\n")
    with tempfile.TemporaryDirectory(prefix="mvops-bench-") as folder:
        found: Table = importlib.import_module(f"bench_{name}").table(Path(folder))
    return found


def _machine(tables: list[Table]) -> Iterator[str]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    versions = {"Python": platform.python_version(), "mvops": version("mvops")}
    for table in tables:
        versions |= table.versions
    busy = f"load average {os.getloadavg()[2]:.1f}"  # of fifteen minutes: above 1, others had the cores too
    yield f"Measured on {datetime.now(UTC):%d %B %Y}: {os.cpu_count()} cores, {memory:.0f} GB, {_system()}, {busy}."
    yield f"Versions: {', '.join(f'{name} {number}' for name, number in versions.items())}."
    yield ""


def _system() -> str:
    told = platform.freedesktop_os_release().get("PRETTY_NAME", "") if sys.platform == "linux" else ""
    return told or platform.system()


def _section(table: Table) -> Iterator[str]:
    yield f"## {table.title}\n"
    yield f"{table.about}\n"
    yield f"| {' | '.join((*table.heads, 'bar', ''))} |"
    yield f"|{'---|' * (len(table.heads) + 2)}"
    for row in table.rows:
        yield f"| {' | '.join((*row.cells, row.bar, _verdict(row)))} |"
    yield ""
    yield from (f"{note}\n" for note in table.notes)


def _verdict(row: Row) -> str:
    return "" if row.kept is None else "met" if row.kept else "**not met**"


if __name__ == "__main__":
    main(sys.argv[1:])
