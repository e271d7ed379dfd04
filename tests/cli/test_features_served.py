"""An endpoint that looks features up, over HTTP; Feast and SQLite are the real ones."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest
import toy_features
import toy_project as toy
from toy_project import mvops

from mvops.features.catalog import catalog_of
from mvops.loading.load import load_project

pytestmark = [
    pytest.mark.slow,
    pytest.mark.system,
    pytest.mark.real("feature_stores", "feast", "an endpoint that looks features up in SQLite"),
]
NOON = "2024-03-01T12:00:00Z"  # the last day's values are known since midnight


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = toy_features.make(tmp_path_factory.mktemp("served") / "toy")
    mvops(made, "apply", "--yes").ok()
    return made


@pytest.fixture(scope="module")
def client(root: Path) -> Iterator[httpx.Client]:
    with serving(root) as found:
        yield found


@contextmanager
def serving(root: Path, *options: object) -> Iterator[httpx.Client]:
    """`mvops serve toy`, from ready to stopped."""
    process = toy.spawn(root, "serve", "toy", *options)

    def ready() -> bool:
        assert process.poll() is None, process.communicate()
        try:
            return client.get("/health/ready").status_code == 200
        except httpx.TransportError:
            return False

    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{toy.port_of(root)}", timeout=60) as client:
            toy.until(ready)
            yield client
    finally:
        process.send_signal(signal.SIGINT)
        toy.finish(process, 60)


def predict(client: httpx.Client, *rows: dict[str, Any], when: str | None = NOON) -> httpx.Response:
    return client.post("/predict", json={"rows": list(rows), **({"time": when} if when else {})})


def latest(root: Path, region: str) -> dict[str, Any]:
    values = pd.read_parquet(root / "data" / "regions")
    row = values[values.region == region].sort_values("day_end").iloc[-1]
    return {"mean_income": float(row.mean_income), "customers": int(row.customers)}


def test_a_row_with_its_entity_is_answered_as_one_with_all_features(root: Path, client: httpx.Client) -> None:
    short = {"age": 41.5, "income": 30000.0, "region": "b"}
    full = {"age": 41.5, "income": 30000.0, **latest(root, "b")}
    one, other = predict(client, short), predict(client, full)
    assert (one.status_code, other.status_code) == (200, 200), (one.text, other.text)
    assert one.json()["probabilities"] == other.json()["probabilities"]


def test_the_log_holds_the_full_inputs(root: Path, client: httpx.Client) -> None:
    (name,) = predict(client, {"age": 33.0, "income": 1000.0, "region": "a"}).json()["prediction_ids"]

    def logged() -> dict[str, Any] | None:
        mvops(root, "predictions", "export", "toy", "--output", root / "log.jsonl").ok()
        lines = [json.loads(line) for line in (root / "log.jsonl").read_text().splitlines()]
        return next((line["inputs"] for line in lines if line["prediction_id"] == name), None)

    assert toy.until(logged) == {"age": 33.0, "income": 1000.0, "region": "a", **latest(root, "a")}
    mvops(root, "monitor", "--json").ok()


def test_a_file_is_predicted_with_the_same_features(root: Path, client: httpx.Client) -> None:
    rows = [{"age": 20.0 + n, "income": 30000.0, "region": "abcdz"[n % 5]} for n in range(20)]
    lines = ["age,income,region,when", *(f"{r['age']},{r['income']},{r['region']},{NOON}" for r in rows)]
    (root / "in.csv").write_text("\n".join(lines))
    command = ("predict", "toy", "-i", "in.csv", "-o", "out.jsonl", "--time", "when")
    mvops(root, *command).refused("row 5, column mean_income: regions has no value for this region")
    done = mvops(root, *command, "--on-error", "skip", "--json").ok().json()
    assert (done["predicted"], done["refused"], done["ignored"]) == (16, 4, [])
    known = [row for row in rows if row["region"] != "z"]
    found = [json.loads(line) for line in (root / "out.jsonl").read_text().splitlines()]
    asked = predict(client, *known).json()["probabilities"]
    assert [[row["probability_0"], row["probability_1"]] for row in found] == asked
    explained = mvops(root, "explain", found[0]["prediction_id"], "--json").ok().json()
    assert explained["prediction"]["inputs"] == rows[0] | latest(root, "a")


def test_openapi_says_what_a_request_must_carry(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()
    row = document["components"]["schemas"]["Row"]
    assert set(row["required"]) == {"age", "income", "region"}
    assert row["properties"]["mean_income"]["description"].startswith("Looked up in regions by region, if left out.")
    body = document["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]
    assert set(body["example"]["rows"][0]) == {"age", "income", "region"}
    assert predict(client, *body["example"]["rows"]).status_code == 200


@pytest.mark.parametrize(
    ("row", "when", "said"),
    [
        ({"region": "zz"}, NOON, 'row 0, column "mean_income": regions has no value for this region (and 1 more)'),
        ({}, NOON, 'row 0, column "region": is missing: features are looked up by it'),
        ({"region": 7}, NOON, 'row 0, column "region": must be a text: features are looked up by it'),
        ({"region": None}, NOON, "must be a text"),
        ({"region": "a"}, "2024-03-05T00:00:00Z", "regions has only an old value for this region"),
        ({"region": "a"}, None, "regions has only an old value for this region"),
        ({"region": "a", "color": "red"}, NOON, 'column "color": is not a column of this model'),
    ],
)
def test_what_cannot_be_looked_up_is_refused(
    client: httpx.Client, row: dict[str, Any], when: str | None, said: str
) -> None:
    reply = predict(client, {"age": 41.5, "income": 30000.0, **row}, when=when)
    assert reply.status_code == 422
    assert said in reply.json()["detail"]


def test_a_lookup_takes_little_time(root: Path, client: httpx.Client) -> None:
    def median(row: dict[str, Any]) -> float:
        seconds = []
        for _ in range(60):
            started = time.perf_counter()
            assert predict(client, row).status_code == 200
            seconds.append(time.perf_counter() - started)
        return sorted(seconds)[len(seconds) // 2]

    short = median({"age": 41.5, "income": 30000.0, "region": "b"})
    full = median({"age": 41.5, "income": 30000.0, **latest(root, "b")})
    print(f"median of a request: {short * 1000:.1f} ms with a lookup, {full * 1000:.1f} ms without")
    assert short - full < 0.1


def test_p33_a_view_that_a_live_version_looks_up_is_not_deleted(root: Path, tmp_path: Path) -> None:
    project = toy.copy(root, tmp_path / "toy")
    (project / "configs/features/regions.yaml").unlink()
    mvops(project, "plan").refused("there is no feature view 'regions'")
    (project / "configs/models/toy.yaml").write_text(
        toy_features.YAML.replace(toy_features.FEATURES, toy_features.NO_FEATURES)
    )
    planned = mvops(project, "plan").ok().out
    assert "version 1 of toy, which is live, looks it up" in planned
    before = toy.snapshot(project)
    mvops(project, "apply", "--yes").refused(
        "feature_view.regions", "version 1 of toy", "mvops apply --target model.toy"
    )
    assert toy.snapshot(project) == before
    mvops(project, "destroy", "--yes").ok()


def test_p33_a_field_that_a_live_version_looks_up_is_not_taken_away(root: Path, tmp_path: Path) -> None:
    project = toy.copy(root, tmp_path / "toy")
    view, model = project / "configs/features/regions.yaml", project / "configs/models/toy.yaml"
    toy.edit(view, ", customers: int64", "")
    toy.edit(model, "[mean_income, customers]", "[mean_income]")
    before = toy.snapshot(project)
    for command in (("plan",), ("apply", "--yes")):
        said = "customers is no longer among the fields, but version 1 of toy, which is live, looks it up"
        mvops(project, *command).refused("configs/features/regions.yaml", said, "Put it back")
    assert toy.snapshot(project) == before


def test_p33_a_field_that_a_live_version_looks_up_keeps_its_type(root: Path, tmp_path: Path) -> None:
    project = toy.copy(root, tmp_path / "toy")
    view = project / "configs/features/regions.yaml"
    for path in (project / "data/regions").iterdir():
        values = pd.read_parquet(path)
        values.assign(customers=values.customers.astype(str), area=values.region).to_parquet(path, index=False)
    toy.edit(view, "customers: int64", "customers: string")
    before = toy.snapshot(project)
    said = "customers was int64 and is to be string, but version 1 of toy, which is live, looks it up as it was"
    for command in (("plan",), ("apply", "--yes")):
        mvops(project, *command).refused("configs/features/regions.yaml", said, "a view of their own")
    assert toy.snapshot(project) == before
    toy.edit(view, "customers: string", "customers: int64")
    toy.edit(view, "region: string", "area: string")
    for path in (project / "data/regions").iterdir():
        pd.read_parquet(path).assign(customers=1.0).astype({"customers": "int32"}).to_parquet(path, index=False)
    mvops(project, "plan").refused("region was string and is to be gone")
    toy.edit(view, "area: string", "region: string")
    toy.edit(view, "customers: int64", "customers: int32")
    assert "customers: int64 -> int32" in mvops(project, "plan").ok().out


def test_null_by_policy_and_several_processes(root: Path, tmp_path: Path, client: httpx.Client) -> None:
    project = toy.copy(root, tmp_path / "toy")
    port = toy.free_port()
    toy.edit(project / "configs" / "project.yaml", f"port: {toy.port_of(project)}", f"port: {port}")
    toy.edit(project / "configs" / "models" / "toy.yaml", "    rows:", "    missing: 'null'\n    rows:")
    mvops(project, "apply", "--yes").ok()
    with serving(project, "--workers", 2) as several:
        reply = predict(several, {"age": 41.5, "income": 30000.0, "region": "zz"})
        assert reply.status_code == 200, reply.text
        null = {"mean_income": None, "customers": None}
        full = predict(several, {"age": 41.5, "income": 30000.0, **null})
        assert reply.json()["probabilities"] == full.json()["probabilities"]
        toy_features.library().remove_view(project, catalog_of(load_project(project)), "regions")
        gone = predict(several, {"age": 41.5, "income": 30000.0, "region": "a"})
        assert gone.status_code == 503, gone.text
        assert gone.json()["detail"] == "the feature store has no view regions, which this version looks up"

        def readiness() -> tuple[int, str | None]:
            told = several.get("/health/ready")
            return told.status_code, told.json().get("features", {}).get("trouble")

        no = (503, "the feature store has no view regions, which version 1 looks up")
        toy.until(lambda: {readiness() for _ in range(20)} == {no})
        toy_features.library().put_view(project, catalog_of(load_project(project)), "regions")
        toy.until(lambda: {readiness() for _ in range(20)} == {(200, None)})
