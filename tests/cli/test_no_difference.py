"""What means the same is no difference: a notebook that was run, YAML that was tidied."""

from __future__ import annotations

import json
from pathlib import Path

from toy_project import Result, edit, mvops

NOTEBOOK, YAML = "pipelines/toy.ipynb", "configs/models/toy.yaml"


def test_p6_a_notebook_that_was_run_and_saved_is_the_same(project: Path) -> None:
    path = project / NOTEBOOK
    notebook = json.loads(path.read_text())
    for number, cell in enumerate(notebook["cells"]):
        cell["id"] = f"new-{number}"
        cell["execution_count"] = number + 7
        cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["0.8\n"]}]
        cell["metadata"]["scrolled"] = True
    notebook["metadata"]["language_info"] = {"name": "python", "version": "3.99"}
    path.write_text(json.dumps(notebook, indent=4) + "\n")
    mvops(project, "plan", "--detailed-exitcode").ok(0)


def test_p6_comments_and_layout_of_code_train_nothing_and_what_the_code_does_counts(project: Path) -> None:
    path, module = project / NOTEBOOK, project / "pipelines/prep.py"
    module.write_text("def clean(frame):\n    return frame\n")
    edit(
        path,
        "df = pd.read_csv(data_path)",
        "import prep\\n%matplotlib inline\\ndf = prep.clean(pd.read_csv(data_path))",
    )
    mvops(project, "apply", "--yes").ok()

    def written(*sources: tuple[str, str]) -> Result:
        before = path.read_text()
        for old, new in sources:
            edit(path, old, new)
        try:
            return mvops(project, "plan", "--detailed-exitcode")
        finally:
            path.write_text(before)

    read, random = "df = prep.clean(pd.read_csv(data_path))", "LogisticRegression(C=C)).fit(X_train, y_train)"
    tidied = (
        (read, "# all rows\\n\\ndf = prep.clean(\\n    pd.read_csv(data_path)  # by day\\n)"),
        ("C = 1.0", "C = 1.00"),
    )
    for _ in range(2):  # the second time from memory
        written(*tidied).ok(0)
    module.write_text("# What every model does.\n\n\ndef clean( frame ):\n    return frame  # as it is\n")
    written(*tidied).ok(0)
    assert "nothing to learn from" in mvops(project, "retrain", "toy").ok().out

    said = written(*tidied, (random, "LogisticRegression(C=C)).fit(X_train, y_train) # fit\\nmodel.n = 1")).ok(2).out
    assert "+model.n = 1" in said
    written((read, f"{read}[:900]")).ok(2)
    written(("%matplotlib inline", "%matplotlib  agg")).ok(2)
    written((read, f'{read}\\n\\"of what it is\\"')).ok(2)  # a text is no comment
    module.write_text("def clean(frame):\n    return frame[frame.age > 20]  # adults\n")
    assert "pipelines/prep.py changed" in written().ok(2).out


def test_p6_yaml_in_another_order_with_defaults_written_out_is_the_same(project: Path) -> None:
    path = project / YAML
    first, *rest = path.read_text().strip().split("\nevaluate:")
    parts = ("evaluate:" + "evaluate:".join(rest)).splitlines()
    tidied = [*reversed(parts), 'description: ""', "owner: ''", "prevent_destroy: false", first.strip()]
    path.write_bytes("\r\n".join("\n".join(tidied).splitlines()).encode() + b"\r\n")
    mvops(project, "plan", "--detailed-exitcode").ok(0)
