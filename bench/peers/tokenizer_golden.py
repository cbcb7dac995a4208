"""Writes src/text/tokenizers.golden.json: small tokenizers of every kind with what Hugging Face's Rust library makes of hard texts.

Usage: python tokenizer_golden.py CORPUS.json OUT.json   (CORPUS: a JSON list of texts; needs tokenizers==0.23.3 and sentencepiece)
Places are UTF-16 units, as JavaScript counts them.
"""
import base64, json, sys, tempfile, os

os.environ["TOKENIZERS_PARALLELISM"] = "false"
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
import sentencepiece as spm

corpus = [t.encode("utf-16", "surrogatepass").decode("utf-16", "replace")[:1500] for t in json.load(open(sys.argv[1]))[:400]]
extra = ["Größe naïve café señor", "東京 都 日本", "привет мир", "emoji 😀 👍🏽 family", "½ ² ⅷ 12345 ١٢٣", "don't we'll I'm they've 'S"] * 40

TEXTS = [
    "", " ", "   ", "\n", "a", "Hello world", " Hello  world ", "Hello, world! How's it going?", "don't DON'T we'll they've I'm he'd 'tis",
    "tabs\tand\nnew\r\nlines\n\n\n  end  ", "1234567890 3.14 1,000,000 ½ ² ⅷ ١٢٣", "Größe NAÏVE Café señor İstanbul ΑΣ ΑΣ. ẞ",
    "e\u0301 a\u0308\u0323 \u1e9b\u0323 Å ﬁ ﬀ ①", "東京都に行きます。漢字かな交じり文", "한국어 텍스트 \u1112\u1161\u11ab", "שלום עולם مرحبا بالعالم",
    "😀😃 👍🏽 👨‍👩‍👧‍👦 🏳️‍🌈 x😀y", "\U00020000\U0002A6DF𝒳𝓎", "\u0000\u0001\u001f\u007f\u0085\u00a0\u00ad\u200b\u200d\u2028\u2029\u3000\ufeffx", "\ufffd\ufffe", "a\u00a0b\u3000c\u0085d\ufeffe",
    "<s> hi </s> <pad> [CLS] [MASK]", "<|end|><|user|>text<|end|>", "x[MASK]y [MASK]  z  [MASK]", "the<tok>mid <tok> end<tok>", "Yesterday yesterday YESTERDAY", "snake_case camelCase kebab-case a.b.c",
    "https://example.org/path?q=1&r=%20#frag user@example.org", "-----=_NextPart_000_0001 ========== ****", "<html><body>\n<p>Tom &amp; Jerry</p>\n</body></html>",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "          ten spaces", "x          ten", "▁meta▁space ▁", "_ __ ___", "''' \"\"\" ``` ´´´", "I've 'S 'T 'RE 've'll", "\u0301leading mark", "ﷺ ㎡ ㍿ ½ ㋿", "mixed日本english語", "a\u0345\u0301b", "Ω≈ç√∫˜µ≤≥÷", "  two\n three   \t four\u2003five",
    "no\u0338t ≠ =\u0338", "Ǆ ǅ ß ſ ﬅ", "\u1100\u1161\u11a8 각", "टेस्ट हिन्दी", "ทดสอบภาษาไทย", "<0x0A> <0xFF>", "##ing ##", "é" * 20, "the quick brown fox", "The Quick-Brown FOX, 42!",
]

def utf16(text, spans):
    at = [0]
    for c in text:
        at.append(at[-1] + (2 if ord(c) > 0xFFFF else 1))
    return [[at[s], at[e]] for s, e in spans]

cases = []
def case(name, tok, texts=TEXTS):
    rows = []
    for t in texts:
        e = tok.encode(t)
        rows.append({"text": t, "ids": e.ids, "places": utf16(t, e.offsets), "decoded": tok.decode(e.ids, skip_special_tokens=False), "skipped": tok.decode(e.ids, skip_special_tokens=True)})
    cases.append({"name": name, "tokenizer": json.loads(tok.to_str()), "rows": rows})

def bert(lower=True, **kw):
    tok = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tok.normalizer = normalizers.BertNormalizer(lowercase=lower, **kw)
    tok.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tok.decoder = decoders.WordPiece()
    tok.train_from_iterator(corpus + extra, trainers.WordPieceTrainer(vocab_size=700, limit_alphabet=180, show_progress=False, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]))
    tok.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    return tok

def bytes_bpe(pre, size=420, specials=(), **model):
    tok = Tokenizer(models.BPE(**model))
    tok.pre_tokenizer = pre
    tok.decoder = decoders.ByteLevel()
    tok.train_from_iterator(corpus + extra, trainers.BpeTrainer(vocab_size=size, show_progress=False, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), special_tokens=list(specials)))
    return tok

case("BERT: WordPiece, lower case", bert())
cased = bert(False, strip_accents=True, handle_chinese_chars=False)
cased.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
case("BERT: cased, accents stripped", cased)

t = bytes_bpe(pre_tokenizers.ByteLevel(add_prefix_space=True), specials=["<s>", "</s>", "<pad>", "<|end|>"])
t.post_processor = processors.RobertaProcessing(("</s>", 1), ("<s>", 0), trim_offsets=True, add_prefix_space=True)
case("RoBERTa: byte-level, prefix space, trimmed places", t)

t = bytes_bpe(pre_tokenizers.ByteLevel(add_prefix_space=False), specials=["<|end|>", "<|user|>"])
t.post_processor = processors.ByteLevel(trim_offsets=False)
case("GPT-2: byte-level", t)

CL = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
t = bytes_bpe(pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(CL), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]))
j = json.loads(t.to_str()); j["model"]["ignore_merges"] = True; j["model"]["merges"] = j["model"]["merges"][:120]
case("Llama 3: byte-level under a split pattern, merges ignored for whole tokens", Tokenizer.from_str(json.dumps(j)))

DS = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(r"[\r\n]"), "isolated"), pre_tokenizers.Split(Regex(r"\s?\p{L}+"), "isolated"), pre_tokenizers.Split(Regex(r"\s?\p{P}+"), "isolated"), pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
t = bytes_bpe(DS); t.normalizer = normalizers.NFC()
case("DeepSeek: several splits before bytes, NFC", t)

def llama2():
    tok = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tok.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tok.train_from_iterator(corpus + extra, trainers.BpeTrainer(vocab_size=620, limit_alphabet=90, show_progress=False, max_token_length=12, special_tokens=["<unk>", "<s>", "</s>"] + ["<0x%02X>" % b for b in range(256)]))
    tok = Tokenizer.from_str(tok.to_str())
    j = json.loads(tok.to_str()); j["added_tokens"] = [a for a in j["added_tokens"] if a["id"] < 3]
    tok = Tokenizer.from_str(json.dumps(j))
    tok.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    tok.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s>:1 $B:1", special_tokens=[("<s>", 1)])
    return tok
case("Llama 2: byte fallback, no pre-tokenizer", llama2())
t = llama2(); t.normalizer = None; t.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False); t.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
case("Llama 2: Metaspace, first, not split", t)

def unigram(size=500, **kw):
    tok = Tokenizer(models.Unigram())
    tok.normalizer = normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
    tok.pre_tokenizer = pre_tokenizers.Metaspace()
    tok.decoder = decoders.Metaspace()
    tok.train_from_iterator(corpus + extra, trainers.UnigramTrainer(vocab_size=size, show_progress=False, unk_token="<unk>", special_tokens=["<pad>", "</s>", "<unk>"], **kw))
    return tok
t = unigram()
t.post_processor = processors.TemplateProcessing(single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)])
case("T5: Unigram, Metaspace", t)

with tempfile.TemporaryDirectory() as d:
    open(f"{d}/c.txt", "w").write("\n".join(" ".join(x.split()) for x in corpus + extra))
    rules = [("Å", "A"), ("ﬁ", "fi"), ("①", "1"), ("ß", "ss"), ("\u3000", " "), ("\u00a0", " "), ("e\u0301", "é"), ("½", "1/2"), ("😀", ":)"), ("\u200b", "")]
    open(f"{d}/r.tsv", "w").write("".join(f"{' '.join('%X' % ord(c) for c in a)}\t{' '.join('%X' % ord(c) for c in b)}\n" for a, b in rules))
    spm.SentencePieceTrainer.train(input=f"{d}/c.txt", model_prefix=f"{d}/m", vocab_size=300, normalization_rule_tsv=f"{d}/r.tsv", hard_vocab_limit=False, minloglevel=2)
    from sentencepiece import sentencepiece_model_pb2 as pb
    m = pb.ModelProto(); m.ParseFromString(open(f"{d}/m.model", "rb").read())
    charsmap = bytes(m.normalizer_spec.precompiled_charsmap)
j = json.loads(unigram(400).to_str())
j["normalizer"] = {"type": "Sequence", "normalizers": [{"type": "Precompiled", "precompiled_charsmap": base64.b64encode(charsmap).decode()}, {"type": "Strip", "strip_left": False, "strip_right": True}, {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "▁"}]}
j["model"]["byte_fallback"] = True
j["model"]["vocab"] += [["<0x%02X>" % b, -20.0] for b in range(256)]
j["added_tokens"] = []
case("XLM-R: Unigram with bytes, a SentencePiece character map", Tokenizer.from_str(json.dumps(j)))

def clip():
    tok = Tokenizer(models.BPE(unk_token="<|end|>", end_of_word_suffix="</w>", continuing_subword_prefix=""))
    tok.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    tok.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"), "removed", invert=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tok.decoder = decoders.BPEDecoder(suffix="</w>")
    tok.train_from_iterator(corpus + extra, trainers.BpeTrainer(vocab_size=900, show_progress=False, end_of_word_suffix="</w>", initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), special_tokens=["<|end|>"]))
    return tok
case("CLIP: word ends", clip())

def words(norm, pre):
    tok = Tokenizer(models.WordLevel(unk_token="[UNK]")); tok.normalizer = norm; tok.pre_tokenizer = pre
    tok.train_from_iterator(corpus[:60] + extra + TEXTS, trainers.WordLevelTrainer(vocab_size=420, show_progress=False, special_tokens=["[UNK]"]))
    return tok
P, N = pre_tokenizers, normalizers
case("words: Whitespace; NFKD, StripAccents, Strip", words(N.Sequence([N.NFKD(), N.StripAccents(), N.Strip()]), P.Whitespace()))
case("words: WhitespaceSplit, Digits, Punctuation contiguous; NFD", words(N.NFD(), P.Sequence([P.WhitespaceSplit(), P.Digits(), P.Punctuation("contiguous")])))
case("words: CharDelimiterSplit, FixedLength", words(None, P.Sequence([P.CharDelimiterSplit(" "), P.FixedLength(length=3)])))
case("words: Punctuation merged with next, digits alone", words(None, P.Sequence([P.Punctuation("merged_with_next"), P.Digits(individual_digits=True)])))
case("words: Split merged with previous; Lowercase", words(N.Lowercase(), P.Split(Regex(r"[\s\p{P}]"), "merged_with_previous")))

t = bert()
t.add_tokens([AddedToken("[MASK]", lstrip=True, normalized=False, special=True), AddedToken("<tok>", rstrip=True), AddedToken("yesterday", normalized=True, single_word=True), AddedToken("Fox", normalized=True), AddedToken("snake", normalized=False, single_word=True)])
case("added tokens: lstrip, rstrip, single_word, normalized", t, [x for x in TEXTS if x])

json.dump({"source": "tokenizers 0.23.3, sentencepiece; made by bench/peers/tokenizer_golden.py", "cases": cases}, open(sys.argv[2], "w"), ensure_ascii=False, separators=(",", ":"))
print(len(cases), "tokenizers,", sum(len(c["rows"]) for c in cases), "rows")
