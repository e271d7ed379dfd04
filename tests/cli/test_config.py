"""`mvops config show`: the spec as mvops reads it, and where each value came from."""

from __future__ import annotations

from pathlib import Path

import pytest
from toy_project import YAML, edit, mvops

from mvops.loading.strict_yaml import parse

MODEL = "configs/models/toy.yaml"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project that was never applied: no registry, no notebook, no data."""
    mvops(tmp_path, "init", "flights", "--team", "small", "--phase", "day_90").ok()
    (tmp_path / "flights" / MODEL).write_text(YAML.replace("{C: 1.0}", "{C: 1.0, grid: [{'a.b': 1}, [1, 2], {}]}"))
    return tmp_path / "flights"


def lines_with(said: str, *keys: str) -> list[str]:
    return [line.strip() for line in said.splitlines() if line.strip().split(":")[0] in keys]


def test_the_whole_spec_is_shown_and_can_be_read_again(project: Path) -> None:
    shown = mvops(project, "config", "show").ok()
    assert not (project / ".mvops" / "registry.db").exists()
    read = parse(shown.out.encode(), Path("shown")).values
    assert read == mvops(project, "config", "show", "--json").ok().json()["config"]
    assert read["models"]["toy"]["monitor"]["every"] == "1d"
    assert read["models"]["toy"]["pipeline"]["parameters"]["grid"] == [{"a.b": 1}, [1, 2], {}]
    explained = mvops(project, "config", "show", "--explain").ok()
    assert parse(explained.out.encode(), Path("explained")).values == read


def test_each_value_says_where_it_came_from(project: Path) -> None:
    key = "models.toy.monitor"
    shown = mvops(project, "config", "show", key, "models.toy.monitor.every=3h", "--explain").ok()
    every, effect, tolerance = lines_with(shown.out, "every", "effect", "tolerance")
    assert every.split("  # ")[1] == "override 'models.toy.monitor.every=3h'"
    assert effect.split("  # ")[1] == "default of mvops"
    assert tolerance.split("  # ")[1].startswith("mvops/configs/preset/small/day_60.yaml:")
    found = {
        each["path"]: each for each in mvops(project, "config", "show", key, "--explain", "--json").json()["origins"]
    }
    assert (found[f"{key}.every"]["source"], found[f"{key}.every"]["line"]) == (MODEL, 10)
    assert found[f"{key}.tolerance"]["source"] == "mvops/configs/preset/small/day_60.yaml"
    assert (found[f"{key}.min_rows"]["source"], found[f"{key}.min_rows"]["line"]) == ("default of mvops", None)
    assert found[f"{key}.tolerance"]["value"] == float(tolerance.split()[1])


def test_one_key(project: Path) -> None:
    assert mvops(project, "config", "show", "models.toy.monitor.every").ok().out == "1d\n"
    assert mvops(project, "config", "show", "models.toy.pipeline.parameters.grid[1]").ok().out == "[1, 2]\n"
    mvops(project, "config", "show", "models.tyo.monitor").refused(
        "the spec has no key 'models.tyo.monitor'; did you mean 'models.toy.monitor'?", "Keys in models: toy"
    )
    mvops(project, "config", "show", "registr").refused("did you mean 'registry'?", "Keys: ", "predictions")
    mvops(project, "config", "show", "models", "registry").refused("one key at a time")


def test_a_password_in_a_url_is_not_shown(project: Path) -> None:
    url = "http://ml:canary-91@tracker.example.org/"
    shown = mvops(project, "config", "show", "--explain", f"+tracker.options.uri='{url}'").ok()
    assert "uri: http://ml:***@tracker.example.org/" in shown.out
    assert "canary-91" not in shown.out


def test_rules_of_a_canary_are_switched_off_by_false_as_by_null(fresh: Path) -> None:
    model = fresh / "configs/models/toy.yaml"
    edit(model, "latency_p99: 100x, error_rate: 0.2", "latency_p99: false, error_rate: false, drift: false")
    shown = mvops(fresh, "config", "show").ok().out
    assert all(f"{rule}: null" in shown for rule in ("latency_p99", "error_rate", "drift"))
    edit(model, "drift: false", "drift: off")
    refused = mvops(fresh, "plan").refused("configs/models/toy.yaml:", "abort.drift: off is no value of this rule")
    assert "to switch it off, write null or false" in refused.err
    edit(model, "drift: off", "drift: null")
    edit(model, "error_rate: false", "error_rate: true")
    mvops(fresh, "plan").refused("abort.error_rate: true is no value of this rule")


def test_a_tracker_that_is_named_over_the_preset_s_has_none_of_its_options(project: Path) -> None:
    edit(project / "configs/project.yaml", "small/day_90", "medium/day_90")
    named, options = "tracker.backend=wandb", "tracker.options.project=team"

    def tracker(*said: str) -> dict[str, object]:
        found: dict[str, object] = mvops(project, *said, "config", "show", "--json").ok().json()["config"]["tracker"]
        return found

    assert mvops(project, "config", "show", "tracker", named, options).ok().out.splitlines()[0] == "backend: wandb"
    (project / "configs/env").mkdir()
    (project / "configs/env/staging.yaml").write_text("tracker: {backend: wandb}\n")
    assert tracker("--env", "staging") == {"backend": "wandb", "options": {}}
    edit(project / "configs/project.yaml", "  - _self_", "  - trackers: wandb\n  - _self_")
    assert tracker() == {"backend": "wandb", "options": {"directory": ".mvops/wandb"}}
