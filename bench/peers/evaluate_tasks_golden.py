"""Golden numbers for src/evaluate/tasks: what lm-evaluation-harness asks about small tasks. Writes golden/harness.golden.json beside the tests.

Run: bench/peers/.venv/bin/python bench/peers/evaluate_tasks_golden.py
"""

import json
import os
import tempfile
from pathlib import Path

import yaml

os.environ["HF_DATASETS_OFFLINE"] = os.environ["HF_HUB_OFFLINE"] = "1"

import logging

from lm_eval import evaluator
from lm_eval.models.dummy import DummyLM
from lm_eval.tasks import TaskManager

logging.disable(logging.WARNING)
folder = Path(__file__).resolve().parents[2] / "src" / "evaluate" / "tasks" / "golden"

rows = [
    {
        "question": f"What is {a} + {b}?",
        "options": [str(a + b - 1), str(a + b), str(a + b + 3)],
        "label": 1,
        "letter": "B",
        "answer": str(a + b),
        "hint": "count" if a % 2 else "",
        "text": f"The sum of {a} and {b}\n is  {a + b}, é.",
    }
    for a, b in [(1, 2), (3, 4), (5, 6), (7, 8), (9, 1), (2, 2), (4, 8), (6, 6)]
]
train = [{**r, "question": r["question"].replace("What", "How much")} for r in rows[::-1]]

base = {
    "dataset_path": "json",
    "dataset_kwargs": {"data_files": {"test": "test.jsonl", "train": "train.jsonl"}},
    "test_split": "test",
}
tasks = {
    "plain": {
        **base,
        "output_type": "multiple_choice",
        "description": "Sums.\n\n",
        "doc_to_text": "{{question}}\nAnswer:",
        "doc_to_choice": "options",
        "doc_to_target": "label",
        "metric_list": [{"metric": "acc"}, {"metric": "acc_norm"}],
    },
    "first_two": {
        **base,
        "training_split": "train",
        "fewshot_split": "train",
        "num_fewshot": 2,
        "fewshot_config": {"sampler": "first_n"},
        "output_type": "multiple_choice",
        "doc_to_text": "{{question}}{% if hint %} ({{hint}}){% endif %}",
        "doc_to_choice": "{{[options[0], options[1], 'none']}}",
        "doc_to_target": "{{label}}",
        "target_delimiter": " = ",
        "fewshot_delimiter": "\n###\n",
        "metric_list": [{"metric": "acc"}],
    },
    "drawn": {
        **base,
        "training_split": "train",
        "fewshot_split": "train",
        "num_fewshot": 3,
        "output_type": "multiple_choice",
        "doc_to_text": "question",
        "doc_to_choice": ["A", "B", "C"],
        "doc_to_target": "letter",
        "metric_list": [{"metric": "acc"}],
    },
    "drawn_of_itself": {
        **base,
        "fewshot_split": "test",
        "num_fewshot": 2,
        "output_type": "generate_until",
        "doc_to_text": "Q: {{question}}\nA:",
        "doc_to_target": "{{answer}}",
        "generation_kwargs": {"until": ["\n"], "max_gen_toks": 16, "do_sample": False},
        "metric_list": [{"metric": "exact_match"}],
    },
    "word": {
        **base,
        "output_type": "loglikelihood",
        "doc_to_text": "{{text.split(' ')[:-1] | join(' ')}}",
        "doc_to_target": "{{text.split(' ')[-1]}}",
        "metric_list": [{"metric": "acc"}, {"metric": "perplexity"}],
    },
    "rolling": {
        **base,
        "output_type": "loglikelihood_rolling",
        "doc_to_text": "",
        "doc_to_target": "{{text}}",
        "metric_list": [{"metric": "word_perplexity"}, {"metric": "bits_per_byte"}],
    },
    "described": {
        **base,
        "training_split": "train",
        "fewshot_split": "train",
        "num_fewshot": 1,
        "output_type": "multiple_choice",
        "description": "Sums of two numbers.",
        "doc_to_text": "{{question}}",
        "doc_to_choice": "options",
        "doc_to_target": "label",
        "metric_list": [{"metric": "acc"}],
    },
}



class Chatting(DummyLM):
    """Turns as JSON, so that every one of them can be read again."""

    def apply_chat_template(self, chat_history, add_generation_prompt=True):
        return json.dumps(chat_history, ensure_ascii=False)

    @property
    def tokenizer_name(self):
        return "json"

    def chat_template(self, chat_template=False):
        return "json"


# as `--apply_chat_template --fewshot_as_multiturn --system_instruction ...` asks
turns = {"first_two": "Sums alone.", "drawn": None, "drawn_of_itself": None, "described": "Be short."}


def asked_of(samples):
    asked = []
    for s in sorted(samples, key=lambda s: s["doc_id"]):
        args = s["arguments"]
        calls = [list(a.values()) if isinstance(a, dict) else list(a) for a in (args.values() if isinstance(args, dict) else args)]
        asked.append([[x for x in c if isinstance(x, str)] for c in calls])
    return asked


out = {"rows": rows, "train": train, "tasks": {}, "turns": {}}
with tempfile.TemporaryDirectory() as work:
    os.environ["HF_DATASETS_CACHE"] = work + "/cache"
    for name, list_ in [("test", rows), ("train", train)]:
        Path(work, f"{name}.jsonl").write_text("".join(json.dumps(r) + "\n" for r in list_))
    for name, task in tasks.items():
        local = json.loads(json.dumps(task))
        local["dataset_kwargs"]["data_files"] = {k: str(Path(work, v)) for k, v in task["dataset_kwargs"]["data_files"].items()}
        Path(work, f"{name}.yaml").write_text(yaml.safe_dump({"task": name, **local}, sort_keys=False))
    manager = TaskManager(include_path=work, include_defaults=False)
    for name, task in tasks.items():
        result = evaluator.simple_evaluate(
            model="dummy", tasks=[name], task_manager=manager, log_samples=True, bootstrap_iters=0, verbosity="ERROR"
        )
        samples = sorted(result["samples"][name], key=lambda s: s["doc_id"])
        # figures with the dummy's own random answers
        out["tasks"][name] = {
            "yaml": yaml.safe_dump({"task": name, **task}, sort_keys=False),
            "asked": asked_of(samples),
            "answers": [s["resps"] for s in samples],
            "results": {k: v for k, v in result["results"][name].items() if isinstance(v, float)},
        }
    for name, system in turns.items():
        result = evaluator.simple_evaluate(
            model=Chatting(),
            tasks=[name],
            task_manager=manager,
            apply_chat_template=True,
            fewshot_as_multiturn=True,
            system_instruction=system,
            log_samples=True,
            bootstrap_iters=0,
            verbosity="ERROR",
        )
        out["turns"][name] = {"system": system, "asked": asked_of(result["samples"][name])}
folder.mkdir(exist_ok=True)
(folder / "harness.golden.json").write_text(json.dumps(out, ensure_ascii=False, indent=1) + "\n")
