"""P29: a model that is in MLflow already is taken over, and nothing of it is run that nobody trusts."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
import toy_project as toy
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from toy_project import edit, mvops, snapshot

pytestmark = [
    pytest.mark.system,
    pytest.mark.xdist_group("mlflow"),
    pytest.mark.real("trackers", "mlflow", "models of its registry on SQLite are imported"),
]
HELD_OUT = ("--data", "data/held_out.csv", "--target", "y")


class Evil(LogisticRegression):
    """Unpickled, it leaves a file."""

    path = ""

    def __reduce__(self) -> Any:
        return Path.touch, (Path(self.path),)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A registry with a model's versions: 1 as skops, 2 as cloudpickle and champion, 3 that does harm; and the harm."""
    pytest.importorskip("mlflow", reason="needs mlflow")
    folder = tmp_path_factory.mktemp("theirs")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlflow import MlflowClient
        from mlflow.models import infer_signature
        from mlflow.sklearn import save_model

        frame = toy.rows(range(40))
        columns = ["region", "income", "age"]
        client = MlflowClient(f"sqlite:///{folder}/mlflow.db", f"sqlite:///{folder}/mlflow.db")
        client.create_registered_model("Churn Model")
        encoded = make_column_transformer(
            (OneHotEncoder(handle_unknown="ignore"), ["region"]), remainder=StandardScaler()
        )
        harm = folder / "harm"
        evil = Evil().fit(frame[["age"]], frame.y)
        evil.path = str(harm)
        for number, (model, features, written) in enumerate(
            [
                (make_pipeline(encoded, LogisticRegression(C=1.0)), columns, "skops"),
                (make_pipeline(encoded, LogisticRegression(C=0.5)), columns, "cloudpickle"),
                (evil, ["age"], "cloudpickle"),
            ]
        ):
            if model is not evil:
                model.fit(frame[features], frame.y)
            save_model(
                model,
                str(folder / f"v{number}"),
                serialization_format=written,
                signature=infer_signature(frame[features]),
                pip_requirements=["scikit-learn"],
            )
            client.create_model_version("Churn Model", (folder / f"v{number}").as_uri())
        client.set_registered_model_alias("Churn Model", "champion", "2")
    harm.unlink(missing_ok=True)
    return f"sqlite:///{folder}/mlflow.db", harm


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """A project without a model, and rows that theirs has not seen."""
    root = tmp_path / "mine"
    mvops(tmp_path, "init", "mine", "--team", "small", "--phase", "day_30", "--port", toy.free_port()).ok()
    toy.rows(range(40, 60), seed=1).to_csv(root / "data/held_out.csv", index=False)
    return root


def test_p29_a_model_in_mlflow_becomes_a_version_with_its_source_on_record(
    store: tuple[str, Path], empty: Path
) -> None:
    uri, harm = store
    mvops(empty, "import", "models:/Churn Model/1", *HELD_OUT).refused("not said where MLflow is", "--uri")
    before = snapshot(empty)
    mvops(empty, "import", "churn", *HELD_OUT).refused("names nothing that can be taken over", "models:/NAME/VERSION")
    mvops(empty, "import", "models:/a/b/c", *HELD_OUT, "--uri", uri).refused("names no model", "models:/NAME/VERSION")
    mvops(empty, "import", "models:/Churn/1", *HELD_OUT, "--uri", uri).refused(
        "has no model Churn; did you mean 'Churn Model'?", "Models there: Churn Model"
    )
    for version, called in (("/9", "version 9"), ("@best", "alias best")):
        mvops(empty, "import", f"models:/Churn Model{version}", *HELD_OUT, "--uri", uri).refused(
            f"has no {called} of Churn Model", "Versions there: 3, 2, 1, @champion"
        )
    for nowhere in (f"sqlite:///{empty}/nosuch.db", "sqlite:///nosuch.db"):
        mvops(empty, "import", "models:/x/1", *HELD_OUT, "--uri", nowhere).refused(
            f"there is no MLflow database {empty.resolve()}/nosuch.db", "--uri sqlite:///FILE"
        )
    for version in ("/3", "", "@champion"):
        mvops(empty, "import", f"models:/Churn Model{version}", *HELD_OUT, "--uri", uri).refused(
            "is a pickle, which can run any code", "--trust-pickle"
        )
    assert not harm.exists()
    mvops(empty, "import", "models:/Churn Model/1", *HELD_OUT[:3], "x", "--uri", uri).refused("no rows with 'x'")
    assert snapshot(empty) == before

    said = mvops(empty, "import", "models:/Churn Model/1", *HELD_OUT, "--uri", uri).ok().out
    assert "models:/Churn Model/1 is churn_model here" in said
    assert "nothing is registered or served yet" in said
    assert "metrics: [roc_auc, log_loss]" in (empty / "configs/models/churn_model.yaml").read_text()
    mvops(empty, "apply", "--yes").ok()
    mvops(empty, "plan", "--detailed-exitcode").ok(0)
    shown = mvops(empty, "versions", "show", "churn_model", 1, "--json").ok().json()
    assert shown["artifact"]["format"] == "skops"
    assert shown["parameters"]["source"] == "models:/Churn Model/1"
    assert shown["metrics"]["roc_auc"] > 0.6

    was = snapshot(empty)
    again = ("import", "models:/Churn Model/1", *HELD_OUT, "--uri", uri)
    assert "is churn_model here already: nothing to do" in mvops(empty, *again).ok().out
    assert snapshot(empty) == was
    mvops(empty, "plan", "--detailed-exitcode").ok(0)

    edit(empty / "configs/models/churn_model.yaml", "description: ", "owner: ana  # mine\ndescription: ")
    mine = (empty / "configs/models/churn_model.yaml").read_text()
    args = ("import", "mlflow://Churn Model@champion", *HELD_OUT, "--uri", uri, "--trust-pickle", "--json")
    done = mvops(empty, *args).ok().json()
    assert (done["source"], done["already"]) == ("models:/Churn Model/2", False)
    assert "what serves stays until its gate says yes" in done["notes"][-1]
    assert (empty / "configs/models/churn_model.yaml").read_text() == mine
    was = snapshot(empty)
    assert mvops(empty, *args).ok().json()["already"]  # the pickle is not loaded again
    assert snapshot(empty) == was
    planned = {a["address"]: a["verb"] for a in mvops(empty, "plan", "--json").ok().json()["actions"]}
    assert (planned["dataset.model"], planned["model.churn_model"]) == ("adopt", "update")
