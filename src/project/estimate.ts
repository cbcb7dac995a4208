/**
 * What a link would cost, before it runs: training from its floating-point operations and this machine's measured speed, the rest from the
 * amount of text and rates seen on one core. An estimate, for deciding whether to wait; the progress line knows better once it runs.
 */
import { formatBytes, formatDuration } from "../base/index.ts";
import { countParameters, decoderSpec } from "../nn/index.ts";
import type { ArtifactReader } from "../store/index.ts";
import { compile, matmul, openDevice, type Tensor } from "../tensor/index.ts";
import { decoderConfigOf, recipeSchema, stepsOf, tokensPerStep } from "../train/index.ts";
import { foldedModelOf, type TunePart } from "../tune/index.ts";
import { dataSetOf } from "../tune/part.ts";
import type { Link } from "./life.ts";
import type { ProjectConfig } from "./part.ts";
import type { ProjectFile } from "./project-file.ts";

export interface Estimate {
  readonly ms: number;
  readonly bytes: number;
}

export const estimateLine = (e: Estimate): string => `${formatDuration(e.ms)}, ${formatBytes(e.bytes)} on disk`;

/** Share of the matrix-product speed that a whole training step reaches (element-wise work, memory). */
const stepEfficiency = 0.55;
/** Text a second through one stage on one core, bytes; measured on the mails of the example. */
const rates: Readonly<Record<string, number>> = { source: 80e6, data: 4e6, tokenizer: 6e6, shards: 6e6, baselines: 0.8e6 };

let measured: Promise<number> | undefined;
/** Multiply-adds counted as two, a second, of a product the size of a small model's. */
function flops(project: ProjectFile): Promise<number> {
  measured ??= (async () => {
    const { threads } = project.config.device;
    const device = openDevice("cpu", threads ? { threads } : {});
    const [m, k, n] = [1024, 512, 1024];
    const product = compile((a: Tensor, b: Tensor) => matmul(a, b), { device });
    const [a, b] = [await device.full([m, k], 0.5), await device.full([k, n], 0.5)];
    (await product(a, b)).dispose();
    const started = performance.now();
    let runs = 0;
    for (; performance.now() - started < 150; runs++) (await product(a, b)).dispose();
    const rate = (2 * m * k * n * runs) / ((performance.now() - started) / 1000);
    for (const x of [a, b]) x.dispose();
    product.dispose();
    return rate;
  })();
  return measured;
}

/** Bytes of text behind a link, from what is made already; a fair guess where nothing is. */
function textBytes(link: Link, made: ReadonlyMap<string, ArtifactReader>): number {
  const data = [...made].find(([label]) => label.startsWith("data/"))?.[1];
  const source = [...made].find(([label]) => label.startsWith("source/"))?.[1];
  return Number(data?.summary.bytes ?? Number(source?.summary.sizeBytes ?? 30e6) * (link.stage === "data" ? 1 : 0.3));
}

/** Bytes of a token of English text, and of a text of the example; for guesses. */
const [tokenBytes, documentBytes] = [3.2, 1500];

/** Tuning reads the beginning of every text in each epoch; its test part is a tenth of them. */
async function tuningEstimate(
  project: ProjectFile,
  link: Link,
  { base, tune }: ProjectConfig["tuned"][string],
  bytes: number,
  made: ReadonlyMap<string, ArtifactReader>,
): Promise<Estimate> {
  const own = project.config.models[base.split("@")[0]!];
  const config = own && decoderConfigOf(own, project.config.tokenizer.vocab);
  const parameters = Number(made.get(base)?.summary.parameters ?? (config ? countParameters(decoderSpec(config)) : 0));
  const tables = config ? config.vocab * config.width : 0;
  const dataSet = dataSetOf(tune);
  // a file of examples is small beside a corpus, and half full rows are a fair guess
  const examples = made.get(link.inputs.examples ?? "")?.summary.train ?? (dataSet === undefined ? 1000 : undefined);
  const all = Number(examples ?? made.get(`data/${dataSet}`)?.summary.trainDocuments ?? bytes / documentBytes);
  const { sample }: TunePart = tune;
  const texts = sample === undefined ? all : Math.min(all, sample);
  const tokens = texts * (examples === undefined ? Math.min(tune.length, bytes / texts / tokenBytes) : tune.length / 2);
  // a fold's model is trained as the whole one is, and not kept; states are every text once through the base, at most so many (`src/tune/frozen`), and a
  // forward pass is a third of a step
  const isStates = link.label.startsWith("states/");
  const share = link.stage === "evaluate" ? 0.1 / 3 : isStates ? 1 / 3 : tune.epochs;
  const ms = ((tokens * share * 6 * (parameters - tables)) / ((await flops(project)) * stepEfficiency)) * 1000;
  return { ms, bytes: link.stage === "tune" ? parameters * 4 : isStates ? texts * 4 * 384 : 1e5 };
}

export async function estimate(project: ProjectFile, link: Link, made: ReadonlyMap<string, ArtifactReader>): Promise<Estimate> {
  const bytes = textBytes(link, made);
  // a link is its model's own: the base's training is the base's
  const folded = foldedModelOf(link);
  const owner = folded ?? link.label.replace(/^(evaluate|states)\//, "");
  const tuned = project.config.tuned[owner];
  if (tuned && (link.stage !== "baselines" || link.label.startsWith("states/"))) return tuningEstimate(project, link, tuned, bytes, made);
  if (link.stage !== "train" && link.stage !== "evaluate")
    return {
      ms: 300 + (bytes / (rates[link.stage] ?? 5e6)) * 1000,
      bytes: link.stage === "data" ? bytes * 1.4 : link.stage === "shards" ? bytes * 0.6 : 1e6,
    };
  const { train, evaluate: _, purpose: ___, ...architecture } = project.config.models[owner]!;
  const { on: __, length, ...rest } = train;
  const config = decoderConfigOf(architecture, project.config.tokenizer.vocab);
  const recipe = recipeSchema.parse({ ...rest, length: length ?? config.context });
  const parameters = countParameters(decoderSpec(config));
  const tables = config.vocab * config.width * (config.tied ? 0 : 1) + (config.positions === "learned" ? config.context * config.width : 0);
  // forward 2 N, backward 4 N a token, and attention over half the context (Kaplan et al. 2020)
  const perToken = 6 * (parameters - tables) + 6 * config.layers * config.heads * config.headSize * config.context;
  const tokens = link.stage === "train" ? stepsOf(recipe) * tokensPerStep(recipe) : (bytes * 0.1) / 3.2;
  const share = link.stage === "train" ? 1 : 1 / 3;
  const ms = ((tokens * perToken * share) / ((await flops(project)) * stepEfficiency)) * 1000;
  return { ms, bytes: link.stage === "train" ? parameters * 4 * 4 : 1e4 };
}
