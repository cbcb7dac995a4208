"""A LoRA adapter of a served decoder whose second matrices are small: other answers than the model's own, and as fast."""

import functools
import json
import pathlib
import tempfile

import numpy as np

from .server import decoder as smollm2


@functools.cache
def folder(decoder: pathlib.Path = smollm2) -> str:
    from gguf import GGUFReader
    from safetensors.numpy import save_file

    fields = GGUFReader(str(decoder)).fields
    value = lambda name: fields[f"llama.{name}"].contents()  # noqa: E731
    width, layers = value("embedding_length"), value("block_count")
    queries = width
    values = width // value("attention.head_count") * value("attention.head_count_kv")
    random, rank = np.random.default_rng(0), 4
    tensors = {}
    for layer in range(layers):
        for name, out in (("q_proj", queries), ("v_proj", values)):
            at = f"base_model.model.model.layers.{layer}.self_attn.{name}"
            tensors[f"{at}.lora_A.weight"] = random.normal(0, 0.02, (rank, width)).astype(np.float32)
            tensors[f"{at}.lora_B.weight"] = random.normal(0, 0.001, (out, rank)).astype(np.float32)
    place = pathlib.Path(tempfile.mkdtemp(prefix="loam-suite-adapter-"))
    save_file(tensors, place / "adapter_model.safetensors")
    said = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "r": rank,
        "lora_alpha": 8,
        "target_modules": ["q_proj", "v_proj"],
        "bias": "none",
        "base_model_name_or_path": decoder.stem,
    }
    (place / "adapter_config.json").write_text(json.dumps(said))
    return str(place)
