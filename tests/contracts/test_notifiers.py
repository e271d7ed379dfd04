"""The examination of the family `notifiers`: what is sent arrives, what cannot be sent is one clear error."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from mvops.contracts.notifiers import Message, Notifier
from mvops.errors import BackendError

MESSAGE = Message(title="delay version 3: drift:temp", body="temp rose\nSee: mvops status", severity="critical")


@dataclass(frozen=True)
class Channel:
    """What a member's file makes ready.

    `arrived` gives the text of each message that was delivered, in order. `broken` are options with which delivery
    must fail, by what is broken; what stands in them after `secret=` may be told to nobody.
    """

    options: Mapping[str, Any]
    arrived: Callable[[], list[str]]
    broken: Mapping[str, Mapping[str, Any]]
    secret: str = "s3cr3t-t0k3n"


def test_title_and_body_arrive(backend: Notifier, set_up: Channel) -> None:
    backend.send(MESSAGE, set_up.options)
    (text,) = set_up.arrived()
    for words in (MESSAGE.title, "temp rose", "See: mvops status"):
        assert words in text


@pytest.mark.parametrize("severity", ["info", "warning", "critical"])
def test_every_severity_can_be_told(backend: Notifier, set_up: Channel, severity: Any) -> None:
    backend.send(MESSAGE.model_copy(update={"severity": severity}), set_up.options)
    assert len(set_up.arrived()) == 1


def test_messages_arrive_in_order_and_each_once(backend: Notifier, set_up: Channel) -> None:
    titles = [f"delay: alert {number}" for number in range(3)]
    for title in titles:
        backend.send(MESSAGE.model_copy(update={"title": title}), set_up.options)
    assert [next(title for title in titles if title in text) for text in set_up.arrived()] == titles


def test_letters_of_every_alphabet_and_what_looks_like_code_arrive_as_they_are(
    backend: Notifier, set_up: Channel
) -> None:
    body = "Überflüge 数据 😀\n{{ 7 * 7 }} <b>${HOME}</b> %s 'quoted' \"twice\""
    backend.send(MESSAGE.model_copy(update={"body": body}), set_up.options)
    (text,) = set_up.arrived()
    for line in body.splitlines():
        assert line in text


def test_nothing_is_written_to_standard_output(
    backend: Notifier, set_up: Channel, capfd: pytest.CaptureFixture[str]
) -> None:
    backend.send(MESSAGE, set_up.options)
    assert capfd.readouterr().out == ""  # it may be JSON for a script


def test_options_that_do_not_fit_are_refused_by_the_members_name(
    backend: Notifier, set_up: Channel, member: Any
) -> None:
    with pytest.raises(BackendError, match=member.name):
        backend.send(MESSAGE, {**set_up.options, "no_such_option": 1})
    assert set_up.arrived() == []


def test_what_cannot_be_delivered_is_an_error_without_secrets_and_within_seconds(
    backend: Notifier, set_up: Channel
) -> None:
    for what, options in set_up.broken.items():
        start = time.monotonic()
        with pytest.raises(BackendError) as refused:
            backend.send(MESSAGE, options)
        assert time.monotonic() - start < 15, what
        assert set_up.secret not in str(refused.value), what
    assert set_up.arrived() == []
