"""lm-evaluation-harness's side: tasks of a folder by its `hf` backend, item by item. Speaks lines: `run TASK BATCH`, answered by one line of JSON."""

import json
import os
import resource
import sys
import time

given = json.loads(sys.argv[1])
os.environ["HF_HUB_OFFLINE"] = os.environ["HF_DATASETS_OFFLINE"] = "1"
os.environ["HF_DATASETS_CACHE"] = given["cache"]

import torch  # noqa: E402

torch.set_num_threads(given["threads"])

import datasets  # noqa: E402
import logging  # noqa: E402

datasets.disable_progress_bars()
logging.disable(logging.WARNING)

from lm_eval import evaluator  # noqa: E402
from lm_eval.models.huggingface import HFLM  # noqa: E402
from lm_eval.tasks import TaskManager  # noqa: E402

manager = TaskManager(include_path=given["tasks"], include_defaults=False)
model = HFLM(pretrained=given["model"], device="cpu", dtype="float32", batch_size=1, max_length=given["context"])


def processor():
    r = resource.getrusage(resource.RUSAGE_SELF)
    return (r.ru_utime + r.ru_stime) * 1000


for line in sys.stdin:
    _, task, batch = line.split()
    model.batch_size_per_gpu = int(batch)
    wall, cpu = time.perf_counter(), processor()
    out = evaluator.simple_evaluate(
        model=model, tasks=[task], task_manager=manager, log_samples=True, bootstrap_iters=0, verbosity="ERROR"
    )
    wall, cpu = (time.perf_counter() - wall) * 1000, processor() - cpu
    samples = sorted(out["samples"][task], key=lambda s: s["doc_id"])
    print(
        json.dumps(
            {
                "ms": cpu,
                "wallMs": wall,
                "results": {k: v for k, v in out["results"][task].items() if isinstance(v, float)},
                "items": [s["resps"] for s in samples],
            }
        ),
        flush=True,
    )
