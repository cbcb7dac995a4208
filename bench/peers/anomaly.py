"""Scores of scikit-learn's and PyOD's detectors with their defaults, on the windows that bench/anomaly.ts wrote.

usage: anomaly.py MANIFEST          scores are written beside the windows
       anomaly.py --data FOLDER     copies aeon's labelled series to a folder
"""

import importlib.util
import json
import shutil
import sys
import time
import warnings
from pathlib import Path

SERIES = {
    "ucr-135": ["KDD-TSAD_135/135_UCR_Anomaly_InternalBleeding16_TRAIN.csv", "KDD-TSAD_135/135_UCR_Anomaly_InternalBleeding16_TEST.csv"],
    "daphnet": ["Daphnet_S06R02E0/S06R02E0.csv"],
    "ecg-count": ["UnitTest/ecg-diff-count-3_TRAIN_NA.csv", "UnitTest/ecg-diff-count-3_TEST.csv"],
}


def copy_data(folder):
    base = Path(importlib.util.find_spec("aeon").origin).parent / "datasets" / "data"
    for name, files in SERIES.items():
        for i, file in enumerate(files):
            shutil.copy(base / file, Path(folder) / f"{name}-{i}.csv")


def detectors():
    from pyod.models.ecod import ECOD
    from pyod.models.hbos import HBOS
    from pyod.models.iforest import IForest
    from pyod.models.knn import KNN
    from pyod.models.lof import LOF
    from pyod.models.mcd import MCD
    from pyod.models.ocsvm import OCSVM
    from pyod.models.pca import PCA
    from sklearn.covariance import EllipticEnvelope
    from sklearn.ensemble import IsolationForest
    from sklearn.neighbors import LocalOutlierFactor

    sklearn = {
        "scikit-learn IsolationForest": lambda: IsolationForest(random_state=0),
        "scikit-learn LocalOutlierFactor": lambda: LocalOutlierFactor(novelty=True),
        "scikit-learn EllipticEnvelope": lambda: EllipticEnvelope(random_state=0),
    }
    pyod = {
        "PyOD IForest": lambda: IForest(random_state=0),
        "PyOD LOF": lambda: LOF(),
        "PyOD KNN": lambda: KNN(),
        "PyOD PCA": lambda: PCA(random_state=0),
        "PyOD MCD": lambda: MCD(random_state=0),
        "PyOD ECOD": lambda: ECOD(),
        "PyOD HBOS": lambda: HBOS(),
        "PyOD OCSVM": lambda: OCSVM(),
    }
    for name, make in sklearn.items():
        yield name, make, lambda d, x: -d.decision_function(x)
    for name, make in pyod.items():
        yield name, make, lambda d, x: d.decision_function(x)


def main(manifest):
    import numpy as np
    import pyod
    import scipy
    import sklearn

    warnings.filterwarnings("ignore")
    folder = Path(manifest).parent
    out = {"versions": {"scikit-learn": sklearn.__version__, "pyod": pyod.__version__, "numpy": np.__version__, "scipy": scipy.__version__}, "sets": {}}
    for task in json.loads(Path(manifest).read_text()):
        columns = task["columns"]
        fit = np.fromfile(folder / task["fit"], dtype=np.float64).reshape(-1, columns)
        score = np.fromfile(folder / task["score"], dtype=np.float64).reshape(-1, columns)
        found = {}
        for name, make, scores_of in detectors():
            began = time.process_time()
            try:
                detector = make()
                detector.fit(fit)
                scores = np.asarray(scores_of(detector, score), dtype=np.float64)
                file = f"{task['name']}-{len(found)}.scores"
                np.nan_to_num(scores, nan=-1e300, posinf=1e300, neginf=-1e300).tofile(folder / file)
                found[name] = {"file": file, "seconds": time.process_time() - began}
            except Exception as error:
                found[name] = {"error": f"{type(error).__name__}: {error}"}
        out["sets"][task["name"]] = found
    print(json.dumps(out))


if sys.argv[1] == "--data":
    copy_data(sys.argv[2])
else:
    main(sys.argv[1])
