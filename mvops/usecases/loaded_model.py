"""A version's model in a notebook: asked by the names of its columns, and it says what it wants."""

from __future__ import annotations

from functools import partial
from typing import Any

import pandas as pd

from mvops.core.nearest import did_you_mean
from mvops.core.version import Version
from mvops.errors import DataError

_ASKED = frozenset({"predict", "predict_proba", "predict_log_proba", "decision_function"})


class LoadedModel:
    """The estimator of a version. Whatever else it has (`classes_`, `named_steps`, ...), this has too."""

    def __init__(self, estimator: Any, version: Version) -> None:
        self.estimator = estimator
        self.info = version
        self.version = version.number

    @property
    def schema(self) -> pd.DataFrame:
        """Each column that the model reads, in its order: type, categories, range, whether it may be null."""
        told = [column.model_dump() for column in self.info.signature.columns]
        frame = pd.DataFrame(told, columns=["name", "kind", "nullable", "categories", "low", "high", "example"])
        return frame.rename(columns={"name": "column", "kind": "type"}).set_index("column")

    def __getattr__(self, name: str) -> Any:
        if "estimator" not in self.__dict__:  # it is being copied
            raise AttributeError(name)
        found = getattr(self.estimator, name)
        return partial(self._ask, found) if name in _ASKED else found

    def __repr__(self) -> str:
        return f"<{self.info.model} version {self.version}: {type(self.estimator).__name__}>"

    def _ask(self, method: Any, rows: Any) -> Any:
        """The columns that the model reads, in its order, whatever else the frame has. Raises DataError."""
        if not isinstance(rows, pd.DataFrame):
            return method(rows)
        wanted = [column.name for column in self.info.signature.columns]
        for name in wanted:
            if name not in rows.columns:
                raise DataError(
                    f"version {self.version} of {self.info.model} reads {name}, which the frame does not have"
                    + did_you_mean(name, map(str, rows.columns)),
                    hint=f"It reads: {', '.join(wanted)}; see .schema",
                )
        return method(rows[wanted])
