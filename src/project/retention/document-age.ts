/** From when a document's time counts: a date in an attribute, or its arrival in the record. A date that cannot be read is reported, never guessed. */
import type { Document } from "../../data/index.ts";

export type DocumentAge = { readonly fromMs: number } | { readonly unreadable: string };

/** A day, or a day with a time; without a zone it is UTC. Other forms are ambiguous (2/3/2026). */
const dated = /^(\d{4})-(\d{2})-(\d{2})(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$/;
/** Numbers from here on are milliseconds, below seconds: 10^11 seconds are the year 5138, 10^11 ms are 1973. */
const leastMs = 1e11;

/** Milliseconds of a value; undefined where it is no date. */
export function dateMs(value: unknown): number | undefined {
  if (typeof value === "number") return Number.isFinite(value) && value > 0 ? (value >= leastMs ? value : value * 1000) : undefined;
  const found = typeof value === "string" ? dated.exec(value.trim()) : null;
  if (!found) return undefined;
  const text = found[0].replace(" ", "T");
  const ms = Date.parse(found[4] === undefined && text.includes("T") ? `${text}Z` : text);
  // 31 February is read as a day of March by some
  const [year, month, day] = [Number(found[1]), Number(found[2]), Number(found[3])];
  const check = new Date(Date.UTC(year, month - 1, day));
  return Number.isNaN(ms) || check.getUTCMonth() !== month - 1 || check.getUTCDate() !== day ? undefined : ms;
}

/** Errors: none; `unreadable` says what the attribute holds. */
export function attributeAge({ attributes }: Pick<Document, "attributes">, from: string): DocumentAge {
  const value = attributes[from];
  if (value === undefined || value === null || value === "") return { unreadable: `no ${from}` };
  const ms = dateMs(value);
  return ms === undefined ? { unreadable: `${from}: ${JSON.stringify(value).slice(0, 60)}` } : { fromMs: ms };
}
