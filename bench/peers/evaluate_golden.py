"""Golden values of scores and statistics from scikit-learn, SciPy, sacrebleu and rouge-score.

Usage: python bench/peers/evaluate_golden.py   (from the repository's root; writes the JSON files beside the code that they judge)
"""
import json, random

import numpy as np
import sacrebleu
from rouge_score import rouge_scorer
from scipy import special, stats
from sklearn import metrics

random.seed(7)
rng = np.random.default_rng(7)


def save(path, data):
    with open(path, "w") as f:
        json.dump(data, f, indent=1)
        f.write("\n")


def labels(n, classes, wrong, weights=None):
    truth = random.choices(classes, weights, k=n)
    return truth, [random.choice(classes) if random.random() < wrong else t for t in truth]


def scores(truth, predicted):
    average = lambda kind: dict(
        zip(("precision", "recall", "f1"), metrics.precision_recall_fscore_support(truth, predicted, average=kind, zero_division=0)[:3])
    )
    names = sorted(set(truth) | set(predicted))
    rows = metrics.precision_recall_fscore_support(truth, predicted, labels=names, zero_division=0)
    return {
        "truth": truth,
        "predicted": predicted,
        "accuracy": metrics.accuracy_score(truth, predicted),
        "balancedAccuracy": metrics.balanced_accuracy_score(truth, predicted),
        "micro": average("micro"),
        "macro": average("macro"),
        "weighted": average("weighted"),
        "mcc": metrics.matthews_corrcoef(truth, predicted),
        "kappa": metrics.cohen_kappa_score(truth, predicted),
        "classes": [
            {"name": n, "precision": p, "recall": r, "f1": f, "support": int(s)} for n, p, r, f, s in zip(names, *[list(map(float, x)) for x in rows])
        ],
        "confusion": metrics.confusion_matrix(truth, predicted, labels=names).tolist(),
    }


def ranked(n, digits, shift):
    positive = [int(random.random() < 0.3) for _ in range(n)]
    score = [round(random.gauss(shift * p, 1), digits) for p in positive]
    probability = [float(special.expit(1.7 * s - 1)) for s in score]
    return {
        "positive": positive,
        "score": score,
        "probability": probability,
        "rocArea": metrics.roc_auc_score(positive, score),
        "averagePrecision": metrics.average_precision_score(positive, score),
        "brier": metrics.brier_score_loss(positive, probability),
        "logLoss": metrics.log_loss(positive, probability),
    }


save(
    "src/evaluate/classification/golden/scikit-learn.golden.json",
    {
        "scores": [
            scores(*labels(60, ["ham", "spam"], 0.3, [4, 1])),
            scores(*labels(120, ["a", "b", "c", "d", "e"], 0.4, [9, 4, 3, 1, 1])),
            # A class that is never predicted, one that is predicted and never true.
            scores(["x", "x", "y", "z", "z"], ["x", "w", "x", "z", "x"]),
            scores(["x", "x", "x"], ["x", "y", "x"]),
        ],
        "ranked": [ranked(80, 6, 1.2), ranked(80, 0, 0.8), ranked(40, 1, 0)],
    },
)

x = np.round(rng.normal(size=30), 1)
y = np.round(0.5 * x + rng.normal(size=30), 1)
save(
    "src/statistics/golden/scipy.golden.json",
    {
        "normalQuantile": [[p, stats.norm.ppf(p)] for p in (1e-12, 1e-4, 0.025, 0.3, 0.5, 0.8, 0.975, 0.999999)],
        "normalAbove": [[z, stats.norm.sf(z)] for z in (-3, 0, 0.5, 1.96, 5, 12)],
        "chiSquareAbove": [[v, k, stats.chi2.sf(v, k)] for v, k in ((0.1, 1), (3.84, 1), (12, 4), (80, 100), (900, 1000))],
        "betaQuantile": [[p, a, b, stats.beta.ppf(p, a, b)] for p, a, b in ((0.025, 1, 20), (0.975, 8, 3), (0.5, 0.5, 0.5), (0.025, 800, 200), (0.975, 90001, 10000))],
        "studentQuantile": [[p, k, stats.t.ppf((1 + p) / 2, k)] for p, k in ((0.95, 1), (0.95, 7.5), (0.99, 30), (0.5, 200))],
        "binomialBelow": [[k, n, p, stats.binom.cdf(k, n, p)] for k, n, p in ((0, 5, 0.5), (3, 10, 0.3), (480, 1000, 0.5))],
        "wilson": [
            [k, n, c, *stats.binomtest(k, n).proportion_ci(c, "wilson")] for k, n, c in ((0, 10, 0.95), (3, 10, 0.95), (10, 10, 0.9), (860, 1000, 0.99))
        ],
        "clopperPearson": [
            [k, n, c, *stats.binomtest(k, n).proportion_ci(c, "exact")] for k, n, c in ((0, 10, 0.95), (3, 10, 0.95), (10, 10, 0.9), (860, 1000, 0.99))
        ],
        "signTest": [[k, n, stats.binomtest(k, n).pvalue] for k, n in ((0, 6), (3, 10), (5, 10), (1, 24), (430, 1000))],
        "holm": {"p": [0.01, 0.04, 0.03, 0.005, 0.9], "corrected": [0.04, 0.09, 0.09, 0.025, 0.9]},
        "benjaminiHochberg": {
            "p": [0.01, 0.04, 0.03, 0.005, 0.9],
            "corrected": stats.false_discovery_control([0.01, 0.04, 0.03, 0.005, 0.9]).tolist(),
        },
        "correlation": {"x": x.tolist(), "y": y.tolist(), "pearson": stats.pearsonr(x, y)[0], "spearman": stats.spearmanr(x, y)[0]},
        "permutation": {
            "differences": [0.3, -0.1, 0.5, 0.2, 0.0, 0.4, -0.2, 0.1],
            "p": stats.permutation_test(
                ([0.3, -0.1, 0.5, 0.2, 0.0, 0.4, -0.2, 0.1],), lambda d, axis: np.mean(d, axis), permutation_type="samples", n_resamples=np.inf, vectorized=True
            ).pvalue,
        },
    },
)

WORDS = "the a cat dog sat on mat, mat. The U.S. 3.14 1,000 10-year don't “quoted” naïve 東京 & &amp; (bracketed) e.g. end! x-y ... $5 <tag>".split()


def noisy(text, share):
    words = [w for w in text.split(" ") if random.random() > share / 2]
    return " ".join(random.choice(WORDS) if random.random() < share / 2 else w for w in words)


items = []
for _ in range(40):
    references = [" ".join(random.choice(WORDS) for _ in range(random.randint(1, 14))) for _ in range(random.randint(1, 3))]
    if random.random() < 0.3:
        references = [r.replace(" ", "\n", 2) for r in references]
    items.append({"prediction": noisy(random.choice(references), random.choice([0, 0.3, 0.9])), "references": references})
items.append({"prediction": "", "references": ["something"]})
width = max(len(i["references"]) for i in items)
padded = [[(i["references"] + [None] * width)[k] for i in items] for k in range(width)]
predictions = [i["prediction"] for i in items]
rouge = rouge_scorer.RougeScorer(["rouge1", "rouge2", "rougeL", "rougeLsum"], use_stemmer=False)
best = [{k: max(rouge.score(r, i["prediction"])[k].fmeasure for r in i["references"]) for k in rouge.rouge_types} for i in items]
save(
    "src/evaluate/generation/golden/texts.golden.json",
    {
        "items": items,
        "corpus": {
            "bleu": sacrebleu.corpus_bleu(predictions, padded).score / 100,
            "chrf": sacrebleu.corpus_chrf(predictions, padded).score / 100,
            "chrf++": sacrebleu.corpus_chrf(predictions, padded, word_order=2).score / 100,
            **{k: sum(b[k] for b in best) / len(best) for k in rouge.rouge_types},
        },
        "single": [
            {"chrf": sacrebleu.sentence_chrf(i["prediction"], i["references"]).score / 100, **b} for i, b in zip(items, best)
        ],
    },
)


def agreement():
    draw = random.Random(7)
    pairs = []
    for k in (2, 3, 5):
        for n in (10, 80):
            first = [draw.randrange(k) for _ in range(n)]
            second = [x if draw.random() < 0.6 else draw.randrange(k) for x in first]
            kappas = {w or "none": metrics.cohen_kappa_score(first, second, weights=w, labels=list(range(k))) for w in (None, "linear", "quadratic")}
            pairs.append({"classes": list(range(k)), "first": first, "second": second, **kappas})
    tables = []
    for raters, k, n in ((3, 2, 12), (6, 4, 30)):
        table = np.array([np.bincount([draw.choice([i % k, draw.randrange(k)]) for _ in range(raters)], minlength=k) for i in range(n)])
        # the formula of statsmodels.stats.inter_rater.fleiss_kappa, method "fleiss"
        shares = table.sum(0) / table.sum()
        of_item = ((table * table).sum(1) - raters) / (raters * (raters - 1.0))
        by_chance = (shares * shares).sum()
        tables.append({"counts": table.tolist(), "kappa": float((of_item.mean() - by_chance) / (1 - by_chance))})
    return {"cohen": pairs, "fleiss": tables}


save("src/statistics/golden/agreement.golden.json", agreement())
