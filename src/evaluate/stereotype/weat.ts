/**
 * WEAT (Caliskan, Bryson, Narayanan 2017) and SEAT (May and others 2019) for encoders: do two sets of target texts differ in how near they lie to two sets of
 * attribute texts? Effect size with the sample deviation over all targets, and a permutation test over all partitions of the targets into sets of the same
 * sizes: exact while there are few of them. Reads lists of tests with `first_target`, `second_target`, `first_attribute`, `second_attribute` (`name`, `words`),
 * or `targ1`, `targ2`, `attr1`, `attr2` (`category`, `examples`).
 */
import { random } from "../../base/index.ts";
import type { ItemResult } from "../results/item.ts";
import type { EvaluationMeasure, MakeMeasure } from "../results/measure.ts";
import type { TaskFileItem } from "../tasks/items.ts";
import { badItem } from "./form.ts";

const forms = [
  ["first_target", "second_target", "first_attribute", "second_attribute"],
  ["targ1", "targ2", "attr1", "attr2"],
] as const;

interface TextSet {
  readonly name: string;
  readonly texts: readonly string[];
}

function setOf(item: TaskFileItem, key: string): TextSet {
  const { name, category, words, examples } = (item.fields[key] ?? {}) as Readonly<Record<string, unknown>>;
  const texts: unknown = words ?? examples;
  const called = name ?? category;
  if (
    typeof called !== "string" ||
    !Array.isArray(texts) ||
    texts.length < 2 ||
    !texts.every(t => typeof t === "string" && t.trim() !== "")
  )
    throw badItem(`${item.place}: ${key}`, "a name and two texts or more", item.fields[key]);
  return { name: called, texts: texts as string[] };
}

const slug = (text: string): string =>
  text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "_")
    .replaceAll(/^_+|_+$/g, "");

/**
 * Items of all tests, one a target text: `text`, `test`, `side` 0 or 1, and both attribute sets. A later test of the same names has a number behind its name.
 * Errors: evaluate/data.
 */
export function weatTargets(items: readonly TaskFileItem[]): TaskFileItem[] {
  const times = new Map<string, number>();
  return items.flatMap(item => {
    const keys = forms.find(f => Object.hasOwn(item.fields, f[0])) ?? forms[0];
    const [x, y, a, b] = keys.map(key => setOf(item, key)) as [TextSet, TextSet, TextSet, TextSet];
    const name = [x, y, a, b].map(s => slug(s.name)).join("-");
    const time = (times.get(name) ?? 0) + 1;
    times.set(name, time);
    const test = time === 1 ? name : `${name}:${time}`;
    return [x, y].flatMap((set, side) =>
      set.texts.map(text => ({ place: item.place, fields: { text, test, side, first: a.texts, second: b.texts } })),
    );
  });
}

/** Partitions that are all looked at; of more, so many are drawn. */
const [mostExact, drawnPartitions] = [20_000, 10_000];

const binomial = (n: number, k: number): number => Array.from({ length: k }, (_, i) => (n - i) / (i + 1)).reduce((a, b) => a * b, 1);

/** Calls `each` with every choice of `k` of `n` numbers. */
function everyChoice(n: number, k: number, each: (chosen: readonly number[]) => void): void {
  const at = Array.from({ length: k }, (_, i) => i);
  for (;;) {
    each(at);
    let i = k - 1;
    while (i >= 0 && at[i] === n - k + i) i--;
    if (i < 0) return;
    at[i]!++;
    for (let j = i + 1; j < k; j++) at[j] = at[j - 1]! + 1;
  }
}

/** One-sided p that targets of the first set lie nearer to the first attributes. Of drawn partitions the one at hand counts as one, so p is never 0. */
export function associationTest(
  first: readonly number[],
  second: readonly number[],
  seed = "weat",
): { readonly p: number; readonly isExact: boolean } {
  const all = [...first, ...second];
  const sum = (xs: readonly number[]) => xs.reduce((s, v) => s + v, 0);
  const seen = sum(first) - 1e-12;
  const total = Math.round(binomial(all.length, first.length));
  let least = 0;
  if (total <= mostExact) {
    everyChoice(all.length, first.length, chosen => {
      if (sum(chosen.map(i => all[i]!)) >= seen) least++;
    });
    return { p: least / total, isExact: true };
  }
  const draw = random(seed);
  for (let i = 0; i < drawnPartitions; i++)
    if (sum(Array.from(draw.permutation(all.length).slice(0, first.length), k => all[k]!)) >= seen) least++;
  return { p: (least + 1) / (drawnPartitions + 1), isExact: false };
}

/** (mean of the first - mean of the second) / sample deviation of both together. Not a number where a set is empty or nothing varies. */
function effectSize(first: readonly number[], second: readonly number[]): number {
  const mean = (xs: readonly number[]) => xs.reduce((s, v) => s + v, 0) / xs.length;
  const all = [...first, ...second];
  const middle = mean(all);
  const deviation = Math.sqrt(all.reduce((s, v) => s + (v - middle) ** 2, 0) / (all.length - 1));
  return deviation > 0 ? (mean(first) - mean(second)) / deviation : Number.NaN;
}

const sidesOf = (items: readonly ItemResult[]): [first: number[], second: number[]] => {
  const sides: [number[], number[]] = [[], []];
  for (const { association } of items) sides[association!.side].push(association!.value);
  return sides;
};

/** By test: numbers of items. */
function testsOf(items: readonly ItemResult[]): ReadonlyMap<string, readonly ItemResult[]> {
  const tests = new Map<string, ItemResult[]>();
  for (const i of items) {
    const own = tests.get(i.stereotype!.type!);
    if (own) own.push(i);
    else tests.set(i.stereotype!.type!, [i]);
  }
  return tests;
}

const signed = ({ association }: ItemResult): number => (association!.side === 0 ? 1 : -1) * association!.value;
const measure = (name: string, figure: (items: readonly ItemResult[]) => number): EvaluationMeasure => ({
  name,
  better: "lower",
  kind: "whole",
  value: signed,
  prepare: items => at => figure(Array.from(at, k => items[k]!)),
});

/** The mean effect size of the tests. */
const effect: MakeMeasure = name =>
  measure(name, items => {
    const sizes = [...testsOf(items).values()].map(own => effectSize(...sidesOf(own)));
    return sizes.reduce((s, v) => s + v, 0) / sizes.length;
  });

export const weatMeasures: Readonly<Record<string, MakeMeasure>> = {
  effect_size: effect,
  // the least of all tests, times their number (Bonferroni)
  p_value: name =>
    measure(name, items => {
      const tests = new Map(items.map(i => [i.stereotype!.type, i.association!.p]));
      return Math.min(1, tests.size * Math.min(...tests.values()));
    }),
};
