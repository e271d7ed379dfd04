"""What may come next in a line `%mvops ...`: commands, their options, names of models."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import typer

from mvops.cli.app import app


def completions(shell: Any, event: Any) -> list[str]:
    """Called by IPython with the line so far and the word that is typed."""
    del shell
    before = event.line[: len(event.line) - len(event.symbol)].split()[1:]
    return candidates(before, event.symbol)


def candidates(before: list[str], word: str) -> list[str]:
    """All that `word` may become after the words `before`."""
    command: Any = _root()
    for typed in before:
        command = getattr(command, "commands", {}).get(typed, command)
    if word.startswith("-"):
        found = [option for parameter in command.params for option in parameter.opts if option.startswith("-")]
    elif hasattr(command, "commands"):
        found = list(command.commands)
    else:
        found = _models() if any(parameter.name == "model" for parameter in command.params) else []
    return sorted(each for each in found if each.startswith(word))


@cache  # made of all signatures
def _root() -> Any:
    return typer.main.get_command(app)


def _models() -> list[str]:
    here = Path.cwd()
    roots = (folder for folder in (here, *here.parents) if (folder / "configs" / "project.yaml").is_file())
    return [path.stem for path in (next(roots, here) / "configs" / "models").glob("*.yaml")]
