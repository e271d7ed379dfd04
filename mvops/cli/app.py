"""The `mvops` command: global options, the commands in the order in which they are met, errors and exit codes."""

from __future__ import annotations

import errno
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from mvops import __version__
from mvops.cli import (
    audit,
    changes,
    config,
    features,
    importing,
    interrupts,
    learn,
    models,
    observe,
    predicting,
    project,
    refresh,
    runs,
    schedule,
    state,
    traffic,
    unlocking,
)
from mvops.cli.habits import meant
from mvops.cli.session import SESSION, print_error
from mvops.cli.slim import commands_of, slim
from mvops.errors import MvopsError, of_the_system

_TRACE = "The trace: the same command with --debug"
_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_PERMISSIONS = (
    "Check the permissions of the file and of its folder, or work on a copy of the project. Then type it again."
)
_INTERRUPTED = 130  # what Typer makes of a KeyboardInterrupt
# Click's root of all that is mistyped; Typer has a copy of Click inside or imports Click, by its version.
_MISTYPED: type[typer.BadParameter] = typer.BadParameter.__mro__[2]

# Where Jupyter brought it along, jsonschema makes a grammar of IRIs with it when it is imported, which papermill does:
# that takes a second, and in a process of ours nobody checks an IRI.
_LEFT_OUT: dict[str, Any] = {"rfc3987_syntax": None}

app = typer.Typer(
    name="mvops",
    no_args_is_help=True,
    rich_markup_mode=None,  # Rich would double the time of --help
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Takes a model from a Jupyter notebook to production and keeps it there.",
    epilog="Exit codes: 0 done, 1 error, 2 changes present, 3 only outside drift, 4 a gate or a proof said no.",
)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"mvops {__version__}")
        raise typer.Exit


@app.callback()
def main_options(
    directory: Annotated[
        Path, typer.Option("-C", "--directory", help="The project's folder, or one below it.", show_default=False)
    ] = Path(),
    environment: Annotated[
        str | None,
        typer.Option(
            "--env",
            envvar="MVOPS_ENV",
            show_envvar=False,
            metavar="NAME",
            help="Work on this environment, as configs/env/NAME.yaml says; $MVOPS_ENV if left out.",
        ),
    ] = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Say only what was asked for and what is wrong.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the trace of an error.")] = False,
    version: Annotated[  # noqa: ARG001 -- the callback acts
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Remember the global options."""
    SESSION.directory, SESSION.quiet, SESSION.debug = directory, quiet, debug
    SESSION.environment, SESSION.signed = environment or None, False
    SESSION.commands = tuple(commands_of(app)) if environment or directory != Path() else ()


for part in (
    project,
    importing,
    changes,
    unlocking,
    refresh,
    config,
    models,
    runs,
    traffic,
    predicting,
    schedule,
    features,
    state,
    observe,
    audit,
    learn,
):
    part.add_to(app)


def main() -> None:
    """Run a command; the only place that turns errors into text and exit codes."""
    interrupts.listen()
    sys.modules.update({name: value for name, value in _LEFT_OUT.items() if name not in sys.modules})
    general, words = _globals_first(sys.argv[1:])
    try:
        code = slim(app, words)([*general, *words], standalone_mode=False)
    except (MvopsError, OSError) as error:
        if SESSION.debug:
            raise
        known = error if isinstance(error, MvopsError) else of_the_system(error, _remedy(error))
        print_error(known)
        sys.exit(known.exit_code)
    except _MISTYPED as error:
        error.show()
        if here := meant(words):
            sys.stderr.write(f"here that is: {here}\n")
        sys.exit(1)  # not Typer's own 2, which says that there are changes
    except typer.Abort:
        sys.stderr.write("\nnothing was done\n")
        sys.exit(1)
    if code == _INTERRUPTED:
        sys.stderr.write("interrupted; nothing is half-written: type the same command again\n")
    sys.exit(code or 0)


def _remedy(error: OSError) -> str:
    """What to do about what the system refuses."""
    return _PERMISSIONS if error.errno in _FORBIDDEN else _TRACE


def _globals_first(arguments: list[str]) -> tuple[list[str], list[str]]:
    """The global options, and the rest: `mvops plan -C DIR --quiet` means the same as `mvops -C DIR --quiet plan`."""
    first: list[str] = []
    rest: list[str] = []
    waiting = iter(arguments)
    for argument in waiting:
        if argument == "--":
            return first, [*rest, "--", *waiting]
        if argument in {"-C", "--directory", "--env"}:
            first += [argument, *([value] if (value := next(waiting, None)) is not None else [])]
        elif argument in {"--quiet", "-q", "--debug"} or argument.startswith(("--directory=", "--env=")):
            first.append(argument)
        else:
            rest.append(argument)
    return first, rest
