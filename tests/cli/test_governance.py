"""With governance on, nothing serves that did not pass a gate."""

from __future__ import annotations

from pathlib import Path

import pytest
from toy_project import edit, mvops

pytestmark = pytest.mark.xdist_group("cli-journey")
ON = "capabilities.governance=true"


def switch_on(root: Path) -> None:
    with (root / "configs/project.yaml").open("a") as file:
        file.write("capabilities: {governance: true}\n")


def test_a_model_without_a_gate_is_refused_with_its_file(fresh: Path) -> None:
    switch_on(fresh)
    edit(fresh / "configs/models/toy.yaml", "gate: [roc_auc >= 0.6, roc_auc >= champion - 0.05]\n", "")
    said = mvops(fresh, "plan").refused("models.toy has no gate, and governance asks for one", "toy.yaml")
    assert "gate: [roc_auc >= champion - 0.005]" in said.err


def test_no_version_becomes_champion_past_the_gate(project: Path) -> None:
    edit(project / "configs/models/toy.yaml", "roc_auc >= 0.6", "roc_auc >= 0.99")
    refused = mvops(project, "retrain", "toy", "--force", "--reason", "try").ok(4)
    assert "the gate refused version 2" in refused.out + refused.err
    never = "version 2 never was champion"
    mvops(project, "rollback", "toy", "--to", "2").refused(never, "past the gate: mvops versions promote toy 2")
    switch_on(project)
    advised = mvops(project, "rollback", "toy", "--to", "2").refused(never, "governance allows no way past it").err
    assert "promote" not in advised
    assert "mvops versions show toy 2 says why" in advised
    mvops(project, "rollback", "toy").refused("To put one that passed its gate in charge")
    said = mvops(project, "versions", "promote", "toy", "2").refused("version 2 did not pass its gate", code=4)
    assert "mvops versions show toy 2" in said.err
    assert mvops(project, "status", "--json").ok().json()["models"][0]["champion"] == 1
    mvops(project, "versions", "promote", "toy", "1").ok()  # this one did
