"""The pipeline of a model that was made elsewhere: a notebook that loads it and the rows that it is judged by."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from mvops.artifacts.models import types_to_trust

_LOAD = """
import pandas as pd
from skops import io

model = io.load(model_path, trusted=TRUSTED)
rows = pd.{read}(data_path)
X_test, y_test = rows[COLUMNS], rows[TARGET]
print("imported from", source)
"""


def pipeline_notebook(paths: Mapping[str, str], source: str, data: bytes, columns: Sequence[str], target: str) -> Any:
    """A notebook as `mvops promote` writes them; `data` is the model as skops, whose types were found trusted."""
    read = "read_parquet" if Path(paths["data_path"]).suffix == ".parquet" else "read_csv"
    parameters = "\n".join([*(f"{name} = {f'../{path}'!r}" for name, path in paths.items()), f"source = {source!r}"])
    constants = "\n".join(
        [f"TRUSTED = {types_to_trust(data)!r}", f"COLUMNS = {list(columns)!r}", f"TARGET = {target!r}"]
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
    return book
