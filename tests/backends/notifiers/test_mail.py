"""Alerts by mail, delivered to a real SMTP server on this machine."""

from __future__ import annotations

import email
import email.policy
import socket
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any

import pytest

from mvops import backends
from mvops.contracts.notifiers import Message
from mvops.errors import BackendError

pytestmark = [pytest.mark.system, pytest.mark.real("notifiers", "apprise", "mail over SMTP")]

MESSAGE = Message(title="delay version 3: drift:temp", body="temp rose\nSee: mvops status", severity="critical")


class Mailbox:
    """An SMTP server's handler that keeps what arrives."""

    def __init__(self) -> None:
        self.mails: list[tuple[list[str], EmailMessage]] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 -- the server's name
        parsed = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(parsed, EmailMessage)
        self.mails.append((envelope.rcpt_tos, parsed))
        return "250 OK"


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, int]]:
    controller_of = pytest.importorskip("aiosmtpd.controller", reason="needs aiosmtpd").Controller
    box = Mailbox()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    controller = controller_of(box, hostname="127.0.0.1", port=port)
    controller.start()
    yield box, port
    controller.stop()


def send(port: int, to: str = "ops@example.org") -> None:
    url = f"mailto://127.0.0.1:{port}/?from=mvops@example.org&to={to}&mode=insecure"
    backends.load("notifiers", "apprise").send(MESSAGE, {"url": url})


def test_a_mail_says_what_and_what_to_type_next(mailbox: tuple[Mailbox, int]) -> None:
    box, port = mailbox
    send(port)
    ((recipients, mail),) = box.mails
    assert recipients == ["ops@example.org"]
    assert "delay version 3: drift:temp" in mail["subject"]
    body = mail.get_body()
    assert body is not None
    assert "temp rose" in body.get_content()
    assert "mvops status" in body.get_content()


def test_a_mail_server_that_is_gone_is_named(mailbox: tuple[Mailbox, int]) -> None:
    box, _ = mailbox
    with pytest.raises(BackendError, match="did not take the message"):
        send(1)
    assert box.mails == []
