"""Our join of Parquet files: that of Feast where Feast answers, and right where it drops rows."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
import toy_features

from mvops.contracts.feature_stores import Catalog
from mvops.core.config.features import FeatureStore, FeatureView

BEGIN = pd.Timestamp("2024-01-01", tz="UTC")


def view(path: str, ttl: str | None, created: str | None = None) -> FeatureView:
    source = {"path": path, "timestamp": "at", "created": created}
    return FeatureView.model_validate(
        {"entities": {"shop": "string"}, "source": source, "fields": {path[5:8]: "float64"}, "ttl": ttl}
    )


@pytest.fixture(scope="module")
def library() -> ModuleType:
    return toy_features.library()


@pytest.fixture
def catalog(library: ModuleType, tmp_path: Path) -> Catalog:
    random = np.random.default_rng(0)
    (tmp_path / "data").mkdir()
    (tmp_path / "deploy" / "features").mkdir(parents=True)
    for name in ("one", "two"):
        at = BEGIN + pd.to_timedelta(1440 + random.choice(1440 * 19, 400, replace=False), unit="min")
        frame = pd.DataFrame({"shop": random.choice(list("abc"), 400), "at": at, name: random.random(400)})
        frame["made"] = BEGIN + pd.to_timedelta(random.permutation(400), unit="s")
        frame.to_parquet(tmp_path / "data" / f"{name}.parquet", index=False)
    views = {"first": view("data/one.parquet", "36h", "made"), "second": view("data/two.parquet", None, "made")}
    services = {"model": {"first": ("one",), "second": ("two",)}}
    made = Catalog(project="shops", settings=FeatureStore(), views=views, services=services)
    for name in views:
        library.put_view(tmp_path, made, name)
    library.put_service(tmp_path, made, "model")
    return made


@pytest.mark.real("feature_stores", "feast", "the same join as get_historical_features")
def test_the_join_is_feasts(library: ModuleType, tmp_path: Path, catalog: Catalog) -> None:
    random = np.random.default_rng(1)
    times = BEGIN + pd.to_timedelta(random.choice(24 * 60 * 19, 300, replace=False) + 24 * 60 * 3, unit="min")
    rows = pd.DataFrame({"shop": random.choice(list("abc"), 300), "time": times}, index=range(1000, 1300))
    ours = library.join(tmp_path, catalog, "model", rows, "time")
    with library._opened(tmp_path, catalog) as store:
        theirs = library._asked_of_feast(store, store.get_feature_service("model"), rows, "time")
    answered = theirs.notna().any(axis="columns")
    assert answered.mean() > 0.8
    pd.testing.assert_frame_equal(ours[answered], theirs.loc[answered, ours.columns])
    assert ours.loc[~answered, "one"].isna().all(), "Feast drops what is older than a view's ttl, with the other view's"


def test_of_two_values_with_one_time_the_one_that_was_made_last_counts(
    library: ModuleType, tmp_path: Path, catalog: Catalog
) -> None:
    at = BEGIN + pd.Timedelta("2d")
    made = [BEGIN + pd.Timedelta(f"{hours}h") for hours in (5, 9, 7)]
    values = pd.DataFrame({"shop": "a", "at": at, "made": made, "one": [1.0, 2.0, 3.0]})
    values.to_parquet(tmp_path / "data" / "one.parquet", index=False)
    rows = pd.DataFrame({"shop": ["a"], "time": [at]})
    assert library.join(tmp_path, catalog, "model", rows, "time").one.tolist() == [2.0]


def test_a_row_of_which_one_view_knows_nothing_keeps_what_the_other_knows(
    library: ModuleType, tmp_path: Path, catalog: Catalog
) -> None:
    path = tmp_path / "data" / "one.parquet"
    values = pd.read_parquet(path)
    values.loc[values.index[0], ["shop", "at"]] = ["d", BEGIN + pd.Timedelta("2d")]
    values.to_parquet(path, index=False)
    rows = pd.DataFrame({"shop": ["d"], "time": [BEGIN + pd.Timedelta("3d")]})
    found = library.join(tmp_path, catalog, "model", rows, "time")
    assert found.one.notna().all()
    assert found.two.isna().all()
