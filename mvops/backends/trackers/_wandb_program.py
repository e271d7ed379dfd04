"""Writes one offline run of W&B; a program of its own, because a run's file is whole only when its process has ended.

Reads what to write as JSON from standard input. It imports nothing of mvops, and is started with `-P`: beside it lies a
wandb.py that is not the library.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import wandb


def main() -> None:
    """Write the run, and whatever belongs to it."""
    asked: dict[str, Any] = json.load(sys.stdin)
    settings = wandb.Settings(
        mode="offline", silent=True, console="off", disable_git=True, disable_code=True, x_disable_stats=True
    )
    run = wandb.init(**asked["init"], settings=settings)
    if asked["metrics"]:
        run.log(asked["metrics"])
    if asked["files"]:
        shutil.copytree(asked["files"], run.dir, dirs_exist_ok=True)
        for path in sorted(Path(asked["files"]).rglob("*.*")):
            run.save(f"{run.dir}/{path.relative_to(asked['files'])}", base_path=run.dir, policy="end")
    if asked["artifact"]:
        told = asked["artifact"]
        artifact = wandb.Artifact(
            told["name"], type="model", description=told["description"], metadata=told["metadata"]
        )
        artifact.add_dir(told["folder"])
        run.log_artifact(artifact, aliases=told["aliases"])
    folder = Path(run.dir).parent
    run.finish(exit_code=asked["exit_code"])
    sys.stdout.write(json.dumps({"folder": folder.name}))


if __name__ == "__main__":
    main()
