/** Tokens a second at which SmolLM2-135M reads prompts of 128 and 2,048 tokens: Loam's forms of weights beside llama.cpp's on the same file. */
import { compareForms, prefillSpeed } from "./forms.ts";
import type { BenchContext, BenchResult } from "./harness.ts";

export const run = (context: BenchContext): Promise<BenchResult> =>
  compareForms(context, {
    what: "chunks of up to 512",
    loads: Object.fromEntries([128, 2048].map(prompt => [`${prompt} tokens`, { batch: 1, prompt, written: 4 }])),
    ours: prefillSpeed,
    theirs: "prefill",
    want: () => 2,
  });
