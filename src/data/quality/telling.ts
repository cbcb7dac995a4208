/**
 * What a quality model goes by, for people: the words and runs of words that set the scores of the two kinds apart most. A weight stands for all
 * texts that hash to it; the one met most often is shown.
 */
import { Features } from "./features.ts";
import type { QualityModel } from "./model.ts";
import type { LabelledText } from "./train.ts";

export interface TellingFeature {
  readonly text: string;
  /** Positive speaks for good. */
  readonly weight: number;
  /** Share of the good and of the bad texts that have it. */
  readonly inGood: number;
  readonly inBad: number;
}

/** Spellings of a feature that are told apart, at most. */
const maxSpellings = 64;

/** The `count` most telling features for good and for bad, the strongest first. Reads the examples twice. */
export function tellingFeatures(
  model: Pick<QualityModel, "features" | "linear">,
  texts: readonly LabelledText[],
  count: number,
): { readonly good: readonly TellingFeature[]; readonly bad: readonly TellingFeature[] } {
  const { weights } = model.linear;
  const features = new Features(model.features);
  const inKind = [new Uint32Array(weights.length), new Uint32Array(weights.length)] as const;
  /** Sum over the texts of a kind of how much a feature counts in each. */
  const amounts = [new Float64Array(weights.length), new Float64Array(weights.length)] as const;
  const numOf = [0, 0];
  for (const { text, isGood } of texts) {
    features.read(text);
    const kind = isGood ? 1 : 0;
    numOf[kind]!++;
    for (let i = 0; i < features.count; i++) {
      const f = features.found[i]!;
      inKind[kind][f] = inKind[kind][f]! + 1;
      amounts[kind][f] = amounts[kind][f]! + 1 / Math.sqrt(features.count);
    }
  }
  const mean = (kind: 0 | 1, f: number) => amounts[kind][f]! / Math.max(1, numOf[kind]!);
  /** How far a feature alone moves the mean margins of the kinds apart: a word that both have tells nothing, however heavy. */
  const pull = (f: number) => weights[f]! * (mean(1, f) - mean(0, f));
  const strongest = (isGood: boolean) =>
    Array.from(weights.keys())
      .filter(f => weights[f]! > 0 === isGood && pull(f) > 0)
      .sort((a, b) => pull(b) - pull(a) || a - b)
      .slice(0, count);
  const wanted = { good: strongest(true), bad: strongest(false) };

  const spellings = new Map([...wanted.good, ...wanted.bad].map(f => [f, new Map<string, number>()]));
  for (const { text } of texts)
    features.read(text, (f, start, end) => {
      const known = spellings.get(f);
      if (!known) return;
      const spelling = text.slice(start, end).toLowerCase().replace(/\s+/g, " ");
      const times = known.get(spelling);
      if (times !== undefined || known.size < maxSpellings) known.set(spelling, (times ?? 0) + 1);
    });
  const shown = (f: number): TellingFeature => ({
    text: [...spellings.get(f)!].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1))[0]?.[0] ?? "",
    weight: weights[f]!,
    inGood: inKind[1][f]! / Math.max(1, numOf[1]!),
    inBad: inKind[0][f]! / Math.max(1, numOf[0]!),
  });
  return {
    good: wanted.good.map(shown),
    bad: wanted.bad.map(shown),
  };
}
