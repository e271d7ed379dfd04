"""What every server of `bench_serve.py` answers with: a pipeline on twelve mixed columns, and the rows it is asked."""

from __future__ import annotations

import sys
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

NUMBERS = [f"number{place}" for place in range(8)]
TEXTS = [f"text{place}" for place in range(4)]
ROWS = 4_000


def frame() -> pd.DataFrame:
    """Six columns of numbers, two of integers, four of texts."""
    random = np.random.default_rng(0)
    made = pd.DataFrame({name: random.normal(place, 1 + place, ROWS) for place, name in enumerate(NUMBERS[:6])})
    made[NUMBERS[6]], made[NUMBERS[7]] = random.integers(0, 100, ROWS), random.integers(0, 24, ROWS)
    for name, many in zip(TEXTS, (3, 6, 12, 20), strict=True):
        made[name] = random.choice([f"{name}-{value}" for value in range(many)], ROWS)
    return made


def target(made: pd.DataFrame) -> pd.Series:
    """Which a forest of a hundred trees finds about as deep as in real data."""
    noise = np.random.default_rng(1).normal(0, 1, ROWS)
    return (made["number0"] + made["number1"] / 2 + (made["number7"] > 12) + noise > 1.5).astype(int)


def fitted(kind: str) -> Pipeline:
    """`forest` or `logistic`."""
    columns = ColumnTransformer(
        [("numbers", StandardScaler(), NUMBERS), ("texts", OneHotEncoder(handle_unknown="ignore"), TEXTS)]
    )
    model = RandomForestClassifier(100, random_state=0) if kind == "forest" else LogisticRegression(max_iter=1000)
    made = frame()
    return Pipeline([("columns", columns), ("model", model)]).fit(made, target(made))


def load(folder: Path, kind: str) -> Pipeline:
    """As every peer loads it."""
    return joblib.load(folder / f"{kind}.joblib")


if __name__ == "__main__":
    place = Path(sys.argv[1])
    for name in ("forest", "logistic"):
        joblib.dump(fitted(name), place / f"{name}.joblib")
    (place / "rows.json").write_text(frame().iloc[:100].to_json(orient="records"))
