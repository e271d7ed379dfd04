"""A model that stays in the Python that made it; here that is this very Python, asked through the same pipe."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression

from mvops.artifacts.elsewhere import Hosted, load_elsewhere, loads_here
from mvops.artifacts.seals import check_seal, seal
from mvops.artifacts.store import ArtifactStore
from mvops.errors import ArtifactError

ROWS = pd.DataFrame({"a": np.arange(40.0), "b": ["x", "y"] * 20, "c": pd.Categorical(["u", None] * 20)})
X, Y = ROWS[["a"]], np.where(ROWS.a > 20, "late", "in time")


def hosted(root: Path, model: object) -> Hosted:
    store = ArtifactStore("artifacts", root)
    return load_elsewhere(store, store.put_bytes(pickle.dumps(model), "cloudpickle"), Path(sys.executable))


def test_it_says_and_predicts_what_the_model_does(tmp_path: Path) -> None:
    model = RandomForestClassifier(5, random_state=0, n_jobs=2).fit(X, Y)
    found = hosted(tmp_path, model)
    assert type(found).__name__ == "RandomForestClassifier"
    assert found.classes_ == ["in time", "late"]
    assert found.feature_names_in_ == ["a"]
    assert hasattr(found, "predict_proba")
    assert not hasattr(found, "decision_function")
    np.testing.assert_array_equal(found.predict(X), model.predict(X))
    np.testing.assert_array_equal(found.predict_proba(X), model.predict_proba(X))  # type: ignore[attr-defined]
    assert {"scikit-learn", "numpy", "scipy", "pandas"} <= found.environment.packages.keys()
    with pytest.raises(RuntimeError, match="ValueError: The feature names should match"):
        found.predict(ROWS[["b"]])
    found._host._process.kill()  # type: ignore[union-attr]  # as the system does when memory runs out
    with pytest.raises(RuntimeError, match="the process of the model ended"):
        found.predict(X)
    np.testing.assert_array_equal(found.predict(X), model.predict(X))  # by a new process
    skops = ArtifactStore("artifacts", tmp_path).put_bytes(b"", "skops")
    assert loads_here(found.environment, skops)
    old = found.environment.packages | {"scikit-learn": "1.1.3"}
    assert not loads_here(found.environment.model_copy(update={"packages": old}), skops)


def test_what_cannot_be_loaded_there_is_one_clear_error(tmp_path: Path) -> None:
    store = ArtifactStore("artifacts", tmp_path)
    artifact = store.put_bytes(b"cno_such_module\nModel\n.", "cloudpickle")
    with pytest.raises(ArtifactError, match="ModuleNotFoundError: No module named 'no_such_module'"):
        load_elsewhere(store, artifact, Path(sys.executable))
    with pytest.raises(ArtifactError, match="nowhere/python, which does not start") as told:
        load_elsewhere(store, artifact, tmp_path / "nowhere/python")
    assert "MVOPS_MODEL_PYTHON" in (told.value.hint or "")


def test_only_what_this_project_sealed_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    artifact = ArtifactStore("artifacts", tmp_path).put_bytes(pickle.dumps(LinearRegression()), "pickle")
    with pytest.raises(ArtifactError, match="key, which says who made it, is not here"):
        check_seal(tmp_path, artifact, "")
    made = seal(tmp_path, artifact)
    assert seal(tmp_path, artifact) == made
    check_seal(tmp_path, artifact, made)
    key = tmp_path / ".mvops" / "model.key"
    assert key.stat().st_mode & 0o077 == 0
    with pytest.raises(ArtifactError, match="did not seal it"):
        check_seal(tmp_path, artifact.model_copy(update={"sha256": "0" * 64}), made)
    monkeypatch.setenv("MVOPS_MODEL_KEY", key.read_text())
    key.unlink()
    check_seal(tmp_path, artifact, made)
