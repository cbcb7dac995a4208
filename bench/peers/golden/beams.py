"""Golden answers of beam search: transformers' `generate` over a model that is a table, for many options.

The logits after a text are a hash of its last two tokens and its length, so a test in another language makes the same ones.
Writes src/nn/golden/beams.golden.json. Run: python bench/peers/golden/beams.py
"""
import itertools, json, pathlib
import torch, transformers
from transformers import GenerationConfig, GenerationMixin, PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import CausalLMOutput

VOCAB = 9

def logit(salt, length, before, last, token):
    """In [-4, 4): a mixed 32-bit number, as `tableLogit` in beam-search.test.ts."""
    x = (salt * 0x9E3779B9 + length * 0x85EBCA6B + before * 0xC2B2AE35 + last * 0x27D4EB2F + token * 0x165667B1) & 0xFFFFFFFF
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 1)):
        x = ((x ^ (x >> shift)) * factor) & 0xFFFFFFFF
    return (x >> 8) / 2**21 - 4

class Config(PretrainedConfig):
    model_type = "table"
    def __init__(self, salt=0, **more):
        super().__init__(**more)
        self.salt, self.vocab_size, self.num_hidden_layers = salt, VOCAB, 1

class Table(PreTrainedModel, GenerationMixin):
    config_class = Config
    def __init__(self, config):
        super().__init__(config)
        self.one = torch.nn.Parameter(torch.ones(1))
    def prepare_inputs_for_generation(self, input_ids, **_):
        return {"input_ids": input_ids}
    def forward(self, input_ids, **_):
        rows = []
        for text in input_ids.tolist():
            row = [logit(self.config.salt, len(text), text[-2], text[-1], t) for t in range(VOCAB)]
            rows.append([[0.0] * VOCAB] * (len(text) - 1) + [row])
        return CausalLMOutput(logits=torch.tensor(rows, dtype=torch.float32))

cases = []
options = itertools.product((1, 2, 3, 5), (-0.5, 0.0, 1.0, 2.0), (True, False, "never"), ([2], [2, 5]))
for salt, (beams, penalty, early, stops) in enumerate(options):
    model = Table(Config(salt=salt)).eval()
    prompt = [1, 3 + salt % 4]
    longest = 3 + salt % 8
    with torch.no_grad():
        out = model.generate(
            torch.tensor([prompt]),
            generation_config=GenerationConfig(
                num_beams=beams, num_return_sequences=beams, length_penalty=penalty, early_stopping=early, max_new_tokens=longest,
                eos_token_id=stops, pad_token_id=0, do_sample=False, use_cache=False, output_scores=True, return_dict_in_generate=True,
            ),
        )
    answers = []
    for i, sequence in enumerate(out.sequences.tolist()):
        tokens = []
        for t in sequence[len(prompt):]:
            tokens.append(t)
            if t in stops:
                break
        answers.append({"tokens": tokens, **({"score": round(out.sequences_scores[i].item(), 5)} if beams > 1 else {})})
    cases.append({"salt": salt, "prompt": prompt, "width": beams, "lengthPenalty": penalty, "earlyStopping": early, "stopTokens": stops,
                  "maxTokens": longest, "answers": answers})

about = f"bench/peers/golden/beams.py, torch {torch.__version__}, transformers {transformers.__version__}"
target = pathlib.Path(__file__).resolve().parents[3] / "src/nn/golden/beams.golden.json"
target.write_text("{\n" + f'"about": {json.dumps(about)},\n"vocab": {VOCAB},\n"cases": [\n' + ",\n".join(json.dumps(c) for c in cases) + "\n]\n}\n")
