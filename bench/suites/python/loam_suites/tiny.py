"""
A Llama with the properties that llama.cpp's server tests expect of their tiny model: SentencePiece's tokens behind `<s>` (id 1), short words, room for
2,048 tokens, texts that do not end by themselves within some hundred tokens, and a start within a second. What follows a token is drawn from counts
of pairs in little stories that are made here, held in the output matrix by its singular vectors; two small random layers let the context count, too.
"""

import collections
import functools
import pathlib
import random
import tempfile

import numpy as np

space, unknown, begin, end = "\u2581", 0, 1, 2
gap = ["<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"]
num_pieces, width, heads, kv_heads, hidden, num_layers = 240, 128, 4, 2, 128, 2
chatml = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def stories(count: int) -> list[str]:
    """Sentences over some hundred words."""
    draw = random.Random(7)
    names = "Lily Tom Ann Ben Sam Mia Max Sue Tim Amy".split()
    nouns = "dog cat ball tree box bird car house book cake hat boat fish star flower bear".split()
    kinds = "big small red happy sad old new shiny little kind funny warm".split()
    verbs = "saw found liked wanted took made gave loved heard lost".split()
    places = "park garden kitchen forest school river hill room".split()
    ends = ["They were very happy", "It was a good day", "She said thank you", "He went home", "They played all day", "The sun was warm"]
    lines = []
    for _ in range(count):
        a, b = draw.sample(names, 2)
        n, m = draw.sample(nouns, 2)
        lines.append(
            draw.choice(
                [
                    f"Once upon a time there was a {draw.choice(kinds)} {n} in the {draw.choice(places)}",
                    f"{a} and {b} {draw.choice(verbs)} a {draw.choice(kinds)} {n} near the {m}",
                    f"One day {a} {draw.choice(verbs)} the {draw.choice(kinds)} {n} and a {m}",
                    f"{a} said I want to be a {draw.choice(kinds)} {n}",
                    f"The {n} is {draw.choice(kinds)} and the {m} is {draw.choice(kinds)}",
                    f"{a} went to the {draw.choice(places)} with a {n}",
                    draw.choice(ends),
                ]
            )
            + draw.choice([".", ".", ".", "!", ","])
        )
    return lines


def pieces_of(texts: list[str]) -> list[str]:
    """Letters, then pairs that stand together most often, one after the other: a piece's parts come before it, as its tokenizer wants them."""
    words = collections.Counter(word for text in texts for word in (space + text.replace(" ", f" {space}")).split(" "))
    split = {word: list(word) for word in words}
    pieces = sorted({letter for word in words for letter in word} | set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,!?'\"-:"))
    while len(pieces) < num_pieces:
        pairs = collections.Counter()
        for word, count in words.items():
            for pair in zip(split[word], split[word][1:]):
                pairs[pair] += count
        first, second = min(pairs, key=lambda pair: (-pairs[pair], pair))
        pieces.append(first + second)
        for word, parts in split.items():
            at, merged = 0, []
            while at < len(parts):
                both = at + 1 < len(parts) and (parts[at], parts[at + 1]) == (first, second)
                merged.append(first + second if both else parts[at])
                at += 2 if both else 1
            split[word] = merged
    return pieces


class Vocabulary:
    """Tokens, their kinds and scores as GGUF has them, and SentencePiece's greedy way through a text."""

    def __init__(self, texts: list[str]):
        pieces = pieces_of(texts)
        byte_tokens = [f"<0x{byte:02X}>" for byte in range(256)]
        self.tokens = ["<unk>", "<s>", "</s>", *byte_tokens, *pieces, *gap]
        self.kinds = [2, 3, 3, *[6] * 256, *[1] * len(pieces), *[3] * len(gap)]
        self.scores = [0.0, 0.0, 0.0, *[0.0] * 256, *(-float(i) for i in range(len(pieces))), *[0.0] * len(gap)]
        self.first_piece = 3 + 256
        self.ids = {piece: self.first_piece + i for i, piece in enumerate(pieces)}

    def encode(self, text: str) -> list[int]:
        parts = list(space + text.replace(" ", space))
        while True:
            known = [(self.ids[a + b], at) for at, (a, b) in enumerate(zip(parts, parts[1:])) if a + b in self.ids]
            if not known:
                return [self.ids[p] for p in parts]
            _, at = min(known)
            parts[at : at + 2] = [parts[at] + parts[at + 1]]


def follow(vocabulary: Vocabulary, texts: list[str]) -> np.ndarray:
    """[token, next] -> log-probability: counted pairs, with some of the pieces' own frequency mixed in; bytes and special tokens as good as never."""
    size = len(vocabulary.tokens)
    pairs = np.zeros((size, size))
    for at in range(0, len(texts), 8):
        ids = vocabulary.encode(" ".join(texts[at : at + 8]))
        np.add.at(pairs, ([begin, *ids[:-1]], ids), 1)
    alone = pairs.sum(0) + 0.01
    alone[: vocabulary.first_piece] = 0
    alone[size - len(gap) :] = 0
    mixed = pairs + 4 * alone / alone.sum() + 1e-5
    return np.log(mixed / mixed.sum(1, keepdims=True))


def weights(logits: np.ndarray) -> dict[str, np.ndarray]:
    """The norm before the output gives all states one length, so states are made as long as each other by an element that no token reads."""
    mean = logits.mean(1, keepdims=True)
    left, values, right = np.linalg.svd(logits - mean, full_matrices=False)
    rank = width - 1
    states = left[:, :rank] * values[:rank]
    longest = np.linalg.norm(states, axis=1).max() * 1.05
    rest = np.sqrt(longest**2 - (states**2).sum(1, keepdims=True))
    scale = np.sqrt(width) / longest
    draw = np.random.default_rng(0)
    head = width // heads
    noise = lambda rows, columns, share: draw.normal(0, share / np.sqrt(columns), (rows, columns))  # noqa: E731
    tensors = {
        "token_embd.weight": np.hstack([states, rest]) * scale,
        "output_norm.weight": np.full(width, 1 / scale),
        "output.weight": np.hstack([right[:rank].T, np.zeros((len(right), 1))]),
    }
    for layer in range(num_layers):
        at = f"blk.{layer}."
        tensors |= {
            f"{at}attn_norm.weight": np.ones(width),
            f"{at}attn_q.weight": noise(heads * head, width, 1),
            f"{at}attn_k.weight": noise(kv_heads * head, width, 1),
            f"{at}attn_v.weight": noise(kv_heads * head, width, 1),
            f"{at}attn_output.weight": noise(width, heads * head, 0.05),
            f"{at}ffn_norm.weight": np.ones(width),
            f"{at}ffn_gate.weight": noise(hidden, width, 1),
            f"{at}ffn_up.weight": noise(hidden, width, 1),
            f"{at}ffn_down.weight": noise(width, hidden, 0.05),
        }
    return {name: np.ascontiguousarray(tensor, dtype=np.float32) for name, tensor in tensors.items()}


@functools.cache
def parts() -> tuple[Vocabulary, dict[str, np.ndarray]]:
    texts = stories(3000)
    vocabulary = Vocabulary(texts)
    return vocabulary, weights(follow(vocabulary, texts))


@functools.cache
def folder() -> pathlib.Path:
    return pathlib.Path(tempfile.mkdtemp(prefix="loam-suite-tiny-"))


@functools.cache
def decoder(template: str = chatml, temperature: float | None = None) -> pathlib.Path:
    """The file of the model with a chat template and a temperature, both of which llama.cpp's server takes at its start and a GGUF file has inside."""
    from gguf import GGUFWriter

    vocabulary, tensors = parts()
    place = folder() / f"tiny-{len(list(folder().iterdir()))}.gguf"
    writer = GGUFWriter(str(place), "llama")
    writer.add_context_length(2048)
    writer.add_embedding_length(width)
    writer.add_block_count(num_layers)
    writer.add_feed_forward_length(hidden)
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv_heads)
    writer.add_rope_dimension_count(width // heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(vocabulary.tokens)
    writer.add_token_scores(vocabulary.scores)
    writer.add_token_types(vocabulary.kinds)
    writer.add_bos_token_id(begin)
    writer.add_eos_token_id(end)
    writer.add_unk_token_id(unknown)
    for key, token in zip(("pre", "suf", "mid"), gap):
        writer.add_uint32(f"tokenizer.ggml.fim_{key}_token_id", vocabulary.tokens.index(token))
    writer.add_chat_template(template)
    if temperature is not None:
        writer.add_float32("general.sampling.temp", temperature)
    for name, tensor in tensors.items():
        writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return place
