"""A project with three notebooks, each of which runs by itself: they hand on files, and lie in two folders."""

from __future__ import annotations

from pathlib import Path

from toy_project import free_port, mvops, rows, write_notebook

BOOKS = ("work/01_load.ipynb", "work/02_train.ipynb", "judge/03_judge.ipynb")
COPIES = tuple(f"pipelines/toy_{Path(book).name}" for book in BOOKS)
LOAD: dict[str, tuple[str, ...]] = {
    "import pandas as pd\nkeep = 0.9": (),
    'raw = pd.read_csv("../data/d.csv")\nclean = raw.sample(frac=keep, random_state=3)': (),
    'clean.to_parquet("clean.parquet")\nprint("rows", len(clean))': (),
}
TRAIN: dict[str, tuple[str, ...]] = {
    """
    import joblib
    import pandas as pd
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import train_test_split
    """: (),
    """
    keep = ["age", "income"]
    table = pd.read_parquet("clean.parquet")
    train, test = train_test_split(table, test_size=0.3, random_state=4)
    test.to_csv("../judge/test.csv", index=False)
    """: (),
    'model = LogisticRegression(C=0.5)\nmodel.fit(train[keep], train["y"])': (),
    'joblib.dump(model, "../judge/model.joblib")': (),
}
JUDGE: dict[str, tuple[str, ...]] = {
    "import joblib\nimport pandas as pd\nfrom sklearn.metrics import roc_auc_score": (),
    'test = pd.read_csv("test.csv")\nX_test, y_test = test[["age", "income"]], test["y"]': (),
    'model = joblib.load("model.joblib")\nprint("auc", roc_auc_score(y_test, model.predict_proba(X_test)[:, 1]))': (),
}


def make_separate(root: Path) -> Path:
    mvops(root.parent, "init", root.name, "--team", "small", "--phase", "day_30", "--port", free_port()).ok()
    for path, cells in zip(BOOKS, (LOAD, TRAIN, JUDGE), strict=True):
        write_notebook(root / path, cells)
    rows(range(8)).to_csv(root / "data/d.csv", index=False)
    return root
