from __future__ import annotations

import pytest

from mvops.notebook.code import code_cells
from mvops.notebook.parameters import Place, lift
from mvops.notebook.read import read_notebook


@pytest.fixture
def lifted(book, tmp_path):
    def make(*sources, name="notebooks/work.ipynb", moves=False):
        path = book(*sources, name=name)
        return lift(code_cells(read_notebook(path), path), Place(tmp_path, path.parent, moves=moves))

    return make


def defaults(found):
    return {parameter.name: parameter.default for parameter in found.parameters}


def test_literals_in_calls_get_names_and_nothing_else_changes(lifted):
    found = lifted(
        "from sklearn.model_selection import train_test_split\nfrom sklearn.ensemble import RandomForestClassifier",
        "# é split  it\nX_train, X_test = train_test_split( X,  y,test_size = 0.30, random_state=42)  # keep this",
        "model = RandomForestClassifier(n_estimators=1_00,\n    n_jobs=-1, max_depth=-3, verbose=0)",
    )
    assert defaults(found) == {"test_size": 0.3, "random_state": 42, "n_estimators": 100, "max_depth": -3}
    assert found.cells[1].source == (
        "# é split  it\n"
        "X_train, X_test = train_test_split( X,  y,test_size = test_size, random_state=random_state)  # keep this"
    )
    assert found.cells[2].source == (
        "model = RandomForestClassifier(n_estimators=n_estimators,\n    n_jobs=-1, max_depth=max_depth, verbose=0)"
    )
    by_name = {parameter.name: parameter for parameter in found.parameters}
    assert (by_name["test_size"].text, by_name["test_size"].type, by_name["test_size"].cell) == ("0.30", "float", 2)
    assert (by_name["n_estimators"].text, by_name["n_estimators"].type) == ("1_00", "int")
    assert by_name["n_estimators"].used_by == "model"


def test_one_seed_in_several_places_is_one_parameter(lifted):
    found = lifted("np.random.seed(7)", "a = train_test_split(X, random_state=7)", "m = SVC(random_state=7)")
    assert defaults(found) == {"random_state": 7}


def test_several_seeds_are_told_apart(lifted):
    found = lifted("a = train_test_split(X, random_state=1)", "m = SVC(random_state=2)", "np.random.seed(3)")
    assert defaults(found) == {"random_state": 1, "m_random_state": 2, "random_seed": 3}


def test_the_seed_of_a_generator_alone_is_called_so(lifted):
    assert defaults(lifted("import random\nrandom.seed(3)")) == {"random_seed": 3}


def test_one_keyword_with_several_values_is_named_after_its_owner(lifted):
    found = lifted("tree = DecisionTreeClassifier(max_depth=3)", "wood = RandomForestClassifier(max_depth=9)")
    assert defaults(found) == {"tree_max_depth": 3, "wood_max_depth": 9}
    again = lifted("m = Ridge(alpha=1)", "m = Ridge(alpha=10)", "f(Lasso(alpha=2))")
    assert defaults(again) == {"m_alpha": 1, "m_alpha_2": 10, "lasso_alpha": 2}


def test_equal_numbers_of_different_types_stay_apart(lifted):
    found = lifted("a = Ridge(alpha=1)", "b = Ridge(alpha=1.0)")
    assert [type(p.default) for p in found.parameters] == [int, float]


def test_a_letter_is_no_name(lifted):
    assert defaults(lifted("clf = SVC(C=10, kernel='linear')")) == {"clf_C": 10, "kernel": "linear"}


def test_nothing_of_the_notebook_is_hidden_by_a_new_name(lifted):
    found = lifted(
        "test_size = len(rows) / 2\ndef n_estimators(): pass",
        "a = train_test_split(X, test_size=0.2)",
        "m = RandomForestClassifier(n_estimators=5)",
    )
    assert defaults(found) == {"test_size_2": 0.2, "m_n_estimators": 5}


@pytest.mark.parametrize(
    "source",
    [
        "plt.figure(figsize=(8, 4), dpi=100)",
        "df.plot(alpha=0.5, figsize=(3, 3))",
        "pd.set_option('display.max_rows', 5)",
        "df.head(10)",
        "m = RandomForestClassifier(n_jobs=4, verbose=1, class_weight={0: 1}, bootstrap=True)",
        "grid = GridSearchCV(m, {'C': [1, 2]})",
        "e = OrdinalEncoder(handle_unknown='ignore', unknown_value=-1)",
        "def f():\n    return RandomForestClassifier(n_estimators=5)",
        "f = lambda: SVC(C=2)",
        "print(f'{train_test_split(X, test_size=0.2)}')",
        "ConfusionMatrixDisplay(cm, values=3)",
        "Thing(size=3)",
    ],
)
def test_what_is_no_setting_is_left_alone(lifted, source):
    found = lifted(source)
    assert defaults(found) == {}
    assert found.cells[0].source == source


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("days = df.rolling(7).mean()", {"window": 7}),
        ("days = df.rolling(window=7).mean()", {"window": 7}),
        ("df['lag'] = df.x.shift(1)", {"periods": 1}),
        ("small = df.sample(frac=0.1, random_state=3)", {"frac": 0.1, "random_state": 3}),
        ("scores = cross_val_score(m, X, y, cv=5)", {"cv": 5}),
        ("folds = KFold(n_splits=4)", {"n_splits": 4}),
        ("model.fit(X, y, epochs=20, batch_size=32)", {"epochs": 20, "batch_size": 32}),
        ("import lightgbm as lgb\nm = lgb.LGBMRegressor(num_leaves=31)", {"num_leaves": 31}),
        ("from sklearn.svm import SVC as S\nm = S(gamma=0.1)", {"gamma": 0.1}),
        ("for k in ks:\n    m = KNeighborsClassifier(k, leaf_size=20)", {"leaf_size": 20}),
        ("m = make_pipeline(StandardScaler(), PCA(n_components=3))", {"n_components": 3}),
    ],
)
def test_settings_of_every_kind(lifted, source, expected):
    assert defaults(lifted(source)) == expected


def test_an_assignment_moves_into_the_parameters(lifted):
    found = lifted("N_FOLDS = 5  # folds\nseed=3\nuse_all: bool = True", "print(N_FOLDS, seed, use_all)")
    assert defaults(found) == {"N_FOLDS": 5, "seed": 3, "use_all": True}
    assert found.cells[0].source.splitlines()[0] == "# N_FOLDS is a parameter, set in the first cell  # folds"


@pytest.mark.parametrize(
    "sources",
    [
        ["best_score = 0", "best_score = 1", "print(best_score)"],
        ["count = 0\nfor i in x:\n    count += 1", "print(count)"],
        ["TP = 10", "print(TP)"],
        ["accuracy = 0.8", "print(accuracy)"],
        ["target = 'price'", "df[target]"],
        ["cols = ['a']", "df[cols]"],
        ["fig_width = 10", "plt.figure(figsize=(fig_width, 3))"],
        ["unused = 3", "print(1)"],
        ["k = 3", "print(k)"],
        ["a_b = 1; c_d = 2", "print(a_b, c_d)"],
        ["if x:\n    limit = 3", "print(limit)"],
        ["limit = 3", "def f():\n    global limit\n    limit = 4", "print(limit)"],
        ["out_path = 'models/model.pkl'", "joblib.dump(model, out_path)"],
        ["out_path = 'x.csv'", "with open(out_path, 'w') as f:\n    pass"],
        ["limit = 3", "del limit"],
        ["nothing = None", "print(nothing)"],
        ["huge = 1e999", "print(huge)"],
    ],
)
def test_traps_among_assignments(lifted, sources):
    found = lifted(*sources)
    assert defaults(found) == {}
    assert [code.source for code in found.cells] == sources


def test_a_tagged_cell_of_parameters_is_taken_whole(book, tmp_path):
    import nbformat

    path = book("target = 'price'\nk = 3", "df[target], k")
    notebook = nbformat.read(path, 4)
    notebook.cells[0].metadata["tags"] = ["parameters"]
    nbformat.write(notebook, path)
    found = lift(code_cells(read_notebook(path), path), Place(tmp_path, path.parent))
    assert defaults(found) == {"target": "price", "k": 3}


@pytest.mark.parametrize(
    ("source", "name", "below"),
    [
        ('flights = pd.read_parquet("../data/flights")', "flights_path", "data/flights"),
        ("df = pd.read_csv('titanic.csv')", "titanic_path", "notebooks/titanic.csv"),
        ("df = pd.read_csv('no extension')", "no_extension_path", "notebooks/no extension"),
        ("df = pd.read_csv('./a/2019 sales.csv.gz')", "data_2019_sales_path", "notebooks/a/2019 sales.csv.gz"),
        ("files = glob.glob('../data/day_*.csv')", "files_path", "data/day_*.csv"),
        ("DATA = Path('../data')", "data_path", "data"),
        ("x = np.load('a.npy')", "a_path", "notebooks/a.npy"),
        ("with open('../words.txt') as f:\n    words = f.read()", "words_path", "words.txt"),
        ("cfg = json.load(open('c.json'))", "cfg_path", "notebooks/c.json"),
        ("df = pd.read_csv(os.path.join('..', 'data', 'x.csv'))", "x_path", "data/x.csv"),
        ("df = pd.read_csv(filepath_or_buffer='x.csv')", "x_path", "notebooks/x.csv"),
        ("DATA_DIR = '../data/'\nprint(DATA_DIR + 'x.csv')", "DATA_DIR", "data"),
        (
            "df = pd.read_csv('a_very_long_name_for_a_file_of_data.csv')",
            "data_path",
            "notebooks/a_very_long_name_for_a_file_of_data.csv",
        ),
    ],
)
def test_a_path_that_is_read_is_an_input(lifted, source, name, below):
    found = lifted(source)
    assert found.inputs == {name: below}
    assert [p.role for p in found.parameters if p.name == name] == ["input"]
    assert "not there now" in found.notes[0]


@pytest.mark.parametrize(
    ("source", "name", "says"),
    [
        ("df = pd.read_csv('https://example.org/d/iris.csv?x=1')", "iris_url", "from the network"),
        ("df = pd.read_csv('/kaggle/input/train.csv')", "train_path", "an absolute path"),
        ("df = pd.read_csv('C:/data/train.csv')", "train_path", "an absolute path"),
        ("df = pd.read_csv('../../elsewhere/train.csv')", "train_path", "outside the project"),
    ],
)
def test_other_paths_are_parameters_with_a_note(lifted, source, name, says):
    found = lifted(source)
    assert found.inputs == {}
    assert [p.name for p in found.parameters] == [name]
    assert says in found.notes[0]


def test_a_moved_working_folder_makes_a_path_uncertain(lifted):
    found = lifted("df = pd.read_csv('x.csv')", moves=True)
    assert found.inputs == {}
    assert "after changing the working folder" in found.notes[0]


@pytest.mark.parametrize(
    "source",
    [
        "df.to_csv('out.csv')",
        "with open('out.txt', 'w') as f:\n    f.write('x')",
        "df = sns.load_dataset('iris')",
        "df = pd.read_sql('select * from a/b', con)",
        "plt.imread('a.png')",
        "Image(filename='a.png')",
        "nlp = spacy.load('en_core_web_sm')",
        "rows = os.listdir('.')",
        "df = pd.read_csv(f'{folder}/x.csv')",
        "df = pd.read_csv(io.StringIO('a,b'))",
    ],
)
def test_what_is_not_read_from_a_known_file_is_no_input(lifted, source):
    found = lifted(source)
    assert found.parameters == []
    assert found.cells[0].source == source


def test_a_file_that_is_there_needs_no_note(lifted, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "day_1.csv").write_text("a\n1\n")
    assert lifted("files = glob.glob('../data/day_*.csv')\ndf = pd.read_csv('../data/day_1.csv')").notes == []


def test_one_file_read_twice_is_one_input(lifted):
    found = lifted("a = pd.read_csv('x.csv')", "b = pd.read_csv('x.csv')")
    assert list(found.inputs) == [p.name for p in found.parameters] == ["x_path"]


def test_a_capital_letter_is_a_setting_and_a_small_one_a_counter(lifted):
    found = lifted("C = 1.0\nn = 3", "model = LogisticRegression(C=C)\nfor _ in range(n):\n    model.fit(X, y)")
    assert defaults(found) == {"C": 1.0}
