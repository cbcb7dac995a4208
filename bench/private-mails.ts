/**
 * What privacy costs: spam F1 of the last layer over frozen all-MiniLM-L6-v2, trained on mails with DP-SGD at several budgets (a sender is a person), beside
 * the same layer without privacy. Settings were chosen on the validation mails, which the budgets do not cover.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silent } from "../src/base/index.ts";
import { disposeTree, folderFiles, importHuggingFace, type ModelConfig, withClassifier } from "../src/nn/index.ts";
import { bootstrap } from "../src/statistics/index.ts";
import { openDevice } from "../src/tensor/index.ts";
import { loadTokenizer } from "../src/text/index.ts";
import { type ClassifyInput, classifyOptions, fitClassifier, type TokenTexts } from "../src/tune/index.ts";
import { headTokens } from "../src/tune/text-head/batches.ts";
import { greatestIndex } from "../src/tune/text-head/predict.ts";
import { pooledStates, stateReader } from "../src/tune/text-head/reading.ts";
import { type BenchContext, digits } from "./harness.ts";
import { labelledMails } from "./quality/corpus.ts";

const classes = ["ham", "spam"];
const longest = 64;
/** Below 1 / people. */
const privateDelta = 1e-4;
/** 80 steps, each of 420 people. */
const privateSettings: { readonly recipe: Partial<ClassifyInput>; readonly clip: number; readonly textsPerPerson: number } = {
  recipe: { rate: 0.1, epochs: 18, batch: 1000 },
  clip: 1,
  textsPerPerson: 4,
};
/** Without privacy. */
const openRecipe: Partial<ClassifyInput> = { rate: 0.01, epochs: 20, batch: 64 };

/** The folder of all-MiniLM-L6-v2; undefined where there is none. */
function miniLm(): string | undefined {
  const folder = join(process.env.LOAM_MODELS ?? "", "all-minilm-l6-v2");
  return process.env.LOAM_MODELS && existsSync(join(folder, "model.safetensors")) ? folder : undefined;
}

interface MailTexts extends TokenTexts {
  readonly states: readonly Float32Array[];
}
interface PrivateMails {
  readonly train: MailTexts;
  readonly validation: MailTexts;
  readonly test: MailTexts;
}

/** Near-duplicates lie in one fold, so in one part. With the states that the frozen base gives, which all trainings share. */
async function privateMails(folder: string): Promise<PrivateMails> {
  const device = openDevice("cpu", { threads: 1 });
  const base = await importHuggingFace(folderFiles(folder), device);
  const model = withClassifier({ family: base.family, config: base.config } as ModelConfig, {
    labels: classes,
    kind: "one",
    pooling: "mean",
  });
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
      states: await pooledStates({ device, model, longest, parameters: (p: unknown) => p }, [base.parameters], tokens),
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
  /** Undefined: without privacy. */
  readonly epsilon: number | undefined;
  readonly seed: number;
}
/** Classes of the test mails by a layer trained with a budget, or without one. */
async function privatelyTrained({ folder, mails: { train, validation, test }, epsilon, seed }: PrivateRun) {
  const device = openDevice("cpu", { threads: 1 });
  const place = mkdtempSync(join(tmpdir(), "loam-private-mails-"));
  const started = process.cpuUsage();
  const { recipe, clip, textsPerPerson } = privateSettings;
  const privacy = epsilon === undefined ? undefined : { epsilon, delta: privateDelta, clip, person: "from", textsPerPerson };
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
        ...(privacy ? { ...recipe, privacy } : openRecipe),
      }),
      classes,
      train,
      validation,
      longest,
      identity: "private".padEnd(64, "0"),
      folder: place,
      progress: silent,
    });
    const model = { family: fitted.model.family, config: fitted.model.config } as ModelConfig;
    const reader = stateReader({ device, model, rows: 256 }, (p: unknown) => p);
    const logits = await reader.predict([fitted.model.parameters], test.states);
    reader.dispose();
    disposeTree(fitted.model.parameters);
    const predicted = Int32Array.from(logits, greatestIndex);
    const { user, system } = process.cpuUsage(started);
    const f1 = spamF1(test.labels, predicted, Int32Array.from(predicted.keys()));
    return { predicted, f1, privacy: fitted.privacy, processorSeconds: (user + system) / 1e6 };
  } finally {
    device.dispose();
    rmSync(place, { recursive: true, force: true });
  }
}

/** Rows of the bench: the median of three seeds, with the interval of that one's test mails. Undefined where LOAM_MODELS names no folder with MiniLM. */
export async function privateF1({ say }: Pick<BenchContext, "say">) {
  const folder = miniLm();
  if (folder === undefined) return undefined;
  say("states of the mails by all-MiniLM-L6-v2");
  const started = process.cpuUsage();
  const mails = await privateMails(folder);
  const spent = process.cpuUsage(started);
  const rows: Record<string, string | number>[] = [];
  const { train, validation, test } = mails;
  let people = 0;
  for (const epsilon of [1, 4, 8, undefined]) {
    say(`spam F1, epsilon ${epsilon ?? "none"}`);
    const runs = [];
    for (const seed of [1, 2, 3]) runs.push(await privatelyTrained({ folder, mails, epsilon, seed }));
    runs.sort((a, b) => a.f1 - b.f1);
    const middle = runs[1]!;
    const { value, low, high } = bootstrap(test.ids.length, items => spamF1(test.labels, middle.predicted, items), { draws: 1000 });
    people = middle.privacy?.people ?? people;
    rows.push({
      epsilon: epsilon ?? "none",
      noise: middle.privacy ? digits(middle.privacy.noise) : "none",
      spamF1: `${value.toFixed(3)} [${low.toFixed(3)}, ${high.toFixed(3)}]`,
      seeds: runs.map(r => r.f1.toFixed(3)).join(", "),
      processorSeconds: digits(runs.reduce((s, r) => s + r.processorSeconds, 0)),
    });
  }
  const spam = test.labels.reduce((a, b) => a + b, 0);
  return {
    rows,
    // who never finds a reason to keep a mail
    allSpam: digits((2 * spam) / (spam + test.ids.length), 3),
    statesSeconds: digits((spent.user + spent.system) / 1e6),
    method: `Spam F1: the last layer over frozen all-MiniLM-L6-v2 (first ${longest} tokens), ${train.ids.length} mails of ${people} senders, at most ${privateSettings.textsPerPerson} each, a sender is a person, delta ${privateDelta}; weights selected on ${validation.ids.length} mails, judged on ${test.ids.length} (${spam} spam), median of 3 seeds with the interval over test mails; settings tried on the validation mails, not covered by the budget; without privacy all mails of a sender are read`,
  };
}
