"""Feast leaves the process that imports it as it was."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest

SCRIPT = """
import os, typeguard
guard = typeguard.typechecked
before = dict(os.environ)
import mvops.backends.feature_stores._library
from prometheus_client import Counter
counter = Counter("asked", "questions", ["who"])
counter.labels("me").inc()
counter.remove("me")  # not to be had where numbers are kept for many processes
changed = {name for name in os.environ.keys() | before.keys() if os.environ.get(name) != before.get(name)}
print(sorted(name for name in changed if "PROMETHEUS" in name))
from feast import FeatureView
assert typeguard.typechecked is guard
assert not [name for name in FeatureView.__init__.__code__.co_names if "check_argument_types" in name], "slow to import"
"""


def test_metrics_stay_those_of_one_process() -> None:
    if importlib.util.find_spec("feast") is None:  # looked up, not imported: that is what this is about
        pytest.skip("needs feast")
    command = [sys.executable, "-W", "error::UserWarning:prometheus_client", "-c", SCRIPT]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip(), done.stderr[-500:]) == (0, "[]", "")
