"""Notebooks that are kept as text, from the command line: promoted, proved, merged, and refused by the line."""

from __future__ import annotations

from pathlib import Path

import pytest
from toy_project import edit, mvops, rows

PERCENT = """\
# %% [markdown]
# # A model

# %%
import pandas as pd
from sklearn.linear_model import LinearRegression
# %matplotlib inline
df = pd.read_csv("../data/d.csv")

# %%
train, test = df[:150], df[150:]
model = LinearRegression(positive=True).fit(train[["age", "income"]], train.y)

# %%
print("r2", model.score(test[["age", "income"]], test.y))
"""


@pytest.mark.system
def test_a_notebook_in_text_is_promoted_proved_merged_and_refused_by_its_line(tmp_path: Path) -> None:
    mvops(tmp_path, "init", "p", "--team", "small", "--phase", "day_30").ok()
    root = tmp_path / "p"
    rows(range(2)).to_csv(root / "data/d.csv", index=False)
    (root / "notebooks/work.py").write_text(PERCENT)
    made = mvops(root, "promote", "notebooks/work.py", "--verify", "--split", "none").ok().out
    assert "EQUAL" in made
    assert "Input       d_path = data/d.csv" in made
    assert "r2  original" in made
    promoted = (root / "pipelines/work.ipynb").read_text()
    assert "%matplotlib inline" in promoted
    assert (root / "notebooks/work.py").read_text() == PERCENT
    edit(root / "notebooks/work.py", "df[:150]", "df[:140]")
    assert "notebooks/work.py has changed since" in mvops(root, "plan").ok().out
    merged = mvops(root, "promote", "notebooks/work.py", "--update").ok().out
    assert "cell 3 was changed" in merged
    assert "df[:140]" in (root / "pipelines/work.ipynb").read_text()
    edit(root / "notebooks/work.py", "model.score(", "model.scor(")
    refused = mvops(root, "promote", "notebooks/work.py", "--verify", "--split", "none", "--name", "other")
    refused.refused("notebooks/work.py:15: The original notebook does not run in cell 4", "scor")
    edit(root / "notebooks/work.py", "# %%", "#")
    mvops(root, "promote", "notebooks/work.py", "--name", "other").refused("is a plain script", "Begin each cell with")
