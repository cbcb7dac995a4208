/**
 * Labels that a spam classifier needs when the texts to label are the least sure ones of the whole pool, against texts drawn at random: mails with
 * their near-duplicates, labelled in rounds by their folders' names, learnt anew after each round, judged on mails that none of the pool is like.
 * The learner is a linear head on MiniLM's vectors, which is cheap enough for many draws of many rounds.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { random } from "../src/base/index.ts";
import { similarGroups, sketchAll } from "../src/data/steps/near-duplicates/index.ts";
import { nearDuplicateOptions } from "../src/data/steps/near-duplicates/options.ts";
import { classificationScores, confusion, logisticRegression, type SparseRow } from "../src/evaluate/index.ts";
import { folderEmbedder } from "../src/project/data/embedder.ts";
import { marginOf, poolOrder } from "../src/project/labelling/pool-order.ts";
import { openDevice } from "../src/tensor/index.ts";
import { probabilitiesOf } from "../src/tune/text-head/predict.ts";
import { type BenchContext, type BenchResult, digits, median } from "./harness.ts";
import { labelledMails } from "./quality/corpus.ts";

const classes = ["ham", "spam"];
/** Characters of a mail that the vectors are of. */
const readCharacters = 512;
/** Weight of the losses beside the head's penalty, on vectors of length 1. */
const c = 10;
/** Labels drawn before the first round, in each round, and in all. */
const labels = { first: 32, round: 32, most: 512 } as const;
const sizes = Array.from({ length: (labels.most - labels.first) / labels.round + 1 }, (_, i) => labels.first + i * labels.round);
const draws = 20;
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
type Learner = (labelled: readonly Mail[], asked: readonly Mail[]) => readonly (readonly number[])[];

async function readMails(): Promise<Mail[]> {
  const mails = await labelledMails(process.cwd());
  const options = nearDuplicateOptions.parse({});
  const alike = similarGroups(
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
const orderNames = Object.keys(orders) as OrderName[];
const best: OrderName = "margin, one of near-duplicates";

const f1Of = (truth: readonly Mail[], rows: readonly (readonly number[])[]): number =>
  classificationScores(
    confusion({ classes, truth: Int32Array.from(truth, m => m.label), predicted: Int32Array.from(rows, r => (r[1]! > r[0]! ? 1 : 0)) }),
  ).macro.f1;

/** F1 on the test mails after each round of one draw. */
function curve(name: OrderName, pool: readonly Mail[], test: readonly Mail[], learn: Learner): number[] {
  const { asks, groups: isGuarded } = orders[name];
  const labelled = pool.slice(0, labels.first);
  const scores: number[] = [];
  for (;;) {
    const rest = pool.filter(m => !labelled.includes(m));
    const isLast = labelled.length + labels.round > labels.most;
    const asked = asks && !isLast ? [...test, ...rest] : test;
    const rows = learn(labelled, asked);
    scores.push(f1Of(test, rows.slice(0, test.length)));
    if (isLast) return scores;
    const margins = new Map(asked.map((m, i) => [m.id, marginOf(rows[i]!)]));
    // alone in its group, nothing is a near-duplicate
    const own = (m: Mail): Mail => (isGuarded ? m : { ...m, group: Number(m.id) });
    const order = poolOrder(rest.map(own), labelled.map(own), { votesOf: () => 0, marginOf: id => (asks ? margins.get(id) : undefined) });
    const next = new Set(order.slice(0, labels.round).map(m => m.id));
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
  return (labelled, asked) => {
    const model = logisticRegression(
      labelled.map(m => rows.get(m.id)!),
      labelled.map(m => m.label),
      width,
      classes.length,
      { c },
    );
    return asked.map(m => probabilitiesOf(model.scores(rows.get(m.id)!)));
  };
}

const mean = (x: readonly number[]): number => x.reduce((a, b) => a + b, 0) / x.length;

/** Mean of the differences and how often each side was ahead. */
const against = (a: readonly number[], b: readonly number[]): string =>
  `${digits(mean(a.map((x, i) => x - b[i]!)), 3)} (more in ${a.filter((x, i) => x > b[i]!).length}, less in ${a.filter((x, i) => x < b[i]!).length} of ${a.length})`;

type Curves = Readonly<Record<OrderName, readonly (readonly number[])[]>>;

/** Labels until F1 reaches `wanted` for the first time; beyond the last round where it does not. */
const labelsUntil = (scores: readonly number[], wanted: number): number =>
  sizes[scores.findIndex(s => s >= wanted)] ?? Number.POSITIVE_INFINITY;

function told(of: Curves, whole: number): Record<string, unknown> {
  const out: Record<string, unknown> = { "F1 with all labels of the pool": digits(whole, 4) };
  for (const name of orderNames)
    out[`${name}: F1 by labels`] = Object.fromEntries(sizes.map((n, i) => [n, digits(mean(of[name].map(s => s[i]!)), 4)]));
  for (const share of shares)
    out[`labels for F1 ${digits(share * whole, 4)} (${share} of all labels')`] = Object.fromEntries(
      orderNames.map(name => {
        const needed = of[name].map(s => labelsUntil(s, share * whole));
        const reached = needed.filter(Number.isFinite).length;
        const middle = median(needed);
        return [name, `median ${Number.isFinite(middle) ? middle : `above ${labels.most}`}, ${reached} of ${needed.length} draws reach it`];
      }),
    );
  for (const name of orderNames.slice(1))
    out[`${name} - random: F1 at ${labels.most} labels`] = against(
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
  const learn = await headLearner(mails, folder, say);
  const whole = f1Of(test, learn(all, test));
  const of: Record<OrderName, number[][]> = { random: [], margin: [], "margin, one of near-duplicates": [] };
  const times = Math.max(2, Math.round(draws * Math.min(1, scale)));
  for (let seed = 1; seed <= times; seed++) {
    const pool = Array.from(random(`labelling 0 ${seed}`).permutation(all.length), i => all[i]!);
    for (const name of orderNames) of[name].push(curve(name, pool, test, learn));
    const last = orderNames.map(n => `${n} ${of[n].at(-1)!.at(-1)!.toFixed(3)}`);
    say(`draw ${seed} of ${times}: F1 with ${labels.most} labels: ${last.join("; ")}`);
  }
  const needed = (name: OrderName) => median(of[name].map(s => labelsUntil(s, shares[0] * whole)));
  return {
    method: `ham and spam of SpamAssassin, ${all.length} mails to label (${copies} near-duplicates of others among them), ${test.length} judged; the first ${labels.first} are drawn, the same for all orders, then rounds of ${labels.round}; logistic regression (C ${c}) on MiniLM's int8 vectors of the first ${readCharacters} characters; macro F1, means over ${times} draws`,
    ours: told(of, whole),
    peers: {},
    ratios: { [`labels at random / labels by margin, to ${shares[0]} of all labels' F1`]: digits(needed("random") / needed(best), 3) },
    bars: [
      {
        name: `fewer labels than at random to ${shares[0]} of all labels' F1`,
        want: `< ${needed("random")}`,
        got: needed(best),
        holds: needed(best) < needed("random"),
      },
    ],
  };
}
