"""How mvops is called by hand from here on, where it was called by a path."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path


def to_type_first() -> str:
    """What has to be typed once so that `mvops` alone is this mvops; empty where it is that already."""
    ours = Path(sys.executable).parent.resolve()
    found = shutil.which("mvops")
    if found and ours in {Path(found).parent.resolve(), Path(found).resolve().parent}:
        return ""
    script = Path(sys.prefix) / "bin" / "activate"
    if script.is_file():
        near = os.path.relpath(script)
        return f"source {shlex.quote(str(script) if near.startswith('..') else near)}"
    return f"alias mvops={shlex.quote(f'{shlex.quote(sys.executable)} -m mvops')}"
