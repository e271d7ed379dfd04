from __future__ import annotations

import pytest

from mvops.notebook.flow import cell_flow, immediate_reads, is_setup, notebook_flows, shared_objects


@pytest.mark.parametrize(
    ("source", "reads"),
    [
        ("print(df)", {"df"}),
        ("x = 1\nprint(x)", set()),
        ("if a:\n    b = 1\nprint(b)", {"a", "b"}),
        ("if a:\n    b = 1\nelse:\n    b = 2\nprint(b)", {"a"}),
        ("for i in rows:\n    total = i\nprint(total, i)", {"rows", "total", "i"}),
        ("x += 1", {"x"}),
        ("[i * k for i in rows if i]", {"rows", "k"}),
        ("{a: b for a, b in pairs}", {"pairs"}),
        ("def f(x, y=d):\n    return x + g + len(z)", {"d", "g", "z"}),
        ("def f():\n    h = 1\n    return h", set()),
        ("def a():\n    return b()\ndef b():\n    return a()", set()),
        ("class A(Base):\n    size = n\n    def run(self):\n        return size", {"Base", "n", "size"}),
        ("f = lambda x: x + k", {"k"}),
        ("df.query('a > @limit')", {"df", "limit"}),
        ("try:\n    import fast\nexcept ImportError:\n    fast = None\nfast", set()),
        ("with open(p) as f:\n    text = f.read()\ntext", {"p"}),
        ("(n := 3)\nprint(n)", set()),
        ("any((last := x) for x in rows)\nprint(last)", {"rows", "last"}),
        ("del df", {"df"}),
        ("!ls {folder} $name", {"folder", "name"}),
        ("match v:\n    case [a, *b]:\n        print(a, b)", {"v"}),
        ("while go:\n    go = step()\nelse:\n    done = go", {"go", "step"}),
        ("x: int = y", {"y"}),
        ("a.b.c[i].d = 1", {"a", "i"}),
        ("try:\n    pass\nexcept ValueError as e:\n    print(e)", set()),
    ],
)
def test_reads(source, reads):
    assert cell_flow(source).reads == reads


@pytest.mark.parametrize(
    ("source", "mutates"),
    [
        ("df['x'] = 1", {"df"}),
        ("df.loc[rows, 'x'] = 1", {"df"}),
        ("df.columns = names", {"df"}),
        ("df.drop('x', inplace=True)", {"df"}),
        ("df.drop('x', inplace=False)", set()),
        ("df.groupby('a').sum()", set()),
        ("items.append(1)", {"items"}),
        ("model.fit(X, y)", {"model"}),
        ("pipe.steps[0].fit(X)", {"pipe"}),
        ("n += 1", {"n"}),
        ("del df['x']", {"df"}),
        ("np.random.shuffle(order)", {"order"}),
        ("def f():\n    global n\n    n = 1", set()),
        ("n = 0\ndef f():\n    global n\n    n += 1\nf()", {"n"}),
        ("def clean(d):\n    d['x'] = 1\nclean(df)", {"df"}),
        ("def clean(d, e):\n    e.append(1)\nclean(df, e=names)", {"names"}),
        ("for d in [train, test]:\n    d['x'] = 1", {"d", "train", "test"}),
        ("for n, m in zip(names, models):\n    m.fit(X)", {"m", "n", "names", "models"}),
        ("import pandas as pd\npd.options.mode.copy = 1", set()),
        ("[d.append(1) for d in lists]", {"d"} - {"d"}),
        ("list(map(lambda d: seen.add(d), rows))", {"seen"}),
    ],
)
def test_changes_in_place(source, mutates):
    assert cell_flow(source).mutates == mutates


def test_binds_imports_defines_and_deletes():
    flow = cell_flow(
        "import a.b, c as d\nfrom e import f\nfrom g import *\ndef h(): pass\nclass I: pass\nj = k = 1\ndel j"
    )
    assert flow.imports == {"a", "d", "f", "*"}
    assert flow.defines == {"h", "I"}
    assert flow.binds == {"a", "d", "f", "h", "I", "j", "k"}
    assert flow.deletes == {"j"}


@pytest.mark.parametrize(
    "source",
    [
        "import os\nos.chdir('..')",
        "sys.path.append('..')",
        "sys.path += ['..']",
        "np.random.seed(0)",
        "warnings.filterwarnings('ignore')",
        "plt.rcParams['figure.figsize'] = (8, 4)",
        "pd.options.display.max_rows = 5",
        "sns.set_style('white')",
        "%matplotlib inline",
        "os.environ['A'] = 'b'",
        "%%bash\nls",
    ],
)
def test_process_state(source):
    assert cell_flow(source).state


@pytest.mark.parametrize("source", ["df['a'] = 1", "x = plt.plot(y)", "def f():\n    return seed", "model.fit(X)"])
def test_no_process_state(source):
    assert not cell_flow(source).state


def test_a_function_brings_what_it_reads_and_changes_to_the_cell_that_calls_it():
    flows = notebook_flows(
        [
            "def score():\n    log.append(1)\n    return helper()",
            "def helper():\n    return limit",
            "limit, log = 3, []",
            "result = score()",
        ]
    )
    assert flows[3].reads == {"score", "log", "helper", "limit"}
    assert flows[3].mutates == {"log"}


def test_one_object_under_two_names_changes_under_both():
    flows = notebook_flows(["both = [train, test]", "for part in both:\n    part['x'] = 1"])
    assert {"train", "test", "both"} <= flows[1].mutates
    assert shared_objects(["both = [train, test]", "x = y"]) != ()


def test_a_built_in_name_that_the_notebook_takes_counts_as_read():
    flows = notebook_flows(["input = read()", "print(input)"])
    assert flows[1].reads == {"input"}


@pytest.mark.parametrize(
    "source",
    [
        "import a\nfrom b import c",
        "def f():\n    return 1",
        "'''text'''\nimport a\nnp.random.seed(1)\nclass A: pass",
        "try:\n    import a\nexcept ImportError:\n    a = lambda: 1",
        "%matplotlib inline",
        "if True:\n    import a\nelse:\n    import b",
        "f = lambda x: x",
        "sys.path += ['x']",
        "plt.rcParams['a'] = 1",
    ],
)
def test_setup(source):
    assert is_setup(source)


@pytest.mark.parametrize(
    "source", ["", "# nothing", "x = 1", "import a\ndf = a.read()", "%%bash\nls", "for i in x: pass"]
)
def test_no_setup(source):
    assert not is_setup(source)


def test_a_function_needs_its_defaults_at_once_and_its_names_later():
    assert immediate_reads("@decorate\ndef f(x=start):\n    return later") == {"decorate", "start"}
