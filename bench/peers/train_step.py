# A training step of the benches' GPT in PyTorch: same shapes, AdamW, one batch, as written or through torch.compile. Prints one JSON line.
import json
import resource
import statistics
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

o = json.loads(sys.argv[1])
torch.set_num_threads(o["threads"])
torch.manual_seed(1)
width, length, rows, vocab = o["width"], o["length"], o["rows"], o["vocab"]


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.before_attention = nn.LayerNorm(width, bias=False)
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.before_mlp = nn.LayerNorm(width, bias=False)
        self.up = nn.Linear(width, 4 * width, bias=False)
        self.down = nn.Linear(4 * width, width, bias=False)

    def forward(self, x):
        q, k, v = (z.view(rows, length, o["heads"], -1).transpose(1, 2) for z in self.qkv(self.before_attention(x)).chunk(3, dim=2))
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(rows, length, width)
        x = x + self.out(mixed)
        return x + self.down(F.gelu(self.up(self.before_mlp(x))))


class Gpt(nn.Module):
    def __init__(self):
        super().__init__()
        self.token = nn.Embedding(vocab, width)
        self.position = nn.Embedding(length, width)
        self.blocks = nn.Sequential(*(Block() for _ in range(o["layers"])))
        self.norm = nn.LayerNorm(width, bias=False)
        self.head = nn.Linear(width, vocab, bias=False)

    def forward(self, tokens):
        return self.head(self.norm(self.blocks(self.token(tokens) + self.position.weight)))


model = Gpt()
forward = torch.compile(model) if o["compiled"] else model
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.95), weight_decay=0.0)
tokens = torch.randint(0, vocab, (rows, length))
wall, processor = [], []
for step in range(o["warmUp"] + o["steps"]):
    began, used = time.perf_counter(), time.process_time()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=o["precision"] == "bf16"):
        logits = forward(tokens)
    loss = F.cross_entropy(logits.float().view(-1, vocab), tokens.view(-1))
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    if step >= o["warmUp"]:
        wall.append((time.perf_counter() - began) * 1000)
        processor.append((time.process_time() - used) * 1000)
print(
    json.dumps(
        {
            "medianMs": statistics.median(wall),
            "medianProcessorMs": statistics.median(processor),
            "loss": loss.item(),
            "torch": torch.__version__,
            "peakRssBytes": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
        }
    )
)
