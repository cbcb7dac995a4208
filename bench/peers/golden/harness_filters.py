"""What filters of lm-evaluation-harness make of answers, and what its exact match says of them. Writes src/evaluate/tasks/golden/harness-filters.golden.json.

Run: bench/peers/.venv/bin/python bench/peers/golden/harness_filters.py
"""

import json
from pathlib import Path

from lm_eval.api.metrics import exact_match_hf_evaluate
from lm_eval.filters.extraction import RegexFilter, WhitespaceFilter
from lm_eval.filters.selection import MajorityVoteFilter, TakeFirstFilter, TakeKFilter
from lm_eval.filters.transformation import LowercaseFilter

made = {
    "regex": RegexFilter,
    "remove_whitespace": WhitespaceFilter,
    "lowercase": LowercaseFilter,
    "take_first_k": TakeKFilter,
    "majority_vote": MajorityVoteFilter,
    "take_first": TakeFirstFilter,
}
answers = [
    ["The answer is 18.", "so The answer is 18.", "The answer is 20."],
    ["The answer is 20. Or 1,024?", "no idea", "The answer is -3.5"],
    ["$5 then 7 then (B)", "  Yes \n", "yes"],
    ["b", "a", "a"],
    ["", "#### 7", "#### 8 #### 9"],
    ["(A) or (c)", "x (  )", "Answer: ( d )"],
]
cot = {"function": "regex", "regex_pattern": "The answer is (\\-?[0-9\\.\\,]*[0-9]+)"}
first = {"function": "take_first"}
lists = {
    "score-first": [cot, first],
    "maj@3": [cot, {"function": "majority_vote"}, first],
    "maj@2": [{"function": "take_first_k", "k": 2}, cot, {"function": "majority_vote"}, first],
    "flexible-extract": [{"function": "regex", "group_select": -1, "regex_pattern": "(-?[$0-9.,]{2,})|(-?[0-9]+)"}, first],
    "plain": [{"function": "remove_whitespace"}, {"function": "lowercase"}, {"function": "majority_vote"}, first],
    "default-pattern": [{"function": "regex"}, first],
    "whole": [{"function": "regex", "regex_pattern": "\\([A-Za-z]\\)", "fallback": "none"}, first],
    "empty-group": [{"function": "regex", "regex_pattern": "\\( *([a-z]?) *\\)"}, {"function": "majority_vote"}, first],
}


def result(filters):
    out = answers
    for f in filters:
        given = {k: v for k, v in f.items() if k != "function"}
        out = list(made[f["function"]](**given).apply(out, [{}] * len(answers)))
    return out


pairs = [
    ["18", "#### 18"],
    ["$1,024.", "work\nwork #### 1024"],
    ["Lima.", "lima"],
    ["the cat", "cat"],
    ["It's (B)!", "its b"],
    ["18.\n", "18"],
    ["a.b", "ab"],
    ["Straße", "STRASSE"],
]
gsm8k = [",", "\\$", "(?s).*#### ", "\\.$"]
rules = [
    {},
    {"ignore_case": True},
    {"ignore_punctuation": True},
    {"ignore_case": True, "ignore_punctuation": True},
    {"ignore_case": True, "ignore_punctuation": False, "regexes_to_ignore": gsm8k},
]


def says(rule, pair):
    return int(exact_match_hf_evaluate(predictions=[pair[0]], references=[pair[1]], **rule)["exact_match"])


path = Path(__file__).resolve().parents[3] / "src/evaluate/tasks/golden/harness-filters.golden.json"
golden = {"answers": answers, "lists": [{"name": n, "filter": f, "results": result(f)} for n, f in lists.items()]}
golden["pairs"] = pairs
golden["rules"] = [{"rule": r, "matches": [says(r, p) for p in pairs]} for r in rules]
path.write_text(json.dumps(golden, indent=1) + "\n")
