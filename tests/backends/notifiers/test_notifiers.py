"""Telling people: what arrives, and what is said when it does not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from webhook import Hook

from mvops import backends
from mvops.contracts.notifiers import Message
from mvops.errors import BackendError

MESSAGE = Message(title="delay version 3: drift:temp", body="temp rose\nSee: mvops status", severity="critical")
SECRET = "s3cr3t-t0k3n"


@pytest.fixture
def hook() -> Iterator[Hook]:
    made = Hook(200)
    yield made
    made.close()


@pytest.fixture
def broken() -> Iterator[Hook]:
    made = Hook(500)
    yield made
    made.close()


def send(name: str, **options: Any) -> None:
    backends.load("notifiers", name).send(MESSAGE, options)


@pytest.mark.real("notifiers", "console", "standard error")
def test_the_console_says_it_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    send("console")
    said = capsys.readouterr()
    assert said.err == "ALERT (critical) delay version 3: drift:temp\n  temp rose\n  See: mvops status\n"
    assert said.out == ""


def test_the_console_lets_no_escape_sequence_through(capsys: pytest.CaptureFixture[str]) -> None:
    hostile = Message(title="\x1b]0;owned\x07 t", body="\x1b[2J\u202e gone", severity="info")
    backends.load("notifiers", "console").send(hostile, {})
    assert capsys.readouterr().err == "ALERT (info) ?]0;owned? t\n  ?[2J? gone\n"


def test_the_console_takes_no_options() -> None:
    with pytest.raises(BackendError, match="takes no options, not colour"):
        send("console", colour="red")


@pytest.mark.real("notifiers", "apprise", "a webhook over HTTP")
def test_a_webhook_gets_json(hook: Hook) -> None:
    send("apprise", url=f"http://{hook.address}/alerts?x=1")
    ((path, body),) = hook.got
    assert path.startswith("/alerts")
    assert body["title"] == MESSAGE.title
    assert body["message"] == MESSAGE.body
    assert body["type"] == "failure"


def test_every_url_is_told(hook: Hook) -> None:
    send("apprise", url=[f"http://{hook.address}/one", f"json://{hook.address}/two"])
    assert [path for path, _ in hook.got] == ["/one", "/two"]


def test_a_server_that_fails_is_named_without_secrets(broken: Hook) -> None:
    with pytest.raises(BackendError, match="did not take the message") as refused:
        send("apprise", url=f"http://user:{SECRET}@{broken.address}/{SECRET}?token={SECRET}")
    assert broken.address in refused.value.message
    assert SECRET not in str(refused.value)
    assert len(broken.got) >= 1


def test_a_server_that_is_not_there(hook: Hook) -> None:
    hook.close()
    with pytest.raises(BackendError, match="did not take the message"):
        send("apprise", url=f"http://{hook.address}/")


@pytest.mark.parametrize(
    "url", ["nonsense://x", "", "no url", f"slack://{SECRET}", f"nonsense://{SECRET}?pass={SECRET}"]
)
def test_what_apprise_does_not_know_is_refused(url: str) -> None:
    with pytest.raises(BackendError, match="is not a URL that Apprise knows") as refused:
        send("apprise", url=url)
    assert refused.value.hint is not None
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    "options", [{}, {"url": None}, {"url": 3}, {"url": [3]}, {"url": {}}, {"url": "json://x", "to": "me"}, {"urls": []}]
)
def test_options_that_do_not_fit_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(BackendError, match="takes one option, url"):
        send("apprise", **options)
