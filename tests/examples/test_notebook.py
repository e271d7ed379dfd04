"""The example's notebook: it runs, does what it says, and sees nothing that is not known an hour before departure."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import nbformat
import pandas as pd
import pytest
import skops.io
from nbclient import NotebookClient

from mvops import assets
from mvops.backends.examples.flights import Flights

NOTEBOOK = assets.notebooks() / "flight_delay.ipynb"
AFTERWARDS = {"dep_time", "dep_delay", "arr_time", "arr_delay", "air_time", "late"}
KEYS = ["scheduled", "carrier", "flight", "origin"]
KEEP = """
import json
import os
import resource
import skops.io
from sklearn.base import clone

# On Linux ru_maxrss starts with what the process that forked this one held; the kernel's own is in status.
status = open("/proc/self/status").read().split() if os.path.exists("/proc/self/status") else []
peak = int(status[status.index("VmHWM:") + 1]) if status else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
keys = test[["scheduled", "carrier", "flight", "origin", "late"]].add_prefix("key_")
X_test.join(keys).to_parquet("features.parquet")
skops.io.dump(model, "model.skops")
again = clone(model).fit(X_train, y_train).predict_proba(X_test)[:, 1]
facts = {
    "roc_auc": roc_auc,
    "log_loss": loss,
    "again": roc_auc_score(y_test, again),
    "train_until": str(train["scheduled"].max()),
    "test_since": str(test_times.min()),
    "days": int(test["date"].nunique()),
    "same_columns": list(X_train.columns) == list(X_test.columns),
    "kilobytes": peak,
    "unseen": model.predict_proba(X_test.head(1).assign(dest="XXX", temp=float("nan"))).tolist(),
}
with open("facts.json", "w") as file:
    json.dump(facts, file)
"""

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("flight_delay")]


@dataclass(frozen=True)
class Executed:
    """A run of the notebook on January to March, with what its last cells held."""

    text: str
    features: pd.DataFrame
    keys: pd.DataFrame
    facts: dict[str, Any]
    model: Path


@pytest.fixture(scope="session")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Executed:
    root = tmp_path_factory.mktemp("flights")
    Flights().write_data(root)
    folder = root / "notebooks"
    folder.mkdir()
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(KEEP))
    client = NotebookClient(notebook, timeout=300)
    client.execute(cwd=str(folder), env={**os.environ, "OMP_NUM_THREADS": "1"})
    streams = [out for cell in notebook.cells for out in cell.get("outputs", []) if out.output_type == "stream"]
    assert {out.name for out in streams} == {"stdout"}  # no warnings
    frame = pd.read_parquet(folder / "features.parquet")
    of_keys = [name for name in frame if name.startswith("key_")]
    return Executed(
        "".join(out.text for out in streams),
        frame.drop(columns=of_keys),
        frame[of_keys].rename(columns=lambda name: name.removeprefix("key_")),
        json.loads((folder / "facts.json").read_text()),
        folder / "model.skops",
    )


def test_it_is_a_notebook_of_someone_who_never_heard_of_us() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert notebook.metadata.kernelspec.name == "python3"
    assert NOTEBOOK.stat().st_size < 300_000
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert not [out for cell in code for out in cell.outputs if out.output_type == "error"]
    assert sum(cell.source == "%matplotlib inline" for cell in code) == 1
    assert "mvops" not in NOTEBOOK.read_text()
    assert not any(cell.metadata.get("tags") for cell in notebook.cells)


def test_the_numbers_are_those_in_the_saved_outputs(executed: Executed) -> None:
    saved = "".join(
        out.text
        for cell in nbformat.read(NOTEBOOK, as_version=4).cells
        for out in cell.get("outputs", [])
        if out.output_type == "stream"
    )
    pattern = r"^(roc_auc|log_loss)\s+([\d.]+)$"
    told = {name: float(value) for name, value in re.findall(pattern, saved, re.MULTILINE)}
    printed = {name: float(value) for name, value in re.findall(pattern, executed.text, re.MULTILINE)}
    assert printed == {name: round(executed.facts[name], 4) for name in ("roc_auc", "log_loss")}
    assert printed == pytest.approx(told, abs=0.01)  # other releases of scikit-learn may differ a little
    assert printed["roc_auc"] > 0.68
    assert executed.facts["again"] == executed.facts["roc_auc"]


def test_the_split_is_by_time(executed: Executed) -> None:
    facts = executed.facts
    assert pd.Timestamp(facts["train_until"]) < pd.Timestamp(facts["test_since"])
    assert facts["days"] == 14
    assert facts["same_columns"]


def test_it_stays_within_a_gigabyte(executed: Executed) -> None:
    unit = 1 if sys.platform == "darwin" else 1024
    assert executed.facts["kilobytes"] * unit < 1e9


def test_no_feature_is_known_only_afterwards(executed: Executed) -> None:
    assert not AFTERWARDS & set(executed.features)


def test_the_features_of_the_replay_are_those_of_the_notebook(
    executed: Executed, tables: tuple[Any, Any], replay: ModuleType
) -> None:
    rows = replay.prepare(*tables)
    sent = executed.keys.merge(rows, on=KEYS, how="left", validate="one_to_one", suffixes=("_there", ""))
    features = executed.features.reset_index(drop=True)
    assert len(sent) > 12_000
    assert list(features) == replay.FEATURES
    pd.testing.assert_frame_equal(sent[replay.FEATURES], features, check_exact=True)
    assert sent["late"].astype("int64").tolist() == sent["late_there"].tolist()


def test_what_is_sent_as_json_is_the_same_again(
    executed: Executed, tables: tuple[Any, Any], replay: ModuleType
) -> None:
    rows = replay.prepare(*tables)
    of_day = rows[(rows["date"] == "2013-03-20") & rows["late"].notna()]
    body = json.loads(json.dumps(replay.request_of(of_day), allow_nan=False))
    sent = pd.DataFrame(body["rows"]).astype(executed.features.dtypes)
    there = executed.features[(executed.keys["scheduled"].isin(of_day["scheduled"]))].reset_index(drop=True)
    pd.testing.assert_frame_equal(sent, there, check_exact=True)
    assert pd.to_datetime(pd.Series(body["time"])).tolist() == of_day["scheduled"].tolist()


def test_the_model_holds_nothing_but_scikit_learns_own_trees(executed: Executed) -> None:
    assert skops.io.get_untrusted_types(file=executed.model) == [
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"
    ]


def test_an_unknown_airport_and_missing_weather_are_answered(executed: Executed) -> None:
    ((no, yes),) = executed.facts["unseen"]
    assert no + yes == pytest.approx(1)
    assert 0 < yes < 1


def test_more_months_in_the_folder_need_no_change(tmp_path: Path) -> None:
    """The reading, joining and splitting cells on three other months, without the training."""
    Flights().write_data(tmp_path, months=[3, 4])
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    wanted = ["imports", "read-flights", "read-weather", "join", "features", "clean", "split", "columns"]
    source = "\n".join(cell.source for cell in notebook.cells if cell.id in wanted)
    folder = tmp_path / "notebooks"
    folder.mkdir()
    shutil.copy(NOTEBOOK, folder)
    namespace: dict[str, Any] = {}
    exec(compile(source.replace("../data", str(tmp_path / "data")), "notebook", "exec"), namespace)
    assert namespace["test"]["date"].agg(["min", "max"]).astype(str).tolist() == ["2013-04-17", "2013-04-30"]
    assert namespace["train"]["date"].min() == pd.Timestamp("2013-03-01")
