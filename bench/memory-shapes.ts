/**
 * VmHWM of saturated servers of many shapes: what the factors of `memoryPlan` are fitted to (src/deploy/kubernetes/golden/memory.json). Decoders of random
 * numbers, since neither values nor texts count: layers, width, tokens, context and sequences do; and SmolLM2-135M.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { memoryPlan, type PodForm, servedForms } from "../src/deploy/index.ts";
import { servedSizes } from "../src/project/deploying/served-sizes.ts";
import { type ModelText, modelText } from "../src/project/models/model-text.ts";
import { localModel } from "../src/project/models/paths.ts";
import { trainBpe } from "../src/text/index.ts";
import { mailTexts } from "./filters/corpus.ts";
import { type BenchContext, type BenchResult, digits } from "./harness.ts";
import { smolLm } from "./serving/model.ts";
import { type DecoderSize, peakOf, writeRandomDecoder } from "./serving/peak.ts";

const MiB = 2 ** 20;
const decoder = (vocab: number, layers: number, width: number, heads: number, kvHeads = heads): DecoderSize => ({
  ...{ vocab, layers, width, heads, kvHeads },
  context: 4096,
});
const large = 49_152;

/** Models by name, each with the pairs of sequences and context that it is served with. */
const shapes: readonly (readonly [name: string, size: DecoderSize, served: readonly (readonly [slots: number, context: number])[]])[] = [
  [
    "l1w32",
    decoder(300, 1, 32, 2),
    [
      [8, 256],
      [8, 128],
      [8, 2048],
    ],
  ],
  [
    "l8w64",
    decoder(300, 8, 64, 2),
    [
      [8, 512],
      [8, 2048],
    ],
  ],
  [
    "l24w64",
    decoder(300, 24, 64, 2),
    [
      [8, 512],
      [4, 512],
      [4, 2048],
    ],
  ],
  ["l2w512", decoder(300, 2, 512, 8), [[8, 512]]],
  ["l2w1024", decoder(300, 2, 1024, 16), [[8, 512]]],
  [
    "l2w64v49k",
    decoder(large, 2, 64, 2),
    [
      [8, 512],
      [16, 512],
    ],
  ],
  ["l8w64v49k", decoder(large, 8, 64, 2), [[4, 2048]]],
  [
    "l24w64v49k",
    decoder(large, 24, 64, 2),
    [
      [4, 512],
      [4, 2048],
    ],
  ],
  ["l8w512v49k", decoder(large, 8, 512, 8, 4), [[8, 512]]],
  [
    "l8w512v4k",
    decoder(4096, 8, 512, 8),
    [
      [4, 512],
      [8, 512],
      [4, 2048],
    ],
  ],
  [
    "l8w256",
    decoder(300, 8, 256, 4),
    [
      [4, 256],
      [4, 1024],
      [4, 2048],
      [8, 2048],
      [4, 4096],
    ],
  ],
  ["l8w256grouped", decoder(300, 8, 256, 8, 2), [[4, 2048]]],
  [
    "l16w256",
    decoder(300, 16, 256, 4),
    [
      [4, 256],
      [4, 2048],
    ],
  ],
  [
    "l6w256v4k",
    decoder(4096, 6, 256, 4),
    [
      [8, 256],
      [8, 1024],
    ],
  ],
];
/** The real model in each form too: a quantised one is at its peak while it is made. */
const ofSmolLm: readonly (readonly [slots: number, context: number, form: PodForm])[] = [
  [4, 1024, "exact"],
  ...servedForms.map(form => [4, 512, form] as const),
];

/** A tokenizer of so many tokens: merges of mails, or SmolLM2's. */
async function textsBySize(): Promise<ReadonlyMap<number, ModelText>> {
  const mails = await mailTexts(process.cwd());
  const trained = (vocab: number): ModelText => ({
    tokenizer: trainBpe(mails, { vocab, specialTokens: ["<|end|>"], minFrequency: 1 }),
    stopTokens: [0],
  });
  return new Map([
    [300, trained(300)],
    [4096, trained(4096)],
    [large, await modelText(localModel(smolLm()).files)],
  ]);
}

export async function run({ say, scale }: BenchContext): Promise<BenchResult> {
  const folder = mkdtempSync(join(tmpdir(), "loam-memory-shapes-"));
  const rows: unknown[] = [];
  const measure = async (name: string, path: string, slots: number, context: number, form: PodForm = "exact") => {
    const { sizes } = await servedSizes(localModel(path).files, slots, context);
    const peak = await peakOf({ name, path, slots, context, form }, sizes.vocabulary, name);
    if (peak === undefined) throw new Error("this system does not tell what a process takes");
    const { numParameters, ...shape } = sizes;
    const weightsMiB = Number(((4 * numParameters) / MiB).toFixed(1));
    rows.push([`${name}, context ${context}, ${form}`, slots, { weightsMiB, ...shape }, Number((peak / MiB).toFixed(1)), form]);
    const computed = memoryPlan({ sizes, form, slots }).totalBytes;
    say(`${name}, context ${context}, ${form}, ${slots} sequences: ${digits(peak / MiB)} MiB, computed over it ${digits(computed / peak)}`);
  };
  try {
    const texts = await textsBySize();
    for (const [name, size, served] of shapes.slice(0, Math.ceil(shapes.length * scale))) {
      const path = await writeRandomDecoder(folder, name, size, texts.get(size.vocab)!);
      for (const [slots, context] of served) await measure(name, path, slots, context);
      rmSync(path);
    }
    if (scale >= 1) for (const [slots, context, form] of ofSmolLm) await measure("SmolLM2-135M", smolLm(), slots, context, form);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return {
    method:
      "VmHWM of one fresh `loam serve --quantize FORM` for each row after 3 requests per sequence at full length, twice as many clients as sequences; rows as golden/memory.json has them",
    ours: { rows },
    peers: {},
    ratios: {},
    bars: [],
  };
}
