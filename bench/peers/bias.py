"""Fairlearn's adversarial classifier and scikit-learn's logistic regression on Adult, beside `bench bias`. Arguments: folder, seeds. Prints one JSON document."""
import json
import sys
import warnings

import numpy as np

warnings.filterwarnings("ignore")
import fairlearn
import sklearn
import torch
from fairlearn.adversarial import AdversarialFairnessClassifier
from fairlearn.metrics import demographic_parity_difference, equalized_odds_difference
from sklearn.linear_model import LogisticRegression

folder, seeds = sys.argv[1], [int(s) for s in sys.argv[2].split(",")]
epochs, alpha = int(sys.argv[3]), float(sys.argv[4])
numeric = {0, 2, 4, 10, 11, 12}


def rows(name):
    read = [[c.strip() for c in line.split(",")] for line in open(f"{folder}/{name}")]
    return [r for r in read if len(r) == 15]


train, test = rows("adult.data"), rows("adult.test")


def features(part):
    out = []
    for c in range(14):
        if c in numeric:
            out.append([[float(r[c])] for r in part])
        else:
            values = sorted({r[c] for r in train})
            out.append([[float(r[c] == v) for v in values] for r in part])
    return np.concatenate([np.array(o) for o in out], 1)


x, xt = features(train), features(test)
mean, deviation = x.mean(0), x.std(0)
deviation[deviation == 0] = 1
x, xt = ((x - mean) / deviation).astype(np.float32), ((xt - mean) / deviation).astype(np.float32)
y = np.array([int(r[14].startswith(">50K")) for r in train])
yt = np.array([int(r[14].startswith(">50K")) for r in test])
sex, sext = np.array([r[9] for r in train]), np.array([r[9] for r in test])


def audit(p):
    rate = lambda k: p[k].mean()
    f, m = sext == "Female", sext == "Male"
    tpr = rate(f & (yt == 1)) - rate(m & (yt == 1))
    fpr = rate(f & (yt == 0)) - rate(m & (yt == 0))
    return {
        "accuracy": float((p == yt).mean()),
        "averageOdds": float((tpr + fpr) / 2),
        "equalisedOdds": float(equalized_odds_difference(yt, p, sensitive_features=sext)),
        "demographicParity": float(demographic_parity_difference(yt, p, sensitive_features=sext)),
    }


lr = LogisticRegression(C=1, max_iter=3000, tol=1e-8)
plain = audit(lr.fit(x.astype(float), y).predict(xt.astype(float)))
weights = np.ones(len(y))
for g in ("Female", "Male"):
    for label in (0, 1):
        k = (sex == g) & (y == label)
        weights[k] = (sex == g).mean() * (y == label).mean() / k.mean()
reweighed = audit(lr.fit(x.astype(float), y, sample_weight=weights).predict(xt.astype(float)))
torch.set_num_threads(1)
runs = []
for seed in seeds:
    model = AdversarialFairnessClassifier(
        backend="torch",
        # the layers of Fairlearn's own example on Adult
        predictor_model=[50, "leaky_relu"],
        adversary_model=[3, "leaky_relu"],
        constraints="equalized_odds",
        learning_rate=0.001,
        alpha=alpha,
        epochs=epochs,
        batch_size=256,
        shuffle=True,
        random_state=seed,
    )
    model.fit(x, y, sensitive_features=sex)
    runs.append({"seed": seed, **audit(np.asarray(model.predict(xt)).astype(int).ravel())})
print(
    json.dumps(
        {
            "versions": {"fairlearn": fairlearn.__version__, "scikit-learn": sklearn.__version__, "torch": torch.__version__},
            "logistic regression": plain,
            "reweighed": reweighed,
            "adversarial": runs,
        }
    )
)
