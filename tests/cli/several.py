"""A project whose pipeline is of three notebooks: they hand on files and variables, and run in two folders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from toy_project import free_port, mvops, rows, write_notebook

YAML = """
pipeline:
  notebooks: [work/01_load.ipynb, work/02_features.ipynb, train/03_train.ipynb]
  inputs: {data_path: data/d.csv}
  parameters: {C: 1.0}
  outputs: {model: model, features: X_test, target: y_test}
evaluate: {task: classification, metrics: [roc_auc]}
gate: [roc_auc >= 0.6]
"""
LOAD: dict[str, tuple[str, ...]] = {
    """
    data_path = "../data/d.csv"
    keep = 0.5
    """: ("parameters",),
    """
    import os
    import pandas as pd
    os.environ["ONLY_HERE"] = "1"
    """: ("setup",),
    """
    columns = ["age", "income"]
    class Older:
        def __init__(self, years):
            self.years = years
        def of(self, table):
            return table.assign(age=table.age + self.years)
    older = Older(1)
    """: ("step:names",),
    """
    df = pd.read_csv(data_path)
    df.to_parquet("clean.parquet")
    """: ("step:load",),
}
FEATURES: dict[str, tuple[str, ...]] = {
    """
    import pandas as pd
    table = older.of(pd.read_parquet("clean.parquet"))
    table.to_parquet("../train/table.parquet")
    """: (),
}
TRAIN: dict[str, tuple[str, ...]] = {
    """
    C = 0.1
    """: ("parameters",),
    """
    import os
    import pandas as pd
    from sklearn.linear_model import LogisticRegression
    """: ("setup",),
    """
    rows = pd.read_parquet("table.parquet")
    train = rows.day < rows.day.max() - 19
    X_train, y_train = rows.loc[train, columns], rows.loc[train, "y"]
    X_test, y_test = rows.loc[~train, columns], rows.loc[~train, "y"]
    """: ("step:split",),
    """
    assert "ONLY_HERE" not in os.environ
    model = LogisticRegression(C=C).fit(X_train, y_train)
    print(model.score(X_test, y_test), keep)
    """: ("step:fit",),
}


def make_several(root: Path) -> Path:
    mvops(root.parent, "init", root.name, "--team", "small", "--phase", "day_30", "--port", free_port()).ok()
    for path, cells in (("work/01_load", LOAD), ("work/02_features", FEATURES), ("train/03_train", TRAIN)):
        write_notebook(root / f"{path}.ipynb", cells)
    (root / "configs/models/toy.yaml").write_text(YAML)
    rows(range(40)).to_csv(root / "data/d.csv", index=False)
    return root


def ran(root: Path, *arguments: object) -> dict[str, str]:
    """Run the pipeline: step -> succeeded or cached."""
    done: dict[str, Any] = mvops(root, "run", "toy", *arguments, "--json").ok().json()
    return {step["step"]: step["status"] for step in done["steps"]}


def rewrite(path: Path, old: str, new: str) -> None:
    """Replace text in a notebook's code."""
    book = json.loads(path.read_text())
    for cell in book["cells"]:
        cell["source"] = "".join(cell["source"]).replace(old, new)
    path.write_text(json.dumps(book))
