# Sentences to vectors as sentence-transformers does it (longest first, batches of 32 padded to their longest, mean of real tokens, length 1):
# over PyTorch in float32 or bfloat16, or over ONNX Runtime with the model exported from PyTorch. A line in, a line of JSON out:
# "encode COUNT" embeds the first COUNT texts; "write FILE" writes the last vectors as float32.
import json
import os
import sys
import tempfile
import time

import numpy as np
import torch
from transformers import AutoModel, AutoTokenizer

o = json.loads(sys.argv[1])
torch.set_num_threads(o["threads"])
torch.set_num_interop_threads(1)
texts = json.load(open(o["texts"]))
tokenizer = AutoTokenizer.from_pretrained(o["folder"])
longest, batch_size = o["longest"], 32
names = ["input_ids", "attention_mask", "token_type_ids"]


class States(torch.nn.Module):
    """The model as the exporter wants it: plain tensors in and out."""

    def __init__(self):
        super().__init__()
        self.model = AutoModel.from_pretrained(o["folder"], attn_implementation="eager").eval()

    def forward(self, input_ids, attention_mask, token_type_ids):
        return self.model(input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids).last_hidden_state


def opened():
    if o["side"] != "onnx":
        model = AutoModel.from_pretrained(o["folder"], dtype=torch.bfloat16 if o["side"] == "bf16" else torch.float32).eval()
        return lambda given: model(**given).last_hidden_state.float()
    import onnxruntime
    from torch.onnx._internal.torchscript_exporter import onnx_proto_utils

    # adds functions of onnxscript, of which there are none here, and would want the package onnx for it
    onnx_proto_utils._add_onnxscript_fn = lambda model, opsets: model
    path = os.path.join(tempfile.mkdtemp(prefix="loam-bench-"), "model.onnx")
    example = tokenizer(["a text", "another, longer text"], padding=True, return_tensors="pt")
    axes = {name: {0: "batch", 1: "length"} for name in [*names, "states"]}
    arguments = tuple(example[name] for name in names)
    torch.onnx.export(States(), arguments, path, input_names=names, output_names=["states"], dynamic_axes=axes, opset_version=17, dynamo=False)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = o["threads"]
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda given: torch.from_numpy(session.run(None, {name: given[name].numpy() for name in names})[0])


states = opened()


def encode(part):
    order = sorted(range(len(part)), key=lambda i: -len(part[i]))
    vectors = np.zeros((len(part), 0), np.float32)
    with torch.inference_mode():
        for start in range(0, len(part), batch_size):
            chosen = order[start : start + batch_size]
            given = tokenizer([part[i] for i in chosen], padding=True, truncation=True, max_length=longest, return_tensors="pt")
            weight = given["attention_mask"].unsqueeze(-1).float()
            mean = (states(given) * weight).sum(1) / weight.sum(1).clamp(min=1e-9)
            found = torch.nn.functional.normalize(mean, dim=1).numpy()
            if vectors.shape[1] == 0:
                vectors = np.zeros((len(part), found.shape[1]), np.float32)
            vectors[chosen] = found
    return vectors


last = None
for line in sys.stdin:
    word, value = line.split()
    wall, processor = time.perf_counter(), time.process_time()
    if word == "encode":
        last = encode(texts[: int(value)])
    else:
        last.tofile(value)
    print(json.dumps({"ms": (time.process_time() - processor) * 1000, "wallMs": (time.perf_counter() - wall) * 1000}), flush=True)
