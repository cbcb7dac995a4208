/** Values of JSON that somebody else wrote: looked at before they are believed. */
import { isRow, type Row } from "./part.ts";
import { ProtocolFault } from "./protocol-fault.ts";

export { isRow, type Row } from "./part.ts";

export const isGiven = (v: unknown): boolean => v !== undefined && v !== null;

export const stringOr = (value: unknown, otherwise = ""): string => (typeof value === "string" ? value : otherwise);

/** A count of tokens; 0 where it is none. */
export const countOr0 = (v: unknown): number => (typeof v === "number" && Number.isSafeInteger(v) && v >= 0 ? v : 0);

/** Its word in another API, by a table. */
export const wordOf = (table: Readonly<Record<string, string>>, word: unknown, otherwise: string): string =>
  typeof word === "string" && Object.hasOwn(table, word) ? table[word]! : otherwise;

/** Members of a row that are given, under other names. */
export const renamed = (from: Row, names: Readonly<Record<string, string>>): Row =>
  Object.fromEntries(Object.entries(names).flatMap(([own, theirs]) => (isGiven(from[own]) ? [[theirs, from[own]]] : [])));

/** Errors: ProtocolFault `parameter`. */
export const objectsOf = (value: unknown, place: string): Row[] => {
  if (!Array.isArray(value) || !value.every(isRow)) throw ProtocolFault.parameter(place, "a list of objects", value);
  return value;
};
export const listOf = (value: unknown, place: string): Row[] => (isGiven(value) ? objectsOf(value, place) : []);

/** The rows of a list; what is no list has none. */
export const rowsIn = (value: unknown): Row[] => (Array.isArray(value) ? value.filter(isRow) : []);
/** The first row of a list, such as the one choice of a chat. */
export const firstRow = (value: unknown): Row | undefined => (Array.isArray(value) && isRow(value[0]) ? value[0] : undefined);
/** A member that is an object; an empty one where it is none. */
export const rowOr = (value: unknown): Row => (isRow(value) ? value : {});
