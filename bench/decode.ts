/** Tokens a second that SmolLM2-135M writes at batch 1, 8, 16 and 32: Loam's forms of weights beside llama.cpp's on the same file. */
import { compareForms, decodeSpeed } from "./forms.ts";
import type { BenchContext, BenchResult } from "./harness.ts";

const [prompt, written] = [128, 16];

export const run = (context: BenchContext): Promise<BenchResult> =>
  compareForms(context, {
    what: `${written} tokens written after prompts of ${prompt}`,
    loads: Object.fromEntries([1, 8, 16, 32].map(batch => [`batch ${batch}`, { batch, prompt, written }])),
    ours: decodeSpeed,
    theirs: "decode",
    want: ({ batch }) => (batch === 1 ? 1 : 1.3),
  });
