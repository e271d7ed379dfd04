from __future__ import annotations

from pathlib import Path

from mvops.notebook.reading import files_read, imported_modules, local_sources, names_written


def test_imports_are_found_anywhere_in_the_code() -> None:
    sources = [
        "import numpy as np, os.path",
        "def f():\n    from sklearn.base import clone",
        "%matplotlib inline\nimport a.b",
    ]
    assert imported_modules(sources) == {"numpy", "os.path", "sklearn.base", "a.b"}


def test_local_modules_are_found_with_what_they_import(tmp_path: Path) -> None:
    folder = tmp_path / "notebooks"
    (folder / "package").mkdir(parents=True)
    (folder / "helpers.py").write_text("from shared import x\nimport package.part, json")
    (folder / "package/part.py").write_text("")
    (folder / "broken.py").write_text("def (")
    (tmp_path / "shared.py").write_text("x = 1")
    found = local_sources({"helpers", "broken", "numpy"}, folder, tmp_path)
    assert set(found) == {"notebooks/helpers.py", "notebooks/package/part.py", "notebooks/broken.py", "shared.py"}
    (tmp_path / "shared.py").write_text("x = 2")
    changed = local_sources({"helpers"}, folder, tmp_path)
    assert changed["shared.py"] != found["shared.py"]
    assert changed["notebooks/helpers.py"] == found["notebooks/helpers.py"]


def test_files_that_the_code_reads_by_name_are_found(tmp_path: Path) -> None:
    for name in ("a.csv", "b.txt", "c.pkl", "d.csv"):
        (tmp_path / name).write_text("x")
    source = (
        "pd.read_csv('a.csv')\nopen('b.txt').read()\njoblib.load('c.pkl')\nprint('d.csv')\nread_csv('gone.csv')\n"
        "pd.read_csv(path)\nread_csv('http://x/y')\nload('')\nread_csv('" + "x" * 2000 + "')"
    )
    found = files_read(source, tmp_path, frozenset())
    assert [file.name for file in found] == ["a.csv", "b.txt", "c.pkl"]


def test_files_that_the_notebook_writes_itself_do_not_count(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x")
    (tmp_path / "b.txt").write_text("x")
    sources = ["df.to_csv('a.csv')\nopen('b.txt', 'w').write('')", "pd.read_csv('a.csv')\nopen('b.txt')"]
    assert files_read(sources[1], tmp_path, names_written(sources)) == []
    assert names_written(["open('b.txt', mode='r')\nopen('c.txt')"]) == {"r"}
