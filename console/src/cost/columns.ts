/** Which columns of the table of runs the page Cost draws, where nobody chose, and the points that follow. Pure. */
import type { RunColumn, RunRow } from "../generated/runs.ts";
import { runNames } from "../runs/cells.ts";
import type { Better, CostPoint } from "./to-quality.ts";

/** Of numbers that say what a run used, the first that runs have. */
const costKeys = ["coreSeconds", "coreHours", "cost", "energy", "duration", "tokens"];
const qualityKeys = ["bitsPerByte", "loss", "macroF1", "accuracy"];
const groupKeys = ["options.arm", "model", "name"];
const seedKeys = ["options.seed", "options.recipe.seed"];

const isNumber = (c: RunColumn) => c.type === "number" || c.type === "duration";
const ofThese = (columns: readonly RunColumn[], keys: readonly string[]) => keys.find(key => columns.some(c => c.key === key));

export const costColumns = (columns: readonly RunColumn[]): string[] => costKeys.filter(key => columns.some(c => c.key === key));

/** Results that are numbers, but for the costs. */
export function qualityColumns(columns: readonly RunColumn[]): string[] {
  const keys = columns.filter(c => isNumber(c) && (c.of === "result" || c.key === "loss") && !costKeys.includes(c.key)).map(c => c.key);
  return [...qualityKeys.filter(k => keys.includes(k)), ...keys.filter(k => !qualityKeys.includes(k))];
}

/** Columns that put runs into groups. */
export const groupColumns = (columns: readonly RunColumn[]): string[] =>
  columns.filter(c => groupKeys.includes(c.key) || (c.of === "option" && c.distinct > 1 && c.distinct < c.count)).map(c => c.key);

export const usualGroup = (columns: readonly RunColumn[]): string => ofThese(columns, groupKeys) ?? "name";

/** Scores are better when they are higher, losses when they are lower. */
export const usualBetter = (quality: string): Better =>
  /f1|accuracy|auc|auroc|precision|recall|score|kappa|correlation|ndcg|mrr|bleu|rouge|win/i.test(quality) ? "higher" : "lower";

interface Choice {
  readonly cost: string;
  readonly quality: string;
  readonly group: string;
}

interface CostPoints {
  readonly points: readonly CostPoint[];
  /** Of the quality; null where runs have none. */
  readonly unit: string | null;
  /** Runs whose quality has another unit: a loss per text is no loss per token. */
  readonly otherUnits: number;
}

/** Points of the finished runs that have a cost and a quality, of the unit that most of them have. */
export function costPoints(rows: readonly RunRow[], columns: readonly RunColumn[], { cost, quality, group }: Choice): CostPoints {
  const names = runNames(rows);
  const seed = ofThese(
    columns,
    seedKeys.filter(k => k !== group),
  );
  const unitOf = (row: RunRow) => row.units[quality] ?? "";
  const told = rows.flatMap((row, i): { readonly unit: string; readonly point: CostPoint }[] => {
    const [x, y] = [row.values[cost], row.values[quality]];
    if (typeof x !== "number" || typeof y !== "number" || !(x > 0) || row.values.state !== "done") return [];
    const own = row.values[group];
    const point = {
      id: row.id,
      artifact: row.artifact,
      name: names[i]!,
      group: own === undefined ? "none" : String(own),
      seed: seed === undefined ? "" : String(row.values[seed] ?? ""),
      cost: x,
      quality: y,
    };
    return [{ unit: unitOf(row), point }];
  });
  const counts = new Map<string, number>();
  for (const { unit } of told) counts.set(unit, (counts.get(unit) ?? 0) + 1);
  const unit = [...counts].sort((a, b) => b[1] - a[1])[0]?.[0] ?? "";
  const points = told.filter(t => t.unit === unit).map(t => t.point);
  return { points, unit: unit || null, otherUnits: told.length - points.length };
}

/** The baseline where nobody chose: the plain recipe of a study, or the group with the dearest run. */
export function usualBaseline(points: readonly CostPoint[]): string {
  if (points.some(p => p.group === "plain")) return "plain";
  return points.reduce<CostPoint | undefined>((a, b) => (a && a.cost >= b.cost ? a : b), undefined)?.group ?? "";
}
