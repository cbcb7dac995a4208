"""Golden numbers for the model families: logits, loss and gradients of toy models as PyTorch computes them.

    cd bench/peers && python3 -m venv .venv && .venv/bin/pip install "torch==2.9.*" "transformers==5.24.*"
    .venv/bin/python golden/make.py ../../src/nn/golden

GPT-2, Llama, Mistral, Qwen, Gemma and BERT are the classes of `transformers`; the encoder-decoder, which has no equal there, is written out below in
plain PyTorch. Everything runs in float64 (the classes' norms of Llama, Mistral and Gemma compute in float32 whatever the rest does), so the
numbers are a reference and not another rounding. Weights are a formula of name and index that the tests share (`formula`), so no file
holds them. A gradient is kept as its norm, its products with two vectors of the same formula, and a few elements.
"""

import json
import math
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
import transformers
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertForSequenceClassification,
    Gemma2Config,
    Gemma2ForCausalLM,
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
    RobertaConfig,
    RobertaForMaskedLM,
    RobertaForSequenceClassification,
    T5Config,
    T5ForConditionalGeneration,
)

SCALE = 0.25  # weights lie in [-SCALE, SCALE), around 1 for a norm's
VOCAB, BATCH, LENGTH = 29, 2, 7


def formula(name: str, n: int) -> np.ndarray:
    """n numbers in [-1, 1), multiples of 2^-23: FNV-1a of the name, an index times the golden ratio, murmur3's last mix."""
    h = 0x811C9DC5
    for byte in name.encode():
        h = ((h ^ byte) * 0x01000193) & 0xFFFFFFFF
    x = (np.arange(n, dtype=np.uint64) * 0x9E3779B9 + h) & 0xFFFFFFFF
    x ^= x >> 16
    x = (x * 0x85EBCA6B) & 0xFFFFFFFF
    x ^= x >> 13
    x = (x * 0xC2B2AE35) & 0xFFFFFFFF
    x ^= x >> 16
    return (x >> 8).astype(np.float64) / 2**23 - 1


def weights(name: str, shape) -> torch.Tensor:
    u = formula(name, math.prod(shape)) * SCALE
    is_norm = len(shape) == 1 and name.endswith("weight")
    return torch.tensor((1 + u if is_norm else u).astype(np.float32).astype(np.float64)).reshape(shape)


def tokens(name: str, *shape: int) -> torch.Tensor:
    u = (formula(name, math.prod(shape)) + 1) / 2
    return torch.tensor(np.floor(u * VOCAB).astype(np.int64)).reshape(shape)


def short(x: float) -> float:
    return float(f"{x:.10g}")


def numbers(t: torch.Tensor) -> list:
    return [short(x) for x in t.detach().double().flatten().tolist()]


def gradient_of(name: str, g: torch.Tensor) -> dict:
    flat = g.detach().double().flatten()
    products = [float(flat @ torch.tensor(formula(f"{name}/{i}", flat.numel()))) for i in range(2)]
    at = sorted({0, flat.numel() // 3, flat.numel() // 2, flat.numel() - 1})
    return {
        "shape": list(g.shape),
        "norm": short(float(flat.norm())),
        "products": [short(p) for p in products],
        "elements": {str(i): short(float(flat[i])) for i in at},
    }


def mean_loss(logits: torch.Tensor, targets: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    each = F.cross_entropy(logits.reshape(-1, logits.shape[-1]), targets.reshape(-1), reduction="none")
    return (each * weight.reshape(-1)).sum() / weight.sum()


def write(folder: Path, name: str, config: dict, inputs: dict, logits, loss, gradients: dict, **more) -> None:
    text = json.dumps(
        {
            "about": f"bench/peers/golden/make.py, torch {torch.__version__.split('+')[0]}, transformers {transformers.__version__}, float64",
            "scale": SCALE,
            "config": config,
            "inputs": {k: v.tolist() for k, v in inputs.items()},
            "logits": numbers(logits),
            "loss": short(float(loss.detach())),
            "gradients": gradients,
            **more,
        },
    )
    (folder / f"{name}.golden.json").write_text(text + "\n")
    print(f"{name}: loss {float(loss.detach()):.6f}, {len(gradients)} gradients, {len(text)} bytes")


def fill(model: torch.nn.Module) -> torch.nn.Module:
    model = model.double().eval()
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.copy_(weights(name, tuple(p.shape)))
    return model


def hugging_face(folder: Path, name: str, model: torch.nn.Module, inputs: dict, run, changes: dict | None = None, **more) -> None:
    fill(model)
    logits = run(model, inputs)
    loss = mean_loss(logits, inputs["targets"], inputs["weights"])
    loss.backward()
    gradients = {n: gradient_of(n, p.grad) for n, p in model.named_parameters() if p.grad is not None}
    config = {k: v for k, v in model.config.to_diff_dict().items() if k != "transformers_version"} | (changes or {})
    write(folder, name, config, inputs, logits, loss, gradients, **more)


def causal_inputs(name: str) -> dict:
    # two positions of the second row do not count: the mean is over tokens, not over rows
    weight = torch.ones(BATCH, LENGTH, dtype=torch.float64)
    weight[1, -2:] = 0
    return {"tokens": tokens(f"{name} tokens", BATCH, LENGTH), "targets": tokens(f"{name} targets", BATCH, LENGTH), "weights": weight}


def adamw_steps() -> dict:
    """Ten steps of PyTorch's AdamW on the toy GPT-2: the loss before each step, and the norm of its gradient before clipping."""
    settings = {"learningRate": 0.01, "beta1": 0.9, "beta2": 0.95, "epsilon": 1e-8, "weightDecay": 0.1, "clip": 1.0}
    model = fill(gpt2())
    decays = {n for n, p in model.named_parameters() if p.dim() == 2 and ".wte." not in n and ".wpe." not in n}
    groups = [
        {"params": [p for n, p in model.named_parameters() if n in decays], "weight_decay": settings["weightDecay"]},
        {"params": [p for n, p in model.named_parameters() if n not in decays], "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(
        groups, lr=settings["learningRate"], betas=(settings["beta1"], settings["beta2"]), eps=settings["epsilon"]
    )
    losses, norms, batches = [], [], []
    for step in range(10):
        x, y = tokens(f"step {step} tokens", BATCH, LENGTH), tokens(f"step {step} targets", BATCH, LENGTH)
        loss = mean_loss(model(x).logits, y, torch.ones(BATCH, LENGTH, dtype=torch.float64))
        optimiser.zero_grad()
        loss.backward()
        norms.append(short(float(torch.nn.utils.clip_grad_norm_(model.parameters(), settings["clip"]))))
        optimiser.step()
        losses.append(short(float(loss.detach())))
        batches.append({"tokens": x.tolist(), "targets": y.tolist()})
    after = {n: short(float(p.detach().norm())) for n, p in model.named_parameters()}
    return {**settings, "decays": sorted(decays), "losses": losses, "gradientNorms": norms, "batches": batches, "norms": after}


def gpt2() -> torch.nn.Module:
    return GPT2LMHeadModel(
        GPT2Config(
            vocab_size=VOCAB, n_positions=12, n_embd=16, n_layer=2, n_head=4, resid_pdrop=0, embd_pdrop=0, attn_pdrop=0,
            bos_token_id=0, eos_token_id=0, attn_implementation="eager",
        )
    )  # fmt: skip


def llama(**changes) -> torch.nn.Module:
    base = dict(
        vocab_size=VOCAB, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=4,
        max_position_embeddings=12, rms_norm_eps=1e-5, attn_implementation="eager",
    )  # fmt: skip
    return LlamaForCausalLM(LlamaConfig(**{**base, **changes}))


def mistral() -> torch.nn.Module:
    return MistralForCausalLM(
        MistralConfig(
            vocab_size=VOCAB, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
            head_dim=6, max_position_embeddings=12, sliding_window=3, rms_norm_eps=1e-5, attn_implementation="eager",
        )
    )  # fmt: skip


def qwen(config, model, **more) -> torch.nn.Module:
    return model(
        config(
            vocab_size=VOCAB, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
            max_position_embeddings=12, rms_norm_eps=1e-3, attn_implementation="eager", bos_token_id=0, eos_token_id=0, **more,
        )
    )  # fmt: skip


def gemma(config, model, **more) -> torch.nn.Module:
    # caps and a query scalar that bite at these sizes; with a padding token PyTorch's table gives its row no gradient
    return model(
        config(
            vocab_size=VOCAB, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
            head_dim=6, max_position_embeddings=12, rms_norm_eps=1e-3, attn_implementation="eager", sliding_window=3,
            query_pre_attn_scalar=9, layer_types=["sliding_attention", "full_attention"], final_logit_softcapping=20.0,
            pad_token_id=None, **more,
        )
    )  # fmt: skip


def bert() -> torch.nn.Module:
    # with a padding token PyTorch's table gives that token's row no gradient of the look-up; ours leaves padding to the weights
    return BertForMaskedLM(
        BertConfig(
            vocab_size=VOCAB, hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=4, type_vocab_size=2,
            max_position_embeddings=12, hidden_dropout_prob=0, attention_probs_dropout_prob=0, pad_token_id=None, attn_implementation="eager",
        )
    )  # fmt: skip


def encoder_of(config, model, **more) -> torch.nn.Module:
    return model(
        config(
            vocab_size=VOCAB, hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=12,
            hidden_dropout_prob=0, attention_probs_dropout_prob=0, attn_implementation="eager", **more,
        )
    )  # fmt: skip


def t5(untied: bool, **more) -> torch.nn.Module:
    model = T5ForConditionalGeneration(
        T5Config(
            vocab_size=VOCAB, d_model=16, d_kv=6, d_ff=24, num_layers=2, num_decoder_layers=1, num_heads=4, n_positions=12,
            relative_attention_num_buckets=8, relative_attention_max_distance=6, dropout_rate=0, attn_implementation="eager", **more,
        )
    )  # fmt: skip
    if untied:
        model.lm_head.weight = torch.nn.Parameter(torch.zeros_like(model.lm_head.weight))
    return model


class EncoderDecoder:
    """Pre-norm encoder-decoder with learned positions and one tied table, over a plain dictionary of tensors."""

    def __init__(self, width=16, heads=4, hidden=32, layers=2, context=12):
        self.width, self.heads, self.layers = width, heads, layers
        shapes = {"token": (VOCAB, width), "sourcePosition": (context, width), "targetPosition": (context, width)}
        for side, attentions in (("encoder", ("attention",)), ("decoder", ("attention", "across"))):
            for i in range(layers):
                for norm in ("norm1", "norm2") + (("normAcross",) if side == "decoder" else ()):
                    shapes |= {f"{side}.{i}.{norm}.weight": (width,), f"{side}.{i}.{norm}.bias": (width,)}
                for a in attentions:
                    for part in ("query", "key", "value", "output"):
                        shapes |= {f"{side}.{i}.{a}.{part}.weight": (width, width), f"{side}.{i}.{a}.{part}.bias": (width,)}
                shapes |= {f"{side}.{i}.feedForward.up.weight": (width, hidden), f"{side}.{i}.feedForward.up.bias": (hidden,)}
                shapes |= {f"{side}.{i}.feedForward.down.weight": (hidden, width), f"{side}.{i}.feedForward.down.bias": (width,)}
            shapes |= {f"{side}Norm.weight": (width,), f"{side}Norm.bias": (width,)}
        self.p = {name: weights(name, shape).requires_grad_() for name, shape in shapes.items()}

    def norm(self, name, x):
        return F.layer_norm(x, (self.width,), self.p[f"{name}.weight"], self.p[f"{name}.bias"], 1e-5)

    def linear(self, name, x):
        return x @ self.p[f"{name}.weight"] + self.p[f"{name}.bias"]

    def attention(self, name, x, memory, seen):
        def split(t):
            return t.unflatten(-1, (self.heads, -1)).transpose(1, 2)

        q, k, v = (split(self.linear(f"{name}.{part}", t)) for part, t in (("query", x), ("key", memory), ("value", memory)))
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=seen)
        return self.linear(f"{name}.output", y.transpose(1, 2).flatten(2))

    def feed_forward(self, name, x):
        return self.linear(f"{name}.down", F.gelu(self.linear(f"{name}.up", x)))

    def __call__(self, source, present, target):
        real = present.bool()[:, None, None, :]
        x = F.embedding(source, self.p["token"]) + self.p["sourcePosition"][: source.shape[1]]
        for i in range(self.layers):
            h = self.norm(f"encoder.{i}.norm1", x)
            x = x + self.attention(f"encoder.{i}.attention", h, h, real)
            x = x + self.feed_forward(f"encoder.{i}.feedForward", self.norm(f"encoder.{i}.norm2", x))
        memory = self.norm("encoderNorm", x)
        length = target.shape[1]
        past = torch.ones(length, length, dtype=torch.bool).tril()
        x = F.embedding(target, self.p["token"]) + self.p["targetPosition"][:length]
        for i in range(self.layers):
            h = self.norm(f"decoder.{i}.norm1", x)
            x = x + self.attention(f"decoder.{i}.attention", h, h, past)
            x = x + self.attention(f"decoder.{i}.across", self.norm(f"decoder.{i}.normAcross", x), memory, real)
            x = x + self.feed_forward(f"decoder.{i}.feedForward", self.norm(f"decoder.{i}.norm2", x))
        return self.norm("decoderNorm", x) @ self.p["token"].T


def encoder_decoder(folder: Path) -> None:
    present = torch.ones(BATCH, 9, dtype=torch.int64)
    present[1, 6:] = 0
    inputs = {"source": tokens("source", BATCH, 9), "present": present, **causal_inputs("encoder-decoder")}
    model = EncoderDecoder()
    logits = model(inputs["source"], present, inputs["tokens"])
    loss = mean_loss(logits, inputs["targets"], inputs["weights"])
    loss.backward()
    config = {"vocab": VOCAB, "width": 16, "layers": 2, "heads": 4, "hidden": 32, "context": 12}
    write(folder, "encoder-decoder", config, inputs, logits, loss, {n: gradient_of(n, p.grad) for n, p in model.p.items()})


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)

    def causal(model, inputs):
        return model(inputs["tokens"]).logits

    hugging_face(folder, "gpt2", gpt2(), causal_inputs("gpt2"), causal, adamw=adamw_steps())
    hugging_face(folder, "llama", llama(), causal_inputs("llama"), causal)
    grouped = llama(num_key_value_heads=2, head_dim=8, tie_word_embeddings=True, attention_bias=True, mlp_bias=True)
    hugging_face(folder, "llama-grouped-tied", grouped, causal_inputs("llama"), causal)
    scaled = {"rope_type": "llama3", "rope_theta": 100.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
    long = llama(num_key_value_heads=2, rope_parameters={**scaled, "original_max_position_embeddings": 32})
    hugging_face(folder, "llama-scaled", long, causal_inputs("llama"), causal)
    hugging_face(folder, "mistral-window", mistral(), causal_inputs("mistral"), causal)
    # an epsilon that is large on purpose: with 1e-6 nobody would see that the norm of queries and keys has another
    hugging_face(folder, "qwen2", qwen(Qwen2Config, Qwen2ForCausalLM), causal_inputs("qwen"), causal)
    hugging_face(folder, "qwen3", qwen(Qwen3Config, Qwen3ForCausalLM, head_dim=6), causal_inputs("qwen"), causal)
    yarn = {"rope_type": "yarn", "rope_theta": 100.0, "factor": 4.0, "original_max_position_embeddings": 24, "beta_fast": 2.0}
    stretched = qwen(Qwen2Config, Qwen2ForCausalLM, rope_parameters=yarn, head_dim=8)
    hugging_face(folder, "qwen2-yarn", stretched, causal_inputs("qwen"), causal)
    hugging_face(folder, "gemma2", gemma(Gemma2Config, Gemma2ForCausalLM, attn_logit_softcapping=2.0), causal_inputs("gemma"), causal)
    angles = {
        "full_attention": {"rope_type": "linear", "factor": 2.0, "rope_theta": 1000.0},
        "sliding_attention": {"rope_type": "default", "rope_theta": 50.0},
    }
    hugging_face(
        folder, "gemma3", gemma(Gemma3TextConfig, Gemma3ForCausalLM, rope_parameters=angles), causal_inputs("gemma"), causal
    )

    present = torch.ones(BATCH, LENGTH, dtype=torch.int64)
    present[1, 5:] = 0
    types = torch.zeros(BATCH, LENGTH, dtype=torch.int64)
    types[:, 3:] = 1
    masked = torch.zeros(BATCH, LENGTH, dtype=torch.float64)
    masked[0, [1, 4]] = 1
    masked[1, 2] = 1
    inputs = {**causal_inputs("bert"), "weights": masked, "present": present, "types": types}
    hugging_face(
        folder, "bert", bert(), inputs, lambda m, i: m(i["tokens"], attention_mask=i["present"], token_type_ids=i["types"]).logits
    )
    # RoBERTa counts positions over what is not its padding token, which therefore stands behind the text and nowhere else
    words = torch.where(inputs["tokens"] == 1, 2, inputs["tokens"])
    padded = {"tokens": torch.where(present == 1, words, 1), "present": present}
    # what stands in the places of padding is of no meaning, and other than ours
    whole = {**causal_inputs("bert"), "weights": masked, "tokens": words, "present": torch.ones_like(present)}
    roberta = encoder_of(RobertaConfig, RobertaForMaskedLM, type_vocab_size=1, pad_token_id=1)
    hugging_face(
        folder, "roberta", roberta, whole, lambda m, i: m(i["tokens"], attention_mask=i["present"]).logits
    )
    labels = {"id2label": {0: "sad", 1: "glad", 2: "neither"}, "label2id": {"sad": 0, "glad": 1, "neither": 2}}
    classes = {"targets": torch.tensor([[2], [0]]), "weights": torch.ones(BATCH, 1, dtype=torch.float64)}

    def classified(model, inputs):
        return model(inputs["tokens"], attention_mask=inputs["present"]).logits.unsqueeze(1)

    for name, config, model, more in (
        ("bert-classifier", BertConfig, BertForSequenceClassification, {"pad_token_id": None}),
        ("roberta-classifier", RobertaConfig, RobertaForSequenceClassification, {"type_vocab_size": 1, "pad_token_id": 1}),
    ):
        toy = encoder_of(config, model, architectures=[model.__name__], **labels, **more)
        hugging_face(folder, name, toy, {**padded, **classes}, classified)
    present = torch.ones(BATCH, 9, dtype=torch.int64)
    present[1, 6:] = 0
    pair = {"source": tokens("t5 source", BATCH, 9), "present": present, **causal_inputs("t5")}

    def translated(model, inputs):
        return model(input_ids=inputs["source"], attention_mask=inputs["present"], decoder_input_ids=inputs["tokens"]).logits

    hugging_face(folder, "t5", t5(False), pair, translated)
    # the library ties the tables whatever the file says, and keeps the word for the scale of the output
    hugging_face(
        folder, "t5-gated", t5(True, feed_forward_proj="gated-gelu", tie_word_embeddings=False), pair, translated,
        changes={"tie_word_embeddings": False},
    )  # fmt: skip
    encoder_decoder(folder)


if __name__ == "__main__":
    main()
