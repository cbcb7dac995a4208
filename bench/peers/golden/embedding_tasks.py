"""Golden numbers for tasks about vectors: trec_eval's measures (as BEIR asks for them) of rankings without ties, SciPy's correlations of
lists with ties, and BM25 from scikit-learn's counts of words.

    .venv/bin/python golden/embedding_tasks.py ../../src/evaluate/embedding
"""

import json
import sys
from pathlib import Path

import numpy as np
import pytrec_eval
import scipy
import sklearn
from make import formula
from scipy.stats import pearsonr, spearmanr
from sklearn.feature_extraction.text import CountVectorizer

DOCUMENTS, CUTS = 40, [1, 3, 10, 25]
TREC = {"ndcg": "ndcg_cut", "recall": "recall", "precision": "P", "map": "map_cut", "hit": "success"}

TEXTS = [
    "A cat sat on the mat, and the cat slept.",
    "Dogs and cats are animals that live with people.",
    "The price of fish rose again in the spring.",
    "On the mat lay a fish; the cat had gone.",
    "People of the town bought fish and bread.",
    "Spring came late: no bread, no fish, no people.",
]
QUERIES = ["cat on the mat", "fish fish price", "people", "zebra", "bread in spring"]


def trec(scores: np.ndarray, gains: np.ndarray) -> dict:
    cuts = ",".join(map(str, CUTS))
    measures = {f"{name}.{cuts}" for name in TREC.values()} | {"recip_rank", "map"}
    judged = {"q": {f"d{i:02}": int(g) for i, g in enumerate(gains)}}
    run = {"q": {f"d{i:02}": float(s) for i, s in enumerate(scores)}}
    found = pytrec_eval.RelevanceEvaluator(judged, measures).evaluate(run)["q"]
    own = {f"{ours}@{k}": found[f"{theirs}_{k}"] for ours, theirs in TREC.items() for k in CUTS}
    return own | {"mrr": found["recip_rank"], "map": found["map"]}


def bm25(k1: float, b: float) -> list:
    counts = CountVectorizer(token_pattern=r"(?u)\w+")
    table = counts.fit_transform(TEXTS).toarray().astype(float)
    lengths = table.sum(axis=1)
    having = (table > 0).sum(axis=0)
    rarity = np.log(1 + (len(TEXTS) - having + 0.5) / (having + 0.5))
    parts = rarity * table / (table + k1 * (1 - b + b * lengths / lengths.mean())[:, None])
    return (counts.transform(QUERIES).toarray() @ parts.T).tolist()


def main() -> None:
    rankings = []
    for query in range(12):
        scores = formula(f"trec scores {query}", DOCUMENTS)
        gains = np.floor(np.maximum(0, 5 * formula(f"trec gains {query}", DOCUMENTS) - query / 4))
        if gains.sum() == 0:
            gains[query] = 1
        rankings.append({"scores": scores.tolist(), "gains": gains.tolist(), "figures": trec(scores, gains)})
    pairs = []
    for case in range(4):
        people = np.round(2.5 + 2.5 * formula(f"people {case}", 50), 1 - case % 2)
        model = 0.3 * people / 5 + 0.5 * formula(f"model {case}", 50)
        if case > 1:
            model = np.round(model, 1)
        pairs.append(
            {
                "score": people.tolist(),
                "cosine": model.tolist(),
                "spearman": float(spearmanr(people, model).statistic),
                "pearson": float(pearsonr(people, model).statistic),
            }
        )
    versions = f"pytrec_eval-terrier 0.5.11, scikit-learn {sklearn.__version__}, SciPy {scipy.__version__}"
    golden = {
        "about": f"bench/peers/golden/embedding_tasks.py, {versions}",
        "rankings": rankings,
        "pairs": pairs,
        "bm25": {"documents": TEXTS, "queries": QUERIES, "scores": [{"k1": k1, "b": b, "scores": bm25(k1, b)} for k1, b in [(1.2, 0.75), (0.9, 0.4)]]},
    }
    (Path(sys.argv[1]) / "embedding-tasks.golden.json").write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
