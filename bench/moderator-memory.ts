/**
 * VmHWM of a server with a moderator (`serve.moderate`) less that of the same server without one: what `moderatorBytes` is fitted to
 * (src/deploy/kubernetes/golden/moderator-memory.json). Moderators of random numbers, since neither values nor labels count.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { moderatorBytes } from "../src/deploy/index.ts";
import {
  bertConfig,
  disposeTree,
  folderFiles,
  initialise,
  llamaConfig,
  type ModelConfig,
  modelOf,
  specOfModel,
  writeModelFiles,
} from "../src/nn/index.ts";
import { moderatorSizes } from "../src/project/deploying/served-sizes.ts";
import type { ModelText } from "../src/project/models/model-text.ts";
import { digestOf, localModel, modelDigests } from "../src/project/models/paths.ts";
import { openDevice } from "../src/tensor/index.ts";
import { trainBpe } from "../src/text/index.ts";
import { mailTexts } from "./filters/corpus.ts";
import { type Bar, type BenchContext, type BenchResult, digits, median } from "./harness.ts";
import { peakOf, writeRandomDecoder } from "./serving/peak.ts";

const MiB = 2 ** 20;
const processes = 3;
const served = { slots: 8, context: 256 };

interface ModeratorShape {
  readonly family: "decoder" | "encoder";
  readonly layers: number;
  readonly width: number;
  readonly heads: number;
  readonly vocab: number;
  /** Tokens that a text may have. */
  readonly context: number;
}

const decoder = (layers: number, width: number, heads: number, vocab: number, context: number): ModeratorShape => ({
  family: "decoder",
  ...{ layers, width, heads, vocab, context },
});
const encoder = (...given: Parameters<typeof decoder>): ModeratorShape => ({ ...decoder(...given), family: "encoder" });

const shapes: readonly ModeratorShape[] = [
  decoder(1, 32, 2, 300, 128),
  decoder(4, 128, 4, 4096, 256),
  decoder(12, 64, 2, 300, 512),
  decoder(6, 384, 6, 4096, 512),
  decoder(12, 768, 12, 4096, 512),
  decoder(4, 128, 4, 300, 2048),
  decoder(12, 256, 8, 4096, 1024),
  encoder(1, 32, 2, 300, 128),
  encoder(4, 128, 4, 4096, 256),
  encoder(12, 64, 2, 300, 512),
  encoder(6, 384, 12, 4096, 512),
  encoder(12, 768, 12, 4096, 512),
  encoder(4, 128, 4, 300, 2048),
  encoder(12, 256, 8, 4096, 1024),
  decoder(8, 192, 3, 4096, 300),
  decoder(2, 512, 8, 300, 1024),
  encoder(3, 320, 5, 4096, 400),
  encoder(10, 192, 3, 300, 1024),
];
const nameOf = ({ family, layers, width, heads, vocab, context }: ModeratorShape): string =>
  `${family} l${layers}w${width}h${heads}v${vocab}c${context}`;

function configOf({ family, ...shape }: ModeratorShape): ModelConfig {
  if (family === "decoder") return { family, config: { ...llamaConfig(shape), classifier: { labels: ["good", "bad"], kind: "one" } } };
  return { family, config: { ...bertConfig(shape), classifier: { labels: ["good", "bad"], kind: "one", pooling: "mean" } } };
}

/** A folder as a version of `loam tune` has it. */
async function writeModerator(folder: string, config: ModelConfig, text: ModelText): Promise<void> {
  mkdirSync(folder);
  const files = folderFiles(folder);
  const parameters = await initialise(specOfModel(config) as unknown, openDevice("cpu"), "moderator");
  await writeModelFiles(files, modelOf(config, parameters));
  disposeTree(parameters);
  await files.write("tokenizer.json", JSON.stringify(text.tokenizer.toJSON()));
}

/** Writes `guards.json` beside the moderator; gives its path. */
async function writeGuards(folder: string): Promise<string> {
  const digest = digestOf(await modelDigests(localModel(join(folder, "moderator")).files, undefined));
  const moderate = { model: "moderator", categories: { bad: 1 }, span: 4, attempts: 1, onError: "refuse", digest };
  const path = join(folder, "guards.json");
  writeFileSync(path, JSON.stringify({ format: 1, blocked: [], moderate }));
  return path;
}

export async function run({ say, scale }: BenchContext): Promise<BenchResult> {
  const folder = mkdtempSync(join(tmpdir(), "loam-moderator-memory-"));
  const rows: unknown[] = [];
  const bars: Bar[] = [];
  const texts = await mailTexts(process.cwd());
  const trained = (vocab: number): ModelText => ({
    tokenizer: trainBpe(texts, { vocab, specialTokens: ["<|end|>"], minFrequency: 1 }),
    stopTokens: [0],
  });
  const texted = new Map([300, 4096].map(vocab => [vocab, trained(vocab)]));
  try {
    const path = await writeRandomDecoder(
      folder,
      "toy",
      { vocab: 300, layers: 1, width: 32, heads: 2, kvHeads: 2, context: 4096 },
      texted.get(300)!,
    );
    const peak = async (name: string, guards?: string) => {
      const peaks: number[] = [];
      for (let i = 0; i < Math.max(1, Math.round(processes * scale)); i++) {
        const one = await peakOf(
          { name, path, ...served, ...(guards === undefined ? {} : { more: ["--guards", guards] }) },
          300,
          `${name} ${i}`,
        );
        if (one === undefined) throw new Error("this system does not tell what a process takes");
        peaks.push(one);
      }
      return median(peaks);
    };
    const alone = await peak("alone");
    for (const shape of shapes.slice(0, Math.ceil(shapes.length * scale))) {
      const name = nameOf(shape);
      const at = join(folder, name);
      mkdirSync(at);
      const model = configOf(shape);
      await writeModerator(join(at, "moderator"), model, texted.get(shape.vocab)!);
      const more = (await peak(name, await writeGuards(at))) - alone;
      const sizes = moderatorSizes(model, shape.context);
      const computed = moderatorBytes(sizes);
      rows.push([name, sizes, Number((more / MiB).toFixed(1))]);
      say(`${name}: ${digits(more / MiB)} MiB more, computed ${digits(computed / MiB)}`);
      const share = (alone + computed) / (alone + more);
      bars.push({
        name: `${name}: computed over measured, of the whole pod`,
        want: "1 to 1.1",
        got: digits(share),
        holds: share >= 1 && share <= 1.1,
      });
      rmSync(at, { recursive: true });
    }
    return {
      method: `median VmHWM of ${processes} fresh servers of a toy with a moderator, less that without; rows as golden/moderator-memory.json has them`,
      ours: { aloneMiB: alone / MiB, rows },
      peers: {},
      ratios: {},
      bars,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
