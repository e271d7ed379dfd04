"""What counts of a cell's code, and what does not."""

from __future__ import annotations

import pytest

from mvops.notebook.doings import does


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("x = f(1)", "# why\n\nx = f(\n    1,  # so\n)", True),
        ("x = 'a'", 'x = "a"', True),
        ("x = 1", "x = 1.0", False),
        ("x = '# a'", "x = '# b'", False),
        ("def f():\n    return 1", "def f():\n    'It.'\n    return 1", False),
        ("%matplotlib inline\nx = 1", "%matplotlib inline\n# so\nx = 1", True),
        ("%matplotlib inline\nx = 1", "%matplotlib agg\nx = 1", False),
        ("!pip install \\\n  a==1\nx = 1", "!pip install \\\n  a==2\nx = 1", False),
        ("%%bash\n# a\nls", "%%bash\n# b\nls", False),
        ("%%writefile a.py\n# a", "%%writefile a.py\n# b", False),
        ("%%time\nx = 1  # a", "%%time\nx = 1", True),
        ("not python at all # a", "not python at all # b", False),
        ("if a:\n    b()\n    c()", "if a:\n    b()\nc()", False),
    ],
)
def test_comments_and_layout_do_not_count(one: str, other: str, *, same: bool) -> None:
    assert (does(one, code=True) == does(other, code=True)) == same
