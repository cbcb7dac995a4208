# Some steps of training GPT-2 124M in PyTorch: the same shapes, accumulation, recomputed blocks, AdamW and clipping. Prints one JSON line.
import json
import math
import resource
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

o = json.loads(sys.argv[1])
torch.set_num_threads(o["threads"])
torch.manual_seed(1)
width, length, rows, vocab, layers = o["width"], o["length"], o["rows"], o["vocab"], o["layers"]


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.before_attention = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.before_mlp = nn.LayerNorm(width)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)

    def forward(self, x):
        q, k, v = (z.view(rows, length, o["heads"], -1).transpose(1, 2) for z in self.qkv(self.before_attention(x)).chunk(3, dim=2))
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(rows, length, width)
        x = x + self.out(mixed)
        return x + self.down(F.gelu(self.up(self.before_mlp(x)), approximate="tanh"))


class Gpt(nn.Module):
    def __init__(self):
        super().__init__()
        self.token = nn.Embedding(vocab, width)
        self.position = nn.Embedding(length, width)
        self.blocks = nn.ModuleList(Block() for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        for name, p in self.named_parameters():
            if p.dim() == 2:
                is_residual = name.endswith(("out.weight", "down.weight"))
                nn.init.normal_(p, std=0.02 / math.sqrt(2 * layers) if is_residual else 0.02)

    def forward(self, tokens):
        x = self.token(tokens) + self.position.weight
        for block in self.blocks:
            x = checkpoint(block, x, use_reentrant=False)
        return F.linear(self.norm(x), self.token.weight)


model = Gpt()
optimizer = torch.optim.AdamW(model.parameters(), lr=6e-4, betas=(0.9, 0.95), weight_decay=0.1)
n = rows * length
at = torch.arange(n * o["accumulate"] + 1, dtype=torch.int64)
stream = (((at + 1) * 2654435761 % 2**32) >> 8) % vocab
times, cores, losses = [], [], []
for _ in range(o["steps"]):
    wall, core = time.perf_counter(), time.process_time()
    total = 0.0
    for k in range(o["accumulate"]):
        tokens, targets = stream[k * n : (k + 1) * n].view(rows, length), stream[k * n + 1 : (k + 1) * n + 1]
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=o["precision"] == "bf16"):
            logits = model(tokens)
        loss = F.cross_entropy(logits.float().view(-1, vocab), targets) / o["accumulate"]
        loss.backward()
        total += loss.item()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    times.append((time.perf_counter() - wall) * 1000)
    cores.append((time.process_time() - core) * 1000)
    losses.append(total)
middle = lambda values: sorted(values)[len(values) // 2]
print(
    json.dumps(
        {
            "medianMs": middle(times[1:]),
            "coreMs": middle(cores[1:]),
            "losses": losses,
            "peakBytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            "parameters": sum(p.numel() for p in model.parameters()),
            "torch": torch.__version__,
        }
    )
)
