"""The chunks of a file that is predicted: read, checked, asked, logged and kept, one in memory at a time."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from itertools import islice
from pathlib import Path
from typing import IO, Any

from mvops.atomic import whole_binary
from mvops.core.config.endpoint import Endpoint
from mvops.core.environment import hidden_folder
from mvops.core.prediction import BATCH, Prediction
from mvops.core.progress import Progress, Tell
from mvops.core.version import Version
from mvops.errors import DataError, Where, or_elsewhere
from mvops.features.catalog import store_of
from mvops.kinds.endpoint import served_features
from mvops.registry.predictions import PredictionLog
from mvops.serving.answer_files import Shape, arrow_of, join, part, shape_of
from mvops.serving.redaction import Redaction
from mvops.serving.row_files import FileRow, RowFile, open_rows
from mvops.serving.scoring import Refusal, Scored, Scorer, Taker
from mvops.serving.served import load_served
from mvops.serving.settings import ServiceSettings
from mvops.usecases.predict_job import Done, Job, JobFolder
from mvops.usecases.predict_wanted import Predicted, Wanted
from mvops.workspace import Workspace

CHUNK = 4096  # rows in memory, and in one transaction of the log
_PATIENCE = 600.0  # seconds for a chunk
_SHOWN = 5  # wrong rows in an error
_REFUSALS = Shape({"row": "int64", "column": "string", "problem": "string", "values": "string"})


class Work:
    """The chunks of one file."""

    def __init__(
        self, workspace: Workspace, asked: Wanted, file: RowFile, version: Version, folder: JobFolder, tell: Tell
    ) -> None:
        self._workspace, self._asked, self._file = workspace, asked, file
        self._version, self._folder, self._tell = version, folder, tell
        known = {column.name: arrow_of(column.kind) for column in version.signature.columns}
        types = {name: file.arrow_type(name) or known.get(name, "string") for name in asked.keep}
        self._shape = shape_of(version.signature, types, logged=asked.log)
        self._ignored: set[str] = set()
        self._redaction = Redaction(workspace.project.models[version.model].log, workspace.root)

    def _taker(self, file: RowFile, job: Job) -> Taker:
        version = self._version
        return Taker(file, version.signature.columns, version.lookup, self._asked.time, job.began)

    def check_all(self, job: Job) -> None:
        """Read the whole file once, so that nothing is logged of one that is wrong. Raises DataError."""
        with open_rows(self._asked.input, self._asked.kinds[0]) as file:
            taker = self._taker(file, job)
            for rows in _chunks(file, 0):
                if refused := taker.check(taker.take(rows)).refused:
                    raise self._wrong(refused, "Nothing was predicted or logged.")
                self._say("checking", file)

    def do(self, job: Job) -> None:
        """Predict what is not predicted yet."""
        done = self._folder.done()
        taker = self._taker(self._file, job)
        served, pool = _served(self._workspace, self._version)
        with pool, self._log() as log, asyncio.Runner() as runner:
            for number, rows in enumerate(_chunks(self._file, len(done) * CHUNK), start=len(done)):
                self._ignored |= rows[0].values.keys()
                begun = time.perf_counter()
                scored = runner.run(served.score(taker.check(taker.take(rows))))
                refused = scored.taken.refused
                if refused and not self._asked.skip:
                    raise self._wrong(refused, f"The {number * CHUNK} rows before are predicted; nothing was written.")
                share = (time.perf_counter() - begun) * 1000 / len(rows)
                if log is not None:
                    log.append(list(self._predictions(job, scored, share)))
                self._folder.add(number, *self._parts(job, scored))
                self._say("predicting", self._file)

    def finish(self, stream: IO[bytes] | None, resumed: int, seconds: float) -> Predicted:
        """Write the output, and what was refused."""
        asked, folder = self._asked, self._folder
        done = folder.done()
        refused_to = asked.refused if asked.skip and any(chunk.refused for chunk in done) else None
        with or_elsewhere():
            if refused_to is not None:
                with whole_binary(refused_to) as file:
                    join("csv", _REFUSALS, folder.refused(), file)
            if asked.output is None and stream is not None:
                join(asked.kinds[1], self._shape, folder.parts(), stream)
            elif asked.output is not None:
                with whole_binary(asked.output) as file:
                    join(asked.kinds[1], self._shape, folder.parts(), file)
        predicted, refused = sum(one.predicted for one in done), sum(one.refused for one in done)
        return Predicted(
            model=self._version.model,
            version=self._version.number,
            rows=predicted + refused,
            predicted=predicted,
            refused=refused,
            resumed=resumed,
            logged=asked.log,
            ignored=tuple(sorted(set(self._file.columns or self._ignored) - self._used())),
            refused_to=refused_to,
            seconds=round(seconds, 3),
        )

    def _used(self) -> set[str | None]:
        keys = self._version.lookup.keys if self._version.lookup else {}
        own = {column.name for column in self._version.signature.columns}
        return {*own, *keys, *self._asked.keep, self._asked.time}

    def _log(self) -> AbstractContextManager[PredictionLog | None]:
        return self._workspace.predictions() if self._asked.log else nullcontext()

    def _say(self, what: str, file: RowFile) -> None:
        self._tell(Progress(what=f"{self._version.model}: {what} {self._asked.name}", done=file.done, total=file.total))

    def _wrong(self, refused: Sequence[Refusal], so_far: str) -> DataError:
        first, more = refused[0], len(refused) - 1
        others = "".join(f"\n{one}" for one in refused[1:_SHOWN])
        return DataError(
            f"{first}{f' (and {more} more among the next {CHUNK})' if more else ''}{others}",
            hint=f"{so_far} Correct it, or leave such rows out and have them in a file of their own: --on-error skip",
            where=Where(Path(self._asked.name), first.row.line),
        )

    def _ids(self, job: Job) -> str:
        """What all ids begin with: the same rows of the same file, asked of the same version, have the same ids."""
        made_of = (
            self._version.model,
            str(self._version.number),
            self._version.artifact.sha256,
            job.input,
            self._asked.time or "",
        )
        digest = hashlib.sha256("\0".join(made_of).encode()).hexdigest()
        return f"batch-{digest[:24]}"

    def _predictions(self, job: Job, scored: Scored, share: float) -> Iterator[Prediction]:
        base, answers = self._ids(job), scored.answers
        probabilities: Sequence[Any] = answers.probabilities or [None] * len(answers.predictions)
        inputs_kept = self._redaction(scored.taken.inputs)
        rows = zip(scored.taken.rows, scored.taken.times, inputs_kept, answers.predictions, probabilities, strict=True)
        for row, moment, inputs, prediction, probability in rows:
            yield Prediction.model_construct(
                id=f"{base}-{row.number}",
                time=moment,
                model=self._version.model,
                version=self._version.number,
                arm=BATCH,
                inputs=inputs,
                prediction=prediction,
                probability=None if probability is None else tuple(probability),
                latency_ms=share,
            )

    def _parts(self, job: Job, scored: Scored) -> tuple[bytes, bytes, Done]:
        rows: list[FileRow] = scored.taken.rows
        answers, base, count = scored.answers, self._ids(job), len(rows)
        probabilities = zip(*answers.probabilities, strict=True) if answers.probabilities else ()
        columns: list[Sequence[Any]] = [
            [row.number for row in rows],
            *(
                [self._kept(row, inputs, name) for row, inputs in zip(rows, scored.taken.inputs, strict=True)]
                for name in self._asked.keep
            ),
            answers.predictions,
            *probabilities,
            *([[f"{base}-{row.number}" for row in rows]] if self._asked.log else []),
            [self._version.number] * count,
        ]
        refused = scored.taken.refused
        told: list[list[Any]] = [
            [one.row.number for one in refused],
            [one.column for one in refused],
            [one.message for one in refused],
            [one.row.values for one in refused],
        ]
        return (
            part(self._asked.kinds[1], self._shape, columns) if count else b"",
            part("csv", _REFUSALS, told),
            Done(predicted=count, refused=len(refused)),
        )

    def _kept(self, row: FileRow, inputs: dict[str, Any], name: str) -> Any:
        """As the file has it; as the model read it where the file has only texts and the output has types."""
        return (
            inputs[name]
            if self._file.texts and self._asked.kinds[1] != "csv" and name in inputs
            else row.values.get(name)
        )


def _chunks(file: RowFile, after: int) -> Iterator[list[FileRow]]:
    rows = file.rows(after)
    while chunk := list(islice(rows, CHUNK)):
        yield chunk


def _served(workspace: Workspace, version: Version) -> tuple[Scorer, ThreadPoolExecutor]:
    """The version as the endpoint has it in memory."""
    project = workspace.project
    endpoint = project.models[version.model].endpoint or Endpoint()
    told = served_features(project, version.model) if version.lookup else None
    store = store_of(workspace) if told else None
    settings = ServiceSettings(
        model=version.model,
        root=workspace.root,
        state=f"{hidden_folder(project.environment)}/serving/{version.model}",
        artifacts=project.artifacts,
        predictions=project.predictions,
        max_rows=CHUNK,
        batch_rows=CHUNK,
        engine=endpoint.engine,
        tolerance=endpoint.tolerance,
        releases=endpoint.environment,
        isolate=False,  # nobody else is asked by this process
        predict_timeout=_PATIENCE,
        features=told,
    )
    pool = ThreadPoolExecutor(1, thread_name_prefix="model")
    return Scorer(load_served(version, settings, pool, lambda _: None, store)), pool
