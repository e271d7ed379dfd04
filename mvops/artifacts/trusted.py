"""Types in scikit-learn's models that skops does not trust by itself, and that are harmless.

Each was read: it holds numbers, or computes on them; none runs code or opens a file when it is made. skops trusts
most of scikit-learn anyway. Names of several releases stand side by side.
"""

from __future__ import annotations

_LOSSES = (
    "AbsoluteError ExponentialLoss HalfBinomialLoss HalfGammaLoss HalfMultinomialLoss HalfPoissonLoss"
    " HalfSquaredError HalfTweedieLoss HalfTweedieLossIdentity HuberLoss PinballLoss"
)
_CY_LOSSES = (
    "CyAbsoluteError CyExponentialLoss CyHalfBinomialLoss CyHalfGammaLoss CyHalfMultinomialLoss CyHalfPoissonLoss"
    " CyHalfSquaredError CyHalfTweedieLoss CyHalfTweedieLossIdentity CyHuberLoss CyPinballLoss"
)
_LINKS = "HalfLogitLink IdentityLink Interval LogLink LogitLink MultinomialLogit"
_SGD_LOSSES = (
    "EpsilonInsensitive Hinge Huber Log ModifiedHuber SquaredEpsilonInsensitive SquaredHinge SquaredLoss"
    " CyHalfBinomialLoss CyHalfSquaredError CyHuberLoss"
)
_DISTANCES = (
    "BrayCurtisDistance CanberraDistance ChebyshevDistance DiceDistance EuclideanDistance HammingDistance"
    " HaversineDistance JaccardDistance MahalanobisDistance ManhattanDistance MinkowskiDistance"
    " RogersTanimotoDistance RussellRaoDistance SEuclideanDistance SokalMichenerDistance SokalSneathDistance"
)
_KERNELS = (
    "CompoundKernel ConstantKernel DotProduct ExpSineSquared Exponentiation Hyperparameter Matern PairwiseKernel"
    " Product RBF RationalQuadratic Sum WhiteKernel"
)
_SCORES = "f_classif f_oneway f_regression chi2 r_regression"
_SPLITTERS = (
    "GroupKFold GroupShuffleSplit KFold LeaveOneGroupOut LeaveOneOut LeavePGroupsOut LeavePOut PredefinedSplit"
    " RepeatedKFold RepeatedStratifiedKFold ShuffleSplit StratifiedGroupKFold StratifiedKFold StratifiedShuffleSplit"
    " TimeSeriesSplit _CVIterableWrapper"
)
_METRICS = (
    "accuracy_score balanced_accuracy_score brier_score_loss cohen_kappa_score f1_score fbeta_score hamming_loss"
    " jaccard_score log_loss matthews_corrcoef precision_score recall_score zero_one_loss"
)
_REGRESSION_METRICS = (
    "d2_absolute_error_score d2_pinball_score d2_tweedie_score explained_variance_score max_error mean_absolute_error"
    " mean_absolute_percentage_error mean_gamma_deviance mean_pinball_loss mean_poisson_deviance mean_squared_error"
    " mean_squared_log_error mean_tweedie_deviance median_absolute_error r2_score root_mean_squared_error"
    " root_mean_squared_log_error"
)
_BY_MODULE = {
    "builtins": "object",  # the dtype that make_column_selector looks for
    "collections": "OrderedDict",
    "functools": "partial",  # the function in it is looked at by itself
    "numpy": "dtype mean median",
    "scipy._lib.array_api_compat.numpy._aliases": "asarray",
    "scipy.interpolate._bsplines": "BSpline _BSpline",  # the latter from SciPy 1.18 on
    "scipy.interpolate._interpolate": "interp1d",
    "scipy.sparse._csr": "csr_array csr_matrix",
    "scipy.sparse._csc": "csc_array csc_matrix",
    "sklearn._loss._loss": _CY_LOSSES,
    "sklearn._loss.link": _LINKS,
    "sklearn._loss.loss": _LOSSES,
    "sklearn.calibration": "_CalibratedClassifier _SigmoidCalibration _TemperatureScaling",
    "sklearn.compose._column_transformer": "make_column_selector",
    "sklearn.ensemble._hist_gradient_boosting.binning": "_BinMapper",
    "sklearn.ensemble._hist_gradient_boosting.predictor": "TreePredictor",
    "sklearn.feature_selection._mutual_info": "mutual_info_classif mutual_info_regression",
    "sklearn.feature_selection._univariate_selection": _SCORES,
    "sklearn.gaussian_process._gpc": "_BinaryGaussianProcessClassifierLaplace",
    "sklearn.gaussian_process.kernels": _KERNELS,
    "sklearn.impute._iterative": "IterativeImputer _ImputerTriplet",
    "sklearn.linear_model._sgd_fast": _SGD_LOSSES,
    "sklearn.metrics._classification": _METRICS,
    "sklearn.metrics._dist_metrics": " ".join(
        f"{name} {name}32 {name}64" for name in (*_DISTANCES.split(), "DistanceMetric")
    ),
    "sklearn.metrics._ranking": "average_precision_score roc_auc_score top_k_accuracy_score",
    "sklearn.metrics._regression": _REGRESSION_METRICS,
    "sklearn.metrics._scorer": "_CurveScorer _PassthroughScorer _Scorer",
    "sklearn.model_selection._split": _SPLITTERS,
    "sklearn.multiclass": "_ConstantPredictor",
    "sklearn.neighbors._ball_tree": "BallTree BallTree32 BallTree64",
    "sklearn.neighbors._kd_tree": "KDTree KDTree32 KDTree64",
    "sklearn.neural_network._stochastic_optimizers": "AdamOptimizer SGDOptimizer",
    "sklearn.tree._tree": "Tree",
    "sklearn.utils._bunch": "Bunch",
    "sklearn.utils._metadata_requests": "MetadataRequest MethodMetadataRequest",
    "sklearn.utils.validation": "check_array",
}

TRUSTED = frozenset(f"{module}.{name}" for module, names in _BY_MODULE.items() for name in names.split())
