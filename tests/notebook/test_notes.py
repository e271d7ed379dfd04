from __future__ import annotations

import nbformat
import pytest

from mvops.notebook.promotion import promote

FIT = """from sklearn.linear_model import Ridge
model = Ridge()
model.fit([[1], [2]], [1, 2])"""


def test_a_foreign_kernel_is_said(book, tmp_path):
    path = book(FIT, kernelspec={"name": "conda-root-py", "language": "python", "display_name": "x"})
    assert any("'conda-root-py'" in note for note in promote(path, root=tmp_path, name="x").notes)


def test_features_made_outside_the_model_are_said(promoted):
    found = promoted(
        (
            "import pandas as pd\nfrom sklearn.preprocessing import StandardScaler\n"
            "from sklearn.svm import SVC\nfrom sklearn.model_selection import train_test_split"
        ),
        "df = pd.read_csv('x.csv')\ndf['a'] = df['a'].fillna(0)\nother = df['b'].fillna(1)",
        "X = pd.get_dummies(df.drop(columns='y')).sample(frac=1, random_state=0)",
        "X_train, X_test, y_train, y_test = train_test_split(X, df.y, random_state=0)",
        "scaler = StandardScaler()\nX_train_s = scaler.fit_transform(X_train)\nX_test_s = scaler.transform(X_test)",
        "model = SVC()\nmodel.fit(X_train_s, y_train)\nprint(model.score(X_test_s, y_test))",
    )
    note = next(note for note in found.notes if "prepared outside the model" in note)
    assert "cell 2 `df['a'].fillna(0)`" in note
    assert "cell 3 `pd.get_dummies(df.drop(columns='y'))`" in note
    assert "scaler" not in note
    assert "df['b']" not in note
    assert any("`scaler` and `model` are served as one Pipeline, `served_model`" in each for each in found.notes)


def test_a_target_that_is_prepared_is_no_feature(promoted):
    found = promoted(
        (
            "import pandas as pd\nfrom sklearn.preprocessing import LabelEncoder\n"
            "from sklearn.svm import SVC\nfrom sklearn.model_selection import train_test_split"
        ),
        "df = pd.read_csv('x.csv')\nX = df[['a', 'b']]\nencoder = LabelEncoder()\ny = encoder.fit_transform(df.y)",
        "X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)",
        "model = SVC()\nmodel.fit(X_train, y_train)\nprint(model.score(X_test, y_test))",
    )
    assert not any("prepared outside the model" in note for note in found.notes)


def test_columns_that_the_notebook_computes_and_the_model_reads_are_said(promoted):
    found = promoted(
        "import numpy as np\nimport pandas as pd\nfrom sklearn.svm import SVC\n"
        "from sklearn.model_selection import train_test_split",
        "df = pd.read_csv('x.csv')\ndf['when'] = pd.to_datetime(df['when'])\ndf['hour'] = df['when'].dt.hour",
        "df['ratio'] = df.a / df.b\ndf['unused'] = df.a * 2\ndf.code = np.log(df.code)\ndf['zero'] = 0\n"
        "df['y'] = df.delay > 15",
        "X = df.drop(columns=['y', 'unused', 'delay']).sample(frac=1, random_state=0)\n"
        "X_train, X_test, y_train, y_test = train_test_split(X, df['y'], random_state=0)",
        "model = SVC()\nmodel.fit(X_train, y_train)\nprint(model.score(X_test, y_test))",
    )
    note = next(note for note in found.notes if "columns that the notebook computes" in note)
    assert (
        "computes: cell 2 `df['hour'] = df['when'].dt.hour`, cell 3 `df['ratio'] = df.a / df.b`, "
        "cell 3 `df['code'] = np.log(df.code)`. A request has to bring them" in note
    )


def test_columns_that_the_model_does_not_read_are_not_said(promoted):
    found = promoted(
        "import pandas as pd\nfrom sklearn.svm import SVC\nfrom sklearn.model_selection import train_test_split",
        "df = pd.read_csv('x.csv')\ndf['hour'] = df['when'].dt.hour\ncolumns = ['a', 'b']",
        "X_train, X_test, y_train, y_test = train_test_split(df[columns], df['y'], random_state=0)",
        "model = SVC().fit(X_train, y_train)\nprint(model.score(X_test, y_test))",
    )
    assert not any("columns that the notebook computes" in note for note in found.notes)


WHOLE = """import numpy as np
import pandas as pd
from sklearn.model_selection import cross_val_score, train_test_split
from sklearn.preprocessing import StandardScaler, scale
from sklearn.svm import SVC
df = pd.read_csv('x.csv')
X = df.drop(columns=['y', 'other'])
y = df['y']"""
TRAINED = "model = SVC()\nmodel.fit(X, y)\nprint(model.score(X, y))"


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        (["X = StandardScaler().fit_transform(X)", TRAINED], "cell 2 `StandardScaler().fit_transform(X)`"),
        (["X = scale(X)", TRAINED], "cell 2 `scale(X)`"),
        (["X = (X - X.mean()) / X.std()", TRAINED], "cell 2 `X - X.mean()`"),
        (["X = np.log1p(X)", TRAINED], "cell 2 `np.log1p(X)`"),
        (["X.fillna(0, inplace=True)", TRAINED], "cell 2 `X.fillna(0, inplace=True)`"),
        (["df['s'].replace({'a': 1}, inplace=True)", TRAINED], "cell 2 `df['s'].replace({'a': 1}, inplace=True)`"),
        (["X['s'] = X['s'].astype('category').cat.codes", TRAINED], "cell 2 `X['s'] = X['s'].astype("),
        (["def tidy(d):\n    d['a'] = d['a'] * 2\n    return d", "X = tidy(X)", TRAINED], "cell 3 `tidy(X)`"),
        (["model = SVC()\nmodel.fit(np.log(X), y)"], "cell 2 `np.log(X)`"),
        (["X = scale(X)\nmodel = SVC()", "print(cross_val_score(model, X, y).mean())"], "cell 2 `scale(X)`"),
        (
            ["X['r'] = X.a / X.b\nmodel = SVC()", "print(cross_val_score(model, X, y).mean())"],
            "cell 2 `X['r'] = X.a / X.b`",
        ),
    ],
)
def test_preparation_is_said_where_no_rows_are_held_back(promoted, cells, says):
    found = promoted(WHOLE, *cells)
    skew = [each for each in found.promotion.findings if each.kind == "skew"]
    assert [each.cell for each in skew] == [int(says.split()[1])]
    assert says in skew[0].message
    assert "sklearn Pipeline" in skew[0].message or "the model's Pipeline" in skew[0].message


@pytest.mark.parametrize(
    "line",
    [
        "X = X.copy()",
        "Z = scale(X)\nprint(Z)",
        "spread = y - y.mean()",
        "y = np.log1p(y)",
        "X = X.astype(float)",
        "df['y'].replace({'a': 1}, inplace=True)",
        "df['other'] = df['other'].map({'a': 1})",
        "def show(d):\n    return d.describe()\nsummary = show(X)",
        "def put(d):\n    a = d['a']\n    d['a'] = a\n    return d\nX = put(X)",
        "def pick(d):\n    return d[['a', 'b']]\nX = pick(X)",
    ],
)
def test_what_prepares_no_feature_is_not_said(promoted, line):
    found = promoted(WHOLE, line, TRAINED)
    assert not [each for each in found.promotion.findings if each.kind == "skew"]


def test_a_target_that_is_prepared_in_its_table_is_no_feature(promoted):
    found = promoted(
        WHOLE.replace("X = ", "df['y'] = df['y'].map({'a': 1, 'b': 0})\nX = "),
        "X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)",
        "model = SVC().fit(X_train, y_train)\nprint(model.score(X_test, y_test))",
    )
    assert not [each for each in found.promotion.findings if each.kind == "skew"]
    assert found.outputs["model"] == "model"


def test_a_pipeline_needs_no_such_note(promoted):
    found = promoted(
        (
            "import pandas as pd\nfrom sklearn.preprocessing import StandardScaler\n"
            "from sklearn.svm import SVC\nfrom sklearn.pipeline import make_pipeline\n"
            "from sklearn.model_selection import train_test_split"
        ),
        (
            "df = pd.read_csv('x.csv')\ndf['n'] = df.groupby('a')['b'].transform('size')\n"
            "df.columns = df.columns.str.replace('x', 'y')"
        ),
        "X_train, X_test, y_train, y_test = train_test_split(df, df.y, random_state=0)",
        (
            "model = make_pipeline(StandardScaler(), SVC())\nmodel.fit(X_train, y_train)\n"
            "print(model.score(X_test, y_test))"
        ),
    )
    assert not any("prepared outside the model" in note for note in found.notes)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("a, b = train_test_split(df)", "train_test_split in cell 1"),
        ("df.sample(5)", "df.sample in cell 1"),
        ("np.random.rand(3)", "np.random.rand in cell 1"),
        ("m = RandomForestClassifier()", "RandomForestClassifier in cell 1"),
        ("m = SVC(probability=True)", "SVC in cell 1"),
        ("m = RandomForestClassifier(random_state=None)", "RandomForestClassifier in cell 1"),
    ],
)
def test_unseeded_randomness_is_said_with_the_call(promoted, line, says):
    imports = (
        "import numpy as np\nfrom sklearn.svm import SVC\n"
        "from sklearn.ensemble import RandomForestClassifier\n"
        "from sklearn.model_selection import train_test_split\ndf = np.eye(9)\n"
    )
    note = [note for note in promoted(imports + line).notes if "without a seed" in note]
    assert len(note) == 1
    assert says in note[0]


@pytest.mark.parametrize(
    "line",
    [
        "a, b = train_test_split(df, random_state=1)",
        "a, b = train_test_split(df, shuffle=False)",
        "np.random.seed(1)\nnp.random.rand(3)",
        "rng = np.random.default_rng(3)",
        "m = RandomForestClassifier(**settings)",
        "m = SVC()",
    ],
)
def test_what_is_seeded_is_not(promoted, line):
    imports = (
        "import numpy as np\nfrom sklearn.svm import SVC\n"
        "from sklearn.ensemble import RandomForestClassifier\n"
        "from sklearn.model_selection import train_test_split\ndf, settings = np.eye(9), {}\n"
    )
    assert not any("without a seed" in note for note in promoted(imports + line).notes)


def test_order_installs_and_secrets_are_said(book, tmp_path):
    path = book("!pip install x", "api_key = 'abcdefgh12345678'", FIT)
    notebook = nbformat.read(path, 4)
    notebook.cells[0]["execution_count"], notebook.cells[1]["execution_count"] = 5, 2
    nbformat.write(notebook, path)
    notes = promote(path, root=tmp_path, name="x").notes
    assert any("another order" in note for note in notes)
    assert any("Cell 1 installs packages" in note for note in notes)
    secret = next(note for note in notes if "secret" in note)
    assert "Cell 2" in secret
    assert "abcdefgh" not in secret
