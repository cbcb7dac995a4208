"""Tests of two samples by scipy, Evidently and alibi-detect, whichever is installed. python drift.py FILE: JSON with `pairs` (x, y, isTied), `counts` (x, y),
`vectors` (x, y, columns, bandwidth), `reference` and `windows`; answers one line of JSON."""

import json
import sys
import time
import warnings

import numpy as np

warnings.filterwarnings("ignore")
data = json.load(open(sys.argv[1]))
out = {"versions": {}, "windows": {}, "ms": {}}


def is_absent(missing, package):
    """The package is in the other environment; whatever else is missing is an error."""
    if missing.name != package:
        raise missing


try:
    import scipy
    from scipy import stats

    out["versions"]["scipy"] = scipy.__version__

    def pair(p):
        x, y = np.array(p["x"]), np.array(p["y"])
        cramer = stats.cramervonmises_2samp(x, y, method="asymptotic")
        ks = stats.ks_2samp(x, y, method="exact")
        return {
            "ks": ks.statistic,
            "wasserstein": stats.wasserstein_distance(x, y),
            "energy": stats.energy_distance(x, y),
            # scipy's p-value of KS and both figures of Cramér-von Mises are of values without ties
            **({} if p["isTied"] else {"ksP": ks.pvalue, "cramer": cramer.statistic, "cramerP": cramer.pvalue}),
        }

    out["pairs"] = [pair(p) for p in data["pairs"]]
    chi = stats.chi2_contingency(np.array([data["counts"]["x"], data["counts"]["y"]]), correction=False)
    out["chiSquare"] = {"statistic": chi.statistic, "p": chi.pvalue}
except ModuleNotFoundError as missing:
    is_absent(missing, "scipy")

v = data["vectors"]
x, y = (np.array(v[k]).reshape(-1, v["columns"]) for k in "xy")
kernel = lambda a, b: np.exp(-((a[:, None] - b[None]) ** 2).sum(-1) / (2 * v["bandwidth"] ** 2))
n, m = len(x), len(y)
# Gretton and others 2012, lemma 6
out["discrepancy"] = (
    (kernel(x, x).sum() - n) / (n * (n - 1)) + (kernel(y, y).sum() - m) / (m * (m - 1)) - 2 * kernel(x, y).mean()
)

reference, windows = np.array(data["reference"], float), [np.array(w, float) for w in data["windows"]]


def timed(name, of):
    began = time.process_time()
    out["windows"][name] = [of(w) for w in windows]
    out["ms"][name] = 1000 * (time.process_time() - began)


try:
    import evidently
    import pandas as pd
    from evidently import DataDefinition, Dataset, Report
    from evidently.metrics import ValueDrift

    out["versions"]["evidently"] = evidently.__version__
    definition = DataDefinition(numerical_columns=["length"])
    of = lambda values: Dataset.from_pandas(pd.DataFrame({"length": values}), data_definition=definition)

    def by(method):
        def run(window):
            metric = ValueDrift(column="length", **({"method": method} if method else {}))
            said = Report([metric]).run(of(window), of(reference)).dict()["metrics"][0]
            value, threshold = float(said["value"]), float(said["config"]["threshold"])
            isP = "p_value" in said["config"]["method"] or method == "ks"
            return {"value": value, "isDrift": bool(value < threshold if isP else value >= threshold)}

        return run

    timed("Evidently, KS", by("ks"))
    timed("Evidently, PSI", by("psi"))
except ModuleNotFoundError as missing:
    is_absent(missing, "evidently")

try:
    import alibi_detect
    from alibi_detect.cd import CVMDrift, KSDrift, MMDDrift

    out["versions"]["alibi-detect"] = alibi_detect.__version__

    def detect(kind):
        detector = kind(reference[:, None], p_val=0.05)

        def run(window):
            said = detector.predict(window[:, None])["data"]
            return {"value": float(np.ravel(said["p_val"])[0]), "isDrift": bool(said["is_drift"])}

        return run

    timed("alibi-detect, KS", detect(KSDrift))
    timed("alibi-detect, Cramér-von Mises", detect(CVMDrift))
except ModuleNotFoundError as missing:
    is_absent(missing, "alibi_detect")
print(json.dumps(out))
