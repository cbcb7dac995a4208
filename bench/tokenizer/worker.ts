/** Loam's side of the comparison; the protocol is in contender.ts. Arguments: the corpus (a JSON list of texts), the tokenizer.json. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { loadTokenizer, type Tokenizer, trainBpe } from "../../src/text/index.ts";

const [, , corpusFile, tokenizerFile] = process.argv;
const texts = JSON.parse(readFileSync(corpusFile!, "utf8")) as string[];
const load = (): Tokenizer => loadTokenizer(readFileSync(tokenizerFile!, "utf8"));
let kept: Tokenizer | undefined;
const processorMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

const encode = (tokenizer: Tokenizer): { ms: number; tokens: number } => {
  const began = processorMs();
  let tokens = 0;
  for (const text of texts) tokens += tokenizer.encode(text).length;
  return { ms: processorMs() - began, tokens };
};

const commands: Record<string, (file: string) => object> = {
  train: file => {
    const began = processorMs();
    const tokenizer = trainBpe(texts, { vocab: 256 + 4096, specialTokens: [], minFrequency: 1 });
    const ms = processorMs() - began;
    writeFileSync(file, JSON.stringify(tokenizer.toJSON()));
    return { ms };
  },
  // A new tokenizer each time: what earlier passes left in its caches would flatter it.
  encode: () => encode(load()),
  kept: () => {
    kept ??= existsSync(tokenizerFile!) ? load() : undefined;
    return encode(kept!);
  },
  ids: file => {
    const tokenizer = load();
    const began = processorMs();
    writeFileSync(file, Buffer.concat(texts.map(t => Buffer.from(tokenizer.encode(t).buffer))));
    return { ms: processorMs() - began };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const [command, file] = line.split(" ");
  process.stdout.write(`${JSON.stringify(commands[command!]!(file ?? ""))}\n`);
}
