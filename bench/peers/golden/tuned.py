"""Golden numbers for low-rank tuning: losses, gradients and factors of a toy Llama over AdamW steps, as PEFT computes them in float64.

    cd bench/peers && .venv/bin/pip install "peft==0.21.2"
    .venv/bin/python golden/tuned.py ../../src/tune/methods

Model, tokens and weights are those of make.py; factors begin as the same formula of their names (DoRA's magnitudes as PEFT begins them: the
lengths of the base's columns). The weights of targets are 0 where a prompt would be, so the mean is over what is trained.
"""

import json
import sys
from pathlib import Path

import peft
import torch
from make import BATCH, LENGTH, fill, gradient_of, llama, mean_loss, short, tokens, weights
from peft import LoraConfig, get_peft_model

SETTINGS = {"learningRate": 0.01, "beta1": 0.9, "beta2": 0.95, "epsilon": 1e-8, "weightDecay": 0.1, "clip": 1.0}
STEPS = 5
CASES = {
    "lora": dict(r=4, lora_alpha=6, target_modules="all-linear"),
    "rslora": dict(r=4, lora_alpha=3, use_rslora=True, target_modules=["q_proj", "v_proj", "down_proj"]),
    "dora": dict(r=3, lora_alpha=6, use_dora=True, target_modules=["k_proj", "o_proj", "gate_proj", "up_proj"]),
}


def summed(trained: dict, value) -> dict:
    return {name: gradient_of(name, value(p)) for name, p in ((n.replace(".default", ""), p) for n, p in trained.items())}


def case(name: str, options: dict) -> dict:
    model = fill(llama(num_key_value_heads=2))
    config = {k: v for k, v in model.config.to_diff_dict().items() if k != "transformers_version"}
    base = {n: list(p.shape) for n, p in model.named_parameters()}
    tuned = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", **options)).double().train()
    trained = {n: p for n, p in tuned.named_parameters() if p.requires_grad}
    with torch.no_grad():
        for n, p in trained.items():
            if "magnitude" not in n:
                p.copy_(weights(n.replace(".default", ""), tuple(p.shape)))
    groups = [
        {"params": [p for n, p in trained.items() if "magnitude" not in n], "weight_decay": SETTINGS["weightDecay"]},
        {"params": [p for n, p in trained.items() if "magnitude" in n], "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(
        [g for g in groups if g["params"]], lr=SETTINGS["learningRate"], betas=(SETTINGS["beta1"], SETTINGS["beta2"]), eps=SETTINGS["epsilon"]
    )
    weight = torch.ones(BATCH, LENGTH, dtype=torch.float64)
    weight[0, :3] = 0
    weight[1, :5] = 0
    losses, norms, batches, gradients = [], [], [], {}
    for step in range(STEPS):
        x, y = tokens(f"step {step} tokens", BATCH, LENGTH), tokens(f"step {step} targets", BATCH, LENGTH)
        loss = mean_loss(tuned(x).logits, y, weight)
        optimiser.zero_grad()
        loss.backward()
        if step == 0:
            gradients = summed(trained, lambda p: p.grad)
        norms.append(short(float(torch.nn.utils.clip_grad_norm_(list(trained.values()), SETTINGS["clip"]))))
        optimiser.step()
        losses.append(short(float(loss.detach())))
        batches.append({"tokens": x.tolist(), "targets": y.tolist()})
    after = summed(trained, lambda p: p)
    print(f"{name}: {len(trained)} tensors, losses {losses}")
    return {
        "name": name, "config": config, "base": base, "options": options, "weights": weight.tolist(), "batches": batches,
        "losses": losses, "gradientNorms": norms, "gradients": gradients, "after": after,
    }  # fmt: skip


def main() -> None:
    about = f"bench/peers/golden/tuned.py, peft {peft.__version__}, torch {torch.__version__.split('+')[0]}, float64"
    cases = [case(name, options) for name, options in CASES.items()]
    text = json.dumps({"about": about, "scale": 0.25, "settings": SETTINGS, "cases": cases})
    (Path(sys.argv[1]) / "tuned.golden.json").write_text(text + "\n")
    print(len(text), "bytes")


if __name__ == "__main__":
    main()
