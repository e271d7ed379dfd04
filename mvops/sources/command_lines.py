"""What a command line trains with: papermill, nbconvert, a script of Python, or mvops itself."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

_OPERATORS = re.compile(r"[;&|()]+")
_REDIRECTION = re.compile(r"[0-9]*[<>]+&?[0-9-]*")
_PYTHON = re.compile(r"i?python[0-9.]*")
_SHELLS = {"bash", "sh", "zsh", "dash", "flock", "su"}  # what they are given after -c is a command line
_WITH_VALUE = {"-W", "-X"}  # options of Python's that the next word belongs to


@dataclass(frozen=True)
class Runs:
    """One thing that is run: a notebook's or script's path, a module's name, a function's, or a model's for mvops.

    `parameters` are what papermill is given.
    """

    tool: str
    target: str
    parameters: dict[str, str] = field(default_factory=dict)


def runs_of(command: str) -> list[Runs]:
    """All that a command line, or a script of the shell, runs by one of these; nothing is run to find out."""
    lines = command.replace("\\\n", " ").splitlines()
    return [found for line in lines for simple in _simple(line) if (found := _of(simple)) is not None]


def _simple(line: str) -> Iterator[list[str]]:
    """Its simple commands, each as words; what is given to a shell with -c too."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        words = list(lexer)
    except ValueError:  # a quote that is not closed
        words = line.split()
    command: list[str] = []
    skip = False
    for word in [*words, ";"]:
        if skip or _REDIRECTION.fullmatch(word):
            skip = not skip and not word.endswith(("&1", "&2"))
        elif _OPERATORS.fullmatch(word):
            yield from _unwrapped(command)
            command = []
        else:
            command.append(word)


def _unwrapped(command: list[str]) -> Iterator[list[str]]:
    shell = next((at for at, word in enumerate(command) if _name(word) in _SHELLS), len(command))
    given = next((at for at in range(shell, len(command) - 1) if re.fullmatch(r"-[a-z]*c", command[at])), None)
    if given is not None:
        yield from _simple(command[given + 1])
    elif command:
        yield command


def _of(command: Sequence[str]) -> Runs | None:
    """What stands before the program (`cd`, `flock`, `conda run -n`, `uv run`) does not matter."""
    for at, word in enumerate(command):
        read = _TOOLS.get("python" if _PYTHON.fullmatch(_name(word)) else _name(word))
        found = read(list(command[at + 1 :])) if read else None
        if found is not None:
            return found
    return None


def _name(word: str) -> str:
    return word.rpartition("/")[2]


def _papermill(words: Sequence[str]) -> Runs | None:
    books = [word for word in words if word.endswith(".ipynb")]
    given = {
        words[at + 1]: words[at + 2]
        for at, word in enumerate(words[:-2])
        if word in {"-p", "--parameters", "-r", "--parameters_raw"}
    }
    return Runs("papermill", books[0], given) if books else None


def _jupyter(words: Sequence[str]) -> Runs | None:
    if words[:1] == ["nbconvert"]:
        return _nbconvert(words[1:])
    return _execute(words[1:]) if words[:1] == ["execute"] else None


def _nbconvert(words: Sequence[str]) -> Runs | None:
    return _execute(words) if {"--execute", "--ExecutePreprocessor.enabled=True"} & set(words) else None


def _execute(words: Sequence[str]) -> Runs | None:
    return next((Runs("nbconvert", word) for word in words if word.endswith(".ipynb")), None)


def _python(words: Sequence[str]) -> Runs | None:
    at = 0
    while at < len(words) and words[at].startswith("-"):
        if words[at] == "-m" and at + 1 < len(words):
            read = _TOOLS.get(words[at + 1])
            return read(list(words[at + 2 :])) if read else Runs("python", words[at + 1])
        if words[at].startswith("-c"):
            return None
        at += 2 if words[at] in _WITH_VALUE else 1
    return Runs("python", words[at]) if at < len(words) and words[at].endswith((".py", ".ipy")) else None


def _uv(words: Sequence[str]) -> Runs | None:
    """What `uv run` and the like are given, where it is a script itself."""
    scripts = [word for word in words[1:] if word.endswith(".py")] if words[:1] == ["run"] else []
    return Runs("python", scripts[0]) if scripts and not any(_PYTHON.fullmatch(_name(word)) for word in words) else None


def _mvops(words: Sequence[str]) -> Runs | None:
    """A command that trains."""
    for at, word in enumerate(words[:-1]):
        if word in {"retrain", "run"} and not words[at + 1].startswith("-"):
            return Runs("mvops", words[at + 1])
        if word == "--job" and words[at + 1].startswith("retrain_"):
            return Runs("mvops", words[at + 1].removeprefix("retrain_"))
    return None


_TOOLS: dict[str, Callable[[Sequence[str]], Runs | None]] = {
    "papermill": _papermill,
    "jupyter": _jupyter,
    "jupyter-nbconvert": _nbconvert,
    "nbconvert": _nbconvert,
    "jupyter-execute": _execute,
    "python": _python,
    "uv": _uv,
    "mvops": _mvops,
}
