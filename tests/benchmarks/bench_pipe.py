"""Five notebook steps with papermill and with mvops; a run that finds nothing to do; what a step costs besides."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from many_models import write_project
from measure import Figure, Program, Row, Table, in_turns
from pipe_work import LIBRARIES, STEPS, write_work

_WORK = Path(__file__).with_name("pipe_work.py")
_KINDS = {"trivial": "", "pandas and scikit-learn in each": LIBRARIES}
_COMMANDS, _ONE, _OURS = "papermill, five calls of its command", "papermill, one process", "mvops"
_BARS = {"trivial": (_ONE, 3), "pandas and scikit-learn in each": (_COMMANDS, 8)}
_NOTHING = "`mvops run`, every step from the cache"
_MOST_NOTHING = 0.35  # seconds
_MOST_OVERHEAD = 0.020  # seconds for each step


def table(folder: Path) -> Table:
    """Three runs of each that runs notebooks, nine of the run that does not."""
    programs = {}
    for kind, libraries in _KINDS.items():
        place = write_work(folder / kind.partition(" ")[0], libraries)
        programs[_name(_COMMANDS, kind)] = Program(["sh", "-c", _five_calls()], place)
        programs[_name(_ONE, kind)] = Program([sys.executable, _WORK, "papermill", place], place)
        programs[_name(_OURS, kind)] = Program([sys.executable, _WORK, "mvops", place], place)
    found = in_turns(programs, rounds=3)
    again = [str(Path(sys.executable).with_name("mvops")), "run", "customer_000"]
    nothing = in_turns({_NOTHING: Program(again, write_project(folder / "project", 1))}, rounds=9)[_NOTHING]
    overhead = float(subprocess.check_output([sys.executable, _WORK, "overhead", folder / "trivial"]))
    return Table(
        title="Pipeline",
        about=f"{STEPS} notebook steps, the whole process. Papermill runs {STEPS} notebooks; mvops runs {STEPS} steps "
        "of one, each in a kernel of its own, hands on what they make and keeps it. Nothing comes from the cache but "
        "in the last row: there a model's notebook has two steps, the run is evaluated, and remembered with all that "
        "it looked at; the next one looks at all of that again, and is recorded.",
        heads=("what", "s", "CPU s", "times as long as mvops"),
        rows=[*_rows(found), _nothing(nothing)],
        notes=[_overhead(overhead)],
        versions={"papermill": version("papermill"), "ipykernel": version("ipykernel")},
    )


def _name(what: str, kind: str) -> str:
    return f"{what}: {kind}"


def _five_calls() -> str:
    program = shlex.quote(str(Path(sys.executable).with_name("papermill")))
    return " && ".join(
        f"{program} --no-progress-bar step_{number}.ipynb made_{number}.ipynb" for number in range(STEPS)
    )


def _rows(found: Mapping[str, Figure]) -> list[Row]:
    rows = []
    for kind, (peer, times) in _BARS.items():
        ours = found[_name(_OURS, kind)].seconds
        for what in (_COMMANDS, _ONE, _OURS):
            figure = found[_name(what, kind)]
            cells = (_name(what, kind), f"{figure.seconds:.2f}", f"{figure.cpu:.2f}", f"{figure.seconds / ours:.1f}")
            bar = (f"mvops at most {_part(times)} of it", figure.seconds >= times * ours) if what == peer else ()
            rows.append(Row(cells, *bar))
    return rows


def _part(times: int) -> str:
    return {3: "a third", 8: "an eighth"}[times]


def _nothing(figure: Figure) -> Row:
    cells = (_NOTHING, f"{figure.seconds:.2f}", f"{figure.cpu:.2f}", "")
    return Row(cells, f"at most {_MOST_NOTHING} s", figure.seconds <= _MOST_NOTHING)


def _overhead(seconds: float) -> str:
    kept = "met" if seconds <= _MOST_OVERHEAD else "**not met**"
    return (
        f"Bookkeeping, which is the time of a run in which no step's notebook is run, is {1000 * seconds:.0f} ms for "
        f"each step; the bar is {1000 * _MOST_OVERHEAD:.0f} ms: {kept}. It is that of the second and later runs of a "
        "process: the first also imports papermill."
    )
