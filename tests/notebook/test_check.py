"""Preflight: each kind of finding on a small notebook, and what cannot be promoted."""

from __future__ import annotations

import json

import nbformat
import pytest

from mvops.notebook.check import check

FIT = """from sklearn.linear_model import Ridge
X_train, X_test, y_train, y_test = [[1], [2]], [[3]], [1, 2], [3]
model = Ridge()
model.fit(X_train, y_train)
print(model.score(X_test, y_test))"""


def found(book, tmp_path, *sources):
    return check(book(*sources, FIT), root=tmp_path, name="work").findings


@pytest.mark.parametrize(
    ("source", "kind", "severity", "line", "shown"),
    [
        ("x = 1\nprint(nothing)", "undefined_name", "error", 2, "print(nothing)"),
        ("print(y_test)", "hidden_state", "error", 1, "print(y_test)"),
        ("x = Out[3]", "hidden_state", "warning", 1, "x = Out[3]"),
        ("def f():\n    return nothing", "undefined_name", "warning", 2, "return nothing"),
        ("for x in (:\n    pass", "syntax", "error", 1, "for x in (:"),
        ("print 'hello'", "syntax", "error", 1, "print 'hello'"),
        (
            "import pandas as pd\ndf = pd.read_csv('/home/me/x.csv')",
            "absolute_path",
            "warning",
            2,
            "df = pd.read_csv('/home/me/x.csv')",
        ),
        ("OUT_DIR = 'C:\\\\out\\\\models'", "absolute_path", "warning", 1, "OUT_DIR = 'C:\\\\out\\\\models'"),
        (
            "import pandas as pd\ndf = pd.read_csv('gone.csv')",
            "missing_file",
            "warning",
            2,
            "df = pd.read_csv('gone.csv')",
        ),
        (
            "import pandas as pd\nfile = 'gone.csv'\ndf = pd.read_csv(file)",
            "missing_file",
            "warning",
            3,
            "df = pd.read_csv(file)",
        ),
        ("import numpy as np\nx = np.random.rand(3)", "unseeded", "warning", 2, "x = np.random.rand(3)"),
        (
            "import requests\nr = requests.get('http://x.org')",
            "network",
            "warning",
            2,
            "r = requests.get('http://x.org')",
        ),
        (
            "import pandas as pd\ndf = pd.read_csv('https://x.org/d.csv')",
            "network",
            "warning",
            2,
            "df = pd.read_csv('https://x.org/d.csv')",
        ),
        ("a = 1\n!wget http://x.org/d.csv", "network", "warning", 2, "!wget http://x.org/d.csv"),
        (
            "from sklearn.datasets import fetch_openml\nd = fetch_openml('x')",
            "network",
            "note",
            2,
            "d = fetch_openml('x')",
        ),
        ("x = 1\nAPI_KEY = 'abcd1234efgh'", "secret", "warning", 2, "API_KEY = '***'"),
        ("%env GITHUB_TOKEN=abcd1234efgh", "secret", "warning", 1, "%env GITHUB_TOKEN=***"),
        ("url = 'postgresql://me:hunter22@db/x'", "secret", "warning", 1, "url = 'postgresql://me:***@db/x'"),
        ("x = 1\n!pip install y", "installs", "note", 2, "!pip install y"),
    ],
)
def test_a_finding_has_its_place_its_line_and_a_remedy(book, tmp_path, source, kind, severity, line, shown):
    told = [each for each in found(book, tmp_path, source) if each.kind == kind]
    assert [(each.severity, each.cell, each.line, each.source) for each in told] == [(severity, 1, line, shown)]
    assert told[0].remedy
    assert "Cell 1" in told[0].message


@pytest.mark.parametrize(
    "source",
    [
        "api_key = 'YOUR_API_KEY_HERE'\npassword = 'password'\ntokens = 'abcdefghij'",
        "x = '/predict'\ny = 'a/b'\nz = ' / '",
        "import os\nkey = os.environ['API_KEY']",
        "for _ in range(3):\n    pass\nprint(_)",
        "import seaborn as sns\nprint(sns)",
        "def f():\n    return later\nlater = 1",
    ],
)
def test_a_sound_cell_is_not_accused(book, tmp_path, source):
    assert found(book, tmp_path, source) == []


def test_every_name_and_every_cell_that_stands_in_the_way_is_told(book, tmp_path):
    made = check(book("print(a)", "print(b)", "print(a)", FIT), root=tmp_path, name="work")
    assert [(each.cell, each.severity) for each in made.findings] == [(1, "error"), (2, "error")]
    assert made.promotion is None
    broken = check(
        book("print 'x'", "import requests\nrequests.get('http://x')", "y = = 1", FIT), root=tmp_path, name="work"
    )
    assert [(each.kind, each.cell) for each in broken.findings] == [("syntax", 1), ("syntax", 3), ("network", 2)]
    both = check(book("print(a)", "y = = 1", "print(b)", FIT), root=tmp_path, name="work")
    assert [(each.kind, each.cell) for each in both.findings] == [("undefined_name", 1), ("syntax", 2)]


def test_what_is_no_notebook_of_python_is_one_error(book, tmp_path):
    path = book(FIT, kernelspec={"name": "ir", "language": "R", "display_name": "R"})
    [error] = check(path, root=tmp_path, name="work").findings
    assert (error.kind, error.severity, error.cell) == ("not_promotable", "error", None)
    assert "is a notebook in R" in error.message
    path.write_text("{")
    assert "not valid JSON" in check(path, root=tmp_path, name="work").findings[0].message
    [nothing] = check(book("print(1)"), root=tmp_path, name="work").findings
    assert "Nothing in this notebook trains a model" in nothing.message


def test_the_order_in_which_cells_ran_is_told_with_both(book, tmp_path):
    path = book("x = 1", FIT)
    notebook = nbformat.read(path, 4)
    notebook.cells[0]["execution_count"], notebook.cells[1]["execution_count"] = 5, 2
    nbformat.write(notebook, path)
    [note] = check(path, root=tmp_path, name="work").findings
    assert (note.kind, note.severity, note.cell) == ("execution_order", "note", 2)
    assert "In [2] after In [5] of cell 1" in note.source
    assert json.dumps(note.as_json())
