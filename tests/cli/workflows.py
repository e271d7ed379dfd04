"""Workflows of GitHub Actions without GitHub: checked by actionlint, and run by bash as a runner does."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sysconfig
import venv
from collections.abc import Iterator, Mapping
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from two_models import program


def lint(folder: Path, *paths: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for path in paths:
        done = subprocess.run(
            ["node", "lint.mjs", str(path)], cwd=folder, capture_output=True, text=True, timeout=120, check=True
        )
        found += json.loads(done.stdout)
    return found


def git(root: Path, *arguments: str) -> None:
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    subprocess.run(["git", *who, *arguments], cwd=root, check=True, capture_output=True)


def commit(root: Path) -> None:
    git(root, "add", "--all")
    git(root, "add", "--force", "data")
    git(root, "commit", "--quiet", "--message", "x")


def machine(folder: Path) -> Path:
    """The programs of a machine that has mvops: a pip that finds installed what is installed here."""
    made = folder / "venv"
    venv.create(made, with_pip=True)
    (place,) = made.glob("lib/python*/site-packages")
    (place / "here.pth").write_text(sysconfig.get_path("purelib") + "\n")
    program(made / "bin")
    return made / "bin"


def run_steps(
    checkout: Path, found: Mapping[str, Any], programs: Path, event: Mapping[str, str] | None = None, code: int = 0
) -> Iterator[tuple[str, str]]:
    """Each step's name and what it said, as a runner does them: jobs after those that they need, each step by bash.

    `event` has the values of expressions, and variables that a runner sets. After a step that fails, only those are run
    that ask for it; `code` is what the last failure was to be.
    """
    jobs, values = found["jobs"], event or {}
    common = {"PATH": f"{programs}:{os.environ['PATH']}", "HOME": str(checkout.parent), "PGPASSWORD": "x", **values}
    failed = 0
    for job in TopologicalSorter({name: job.get("needs", []) for name, job in jobs.items()}).static_order():
        for step in jobs[job]["steps"]:
            if "run" not in step or (failed and "if" not in step):
                continue
            named = {name: _filled(text, values) for name, text in step.get("env", {}).items()}
            done = subprocess.run(
                ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
                cwd=checkout,
                env=common | named,
                capture_output=True,
                text=True,
                timeout=900,
                check=False,
            )
            assert done.returncode in {0, code}, f"{step}\n{done.stdout}\n{done.stderr}"
            failed = done.returncode or failed
            yield step["name"], done.stdout + done.stderr
    assert failed == code


def _filled(text: str, values: Mapping[str, str]) -> str:
    return re.sub(r"\$\{\{ (.+?) }}", lambda found: values[found[1]], text)
