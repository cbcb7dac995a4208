"""Golden values of tests and sizes of two shares and of noncentral chi-squares, by scipy 1.17.1.

Usage: python bench/peers/golden/shares.py   (from the repository's root; writes the JSON file beside the code that it judges)
"""
import json

import numpy as np
from scipy import stats

draw = np.random.default_rng(11)

fisher = []
for a, n, b, m in [(3, 10, 7, 12), (0, 1281, 4, 90), (500, 1000, 560, 1000), (1, 5, 5, 5), (0, 8, 8, 8), (120, 100000, 300, 90000), (5, 5, 2, 9), (0, 10, 0, 12)]:
    table = stats.hypergeom(n + m, a + b, m)
    p = min(1.0, 2 * min(float(table.cdf(b)), float(table.sf(b - 1))))
    fisher.append([a, n, b, m, p])

chi = []
for x, k, lam in [(3.84, 1, 7.85), (20.0, 9, 4.0), (150.0, 30, 100.0), (1.0, 2, 50.0), (400.0, 9, 300.0), (5.0, 3, 0.01)]:
    chi.append([x, k, lam, float(stats.ncx2.sf(x, k, lam))])

superior = []
for n, m, shift, decimals in [(30, 40, 0.5, 6), (25, 25, 0.0, 0), (12, 60, 1.0, 1)]:
    x, y = np.round(draw.normal(size=n), decimals), np.round(draw.normal(shift, 1, size=m), decimals)
    u = stats.mannwhitneyu(y, x).statistic
    # placements, as DeLong's variance says them
    v10 = [np.mean((y > v) + 0.5 * (y == v)) for v in x]
    v01 = [np.mean((x < v) + 0.5 * (x == v)) for v in y]
    auc = float(u / (n * m))
    error = float(np.sqrt(np.sum((np.array(v10) - auc) ** 2) / (n - 1) / n + np.sum((np.array(v01) - auc) ** 2) / (m - 1) / m))
    superior.append({"x": x.tolist(), "y": y.tolist(), "value": auc, "error": error})

with open("src/statistics/two-sample/shares.golden.json", "w") as file:
    json.dump({"fisher": fisher, "noncentral": chi, "superiority": superior}, file)
    file.write("\n")
