"""Values that steps hand to each other, as bytes in a format that fits their type."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mvops.artifacts.models import PICKLES, load_pickle, load_skops
from mvops.errors import ArtifactError, MissingExtraError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


def load_value(data: bytes, format: str, *, trusted_pickle: bool) -> Any:  # noqa: A002  as in Artifact
    """The value in `data`; `format` is parquet, table, npy, json, skops, cloudpickle or pickle.

    A pickle is loaded only with `trusted_pickle`; the other formats run no code. Raises ArtifactError for bytes that
    are not what `format` says, MissingExtraError if parquet has no reader.
    """
    if format in PICKLES:
        return load_pickle(data, f"The {format} value", trusted=trusted_pickle)
    if format not in _LOADERS:
        raise ArtifactError(
            f"{format!r} is not a format of values.", hint=f"Known: {', '.join(sorted(_LOADERS.keys() | PICKLES))}"
        )
    try:
        return _LOADERS[format](data)
    except (ArtifactError, MissingExtraError):
        raise
    except Exception as error:
        raise ArtifactError(f"The value cannot be read as {format}: {error}") from error


def dump_frame(frame: pd.DataFrame) -> tuple[bytes, str]:
    """A table as Parquet bytes, and that format's name; index and types survive.

    Raises MissingExtraError without pyarrow, ArtifactError for a column that Parquet cannot hold.
    """
    try:
        import pyarrow as pa  # noqa: PLC0415  an extra
        import pyarrow.parquet as pq  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtraError("Writing Parquet", "parquet") from error
    stream = io.BytesIO()
    try:
        pq.write_table(pa.Table.from_pandas(frame), stream)
    except (pa.ArrowException, ValueError, TypeError) as error:
        reason = "; ".join(str(part) for part in error.args)
        raise ArtifactError(
            f"The table cannot be stored as Parquet: {reason}", hint="Give each column one type and a name of its own."
        ) from error
    return stream.getvalue(), "parquet"


def dump_array(array: np.ndarray[Any, Any]) -> bytes:
    """An array of numbers as the bytes of the format npy."""
    import numpy as np  # noqa: PLC0415  the endpoint imports this file, and must start fast

    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=False)
    return stream.getvalue()


def _parquet(data: bytes) -> Any:
    try:
        import pyarrow.parquet as pq  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtraError("Reading Parquet", "parquet") from error
    return pq.read_table(io.BytesIO(data)).to_pandas()


def _npy(data: bytes) -> Any:
    import numpy as np  # noqa: PLC0415  the endpoint imports this file, and must start fast

    stream = io.BytesIO(data)
    value = np.lib.format.read_array(stream, allow_pickle=False)
    if stream.read(1):
        raise ArtifactError("The value cannot be read as npy: something follows the array.")
    return value


def _table(data: bytes) -> Any:
    from mvops.artifacts.tables import read_table  # noqa: PLC0415

    return read_table(data)


_LOADERS: dict[str, Callable[[bytes], Any]] = {
    "json": json.loads,
    "npy": _npy,
    "parquet": _parquet,
    "skops": load_skops,
    "table": _table,
}
