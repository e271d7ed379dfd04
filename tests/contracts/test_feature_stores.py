"""The examination of every feature store: what is put there is known, joined, brought online, found, and taken away."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from mvops.contracts.feature_stores import Catalog, FeatureStore
from mvops.core.config.features import FeatureStore as Settings
from mvops.core.config.features import FeatureView
from mvops.core.lookup import Lookup, LookupKey, LookupView

DAY = [pd.Timestamp(f"2024-01-0{day}", tz="UTC") for day in range(1, 8)]
VIEW = {
    "description": "what a shop sold",
    "owner": "sales",
    "entities": {"shop": "string", "floor": "int64"},
    "source": {"path": "data/*.parquet", "timestamp": "at"},
    "fields": {"sold": "int64", "share": "float64", "open": "bool", "best": "string"},
    "ttl": "3d",
}


@pytest.fixture
def store(backend: FeatureStore) -> FeatureStore:
    return backend


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    (tmp_path / "data").mkdir()
    rows = [
        ("a", 1, DAY[0], 1, 0.5, True, "tea"),
        ("a", 1, DAY[2], 2, None, False, "jam"),
        ("b", 2, DAY[1], 3, 0.1, True, "pie"),
    ]
    columns = ["shop", "floor", "at", "sold", "share", "open", "best"]
    pd.DataFrame(rows, columns=columns).to_parquet(tmp_path / "data" / "2024.parquet", index=False)
    services = {"demand": {"shops": ("sold", "best")}}
    view = FeatureView.model_validate(VIEW)
    return Catalog(project="shops", settings=Settings(), views={"shops": view}, services=services)


def lookup() -> Lookup:
    keys = {"floor": LookupKey(kind="int64"), "shop": LookupKey(kind="string")}
    fields = ("sold", "share", "open", "best")
    return Lookup(keys=keys, views={"shops": LookupView(fields=fields, entities=("floor", "shop"))})


def made(store: FeatureStore, root: Path, catalog: Catalog) -> None:
    for path, text in store.files(catalog).items():
        file = root / store.folder() / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    for _ in range(2):  # doing it twice is doing it once
        store.put_view(root, catalog, "shops")
        store.put_service(root, catalog, "demand")


def test_a_life(store: FeatureStore, tmp_path: Path, catalog: Catalog) -> None:
    assert store.known(tmp_path, catalog).views == {}
    assert store.check(tmp_path, catalog, "shops") == []
    made(store, tmp_path, catalog)

    known = store.known(tmp_path, catalog)
    assert known.views["shops"] == catalog.views["shops"].model_dump(mode="json")
    assert known.services == {"demand": {"shops": ["sold", "best"]}}
    assert known.materialized == {}

    rows = pd.DataFrame(
        {"shop": ["b", "a", "a", "a", "c"], "floor": [2, 1, 1, 1, 1], "time": [DAY[3], DAY[1], DAY[2], DAY[6], DAY[3]]}
    )
    joined = store.join(tmp_path, catalog, "demand", rows, "time")
    assert joined.sold.fillna(0).tolist() == [3, 1, 2, 0, 0], "at its time counts, older than three days does not"
    assert joined.best.fillna("").tolist() == ["pie", "tea", "jam", "", ""]

    store.materialize(tmp_path, catalog, ["shops"], datetime(2024, 1, 2, 12, tzinfo=UTC))
    reader = store.reader(tmp_path, catalog, lookup())
    assert reader.read([{"shop": "a", "floor": 1}])[0]["sold"] == (1, DAY[0])
    store.materialize(tmp_path, catalog, ["shops"], datetime(2024, 1, 5, tzinfo=UTC))
    assert store.known(tmp_path, catalog).materialized == {"shops": datetime(2024, 1, 5, tzinfo=UTC)}
    first, second, third = reader.read(
        [{"shop": "a", "floor": 1}, {"shop": "c", "floor": 1}, {"shop": "b", "floor": 2}]
    )
    assert {name: value for name, (value, _) in first.items()} == {
        "sold": 2,
        "share": None,
        "open": False,
        "best": "jam",
    }
    assert second == {}
    assert third["share"] == (0.1, DAY[1])
    assert reader.gone() == ()

    store.remove_service(tmp_path, catalog, "demand")
    for _ in range(2):
        store.remove_view(tmp_path, catalog, "shops")
    assert store.known(tmp_path, catalog).views == {}
    assert reader.gone() == ("shops",)
    store.remove(tmp_path, catalog)
    assert sorted(path.name for path in (tmp_path / ".mvops").rglob("*") if path.is_file()) == []


def test_what_a_source_lacks_is_told(store: FeatureStore, tmp_path: Path, catalog: Catalog) -> None:
    path = tmp_path / "data" / "2024.parquet"
    pd.read_parquet(path).drop(columns=["at", "best"]).to_parquet(path)
    flaws = store.check(tmp_path, catalog, "shops")
    assert [(flaw.section, flaw.word) for flaw in flaws] == [("source", "at"), ("fields", "best")]
    before = store.digest(tmp_path, catalog, "shops", tmp_path / "cache")
    pd.read_parquet(path).assign(sold=0).to_parquet(path)
    assert store.digest(tmp_path, catalog, "shops", tmp_path / "cache") != before
    path.unlink()
    (flaw,) = store.check(tmp_path, catalog, "shops")
    assert "there is no data at data/*.parquet" in flaw.message


def test_files_are_the_same_however_the_yaml_was_read(store: FeatureStore, catalog: Catalog) -> None:
    turned = {key: dict(reversed(value.items())) if isinstance(value, dict) else value for key, value in VIEW.items()}
    other = catalog.model_copy(update={"views": {"shops": FeatureView.model_validate(turned)}})
    assert store.files(other) == store.files(catalog)
