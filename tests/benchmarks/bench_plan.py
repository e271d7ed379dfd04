"""A plan that finds nothing to do, beside Terraform's."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from many_models import KINDS
from measure import Figure, Program, Row, Table, in_turns

MODELS = (1, 10, 50, 125)
ANEW = (1, 50)
_MOST_MEMORY = 150
_TERRAFORM = {"CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1", "TF_CLI_CONFIG_FILE": os.devnull}
_PEER = "`terraform plan`, 1,000 `terraform_data`"
_BARE = "a bare Typer app, `--help`"


def table(folder: Path) -> Table:
    """Seven runs of each, in projects that were really applied."""
    mvops = str(Path(sys.executable).with_name("mvops"))
    bare = [sys.executable, str(Path(__file__).with_name("bare_app.py")), "--help"]
    programs = {_BARE: Program(bare, folder)}
    for models, root in _projects(folder).items():
        programs[_name(models)] = Program([mvops, "plan", "--detailed-exitcode"], root)
        if models in ANEW:
            programs[_anew(models)] = Program([mvops, "plan", "--diff", "--detailed-exitcode"], root)
    terraform = shutil.which("terraform")
    if terraform:
        place = _terraform(Path(terraform), folder / "terraform")
        command = [terraform, "plan", "-detailed-exitcode", "-input=false", "-no-color"]
        programs[_PEER] = Program(command, place, environment=_TERRAFORM)
    found = in_turns(programs, rounds=7, warm_ups=3)  # data that was just copied is read twice
    return Table(
        title="Plan",
        about="`mvops plan` where nothing is to be done, the whole process. Each model has a notebook, data, an "
        f"endpoint, a monitor, a schedule and a dashboard of its own: {len(KINDS)} resources, with one that all share. "
        "The projects were applied, with the notebooks' cells run in one process instead of kernels. A plan that had "
        "nothing to do is remembered with all that it looked at, and the next one looks at all of that again; `--diff` "
        "has the plan made anew, as after a change.",
        heads=("command", "resources", "s", "CPU s", "MB"),
        rows=list(_rows(found)),
        notes=list(_notes(found)),
        versions={"Terraform": _version(terraform)} if terraform else {},
    )


def _name(models: int) -> str:
    return f"`mvops plan`, {models} model{'' if models == 1 else 's'}"


def _anew(models: int) -> str:
    return _name(models).replace("plan`", "plan --diff`")


def _resources(models: int) -> int:
    return models * len(KINDS) + 1


def _projects(folder: Path) -> dict[int, Path]:
    """One project that grows, and is copied at each size; made in a process that takes its memory with it.

    What a process starts counts as its memory too, until the program is in its place.
    """
    made = {models: folder / f"models_{models}" for models in MODELS}
    sizes = [str(models) for models in MODELS]
    subprocess.run([sys.executable, Path(__file__).with_name("many_models.py"), folder, *sizes], check=True)
    return made


def _terraform(program: Path, place: Path) -> Path:
    place.mkdir()
    blocks = {f"r{number}": {"input": f"value {number}"} for number in range(1000)}
    (place / "main.tf.json").write_text(json.dumps({"resource": {"terraform_data": blocks}}), encoding="utf-8")
    for arguments in (("init",), ("apply", "-auto-approve")):
        subprocess.run(
            [program, *arguments, "-input=false", "-no-color"],
            cwd=place,
            env={**os.environ, **_TERRAFORM},
            stdout=subprocess.DEVNULL,
            check=True,
        )
    return place


def _version(program: str) -> str:
    said = subprocess.run(
        [program, "version", "-json"], env={**os.environ, **_TERRAFORM}, capture_output=True, check=True
    )
    return str(json.loads(said.stdout)["terraform_version"])


def _rows(found: Mapping[str, Figure]) -> list[Row]:
    ratio = found[_name(1)].cpu / found[_BARE].cpu  # as for the command line
    seconds = {models: found[_name(models)].seconds for models in MODELS}
    peer = found.get(_PEER)
    bars = {
        1: (f"at most 2.5 times the bare app's CPU time; is {ratio:.1f} times", ratio <= 2.5),
        50: ("at most 1 s", seconds[50] <= 1),
    }
    if peer:
        bars[125] = (
            f"no slower than Terraform; is {seconds[125] / peer.seconds:.2f} times",
            seconds[125] <= peer.seconds,
        )
    rows = [_row(_BARE, "", found[_BARE])]
    rows += [
        _row(_name(models), f"{_resources(models):,}", found[_name(models)], *bars.get(models, ())) for models in MODELS
    ]
    rows += [_row(_anew(models), f"{_resources(models):,}", found[_anew(models)]) for models in ANEW]
    return [*rows, _row(_PEER, "1,000", peer)] if peer else rows


def _row(name: str, resources: str, figure: Figure, bar: str = "", kept: bool | None = None) -> Row:
    cells = (name, resources, f"{figure.seconds:.3f}", f"{figure.cpu:.3f}", f"{figure.megabytes:.0f}")
    return Row(cells, bar, kept)


def _notes(found: Mapping[str, Figure]) -> list[str]:
    costs = []
    for few, many in ((10, 50), (50, 125)):
        more = found[_name(many)].cpu - found[_name(few)].cpu
        costs.append(f"{1000 * more / (_resources(many) - _resources(few)):.2f} ms")
    most = max(figure.megabytes for name, figure in found.items() if name not in {_BARE, _PEER})
    kept = "met" if most < _MOST_MEMORY else "**not met**"
    notes = [
        f"Growth: each resource more costs {costs[0]} of CPU between 10 and 50 models, {costs[1]} between 50 and 125.",
        f"Memory: at most {most:.0f} MB; the bar is {_MOST_MEMORY} MB: {kept}.",
    ]
    if _PEER not in found:
        notes.append("Terraform is not on this machine, so its row is left out.")
    return notes
