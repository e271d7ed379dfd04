"""P28: in an environment, what backends keep beside mvops' own state is apart as well."""

from __future__ import annotations

from pathlib import Path

import pytest

from mvops import backends
from mvops.backends.feature_stores import _repository
from mvops.contracts.feature_stores import Catalog
from mvops.contracts.trackers import Books
from mvops.core.config.features import FeatureStore


def test_p28_the_feature_store_is_another() -> None:
    plain = Catalog(project="shops", settings=FeatureStore(), views={}, services={})
    staged = plain.model_copy(update={"project": "shops_staging", "environment": "staging"})
    ours, theirs = _repository.settings(plain), _repository.settings(staged)
    assert ours["registry"]["path"] == "../../.mvops/features/registry.db"
    assert theirs["registry"]["path"] == "../../.mvops/env/staging/features/registry.db"
    assert theirs["online_store"]["path"] == "../../.mvops/env/staging/features/online.db"
    assert theirs["project"] == "shops_staging"
    assert "deploy-staging/features" in _repository.files(staged)["feature_store.yaml"]


def test_p28_models_in_mlflow_are_others(tmp_path: Path) -> None:
    pytest.importorskip("mlflow", reason="needs mvops[mlflow]")
    from mvops.backends.trackers.mlflow.options import read_options

    books = Books(root=tmp_path, project="shops", owner="shops 1", options={"uri": "http://127.0.0.1:5000"})
    staged = books.model_copy(update={"project": "shops_staging", "environment": "staging"})
    assert (read_options(books).prefix, read_options(books).experiment) == ("", "shops")
    assert (read_options(staged).prefix, read_options(staged).experiment) == ("staging-", "shops_staging")
    assert ".mvops/env/staging/mlflow" in read_options(staged).artifacts
    chosen = staged.model_copy(update={"options": {**staged.options, "prefix": "pre "}})
    assert read_options(chosen).prefix == "pre "


@pytest.mark.parametrize("name", backends.names("servers"))
def test_p28_what_a_server_generates_names_its_own_folders(name: str) -> None:
    from mvops.contracts.servers import Service

    service = Service(
        model="churn",
        description="",
        host="127.0.0.1",
        port=8100,
        max_rows=10,
        state=".mvops/env/staging/serving/churn",
        artifacts=".mvops/env/staging/artifacts",
        predictions="sqlite:///.mvops/env/staging/predictions.db",
        python="3.11",
        requirements=("numpy==2.4.0",),
        environment="staging",
    )
    made = backends.load("servers", name).files(service)
    for path, text in made.items():
        assert "deploy/" not in text, path
        assert ".mvops" not in text.replace(".mvops/env/staging", "").replace("`.mvops`", ""), path
    assert "mvops --env staging serve churn" in made["README.md"]
    assert "-t churn-staging" in made["Dockerfile"]
