"""What an expression makes, told by the names that libraries give their classes. Nothing is imported."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from mvops.notebook.process_state import dotted

Kind = Literal["classifier", "regressor", "clusterer", "predictor", "transformer", "splitter"]

_CLUSTERERS = re.compile(
    r"(?:MiniBatch|Bisecting)?KMeans|H?DBSCAN|OPTICS|MeanShift|Birch|\w*Clustering|AffinityPropagation|\w*GaussianMixture"
    r"|IsolationForest|OneClassSVM|LocalOutlierFactor|EllipticEnvelope|KModes|KPrototypes"
)
_SPLITTERS = re.compile(
    r"(?:Repeated|Stratified|Group|\w*Stratified)?(?:KFold|ShuffleSplit)|TimeSeriesSplit|LeaveOneOut|\w*ShuffleSplit"
)
_CLASSIFIERS = re.compile(
    r"\w*Class(?:if)?ifi?er(?:CV)?|\w*SVC|(?:Gaussian|Multinomial|Bernoulli|Complement|Categorical)NB"
    r"|\w*LogisticRegression(?:CV)?|Perceptron|\w*DiscriminantAnalysis|NearestCentroid|LabelPropagation|LabelSpreading|Logit"
)
_REGRESSORS = re.compile(
    r"\w*Regress(?:or|ion)(?:CV|Chain)?|\w*SVR|(?:Bayesian|Kernel)?Ridge(?:CV)?|(?:Multi\w*)?(?:Lasso\w*|ElasticNet)(?:CV)?"
    r"|Lars(?:CV)?|OrthogonalMatchingPursuit|OLS|WLS|GLS|GLM|ARIMA|SARIMAX|ExponentialSmoothing|Prophet|NGBoost"
)
_TRANSFORMERS = re.compile(
    r"\w*(?:Scaler|Encoder|Vectorizer|Imputer|Binarizer|Normalizer|Transformer|Discretizer|Sampler|Union|Decomposition)"
    r"|\w*PCA|\w*SVD|NMF|FastICA|TSNE|UMAP|Isomap|PolynomialFeatures|SplineTransformer|FeatureHasher|Tokenizer"
    r"|Select\w+|VarianceThreshold|RFE(?:CV)?|\w*SMOTE\w*|ADASYN|TomekLinks|DictVectorizer|KNNImputer|make_column_transformer"
    r"|make_union|LatentDirichletAllocation"
)
_SEARCHES = re.compile(r"\w*SearchCV|Pipeline|make_pipeline|imbalanced_make_pipeline|ImbPipeline")
_NEURAL = re.compile(r"Sequential|Model|KerasModel|Booster")
_UNDECIDED = re.compile(r"GaussianProcess|AutoML|TPOT|TabularPredictor|H2O\w+Estimator")
_DRAWS = re.compile(  # estimators that draw random numbers unless told how
    r"RandomForest\w+|ExtraTrees?\w+|DecisionTree\w+|(?:Hist)?GradientBoosting\w+|AdaBoost\w+|Bagging\w+|MLP\w+|SGD\w+"
    r"|Perceptron|PassiveAggressive\w+|LinearSV[CR]|(?:MiniBatch)?KMeans|RandomizedSearchCV|TSNE|TruncatedSVD"
    r"|\w*SMOTE\w*|Random(?:Under|Over)Sampler|IsolationForest|GaussianMixture|LatentDirichletAllocation"
)
_DRAWS_IF = {"SVC": "probability", "KFold": "shuffle", "StratifiedKFold": "shuffle"}
_SEED_NAMES = {"random_state", "seed", "random_seed"}
_LIBRARIES = {
    "sklearn",
    "xgboost",
    "lightgbm",
    "catboost",
    "imblearn",
    "statsmodels",
    "prophet",
    "fbprophet",
    "ngboost",
}


@dataclass(frozen=True)
class Made:
    """What a call made: its kind, the class' name, and whether it will draw random numbers that nobody seeded."""

    kind: Kind
    name: str
    unseeded: bool = False


def last_part(node: ast.AST) -> str:
    """`RandomForestClassifier` of `sklearn.ensemble.RandomForestClassifier`."""
    return dotted(node).rpartition(".")[2]


def class_kind(name: str) -> Kind | None:
    """What a class or factory of this name makes, if that can be told alone from the name."""
    table: list[tuple[re.Pattern[str], Kind]] = [
        (_SPLITTERS, "splitter"),
        (_CLUSTERERS, "clusterer"),
        (_TRANSFORMERS, "transformer"),
        (_CLASSIFIERS, "classifier"),
        (_REGRESSORS, "regressor"),
        (_NEURAL, "predictor"),
        (_UNDECIDED, "predictor"),
    ]
    return next((kind for pattern, kind in table if pattern.fullmatch(name)), None)


def made_by(node: ast.AST, known: dict[str, Made]) -> Made | None:  # noqa: PLR0911 -- one line for each form
    """What the expression evaluates to, where `known` says what the names hold; None if it is no estimator."""
    match node:
        case ast.Name(id=name):
            return known.get(name)
        case ast.Call(func=ast.Attribute(value=inner, attr="fit" | "set_params" | "set_output" | "fit_resample")):
            return made_by(inner, known)
        case ast.Call(func=ast.Name(id="clone" | "deepcopy"), args=[inner, *_]):
            return made_by(inner, known)
        case ast.Attribute(value=inner, attr="best_estimator_"):
            return made_by(inner, known)
        case ast.IfExp(body=inner):
            return made_by(inner, known)
        case ast.Call(func=function):
            return _constructed(node, last_part(function), known)
    return None


def _constructed(call: ast.Call, name: str, known: dict[str, Made]) -> Made | None:
    inner = [made for argument in _arguments(call) for made in inside(argument, known)]
    unseeded = draws(call) or any(made.unseeded for made in inner)
    if _SEARCHES.fullmatch(name):
        models = [made for made in inner if made.kind not in {"transformer", "splitter"}]
        if models:
            return Made(models[-1].kind, models[-1].name if "ipeline" in name else name, unseeded)
        return Made("transformer" if inner else "predictor", name, unseeded)
    kind = class_kind(name)
    return Made(kind, name, unseeded) if kind and name[:1].isupper() | name.startswith("make_") else None


def inside(node: ast.AST, known: dict[str, Made]) -> Iterator[Made]:
    """The estimators that an argument holds, in order: itself, in lists, in tuples such as ("model", SVC())."""
    made = made_by(node, known)
    if made is not None:
        yield made
    elif isinstance(node, ast.List | ast.Tuple):
        for item in node.elts:
            yield from inside(item, known)
    elif isinstance(node, ast.Dict):
        for value in node.values:
            yield from inside(value, known)


def _arguments(call: ast.Call) -> list[ast.expr]:
    return [*call.args, *(keyword.value for keyword in call.keywords)]


def draws(call: ast.Call) -> bool:
    """Does this constructor make something that draws random numbers without a seed of its own?"""
    name = last_part(call.func)
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    if None in given or any(is_seed(given[seed]) for seed in _SEED_NAMES & given.keys()):
        return False
    if name in _DRAWS_IF:
        switch = given.get(_DRAWS_IF[name])
        return isinstance(switch, ast.Constant) and switch.value is True
    return bool(_DRAWS.fullmatch(name))


def is_seed(node: ast.AST) -> bool:
    """Anything but None seeds."""
    return not (isinstance(node, ast.Constant) and node.value is None)


def is_estimator_class(function: ast.AST, modules: dict[str, str]) -> bool:
    """Is this called thing a class of a modelling library? `modules` maps imported names to where they come from."""
    text = dotted(function)
    name = text.rpartition(".")[2]
    if not name[:1].isupper() or name.endswith("Display"):
        return False
    origin = modules.get(text.partition(".")[0], "").partition(".")[0]
    return origin in _LIBRARIES or class_kind(name) not in {None, "predictor"} or bool(_SEARCHES.fullmatch(name))
