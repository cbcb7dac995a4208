"""The few functions of PyTorch that the tests compare vectors with, over NumPy arrays."""

import sys
import types

import ml_dtypes
import numpy as np

from .stubs import StubModule


class DType:
    def __init__(self, name: str, dtype):
        self.name, self.numpy = name, np.dtype(dtype)
        self.itemsize = self.numpy.itemsize

    def __repr__(self):
        return f"torch.{self.name}"


dtypes = {
    "float32": DType("float32", np.float32),
    "float64": DType("float64", np.float64),
    "float16": DType("float16", np.float16),
    "bfloat16": DType("bfloat16", ml_dtypes.bfloat16),
    "float8_e4m3fn": DType("float8_e4m3fn", ml_dtypes.float8_e4m3fn),
    "float8_e5m2": DType("float8_e5m2", ml_dtypes.float8_e5m2),
    "uint8": DType("uint8", np.uint8),
    "int32": DType("int32", np.int32),
    "int64": DType("int64", np.int64),
    "long": DType("long", np.int64),
    "bool": DType("bool", np.bool_),
}


class Tensor(np.ndarray):
    def to(self, dtype: DType):
        return self.astype(dtype.numpy)

    def view(self, *shape):
        if len(shape) == 1 and isinstance(shape[0], DType):
            return super().view(shape[0].numpy)
        if shape and all(isinstance(s, int) for s in shape):
            return self.reshape(shape)
        return super().view(*shape)

    def numpy(self):
        return np.asarray(self)

    def norm(self, dim=None):
        return tensor(np.linalg.norm(self, axis=dim))

    def __format__(self, spec):
        return format(self.item(), spec) if self.ndim == 0 else super().__format__(spec)


def tensor(values, dtype: DType | None = None) -> Tensor:
    array = np.asarray(values, dtype=dtype.numpy if dtype else None)
    return (array.astype(np.float32) if dtype is None and array.dtype == np.float64 else array).view(Tensor)


def from_numpy(array) -> Tensor:
    return np.asarray(array).view(Tensor)


def allclose(a, b, rtol=1e-5, atol=1e-8) -> bool:
    return bool(np.allclose(a, b, rtol=rtol, atol=atol))


def stack(parts) -> Tensor:
    return from_numpy(np.stack(parts))


def normalize(x, p=2, dim=-1) -> Tensor:
    return from_numpy(x / np.maximum(np.linalg.norm(x, ord=p, axis=dim, keepdims=True), 1e-12))


def cosine_similarity(a, b, dim=-1) -> Tensor:
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    return tensor((a * b).sum(dim) / np.maximum(np.linalg.norm(a, axis=dim) * np.linalg.norm(b, axis=dim), 1e-8))


def softmax(x, dim=-1) -> Tensor:
    powers = np.exp(x - np.max(x, axis=dim, keepdims=True))
    return from_numpy(powers / powers.sum(axis=dim, keepdims=True))


def sigmoid(x) -> Tensor:
    return from_numpy(1 / (1 + np.exp(-np.asarray(x))))


class Module:
    """A base class that nothing here calls."""


class Limits:
    def __init__(self, dtype: DType):
        info = np.iinfo(dtype.numpy)
        self.min, self.max = int(info.min), int(info.max)


def inference_mode():
    return lambda function: function


def install() -> None:
    """Puts them in PyTorch's place, where it is not installed."""
    torch = StubModule("torch")
    functions = {f.__name__: f for f in (tensor, from_numpy, allclose, stack, inference_mode, sigmoid, softmax)}
    torch.__dict__.update({**dtypes, **functions, "Tensor": Tensor, "as_tensor": tensor, "dtype": DType, "iinfo": Limits})
    functional = StubModule("torch.nn.functional")
    functional.__dict__.update({f.__name__: f for f in (normalize, cosine_similarity, softmax, sigmoid)})
    nn = StubModule("torch.nn")
    nn.__dict__.update({"functional": functional, "Module": Module})
    torch.nn = nn
    modules: dict[str, types.ModuleType] = {"torch": torch, "torch.nn": nn, "torch.nn.functional": functional}
    for name, module in modules.items():
        sys.modules.setdefault(name, module)
