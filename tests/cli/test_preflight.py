"""`mvops promote NOTEBOOK --check`, as typed."""

from __future__ import annotations

from pathlib import Path

from toy_project import mvops, write_notebook

SOUND = """
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

df = pd.read_csv("d.csv")
X = StandardScaler().fit_transform(df[["age", "income"]])
X_train, X_test, y_train, y_test = train_test_split(X, df["y"], random_state=0)
"""
FIT = """
model = LogisticRegression()
model.fit(X_train, y_train)
print(model.score(X_test, y_test))
"""


def test_check_tells_and_writes_nothing(tmp_path: Path) -> None:
    """No project is needed."""
    (tmp_path / "d.csv").write_text("age,income,y\n")
    write_notebook(tmp_path / "work [1].ipynb", {SOUND: (), FIT: ()})
    said = mvops(tmp_path, "promote", "work [1].ipynb", "--check").ok()
    assert "warning  leak: Cell 1 fits `StandardScaler` on all rows" in said.out
    assert 'cell 1, line 7:  X = StandardScaler().fit_transform(df[["age", "income"]])' in said.out
    assert "inside a Pipeline" in said.out
    assert "work [1].ipynb can be promoted: 1 warning." in said.out
    assert "model served_model, features raw_held_out, target y_test" in said.out
    found = mvops(tmp_path, "promote", "work [1].ipynb", "--check", "--json").ok().json()
    assert found["promotable"]
    assert sorted(each["kind"] for each in found["findings"]) == ["leak"]
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["d.csv", "work [1].ipynb"]


def test_check_exits_with_1_where_something_prevents_promotion(tmp_path: Path) -> None:
    write_notebook(tmp_path / "a.ipynb", {FIT: (), SOUND: ()})
    said = mvops(tmp_path, "promote", "a.ipynb", "--check").ok(1)
    assert "error    hidden state: Cell 1 uses `LogisticRegression`, which is defined only in cell 2" in said.out
    assert "a.ipynb cannot be promoted: " in said.out
    assert said.err == ""
    assert not mvops(tmp_path, "promote", "a.ipynb", "--check", "--json").ok(1).json()["promotable"]
    mvops(tmp_path, "promote", "b.ipynb", "--check").refused("there is no notebook b.ipynb")


def test_check_tells_a_target_that_is_summed_up_by_group(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("age,income,town,y\n")
    encode = 'df["town"] = df["town"].map(df.groupby("town")["y"].mean())\nX = df.drop(columns="y")'
    write_notebook(
        tmp_path / "a.ipynb",
        {SOUND.replace('X = StandardScaler().fit_transform(df[["age", "income"]])', encode): (), FIT: ()},
    )
    said = mvops(tmp_path, "promote", "a.ipynb", "--check").ok()
    assert "leak: Cell 1 computes the column 'town' from the groups' values of the target 'y', of all rows" in said.out
    assert 'cell 1, line 7:  df["town"] = df["town"].map(' in said.out
    assert "compute it from the training rows only" in said.out


def test_check_tells_held_out_rows_that_are_scaled_by_their_own_mean(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("age,income,y\n")
    scale = "X_train = (X_train - X_train.mean()) / X_train.std()\nX_test = (X_test - X_test.mean()) / X_test.std()"
    write_notebook(tmp_path / "a.ipynb", {SOUND.replace("StandardScaler().fit_transform", ""): (), scale: (), FIT: ()})
    said = mvops(tmp_path, "promote", "a.ipynb", "--check").ok()
    assert (
        "leak: Cell 2 scales rows that are held back from training by numbers of their own (`X_test.std()`)" in said.out
    )
    assert "cell 2, line 2:  X_test = (X_test - X_test.mean()) / X_test.std()" in said.out
    assert "a StandardScaler in a Pipeline with the model" in said.out


def test_check_tells_preparation_where_no_rows_are_held_back(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("age,income,y\n")
    read = (
        "import pandas as pd\nfrom sklearn.linear_model import LogisticRegression\n"
        "from sklearn.model_selection import cross_val_score\nfrom sklearn.preprocessing import scale\n"
        'df = pd.read_csv("d.csv")\nX, y = df[["age", "income"]], df["y"]'
    )
    judged = "model = LogisticRegression()\nprint(cross_val_score(model, X, y).mean())"
    write_notebook(tmp_path / "a.ipynb", {read: (), "X = scale(X)": (), judged: ()})
    said = mvops(tmp_path, "promote", "a.ipynb", "--check").ok()
    assert "skew: The features are prepared outside the model: cell 2 `scale(X)`" in said.out
    assert "put these steps and the model into one sklearn Pipeline" in " ".join(said.out.split())


def test_check_tells_an_install_that_each_run_would_repeat(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("age,income,y\n")
    write_notebook(
        tmp_path / "a.ipynb", {"pip install first": (), f"%pip install second\n{SOUND.strip()}": (), FIT: ()}
    )
    said = mvops(tmp_path, "promote", "a.ipynb", "--check").ok()
    alone, beside = said.out.partition("Cell 2 installs packages")[::2]
    assert "cell 1, line 1:  pip install first" in alone
    assert "promote leaves the line out" in alone
    assert "take the line out: it runs whenever the rest of its cell does" in beside
