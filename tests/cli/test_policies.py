"""P38: rules of the team's own refuse a plan, or warn of it."""

from __future__ import annotations

from pathlib import Path

from toy_project import edit, mvops, snapshot

POLICIES = """
policies:
  owned: {require: ["models.*.owner != ''"], because: somebody must be asked}
  careful: {require: ["models.*.rollout.hold >= 10m"], level: warn}
  stay: {forbid: ["delete endpoint.*"]}
"""


def test_p38_a_policy_refuses_and_another_warns(project: Path) -> None:
    yaml = project / "configs/project.yaml"
    yaml.write_text(yaml.read_text() + POLICIES)
    before = snapshot(project)
    said = mvops(project, "plan", "--out", "p.json", "models.toy.endpoint.max_rows=50").refused(
        "owned: models.toy.owner is ''", "policies"
    )
    assert "refused by policy owned: models.toy.owner is ''" in said.out
    assert "(somebody must be asked)" in said.out
    assert "warning by policy careful: models.toy.rollout.hold is '1s'" in said.out
    mvops(project, "apply", "--yes").refused("owned")
    assert snapshot(project) == before, "a refused plan is neither saved nor applied"

    edit(project / "configs/models/toy.yaml", "evaluate:", "owner: the team\nevaluate:")
    made = mvops(project, "plan", "--json").ok().json()
    assert [(said["policy"], said["level"], said["subject"]) for said in made["objections"]] == [
        ("careful", "warn", "models.toy.rollout.hold")
    ]
    assert "> warning by policy careful" in mvops(project, "plan", "--markdown").ok().out
    mvops(project, "apply", "--yes").ok()
    mvops(project, "destroy", "--yes").refused("stay: endpoint.toy: delete")
    assert (project / "deploy/serving/toy/app.py").exists()
    mvops(project, "plan", "--detailed-exitcode").ok(0)


def test_p38_what_is_no_policy_is_told_with_its_line(fresh: Path) -> None:
    yaml = fresh / "configs/project.yaml"
    yaml.write_text(yaml.read_text() + "policies:\n  owned:\n    require: [an owner]\n")
    line = len(yaml.read_text().splitlines())
    mvops(fresh, "plan").refused(f"project.yaml:{line}", "is not a requirement", "models.*.owner != ''")
    for ban, said in (
        ("delete endpont.*", "there is no kind of resource 'endpont'; did you mean 'endpoint'?"),
        ("delte endpoint.*", "did you mean 'delete'?"),
        ("delete toy", "there is no kind of resource 'toy'"),
    ):
        edit(yaml, yaml.read_text().splitlines()[-1], f"    forbid: [change *.toy, {ban}]")
        mvops(fresh, "plan").refused(f"project.yaml:{line}", ban, said)
