/**
 * Attributions of SmolLM2-135M beside Captum on the same float32 weights, tokens and baseline (the mean embedding) in one run, and how far each method can be
 * believed: deletion and insertion beside random orders, and whether it changes when the weights are random (Adebayo et al. 2018). Then influence of training
 * documents: does it predict retraining (`influence.ts`)?
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type AttributionMethod, attribute, type Completeness, decoderSpec, disposeTree, initialise } from "../src/nn/index.ts";
import { localModel } from "../src/project/models/paths.ts";
import { packageFolder } from "../src/project/package.ts";
import { readServedModel } from "../src/project/serving/read-model.ts";
import { openDevice } from "../src/tensor/index.ts";
import { run as child } from "./child.ts";
import { type Answer, contest } from "./contender.ts";
import { type Bar, type BenchContext, type BenchResult, digits } from "./harness.ts";
import { influenceFigures } from "./influence.ts";

const gguf = "smollm2-135m-instruct/SmolLM2-135M-Instruct.Q4_1.gguf";
const cases: readonly (readonly [prompt: string, answer: string])[] = [
  ["The capital of France is", " Paris"],
  ["Water freezes at zero degrees", " Celsius"],
  ["Two plus two equals", " four"],
  ["The opposite of hot is", " cold"],
  ["She plays the piano and he plays the", " guitar"],
  ["Monday, Tuesday, Wednesday,", " Thursday"],
  ["The dog chased the cat up the", " tree"],
  ["Shakespeare wrote Hamlet and", " Macbeth"],
  ["In winter it is cold and in summer it is", " hot"],
  ["Bees make honey and cows give", " milk"],
];
const methods = ["gradientTimesInput", "integratedGradients", "occlusion"] as const satisfies readonly AttributionMethod[];
const steps = 96;
const faithful = { points: 4, orders: 5, seed: "bench" };

type Values = Readonly<Record<AttributionMethod, readonly number[]>>;
interface Captum extends Answer, Values {
  readonly version: string;
  /** Sum of integrated gradients less the score's difference. */
  readonly delta: number;
}

const mean = (xs: readonly number[]): number => xs.reduce((a, b) => a + b, 0) / xs.length;
const median = (xs: readonly number[]): number => xs.toSorted((a, b) => a - b)[xs.length >> 1]!;
function correlation(a: readonly number[], b: readonly number[]): number {
  const [ma, mb] = [mean(a), mean(b)];
  const of = (x: readonly number[], mx: number, y: readonly number[], my: number) => x.reduce((s, v, i) => s + (v - mx) * (y[i]! - my), 0);
  return of(a, ma, b, mb) / Math.sqrt(of(a, ma, a, ma) * of(b, mb, b, mb));
}

export const run = ({ peers, say, scale }: BenchContext): Promise<BenchResult> =>
  contest("attribution", async ({ folder, start }) => {
    const weights = join(process.env.LOAM_MODELS ?? "", gguf);
    if (!process.env.LOAM_MODELS || !existsSync(weights)) throw new Error(`LOAM_MODELS names no folder with ${gguf}`);
    process.env.LOAM_HOME = folder;
    const path = join(folder, "model");
    say("the weights as safetensors");
    await child(process.execPath, [join(packageFolder, "bin", "loam.js"), "models", "export", weights, "--to", path], { cwd: folder });
    const device = openDevice("cpu", { threads: 1 });
    const { config, parameters, tokenizer } = await readServedModel(localModel(path).files, device, { id: "m", fingerprint: "f" });
    // both sides see these tokens and no more
    const model = { config: { ...config, context: 64 }, parameters, device };
    const blank = await initialise(decoderSpec(model.config), device, "random weights");
    const python = peers && join(peers, ".venv", ...(process.platform === "win32" ? ["Scripts", "python.exe"] : ["bin", "python"]));
    const theirs =
      python && existsSync(python) ? start("captum", [python, join(peers!, "attribution.py"), JSON.stringify({ model: path })]) : undefined;
    const ids = (text: string) => Array.from(tokenizer.encode(text, { addSpecialTokens: false }));
    const alike: Record<AttributionMethod, number[]> = { gradientTimesInput: [], integratedGradients: [], occlusion: [] };
    const sane: Record<AttributionMethod, number[]> = { gradientTimesInput: [], integratedGradients: [], occlusion: [] };
    const deletion: Record<AttributionMethod, number[]> = { gradientTimesInput: [], integratedGradients: [], occlusion: [] };
    const insertion: Record<AttributionMethod, number[]> = { gradientTimesInput: [], integratedGradients: [], occlusion: [] };
    const errors: number[] = [];
    const deltas: number[] = [];
    let version = "";
    const chosen = cases.slice(0, Math.max(1, Math.round(cases.length * scale)));
    for (const [text, said] of chosen) {
      const [prompt, answer] = [ids(text), ids(said)];
      say(`${text}${said}`);
      const request = {
        prompt,
        answer,
        targets: [[...answer.keys()]],
        score: "logprob",
        baseline: "mean",
        steps,
        tolerance: 0.02,
        occlusion: true,
      } as const;
      const [own] = (await attribute(model, { ...request, faithfulness: faithful })).targets;
      const [random] = (await attribute({ ...model, parameters: blank }, { ...request, steps: 16 })).targets;
      errors.push((own!.completeness as Completeness).error);
      for (const m of methods) {
        const values = Array.from(own![m]!);
        sane[m].push(Math.abs(correlation(values.map(Math.abs), Array.from(random![m]!, Math.abs))));
        const f = own!.faithfulness![m]!;
        deletion[m].push(f.randomDeletion - f.deletion);
        insertion[m].push(f.insertion - f.randomInsertion);
      }
      if (!theirs) continue;
      const captum = (await theirs.ask(JSON.stringify({ prompt, answer, steps }))) as Captum;
      version = captum.version;
      deltas.push(Math.abs(captum.delta));
      for (const m of methods) alike[m].push(correlation(Array.from(own![m]!), captum[m]));
    }
    disposeTree(blank);
    disposeTree(parameters);
    device.dispose();
    const influence = await influenceFigures({ say, scale });
    const bars: Bar[] = [...influence.bars];
    const bar = (name: string, want: string, got: number, holds: boolean) => bars.push({ name, want, got: digits(got), holds });
    for (const m of methods) {
      if (theirs)
        bar(`${m}: least correlation with Captum over the texts`, ">= 0.99", Math.min(...alike[m]), Math.min(...alike[m]) >= 0.99);
      bar(`${m}: nats gained by deletion over random orders, mean`, "> 0", mean(deletion[m]), mean(deletion[m]) > 0);
      bar(`${m}: nats gained by insertion over random orders, mean`, "> 0", mean(insertion[m]), mean(insertion[m]) > 0);
    }
    const table = (of: Record<AttributionMethod, number[]>, by: (xs: readonly number[]) => number) =>
      Object.fromEntries(methods.map(m => [m, digits(by(of[m]))]));
    return {
      method: `${chosen.length} texts, the mean embedding as baseline, log-probability of the answer; integrated gradients with at most ${steps} looks (tolerance 0.02 nats), Captum's with ${steps} nodes of Gauss and Legendre; deletion and insertion at ${faithful.points} shares beside ${faithful.orders} random orders; correlation of absolute values with those of random weights. ${influence.method}`,
      ours: {
        influence: influence.ours,
        deletionGain: table(deletion, mean),
        insertionGain: table(insertion, mean),
        randomWeights: table(sane, mean),
        completenessError: { median: digits(median(errors)), greatest: digits(Math.max(...errors)) },
      },
      peers: theirs
        ? {
            [`Captum ${version}`]: {
              leastCorrelation: table(alike, xs => Math.min(...xs)),
              medianCorrelation: table(alike, median),
              completenessError: { median: digits(median(deltas)), greatest: digits(Math.max(...deltas)) },
            },
          }
        : {},
      ratios: {},
      bars,
      notes: theirs ? [] : ["no Captum: bench/peers/.venv is not there"],
    };
  });
