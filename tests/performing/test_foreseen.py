"""What comes after the steps is imported while they run."""

from __future__ import annotations

import subprocess
import sys

import pytest

_SAYS = """
import gc, sys, threading, time
from mvops.performing import foreseen as module
module._cores = lambda: {cores}
before = sys.getswitchinterval()
with module.foreseen() as later:
    later.begin()
    later.begin()
    begun = [each.name for each in threading.enumerate()].count("mvops-foreseen")
    if {wait}:
        while threading.active_count() > 1:
            time.sleep(0.05)
assert threading.active_count() == 1 and gc.isenabled() and sys.getswitchinterval() == before
print(begun, "mvops.performing.register" in sys.modules)
import mvops.performing.register
"""


def _says(**how: object) -> str:
    code = _SAYS.format(**how)
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def test_it_is_there_when_the_steps_are_done() -> None:
    assert _says(cores=2, wait=True) == "1 True"


def test_steps_that_end_at_once_wait_only_for_what_is_begun() -> None:
    assert _says(cores=2, wait=False) == "1 False"


def test_a_machine_with_one_core_imports_when_it_must() -> None:
    assert _says(cores=1, wait=False) == "0 False"


@pytest.mark.parametrize("broken", ["pandas", "skops.io"])
def test_what_cannot_be_imported_is_told_by_who_needs_it(broken: str) -> None:
    code = f"import sys; sys.modules[{broken!r}] = None\n" + _SAYS.format(cores=2, wait=True)
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.stdout.startswith("1 ")
    assert "Exception in thread" not in done.stderr
    assert (f"import of {broken} halted" in done.stderr) == (broken == "pandas")  # skops is imported where it is used
