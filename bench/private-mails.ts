/**
 * What privacy costs: spam F1 of the last layer over frozen all-MiniLM-L6-v2, trained on mails with DP-SGD at several budgets (a sender is a person), beside
 * the same layer without privacy. Settings were chosen on the validation mails, which the budgets do not cover.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { random, silent } from "../src/base/index.ts";
import { disposeTree, folderFiles, importHuggingFace, type ModelConfig, withClassifier } from "../src/nn/index.ts";
import { bootstrap } from "../src/statistics/index.ts";
import { openDevice } from "../src/tensor/index.ts";
import { loadTokenizer } from "../src/text/index.ts";
import { type ClassifyInput, classifyOptions, fitClassifier, type TokenTexts } from "../src/tune/index.ts";
import { headTokens } from "../src/tune/text-head/batches.ts";
import { greatestIndex, predictorOf } from "../src/tune/text-head/predict.ts";
import { statesOf } from "../src/tune/text-head/reading.ts";
import { type BenchContext, digits } from "./harness.ts";
import { type LabelledMail, labelledMails } from "./quality/corpus.ts";

const classes = ["ham", "spam"];
const longest = 64;
/** Below 1 / people. */
const privateDelta = 1e-4;
export const privateSettings: { readonly recipe: Partial<ClassifyInput>; readonly clip: number; readonly textsPerPerson: number } = {
  recipe: { rate: 0.05, epochs: 20, batch: 1000 },
  clip: 1,
  textsPerPerson: 4,
};
/** Without privacy. */
const openRecipe: Partial<ClassifyInput> = { rate: 0.01, epochs: 20, batch: 64 };

/** The folder of all-MiniLM-L6-v2; undefined where there is none. */
export function miniLm(): string | undefined {
  const folder = join(process.env.LOAM_MODELS ?? "", "all-minilm-l6-v2");
  return process.env.LOAM_MODELS && existsSync(join(folder, "model.safetensors")) ? folder : undefined;
}

type MailTexts = TokenTexts & { readonly owners: readonly string[] };
export interface PrivateMails {
  readonly train: MailTexts;
  readonly validation: MailTexts;
  readonly test: MailTexts;
}

/** Near-duplicates lie in one fold, so in one part. With the states that the frozen base gives, which all trainings share. */
export async function privateMails(folder: string): Promise<PrivateMails> {
  const device = openDevice("cpu", { threads: 1 });
  const base = await importHuggingFace(folderFiles(folder), device);
  const model = withClassifier({ family: base.family, config: base.config } as ModelConfig, { labels: classes, kind: "one", pooling: "mean" });
  const tokenizer = loadTokenizer(readFileSync(join(folder, "tokenizer.json"), "utf8"), { place: folder });
  const mails = await labelledMails(process.cwd());
  async function part(isPart: (fold: number) => boolean): Promise<MailTexts> {
    const own = mails.filter(m => isPart(m.fold));
    const tokens = own.map(m => headTokens(tokenizer, m.text, longest));
    return {
      ids: own.map((_, i) => `${i}`),
      tokens,
      labels: Int32Array.from(own, m => (m.isGood ? 0 : 1)),
      // of unknown sender: a person each
      owners: own.map((m, i) => m.sender ?? `unknown ${i}`),
      states: await statesOf({ device, model, longest, parameters: (p: unknown) => p }, [base.parameters], tokens),
    };
  }
  try {
    return { train: await part(fold => fold > 1), validation: await part(fold => fold === 1), test: await part(fold => fold === 0) };
  } finally {
    disposeTree(base.parameters);
    device.dispose();
  }
}

/** F1 of spam at some mails, with repetitions. */
function spamF1(truth: Int32Array, predicted: ArrayLike<number>, at: ArrayLike<number>): number {
  let [both, said, there] = [0, 0, 0];
  for (let k = 0; k < at.length; k++) {
    const i = at[k]!;
    both += truth[i]! & predicted[i]!;
    said += predicted[i]!;
    there += truth[i]!;
  }
  return (2 * both) / (said + there);
}

interface PrivateRun {
  readonly folder: string;
  readonly mails: PrivateMails;
  /** Mails to be judged. */
  readonly asked: TokenTexts;
  readonly epsilon: number | undefined;
  readonly seed: number;
}
/** Classes of the asked mails by a layer trained with a budget, or without one. */
export async function privatelyTrained({ folder, mails, asked, epsilon, seed }: PrivateRun, settings: Partial<ClassifyInput> = {}) {
  const device = openDevice("cpu", { threads: 1 });
  const place = mkdtempSync(join(tmpdir(), "loam-private-mails-"));
  const started = process.cpuUsage();
  const { recipe, clip, textsPerPerson } = privateSettings;
  try {
    const fitted = await fitClassifier({
      device,
      base: await importHuggingFace(folderFiles(folder), device),
      recipe: classifyOptions.parse({
        method: { frozen: { layers: "all" } },
        pooling: "mean",
        evaluations: 1,
        patience: 0,
        weightDecay: 0,
        checkpointSeconds: 1e6,
        seed,
        ...(epsilon === undefined
          ? openRecipe
          : { ...recipe, privacy: { epsilon, delta: privateDelta, clip, person: "sender", textsPerPerson } }),
        ...settings,
      }),
      classes,
      train: mails.train,
      // what selects may be asked too: its logits come with the training
      validation: asked,
      longest,
      identity: "private".padEnd(64, "0"),
      folder: place,
      progress: silent,
    });
    const predicted = Int32Array.from(fitted.validationLogits, greatestIndex);
    const { user, system } = process.cpuUsage(started);
    disposeTree(fitted.model.parameters);
    const every = Int32Array.from(predicted.keys());
    return { predicted, f1: spamF1(asked.labels, predicted, every), privacy: fitted.privacy, history: fitted.history, steps: fitted.steps, processorSeconds: (user + system) / 1e6 };
  } finally {
    device.dispose();
    rmSync(place, { recursive: true, force: true });
  }
}
