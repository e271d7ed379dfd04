"""What a plan says of the endpoint when the version that will serve is yet to be trained."""

from __future__ import annotations

import contextlib
import json
import urllib.request
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from toy_project import edit, finish, mvops, port_of, rows, spawn, until

from mvops.serving.client import EndpointClient

MODEL = Path("configs/models/toy.yaml")
PINNED = Path("deploy/serving/toy/requirements.txt")
FIRST = "    all of the traffic at once, and not as a canary: the model was taken from it"


@pytest.fixture
def at_once(project: Path) -> Path:
    """A new version replaces the one that serves."""
    edit(project / MODEL, "rollout: {", "rollout: {strategy: replace, ")
    mvops(project, "apply", "--yes").ok()
    return project


@contextlib.contextmanager
def served(root: Path) -> Iterator[str]:
    process = spawn(root, "serve", "toy")
    ready = f"http://127.0.0.1:{port_of(root)}/health/ready"
    try:
        until(lambda: process.poll() is not None or _answers(ready))
        assert process.poll() is None, finish(process)
        yield ready
    finally:
        process.terminate()
        finish(process)


def _answers(url: str) -> bool:
    with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5) as answer:
        return bool(answer.status == 200)
    return False


def answering(root: Path) -> dict[int, int]:
    """Version -> its share of the traffic."""
    route = json.loads((root / ".mvops/serving/toy/route.json").read_text())
    return {arm["version"]: arm["weight"] for arm in route["arms"]}


def test_p3_the_teams_own_requirements_are_installed_after_one_apply(at_once: Path) -> None:
    (at_once / "pins.txt").write_text("mvops==0.0.1\nscikit-learn==1.6.1\n")
    edit(at_once / MODEL, "  notebook:", "  requirements: pins.txt\n  notebook:")
    planned = mvops(at_once, "plan").ok().out
    assert "~ endpoint.toy" in planned
    assert "+ pins.txt  +2 -0" in planned
    assert "scikit-learn==1.6.1" in mvops(at_once, "plan", "--diff").ok().out
    mvops(at_once, "apply", "--yes").ok()
    assert PINNED.name in planned
    first, *pins = [line for line in (at_once / PINNED).read_text().splitlines() if not line.startswith("#")]
    assert first.startswith("mvops[serve]==")
    assert pins == ["scikit-learn==1.6.1"]
    mvops(at_once, "plan", "--detailed-exitcode").ok(0)

    # scipy as installed here, by another spelling: no difference
    installed = f"{metadata.version('scipy')}.0"
    (at_once / "pins.txt").write_text(f"mvops==0.0.1\nscikit-learn==1.6.0\nscipy=={installed}\nlightgbm==3.3.5\n")
    for shown in (mvops(at_once, "plan").ok().out, mvops(at_once, "plan", "--markdown").ok().out):
        assert shown.index("-scikit-learn==1.6.1\n") < shown.index("+scikit-learn==1.6.0\n")
        assert f"+scipy=={installed}\n" in shown
        here = metadata.version("scikit-learn")
        assert f"pins.txt pins scikit-learn 1.6.0 for the endpoint, and the model is made with {here}" in shown
        assert "pins.txt pins scipy" not in shown
        assert "pins lightgbm" not in shown  # the endpoint's own
    (at_once / "pins.txt").write_text("scikit-learn==1.6.0\nScikit_Learn==1.6.1\n")
    mvops(at_once, "plan").refused("pins.txt:2", "scikit-learn is pinned twice: 1.6.0 before, 1.6.1 here")

    edit(at_once / MODEL, "  requirements: pins.txt\n", "")
    planned = mvops(at_once, "plan").ok().out
    assert "(known after apply)" in planned
    assert "no file pins what an endpoint installs any more" in planned
    mvops(at_once, "apply", "--yes").ok()
    assert "threadpoolctl==" in (at_once / PINNED).read_text()
    mvops(at_once, "plan", "--detailed-exitcode").ok(0)

    other = "has other packages than the generated files of endpoint.toy install (joblib, numpy, pandas and 4 more): "
    told = f"note: version 2 {other}the next `mvops apply` writes them anew"
    assert told in mvops(at_once, "versions", "promote", "toy", "2", "--reason", "pins").ok().err
    assert "~ deploy/serving/toy/requirements.txt" in mvops(at_once, "plan").ok().out
    assert "note:" not in mvops(at_once, "rollback", "toy").ok().err  # to the version that they were written for
    mvops(at_once, "plan", "--detailed-exitcode").ok(0)
    mvops(at_once, "rollback", "toy", "--to", "2").ok()
    mvops(at_once, "apply", "--yes").ok()
    assert f"note: version 3 {other}" in mvops(at_once, "rollback", "toy", "--to", "3").ok().err


@pytest.mark.system
def test_a_canary_that_ends_says_which_files_the_next_apply_writes(project: Path) -> None:
    (project / "pins.txt").write_text("scikit-learn==1.6.1\n")
    edit(project / MODEL, "  notebook:", "  requirements: pins.txt\n  notebook:")
    edit(project / MODEL, "rollout: {", "endpoint: {environment: warn}\nrollout: {")  # here it is not as pinned
    assert "note: version" not in mvops(project, "apply", "--yes").ok().err  # the champion is as it was
    mvops(project, "plan", "--detailed-exitcode").ok(0)
    said: list[str] = []

    def over() -> bool:
        client.predict(rows(range(1)).head(50)[["age", "income", "region"]].to_dict("records"))
        looked = mvops(project, "rollout", "status", "toy").ok()
        said.append(looked.err)
        return "nothing is rolling out" in looked.out

    with served(project):
        client = EndpointClient(f"http://127.0.0.1:{port_of(project)}")
        shown = mvops(project, "state", "show", "model.toy").ok().out
        assert "canary at 5 %: `mvops rollout status toy --follow` moves it on" in shown
        until(over)
    assert answering(project) == {2: 100}
    (told,) = filter(None, said)
    assert told.startswith("note: version 2 has other packages than the generated files of endpoint.toy install (")
    assert "~ deploy/serving/toy/requirements.txt" in mvops(project, "plan").ok().out


def test_p3_packages_that_were_upgraded_meanwhile_are_the_new_versions(
    at_once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit(at_once / MODEL, "C: 1.0", "C: 0.9")
    assert "endpoint.toy" not in mvops(at_once, "plan").ok().out  # what it installs is what it did
    made = tmp_path / "site" / "threadpoolctl-99.0.dist-info"
    made.mkdir(parents=True)
    (made / "METADATA").write_text("Metadata-Version: 2.1\nName: threadpoolctl\nVersion: 99.0\n")
    monkeypatch.syspath_prepend(made.parent)
    planned = mvops(at_once, "plan").ok().out
    assert "~ endpoint.toy" in planned
    assert "(known after apply)" in planned
    mvops(at_once, "apply", "--yes").ok()
    assert "threadpoolctl==99.0" in (at_once / PINNED).read_text()
    mvops(at_once, "plan", "--detailed-exitcode").ok(0)


def test_a_destroyed_model_comes_back_with_all_of_the_traffic_whoever_still_runs(project: Path) -> None:
    with served(project):
        mvops(project, "destroy", "--yes").ok()
        assert FIRST in mvops(project, "plan").ok().out
        mvops(project, "apply", "--yes").ok()
        assert answering(project) == {2: 100}
    edit(project / MODEL, "C: 1.0", "C: 0.9")
    assert FIRST not in mvops(project, "plan").ok().out
    mvops(project, "apply", "--yes").ok()
    assert answering(project).keys() == {2, 3}
