"""The pipeline of a model that was made elsewhere: a notebook that loads it and the rows that it is judged by."""

from __future__ import annotations

import hashlib
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from mvops.artifacts.models import types_to_trust

_KEY = "imported"  # in the notebook's metadata, under `mvops`
_LOAD = """
import pandas as pd
from skops import io

model = io.load(model_path, trusted=TRUSTED)
rows = pd.{read}(data_path)
X_test, y_test = rows[COLUMNS], rows[TARGET]
print("imported from", source)
"""


@dataclass(frozen=True)
class Origin:
    """Which file was imported, by its name and content, and the rows that it is judged by.

    `kept` is the sha256 of the file that was made of it here.
    """

    source: str
    sha256: str
    data: str
    target: str
    kept: str = ""

    def same(self, other: Origin) -> bool:
        """Do both say the same, whatever was kept?"""
        return asdict(self) | {"kept": ""} == asdict(other) | {"kept": ""}

    def holds(self, data: bytes | None) -> bool:
        """Is this what was kept?"""
        return data is not None and hashlib.sha256(data).hexdigest() == self.kept


def loading_notebook(paths: Mapping[str, str], source: str, data: bytes, columns: Sequence[str], origin: Origin) -> Any:
    """A notebook as `mvops promote` writes them; `data` is the model as skops, whose types were found trusted."""
    read = "read_parquet" if Path(paths["data_path"]).suffix == ".parquet" else "read_csv"
    parameters = "\n".join([*(f"{name} = {f'../{path}'!r}" for name, path in paths.items()), f"source = {source!r}"])
    constants = "\n".join(
        [f"TRUSTED = {types_to_trust(data)!r}", f"COLUMNS = {list(columns)!r}", f"TARGET = {origin.target!r}"]
    )
    cells = [
        new_markdown_cell(  # type: ignore[no-untyped-call]
            f"# Imported from {source}\n\nThe model is in `{paths['model_path']}`; `mvops import` brings a newer one."
            " Train it here instead, and it is a pipeline like any other.",
            id="imported",
        )
    ]
    tagged = (("parameters", parameters), ("step:load", f"{constants}\n{_LOAD.format(read=read)}"))
    for tag, code in tagged:
        cell = new_code_cell(textwrap.dedent(code).strip(), id=tag.replace(":", "-"))  # type: ignore[no-untyped-call]
        cell.metadata["tags"] = [tag]
        cells.append(cell)
    book = new_notebook(cells=cells)  # type: ignore[no-untyped-call]
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    told = asdict(origin) | {"kept": hashlib.sha256(data).hexdigest(), "cells": _digest(cell.source for cell in cells)}
    book.metadata["mvops"] = {_KEY: told}
    return book


def origin_of(book: Mapping[str, Any]) -> Origin | None:
    """Where a notebook says that its model was imported from; None where it does not, or is another by now."""
    try:
        told = dict(book["metadata"]["mvops"][_KEY])
        cells = told.pop("cells")
        sources = [cell["source"] for cell in book["cells"]]
        texts = ["".join(source) if isinstance(source, list) else str(source) for source in sources]
        return Origin(**told) if _digest(texts) == cells else None
    except (KeyError, TypeError, ValueError):
        return None


def _digest(sources: Iterable[str]) -> str:
    return hashlib.sha256("\0".join(sources).encode()).hexdigest()
