"""Golden numbers for rankings: scikit-learn's `ndcg_score` over scores with and without ties.

    .venv/bin/python golden/retrieval.py ../../src/evaluate/retrieval
"""

import json
import sys
from pathlib import Path

import numpy as np
import sklearn
from make import formula
from sklearn.metrics import ndcg_score

CANDIDATES, CUTS = 12, [1, 3, 5, 10, 12]


def main() -> None:
    cases = []
    for query in range(8):
        scores = formula(f"scores {query}", CANDIDATES)
        if query % 2:
            scores = np.round(2 * scores) / 2  # many ties
        gains = np.floor(np.maximum(0, 4 * formula(f"gains {query}", CANDIDATES)))
        if query == 7:
            gains[:] = 0
        ndcg = {str(k): float(ndcg_score([gains], [scores], k=k)) for k in CUTS}
        cases.append({"scores": scores.tolist(), "gains": gains.tolist(), "ndcg": ndcg})
    about = f"bench/peers/golden/retrieval.py, scikit-learn {sklearn.__version__}"
    (Path(sys.argv[1]) / "retrieval.golden.json").write_text(json.dumps({"about": about, "cases": cases}) + "\n")


if __name__ == "__main__":
    main()
