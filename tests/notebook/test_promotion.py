from __future__ import annotations

import json

import nbformat
import pytest

from mvops.core.config.model import Model
from mvops.errors import NotebookError
from mvops.notebook.promotion import promote

IRIS = (
    "#: # Which flower?",
    "import numpy as np\nfrom sklearn.datasets import load_iris\nfrom sklearn.metrics import accuracy_score, log_loss",
    (
        "from sklearn.linear_model import LogisticRegression\n"
        "from sklearn.model_selection import train_test_split\nnp.random.seed(3)"
    ),
    "iris = load_iris(as_frame=True)\ndf = iris.frame",
    "df.head()",
    "NOISE = 0.5\ndef blur(frame, by):\n    return frame + np.random.normal(0, by, frame.shape)",
    "X, y = blur(df.drop(columns='target'), NOISE), df['target']\nX['ratio'] = X.iloc[:, 0] / X.iloc[:, 1]",
    "X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=42)",
    "model = LogisticRegression(C=0.5, max_iter=2000)\nmodel.fit(X_train, y_train)",
    "accuracy = accuracy_score(y_test, model.predict(X_test))\nloss = log_loss(y_test, model.predict_proba(X_test))",
    "print(accuracy)",
)


def run(sources):
    scope = {"__name__": "__main__"}
    for source in sources:
        exec(source, scope)
    return scope


@pytest.mark.parametrize("skipped", [True, False])
@pytest.mark.parametrize("split", ["auto", "none", "headings"])
def test_the_defaults_give_the_same_numbers_as_the_original(promoted, split, skipped):
    found = promoted(*IRIS, split=split)
    original = run(source for source in IRIS if not source.startswith("#: "))
    copy = run(found.sources(skipped=skipped))
    assert (copy["accuracy"], copy["loss"]) == (original["accuracy"], original["loss"])
    assert set(found.outputs.values()) <= set(copy)


def test_a_parameter_changes_what_is_computed(promoted):
    sources = promoted(*IRIS).sources(skipped=True)
    sources[0] = sources[0].replace("NOISE = 0.5", "NOISE = 9.0")
    original = run(source for source in IRIS if not source.startswith("#: "))
    assert run(sources)["loss"] > original["loss"] + 0.1


def test_the_draft_is_a_complete_model(promoted):
    found = promoted(*IRIS)
    assert found.promotion.missing == ()
    assert found.promotion.config == {
        "pipeline": {
            "notebook": "pipelines/work.ipynb",
            "parameters": {
                "random_seed": 3,
                "NOISE": 0.5,
                "test_size": 0.3,
                "random_state": 42,
                "model_C": 0.5,
                "max_iter": 2000,
            },
            "outputs": {"model": "model", "features": "X_test", "target": "y_test", "train_features": "X_train"},
        },
        "evaluate": {"task": "classification", "metrics": ["accuracy", "log_loss"]},
    }
    Model.model_validate(found.promotion.config)


def test_the_promoted_notebook_is_valid_and_says_where_it_is_from(promoted, tmp_path):
    found = promoted(*IRIS, name="deep/er/My work [1].ipynb").promotion
    nbformat.validate(found.notebook)
    ours = found.notebook.metadata.mvops
    assert (ours.format_version, ours.source, ours.cwd) == (1, "deep/er/My work [1].ipynb", "deep/er")
    assert ours.steps == ["load", "features", "train", "evaluate"]
    assert len(ours.source_sha256) == 64
    assert found.notebook.metadata.kernelspec.name == "python3"
    kept = [cell.metadata.mvops.original_cell for cell in found.notebook.cells]
    assert [n for n in kept if n is not None] == list(range(len(IRIS)))
    assert all(cell.outputs == [] for cell in found.notebook.cells if cell.cell_type == "code")


def test_promoting_twice_gives_the_same_bytes(book, tmp_path):
    path = book(*IRIS)
    first, second = (promote(path, root=tmp_path, name="iris") for _ in range(2))
    assert json.dumps(first.notebook) == json.dumps(second.notebook)
    assert first == second


def test_the_original_is_left_alone(book, tmp_path):
    path = book(*IRIS)
    before = path.read_bytes()
    promote(path, root=tmp_path, name="iris")
    assert path.read_bytes() == before
    assert list(tmp_path.rglob("*.ipynb")) == [path]


FIT = (
    "from sklearn.linear_model import Ridge\nimport pandas as pd\nmodel = Ridge()\n"
    "model.fit(df, df.y)\nmodel.score(df, df.y)"
)


@pytest.mark.parametrize(
    ("name", "source", "folder"),
    [
        ("notebooks/a.ipynb", "'../data/x.csv'", None),
        ("notebooks/a.ipynb", "'x.csv'", "../notebooks"),
        ("a.ipynb", "'data/x.csv'", ".."),
        ("deep/er/a.ipynb", "'../x.csv'", "../deep/er"),
        ("deep/er/a.ipynb", "'https://example.org/x.csv'", None),
        ("pipelines/a.ipynb", "'x.csv'", None),
    ],
)
def test_relative_paths_go_on_meaning_what_they_meant(promoted, name, source, folder):
    found = promoted(f"import pandas as pd\ndf = pd.read_csv({source})", FIT, name=name)
    moves = [cell for cell in found.code if cell.id == "mvops-folder"]
    assert bool(moves) == (folder is not None)
    if folder is not None:
        assert f"os.chdir('{folder}')" in moves[0].source
        assert moves[0].metadata.tags == ["skip"]
        assert found.tags[0] == "parameters"


def test_a_module_beside_the_notebook_is_found_from_its_folder(promoted, tmp_path):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "helpers.py").write_text("x = 1")
    found = promoted("import helpers\ndf = helpers.x", FIT)
    assert found.cell("mvops-folder")


def test_a_notebook_outside_the_project_is_promoted_too(book, tmp_path):
    path = book("import pandas as pd\ndf = pd.read_csv('x.csv')", FIT, name="elsewhere/a.ipynb")
    root = tmp_path / "project"
    root.mkdir()
    found = promote(path, root=root, name="a")
    assert found.notebook.metadata.mvops.cwd == "../elsewhere"
    assert "inputs" not in found.config["pipeline"]
    assert any("outside the project" in note for note in found.notes)


def test_kept_rows_get_a_cell_of_their_own_in_the_step_that_makes_them(promoted):
    found = promoted(
        "import pandas as pd\ndf = pd.read_csv('x.csv')",
        "train, test = df[:80], df[80:]",
        "from sklearn.linear_model import Ridge\nmodel = Ridge()\nmodel.fit(train[['a']], train.y)",
        "print(model.score(test[['a']], test.y))",
    )
    assert found.outputs["features"] == "held_out_features"
    kept = [(cell.source, cell.metadata.tags) for cell in found.code if cell.id.startswith("mvops-kept")]
    assert kept == [
        ("train_features = train[['a']]", ["step:train"]),
        ("held_out_features = test[['a']]", ["step:evaluate"]),
        ("held_out_target = test.y", ["step:evaluate"]),
    ]


def test_a_draft_with_holes_says_which(promoted):
    found = promoted("from sklearn.cluster import KMeans\nX = [[1], [2]]\nkm = KMeans(n_clusters=2)\nkm.fit(X)")
    assert found.promotion.missing == ("pipeline.outputs.model", "pipeline.outputs.features", "pipeline.outputs.target")
    assert any("finds groups" in note for note in found.notes)


def test_many_parameters_are_shown_by_whose_they_are(promoted):
    others = [f"m{n} = Ridge(alpha={n}, tol=0.{n + 1})\nm{n}.fit(X_train, y_train)" for n in range(8)]
    found = promoted(
        (
            "from sklearn.linear_model import Ridge\n"
            "from sklearn.model_selection import train_test_split\nX, y = [[1]], [1]"
        ),
        "X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3)",
        *others,
        "best = Ridge(alpha=99)\nbest.fit(X_train, y_train)\nprint(best.score(X_test, y_test))",
    )
    assert found.promotion.config["pipeline"]["parameters"] == {"test_size": 0.3, "best_alpha": 99}
    assert len(found.promotion.parameters) == 18


@pytest.mark.parametrize(
    ("sources", "says"),
    [
        (["print(1)"], "Nothing in this notebook trains a model"),
        (["import pandas as pd\nprint(pd)"], "Nothing in this notebook trains a model"),
        (["from sklearn.svm import SVC\nm = SVC()\nm.fit(X, y)"], "Cell 1 uses `X`, which no cell before it defines"),
        (["print(X)", "X = 1"], "Cell 1 uses `X`, which is defined only in cell 2, further down"),
        (["print(X)\nX = 1"], "Cell 1 uses `X`, which is defined later in the same cell"),
        (["for i in xrange(3):\n    pass"], "Cell 1 uses `xrange`, which only Python 2 has"),
        (["x = = 1"], "Cell 1: This is not valid Python"),
        (["# a remark"], "Nothing in this notebook trains a model"),
    ],
)
def test_what_cannot_be_promoted_is_refused_with_the_cell(book, tmp_path, sources, says):
    with pytest.raises(NotebookError) as caught:
        promote(book(*sources), root=tmp_path, name="x")
    assert says in caught.value.message
    assert caught.value.where.file.name == "work.ipynb"


def test_what_was_promoted_is_not_promoted_again(promoted, tmp_path):
    path = tmp_path / "again.ipynb"
    nbformat.write(promoted(*IRIS).promotion.notebook, path)
    with pytest.raises(NotebookError, match="promoted already") as caught:
        promote(path, root=tmp_path, name="x")
    assert "notebooks/work.ipynb" in caught.value.hint


def test_a_secret_in_an_address_is_not_shown(promoted):
    found = promoted("import pandas as pd\ndf = pd.read_csv('https://me:hush@example.org/x.csv?token=hush')", FIT)
    note = next(note for note in found.notes if "from the network" in note)
    assert "https://example.org/x.csv" in note
    assert "hush" not in note


def test_a_python_2_notebook_of_valid_python_3_is_promoted_with_a_note(book, tmp_path):
    path = book(*IRIS, kernelspec={"name": "python2", "language": "python", "display_name": "Python 2"})
    assert any("under Python 2" in note for note in promote(path, root=tmp_path, name="x").notes)
    old = book(
        "def f():\n    return unicode('x')", kernelspec={"name": "python2", "language": "python", "display_name": "2"}
    )
    with pytest.raises(NotebookError, match="`unicode`, which only Python 2 has"):
        promote(old, root=tmp_path, name="x")


def test_where_the_metrics_are(promoted):
    metrics = promoted(*IRIS).promotion.metrics
    assert [(m.metric, m.cell, m.how, m.assigned, m.model) for m in metrics] == [
        ("accuracy", 10, "assigned", "accuracy", "model"),
        ("log_loss", 10, "assigned", "loss", "model"),
    ]
    assert metrics[0].text == "accuracy_score(y_test, model.predict(X_test))"


def test_what_types_commands_of_mvops_is_left_out(promoted):
    made = promoted(
        "import pandas as pd\nfrom sklearn.linear_model import LinearRegression\n%load_ext mvops",
        "%load_ext mvops\n%mvops promote work.ipynb --verify",
        "df = pd.read_csv('d.csv')\nmodel = LinearRegression().fit(df[['x']], df.y)",
        "%mvops status",
    )
    assert ["skip" in made.cell(f"cell-{n}").metadata.tags for n in (1, 2, 3, 4)] == [False, True, False, True]
