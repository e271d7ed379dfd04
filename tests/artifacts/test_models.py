from __future__ import annotations

import io
import json
import pickle
import zipfile
from collections.abc import Iterator
from pathlib import Path

import cloudpickle
import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_selector
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingRegressor,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    StackingClassifier,
    VotingRegressor,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectKBest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, WhiteKernel
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import (
    HuberRegressor,
    LinearRegression,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
    SGDClassifier,
    SGDRegressor,
    TweedieRegressor,
)
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    SplineTransformer,
    StandardScaler,
)
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier
from skops.io import dumps
from threadpoolctl import threadpool_limits

from mvops.artifacts.models import dump_model, load_model, load_skops
from mvops.artifacts.store import ArtifactStore
from mvops.core.version import Artifact
from mvops.errors import ArtifactError

CLASSIFIERS = {
    "logistic": LogisticRegression(),
    "sgd_hinge": SGDClassifier(random_state=0),
    "sgd_log": SGDClassifier(loss="log_loss", random_state=0),
    "sgd_huber": SGDClassifier(loss="modified_huber", random_state=0),
    "tree": DecisionTreeClassifier(),
    "forest": RandomForestClassifier(5),
    "forest_random_state": RandomForestClassifier(5, random_state=np.random.RandomState(1)),
    "boosting": GradientBoostingClassifier(n_estimators=5),
    "boosting_exponential": GradientBoostingClassifier(n_estimators=5, loss="exponential"),
    "hist_boosting": HistGradientBoostingClassifier(max_iter=8, early_stopping=True),
    "ada": AdaBoostClassifier(n_estimators=4),
    "stacking": StackingClassifier([("a", LogisticRegression()), ("b", DecisionTreeClassifier())]),
    "svc": SVC(),
    "knn_kd": KNeighborsClassifier(algorithm="kd_tree"),
    "knn_ball": KNeighborsClassifier(algorithm="ball_tree", metric="manhattan"),
    "bayes": GaussianNB(),
    "calibrated_sigmoid": CalibratedClassifierCV(LinearSVC()),
    "calibrated_isotonic": CalibratedClassifierCV(RandomForestClassifier(3), method="isotonic"),
    "searched": GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, scoring="roc_auc", cv=3),
    "selected": make_pipeline(SelectKBest(k=2), PCA(2), LogisticRegression()),
}
REGRESSORS = {
    "linear": LinearRegression(),
    "huber": HuberRegressor(),
    "poisson": PoissonRegressor(),
    "tweedie": TweedieRegressor(power=1.5),
    "sgd": SGDRegressor(loss="huber", random_state=0),
    "extra_trees": ExtraTreesRegressor(5),
    "bagging": BaggingRegressor(n_estimators=3),
    "boosting_quantile": GradientBoostingRegressor(n_estimators=5, loss="quantile"),
    "voting": VotingRegressor([("a", Ridge()), ("b", KNeighborsRegressor())]),
    "mlp": MLPRegressor(hidden_layer_sizes=(5,), tol=1e9, random_state=0),
    "gaussian_process": GaussianProcessRegressor(RBF(10.0) + WhiteKernel(), optimizer=None),
    "log_target": TransformedTargetRegressor(Ridge(), func=np.log1p, inverse_func=np.expm1),
    "splines": make_pipeline(SplineTransformer(), Ridge()),
    "polynomials": make_pipeline(PolynomialFeatures(2), FunctionTransformer(np.sign), Ridge()),
} | {
    f"hist_{loss}": HistGradientBoostingRegressor(max_iter=4, loss=loss, quantile=0.5)
    for loss in ("squared_error", "absolute_error", "poisson", "gamma", "quantile")
}


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """Small data on busy processors: threads would wait for each other."""
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "temp": rng.normal(size=120),
            "distance": rng.normal(500, 100, size=120),
            "stops": rng.integers(0, 3, 120),
            "carrier": rng.choice(["AA", "UA", "DL"], 120),
        }
    )
    table.loc[::17, "temp"] = np.nan
    return table


def prepared(estimator: object) -> object:
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    columns = ColumnTransformer(
        [("n", numbers, ["temp", "distance", "stops"]), ("c", OneHotEncoder(sparse_output=False), ["carrier"])]
    )
    return make_pipeline(columns, sklearn.clone(estimator))


def through_the_store(model: object, tmp_path: Path) -> object:
    store = ArtifactStore("artifacts", tmp_path)
    return load_model(store, store.put_bytes(*dump_model(model)))


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_classifier_predicts_the_same_after_a_round_trip(name, rows, tmp_path):
    target = (rows["distance"] > 500) ^ (rows["carrier"] == "AA")
    model = prepared(CLASSIFIERS[name]).fit(rows, target)
    loaded = through_the_store(model, tmp_path)
    np.testing.assert_array_equal(loaded.predict(rows), model.predict(rows))
    if hasattr(model, "predict_proba"):
        np.testing.assert_array_equal(loaded.predict_proba(rows), model.predict_proba(rows))


@pytest.mark.parametrize("name", REGRESSORS)
def test_a_regressor_predicts_the_same_after_a_round_trip(name, rows, tmp_path):
    model = prepared(REGRESSORS[name]).fit(rows, rows["distance"] - rows["distance"].min() + 1)
    loaded = through_the_store(model, tmp_path)
    np.testing.assert_array_equal(loaded.predict(rows), model.predict(rows))


def test_other_ways_to_prepare_columns(rows, tmp_path):
    target = rows["distance"] > 500
    selecting = ColumnTransformer(
        [
            ("n", make_pipeline(KNNImputer(), StandardScaler()), make_column_selector(dtype_include="number")),
            ("c", OrdinalEncoder(), make_column_selector(dtype_include=object)),
        ]
    ).set_output(transform="pandas")
    model = make_pipeline(selecting, HistGradientBoostingClassifier(max_iter=3)).fit(rows, target)
    np.testing.assert_array_equal(through_the_store(model, tmp_path).predict(rows), model.predict(rows))

    native = rows.assign(carrier=rows["carrier"].astype("category"))
    model = HistGradientBoostingClassifier(max_iter=3, categorical_features="from_dtype").fit(native, target)
    np.testing.assert_array_equal(through_the_store(model, tmp_path).predict(native), model.predict(native))

    text = make_pipeline(ColumnTransformer([("t", TfidfVectorizer(), "carrier")]), LogisticRegression())
    text.fit(rows, target)
    np.testing.assert_array_equal(through_the_store(text, tmp_path).predict(rows), text.predict(rows))


def test_isotonic_regression(rows, tmp_path):
    model = IsotonicRegression(out_of_bounds="clip").fit(rows["stops"], rows["distance"])
    np.testing.assert_array_equal(through_the_store(model, tmp_path).predict([0, 1.5]), model.predict([0, 1.5]))


class OfTheUser(sklearn.base.BaseEstimator):
    """A transformer as people write them in notebooks."""

    def fit(self, X, y=None):  # noqa: N803
        return self

    def transform(self, X):  # noqa: N803
        return X


def test_a_type_of_the_users_is_refused_by_name_when_dumped_and_when_loaded(tmp_path):
    model = make_pipeline(OfTheUser(), LogisticRegression()).fit([[0.0], [1.0]], [0, 1])
    with pytest.raises(ArtifactError, match=r"The Pipeline holds a type .*test_models\.OfTheUser"):
        dump_model(model)
    store = ArtifactStore("artifacts", tmp_path)
    artifact = store.put_bytes(dumps(model), "skops")
    with pytest.raises(ArtifactError, match=r"OfTheUser") as caught:
        load_model(store, artifact)
    assert artifact.sha256 in caught.value.message


def test_a_lambda_cannot_be_stored():
    with pytest.raises(ArtifactError, match="FunctionTransformer"):
        dump_model(FunctionTransformer(lambda x: x))


@pytest.mark.parametrize(("module", "function"), [("os", "system"), ("builtins", "eval"), ("subprocess", "call")])
def test_a_function_that_runs_commands_is_refused_by_name(module, function):
    data = dumps(FunctionTransformer(np.log1p))
    with pytest.raises(ArtifactError, match=rf"{module}\.{function}"):
        load_skops(with_schema(data, '"log1p"', f'"{function}"', '"numpy"', f'"{module}"'))


def with_schema(data: bytes, *replaced: str) -> bytes:
    """The same archive with texts of its schema replaced, pairwise, as an attacker would."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "schema.json":
                text = json.dumps(json.loads(content))
                for before, after in zip(replaced[::2], replaced[1::2], strict=True):
                    assert before in text
                    text = text.replace(before, after)
                content = text.encode()
            new.writestr(name, content)
    return out.getvalue()


class Canary:
    """Its pickle makes a file when it is loaded."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self):
        return (open, (self.path, "w"))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("disguise", ["", "zip behind", "zip around"])
def test_a_pickle_in_the_place_of_skops_is_never_unpickled(tmp_path, protocol, disguise):
    canary = tmp_path / "canary"
    data = pickle.dumps(Canary(str(canary)), protocol)
    if disguise == "zip behind":
        data += dumps(LogisticRegression())
    elif disguise == "zip around":
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            archive.writestr("schema.json", data)
        data = out.getvalue()
    store = ArtifactStore("artifacts", tmp_path)
    with pytest.raises(ArtifactError, match="skops"):
        load_model(store, store.put_bytes(data, "skops"))
    assert not canary.exists()


def test_a_pickle_is_loaded_only_where_it_is_trusted(tmp_path):
    store = ArtifactStore("artifacts", tmp_path)
    canary = tmp_path / "canary"
    evil = store.put_bytes(pickle.dumps(Canary(str(canary))), "cloudpickle")
    with pytest.raises(ArtifactError, match="not trusted"):
        load_model(store, evil)
    assert not canary.exists()
    ours = store.put_bytes(cloudpickle.dumps({"a": 1}), "cloudpickle")
    assert load_model(store, ours, trusted_pickle=True) == {"a": 1}


def test_a_broken_pickle_says_so(tmp_path):
    store = ArtifactStore("artifacts", tmp_path)
    with pytest.raises(ArtifactError, match="cannot be unpickled"):
        load_model(store, store.put_bytes(b"\x80\x04nonsense", "cloudpickle"), trusted_pickle=True)


def test_a_truncated_skops_file_is_an_error_of_ours():
    data = dumps(LogisticRegression())
    for length in (0, 3, 40, len(data) // 2, len(data) - 1):
        with pytest.raises(ArtifactError, match="skops"):
            load_skops(data[:length])


def test_skops_with_a_damaged_schema_is_an_error_of_ours():
    with pytest.raises(ArtifactError, match="cannot be read as skops"):
        load_skops(with_schema(dumps(LogisticRegression()), '"ObjectNode"', '"NoSuchNode"'))


def test_a_format_that_is_no_models_is_refused(tmp_path):
    store = ArtifactStore("artifacts", tmp_path)
    with pytest.raises(ArtifactError, match="no format of a model"):
        load_model(store, store.put_bytes(b"[]", "json"))


def test_a_missing_model_is_an_artifact_error(tmp_path):
    with pytest.raises(ArtifactError, match="missing"):
        load_model(ArtifactStore("artifacts", tmp_path), Artifact(sha256="0" * 64, format="skops", size=1))
