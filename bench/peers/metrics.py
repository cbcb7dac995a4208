"""scikit-learn's scores of predictions.

Usage: metrics.py FILE   (JSON of truth and predicted labels, and of positive and score)
Reads `classes` or `curves` from standard input, a line each; answers with a line of JSON: processor time, and the figures.
"""
import json, sys, time

import numpy as np
from sklearn import metrics

data = json.load(open(sys.argv[1]))
truth, predicted = np.array(data["truth"]), np.array(data["predicted"])
positive, score = np.array(data["positive"]), np.array(data["score"])


def classes():
    p, r, f, _ = metrics.precision_recall_fscore_support(truth, predicted, average="macro", zero_division=0)
    return {
        "accuracy": metrics.accuracy_score(truth, predicted),
        "precision": p,
        "recall": r,
        "f1": f,
        "mcc": metrics.matthews_corrcoef(truth, predicted),
        "kappa": metrics.cohen_kappa_score(truth, predicted),
        "cells": metrics.confusion_matrix(truth, predicted).ravel().tolist(),
    }


def curves():
    return {"rocArea": metrics.roc_auc_score(positive, score), "averagePrecision": metrics.average_precision_score(positive, score), "brier": metrics.brier_score_loss(positive, score)}


for line in sys.stdin:
    began = time.process_time()
    figures = {"classes": classes, "curves": curves}[line.strip()]()
    print(json.dumps({"ms": 1000 * (time.process_time() - began), "figures": figures}), flush=True)
