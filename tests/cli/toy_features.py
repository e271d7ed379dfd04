"""The toy project with a feature store: how old each customer's region is, and what it earned lately."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import toy_project as toy

START = pd.Timestamp("2024-01-01", tz="UTC")
VIEW = """\
description: what a region earned lately
owner: data team
entities: {region: string}
source: {path: data/regions/*.parquet, timestamp: day_end}
fields: {mean_income: float64, customers: int64}
ttl: 3d
"""
FEATURES = """\
  features:
    parameter: data_path
    rows: data/rows.parquet
    timestamp: time
    fields: {regions: [mean_income, customers]}
"""
NO_FEATURES = """\
  inputs: {data_path: data/rows.parquet}
"""
YAML = f"""
pipeline:
  notebook: pipelines/toy.ipynb
{FEATURES}\
  parameters: {{C: 1.0}}
  outputs: {{model: model, features: X_test, target: y_test, train_features: X_train, times: test_times}}
evaluate: {{task: classification, metrics: [roc_auc, log_loss]}}
gate: [roc_auc >= 0.6]
monitor: {{every: 1d, outcomes: {{delay: 1d}}, alerts: [ops]}}
"""
CELLS: dict[str, tuple[str, ...]] = {
    """
    data_path = "../data/rows.parquet"
    C = 1.0
    """: ("parameters",),
    """
    import pandas as pd
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    """: ("setup",),
    """
    df = pd.read_parquet(data_path)
    columns = ["age", "income", "mean_income", "customers"]
    train = df.day < df.day.max() - 19
    X_train, y_train = df.loc[train, columns], df.loc[train, "y"]
    X_test, y_test = df.loc[~train, columns], df.loc[~train, "y"]
    test_times = df.loc[~train, "time"]
    """: ("step:features",),
    """
    model = make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression(C=C)).fit(X_train, y_train)
    print(roc_auc_score(y_test, model.predict_proba(X_test)[:, 1]))
    """: ("step:train",),
}


def rows(days: range) -> pd.DataFrame:
    """Those of the toy project, each with a time of its day."""
    frame = toy.rows(days)
    seconds = np.tile(np.arange(100) // 4 * 2400, len(days))  # so that some rows are alike for a feature store
    frame["time"] = START + pd.to_timedelta(frame.day, unit="D") + pd.to_timedelta(seconds, unit="s")
    frame["time"] = frame["time"].dt.as_unit("us")
    return frame


def regions(frame: pd.DataFrame) -> pd.DataFrame:
    """For each region and day what is known when the day has ended."""
    found = frame.groupby(["day", "region"]).agg(mean_income=("income", "mean"), customers=("income", "size"))
    found = found.reset_index()
    found["day_end"] = (START + pd.to_timedelta(found.day + 1, unit="D")).dt.as_unit("us")
    return found.drop(columns="day")


def library() -> ModuleType:
    """The backend's way into Feast, to change the store as somebody else would.

    Imported by who runs such a test: it takes seconds, and every worker collects every file.
    """
    return importlib.import_module("mvops.backends.feature_stores._library")


def make(root: Path) -> Path:
    """The toy project with a view, and with a pipeline that reads it."""
    toy.make_toy(root)
    toy.write_notebook(root / "pipelines" / "toy.ipynb", CELLS)
    (root / "configs" / "models" / "toy.yaml").write_text(YAML)
    (root / "configs" / "features").mkdir()
    (root / "configs" / "features" / "regions.yaml").write_text(VIEW)
    (root / "data" / "d.csv").unlink()
    frame = rows(range(60))
    frame.to_parquet(root / "data" / "rows.parquet", index=False)
    (root / "data" / "regions").mkdir()
    found = regions(frame)
    for part, several in found.groupby(found.day_end.dt.month):
        several.to_parquet(root / "data" / "regions" / f"2024-{part:02}.parquet", index=False)
    return root
