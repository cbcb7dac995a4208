/**
 * The plan of a mixture: how often each document is taken (0, 1, 2, ...). Amounts come first (a cell's share within caps and quotas), then
 * whole passes over a cell, then a beginning of it in the order of the documents' hashes. So a larger amount keeps what a smaller one took.
 */
import { baseErrors } from "../../base/index.ts";
import { allot, fitMargins } from "./fit.ts";
import type { MarginOptions, MixtureOptions } from "./options.ts";
import { type MixtureReport, mixtureReport } from "./report.ts";
import type { MixtureTable } from "./table.ts";
import { byValue, capsOf, mixtureMargin, quotaBounds } from "./target.ts";

export interface MixturePlan {
  /** How often each document is taken, in the order in which they were added. */
  readonly times: Uint8Array;
  readonly report: MixtureReport;
}

/** What balancing means as a mixture: classes alike, as large as the largest or as small as the smallest. */
function withBalance(table: MixtureTable, o: MixtureOptions): { margins: MarginOptions[]; total: number | undefined } {
  const given: MarginOptions[] = [...(o.by ? [{ by: o.by, weights: o.weights }] : []), ...o.and];
  const [label, how] = Object.entries(o.balance ?? {})[0] ?? [];
  if (label === undefined || how === "weights") return { margins: given, total: o.total };
  const sizes = [...byValue(table, label).values()].map(cells => cells.reduce((sum, c) => sum + table.cells[c]!.size, 0));
  const each = how === "over" ? Math.max(...sizes) : Math.min(...sizes);
  return { margins: [{ by: label, weights: "uniform" }], total: o.total ?? each * sizes.length };
}

/** Decides how often documents are taken. Errors: `base/config` where values do not exist or quotas cannot hold together. */
export function planMixture(table: MixtureTable, o: MixtureOptions): MixturePlan {
  const { margins, total: asked } = withBalance(table, o);
  const natural = Float64Array.from(table.cells, c => c.size);
  const placed = margins.map((m, i) => mixtureMargin(table, m, o.by && i === 0 ? "mixture" : `mixture.and[${o.by ? i - 1 : i}]`));
  const target = fitMargins(
    natural,
    placed.map(m => m.target),
  );
  if (table.length > 0 && !target.some(share => share > 0))
    throw baseErrors.fail("config", {
      place: "mixture",
      expected: "documents whose values all have a weight",
      received: "none",
      hint: "Give some combination of values weights above 0.",
    });
  const there = table.cells.reduce((sum, c, i) => sum + (target[i]! > 0 ? c.size : 0), 0);
  const total = asked ?? there;
  const caps = capsOf(table, margins[0]?.by, o.maxEpochs).map((cap, i) => (target[i]! > 0 ? cap : 0));
  const bounds = quotaBounds(table, o.quotas, caps, total);
  const { amounts, broken } = allot(target, caps, total, bounds);
  if (broken !== undefined) {
    const { where, min, max } = o.quotas[broken]!;
    throw baseErrors.fail("config", {
      place: `mixture.quotas[${broken}]`,
      expected: "quotas that hold together, within maxEpochs and the total",
      received: `${JSON.stringify(where)} ${[min === undefined ? "" : `min ${min}`, max === undefined ? "" : `max ${max}`].filter(Boolean).join(", ")} against the others`,
      hint: "Widen it, lower the total, or raise maxEpochs.",
    });
  }
  const times = takeTimes(table, amounts, caps);
  return {
    times,
    report: mixtureReport({
      table,
      options: o,
      shares: placed.map((m, i) => ({ by: margins[i]!.by, shares: m.shares })),
      target,
      amounts,
      caps,
      total,
      bounds,
      times,
    }),
  };
}

function takeTimes(table: MixtureTable, amounts: Float64Array, caps: Float64Array): Uint8Array {
  const { cellOf, sizes, ranks, cells, length } = table;
  // Equal hashes of different ids are as good as impossible; equal sizes then still make any order the same.
  const order = Uint32Array.from({ length }, (_, i) => i).sort((a, b) => ranks[a]! - ranks[b]! || sizes[a]! - sizes[b]!);
  const passes = cells.map((c, i) => (c.size > 0 ? Math.floor(amounts[i]! / c.size + 1e-9) : 0));
  const left = Float64Array.from(cells, (c, i) => Math.max(0, amounts[i]! - passes[i]! * c.size));
  /** What a cell may still hold before its cap; rounding of a sum of floats is no excess. */
  const room = Float64Array.from(cells, (c, i) => caps[i]! - passes[i]! * c.size + 1e-6 * Math.max(1, c.size));
  const isDone = new Uint8Array(cells.length);
  const times = new Uint8Array(length);
  for (const i of order) {
    const c = cellOf[i]!;
    const size = sizes[i]!;
    times[i] = passes[c]!;
    if (isDone[c] === 1) continue;
    // The last one is taken where that comes nearer to the amount than leaving it.
    if (left[c]! * 2 > size && size <= room[c]!) {
      times[i] = passes[c]! + 1;
      left[c] = left[c]! - size;
      room[c] = room[c]! - size;
    } else isDone[c] = 1;
    if (left[c]! <= 0) isDone[c] = 1;
  }
  return times;
}
