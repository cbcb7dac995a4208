/** How unusual the labels of a window are beside their usual shares: Pearson's chi-square as a normal score, divided by what it usually is for its freedom. */

export interface LabelBase {
  readonly seen: number;
  /** Counts by label, with forgetting. */
  readonly counts: Readonly<Record<string, number>>;
  /** Mean of chi-square by freedom, 1 where labels are drawn independently. */
  readonly dispersion: number;
  /** Counts since nothing was learnt, of the latest two hours or so. */
  readonly recent: Readonly<Record<string, number>>;
}
export const emptyLabelBase: LabelBase = { seen: 0, counts: {}, dispersion: 1, recent: {} };

const keep = 0.5 ** (1 / (14 * 1440));
const recentKeep = 1 - 1 / 120;
/** Labels that are counted one by one; others are one label. No client can make the state grow. */
export const mostClasses = 64;
export const otherClass = "other";
/** Labels of which fewer are expected are put together: chi-square is no distribution of rare counts. */
const leastExpected = 3;

const total = (counts: Readonly<Record<string, number>>): number => Object.values(counts).reduce((a, b) => a + b, 0);

/** Counts by the labels that a base knows, new ones too while it has room. */
function bounded(counts: Readonly<Record<string, number>>, known: Readonly<Record<string, number>>): Record<string, number> {
  const out: Record<string, number> = {};
  let room = mostClasses - Object.keys(known).length;
  for (const [label, count] of Object.entries(counts)) {
    if (!(count > 0 && Number.isFinite(count))) continue;
    const isKnown = Object.hasOwn(known, label);
    if (!isKnown && label !== otherClass) room--;
    const name = isKnown || room > 0 ? label : otherClass;
    out[name] = (out[name] ?? 0) + count;
  }
  return out;
}

interface LabelScore {
  readonly z: number;
  /** Label farthest off, with its usual share and that of the window. */
  readonly label: string;
  readonly expected: number;
  readonly share: number;
  /** Chi-square by freedom, as it is. */
  readonly ratio: number;
}

/** Undefined where too little is known or seen. */
export function classScore(base: LabelBase, given: Readonly<Record<string, number>>): LabelScore | undefined {
  const counts = bounded(given, base.counts);
  const [of, all] = [total(counts), total(base.counts)];
  if (of === 0 || all === 0) return undefined;
  const labels = [...new Set([...Object.keys(base.counts), ...Object.keys(counts)])];
  const usual = (label: string) => ((base.counts[label] ?? 0) + 0.5) / (all + 0.5 * labels.length);
  let [chiSquare, cells, rareExpected, rareCount, far, most] = [0, 0, 0, 0, labels[0]!, -1];
  // the base's own error adds to a difference's variance
  const spread = 1 + of / all;
  const add = (count: number, expected: number): number => (count - expected) ** 2 / (expected * spread);
  for (const label of labels) {
    const [count, expected] = [counts[label] ?? 0, of * usual(label)];
    const part = add(count, expected);
    if (part > most) [most, far] = [part, label];
    if (expected < leastExpected) [rareExpected, rareCount] = [rareExpected + expected, rareCount + count];
    else [chiSquare, cells] = [chiSquare + part, cells + 1];
  }
  if (rareExpected > 0) [chiSquare, cells] = [chiSquare + add(rareCount, Math.max(rareExpected, 0.5)), cells + 1];
  const freedom = cells - 1;
  if (freedom < 1) return undefined;
  const ratio = chiSquare / freedom;
  const scaled = ratio / base.dispersion;
  // Wilson and Hilferty 1931
  const z = (Math.cbrt(scaled) - (1 - 2 / (9 * freedom))) / Math.sqrt(2 / (9 * freedom));
  return { z, label: far, expected: usual(far), share: (counts[far] ?? 0) / of, ratio };
}

const faded = (counts: Readonly<Record<string, number>>, by: number, more: Readonly<Record<string, number>>): Record<string, number> => {
  const out: Record<string, number> = {};
  for (const [label, count] of Object.entries(counts)) out[label] = by * count;
  for (const [label, count] of Object.entries(more)) out[label] = (out[label] ?? 0) + count;
  return out;
};

export function learnClasses(base: LabelBase, given: Readonly<Record<string, number>>, score: LabelScore | undefined): LabelBase {
  const counts = bounded(given, base.counts);
  const gain = Math.max(1 / 1440, 1 / (base.seen + 20));
  return {
    ...base,
    seen: base.seen + 1,
    counts: faded(base.counts, keep, counts),
    recent: {},
    // before a base is there, differences are its own
    dispersion:
      score && base.seen >= 30
        ? Math.max(1, base.dispersion + gain * (Math.min(score.ratio, 4 * base.dispersion) - base.dispersion))
        : base.dispersion,
  };
}

/** A window that nothing is learnt from: what would be the base if it stayed. */
export const followClasses = (base: LabelBase, given: Readonly<Record<string, number>>): LabelBase => ({
  ...base,
  recent: faded(base.recent, recentKeep, bounded(given, base.counts)),
});
export const adaptClasses = (base: LabelBase): LabelBase => (total(base.recent) > 0 ? { ...base, counts: base.recent } : base);
