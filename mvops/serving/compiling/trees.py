"""The trees of scikit-learn's ensembles, as the operator TreeEnsemble of ONNX wants them: all in doubles.

A split of scikit-learn's is `feature <= threshold` in doubles, after the table was cast to float32 (its histogram
ensembles do not cast), which is what the graph does too. So every row takes the very same way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]
MOST_NODES = 4_000_000


class Tree(NamedTuple):
    """One tree. A node without a feature (-1) is a leaf, with what it adds to the target in `values`."""

    target: int
    feature: Array
    threshold: Array
    left: Array
    right: Array
    missing_left: Array
    values: Array


def plain_trees(tree: Any, targets: Iterable[int], scale: float = 1.0) -> Iterator[Tree]:
    """A tree of sklearn.tree, once for each target: (target, its output) is a class's share or the value."""
    nothing = np.zeros(tree.node_count, dtype=np.int64)
    leaf = tree.children_left < 0
    for target, output in enumerate(targets):
        values = scale * tree.value[:, 0, output]
        yield Tree(
            target,
            np.where(leaf, -1, tree.feature),
            tree.threshold,
            tree.children_left,
            tree.children_right,
            nothing,
            values,
        )


def histogram_tree(nodes: Any, target: int) -> Tree:
    """A tree of sklearn.ensemble's histogram ensembles."""
    feature = np.where(nodes["is_leaf"], -1, nodes["feature_idx"].astype(np.int64))
    left, right = nodes["left"].astype(np.int64), nodes["right"].astype(np.int64)
    missing = nodes["missing_go_to_left"].astype(np.int64)
    return Tree(target, feature, nodes["num_threshold"], left, right, missing, nodes["value"])


@dataclass(frozen=True)
class Ensemble:
    """The operator's attributes."""

    attributes: dict[str, Any]

    @staticmethod
    def of(trees: Iterable[Tree], targets: int) -> Ensemble:
        """All trees one after the other; inner nodes and leaves are numbered apart, as the operator has them."""
        parts: list[dict[str, Array]] = []
        roots, inner, leaves = [], 0, 0
        for tree in trees:
            part = _part(tree, inner, leaves)
            roots.append(inner)
            inner += len(part["nodes_featureids"])
            leaves += len(part["leaf_weights"])
            parts.append(part)
        joined: dict[str, Any] = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        return Ensemble(joined | {"tree_roots": np.array(roots), "n_targets": targets})


def _part(tree: Tree, inner: int, leaves: int) -> dict[str, Array]:
    if tree.feature[0] < 0:  # a tree of one leaf: both ways lead to it
        one = np.array([leaves])
        return _arrays(tree, np.array([0]), np.array([True]), (one, one), (np.array([1]), np.array([1])))
    is_leaf = tree.feature < 0
    number = np.where(is_leaf, leaves + np.cumsum(is_leaf) - 1, inner + np.cumsum(~is_leaf) - 1)
    kept = np.flatnonzero(~is_leaf)
    ways = tree.left[kept], tree.right[kept]
    ends = is_leaf[ways[0]].astype(np.int64), is_leaf[ways[1]].astype(np.int64)
    return _arrays(tree, kept, is_leaf, (number[ways[0]], number[ways[1]]), ends)


def _arrays(
    tree: Tree, kept: Array, leaf: Array, ways: tuple[Array, Array], ends: tuple[Array, Array]
) -> dict[str, Array]:
    weights = tree.values[leaf]
    return {
        "nodes_featureids": np.maximum(tree.feature[kept], 0),
        "nodes_splits": np.where(tree.feature[kept] < 0, 0.0, tree.threshold[kept]).astype(np.float64),
        "nodes_modes": np.zeros(len(kept), dtype=np.uint8),  # BRANCH_LEQ
        "nodes_missing_value_tracks_true": tree.missing_left[kept],
        "nodes_truenodeids": ways[0],
        "nodes_falsenodeids": ways[1],
        "nodes_trueleafs": ends[0],
        "nodes_falseleafs": ends[1],
        "leaf_weights": weights.astype(np.float64),
        "leaf_targetids": np.full(len(weights), tree.target),
    }
