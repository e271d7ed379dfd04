"""`mvops --help` and `--version` beside a bare Typer app's."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path

from measure import Program, Row, Table, in_turns

_BAR = 1.4


def table(folder: Path) -> Table:
    """Fifteen runs of each."""
    bare = [sys.executable, str(Path(__file__).with_name("bare_app.py")), "--help"]
    mvops = [str(Path(sys.executable).with_name("mvops"))]
    found = in_turns(
        {
            "a bare Typer app, `--help`": Program(bare, folder),
            "`mvops --help`": Program([*mvops, "--help"], folder),
            "`mvops --version`": Program([*mvops, "--version"], folder),
        },
        rounds=15,
    )
    base, *ours = found.items()
    rows = [Row((base[0], f"{base[1].seconds:.3f}", f"{base[1].cpu:.3f}", f"{base[1].megabytes:.0f}", "1"))]
    for name, figure in ours:
        ratio = figure.cpu / base[1].cpu
        cells = (name, f"{figure.seconds:.3f}", f"{figure.cpu:.3f}", f"{figure.megabytes:.0f}", f"{ratio:.2f}")
        rows.append(Row(cells, f"at most {_BAR} times the bare app", ratio <= _BAR))
    return Table(
        title="Command line",
        about="The bare app has two commands and no colours; mvops has some 45 commands. Compared is the CPU time: "
        "both wait for nothing, so that seconds differ by what else the machine does.",
        heads=("command", "s", "CPU s", "MB", "times the bare app"),
        rows=rows,
        versions={"Typer": version("typer")},
    )
