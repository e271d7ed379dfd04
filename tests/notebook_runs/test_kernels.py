from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from mvops.errors import NotebookError
from mvops.notebook.kernels import Kernel, choose_kernel, environment

HERE = Path("n.ipynb")


def spec(name: str, language: str = "python") -> dict[str, Any]:
    return {"kernelspec": {"name": name, "language": language}}


@pytest.fixture
def kernels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))

    def install(name: str, python: Path | str, language: str = "python", flags: Sequence[str] = ("-m", "x")) -> None:
        folder = tmp_path / "kernels" / name
        folder.mkdir(parents=True)
        (folder / "kernel.json").write_text(json.dumps({"argv": [str(python), *flags], "language": language}))

    install("old", tmp_path / "venv/bin/python", flags=["-m", "ipykernel_launcher", "-f", "{connection_file}"])
    install("ours", sys.executable)
    install("rust", "evcxr", "rust")
    site = tmp_path / "venv/lib/python3.9/site-packages"
    for name in ("pandas-1.5.3.dist-info", "scikit_learn-1.1.0.dist-info"):
        (site / name).mkdir(parents=True)
    return tmp_path


@pytest.mark.parametrize("metadata", [{}, spec("python3"), spec("conda-root-py"), spec("../../evil"), spec("rust")])
def test_a_python_kernel_that_is_not_installed_is_python3(kernels: Path, metadata: dict[str, Any]) -> None:  # XB7
    assert choose_kernel(metadata, HERE) == Kernel("python3", None)


def test_an_installed_kernel_is_used_and_known_by_its_interpreter(kernels: Path) -> None:
    assert choose_kernel(spec("ours"), HERE) == Kernel("ours", None, ordinary=False)
    kernel = choose_kernel(spec("old"), HERE)
    assert kernel == Kernel("old", kernels / "venv/bin/python")
    assert environment(kernel, frozenset({"pandas"})) == (
        str(kernels / "venv/bin/python"),
        {"pandas": "1.5.3", "scikit_learn": "1.1.0"},
    )


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
