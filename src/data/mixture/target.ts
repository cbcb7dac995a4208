/** From options to numbers: the share every value shall have, how often its documents may be taken, and bounds as amounts. */
import { baseErrors, nearest } from "../../base/index.ts";
import type { MarginTarget, ShareBound } from "./fit.ts";
import { type MarginOptions, type MixtureOptions, type MixtureWeights, noAttribute, otherValues, type Quota } from "./options.ts";
import type { MixtureTable } from "./table.ts";

/** Values that an error names. */
const shown = 8;

/** Cells by the value of one attribute, in the order of the values. */
export function byValue(table: MixtureTable, attribute: string): Map<string, number[]> {
  const at = table.attributes.indexOf(attribute);
  const groups = new Map<string, number[]>();
  for (const [c, cell] of table.cells.entries()) {
    const value = cell.values[at]!;
    const list = groups.get(value);
    if (list) list.push(c);
    else groups.set(value, [c]);
  }
  return new Map([...groups].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function unknownValue(place: string, attribute: string, value: string, known: readonly string[]): Error {
  const near = nearest(value, known);
  return baseErrors.fail("config", {
    place,
    expected: `values of ${attribute} that documents have (${known.slice(0, shown).join(", ")}${known.length > shown ? ", ..." : ""})`,
    received: `"${value}"`,
    hint: near ? `Did you mean "${near}"?` : `Documents without the attribute are "${noAttribute}".`,
  });
}

/** A number of each value, `*` for those that are not named. */
function named(place: string, attribute: string, given: Readonly<Record<string, number>>, known: readonly string[]): void {
  for (const value of Object.keys(given))
    if (value !== otherValues && !known.includes(value)) throw unknownValue(`${place}.${value}`, attribute, value, known);
}

function weightsOf(w: MixtureWeights, sizes: ReadonlyMap<string, number>, place: string, attribute: string): Map<string, number> {
  const total = [...sizes.values()].reduce((a, b) => a + b, 0);
  if (w === "natural") return new Map(sizes);
  if (w === "uniform") return new Map([...sizes].map(([v, s]) => [v, s > 0 ? 1 : 0]));
  // Beside its number a temperature has nothing; a value of that name is weighted beside another.
  if ("temperature" in w && Object.keys(w).length === 1 && typeof w.temperature === "number") {
    const t = w.temperature;
    return new Map([...sizes].map(([v, s]) => [v, s > 0 ? (s / total) ** (1 / t) : 0]));
  }
  const given = w as Readonly<Record<string, number>>;
  const known = [...sizes.keys()];
  named(place, attribute, given, known);
  const others = known.filter(v => !Object.hasOwn(given, v));
  if (others.length > 0 && !Object.hasOwn(given, otherValues))
    throw baseErrors.fail("config", {
      place,
      expected: `a weight for every value of ${attribute}`,
      received: `none for ${others
        .slice(0, shown)
        .map(v => `"${v}"`)
        .join(", ")}${others.length > shown ? ` and ${others.length - shown} more` : ""}`,
      hint: `Name them, or give "${otherValues}" a weight for all others together (0 leaves them out).`,
    });
  const rest = others.reduce((sum, v) => sum + sizes.get(v)!, 0);
  return new Map(known.map(v => [v, Object.hasOwn(given, v) ? given[v]! : rest > 0 ? (given[otherValues]! * sizes.get(v)!) / rest : 0]));
}

/** The share of each value, by the weights of one attribute. */
export function mixtureMargin(
  table: MixtureTable,
  { by, weights }: MarginOptions,
  place: string,
): { target: MarginTarget; shares: Map<string, number> } {
  const groups = byValue(table, by);
  const sizes = new Map([...groups].map(([v, cells]) => [v, cells.reduce((sum, c) => sum + table.cells[c]!.size, 0)]));
  const w = weightsOf(weights, sizes, `${place}.weights`, by);
  const all = [...w.values()].reduce((a, b) => a + b, 0);
  if (all <= 0)
    throw baseErrors.fail("config", { place: `${place}.weights`, expected: "a weight above 0", received: JSON.stringify(weights) });
  const shares = new Map([...w].map(([v, x]) => [v, x / all]));
  return { shares, target: [...groups].map(([v, cells]) => ({ cells, share: shares.get(v)! })) };
}

/** The most that may be taken of each cell. */
export function capsOf(table: MixtureTable, attribute: string | undefined, maxEpochs: MixtureOptions["maxEpochs"]): Float64Array {
  if (typeof maxEpochs === "number") return Float64Array.from(table.cells, c => c.size * maxEpochs);
  if (attribute === undefined)
    throw baseErrors.fail("config", {
      place: "mixture.maxEpochs",
      expected: "one number where there is no `by`",
      received: JSON.stringify(maxEpochs),
    });
  const at = table.attributes.indexOf(attribute);
  named("mixture.maxEpochs", attribute, maxEpochs, [...byValue(table, attribute).keys()]);
  return Float64Array.from(table.cells, c => {
    const value = c.values[at]!;
    // The schema's default for a value that nobody limits.
    const epochs = Object.hasOwn(maxEpochs, value) ? maxEpochs[value]! : (maxEpochs[otherValues] ?? 4);
    return c.size * epochs;
  });
}

/** A quota as amounts, lowered to what its documents can give at all. */
export interface QuotaBound extends ShareBound {
  /** What the lower bound asked for beyond that. */
  readonly unreachable: number;
}

export function quotaBounds(table: MixtureTable, quotas: readonly Quota[], caps: Float64Array, total: number): QuotaBound[] {
  const amount = (x: number | undefined, otherwise: number) => (x === undefined ? otherwise : x <= 1 ? x * total : x);
  return quotas.map(({ where, min, max }, i) => {
    const place = `mixture.quotas[${i}]`;
    let cells = Array.from(table.cells.keys());
    for (const [attribute, wanted] of Object.entries(where)) {
      const known = byValue(table, attribute);
      for (const value of [wanted].flat())
        if (!known.has(value)) throw unknownValue(`${place}.where.${attribute}`, attribute, value, [...known.keys()]);
      const at = table.attributes.indexOf(attribute);
      cells = cells.filter(c => [wanted].flat().includes(table.cells[c]!.values[at]!));
    }
    const [least, most] = [amount(min, 0), amount(max, Number.POSITIVE_INFINITY)];
    if (least > most)
      throw baseErrors.fail("config", { place, expected: "a min that is at most the max", received: `min ${min}, max ${max}` });
    const can = cells.reduce((sum, c) => sum + caps[c]!, 0);
    return { cells, min: Math.min(least, can), max: most, unreachable: Math.max(0, least - can) };
  });
}
