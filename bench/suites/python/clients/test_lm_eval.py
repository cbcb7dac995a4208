"""lm-evaluation-harness from PyPI (`local-completions`): multiple choice, perplexity and generation over local tasks, equal to what /v1/score and /v1/completions say."""

import json
import math

import pytest
import requests
from loam_suites.clients import chat
from loam_suites.tokenizer import decoder_tokenizer

items = [
    {"start": "The sun rises in the", "endings": [" east.", " refrigerator.", " seven."], "label": 0},
    {"start": "Two and two are", "endings": [" purple.", " four.", " a dog."], "label": 1},
    {"start": "She opened the door and", "endings": [" walked in.", " seventeen.", " of."], "label": 0},
    {"start": "Fish live in", "endings": [" the sky.", " water.", " books."], "label": 1},
]
choice = """task: loam_choice
dataset_path: json
dataset_kwargs:
  data_files: { test: FILE }
test_split: test
output_type: multiple_choice
doc_to_text: "{{start}}"
doc_to_choice: endings
doc_to_target: label
metric_list:
  - { metric: acc, aggregation: mean, higher_is_better: true }
"""
rolling = """task: loam_text
dataset_path: json
dataset_kwargs:
  data_files: { test: FILE }
test_split: test
output_type: loglikelihood_rolling
doc_to_text: ""
doc_to_target: "{{start}}{{endings[label]}}"
metric_list:
  - { metric: word_perplexity, aggregation: weighted_perplexity, higher_is_better: false }
"""
generated = """task: loam_generate
dataset_path: json
dataset_kwargs:
  data_files: { test: FILE }
test_split: test
output_type: generate_until
doc_to_text: "{{start}}"
doc_to_target: "{{endings[label]}}"
generation_kwargs: { until: ["\\n"], max_gen_toks: 8, temperature: 0 }
metric_list:
  - { metric: exact_match, aggregation: mean, higher_is_better: true }
"""


@pytest.fixture(scope="module")
def samples(url, tmp_path_factory):
    from lm_eval import evaluator
    from lm_eval.tasks import TaskManager

    folder = tmp_path_factory.mktemp("tasks")
    (folder / "items.jsonl").write_text("".join(json.dumps(i) + "\n" for i in items))
    for name, text in (("choice", choice), ("text", rolling), ("generate", generated)):
        (folder / f"{name}.yaml").write_text(text.replace("FILE", str(folder / "items.jsonl")))
    tokenizer = folder / "tokenizer"
    decoder_tokenizer().save_pretrained(str(tokenizer))
    out = evaluator.simple_evaluate(
        model="local-completions",
        model_args={
            "model": chat,
            "base_url": f"{url}/v1/completions",
            "tokenizer": str(tokenizer),
            "tokenized_requests": True,
            "num_concurrent": 1,
            "max_length": 2048,
        },
        tasks=["loam_choice", "loam_text", "loam_generate"],
        task_manager=TaskManager(include_path=str(folder), include_defaults=False),
        log_samples=True,
        bootstrap_iters=0,
    )
    return {task: sorted(rows, key=lambda s: s["doc_id"]) for task, rows in out["samples"].items()}


def score(url, prompt, text):
    given = decoder_tokenizer()(prompt)["input_ids"]
    whole = decoder_tokenizer()(prompt + text)["input_ids"]
    body = {"model": chat, "prompt": given, "input": whole[len(given) :]}
    answer = requests.post(f"{url}/v1/score", json=body, timeout=120)
    answer.raise_for_status()
    return answer.json()["data"][0]["log_likelihood"]


def test_multiple_choice_is_equal(url, samples):
    for sample, item in zip(samples["loam_choice"], items, strict=True):
        theirs = [float(r[0][0]) for r in sample["resps"]]
        ours = [score(url, item["start"], ending) for ending in item["endings"]]
        assert theirs == pytest.approx(ours, abs=1e-4)
        assert sample["acc"] == float(max(range(3), key=ours.__getitem__) == item["label"])


def test_perplexity_is_equal(url, samples):
    for sample, item in zip(samples["loam_text"], items, strict=True):
        text = item["start"] + item["endings"][item["label"]]
        ids = decoder_tokenizer()(text)["input_ids"]
        bos = decoder_tokenizer().eos_token_id
        body = {"model": chat, "prompt": [bos], "input": ids}
        ours = requests.post(f"{url}/v1/score", json=body, timeout=120).json()["data"][0]["log_likelihood"]
        theirs = sample["resps"][0][0]
        assert math.isclose(float(theirs[0] if isinstance(theirs, (list, tuple)) else theirs), ours, abs_tol=1e-3)


def test_generation_is_equal(url, samples):
    for sample, item in zip(samples["loam_generate"], items, strict=True):
        body = {"model": chat, "prompt": decoder_tokenizer()(item["start"])["input_ids"], "max_tokens": 8, "temperature": 0, "stop": ["\n"]}
        ours = requests.post(f"{url}/v1/completions", json=body, timeout=120).json()["choices"][0]["text"]
        assert sample["resps"][0][0] == ours
