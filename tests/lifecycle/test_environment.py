from __future__ import annotations

import platform
from functools import partial
from importlib import metadata

import numpy as np
import pydantic
from rich.text import Text
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from mvops.core.version import Environment
from mvops.lifecycle.environment import capture_environment, model_modules
from mvops.lifecycle.pins import requirements


def test_the_base_is_always_there_with_exact_releases():
    found = capture_environment()
    assert found.python == platform.python_version()
    assert set(found.packages) == {"scikit-learn", "numpy", "scipy", "pandas", "skops", "joblib", "threadpoolctl"}
    assert found.packages["numpy"] == np.__version__


def test_modules_become_the_distributions_that_provide_them():
    found = capture_environment(["yaml", "pydantic", "no_such_module", "", "json"])
    assert found.packages["pyyaml"] == metadata.version("PyYAML")
    assert found.packages["pydantic"] == pydantic.VERSION
    assert not {"no_such_module", "json", ""} & set(found.packages)


def test_requirements_pin_everything_in_order():
    made = Environment(python="3.11.2", platform="linux-x86_64", packages={"numpy": "2.4.6", "joblib": "1.5"})
    assert requirements(made) == ["joblib==1.5", "numpy==2.4.6"]


def test_the_modules_inside_an_estimator_are_found():
    features = np.arange(20.0).reshape(-1, 2)
    plain = make_pipeline(StandardScaler(), RandomForestClassifier(5)).fit(features, np.arange(10) % 2)
    assert model_modules(plain) == {"sklearn", "numpy"}
    hidden = FunctionTransformer(partial(Text.assemble.__func__, pydantic.BaseModel), kw_args={"x": [np.log1p]})
    assert {"rich", "pydantic", "numpy", "sklearn"} <= model_modules(make_pipeline(hidden))


class Local(StandardScaler):
    """A subclass in a module of the user's own."""


def test_a_base_class_counts_and_a_cycle_ends():
    model = Local()
    model.itself = [model, {"again": (model, np.array([Text("x"), None], dtype=object))}]
    assert model_modules(model) >= {__name__.partition(".")[0], "sklearn", "rich"}
    assert not {"builtins", "__main__", "json"} & model_modules(model)
