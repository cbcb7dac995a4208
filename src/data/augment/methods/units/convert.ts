/**
 * Quantities found and converted. Within the metric system a value is shifted exactly; to the other system it is rounded to as few digits as
 * lead back to the very value that was written, and no fewer than it had.
 */
import { type DecimalMark, numberPattern, plainDigits, roundedDecimal, shifted, significant, writtenDecimal } from "./decimal.ts";
import { type MeasurementUnit, measurementUnitOf, measurementUnits } from "./table.ts";

interface Quantity {
  readonly index: number;
  readonly length: number;
  readonly digits: string;
  readonly isNegative: boolean;
  /** Between number and unit. */
  readonly space: string;
  readonly unit: MeasurementUnit;
  /** Written by its name, not its symbol. */
  readonly isNamed: boolean;
}

const escaped = (s: string) => s.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
const spellings = measurementUnits
  .flatMap(unit => [
    ...unit.symbols.map(text => ({ text, unit, isNamed: false })),
    ...unit.names.flat().map(text => ({ text, unit, isNamed: !unit.symbols.includes(text) })),
  ])
  .sort((a, b) => b.text.length - a.text.length);
const byText = new Map(spellings.map(s => [s.text, s] as const).reverse());
const unitPattern = spellings.map(s => escaped(s.text)).join("|");
const patterns = Object.fromEntries(
  ([".", ","] as const).map(mark => [
    mark,
    new RegExp(`(${numberPattern(mark)})([ \\u00a0]?)(${unitPattern})(?![\\p{L}\\p{N}²³^/·*%])`, "gu"),
  ]),
) as Record<DecimalMark, RegExp>;

/** Part of a list or range: `3 to 5 km`, `2 x 4 m`, `10-15 kg`: one end alone must not change. */
const inRange = /\d[\p{L}"'°%]*\s*(?:[-–—~x×,/&+]|to|and|or|by|bis|und|oder|mal)\s*$/iu;
const beginsRange = /^\.?\s*(?:[-–—~x×/&+]|to|and|or|by|bis|und|oder|mal)\s*\d/iu;
/** Behind a letter, a mark of a number, a currency: no quantity but a name, a version, an amount of money. */
const afterName = /(?:[\p{L}\p{N}.,$€£¥#_:'"/-]|\d[ \u00a0])$/u;
/** 1 mile as 2 km would lead back to 1, and still be wrong to a reader. */
const fewestDigits = 2;
/** How far back a range is looked for. */
const maxBack = 24;

export function findQuantities(text: string, mark: DecimalMark): Quantity[] {
  const found: Quantity[] = [];
  for (const m of text.matchAll(patterns[mark])) {
    const { unit, isNamed } = byText.get(m[3]!)!;
    const isTemperature = unit.symbols[0]!.startsWith("°");
    let index = m.index;
    let before = text.slice(Math.max(0, index - maxBack), index);
    // Only temperatures have a sign; before another quantity a dash is a dash.
    const isNegative = isTemperature && /(?:^|[\s(])[-−]$/.test(before);
    if (isNegative) {
      index--;
      before = before.slice(0, -1);
    }
    if (afterName.test(before) || inRange.test(before)) continue;
    const end = m.index + m[0].length;
    if (beginsRange.test(text.slice(end, end + maxBack))) continue;
    // 12L, 3g and 5m are sooner a model, a network and millions; 8mm is a film.
    if (m[2] === "" && !m[1]!.includes(mark) && (m[3]!.length === 1 || m[3] === "mm")) continue;
    found.push({ index, length: end - index, digits: plainDigits(m[1]!, mark), isNegative, space: m[2]!, unit, isNamed });
  }
  return found;
}

/** Nobody writes 35 km as 3,500,000 cm or 2 cm as 0.00002 km. */
const isReadable = (value: number) => value === 0 || (value >= 0.01 && value < 1_000_000);

/** What a quantity may be written as, in every way of the table. */
export function conversions(q: Quantity, mark: DecimalMark): string[] {
  const { unit } = q;
  const out = unit.metric.flatMap(([symbol, places]) => {
    const digits = shifted(q.digits, places);
    return isReadable(Number(digits)) ? [spelled(q, digits, measurementUnitOf(symbol), mark)] : [];
  });
  if (unit.other) {
    const { symbol, factor, offset = 0 } = unit.other;
    const value = Number(q.digits) * (q.isNegative ? -1 : 1);
    const there = value * factor + offset;
    const digits = significant(q.digits);
    const decimals = q.digits.split(".")[1]?.length ?? 0;
    // The place of the last digit that says something: the zeros of 57,000 feet do not, those of 2.50 m do.
    const step = decimals > 0 ? 10 ** -decimals : 10 ** (/^[1-9]\d*?(0*)$/.exec(q.digits)?.[1]?.length ?? 0);
    for (let n = Math.max(fewestDigits, digits); n <= digits + 8; n++) {
      const text = roundedDecimal(there, n);
      const back = ((there < 0 ? -1 : 1) * Number(text) - offset) / factor;
      if (Math.abs(back - value) >= step / 2) continue;
      out.push(spelled({ ...q, isNegative: there < 0 && Number(text) !== 0 }, text, measurementUnitOf(symbol), mark));
      break;
    }
  }
  return out;
}

function spelled(q: Quantity, digits: string, unit: MeasurementUnit, mark: DecimalMark): string {
  const names = unit.names[0];
  const name = q.isNamed && names ? (digits === "1" ? names[0] : names[1]) : unit.symbols[0]!;
  const space = /^\p{L}{3}/u.test(name) && q.space === "" ? " " : q.space;
  return `${q.isNegative ? "-" : ""}${writtenDecimal(digits, mark)}${space}${name}`;
}
