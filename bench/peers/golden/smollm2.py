"""Golden numbers of a real model: what `transformers` computes in float32 over the weights of SmolLM2-135M-Instruct's GGUF file.

    cd bench/peers && python3 -m venv .venv && .venv/bin/pip install "torch==2.9.*" "transformers==5.24.*" "gguf==0.19.*" accelerate
    .venv/bin/python golden/smollm2.py FOLDER/smollm2-135m-instruct ../../src/cli/models/golden

The tokenizer and the template are those of the file, read by `transformers`.
"""

import json
import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

PROMPTS = ["Water boils at", "def add(a, b):\n    return", "Im Jahr 1984 schrieb er 27 Briefe;  dann   nichts mehr. 🙂"]
CHATS = [
    [{"role": "user", "content": "Which is larger, the sun or the moon?"}],
    [
        {"role": "system", "content": "You answer with one word."},
        {"role": "user", "content": "What colour is snow?"},
        {"role": "assistant", "content": "White."},
        {"role": "user", "content": "And grass?"},
    ],
]
PASSAGE = (
    "The lighthouse keeper climbed the stairs every evening before dusk, counted the ships on the horizon, and wrote their number into a book. "
    "In thirty years he had missed two evenings: one because of a fever, the other because the book was full."
)
MOST = 24

folder, out = Path(sys.argv[1]), Path(sys.argv[2])
file = next(folder.glob("*.gguf")).name
tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=file)
model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=file, dtype=torch.float32).eval()


def short(x: float) -> float:
    return float(f"{x:.7g}")


@torch.no_grad()
def run(text: str, ids: list) -> dict:
    logits = model(torch.tensor([ids])).logits[0]
    last = logits[-1].double()
    values, tokens = last.topk(10)
    greedy, margins, past = [], [], None
    step = torch.tensor([ids])
    for _ in range(MOST):
        o = model(step, past_key_values=past, use_cache=True)
        past = o.past_key_values
        best, at = o.logits[0, -1].topk(2)
        greedy.append(int(at[0]))
        margins.append(short(float(best[0] - best[1])))
        if greedy[-1] == 2:
            break
        step = torch.tensor([[greedy[-1]]])
    return {
        "prompt": text,
        "ids": ids,
        "last_logits_top10": [[int(t), short(float(v))] for t, v in zip(tokens, values)],
        "last_logits_mean": short(float(last.mean())),
        "last_logits_std": short(float(last.std(correction=0))),
        "logsumexp_each_position": [short(float(x)) for x in logits.double().logsumexp(-1)],
        "greedy_ids": greedy,
        "greedy_margins": margins,
    }


@torch.no_grad()
def beams(ids: list) -> list:
    """The two best of four beams, 16 tokens each, with their mean log-probabilities."""
    found = model.generate(
        torch.tensor([ids]),
        attention_mask=torch.ones(1, len(ids), dtype=torch.long),
        do_sample=False,
        num_beams=4,
        num_return_sequences=2,
        max_new_tokens=16,
        length_penalty=1.0,
        early_stopping=True,
        output_scores=True,
        return_dict_in_generate=True,
    )
    rows = [[int(t) for t in row[len(ids) :]] for row in found.sequences]
    pad = model.generation_config.pad_token_id
    while any(row[-1:] == [pad] and pad != 2 for row in rows):
        rows = [row[:-1] if row[-1:] == [pad] else row for row in rows]
    return [{"ids": row, "score": short(float(score))} for row, score in zip(rows, found.sequences_scores)]


chats = []
for messages in CHATS:
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    chats.append({**run(text, tokenizer(text, add_special_tokens=False)["input_ids"]), "messages": messages})
ids = tokenizer(PASSAGE)["input_ids"]
with torch.no_grad():
    logs = model(torch.tensor([ids])).logits[0].double().log_softmax(-1)
nll = -logs[torch.arange(len(ids) - 1), torch.tensor(ids[1:])].mean()
golden = {
    "about": "bench/peers/golden/smollm2.py, transformers 5.24.0, float32",
    "prompts": [{**run(p, tokenizer(p)["input_ids"]), "beam4": beams(tokenizer(p)["input_ids"])} for p in PROMPTS],
    "chats": chats,
    "passage": {"text": PASSAGE, "num_tokens": len(ids), "mean_nll_nats": short(float(nll))},
}
out.mkdir(parents=True, exist_ok=True)
(out / "smollm2.golden.json").write_text(json.dumps(golden, ensure_ascii=False) + "\n")
for c in golden["prompts"] + golden["chats"]:
    print(repr(c["prompt"][-60:]), "->", repr(tokenizer.decode(c["greedy_ids"])), min(c["greedy_margins"]))
