/** Decimal numbers as they are written: exact shifts by powers of ten, significant digits, separators. */

export type DecimalMark = "." | ",";

/** A pattern of a number with this decimal mark; thousands are grouped by the other one. */
export const numberPattern = (mark: DecimalMark): string =>
  mark === "." ? "(?:\\d{1,3}(?:,\\d{3})+|\\d+)(?:\\.\\d+)?" : "(?:\\d{1,3}(?:\\.\\d{3})+|\\d+)(?:,\\d+)?";

/** `1,234.50` -> `1234.50`. */
export const plainDigits = (text: string, mark: DecimalMark): string =>
  mark === "." ? text.replaceAll(",", "") : text.replaceAll(".", "").replace(",", ".");

/** Moves the decimal mark by `places` to the right, exactly. */
export function shifted(digits: string, places: number): string {
  const [whole = "", decimals = ""] = digits.split(".");
  const all = whole + decimals;
  const at = whole.length + places;
  const padded = at > all.length ? all.padEnd(at, "0") : at <= 0 ? "0".repeat(1 - at) + all : all;
  const cut = at <= 0 ? 1 : at;
  const tail = padded.slice(cut);
  const head = padded.slice(0, cut).replace(/^0+(?=\d)/, "");
  return tail === "" || /^0+$/.test(tail) ? head : `${head}.${tail.replace(/0+$/, "")}`;
}

/** Digits that carry the value: zeros before them do not, zeros at the end of a whole number are taken as carrying none. */
export function significant(digits: string): number {
  const plain = digits.includes(".") ? digits.replace(".", "") : digits.replace(/0+$/, "");
  return Math.max(1, plain.replace(/^0+/, "").length);
}

/** A number with this many significant digits, in plain digits. */
export function roundedDecimal(value: number, digits: number): string {
  if (value === 0) return "0";
  const exact = Math.abs(value).toPrecision(Math.min(21, Math.max(1, digits)));
  const plain = exact.includes("e") ? BigInt(Math.round(Number(exact))).toString() : exact;
  return plain.includes(".") ? plain.replace(/\.?0+$/, "") : plain;
}

/** Plain digits in the writing of a mark, thousands grouped from 1,000 on. */
export function writtenDecimal(digits: string, mark: DecimalMark): string {
  const [whole = "", decimals] = digits.split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, mark === "." ? "," : ".");
  return decimals === undefined ? grouped : `${grouped}${mark}${decimals}`;
}
