"""Several notebooks promoted as one pipeline: what they have to do with each other, by reading their code."""

from __future__ import annotations

import pytest

from mvops.errors import NotebookError
from mvops.notebook.promotion import Promotion
from mvops.notebook.several import promote_several

LOAD = (
    "import pandas as pd\nkeep = 0.5",
    'raw = pd.read_csv("../data/raw.csv")\nraw.sample(frac=keep, random_state=42).to_parquet("../made/clean.parquet")',
)
SPLIT = (
    "import pandas as pd\nfrom pathlib import Path\nfrom sklearn.model_selection import train_test_split",
    'WORK = Path("../made")\ntable = pd.read_parquet(WORK / "clean.parquet")',
    "train, test = train_test_split(table, test_size=0.25, random_state=7)",
    'for part, rows in (("train", train), ("test", test)):\n    rows.to_csv(f"../made/{part}.csv")',
)
TRAIN = (
    "import joblib, pandas as pd\nfrom sklearn.linear_model import LogisticRegression\nkeep = 0.9",
    'train = pd.read_csv("../made/train.csv")\nX, y = train[["a"]], train["y"]',
    "model = LogisticRegression(C=keep, random_state=42).fit(X, y)",
    'with open("../made/model.joblib", "wb") as file:\n    joblib.dump(model, file)',
)
JUDGE = (
    "import joblib, pandas as pd\nfrom sklearn.metrics import roc_auc_score",
    'test = pd.read_csv("../made/test.csv")\nX, y = test[["a"]], test["y"]',
    'model = joblib.load("../made/model.joblib")',
    "print(roc_auc_score(y, model.predict_proba(X)[:, 1]))",
)


@pytest.fixture
def promoted(book, tmp_path):
    def make(*books: tuple[str, ...], names: tuple[str, ...] = (), split: str = "auto") -> Promotion:
        names = names or tuple(f"notebooks/{n:02}_{'abcdef'[n]}.ipynb" for n in range(len(books)))
        (tmp_path / "data").mkdir(exist_ok=True)
        (tmp_path / "data/raw.csv").write_text("a,y\n1,0\n")
        paths = [book(*sources, name=name) for sources, name in zip(books, names, strict=True)]
        return promote_several(paths, root=tmp_path, name="churn", split=split)

    return make


NAMES = ("notebooks/01_load.ipynb", "notebooks/02_split.ipynb", "train/03_train.ipynb", "train/04_judge.ipynb")


def code(found: Promotion, at: int) -> list[str]:
    return [cell.source for cell in found.notebooks[at].cells if cell.cell_type == "code"]


def test_what_one_writes_is_no_input_of_the_next_and_the_model_is_where_it_is_judged(promoted) -> None:
    found = promoted(LOAD, SPLIT, TRAIN, JUDGE, names=NAMES)
    pipeline = found.config["pipeline"]
    assert pipeline["notebooks"] == [
        "pipelines/churn_01_load.ipynb",
        "pipelines/churn_02_split.ipynb",
        "pipelines/churn_03_train.ipynb",
        "pipelines/churn_04_judge.ipynb",
    ]
    assert pipeline["inputs"] == {"raw_path": "data/raw.csv"}
    assert pipeline["outputs"] == {
        "model": "model",
        "features": "X",
        "target": "y",
        "train_features": "train_features",
    }
    assert code(found, 2)[-2] == "train_features = X"
    assert found.config["evaluate"] == {"task": "classification", "metrics": ["roc_auc"]}
    assert found.steps == ["load", "split", "features", "train", "evaluate", "judge"]
    assert found.missing == ()
    assert "made/clean.parquet is handed on: 01_load.ipynb writes it (cell 2), 02_split.ipynb reads it (cell 2)." in (
        found.notes
    )
    assert any("made/test.csv is handed on: 02_split.ipynb" in note for note in found.notes)
    assert any("loaded in cell 3" in note for note in found.notes if note.startswith("04_judge.ipynb: The model is"))
    assert not any("pipeline itself" in note for note in found.notes)
    assert {finding.kind for finding in found.findings} == set()


def test_a_parameter_of_two_notebooks_is_one_if_its_value_is_and_else_two(promoted) -> None:
    found = promoted(LOAD, SPLIT, TRAIN, JUDGE, names=NAMES)
    values = {"keep": 0.5, "random_state": 42, "test_size": 0.25, "split_random_state": 7, "train_keep": 0.9}
    assert found.config["pipeline"]["parameters"] == values
    assert "keep = train_keep  # train_keep is a parameter, set in the first cell" in code(found, 2)[1]
    assert any("random_state is one parameter of both" in note for note in found.notes)
    assert any("the parameter of that one is train_keep" in note for note in found.notes)


def test_steps_of_all_have_names_of_their_own(promoted) -> None:
    fits = (LOAD[0], *TRAIN[:2], "X_test, y_test = X, y", *TRAIN[2:])
    found = promoted(LOAD, fits, ("import pandas as pd", *fits), split="none")
    assert found.steps == ["a", "b", "c"]
    again = promoted(LOAD, fits, ("import pandas as pd", *fits))
    assert again.steps == ["a", "features", "train", "evaluate", "c_features", "c_train", "c_evaluate"]


def test_what_a_later_notebook_binds_anew_is_kept_under_another_name(promoted) -> None:
    after = ("import pandas as pd", 'model = pd.read_csv("../made/test.csv")\nmodel.to_csv("../made/out.csv")')
    outputs = promoted(LOAD, SPLIT, TRAIN, JUDGE, after).config["pipeline"]["outputs"]
    assert outputs["model"] == "final_model"


def test_the_numbers_that_a_model_is_judged_by_may_be_computed_in_another_notebook(promoted) -> None:
    split = 'X, rest, y, truth = train_test_split(train[["a"]], train["y"], random_state=1)'
    fits = (
        *TRAIN[:1],
        "from sklearn.model_selection import train_test_split",
        'train = pd.read_csv("../made/train.csv")',
        split,
        *TRAIN[2:],
        'pd.DataFrame({"truth": truth, "guess": model.predict(rest)}).to_csv("../made/guess.csv")',
    )
    told = (
        "import pandas as pd\nfrom sklearn.metrics import f1_score",
        'table = pd.read_csv("../made/guess.csv")\nprint(f1_score(table.truth, table.guess))',
    )
    found = promoted(LOAD, SPLIT, fits, told)
    assert found.config["pipeline"]["outputs"]["features"] == "rest"
    assert found.config["evaluate"]["metrics"] == ["f1"]
    assert [(each.notebook, each.cell) for each in found.metrics] == [("03_d.ipynb", 2)]


def test_a_folder_that_the_pipeline_writes_into_is_no_input_and_that_is_said(promoted, tmp_path) -> None:
    reads = 'DATA_DIR = "../made"\nextra = pd.read_json(f"{DATA_DIR}/extra.json")'
    (tmp_path / "made").mkdir()
    (tmp_path / "made/extra.json").write_text("{}")
    found = promoted(LOAD, (SPLIT[0], reads, *SPLIT[1:]), TRAIN, JUDGE)
    assert found.config["pipeline"]["inputs"] == {"raw_path": "data/raw.csv"}
    assert any("when made/extra.json changes nothing runs again" in note for note in found.notes)


@pytest.mark.parametrize(
    ("books", "said", "hint"),
    [
        (
            (SPLIT, LOAD, TRAIN, JUDGE),
            "reads made/clean.parquet, which only 01_b.ipynb writes",
            "01_b.ipynb before 00_a",
        ),
        ((LOAD, ("print(1)", "rows = 2\nrows = rows + 1")), "Nothing in these notebooks trains a model", "too"),
        ((LOAD, SPLIT, TRAIN[1:]), "uses `pd`, which no cell before it defines", "a kernel of its own"),
        ((LOAD, ("import pandas as pd",), TRAIN), "Nothing in this notebook would run", "Leave it out"),
    ],
)
def test_what_makes_no_pipeline_is_refused(promoted, books, said: str, hint: str) -> None:
    with pytest.raises(NotebookError) as refused:
        promoted(*books)
    assert said in refused.value.message
    assert hint in str(refused.value.hint)
