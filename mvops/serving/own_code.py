"""Runs the team's own file of an endpoint, and says where in it something went wrong."""

from __future__ import annotations

import runpy
import sys
import traceback
from pathlib import Path
from typing import Any

from mvops.errors import MvopsError, ServingError, Where

_MODULE = "mvops_endpoint"
_HINT = "Mend the file, or delete it and run: mvops apply"


def run_own(path: Path, *names: str) -> list[Any]:
    """What `names` are after the file has run; modules beside it can be imported. Raises ServingError, MvopsError."""
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    try:
        found = runpy.run_path(str(path), run_name=_MODULE)
    except MvopsError:
        raise
    except Exception as error:  # whatever their code raises is told, with the place
        where = Where(path, _line_in(path, error))
        raise ServingError(f"{type(error).__name__}: {error}", where=where, hint=_HINT) from error
    missing = [name for name in names if name not in found]
    if missing:
        raise ServingError(f"the file does not define {' and '.join(missing)}", where=Where(path), hint=_HINT)
    return [found[name] for name in names]


def _line_in(path: Path, error: Exception) -> int | None:
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return lines[-1] if lines else getattr(error, "lineno", None)
