"""What runs in a process of its own, with DVC: several of its commands in one go, as importing it takes seconds.

Reads one JSON document from standard input: `{"calls": [["add", "x"], ...]}` or `{"restore": {...}}`. Ends with the
code of the first command that fails. Never imported by mvops.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import yaml


def commands(calls: list[list[str]]) -> int:
    """DVC's own command line, call by call."""
    from dvc.cli import main  # noqa: PLC0415  so that a DVC that does not start is told like any failure

    for call in calls:
        code = main(call)
        if code:
            return int(code)
    return 0


def restore(project: str, scratch: str, remote: str | None, outs: list[dict[str, Any]], targets: list[str]) -> int:
    """Pull `outs` into a repository of its own in `scratch`, from the project's remotes and through its cache."""
    from dvc.config import Config  # noqa: PLC0415
    from dvc.exceptions import DvcException  # noqa: PLC0415
    from dvc.repo import Repo  # noqa: PLC0415

    folder = Path(project) / ".dvc"
    try:
        settings = json.loads(json.dumps(Config(str(folder)), default=str))
        cache = {"dir": str(folder / "cache"), **settings.get("cache", {}), "type": ["copy"]}
        core = {**settings.get("core", {}), "no_scm": True, "analytics": False, "check_update": False}
        Repo.init(scratch, no_scm=True).close()
        for out in outs:
            (Path(scratch) / f"{out['path']}.dvc").write_text(yaml.safe_dump({"outs": [out]}), encoding="utf-8")
        with Repo(scratch, config={**settings, "cache": cache, "core": core}) as repo:
            repo.pull(targets=targets, remote=remote)
    except DvcException as error:
        sys.stderr.write(f"ERROR: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    sys.exit(commands(asked["calls"]) if "calls" in asked else restore(**asked["restore"]))
