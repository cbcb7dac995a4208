/**
 * Labels that a spam classifier needs when the texts to label are the least sure ones of the whole pool, against texts drawn at random: mails with
 * their near-duplicates, labelled in rounds by their folders' names, learnt anew after each round, judged on mails that none of the pool is like.
 * Learners: MiniLM with all weights tuned, as a user's classifier is, and a linear head on its vectors, which is cheap enough for many draws.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { random, silent } from "../src/base/index.ts";
import { folderEmbedder } from "../src/cli/data/embedder.ts";
import { marginOf, poolOrder } from "../src/cli/labelling/pool-order.ts";
import { groups, nearDuplicateOptions, sketchAll } from "../src/data/steps/near-duplicates/index.ts";
import { classificationScores, confusion, logisticRegression, type SparseRow } from "../src/evaluate/index.ts";
import { disposeTree, folderFiles, importHuggingFace } from "../src/nn/index.ts";
import { openDevice } from "../src/tensor/index.ts";
import { loadTokenizer } from "../src/text/index.ts";
import { tokensOf } from "../src/tune/classify/batches.ts";
import { predictorOf, softmax } from "../src/tune/classify/predict.ts";
import { classifyOptions, fitClassifier, type TokenTexts } from "../src/tune/index.ts";
import { type BenchContext, type BenchResult, digits, median } from "./harness.ts";
import { labelledMails } from "./quality/corpus.ts";

const classes = ["ham", "spam"];
/** Characters of a mail that the vectors are of, tokens that the tuned model reads. */
const readCharacters = 512;
const length = 128;
/** Weight of the losses beside the head's penalty, on vectors of length 1. */
const c = 10;
const sizes = { head: { first: 32, round: 32, most: 512 }, tuned: { first: 64, round: 64, most: 320 } } as const;
const draws = { head: 20, tuned: 3 } as const;
/** Texts to label and to judge by in one draw of the tuned learner, which reads all of them after every round. */
const tunedTexts = { pool: 800, test: 600 } as const;
/** Shares of the F1 that all labels of the pool give. */
const shares = [0.95, 0.98, 0.99] as const;

interface Mail {
  readonly id: string;
  readonly text: string;
  readonly label: number;
  readonly group: number;
  readonly isTest: boolean;
}

/** Of what is labelled: the probabilities of each mail asked about. */
type Learner = (labelled: readonly Mail[], asked: readonly Mail[], seed: number) => Promise<readonly (readonly number[])[]>;

async function readMails(): Promise<Mail[]> {
  const mails = await labelledMails(process.cwd());
  const options = nearDuplicateOptions.parse({});
  const alike = groups(
    sketchAll(
      mails.map(m => m.text),
      options,
    ),
    options,
  );
  return mails.map((m, i) => ({ id: `${i}`, text: m.text, label: m.isGood ? 0 : 1, group: alike.find(i), isTest: m.fold === 0 }));
}

/** How the next texts are chosen. */
const orders = {
  random: { asks: false, groups: false },
  margin: { asks: true, groups: false },
  "margin, one of near-duplicates": { asks: true, groups: true },
} as const;
type OrderName = keyof typeof orders;
const compared: Readonly<Record<keyof typeof sizes, readonly OrderName[]>> = {
  head: ["random", "margin", "margin, one of near-duplicates"],
  tuned: ["random", "margin, one of near-duplicates"],
};

const f1Of = (truth: readonly Mail[], rows: readonly (readonly number[])[]): number =>
  classificationScores(
    confusion({ classes, truth: Int32Array.from(truth, m => m.label), predicted: Int32Array.from(rows, r => (r[1]! > r[0]! ? 1 : 0)) }),
  ).macro.f1;

/** F1 on the test mails after each round of one draw. */
async function curve(
  name: OrderName,
  pool: readonly Mail[],
  test: readonly Mail[],
  learn: Learner,
  size: (typeof sizes)[keyof typeof sizes],
  seed: number,
): Promise<number[]> {
  const { asks, groups: isGuarded } = orders[name];
  const labelled = pool.slice(0, size.first);
  const scores: number[] = [];
  for (;;) {
    const rest = pool.filter(m => !labelled.includes(m));
    const isLast = labelled.length + size.round > size.most;
    const asked = asks && !isLast ? [...test, ...rest] : test;
    const rows = await learn(labelled, asked, seed);
    scores.push(f1Of(test, rows.slice(0, test.length)));
    if (isLast) return scores;
    const margins = new Map(asked.map((m, i) => [m.id, marginOf(rows[i]!)]));
    // alone in its group, nothing is a near-duplicate
    const own = (m: Mail): Mail => (isGuarded ? m : { ...m, group: Number(m.id) });
    const order = poolOrder(rest.map(own), labelled.map(own), { votesOf: () => 0, marginOf: id => (asks ? margins.get(id) : undefined) });
    const next = new Set(order.slice(0, size.round).map(m => m.id));
    labelled.push(...rest.filter(m => next.has(m.id)));
  }
}

const rowOf = (vector: Float32Array): SparseRow => ({
  columns: Int32Array.from(vector.keys()),
  values: Float64Array.from(vector),
});

async function headLearner(mails: readonly Mail[], folder: string, say: (text: string) => void): Promise<Learner> {
  using embedder = await folderEmbedder(folder, openDevice("cpu", { threads: 1 }), "int8");
  const rows = new Map<string, SparseRow>();
  for (let i = 0; i < mails.length; i += 64) {
    if (i % 640 === 0) say(`mails embedded: ${i} of ${mails.length}`);
    const some = mails.slice(i, i + 64);
    const vectors = await embedder.embed(some.map(m => m.text.slice(0, readCharacters)));
    for (const [k, m] of some.entries()) rows.set(m.id, rowOf(vectors[k]!));
  }
  const width = rows.values().next().value!.columns.length;
  return async (labelled, asked) => {
    const model = logisticRegression(
      labelled.map(m => rows.get(m.id)!),
      labelled.map(m => m.label),
      width,
      classes.length,
      { c },
    );
    return asked.map(m => softmax(model.scores(rows.get(m.id)!)));
  };
}

/** All weights of MiniLM for three epochs; nothing is selected, so that every label teaches. */
function tunedLearner(folder: string): Learner {
  const tokenizer = loadTokenizer(readFileSync(join(folder, "tokenizer.json"), "utf8"), { place: folder });
  const part = (mails: readonly Mail[]): TokenTexts => ({
    ids: mails.map(m => m.id),
    tokens: mails.map(m => tokensOf(tokenizer, m.text, length)),
    labels: Int32Array.from(mails, m => m.label),
  });
  return async (labelled, asked, seed) => {
    const device = openDevice("cpu", { threads: 1 });
    const work = mkdtempSync(join(tmpdir(), "loam-labelling-"));
    try {
      const train = part(labelled);
      const recipe = classifyOptions.parse({
        rate: 1e-4,
        epochs: 3,
        batch: 16,
        length,
        pooling: "mean",
        evaluations: 1,
        patience: 0,
        seed,
      });
      const { model } = await fitClassifier({
        device,
        base: await importHuggingFace(folderFiles(folder), device),
        recipe,
        classes,
        train,
        // the last values are kept: what is trained on only gets better
        validation: train,
        longest: length,
        identity: "bench".padEnd(64, "0"),
        folder: work,
        progress: silent,
      });
      const predictor = predictorOf({ device, model, longest: length, parameters: (tree: unknown) => tree });
      const logits = await predictor.predict([model.parameters], part(asked).tokens);
      predictor.dispose();
      disposeTree(model.parameters as never);
      return logits.map(softmax);
    } finally {
      rmSync(work, { recursive: true, force: true });
      device.dispose();
    }
  };
}

const mean = (x: readonly number[]): number => x.reduce((a, b) => a + b, 0) / x.length;

/** Mean of the differences and how often each side was ahead. */
const against = (a: readonly number[], b: readonly number[]): string =>
  `${digits(mean(a.map((x, i) => x - b[i]!)), 3)} (more in ${a.filter((x, i) => x > b[i]!).length}, less in ${a.filter((x, i) => x < b[i]!).length} of ${a.length})`;

interface Curves {
  readonly whole: number;
  readonly at: readonly number[];
  readonly of: Readonly<Record<OrderName, readonly (readonly number[])[]>>;
}

/** Labels until F1 reaches `wanted` for the first time; beyond the last round where it does not. */
const labelsUntil = (scores: readonly number[], at: readonly number[], wanted: number): number =>
  at[scores.findIndex(s => s >= wanted)] ?? Number.POSITIVE_INFINITY;

function told(kind: keyof typeof sizes, { whole, at, of }: Curves): Record<string, unknown> {
  const orderNames = compared[kind];
  const out: Record<string, unknown> = { [`${kind}: F1 with all labels of the pool`]: digits(whole, 4) };
  for (const name of orderNames)
    out[`${kind}: ${name}: F1 by labels`] = Object.fromEntries(at.map((n, i) => [n, digits(mean(of[name].map(s => s[i]!)), 4)]));
  for (const share of shares)
    out[`${kind}: labels for F1 ${digits(share * whole, 4)} (${share} of all labels')`] = Object.fromEntries(
      orderNames.map(name => {
        const needed = of[name].map(s => labelsUntil(s, at, share * whole));
        const reached = needed.filter(Number.isFinite).length;
        const middle = median(needed);
        return [name, `median ${Number.isFinite(middle) ? middle : `above ${at.at(-1)}`}, ${reached} of ${needed.length} draws reach it`];
      }),
    );
  for (const name of orderNames.slice(1))
    out[`${kind}: ${name} - random: F1 at ${at.at(-1)} labels`] = against(
      of[name].map(s => s.at(-1)!),
      of.random.map(s => s.at(-1)!),
    );
  return out;
}

export async function run({ say, scale }: BenchContext): Promise<BenchResult> {
  const folder = join(process.env.LOAM_MODELS ?? "", "all-minilm-l6-v2");
  if (!process.env.LOAM_MODELS || !existsSync(join(folder, "model.safetensors")))
    throw new Error("LOAM_MODELS names no folder with all-minilm-l6-v2");
  const mails = await readMails();
  const all = mails.filter(m => !m.isTest);
  const test = mails.filter(m => m.isTest);
  const copies = all.length - new Set(all.map(m => m.group)).size;
  say(`${all.length} mails to label, of which ${copies} are near-duplicates of others; ${test.length} to judge by`);
  const ours: Record<string, unknown> = {};
  const found: Record<string, Curves> = {};
  const learners = { head: await headLearner(mails, folder, say), tuned: tunedLearner(folder) } as const;
  for (const kind of ["head", "tuned"] as const) {
    const size = sizes[kind];
    const at = Array.from({ length: (size.most - size.first) / size.round + 1 }, (_, i) => size.first + i * size.round);
    const of: Record<OrderName, number[][]> = { random: [], margin: [], "margin, one of near-duplicates": [] };
    const whole: number[] = [];
    const times = Math.max(kind === "head" ? 2 : 0, Math.round(draws[kind] * Math.min(1, scale)));
    if (times === 0) continue;
    for (let seed = 1; seed <= times; seed++) {
      const [pool, judged] = [all, test].map((list, i) =>
        Array.from(random(`labelling ${i} ${seed}`).permutation(list.length), k => list[k]!),
      ) as [Mail[], Mail[]];
      if (kind === "tuned") [pool.length, judged.length] = [tunedTexts.pool, tunedTexts.test];
      if (kind === "tuned" || seed === 1) whole.push(f1Of(judged, await learners[kind](pool, judged, seed)));
      for (const name of compared[kind]) of[name].push(await curve(name, pool, judged, learners[kind], size, seed));
      const shown = compared[kind].map(
        n =>
          `${n} ${of[n]
            .at(-1)!
            .map(x => x.toFixed(3))
            .join(" ")}`,
      );
      say(`${kind}: draw ${seed} of ${times}: all ${whole.at(-1)!.toFixed(3)}; ${shown.join("; ")}`);
    }
    found[kind] = { whole: mean(whole), at, of };
    Object.assign(ours, told(kind, found[kind]));
  }
  const head = found.head!;
  const needed = (name: OrderName) => median(head.of[name].map(s => labelsUntil(s, head.at, shares[0] * head.whole)));
  const guarded = needed("margin, one of near-duplicates");
  return {
    method: `ham and spam of SpamAssassin, ${all.length} mails to label (${copies} near-duplicates of others among them), ${test.length} judged; the first round is drawn at random, the same for all orders; head: logistic regression (C ${c}) on MiniLM's int8 vectors of the first ${readCharacters} characters, rounds of ${sizes.head.round}; tuned: MiniLM, all weights, ${length} tokens, 3 epochs at 1e-4, rounds of ${sizes.tuned.round}, ${tunedTexts.pool} mails to label and ${tunedTexts.test} judged a draw; macro F1, means over draws`,
    ours,
    peers: {},
    ratios: { [`head: labels at random / labels by margin, to ${shares[0]} of all labels' F1`]: digits(needed("random") / guarded, 3) },
    bars: [
      {
        name: `head: fewer labels than at random to ${shares[0]} of all labels' F1`,
        want: `< ${needed("random")}`,
        got: guarded,
        holds: guarded < needed("random"),
      },
    ],
  };
}
