"""Golden numbers for distillation: values and gradients on a toy Llama in float64, by `torch.nn.functional.kl_div` (Hinton et al. 2015, section 2).

    .venv/bin/python golden/distill.py ../../src/tune/distill

Model, tokens and weights are those of make.py; the teacher is the same model with other weights, named "teacher ...". The first PROMPT tokens are the
prompt; the mean is over the tokens of the answers.
"""

import copy
import json
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from make import fill, gradient_of, llama, short, tokens, weights
from preference import LENGTH, PROMPT

ROWS, LENGTHS = 3, [9, 7, 6]
CASES = {
    "soft": dict(temperature=1.0, soft=1.0),
    "soft, warm": dict(temperature=2.5, soft=1.0),
    "half": dict(temperature=2.0, soft=0.5),
}


def main() -> None:
    model = fill(llama(num_key_value_heads=2))
    teacher = copy.deepcopy(model)
    with torch.no_grad():
        for n, p in teacher.named_parameters():
            p.copy_(weights(f"teacher {n}", tuple(p.shape)))
    ids = torch.cat([tokens("prompt", ROWS, PROMPT), tokens("answers", ROWS, LENGTH - PROMPT)], 1)
    mask = torch.zeros(ROWS, LENGTH - 1, dtype=torch.float64)
    for row, length in enumerate(LENGTHS):
        mask[row, PROMPT - 1 : length - 1] = 1
    cases = []
    for name, o in CASES.items():
        model.zero_grad()
        logits = model(ids).logits[:, :-1]
        with torch.no_grad():
            wanted = teacher(ids).logits[:, :-1]
        t = o["temperature"]
        each = F.kl_div(F.log_softmax(logits / t, -1), F.softmax(wanted / t, -1), reduction="none").sum(-1) * t * t
        divergence = (each * mask).sum() / mask.sum()
        surprise = (F.cross_entropy(logits.transpose(1, 2), ids[:, 1:], reduction="none") * mask).sum() / mask.sum()
        loss = o["soft"] * divergence + (1 - o["soft"]) * surprise
        loss.backward()
        kept = ("layers.0.self_attn.q_proj.weight", "layers.1.mlp.down_proj.weight", "embed_tokens.weight")
        gradients = {n: gradient_of(n, p.grad) for n, p in model.named_parameters() if n.endswith(kept)}
        values = {"loss": loss, "divergence": divergence, "surprise": surprise}
        cases.append({"name": name, "options": o, **{k: short(float(v.detach())) for k, v in values.items()}, "gradients": gradients})
        print(name, {k: short(float(v.detach())) for k, v in values.items()})
    config = {k: v for k, v in model.config.to_diff_dict().items() if k != "transformers_version"}
    about = f"bench/peers/golden/distill.py, torch {torch.__version__.split('+')[0]}, float64"
    text = json.dumps(
        {
            "about": about, "scale": 0.25, "config": config, "base": {n: list(p.shape) for n, p in model.named_parameters()},
            "prompt": PROMPT, "ids": ids.tolist(), "lengths": LENGTHS, "cases": cases,
        }
    )  # fmt: skip
    (Path(sys.argv[1]) / "distill.golden.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
