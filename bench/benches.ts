/** All benches by name. A new one is a row and a module of that name with a `run`. */
import { loadavg } from "node:os";
import { type BenchContext, type BenchReport, type BenchResult, benchMachine } from "./harness.ts";

/** What each one answers. */
export const benches = {
  "train-step": "one training step of a small GPT, beside the prototype and PyTorch",
  recipe: "the recipe of examples/mail from end to end, and the share of time outside the native step",
  start: "how long `loam --help` and the second `npm start` take",
  tokenizer: "training and encoding on the mails, beside other tokenizers",
  store: "artifacts recorded per second, durably, and what is lost in 200 kills",
  pii: "private data found in mails and in generated sentences, beside Presidio's patterns",
  html: "main text of the HTML in mails, beside trafilatura",
  filters: "the C4, Gopher and FineWeb filter sets over mails, beside datatrove",
  remat: "peak memory of a training step with and without rematerialisation",
  dedup: "near-duplicates removed from 100 MB with known copies, beside rensa and datatrove",
  substring: "repeated passages removed: speed, and memory a byte of text",
} as const satisfies Record<string, string>;
export type BenchName = keyof typeof benches;

export const isBench = (name: string): name is BenchName => Object.hasOwn(benches, name);

/** Runs a bench. Its module is loaded only now: benches bring peers and native code with them. */
export async function runBench(name: BenchName, context: BenchContext): Promise<BenchReport> {
  const [load] = loadavg();
  const { run } = (await import(new URL(`./${name}.js`, import.meta.url).href)) as { run: (c: BenchContext) => Promise<BenchResult> };
  const began = performance.now();
  const result = await run(context);
  return { name, ...result, machine: benchMachine(load ?? 0), seconds: Math.round((performance.now() - began) / 1000) };
}
