/**
 * The npm side of the tokenizer comparison: packages that encode, all from the same vocabulary.
 * Usage: node tokenizer.mjs NAME CORPUS.json TOKENIZER.json (NAME: a package); commands on standard input as in tokenizer.py.
 */
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

const [, , name, corpusFile, tokenizerFile] = process.argv;
const texts = JSON.parse(readFileSync(corpusFile, "utf8"));
const file = JSON.parse(readFileSync(tokenizerFile, "utf8"));
const gpt2 = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

/** Bytes of every token in the order of ids. */
function tokenBytes() {
  const byte = new Map();
  let hidden = 256;
  for (let b = 0; b < 256; b++) {
    const isShown = (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
    byte.set(String.fromCharCode(isShown ? b : hidden++), b);
  }
  const tokens = [];
  for (const [token, id] of Object.entries(file.model.vocab)) tokens[id] = Uint8Array.from(token, c => byte.get(c));
  return tokens;
}
/** The compact form of OpenAI's rank files. */
const ranks = () =>
  `! 0 ${tokenBytes()
    .map(b => Buffer.from(b).toString("base64"))
    .join(" ")}`;

const makers = {
  tiktoken: async () => {
    const { Tiktoken } = await import("tiktoken");
    const e = new Tiktoken(ranks(), {}, gpt2);
    return text => e.encode_ordinary(text).length;
  },
  "gpt-tokenizer": async () => {
    const { BytePairEncodingCore } = await import("gpt-tokenizer/BytePairEncodingCore");
    const strict = new TextDecoder("utf-8", { fatal: true });
    // Tokens that are whole characters are given as text, the others as bytes, as in the package's own tables.
    const decoder = tokenBytes().map(b => {
      try {
        return strict.decode(b);
      } catch {
        return [...b];
      }
    });
    const e = new BytePairEncodingCore({
      bytePairRankDecoder: decoder,
      tokenSplitRegex: new RegExp(gpt2, "gu"),
      specialTokensEncoder: new Map(),
    });
    return text => e.encodeNative(text).length;
  },
  "@huggingface/tokenizers": async () => {
    const { Tokenizer } = await import("@huggingface/tokenizers");
    const e = new Tokenizer(file, {});
    return text => e.encode(text).ids.length;
  },
};

/** Processor time so far, as contender.ts wants it. */
const processorMs = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

const encode = await makers[name]();
for await (const line of createInterface({ input: process.stdin })) {
  if (line !== "encode") throw new Error(`expected encode, got ${line}`);
  const began = processorMs();
  let tokens = 0;
  for (const text of texts) tokens += encode(text);
  process.stdout.write(`${JSON.stringify({ ms: processorMs() - began, tokens })}\n`);
}
