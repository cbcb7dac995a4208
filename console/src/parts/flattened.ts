/** Nested values as rows of a name and a value, for lists that people read. */
import { formatValue } from "../format.ts";

const isPlain = (value: unknown): boolean => typeof value !== "object" || value === null;

/** An item of a list in one line: its name first, then what else it says. */
const itemLine = (item: object): string =>
  Object.entries(item)
    .map(([k, v]) => (k === "name" ? String(v) : `${k} ${formatValue(k, v)}`))
    .join(", ");

/** Names of inner values are paths (`split seed`); lists of plain values stay lists, other items are a numbered row each. */
export function flattened(value: unknown, path = ""): [name: string, value: unknown][] {
  if (Array.isArray(value)) {
    if (value.every(isPlain)) return [[path, value]];
    return value.map((item, i) => [`${path} ${i + 1}`, isPlain(item) ? item : itemLine(item as object)]);
  }
  if (isPlain(value)) return path === "" ? [] : [[path, value]];
  return Object.entries(value as object).flatMap(([k, v]) => flattened(v, path === "" ? k : `${path} ${k}`));
}
