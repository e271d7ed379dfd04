"""The endpoint as a process: kill -9, SIGTERM, disk full, several workers (hardening F1, F2, S1, S9)."""

from __future__ import annotations

import http.client
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time

import pytest
from serving_support import ROOT, wait_for
from steady_clients import Clients, lost_and_doubled

from mvops.errors import ServingError
from mvops.serving.client import EndpointClient
from mvops.serving.listening import listen
from mvops.serving.run import serve

KILLS = int(os.environ.get("MVOPS_TEST_KILLS", "1"))  # more of them for a soak


def test_f1_nothing_acknowledged_is_lost_by_kill_9_and_sigterm_drains(regression, start):
    regression.settings["drain_delay"] = 0.3
    acknowledged: list[str] = []
    for _ in range(KILLS):
        server = start(regression)
        clients = Clients(server.port)
        time.sleep(0.5)
        os.kill(server.pid, signal.SIGKILL)
        clients.stop()
        server.ended()
        assert len(clients.acknowledged) > 20
        assert all(isinstance(failure, (OSError, http.client.HTTPException)) for failure in clients.failures)
        acknowledged += clients.acknowledged

    server = start(regression)
    clients = Clients(server.port, 4)
    time.sleep(0.3)
    os.kill(server.pid, signal.SIGTERM)
    unready = wait_for(lambda: not _is_ready(server.url), 2)
    answered = len(clients.acknowledged)
    assert unready
    assert wait_for(lambda: len(clients.acknowledged) > answered, 2)  # still served while the drain is announced
    code = server.ended()
    clients.stop()
    assert code == 0
    assert not [failure for failure in clients.failures if isinstance(failure, tuple)]
    acknowledged += clients.acknowledged

    assert len(set(acknowledged)) == len(acknowledged)
    assert lost_and_doubled(regression, acknowledged) == (set(), [])
    assert list(regression.spool.iterdir()) == []


def _is_ready(url: str) -> bool:
    try:
        return bool(EndpointClient(url).ready()["ready"])
    except ServingError as error:
        return "not ready" not in str(error)


def test_f2_a_full_disk_means_503_and_nothing_acknowledged_is_lost(regression, start):
    """Files may not grow beyond 48 KiB: the log's database stops at once, the spool goes on until it is full."""
    regression.settings["max_spool"] = 60_000
    regression.log().close()
    server = start(regression, file_limit=48 << 10)
    clients = Clients(server.port, 4)
    assert wait_for(lambda: clients.refused > 20, 20)
    assert not _is_ready(server.url)
    details = _details(server.port)
    assert "full" in details["spool"]["trouble"]
    assert details["log"]["trouble"]
    clients.stop()
    assert clients.failures == []
    assert clients.acknowledged
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert wait_for(lambda: _is_ready(server.url), 10)  # recovers by itself
    assert len(server.client.predict([{"x": 1.0}]).predictions) == 1
    assert server.stop() == 0
    assert lost_and_doubled(regression, clients.acknowledged) == (set(), [])


def test_who_comes_when_all_places_are_taken_is_told_to_come_back(regression, local):
    regression.settings["max_waiting"] = 2
    endpoint = local(regression)
    clients = Clients(endpoint.port, 12)
    assert wait_for(lambda: clients.refused > 5 and len(clients.acknowledged) > 5, 20)
    clients.stop()
    assert clients.failures == []


def test_a_model_that_takes_too_long_is_given_up_and_counted(regression, local):
    regression.settings["predict_timeout"] = 0.000_001
    client = local(regression).client
    with pytest.raises(ServingError, match="504: the model took too long"):
        client.predict([{"x": 1.0}])
    assert [(arm.requests, arm.errors) for arm in client.rollout().arms] == [(1, 1)]


def test_no_finite_number_is_an_error_of_the_model(regression, local):
    client = local(regression).client
    with pytest.raises(ServingError, match="500: the model gave no finite number for row 1"):
        client.predict([{"x": 1.0}, {"x": 1.7e308}])
    assert client.predict([{"x": 1.0}]).predictions[0] == pytest.approx(2)


def _details(port: int) -> dict:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("GET", "/health/ready")
    details = json.loads(connection.getresponse().read())
    connection.close()
    return details


_WORKERS = """
import sys
from pathlib import Path
from mvops.serving.run import serve
serve(Path(sys.argv[1]), "127.0.0.1", 0, workers=2, on_ready=lambda url: print(url, flush=True))
"""


@pytest.mark.slow
def test_workers_share_the_port_and_their_counts(regression):
    command = [sys.executable, "-c", _WORKERS, str(regression.service())]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        client = EndpointClient(process.stdout.readline().strip())
        assert wait_for(lambda: len([path for path in regression.spool.iterdir() if path.is_dir()]) == 2, 30)
        ids = [name for _ in range(60) for name in client.predict([{"x": 1.0}]).prediction_ids]
        assert wait_for(lambda: client.rollout().arms[0].requests == 60, 5)
        process.terminate()
        assert process.wait(30) == 0
    assert lost_and_doubled(regression, ids) == (set(), [])
    assert list(regression.spool.iterdir()) == []


def test_a_port_that_is_taken_is_said_before_anything_starts(project):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ServingError, match=f"port {port} is taken\nChoose another: --port {port + 1}"):
            serve(project.service(), "127.0.0.1", port)
        with pytest.raises(ServingError, match="is taken"):
            serve(project.service(), "127.0.0.1", port, workers=2)
    assert not project.spool.exists()
    with pytest.raises(ServingError, match="not an address"):
        listen("no.such.host.invalid", 8000)
    with pytest.raises(ServingError, match=r"cannot listen on 192\.0\.2\.1"):
        listen("192.0.2.1", 8000)


def test_importing_the_endpoint_brings_nothing_heavy():
    heavy = ("pandas", "sklearn", "numpy", "sqlmodel", "sqlalchemy", "hydra", "papermill", "skops")
    code = f"import sys, mvops.serving.run, mvops.serving.server; print([n for n in {heavy} if n in sys.modules])"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environment)
    assert done.stdout.strip() == "[]"
