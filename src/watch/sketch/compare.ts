/**
 * A window against a reference, feature by feature. Every feature has one test that decides, whose p-value is exact or conservative; Holm's correction says
 * whether anything has changed, Benjamini and Hochberg's which. The reference's own error counts: it is a sample too.
 */
import { benjaminiHochberg, fisherExact, holm } from "../../statistics/index.ts";
import { checkSetting, watchErrors } from "../errors.ts";
import { compareCategories } from "./compare-categories.ts";
import type { ComparisonContext, FeatureComparison } from "./compare-feature.ts";
import { compareNumbers } from "./compare-numbers.ts";
import { compareTokens } from "./compare-tokens.ts";
import { compareVectors } from "./compare-vectors.ts";
import type { Usable } from "./feature-sketch.ts";
import {
  type DriftKind,
  type DriftOptions,
  type DriftReport,
  type DriftVerdict,
  driftKinds,
  type FeatureDrift,
  type KindDrift,
  kindOfRole,
} from "./report.ts";
import { checkTokenizers, featureData, type Sketch, typedData } from "./sketch.ts";

/** Whether any event told the feature: a server that classifies texts counts tokens, and decodes no text for its words. */
function isMeasured(sketch: Sketch, name: string): boolean {
  const data = featureData(sketch, name);
  return data !== undefined && (sketch.events === 0 || data.values + data.missing + data.invalid > 0);
}

function chosenFeatures(reference: Sketch, window: Sketch, asked: readonly string[] | undefined): string[] {
  const [mine, theirs] = [Object.keys(reference.spec.features), Object.keys(window.spec.features)];
  const unknown = asked?.find(name => !mine.includes(name) || !theirs.includes(name));
  if (unknown !== undefined)
    throw watchErrors.fail("setting", {
      place: "features",
      expected: `features of both: ${mine.filter(name => theirs.includes(name)).join(", ") || "there are none"}`,
      received: unknown,
    });
  const both = (asked ?? mine).filter(name => theirs.includes(name)).sort();
  for (const name of both) {
    const [a, b] = [reference.spec.features[name]!, window.spec.features[name]!];
    if (a.type !== b.type || (a.type === "vector" && b.type === "vector" && a.size !== b.size))
      throw watchErrors.fail("reference", {
        place: name,
        expected: a.type === "vector" ? `a vector of ${a.size}` : a.type,
        received: b.type === "vector" ? `a vector of ${b.size}` : b.type,
      });
  }
  if (both.some(name => ["tokens", "vector"].includes(reference.spec.features[name]!.type))) checkTokenizers(reference.spec, window.spec);
  if (both.length === 0)
    throw watchErrors.fail("reference", { place: "features", expected: `some of ${mine.join(", ")}`, received: theirs.join(", ") });
  // of what no event told nothing can be found, and it would take its share of the level
  const measured = both.filter(name => isMeasured(reference, name) && isMeasured(window, name));
  return asked || measured.length === 0 ? both : measured;
}

function comparisonOf(name: string, reference: Sketch, window: Sketch, o: ComparisonContext): FeatureComparison {
  const [spec, other] = [reference.spec.features[name]!, window.spec.features[name]!];
  if (spec.type === "number" && other.type === "number")
    return compareNumbers(
      { spec, data: typedData(reference, name, "number")! },
      { spec: other, data: typedData(window, name, "number")! },
      o,
    );
  if (spec.type === "category" && other.type === "category")
    return compareCategories(
      { spec, data: typedData(reference, name, "category")! },
      { spec: other, data: typedData(window, name, "category")! },
      o,
    );
  if (spec.type === "vector")
    return compareVectors(typedData(reference, name, "vector")!, typedData(window, name, "vector")!, spec.size, o);
  return compareTokens(typedData(reference, name, "tokens")!, typedData(window, name, "tokens")!, o);
}

/** A feature may also be missing more often: the other half of its level, where it was missing at all. */
function withMissing(found: FeatureComparison, a: Usable, b: Usable): FeatureComparison {
  const [n, m] = [a.values + a.missing + a.invalid, b.values + b.missing + b.invalid];
  if (n === 0 || m === 0 || (n === a.values && m === b.values)) return found;
  const missingP = fisherExact(n - a.values, n, m - b.values, m);
  const change = Math.max(found.change, Math.abs(b.values / m - a.values / n));
  return { ...found, change, p: Math.min(1, 2 * Math.min(found.p, missingP)), tests: { ...found.tests, missingP } };
}

function checked({
  alpha = 0.05,
  detect = 0.2,
  power = 0.8,
  bins = 10,
  draws = 999,
  seed = 1,
  most = 10,
  least = 5,
  leastChange = 0.02,
}: DriftOptions): ComparisonContext & Required<Pick<DriftOptions, "least" | "leastChange">> {
  checkSetting(alpha > 0 && alpha < 1, "alpha", "above 0 and below 1", alpha);
  checkSetting(detect > 0 && detect <= 1, "detect", "above 0, at most 1", detect);
  checkSetting(power > 0 && power < 1, "power", "above 0 and below 1", power);
  checkSetting(Number.isInteger(bins) && bins >= 2 && bins <= 1000, "bins", "2 to 1000", bins);
  checkSetting(Number.isInteger(draws) && draws >= 19 && draws <= 100_000, "draws", "19 to 100,000", draws);
  checkSetting(Number.isInteger(most) && most >= 0, "most", "a whole number from 0", most);
  checkSetting(Number.isInteger(least) && least >= 1, "least", "a whole number from 1", least);
  checkSetting(leastChange >= 0 && leastChange <= 1, "leastChange", "0 to 1", leastChange);
  return { alpha, detect, power, bins, draws, seed, most, least, leastChange };
}

const verdictOf = (features: readonly Pick<FeatureDrift, "verdict">[]): DriftVerdict =>
  features.some(f => f.verdict === "drift") ? "drift" : features.some(f => f.verdict === "too few") ? "too few" : "no drift";

/**
 * How a window differs from a reference: which features changed, by how much, and whether there was enough to tell.
 * Errors: watch/reference for another tokenizer, other types of features or none in common; watch/setting.
 */
export function compareSketches(reference: Sketch, window: Sketch, options: DriftOptions = {}): DriftReport {
  const o = checked(options);
  const names = chosenFeatures(reference, window, options.features);
  const found = names.map(name => {
    const [a, b] = [featureData(reference, name)!, featureData(window, name)!];
    return { name, a, b, ...withMissing(comparisonOf(name, reference, window, { ...o, alpha: o.alpha / names.length }), a, b) };
  });
  const p = found.map(f => f.p);
  const [adjusted, q] = [holm(p), benjaminiHochberg(p)];
  const any = Math.min(...adjusted);
  const features = found.map(({ a, b, ...f }, i): FeatureDrift => {
    const spec = reference.spec.features[f.name]!;
    // what a model said stands beside what was right when it was trained
    const role = window.spec.features[f.name]!.role ?? spec.role ?? "input";
    const isSignificant = any <= o.alpha && q[i]! <= o.alpha;
    // of a value that goes missing the side without it counts too
    const isFew = Math.min(a.values + a.missing, b.values + b.missing) < o.least;
    const hasDrift = isSignificant && !isFew && f.change >= o.leastChange;
    const isTooFew = isFew || f.needed === null || b.values < f.needed;
    const side = ({ values, missing, invalid }: Usable) => ({ values, missing, invalid });
    return {
      ...f,
      type: spec.type,
      kind: kindOfRole[role],
      verdict: hasDrift ? "drift" : isTooFew ? "too few" : "no drift",
      reference: side(a),
      window: side(b),
      adjustedP: adjusted[i]!,
      q: q[i]!,
    };
  });
  const kinds: Partial<Record<DriftKind, KindDrift>> = {};
  for (const kind of driftKinds) {
    const own = features.filter(f => f.kind === kind);
    if (own.length === 0) continue;
    kinds[kind] = {
      verdict: verdictOf(own),
      p: Math.min(...own.map(f => f.adjustedP)),
      features: own.filter(f => f.verdict === "drift").map(f => f.name),
    };
  }
  const onlyIn = (sketch: Sketch, other: Sketch) =>
    Object.keys(sketch.spec.features).filter(n => !names.includes(n) && isMeasured(sketch, n) && !isMeasured(other, n));
  return {
    verdict: verdictOf(features),
    alpha: o.alpha,
    p: any,
    events: { reference: reference.events, window: window.events },
    kinds,
    features: features.sort((a, b) => a.p - b.p || (a.name < b.name ? -1 : 1)),
    onlyIn: { reference: onlyIn(reference, window), window: onlyIn(window, reference) },
  };
}
