# Golden figures of src/statistics/golden/expected.golden.json: NannyML 0.13.1's CBPE, seeded.
# python expected_golden.py > src/statistics/golden/expected.golden.json
import json

import numpy as np
from nannyml.performance_estimation.confidence_based import metrics as m

rng = np.random.default_rng(7)
cases = []
for name, n, a, b in (("sure", 60, 0.3, 0.4), ("unsure", 200, 2, 2), ("rare", 150, 0.2, 2)):
    p = np.round(rng.beta(a, b, n), 4)
    said = (p >= 0.4).astype(int)
    cases.append(
        {
            "name": name,
            "probability": p.tolist(),
            "predicted": said.tolist(),
            "accuracy": m.estimate_accuracy(said, p),
            "precision": m.estimate_precision(said, p),
            "recall": m.estimate_recall(said, p),
            "f1": m.estimate_f1(said, p),
            "auc": m.estimate_roc_auc(p, p),
        }
    )
print(json.dumps({"cases": cases}))
