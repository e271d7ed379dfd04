"""A notebook of 2022 on the libraries of 2022, without mvops among them: from promotion to an endpoint."""

from __future__ import annotations

import json
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from toy_project import free_port, mvops, rows, spawn

from mvops import load_model
from mvops.errors import ArtifactError
from mvops.serving.client import EndpointClient

pytestmark = [pytest.mark.system, pytest.mark.long(minutes=1)]

# `DataFrame.append` is gone since pandas 2, `sparse=` since scikit-learn 1.4; RangeIndex filtered is an Int64Index.
CELLS = """
# # Data
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
---
df = pd.read_csv("../data/d.csv")
df = df.append(df.head(10)).reset_index(drop=True)
df.loc[df.age < 20, "region"] = None
X, y = df[["age", "income", "region"]], df["y"].map({0: "no", 1: "yes"})
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.5, random_state=1)
---
hot = OneHotEncoder(sparse=False, handle_unknown="ignore")
encode = make_column_transformer((hot, ["region"]), remainder="passthrough")
model = make_pipeline(encode, RandomForestClassifier(20, random_state=1))
model.fit(X_train, y_train)
---
print(roc_auc_score(y_test, model.predict_proba(X_test)[:, 1]))
"""


def set_up(root: Path, python: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project with the notebook, and a kernel as conda's are."""
    mvops(root.parent, "init", root.name, "--team", "small", "--phase", "day_30", "--port", free_port()).ok()
    book = new_notebook(cells=[new_code_cell(source.strip()) for source in CELLS.split("---")])
    nbformat.write(book, root / "notebooks" / "old.ipynb")
    (root / "data").mkdir(exist_ok=True)
    rows(range(5)).to_csv(root / "data" / "d.csv", index=False)
    spec = root.parent / "jupyter" / "kernels" / "of-2022" / "kernel.json"
    spec.parent.mkdir(parents=True)
    argv = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    env = {"CONDA_PREFIX": str(python.parent.parent)}
    spec.write_text(json.dumps({"argv": argv, "language": "python", "display_name": "2022", "env": env}))
    monkeypatch.setenv("JUPYTER_PATH", str(root.parent / "jupyter"))


def asked(url: str, path: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url + path, data, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read())


def test_a_notebook_of_2022_is_promoted_trained_served_and_made_again(
    tmp_path: Path, outside: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    root, python = tmp_path / "toy", outside("old_kernel") / "python"
    set_up(root, python, monkeypatch)
    made = mvops(root, "promote", "notebooks/old.ipynb", "--kernel", "of-2022", "--verify", "--json").ok().json()
    assert made["verification"]["verdict"] == "equal"
    assert made["verification"]["numbers"] >= 1
    assert len(made["steps"]) > 1  # values went from kernel to kernel

    first = mvops(root, "plan").ok().out
    assert "has no skops: the model is pickled, sealed with the project's key, and loaded by of-2022 only" in first
    mvops(root, "apply", "-y").ok()
    assert "Nothing to do" in mvops(root, "plan").ok().out

    version = mvops(root, "versions", "show", "old", 1, "--json").ok().json()
    environment = version["environment"]
    assert environment["interpreter"] == str(python)
    assert environment["packages"]["scikit-learn"] == "1.1.3"
    assert environment["packages"]["pandas"] == "1.5.3"
    assert "mvops" not in environment["packages"]
    shown = float(made["verification"]["metrics"][0]["original"])
    assert version["metrics"]["roc_auc"] == pytest.approx(shown, abs=1e-12)
    pinned = (root / "deploy/serving/old/model-requirements.txt").read_text()
    assert "scikit-learn==1.1.3" in pinned
    assert "scikit-learn" not in (root / "deploy/serving/old/requirements.txt").read_text()
    assert "ENV MVOPS_MODEL_PYTHON" in (root / "deploy/serving/old/Dockerfile").read_text()

    port = free_port()
    server = spawn(root, "serve", "old", "--port", port)
    try:
        url = f"http://127.0.0.1:{port}"
        EndpointClient(url).ready(timeout=120)
        example = asked(url, "/openapi.json")["paths"]["/predict"]["post"]["requestBody"]
        answer = asked(url, "/predict", example["content"]["application/json"]["example"])
        assert answer["predictions"][0] in {"no", "yes"}
        assert len(answer["probabilities"][0]) == 2
    finally:
        server.terminate()
        server.communicate(timeout=60)

    again = mvops(root, "reproduce", "old@1", "--json").ok().json()
    assert again["verdict"] == "equal", again
    model = load_model("old", directory=root)
    assert set(model.predict(pd.DataFrame({"age": [20.0, 60.0], "income": 1e4, "region": ["a", None]}))) == {
        "no",
        "yes",
    }
    monkeypatch.setenv("MVOPS_MODEL_PYTHON", sys.executable)
    with pytest.raises(ArtifactError, match=r"is not what version 1 of old was made in: it has .*, not 1\.1\.3"):
        load_model("old", directory=root)
