"""Loading as a whole: the cache, where values come from, Hydra left as it was."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra

from mvops.errors import SpecError, UsageError
from mvops.loading import cache
from mvops.loading.hydra_defaults import DefaultsError, Option, compose_defaults
from mvops.loading.load import explain, load_project
from mvops.loading.problems import show_path

PROBE = """
import json, sys, time
from pathlib import Path
from mvops.loading.load import load_project
from mvops.loading.problems import show_path
before = time.process_time()
project = load_project(Path(sys.argv[1]))
print(json.dumps({
    "seconds": time.process_time() - before,
    "imported": [name for name in ("hydra", "omegaconf", "yaml") if name in sys.modules],
    "project": project.model_dump(mode="json"),
}))
"""


def probe(root: Path) -> dict[str, Any]:
    done = subprocess.run([sys.executable, "-c", PROBE, str(root)], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return json.loads(done.stdout)


def test_the_second_load_needs_no_hydra(build: Any) -> None:
    root = build()
    first, second = probe(root), probe(root)
    assert first["imported"] == ["hydra", "omegaconf", "yaml"]
    assert second["imported"] == []
    assert second["project"] == first["project"]
    assert second["seconds"] < first["seconds"] / 2


def entries(root: Path) -> set[str]:
    return {path.name for path in cache.folder(root).glob("*.json")}


@pytest.mark.parametrize(
    "change",
    [
        {"configs/models/flight_delay.yaml": None},
        {"configs/models/another.yaml": "pipeline: {notebook: b.ipynb, outputs: {model: m, features: X, target: y}}\n"
                                        "evaluate: {task: regression, metrics: [rmse]}\nendpoint: {port: 8001}\n"},
        {"configs/servers/fastapi.yaml": "max_rows: 3\n"},
    ],
    ids=["model changed", "model added", "option added"],
)  # fmt: skip
def test_any_change_of_yaml_is_seen(build: Any, change: dict[str, str | None]) -> None:
    root = build()
    load_project(root)
    before = entries(root)
    build({name: text or build.model + "owner: me\n" for name, text in change.items()} | {"configs/project.yaml": None})
    load_project(root)
    assert len(before) == 1
    assert len(entries(root)) == 2


def test_a_change_that_is_undone_is_known_again(build: Any) -> None:
    root = build()
    assert load_project(root).models["flight_delay"].owner == ""
    build({"configs/models/flight_delay.yaml": build.model + "owner: me\n"})
    assert load_project(root).models["flight_delay"].owner == "me"
    build()
    assert load_project(root).models["flight_delay"].owner == ""
    assert len(entries(root)) == 2


def test_overrides_have_entries_of_their_own(build: Any) -> None:
    root = build()
    hourly = ["models.flight_delay.monitor.every=1h"]
    for _ in range(2):
        assert load_project(root).models["flight_delay"].monitor.every == timedelta(days=1)
        assert load_project(root, hourly).models["flight_delay"].monitor.every == timedelta(hours=1)
    assert len(entries(root)) == 2


@pytest.mark.parametrize(
    "damage",
    [b"", b"{", b"[]", b"\xff", b'{"format_version": 2, "values": {}}', b'{"format_version": 1}', b"[" * 100_000,
     b'{"format_version": 1, "values": {"project": "flights", "preset": "x", "nonsense": 1}}'],
)  # fmt: skip
def test_a_damaged_entry_is_as_good_as_none(build: Any, damage: bytes) -> None:
    root = build()
    project = load_project(root)
    (entry,) = cache.folder(root).glob("*.json")
    whole = entry.read_bytes()
    entry.write_bytes(damage)
    assert load_project(root) == project
    assert entry.read_bytes() == whole


def test_a_project_that_cannot_be_written_is_still_loaded(build: Any) -> None:
    root = build()
    (root / ".mvops").write_text("in the way")
    assert load_project(root).project == "flights"


def test_old_entries_go(build: Any) -> None:
    root = build()
    for number in range(40):
        cache.store(root, f"{number:064d}", {}, [])
        os.utime(cache.folder(root) / f"{number:064d}.json", (number, number))
    load_project(root)
    assert len(entries(root)) == 32
    assert f"{0:064d}.json" not in entries(root)
    assert not list(cache.folder(root).glob(".new*"))


def test_a_wrong_spec_leaves_nothing_behind(build: Any) -> None:
    root = build({"configs/models/flight_delay.yaml": "a: 1"})
    for _ in range(2):
        with pytest.raises(SpecError):
            load_project(root)
    assert not (root / ".mvops").exists()


def test_every_value_knows_where_it_came_from(build: Any) -> None:
    root = build({"configs/models/flight_delay.yaml": build.model + "monitor: {every: 90m}\nrollout: {steps: [100]}\n"})
    found = {
        show_path(e.path): (e.value, e.source, e.line)
        for e in explain(root, ["models.flight_delay.endpoint.port=9000"])
    }
    preset = "mvops/configs/preset/small/day_30.yaml"
    lines = (Path(__file__).parents[2] / "configs/preset/small/day_30.yaml").read_text().splitlines()
    model = "configs/models/flight_delay.yaml"
    assert found["project"] == ("flights", "configs/project.yaml", 4)
    assert found["preset"] == ("small/day_30", preset, lines.index("preset: small/day_30") + 1)
    assert found["registry"] == ("sqlite:///.mvops/registry.db", "default of mvops", None)
    assert found["models.flight_delay.pipeline.parameters.n_estimators"] == (200, model, 4)
    assert found["models.flight_delay.evaluate.metrics"] == (["roc_auc", "log_loss"], model, 6)
    assert found["models.flight_delay.monitor.every"] == ("90m", model, 7)
    assert found["models.flight_delay.rollout.steps"] == ([100], model, 8)
    backend = lines.index("  endpoint: {backend: fastapi}") + 1
    assert found["models.flight_delay.endpoint.backend"] == ("fastapi", preset, backend)
    override = "override 'models.flight_delay.endpoint.port=9000'"
    assert found["models.flight_delay.endpoint.port"] == (9000, override, None)


def test_a_schedule_that_gave_way_to_after_says_so(build: Any) -> None:
    project = build.project.replace("day_30", "day_90")
    waiting = build.model + "endpoint: {port: 8001}\nretrain: {after: [flight_delay]}\n"
    root = build({"configs/project.yaml": project, "configs/models/late.yaml": waiting})
    found = {show_path(e.path): (e.value, e.note) for e in explain(root)}
    assert found["models.flight_delay.retrain.schedule"] == ("0 3 * * 1", "")
    assert found["models.late.retrain.schedule"] == (None, "left to the models in its after")


def test_lists_of_sections_are_taken_apart(build: Any) -> None:
    root = build({"configs/models/flight_delay.yaml": build.model.replace("{n_estimators: 200}", "{a: [{b: 1}, 2]}")})
    found = {show_path(e.path): e.value for e in explain(root)}
    assert found["models.flight_delay.pipeline.parameters.a[0].b"] == 1
    assert found["models.flight_delay.pipeline.parameters.a[1]"] == 2


def test_hydra_is_left_as_it_was(build: Any, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "config.yaml").write_text("a: 1\n")
    store = dict(ConfigStore.instance().repo)
    with initialize_config_dir(config_dir=str(mine), version_base="1.2"):
        before = GlobalHydra.instance().hydra
        load_project(build())
        assert GlobalHydra.instance().hydra is before
        assert compose("config").a == 1
    assert ConfigStore.instance().repo == store


def test_what_is_not_chosen_costs_nothing() -> None:
    options = {
        "project": Option({"defaults": [{"preset": "small"}]}, None),
        "preset/small": Option({"a": 1}, None),
        "preset/large": Option({"a": object()}, None),  # nothing that Hydra could make a value of
    }
    assert compose_defaults(options, ()) == {"preset": {"a": 1}}
    with pytest.raises(DefaultsError):
        compose_defaults(options, ("preset=large",))


def test_threads_do_not_disturb_each_other(build: Any) -> None:
    root = build()
    found: dict[int, Any] = {}

    def load(number: int) -> None:
        found[number] = load_project(root, [f"models.flight_delay.endpoint.port={number}"])

    threads = [threading.Thread(target=load, args=(9000 + n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {n: project.models["flight_delay"].endpoint.port for n, project in found.items()} == {
        9000 + n: 9000 + n for n in range(4)
    }


def test_no_project_no_load(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="mvops init"):
        load_project(tmp_path)
