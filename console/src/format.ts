/** Numbers and times for people. Counts, bytes and durations are the ones of the terminal, so page and line read alike. */
// The file, not the room's door: the door also reads files, which a browser cannot.
export { formatBytes, formatCount, formatDuration } from "../../src/base/units.ts";

import { formatBytes, formatCount, formatDuration } from "../../src/base/units.ts";

/** Stands where there is no value. */
export const none = "–";

/** Whole numbers whole, others with three significant digits and no exponent between 1e-3 and 1e6; a dash for what is no number. */
export function formatNumber(n: number | null | undefined, digits = 3): string {
  if (n == null || !Number.isFinite(n)) return none;
  if (n === 0) return "0";
  const size = Math.abs(n);
  if (Number.isInteger(n) && size < 1e12) return formatCount(n);
  if (size >= 1e6 || size < 1e-3) return n.toExponential(digits - 1).replace("e+", "e");
  const decimals = Math.max(0, digits - 1 - Math.floor(Math.log10(size)));
  return n.toLocaleString("en-US", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}

/** A number with so many decimals: columns of scores line up. */
export const formatFixed = (n: number | null | undefined, decimals: number): string =>
  n == null || !Number.isFinite(n) ? none : n.toFixed(decimals);

/** A p-value: never 0, which no test of finitely many permutations gives. */
export const formatP = (p: number | null): string => (p === null ? "no p" : p < 0.001 ? "p < 0.001" : `p = ${formatFixed(p, 3)}`);

/** 940, 12.3k, 3.2M, 1.1B: parameters and tokens. */
export function formatShort(n: number | null | undefined): string {
  if (n == null || !Number.isFinite(n)) return none;
  const units = ["", "k", "M", "B", "T"];
  let i = 0;
  let x = n;
  // 999.5k would round to "1000k".
  while (Math.abs(x) >= (i === 0 ? 1000 : 999.5) && i < units.length - 1) {
    x /= 1000;
    i++;
  }
  if (i === 0) return Number.isInteger(x) ? String(x) : x.toFixed(1);
  return `${x.toFixed(Math.abs(x) < 99.95 ? 1 : 0).replace(/\.0$/, "")}${units[i]}`;
}

/** 17 %: a share of one; what is there but rounds to nothing is below 1 %. */
export const formatShare = (n: number | null | undefined): string =>
  n == null || !Number.isFinite(n) ? none : n > 0 && n < 0.005 ? "< 1 %" : `${Math.round(100 * n)} %`;

/** 21 ms, 1.2 s, 3:05: a wait. */
export const formatWait = (ms: number | null | undefined): string =>
  ms == null || !Number.isFinite(ms)
    ? none
    : ms < 1
      ? `${ms.toFixed(2)} ms`
      : ms < 10
        ? `${ms.toFixed(1)} ms`
        : ms < 1000
          ? `${Math.round(ms)} ms`
          : formatDuration(ms);

/** `just now`, `5 minutes ago`, `yesterday`, then the date. */
export function formatAgo(time: number, now: number): string {
  if (!Number.isFinite(time)) return none;
  const minutes = (now - time) / 60_000;
  if (minutes < 1) return "just now";
  const words = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
  if (minutes < 60) return words.format(-Math.floor(minutes), "minute");
  if (minutes < 24 * 60) return words.format(-Math.floor(minutes / 60), "hour");
  if (minutes < 7 * 24 * 60) return words.format(-Math.floor(minutes / 1440), "day");
  return formatDay(time);
}

const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });
const moment = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });
export const formatDay = (time: number): string => (Number.isFinite(time) ? day.format(time) : none);
export const formatMoment = (time: number): string => (Number.isFinite(time) ? moment.format(time) : none);

/** `heldOutBytes` -> `Held out bytes`; `bits-per-byte` -> `Bits per byte`; `macroF1` -> `Macro F1`. */
export function words(name: string): string {
  const text = name
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
    .replace(/[-_]+/g, " ")
    .trim()
    .toLowerCase()
    .replace(/\bf1\b/g, "F1");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** The name of a value as words, without the unit that `formatValue` says and without `num`. */
export function label(name: string, value: unknown): string {
  const bare = typeof value === "number" ? name.replace(/^num(?=[A-Z])/, "").replace(/([a-z0-9])(Bytes|Ms)$/, "$1") : name;
  return words(bare);
}

/** A named value of a summary or of options: the name says the unit (`sizeBytes`, `tookMs`, `bytes`). */
export function formatValue(name: string, value: unknown): string {
  if (value === null || value === undefined) return none;
  if (typeof value === "number") {
    if (/(^b|B)ytes$/.test(name)) return formatBytes(value);
    if (/(^m|M)s$/.test(name)) return formatWait(value);
    return Number.isInteger(value) ? formatCount(value) : String(Number(value.toPrecision(4)));
  }
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return value.map(v => formatValue("", v)).join(", ");
  return JSON.stringify(value);
}
