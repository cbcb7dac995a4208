"""lm-evaluation-harness against a server: what its local-completions model makes of task files. Prints one JSON object.

python lm_eval_client.py BASE_URL MODEL FOLDER_OF_TASKS TOKENS TASK...
"""
import json
import logging
import os
import sys

# nothing is fetched: the data sets are files, the tokenizer is the server's
os.environ.update(HF_DATASETS_OFFLINE="1", HF_HUB_OFFLINE="1", HF_HUB_DISABLE_PROGRESS_BARS="1", TQDM_DISABLE="1")
logging.disable(logging.WARNING)

from lm_eval import simple_evaluate  # noqa: E402
from lm_eval.tasks import TaskManager  # noqa: E402

url, model, folder, length, *tasks = sys.argv[1:]
found = simple_evaluate(
    model="local-completions",
    model_args={
        "model": model,
        "base_url": f"{url}/completions",
        "tokenizer_backend": "remote",
        "max_length": int(length),
        "max_retries": 1,
        "num_concurrent": 1,
    },
    tasks=tasks,
    task_manager=TaskManager(include_path=folder, include_defaults=False),
    log_samples=True,
    bootstrap_iters=0,
)


def scored(response):
    """A log-likelihood, with whether it is what the model would write; of whole texts only the first."""
    if isinstance(response, (list, tuple)):
        return [float(response[0]), str(response[1]) == "True"]
    return [float(response), None]


told = {
    task: {
        "figures": {k.split(",")[0]: v for k, v in found["results"][task].items() if isinstance(v, float) and "stderr" not in k},
        "items": [
            [scored(r[0]) if isinstance(r, (list, tuple)) else scored(r) for r in sample["resps"]]
            for sample in sorted(found["samples"][task], key=lambda s: s["doc_id"])
        ],
    }
    for task in tasks
}
print(json.dumps(told))
