from __future__ import annotations

import json

import nbformat
import pytest

from mvops.errors import NotebookError
from mvops.notebook.code import code_cells
from mvops.notebook.read import read_notebook


def write(path, cells=(), **changes):
    content = {"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 2} | changes
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


CODE = {"cell_type": "code", "source": ["x = 1\n", "y = 2"], "metadata": {}, "outputs": [], "execution_count": 3}


def test_old_cells_get_ids_that_stay(tmp_path):
    path = write(tmp_path / "a.ipynb", [CODE, CODE])
    first, second = read_notebook(path), read_notebook(path)
    assert [c.id for c in first.cells] == [c.id for c in second.cells]
    assert len({c.id for c in first.cells}) == 2
    assert first.cells[0].source == "x = 1\ny = 2"
    nbformat.validate(first)


def test_ids_are_kept_and_doubles_are_not(tmp_path):
    cells = [CODE | {"id": "same"}, CODE | {"id": "same"}, CODE | {"id": "not valid!"}]
    ids = [cell.id for cell in read_notebook(write(tmp_path / "a.ipynb", cells)).cells]
    assert ids[0] == "same"
    assert len(set(ids)) == 3


def test_small_offences_are_put_right(tmp_path):
    cells = [
        {"cell_type": "code", "source": "x = 1\r\ny = 2", "metadata": None, "outputs": None, "execution_count": "5"},
        {"cell_type": "markdown", "source": "![a](attachment:b)", "attachments": {"b": {"image/png": "x"}}},
    ]
    path = tmp_path / "a.ipynb"
    path.write_bytes(b"\xef\xbb\xbf" + write(path, cells, metadata=None).read_bytes())
    notebook = read_notebook(path)
    nbformat.validate(notebook)
    assert notebook.cells[0].source == "x = 1\ny = 2"
    assert "attachments" in notebook.cells[1]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "is empty"),
        ("{", "not valid JSON"),
        ("[1]", "not a notebook"),
        ('{"a": 1}', "format None"),
        ('{"nbformat": 4, "cells": {}}', "no list of cells"),
        ('{"nbformat": 4, "cells": [{"cell_type": "heading"}]}', "number 1"),
        ('{"nbformat": 4, "cells": [3]}', "number 1"),
        ('{"nbformat": 4, "cells": []}', "holds no code"),
        ('{"nbformat": 5, "cells": []}', "format 5"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_what_is_no_notebook_is_refused(tmp_path, content, says):
    path = tmp_path / "a.ipynb"
    path.write_text(content)
    with pytest.raises(NotebookError, match=says) as caught:
        read_notebook(path)
    assert caught.value.hint
    assert caught.value.where.file == path


def test_other_files_are_refused(tmp_path):
    with pytest.raises(NotebookError, match="does not exist"):
        read_notebook(tmp_path / "none.ipynb")
    (tmp_path / "folder.ipynb").mkdir()
    with pytest.raises(NotebookError, match="is a folder"):
        read_notebook(tmp_path / "folder.ipynb")
    with pytest.raises(NotebookError, match=r"\.ipynb"):
        read_notebook(tmp_path / "train.R")
    (tmp_path / "latin.ipynb").write_bytes('{"é": 1}'.encode("latin-1"))
    with pytest.raises(NotebookError, match="UTF-8"):
        read_notebook(tmp_path / "latin.ipynb")


def test_format_3_is_refused_with_the_command_that_upgrades(tmp_path):
    path = write(tmp_path / "old book.ipynb", nbformat=3, worksheets=[{"cells": []}])
    with pytest.raises(NotebookError, match="format 3") as caught:
        read_notebook(path)
    assert "jupyter nbconvert --to notebook --nbformat 4 --inplace 'old book.ipynb'" in caught.value.hint


@pytest.mark.parametrize(
    ("metadata", "name"),
    [
        ({"kernelspec": {"name": "ir", "language": "R", "display_name": "R"}}, "R"),
        ({"kernelspec": {"name": "ir"}}, "R"),
        ({"language_info": {"name": "julia"}}, "Julia"),
        ({"kernelspec": {"language": "scala"}}, "scala"),
    ],
)
def test_other_languages_are_refused(tmp_path, metadata, name):
    with pytest.raises(NotebookError, match=f"a notebook in {name}"):
        read_notebook(write(tmp_path / "a.ipynb", [CODE], metadata=metadata))


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"kernelspec": {"name": "conda-root-py", "language": "python"}},
        {"kernelspec": {"name": "python2", "language": "python"}},
        {"kernelspec": [], "language_info": 3},
    ],
)
def test_any_python_kernel_is_read(tmp_path, metadata):
    assert read_notebook(write(tmp_path / "a.ipynb", [CODE], metadata=metadata)).cells


def test_headings_of_every_kind_are_found(book):
    path = book("#: # One\n## *Two* [x](y)", "a = 1", "#: <h3>Three</h3>\n```\n# no heading\n```", "b = 2", "")
    cells = code_cells(read_notebook(path), path)
    assert [code.headings for code in cells] == [((1, "One"), (2, "Two x")), ((3, "Three"),)]
    assert [code.number for code in cells] == [2, 4]


def test_a_cell_that_does_not_parse_is_named(book):
    path = book("a = 1", "#: text", "print 'old'")
    with pytest.raises(NotebookError, match="Cell 3: This is Python 2"):
        code_cells(read_notebook(path), path)
