"""What every command shares: where the project is, how to print, how to wait."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mvops.errors import MvopsError

if TYPE_CHECKING:
    from mvops.core.progress import Progress
    from mvops.workspace import Workspace


@dataclass
class Session:
    """The global options, set once by `app.main_options`.

    `display` shows what was found as a notebook does, and says whether it can; None where this is no notebook's cell.
    `commands` are those that work on a project, where people have to say which or in which environment. `signed` says
    that nothing but signed plans is applied in the project that was opened.
    """

    directory: Path = Path()
    quiet: bool = False
    debug: bool = False
    environment: str | None = None
    commands: tuple[str, ...] = ()
    signed: bool = False
    display: Callable[[object], bool] | None = None


SESSION = Session()
Line = tuple[str, str]  # text and its style

JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
YesFlag = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
LockTimeout = Annotated[
    str, typer.Option("--lock-timeout", help="How long to wait while another command changes the project.")
]
Overrides = Annotated[
    list[str] | None,
    typer.Argument(metavar="[OVERRIDE]...", help="Hydra overrides, such as models.churn.monitor.every=1h."),
]
ModelName = Annotated[str, typer.Argument(metavar="MODEL", help="A model's name.")]


@contextmanager
def project(overrides: Iterable[str] | None = None, *, sound: bool = False) -> Iterator[Workspace]:
    """The project of the global options -C and --env, opened; remarks are printed at the end, on standard error.

    Only what is `sound` of it: without models whose file holds a mistake.
    """
    from mvops.usecases.project import open_project, open_sound

    opened = (
        open_sound(SESSION.directory, SESSION.environment)
        if sound
        else open_project(SESSION.directory, tuple(overrides or ()), SESSION.environment)
    )
    with opened as workspace:
        SESSION.signed = workspace.project.plan.signers is not None
        try:
            yield workspace
        finally:
            for said in workspace.remarks:
                remark(said)


def remark(said: str) -> None:
    """What could not be done beside what was asked for, on standard error."""
    sys.stderr.write(f"note: {as_typed(said)}\n")
    sys.stderr.flush()


def as_typed(text: str) -> str:
    """What people are told, with `-C` and `--env` in each command that it names, where they were typed."""
    text = as_signed(text)
    if not SESSION.commands:
        return text
    from mvops.core.typed import typed_in

    directory = "" if SESSION.directory == Path() else str(SESSION.directory)
    return typed_in(text, SESSION.environment, SESSION.commands, directory)


def as_signed(text: str) -> str:
    """The same, with how a plan is signed where it says to apply and only signed plans are."""
    if not SESSION.signed:
        return text
    from mvops.core.typed import signed_in

    return signed_in(text)


def one_place() -> bool:
    """Do standard output and standard error come to the same terminal or file."""
    try:
        return os.path.sameopenfile(sys.stdout.fileno(), sys.stderr.fileno())
    except OSError:  # one of them is no file
        return False


def say(text: str = "", style: str = "") -> None:
    """A remark on what is being done; not with --quiet."""
    if not SESSION.quiet:
        answer(text, style)


def answer_all(lines: Iterable[str]) -> None:
    """What was asked for, or has to be known."""
    for line in lines:
        answer(line)


def present(found: object, lines: Iterable[str | Line], tell: Callable[..., None] | None = None) -> None:
    """What was found: as a display in a notebook's cell, else line by line, by `tell` or as an answer."""
    silent = SESSION.quiet and tell is say
    if SESSION.display is not None and not silent and SESSION.display(found):
        return
    for line in lines:
        (tell or answer)(*((line,) if isinstance(line, str) else line))


def answer(text: str, style: str = "") -> None:
    """A line of what was asked for, on standard output; styled only on a terminal and in a notebook's cell."""
    text = as_typed(text)
    if style and (SESSION.display is not None or sys.stdout.isatty()):
        from rich.console import Console

        colours: dict[str, Any] = {}
        if SESSION.display is not None:
            colours = {"force_terminal": True, "color_system": "standard"}
        Console(highlight=False, **colours).print(text, style=style, markup=False, soft_wrap=True)
    else:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()


def print_json(value: dict[str, Any]) -> None:
    """One JSON document on standard output, with its format's version."""
    sys.stdout.write(json.dumps({"format_version": 1, **value}, indent=2, ensure_ascii=False, default=str) + "\n")


def print_error(error: MvopsError) -> None:
    """What, where and what to do next, on standard error."""
    place = f"{error.where}: " if error.where else ""
    sys.stderr.write(f"error: {place}{error.message}\n")
    if error.hint:
        sys.stderr.write("".join(f"  {line}\n" for line in as_typed(error.hint).splitlines()))


@contextmanager
def waiting() -> Iterator[Callable[[Progress], None]]:
    """A progress bar on standard error while something takes long; lines where that is not a terminal."""
    if SESSION.quiet:
        yield lambda _: None
        return
    if not sys.stderr.isatty():
        yield _lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("working", total=None)

        def tell(progress: Progress) -> None:
            bar.update(task, description=progress.what, completed=progress.done, total=progress.total)

        yield tell


def passed(names: Iterable[str]) -> None:
    """What took no time, so that no bar is needed: as `waiting()` says it where there is none."""
    if not SESSION.quiet and not sys.stderr.isatty():
        for name in names:
            _line(name)


def _line(what: str) -> None:
    stream = sys.stderr if SESSION.display is None else sys.stdout  # a notebook shows the former as an error
    stream.write(f"  ... {what}\n")
    stream.flush()


def _lines() -> Callable[[Progress], None]:
    told: set[str] = set()

    def tell(progress: Progress) -> None:
        if progress.what not in told:
            told.add(progress.what)
            _line(progress.what)

    return tell


def confirm(question: str, *, yes: bool, word: str | None = None) -> None:
    """Go on only with a yes, or with `word` where one is to be typed; raise UsageError where nobody can answer."""
    from mvops.errors import UsageError

    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("this needs a yes, and there is nobody to ask", hint="Say it on the command line: --yes")
    if word is not None:
        said = typer.prompt(f"{question} A version that serves is taken away. Type {word} to go on", default="")
        if said.strip() != word:
            raise typer.Abort
    elif not typer.confirm(question):
        raise typer.Exit(1)
