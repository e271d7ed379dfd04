"""What a notebook does to all rows before it splits them becomes a part of the model, where that can be proved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import pandas as pd
import pytest

IMPORTS = """import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import LabelEncoder, MinMaxScaler, StandardScaler"""
READ = "df = pd.read_csv('passengers.csv')\ndf.head()"
SPLIT = "X_train, X_test, y_train, y_test = train_test_split({0}, y, test_size=0.25, random_state=7)"
FIT = "clf = RandomForestClassifier(n_estimators=10, random_state=0).fit({0}, y_train)\nprint(clf.score({1}, y_test))"
COLUMNS = ["name", "sex", "age", "fare", "port", "survived"]


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pd.DataFrame:
    """People on a ship, some of unknown age or port."""
    draw = np.random.default_rng(5)
    rows = pd.DataFrame(
        {
            "name": [f"Person, {title} {n}" for n, title in enumerate(draw.choice(["Mr", "Mrs", "Dr"], 200))],
            "sex": draw.choice(["female", "male"], 200),
            "age": np.where(draw.random(200) < 0.1, np.nan, draw.integers(1, 80, 200)),
            "fare": draw.gamma(2.0, 15.0, 200).round(2),
            "port": [
                {"": None}.get(port, port) for port in draw.choice(["S", "C", "Q", ""], 200, p=[0.6, 0.2, 0.15, 0.05])
            ],
        }
    )
    rows["survived"] = ((rows["sex"] == "female") ^ (draw.random(200) < 0.2)).astype(int)
    (tmp_path / "notebooks").mkdir(exist_ok=True)
    rows.to_csv(tmp_path / "notebooks/passengers.csv", index=False)
    monkeypatch.chdir(tmp_path / "notebooks")
    return pd.read_csv("passengers.csv")


def played(promoted: Any) -> dict[str, Any]:
    """What the promoted notebook leaves behind."""
    left: dict[str, Any] = {"__name__": "__main__"}
    for cell in promoted.code:
        if "mvops-folder" not in cell.id:
            exec(cell.source, left)
    return left


PORTS = "df = pd.get_dummies(df, columns=['sex', 'port'], drop_first=True)"
CHAIN = """inputs = df.drop(['survived', 'name'], axis='columns')
target = df.survived"""
CASES = {
    "dummies of a table": (
        [
            READ,
            f"df = df.drop(columns=['name', 'age'])\n{PORTS}",
            "X = df.drop('survived', axis=1)\ny = df['survived']",
        ],
        "X",
        ["sex", "fare", "port"],
    ),
    "dummies of a column": (
        [
            READ,
            CHAIN,
            "dummies = pd.get_dummies(inputs.sex)\ndummies.head(3)",
            "inputs = pd.concat([inputs, dummies], axis='columns')",
            "inputs.drop(['sex', 'male', 'port'], axis='columns', inplace=True)",
            "inputs.columns[inputs.isna().any()]",
            "inputs.age = inputs.age.fillna(inputs.age.mean())\ny = target",
        ],
        "inputs",
        ["sex", "age", "fare"],
    ),
    "encoders, arrays and a scaler": (
        [
            READ,
            "df.dropna(inplace=True)\ndf.isnull().sum()",
            "le = LabelEncoder()\nfor c in ['sex', 'port', 'survived']:\n    df[c] = le.fit_transform(df[c])",
            "X = df.iloc[:, 1:-1].values\ny = df.iloc[:, -1].values",
            "sc = StandardScaler()\nX = sc.fit_transform(X)",
        ],
        "X",
        ["sex", "age", "fare", "port"],
    ),
    "an array that is cut": (
        [
            READ,
            "df = df[['sex', 'fare', 'age', 'survived']].dropna()\ndf['sex'] = LabelEncoder().fit_transform(df['sex'])",
            "X = df.iloc[:, :-1].values\ny = df.iloc[:, -1].values",
            "X = X[:, :2]",
        ],
        "X",
        ["sex", "fare"],
    ),
    "made columns": (
        [
            READ,
            "def title_of(name):\n    return name.split(', ')[1].split()[0]",
            "df['title'] = df['name'].apply(title_of)\ndf = df[df.fare < 60]\nmode = df.port.mode()[0]",
            "df['port'] = df['port'].fillna(mode)\ndf['age'] = df['age'].fillna(df['age'].median())",
            "df.loc[df.age > 60, 'age'] = 60\ndf['rich'] = (df['fare'] > df['fare'].mean()).astype(int)",
            "df['sex'] = df['sex'].map({'female': 1, 'male': 0})\ndel df['name']\ny = df.pop('survived')",
            "X = pd.get_dummies(df)\nX.head()",
        ],
        "X",
        ["name", "sex", "age", "fare", "port"],
    ),
    "codes": (
        [
            READ,
            "df['age'].fillna(30)\ndf = df.fillna({'age': 30, 'port': 'S'})",
            "df['port'] = df['port'].astype('category').cat.codes\ndf['sex'] = np.where(df['sex'] == 'male', 1, 0)",
            "X, y = df[['sex', 'port', 'age', 'fare']], df.survived",
            "X = pd.DataFrame(MinMaxScaler().fit_transform(X), columns=X.columns)",
        ],
        "X",
        ["sex", "age", "fare", "port"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_endpoint_takes_rows_as_they_come(promoted: Any, table: pd.DataFrame, case: str) -> None:
    cells, features, needed = CASES[case]
    found = promoted(IMPORTS, *cells, SPLIT.format(features), FIT.format("X_train", "X_test"))
    outputs = found.outputs
    assert outputs["model"] == "served_model"
    assert not [each for each in found.promotion.findings if each.kind == "skew"]
    left = played(found)
    raw, train = left[outputs["features"]], left[outputs["train_features"]]
    assert list(raw.columns) == list(train.columns) == needed
    assert raw.equals(table.loc[raw.index, needed])
    assert len(raw) == len(left["X_test"])
    assert len(train) == len(left["X_train"])
    model = cloudpickle.loads(cloudpickle.dumps(left["served_model"]))
    expected = left["clf"].predict(left["X_test"])
    assert np.array_equal(model.predict(raw), expected)
    assert [model.predict(raw.iloc[[n]])[0] for n in range(5)] == list(expected[:5])


SCALED = "sc = StandardScaler()\nX_train = sc.fit_transform(X_train)\nX_test = sc.transform(X_test)"


def test_what_is_done_before_and_after_the_split_is_one_model(promoted: Any, table: pd.DataFrame) -> None:
    cells, features, needed = CASES["dummies of a table"]
    found = promoted(IMPORTS, *cells, SPLIT.format(features), SCALED, FIT.format("X_train", "X_test"))
    left = played(found)
    model, raw = left[found.outputs["model"]], left[found.outputs["features"]]
    assert list(raw.columns) == needed
    assert np.array_equal(model.predict(raw), left["clf"].predict(left["X_test"]))


def test_rows_are_kept_within_the_cell_that_reads_and_prepares_them(promoted: Any, table: pd.DataFrame) -> None:
    whole = f"{READ}\n{PORTS}\nX = df.drop(columns=['survived', 'name', 'age'])\ny = df.survived"
    found = promoted(IMPORTS, whole, SPLIT.format("X"), FIT.format("X_train", "X_test"))
    left = played(found)
    assert list(left[found.outputs["features"]].columns) == ["sex", "fare", "port"]
    assert any("in line 3 of cell 2" in note for note in found.notes)


def test_no_number_that_is_drawn_later_is_another_one(promoted: Any, table: pd.DataFrame) -> None:
    cells, features, _ = CASES["codes"]
    later = (
        "np.random.seed(1)",
        *cells,
        SPLIT.format(features),
        FIT.format("X_train", "X_test"),
        "luck = np.random.rand()",
    )
    found = promoted(IMPORTS, *later)
    original: dict[str, Any] = {}
    for source in (IMPORTS, *later):
        exec(source, original)
    assert found.outputs["model"] == "served_model"
    assert played(found)["luck"] == original["luck"]


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("df['fare'] = df.groupby('sex')['fare'].transform('mean')", id="groups"),
        pytest.param("df['fare'] = df['fare'].rank()", id="ranks"),
        pytest.param("df['port'] = df['port'].factorize()[0]", id="numbers in order"),
    ],
)
def test_what_cannot_be_done_to_one_row_stays_with_the_caller(
    promoted: Any, table: pd.DataFrame, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    cells = [
        READ,
        f"df = df.drop(columns=['name', 'age'])\n{line}\ndf = pd.get_dummies(df)",
        CASES["dummies of a table"][0][2],
    ]
    found = promoted(IMPORTS, *cells, SPLIT.format("X"), FIT.format("X_train", "X_test"))
    left = played(found)
    assert "Rows cannot be prepared one by one as they were together" in capsys.readouterr().out
    assert left[found.outputs["model"]] is left["clf"]
    assert left[found.outputs["features"]] is left["X_test"]
    assert left[found.outputs["train_features"]] is left["X_train"]


@pytest.mark.parametrize(
    "cells",
    [
        pytest.param(("df = df.sample(frac=1)", "X = pd.get_dummies(df[['sex', 'fare']]).sample(frac=1)"), id="drawn"),
        pytest.param(("ages = pd.read_csv('ages.csv')", "X = pd.get_dummies(df.merge(ages))"), id="two tables"),
        pytest.param(("def read(t):\n    return t.isin(open('x'))", "X = pd.get_dummies(read(df))"), id="a file"),
        pytest.param(("X = df[['age', 'fare']]",), id="nothing is done"),
        pytest.param(("with open('x') as f:\n    X = pd.get_dummies(df[f.read().split()])",), id="in a block"),
    ],
)
def test_where_the_code_is_not_certain_nothing_is_added(promoted: Any, cells: tuple[str, ...]) -> None:
    found = promoted(IMPORTS, READ, *cells, "y = df.survived", SPLIT.format("X"), FIT.format("X_train", "X_test"))
    assert found.outputs["model"] == "clf"
    assert not any("PreparedRows" in cell.source for cell in found.code)
