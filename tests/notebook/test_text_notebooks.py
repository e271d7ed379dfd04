"""Notebooks that are kept as text are read, and their mistakes named by the line."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mvops.errors import MissingExtraError, NotebookError
from mvops.notebook.promotion import promote
from mvops.notebook.read import read_notebook

PERCENT = """# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Load
#
# with *care*

# %%
import pandas as pd
from sklearn.linear_model import LogisticRegression

# %matplotlib inline
df = pd.read_csv("d.csv")

# %% tags=["skip"]
df.head()

# %%
X, y = df[["a"]], df["y"]
model = LogisticRegression(C=0.3).fit(X[:50], y[:50])
model.score(X[50:], y[50:])
"""
MARKDOWN = """---
jupyter:
  kernelspec:
    display_name: Python 3
    language: python
    name: python3
---

# Load

```python
import pandas as pd
from sklearn.linear_model import LogisticRegression
df = pd.read_csv("d.csv")
```

Then, in words:

```python tags=["skip"]
df.head()
```

```python
X, y = df[["a"]], df["y"]
model = LogisticRegression(C=0.3).fit(X[:50], y[:50])
model.score(X[50:], y[50:])
```
"""
KEPT = {"train.py": PERCENT, "train.md": MARKDOWN}
Write = Callable[[str, str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def made(name: str, text: str) -> Path:
        path = tmp_path / "notebooks" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    return made


@pytest.mark.parametrize("name", KEPT)
def test_it_is_promoted_as_a_notebook_is(write: Write, tmp_path: Path, name: str) -> None:
    found = promote(write(name, KEPT[name]), root=tmp_path, name="train")
    pipeline = found.config["pipeline"]
    assert pipeline["inputs"] == {"d_csv": "notebooks/d.csv"} or list(pipeline["inputs"].values()) == [
        "notebooks/d.csv"
    ]
    assert 0.3 in pipeline["parameters"].values()
    assert pipeline["outputs"]["model"] == "model"
    assert found.notebook.metadata.mvops.source == f"notebooks/{name}"
    skipped = [cell.source for cell in found.notebook.cells if "skip" in cell.metadata.get("tags", [])]
    assert "df.head()" in skipped


@pytest.mark.parametrize("name", KEPT)
def test_cells_know_their_line(write: Write, name: str) -> None:
    path = write(name, KEPT[name])
    lines = path.read_text().splitlines()
    cells = read_notebook(path).cells
    assert [cell.id for cell in cells] == [cell.id for cell in read_notebook(path).cells]
    code = [cell for cell in cells if cell.cell_type == "code"]
    assert [lines[cell.metadata.mvops.line - 1] for cell in code] == [cell.source.split("\n")[0] for cell in code]


@pytest.mark.parametrize(
    ("name", "old", "new", "said", "line"),
    [
        ("train.py", "model.score(X[50:], y[50:])", "model.score(X[50:], nobody)", "uses `nobody`", 27),
        ("train.py", "model.score(", "model.score((", "not valid Python", 27),
        ("train.py", 'df = pd.read_csv("d.csv")', 'print "read"', "Python 2", 19),
        ("train.md", "model.score(X[50:], y[50:])", "model.score(X[50:], nobody)", "uses `nobody`", 26),
    ],
)
def test_a_mistake_is_named_by_its_line(
    write: Write, tmp_path: Path, name: str, old: str, new: str, said: str, line: int
) -> None:
    path = write(name, KEPT[name].replace(old, new))
    with pytest.raises(NotebookError, match=said) as found:
        promote(path, root=tmp_path, name="train")
    assert found.value.where is not None
    assert found.value.where.line == line, found.value


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("train.py", "import pandas\nprint(1)\n", "plain script"),
        ("train.md", "# Only words\n", "holds no code"),
        (
            "train.md",
            "---\njupyter:\n  kernelspec:\n    display_name: R\n    language: R\n    name: ir\n---\n\n```r\nx\n```\n",
            "notebook in R",
        ),
        ("train.rst", "x", "does not end in .ipynb, .py or .md"),
        ("train.py", "", "plain script"),
    ],
)
def test_what_is_no_notebook_is_refused(write: Write, name: str, text: str, said: str) -> None:
    with pytest.raises(NotebookError, match=said):
        read_notebook(write(name, text))


def test_without_jupytext_it_says_what_to_install(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jupytext", None)
    with pytest.raises(MissingExtraError) as found:
        read_notebook(write("train.py", PERCENT))
    assert found.value.hint == "Install it with: pip install 'mvops[jupytext]'"
