"""The Python side of the tokenizer comparison: Hugging Face's tokenizers and tiktoken, both Rust.

Usage: tokenizer.py NAME CORPUS.json TOKENIZER.json   (NAME: tokenizers, tokenizers-batch, tiktoken)
Reads commands from standard input, a line each (train FILE, encode, ids FILE); answers each with a line of JSON.
"""
import array, json, sys, time

name, corpus_file, tokenizer_file = sys.argv[1:4]
texts = json.load(open(corpus_file))
GPT2 = r"""'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""
state = {}


def byte_of_char():
    """GPT-2's writing of bytes as characters, the other way round."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [b for b in range(256) if b not in shown]
    return {chr(b): b for b in shown} | {chr(256 + i): b for i, b in enumerate(hidden)}


def encoder():
    """A function from a list of texts to lists of ids."""
    if name == "tiktoken":
        import tiktoken

        byte = byte_of_char()
        vocab = json.load(open(tokenizer_file))["model"]["vocab"]
        ranks = {bytes(byte[c] for c in token): rank for token, rank in vocab.items()}
        e = tiktoken.Encoding("mails", pat_str=GPT2, mergeable_ranks=ranks, special_tokens={})
        return lambda: (e.encode_ordinary(t) for t in texts)
    from tokenizers import Tokenizer

    t = Tokenizer.from_file(tokenizer_file)
    if name == "tokenizers-batch":
        return lambda: (e.ids for e in t.encode_batch_fast(texts))
    return lambda: (t.encode(x).ids for x in texts)


def train(file):
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    began = time.process_time()
    t.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=256 + 4096, show_progress=False, initial_alphabet=alphabet))
    ms = 1000 * (time.process_time() - began)
    t.save(file)
    return {"ms": ms}


def encode(_):
    if "encode" not in state:
        state["encode"] = encoder()
    run = state["encode"]
    began = time.process_time()
    tokens = sum(len(ids) for ids in run())
    return {"ms": 1000 * (time.process_time() - began), "tokens": tokens}


def ids(file):
    with open(file, "wb") as out:
        for row in encoder()():
            array.array("I", row).tofile(out)
    return {"ms": 0}


for line in sys.stdin:
    command, _, file = line.strip().partition(" ")
    print(json.dumps({"train": train, "encode": encode, "ids": ids}[command](file)), flush=True)
