from __future__ import annotations

import ast

import pytest

from mvops.errors import NotebookError
from mvops.notebook.cells import parse_cell


@pytest.mark.parametrize(
    "source",
    [
        "%matplotlib inline",
        "!pip install thing",
        "?open",
        "df.head?",
        "open??",
        "%%bash\nls -l | wc",
        "%%html\n<b>x</b>",
        "%%timeit -n 10\nx = 1",
        "%config InlineBackend.figure_format = 'retina'",
        "names = !ls {folder}",
        "a, b = %timeit -o f()",
        "%timeit for i in range(10): i * i",
        "cd ..",
        "plot(x)\n;",
        "pip install x -q",
        "if True:\n    !ls\n    %cd data",
        "!echo one \\\n  two 'three",
        "await thing()",
        " x = 1\n if x:\n     y = 2\nz = 3",
    ],
)
def test_what_ipython_takes_is_taken(source):
    parse_cell(source)


def test_a_percent_that_continues_an_expression_is_no_magic():
    cell = parse_cell("%matplotlib inline\nx = (7\n  % 4)\ny = '''\n%no magic\n'''\n")
    assert cell.magics == ("%matplotlib inline",)
    names = {}
    exec(compile(cell.tree, "cell", "exec"), names)
    assert names["x"] == 3
    assert names["y"] == "\n%no magic\n"


def test_positions_stay_those_of_the_source():
    source = "%time model = fit(  depth=3)\nprint('é', 4)"
    cell = parse_cell(source)
    numbers = [n for n in ast.walk(cell.tree) if isinstance(n, ast.Constant) and isinstance(n.value, int) and n.value]
    assert {ast.get_source_segment(source, n) for n in numbers} == {"3", "4"}


def test_captured_output_is_a_name():
    cell = parse_cell("%%capture out\nprint(1)")
    assert any(isinstance(n, ast.Name) and n.id == "out" for n in ast.walk(cell.tree))


@pytest.mark.parametrize(
    "source",
    ["print 'x'", "print x, y", "exec 'a'", "try:\n    f()\nexcept IOError, e:\n    pass", "raise ValueError, 'x'"],
)
def test_python_2_is_called_by_its_name(source):
    with pytest.raises(NotebookError, match="Python 2"):
        parse_cell(source)


def test_a_syntax_error_names_its_line():
    with pytest.raises(NotebookError, match=r"line 2, `y = = 3`"):
        parse_cell("x = 1\ny = = 3")


def test_a_null_byte_is_refused():
    with pytest.raises(NotebookError, match="null bytes"):
        parse_cell("x = 1\0")


def test_a_long_line_of_words_is_read_at_once():
    with pytest.raises(NotebookError):
        parse_cell("word " * 2000 + "!")
