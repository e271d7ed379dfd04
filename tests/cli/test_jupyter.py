"""`%load_ext mvops` in a notebook's kernel: the commands, what they show, interrupts, and `import mvops`."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from kernels import Kernel, kernel
from separate import BOOKS, COPIES, make_separate
from toy_project import copy, environment, logged, mvops, until

pytestmark = pytest.mark.system  # kernels that run commands, which run kernels

HEAVY = "{'pandas', 'sqlmodel', 'pydantic', 'hydra', 'sklearn'}"


@pytest.fixture(scope="module")
def root(applied: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy(applied, tmp_path_factory.mktemp("jupyter") / "toy")


@pytest.fixture(scope="module")
def cells(root: Path) -> Iterator[Kernel]:
    with kernel(root / "pipelines") as started:
        said = started.run(f"%load_ext mvops\nimport sys; print(sorted({HEAVY} & set(sys.modules)))").ok()
        assert said.out.strip() == "[]"
        yield started


def test_a_plan_is_shown_and_the_exit_code_is_known(root: Path, cells: Kernel) -> None:
    quiet = cells.run("%mvops plan --detailed-exitcode").ok()
    (shown,) = quiet.html
    assert "Nothing to do" in shown
    assert "exit code" not in quiet.out
    override = "models.toy.pipeline.parameters.C=0.5"
    planned = cells.run("half = 0.5\n%mvops plan models.toy.pipeline.parameters.C={half} --detailed-exitcode").ok()
    (shown,) = planned.html
    assert "pipeline.toy" in shown
    assert "C: 1.0 -&gt; 0.5" in shown
    assert planned.plain[0].strip() == mvops(root, "plan", override).ok().out.strip()
    assert planned.out.endswith("exit code 2\n")
    assert cells.run("print(_exit_code)").out == "2\n"


def test_what_is_wrong_ends_the_cell_in_the_commands_words(cells: Kernel) -> None:
    failed = cells.run("%mvops run tyo\nprint('went on')")
    assert failed.err.startswith("error: this project has no model 'tyo'")
    assert failed.error is not None
    assert failed.error[2] == "mvops: exit code 1"
    assert failed.out == ""
    assert "No closing quotation" in cells.run("%mvops run 'toy").err
    asked = cells.run("%mvops destroy")
    assert "--yes" in asked.err


def test_runs_versions_status_and_monitor_are_shown(root: Path, cells: Kernel) -> None:
    logged(root)
    source = "\n".join(
        f"%mvops {words}" for words in ("run toy --step evaluate", "versions list toy", "status", "monitor toy")
    )
    shown = cells.run(source).ok()
    run, versions, status, report = shown.html
    assert "succeeded" in run
    assert "mvops runs notebook" in run
    assert "... " in shown.out  # progress, not as an error
    assert "champion 100 %" in versions
    assert "mvops serve toy" in status
    assert "not judged: too few rows" in report
    coloured = cells.run("%mvops apply --yes").ok()
    assert "Nothing to do" in coloured.html[0]


def test_several_notebooks_are_promoted_from_a_cell(cells: Kernel, tmp_path: Path) -> None:
    there = make_separate(tmp_path / "toy")
    failed = cells.run(f"%mvops -C '{there}' promote {' '.join(BOOKS)}")
    assert "3 notebooks make one model, which needs a name" in failed.err
    assert failed.error is not None
    promoted = cells.run(f"books = {list(BOOKS)}\n%mvops -C '{there}' promote {{' '.join(books)}} --name toy").ok()
    (shown,) = promoted.html
    assert "<b>Promoted 01_load.ipynb, 02_train.ipynb, 03_judge.ipynb as the model <code>toy</code></b>" in shown
    typed = mvops(there, "promote", *BOOKS, "--name", "toy", "--force").ok()
    assert promoted.plain[0].strip() == typed.out.strip()
    assert all((there / made).is_file() for made in COPIES)
    proved = cells.run(f"%mvops -C '{there}' promote {' '.join(BOOKS)} --check").ok()
    assert "03_judge.ipynb" in proved.out + "".join(proved.html)


def test_python_returns_what_is_shown_alike(root: Path, cells: Kernel) -> None:
    source = "import mvops\nfrom IPython.display import display\n"
    source += "display(mvops.plan(), mvops.status(), mvops.versions('toy'), mvops.monitor('toy'))\n"
    source += "display(mvops.run('toy', step='evaluate'), mvops.compare('toy', 1, 1))\nmvops.apply()"
    shown = cells.run(source).ok()
    assert ["mvops-shown" in html for html in shown.html] == [True] * 7
    assert shown.plain[0].strip() == mvops(root, "plan").ok().out.strip()
    assert "made of the same things" in shown.plain[5]


def test_ipython_on_a_terminal_has_the_same_in_plain_text(root: Path) -> None:
    source = "import mvops\nmvops.versions('toy')"
    command = [sys.executable, "-m", "IPython", "--no-banner", "--colors=NoColor", "-c"]
    options = {"cwd": root, "env": environment(), "stdin": subprocess.DEVNULL, "text": True, "timeout": 120}
    shown = subprocess.run([*command, source], capture_output=True, check=True, **options)
    assert "champion 100 %" in shown.stdout
    typed = subprocess.run([*command, "%load_ext mvops\n%mvops run tyo"], capture_output=True, check=False, **options)
    assert typed.returncode == 1
    assert "error: this project has no model 'tyo'" in typed.stderr
    assert "Traceback" not in typed.stdout + typed.stderr


def test_words_are_completed(cells: Kernel) -> None:
    def offered(line: str) -> set[str]:
        cells.client.complete(line, len(line))
        return set(cells.client.get_shell_msg(timeout=60)["content"]["matches"])

    def asked(line: str) -> set[str]:
        while cells.client.shell_channel.msg_ready():
            cells.client.get_shell_msg(timeout=1)
        return offered(line)

    assert "promote" in asked("%mvops pro")
    assert {"list", "show", "compare", "promote"} <= asked("%mvops versions ")
    assert "--detailed-exitcode" in asked("%mvops plan --det")
    assert "toy" in asked("%mvops run ")


def test_an_interrupt_reaches_the_command_and_its_end_comes_with_the_kernels(cells: Kernel) -> None:
    interrupted = False
    for cell in cells.follow("%mvops dashboard --port 0"):
        if "The dashboard is at" in cell.out and not interrupted:
            cells.manager.interrupt_kernel()
            interrupted = True
    assert "Traceback" not in cell.err, cell
    assert "KeyboardInterrupt" not in str(cell.error)
    assert cells.run("1 + 1").plain == ["2"]
    for cell in cells.follow("%mvops dashboard --port 0"):
        if "The dashboard is at" in cell.out:
            break
    (port,) = re.findall(r":(\d+)", cell.out)
    served = [each for each in psutil.Process(_pid(cells)).children() if "dashboard" in each.cmdline()]
    assert len(served) == 1, port
    os.kill(_pid(cells), signal.SIGKILL)
    until(lambda: not served[0].is_running() or served[0].status() == psutil.STATUS_ZOMBIE, timeout=60)


def _pid(cells: Kernel) -> int:
    return int(cells.manager.provisioner.pid)
