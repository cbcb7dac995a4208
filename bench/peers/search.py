"""Optuna's searches on Branin, Hartmann-6 and the table of a real tuning (bench/search/tuning-table.json, from the folder it runs in).

Usage: search.py SAMPLER PROBLEM TRIALS SEED   (tpe or gp, with their defaults; the objective is said to be without noise where a sampler asks)
Prints one line of JSON: the least regret, and the seconds of it all.
"""
import json, math, sys, time, warnings

warnings.filterwarnings("ignore")
import optuna

optuna.logging.set_verbosity(optuna.logging.ERROR)
import torch

torch.set_num_threads(1)
sampler, problem, trials, seed = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
WIDTHS = [[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]]
CENTRES = [
    [0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886],
    [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991],
    [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.665],
    [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381],
]


def branin(trial):
    x, y = trial.suggest_float("x", -5, 10), trial.suggest_float("y", 0, 15)
    valley = y - 5.1 / (4 * math.pi**2) * x * x + 5 / math.pi * x - 6
    return valley**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10 - 0.39788735772973816


def hartmann6(trial):
    x = [trial.suggest_float(name, 0, 1) for name in "abcdef"]
    return 3.322368011391339 - sum(
        height * math.exp(-sum(w * (v - c) ** 2 for w, v, c in zip(WIDTHS[i], x, CENTRES[i]))) for i, height in enumerate([1, 1.2, 3, 3.2])
    )


def tuning_table(trial):
    at = 0
    for name, values in table["axes"].items():
        at = at * len(values) + trial.suggest_int(name, 0, len(values) - 1)
    return table["losses"][at] - min(table["losses"])


if problem == "tuning-table":
    with open("bench/search/tuning-table.json") as file:
        table = json.load(file)
samplers = {"tpe": lambda: optuna.samplers.TPESampler(seed=seed), "gp": lambda: optuna.samplers.GPSampler(seed=seed, deterministic_objective=True)}
began = time.process_time()
study = optuna.create_study(sampler=samplers[sampler]())
study.optimize({"branin": branin, "hartmann6": hartmann6, "tuning-table": tuning_table}[problem], n_trials=trials)
print(json.dumps({"regret": study.best_value, "seconds": time.process_time() - began}))
