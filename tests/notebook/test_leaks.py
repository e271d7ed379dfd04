"""Leaks: found where they are, and no sound notebook is accused."""

from __future__ import annotations

import pytest

from mvops.notebook.code import code_cells
from mvops.notebook.leaks import row_leaks
from mvops.notebook.read import read_notebook
from mvops.notebook.target_leaks import target_leaks

IMPORTS = """import numpy as np
import pandas as pd
from imblearn.over_sampling import SMOTE
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import LabelEncoder, MinMaxScaler, Normalizer, StandardScaler, normalize, scale
df = pd.read_csv("d.csv")"""
XY = "X = df.drop(columns='y')\ny = df['y']"
SPLIT = "X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)"
CROSS = "cross_val_score(LogisticRegression(), X, y)"
SCALE = "X = StandardScaler().fit_transform(X)"
BEST = "X = SelectKBest(k=2).fit_transform(X, y)"
LINEAR = "model = LinearRegression()\nmodel.fit(X_train, y_train)\nprint(model.score(X_test, y_test))"
MODEL = "model = LogisticRegression()\nmodel.fit(X_train, y_train)\nprint(model.score(X_test, y_test))"


def leaks(book, *sources):
    path = book(IMPORTS, *sources)
    cells = code_cells(read_notebook(path), path)
    return [*row_leaks(cells), *target_leaks(cells)]


@pytest.mark.parametrize(
    ("sources", "says"),
    [
        ([XY, SCALE, SPLIT, MODEL], "warning 3:1 `StandardScaler` on all rows"),
        (
            [XY, "s = StandardScaler()\ns.fit(X)\nX2 = s.transform(X)", SPLIT.replace("(X,", "(X2,")],
            "warning 3:2 `s` on",
        ),
        ([XY, "X[['a']] = StandardScaler().fit_transform(X[['a']])", SPLIT], "warning 3:1 `StandardScaler` on all"),
        ([XY, "X = pd.DataFrame(PCA(2).fit_transform(X.values))", SPLIT], "warning 3:1 `PCA` on all rows"),
        ([XY, "X = SimpleImputer().fit_transform(X)\n" + SPLIT], "warning 3:1 held back in a later line"),
        (["X = TfidfVectorizer().fit_transform(df.text)\ny = df.y", SPLIT], "warning 2:1 `TfidfVectorizer` on"),
        ([XY, "X = CountVectorizer().fit_transform(df.text)", SPLIT], "note 3:1 harmless where all values are known"),
        ([XY, "X, y = SMOTE().fit_resample(X, y)", SPLIT, MODEL], "warning 3:1 `SMOTE` with the targets of all rows"),
        ([XY, BEST, SPLIT], "warning 3:1 `SelectKBest` with the targets"),
        ([XY, BEST, CROSS], "warning 3:1 each fold"),
        ([XY, SCALE, CROSS], "note 3:1 each fold"),
        (["df['a'] = df['a'].fillna(df['a'].mean())", XY, SPLIT], "note 2:1 fills gaps with `df['a'].mean()`"),
        (["df.a.fillna(df.a.median(), inplace=True)", XY, SPLIT], "note 2:1 fills gaps"),
        (
            [XY, SPLIT, "s = StandardScaler()\nX_train = s.fit_transform(X_train)\nX_test = s.fit_transform(X_test)"],
            "warning 4:3 use `s.transform(X_test)` here",
        ),
        *(
            ([XY, SPLIT, code, MODEL], f"warning 4:{line} {says}")
            for code, line, says in (
                ("X_test = scale(X_test)", 1, "scales rows that are held back from training by numbers of their own"),
                ("X_train, X_test = scale(X_train), scale(X_test)", 1, "(`scale(X_test)`)"),
                ("X_test = MinMaxScaler().fit_transform(X_test)", 1, "`transform(X_test)` here"),
                ("X_test = (X_test - X_test.mean()) / X_test.std()", 1, "a StandardScaler in a Pipeline"),
                ("X_test = X_test / np.max(X_test)", 1, "(`np.max(X_test)`)"),
                ("mean = X_test.mean()\nX_test = pd.DataFrame(X_test - mean)", 2, "(`X_test.mean()`)"),
                ("X_test['a'] = X_test['a'] / X_test['a'].max()", 1, "(`X_test['a'].max()`)"),
                ("X_test = X_test.fillna(X_test.mean())", 1, "fills gaps of rows"),
                ("X_test['a'].fillna(X_test['a'].mean(), inplace=True)", 1, "a SimpleImputer in a Pipeline"),
                ("def norm(d):\n    return (d - d.mean()) / d.std()\nX_test = norm(X_test)", 3, "(`norm(X_test)`)"),
                ("for d in (X_train, X_test):\n    d.fillna(d.mean(), inplace=True)", 2, "(`X_test.mean()`)"),
                ("both = [X_train, X_test]\nfor d in both:\n    d['a'] = d['a'].fillna(d['a'].median())", 3, "fills"),
                (
                    "s = MinMaxScaler()\nfor d in [X_train, X_test]:\n    d[['a']] = s.fit_transform(d[['a']])",
                    3,
                    "fits",
                ),
                (
                    "for d, n in [(X_train, 1), (X_test, 2)]:\n    if n:\n        d['a'] = scale(d.a)",
                    3,
                    "(`scale(X_test.a)`)",
                ),
                (
                    "def prepare(d):\n    return StandardScaler().fit_transform(d)\nX_test = prepare(X_test)",
                    3,
                    "prepare(",
                ),
            )
        ),
        (
            [XY, SPLIT, "m = LogisticRegression()\nm.fit(X_train, y_train)\nm.predict(scale(X_test))"],
            "warning 4:3 `scale(",
        ),
        ([XY, "X = scale(X)", SPLIT, MODEL], "note 3:1 scales by `scale(X)` of all rows"),
        ([XY, "X['a'] = X['a'] - X['a'].mean()", SPLIT, MODEL], "note 3:1 scales by `X['a'].mean()` of all rows"),
        (
            [XY, SPLIT, "model = LogisticRegression()\nmodel.fit(X_test, y_test)"],
            "warning 4:2 held back to judge it by",
        ),
        (
            [XY, SPLIT, "m = LogisticRegression().fit(X, y)", "m.score(X_test, y_test)"],
            "warning 4:1 also on the rows that cell 5",
        ),
        (
            [XY, SPLIT, "m = LogisticRegression().fit(np.concatenate([X_train, X_test]), y)\nm.predict(X_test)"],
            "warning 4:1 also",
        ),
        (
            [
                "s = StandardScaler().fit_transform(df[['a']])",
                "X = s\ny = df.y",
                "n = 80\nX_train, X_test = X[:n], X[n:]",
            ],
            "warning 2:1 on all rows",
        ),
        (
            [XY, SCALE, "for train, test in KFold(5).split(X):\n    m = LogisticRegression().fit(X[train], y[train])"],
            "warning 3:1 on all",
        ),
        (
            [
                "def prepare(df):\n    X = StandardScaler().fit_transform(df)\n    return train_test_split(X, df.y)\n",
                "def work(X):\n    X = StandardScaler().fit_transform(X)\n    X_train, X_test = train_test_split(X)\n",
            ],
            "warning 3:2 on all",
        ),
        (
            [
                XY,
                SPLIT,
                "m = LogisticRegression()\nm.fit(X_train, y_train, eval_set=[(X_test, 0)], early_stopping_rounds=9)",
            ],
            "note 4:2 stops training by `X_test`",
        ),
        (["y = df['y']", "X = df.fillna(0)", SPLIT, MODEL], "warning 3:1 target, column 'y'"),
        (["y = df.y\nX = df[['a', 'y']]", SPLIT, MODEL], "warning 2:2 target, column 'y'"),
        (["X = df.iloc[:, 1:]\ny = df.iloc[:, -1]", SPLIT, MODEL], "warning 2:1 column number -1"),
        *(
            ([code + "\ny = df['y']", SPLIT, fit], f"warning 2:{code.count(chr(10)) + 1} the target, column 'y'")
            for code, fit in (
                ("X = df[[c for c in df.columns if c != 'y_like']]", MODEL),
                ("t = 'y_like'\nX = df[[c for c in df if c not in ['id', 'a'] and c != t]]", MODEL),
                ("names = [c for c in list(df.columns) if not c in ('id', 'a')]\nX = df[names].copy()", MODEL),
                ("names = df.columns.tolist()\nnames.remove('id')\nX = df[names]", MODEL),
                ("X = df[df.columns.drop('id')]", MODEL),
                ("X = df[df.columns.difference(['id', 'a'])].values", MODEL),
                ("X = df[list(set(df.columns) - {'id'})]", MODEL),
                ("X = df.loc[:, df.columns != 'Y']", MODEL),
                ("X = df.loc[:, ~df.columns.isin(['id'])]", MODEL),
                ("df = df.select_dtypes(include='number')\nX = df.drop(columns='id')", MODEL),
                ("X = df.select_dtypes(exclude=['object'])", LINEAR),
                ("X = df[df.select_dtypes(include=[np.number]).columns].fillna(0)", LINEAR),
            )
        ),
        (["X = df[df.columns[1:]]\ny = df[df.columns[-1]]", SPLIT, MODEL], "warning 2:1 column number -1"),
        (
            ["df['z'] = df['y'] * 2", XY, SPLIT, MODEL],
            "warning 3:1 column 'z' among the features, and it is computed from 'y'",
        ),
        (["df['y'] = (df['score'] > 5).astype(int)", XY, SPLIT, MODEL], "warning 3:1 column 'score'"),
        *(
            ([line, XY, SPLIT, MODEL], f"warning 2:{line.count(chr(10)) + 1} {says}")
            for line, says in (
                ("df['m'] = df.groupby('g')['y'].transform('mean')", "computes the column 'm' from the groups' values"),
                ("df['m'] = df.groupby('g').y.transform('mean')", "the target 'y', of all rows"),
                ("df['m'] = df['g'].map(df.groupby('g')['y'].mean())", "Split first and compute it from the training"),
                ("df['m'] = df['g'].map(df.groupby('g').agg({'y': 'mean'})['y'])", "TargetEncoder in a Pipeline"),
                ("means = df.groupby('g')['y'].mean().to_dict()\ndf['m'] = df['g'].map(means)", "column 'm'"),
                ("means = df.groupby('g')['y'].mean()\ndf['g'] = df['g'].apply(lambda g: means[g])", "column 'g'"),
                ("g = df.groupby('g')\ndf.loc[:, 'm'] = g['y'].transform('mean')", "column 'm'"),
                ("g = df.groupby('g').agg(m=('y', 'mean'), n=('y', 'size'))\ndf = df.merge(g, on='g')", "column 'm'"),
                ("df = pd.merge(df, df.groupby('g')['y'].mean().rename('m'), on='g')", "column 'm'"),
                ("df = df.assign(m=df.groupby('g')['y'].transform('mean'))", "column 'm'"),
                ("for c in ['g', 'h']:\n    df[c + '_m'] = df.groupby(c)['y'].transform('mean')", "names in a loop"),
                ("df['a'] = df['a'].fillna(df.groupby('y')['a'].transform('mean'))", "'a' by groups of the target 'y'"),
            )
        ),
        ([XY, "X['m'] = X['g'].map(y.groupby(X['g']).mean())", SPLIT, MODEL], "warning 3:1 column 'm'"),
        (
            [
                "df['m'] = df.groupby('g')['y'].transform('mean')\ndf['n'] = df['m'] ** 2",
                XY + "\ndel X['m']",
                SPLIT,
                MODEL,
            ],
            "warning 3:1 column 'n' among the features, and it is computed from 'y'",
        ),
    ],
)
def test_a_leak_is_found_with_its_place(book, sources, says):
    severity, place, words = says.split(" ", 2)
    found = leaks(book, *sources)
    told = [(each.severity, f"{each.cell}:{each.line}") for each in found]
    assert (severity, place) in told, found
    assert any(words in each.sentence for each in found if f"{each.cell}:{each.line}" == place), found
    assert all(each.source and each.remedy for each in found)


@pytest.mark.parametrize(
    "sources",
    [
        [
            XY,
            SPLIT,
            "model = make_pipeline(StandardScaler(), LogisticRegression())\nmodel.fit(X_train, y_train)",
            "model.score(X_test, y_test)",
        ],
        [XY, "model = make_pipeline(StandardScaler(), LogisticRegression())", "cross_val_score(model, X, y)"],
        [
            XY,
            SPLIT,
            "s = StandardScaler().fit(X_train)\nX_train, X_test = s.transform(X_train), s.transform(X_test)",
            MODEL,
        ],
        [XY, SPLIT, "s = StandardScaler()\nX_train = s.fit_transform(X_train)\nX_test = s.transform(X_test)", MODEL],
        [XY, SPLIT, "X_train, y_train = SMOTE().fit_resample(X_train, y_train)", MODEL],
        [XY, "y = LabelEncoder().fit_transform(y)", SPLIT, MODEL],
        ["df['y'] = LabelEncoder().fit_transform(df['y'])", XY, SPLIT, MODEL],
        [XY, "X = Normalizer().fit_transform(X)", SPLIT, MODEL],
        [XY, "plot = PCA(2).fit_transform(X)\nprint(plot)", SPLIT, MODEL],
        [XY, SPLIT, MODEL, "final = LogisticRegression().fit(X, y)"],
        [XY, SPLIT, MODEL, "model.fit(X, y)", "model.predict(X[:1])"],
        [
            XY,
            SPLIT,
            "X_train, X_val, y_train, y_val = train_test_split(X_train, y_train)",
            MODEL,
            "meta = LogisticRegression().fit(X_val, y_val)\nmeta.score(X_test, y_test)",
        ],
        [XY, "_, small = train_test_split(X)", "StandardScaler().fit_transform(small)"],
        [
            "train = pd.read_csv('train.csv')\ntest = pd.read_csv('test.csv')\nfeatures = ['a']",
            "X = train[features]\n" + SCALE + "\nX_train = train[features]\nX_test = test[features]",
            "m = LogisticRegression().fit(X_train, train.y)\nm.predict(X_test)",
        ],
        [
            XY,
            SPLIT,
            "grid = GridSearchCV(make_pipeline(StandardScaler(), LogisticRegression()), {})",
            "grid.fit(X_train, y_train)",
            "grid.best_estimator_.score(X_test, y_test)",
        ],
        ["y = df.pop('y')\nX = df", SPLIT, MODEL],
        ["X = df\ny = df['y']\ndf.drop('y', axis=1, inplace=True)", SPLIT, MODEL],
        ["X, y = df.loc[:, df.columns != 'y'], df['y']", SPLIT, MODEL],
        *(
            [code, SPLIT, fit]
            for code, fit in (
                ("X, y = df[df.columns[:-1]], df['y']", MODEL),
                ("X, y = df[df.columns[:-1]], df[df.columns[-1]]", MODEL),
                ("X, y = df[[c for c in df.columns if c != 'y']], df['y']", MODEL),
                ("X, y = df[[c for c in df.columns if c not in 'not y']], df['y']", MODEL),
                ("X, y = df[[c for c in df.columns if c.startswith('f')]], df['y']", MODEL),
                ("X, y = df[[c for c in df.columns if df[c].dtype != 'O' and c != 'id']], df['y']", MODEL),
                ("names = list(df.columns)\nnames.remove('y')\nX, y = df[names], df['y']", MODEL),
                ("names = ['a', 'y']\nsame = names\nsame.remove('y')\nX, y = df[names], df['y']", MODEL),
                ("names = {'a', 'y'}\nnames -= {'y'}\nX, y = df[list(names)], df['y']", MODEL),
                (
                    "names = [c for c in df.columns if c != 'id']\ndf['y'] = df.a > df.b\nX, y = df[names], df['y']",
                    MODEL,
                ),
                ("X = df.copy()\ndf['y'] = df['a'] > df['b']\ny = df['y']", MODEL),
                (
                    "names = df.columns.drop('id')\ndf.insert(0, 'y', df.a > df.b)\nX, y = df[names], df['y']",
                    MODEL,
                ),
                ("X, y = df.loc[:, df.columns != 'y'], df['y']", MODEL),
                ("X, y = df.loc[:, ~df.columns.isin(['y', 'id'])], df['y']", MODEL),
                ("X, y = df.select_dtypes(include='number'), df['y']", MODEL),
                ("X, y = df.select_dtypes(include='object'), df['y']", LINEAR),
                ("X, y = df.select_dtypes('number').drop('y', axis=1), df['y']", LINEAR),
                ("X, y = df.select_dtypes('number'), df['y'].astype(float)", LINEAR),
                ("X = df.select_dtypes('number')\ndf['y'] = df['y'].astype(float)\ny = df['y']", LINEAR),
                ("X, y = df.select_dtypes('int64'), df['y']", LINEAR),
                ("X = df[[c for c in other.columns if c != 'id']]\ny = df['y']", MODEL),
            )
        ),
        ["X, y = df.iloc[:, :-1], df.iloc[:, -1]", SPLIT, MODEL],
        ["X, y = df.iloc[:, 0:4], df.iloc[:, 4]", SPLIT, MODEL],
        [
            "train, test = train_test_split(df)",
            "m = LogisticRegression().fit(train[['a', 'b']], train.y)",
            "m.score(test[['a', 'b']], test.y)",
        ],
        [
            "pre = ColumnTransformer([('n', StandardScaler(), ['a'])])\nm = make_pipeline(pre, LogisticRegression())",
            "X_train, X_test, y_train, y_test = train_test_split(df, df.y)",
            "m.fit(X_train, y_train)\nm.score(X_test, y_test)",
        ],
        ["df['log_y'] = np.log(df['y'])", "X = df.drop(columns=['y', 'log_y'])\ny = df['log_y']", SPLIT, MODEL],
        ["df['last'] = df['y'].shift(1)", XY, SPLIT, MODEL],
        *(
            [line, XY, SPLIT, MODEL]
            for line in (
                "df['m'] = df['g'].map(df.groupby('g')['a'].mean())",
                "df['n'] = df.groupby('g')['y'].transform('count')",
                "df['n'] = df['g'].map(df.groupby('g')['y'].size())",
                "df['last'] = df.groupby('g')['y'].transform(lambda s: s.shift(1).rolling(7).mean())",
                "df['y'] = df.groupby('g')['y'].transform(lambda s: s.fillna(s.mean()))",
                "means = df.groupby('g')['y'].mean()\nmeans.plot()",
                "df['m'] = df.groupby('g')['y'].transform('mean')\nprint(df.pop('m'))",
                "df['m'] = df.groupby('g')['y'].transform('mean')\ndf['m'] = df['a'] * 2",
            )
        ),
        [
            "train, test = train_test_split(df)\nmeans = train.groupby('g')['y'].mean()",
            "train['m'] = train['g'].map(means)\ntest['m'] = test['g'].map(means)",
            "m = LogisticRegression().fit(train[['a', 'm']], train.y)\nm.score(test[['a', 'm']], test.y)",
        ],
        *(
            [XY, SPLIT, line, MODEL]
            for line in (
                "X_test = (X_test - X_train.mean()) / X_train.std()",
                "mean = X_train.mean()\nX_test = X_test - mean",
                "X_test = X_test.fillna(X_train.mean())",
                "X_train = scale(X_train)",
                "X_test = normalize(X_test)",
                "X_test = np.log1p(X_test) / 255",
                "spread = ((y_test - y_test.mean()) ** 2).sum()",
                "plot = X_test - X_test.mean()",
                "X_test = X_test[X_test.a - X_test.a.mean() < 3]",
                "for d in (X_train, X_test):\n    d.fillna(X_train.mean(), inplace=True)",
                "for d in (X_train, X_test):\n    d = d.fillna(d.mean())",
                "both = [X_train, X_test]\nX_test = X_test.copy()\nfor d in both:\n    d['a'] = scale(d['a'])",
                "def scale(d):\n    return d / 255\nX_test = scale(X_test)",
                "def norm(d, like):\n    return (d - like.mean()) / like.std()\nX_test = norm(X_test, X_train)",
            )
        ),
        [XY, "y = (y - y.mean()) / y.std()", SPLIT, MODEL],
        ["z = (df['a'] - df['a'].mean()) / df['a'].std()\ndf = df[np.abs(z) < 3]", XY, SPLIT, MODEL],
        ["z = df['a'] - df['a'].mean()\nfar = abs(z) > 3\ndf = df.loc[~far]", XY, SPLIT, MODEL],
        [XY, SPLIT, "X_train['m'] = y_train.groupby(X_train['g']).transform('mean')", MODEL],
        [
            "df['strata'] = pd.cut(df['y'], 4)",
            "train, test = train_test_split(df, stratify=df.strata)",
            "for part in (train, test):\n    part.drop('strata', axis=1, inplace=True)",
            "X = train.drop('y', axis=1)\nm = LogisticRegression().fit(X, train['y'])",
        ],
        [
            "train_s = df[df.day < 5]\ntest_s = df[df.day >= 5]",
            "s = StandardScaler().fit(train_s[['a']])\nX_test = s.transform(test_s[['a']])",
        ],
    ],
)
def test_a_sound_notebook_is_accused_of_no_leak(book, sources):
    assert leaks(book, *sources) == []


def test_what_is_fitted_twice_in_a_cell_is_told_once(book):
    fits = [f"X[['{name}']] = imputer.fit_transform(X[['{name}']])" for name in "abc"]
    found = leaks(book, XY, "\n".join(["imputer = SimpleImputer()", *fits]), SPLIT, MODEL)
    assert [(each.cell, each.line) for each in found] == [(3, 2)]
