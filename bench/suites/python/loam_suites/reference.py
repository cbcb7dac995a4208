"""MiniLM's vectors by NumPy alone, in place of sentence-transformers: BERT's forward pass in float32, mean over tokens, length 1."""

import functools
import json

import numpy as np

from .server import encoder
from .tokenizer import encoder_tokenizer


@functools.cache
def weights():
    from safetensors.numpy import load_file

    return json.loads((encoder / "config.json").read_text()), load_file(encoder / "model.safetensors")


def norm(x, w, name, eps):
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + eps) * w[f"{name}.weight"] + w[f"{name}.bias"]


def gelu(x):
    from scipy.special import erf

    return x * 0.5 * (1 + erf(x / np.sqrt(2)))


def vector(text: str) -> np.ndarray:
    config, w = weights()
    eps, heads = config["layer_norm_eps"], config["num_attention_heads"]
    ids = encoder_tokenizer()(text, truncation=True, max_length=256)["input_ids"]
    linear = lambda x, name: x @ w[f"{name}.weight"].T + w[f"{name}.bias"]  # noqa: E731
    at = "embeddings."
    x = w[f"{at}word_embeddings.weight"][ids] + w[f"{at}position_embeddings.weight"][: len(ids)]
    x = norm(x + w[f"{at}token_type_embeddings.weight"][0], w, f"{at}LayerNorm", eps)
    split = lambda y: y.reshape(len(ids), heads, -1).transpose(1, 0, 2)  # noqa: E731
    for layer in range(config["num_hidden_layers"]):
        at = f"encoder.layer.{layer}."
        q, k, v = (split(linear(x, f"{at}attention.self.{name}")) for name in ("query", "key", "value"))
        scores = q @ k.transpose(0, 2, 1) / np.sqrt(q.shape[-1])
        powers = np.exp(scores - scores.max(-1, keepdims=True))
        mixed = (powers / powers.sum(-1, keepdims=True) @ v).transpose(1, 0, 2).reshape(len(ids), -1)
        x = norm(x + linear(mixed, f"{at}attention.output.dense"), w, f"{at}attention.output.LayerNorm", eps)
        inner = gelu(linear(x, f"{at}intermediate.dense"))
        x = norm(x + linear(inner, f"{at}output.dense"), w, f"{at}output.LayerNorm", eps)
    mean = x.mean(0)
    return mean / np.linalg.norm(mean)


class Reference:
    """What the tests' runner of Hugging Face models gives: `encode`, and the cosine of pairs."""

    def __init__(self, *_args, **_kwargs):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def encode(self, texts):
        return np.stack([vector(t) for t in texts])

    def predict(self, pairs):
        return np.array([float(vector(a) @ vector(b)) for a, b in pairs])
