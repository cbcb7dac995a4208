/** Rows of runs filtered, searched, sorted, grouped and cut to a page. Pure. */
import { nearestHint, projectErrors } from "../errors.ts";
import { columnNamed, runColumns } from "./run-columns.ts";
import { runFilter } from "./run-filter.ts";
import { type RunColumn, type RunRow, type RunValue, trainingKinds } from "./run-row.ts";

export interface RunQuery {
  /** `loss < 2 and model = mail-small` (`run-filter.ts`). */
  readonly filter?: string | undefined;
  /** Words that a row must all have anywhere, in notes and tags too. */
  readonly search?: string | undefined;
  /** The key of a column, with `-` before it from the greatest down. Default: `-started`. Rows without a value come last. */
  readonly sort?: string | undefined;
  /** The key of a column whose values are summed up. */
  readonly group?: string | undefined;
  /** Only runs that train a model. */
  readonly isTraining?: boolean | undefined;
  /** Only these runs, by run or artifact, in this order. */
  readonly ids?: readonly string[] | undefined;
  readonly offset?: number | undefined;
  /** Default: 100. */
  readonly limit?: number | undefined;
}

export interface RunGroupMetric {
  readonly key: string;
  readonly unit: string | null;
  readonly count: number;
  readonly mean: number;
  readonly min: number;
  readonly max: number;
}
export interface RunGroup {
  /** Null: runs without a value. */
  readonly value: RunValue | null;
  readonly count: number;
  /** Of results and of what a run cost and took; of numbers with several units one each. */
  readonly metrics: readonly RunGroupMetric[];
}

export interface RunTable {
  readonly total: number;
  /** Rows that the filter and the search let through. */
  readonly matched: number;
  readonly offset: number;
  readonly columns: readonly RunColumn[];
  readonly rows: readonly RunRow[];
  /** The largest first; null without `group`. */
  readonly groups: readonly RunGroup[] | null;
}

const defaultLimit = 100;

function oneColumn(columns: readonly RunColumn[], name: string, place: string): RunColumn {
  const found = columnNamed(columns, name);
  if ("key" in found) return found;
  const keys = columns.map(c => c.key);
  throw projectErrors.fail("argument", {
    place,
    expected:
      found.length > 1
        ? `one of ${found
            .map(c => c.key)
            .slice(0, 5)
            .join(", ")}`
        : "a column of the runs",
    received: JSON.stringify(name.slice(0, 60)),
    hint: nearestHint(name, keys) ?? `Columns: ${keys.slice(0, 12).join(", ")}.`,
  });
}

/** The value that rows are in order of; text without regard to case. */
const comparable = (value: RunValue): RunValue => (typeof value === "string" ? value.toLowerCase() : value);
function compared(a: RunValue, b: RunValue): number {
  const [x, y] = [comparable(a), comparable(b)];
  if (typeof x !== typeof y) return typeof x === "number" ? -1 : 1;
  return x < y ? -1 : x > y ? 1 : 0;
}

function sorted(rows: readonly RunRow[], columns: readonly RunColumn[], sort: string): readonly RunRow[] {
  const isDown = sort.startsWith("-");
  const name = sort.replace(/^-/, "");
  // a table without a run has no column
  if (rows.length === 0 && columns.length === 0) return rows;
  if (name === "started" && !columns.some(c => c.key === "started")) return rows;
  const { key } = oneColumn(columns, name, "sort");
  return rows.toSorted((a, b) => {
    const [x, y] = [a.values[key], b.values[key]];
    if (x === undefined || y === undefined) return x === y ? 0 : x === undefined ? 1 : -1;
    return isDown ? compared(y, x) : compared(x, y);
  });
}

const textOf = (row: RunRow): string =>
  [
    row.id,
    row.artifact ?? "",
    ...Object.entries(row.values).map(([k, v]) => `${k} ${v}`),
    row.note?.text ?? "",
    ...row.tags.map(t => t.tag),
  ]
    .join("\n")
    .toLowerCase();

/** Numbers that are summed up; options are what groups are made of. */
const isSummed = (column: RunColumn): boolean =>
  (column.of === "result" && column.type === "number") || ["loss", "duration", "cost", "coreHours", "energy"].includes(column.key);

function metricsOf(rows: readonly RunRow[], columns: readonly RunColumn[]): RunGroupMetric[] {
  return columns.filter(isSummed).flatMap(({ key }) => {
    const byUnit = new Map<string, number[]>();
    for (const { values, units } of rows) {
      const value = values[key];
      if (typeof value !== "number" || !Number.isFinite(value)) continue;
      const unit = units[key] ?? "";
      const list = byUnit.get(unit);
      if (list) list.push(value);
      else byUnit.set(unit, [value]);
    }
    return [...byUnit].map(([unit, numbers]) => ({
      key,
      unit: unit === "" ? null : unit,
      count: numbers.length,
      mean: numbers.reduce((a, b) => a + b, 0) / numbers.length,
      min: numbers.reduce((a, b) => Math.min(a, b)),
      max: numbers.reduce((a, b) => Math.max(a, b)),
    }));
  });
}

function grouped(rows: readonly RunRow[], columns: readonly RunColumn[], group: string): RunGroup[] {
  if (rows.length === 0) return [];
  const { key } = oneColumn(columns, group, "group");
  const groups = new Map<RunValue | null, RunRow[]>();
  for (const row of rows) {
    const value = row.values[key] ?? null;
    const list = groups.get(value);
    if (list) list.push(row);
    else groups.set(value, [row]);
  }
  return [...groups]
    .map(([value, own]) => ({ value, count: own.length, metrics: metricsOf(own, columns) }))
    .sort((a, b) => b.count - a.count || (a.value === null ? 1 : b.value === null ? -1 : compared(a.value, b.value)));
}

/** Of each id its row: a run's, or the newest of an artifact. `rows` are the newest first. */
function rowsNamed(rows: readonly RunRow[], ids: readonly string[]): RunRow[] {
  const byId = new Map<string, RunRow>();
  for (const row of rows.toReversed()) {
    if (row.artifact !== null) byId.set(row.artifact, row);
  }
  for (const row of rows) byId.set(row.id, row);
  return ids.flatMap(id => byId.get(id) ?? []);
}

/** `rows`: the newest first; `columns`: theirs. Errors: project/argument for a bad filter or an unknown column. */
export function queryRuns(rows: readonly RunRow[], query: RunQuery = {}, columns: readonly RunColumn[] = runColumns(rows)): RunTable {
  const { filter = "", search = "", sort, group, isTraining, ids, offset = 0, limit = defaultLimit } = query;
  const predicate = runFilter(filter, columns);
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const among = ids ? rowsNamed(rows, ids) : rows;
  const matched = among.filter(row => {
    if (isTraining && !(trainingKinds as readonly RunValue[]).includes(row.values.kind ?? "")) return false;
    if (!predicate(row)) return false;
    if (words.length === 0) return true;
    const text = textOf(row);
    return words.every(word => text.includes(word));
  });
  const inOrder = ids && sort === undefined ? matched : sorted(matched, columns, sort ?? "-started");
  return {
    total: rows.length,
    matched: matched.length,
    offset,
    columns,
    rows: inOrder.slice(offset, offset + limit),
    groups: group === undefined || group === "" ? null : grouped(matched, columns, group),
  };
}
