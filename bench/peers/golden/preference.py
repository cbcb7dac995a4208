"""Golden numbers for losses of pairs of answers: values and gradients on a toy Llama in float64, by the formulas of TRL's trainers (DPOTrainer:
"sigmoid" with label smoothing and "ipo"; CPOTrainer: "simpo"; ORPOTrainer).

    .venv/bin/python golden/preference.py ../../src/tune/preference

Model, tokens and weights are those of make.py; the reference is the same model with other weights. The first PROMPT tokens are the prompt.
"""

import copy
import json
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from make import fill, gradient_of, llama, numbers, short, tokens, weights

PAIRS, LENGTH, PROMPT = 3, 9, 4
CASES = {
    "dpo": dict(loss="dpo", beta=0.1, smoothing=0.0),
    "dpo, smoothed": dict(loss="dpo", beta=0.3, smoothing=0.1),
    "ipo": dict(loss="ipo", beta=0.2),
    "simpo": dict(loss="simpo", beta=2.0, margin=0.5),
    "orpo": dict(loss="orpo", beta=0.4),
}  # fmt: skip


def log_probabilities(model, ids, lengths, mean: bool):
    each = -F.cross_entropy(model(ids).logits[:, :-1].transpose(1, 2), ids[:, 1:], reduction="none")
    mask = torch.zeros_like(each)
    for row, length in enumerate(lengths):
        mask[row, PROMPT - 1 : length - 1] = 1
    total = (each * mask).sum(-1)
    return total / mask.sum(-1) if mean else total


def loss_of(o, chosen, rejected, ref_chosen, ref_rejected):
    beta = o["beta"]
    if o["loss"] in ("dpo", "ipo"):
        logits = (chosen - rejected) - (ref_chosen - ref_rejected)
        if o["loss"] == "ipo":
            return (logits - 1 / (2 * beta)) ** 2
        s = o["smoothing"]
        return -F.logsigmoid(beta * logits) * (1 - s) - F.logsigmoid(-beta * logits) * s
    if o["loss"] == "simpo":
        return -F.logsigmoid(beta * ((chosen - rejected) - o["margin"] / beta))
    log_odds = (chosen - rejected) - (torch.log1p(-torch.exp(chosen)) - torch.log1p(-torch.exp(rejected)))
    return -chosen - beta * F.logsigmoid(log_odds)


def main() -> None:
    model = fill(llama(num_key_value_heads=2))
    reference = copy.deepcopy(model)
    with torch.no_grad():
        for n, p in reference.named_parameters():
            p.copy_(weights(f"reference {n}", tuple(p.shape)) if p.dim() == 2 else p)
    prompt = tokens("prompt", PAIRS, PROMPT)
    chosen = torch.cat([prompt, tokens("chosen", PAIRS, LENGTH - PROMPT)], 1)
    rejected = torch.cat([prompt, tokens("rejected", PAIRS, LENGTH - PROMPT)], 1)
    lengths = {"chosen": [9, 7, 6], "rejected": [6, 9, 8]}
    cases = []
    for name, o in CASES.items():
        mean = o["loss"] != "dpo"
        model.zero_grad()
        a, b = log_probabilities(model, chosen, lengths["chosen"], mean), log_probabilities(model, rejected, lengths["rejected"], mean)
        with torch.no_grad():
            c, d = log_probabilities(reference, chosen, lengths["chosen"], mean), log_probabilities(reference, rejected, lengths["rejected"], mean)
        losses = loss_of(o, a, b, c, d)
        losses.mean().backward()
        kept = ("layers.0.self_attn.q_proj.weight", "layers.1.mlp.down_proj.weight", "embed_tokens.weight")
        gradients = {n: gradient_of(n, p.grad) for n, p in model.named_parameters() if n.endswith(kept)}
        cases.append({"name": name, "options": o, "losses": numbers(losses), "logps": [numbers(x) for x in (a, b, c, d)], "gradients": gradients})
        print(name, short(float(losses.mean().detach())))
    config = {k: v for k, v in model.config.to_diff_dict().items() if k != "transformers_version"}
    about = f"bench/peers/golden/preference.py, torch {torch.__version__.split('+')[0]}, float64"
    text = json.dumps(
        {
            "about": about, "scale": 0.25, "config": config, "base": {n: list(p.shape) for n, p in model.named_parameters()},
            "prompt": PROMPT, "chosen": chosen.tolist(), "rejected": rejected.tolist(), "lengths": lengths, "cases": cases,
        }
    )  # fmt: skip
    (Path(sys.argv[1]) / "preference.golden.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
