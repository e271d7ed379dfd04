from __future__ import annotations

import pytest

IMPORTS = """import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV, train_test_split"""
LOAD = "df = pd.read_csv('x.csv')"
FEATURES = "df['b'] = df.a * 2\nX, y = df[['a', 'b']], df.y"
SPLIT = "X_train, X_test, y_train, y_test = train_test_split(df[['a']], df.y, random_state=1)"
TRAIN = "model = LogisticRegression()\nmodel.fit(X_train, y_train)"
EVALUATE = "print(accuracy_score(y_test, model.predict(X_test)))"


def test_the_four_stages(promoted):
    found = promoted(IMPORTS, LOAD, "df.head()", FEATURES, SPLIT, TRAIN, EVALUATE)
    assert found.steps == ["load", "features", "train", "evaluate"]
    assert found.tags == [
        *("parameters", "skip", "setup", "step:load", "skip", "step:features", "step:features", "step:train"),
        "step:evaluate",
    ]
    assert found.promotion.notebook.metadata.mvops.steps == found.steps
    assert found.notes[0] == "Steps: load (cell 2), features (cells 4-5), train (cell 6), evaluate (cell 7)."


def test_none_is_one_step(promoted):
    found = promoted(IMPORTS, LOAD, SPLIT, TRAIN, EVALUATE, split="none")
    assert found.steps == ["main"]
    assert {tag for tag in found.tags if tag.startswith("step")} == {"step:main"}


def test_building_the_estimator_belongs_to_training(promoted):
    found = promoted(
        IMPORTS,
        LOAD,
        FEATURES,
        SPLIT,
        "grid = {'C': [1, 2]}\nbase = LogisticRegression()",
        "model = GridSearchCV(base, grid)",
        "model.fit(X_train, y_train)",
        "model.score(X_test, y_test)",
    )
    assert found.tags[-4:] == ["step:train", "step:train", "step:train", "step:evaluate"]


def test_a_cell_that_does_everything_stays_whole(promoted):
    found = promoted(f"{IMPORTS}\n{LOAD}\n{SPLIT}\n{TRAIN}\n{EVALUATE}")
    assert found.steps == ["main"]
    assert any("nothing to cut at" in note for note in found.notes)


def test_training_and_judging_in_turns_is_one_step(promoted):
    found = promoted(
        IMPORTS, LOAD, SPLIT, TRAIN, EVALUATE, TRAIN.replace("model", "other"), EVALUATE.replace("model", "other")
    )
    assert found.steps == ["load", "features", "train", "evaluate"]
    assert found.tags[-4:] == ["step:train", "step:train", "step:train", "step:evaluate"]


def test_a_fit_and_score_in_one_cell_is_said(promoted):
    found = promoted(IMPORTS, LOAD, SPLIT, f"{TRAIN}\nmodel.score(X_test, y_test)")
    assert found.steps == ["load", "features", "train"]
    assert any("Cell 4 trains and evaluates" in note for note in found.notes)


def test_headings_make_steps(promoted):
    found = promoted(
        "#: # Work",
        IMPORTS,
        "#: ## Get the data!",
        LOAD,
        "#: ## Look",
        "df.head()",
        "#: ## 2. Model",
        SPLIT,
        "#: ### Fit",
        TRAIN,
        "#: ## Model",
        EVALUATE,
        split="headings",
    )
    assert found.steps == ["get_the_data", "model_2_model", "model"]
    assert found.tags[3:] == ["step:get_the_data", "skip", "step:model_2_model", "step:model_2_model", "step:model"]


def test_equal_headings_are_told_apart_and_what_comes_before_is_the_start(promoted):
    found = promoted(IMPORTS, LOAD, "#: # Part", SPLIT, "#: # Part", TRAIN, EVALUATE, split="headings")
    assert found.steps == ["start", "part", "part_2"]


def test_without_headings_there_is_one_step_and_a_note(promoted):
    found = promoted(IMPORTS, LOAD, SPLIT, TRAIN, EVALUATE, split="headings")
    assert found.steps == ["main"]
    assert any("fewer than two headings" in note for note in found.notes)


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        ((LOAD, SPLIT, TRAIN, "exec('z = 1')", EVALUATE), "does not show"),
        (("import torch", LOAD, SPLIT, TRAIN, EVALUATE), "torch"),
    ],
)
def test_where_it_is_unsure_there_is_one_step(promoted, cells, says):
    found = promoted(IMPORTS, *cells)
    assert found.steps == ["main"]
    assert any(says in note for note in found.notes)


def test_no_border_cuts_through_a_shared_object(promoted):
    found = promoted(
        IMPORTS,
        "train = pd.read_csv('a.csv')\ntest = pd.read_csv('b.csv')\nboth = [train, test]",
        "for part in both:\n    part['b'] = part.a * 2",
        "X_train, y_train = train[['a', 'b']], train.y\nX_test, y_test = test[['a', 'b']], test.y",
        TRAIN,
        EVALUATE,
    )
    assert found.steps == ["features", "train", "evaluate"]
    assert any("No border between load and features: `both` and `test` share" in note for note in found.notes)


def test_no_border_cuts_through_something_open(promoted):
    found = promoted(
        IMPORTS, "import csv\nrows = csv.reader(open('x.csv'))", "df = pd.DataFrame(list(rows))", SPLIT, TRAIN, EVALUATE
    )
    assert found.steps == ["features", "train", "evaluate"]
    assert any("`rows` cannot be handed over" in note for note in found.notes)


@pytest.mark.parametrize(
    "source",
    [
        "df.head()",
        "%matplotlib inline",
        "!pip install x",
        "%%html\n<b>x</b>",
        "# only a remark",
        "plt.plot(df.a)\nplt.show()",
        "fig, ax = plt.subplots()\nax.hist(df.a)\nfor p in ax.patches:\n    ax.annotate(str(p), (1, 2))",
        "import seaborn as sns\nsns.heatmap(df.corr())",
        "print(df.shape, len(df))\nfor c in df.columns:\n    print(c, df[c].nunique())",
        "counts = df.a.value_counts()\ncounts.plot.bar()",
        "def draw(x):\n    plt.plot(x)\ndraw(df.a)",
        "df.groupby('a')['y'].agg(['mean']).round(2)",
        "if len(df) > 3:\n    display(df)",
        "df.plot(figsize=(3, 3));",
        "ax = df.hist()\nax.title = 'x'\nax",
        "pd.crosstab(df.a, df.y)",
    ],
)
def test_what_only_shows_may_be_left_out(promoted, source):
    found = promoted(f"{IMPORTS}\nimport matplotlib.pyplot as plt", LOAD, source, FEATURES, SPLIT, TRAIN, EVALUATE)
    assert "skip" in found.cell("cell-3").metadata.tags


@pytest.mark.parametrize(
    ("source", "later"),
    [
        ("df.drop('a', axis=1, inplace=True)", "1"),
        ("total = df.a.sum()\nprint(total)", "df['share'] = df.a / total"),
        ("plt.savefig('x.png')", "1"),
        ("df.to_csv('out.csv')", "1"),
        ("print(accuracy_score(df.y, df.y))", "1"),
        ("df.sample(5)", "1"),
        ("prepare(df)", "1"),
        ("np.random.rand(3)", "1"),
        ("df['x'] = 1\ndf.head()", "1"),
        ("!wget https://example.org/x.csv", "1"),
        ("def helper(d):\n    return d\nprint(helper(df))", "df = helper(df)"),
        ("counts[0].x()\n", "1"),
    ],
)
def test_what_others_need_or_what_does_something_stays(promoted, source, later):
    setup = "counts = [1]\ndef prepare(d):\n    return d\nimport numpy as np\nimport matplotlib.pyplot as plt"
    found = promoted(IMPORTS, setup, LOAD, source, later, FEATURES, SPLIT, TRAIN, EVALUATE)
    assert "skip" not in found.cell("cell-4").metadata.tags


def test_definitions_run_in_each_step_unless_they_need_a_value_at_once(promoted):
    found = promoted(
        IMPORTS,
        LOAD,
        "def share(x, whole=len(df)):\n    return x / whole",
        "def double(x):\n    return 2 * x",
        "df['b'] = double(share(df.a))\nX, y = df[['a', 'b']], df.y",
        SPLIT,
        TRAIN,
        EVALUATE,
    )
    assert found.cell("cell-1").metadata.tags == ["setup"]
    assert found.cell("cell-3").metadata.tags == ["step:features"]
    assert found.cell("cell-4").metadata.tags == ["setup"]


def test_a_name_that_is_defined_and_then_assigned_is_not_defined_again(promoted):
    found = promoted(
        IMPORTS,
        "def scale(x):\n    return x",
        LOAD,
        "scale = df.a.max()",
        f"df['b'] = scale\n{FEATURES}",
        SPLIT,
        TRAIN,
        EVALUATE,
    )
    assert found.cell("cell-2").metadata.tags != ["setup"]


def test_every_code_cell_has_one_tag_and_parameters_come_first(promoted):
    found = promoted("#: # Title", "", IMPORTS, LOAD, SPLIT, TRAIN, EVALUATE)
    assert all(len(cell.metadata.tags) == 1 for cell in found.code)
    assert found.promotion.notebook.cells[0].source == "# Title"
    assert (found.tags[0], found.tags.count("parameters")) == ("parameters", 1)
    assert "random_state=random_state" in found.cell("cell-5").source
