"""XS1 to XS8: a hostile spec is refused at once, and nothing happens on the way.

All attacks run in one process under an audit hook that notes processes, sockets, environment reads into messages, and
files opened outside; each must end in a SpecError within a second of CPU time, all within 200 MB above the start.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROJECT = "defaults: [{preset: small/day_30}, _self_]\nproject: flights\n"
MODEL = (
    "pipeline: {notebook: a.ipynb, outputs: {model: m, features: X, target: y}}\n"
    "evaluate: {task: regression, metrics: [rmse]}\n"
)
TARGETS = [
    "os.system",
    "joblib.load",
    "pandas.read_pickle",
    "builtins.open",
    "urllib.request.urlretrieve",
    "os.environ.copy",
    "asyncio.create_subprocess_shell",
]
BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{below}'] * 9)}]\n" for below, name in zip("abcdefg", "bcdefgh", strict=True)
)
CHAIN = MODEL.replace("y}}", "y}, parameters: {" + ", ".join(f"k{n}: '${{.k{n + 1}}}'" for n in range(1000)) + "}}")
DOUBLING = "pipeline:\n  parameters:\n    k0: ha\n" + "".join(
    f"    k{n + 1}: '${{.k{n}}}${{.k{n}}}${{.k{n}}}${{.k{n}}}'\n" for n in range(15)
)
SPREADING = "pipeline:\n  parameters:\n    k0: {a: 1}\n" + "".join(
    f"    k{n + 1}: {{a: '${{..k{n}}}', b: '${{..k{n}}}', c: '${{..k{n}}}', d: '${{..k{n}}}'}}\n" for n in range(12)
)


def attack(project: str = PROJECT, model: str = MODEL, overrides: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"project": project, "model": model, "overrides": list(overrides)}


ATTACKS: dict[str, dict[str, Any]] = {
    **{f"XS1 {place}": attack(model=MODEL + text) for place, text in {
        "top": "_target_: os.system\n_args_: [touch pwned]\n",
        "nested": "endpoint: {_target_: os.system, _args_: [touch pwned]}\n",
        "in a list": "gate: [{_target_: os.system}]\n",
        "under _args_": "endpoint: {_args_: [{_target_: os.system}]}\n",
    }.items()},
    "XS1 in the project": attack(PROJECT + "notifiers: {ops: {options: {_target_: os.system}}}\n"),
    "XS1 in the defaults list": attack("defaults: [{_target_: os.system}, _self_]\nproject: flights\n"),
    "XS1 in an override": attack(overrides=("+x._target_=os.system",)),
    "XS1 as a new key": attack(overrides=("++models.flight_delay={_target_: os.system}",)),
    **{f"XS2 {t}": attack(model=MODEL + f"endpoint: {{_target_: {t}, _args_: [pwned]}}\n") for t in TARGETS},
    **{f"XS3 {key}": attack(model=MODEL + f"endpoint: {{{key}: true}}\n")
       for key in ("_partial_", "_recursive_", "_convert_", "_args_", "_mode_")},
    "XS5 environment": attack(model=MODEL + "description: ${oc.env:DB_PASSWORD}\n"),
    "XS5 environment in the name": attack("defaults: [{preset: small/day_30}]\nproject: ${oc.env:DB_PASSWORD}\n"),
    "XS5 environment in the defaults list": attack("defaults: [{preset: '${oc.env:DB_PASSWORD}'}]\nproject: x\n"),
    "XS5 environment in an override": attack(overrides=("registry=${oc.env:DB_PASSWORD}",)),
    "XS5 environment for a preset": attack(overrides=("preset=${oc.env:DB_PASSWORD}",)),
    **{f"XS6 {text}": attack(model=MODEL + f"description: '{text}'\n") for text in (
        "${oc.decode:1}", "${oc.create:{}}", "${hydra:runtime.cwd}", "${hydra.runtime.cwd}", "${nobody:x}",
        "${.description}", "${${.owner}}", "${..[}", "${", "${oc.deprecated:project}", "${.pipeline}",
    )},
    "XS6 chain of 1000": attack(model=CHAIN),
    "XS6 doubling": attack(model=DOUBLING),
    "XS6 spreading": attack(model=SPREADING),
    "XS7 alias bomb": attack(model=BOMB),
    "XS7 brackets": attack(model="[" * (1 << 20)),
    "XS7 braces": attack(model="{" * ((1 << 20) - 1)),
    "XS7 brackets in a value": attack(model="a: " + "[" * 1_000_000),
    "XS7 block lists": attack(model="- " * 500_000),
    "XS7 10 MiB": attack(model="#" * (10 << 20)),
    "XS7 100000 keys": attack(model="".join(f"k{n}: 1\n" for n in range(100_000))),
    "XS7 duplicate keys": attack(model=MODEL + "evaluate: {}\n"),
    "XS7 python object": attack(model=MODEL + "owner: !!python/object/apply:os.system [touch pwned]\n"),
    "XS7 NUL": attack(model=MODEL + "owner: a\0b\n"),
    "XS7 escaped NUL": attack(model=MODEL + 'owner: "a\\0b"\n'),
    "XS7 byte order mark": attack(model="\ufeff" + MODEL),
    "XS7 boolean key": attack(model=MODEL + "true: 1\n"),
    "XS7 1e400": attack(model=MODEL + "monitor: {psi: 1e400}\n"),
    "XS7 nan": attack(model=MODEL + "monitor: {psi: .nan}\n"),
    "XS7 deep override": attack(overrides=("a=" + "[" * 4000,)),
    "XS7 infinite override": attack(overrides=("models.flight_delay.monitor.psi=inf",)),
    **{f"XS8 {text}": attack(overrides=(text,)) for text in (
        "hydra.run.dir=/etc/cron.d", "hydra.searchpath=[file:///srv/evil]", "--config-dir", "--config-dir=/srv/evil",
        "hydra/launcher=joblib", "+hydra.callbacks.x._target_=os.system", "++hydra.output_subdir=x", "~hydra",
        "hydra@x=y", "+servers@hydra.run=fastapi", "-m", "--multirun", "a=range(1,10)", "a=glob(*)",
    )},
    "XS8 section": attack(PROJECT + "hydra: {searchpath: ['file:///srv/evil']}\n"),
    "XS8 defaults": attack("defaults: [{override hydra/launcher: joblib}, _self_]\nproject: flights\n"),
    **{f"XS9 {text}": attack(f"defaults: [{text}, _self_]\nproject: flights\n") for text in (
        "../../other", "/etc/passwd", "{preset: ../../../other}", "file:///etc/passwd", "{preset: /etc/passwd}",
        "pkg://os", "models/flight_delay", "{models: flight_delay}", "project",
    )},
}  # fmt: skip

RUNNER = """
import json, os, resource, sys, time
from pathlib import Path
from mvops import assets
from mvops.errors import SpecError
from mvops.loading.load import load_project
import mvops.loading.compose, mvops.loading.validate

root, events, watching = Path(sys.argv[1]), [], False
FORBIDDEN = ("subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.fork", "socket.", "urllib.", "pickle.")
HOMES = (str(root), sys.prefix, sys.base_prefix, str(Path(mvops.__file__).parents[1]))
HOMES += tuple(map(str, assets.packages().values()))  # backends of packages that are installed here

def hook(name, arguments):
    if not watching:
        return
    if name.startswith(FORBIDDEN):
        events.append(name)
    elif name == "open" and isinstance(arguments[0], int):
        return  # a descriptor, which was noted by its path when it was opened
    elif name == "open" and not str(arguments[0]).startswith(HOMES):
        events.append(f"open {arguments[0]}")
    elif name == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
        events.append(f"write {arguments[0]}")

(root / "configs" / "models").mkdir(parents=True)
def write(case):
    (root / "configs" / "project.yaml").write_text(case["project"])
    (root / "configs" / "models" / "flight_delay.yaml").write_text(case["model"])

cases = json.loads(Path(sys.argv[2]).read_text())
write(cases.pop("harmless"))
load_project(root)
sys.addaudithook(hook)
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for name, case in cases.items():
    write(case)
    events, before, told = [], time.process_time(), ""
    watching = True
    try:
        load_project(root, case["overrides"])
        kind = "loaded"
    except BaseException as error:
        told = str(error)
        kind = "SpecError" if isinstance(error, SpecError) else type(error).__name__
    watching = False
    seconds = time.process_time() - before
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory) / 1024
    print(json.dumps([name, kind, told, events, seconds, grown]))
print(json.dumps(sorted(p.name for p in (root / ".mvops" / "cache" / "config").iterdir())))
"""


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    folder = tmp_path_factory.mktemp("attacks")
    (folder / "cases.json").write_text(json.dumps({"harmless": attack(), **ATTACKS}))
    timed = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}  # without a tracer
    environment = timed | {
        "DB_PASSWORD": "canary-7f3a",
        "HYDRA_INSTANTIATE_ALLOWLIST_OVERRIDE": "os.system",  # XS4
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [sys.executable, "-c", RUNNER, str(folder / "project"), str(folder / "cases.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=environment)
    assert done.returncode == 0, done.stderr
    *lines, cached = map(json.loads, done.stdout.splitlines())
    assert len(cached) == 1, "only the harmless spec was ever cached"
    assert sorted(path.name for path in folder.iterdir()) == ["cases.json", "project"], "no file was made"
    return {name: rest for name, *rest in lines}


@pytest.mark.parametrize("name", ATTACKS)
def test_xs1_xs2_xs3_xs4_xs5_xs6_xs7_xs8_xs9_refused_without_side_effect(
    outcomes: dict[str, list[Any]], name: str
) -> None:
    kind, told, events, seconds, grown = outcomes[name]
    assert kind == "SpecError", told
    assert events == []
    assert seconds < 1
    assert grown < 200  # MB
    assert "canary" not in told
    assert len(told) < 3000


def test_the_hook_sees_what_it_should(tmp_path: Path) -> None:
    """The negative control: a loader that instantiates would be caught."""
    broken = RUNNER.replace(
        'load_project(root, case["overrides"])', "os.system('true'); open('/etc/hostname'); open('x', 'w')"
    )
    (tmp_path / "cases.json").write_text(json.dumps({"harmless": attack(), "broken": attack()}))
    command = [sys.executable, "-c", broken, str(tmp_path / "project"), str(tmp_path / "cases.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    _, kind, _, events, _, _ = json.loads(done.stdout.splitlines()[0])
    assert (kind, events) == ("loaded", ["os.system", "open /etc/hostname", "open x"])
