"""MLflow behind a password, and what happens to its files by hand."""

from __future__ import annotations

import pickle
import sqlite3
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from mlflow_server import MlflowServer
from sklearn.linear_model import LinearRegression

from mvops import backends
from mvops.contracts.trackers import Books
from mvops.errors import BackendError

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("mlflow")]


def books(folder: Path, **options: Any) -> Books:
    return Books(root=folder, project="exam", owner="exam 0123abcd", options=options)


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory, outside: Callable[[str], Path]) -> Iterator[MlflowServer]:
    pytest.importorskip("mlflow", reason="needs mlflow")
    folder = tmp_path_factory.mktemp("locked")
    settings = folder / "auth.ini"
    settings.write_text(
        "[mlflow]\ndefault_permission = READ\nadmin_username = ann\nadmin_password = l0ng-s3cr3t-w0rd\n"
        f"database_uri = sqlite:///{folder}/auth.db\n"
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
    )
    environment = {"MLFLOW_AUTH_CONFIG_PATH": str(settings), "MLFLOW_FLASK_SERVER_SECRET_KEY": "only for this test"}
    server = MlflowServer(outside("mlflow"), folder, "--app-name", "basic-auth", environment=environment)
    server.start()
    yield server
    server.stop()


@pytest.mark.real("trackers", "mlflow", "a server with basic authentication")
def test_a_password_is_taken_from_mlflows_own_variables_and_a_wrong_one_is_named(
    locked: MlflowServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracker, kept = backends.load("trackers", "mlflow"), books(tmp_path, uri=locked.url)
    for password in (None, "a-wr0ng-w0rd"):
        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ann")
        if password is None:
            monkeypatch.delenv("MLFLOW_TRACKING_PASSWORD", raising=False)
        else:
            monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", password)
        for ask in (lambda: tracker.look(kept, "toy"), lambda: tracker.set_aliases(kept, "toy", {})):
            with pytest.raises(BackendError, match="refuses these credentials") as refused:
                ask()
            assert "MLFLOW_TRACKING_USERNAME" in str(refused.value.hint)
            assert "w0rd" not in str(refused.value)
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "l0ng-s3cr3t-w0rd")
    assert tracker.look(kept, "toy") is None
    tracker.set_aliases(kept, "toy", {})


@pytest.fixture
def client(tmp_path: Path) -> Any:
    pytest.importorskip("mlflow", reason="needs mlflow")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlflow import MlflowClient

        made = MlflowClient(f"sqlite:///{tmp_path}/mlflow.db", f"sqlite:///{tmp_path}/mlflow.db")
        made.create_registered_model("toy", {"mvops.owner": "exam 0123abcd"})
        for number in (1, 2):
            tags = {"mvops.version": str(number), "mvops.artifact": f"{number:064d}"}
            made.create_model_version("toy", f"{tmp_path}/model", tags=tags)
    return made


def test_what_was_deleted_in_a_database_is_not_there(client: Any, tmp_path: Path) -> None:
    tracker, kept = backends.load("trackers", "mlflow"), books(tmp_path, uri="sqlite:///mlflow.db")
    assert tracker.look(kept, "toy").versions == {1: f"{1:064d}", 2: f"{2:064d}"}
    client.set_registered_model_alias("toy", "champion", "1")
    client.delete_model_version("toy", "1")
    seen = tracker.look(kept, "toy")
    assert seen.versions == {2: f"{2:064d}"}
    assert seen.aliases == {}
    with pytest.raises(BackendError, match="has no version 1 of toy to call champion"):
        tracker.set_aliases(kept, "toy", {"champion": 1})


def test_a_look_makes_no_database_and_reads_one_that_it_does_not_know_with_mlflows_own_code(
    client: Any, tmp_path: Path
) -> None:
    tracker = backends.load("trackers", "mlflow")
    assert tracker.look(books(tmp_path, uri="sqlite:///nothing.db"), "toy") is None
    assert not (tmp_path / "nothing.db").exists()
    with sqlite3.connect(tmp_path / "empty.db"):
        pass
    assert tracker.look(books(tmp_path, uri="sqlite:///empty.db"), "toy") is None


def test_a_deleted_experiment_is_named_with_the_way_back(client: Any, tmp_path: Path) -> None:
    kept = books(tmp_path, uri="sqlite:///mlflow.db", experiment="gone")
    client.delete_experiment(client.create_experiment("gone"))
    from mvops.backends.trackers.mlflow.client import Client
    from mvops.backends.trackers.mlflow.options import read_options

    ours = Client(kept.owner, read_options(kept))
    with ours._asking() as asked, pytest.raises(BackendError, match="was deleted in MLflow") as refused:
        ours._experiment(asked)
    assert "mlflow experiments restore" in str(refused.value.hint)


def test_a_model_of_another_python_is_written_as_it_is_and_mlflow_loads_it(tmp_path: Path) -> None:
    pytest.importorskip("mlflow", reason="needs mlflow")
    rows = pd.DataFrame({"a": [1.0, 2.0, 3.0]})
    there = SimpleNamespace(interpreter="/of/2022/python", python="3.11.2", packages={"scikit-learn": "1.1.3"})
    version = SimpleNamespace(artifact=SimpleNamespace(format="cloudpickle"), environment=there)
    model = pickle.dumps(LinearRegression().fit(rows, rows.a))
    report: Any = SimpleNamespace(version=version, artifact=model, requirements=("scikit-learn==1.1.3",))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlflow.pyfunc import load_model

        from mvops.backends.trackers.mlflow.models import write_model

        write_model(tmp_path / "model", report)
        assert load_model(str(tmp_path / "model")).predict(rows).round(6).tolist() == [1, 2, 3]
    assert (tmp_path / "model" / "requirements.txt").read_text() == "scikit-learn==1.1.3\n"
