"""Golden values of linear models of dense rows, from scikit-learn: python dense_models.py > src/evaluate/baselines/text-classifiers/golden/dense.golden.json

Rows are drawn around a centre a class, as states of a frozen model lie; what is held to it: scores of logistic regression (two classes and four) at
two penalties, and numbers of ridge regression, on rows that were not trained on."""

import json

import numpy as np
import sklearn
from sklearn.linear_model import LogisticRegression, Ridge

draw = np.random.default_rng(11)
size = 12


def case(classes, count):
    centres = draw.normal(size=(classes, size))
    labels = np.arange(count) % classes
    rows = np.round(centres[labels] + 1.5 * draw.normal(size=(count, size)), 4)
    asked = np.round(1.5 * draw.normal(size=(9, size)), 4)
    scores = {
        str(c): np.asarray(LogisticRegression(C=c, solver="newton-cholesky", tol=1e-10, max_iter=1000).fit(rows, labels).decision_function(asked)).tolist()
        for c in (0.01, 1)
    }
    return {"classes": classes, "rows": rows.tolist(), "labels": labels.tolist(), "asked": asked.tolist(), "scores": scores}


def ridge():
    rows = draw.normal(size=(61, size))
    rows = rows - rows.mean(axis=0)
    targets = 3 + rows @ draw.normal(size=size) + draw.normal(size=61)
    asked = draw.normal(size=(9, size))
    numbers = {str(a): Ridge(alpha=a, solver="cholesky").fit(rows, targets).predict(asked).tolist() for a in (1, 100)}
    return {"rows": rows.tolist(), "targets": targets.tolist(), "asked": asked.tolist(), "numbers": numbers}


print(json.dumps({"library": f"scikit-learn {sklearn.__version__}", "cases": [case(2, 50), case(4, 83)], "ridge": ridge()}))
