# Steps of tuning SmolLM2-135M with transformers and PEFT: the model and the adapter that Loam wrote, the same tokens. Prints one JSON line.
import json
import resource
import sys
import time
import warnings

warnings.filterwarnings("ignore")
import numpy as np
import torch
from transformers import AutoModelForCausalLM

o = json.loads(sys.argv[1])
torch.set_num_threads(o["threads"])
torch.manual_seed(1)
model = AutoModelForCausalLM.from_pretrained(o["folder"] + "/model", dtype=torch.float32, attn_implementation="sdpa")
if o["method"] == "lora":
    from peft import PeftModel

    model = PeftModel.from_pretrained(model, o["folder"] + "/adapter", is_trainable=True)
model.train()
model.config.use_cache = False
trained = [p for p in model.parameters() if p.requires_grad]
optimizer = torch.optim.AdamW(trained, lr=o["rate"], betas=(0.9, 0.999), weight_decay=0.0)
n = o["rows"] * o["length"]
index = (np.arange(1, n + 1, dtype=np.uint64) * 2654435761) & 0xFFFFFFFF
tokens = torch.tensor(((index >> 8) % 49152).astype(np.int64)).reshape(o["rows"], o["length"])
times, losses = [], []
for _ in range(o["steps"]):
    start = time.perf_counter()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=o["mode"] == "bf16"):
        loss = model(input_ids=tokens, labels=tokens, use_cache=False).loss
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(trained, 1.0)
    optimizer.step()
    losses.append(float(loss))
    times.append((time.perf_counter() - start) * 1000)
steady = sorted(times[1:])
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps({"medianMs": steady[len(steady) // 2], "losses": losses, "peakBytes": peak, "torch": torch.__version__}))
