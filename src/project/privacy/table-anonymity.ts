/** Anonymity of a table in a file (CSV, TSV, JSON Lines, JSON), and a generalised copy of it. */
import { basename, resolve } from "node:path";
import { writeFileAtomic } from "../../base/index.ts";
import { readTaskItems } from "../../evaluate/index.ts";
import { type AnonymityReport, anonymityOf, type Cell, generalise, type TableRow } from "../../governance/index.ts";
import type { Workplace } from "../workspace.ts";

export interface TableAnonymityOptions {
  readonly quasiIdentifiers: readonly string[];
  readonly sensitive?: readonly string[] | undefined;
  /** Writes a copy (JSON Lines) in which every class has k rows and l values of each sensitive column. */
  readonly generalise?: { readonly to: string; readonly k: number; readonly l?: number | undefined } | undefined;
}

export interface TableAnonymity {
  readonly before: AnonymityReport;
  readonly after?: AnonymityReport & { readonly loss: number; readonly file: string };
}

/** A column of texts that are all numbers is one of numbers; other values are texts. */
function typed(items: readonly Readonly<Record<string, unknown>>[]): TableRow[] {
  const columns = [...new Set(items.flatMap(item => Object.keys(item)))];
  const isNumber = (value: unknown): boolean =>
    typeof value === "number" || (typeof value === "string" && /^-?\d+(\.\d+)?$/.test(value.trim()));
  const numeric = new Set(columns.filter(column => items.every(item => item[column] === undefined || isNumber(item[column]))));
  const cell = (column: string, value: unknown): Cell => {
    if (value === null || value === "") return null;
    if (numeric.has(column)) return Number(value);
    return typeof value === "string" ? value.trim() : JSON.stringify(value);
  };
  return items.map(item => Object.fromEntries(Object.entries(item).map(([column, value]) => [column, cell(column, value)])));
}

/** k, l and t of a table's rows. Errors: governance/table; evaluate/data for a file that is no table, base/missingFile. */
export async function tableAnonymity(
  { cwd }: Pick<Workplace, "cwd">,
  file: string,
  options: TableAnonymityOptions,
): Promise<TableAnonymity> {
  const rows = typed((await readTaskItems(resolve(cwd, file), basename(file))).map(item => item.fields));
  const columns = { quasiIdentifiers: options.quasiIdentifiers, sensitive: options.sensitive ?? [] };
  const before = anonymityOf(rows, columns);
  if (!options.generalise) return { before };
  const { to, k, l = 1 } = options.generalise;
  const changed = generalise(rows, { ...columns, k, l });
  writeFileAtomic(resolve(cwd, to), changed.rows.map(row => `${JSON.stringify(row)}\n`).join(""));
  return { before, after: { ...anonymityOf(changed.rows, columns), loss: changed.loss, file: to } };
}
