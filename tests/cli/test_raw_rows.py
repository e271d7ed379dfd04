"""A notebook that prepares all rows before it splits them: its endpoint takes rows as they come."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from test_old_kernel import asked
from toy_project import free_port, mvops, rows, spawn, write_notebook

from mvops import load_model
from mvops.serving.client import EndpointClient

pytestmark = pytest.mark.system

BY_HAND: dict[str, tuple[str, ...]] = {
    """
    import pandas as pd
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import train_test_split
    from sklearn.preprocessing import StandardScaler
    df = pd.read_csv("../data/d.csv")
    """: (),
    """
    df["age"] = df["age"].fillna(df["age"].median())
    df["older"] = df["age"] - df["age"].mean()
    df = pd.get_dummies(df, columns=["region"], drop_first=True)
    """: (),
    """
    X = StandardScaler().fit_transform(df.drop(columns=["y", "day", "age"]))
    X_train, X_test, y_train, y_test = train_test_split(X, df["y"], random_state=1)
    model = LogisticRegression().fit(X_train, y_train)
    print(model.score(X_test, y_test))
    """: (),
}


def test_the_endpoint_is_asked_with_rows_as_they_come(tmp_path: Path) -> None:
    root, port = tmp_path / "p", free_port()
    mvops(tmp_path, "init", "p", "--team", "small", "--phase", "day_60", "--port", port).ok()
    table = rows(range(3))
    table.loc[::9, "age"] = None
    table.to_csv(root / "data/d.csv", index=False)
    write_notebook(root / "notebooks/by_hand.ipynb", BY_HAND)
    made = mvops(root, "promote", "notebooks/by_hand.ipynb", "--verify", "--json").ok().json()
    assert made["verification"]["verdict"] == "equal"
    mvops(root, "apply", "-y").ok()
    mvops(root, "plan", "--detailed-exitcode").ok()

    version = mvops(root, "versions", "show", "by_hand", 1, "--json").ok().json()
    assert [column["name"] for column in version["signature"]["columns"]] == ["age", "income", "region"]
    assert "code of the notebook's own" in mvops(root, "versions", "show", "by_hand", 1).ok().out
    people: list[dict[str, Any]] = [
        {"age": 25.0, "income": 20000.0, "region": "b"},
        {"age": 70.0, "income": 9000.0, "region": "a"},
    ]
    people += [{**people[0], "age": age} for age in (None, float(table["age"].median()))]
    server = spawn(root, "serve", "by_hand")
    try:
        EndpointClient(f"http://127.0.0.1:{port}").ready(timeout=120)
        answers = [asked(f"http://127.0.0.1:{port}", "/predict", {"rows": [one]}) for one in people]
    finally:
        server.terminate()
        server.communicate(timeout=60)
    assert [answer["predictions"] for answer in answers[:2]] == [[0], [1]]
    assert answers[2]["probabilities"] == answers[3]["probabilities"]
    model = load_model("by_hand", directory=root)
    assert list(model.predict(pd.DataFrame(people[:2]))) == [0, 1]


def test_what_cannot_be_done_to_one_row_is_told_by_each_run(tmp_path: Path) -> None:
    root = tmp_path / "p"
    mvops(tmp_path, "init", "p", "--team", "small", "--phase", "day_60").ok()
    rows(range(3)).to_csv(root / "data/d.csv", index=False)
    ranked = {source.replace('df["age"].mean()', 'df["age"].rank()'): tags for source, tags in BY_HAND.items()}
    write_notebook(root / "notebooks/ranked.ipynb", ranked)
    says = "Rows cannot be prepared one by one as they were together: ValueError"
    assert says in mvops(root, "promote", "notebooks/ranked.ipynb", "--verify").ok().err
    told = mvops(root, "run", "ranked").ok().err
    assert says in told
    assert "The endpoint takes them as they are prepared: mvops runs notebook" in told
