"""What counts as a change of a notebook, and how an edited original is merged into its promoted copy."""

from __future__ import annotations

import copy
import json

import nbformat
import pytest

from mvops.notebook.made_of import aligned, base_in, changes, original_cells
from mvops.notebook.promotion import promote
from mvops.notebook.read import read_notebook
from mvops.notebook.remerge import remerge
from mvops.notebook.settings_cell import merged_settings

CELLS = (
    "#: # Work",
    "import pandas as pd\nfrom sklearn.linear_model import Ridge",
    "df = pd.read_csv('x.csv')",
    "df.head()",
    "X, y = df[['a']], df.y",
    "model = Ridge(alpha=2.0)\nmodel.fit(X[:90], y[:90])",
    "print(model.score(X[90:], y[90:]))",
)


def told(book, before, after, *, ids=True):
    """The changes from one list of cells to another."""
    found = []
    for sources in (before, after):
        path = book(*sources)
        if not ids:
            content = json.loads(path.read_text())
            for cell in content["cells"]:
                del cell["id"]
            path.write_text(json.dumps({**content, "nbformat_minor": 4}))
        found.append(original_cells(read_notebook(path)))
    return str(changes(*found)) if changes(*found) else ""


@pytest.mark.parametrize("ids", [True, False])
@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        (["x = 1"], ["x  =  1  # one\n\n"], ""),
        (["f(a, 'b')"], ['f(\n    a,\n    "b",\n)'], ""),
        (["%time f(1)\n!ls"], ["%time f(1)\n!ls -l"], "cell 1 changed"),
        (["%%bash\nls"], ["%%bash\nls -l"], "cell 1 changed"),
        (["x = 1"], ["x = 1.0"], "cell 1 changed"),
        (["x = 1"], ["x = True"], "cell 1 changed"),
        (["a = (", "b"], ["a = (", "c"], "cell 2 changed"),
        (["#: Text", "x = 1"], ["#: Other text", "x = 1"], ""),
        (["a = 1", "b = 2", "c = 3"], ["a = 1", "b = 4", "c = 3"], "cell 2 changed"),
    ],
)
def test_a_change_is_one_of_what_the_code_does(book, before, after, says, ids):
    assert told(book, before, after, ids=ids) == says


def test_cells_without_ids_are_told_apart_by_what_they_do(book):
    before = ["a = 1", "b = 2", "c = 3", "d = 4"]
    assert told(book, before, ["a = 1", "new = 0", "b = 2", "c = 3", "d = 4"], ids=False) == "cell 2 new"
    assert told(book, before, ["a = 1", "c = 3", "d = 4"], ids=False) == "the former cell 2 gone"
    assert told(book, before, ["d = 4", "a = 1", "b = 2", "c = 3"], ids=False) == "cell 1 moved"


def test_a_moved_cell_is_the_same_cell(book):
    old = original_cells(read_notebook(book("a = 1", "b = 2", "c = 3")))
    new = original_cells(read_notebook(book("c = 3", "a = 1", "b = 2")))
    assert aligned(old, new) == {1: 3, 2: 1, 3: 2}


class Case:
    """A promoted notebook that is `now` at hand, and the `original` it was made of."""

    def __init__(self, path, root) -> None:
        self.path, self.root = path, root
        self.now = promote(path, root=root, name="work").notebook
        self.base = base_in(self.now.metadata)

    def merged(self, on_conflict="stop"):
        new = promote(self.path, root=self.root, name="work").notebook
        return remerge("pipelines/work.ipynb", copy.deepcopy(self.now), self.base, new, on_conflict)

    def edit(self, **sources) -> None:
        """Other code in cells of the original, by id; None takes one out."""
        book = nbformat.read(self.path, 4)
        wanted = {key.replace("_", "-"): source for key, source in sources.items()}
        for cell in book.cells:
            cell.source = wanted.get(cell.id, cell.source) or ""
        book.cells = [cell for cell in book.cells if cell.source]
        nbformat.write(book, self.path)

    def at(self, key):
        return next(cell for cell in self.now.cells if cell.id == key)


@pytest.fixture
def case(book, tmp_path):
    return Case(book(*CELLS), tmp_path)


def sources(merged):
    return [cell.source for cell in merged.notebook.cells if cell.cell_type == "code"]


def test_nothing_changed_is_merged_to_what_is_there(case):
    merged = case.merged()
    assert (merged.conflicts, merged.taken, merged.kept) == ([], [], [])
    assert merged.notebook == case.now


def test_empty_cells_are_nothing_to_merge(book, tmp_path):
    case = Case(book(*CELLS, "", ""), tmp_path)
    assert case.merged().notebook == case.now
    path = nbformat.read(case.path, 4)
    path.cells.insert(2, nbformat.v4.new_code_cell(""))
    del path.cells[-1]
    nbformat.write(path, case.path)
    merged = case.merged()
    assert (merged.taken, merged.conflicts) == ([], [])
    assert sources(merged)[1:] == [cell.source for cell in case.now.cells if cell.cell_type == "code"][1:]


@pytest.mark.parametrize("suffix", [".py", ".md"])
def test_an_original_that_is_kept_as_text(tmp_path, suffix):
    jupytext = pytest.importorskip("jupytext")
    path = tmp_path / f"notebooks/work{suffix}"
    path.parent.mkdir()

    def write(*sources):
        cells = [nbformat.v4.new_code_cell(source) for source in sources if not source.startswith("#: ")]
        text = jupytext.writes(nbformat.v4.new_notebook(cells=cells), fmt="py:percent" if suffix == ".py" else "md")
        path.write_text(text)

    write(*CELLS)
    case = Case(path, tmp_path)
    assert case.merged().notebook == case.now, "the same text gives the same ids"
    write(*CELLS[:4], "X, y = df[['b']], df.y", *CELLS[5:])
    merged = case.merged()
    assert merged.conflicts == []
    assert merged.taken == ["cell 4 was changed"]
    assert "X, y = df[['b']], df.y" in sources(merged)


def test_a_cell_that_was_cut_and_pasted_is_known_again(case):
    cell = case.at("cell-4")
    case.now.cells.remove(cell)
    case.now.cells.insert(2, {**cell, "id": "pasted"})
    case.now.cells[2] = nbformat.from_dict(case.now.cells[2])
    case.edit(cell_4="df.head(3)")
    merged = case.merged()
    assert merged.conflicts == []
    assert [cell.id for cell in merged.notebook.cells][2] == "pasted", "where the user put it"
    assert merged.notebook.cells[2].source == "df.head(3)"


def test_deleted_on_one_side_and_changed_on_the_other(case):
    case.now.cells.remove(case.at("cell-4"))
    case.now.cells.remove(case.at("cell-5"))
    case.edit(cell_4="df.head(3)", cell_5="X, y = df[['b']], df.y")
    merged = case.merged()
    assert [each.what for each in merged.conflicts] == ["was deleted by hand, and changed in the original"]
    assert "+X, y = df[['b']], df.y" in merged.conflicts[0].diff
    assert merged.kept == ["cell 4 was changed; it was deleted here, and stays so"]
    assert "X, y = df[['b']], df.y" in sources(case.merged("original"))
    assert "X, y = df[['b']], df.y" not in sources(case.merged("mine"))


def test_changed_by_hand_and_gone_in_the_original(case):
    case.at("cell-7").source += "  # mine"
    case.edit(cell_7=None, cell_4=None)
    merged = case.merged()
    assert [(each.what, each.original) for each in merged.conflicts] == [
        ("was changed by hand, and is gone in the original", None)
    ]
    assert "df.head()" not in sources(merged)


def test_layout_alone_is_no_conflict(case):
    case.at("cell-5").source = "X = df[['a']]\ny = df.y"
    case.edit(cell_5="X, y = (df[['a']], df.y)  # both")
    merged = case.merged()
    assert merged.conflicts == []
    assert "X = df[['a']]\ny = df.y" in sources(merged)


def test_the_cell_of_parameters_is_merged_name_by_name(case):
    cell = case.at("mvops-parameters")
    cell.source = cell.source.replace("x_path = 'x.csv'", "x_path = 'y.csv'") + "\nours = 3"
    case.edit(cell_6="model = Ridge(alpha=4.0, max_iter=9)\nmodel.fit(X[:90], y[:90])")
    book = nbformat.read(case.path, 4)
    book.cells.insert(1, nbformat.v4.new_code_cell("print(1)"))
    nbformat.write(book, case.path)
    merged = case.merged()
    assert merged.conflicts == []
    lines = sources(merged)[0].split("\n")[1:]
    assert [line.partition("  #")[0] for line in lines] == [
        "x_path = 'y.csv'",
        "alpha = 4.0",
        "ours = 3",
        "max_iter = 9",
    ]


@pytest.mark.parametrize(
    ("base", "now", "new", "merged"),
    [
        ("a = 1\nb = 2", "a = 1", "a = 1\nb = 2  # cell 3", "a = 1"),
        ("a = 1\nb = 2", "a = 1\nb = 2", "a = 1", "a = 1"),
        ("a = 1\nb = 2", "a = 1\nb = 3", "a = 1", None),
        ("a = 1", "a = 2", "a = 3", None),
        ("a = 1", "a = 2", "a = 2.0", None),
        ("a = 1", "a = 2", "a = 1  # cell 9", "a = 2"),
        ("a = [\n1,\n]\nb = 1", "a = [\n2,\n]\nb = 1", "a = [\n1,\n]\nb = 2", "a = [\n2,\n]\nb = 2"),
        ("a = (\n1)", "a = (\n2)", "a = (\n3)", None),
    ],
)
def test_settings_are_merged_by_what_they_set(base, now, new, merged):
    assert merged_settings(base, now, new) == merged


def test_what_is_merged_is_the_base_of_the_next_merge(case):
    case.edit(cell_5="X, y = df[['b']], df.y")
    first = case.merged()
    case.now, case.base = first.notebook, base_in(first.notebook.metadata)
    assert case.merged().taken == []
    case.edit(cell_5="X, y = df[['c']], df.y")
    second = case.merged()
    assert second.taken == ["cell 5 was changed"]
    assert nbformat.validate(second.notebook) is None
    assert second.notebook.metadata.mvops.source_sha256 != first.notebook.metadata.mvops.source_sha256


def test_a_new_cell_keeps_an_id_of_its_own(case):
    case.now.cells.append(nbformat.v4.new_code_cell("mine = 1", id="cell-8"))
    book = nbformat.read(case.path, 4)
    book.cells.append(nbformat.v4.new_code_cell("theirs = 1", id="cell-8"))
    nbformat.write(book, case.path)
    ids = [cell.id for cell in case.merged().notebook.cells]
    assert len(ids) == len(set(ids))
    assert sources(case.merged())[-2:] in (["theirs = 1", "mine = 1"], ["mine = 1", "theirs = 1"])
