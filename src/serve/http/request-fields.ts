/**
 * A body against its table of fields (`protocols/fields`). What is not done is refused where its value asks for it, a misspelt name is refused with
 * the right one, and every other name that changes nothing is kept for the response header `x-loam-ignored`: nothing is dropped in silence.
 */
import { editDistance, nearest } from "../../base/index.ts";
import { type FieldTable, isRow, type RequestFields, type Row } from "../../protocols/index.ts";
import { serveErrors } from "../errors.ts";
import { type AppContext, bodyOf, type Exchange } from "./exchange.ts";
import { shownValue } from "./parse.ts";

/** Names that nobody knows which are compared with the known ones, of one table and request: a comparison takes some microseconds a known name. */
const comparedNames = 16;
/** Longer names are no misspelling of ours. */
const comparedCharacters = 48;
/** Comparisons kept a table: clients send the same names with every request. */
const keptNames = 256;

const found = new WeakMap<FieldTable, Map<string, string | undefined>>();

/** The known name that `name` is a misspelling of: one letter off where it is short, two where it is longer. */
function misspelt(name: string, table: FieldTable): string | undefined {
  const known = found.get(table) ?? new Map<string, string | undefined>();
  found.set(table, known);
  if (known.has(name)) return known.get(name);
  const most = name.length <= 5 ? 1 : 2;
  const near = nearest(
    name,
    Object.keys(table).filter(k => Math.abs(k.length - name.length) <= most),
  );
  const right = near !== undefined && editDistance(name.toLowerCase(), near.toLowerCase()) <= most ? near : undefined;
  if (known.size >= keptNames) known.clear();
  known.set(name, right);
  return right;
}

const unknownName = (place: string, name: string, hint: string) =>
  serveErrors.fail("unknownParameter", { place, expected: "a known parameter", received: JSON.stringify(name.slice(0, 60)), hint });

/** Places of the names that change nothing. Errors: as of `checkFields`. */
function ignoredOf(table: FieldTable, body: Row, prefix: string, isClosed: boolean, into: string[]): void {
  let numUnknown = 0;
  for (const name in body) {
    const value = body[name];
    const place = prefix + name;
    if (!Object.hasOwn(table, name)) {
      const right = numUnknown++ < comparedNames && name.length <= comparedCharacters ? misspelt(name, table) : undefined;
      if (right !== undefined) throw unknownName(place, name, `Did you mean "${right}"?`);
      if (isClosed) throw unknownName(place, name, `Known are ${Object.keys(table).join(", ")}.`);
      into.push(place);
      continue;
    }
    if (value === undefined || value === null) continue;
    const field = table[name]!;
    if (field.kind === "refused" && field.asks(value))
      throw serveErrors.fail("unsupported", { place, message: `${shownValue(value)} is not supported`, hint: field.instead });
    if (field.kind === "harmless") into.push(place);
    else if (field.within && isRow(value)) ignoredOf(field.within, value, `${place}.`, field.isClosed ?? false, into);
  }
}

/**
 * Checks the names of a body, and keeps those that change nothing for the response header. Errors: serve/unsupported for the first field whose value
 * asks for what is not done, serve/unknownParameter for a misspelt name; the place is the field.
 */
export function checkFields(exchange: Exchange, { fields }: RequestFields, body: Row): void {
  const ignored: string[] = [];
  ignoredOf(fields, body, "", false, ignored);
  ignore(exchange, ignored);
}

/** Names further fields that change nothing. */
export function ignore(exchange: Exchange, fields: readonly string[]): void {
  if (fields.length > 0) exchange.ignored = [...(exchange.ignored ?? []), ...fields];
}

/** The body of a request, with its names checked. Errors: as of `bodyOf` and `checkFields`. */
export async function checkedBody(c: AppContext, fields: RequestFields): Promise<Row> {
  const body = await bodyOf(c);
  checkFields(c.var.exchange, fields, body);
  return body;
}

/** Names that a header lists: most proxies take 8 KiB of headers. */
const listedNames = 32;
const listedCharacters = 64;
/** Of fields, as the value of a header: a name is the client's own text. */
export function nameList(names: readonly string[]): string {
  const shown = [...new Set(names)].slice(0, listedNames).map(n => n.slice(0, listedCharacters).replace(/[^\w.$-]/g, "?"));
  return [...shown, ...(names.length > listedNames ? ["..."] : [])].join(", ");
}
