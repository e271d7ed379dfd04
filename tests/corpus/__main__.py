"""How many notebooks of a folder promote, run, and give the same numbers: `nox -s corpus -- FOLDER`.

Each repository (or the folder itself) is copied; nothing is written into it. A notebook is promoted with `--verify`,
which runs the original as it is and then the promoted pipeline, once for each way to split. What a notebook came to:

- `equal`: every number that the original shows is shown by the pipeline
- `not_comparable`: they differ, but so does the original from itself
- `different`: they differ
- `fails`: the original runs, the pipeline does not
- `does not run`: the original does not run
- `too slow`: the original and the pipeline together take longer than the limit
- `refused`: not promoted, with a cause; `refused, runs` if plain papermill runs it all the same
- `trains nothing`: it is not about a model, and promotion says so
- `crashed`: a traceback of ours, or no answer
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

MVOPS = (sys.executable, "-m", "mvops")
SPLITS = ("none", "auto")
NOTHING = ("holds no code", "Nothing in this notebook trains a model")
ORIGINAL = "The original notebook does not run"
NOT_TRIED = {"does not run", "too slow", "refused", "promoted", "trains nothing"}
KERNEL = "of-the-corpus"


@dataclass(frozen=True)
class Outcome:
    """What became of one notebook, split one way. `complete`: model and held-out rows were found without a question."""

    notebook: str
    split: str
    verdict: str
    complete: bool
    steps: int
    numbers: int
    seconds: float
    said: str


def main() -> int:
    """Try every notebook, print a line for each and the totals, and write all of it to --out."""
    asked = argparse.ArgumentParser(prog="nox -s corpus --", description=__doc__.partition("\n")[0])
    asked.add_argument("folder", type=Path, help="a folder of repositories, or of notebooks")
    asked.add_argument("--only", default="*", help="names or paths of notebooks, as a pattern")
    asked.add_argument("--split", choices=SPLITS, help="one way only")
    asked.add_argument("--limit", type=float, default=600, help="seconds for a notebook and a way to split it")
    asked.add_argument("--jobs", type=int, default=2, help="notebooks at a time")
    asked.add_argument("--python", type=Path, help="the interpreter that runs the notebooks, with ipykernel")
    asked.add_argument("--static", action="store_true", help="promote only, run nothing")
    asked.add_argument("--out", type=Path, default=Path("corpus.jsonl"), help="an outcome on each line")
    wanted = asked.parse_args()
    found = sorted(notebooks(wanted.folder.resolve(), wanted.only))
    if not found:
        print(f"there is no notebook in {wanted.folder}", file=sys.stderr)
        return 1
    splits = (wanted.split,) if wanted.split else SPLITS
    with tempfile.TemporaryDirectory() as made, wanted.out.open("w") as out:
        python = wanted.python.absolute() if wanted.python else None
        projects = Projects(wanted.folder.resolve(), Path(made), python)
        work = [(notebook, split) for notebook in found for split in splits]
        with ThreadPoolExecutor(wanted.jobs) as pool:
            tried = pool.map(lambda each: projects.outcome(*each, wanted.limit, verify=not wanted.static), work)
            outcomes = [told(outcome, out) for outcome in tried]
    for split in splits:
        print("\n".join(totals(split, [outcome for outcome in outcomes if outcome.split == split])))
    return 0


def notebooks(folder: Path, only: str) -> Iterator[Path]:
    """All notebooks below, but the copies that Jupyter keeps."""
    for path in folder.rglob("*.ipynb"):
        below = path.relative_to(folder)
        if not any(part.startswith(".") for part in below.parts) and (path.match(only) or below.match(only)):
            yield path


class Projects:
    """Copies of the repositories with a project of mvops in each: one for each that works at a time."""

    def __init__(self, folder: Path, place: Path, python: Path | None) -> None:
        self._folder = folder
        self._place = place
        self._python = python
        self._several = not any(folder.glob("*.ipynb"))
        self._here = threading.local()

    def outcome(self, notebook: Path, split: str, limit: float, *, verify: bool) -> Outcome:
        """Promote it where no other is promoted meanwhile."""
        below = notebook.relative_to(self._folder)
        repository = self._folder / below.parts[0] if self._several else self._folder
        root = self._copy(repository)
        return self._promoted(root, notebook.relative_to(repository), below, split, limit, verify=verify)

    def _copy(self, repository: Path) -> Path:
        made: dict[Path, Path] = self._here.__dict__.setdefault("made", {})
        if repository not in made:
            root = Path(tempfile.mkdtemp(dir=self._place)) / "project"
            shutil.copytree(repository, root, symlinks=True, ignore=shutil.ignore_patterns(".git"))
            command = [*MVOPS, "-C", str(root), "init", "--team", "small", "--phase", "day_30"]
            subprocess.run(command, check=True, capture_output=True)
            made[repository] = root
        return made[repository]

    def _promoted(self, root: Path, inside: Path, below: Path, split: str, limit: float, *, verify: bool) -> Outcome:
        command = [
            *MVOPS,
            "-C",
            str(root),
            "promote",
            str(root / inside),
            "--name",
            "tried",
            "--split",
            split,
            "--json",
        ]
        command += ["--verify"] if verify else []
        command += ["--python", str(self._python)] if self._python else []
        for made in ("configs/models/tried.yaml", "pipelines/tried.ipynb"):  # of the notebook before
            (root / made).unlink(missing_ok=True)
        started = time.monotonic()
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=limit, cwd=root, check=False)
        except subprocess.TimeoutExpired:
            return Outcome(below.as_posix(), split, "too slow", False, 0, 0, limit, f"not in {limit:g} s")
        seconds = time.monotonic() - started
        said = done.stderr.strip()
        if done.returncode in {0, 4}:  # 4: other numbers
            answer = json.loads(done.stdout)
            proof = answer.get("verification") or {}
            return Outcome(
                notebook=below.as_posix(),
                split=split,
                verdict=proof.get("verdict", "promoted"),
                complete=not answer["missing"],
                steps=len(answer["steps"]),
                numbers=proof.get("numbers", 0),
                seconds=seconds,
                said=proof.get("reason", "") or json.dumps(proof.get("differences", []))[:400],
            )
        verdict = verdict_of(done.returncode, said)
        if verdict == "refused" and verify and runs(root / inside, limit, self._python):
            verdict = "refused, runs"
        return Outcome(below.as_posix(), split, verdict, False, 0, 0, seconds, said[-600:])


def runs(notebook: Path, limit: float, python: Path | None) -> bool:
    """Does plain papermill run it."""
    command = [sys.executable, "-m", "papermill", "--cwd", str(notebook.parent), str(notebook), "/dev/null"]
    with tempfile.TemporaryDirectory() as made:
        if python:
            spec = Path(made) / "kernels" / KERNEL / "kernel.json"
            spec.parent.mkdir(parents=True)
            argv = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
            spec.write_text(json.dumps({"argv": argv, "language": "python", "display_name": KERNEL}))
            command += ["--kernel", KERNEL]
        environment = os.environ | {"JUPYTER_PATH": os.pathsep.join(filter(None, [made, os.getenv("JUPYTER_PATH")]))}
        try:
            done = subprocess.run(command, capture_output=True, timeout=limit, check=False, env=environment)
        except subprocess.TimeoutExpired:
            return False
    return done.returncode == 0


def verdict_of(code: int, said: str) -> str:
    """What an error of `mvops promote` says of the notebook, or of mvops."""
    if code != 1 or "Traceback (most recent call last)" in said.partition(ORIGINAL)[0] or "error:" not in said:
        return "crashed"
    if any(words in said for words in NOTHING):
        return "trains nothing"
    if ORIGINAL in said:
        return "does not run"
    return "fails" if "Step '" in said else "refused"


def told(outcome: Outcome, out: IO[str]) -> Outcome:
    """Say it, and keep it."""
    first = next((line for line in outcome.said.splitlines() if not line.startswith(("...", "note:"))), "")
    print(
        f"{outcome.verdict:15} {outcome.split:5} {outcome.seconds:6.1f} s  {outcome.notebook}  {first[:150]}",
        flush=True,
    )
    out.write(json.dumps(asdict(outcome)) + "\n")
    out.flush()
    return outcome


def totals(split: str, outcomes: list[Outcome]) -> Iterator[str]:
    """How many of those that run come out right."""
    counted = Counter(outcome.verdict for outcome in outcomes)
    tried = [o for o in outcomes if o.verdict not in NOT_TRIED]
    right = [o for o in tried if o.verdict in {"equal", "not_comparable"}]
    complete = [o for o in tried if o.complete]
    yield f"\n--split {split}: " + ", ".join(f"{count} {verdict}" for verdict, count in counted.most_common())
    if tried:
        yield f"  the same numbers: {_share(right, tried)} that run"
        yield f"  model and held-out rows found: {_share(complete, tried)}"


def _share(some: list[Outcome], of: list[Outcome]) -> str:
    return f"{len(some)} of {len(of)}, {100 * len(some) / len(of):.0f} %,"


if __name__ == "__main__":
    sys.exit(main())
