"""Golden numbers for KTO: values and gradients on a toy Llama in float64, by the formula of TRL's KTOTrainer (`kto_loss` with `loss_type="kto"`, the
divergence of the batch from completions turned by one place).

    .venv/bin/python golden/kto.py ../../src/tune/preference

Model, tokens and weights are those of make.py; the reference is the same model with other weights. The first PROMPT tokens are the prompt.
"""

import copy
import json
import sys
from pathlib import Path

import torch
from make import fill, gradient_of, llama, numbers, short, tokens, weights
from preference import LENGTH, PROMPT, log_probabilities

ANSWERS = 4
LENGTHS, LABELS = [9, 7, 6, 8], [True, False, True, False]
CASES = {
    # the reference is the model with other weights ("far") or nearly its own ("near"), so that the divergence is above zero and at it
    "kto": dict(beta=0.1, desirable=1.0, undesirable=1.0, moved=0.3),
    "kto, weighted": dict(beta=0.4, desirable=1.0, undesirable=1.5, moved=0.3),
    "kto, no divergence": dict(beta=0.2, desirable=2.0, undesirable=1.0, moved=-0.3),
}  # fmt: skip


def main() -> None:
    model = fill(llama(num_key_value_heads=2))
    reference = copy.deepcopy(model)
    with torch.no_grad():
        for n, p in reference.named_parameters():
            p.copy_(weights(f"reference {n}", tuple(p.shape)) if p.dim() == 2 else p)
    prompt, answers = tokens("prompt", ANSWERS, PROMPT), tokens("answers", ANSWERS, LENGTH - PROMPT)
    own = torch.cat([prompt, answers], 1)
    # TRL turns the completions of a batch by one place
    other, other_lengths = torch.cat([prompt, answers.roll(-1, 0)], 1), LENGTHS[1:] + LENGTHS[:1]
    labels = torch.tensor(LABELS)
    cases = []
    for name, o in CASES.items():
        model.zero_grad()
        policy = log_probabilities(model, own, LENGTHS, False)
        with torch.no_grad():
            ref = log_probabilities(reference, own, LENGTHS, False)
            kl_policy = log_probabilities(model, other, other_lengths, False)
            # the divergence lies where the case wants it
            kl_ref = kl_policy - torch.linspace(-0.2, 0.4, ANSWERS, dtype=torch.float64) - o["moved"]
        kl = (kl_policy - kl_ref).mean().detach().clamp(min=0)
        ratio = policy - ref
        chosen = 1 - torch.sigmoid(o["beta"] * (ratio - kl))
        rejected = 1 - torch.sigmoid(o["beta"] * (kl - ratio))
        losses = torch.where(labels, o["desirable"] * chosen, o["undesirable"] * rejected)
        losses.mean().backward()
        kept = ("layers.0.self_attn.q_proj.weight", "layers.1.mlp.down_proj.weight", "embed_tokens.weight")
        gradients = {n: gradient_of(n, p.grad) for n, p in model.named_parameters() if n.endswith(kept)}
        moved = o.pop("moved")
        cases.append(
            {
                "name": name, "options": o, "divergence": short(float(kl)), "losses": numbers(losses), "rewards": numbers(o["beta"] * ratio),
                "reference": numbers(ref), "otherReference": numbers(kl_ref), "gradients": gradients,
            }
        )  # fmt: skip
        print(name, short(float(losses.mean().detach())), "divergence", float(kl), "moved", moved)
    config = {k: v for k, v in model.config.to_diff_dict().items() if k != "transformers_version"}
    about = f"bench/peers/golden/kto.py, torch {torch.__version__.split('+')[0]}, float64"
    text = json.dumps(
        {
            "about": about, "scale": 0.25, "config": config, "base": {n: list(p.shape) for n, p in model.named_parameters()}, "prompt": PROMPT,
            "answers": own.tolist(), "others": other.tolist(), "lengths": {"answers": LENGTHS, "others": other_lengths}, "labels": LABELS, "cases": cases,
        }
    )  # fmt: skip
    (Path(sys.argv[1]) / "kto.golden.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
