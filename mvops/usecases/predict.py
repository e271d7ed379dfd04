"""Predictions for all rows of a file, by the version that answers requests or another one."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from mvops.core.nearest import did_you_mean
from mvops.core.progress import Tell, silent
from mvops.core.version import Version
from mvops.errors import DataError, UsageError
from mvops.performing.traffic import version_of
from mvops.registry.events import record_event
from mvops.serving.answer_files import shape_of
from mvops.serving.app import missing
from mvops.serving.row_files import Format, RowFile, format_of, open_rows
from mvops.usecases.in_charge import in_charge
from mvops.usecases.predict_job import Job, JobFolder, digest_of, job_folder
from mvops.usecases.predict_wanted import Predicted, Wanted
from mvops.workspace import Workspace


def wanted(source: Path, output: Path | None, **options: Any) -> Wanted:
    """What is asked for; formats by the endings where they are not given. Raises UsageError."""
    kinds = options.pop("kinds", (None, None))
    kind = kinds[0] or format_of(source)
    other: Format = kinds[1] or (format_of(output) if output else "csv")
    if output is not None and output.resolve() == source.resolve():
        raise UsageError(f"{output} is what is read: write the predictions to another file")
    if options.get("skip") and options.get("refused") is None and output is not None:
        options["refused"] = output.with_name(f"{output.stem}.refused.csv")
    if options.get("skip") and options.get("refused") is None:
        raise UsageError("--on-error skip needs --refused FILE where the predictions go to standard output")
    return Wanted(input=source, output=output, kinds=(kind, other), **{"name": str(source), **options})


def predict(
    workspace: Workspace, model: str, asked: Wanted, stream: IO[bytes] | None, tell: Tell = silent
) -> Predicted:
    """Predict a file's rows, write them to the output whole or not at all, and log them as the arm `batch`.

    Killed and asked again, it goes on from there, with the version that it was begun with; each prediction's id is
    made of the input's content, so that none is logged twice. Raises DataError for a file or a row that does not fit,
    unless wrong rows are to be skipped.
    """
    workspace.model(model)
    try:
        from mvops.usecases.predict_chunks import Work  # noqa: PLC0415 -- an optional extra
    except ModuleNotFoundError as error:
        raise missing(error) from error
    began = time.monotonic()
    with (
        open_rows(asked.input, asked.kinds[0]) as file,
        job_folder(workspace.hidden / "predict", model, asked.output) as folder,
    ):
        before = asked.input.stat()
        digest = digest_of(asked.input)
        job = _job(workspace, model, asked, digest, folder)
        version = version_of(workspace, model, job.version)
        resumed = sum(chunk.predicted for chunk in folder.done())
        _check_columns(file, version, asked)
        work = Work(workspace, asked, file, version, folder, tell)
        if not asked.skip and not job.checked:
            work.check_all(job)
            folder.keep(job := job.model_copy(update={"checked": True}))
        work.do(job)
        if (after := asked.input.stat()).st_mtime_ns != before.st_mtime_ns or after.st_size != before.st_size:
            raise DataError(f"{asked.name} changed while it was read", hint="Type it again once it is whole.")
        found = work.finish(stream, resumed, time.monotonic() - began)
        _on_record(workspace, asked, found)
        folder.clear()
    return found


def _job(workspace: Workspace, model: str, asked: Wanted, digest: str, folder: JobFolder) -> Job:
    """What was begun, if it is the same; else anew."""
    found = folder.found()
    same = found is not None and found.input == digest and found.asked == asked.asked()
    if found is not None and same and asked.version in {None, found.version}:
        return found
    number = asked.version
    if number is None:
        serving = in_charge(workspace, model)
        if serving is None:
            raise UsageError(f"{model} has no champion", hint="Make one: mvops apply; or name one: --version N")
        number = serving.number
    job = Job(version=number, input=digest, asked=asked.asked(), began=datetime.now(UTC))
    version_of(workspace, model, number)
    folder.begin(job)
    return job


def _check_columns(file: RowFile, version: Version, asked: Wanted) -> None:
    """Raises DataError for columns that the file lacks, UsageError for those that cannot be kept."""
    own = [column.name for column in version.signature.columns]
    looked_up = version.lookup.fields if version.lookup else {}
    needed = dict.fromkeys(
        [*(name for name in own if name not in looked_up), *(version.lookup.keys if version.lookup else ())]
    )
    made = set(shape_of(version.signature, {}, logged=asked.log).names)
    for name in asked.keep:
        if name in made:
            raise UsageError(f"--keep {name}: the output has a column of its own that is called so")
    there = file.columns
    for option, names in (("", needed), ("--keep ", asked.keep), ("--time ", [asked.time] if asked.time else [])):
        for name in names if there is not None else ():
            if there is not None and name not in there:
                wants = f"{option}{name}" if option else f"version {version.number} of {version.model} reads {name}"
                raise DataError(
                    f"{wants}: {asked.name} has no such column{did_you_mean(name, there)}",
                    hint=f"Its columns: {', '.join(there)}",
                )


def _on_record(workspace: Workspace, asked: Wanted, found: Predicted) -> None:
    refused = f", {found.refused} refused" if found.refused else ""
    where = asked.output or "standard output"
    message = f"{found.predicted} rows of {asked.name} predicted by version {found.version}{refused}, to {where}"
    details = found.model_dump(mode="json", exclude={"model"})
    record_event(workspace.registry, "predict", found.model, message, details)
