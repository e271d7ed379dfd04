"""Where an endpoint was reached, and where the YAML has it listen."""

from __future__ import annotations

import pytest

from mvops.errors import UsageError
from mvops.sources.answers import Server
from mvops.sources.endpoint import _fits


@pytest.mark.parametrize(
    ("listens", "reached", "fits"),
    [
        ("127.0.0.1", "localhost", True),
        ("127.0.0.1", "0.0.0.0", True),
        ("0.0.0.0", "10.0.0.5", True),
        ("::", "fd00::1", True),
        ("10.0.0.5", "10.0.0.5", True),
        ("127.0.0.1", "10.0.0.5", False),
        ("10.0.0.5", "127.0.0.1", False),
    ],
)
def test_the_host_is_written_only_where_it_is_another(listens: str, reached: str, fits: bool) -> None:
    assert _fits(listens, reached) is fits


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("http://127.0.0.1:8000/", "http://127.0.0.1:8000"),
        ("http://churn.internal", "http://churn.internal:80"),
        ("http://[::1]:3000", "http://[::1]:3000"),
    ],
)
def test_only_what_was_typed_is_asked(url: str, asked: str) -> None:
    assert Server(url).url == asked


@pytest.mark.parametrize(
    "url", ["https://a", "http://a/b", "http://a?b", "http://u:p@a", "http://:1", "http://a:x", "http://"]
)
def test_what_is_no_place_is_refused(url: str) -> None:
    with pytest.raises(UsageError):
        Server(url)
