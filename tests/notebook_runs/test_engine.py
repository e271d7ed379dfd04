"""One notebook in a kernel of its own: the ways in which it can end, and that nothing is left."""

from __future__ import annotations

import os
import re
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mvops.notebook import kernel_client, processes
from mvops.notebook.engine import Execution

Run = Callable[..., Execution]


def outputs(execution: Execution) -> list[list[str]]:
    return [
        ["".join(o.get("text") or o.get("data", {}).get("text/plain", "")) for o in cell["outputs"]]
        for cell in execution.notebook["cells"]
    ]


def test_a_notebook_runs_in_its_folder_and_its_record_is_complete(
    execute_cells: Run, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    seen: list[tuple[int, int]] = []
    execution = execute_cells(
        "import os\nprint(os.getcwd())\nos.system('echo loud')",
        "40 + 2",
        ("raises-exception", "1 / 0"),
        "import time\nfor i in range(3):\n    print(i, end='\\r', flush=True)\n    time.sleep(0.3)\nprint('x')",
        "%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()",
        on_cell=lambda done, total: seen.append((done, total)),
    )
    assert execution.failure is None
    text = outputs(execution)
    assert str(tmp_path) in text[0][0]
    assert text[1] == ["42"]
    assert text[2] == ["ZeroDivisionError: division by zero\n"]
    assert "image/png" in str(execution.notebook["cells"][4]["outputs"])
    assert text[3] == ["x\n"]
    assert seen == [(n, 5) for n in range(1, 6)]
    assert execution.notebook["metadata"]["papermill"]["exception"] is None
    assert {cell["metadata"]["papermill"]["status"] for cell in execution.notebook["cells"]} == {"completed"}
    assert capfd.readouterr() == ("", "")


def test_an_exception_is_found_with_its_line(execute_cells: Run) -> None:
    execution = execute_cells("def f():\n    raise ValueError('no\\nway')", "a = 1\nf()", "never = 1")
    failure = execution.failure
    assert failure is not None
    assert (failure.kind, failure.name, failure.message) == ("exception", "ValueError", "no")
    assert (failure.cell, failure.line, failure.line_number) == (1, "f()", 2)
    assert len(execution.notebook["cells"]) == 3
    assert execution.notebook["cells"][2]["execution_count"] is None
    assert b"ValueError" in execution.as_bytes()


@pytest.mark.parametrize(
    ("code", "cause"),
    [("import os\nos._exit(3)", "exit code 3"), ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "SIGKILL")],
)
def test_a_dying_kernel_is_told_within_seconds(execute_cells: Run, code: str, cause: str) -> None:  # N1
    began: list[float] = []
    execution = execute_cells("x = 1", code, on_cell=lambda *_: began.append(time.monotonic()))
    assert time.monotonic() - began[0] < 5
    assert execution.failure is not None
    assert execution.failure.kind == "died"
    assert execution.failure.cell == 1
    assert cause in execution.failure.message
    states = [cell["metadata"]["papermill"]["status"] for cell in execution.notebook["cells"]]
    assert states == ["completed", "failed"]


STUBBORN = """
import os, signal, subprocess, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen(["setsid", "sleep", "600"])
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(600)
while True:
    time.sleep(1)
"""


def test_at_the_time_limit_everything_is_killed(execute_cells: Run) -> None:  # N2
    execution = execute_cells("x = 1", STUBBORN, limit=6.0, mark=f"stubborn-kernel-{os.getpid()}")
    assert execution.failure is not None
    assert (execution.failure.kind, execution.failure.cell) == ("timeout", 1)
    assert execution.seconds < 10
    assert processes.marked(f"stubborn-kernel-{os.getpid()}") == []


FORKS = """
import os, time
shared = b"x" * 150_000_000
for _ in range(3):
    if os.fork() == 0:
        time.sleep({seconds})
        os._exit(0)
{then}
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is looked at in /proc")
def test_memory_is_that_of_all_processes_and_what_they_share_counts_once(execute_cells: Run) -> None:
    mark = f"large-kernel-{os.getpid()}"
    execution = execute_cells(FORKS.format(seconds=2, then="time.sleep(2)"), memory=500_000_000)
    assert execution.failure is None
    child = "import time; a = b'x' * 600_000_000; time.sleep(600)"
    code = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {child!r}])"
    execution = execute_cells("x = 1", code, memory=500_000_000, mark=mark)
    assert execution.failure is not None
    assert (execution.failure.kind, execution.failure.cell) == ("memory", 1)
    assert re.fullmatch(r"it took [56]\d\d MB of memory, and `pipeline.memory` is 500MB", execution.failure.message)
    assert "MemoryLimit: it took" in execution.as_bytes().decode()
    assert processes.marked(mark) == []


def test_what_a_notebook_leaves_running_is_killed(execute_cells: Run) -> None:
    code = "import subprocess\nsubprocess.Popen(['setsid', 'sleep', '600'])\nprint('started')"
    execution = execute_cells(code, mark=f"leaving-kernel-{os.getpid()}")
    assert execution.failure is None
    assert processes.marked(f"leaving-kernel-{os.getpid()}") == []


def test_an_interrupt_kills_the_kernel(execute_cells: Run) -> None:
    def interrupt(*_: Any) -> None:
        threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()

    with pytest.raises(KeyboardInterrupt):
        execute_cells("x = 1", STUBBORN, mark=f"interrupted-kernel-{os.getpid()}", on_cell=interrupt)
    assert processes.marked(f"interrupted-kernel-{os.getpid()}") == []


def test_output_is_kept_up_to_a_limit(execute_cells: Run) -> None:  # N3
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    execution = execute_cells(
        "for i in range(50_000):\n    print('x' * 50)",
        "print('y' * 200_000_000)",
        "for i in range(3_000):\n    display(i)",
        "print('next')",
    )
    assert execution.failure is None
    lines, huge, displays, following = outputs(execution)
    for text in (lines, huge):
        assert sum(map(len, text)) < 2_100_000
        assert "the rest of this cell's output is not kept" in text[-1]
    assert len(displays) == 2001
    assert "the rest of this cell's output is not kept" in displays[-1]
    assert following == ["next\n"]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024  # KiB


def test_nothing_shown_is_lost_while_the_system_gives_us_no_time(
    execute_cells: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernel_client, "_LATE_OUTPUT", 600)  # nothing is waited for that was lost
    execution = execute_cells(
        "import os, signal, time\n"
        "os.kill(os.getppid(), signal.SIGSTOP)\n"  # what runs this test
        "for i in range(1_900):\n    display('x' * 1_000)\n"
        "time.sleep(1)\n"
        "os.kill(os.getppid(), signal.SIGCONT)\n",
        "print('next')",
    )
    displays, following = outputs(execution)
    assert (len(displays), following) == (1_900, ["next\n"])
    assert execution.seconds < 300


def test_a_kernel_goes_when_its_owner_is_killed(tmp_path: Path) -> None:  # N4
    script = (
        "import sys, time\nsys.path[:0] = {path!r}\nfrom pathlib import Path\n"
        "from mvops.notebook.engine import Place, execute\nfrom mvops.notebook.kernels import Kernel\n"
        "from running import notebook\n"
        "execute(notebook('1', 'import time; time.sleep(600)'), Place(Kernel('python3', None), Path({cwd!r}), "
        "time.monotonic() + 60, mark={mark!r}), lambda *_: print('going', flush=True))"
    ).format(path=sys.path, cwd=str(tmp_path), mark="orphan-kernel")
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "going\n"
        assert processes.marked("orphan-kernel")
        owner.kill()
    give_up = time.monotonic() + 10
    while processes.marked("orphan-kernel") and time.monotonic() < give_up:
        time.sleep(0.1)
    assert processes.marked("orphan-kernel") == []
    processes.remove_scratch("orphan-kernel")


def test_a_kernel_that_does_not_start_is_told(
    execute_cells: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "kernels/python3"
    folder.mkdir(parents=True)
    (folder / "kernel.json").write_text(
        '{"argv": ["/bin/sh", "-c", "echo no module named ipykernel >&2; exit 1"], '
        '"language": "python", "display_name": ""}'
    )
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    execution = execute_cells("1")
    assert execution.failure is not None
    assert execution.failure.kind == "start"
    assert "no module named ipykernel" in execution.failure.message
