"""Golden shares of variance by parameter from Optuna's fANOVA, with the trials that it saw.

No logarithms among the parameters: Optuna weighs such a range by its values, we by its logarithm, on which it is drawn.
Usage: python bench/peers/importance_golden.py   (from the repository's root; writes the JSON file beside the code that it judges)
"""
import json, warnings
warnings.filterwarnings("ignore")
import optuna
from optuna.importance import FanovaImportanceEvaluator, get_param_importances
optuna.logging.set_verbosity(optuna.logging.ERROR)
space = {"a": optuna.distributions.FloatDistribution(0, 1), "b": optuna.distributions.FloatDistribution(-4, 0), "c": optuna.distributions.CategoricalDistribution(["x", "y", "z"])}
functions = {
  "linear": lambda a, b, c: 3 * a + b / 4 + 0.2 * "xyz".index(c),
  "choice": lambda a, b, c: {"x": 0.0, "y": 2.0, "z": 0.5}[c] + (a - 0.5) ** 2,
  "mixed": lambda a, b, c: 2 * a + b / 2 + {"x": 0.0, "y": 1.5, "z": 0.2}[c] + a * (c == "x"),
}
out = {}
for name, f in functions.items():
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=7))
    rows = []
    def objective(t):
        a, b, c = t.suggest_float("a", 0, 1), t.suggest_float("b", -4, 0), t.suggest_categorical("c", ["x", "y", "z"])
        v = f(a, b, c); rows.append([a, b, c, v]); return v
    study.optimize(objective, n_trials=80)
    shares = [get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=s), normalize=True) for s in range(5)]
    out[name] = {"rows": rows, "shares": {k: sum(s[k] for s in shares) / 5 for k in "abc"}}
rounded = {k: {"shares": {n: round(x, 4) for n, x in v["shares"].items()}, "rows": v["rows"]} for k, v in out.items()}
with open("src/tune/importance/golden/optuna.golden.json", "w") as file:
    json.dump({"from": f"optuna {optuna.__version__}, FanovaImportanceEvaluator, mean of seeds 0 to 4", **rounded}, file)
    file.write("\n")
