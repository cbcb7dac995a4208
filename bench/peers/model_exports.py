"""Reads models that Loam has exported, with the libraries they are for, and prints their logits.

usage: model_exports.py FOLDER, whose cases.json lists {"folder", "onnx", "tokens"}; prints one JSON list.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from transformers import AutoModelForCausalLM

root = Path(sys.argv[1])
out = []
for case in json.loads((root / "cases.json").read_text()):
    tokens = case["tokens"]
    model, info = AutoModelForCausalLM.from_pretrained(root / case["folder"], output_loading_info=True, torch_dtype=torch.float32)
    model.eval()
    with torch.no_grad():
        theirs = model(torch.tensor([tokens])).logits[0].double().numpy()
    session = onnxruntime.InferenceSession(str(root / case["onnx"]), providers=["CPUExecutionProvider"])
    length = session.get_inputs()[0].shape[1]
    padded = np.array([tokens + [0] * (length - len(tokens))], dtype=np.int32)
    (logits,) = session.run(["logits"], {"tokens": padded})
    out.append(
        {
            "transformers": theirs.flatten().tolist(),
            "onnx": logits[0, : len(tokens)].astype(np.float64).flatten().tolist(),
            "missing": sorted(info["missing_keys"]),
            "unexpected": sorted(info["unexpected_keys"]),
            "architecture": type(model).__name__,
        }
    )
print(json.dumps(out))
