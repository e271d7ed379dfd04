"""Who may ask an endpoint, as a client sees it: keys, this machine alone, nobody by accident (XU1 to XU4, XU6)."""

from __future__ import annotations

from socket import AF_INET

import psutil
import pytest
from hostile_requests import raw, rows
from serving_support import LATE, Local, Project, Server, send, wait_for

from mvops.core.reach import is_loopback
from mvops.errors import ServingError
from mvops.serving.app import create_app
from mvops.serving.client import EndpointClient, KeyAskedError
from mvops.serving.keys import PUBLIC
from mvops.serving.loadtest import example_of, load_test
from mvops.serving.settings import ServiceSettings

KEY, NEXT = "first-key-0123456789", "second-key-abcdefghij"
BOTH = {"auth": {"keys": [{"secret": "FIRST_KEY"}, {"secret": "NEXT_KEY"}]}}
SET = {"FIRST_KEY": KEY, "NEXT_KEY": NEXT}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND")
STRANGERS = (
    {},
    {"Authorization": "Bearer wrong-key-0123456789"},
    {"Authorization": f"Basic {KEY}"},
    {"Authorization": f"Bearer {KEY}x"},
    {"Authorization": f"bearer{KEY}"},
    {"X-API-Key": KEY[:-1]},
    {"X-API-Key": ""},
    {"X-API-Key": KEY, "Authorization": f"Bearer {NEXT}"},
)


@pytest.fixture(scope="module")
def dumped_project(tmp_path_factory, dumped):
    made = Project(tmp_path_factory.mktemp("keys"), dumped, settings=dict(BOTH))
    made.version(1)
    made.route(1, champion=1)
    return made


@pytest.fixture(scope="module")
def asked(dumped_project):
    """A server's own process that asks for a key."""
    server = Server(dumped_project.service(), environment=SET)
    yield server
    server.stop()


def routes(project):
    app = create_app(ServiceSettings.load(project.service()), elsewhere=True)
    return sorted({route.path for route in app.routes} | {"/", "/nowhere"})


def test_xu1_xu2_every_route_and_method_asks_for_a_key_but_the_probes(asked, dumped_project):
    paths = routes(dumped_project)
    assert {"/predict", "/outcomes", "/metrics", "/rollout", "/openapi.json", *PUBLIC} <= set(paths)
    disguised = ["/x/health/ready", "/health/live/../../metrics", "/health/live;/metrics", "//health/live",
                 "/health/live/", "/health%2Flive", "/HEALTH/LIVE", "/health/ready/x", "/livez"]  # fmt: skip
    let_in = set()
    for path in (*paths, *disguised):
        for method in METHODS:
            if method == "CONNECT":
                continue
            status = send(asked.port, method, path, rows(LATE) if method == "POST" else None)[0].status
            if status not in {401, 429}:
                let_in.add((method, path))
    assert let_in == {(method, path) for method in ("GET", "HEAD") for path in (*PUBLIC, "/livez")}
    assert raw(asked.port, b"CONNECT localhost:1 HTTP/1.1\r\nHost: localhost:1\r\n\r\n")[0] in {400, 401}


def test_xu1_no_stranger_is_let_in_and_each_key_is(asked):
    for stranger in STRANGERS:
        for path in ("/predict", "/openapi.json"):
            method, body = ("POST", rows(LATE)) if path == "/predict" else ("GET", None)
            response, text = send(asked.port, method, path, body, stranger)
            assert response.status == 401, (stranger, text)
            assert response.headers["www-authenticate"] == "Bearer"
            assert KEY not in text.decode()
    for key in (KEY, NEXT):
        for header in ({"Authorization": f"Bearer {key}"}, {"authorization": f"bearer  {key}"}, {"X-API-Key": key}):
            assert send(asked.port, "POST", "/predict", rows(LATE), header)[0].status == 200
    reply = EndpointClient(asked.url, key=KEY).predict([LATE])
    assert reply.predictions == (1,)


def test_xu1_a_websocket_is_closed_before_it_is_one(asked):
    upgrade = b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: eA==\r\n"
    assert raw(asked.port, b"GET /predict HTTP/1.1\r\nHost: localhost\r\n" + upgrade + b"\r\n")[0] in {401, 403}


def test_the_openapi_document_says_how_a_key_is_sent(asked):
    validator = pytest.importorskip("openapi_spec_validator", reason="needs openapi-spec-validator")
    document = EndpointClient(asked.url, key=KEY).document()
    validator.validate(document)
    assert document["security"] == [{"bearer": []}, {"header": []}]
    assert document["paths"]["/health/live"]["get"]["security"] == []
    assert {"401", "429"} <= document["paths"]["/predict"]["post"]["responses"].keys()


def test_a_probe_is_told_yes_or_no_and_who_has_a_key_why(asked):
    assert EndpointClient(asked.url).ready() == {"ready": True}
    assert EndpointClient(asked.url, key=KEY).ready()["versions"]


def test_a_client_says_which_key_is_missing_and_a_load_test_takes_one(asked, monkeypatch):
    with pytest.raises(KeyAskedError, match="401: a key is asked for"):
        EndpointClient(asked.url).rollout()
    auth = ServiceSettings.model_validate(
        {"model": "m", "root": ".", "state": "s", "artifacts": "a", "predictions": "p", **BOTH}
    ).auth
    monkeypatch.delenv("FIRST_KEY", raising=False)
    with pytest.raises(KeyAskedError, match="Set one of its keys here: FIRST_KEY or NEXT_KEY"):
        EndpointClient(asked.url, auth=auth).metrics()
    monkeypatch.setenv("NEXT_KEY", NEXT)
    assert "mvops_requests_total" in EndpointClient(asked.url, auth=auth).metrics()
    with pytest.raises(KeyAskedError):
        example_of(asked.url)
    report = load_test(asked.url, [example_of(asked.url, KEY)], seconds=0.2, clients=2, key=KEY)
    assert report.requests
    assert report.errors == {}


def test_xu6_many_wrong_keys_are_told_to_wait_and_a_right_one_is_not(project, start):
    project.settings |= BOTH
    server = start(project, environment=SET)
    told = [send(server.port, "GET", "/metrics", None, {"X-API-Key": f"wrong-{n}"})[0] for n in range(1000)]
    statuses = [response.status for response in told]
    assert statuses[:20] == [401] * 20
    assert statuses.count(429) >= 960  # but for a minute that begins meanwhile
    assert all(0 < int(response.headers["retry-after"]) <= 60 for response in told if response.status == 429)
    assert send(server.port, "GET", "/metrics", None, {"X-API-Key": KEY})[0].status == 200
    assert send(server.port, "GET", "/health/live")[0].status == 200


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (None, "the environment variable FIRST_KEY, a key of the endpoint, is not set"),
        ("", "is not set"),
        ("changeme", "can be guessed"),
        ("a" * 40, "can be guessed"),
        ("key with spaces in it 123", "printable ASCII without spaces"),
        ("schlüssel-0123456789-abcdef", "printable ASCII without spaces"),
    ],
)
def test_xu4_a_key_that_is_none_is_refused_at_the_start(project, monkeypatch, key, said):
    project.settings |= {"auth": {"keys": [{"secret": "FIRST_KEY"}]}}
    server = Server(project.service(), environment={} if key is None else {"FIRST_KEY": key}, fails=True)
    assert said in server.url
    assert "export FIRST_KEY=" in server.url
    assert not key or key not in server.url
    assert not project.spool.exists()


@pytest.mark.parametrize("workers", [1, 2])
def test_xu4_nothing_listens_for_other_machines_that_nobody_said_who_may_ask(project, workers):
    server = Server(project.service(), host="0.0.0.0", workers=workers, fails=True)
    assert "other machines reach 0.0.0.0, and nothing says who may ask" in server.url
    assert "MVOPS_BEHIND_PROXY=1" in server.url
    assert not project.spool.exists()


def test_xu4_with_keys_or_behind_a_proxy_other_machines_are_answered(project, start):
    project.settings |= BOTH
    server = start(project, environment=SET, host="0.0.0.0")
    assert send(server.port, "GET", "/openapi.json", None, {"Host": "models.example.org"})[0].status == 401
    assert send(server.port, "GET", "/openapi.json", None, {"Host": "x.org", "X-API-Key": KEY})[0].status == 200
    server.stop()
    project.settings["auth"] = {"behind_proxy": True}
    server = start(project, host="0.0.0.0")
    assert send(server.port, "GET", "/openapi.json", None, {"Host": "models.example.org"})[0].status == 200
    server.stop()
    del project.settings["auth"]
    server = start(project, host="0.0.0.0", environment={"MVOPS_BEHIND_PROXY": "1"})
    assert send(server.port, "GET", "/openapi.json", None, {"Host": "models.example.org"})[0].status == 200


def test_xu4_another_server_that_listens_everywhere_answers_this_machine_alone(project):
    """What `uvicorn app:app --host 0.0.0.0` does cannot be refused at the start: each request is."""
    addresses = [each.address for card in psutil.net_if_addrs().values() for each in card if each.family == AF_INET]
    here = next((address for address in addresses if not is_loopback(address)), None)
    if here is None:
        pytest.skip("this machine has no address but loopback")
    everywhere = Local(project, host="0.0.0.0")
    try:
        assert everywhere.client.predict([LATE]).predictions == (1,)
        with pytest.raises(ServingError, match="403: the endpoint asks for no key, and so answers its own machine"):
            EndpointClient(f"http://{here}:{everywhere.port}").predict([LATE])
        assert EndpointClient(f"http://{here}:{everywhere.port}").ready() == {"ready": True}
    finally:
        everywhere.stop()


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.test"},
        {"Host": "127.0.0.1.evil.test"},
        {"Host": "localhost.evil.test:8000"},
        {"Host": "[::1"},
        {"Host": ""},
        {"Host": "10.0.0.1"},
        {"Origin": "http://evil.test"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1.evil.test"},
        {"Origin": "http://user@127.0.0.1@evil.test"},
        {"Origin": "http://evil.test", "Cookie": "a=b"},
    ],
)
def test_xu3_a_page_from_elsewhere_is_refused_where_no_key_is_asked_for(shared, headers):
    server, _ = shared
    before = server.client.rollout()
    response, text = send(server.port, "POST", "/predict", rows(LATE), headers)
    assert response.status == 403, text
    assert response.headers["content-type"] == "application/problem+json"
    assert server.client.rollout() == before


@pytest.mark.parametrize(
    "headers",
    [{"Host": "localhost:3000"}, {"Host": "[::1]:8000"}, {"Host": "127.1.2.3"}, {"Origin": "http://localhost:3000"}],
)
def test_xu3_what_this_machine_calls_itself_is_let_in(shared, headers):
    assert send(shared[0].port, "POST", "/predict", rows(LATE), headers)[0].status == 200


def test_refusals_are_counted_and_never_by_what_a_client_says(asked):
    send(asked.port, "POST", "/predict", rows(LATE))
    send(asked.port, "GET", "/canary")

    def counted():
        text = EndpointClient(asked.url, key=KEY).metrics()
        return 'mvops_requests_total{path="/predict",status="401"}' in text and 'path="other",status="4' in text

    assert wait_for(counted, 2)
    assert "canary" not in EndpointClient(asked.url, key=KEY).metrics()
