from __future__ import annotations

import pytest

from mvops.notebook.code import code_cells
from mvops.notebook.hidden import hidden_name
from mvops.notebook.read import read_notebook


def hidden(book, *sources):
    path = book(*sources)
    found = hidden_name(code_cells(read_notebook(path), path))
    return found and (found.code.number, found.name, found.later.number if found.later else None)


@pytest.mark.parametrize(
    ("sources", "found"),
    [
        (["a = 1", "print(a, b)"], (2, "b", None)),
        (["print(a)", "a = 1"], (1, "a", 2)),
        (["x = [i for i in rows]"], (1, "rows", None)),
        (["df['x'] = 1"], (1, "df", None)),
        (["n += 1"], (1, "n", None)),
        (["for i in rows:\n    pass"], (1, "rows", None)),
        (["with lock as l:\n    pass"], (1, "lock", None)),
        (["a = b if c else d"], (1, "c", None)),
        (["a = b and c"], (1, "b", None)),
        (["{k: 1 for k in b}"], (1, "b", None)),
        (["a < 3"], (1, "a", None)),
    ],
)
def test_a_name_without_a_value_is_found(book, sources, found):
    assert hidden(book, *sources) == found


@pytest.mark.parametrize(
    "sources",
    [
        ["def f():\n    return later", "later = 1", "f()"],
        ["from math import *", "print(sqrt(2))"],
        ["%run other.ipynb", "print(x)"],
        ["%%sql result <<\nselect 1", "result"],
        ["if False:\n    print(nothing)"],
        ["try:\n    print(nothing)\nexcept NameError:\n    pass"],
        ["exec('a = 1')", "print(a)"],
        ["try:\n    import a\nexcept ImportError as e:\n    print(e)"],
        ["print(_, __, _3, In, Out, display)"],
        ["print((n := 3), n)"],
        ["match 3:\n    case [a, *b]:\n        pass\n    case {'k': c, **d}:\n        pass", "print(a, b, c, d)"],
        ["%%capture out\nprint(1)", "out.show()"],
        ["def f():\n    global g\n    g = 1\nf()", "print(g)"],
        ["lambda: nothing"],
        ["import a.b as c, d.e", "print(c, d)"],
    ],
)
def test_a_sound_notebook_is_never_accused(book, sources):
    assert hidden(book, *sources) is None
