/** The columns that rows of runs have between them, with types and units. */
import type { RunColumn, RunColumnType, RunRow } from "./run-row.ts";

/** Of every run, in this order; all others are options and results. */
const own: { readonly [key: string]: RunColumnType } = {
  name: "text",
  kind: "text",
  stage: "text",
  state: "text",
  model: "text",
  version: "text",
  started: "time",
  ended: "time",
  duration: "duration",
  loss: "number",
  cost: "number",
  coreHours: "number",
  energy: "number",
  study: "text",
  trial: "number",
  job: "text",
  data: "text",
  tags: "text",
  note: "text",
  error: "text",
  host: "text",
  artifact: "text",
  id: "text",
};

interface Seen {
  count: number;
  isNumber: boolean;
  readonly units: Set<string>;
  readonly distinct: Set<string | number>;
}

/** Own columns first, then options, then results, each in the order of their names. */
export function runColumns(rows: readonly RunRow[]): RunColumn[] {
  const seen = new Map<string, Seen>();
  for (const { values, units } of rows)
    for (const key of Object.keys(values)) {
      let of = seen.get(key);
      if (!of) {
        of = { count: 0, isNumber: true, units: new Set(), distinct: new Set() };
        seen.set(key, of);
      }
      of.count++;
      of.isNumber &&= typeof values[key] === "number";
      of.units.add(units[key] ?? "");
      of.distinct.add(values[key]!);
    }
  const columns = [...seen].map(([key, { count, isNumber, units, distinct }]): RunColumn => {
    const [unit = ""] = units;
    return {
      key,
      type: own[key] ?? (isNumber ? "number" : "text"),
      of: Object.hasOwn(own, key) ? "run" : key.startsWith("options.") ? "option" : "result",
      unit: units.size === 1 && unit !== "" ? unit : null,
      count,
      distinct: distinct.size,
    };
  });
  const places = Object.keys(own);
  const groups = ["run", "option", "result"];
  return columns.sort(
    (a, b) => groups.indexOf(a.of) - groups.indexOf(b.of) || places.indexOf(a.key) - places.indexOf(b.key) || (a.key < b.key ? -1 : 1),
  );
}

/** The column of a name: exactly it, else the only one that ends in it (`rate` -> `options.recipe.rate`), whatever the case. */
export function columnNamed(columns: readonly RunColumn[], name: string): RunColumn | readonly RunColumn[] {
  const exact = columns.find(c => c.key === name);
  if (exact) return exact;
  const lower = name.toLowerCase();
  const same = columns.filter(c => c.key.toLowerCase() === lower);
  const ending = same.length > 0 ? same : columns.filter(c => c.key.toLowerCase().endsWith(`.${lower}`));
  return ending.length === 1 ? ending[0]! : ending;
}
