"""scikit-learn's names of metrics, in our words."""

from __future__ import annotations

METRICS: dict[str, tuple[str, ...]] = {  # function -> the metrics that it tells
    "roc_auc_score": ("roc_auc",),
    "roc_curve": ("roc_auc",),
    "auc": ("roc_auc",),
    "log_loss": ("log_loss",),
    "brier_score_loss": ("brier",),
    "accuracy_score": ("accuracy",),
    "balanced_accuracy_score": ("balanced_accuracy",),
    "f1_score": ("f1",),
    "fbeta_score": ("f1",),
    "precision_score": ("precision",),
    "recall_score": ("recall",),
    "precision_recall_fscore_support": ("precision", "recall", "f1"),
    "classification_report": ("precision", "recall", "f1"),
    "confusion_matrix": ("accuracy",),
    "mean_squared_error": ("rmse",),
    "root_mean_squared_error": ("rmse",),
    "mean_squared_log_error": ("rmse",),
    "mean_absolute_error": ("mae",),
    "median_absolute_error": ("mae",),
    "r2_score": ("r2",),
    "explained_variance_score": ("r2",),
}
SCORINGS: dict[str, str] = {  # what cross_val_score(scoring=...) and GridSearchCV understand
    "roc_auc": "roc_auc",
    "neg_log_loss": "log_loss",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced_accuracy",
    "f1": "f1",
    "precision": "precision",
    "recall": "recall",
    "neg_mean_squared_error": "rmse",
    "neg_root_mean_squared_error": "rmse",
    "neg_mean_absolute_error": "mae",
    "r2": "r2",
}
