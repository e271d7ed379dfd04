"""What is typed many times a day loads none of the libraries that only training and evaluating need."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from toy_project import typed

pytestmark = pytest.mark.xdist_group("cli-toy")


@pytest.mark.parametrize("arguments", ["plan", "status", "maturity", "run toy --step load"])
def test_no_pandas_and_no_scikit_learn(project: Path, arguments: str) -> None:
    timed = (sys.executable, "-X", "importtime", "-m", "mvops")
    said = typed(project, *arguments.split(), command=timed).ok()
    loaded = {line.rpartition("|")[2].strip() for line in said.err.splitlines() if line.startswith("import time:")}
    assert "mvops.cli.app" in loaded
    assert loaded & {"pandas", "sklearn", "scipy"} == set()
