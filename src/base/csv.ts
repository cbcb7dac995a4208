/**
 * Rows as CSV (RFC 4180): lines end with CR LF, an absent value is an empty field. A text that a spreadsheet would take for a formula begins with an apostrophe:
 * names, notes and outputs come from people and models. Pure; the console writes it too.
 */
type CsvValue = string | number | null | undefined;

function field(value: CsvValue): string {
  const text = typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value ?? "");
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** @example csvText([["name", "loss"], ["mail-small", 1.87]]) // "name,loss\r\nmail-small,1.87\r\n" */
export const csvText = (rows: readonly (readonly CsvValue[])[]): string => rows.map(row => `${row.map(field).join(",")}\r\n`).join("");
