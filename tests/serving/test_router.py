"""Which version answers: hot swap, canary, broken artefacts (hardening S7, S8, K4)."""

from __future__ import annotations

import collections
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from serving_support import LATE, MODEL, ON_TIME, ROOT, Project, send, wait_for

from mvops.core.route import Arm, Route
from mvops.errors import ServingError
from mvops.serving.app import create_app
from mvops.serving.counts import Tally
from mvops.serving.router import Table
from mvops.serving.settings import ServiceSettings


def version_of(endpoint, number):
    return wait_for(lambda: endpoint.client.predict([{"x": 1.0}]).model_version == number)


def test_versions_are_swapped_under_load_without_one_error(regression, local):
    endpoint = local(regression)
    failures, versions = [], set()
    stop = threading.Event()

    def ask(x):
        while not stop.is_set():
            try:
                reply = endpoint.client.predict([{"x": x}])
            except ServingError as error:
                failures.append(error)
                continue
            versions.add(reply.model_version)
            factor = {1: 2.0, 2: 3.0}[reply.model_version]
            if reply.predictions[0] != pytest.approx(x * factor):  # the reply is by the version that it names
                failures.append(reply)

    threads = [threading.Thread(target=ask, args=(float(n + 1),)) for n in range(4)]
    for thread in threads:
        thread.start()
    for serial in range(2, 8):
        regression.route(serial, champion=1 + serial % 2)
        assert wait_for(lambda serial=serial: endpoint.client.ready()["route"]["serial"] == serial)
    stop.set()
    for thread in threads:
        thread.join()
    assert failures == []
    assert versions == {1, 2}
    metrics = send(endpoint.port, "GET", "/metrics")[1].decode()
    assert 'mvops_predictions_total{arm="champion",version="2"}' in metrics
    assert 'version="1"' not in metrics  # series of versions that went are not kept for ever


def test_a_canary_gets_its_share_and_is_counted(regression, local):
    endpoint = local(regression)
    regression.route(2, champion=1, challenger=2, share=25)
    assert wait_for(lambda: endpoint.client.ready()["route"]["serial"] == 2)
    client = endpoint.client
    seen = collections.Counter(client.predict([{"x": 1.0}] * 3).model_version for _ in range(200))
    assert 20 <= seen[2] <= 85  # 25 %, give or take five standard deviations
    found = client.rollout()
    assert found.serial == 2
    assert [(arm.arm, arm.version, arm.requests, arm.errors, arm.rows) for arm in found.arms] == [
        ("champion", 1, seen[1], 0, 3 * seen[1]),
        ("challenger", 2, seen[2], 0, 3 * seen[2]),
    ]
    assert 0 < found.arms[0].latency_p50_ms <= found.arms[0].latency_p99_ms
    with regression.log() as log:
        assert wait_for(lambda: log.count(MODEL) == 600)
        assert collections.Counter(p.arm for _, p in log.read(MODEL, 0, 1_000_000))["challenger"] == 3 * seen[2]
    regression.route(3, champion=1)
    assert wait_for(lambda: endpoint.client.rollout().serial == 3)
    assert endpoint.client.rollout().arms[0].requests == 0
    assert {client.predict([{"x": 1.0}]).model_version for _ in range(20)} == {1}


def table(share, challenger=2):
    arms = (Arm(arm="champion", version=1, weight=100 - share), Arm(arm="challenger", version=challenger, weight=share))
    return Table(Route(model=MODEL, serial=1, arms=arms), {1: None, challenger: None})


def test_k4_a_key_stays_with_its_arm_and_shares_are_exact():
    keys = [f"customer {n}" for n in range(100_000)]
    five, quarter = table(5), table(25)
    with_five = {key for key in keys if five.choose(key)[0].arm == "challenger"}
    with_quarter = {key for key in keys if quarter.choose(key)[0].arm == "challenger"}
    assert abs(len(with_five) / len(keys) - 0.05) < 0.01
    assert abs(len(with_quarter) / len(keys) - 0.25) < 0.01
    assert with_five < with_quarter  # nobody is sent back when the share grows
    other = table(5, challenger=3)
    assert {key for key in keys if other.choose(key)[0].arm == "challenger"} != with_five
    assert five.choose("customer 1") == five.choose("customer 1")
    assert table(5).choose("\udcff")[0].arm in {"champion", "challenger"}
    assert {table(0).choose(None)[0].arm for _ in range(100)} == {"champion"}
    assert {table(100).choose(None)[0].arm for _ in range(100)} == {"challenger"}


def test_k4_another_process_chooses_the_same_arm():
    """A restart, and each worker, with a hash seed of its own."""
    told = """
import json, sys
from test_router import table
print(json.dumps([table(25).choose(f"customer {n}")[0].arm for n in range(1000)]))
"""
    made = [
        subprocess.run(
            [sys.executable, "-c", told],
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": f"{Path(__file__).parent}:{ROOT}"},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    here = [table(25).choose(f"customer {n}")[0].arm for n in range(1000)]
    assert [json.loads(each) for each in made] == [here, here]


def damage(project: Project, number: int) -> None:
    artifact = json.loads((project.state / f"v{number}.json").read_text())["artifact"]
    path = project.root / ".mvops/artifacts" / artifact["sha256"][:2] / artifact["sha256"][2:]
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("fault", ["damaged", "missing manifest", "not JSON", "other model", "wrong number", "schema"])
def test_what_cannot_be_loaded_changes_nothing_and_is_told(regression, local, fault, caplog):
    endpoint = local(regression)
    route = regression.state / "route.json"
    if fault == "damaged":
        damage(regression, 2)
    elif fault == "missing manifest":
        (regression.state / "v2.json").unlink()
    elif fault == "wrong number":
        (regression.state / "v2.json").write_bytes((regression.state / "v1.json").read_bytes())
    elif fault == "schema":
        written = json.loads((regression.state / "v2.json").read_text())
        written["signature"]["columns"].append({"name": "y", "kind": "text"})
        (regression.state / "v2.json").write_text(json.dumps(written))
    regression.route(2, champion=2)
    if fault == "not JSON":
        route.write_text("{")
    elif fault == "other model":
        route.write_text(route.read_text().replace(MODEL, "another"))
    details = wait_for(lambda: (d := endpoint.client.ready())["route"]["trouble"] and d)
    assert details["ready"] is True
    assert details["route"]["serial"] == 1
    assert str(regression.root) not in json.dumps(details)
    assert endpoint.client.predict([{"x": 2.0}]).predictions[0] == pytest.approx(4)
    metrics = send(endpoint.port, "GET", "/metrics")[1].decode()
    assert "mvops_model_load_failures_total 0.0" not in metrics
    assert "goes on as before" in caplog.text
    regression.version(3, "tripler") if fault != "damaged" else None
    regression.route(3, champion=1)
    assert wait_for(lambda: endpoint.client.ready()["route"] == {"serial": 3, "trouble": None})


def test_a_route_that_vanishes_is_told_and_comes_back(regression, local):
    endpoint = local(regression)
    regression.route(2, champion=1, challenger=2, share=50)
    assert wait_for(lambda: endpoint.client.ready()["route"]["serial"] == 2)
    (regression.state / "route.json").unlink()  # as by `mvops destroy` while a challenger rolls out
    assert wait_for(lambda: endpoint.client.ready()["route"]["trouble"])
    assert {endpoint.client.predict([{"x": 1.0}]).model_version for _ in range(30)} == {1}
    regression.route(9, champion=2)
    assert version_of(endpoint, 2)


def test_without_a_route_the_message_says_what_to_type(tmp_path, dumped):
    project = Project(tmp_path, dumped)
    with pytest.raises(ServingError, match="no version to serve yet\nMake one with: mvops apply"):
        create_app(ServiceSettings.load(project.service()))


def test_a_damaged_artefact_is_never_started_with(project):
    damage(project, 1)
    runtime = create_app(ServiceSettings.load(project.service())).state.runtime
    with pytest.raises(ServingError, match="is damaged"):
        runtime.start()
    with pytest.raises(ServingError, match="has not started"):
        _ = runtime.router.table


def test_the_signature_of_the_champion_decides_what_is_accepted(project, local):
    endpoint = local(project)
    assert endpoint.client.predict([LATE, ON_TIME]).predictions == (1, 0)


def test_counts_of_several_processes_add_up_under_one_serial_only():
    one, two, other = Tally(), Tally(), Tally()
    for tally, serial in ((one, 1), (two, 1), (other, 2)):
        tally.follow(Route(model=MODEL, serial=serial, arms=(Arm(arm="champion", version=1, weight=100),)))
        tally.of("champion").answered(3, 10)
    two.of("champion").failed()
    (arm,) = one.counts([json.loads(json.dumps(tally.export())) for tally in (two, other)]).arms
    assert (arm.requests, arm.errors, arm.rows) == (3, 1, 6)
    assert arm.latency_p99_ms == pytest.approx(10, rel=0.02)


def test_latencies_are_kept_to_a_percent_or_two():
    tally = Tally()
    tally.follow(Route(model=MODEL, serial=1, arms=(Arm(arm="champion", version=1, weight=100),)))
    for n in range(1, 1001):
        tally.of("champion").answered(1, n / 10)
    counts = tally.counts().arms[0]
    assert counts.latency_p50_ms == pytest.approx(50, rel=0.02)
    assert counts.latency_p99_ms == pytest.approx(99, rel=0.02)
    tally.of("champion").failed()
    assert (tally.counts().arms[0].requests, tally.counts().arms[0].errors) == (1001, 1)
