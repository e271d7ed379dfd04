"""Apprise is read off a webhook on this machine; a mail server is in tests/backends/notifiers/test_mail.py."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from webhook import Hook

pytestmark = pytest.mark.real("notifiers", "apprise", "a webhook over HTTP")


def set_up(_folder: Path, request: pytest.FixtureRequest) -> Iterator[Any]:
    hook, failing, silent, gone = Hook(), Hook(500), Hook(silent=True), Hook()
    gone.close()
    channel = request.module.Channel

    def url(hook: Hook) -> dict[str, str]:
        return {"url": f"http://user:{channel.secret}@{hook.address}/{channel.secret}?token={channel.secret}"}

    yield channel(
        options=url(hook),
        arrived=lambda: [f"{body['title']}\n{body['message']}" for _, body in hook.got],
        broken={"answers 500": url(failing), "never answers": url(silent), "is gone": url(gone)},
    )
    for made in (hook, failing, silent):
        made.close()
