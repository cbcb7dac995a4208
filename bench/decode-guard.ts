/**
 * What a blocklist in the decode loop costs: processor time per token of SmolLM2-135M with and without a list of 1,000 phrases, in turns in one run; and
 * the guard's own time per token, over texts of real words.
 */

import { localModel } from "../src/project/models/paths.ts";
import { readServedModel } from "../src/project/serving/read-model.ts";
import { createEngine, type Engine } from "../src/serve/index.ts";
import { openDevice } from "../src/tensor/index.ts";
import { phraseGuard, readBlocklist } from "../src/text/index.ts";
import { modelFolder } from "./forms.ts";
import { type BenchContext, type BenchResult, digits, median } from "./harness.ts";

const phrases = 1_000;
const rounds = 3;
const answers = 4;
const written = 32;
const prompts = ["Tell me about the sea.", "Write a letter to a friend.", "What is a good breakfast?", "Explain how a bridge is built."];

/** Words of three syllables, which real text rarely has, and phrases of two of them. */
function listed(): string[] {
  const syllables = ["ba", "cor", "dun", "fel", "gri", "hom", "jas", "kel", "lum", "mon", "nar", "pol", "quin", "ros", "ser", "tor"];
  const at = (i: number) => syllables[i % syllables.length]!;
  const word = (i: number) => at(i) + at(Math.floor(i / 16) + 3) + at(i * 7 + 5);
  return Array.from({ length: phrases }, (_, i) => (i % 3 === 0 ? `${word(i)} ${word(i + 11)}` : `${word(i)}x${i % 10}`));
}

export async function run({ say, scale }: BenchContext): Promise<BenchResult> {
  const device = openDevice("cpu", { threads: 1 });
  const model = await readServedModel(localModel(modelFolder()).files, device, { id: "smollm2", fingerprint: "bench" });
  const list = await readBlocklist({ words: listed(), files: [], patterns: [], wholeWords: true }, ".", "bench", place => new Error(place));
  const options = { model, device, room: 256, slots: answers };
  const sides = { without: createEngine(options), with: createEngine({ ...options, blocklist: list }) };
  const said = new Map<string, string>();
  const decode = async (engine: Engine, name: string, seed: number): Promise<number> => {
    const before = process.cpuUsage();
    let tokens = 0;
    await Promise.all(
      prompts.slice(0, answers).map(async (prompt, i) => {
        const ids = Array.from(model.tokenizer.encode(prompt));
        let text = "";
        for await (const event of engine.submit({ tokens: ids, maxTokens: written, seed: seed + i, stopTokens: [] })) {
          text += event.text;
          if (event.kind === "end") tokens += event.usage.completionTokens;
        }
        said.set(`${name} ${seed} ${i}`, text);
      }),
    );
    const { user, system } = process.cpuUsage(before);
    return (user + system) / tokens;
  };
  const times = { without: [] as number[], with: [] as number[] };
  for (const engine of Object.values(sides)) await engine.ready;
  for (const name of ["without", "with"] as const) await decode(sides[name], "warm", 0);
  const total = Math.max(1, Math.round(rounds * scale));
  for (let round = 1; round <= total; round++)
    for (const name of round % 2 ? (["without", "with"] as const) : (["with", "without"] as const)) {
      times[name].push(await decode(sides[name], name, round * 100));
      say(`round ${round}, ${name}: ${digits(times[name].at(-1)!, 5)} µs a token`);
    }
  const same = [...said]
    .filter(([key]) => key.startsWith("without"))
    .every(([key, text]) => said.get(key.replace("without", "with")) === text);
  const tokens = [...said.values()].flatMap(text => Array.from(model.tokenizer.encode(text)));
  const began = process.cpuUsage();
  let guard = phraseGuard({ list, bytesOf: id => model.tokenizer.bytesOf?.(id), stops: [], prompt: [] });
  for (const token of tokens) guard = guard.next(token) ?? guard;
  const own = process.cpuUsage(began);
  const guardMicros = (own.user + own.system) / tokens.length;
  for (const engine of Object.values(sides)) await engine.close();
  const [without, guarded] = [median(times.without), median(times.with)];
  const share = guardMicros / without;
  return {
    method: `SmolLM2-135M-Instruct, one thread, ${answers} answers of ${written} tokens at once, ${total} rounds in turns, medians of processor time; ${phrases} phrases`,
    ours: {
      microsecondsPerToken: { without: digits(without, 5), with: digits(guarded, 5) },
      guardMicrosecondsPerToken: digits(guardMicros, 3),
      guardShare: digits(share, 3),
    },
    peers: {},
    ratios: { "with over without": digits(guarded / without, 4) },
    bars: [
      { name: "the guard's own processor time of a token's", want: "<= 0.02", got: digits(share, 3), holds: share <= 0.02 },
      {
        name: "processor time per token, with over without",
        want: "<= 1.02",
        got: digits(guarded / without, 4),
        holds: guarded / without <= 1.02,
      },
      { name: "responses in which nothing is blocked are the same", want: "true", got: same, holds: same },
    ],
  };
}
