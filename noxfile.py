"""`nox` runs every check; `nox -s tests-3.12` one of them."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import nox

nox.options.default_venv_backend = "uv|virtualenv"
nox.options.download_python = "never"

PYPROJECT = nox.project.load_toml("pyproject.toml")
PYTHONS = nox.project.python_versions(PYPROJECT, max_version="3.13")
DEFAULT = f"{sys.version_info.major}.{sys.version_info.minor}"
CHECK = nox.project.dependency_groups(PYPROJECT, "check")
TEST = nox.project.dependency_groups(PYPROJECT, "test")
SYSTEMS = nox.project.dependency_groups(PYPROJECT, "systems")
nox.options.sessions = ["lint", "types", "floors", f"tests-{DEFAULT}", "wheel"]

# Kernels and servers start 2 to 4 times slower from packages that were not compiled. What is imported is compiled then:
# a tenth of what is installed, and all of it takes minutes.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
os.environ["UV_COMPILE_BYTECODE"] = "0"
for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):  # more would only wait for each other
    os.environ.setdefault(threads, "1")
DEMO = "tests/demo"
# Four keep two cores busy, as servers and kernels are waited for. The order of files is that of tests/conftest.py.
SHARED = ("-n", os.environ.get("MVOPS_TEST_WORKERS", "4"), "--dist", "loadfile", "--no-loadscope-reorder")


@nox.session(python=DEFAULT)
def lint(session: nox.Session) -> None:
    """Format and rules."""
    session.install("ruff>=0.9")
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")


@nox.session(python=DEFAULT)
def types(session: nox.Session) -> None:
    """mypy --strict."""
    session.install("-e", ".[all]", *CHECK, "nox")
    # Its workers are new, and on a busy machine they do not always find each other.
    session.run("sh", "-c", "mypy --num-workers auto || mypy", external=True)


@nox.session(python=DEFAULT)
def floors(session: nox.Session) -> None:
    """The floor plan, held by import-linter."""
    session.install("-e", ".", "import-linter>=2.1")
    session.run("lint-imports")


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """The test suite; warnings are errors. On the Python that runs nox, it reaches at least 90 % of mvops/."""
    session.install("-e", ".[all]", "-e", "tests/plugin", *TEST)
    if session.python != DEFAULT or session.posargs:
        session.run("pytest", "-m", "not system", *SHARED, *session.posargs)
        return
    reached, told = (str(session.cache_dir.resolve() / f"{name}.json") for name in ("reached", "told"))
    # Counted by the code itself: a tracing function doubles the time of all that runs in the tests' own process.
    slipcover = ("python", "-m", "slipcover", "--out")
    measured = (*slipcover, reached, "--json", "--source", "mvops", "-m")
    # The demo is played by the wheel that is built.
    session.run(*measured, "pytest", "-m", "not system", *SHARED, f"--ignore={DEMO}")
    # Not said above: SlipCover 1.1 would count what the workers reached, and then print that they had reached nothing.
    session.run(*slipcover, told, "--skip-covered", "--fail-under", "90", "--merge", reached)


@nox.session(python=DEFAULT)
def systems(session: nox.Session) -> None:
    """The tests against real systems. `nox -s systems -- tests/backends/schedulers` for some of them.

    Each file in tests/environments is an environment of its own, for what cannot live beside mvops; each folder there
    the same for npm.
    """
    session.install("-e", ".[all]", "-e", "tests/plugin", *TEST, *SYSTEMS)
    places = Path(".nox").resolve() / "environments"
    for locked in sorted(Path("tests/environments").glob("*.txt")):
        environment(session, locked, places / locked.stem)
    for package in sorted(Path("tests/environments").glob("*/package.json")):
        tool = places / package.parent.name
        shutil.copytree(package.parent, tool, dirs_exist_ok=True)
        with session.chdir(tool):
            session.run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", silent=True)
    session.run(
        *("pytest", "-m", "system", *SHARED, *session.posargs),
        env={"MVOPS_TEST_ENVIRONMENTS": str(places)},
    )


def environment(session: nox.Session, locked: Path, place: Path) -> None:
    """Make the environment of a file in tests/environments."""
    session.run("uv", "venv", "--quiet", "--clear", "--python", DEFAULT, str(place), external=True)
    session.run("uv", "pip", "install", "--quiet", "--python", str(place), "-r", str(locked), external=True)


@nox.session(python=DEFAULT, default=False)
def bench(session: nox.Session) -> None:
    """Measure mvops beside its peers and write docs/benchmarks.md; `nox -s bench -- plan` prints one section.

    Takes about a quarter of an hour, and a machine that does nothing else. Without `terraform` on the PATH its row is
    left out; `wrk`, where it is on the PATH, asks the endpoints.
    """
    session.install(".[serve,parquet]")
    peers = {}
    for name in ("mlflow", "bentoml"):
        place = Path(".nox").resolve() / "environments" / name
        environment(session, Path(f"tests/environments/{name}.txt"), place)
        peers[f"MVOPS_BENCH_{name.upper()}"] = str(place / "bin" / "python")
    for python in (Path(session.bin) / "python", *map(Path, peers.values())):  # uv compiles nothing, pip does
        session.run(str(python), "-m", "compileall", "-q", "-j", "0", site(python), silent=True, external=True)
    session.run("python", "tests/benchmarks", *session.posargs, env=peers)


def site(python: Path) -> str:
    """The folder of an environment's packages."""
    return str(next(python.parents[1].glob("lib/python*/site-packages")))


@nox.session(python=DEFAULT)
def nightly(session: nox.Session) -> None:
    """What takes chances takes many: every write fails once, pairs of crashes, long histories, hostile requests."""
    session.install("-e", ".[all]", *TEST, *SYSTEMS)
    deep = ("tests/cli/test_crash_points.py", "tests/cli/test_histories.py", "tests/serving/test_fuzzing.py")
    session.run("pytest", *(session.posargs or deep), env={"MVOPS_TEST_DEPTH": "nightly"})


@nox.session(python=DEFAULT, default=False)
def corpus(session: nox.Session) -> None:
    """How many notebooks of a folder promote and give the same numbers: `nox -s corpus -- FOLDER`.

    What they import has to be there (`nox -s corpus -- FOLDER --with seaborn --with statsmodels`), or in another
    interpreter (`--python PATH`), as libraries of 2022 are.
    """
    given = list(session.posargs)
    libraries = [given.pop(at + 1) for at in reversed([n for n, arg in enumerate(given[:-1]) if arg == "--with"])]
    session.install("-e", ".[all]", *libraries)
    session.run("python", "tests/corpus", *(arg for arg in given if arg != "--with"))


@nox.session(python=DEFAULT)
def wheel(session: nox.Session) -> None:
    """The built wheel, installed where no checkout is, runs the demo."""
    folder = session.create_tmp()
    shutil.rmtree(folder)
    session.install("build>=1.2", "pytest>=8.3")
    session.run("python", "-m", "build", "--wheel", "--outdir", folder, silent=True)
    (built,) = Path(folder).resolve().glob("*.whl")
    session.install(f"mvops[demo] @ {built.as_uri()}")
    tests = Path(DEMO).resolve()
    with session.chdir(folder):
        session.run("python", "-c", "import mvops; assert 'site-packages' in mvops.__file__, mvops.__file__")
        session.run("pytest", "-c", str(tests.parents[1] / "pyproject.toml"), str(tests))
