"""docs/a-session.md is what a terminal shows: its commands are run here, and their output is compared.

`MVOPS_UPDATE_DOCS=1 pytest tests/cli/test_recorded_session.py` writes the page's output anew.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from toy_project import ROOT, edit, mvops, port_of

PAGE = ROOT / "docs/a-session.md"
PYTHON = f"python:{sys.version_info.major}.{sys.version_info.minor}-slim"  # in a Dockerfile
SESSION = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def project(quick: Path) -> Path:
    """The toy project before its first apply, with what would differ from machine to machine written down."""
    yaml = quick / "configs/project.yaml"
    edit(yaml, f"port: {port_of(quick)}", "port: 8000")
    yaml.write_text(f"{yaml.read_text()}data: {{backend: local}}\n")
    return quick


def typed(root: Path, line: str) -> str:
    """What the command prints; mvops runs in this process, anything else in a shell."""
    command, _, last = line.partition(" | tail -n ")
    words = shlex.split(command)
    if words[0] != "mvops":
        return subprocess.run(["sh", "-c", line], cwd=root, check=True, capture_output=True, text=True).stdout
    lines = (
        mvops(root, *words[1:])
        .ok()
        .out.replace(PYTHON, "python:3.11-slim")
        .replace(str(root), "/home/me/toy")
        .splitlines()
    )
    return "".join(f"{each}\n" for each in (lines[-int(last) :] if last else lines))


def played(root: Path, text: str) -> str:
    """The page with its commands' output as it is now."""

    def block(match: re.Match[str]) -> str:
        commands = re.findall(r"^\$ (.*)$", match[1], re.MULTILINE)
        said = (f"$ {command}\n{typed(root, command)}" for command in commands)
        return f"```console\n{''.join(said)}```"

    return SESSION.sub(block, text)


def test_p14_the_recorded_session_is_what_happens(project: Path) -> None:
    written = PAGE.read_text(encoding="utf-8")
    happened = played(project, written)
    if os.environ.get("MVOPS_UPDATE_DOCS"):
        PAGE.write_text(happened, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == happened, "MVOPS_UPDATE_DOCS=1 pytest tests/cli/test_recorded_session.py"
    mvops(project, "plan", "--detailed-exitcode").ok(0)
