"""Kernels forked from a process that has imported already: they must behave as kernels that start by themselves."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mvops.notebook import kernel_template, processes
from mvops.notebook.engine import Execution
from mvops.notebook.forked import Forked, Wish
from mvops.notebook.kernels import Kernel
from mvops.notebook.warm import WarmKernels, to_import, warm_kernels

Run = Callable[..., Execution]
MARK = f"warm-kernels-{os.getpid()}"
pytestmark = pytest.mark.xdist_group("warm-kernels")  # one process to fork from for all


@pytest.fixture(scope="module")
def warm() -> Iterator[WarmKernels]:
    kernels = warm_kernels(
        Kernel("python3", None),
        ["import numpy.linalg"],
        {"numpy.linalg", "pandas", "matplotlib.pyplot", "os", "no.such"},
        mark=MARK,
        folder=Path.cwd(),
    )
    assert kernels is not None
    yield kernels
    kernels.close()
    assert processes.marked(MARK) == []


@pytest.fixture
def fork(execute_cells: Run, warm: WarmKernels) -> Run:
    def run(*cells: Any, **options: Any) -> Execution:
        return execute_cells(*cells, mark=MARK, warm=warm, **options)

    return run


def printed(execution: Execution) -> str:
    return "".join(o.get("text", "") for cell in execution.notebook["cells"] for o in cell["outputs"])


def test_a_forked_kernel_is_like_any_other(fork: Run, execute_cells: Run, capfd: pytest.CaptureFixture[str]) -> None:
    look = """import os, sys
print(os.getcwd(), sys.path[-4:], __name__, sys.stdin.closed, os.environ.get('MPLBACKEND'))
print(sorted(n for n in globals() if 'mvops' in n), os.path.basename(sys.argv[0]).removesuffix('.py'))
print(sorted(k for k in os.environ if not k.startswith(('MVOPS_KERNEL', 'JPY_PARENT_PID', 'COV_'))))"""
    wide = "import pandas as pd\nprint(pd.get_option('display.max_columns'), pd.DataFrame([range(30)]))"
    plot = "import matplotlib.pyplot as plt\nplt.plot([1])"
    cells = [look, "!echo $MVOPS_KERNEL", plot, wide]
    ours, theirs = fork(*cells), execute_cells(*cells, mark="cold")
    assert ours.failure == theirs.failure is None
    assert printed(ours) == printed(theirs).replace("cold", MARK)
    assert "image/png" in str(ours.notebook["cells"][2]["outputs"])
    assert capfd.readouterr() == ("", "")


def test_libraries_are_there_already_and_random_numbers_differ(fork: Run, warm: WarmKernels) -> None:
    code = """import random, sys
print('numpy.linalg' in sys.modules)
import numpy
print(numpy.random.rand(), random.random())"""
    one, two = printed(fork(code)).split("\n"), printed(fork(code)).split("\n")
    assert one[0] == two[0] == "True"
    assert set(one[1].split()).isdisjoint(two[1].split())
    assert processes.is_alive(warm.pid)


@pytest.mark.parametrize(
    ("code", "cause"),
    [("os._exit(3)", "exit code 3"), ("os.kill(os.getpid(), 9)", "SIGKILL"), ("os.kill(os.getpid(), 11)", "SIGSEGV")],
)
def test_its_death_is_told_as_of_any_other(fork: Run, code: str, cause: str) -> None:  # N1
    failure = fork(f"import os\n{code}").failure
    assert failure is not None
    assert failure.kind == "died"
    assert cause in failure.message


def test_it_and_what_it_started_are_killed_and_the_process_that_forked_it_stays(fork: Run, warm: WarmKernels) -> None:
    escape = (
        "import os, subprocess, time\nsubprocess.Popen(['setsid', 'sleep', '600'])\n"
        "if os.fork() == 0:\n    os.setsid()\n    time.sleep(600)\n"
    )
    assert fork(escape).failure is None
    assert processes.marked(MARK) == [warm.pid]
    stuck = fork(f"{escape}time.sleep(600)", limit=3.0)
    assert stuck.failure is not None
    assert stuck.failure.kind == "timeout"
    assert processes.marked(MARK) == [warm.pid]
    assert printed(fork("print('still there')")) == "still there\n"


@pytest.mark.parametrize(
    "code",
    [
        "file = open('late.txt', 'w')\nfile.write('kept')",
        "open('mine.py', 'w').write('file = open(\"late.txt\", \"w\")')\nimport mine\nmine.file.write('kept')",
        "class Last:\n    def __del__(self, open=open): open('late.txt', 'w').write('kept')\nlast = Last()",
        (
            "def write():\n    file = open('late.txt', 'w')\n    file.write('kept')\n    1 / 0\n"
            "import sys\nsys.displayhook(1)\ntry: write()\nexcept ZeroDivisionError as error: kept = error"
        ),
        "import atexit\natexit.register(lambda: open('late.txt', 'w').write('kept'))",
        (
            "import threading, time\n"
            "threading.Thread(target=lambda: (time.sleep(0.3), open('late.txt', 'w').write('kept'))).start()"
        ),
        (
            "from concurrent.futures import ThreadPoolExecutor\npool = ThreadPoolExecutor(1)\n"
            "done = pool.submit(lambda: open('late.txt', 'w').write('kept'))"
        ),
        (
            "import multiprocessing, pathlib\nforked = multiprocessing.get_context('fork')\n"
            "forked.Process(target=pathlib.Path('late.txt').write_text, args=['kept']).start()"
        ),
        (
            "import zipfile\narchive = zipfile.ZipFile('late.zip', 'w')\narchive.writestr('late', 'kept')\n"
            "import atexit\natexit.register(lambda: open('late.txt', 'w').write('kept'))"
        ),
    ],
    ids=["file", "module", "finalizer", "error", "atexit", "thread", "pool", "process", "archive"],
)
def test_what_is_left_open_is_written_out_at_its_end(fork: Run, tmp_path: Path, code: str) -> None:
    assert fork(code).failure is None
    assert (tmp_path / "late.txt").read_text() == "kept"
    assert all(zipfile.is_zipfile(archive) for archive in tmp_path.glob("*.zip"))


def test_it_ends_with_its_owner() -> None:  # N4
    script = (
        f"import sys, time\nsys.path[:0] = {sys.path!r}\nfrom pathlib import Path\n"
        "from mvops.notebook.warm import WarmKernels\n"
        "WarmKernels(sys.executable, [], 'warm-orphan', Path.cwd())\nprint('going', flush=True)\ntime.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "going\n"
        assert processes.marked("warm-orphan")
        owner.kill()
    give_up = time.monotonic() + 20
    while processes.marked("warm-orphan") and time.monotonic() < give_up:
        time.sleep(0.1)
    assert processes.marked("warm-orphan") == []
    processes.remove_scratch("warm-orphan")


def test_the_next_kernel_waits_and_is_used_only_where_it_was_meant_to(execute_cells: Run, tmp_path: Path) -> None:
    mark = f"spare-kernels-{os.getpid()}"
    wanted = [True, True, True, False]
    warm = WarmKernels(sys.executable, [], mark, tmp_path, more=lambda: wanted.pop(0))
    look = "import os\nprint(os.getpid(), os.getcwd(), os.environ.get('SAID'), os.environ['MVOPS_KERNEL'])"
    waiting: set[int] = set()

    def run(**options: Any) -> tuple[bool, list[str]]:
        """Was it the one that waited, and what did it see."""
        execution = execute_cells(look, mark=mark, warm=warm, **options)
        assert execution.failure is None
        assert set(processes.marked(mark)) == warm.kept  # one that waited in vain is gone too
        pid, *seen = printed(execution).split()
        was = int(pid) in waiting
        waiting.clear()
        waiting.update(warm.kept - {warm.pid})
        return was, seen

    try:
        assert run() == (False, [str(tmp_path), "None", mark])
        assert run() == (True, [str(tmp_path), "None", mark])
        assert run(settings={"SAID": "later"}) == (False, [str(tmp_path), "later", mark])
        assert len(waiting) == 1
        assert run(settings={"SAID": "later"}, cwd=tmp_path.parent) == (False, [str(tmp_path.parent), "later", mark])
        assert waiting == set()
    finally:
        warm.close()
    assert processes.marked(mark) == []


def test_the_first_kernel_starts_while_the_libraries_that_talk_to_it_are_imported(
    execute_cells: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = f"foreseen-kernels-{os.getpid()}"
    warm = WarmKernels(sys.executable, [], mark, tmp_path)
    made, fork = list[Wish](), WarmKernels._fork

    def counted(kernels: WarmKernels, wish: Wish) -> Forked:
        made.append(wish)
        return fork(kernels, wish)

    monkeypatch.setattr(WarmKernels, "_fork", counted)
    try:
        assert execute_cells("1", mark=mark, warm=warm).failure is None
    finally:
        warm.close()
    assert len(made) == 1  # what was foreseen was what was wanted


def test_the_time_limit_holds_while_the_process_still_imports(
    execute_cells: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "slow.py").write_text("import time\ntime.sleep(60)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    mark = f"slow-kernels-{os.getpid()}"
    warm = WarmKernels(sys.executable, ["slow"], mark, tmp_path)
    started = time.monotonic()
    failure = execute_cells("1", mark=mark, warm=warm, limit=1.0).failure
    warm.close()
    assert failure is not None
    assert failure.kind == "timeout"
    assert time.monotonic() - started < 5
    assert processes.marked(mark) == []


@pytest.mark.parametrize(
    ("kernel", "source"),
    [
        (Kernel("python3", None), "import os\nos.environ['OMP_NUM_THREADS'] = '1'"),
        (Kernel("python3", None), "%env X=1"),
        (Kernel("special", None, ipython=False), "import numpy"),
    ],
)
def test_some_notebooks_get_kernels_that_start_by_themselves(kernel: Kernel, source: str) -> None:
    assert warm_kernels(kernel, [source], {"numpy"}, mark="unused", folder=Path.cwd()) is None


@pytest.mark.parametrize(
    ("source", "modules", "imported"),
    [
        ("x = 1", {"os", "torch.nn"}, []),
        ("df = pd.DataFrame()", {"pandas"}, ["pandas", "pyarrow.parquet"]),
        ("plt.plot([1])", {"matplotlib.pyplot"}, ["matplotlib.backends.backend_agg", "matplotlib.figure"]),
        ("m.predict(X)", {"sklearn.svm"}, ["numpy", "scipy.special", "sklearn.svm"]),
        (
            "m.fit(X, y)",
            {"sklearn.svm", "numpy.linalg"},
            ["numpy", "scipy.special", "numpy.linalg", "sklearn.svm", "skops.io"],
        ),
        ("m = fitted(X)", {"sklearn.svm"}, ["numpy", "scipy.special", "sklearn.svm", "skops.io"]),
        ("outfit = profit(X)", {"sklearn.svm"}, ["numpy", "scipy.special", "sklearn.svm"]),
        ("fit(X)", {"pandas"}, ["pandas", "pyarrow.parquet"]),
    ],
)
def test_what_is_imported_once_for_all_steps(source: str, modules: set[str], imported: list[str]) -> None:
    """What skops looks through comes first; skops itself only where something is fitted with scikit-learn."""
    assert to_import(["import this", source], modules) == [*imported, "cloudpickle"]


def test_the_template_stands_alone() -> None:
    assert "mvops." not in Path(kernel_template.__file__).read_text()
