"""What is fitted on rows, and how a leak through it is told."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from mvops.notebook.code import Code
from mvops.notebook.estimators import Made
from mvops.notebook.finding import Severity
from mvops.notebook.rows import Tags

LEARNS_NOTHING = re.compile(r"FunctionTransformer|Normalizer|PolynomialFeatures|\w*Hash\w*|Binarizer|TSNE|UMAP|Isomap")
VOCABULARY = re.compile(
    r"LabelEncoder|OrdinalEncoder|OneHotEncoder|\w*LabelBinarizer|DictVectorizer|CountVectorizer|Tokenizer"
)
OF_TARGET = re.compile(
    r"\w*SMOTE\w*|\w*Sampler|ADASYN|TomekLinks|Select\w+|RFE(?:CV)?|TargetEncoder|\w*DiscriminantAnalysis"
)
GAPS = Made("transformer", "fillna")
BY_HAND = Made("transformer", "by hand")
_SPLIT_FIRST = (
    "Split first and fit it on the training rows only; inside a Pipeline with the model, that comes by itself."
)


@dataclass(frozen=True)
class Fitted:
    """Something that was fitted on these rows, or on this one column of a table."""

    code: Code
    node: ast.AST
    made: Made
    what: str
    tags: Tags
    column: str | None = None

    @property
    def instead(self) -> str:
        """What does the same in a Pipeline, where it is done by hand."""
        return "SimpleImputer" if self.made == GAPS else "StandardScaler"


def before_split(fitted: Fitted, where: str) -> tuple[Severity, str, str]:
    """Fitted on all rows, of which some are held back later, `where`."""
    cell = fitted.code.number
    if VOCABULARY.fullmatch(fitted.made.name):
        message = f"Cell {cell} fits `{fitted.what}` on all rows; some of them are held back {where}."
        return "note", message, "That is harmless where all values are known beforehand. " + _SPLIT_FIRST
    if fitted.made in {GAPS, BY_HAND}:
        does = "fills gaps with" if fitted.made == GAPS else "scales by"
        message = f"Cell {cell} {does} `{fitted.what}` of all rows; some of them are held back {where}."
        remedy = f"Take it of the training rows, or put a {fitted.instead} into a Pipeline with the model."
        return "note", message, remedy
    if OF_TARGET.fullmatch(fitted.made.name):
        message = (
            f"Cell {cell} fits `{fitted.what}` with the targets of all rows; some of them are held back {where}, so "
            "the model is judged by rows that it has seen."
        )
        return "warning", message, _SPLIT_FIRST
    message = (
        f"Cell {cell} fits `{fitted.what}` on all rows; some of them are held back {where}, so what it learns of them "
        "flatters the model."
    )
    return "warning", message, _SPLIT_FIRST


def by_own_numbers(fitted: Fitted) -> tuple[Severity, str, str]:
    """Held-out rows that are prepared by numbers of their own."""
    does = "fills gaps of" if fitted.made == GAPS else "scales"
    message = (
        f"Cell {fitted.code.number} {does} rows that are held back from training by numbers of their own "
        f"(`{fitted.what}`): they are prepared by other numbers than the rows that the model was trained on."
    )
    remedy = f"Use the training rows' numbers here, too: best with a {fitted.instead} in a Pipeline with the model."
    return "warning", message, remedy
