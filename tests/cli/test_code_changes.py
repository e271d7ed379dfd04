"""What the plan says of code: the notebook's cells, and the files beside it that they import or read."""

from __future__ import annotations

from pathlib import Path

import pytest
import toy_project as toy
from toy_project import edit, mvops


@pytest.mark.system
def test_p9_p13_changed_code_is_shown_cell_by_cell_and_file_by_file(project: Path) -> None:
    notebook, module = project / "pipelines" / "toy.ipynb", project / "pipelines" / "prep.py"
    module.write_text("def clean(frame):\n    return frame\n")
    edit(notebook, "df = pd.read_csv(data_path)", "import prep\\ndf = prep.clean(pd.read_csv(data_path))")

    said = mvops(project, "plan").ok().out
    assert "~ pipelines/toy.ipynb, cell 3 (load)  +2 -1" in said
    assert "+df = prep.clean(pd.read_csv(data_path))" in said
    assert "+ pipelines/prep.py  +2 -0" in said
    assert "load      runs: its code changed" in said
    assert "<code>pipelines/toy.ipynb, cell 3 (load)</code>: change" in mvops(project, "plan", "--markdown").ok().out
    mvops(project, "apply", "--yes").ok()
    mvops(project, "plan", "--detailed-exitcode").ok(0)

    # Nothing of the notebook is touched: what it imports decides as well what is trained.
    edit(module, "return frame", "return frame[frame.age > 20]")
    found = {line["address"]: line for line in mvops(project, "plan", "--json").ok().json()["actions"]}
    (change,) = found["pipeline.toy"]["code"]
    assert (change["path"], change["verb"], change["cell"]) == ("pipelines/prep.py", "change", None)
    assert "+    return frame[frame.age > 20]" in change["diff"]
    assert "load      runs: pipelines/prep.py changed" in found["pipeline.toy"]["details"]
    assert found["model.toy"]["details"] == [
        "retrain: a challenger is trained; version 1 stays champion until the gate says yes",
        "    the canary of version 2, at 5 %, ends when the new version begins",
        "    the gate's yes makes it a canary: 5, 25, 100 % of the traffic",
    ]

    module.write_text("def clean(frame):\n    return frame\n")
    mvops(project, "plan", "--detailed-exitcode").ok(0)
    assert toy.query(project, "SELECT count(*) FROM mvops_versions") == [(2,)]
