"""docs/plan-guarantees.md and docs/promises.md name the tests of each promise, and no promise is without one.

`MVOPS_UPDATE_DOCS=1 pytest tests/test_guarantees.py` writes the last column anew.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = {
    "plan-guarantees.md": [f"P{number}" for number in range(1, 43)],
    "promises.md": [
        *(f"A{number}" for number in range(1, 9)),
        *("D1", "D2", "D3", "D4", "D5", "D9"),
        *(f"XS{number}" for number in range(1, 10)),
        *(f"XN{number}" for number in range(1, 7)),
        *("XU1", "XU2", "XU3", "XU4", "XU6"),
        *("F1", "F2", "F4"),
        *("S3", "S4", "S5"),
        *("S11", *(f"XJ{number}" for number in range(1, 8)), "XO2"),
        *("S7", "K1", "K3", "K4"),
    ],
}
ROW = re.compile(r"^\| ([A-Z]+\d+) \| (.*) \| ?(.*) ?\|$", re.MULTILINE)
NAMED = re.compile(r"^(?:    )?def test_((?:(?:p|a|d|f|k|s|xs|xn|xj|xu|xo)\d+b?_)+)", re.MULTILINE)


def named() -> dict[str, Counter[str]]:
    """Promise -> file -> how many tests name it: `test_p8_p19_...` is about P8 and P19."""
    found: dict[str, Counter[str]] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for named in NAMED.findall(path.read_text(encoding="utf-8")):
            for promise in set(named.upper().replace("B_", "_").strip("_").split("_")):
                found.setdefault(promise, Counter())[path.relative_to(ROOT).as_posix()] += 1
    return found


def written(text: str) -> str:
    known = named()

    def row(match: re.Match[str]) -> str:
        files = known.get(match[1], Counter())
        shown = ", ".join(f"`{path.removeprefix('tests/')}` ({count})" for path, count in sorted(files.items()))
        return f"| {match[1]} | {match[2]} | {shown} |"

    return ROW.sub(row, text)


@pytest.mark.parametrize("name", PAGES)
def test_the_page_names_the_tests(name: str) -> None:
    page = ROOT / "docs" / name
    text = page.read_text(encoding="utf-8")
    if os.environ.get("MVOPS_UPDATE_DOCS"):
        page.write_text(written(text), encoding="utf-8")
    assert page.read_text(encoding="utf-8") == written(text)


@pytest.mark.parametrize("name", PAGES)
def test_every_promise_has_a_test(name: str) -> None:
    rows = ROW.findall((ROOT / "docs" / name).read_text(encoding="utf-8"))
    assert [promise for promise, _, _ in rows] == PAGES[name]
    known = named()
    lacking = [promise for promise, text, _ in rows if promise not in known and not text.startswith("Not yet")]
    assert lacking == []
