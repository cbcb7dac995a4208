/** What a mixture does, in numbers: every value before, as wished and after; what a cap made unreachable; what the documents are still worth. */
import { formatBytes, formatCount } from "../../base/index.ts";
import type { MixtureOptions } from "./options.ts";
import type { MixtureTable } from "./table.ts";
import { byValue, type QuotaBound } from "./target.ts";

export interface ValueBalance {
  readonly value: string;
  readonly before: { readonly documents: number; readonly size: number; readonly share: number };
  /** The share that the weights ask for, together with those of the other attributes. */
  readonly target: number;
  readonly after: {
    /** Repeats counted. */
    readonly documents: number;
    readonly distinct: number;
    readonly size: number;
    readonly share: number;
  };
  /** Size after by size before. */
  readonly epochs: number;
  /** Whether a cap on epochs holds it down. */
  readonly isCapped: boolean;
  /** What caps and quotas take from (below 0) or give to its target, in the unit. */
  readonly moved: number;
}

export interface AttributeBalance {
  readonly attribute: string;
  readonly values: readonly ValueBalance[];
  /** Weights as written, where they cannot all be met because combinations of values are missing: the largest distance to a target. */
  readonly missed: number;
  /** Kullback-Leibler divergence of the shares after from the target, bits. */
  readonly divergence: number;
}

export interface MixtureReport {
  readonly unit: MixtureOptions["unit"];
  readonly before: { readonly documents: number; readonly size: number };
  readonly after: { readonly documents: number; readonly distinct: number; readonly left: number; readonly size: number };
  /** The total that was wished, and what of it caps made unreachable. */
  readonly total: number;
  readonly unreachable: number;
  readonly attributes: readonly AttributeBalance[];
  /** Lower bounds that the documents cannot reach even at their cap. */
  readonly shortQuotas: readonly { readonly quota: number; readonly unreachable: number }[];
  /** Kish's effective number of documents, (sum t)^2 / sum t^2: how many equally taken ones carry as much. */
  readonly effectiveDocuments: number;
  /** Size of new text that the repeated text is worth, with R* = 15.39 (Muennighoff et al. 2023, equation 5). */
  readonly worth: number;
  /** Weights for the loss: all documents / (values x documents of the value). */
  readonly classWeights?: Readonly<Record<string, number>>;
}

/** Repeats after which their worth has fallen to 1/e of new text; fitted by Muennighoff et al. 2023. */
const halfWay = 15.387756;

/** Worth of `taken` out of `distinct` different text. */
export const worthOf = (distinct: number, taken: number): number =>
  distinct === 0 || taken <= distinct ? taken : distinct + distinct * halfWay * (1 - Math.exp(-(taken / distinct - 1) / halfWay));

interface Parts {
  readonly table: MixtureTable;
  readonly options: MixtureOptions;
  readonly shares: readonly { readonly by: string; readonly shares: ReadonlyMap<string, number> }[];
  readonly target: Float64Array;
  readonly amounts: Float64Array;
  readonly caps: Float64Array;
  readonly total: number;
  readonly bounds: readonly QuotaBound[];
  readonly times: Uint8Array;
}

const share = (part: number, of: number) => (of > 0 ? part / of : 0);

export function mixtureReport({ table, options, shares, target, amounts, caps, total, bounds, times }: Parts): MixtureReport {
  const n = table.cells.length;
  const [documents, distinct, sizes, distinctSizes] = Array.from({ length: 4 }, () => new Float64Array(n));
  let [sum, squares] = [0, 0];
  for (let i = 0; i < table.length; i++) {
    const [c, t, size] = [table.cellOf[i]!, times[i]!, table.sizes[i]!];
    documents![c]! += t;
    sizes![c]! += t * size;
    sum += t;
    squares += t * t;
    if (t === 0) continue;
    distinct![c]!++;
    distinctSizes![c]! += size;
  }
  const over = (values: ArrayLike<number>, cells: readonly number[]) => cells.reduce((s, c) => s + values[c]!, 0);
  const all = Array.from(table.cells.keys());
  const cellSizes = table.cells.map(c => c.size);
  const before = { documents: table.length, size: over(cellSizes, all) };
  const after = { documents: sum, distinct: over(distinct!, all), left: table.length - over(distinct!, all), size: over(sizes!, all) };
  const reached = over(amounts, all);

  const attributes = table.attributes.map(attribute => {
    const asked = shares.find(s => s.by === attribute)?.shares;
    const values = [...byValue(table, attribute)].map(([value, cells]): ValueBalance => {
      const [size, taken, wanted, allotted] = [over(cellSizes, cells), over(sizes!, cells), over(target, cells), over(amounts, cells)];
      return {
        value,
        before: { documents: cells.reduce((s, c) => s + table.cells[c]!.documents, 0), size, share: share(size, before.size) },
        target: wanted,
        after: { documents: over(documents!, cells), distinct: over(distinct!, cells), size: taken, share: share(taken, after.size) },
        epochs: share(taken, size),
        isCapped:
          wanted > 0 && allotted < wanted * total * (1 - 1e-9) && cells.some(c => caps[c]! > 0 && amounts[c]! >= caps[c]! * (1 - 1e-9)),
        moved: allotted - wanted * total,
      };
    });
    const missed = Math.max(0, ...values.map(v => Math.abs((asked?.get(v.value) ?? v.target) - v.target)));
    const divergence = values.reduce((s, v) => s + (v.after.share > 0 ? v.after.share * Math.log2(v.after.share / v.target) : 0), 0);
    return { attribute, values, missed: missed < 1e-9 ? 0 : missed, divergence: Math.max(0, divergence) };
  });

  const [label, how] = Object.entries(options.balance ?? {})[0] ?? [];
  const classes = attributes.find(a => a.attribute === label)?.values;
  return {
    unit: options.unit,
    before,
    after,
    total,
    unreachable: total - reached > 1e-9 * total ? total - reached : 0,
    attributes,
    shortQuotas: bounds.flatMap(({ unreachable }, quota) => (unreachable > 0 ? [{ quota, unreachable }] : [])),
    effectiveDocuments: squares > 0 ? sum ** 2 / squares : 0,
    worth: all.reduce((s, c) => s + worthOf(distinctSizes![c]!, sizes![c]!), 0),
    ...(how === "weights" && classes
      ? { classWeights: Object.fromEntries(classes.map(v => [v.value, table.length / (classes.length * v.before.documents)])) }
      : {}),
  };
}

const percent = (x: number) => `${(100 * x).toFixed(1)} %`;

/** The report for people, a line a value. */
export function tellMixture(r: MixtureReport): string {
  const amount = (x: number) => (r.unit === "bytes" ? formatBytes(Math.round(x)) : `${formatCount(x)} ${r.unit}`);
  const lines = [
    `mixture: ${formatCount(r.before.documents)} documents, ${amount(r.before.size)} -> ${formatCount(r.after.documents)} readings of ${formatCount(r.after.distinct)}, ${amount(r.after.size)}; ${formatCount(r.after.left)} left out`,
    `  worth ${amount(r.worth)} of new text; effective documents ${formatCount(r.effectiveDocuments)}`,
  ];
  if (r.unreachable > 0) lines.push(`  the caps leave ${amount(r.unreachable)} of the total of ${amount(r.total)} unreachable`);
  for (const q of r.shortQuotas)
    lines.push(`  quotas[${q.quota}] asks for ${amount(q.unreachable)} more than its documents give at their cap`);
  for (const { attribute, values, divergence, missed } of r.attributes) {
    lines.push(
      `  ${attribute}: ${divergence.toFixed(4)} bits from the target${missed > 0 ? `; no documents exist to meet all weights, off by up to ${percent(missed)}` : ""}`,
    );
    const width = Math.max(5, ...values.map(v => v.value.length));
    lines.push(`    ${"value".padEnd(width)}  ${"before".padStart(8)}  ${"target".padStart(8)}  ${"after".padStart(8)}  epochs  documents`);
    for (const v of values) {
      const how = v.isCapped
        ? `  capped, ${amount(-v.moved)} went to others`
        : v.moved > 0.005 * r.total
          ? `  took ${amount(v.moved)} from others`
          : "";
      lines.push(
        `    ${v.value.padEnd(width)}  ${percent(v.before.share).padStart(8)}  ${percent(v.target).padStart(8)}  ${percent(v.after.share).padStart(8)}  ${v.epochs.toFixed(2).padStart(6)}  ${formatCount(v.after.distinct)} of ${formatCount(v.before.documents)}${how}`,
      );
    }
  }
  if (r.classWeights)
    lines.push(
      `  class weights: ${Object.entries(r.classWeights)
        .map(([v, w]) => `${v} ${w.toFixed(3)}`)
        .join(", ")}`,
    );
  return lines.join("\n");
}
