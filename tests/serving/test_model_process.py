"""A model in a process of its own: what it does takes down nothing else (hardening S3, S4, S5)."""

from __future__ import annotations

import json
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cloudpickle
import moody_model
import psutil
import pytest
from moody_model import CRASHES, EATS, EXITS, GARBLES, HOLDS, SLEEPS, SPINS, STOPS, Moody
from serving_support import REGRESSION, Project, Server, send, wait_for

from mvops.artifacts.elsewhere import environment_for_a_model
from mvops.core.signature import Column
from mvops.core.version import Version
from mvops.serving.model_process import ModelDiedError, ModelProcess
from mvops.serving.settings import ServiceSettings

_ALONE = {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"}
_SIGNATURE = REGRESSION.model_copy(update={"columns": (Column(name="x", kind="number", example=0.5),)})


@pytest.fixture(scope="module")
def moody(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """One endpoint whose predictions may take a second and a half, and whose model may take a gigabyte."""
    root = tmp_path_factory.mktemp("moody")
    cloudpickle.register_pickle_by_value(moody_model)
    model = cloudpickle.dumps(Moody(str(root / "sick")))
    settings = {"isolate": True, "predict_timeout": 1.5, "memory": 1 << 30, "drain_delay": 0.2}
    project = Project(root, lambda _: model, _SIGNATURE, settings)
    project.version(1, kind="pickle")
    project.route(1, champion=1)
    server = Server(project.service())
    yield server, project
    server.stop()


def _ask(server: Server, *xs: float) -> tuple[int, Any]:
    response, text = send(server.port, "POST", "/predict", json.dumps({"rows": [{"x": x} for x in xs]}))
    return response.status, json.loads(text)


@pytest.mark.parametrize(
    "mood", [EXITS, CRASHES, STOPS, EATS, GARBLES], ids=["exits", "crashes", "stops", "eats", "garbles"]
)
def test_s4_a_model_that_dies_fails_its_own_request_and_is_there_again_at_once(moody, mood):
    server, _ = moody
    status, said = _ask(server, mood)
    assert status == 500
    assert said["error_id"]
    began = time.monotonic()
    status, said = _ask(server, 21.0)
    assert (status, said["predictions"]) == (200, [42.0])
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("mood", [SLEEPS, SPINS, HOLDS], ids=["sleeps", "spins", "holds"])
def test_s3_a_model_that_is_stuck_is_ended_and_the_rest_goes_on(moody, mood):
    server, _ = moody
    before = _workers(server)
    with ThreadPoolExecutor(1) as pool:
        stuck = pool.submit(_ask, server, mood)
        time.sleep(0.3)
        began = time.monotonic()
        assert send(server.port, "GET", "/health/live")[0].status == 200
        assert time.monotonic() - began < 1
        assert stuck.result()[0] == 504
    assert wait_for(lambda: _ask(server, 21.0)[0] == 200, 5)
    assert _ask(server, 4.5)[1]["predictions"] == [9.0]  # and not what an earlier request was owed
    assert not before & _workers(server)  # the stuck one is gone, not left to spin


@pytest.mark.parametrize("mood", [EXITS, STOPS], ids=["exits", "stops"])
def test_s5_one_that_kills_the_model_fails_alone_among_many(moody, mood):
    server, _ = moody
    xs = [float(10 + number) for number in range(15)]
    with ThreadPoolExecutor(16) as pool:
        blocked = pool.submit(_ask, server, float(10))
        bad = pool.submit(_ask, server, float(mood))
        good = list(pool.map(lambda x: _ask(server, x), xs))
    assert blocked.result()[0] == 200
    assert bad.result()[0] == 500
    assert [(status, said["predictions"]) for status, said in good] == [(200, [2 * x]) for x in xs]


def test_s4_a_model_that_keeps_dying_is_given_a_pause_and_told_of(moody):
    server, project = moody
    sick = project.root / "sick"
    sick.touch()
    try:
        said = wait_for(lambda: (found := _ask(server, 21.0))[0] == 503 and found, 30)
        assert "keeps ending" in said[1]["detail"]
        response, text = send(server.port, "POST", "/predict", json.dumps({"rows": [{"x": 21.0}]}))
        assert response.status in {500, 503}
        ready, text = send(server.port, "GET", "/health/ready")
        assert ready.status == 503
        assert "keeps ending" in json.loads(text)["predicting"]["trouble"]
    finally:
        sick.unlink()
    assert wait_for(lambda: _ask(server, 21.0)[0] == 200, 15)
    assert send(server.port, "GET", "/health/ready")[0].status == 200


def test_what_holds_the_model_is_started_again_when_it_is_killed(moody):
    server, _ = moody
    for process in _below(server):
        process.kill()
    assert wait_for(lambda: _ask(server, 21.0)[0] == 200, 30)


def test_a_model_s_process_is_told_no_secret_of_the_endpoint(moody, monkeypatch):
    server, _ = moody
    (holder,) = psutil.Process(server.pid).children()
    assert "sklearn" in Path(f"/proc/{holder.pid}/maps").read_text()
    monkeypatch.setenv("OPS_PASSWORD", "secret")
    assert "OPS_PASSWORD" not in environment_for_a_model()
    assert holder.environ().keys() <= environment_for_a_model().keys() | _ALONE


def test_signals_to_all_processes_let_requests_in_work_be_answered(moody, tmp_path, start):
    _, known = moody
    project = Project(tmp_path, known.dumped, _SIGNATURE, known.settings)
    project.version(1, kind="pickle")
    project.route(1, champion=1)
    server = start(project)
    below = _below(server)
    for process in [*below, psutil.Process(server.pid)]:
        process.send_signal(signal.SIGTERM)
    assert _ask(server, 21.0)[0] == 200  # within the time in which the drain is announced
    assert server.ended() == 0
    assert not psutil.wait_procs(below, 5)[1]


def test_nothing_is_left_of_a_server_that_was_killed(moody, tmp_path, start):
    _, known = moody
    project = Project(tmp_path, known.dumped, _SIGNATURE, known.settings)
    project.version(1, kind="pickle")
    project.route(1, champion=1)
    server = start(project)
    with ThreadPoolExecutor(1) as pool:
        stuck = pool.submit(_ask, server, SPINS)
        time.sleep(0.3)
        below = _below(server)
        os.kill(server.pid, signal.SIGKILL)
        assert stuck.exception() is not None
    assert len(below) == 2
    assert not psutil.wait_procs(below, 5)[1]


def test_one_that_is_not_asked_rests_until_it_is(moody):
    _, project = moody
    version = Version.model_validate_json((project.state / "v1.json").read_text())
    settings = ServiceSettings.load(project.service()).model_copy(update={"predict_timeout": 60})
    process = ModelProcess(version, settings, project.store.read_bytes(version.artifact))
    below = [each for each in psutil.Process().children() if "model_keeper" in " ".join(each.cmdline())]
    process.rest(3600)
    assert process([[21.0]]).predictions == [42.0]
    process.rest(0)
    assert below
    assert not psutil.wait_procs(below, 5)[1]
    assert process([[21.0]]).predictions == [42.0]
    process.close()
    with pytest.raises(ModelDiedError):
        process([[21.0]])


def _below(server: Server) -> list[psutil.Process]:
    return psutil.Process(server.pid).children(recursive=True)


def _workers(server: Server) -> set[int]:
    (holder,) = psutil.Process(server.pid).children()
    return {process.pid for process in holder.children()}
