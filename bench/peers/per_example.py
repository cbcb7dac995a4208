"""Processor time of a GPT's gradient in PyTorch: plain, with Opacus' per-example gradients (hooks), and its ghost clipping. One thread. Prints JSON."""
import json
import statistics
import time

import opacus
import torch
import torch.nn.functional as F
from opacus.grad_sample import GradSampleModule, GradSampleModuleFastGradientClipping
from torch import nn

torch.set_num_threads(1)
V, C, L, H, T, B = 2000, 256, 4, 4, 128, 16


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.n1, self.n2 = nn.LayerNorm(C), nn.LayerNorm(C)
        self.q, self.k, self.v, self.o = (nn.Linear(C, C) for _ in range(4))
        self.up, self.down = nn.Linear(C, 4 * C), nn.Linear(4 * C, C)

    def forward(self, x):
        h = self.n1(x)
        split = lambda y: y.view(y.shape[0], T, H, C // H).transpose(1, 2)
        y = F.scaled_dot_product_attention(split(self.q(h)), split(self.k(h)), split(self.v(h)), is_causal=True)
        x = x + self.o(y.transpose(1, 2).reshape(-1, T, C))
        return x + self.down(F.gelu(self.up(self.n2(x)), approximate="tanh"))


class Gpt(nn.Module):
    def __init__(self):
        super().__init__()
        self.token, self.position = nn.Embedding(V, C), nn.Embedding(T, C)
        self.blocks = nn.ModuleList(Block() for _ in range(L))
        self.norm, self.out = nn.LayerNorm(C), nn.Linear(C, V, bias=False)

    def forward(self, tokens):
        positions = torch.arange(T).expand(tokens.shape[0], T).contiguous()
        x = self.token(tokens) + self.position(positions)
        for b in self.blocks:
            x = b(x)
        return self.out(self.norm(x))


tokens = (torch.arange(B * T) * 7919 % V).view(B, T)


def losses(model):
    return F.cross_entropy(model(tokens).transpose(1, 2), tokens, reduction="none").sum(1)


def plain(model):
    losses(model).sum().backward()
    model.zero_grad(set_to_none=True)


def hooks(model):
    losses(model).sum().backward()
    ps = [p for p in model.parameters()]
    norms = torch.stack([p.grad_sample.flatten(1).norm(dim=1) for p in ps], 1).norm(dim=1)
    factor = (1 / norms).clamp(max=1)
    for p in ps:
        p.grad = torch.einsum("i,i...->...", factor, p.grad_sample)
        p.grad_sample = None
    model.zero_grad(set_to_none=True)


def ghost(model):
    each = losses(model)
    model.enable_hooks()
    each.sum().backward(retain_graph=True)
    factor = model.get_clipping_coef()
    model.zero_grad(set_to_none=True)
    model.disable_hooks()
    (each * factor).sum().backward()
    model.zero_grad(set_to_none=True)
    model.enable_hooks()


def timed(f, model):
    out = []
    for i in range(6):
        started = time.process_time()
        f(model)
        out.append(1000 * (time.process_time() - started))
    return statistics.median(out[1:])


print(
    json.dumps(
        {
            "version": opacus.__version__,
            "plainMs": timed(plain, Gpt()),
            "hooksMs": timed(hooks, GradSampleModule(Gpt(), loss_reduction="sum")),
            "ghostMs": timed(ghost, GradSampleModuleFastGradientClipping(Gpt(), loss_reduction="sum", max_grad_norm=1.0, use_ghost_clipping=True)),
        }
    )
)
