/** The examples that the shipped recogniser of names learns from. */
import { type Random, random } from "../../src/base/index.ts";
import { type NameExample, type NamesModel, namesTraining, quantisedNames, trainNames } from "../../src/data/index.ts";
import { brownExample, brownSentences } from "./brown.ts";
import { pick } from "./people.ts";
import { asWritten, joinedExamples, negative, positive } from "./sentences.ts";

export interface NamesRecipe {
  /** Of the examples and of the training. */
  readonly seed: string;
  readonly bits: number;
  readonly passes: number;
  /** Filled templates with names, and without. */
  readonly positives: number;
  readonly negatives: number;
  /** Sentences of Brown that name somebody or a place, at most, each written so many times with other names; and how many that do not. */
  readonly named: number;
  readonly exchanges: number;
  readonly plain: number;
}
export const shippedNamesRecipe: NamesRecipe = {
  seed: "names",
  bits: 20,
  passes: 4,
  positives: 30_000,
  negatives: 14_000,
  named: 20_000,
  exchanges: 2,
  plain: 12_000,
};

/** One to three in a text. */
function grouped(r: Random, list: readonly NameExample[]): NameExample[] {
  const out: NameExample[] = [];
  for (let i = 0; i < list.length; ) {
    const n = pick(r, [1, 1, 2, 3]);
    out.push(joinedExamples(r, list.slice(i, i + n)));
    i += n;
  }
  return out;
}

export function namesExamples({ seed, positives, negatives, named: mostNamed, exchanges, plain }: NamesRecipe): NameExample[] {
  const r = random(seed);
  const brown = brownSentences();
  const named = brown.filter(s => s.some(p => p.type)).slice(0, mostNamed);
  const bare = brown.filter(s => s.every(p => !p.type));
  const order = r.permutation(bare.length);
  const examples = [
    ...Array.from({ length: positives }, () => positive(r)),
    ...Array.from({ length: negatives }, () => negative(r)),
    ...named.flatMap(s => [brownExample(r, s, false), ...Array.from({ length: exchanges }, () => asWritten(r, brownExample(r, s, true)))]),
    ...Array.from({ length: Math.min(plain, bare.length) }, (_, i) => asWritten(r, brownExample(r, bare[order[i]!]!, false))),
  ];
  const shuffled = [...r.permutation(examples.length)].map(i => examples[i]!);
  return grouped(r, shuffled);
}

/** The recogniser of a recipe, with weights of eight bits. The same recipe, the same weights, wherever it runs. */
export async function trainedNames(recipe: NamesRecipe, onProgress?: (done: number, message: string) => void): Promise<NamesModel> {
  const { seed, bits, passes } = recipe;
  const settings = namesTraining.parse({ seed, bits, passes, heldOut: 0.05, hidden: 0.3 });
  return quantisedNames(await trainNames(namesExamples(recipe), settings, onProgress ? { onProgress } : {}));
}
