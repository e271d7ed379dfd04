from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from mvops.errors import NotebookError
from mvops.notebook.kernels import Asked, Kernel, choose_kernel, environment, missing_here

HERE = Path("n.ipynb")
IPYTHON = ["-m", "ipykernel_launcher", "-f", "{connection_file}"]


def spec(name: str, language: str = "python") -> dict[str, Any]:
    return {"kernelspec": {"name": name, "language": language}}


@pytest.fixture
def kernels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))

    def install(name: str, python: Path | str, language: str = "python", flags: Sequence[str] = ("-m", "x")) -> None:
        folder = tmp_path / "kernels" / name
        folder.mkdir(parents=True)
        (folder / "kernel.json").write_text(json.dumps({"argv": [str(python), *flags], "language": language}))

    install("old", tmp_path / "venv/bin/python", flags=IPYTHON)
    install("ours", sys.executable)
    install("rust", "evcxr", "rust")
    site = tmp_path / "venv/lib/python3.9/site-packages"
    for name in ("pandas-1.5.3", "scikit_learn-1.1.0", "ipykernel-6.0.0", "opencv_contrib-4.5", "unused-1.0"):
        (site / f"{name}.dist-info").mkdir(parents=True)
    (site / "opencv_contrib-4.5.dist-info" / "top_level.txt").write_text("cv2\n")
    (tmp_path / "venv/bin").mkdir()
    (tmp_path / "venv/bin/python").touch()
    (tmp_path / "venv/pyvenv.cfg").write_text("home = /nowhere\nversion_info = 3.9.18.final.0\n")
    return tmp_path


@pytest.mark.parametrize("metadata", [{}, spec("python3"), spec("conda-root-py"), spec("../../evil"), spec("rust")])
def test_a_python_kernel_that_is_not_installed_is_python3(kernels: Path, metadata: dict[str, Any]) -> None:  # XB7
    assert choose_kernel(metadata, HERE) == Kernel("python3", None)


def test_an_installed_kernel_is_used_and_known_by_its_interpreter(kernels: Path) -> None:
    ours = choose_kernel(spec("ours"), HERE)
    assert (ours.name, ours.python, ours.ipython, ours.ordinary) == ("ours", None, False, False)
    kernel = choose_kernel(spec("old"), HERE)
    assert kernel == Kernel("old", kernels / "venv/bin/python")
    assert environment(kernel, frozenset({"pandas", "cv2", "helpers", "os"})) == (
        "3.9.18",
        {"opencv-contrib": "4.5", "pandas": "1.5.3", "scikit-learn": "1.1.0"},
    )


def test_a_kernel_that_conda_sets_variables_for_is_limited_but_never_forked(kernels: Path) -> None:
    """And what is set for it decides what it computes."""
    folder = kernels / "kernels" / "conda"
    folder.mkdir()
    argv = [str(kernels / "venv/bin/python"), *IPYTHON]
    seen = set()
    for value in ("1", "2"):
        env = {"CONDA_PREFIX": str(kernels / "venv"), "X": value}
        (folder / "kernel.json").write_text(json.dumps({"argv": argv, "language": "python", "env": env}))
        kernel = choose_kernel({}, HERE, Asked(kernel="conda"))
        assert (kernel.ipython, kernel.ordinary, kernel.python) == (True, False, kernels / "venv/bin/python")
        seen.add(kernel.setup)
    assert len(seen) == 2
    runner = ["python", "-m", "nb_conda_kernels.runner", "/opt/conda", str(kernels / "venv"), "ipykernel_launcher"]
    (folder / "kernel.json").write_text(json.dumps({"argv": runner, "language": "python"}))
    assert choose_kernel({}, HERE, Asked(kernel="conda")).python == kernels / "venv/bin/python"


def test_a_worker_says_which_kernel_it_lacks(kernels: Path) -> None:
    kernel = choose_kernel({}, HERE, Asked(kernel="old"))
    assert missing_here(kernel) == ""
    (kernels / "kernels/old/kernel.json").write_text('{"argv": ["/elsewhere/python"], "language": "python"}')
    assert missing_here(kernel) == "its kernel 'old' is another"
    (kernels / "kernels/old/kernel.json").unlink()
    assert missing_here(kernel).startswith("it has no kernel 'old'; it has ours, python3")
    there = choose_kernel({}, HERE, Asked(python=kernels / "venv/bin/python"))
    assert missing_here(there) == ""
    (kernels / "venv/bin/python").unlink()
    assert missing_here(there) == f"it has no interpreter {kernels / 'venv/bin/python'}"


@pytest.mark.parametrize(
    ("metadata", "language"),
    [(spec("ir", "R"), "R"), (spec("julia-1.9", "julia"), "Julia"), ({"language_info": {"name": "scala"}}, "Scala")],
)
def test_another_language_is_refused(metadata: dict[str, Any], language: str) -> None:
    with pytest.raises(NotebookError, match=f"written in {language};"):
        choose_kernel(metadata, HERE)


def test_releases_are_those_of_the_distributions() -> None:
    import sklearn

    python, packages = environment(Kernel("python3", None), frozenset({"sklearn", "os", "_pytest", "no_such_module"}))
    assert python == ".".join(map(str, sys.version_info[:3]))
    assert packages == {"scikit-learn": sklearn.__version__, "pytest": pytest.__version__}
