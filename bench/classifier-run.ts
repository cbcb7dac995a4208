/**
 * The tuning of the bench `classifier` as a process of its own: prints one JSON line. `prepare` writes what both sides begin with: the model with
 * its drawn head as a Hugging Face folder, texts as tokens, batches in their order, and the rate of every step.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { random, silent, treeFrom, treePaths } from "../src/base/index.ts";
import {
  exportHuggingFace,
  folderFiles,
  importHuggingFace,
  type Model,
  type ModelConfig,
  modelOf,
  type ParameterSpec,
  specOfModel,
  startValues,
  withClassifier,
} from "../src/nn/index.ts";
import { type DeviceArray, fromNumbers, openDevice } from "../src/tensor/index.ts";
import { loadTokenizer } from "../src/text/index.ts";
import { type Precision, scheduleAt } from "../src/train/index.ts";
import { classifyOptions, fitClassifier, type TokenTexts } from "../src/tune/index.ts";
import { epochOf, headTokens, textBatches, widthsOf } from "../src/tune/text-head/batches.ts";
import { labelledMails } from "./quality/corpus.ts";

export interface ClassifierRun {
  readonly prepare?: boolean;
  /** Holds what both sides begin with. */
  readonly folder: string;
  /** The folder of all-MiniLM-L6-v2. */
  readonly model: string;
  /** Where node_modules is. */
  readonly root: string;
  readonly trainTexts: number;
  readonly testTexts: number;
  readonly length: number;
  readonly rows: number;
  readonly epochs: number;
  readonly rate: number;
  readonly weightDecay: number;
  readonly threads: number;
  readonly precision?: Precision;
}
export interface ClassifierTimes {
  readonly seconds: number;
  readonly processorSeconds: number;
  readonly macroF1: number;
  /** Nats a test text. */
  readonly loss: number;
  readonly peakBytes: number;
}

const classes = ["ham", "spam"];
const seed = 1;
/** Texts a batch when judging, on both sides. */
const judgedRows = 32;
interface Part {
  readonly tokens: readonly number[][];
  readonly labels: readonly number[];
}
interface Begin {
  readonly train: Part;
  readonly test: Part;
}

/** Weights of the base where it has them, drawn ones for the head. */
async function withHead(base: Model, model: ModelConfig, device: ReturnType<typeof openDevice>): Promise<Model> {
  const had = new Map(treePaths<DeviceArray>(base.parameters as never));
  const arrays: DeviceArray[] = [];
  for (const [path, spec] of treePaths<ParameterSpec>(specOfModel(model) as never))
    arrays.push(had.get(path) ?? (await device.array(fromNumbers(startValues(spec, path, seed), spec.dtype), spec.dtype, spec.shape)));
  return modelOf(model, treeFrom<ParameterSpec, DeviceArray>(specOfModel(model) as never, arrays));
}

async function prepare(o: ClassifierRun): Promise<void> {
  const device = openDevice("cpu", { threads: o.threads });
  const base = await importHuggingFace(folderFiles(o.model), device);
  const model = withClassifier({ family: base.family, config: base.config } as ModelConfig, {
    labels: classes,
    kind: "one",
    longest: o.length,
  });
  await exportHuggingFace(folderFiles(join(o.folder, "model")), await withHead(base, model, device));
  const tokenizer = loadTokenizer(readFileSync(join(o.model, "tokenizer.json"), "utf8"), { place: o.model });
  const mails = await labelledMails(o.root);
  const part = (isTest: boolean, count: number): Part => {
    const all = mails.filter(m => (m.fold === 0) === isTest);
    const chosen = Array.from(random(`${seed}/${isTest}`).permutation(all.length).subarray(0, count), i => all[i]!);
    return { tokens: chosen.map(m => headTokens(tokenizer, m.text, o.length)), labels: chosen.map(m => (m.isGood ? 0 : 1)) };
  };
  const begin: Begin = { train: part(false, o.trainTexts), test: part(true, o.testTexts) };
  const widths = widthsOf(o.length);
  const batches = Array.from({ length: o.epochs }, (_, epoch) =>
    epochOf(
      begin.train.tokens.map(t => t.length),
      widths,
      o.rows,
      `${seed}/epoch/${epoch}`,
    ),
  ).flat();
  const lengths = begin.test.tokens.map(t => t.length);
  const order = Array.from(lengths.keys()).sort((a, b) => lengths[a]! - lengths[b]! || a - b);
  const { schedule } = recipeOf(o);
  const shape = { ...schedule, warmup: Math.round(schedule.warmup * batches.length) };
  writeFileSync(join(o.folder, "begin.json"), JSON.stringify(begin));
  writeFileSync(
    join(o.folder, "peer.json"),
    JSON.stringify({
      batches,
      judged: textBatches(lengths, order, widths, judgedRows),
      factors: batches.map((_, step) => scheduleAt(shape, step, batches.length)),
    }),
  );
  device.dispose();
}

const recipeOf = (o: ClassifierRun) =>
  classifyOptions.parse({
    rate: o.rate,
    epochs: o.epochs,
    batch: o.rows,
    length: o.length,
    weightDecay: o.weightDecay,
    evaluations: 1,
    patience: 0,
    seed,
    precision: o.precision,
    checkpointSeconds: 1e6,
  });

async function measure(o: ClassifierRun): Promise<ClassifierTimes> {
  const begin = JSON.parse(readFileSync(join(o.folder, "begin.json"), "utf8")) as Begin;
  const texts = ({ tokens, labels }: Part): TokenTexts => ({ ids: tokens.map((_, i) => `${i}`), tokens, labels: Int32Array.from(labels) });
  const device = openDevice("cpu", { threads: o.threads });
  const base = await importHuggingFace(folderFiles(join(o.folder, "model")), device);
  const [before, cpu] = [performance.now(), process.cpuUsage()];
  const { best } = await fitClassifier({
    device,
    base,
    recipe: recipeOf(o),
    classes,
    train: texts(begin.train),
    validation: texts(begin.test),
    longest: o.length,
    identity: "bench".padEnd(64, "0"),
    folder: join(o.folder, `run-${process.pid}`),
    progress: silent,
  });
  const { user, system } = process.cpuUsage(cpu);
  return {
    seconds: (performance.now() - before) / 1000,
    processorSeconds: (user + system) / 1e6,
    macroF1: best.macroF1,
    loss: best.loss,
    peakBytes: process.resourceUsage().maxRSS * 1024,
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const given = JSON.parse(process.argv[2]!) as ClassifierRun;
  process.stdout.write(`${JSON.stringify(given.prepare ? await prepare(given).then(() => ({})) : await measure(given))}\n`);
}
