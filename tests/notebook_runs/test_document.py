from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from running import notebook

from mvops.errors import NotebookError
from mvops.notebook.document import Document, read_document


def read(folder: Path, book: Any) -> Document:
    path = folder / "n.ipynb"
    path.write_text(json.dumps(book))
    return read_document(path, folder)


def roles(document: Document) -> list[tuple[int, str, str | None]]:
    return [(cell.number, cell.role, cell.step) for cell in document.cells]


def test_tags_give_roles_and_an_untagged_cell_goes_on_with_the_step_before(tmp_path: Path) -> None:
    document = read(
        tmp_path,
        notebook(
            ("parameters", "n = 1"), ("setup", "import os"), ("markdown", "# Load"), "first = 1",
            ("step:load", "a = 1"), "b = 2", ("skip", "!pip list"), "", ("step:train", "c = 3"),
        ),
    )  # fmt: skip
    assert document.steps == ("load", "train")
    assert roles(document) == [
        (1, "parameters", None), (2, "setup", None), (3, "markdown", None), (4, "step", "load"), (5, "step", "load"),
        (6, "step", "load"), (7, "skip", None), (9, "step", "train"),
    ]  # fmt: skip


def test_a_notebook_without_tags_is_one_step_in_its_own_folder(tmp_path: Path) -> None:
    document = read(tmp_path, notebook("x = 1", "y = 2"))
    assert document.steps == ("main",)
    assert document.folder == tmp_path


def test_the_step_and_the_folder_may_come_from_the_metadata(tmp_path: Path) -> None:
    (tmp_path / "notebooks").mkdir()
    document = read(tmp_path, notebook("x = 1", mvops={"steps": ["all"], "cwd": "notebooks"}))
    assert document.steps == ("all",)
    assert document.folder == tmp_path / "notebooks"


def test_a_source_may_be_a_list_of_lines(tmp_path: Path) -> None:
    book = notebook("")
    book["cells"][0]["source"] = ["a = 1\n", "b = 2"]
    assert read(tmp_path, book).code[0].source == "a = 1\nb = 2"


@pytest.mark.parametrize(
    ("book", "message"),
    [
        ({"nbformat": 3, "worksheets": []}, "format 3"),
        ([], "no notebook"),
        (notebook(("skip", "x")), "no code cell that runs"),
        (notebook(("parameters", "a = 1"), ("parameters", "b = 1"), "c = 1"), "Cell 2 is a second cell"),
        (notebook(("step:a step:b", "x")), "several steps: a, b"),
        (notebook(("step:Load It!", "x")), "names no step"),
        (notebook(("step:a", "x"), ("step:b", "y"), ("step:a", "z")), "'a' goes on at cell 3, after step 'b'"),
        (notebook("x", mvops={"cwd": "gone"}), "does not exist: .*gone"),
    ],
)
def test_what_cannot_run_is_refused(tmp_path: Path, book: Any, message: str) -> None:
    with pytest.raises(NotebookError, match=message):
        read(tmp_path, book)


def test_a_missing_or_broken_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotebookError, match="no notebook") as caught:
        read_document(tmp_path / "n.ipynb", tmp_path)
    assert "mvops promote" in (caught.value.hint or "")
    (tmp_path / "n.ipynb").write_text("{")
    with pytest.raises(NotebookError, match="cannot be read"):
        read_document(tmp_path / "n.ipynb", tmp_path)
