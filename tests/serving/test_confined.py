"""An endpoint needs no network, no root, and no file system to write to but the project's state."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from confinement import USER
from serving_support import LATE, ROOT
from test_generated import write

pytestmark = [pytest.mark.slow, pytest.mark.system]
UNSHARE = ("unshare", "--mount", "--net", "--fork", "--kill-child")


@pytest.fixture
def confined() -> None:
    programs = [program for program in ("unshare", "mount", "setpriv", "ip") if shutil.which(program) is None]
    if programs:
        pytest.skip(f"needs {' and '.join(programs)}")
    tried = subprocess.run([*UNSHARE, "mount", "--make-rprivate", "/"], capture_output=True, check=False)
    if os.getuid() or tried.returncode:
        pytest.skip("needs root, who may make namespaces")


def test_i1_offline_read_only_and_not_as_root(project, confined, tmp_path) -> None:
    folder = write(project)
    project.root.chmod(0o755)
    for path in [project.root / ".mvops", *(project.root / ".mvops").rglob("*")]:
        os.chown(path, int(USER), int(USER))
    needed = [Path(sys.base_prefix), Path(sys.prefix), ROOT]
    done = subprocess.run(
        [
            *(*UNSHARE, sys.executable, str(Path(__file__).with_name("confinement.py"))),
            *(str(project.root), str(folder.relative_to(project.root)), *map(str, needed)),
        ],
        env=os.environ | {"PYTHONPATH": str(ROOT), "ROWS": json.dumps([LATE])},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["writable"] == [], "the file system is read-only"
    status = dict(line.split(":\t", 1) for line in said["status"].splitlines() if ":\t" in line)
    assert status["Uid"].split() == [USER] * 4
    assert int(status["CapBnd"], 16) == int(status["CapEff"], 16) == 0
    assert said["first"]["predictions"] == said["second"]["predictions"]
    assert (said["ready"], said["ended"]) == (True, 0)
    ids = [*said["first"]["prediction_ids"], *said["second"]["prediction_ids"]]
    assert sorted(project.logged_ids()) == sorted(ids), "also what was killed before it was in the log"
