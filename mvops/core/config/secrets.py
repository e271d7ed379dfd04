"""Secrets in the YAML: only their names, as `{secret: NAME}`; the value is in the environment of whoever needs it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, JsonValue

KEY = "secret"
_PASSWORD = re.compile(r"(://[^/@:\s'\"]*):[^/@\s'\"]+@")


def check_secret(name: str) -> str:
    """Return the name of an environment variable; raise ValueError for anything else, such as a secret itself."""
    if not re.fullmatch(r"[A-Z][A-Z0-9_]{0,99}", name):
        raise ValueError("this is not the name of an environment variable: write such as PGPASSWORD")
    return name


def hushed(text: str) -> str:
    """The text without the passwords of its URLs."""
    return _PASSWORD.sub(r"\1:***@", text)


def check_database(url: str) -> str:
    """Return the URL of a database; raise ValueError for one with a password."""
    if _has_password(url):
        raise ValueError(
            "a password has no place in YAML: take it out, and have PGPASSWORD or ~/.pgpass say it where mvops runs"
        )
    return url


def check_options(options: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """Return options in which secrets are named; raise ValueError for a password in a URL, or a bad name."""
    _check(options)
    return options


def named_in(value: Any) -> frozenset[str]:
    """The names of its secrets."""
    if isinstance(value, dict):
        own = {value[KEY]} if set(value) == {KEY} else set()
        return frozenset(own).union(*(named_in(child) for child in value.values()))
    return frozenset().union(*map(named_in, value)) if isinstance(value, list) else frozenset()


def filled_in(value: Any, environment: Mapping[str, str]) -> Any:
    """The same with the values of its secrets. Raises KeyError with the name of one that is not set."""
    if isinstance(value, dict):
        if set(value) == {KEY}:
            return environment[value[KEY]]
        return {name: filled_in(child, environment) for name, child in value.items()}
    return [filled_in(child, environment) for child in value] if isinstance(value, list) else value


def _check(value: Any) -> None:
    if isinstance(value, dict):
        if KEY in value:
            if set(value) != {KEY} or not isinstance(value[KEY], str):
                raise ValueError("a secret is written {secret: NAME}, with nothing beside it")
            check_secret(value[KEY])
        for child in value.values():
            _check(child)
    elif isinstance(value, list):
        for child in value:
            _check(child)
    elif isinstance(value, str) and _has_password(value):
        raise ValueError("a password has no place in YAML: write {secret: NAME}, and set NAME where mvops runs")


def _has_password(url: str) -> bool:
    if _PASSWORD.search(url):
        return True
    try:
        return "://" in url and bool(urlsplit(url).password)
    except ValueError:
        return False


Database = Annotated[str, AfterValidator(check_database)]
Options = Annotated[dict[str, JsonValue], AfterValidator(check_options)]
