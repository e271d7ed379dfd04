"""JupyterLab as a user has it: a server in an environment of its own, whose kernel is the one that has mvops."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from toy_project import ROOT, free_port, until

TOKEN = "of-this-test"


@contextlib.contextmanager
def jupyterlab(programs: Path, root: Path, home: Path) -> Iterator[str]:
    """A server for the notebooks below `root`, all of whose settings are below `home`; its address with the token."""
    spec = home / "kernels/kernels/python3/kernel.json"
    spec.parent.mkdir(parents=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec.write_text(json.dumps({"argv": argv, "display_name": "Python 3 (ipykernel)", "language": "python"}))
    names = ("config", "data", "runtime", "ipython")
    places = dict(
        zip(("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"), names, strict=True)
    )
    settings = {key: str(home / name) for key, name in places.items()}
    port = free_port()
    options = {
        "ServerApp.port": port,
        "ServerApp.port_retries": 0,
        "ServerApp.root_dir": root,
        "IdentityProvider.token": TOKEN,
        "LabApp.extension_manager": "readonly",
        "LabApp.check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
    }
    command = [programs / "jupyter", "lab", "--no-browser", "--ip", "127.0.0.1", "--allow-root"]
    with (home / "log").open("w") as log:
        server = subprocess.Popen(
            [*map(str, command), *(f"--{key}={value}" for key, value in options.items())],
            env=os.environ | settings | {"JUPYTER_PATH": str(home / "kernels"), "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        until(lambda: _answers(port) or server.poll() is not None, timeout=90)
        assert server.poll() is None, (home / "log").read_text()
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()  # and with it its kernels
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(15)
        server.kill()


def _answers(port: int) -> bool:
    with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
        return urllib.request.urlopen(f"http://127.0.0.1:{port}/api", timeout=2).status == 200
    return False


@contextlib.contextmanager
def browser() -> Iterator[Any]:
    """Chromium without a screen, as a page of Playwright's; skips where one of them is not installed."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright, which `nox -s systems` installs")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    switches = (
        "no-sandbox",
        "disable-gpu",
        "no-first-run",
        "disable-background-networking",
        "disable-component-update",
    )
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=chromium, args=[f"--{each}" for each in switches])
        try:
            page = started.new_page(viewport={"width": 1500, "height": 1000})
            page.set_default_timeout(60_000)
            yield page
        finally:
            started.close()
