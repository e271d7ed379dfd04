"""Alerts through Apprise: mail, Slack, Teams, webhooks and a hundred others, by URL."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mvops.contracts.notifiers import Message
from mvops.errors import BackendError, MissingExtraError

try:
    import apprise
except ImportError as error:
    raise MissingExtraError("The notifier 'apprise'", "alerts") from error

_TYPES = {"info": "info", "warning": "warning", "critical": "failure"}


class Apprise:
    """Options: `url`, one Apprise URL or a list of them; `http(s)://` means a webhook that takes JSON."""

    def send(self, message: Message, options: Mapping[str, Any]) -> None:
        """Deliver to every URL; raise BackendError that names (without secrets) the one that failed."""
        for url in _urls(options):
            channel = apprise.Apprise()
            if not channel.add(url):
                raise BackendError(
                    f"notifier 'apprise': {_without_secrets(url)} is not a URL that Apprise knows",
                    hint="See https://github.com/caronc/apprise for the URL of each service.",
                )
            if not channel.notify(title=message.title, body=message.body, notify_type=_TYPES[message.severity]):
                raise BackendError(f"notifier 'apprise': {_without_secrets(url)} did not take the message")


def _urls(options: Mapping[str, Any]) -> list[str]:
    given = options.get("url")
    urls = [given] if isinstance(given, str) else given
    if set(options) != {"url"} or not isinstance(urls, list) or not all(isinstance(u, str) for u in urls):
        raise BackendError("notifier 'apprise' takes one option, url: a URL or a list of URLs")
    return [_as_webhook(url) for url in urls]


def _as_webhook(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    return {"http": "json", "https": "jsons"}.get(scheme, scheme) + separator + rest


def _without_secrets(url: str) -> str:
    """Most services carry a token where a webhook has its host, so only a webhook's host is shown."""
    scheme, _, rest = url.partition("://")
    host = re.split(r"[/?#]", rest)[0].rpartition("@")[2]
    return f"{scheme}://{host}/…" if scheme in {"json", "jsons"} else f"{scheme}://…"
