"""Golden values of the tests of two samples, by scipy 1.17.1 and numpy in float64.

Usage: python bench/peers/golden/two_sample.py   (from the repository's root; writes the JSON file beside the code that it judges)
"""
import json

import numpy as np
from scipy import stats

draw = np.random.default_rng(7)
cases = []


def add(name, x, y):
    x, y = (np.array([round(float(v), 6) for v in values]) for values in (x, y))
    exact, limit = (stats.ks_2samp(x, y, method=m) for m in ("exact", "asymp"))
    cramer = stats.cramervonmises_2samp(x, y, method="asymptotic")
    cases.append({
        "name": name,
        "x": x.tolist(),
        "y": y.tolist(),
        "ks": {"statistic": float(exact.statistic), "p": float(exact.pvalue)},
        "wasserstein": float(stats.wasserstein_distance(x, y)),
        "energy": float(stats.energy_distance(x, y)),
        "cramer": {"statistic": float(cramer.statistic), "p": float(cramer.pvalue)},
    })


add("shift", np.arange(1, 11), np.arange(1, 11) + 3.5)
add("normal", draw.normal(size=20), draw.normal(0.5, 1.2, size=30))
add("normal, same size", draw.normal(size=50), draw.normal(0.3, 1, size=50))
add("exponential", draw.exponential(size=40), draw.exponential(2, size=25))
add("one population", draw.normal(size=15), draw.normal(size=12))
add("far apart", draw.normal(size=12), draw.normal(9, 1, size=12))
a, b = np.array([30, 14, 6, 0, 2]), np.array([18, 22, 9, 0, 7])
used = (a + b) > 0
chi = stats.chi2_contingency(np.array([a[used], b[used]]), correction=False)
x, y = draw.normal(size=(8, 2)).round(3), (draw.normal(size=(6, 2)) + [1, 0]).round(3)
kernel = lambda p, q: np.exp(-((p[:, None] - q[None]) ** 2).sum(-1) / (2 * 1.3**2))
within = [kernel(p, p) - np.eye(len(p)) for p in (x, y)]
mmd = sum(k.sum() / (len(k) * (len(k) - 1)) for k in within) - 2 * kernel(x, y).mean()
limits = [0.3, 0.5, 0.8, 1, 1.36, 2]
json.dump(
    {
        "cases": cases,
        "chiSquare": {"x": a.tolist(), "y": b.tolist(), "statistic": float(chi.statistic), "p": float(chi.pvalue), "freedom": int(chi.dof)},
        "discrepancy": {"x": x.ravel().tolist(), "y": y.ravel().tolist(), "bandwidth": 1.3, "statistic": float(mmd)},
        "kolmogorov": [[t, float(stats.kstwobign.sf(t))] for t in limits],
    },
    open("src/statistics/two-sample/golden.json", "w"),
)
