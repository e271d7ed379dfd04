"""P22: plans that somebody signs, with OpenSSH as it is."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from ssh_keys import may_sign, ssh_key
from toy_project import edit, mvops, rows, snapshot

from mvops.core.plan import Plan

pytestmark = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="there is no ssh-keygen")
HOURLY = "models.toy.monitor.every=1h"


@pytest.fixture
def guarded(project: Path) -> Path:
    """Only what ana signs is applied; her key and eve's are beside the project."""
    for name in ("ana", "eve"):
        ssh_key(project.parent, name)
    (project / "configs/signers").write_text(may_sign("ana@example.com", project.parent / "ana"))
    with (project / "configs/project.yaml").open("a") as file:
        file.write("plan: {signers: configs/signers}\n")
    return project


def test_p22_a_signed_plan_is_applied_and_who_signed_is_on_record(guarded: Path) -> None:
    saved = mvops(guarded, "plan", HOURLY, "--out", "p.json", "--sign", "../ana").ok()
    assert "Saved to p.json and signed by ana@example.com (ED25519 key SHA256:" in saved.out
    assert (guarded / "p.json.sig").read_text().startswith("-----BEGIN SSH SIGNATURE-----")
    mvops(guarded, "apply", "p.json").ok()
    event = mvops(guarded, "history", "--json").ok().json()["events"][-1]["details"]
    assert event["approval"].startswith("saved plan, made by ")
    assert event["signed_by"].startswith("ana@example.com (ED25519 key SHA256:")
    assert f"signed by {event['signed_by']})" in mvops(guarded, "history").ok().out.splitlines()[-1]
    shown = mvops(guarded, "state", "show", "monitor.toy").ok().out
    assert f"{event['approval']}, signed by {event['signed_by']})" in shown
    assert mvops(guarded, "state", "show", "monitor.toy", "--json").json()["applied"]["signed_by"] == event["signed_by"]
    assert "signed by" not in mvops(guarded, "state", "show", "model.toy").ok().out  # that was before

    unsigned = mvops(guarded, "plan", "--out", "p.json").ok()
    assert not (guarded / "p.json.sig").exists(), "that one was of the former plan"
    assert "sign it (ssh-keygen -Y sign -f KEY -n mvops-plan p.json), then `mvops apply p.json`" in unsigned.out
    by_hand = ["ssh-keygen", "-Y", "sign", "-f", "../ana", "-n", "mvops-plan", "p.json"]
    subprocess.run(by_hand, cwd=guarded, check=True, capture_output=True, timeout=30)
    mvops(guarded, "apply", "p.json").ok()
    looked = {check["name"]: check for check in mvops(guarded, "doctor", "--json").json()["checks"]}
    assert looked["signed plans"]["found"].endswith("ssh-keygen, against configs/signers")


def test_p22_what_nobody_signed_who_may_is_refused_and_nothing_is_done(guarded: Path) -> None:
    mvops(guarded, "plan", HOURLY, "--out", "p.json", "--sign", "../ana").ok()
    good = {name: (guarded / name).read_bytes() for name in ("p.json", "p.json.sig")}
    eve = mvops(guarded, "plan", HOURLY, "--out", "eve.json", "--sign", "../eve").ok()
    assert "note: eve.json is signed, and will be refused" in eve.err
    mvops(guarded, "plan", HOURLY, "--out", "unsigned.json").ok()
    before = snapshot(guarded)

    mvops(guarded, "apply", "unsigned.json").refused("is not signed", "ssh-keygen -Y sign -f KEY -n mvops-plan")
    mvops(guarded, "apply", "eve.json").refused("eve.json.sig is of nobody who may sign", "No principal matched")
    for command in (
        ("apply", "--yes", HOURLY),
        ("apply", "--yes", HOURLY, "plan.signers=null"),
        ("destroy", "--yes"),
        ("refresh", "--revert", "--yes"),
    ):
        mvops(guarded, *command).refused("only signed plans are applied here", "--sign KEY")

    plan = Plan.model_validate_json(good["p.json"])
    for changed in ({"overrides": ()}, {"overrides": (HOURLY, "plan.signers=null")}, {"actions": plan.actions[:1]}):
        resealed = plan.model_copy(update=changed).sealed()
        (guarded / "p.json").write_text(resealed.model_dump_json(indent=2))
        mvops(guarded, "apply", "p.json").refused(
            "p.json.sig is no signature of ana@example.com for this plan as it is"
        )
    (guarded / "p.json").write_text(json.dumps(json.loads(good["p.json"])))  # the same plan, other bytes
    mvops(guarded, "apply", "p.json").refused("no signature of ana@example.com")
    (guarded / "p.json").write_bytes(good["p.json"])
    (guarded / "p.json.sig").write_text("junk")
    mvops(guarded, "apply", "p.json").refused("Couldn't parse signature")
    other = ["ssh-keygen", "-Y", "sign", "-f", "../ana", "-n", "git", "p.json"]
    (guarded / "p.json.sig").unlink()
    subprocess.run(other, cwd=guarded, check=True, capture_output=True, timeout=30)
    mvops(guarded, "apply", "p.json").refused("namespace does not match")

    edit(guarded / "configs/models/toy.yaml", "monitor: {", "owner: ana\nmonitor: {")
    both = mvops(guarded, "apply", "unsigned.json").refused(
        "unsigned.json is refused for two reasons",
        "stale: models.toy.owner of the YAML changed",
        "is not signed",
        "Plan again, and sign it: mvops plan --out unsigned.json --sign KEY",
    )
    assert both.out == ""
    edit(guarded / "configs/models/toy.yaml", "owner: ana\n", "")

    (guarded / "p.json.sig").write_bytes(good["p.json.sig"])
    after = snapshot(guarded)
    assert {k: v for k, v in after.items() if "mvops_" in k} == {k: v for k, v in before.items() if "mvops_" in k}
    assert after["deploy/schedules/toy/crontab"] == before["deploy/schedules/toy/crontab"]
    mvops(guarded, "apply", "p.json").ok()


def test_p22_a_retraining_brings_new_data_and_nothing_else(guarded: Path) -> None:
    edit(guarded / "configs/models/toy.yaml", "roc_auc >= 0.6", "roc_auc >= 0.1")
    rows(range(61)).to_csv(guarded / "data/d.csv", index=False)
    before = snapshot(guarded)
    mvops(guarded, "retrain", "toy").refused("model.toy: gate, training changed", "only signed plans are applied here")
    assert snapshot(guarded) == before
    edit(guarded / "configs/models/toy.yaml", "roc_auc >= 0.1", "roc_auc >= 0.6")
    assert "version 2" in mvops(guarded, "retrain", "toy", "--no-wait").ok().out


def test_p22_where_only_signed_plans_are_applied_people_are_told_to_sign(guarded: Path) -> None:
    name = guarded.name
    signed = "mvops plan --out plan.json --sign KEY && mvops apply plan.json"
    there = f"mvops -C {name} plan --out plan.json --sign KEY && mvops -C {name} apply plan.json"
    edit(guarded / "configs/models/toy.yaml", "roc_auc >= 0.6", "roc_auc >= 0.999")
    mvops(guarded, "plan", "--out", "p.json", "--sign", "../ana").ok()
    mvops(guarded, "apply", "p.json")
    refused = mvops(guarded, "retrain", "toy", "--force").ok(4)
    assert f"Another gate (models.toy.gate): {signed}, then: mvops retrain toy --force" in refused.out
    assert (
        f"Make a better one, then: {there}" in mvops(guarded.parent, "-C", name, "retrain", "toy", "--force").ok(4).out
    )
    for _ in range(2):  # the second time it is remembered
        assert "then: mvops apply" not in mvops(guarded, "plan").ok().out
    edit(guarded / "configs/project.yaml", "plan: {signers: configs/signers}\n", "")
    assert "then: mvops apply" in mvops(guarded, "plan").ok().out


def test_p22_taking_away_is_planned_and_signed_too(guarded: Path) -> None:
    planned = mvops(guarded, "plan", "--destroy", "--target", "monitor.toy", "--out", "p.json", "--sign", "../ana").ok()
    assert "- monitor.toy" in planned.out
    assert "ok      delete monitor.toy" in mvops(guarded, "apply", "p.json").ok().out
    mvops(guarded, "plan", "--destroy", "--drift-only").refused("--destroy takes away")


def test_p22_what_is_missing_is_said(guarded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mvops(guarded, "plan", "--sign", "../ana").refused("--sign is about a saved plan", "--out FILE")
    mvops(guarded, "plan", "--out", "p.json", "--sign", "../nokey").refused("there is no key ../nokey")
    mvops(guarded, "plan", "--out", "p.json", "--sign", "data/d.csv").refused("data/d.csv signed nothing")
    assert not (guarded / "p.json").exists()
    (guarded / "configs/signers").unlink()
    mvops(guarded, "apply").refused("configs/project.yaml:", "there is no file configs/signers")
    monkeypatch.setenv("PATH", str(guarded))
    mvops(guarded, "plan", "--out", "p.json", "--sign", "../ana").refused("apt-get install openssh-client")
    edit(guarded / "configs/project.yaml", "configs/signers", "../signers")
    mvops(guarded, "plan").refused("plan.signers", "a file of the project")
    edit(guarded / "configs/project.yaml", "plan: {signers: ../signers}\n", "")
    monkeypatch.undo()
    saved = mvops(guarded, "plan", HOURLY, "--out", "p.json", "--sign", "../ana").ok()
    assert "note: nobody looks at signatures here" in saved.err
    mvops(guarded, "apply", "p.json").ok()
