"""Driving DVC: in a process of its own, never asking anything, its errors told as ours."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mvops.errors import BackendError

_PROGRAM = Path(__file__).with_name("_dvc_program.py")
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+@")
_UNSEEN = """Let Git see DVC's files: in .gitignore, instead of `data/` write the lines
data/**
!data/**/
!data/**/*.dvc
!data/**/.gitignore
Then: mvops apply"""
_HINTS = {
    "is git-ignored": _UNSEEN,
    "is not a git repository": "Make it one: git init, or tell DVC to do without: dvc config core.no_scm true",
    "not inside of a DVC repository": "Make it one: dvc init, or without Git: dvc init --no-scm",
    "acquire lock": "Another DVC command is running. When it has ended: mvops apply",
    "in stage": "A pipeline of DVC makes it: dvc repro, then: mvops apply",
}


def run_dvc(calls: Sequence[Sequence[str]], folder: Path) -> None:
    """Run DVC's commands one after the other. Raises BackendError with what DVC said and the remedy."""
    tried = f"dvc {' '.join(calls[-1][:4])}"
    _run({"calls": [list(call) for call in calls]}, folder, f"Is the remote there, and may you use it? Try: {tried}")


def pull(restore: dict[str, Any], folder: Path) -> None:
    """Have `_dvc_program.restore` do what it is told. Raises BackendError as above."""
    _run({"restore": restore}, folder, "Is DVC's remote there, with what was pushed to it? See: dvc remote list")


def _run(asked: dict[str, Any], folder: Path, hint: str) -> None:
    # run inside a Git hook, these variables would point to another repository
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    surroundings |= {"DVC_NO_ANALYTICS": "1", "CI": "1", "GIT_TERMINAL_PROMPT": "0"}  # CI: no look for updates
    if "restore" in asked:
        surroundings["DVC_SITE_CACHE_DIR"] = str(folder / "site")
    try:
        done = subprocess.run(  # noqa: S603 - a list, no shell, our own program
            [sys.executable, "-P", str(_PROGRAM)],
            cwd=folder,
            env=surroundings,
            input=json.dumps(asked),
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
    except OSError as error:
        raise BackendError(f"DVC cannot be started: {error.strerror}") from error
    if done.returncode:
        said = _said(done.stderr)
        found = next((remedy for words, remedy in _HINTS.items() if words in said), hint)
        raise BackendError(f"DVC: {said}", hint=found)


def _said(text: str) -> str:
    """What DVC gives as its errors, in one line and without credentials."""
    lines = [line.strip() for line in _CREDENTIALS.sub("", text).splitlines()]
    starts = [number for number, line in enumerate(lines) if line.startswith("ERROR: ")]
    told = lines[starts[0] :] if starts else lines[-3:]
    kept = [line.removeprefix("ERROR: ") for line in told if line and not line.startswith(("Having any", "<http"))]
    return " ".join(kept) or "it failed without a word"
