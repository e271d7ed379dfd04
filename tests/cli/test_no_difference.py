"""What means the same is no difference: a notebook that was run, YAML that was tidied."""

from __future__ import annotations

import json
from pathlib import Path

from toy_project import mvops

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


def test_p6_yaml_in_another_order_with_defaults_written_out_is_the_same(project: Path) -> None:
    path = project / YAML
    first, *rest = path.read_text().strip().split("\nevaluate:")
    parts = ("evaluate:" + "evaluate:".join(rest)).splitlines()
    tidied = [*reversed(parts), 'description: ""', "owner: ''", "prevent_destroy: false", first.strip()]
    path.write_bytes("\r\n".join("\n".join(tidied).splitlines()).encode() + b"\r\n")
    mvops(project, "plan", "--detailed-exitcode").ok(0)
