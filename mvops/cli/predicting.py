"""Predictions for all rows of a file."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mvops.cli.session import JsonFlag, ModelName, print_json, remark, say, waiting
from mvops.cli.session import project as open_project
from mvops.errors import UsageError

if TYPE_CHECKING:
    from mvops.usecases.predict_wanted import Predicted
    from mvops.workspace import Workspace

_STREAM = Path("-")


def predict(
    model: ModelName,
    source: Annotated[
        Path, typer.Option("--input", "-i", help="A .csv, .jsonl or .parquet file; - reads standard input.")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Likewise; written whole or not at all; - is standard output.")
    ],
    version: Annotated[int | None, typer.Option(help="The champion if left out.")] = None,
    time: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="The column that says when a row happened; now if left out.")
    ] = None,
    keep: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="Take this column over into the output; may be given again."),
    ] = None,
    on_error: Annotated[
        str, typer.Option(help="stop or skip: what becomes of rows that the endpoint would refuse.")
    ] = "stop",
    refused: Annotated[
        Path | None, typer.Option(help="With --on-error skip: where those go; beside the output if left out.")
    ] = None,
    log: Annotated[bool, typer.Option("--log/--no-log", help="Leave it out of the prediction log.")] = True,
    kind: Annotated[str, typer.Option("--format", help="Of - : csv or jsonl.")] = "csv",
    json_: JsonFlag = False,
) -> None:
    """Predict all rows of a file of any size; logged, and an interrupted one goes on from there."""
    if on_error not in {"stop", "skip"}:
        raise UsageError(f"--on-error {on_error}: it is stop or skip")
    if kind not in {"csv", "jsonl"}:
        raise UsageError(f"--format {kind}: it is csv or jsonl")
    from mvops.usecases.predict import predict as work
    from mvops.usecases.predict import wanted

    streamed = output == _STREAM
    with open_project() as workspace, _file(workspace, source, kind) as (path, told):
        asked = wanted(
            path,
            None if streamed else output,
            kinds=(told.get("kind"), kind if streamed else None),
            name=told.get("name", str(source)),
            version=version,
            time=time,
            keep=tuple(dict.fromkeys(keep or ())),
            skip=on_error == "skip",
            refused=refused,
            log=log,
        )
        with waiting() as tell:
            found = work(workspace, model, asked, sys.stdout.buffer if streamed else None, tell)
    lines = list(_lines(found, output))
    if streamed:
        for line in lines:
            remark(line)
    elif json_:
        print_json(found.model_dump(mode="json"))
    else:
        for line in lines:
            say(line)


def _lines(found: Predicted, output: Path) -> Iterator[str]:
    where = "" if output == _STREAM else f", in {output}"
    yield f"{found.model}: {found.predicted} rows predicted by version {found.version} in {found.seconds:.1f} s{where}"
    if found.resumed:
        yield f"  {found.resumed} of them had been predicted before it was interrupted"
    if found.refused:
        yield f"  {found.refused} rows were refused: {found.refused_to} says why"
    if found.ignored:
        yield f"  left out, as the model does not read them: {', '.join(found.ignored)}; --keep COLUMN takes one over"
    if not found.logged:
        yield "  not in the prediction log"


@contextmanager
def _file(workspace: Workspace, source: Path, kind: str) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Where the rows are; standard input is read to its end first, as it is asked twice."""
    if source != _STREAM:
        yield source, {}
        return
    import shutil
    import tempfile

    with tempfile.NamedTemporaryFile(dir=workspace.hidden, prefix="stdin-") as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
        file.flush()
        yield Path(file.name), {"kind": kind, "name": "standard input"}


def add_to(app: typer.Typer) -> None:
    """The command of this file."""
    app.command()(predict)
