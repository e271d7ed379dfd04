"""The toy project with a second model that waits for the first."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import pandas as pd
import toy_project as toy


def two_models(root: Path, backend: str, **keys: str) -> Path:
    """Applied once, with registry, log and artefacts in a folder beside the project, which other machines reach too."""
    toy.make_toy(root)
    kept = root.parent / "kept"
    kept.mkdir()
    project = root / "configs/project.yaml"
    toy.edit(project, "sqlite:///.mvops/registry.db", f"sqlite:///{kept}/registry.db")
    toy.edit(project, "sqlite:///.mvops/predictions.db", f"sqlite:///{kept}/predictions.db")
    toy.edit(project, "artifacts: .mvops/artifacts", f"artifacts: {kept}/artifacts")
    said = "".join(f", {key}: {value}" for key, value in keys.items())
    with project.open("a") as file:
        file.write(f"scheduler: {{backend: {backend}{said}}}\n")
    model = (root / "configs/models/toy.yaml").read_text()
    model = model.replace("rollout: {", "rollout: {strategy: replace, ")
    (root / "configs/models/toy.yaml").write_text(model)
    second = model.replace("retrain: {", "retrain: {after: [toy], ") + f"endpoint: {{port: {toy.free_port()}}}\n"
    (root / "configs/models/second.yaml").write_text(second)
    toy.typed(root, "apply", "--yes").ok()
    return root


def new_data(root: Path) -> None:
    """Ten days more."""
    data = root / "data/d.csv"
    pd.concat([pd.read_csv(data), toy.rows(range(60, 70), seed=1)]).to_csv(data, index=False)


def champions(root: Path) -> dict[str, int]:
    """Which version of each model serves."""
    found = toy.mvops(root, "status", "--json").ok().json()["models"]
    return {model["model"]: model["champion"] for model in found}


def program(folder: Path) -> Path:
    """mvops as a program of this environment that others can call."""
    path = folder / "mvops"
    path.write_text(f'#!/bin/sh\nPYTHONPATH="{toy.ROOT}" exec "{sys.executable}" -m mvops "$@"\n')
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path
