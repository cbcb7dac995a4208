"""Golden numbers for LoRA adapters: logits of toy models with an adapter, as PEFT computes them in float64.

    cd bench/peers && .venv/bin/pip install "peft==0.21.2"
    .venv/bin/python golden/adapters.py ../../src/nn/golden

Models, tokens and weights are those of make.py; an adapter's tensors are the same formula of their names in the file. What is kept is the
configuration as PEFT saves it, the names and shapes of the tensors, and the logits.
"""

import json
import sys
import tempfile
from pathlib import Path

import peft
import torch
from make import BATCH, LENGTH, fill, gemma, gpt2, llama, numbers, qwen, tokens, weights
from peft import LoraConfig, get_peft_model
from safetensors import safe_open
from transformers import Gemma2Config, Gemma2ForCausalLM, Qwen2Config, Qwen2ForCausalLM

CASES = {
    "gpt2: fused queries, keys and values; weights that lie [in, out]": (
        gpt2,
        dict(r=3, lora_alpha=6, target_modules=["c_attn", "mlp.c_proj"], fan_in_fan_out=True),
    ),
    "llama: two projections of one layer, rank-stabilised": (
        llama,
        dict(r=4, lora_alpha=5, use_rslora=True, target_modules=["q_proj", "v_proj"], layers_to_transform=[1]),
    ),
    "llama: all linear modules, ranks and alphas by pattern": (
        lambda: llama(num_key_value_heads=2),
        dict(
            r=2, lora_alpha=3, target_modules="all-linear", exclude_modules=["gate_proj"],
            rank_pattern={"o_proj": 5, r"layers\.1\.mlp\.up_proj": 1}, alpha_pattern={"layers.0.self_attn.k_proj": 7},
        ),
    ),
    "qwen2: modules by a pattern": (
        lambda: qwen(Qwen2Config, Qwen2ForCausalLM),
        dict(r=4, lora_alpha=8, target_modules=r".*\.(self_attn\.(q|k|v|o)_proj|mlp\.(up|down)_proj)"),
    ),
    "gemma2: all linear modules": (
        lambda: gemma(Gemma2Config, Gemma2ForCausalLM, attn_logit_softcapping=2.0),
        dict(r=2, lora_alpha=2, target_modules="all-linear"),
    ),
}  # fmt: skip


def case(name: str, make, options: dict) -> dict:
    model = fill(make())
    config = {k: v for k, v in model.config.to_diff_dict().items() if k != "transformers_version"}
    base = {n: list(p.shape) for n, p in model.named_parameters()}
    adapted = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", **options)).double().eval()
    with torch.no_grad():
        for n, p in adapted.named_parameters():
            if "lora_" in n:
                p.copy_(weights(n.replace(".default", ""), tuple(p.shape)))
    ids = tokens(f"{name} tokens", BATCH, LENGTH)
    with torch.no_grad():
        logits = adapted(ids).logits
        with adapted.disable_adapter():
            apart = float((adapted(ids).logits - logits).abs().max() / logits.abs().max())
    with tempfile.TemporaryDirectory() as folder:
        adapted.save_pretrained(folder)
        saved = json.loads((Path(folder) / "adapter_config.json").read_text())
        with safe_open(Path(folder) / "adapter_model.safetensors", "pt") as file:
            shapes = {k: list(file.get_slice(k).get_shape()) for k in sorted(file.keys())}
    print(f"{name}: {len(shapes)} tensors, logits {apart:.2f} apart from the model's own")
    return {"name": name, "config": config, "base": base, "adapter": saved, "shapes": shapes, "tokens": ids.tolist(), "logits": numbers(logits)}


def main() -> None:
    about = f"bench/peers/golden/adapters.py, peft {peft.__version__}, torch {torch.__version__.split('+')[0]}, float64"
    cases = [case(name, *rest) for name, rest in CASES.items()]
    (Path(sys.argv[1]) / "adapters.golden.json").write_text(json.dumps({"about": about, "scale": 0.25, "cases": cases}) + "\n")


if __name__ == "__main__":
    main()
