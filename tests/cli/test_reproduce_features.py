"""`mvops reproduce` where a feature store makes the input: the joined rows are kept with the version."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import toy_features
from toy_project import mvops

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("cli-features")]


def test_a_version_is_made_again_on_the_features_that_it_had(tmp_path: Path) -> None:
    root = toy_features.make(tmp_path / "toy")
    with (root / "configs/project.yaml").open("a") as file:
        file.write("\ncapabilities: {data_versioning: true}\n")
    mvops(root, "apply", "--yes").ok()
    mvops(root, "plan", "--detailed-exitcode").ok(0)
    version = mvops(root, "versions", "show", "toy", 1, "--json").ok().json()
    assert version["revisions"]["data_path"]["backend"] == "local"
    for path in (root / "data/regions").glob("*.parquet"):  # the store would give other values today
        values = pd.read_parquet(path)
        values.assign(mean_income=values.mean_income + 1000).to_parquet(path, index=False)
    (root / ".mvops/cache/features/toy.parquet").unlink()
    found = mvops(root, "reproduce", "toy@1", "--json").ok().json()
    assert (found["verdict"], found["differences"]) == ("equal", [])
