"""papermill, without the libraries by which it reads notebooks from elsewhere: we hand it one.

To import those takes longer than papermill itself. The copy is ours alone: whoever else in this process imports
papermill gets a whole one.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from types import ModuleType

_ELSEWHERE = frozenset({"azure", "boto3", "gcsfs", "github", "pyarrow"})  # optional for papermill, too


class _NotThere(MetaPathFinder):
    """For this thread, the packages of these names are not installed."""

    def __init__(self, names: frozenset[str]) -> None:
        self._names, self._thread = names, threading.get_ident()

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        """Raise ImportError for them; others are looked for elsewhere."""
        del path, target
        if fullname in self._names and threading.get_ident() == self._thread:
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)


@contextmanager
def _alone(package: str, without: frozenset[str]) -> Iterator[None]:
    """What is imported of the package meanwhile is nobody else's; if it is there already, it is what is there."""
    if package in sys.modules:
        yield
        return
    finder = _NotThere(without)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in [name for name in sys.modules if name.partition(".")[0] == package]:
            del sys.modules[name]


with _alone("papermill", without=_ELSEWHERE):
    from papermill import execute_notebook
    from papermill.clientwrap import PapermillNotebookClient
    from papermill.engines import Engine, papermill_engines
    from papermill.exceptions import PapermillExecutionError

__all__ = ["Engine", "PapermillExecutionError", "PapermillNotebookClient", "execute_notebook", "papermill_engines"]
