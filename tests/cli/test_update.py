"""The data scientist goes on with the notebook: the plan says so, and `promote --update` merges it."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest
from toy_project import Result, copy, edit, mvops, rows, snapshot, write_notebook

NOTEBOOK = "notebooks/plain.ipynb"
COPY = "pipelines/plain.ipynb"
CELLS: dict[str, tuple[str, ...]] = {
    """
    import pandas as pd
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import accuracy_score
    from sklearn.model_selection import train_test_split
    """: (),
    'df = pd.read_csv("../data/d.csv")': (),
    "df.head()": (),
    'X = df[["age", "income"]] / 1000\ny = df["y"]': (),
    "X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=1)": (),
    "model = LogisticRegression(C=0.5)\nmodel.fit(X_train, y_train)": (),
    "print(accuracy_score(y_test, model.predict(X_test)))": (),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a notebook that was promoted. Only to be copied."""
    root = tmp_path_factory.mktemp("update") / "toy"
    mvops(root.parent, "init", "toy", "--team", "small", "--phase", "day_90").ok()
    rows(range(3)).to_csv(root / "data/d.csv", index=False)
    write_notebook(root / NOTEBOOK, CELLS)
    mvops(root, "promote", NOTEBOOK).ok()
    return root


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    return copy(made, tmp_path / "toy")


def change(root: Path, path: str, at: int, source: str | None = None, *, tags: list[str] | None = None) -> None:
    """Other code in a cell, or other tags."""
    book = nbformat.read(root / path, 4)
    if source is not None:
        book.cells[at].source = source
    if tags is not None:
        book.cells[at].metadata["tags"] = tags
    nbformat.write(book, root / path)


def insert(root: Path, path: str, at: int, source: str, tags: list[str] | None = None) -> None:
    book = nbformat.read(root / path, 4)
    book.cells.insert(at, nbformat.v4.new_code_cell(source, metadata={"tags": tags} if tags else {}))
    nbformat.write(book, root / path)


def remove(root: Path, path: str, at: int) -> None:
    book = nbformat.read(root / path, 4)
    del book.cells[at]
    nbformat.write(book, root / path)


def cells(root: Path) -> list[tuple[str, list[str]]]:
    return [(cell.source, cell.metadata.get("tags", [])) for cell in nbformat.read(root / COPY, 4).cells]


def at(root: Path, words: str) -> int:
    return next(n for n, (source, _) in enumerate(cells(root)) if words in source)


def notice(root: Path) -> str:
    said = mvops(root, "plan", "--json").ok().json()["notices"]
    return next((each for each in said if "has changed since" in each), "")


def update(root: Path, *more: str) -> Result:
    return mvops(root, "promote", NOTEBOOK, "--update", *more)


def test_a_plan_tells_which_cells_of_the_original_changed(root: Path) -> None:
    assert notice(root) == ""
    before = (root / NOTEBOOK).read_bytes()
    book = nbformat.read(root / NOTEBOOK, 4)
    book.cells[3].source = "# in thousands\nX = df[[ 'age', 'income' ]]/1000\n\ny = df['y']  # the answer\n"
    for number, cell in enumerate(book.cells):
        cell.update(execution_count=40 - number, outputs=[], id=f"other-{number}")
    nbformat.write(book, root / NOTEBOOK)
    assert notice(root) == "", "outputs, ids, counts, layout and comments"
    assert update(root).ok().out.startswith("Nothing to do: plain.ipynb has not changed")
    (root / NOTEBOOK).write_bytes(before)
    change(root, NOTEBOOK, 3, 'X = df[["age"]]\ny = df["y"]')
    insert(root, NOTEBOOK, 4, 'X["old"] = X["age"] > 50')
    remove(root, NOTEBOOK, 2)
    assert notice(root) == (
        "notebooks/plain.ipynb has changed since the model plain was promoted from it: "
        "cells 3 changed, 4 new, the former 3 gone; take it over: mvops promote notebooks/plain.ipynb --update"
    )
    assert "note: notebooks/plain.ipynb has changed since" in mvops(root, "plan").ok().out


def test_what_is_new_is_merged_and_what_is_the_users_stays(root: Path) -> None:
    config = root / "configs/models/plain.yaml"
    edit(config, "pipeline:", "# ours\npipeline:")
    edit(config, "model_C: 0.5}", "model_C: 0.25}  # found by hand")
    for n, (source, tags) in enumerate(cells(root)):
        if tags == ["step:features"]:
            change(root, COPY, n, tags=["step:prepare", "reviewed"])
        elif "df.head" in source:
            remove_at = n
    remove(root, COPY, remove_at)
    change(root, COPY, at(root, "print(accuracy"), "print('accuracy', accuracy_score(y_test, model.predict(X_test)))")
    insert(root, COPY, at(root, "model.fit") + 1, "assert model.n_iter_[0] < 100", ["step:train"])
    change(root, NOTEBOOK, 3, 'X = df[["age", "income"]] / 10\ny = df["y"]')
    change(root, NOTEBOOK, 5, "model = LogisticRegression(C=0.75, max_iter=500)\nmodel.fit(X_train, y_train)")
    insert(root, NOTEBOOK, 4, 'X = X.assign(old=df["age"] > 50)')
    done = update(root).ok().out
    assert f"Merged plain.ipynb into {COPY}: cells 4, 7 changed, 5 new." in done
    assert "models.plain.pipeline.parameters.model_C stays 0.25; the notebook says 0.75 now" in done
    assert "models.plain.pipeline.parameters.max_iter (new) -> 500" in done
    sources = [source for source, _ in cells(root)]
    assert "\nmodel_C = 0.75  # cell 7, model" in sources[0]
    assert 'X = df[["age", "income"]] / 10\ny = df["y"]' in sources
    assert "model = LogisticRegression(C=model_C, max_iter=max_iter)\nmodel.fit(X_train, y_train)" in sources
    assert cells(root)[at(root, "assign(old")][1] == ["step:prepare"], "the step as the user calls it"
    assert cells(root)[at(root, "/ 10\n")][1] == ["step:prepare", "reviewed"]
    assert sources.index("assert model.n_iter_[0] < 100") == at(root, "model.fit") + 1
    assert not any("df.head" in source for source in sources)
    assert any(source.startswith("print('accuracy'") for source in sources)
    text = config.read_text()
    assert "# ours\npipeline:" in text
    assert "model_C: 0.25" in text
    assert "max_iter: 500" in text
    assert "# found by hand" in text
    assert notice(root) == ""
    assert update(root).ok().out.startswith("Nothing to do")
    mvops(root, "plan").ok()  # the steps, their order and the parameters are sound
    assert "merged plain.ipynb: cells 4, 7 changed, 5 new" in mvops(root, "history", "plain").ok().out


def test_a_cell_that_both_changed_is_a_conflict_and_nothing_is_written(root: Path) -> None:
    change(root, COPY, at(root, "/ 1000"), 'X = df[["age", "income"]] / 999\ny = df["y"]')
    change(root, NOTEBOOK, 3, 'X = df[["age", "income"]] / 10\ny = df["y"]')
    change(root, NOTEBOOK, 5, "model = LogisticRegression(C=0.75)\nmodel.fit(X_train, y_train)")
    before = snapshot(root)
    update(root).refused(
        f"{COPY}: a cell was changed both here and in {NOTEBOOK}; nothing was written",
        "was changed by hand, and in the original (cell 4 there)",
        '-X = df[["age", "income"]] / 999',
        '+X = df[["age", "income"]] / 10',
        "--on-conflict mine",
    )
    assert snapshot(root) == before
    mine = update(root, "--on-conflict", "mine", "--json").ok().json()
    assert mine["cells"] == {"changed": [4, 6], "new": [], "moved": [], "gone": []}
    assert at(root, "/ 999")
    assert "model_C: 0.75" in (root / "configs/models/plain.yaml").read_text()
    assert notice(root) == ""
    change(root, NOTEBOOK, 3, 'X = df[["age", "income"]] / 11\ny = df["y"]')
    update(root).refused("a cell was changed both here and in")
    update(root, "--on-conflict", "original").ok()
    assert at(root, "/ 11")


def test_a_parameter_that_is_gone_leaves_the_yaml_too(root: Path) -> None:
    change(root, NOTEBOOK, 5, "model = LogisticRegression()\nmodel.fit(X_train, y_train)")
    edit(root / "configs/models/plain.yaml", "model_C: 0.5", "model_C: 0.1")
    before = snapshot(root)
    update(root).refused("models.plain.pipeline.parameters.model_C is 0.1 in the YAML, and the notebook has no model_C")
    assert snapshot(root) == before
    edit(root / "configs/models/plain.yaml", "model_C: 0.1", "model_C: 0.5")
    update(root).ok()
    assert "model_C" not in (root / "configs/models/plain.yaml").read_text()
    mvops(root, "plan").ok()


def test_what_an_older_mvops_promoted_is_told(root: Path) -> None:
    book = json.loads((root / COPY).read_text())
    del book["metadata"]["mvops"]["promoted"]
    (root / COPY).write_text(json.dumps(book))
    old = (root / NOTEBOOK).read_text()
    change(root, NOTEBOOK, 3, 'X = df[["age"]]\ny = df["y"]')
    assert "an older mvops promoted it" in notice(root)
    update(root).refused("does not say what promote made of", "Bring the original back as it was", "--force")
    new = (root / NOTEBOOK).read_text()
    (root / NOTEBOOK).write_text(old)
    assert "says now what it was made of" in update(root).ok().out
    (root / NOTEBOOK).write_text(new)
    update(root).ok()
    assert at(root, 'X = df[["age"]]')


def test_which_model_is_found_by_its_original(root: Path) -> None:
    mvops(root, "promote", NOTEBOOK, "--name", "other").ok()
    update(root).refused("notebooks/plain.ipynb was promoted as other, plain", "--name other")
    update(root, "--name", "other").ok()
    update(root, "--force").refused("--update merges and --force makes anew")
    update(root, "--name", "nope").refused("there is no model nope")
    write_notebook(root / "notebooks/new.ipynb", CELLS)
    mvops(root, "promote", "notebooks/new.ipynb", "--update").refused(
        "was not promoted yet", "mvops promote notebooks/new"
    )
    update(root, "--name", "plain", "--on-conflict", "both").refused("there is no such way", "stop, mine, original")


def test_before_the_first_run_a_parameter_is_told_that_was_edited_in_the_notebook_not_in_the_yaml(root: Path) -> None:
    book = nbformat.read(root / "pipelines/plain.ipynb", 4)
    at = next(at for at, cell in enumerate(book.cells) if cell.id == "mvops-parameters")
    assert "C = 0.5" in book.cells[at].source
    edit(root / "configs/models/plain.yaml", "C: 0.5", "C: 0.7")
    assert "changes nothing" not in mvops(root, "plan").ok().out
    change(root, "pipelines/plain.ipynb", at, book.cells[at].source.replace("C = 0.5", "C = 0.6"))
    told = "model_C = 0.6 in the cell of parameters of pipelines/plain.ipynb changes nothing: "
    assert f"{told}models.plain.pipeline.parameters.model_C is 0.7, and holds" in mvops(root, "plan").ok().out


@pytest.mark.system
def test_a_merge_is_proved_like_a_promotion(root: Path) -> None:
    change(root, NOTEBOOK, 3, 'X = df[["age", "income"]] / 10\ny = df["y"]')
    said = update(root, "--verify").ok().out
    assert "EQUAL: the promoted pipeline shows the same numbers" in said


@pytest.mark.system
@pytest.mark.parametrize(
    ("limit", "says"),
    [("timeout: 1s", "did not end within 1 seconds"), ("memory: 30MB", "and `pipeline.memory` is 30MB")],
)
def test_a_proof_of_a_merge_stays_within_the_models_limits(root: Path, limit: str, says: str) -> None:
    edit(root / "configs/models/plain.yaml", "pipeline:", f"pipeline:\n  {limit}")
    change(root, NOTEBOOK, 3, 'X = df[["age", "income"]] / 10\ny = df["y"]')
    update(root, "--verify").refused("The original notebook does not run", says)
