"""The served models' tokenizers, as Hugging Face's library gives them: what tests compare the server's tokens with."""

import functools

from .server import decoder, encoder


@functools.cache
def decoder_tokenizer():
    """From the GGUF file of SmolLM2: byte-level BPE over single digits, as its family's files say."""
    from gguf import GGUFReader
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    fields = GGUFReader(str(decoder)).fields
    value = lambda name: fields[f"tokenizer.{name}"].contents()  # noqa: E731
    words, kinds = value("ggml.tokens"), value("ggml.token_type")
    merges = [tuple(m.split(" ", 1)) for m in value("ggml.merges")]
    tokenizer = Tokenizer(models.BPE(vocab={word: i for i, word in enumerate(words)}, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    control = 3
    tokenizer.add_special_tokens([AddedToken(w, special=True, normalized=False) for w, kind in zip(words, kinds) if kind == control])
    special = {
        name: words[value(f"ggml.{key}")]
        for name, key in (("bos_token", "bos_token_id"), ("eos_token", "eos_token_id"), ("unk_token", "unknown_token_id"))
        if f"tokenizer.ggml.{key}" in fields
    }
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, chat_template=value("chat_template"), **special)


@functools.cache
def encoder_tokenizer():
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast.from_pretrained(str(encoder))
