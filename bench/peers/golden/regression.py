"""Golden numbers for measures of regression: scikit-learn's errors and R2, scipy's correlations.

    .venv/bin/python golden/regression.py ../../src/tune/regress
"""

import json
import sys
from pathlib import Path

import numpy as np
import scipy
import sklearn
from make import formula
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

COUNT = 40


def main() -> None:
    cases = []
    for name, rounded in (("plain", False), ("ties", True)):
        truth = 10 + 5 * formula(f"truth {name}", COUNT)
        predicted = truth + 3 * formula(f"error {name}", COUNT) - 1
        if rounded:
            truth, predicted = np.round(truth), np.round(predicted)
        cases.append(
            {
                "name": name, "truth": truth.tolist(), "predicted": predicted.tolist(),
                "mae": float(mean_absolute_error(truth, predicted)), "rmse": float(root_mean_squared_error(truth, predicted)),
                "r2": float(r2_score(truth, predicted)), "pearson": float(pearsonr(truth, predicted).statistic),
                "spearman": float(spearmanr(truth, predicted).statistic),
            }
        )  # fmt: skip
    about = f"bench/peers/golden/regression.py, scikit-learn {sklearn.__version__}, scipy {scipy.__version__}"
    (Path(sys.argv[1]) / "regression.golden.json").write_text(json.dumps({"about": about, "cases": cases}) + "\n")


if __name__ == "__main__":
    main()
