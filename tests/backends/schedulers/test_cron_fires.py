"""Real cron: the generated crontab, installed as its first lines say, does its work."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import toy_project as toy
from two_models import program

pytestmark = [
    pytest.mark.long(minutes=1),
    pytest.mark.system,
    pytest.mark.real("schedulers", "cron", "cron fires and `mvops monitor` and `mvops retrain` do their work"),
]


@contextmanager
def own_crontab_kept() -> Iterator[None]:
    """Put the user's crontab back as it was, or away if there was none."""
    before = subprocess.run(["crontab", "-l"], capture_output=True, text=True, check=False)
    try:
        yield
    finally:
        if before.returncode == 0:
            subprocess.run(["crontab", "-"], input=before.stdout, text=True, check=True)
        else:
            subprocess.run(["crontab", "-r"], check=False, capture_output=True)


@contextmanager
def cron_running() -> Iterator[None]:
    """A cron of the test's own, unless one runs on this machine already."""
    process = subprocess.Popen(["cron", "-f"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


def test_cron_fires_and_the_work_is_done(tmp_path: Path) -> None:
    if not (shutil.which("cron") and shutil.which("crontab") and os.geteuid() == 0):
        pytest.skip("needs cron, and root to start it")
    root = toy.make_toy(tmp_path / "toy")
    toy.edit(root / "configs/models/toy.yaml", "monitor: {every: 1d", "monitor: {every: 1m")
    toy.edit(root / "configs/models/toy.yaml", "retrain: {", 'retrain: {schedule: "* * * * *", ')
    toy.typed(root, "apply", "scheduler.timeout=10m", "--yes").ok()
    crontab = (root / "deploy/schedules/toy/crontab").read_text()
    (install,) = re.findall(r"^#   (\(crontab .*)$", crontab, flags=re.MULTILINE)
    environment = os.environ | {"PATH": f"{program(tmp_path).parent}:{os.environ['PATH']}"}
    log = root / ".mvops/schedule.log"
    with own_crontab_kept():
        subprocess.run(["sh", "-c", install], cwd=root, env=environment, check=True)
        assert "@MVOPS@" not in subprocess.run(["crontab", "-l"], capture_output=True, text=True, check=True).stdout
        with cron_running():
            toy.until(lambda: len(done(root)) >= 2, timeout=240)
    assert {message.split(":")[0] for message in done(root)} == {"monitor_toy", "retrain_toy"}
    assert all(": done in" in message for message in done(root))
    assert "nothing to learn from" in log.read_text()


def done(root: Path) -> list[str]:
    return [message for (message,) in toy.query(root, "SELECT message FROM mvops_events WHERE kind = 'job'")]


def test_p29_the_users_own_crontab_is_read_and_stays(tmp_path: Path) -> None:
    if not shutil.which("crontab"):
        pytest.skip("needs crontab")
    toy.mvops(tmp_path, "init", "toy", "--team", "small", "--phase", "day_90", "--port", toy.free_port()).ok()
    root = tmp_path / "toy"
    (root / "configs/models/toy.yaml").write_text(toy.YAML)
    crontab = "CRON_TZ=UTC\n# ours\n15 4 * * sat cd /srv/toy && papermill notebooks/toy.ipynb out.ipynb\n"
    with own_crontab_kept():
        subprocess.run(["crontab", "-r"], check=False, capture_output=True)
        toy.mvops(root, "import", "crontab:").refused("`crontab -l` says: no crontab for")
        subprocess.run(["crontab", "-"], input=crontab, text=True, check=True)
        said = toy.mvops(root, "import", "crontab:").ok().out
        assert subprocess.run(["crontab", "-l"], capture_output=True, text=True, check=True).stdout.endswith(crontab)
    assert "line 3 of your crontab trains toy at 15 4 * * 6" in said
    assert "(crontab -e): line 3: 15 4 * * sat cd" in said
    assert 'schedule: "15 4 * * 6"' in (root / "configs/models/toy.yaml").read_text()
