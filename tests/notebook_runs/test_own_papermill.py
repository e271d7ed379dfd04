"""Our papermill is without what it reads notebooks from elsewhere with; everybody else's is whole."""

from __future__ import annotations

import importlib
import subprocess
import sys
import threading

import pytest

from mvops.notebook.own_papermill import _alone

SCRIPT = """
import sys
import mvops.notebook.kernel_client as ours
elsewhere = {"boto3", "gcsfs", "pyarrow", "azure", "github"}
assert elsewhere & set(sys.modules) == set()
assert "papermill" not in sys.modules
import papermill.iorw, pyarrow.fs
assert papermill.iorw.HadoopFileSystem is pyarrow.fs.HadoopFileSystem
assert papermill.execute_notebook is not ours.execute_notebook
"""
THEIRS_FIRST = """
import papermill
import mvops.notebook.kernel_client as ours
assert papermill.execute_notebook is ours.execute_notebook
assert sys.modules["papermill"] is papermill
"""


@pytest.mark.parametrize("script", [SCRIPT, f"import sys{THEIRS_FIRST}"], ids=["ours first", "theirs first"])
def test_whoever_else_imports_papermill_has_a_whole_one(script: str) -> None:
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_only_this_thread_goes_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "wave", raising=False)
    found: list[object] = []
    before = list(sys.meta_path)
    with _alone("a_package_that_nobody_has", without=frozenset({"wave"})):
        with pytest.raises(ModuleNotFoundError, match="wave"):
            importlib.import_module("wave")
        other = threading.Thread(target=lambda: found.append(importlib.import_module("wave")))
        other.start()
        other.join()
    assert found == [importlib.import_module("wave")]
    assert sys.meta_path == before
