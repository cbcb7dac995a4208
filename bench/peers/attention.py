# PyTorch's side of the bench `attention`: a line `length form` is answered with the milliseconds of one forward and backward pass of
# scaled_dot_product_attention (processor time, and the clock's). Argument: heads, head size and threads as JSON.
import json
import sys
import time

import torch
from torch.nn import functional as F

o = json.loads(sys.argv[1])
torch.set_num_threads(o["threads"])
torch.manual_seed(1)
least = 0.06


def once(q, k, v, d):
    y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    return torch.autograd.grad(y, (q, k, v), d)


for line in sys.stdin:
    length, form = line.split()
    dtype = {"f32": torch.float32, "bf16": torch.bfloat16}[form]
    shape = (1, o["heads"], int(length), o["size"])
    q, k, v = (torch.randn(shape, dtype=dtype, requires_grad=True) for _ in range(3))
    d = torch.randn(shape, dtype=dtype)
    once(q, k, v, d)
    count, clock, processor = 0, time.perf_counter(), time.process_time()
    while count == 0 or time.perf_counter() - clock < least:
        once(q, k, v, d)
        count += 1
    wall, used = time.perf_counter() - clock, time.process_time() - processor
    print(json.dumps({"ms": used * 1000 / count, "wallMs": wall * 1000 / count, "torch": torch.__version__}), flush=True)
