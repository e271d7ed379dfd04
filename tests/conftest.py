"""What all tests share."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import threading
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest
import scipy.special  # noqa: F401  early, as it is looked for in all modules; see foresee_skops in mvops.artifacts.models

# A shell that starts this run in the background has Ctrl-C ignored, and every child would inherit that.
if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take long come first: a worker that met one last would end alone. See the mark `long`."""
    items.sort(key=lambda item: -sum(mark.kwargs["minutes"] for mark in item.iter_markers("long")))


def pytest_collection_finish() -> None:
    """What was imported stays; whenever Python searches for what is left over, it need not look through it again."""
    gc.freeze()


with contextlib.suppress(ImportError):  # those who only play the demo have no need of it
    from hypothesis import HealthCheck, settings

    # How long an example takes is the machine's business.
    settings.register_profile("mvops", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("mvops")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """On a user's machine a test skips for want of a server; where all is installed, such a skip is a failure."""
    report: Any = yield
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("MVOPS_TEST_REQUIRE_ALL"):
        report.outcome = "failed"
        report.longrepr = f"skipped, although everything should be here: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def outside() -> Callable[[str], Path]:
    """The folder of an environment's programs, by its name in tests/environments; skips where it is not.

    For one of npm's it is the folder itself.
    """

    def programs(name: str) -> Path:
        made = Path(os.environ.get("MVOPS_TEST_ENVIRONMENTS", ".nox/environments")).resolve() / name
        if (made / "node_modules").is_dir():
            return made
        if not (made / "bin").is_dir():
            pytest.skip(f"needs the environment {name}, which `nox -s systems` makes")
        return made / "bin"

    return programs
