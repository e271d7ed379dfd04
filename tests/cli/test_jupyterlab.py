"""A project in JupyterLab, in a browser: a plan in a cell; steps and parameters changed where Jupyter shows them."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lab import TOKEN, browser, jupyterlab
from toy_project import edit, until, write_notebook

pytestmark = pytest.mark.system
EVIL = "<script>window.stolen = 1</script><img src=x onerror='window.stolen = 1'>"


def test_steps_and_parameters_are_changed_and_the_plan_is_seen(
    project: Path, tmp_path: Path, outside: Callable[[str], Path]
) -> None:
    write_notebook(project / "notebooks/look.ipynb", {"%load_ext mvops\n%mvops plan": ()})
    edit(project / "pipelines/toy.ipynb", "model = make_pipeline", f'note = \\"{EVIL}\\"\\nmodel = make_pipeline')
    with jupyterlab(outside("jupyterlab"), project, tmp_path) as address, browser() as page:
        opened(page, address, "pipelines/toy.ipynb")
        typed_into_first_cell(page, "window_days = 7")
        retag_last_cell(page, "step:evaluate", "skip")
        cells = saved(project / "pipelines/toy.ipynb", lambda cells: cells[-1]["metadata"]["tags"] == ["skip"])
        assert "window_days = 7" in "".join(cells[0]["source"])
        opened(page, address, "notebooks/look.ipynb")
        page.locator(".jp-Notebook .jp-Cell").first.click()
        page.keyboard.press("Control+Enter")
        shown = page.locator(".mvops-shown")
        shown.wait_for()
        text = shown.inner_text()
        for change in ("1 (parameters)  +1 -0", "5 (train)  +1 -0", "6 (evaluate)  +0 -1"):
            assert f"pipelines/toy.ipynb, cell {change}" in text
        assert "features  from the cache" in text
        assert EVIL in shown.text_content()
        assert page.evaluate("window.stolen") is None
        light, dark = (colour(page, dark=dark) for dark in (False, True))
        assert light != dark


def opened(page: Any, address: str, notebook: str) -> None:
    """Open a notebook, with a kernel that is ready."""
    page.goto(f"{address}/lab/tree/{notebook}?token={TOKEN}&reset")
    page.locator(".jp-Notebook .jp-Cell").first.wait_for()
    page.locator(".jp-StatusBar-TextItem", has_text="| Idle").first.wait_for()


def typed_into_first_cell(page: Any, line: str) -> None:
    page.locator(".jp-Notebook .jp-Cell .cm-content").first.click()
    page.keyboard.press("Control+End")
    page.keyboard.type(f"\n{line}")
    page.keyboard.press("Escape")


def retag_last_cell(page: Any, old: str, new: str) -> None:
    """With the tag editor, and save."""
    page.locator(".jp-Notebook .jp-Cell").last.locator(".jp-InputPrompt").click()
    page.locator(".jp-SideBar [data-id=jp-property-inspector]").click()
    page.locator(".jp-Collapse-header", has_text="Common Tools").click()
    page.locator(".jp-CellTags-Tag", has_text=old).click()
    page.locator(".jp-CellTags-Add").click()
    page.keyboard.type(new)
    page.keyboard.press("Enter")
    page.keyboard.press("Control+s")


def saved(path: Path, as_wanted: Callable[[list[Any]], bool]) -> list[Any]:
    """The cells of a notebook file, once they are so."""

    def cells() -> list[Any]:
        with contextlib.suppress(ValueError):  # Jupyter is writing it
            found: list[Any] = json.loads(path.read_text())["cells"]
            return found if as_wanted(found) else []
        return []

    wanted: list[Any] = until(cells, timeout=60)
    return wanted


def colour(page: Any, *, dark: bool) -> str:
    """Of what is updated, in this theme."""
    page.evaluate("dark => document.body.dataset.jpThemeLight = dark ? 'false' : 'true'", dark)
    found: str = page.locator(".mvops-shown .warn").first.evaluate("each => getComputedStyle(each).color")
    return found
