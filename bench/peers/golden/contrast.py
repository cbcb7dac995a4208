"""Golden numbers for contrastive tuning: values and gradients of sentence-transformers' MultipleNegativesRankingLoss (cosine similarities times a scale,
cross-entropy with the positive of each anchor among all candidates of the batch), written out in PyTorch, float64.

    .venv/bin/python golden/contrast.py ../../src/tune/contrast
"""

import json
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from make import formula, numbers, short

ROWS, WIDTH = 5, 6
CASES = {"pairs": dict(sides=2, scale=20.0), "triplets": dict(sides=3, scale=20.0), "colder": dict(sides=3, scale=50.0)}


def main() -> None:
    cases = []
    for name, o in CASES.items():
        vectors = [
            torch.tensor(formula(f"{side} {name}", ROWS * WIDTH)).reshape(ROWS, WIDTH).requires_grad_()
            for side in ("anchors", "positives", "negatives")[: o["sides"]]
        ]
        anchors, *others = [F.normalize(v, p=2, dim=1) for v in vectors]
        scores = anchors @ torch.cat(others).T * o["scale"]
        losses = F.cross_entropy(scores, torch.arange(ROWS), reduction="none")
        losses.mean().backward()
        cases.append(
            {
                "name": name, "scale": o["scale"], "vectors": [numbers(v) for v in vectors], "losses": numbers(losses),
                "gradients": [numbers(v.grad) for v in vectors],
            }
        )  # fmt: skip
        print(name, short(float(losses.mean().detach())))
    about = f"bench/peers/golden/contrast.py, torch {torch.__version__.split('+')[0]}, float64"
    (Path(sys.argv[1]) / "contrast.golden.json").write_text(json.dumps({"about": about, "rows": ROWS, "width": WIDTH, "cases": cases}) + "\n")


if __name__ == "__main__":
    main()
