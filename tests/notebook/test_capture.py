from __future__ import annotations

import pytest
from sklearn.metrics import accuracy_score

from mvops.notebook.capture import capture
from mvops.notebook.code import code_cells
from mvops.notebook.flow import notebook_flows
from mvops.notebook.read import read_notebook

SPLIT = "X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)"
FIT = "model = LogisticRegression()\nmodel.fit(X_train, y_train)"


@pytest.fixture
def captured(book):
    def make(*sources):
        path = book(*sources)
        cells = code_cells(read_notebook(path), path)
        return capture(cells, notebook_flows([code.source for code in cells]))

    return make


def outputs(found):
    return found.model, found.features, found.target, found.train_features


@pytest.mark.parametrize(
    "judged",
    [
        "model.score(X_test, y_test)",
        "print(accuracy_score(y_test, model.predict(X_test)))",
        "y_pred = model.predict(X_test)\naccuracy_score(y_test, y_pred)",
        "y_pred = model.predict(X_test)\naccuracy_score(y_pred, y_test)",
        "p = model.predict_proba(X_test)[:, 1]\nclasses = (p > 0.5).astype(int)\naccuracy_score(y_test, classes)",
        "y_pred = model.predict(X_test)\n(y_test == y_pred).mean()",
        "y_pred = model.predict(X_test)\nprint('accuracy', np.mean(y_pred == y_test))",
        "y_pred = model.predict(X_test)\nfor k in [1]:\n    print(accuracy_score(y_true=y_test, y_pred=y_pred))",
        "from sklearn.metrics import accuracy_score as acc\nacc(y_test, model.predict(X_test))",
        "def show(m, X, y):\n    p = m.predict(X)\n    print(accuracy_score(y, p))\nshow(model, X_test, y_test)",
        (
            "def guess(X, m):\n    return m.predict(X)\n"
            "score = accuracy_score(y_test, guess(X_test, model))\nguess(X_test, model)"
        ),
        (
            "def guess(X, m):\n    return m.predict(X)\ny_pred = guess(X_test, model)\n"
            "score = accuracy_score(y_test, y_pred)"
        ),
        "model.predict(X_test)\nmodel.predict([[1, 2]])\nmodel.predict(X_test[:3])\nmodel.score(X_train, y_train)",
        "print(model.coef_)",
    ],
)
def test_the_held_out_rows_are_found(captured, judged):
    found = captured(SPLIT, FIT, judged)
    assert outputs(found) == ("model", "X_test", "y_test", "X_train")
    assert found.helpers == ()
    assert found.task == "classification"
    assert found.metrics == ("accuracy",)


@pytest.mark.parametrize(
    ("prepared", "fitted"),
    [
        ("testing = count.transform(X_test)", "model.fit(rows, y_train)\nmodel.predict(testing)"),
        (
            "testing = pd.DataFrame(count.transform(X_test).toarray())\ntesting = testing.values",
            "model.fit(rows, y_train)\nguessed = model.predict(testing)",
        ),
        (
            "testing = count.transform(X_test)",
            "model.fit(rows, y_train)\nother = SVC().fit(rows, y_train)\nother.score(testing, y_test)\ndump(model)",
        ),
        (
            "testing = count.transform(X_test)",
            "model.fit(rows, y_train, eval_set=[(rows, y_train), (testing, y_test)])",
        ),
        ("testing = count.transform(X_test)", "model.fit(rows, y_train, validation_data=(testing, y_test))"),
    ],
)
def test_held_out_rows_under_another_name_are_found(captured, prepared, fitted):
    found = captured(
        SPLIT, f"rows = count.fit_transform(X_train)\n{prepared}", f"model = LogisticRegression()\n{fitted}"
    )
    assert outputs(found)[:3] == ("model", "testing", "y_test")
    assert not found.on_training_rows


def test_rows_without_known_targets_are_not_those_that_it_is_judged_by(captured):
    found = captured("model = Ridge()\nmodel.fit(X, y)", "answers = model.predict(unknown)")
    assert outputs(found)[:3] == ("model", "X", "y")
    assert found.on_training_rows


@pytest.mark.parametrize("make", ["sm.OLS(y_train, X_train)", "OLS(y_train, X_train)"])
def test_what_statsmodels_fits_is_its_result(captured, make):
    found = captured(SPLIT, f"spec = {make}\nresult = spec.fit()\nr2_score(y_test, result.predict(X_test))")
    assert outputs(found) == ("result", "X_test", "y_test", "X_train")
    assert (found.task, found.metrics) == ("regression", ("r2",))


def test_of_several_models_the_last_scored_is_taken_and_the_others_are_named(captured):
    found = captured(
        SPLIT,
        "tree = DecisionTreeRegressor()\ntree.fit(X_train, y_train)\ntree.score(X_test, y_test)",
        "wood = RandomForestRegressor().fit(X_train, y_train)\nmean_squared_error(y_test, wood.predict(X_test))",
        "other = Ridge()\nother.fit(X_train, y_train)",
    )
    assert outputs(found) == ("wood", "X_test", "y_test", "X_train")
    assert (found.task, found.metrics) == ("regression", ("rmse",))
    assert any("tree (DecisionTreeRegressor, cell 2), other (Ridge, cell 4)" in note for note in found.notes)


@pytest.mark.parametrize(
    "tried",
    [
        "knn_k = KNeighborsClassifier(n_neighbors=k)\n    knn_k.fit(X_train, y_train)",
        "knn_k = KNeighborsClassifier(k).fit(X_train, y_train)",
        "settings = dict(n_neighbors=k)\n    knn_k = make_pipeline(scaler, SVC(C=k))\n    knn_k.fit(X_train, y_train)",
    ],
)
def test_what_a_loop_tries_is_no_model_that_was_decided_for(captured, tried):
    made = (
        "knn = KNeighborsClassifier(n_neighbors=1).fit(X_train, y_train)\naccuracy_score(y_test, knn.predict(X_test))"
    )
    elbow = f"for k in range(1, 20):\n    {tried}\n    errors.append((knn_k.predict(X_test) == y_test).mean())"
    found = captured(SPLIT, made, elbow)
    assert outputs(found) == ("knn", "X_test", "y_test", "X_train")
    assert any("it is the one that is scored and not tried in a loop" in note for note in found.notes)
    assert captured(SPLIT, elbow).model == "knn_k"
    folds = (
        "for a, b in folds.split(X):\n    last = SVC()\n    last.fit(X_train, y_train)\n    last.score(X_test, y_test)"
    )
    assert captured(SPLIT, made, folds).model == "last"


@pytest.mark.parametrize("save", ["joblib.dump(a, 'a.pkl')", "pickle.dump((dv, a), f)", "a.save_model('x.json')"])
def test_the_saved_model_comes_before_the_last(captured, save):
    found = captured(
        SPLIT,
        "a = SVC()\na.fit(X_train, y_train)\na.score(X_test, y_test)",
        "b = SVC()\nb.fit(X_train, y_train)\nb.score(X_test, y_test)",
        save,
    )
    assert found.model == "a"


def test_a_search_stands_for_itself(captured):
    found = captured(
        SPLIT,
        "pipe = Pipeline([('scale', StandardScaler()), ('svc', SVC())])",
        "grid = GridSearchCV(pipe, {'svc__C': [1, 2]}, scoring='roc_auc')\ngrid.fit(X_train, y_train)",
        "grid.best_estimator_.score(X_test, y_test)",
    )
    assert outputs(found) == ("grid", "X_test", "y_test", "X_train")
    assert found.task == "classification"


def test_a_model_fitted_in_a_function_and_handed_back_is_found(captured):
    found = captured(
        (
            "def train(df, y):\n    dv = DictVectorizer()\n    X = dv.fit_transform(df)\n"
            "    m = Ridge()\n    m.fit(X, y)\n    return dv, m"
        ),
        "def apply(df, dv, m):\n    X = dv.transform(df)\n    return m.predict(X)",
        "dv, model = train(df_train, y_train)",
        "y_pred = apply(df_test, dv, model)",
        "print(mean_absolute_error(y_test, y_pred))",
    )
    assert found.model == "model"
    assert found.target == "y_test"
    assert [h.source for h in found.helpers] == ["held_out_features = dv.transform(df_test)"]
    assert found.features == "held_out_features"
    assert found.metrics == ("mae",)


def test_a_search_inside_a_function_that_hands_back_the_best(captured):
    found = captured(
        SPLIT,
        (
            "def tune(X, y):\n    g = GridSearchCV(DecisionTreeRegressor(), {})\n    g.fit(X, y)\n"
            "    return g.best_estimator_"
        ),
        "best = tune(X_train, y_train)",
        "best.score(X_test, y_test)",
    )
    assert outputs(found) == ("best", "X_test", "y_test", "X_train")


def test_an_expression_is_kept_in_a_variable_of_its_own(captured):
    found = captured(
        "model = Ridge()\nmodel.fit(train[cols], train['y'])",
        "r2_score(test['y'], model.predict(test[cols]))",
        "print(1)",
    )
    assert [(h.after, h.source) for h in found.helpers] == [
        (1, "held_out_features = test[cols]"),
        (1, "held_out_target = test['y']"),
        (0, "train_features = train[cols]"),
    ]
    assert outputs(found) == ("model", "held_out_features", "held_out_target", "train_features")


def test_rows_that_change_after_they_were_judged_are_kept_as_they_were(captured):
    found = captured(SPLIT, FIT, "model.score(X_test, y_test)", "X_test['guess'] = 1\ny_test = None")
    assert [h.source for h in found.helpers] == ["held_out_features = X_test.copy()", "held_out_target = y_test"]


def test_a_model_that_is_fitted_again_on_all_rows_is_taken_as_it_was_scored(captured):
    found = captured(SPLIT, FIT, "model.score(X_test, y_test)", "model.fit(X, y)")
    assert found.model == "scored_model"
    assert "scored_model = copy.deepcopy(model)" in found.helpers[0].source
    assert any("fits `model` again" in note for note in found.notes)


def test_a_name_used_for_another_model_later_is_kept(captured):
    found = captured(SPLIT, FIT, "model.score(X_test, y_test)", "model = 3")
    assert found.model == "final_model"


def test_without_held_out_rows_the_user_is_told(captured):
    found = captured("model = Ridge()\nmodel.fit(X, y)\nmodel.score(X, y)")
    assert outputs(found) == ("model", "X", "y", None)
    assert any("judged on the rows it was fitted on" in note for note in found.notes)


def test_what_is_only_cross_validated_is_fitted_at_the_end(captured):
    found = captured("model = SVC()\nprint(cross_val_score(model, X, y, scoring='f1'))", "print(2)")
    assert outputs(found) == ("model", "X", "y", None)
    assert (found.helpers[-1].after, found.helpers[-1].source.partition("  ")[0]) == (1, "model.fit(X, y)")
    assert found.metrics == ("f1",)


@pytest.mark.parametrize(
    ("several", "each", "taken"),
    [
        ("[LogisticRegression(), SVC()]", "range(len(models))", "models[-1]"),
        ("{'a': LogisticRegression(), 'b': SVC()}", "models", "list(models.values())[-1]"),
    ],
)
def test_models_that_a_loop_picks_by_their_place(promoted, several, each, taken):
    data = "X, y = make_classification(random_state=0)"
    imports = (
        "from sklearn.datasets import make_classification\nfrom sklearn.linear_model import LogisticRegression\n"
        "from sklearn.metrics import accuracy_score\nfrom sklearn.model_selection import train_test_split\n"
        "from sklearn.svm import SVC"
    )
    loop = f"for i in {each}:\n    models[i].fit(X_train, y_train)\n    print(models[i].score(X_train, y_train))"
    judge = f"for i in {each}:\n    y_pred = models[i].predict(X_test)\n    print(accuracy_score(y_test, y_pred))"
    found = promoted(imports, data, SPLIT, f"models = {several}\n{loop}", judge)
    assert not found.promotion.missing
    held_out = {"features": "X_test", "target": "y_test", "train_features": "X_train"}
    assert found.outputs == {"model": "final_model", **held_out}
    assert any(f"The model is `{taken}` (SVC), fitted in cell 4" in note for note in found.notes)
    assert any("`models` holds several models, and the last of them is taken" in note for note in found.notes)
    left = {}
    for source in found.sources(skipped=True):
        exec(source, left)
    assert type(left["final_model"]).__name__ == "SVC"
    assert left["final_model"].score(left["X_test"], left["y_test"]) == accuracy_score(left["y_test"], left["y_pred"])


def test_a_loop_over_models(captured):
    found = captured(
        SPLIT,
        "models = {'a': SVC(), 'b': LogisticRegression()}",
        (
            "for name, m in models.items():\n    m.fit(X_train, y_train)\n"
            "    print(name, f1_score(y_test, m.predict(X_test)))"
        ),
    )
    assert outputs(found) == ("m", "X_test", "y_test", "X_train")
    assert (found.task, found.metrics) == ("classification", ("f1",))


@pytest.mark.parametrize(
    ("sources", "says"),
    [
        (["km = KMeans()\nkm.fit(X)"], "finds groups"),
        (["def f():\n    m = SVC()\n    m.fit(X, y)\nf()"], "inside a function"),
        (["print(1)"], "No fitted scikit-learn model"),
        (["scaler = StandardScaler()\nscaler.fit(X)\nle.fit(y)"], "No fitted scikit-learn model"),
    ],
)
def test_why_no_model_was_found(captured, sources, says):
    found = captured(*sources)
    assert outputs(found) == (None, None, None, None)
    assert any(says in note for note in found.notes)


@pytest.mark.parametrize(
    ("code", "task"),
    [
        ("m = xgb.XGBClassifier()", "classification"),
        ("m = GaussianNB()", "classification"),
        ("m = svm.SVC()", "classification"),
        ("m = LinearDiscriminantAnalysis()", "classification"),
        ("m = LassoCV()", "regression"),
        ("m = make_pipeline(PCA(), KernelRidge())", "regression"),
        ("m = TransformedTargetRegressor(LinearRegression())", "regression"),
        ("m = VotingClassifier([('a', Ridge())])", "classification"),
        ("m = RandomizedSearchCV(clone(GradientBoostingRegressor()), {})", "regression"),
        ("m = SVR() if fast else Ridge()", "regression"),
    ],
)
def test_the_task_follows_from_the_class(captured, code, task):
    assert captured(SPLIT, code, "m.fit(X_train, y_train)", "m.score(X_test, y_test)").task == task


def test_the_task_of_an_unknown_class_follows_from_the_metrics(captured):
    found = captured(SPLIT, "m = Mine()\nm.fit(X_train, y_train)", "r2_score(y_test, m.predict(X_test))")
    assert (found.task, found.metrics) == ("regression", ("r2",))
    unsure = captured(SPLIT, "m = Mine()\nm.fit(X_train, y_train)", "m.predict(X_test)")
    assert any("evaluate.task" in note for note in unsure.notes)


def test_how_each_metric_comes_to_light(captured):
    found = captured(
        SPLIT,
        FIT,
        "p = model.predict_proba(X_test)[:, 1]",
        "auc = roc_auc_score(y_test, p)\nprint(log_loss(y_test, p))\nbrier_score_loss(y_test, p)",
        "for k in [1]:\n    f1_score(y_test, p > k)",
    )
    shown = [(m.metric, m.how, m.assigned, m.model) for m in found.seen.metrics]
    assert shown == [
        ("roc_auc", "assigned", "auc", "model"),
        ("log_loss", "printed", None, "model"),
        ("brier", "displayed", None, "model"),
        ("f1", "computed", None, "model"),
    ]
    assert found.metrics == ("roc_auc", "log_loss", "brier", "f1")


def test_times_of_the_held_out_rows_are_found(captured):
    found = captured(SPLIT, "test_times = test['when']", FIT, "model.score(X_test, y_test)")
    assert found.times == "test_times"
