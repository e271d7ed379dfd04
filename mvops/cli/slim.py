"""The part of the app that a command line needs: making all commands from their signatures takes as long as a plan."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterator, Sequence

import typer
from typer.main import get_command_name
from typer.models import CommandInfo, TyperInfo

_MAKING = frozenset({"init", "demo"})  # a project is made without an environment


def slim(app: typer.Typer, words: Sequence[str]) -> typer.Typer:
    """`app` with only the command that `words` begin with; for its own options, with commands that take nothing.

    `words` are what is typed after the global options. The whole app where they name no command: it knows what is
    near.
    """
    part = copy.copy(app)
    if not words or words[0].startswith("-"):
        part.registered_commands = [_described(info) for info in app.registered_commands]
        part.registered_groups = [_closed(info) for info in app.registered_groups]
        return part
    part.registered_commands = [info for info in app.registered_commands if _command(info) == words[0]]
    part.registered_groups = [info for info in app.registered_groups if _group(info) == words[0]]
    return part if part.registered_commands or part.registered_groups else app


def commands_of(app: typer.Typer) -> Iterator[str]:
    """All that work on a project, as they are typed: `apply`, `runs list`; not those that make a project."""
    yield from (name for info in app.registered_commands if (name := _command(info)) not in _MAKING)
    for group in app.registered_groups:
        assert group.typer_instance is not None
        yield from (f"{_group(group)} {_command(info)}" for info in group.typer_instance.registered_commands)


def _command(info: CommandInfo) -> str:
    assert info.callback is not None
    return info.name or get_command_name(info.callback.__name__)


def _group(info: TyperInfo) -> str:
    assert info.typer_instance is not None
    return next((name for name in (info.name, info.typer_instance.info.name) if isinstance(name, str)), "")


def _described(info: CommandInfo) -> CommandInfo:
    """The command's name and what it is for."""

    def nothing() -> None:
        """Take no parameters."""

    described = copy.copy(info)
    described.name = _command(info)
    described.help = info.help or inspect.getdoc(info.callback)
    described.callback = nothing
    return described


def _closed(info: TyperInfo) -> TyperInfo:
    """The group without its commands."""
    closed = copy.copy(info)
    closed.typer_instance = copy.copy(info.typer_instance)
    assert closed.typer_instance is not None
    closed.typer_instance.registered_commands = []
    return closed
