# A GPT in PyTorch at the size and with the hyper-parameters that nanoGPT publishes for training on a processor: learned positions, layer norms without
# biases, GELU, tied tables, AdamW with decay on matrices, warm-up and cosine decay, batches of random places of one stream of tokens.
# One JSON argument; streams are files of 16-bit tokens with the places of their documents. Prints one JSON line. Costs are processor seconds.
import json
import math
import os
import sys
import threading
import time

import torch
from torch import nn
from torch.nn import functional as F

o = json.loads(sys.argv[1])


def end_with_parent():
    sys.stdin.read()
    os._exit(1)


if o.get("endWithParent"):
    threading.Thread(target=end_with_parent, daemon=True).start()
torch.set_num_threads(o["threads"])
torch.manual_seed(o["seed"])
width, block, layers, vocab = o["width"], o["block"], o["layers"], o["vocab"]


def stream(path):
    with open(path, "rb") as f:
        return torch.frombuffer(bytearray(f.read()), dtype=torch.int16).long() & 0xFFFF


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)

    def forward(self, x):
        rows, time_, _ = x.shape
        q, k, v = (z.view(rows, time_, o["heads"], -1).transpose(1, 2) for z in self.qkv(x).chunk(3, dim=2))
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out(mixed.transpose(1, 2).reshape(rows, time_, width))


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.before_attention = nn.LayerNorm(width, bias=False)
        self.attention = Attention()
        self.before_mlp = nn.LayerNorm(width, bias=False)
        self.up = nn.Linear(width, 4 * width, bias=False)
        self.down = nn.Linear(4 * width, width, bias=False)

    def forward(self, x):
        x = x + self.attention(self.before_attention(x))
        return x + self.down(F.gelu(self.up(self.before_mlp(x))))


class Gpt(nn.Module):
    def __init__(self):
        super().__init__()
        self.token = nn.Embedding(vocab, width)
        self.position = nn.Embedding(block, width)
        self.blocks = nn.Sequential(*(Block() for _ in range(layers)))
        self.norm = nn.LayerNorm(width, bias=False)
        for name, p in self.named_parameters():
            if p.dim() == 2:
                is_residual = name.endswith(("out.weight", "down.weight"))
                nn.init.normal_(p, std=0.02 / math.sqrt(2 * layers) if is_residual else 0.02)

    def forward(self, tokens):
        x = self.blocks(self.token(tokens) + self.position.weight[: tokens.shape[1]])
        return F.linear(self.norm(x), self.token.weight)


def rate_at(i):
    if i < o["warmup"]:
        return o["rate"] * (i + 1) / (o["warmup"] + 1)
    share = min(1.0, (i - o["warmup"]) / max(1, o["iterations"] - o["warmup"]))
    return o["leastRate"] + 0.5 * (1 + math.cos(math.pi * share)) * (o["rate"] - o["leastRate"])


# Every token of a document and its end are scored once: a first window of `block`, then windows that overlap by half. [tokens, targets, first scored]
def windows(document, end):
    inputs, targets = [end, *document], [*document, end]
    scored = 0
    while scored < len(targets):
        to = min(len(targets), block if scored == 0 else scored + max(1, block // 2))
        start = max(0, to - block)
        yield inputs[start:to], targets[start:to], scored - start
        scored = to


@torch.no_grad()
def document_bits(model, tokens, offsets, end):
    laid = [(d, *w) for d in range(len(offsets) - 1) for w in windows(tokens[offsets[d] + 1 : offsets[d + 1]].tolist(), end)]
    bits = [0.0] * (len(offsets) - 1)
    for first in range(0, len(laid), 64):
        part = laid[first : first + 64]
        inputs = torch.full((len(part), block), end)
        targets = torch.full((len(part), block), end)
        weights = torch.zeros(len(part), block)
        for row, (_, i, t, scored) in enumerate(part):
            inputs[row, : len(i)] = torch.tensor(i)
            targets[row, : len(t)] = torch.tensor(t)
            weights[row, scored : len(t)] = 1
        nats = F.cross_entropy(model(inputs).view(-1, vocab), targets.view(-1), reduction="none").view(len(part), block)
        for row, total in enumerate((nats * weights).sum(1).tolist()):
            bits[part[row][0]] += total / math.log(2)
    return bits


# Mean nats a token over all whole blocks of a stream.
@torch.no_grad()
def block_loss(model, tokens):
    count = (len(tokens) - 1) // block
    total = 0.0
    for first in range(0, count, 64):
        rows = range(first, min(count, first + 64))
        x = torch.stack([tokens[r * block : (r + 1) * block] for r in rows])
        y = torch.stack([tokens[r * block + 1 : (r + 1) * block + 1] for r in rows])
        total += F.cross_entropy(model(x).view(-1, vocab), y.view(-1), reduction="sum").item()
    return total / (count * block)


train = stream(o["train"])
wall, began = time.perf_counter(), time.process_time()
model = Gpt()
matrices = [p for p in model.parameters() if p.dim() >= 2]
vectors = [p for p in model.parameters() if p.dim() < 2]
groups = [{"params": matrices, "weight_decay": o["weightDecay"]}, {"params": vectors, "weight_decay": 0.0}]
optimizer = torch.optim.AdamW(groups, lr=o["rate"], betas=(o["beta1"], o["beta2"]))
losses = []
for i in range(o["iterations"]):
    for group in optimizer.param_groups:
        group["lr"] = rate_at(i)
    at = torch.randint(len(train) - block, (o["batch"],)).tolist()
    x = torch.stack([train[a : a + block] for a in at])
    y = torch.stack([train[a + 1 : a + 1 + block] for a in at])
    loss = F.cross_entropy(model(x).view(-1, vocab), y.view(-1))
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), o["clip"])
    optimizer.step()
    losses.append(loss.item())
result = {
    "coreSeconds": time.process_time() - began,
    "wallSeconds": time.perf_counter() - wall,
    "parameters": sum(p.numel() for p in model.parameters()),
    "lastLoss": sum(losses[-50:]) / len(losses[-50:]),
    "torch": torch.__version__,
}
model.eval()
if "heldOut" in o:
    tokens = stream(o["heldOut"])
    if "offsets" in o:
        with open(o["offsets"]) as f:
            result["bits"] = document_bits(model, tokens, json.load(f), o["end"])
    else:
        result["heldOutLoss"] = block_loss(model, tokens)
print(json.dumps(result))
