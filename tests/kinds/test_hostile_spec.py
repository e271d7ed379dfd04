"""XN2: whatever text stands at whatever place of the spec, it is refused, or what is generated is only data richer.

Every kind that generates files is asked for the texts of every backend, with one text of the spec changed: the Python
parses to the same shape, YAML and JSON load back with the text where the harmless one was, a Dockerfile has the same
instructions, a unit of systemd the same keys, a crontab and a list of requirements the same lines.
"""

from __future__ import annotations

import ast
import copy
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import nbformat
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mvops import assets, backends
from mvops.contracts.feature_stores import Known
from mvops.core.config.backend import named_backends
from mvops.core.config.project import Project
from mvops.core.spec import UNKNOWN
from mvops.errors import MvopsError, SpecError
from mvops.kinds.file_changes import Generating
from mvops.kinds.kind import Look, kinds
from mvops.loading.compose import Composition
from mvops.loading.guards import check_document
from mvops.loading.interpolation import BadReferenceError, resolve
from mvops.loading.positions import Positions
from mvops.loading.strict_yaml import parse
from mvops.loading.validate import validate
from mvops.workspace import Workspace, open_workspace

KeyPath = tuple[str | int, ...]

MODEL: dict[str, Any] = {
    "description": "Delays of flights",
    "owner": "the flights team",
    "pipeline": {
        "notebook": "pipelines/delay.ipynb",
        "inputs": {"flights": "data/flights.csv"},
        "features": {
            "parameter": "joined",
            "rows": "data/rows.csv",
            "timestamp": "at",
            "fields": {"weather": ["wind"]},
        },
        "parameters": {"depth": "shallow", "words": {"a": ["b"]}},
        "outputs": {"model": "clf", "features": "X", "target": "y", "train_features": "X0", "times": "t"},
        "timeout": "1h",
    },
    "evaluate": {"task": "regression", "metrics": ["rmse"]},
    "gate": ["rmse <= champion * 1.02"],
    "endpoint": {
        "backend": "fastapi",
        "host": "127.0.0.1",
        "port": 8000,
        "deploy": ["docker", "compose", "systemd", "kubernetes"],
    },
    "rollout": {"strategy": "canary", "hold": "30m"},
    "monitor": {"every": "1d", "false_alarms": "1 per 30d", "alerts": ["ops"]},
    "retrain": {"schedule": "0 3 * * 1", "on": ["drift"], "cooldown": "24h"},
}
VIEW: dict[str, Any] = {
    "description": "The weather at an airport",
    "owner": "the weather team",
    "entities": {"airport": "string"},
    "source": {"path": "data/weather.parquet", "timestamp": "measured", "created": "stored"},
    "fields": {"wind": "float64", "rain": "float64"},
    "ttl": "2d",
}
SPEC: dict[str, Any] = {
    "project": "flights",
    "preset": "large/day_90",
    "registry": "sqlite:///.mvops/registry.db",
    "predictions": "sqlite:///.mvops/predictions.db",
    "artifacts": ".mvops/artifacts",
    "capabilities": {"dashboards": True, "retraining": True, "canary": True, "feature_store": True},
    "notifiers": {"ops": {"backend": "apprise", "options": {"url": "json://localhost"}}},
    "scheduler": {"backend": "cron", "timezone": "Europe/Berlin", "timeout": "2h", "secrets": ["PGPASSWORD"]},
    "tracker": {"backend": "local", "options": {"uri": "sqlite:///x.db"}},
    "executor": {"backend": "local", "options": {"address": "tcp://a:1"}},
    "dashboard": {"backend": "builtin", "options": {"title": "Delays"}},
    "feature_store": {
        "backend": "feast",
        "offline": {"store": "postgres", "url": "postgresql://me@db:5432/x?sslmode=require", "password_env": "PW"},
        "online": {"store": "redis", "url": "redis://me@cache:6379/0", "password_env": "PW"},
        "every": "1h",
    },
    "features": {
        "weather": VIEW | {"source": {"table": "facts.weather", "timestamp": "measured", "created": "stored"}}
    },
    "models": {"delay": MODEL},
}
PLAIN = {"features": {}, "models.delay.pipeline.features": None}  # the feature store's files are in the others
STACKS: dict[str, dict[str, Any]] = {  # each backend that generates files takes part in one of them
    "small": {},
    "files": {
        "scheduler.backend": "local",
        "feature_store.offline": {"store": "file"},
        "feature_store.online": {"store": "sqlite"},
        "features.weather": VIEW,
        "models.delay.endpoint.backend": "bentoml",
    },
    "airflow": PLAIN
    | {
        "scheduler.backend": "airflow",
        "dashboard": {"backend": "grafana", "options": {"prometheus": "http://p:9090", "host": "ml1", "path": "/g"}},
    },
    "github": PLAIN
    | {
        "scheduler.backend": "github_actions",
        "dashboard": {"backend": "grafana", "options": {}},
        "ci": {"backend": "github_actions", "branch": "trunk", "approval": "the board", "secrets": ["TOKEN"]},
    },
}
FRAGMENTS = (
    "'; import os; os.system('id') #",
    '"""\nimport os\n"""',
    'a"; b: c',
    "a\nRUN id\r\nb",
    "x\u2028y\u2029z\x85w",
    "{{ 7 * 7 }}{% raw %}{# a #}",
    "${ { secrets.X }} $(id) `id` %(x)s %s %",
    "\\N{BULLET} \\x41 \\",
    "\n- a: [b, {c: d}] # e",
    "*a &b !c | > @PROJECT@|;&",
    "<script>alert(1)</script>",
    "\u202eabc\u200b \t",
    "'''",
)
NASTY = (
    " ".join(FRAGMENTS),
    "a'\"\n",
    '"""',
    "\\",
    "${{ secrets.X }}",
    "--index-url http://evil.test",
    "yes",
    "null",
    "1e3",
    "",
    " # a",
)


@dataclass(frozen=True)
class Site:
    """A project that files are generated for, without being written."""

    workspace: Workspace = field(repr=False)
    known: dict[str, dict[str, str]] = field(default_factory=dict, repr=False)

    def harmless(self, name: str) -> dict[str, str]:
        """What is generated of a stack as it is."""
        if name not in self.known:
            self.known[name] = self.texts(stack(name))
        return self.known[name]

    def texts(self, values: dict[str, Any]) -> dict[str, str]:
        """All generated files of a spec; raises SpecError for one that is refused."""
        project = checked(values)
        look = Look(replace(self.workspace, project=project, backend=nowhere), {}, nowhere)
        made: dict[str, str] = {}
        for kind in kinds().values():
            if isinstance(kind, Generating):
                for spec in kind.desired(look):
                    fields = json.loads(json.dumps(spec.fields()).replace(json.dumps(UNKNOWN)[1:-1], "numpy==2.4.0"))
                    made |= kind.texts(spec.address, fields, look)
        return made


def nowhere(family: str, name: str) -> Any:
    """The backend, but that a feature store does not look at its sources: there is no server here, nor a file."""
    found = backends.load(family, name)
    if family == "feature_stores":
        found.check = lambda *_: []
        found.digest = lambda *_: "0" * 64
        found.known = lambda *_: Known()
    return found


def checked(values: dict[str, Any]) -> Project:
    """As it would be after it was written into YAML: read strictly, checked, validated."""
    document = parse(json.dumps(values).encode("utf-8", "surrogatepass"), Path("spec.yaml"))
    problems = check_document(document, "spec")
    if problems:
        raise SpecError(problems[0].message)
    try:
        resolved = resolve(document.values)
    except BadReferenceError as error:
        raise SpecError(error.message) from None
    return validate(Composition(resolved, {}, Positions((), lambda: ()), resolved))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    root = tmp_path_factory.mktemp("site")
    (root / "data").mkdir()
    (root / "pipelines").mkdir()
    cells = [nbformat.v4.new_code_cell(text, metadata={"tags": [tag]}, id=tag[-4:]) for text, tag in (
        ("flights = joined = ''\ndepth = words = 0", "parameters"),
        ("clf = X = y = X0 = t = 1", "step:train"),
    )]  # fmt: skip
    nbformat.write(nbformat.v4.new_notebook(cells=cells), root / "pipelines" / "delay.ipynb")
    with open_workspace(root, checked(SPEC), backends.load) as workspace:
        yield Site(workspace)


def stack(name: str) -> dict[str, Any]:
    values = copy.deepcopy(SPEC)
    for key, value in STACKS[name].items():
        put(values, tuple(key.split(".")), copy.deepcopy(value))
    return values


def put(values: Any, path: KeyPath, value: Any) -> None:
    for part in path[:-1]:
        values = values[part]
    values[path[-1]] = value


def at(values: Any, path: KeyPath) -> Any:
    for part in path:
        values = values[part]
    return values


def exchanged(value: Any, old: str, new: str) -> Any:
    """The same data, with one text for another."""
    if isinstance(value, dict):
        return {exchanged(key, old, new): exchanged(child, old, new) for key, child in value.items()}
    if isinstance(value, list):
        return [exchanged(child, old, new) for child in value]
    return value.replace(old, new) if isinstance(value, str) else value


def leaves(value: Any, path: KeyPath = ()) -> Iterator[KeyPath]:
    """The place of every text."""
    if isinstance(value, dict | list):
        for key, child in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(child, (*path, key))
    elif isinstance(value, str):
        yield path


def keys(value: Any, path: KeyPath = ()) -> Iterator[KeyPath]:
    """The place of every key that a person chooses."""
    chosen = {"models", "features", "notifiers", "inputs", "parameters", "entities", "fields", "options", "words"}
    if isinstance(value, dict):
        for key, child in value.items():
            if path and path[-1] in chosen and isinstance(child, str | dict | list):
                yield (*path, key)
            yield from keys(child, (*path, key))


PLACES = [(name, "text", path) for name in STACKS for path in leaves(stack(name))]
PLACES += [(name, "key", path) for name in STACKS for path in keys(stack(name))]


def changed(values: dict[str, Any], what: str, path: KeyPath, text: str) -> dict[str, Any]:
    made = copy.deepcopy(values)
    if what == "text":
        put(made, path, text)
        return made
    section: Any = made
    for part in path[:-1]:
        section = section[part]
    section[text] = section.pop(path[-1])
    return made


@cache
def shape(path: str, text: str) -> Any:
    """What may not change, whatever the text says."""
    if path.endswith(".py"):
        return [type(node).__name__ for node in ast.walk(ast.parse(text))]
    if path.endswith("Dockerfile"):
        lines = [line for line in text.splitlines() if line and not line.startswith("#")]
        return [line.split(" ")[0] for line in lines]
    if path.endswith(".service"):
        return [line.partition("=")[0] for line in text.splitlines() if line and not line.startswith("#")]
    if path.endswith(".dockerignore"):
        return [line[0] for line in text.splitlines() if line]
    if path.endswith("crontab"):
        lines = [line for line in text.split("\n") if line.strip() and not line.startswith("#")]
        return [bool(re.match(r"([0-9*,/-]+ ){5}cd ", line)) for line in lines]
    if path.endswith("requirements.txt"):
        return len([line for line in text.splitlines() if line and not line.startswith("#")])
    if path.endswith((".yaml", ".yml", ".json")):
        return outline(loaded(path, text))
    return None


@cache
def loaded(path: str, text: str) -> Any:
    return json.loads(text) if path.endswith(".json") else yaml.load(text, Loader=yaml.CSafeLoader)


def outline(value: Any) -> Any:
    if isinstance(value, dict):
        return sorted(
            (("" if isinstance(key, str) else repr(key)), repr(outline(child))) for key, child in value.items()
        )
    return [outline(child) for child in value] if isinstance(value, list) else type(value).__name__


def assert_only_data(before: dict[str, str], after: dict[str, str], place: tuple[str, str, KeyPath], text: str) -> None:
    assert len(after) == len(before), place
    if set(after) == set(before):
        for path, made in after.items():
            assert shape(path, made) == shape(path, before[path]), (place, text, path)
    else:  # the name of a model or a view is in the paths
        assert sorted(map(repr, (shape(path, made) for path, made in after.items()))) == sorted(
            map(repr, (shape(path, made) for path, made in before.items()))
        ), (place, text)


def attack(site: Site, place: tuple[str, str, KeyPath], text: str) -> str:
    name, what, path = place
    values = stack(name)
    before = site.harmless(name)
    try:
        after = site.texts(changed(values, what, path, text))
    except MvopsError:
        return "refused"
    assert_only_data(before, after, place, text)
    old = at(values, path)
    if what == "text" and len(old) > 9 and text.strip():
        for file in before.keys() & after.keys():
            if file.endswith((".yaml", ".yml", ".json")):
                assert loaded(file, after[file]) == exchanged(loaded(file, before[file]), old, text), (
                    place,
                    text,
                    file,
                )
    return "generated"


@pytest.mark.parametrize("place", PLACES, ids=lambda p: f"{p[0]}-{p[1]}-{'.'.join(map(str, p[2]))}")
def test_xn2_no_text_becomes_code(site: Site, place: tuple[str, str, KeyPath]) -> None:
    for text in NASTY:
        attack(site, place, text)


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(
    place=st.sampled_from(PLACES),
    text=st.one_of(
        st.text(),
        st.lists(st.sampled_from(FRAGMENTS)).map("".join),
        st.text(alphabet=st.sampled_from("'\"\\\n\r{}%$#:-&*|>@`()a \t")),
    ),
)
def test_xn2_any_text_at_any_place(site: Site, place: tuple[str, str, KeyPath], text: str) -> None:
    attack(site, place, text)


def test_xn2_every_backend_with_templates_takes_part(site: Site) -> None:
    """A new backend that generates files has to be in one of the stacks."""
    used = {f"{family}/{name}" for family, name in rendered_by(site)}
    folders = {
        path.relative_to(assets.templates()).as_posix()
        for family in set(backends.families()) - {"examples"}
        for path in (assets.templates() / family).glob("*")
        if path.is_dir()
    }
    assert folders <= used


def rendered_by(site: Site) -> set[tuple[str, str]]:
    del site
    found = set()
    for name in STACKS:
        project = checked(stack(name))
        found |= {(family, backend) for _, family, backend in named_backends(project)}
    return found


def test_xn2_the_negative_control(site: Site) -> None:
    """A template that forgets its filter would be caught."""
    harmless = site.harmless("airflow")
    path = "deploy/schedules/delay/dag.py"
    broken = harmless | {path: harmless[path] + "\nimport os\n"}
    with pytest.raises(AssertionError):
        assert_only_data(harmless, broken, PLACES[0], "")
    board = next(each for each in harmless if each.endswith("dashboards/delay.json"))
    richer = json.dumps({**json.loads(harmless[board]), "x": 1})
    with pytest.raises(AssertionError):
        assert_only_data(harmless, harmless | {board: richer}, PLACES[0], "")
