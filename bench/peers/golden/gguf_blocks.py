"""Golden numbers for GGUF files, as the `gguf` package (the one of llama.cpp's repository) reads and writes them.

    cd bench/peers && python3 -m venv .venv && .venv/bin/pip install "gguf==0.19.*"
    .venv/bin/python golden/gguf_blocks.py ../../src/nn/weights/golden

`blocks`: random blocks of every type that Loam decodes, and their numbers as float32 bits. `file`: a whole file with metadata of every
type. `names`: what the converter calls each tensor of the toy models of make.py.
"""

import base64
import json
import sys
import tempfile
from pathlib import Path

import gguf
import numpy as np
from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType as Q

# where a block has 16-bit floats: random bytes there would be infinite or NaN now and then
HALVES = {"Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "Q2_K": [80, 82], "Q3_K": [108],
          "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208]}


def text(data) -> str:
    return base64.b64encode(bytes(data)).decode()


def blocks(rng) -> dict:
    out = {}
    for name in ["F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q4_K", "Q5_K", "Q6_K", "Q2_K", "Q3_K"]:
        length, size = GGML_QUANT_SIZES[Q[name]]
        n = 12 if length == 1 else 2
        if length == 1:
            values = rng.normal(size=n).astype(np.float32)
            raw = np.frombuffer(gguf.quants.quantize(values, Q[name]).tobytes(), np.uint8).reshape(1, -1)
        else:
            raw = rng.integers(0, 256, size=(n, size), dtype=np.uint8)
            for at in HALVES[name]:
                raw[:, at : at + 2] = rng.normal(scale=0.05, size=(n, 1)).astype(np.float16).view(np.uint8)
        numbers = raw.view(np.float32) if name == "F32" else gguf.quants.dequantize(raw, Q[name])
        out[name] = {"bytes": text(raw.tobytes()), "numbers": text(np.ascontiguousarray(numbers, np.float32).tobytes())}
    return out


def file(rng) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "toy.gguf"
        w = gguf.GGUFWriter(path, "toy")
        w.add_uint8("toy.u8", 200)
        w.add_int8("toy.i8", -100)
        w.add_uint16("toy.u16", 60000)
        w.add_int16("toy.i16", -30000)
        w.add_uint32("toy.u32", 4_000_000_000)
        w.add_int32("toy.i32", -2_000_000_000)
        w.add_uint64("toy.u64", 2**63)
        w.add_int64("toy.i64", -5)
        w.add_float32("toy.f32", 0.5)
        w.add_float64("toy.f64", 0.1)
        w.add_bool("toy.bool", True)
        w.add_string("toy.text", "Äpfel\n")
        w.add_array("toy.texts", ["a", "", "ü"])
        w.add_array("toy.numbers", [1, -2, 3])
        w.add_array("toy.floats", [0.5, -1.5])
        matrix = rng.normal(size=(3, 64)).astype(np.float32)
        w.add_tensor("matrix", matrix)
        w.add_tensor("rounded", gguf.quants.quantize(matrix, Q.Q8_0), raw_dtype=Q.Q8_0)
        w.add_tensor("odd", rng.normal(size=(5,)).astype(np.float16))
        w.write_header_to_file()
        w.write_kv_data_to_file()
        w.write_tensors_to_file()
        w.close()
        return {
            "bytes": text(path.read_bytes()),
            "matrix": text(matrix.tobytes()),
            "rounded": text(gguf.quants.dequantize(gguf.quants.quantize(matrix, Q.Q8_0), Q.Q8_0).tobytes()),
            "rounded4": text(gguf.quants.dequantize(gguf.quants.quantize(matrix, Q.Q4_1), Q.Q4_1).tobytes()),
        }


def names(folder: Path) -> dict:
    out = {}
    toys = {"llama-grouped-tied": "LLAMA", "llama-scaled": "LLAMA", "qwen2": "QWEN2", "qwen3": "QWEN3", "gpt2": "GPT2",
            "qwen2-yarn": "QWEN2", "gemma2": "GEMMA2", "gemma3": "GEMMA3"}
    for toy, arch in toys.items():
        tensors = json.loads((folder.parent.parent / "golden" / f"{toy}.golden.json").read_text())["gradients"]
        known = gguf.get_tensor_name_map(gguf.MODEL_ARCH[arch], 2)
        out[toy] = {t: known.get_name(t, try_suffixes=(".weight", ".bias")) for t in tensors}
    return out


folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
rng = np.random.default_rng(7)
golden = {"about": "bench/peers/golden/gguf_blocks.py, gguf 0.19.0", "blocks": blocks(rng), "file": file(rng), "names": names(folder)}
(folder / "gguf.golden.json").write_text(json.dumps(golden) + "\n")
