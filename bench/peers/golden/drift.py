"""Golden values of the comparison of sketches, by scipy 1.17.1 and numpy: two sets of documents, and what each test says of them.

Usage: python bench/peers/golden/drift.py   (from the repository's root; writes the JSON file beside the code that it judges)
"""
import json

import numpy as np
from scipy import stats

draw = np.random.default_rng(24)
n, m = 300, 180
# no two are equal: scipy's exact test knows no ties
x = np.round(np.exp(draw.normal(4.0, 0.8, n)), 6)
y = np.round(np.exp(draw.normal(4.3, 0.8, m)), 6)
assert len(np.unique(np.concatenate([x, y]))) == n + m
languages = ["de", "en", "fr", "pl"]
a = draw.choice(languages, n, p=[0.2, 0.6, 0.15, 0.05])
b = draw.choice(languages, m, p=[0.2, 0.45, 0.2, 0.15])

exact = stats.ks_2samp(x, y, method="exact")
cramer = stats.cramervonmises_2samp(x, y, method="asymptotic")
edges = np.unique(np.quantile(x, np.arange(1, 10) / 10))
p, q = (np.histogram(v, np.concatenate([[-np.inf], np.nextafter(edges, np.inf), [np.inf]]))[0] for v in (x, y))
bins = len(p)
p, q = (p + 0.5) / (n + bins / 2), (q + 0.5) / (m + bins / 2)
middle = (p + q) / 2
welch = stats.ttest_ind(y, x, equal_var=False).confidence_interval(0.95)
table = np.array([[np.sum(v == name) for name in languages] for v in (a, b)])
chi = stats.chi2_contingency(table, correction=False)
single = []
for k, name in enumerate(languages):
    c, d = int(table[0, k]), int(table[1, k])
    h = stats.hypergeom(n + m, c + d, m)
    single.append({"value": name, "p": min(1.0, 2 * min(float(h.cdf(d)), float(h.sf(d - 1))))})
ordered = sorted(single, key=lambda s: s["p"])
q_values = stats.false_discovery_control([s["p"] for s in ordered]).tolist()

with open("src/watch/sketch/compare.golden.json", "w") as file:
    json.dump(
        {
            "reference": [{"length": float(v), "language": str(w)} for v, w in zip(x, a)],
            "window": [{"length": float(v), "language": str(w)} for v, w in zip(y, b)],
            "length": {
                "statistic": float(exact.statistic),
                "p": float(exact.pvalue),
                "cramerVonMises": float(cramer.statistic),
                "cramerVonMisesP": float(cramer.pvalue),
                "wasserstein": float(stats.wasserstein_distance(x, y)),
                "energy": float(stats.energy_distance(x, y)),
                "psi": float(np.sum((q - p) * np.log(q / p))),
                "js": float(np.sum(p * np.log(p / middle) + q * np.log(q / middle)) / 2),
                "difference": [float(np.mean(y) - np.mean(x)), float(welch.low), float(welch.high)],
                "superiority": float(stats.mannwhitneyu(y, x).statistic / (n * m)),
            },
            "language": {
                "statistic": float(chi.statistic),
                "p": float(chi.pvalue),
                "cramerV": float(np.sqrt(chi.statistic / (n + m))),
                "moved": [{**s, "q": v} for s, v in zip(ordered, q_values)],
            },
        },
        file,
    )
    file.write("\n")
