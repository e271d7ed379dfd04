"""Features in a feature store, from the YAML to the pipeline, as a user types it; Feast is the real one."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import toy_features
import toy_project as toy
from toy_project import mvops

from mvops.features.catalog import catalog_of
from mvops.loading.load import load_project
from mvops.registry.database import open_registry
from mvops.registry.lock import hold_lock

pytestmark = [pytest.mark.real("feature_stores", "feast", "Parquet files and SQLite, through Feast's own interface")]
VIEW = Path("configs/features/regions.yaml")
MODEL = Path("configs/models/toy.yaml")


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project before its first apply. Only to be copied."""
    return toy_features.make(tmp_path_factory.mktemp("built") / "toy")


@pytest.fixture(scope="session")
def applied(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same after it. Only to be copied."""
    root = toy.copy(built, tmp_path_factory.mktemp("applied") / "toy")
    mvops(root, "apply", "--yes").ok()
    return root


def verbs(root: Path, *part: str) -> dict[str, str]:
    """Address -> verb, of what a plan would do."""
    actions = mvops(root, "plan", "--json", *part).ok().json()["actions"]
    return {action["address"]: action["verb"] for action in actions if action["verb"] != "keep"}


def test_apply_leaves_nothing_to_do(project: Path) -> None:
    assert verbs(project) == {}
    assert {path.name for path in (project / "deploy" / "features").rglob("*.*")} == {
        "feature_store.yaml",
        "entities.py",
        "regions.py",
        "toy.py",
    }


def test_each_row_gets_what_was_known_at_its_time(project: Path) -> None:
    joined = pd.read_parquet(project / ".mvops" / "cache" / "features" / "toy.parquet")
    rows = pd.read_parquet(project / "data" / "rows.parquet")
    values = pd.read_parquet(project / "data" / "regions")
    pd.testing.assert_frame_equal(joined[rows.columns], rows)
    assert rows.duplicated(["region", "time"]).any(), "a feature store would drop these"
    expected = pd.merge_asof(
        rows.assign(row=range(len(rows))).sort_values("time"),
        values.sort_values("day_end").rename(columns={"day_end": "time"}),
        on="time",
        by="region",
        tolerance=pd.Timedelta("3d"),
    ).sort_values("row")
    for field in ("mean_income", "customers"):
        pd.testing.assert_series_equal(
            joined[field].astype(float), expected[field].astype(float), check_index=False, check_exact=True
        )
    assert joined.loc[joined.day == 0, "mean_income"].isna().all(), "nothing is known on the first day"


def test_changed_values_are_seen_and_the_model_is_trained_again(project: Path) -> None:
    path = project / "data" / "regions" / "2024-01.parquet"
    values = pd.read_parquet(path)
    values.assign(mean_income=values.mean_income + 1).to_parquet(path, index=False)
    assert verbs(project) == {"pipeline.toy": "update", "model.toy": "update"}


def test_a_view_that_was_deleted_by_hand_is_made_again(project: Path) -> None:
    toy_features.library().remove_view(project, catalog_of(load_project(project)), "regions")
    assert verbs(project) == {"feature_view.regions": "create"}
    mvops(project, "apply", "--yes").ok()
    assert verbs(project) == {}


def test_p34_a_view_that_was_changed_in_the_store_is_accepted_into_its_yaml(project: Path) -> None:
    toy.edit(project / VIEW, "ttl: 3d", "ttl: 3d   # a long weekend")
    changed = load_project(project, ["features.regions.ttl=7d", "features.regions.owner=null team"])
    toy_features.library().put_view(project, catalog_of(changed), "regions")
    shown = mvops(project, "refresh").ok().out
    assert "! feature_view.regions  ttl is 7d, should be 3d" in shown or "ttl is 1w, should be 3d" in shown
    assert "owner is null team, should be data team" in shown
    was = (project / VIEW).read_text()
    mvops(project, "refresh", "--accept", "--yes", "feature_view.regions").ok()
    expected = was.replace("owner: data team", "owner: null team").replace("ttl: 3d", "ttl: 1w")
    assert (project / VIEW).read_text() == expected
    assert verbs(project)["feature_view.regions"] in {"adopt", "update"}
    assert "feature_view" not in mvops(project, "refresh").ok().out


def test_a_changed_view_is_changed_in_the_store(project: Path) -> None:
    toy.edit(project / VIEW, "owner: data team", "owner: growth team")
    assert verbs(project) == {"feature_view.regions": "update"}
    mvops(project, "apply", "--yes").ok()
    assert verbs(project) == {}
    assert "'growth team'" in (project / "deploy/features/views/regions.py").read_text()


def test_destroy_takes_ours_and_leaves_theirs(project: Path) -> None:
    before = {path.name for path in (project / "data").rglob("*.parquet")}
    mvops(project, "destroy", "--yes").ok()
    assert not (project / "deploy").exists()
    assert not (project / ".mvops" / "features").exists()
    assert {path.name for path in (project / "data").rglob("*.parquet")} == before


def test_a_source_without_its_event_time_is_told_by_plan_with_file_and_line(fresh: Path) -> None:
    toy.edit(fresh / VIEW, "timestamp: day_end", "timestamp: day_ends")
    told = mvops(fresh, "plan").refused("configs/features/regions.yaml:4: ", "no event-time column 'day_ends'")
    assert "did you mean 'day_end'?" in told.err
    mvops(fresh, "apply", "--yes").refused("no event-time column")
    assert not (fresh / "deploy").exists()


def test_a_column_of_another_type_is_told(fresh: Path) -> None:
    toy.edit(fresh / VIEW, "customers: int64", "customers: string")
    mvops(fresh, "plan").refused("configs/features/regions.yaml:5: ", "'customers'", "is int64, not string")


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        (MODEL, "{regions: [mean", "{region: [mean", "there is no feature view 'region'; did you mean 'regions'?"),
        (MODEL, "[mean_income,", "[mean_incomes,", "no field 'mean_incomes'; did you mean 'mean_income'?"),
        (VIEW, "mean_income: float64", "mean_income: float", "cannot be 'float'; did you mean 'float64'?"),
        (VIEW, "path: data", "table: data", "source.table: 'data/regions/*.parquet' is not the name of a table"),
        (VIEW, "owner:", "owners:", "unknown key 'owners' in features.regions; did you mean 'owner'?"),
        (VIEW, "ttl: 3d", "ttl: 3 days", "'3 days' is not a duration"),
    ],
)
def test_mistakes_in_the_yaml_are_told_with_file_and_line(
    fresh: Path, file: Path, old: str, new: str, said: str
) -> None:
    toy.edit(fresh / file, old, new)
    mvops(fresh, "plan").refused(f"{file}:", said)


def test_a_missing_extra_is_named(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "feast", None)
    monkeypatch.delitem(sys.modules, "mvops.backends.feature_stores.feast", raising=False)
    mvops(fresh, "plan").refused("The feature store 'feast'", "pip install 'mvops[feast]'")
    mvops(fresh, "apply", "--yes").refused("pip install 'mvops[feast]'")
    assert not (fresh / "deploy").exists()


def test_rows_without_an_entity_are_told(fresh: Path) -> None:
    rows = pd.read_parquet(fresh / "data" / "rows.parquet")
    rows.rename(columns={"region": "area"}).to_parquet(fresh / "data" / "rows.parquet")
    mvops(fresh, "apply", "--yes").refused("data/rows.parquet has no column 'region'")


def test_new_values_are_brought_in_by_the_clock(project: Path) -> None:
    jobs = mvops(project, "schedule", "list", "--json").ok().out
    assert '"features_toy"' in jobs
    assert '"materialize"' in jobs
    before = mvops(project, "features", "list", "--json").ok().json()["views"]
    assert before[0] | {"until": None} == {
        "name": "regions",
        "entities": ["region"],
        "fields": ["customers", "mean_income"],
        "online": True,
        "applied": True,
        "until": None,
        "used_by": ["toy version 1"],
    }
    with open_registry("sqlite:///.mvops/registry.db", project) as registry, hold_lock(registry, "retrain toy"):
        after = mvops(project, "features", "materialize", "regions", "--json").ok().json()["views"]
    assert after[0]["until"] > before[0]["until"]
    assert "looked up by toy version 1" in mvops(project, "features", "list").ok().out
    mvops(project, "features", "materialize", "region").refused("no feature view 'region'; did you mean 'regions'?")


def test_what_is_not_applied_cannot_be_brought_in(fresh: Path) -> None:
    mvops(fresh, "features", "materialize").refused("regions is not in the feature store yet", "mvops apply")
    assert "not applied yet" in mvops(fresh, "features", "list").ok().out


def test_maturity_asks_for_what_is_missing_and_not_for_what_is_there(fresh: Path) -> None:
    def said(what: str) -> str:
        (line,) = (line for line in mvops(fresh, "maturity").ok().out.splitlines() if what in line)
        return line.partition("To see it")[2].partition(": ")[2]

    with (fresh / "configs/project.yaml").open("a") as file:
        file.write("capabilities: {feature_store: true}\n")
    assert said("a gate decided") == "mvops apply, then mvops retrain toy --force"
    assert "git commit -m 'First version', then" in said("keep the Git commit")
    brought = "mvops apply, then mvops features materialize"
    assert said("brought online") == brought
    toy.edit(fresh / MODEL, toy_features.FEATURES, toy_features.NO_FEATURES)
    with (fresh / VIEW).open("a") as file:
        file.write("online: false\n")
    assert said("brought online") == f"say online: true in configs/features/regions.yaml, then {brought}"
    (fresh / VIEW).unlink()
    toy.edit(fresh / MODEL, "gate: [roc_auc >= 0.6]\n", "")
    assert said("brought online") == f"write a view into configs/features, then {brought}"
    assert said("a gate decided").startswith("write a gate into the model's YAML, then mvops apply, then ")


@pytest.mark.slow
@pytest.mark.system
def test_p33_a_view_stays_whole_for_as_long_as_a_live_version_looks_it_up(project: Path) -> None:
    _reads_towns_instead(project)
    told = mvops(project, "plan").ok().out
    assert "version 1 of toy, which is live, looks it up" in told
    assert "first retrain without it: mvops apply --target model.toy" in told
    mvops(project, "apply", "--yes").refused("mvops apply --target model.toy")
    listed = mvops(project, "features", "list", "--json").ok().json()["views"]
    before = {view["name"]: view["until"] for view in listed}
    mvops(project, "features", "materialize", "region", "regions").refused(
        "no feature view 'region'; did you mean 'regions'?; brought in: regions"
    )
    (after,) = mvops(project, "features", "materialize", "regions", "--json").ok().json()["views"]
    assert after["until"] > before["regions"]
    assert after["used_by"] == ["toy version 1"]

    mvops(project, "apply", "--target", "model.toy", "--yes").ok()
    assert "region_entity" in (project / "deploy/features/entities.py").read_text()
    mvops(project, "versions", "promote", "toy", 2).ok()  # at once, without the end of its canary
    for part in (("--target", "model.toy"), ("--exclude", "feature_view.regions")):  # its file stays for the time being
        assert "feature_store.toy" not in verbs(project, *part)
        mvops(project, "apply", *part, "--yes").ok()
    assert "region_entity" in (project / "deploy/features/entities.py").read_text()
    feast = [str(Path(sys.executable).with_name("feast")), "-c", "deploy/features", "plan"]
    read = subprocess.run(feast, cwd=project, capture_output=True, text=True, check=False)
    assert read.returncode == 0, read.stdout + read.stderr

    told = mvops(project, "plan").ok().out
    assert re.search(r"~ feature_store.toy +update: entities.region changed\n", told)
    assert "no view has the entity region any more" in told
    mvops(project, "apply", "--yes").ok()
    assert verbs(project) == {}
    assert "region_entity" not in (project / "deploy/features/entities.py").read_text()

    state = toy.snapshot(project)
    for command in (("rollback", "toy"), ("rollback", "toy", "--to", 1), ("versions", "promote", "toy", 1)):
        said = "version 1 of toy looks up the view regions, which the feature store no longer has"
        mvops(project, *command).refused(said, "configs/features/regions.yaml", "mvops versions promote toy NUMBER")
    assert toy.snapshot(project) == state
    (project / VIEW).write_text(toy_features.VIEW)
    mvops(project, "apply", "--yes").ok()
    mvops(project, "rollback", "toy").ok()


@pytest.mark.slow
@pytest.mark.system
def test_where_the_champion_reads_a_feature_that_is_dropped_the_ways_past_the_gate_are_named(project: Path) -> None:
    toy.edit(project / MODEL, "[mean_income, customers]", "[mean_income]")
    toy.edit(project / MODEL, "gate: [roc_auc >= 0.6]", "gate: [roc_auc >= champion - 0.05, rows >= 20]")
    toy.edit(project / "pipelines/toy.ipynb", '\\"mean_income\\", \\"customers\\"]', '\\"mean_income\\"]')
    planned = mvops(project, "plan").ok().out
    assert "version 1, the champion, reads customers, which the pipeline takes from the" in planned
    found = re.search(r"First another gate: models.toy.gate: (\[roc_auc >= 0\.\d+, rows >= 20\])\n", planned)
    assert found, planned
    way = f"Another gate (models.toy.gate: {found[1]}): mvops apply, then: mvops retrain toy --force"
    why = "Version 1, the champion, reads customers, which the new one does without: the two cannot be compared."
    refused = mvops(project, "apply", "--yes").ok(4).out
    assert "gate: The champion cannot be scored on these rows: column customers is missing." in refused
    assert f"  {why}\n  {way}\n  Past the gate, on record as such: mvops versions promote toy 2" in refused
    assert "Make a better one" not in refused
    assert f"{why} {way}, or past the gate: mvops versions promote toy 2" in mvops(project, "plan").ok().out
    toy.edit(project / MODEL, "[roc_auc >= champion - 0.05, rows >= 20]", found[1])
    mvops(project, "apply", "--yes").ok()
    assert "version 3 passed the gate" in mvops(project, "retrain", "toy", "--force", "--no-wait").ok().out


def _reads_towns_instead(project: Path) -> None:
    """The same values by an entity of another name, in a view of its own; the one before is gone from the YAML."""
    rows = project / "data" / "rows.parquet"
    frame = pd.read_parquet(rows)
    frame.assign(town=frame.region).to_parquet(rows, index=False)
    (project / "data" / "towns").mkdir()
    for path in (project / "data" / "regions").iterdir():
        values = pd.read_parquet(path).rename(columns={"region": "town"})
        values.to_parquet(project / "data" / "towns" / path.name, index=False)
    (project / VIEW).unlink()
    written = toy_features.VIEW.replace("region: string", "town: string").replace("data/regions", "data/towns")
    (project / VIEW).with_name("towns.yaml").write_text(written)
    toy.edit(project / MODEL, "fields: {regions:", "fields: {towns:")
