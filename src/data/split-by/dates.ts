/**
 * Dates as documents carry them: ISO 8601 (a year, a month, a day, a time with or without an offset) and RFC 5322 (mail; its predecessors'
 * zone names and two-digit years too). Own code, because `Date.parse` takes anything and reads a missing offset as the machine's zone.
 */

const isoDate = /^(\d{4})(?:-(\d{2})(?:-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s*(Z|[+-]\d{2}(?::?\d{2})?)?)?)?)?$/i;
const mailDate =
  /^(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]{0,6},?\s+)?(\d{1,2})[\s-]+(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}[\s-]+(\d{4}|\d{2})(?:\s+(\d{1,2}):(\d{2})(?::(\d{2}))?(?:\s+([+-]\d{4}|[a-z]{1,5}))?)?(?:\s*\([^()]{0,40}\))?$/i;
const months = "jan feb mar apr may jun jul aug sep oct nov dec".split(" ");
/** Hours from UTC of RFC 822's names; others (military letters among them) are read as UTC, as RFC 5322 says. */
const zones: Readonly<Record<string, number>> = { est: -5, edt: -4, cst: -6, cdt: -5, mst: -7, mdt: -6, pst: -8, pdt: -7 };

const minutesOf = (zone: string | undefined): number => {
  if (!zone) return 0;
  const m = /^([+-])(\d{2}):?(\d{2})?$/.exec(zone);
  if (m) return (m[1] === "-" ? -1 : 1) * (Number(m[2]) * 60 + Number(m[3] ?? 0));
  return (zones[zone.toLowerCase()] ?? 0) * 60;
};

/** Milliseconds, or undefined where a part is out of its range (a 30th of February, a 25th hour). A leap second is the next one. */
function time(
  year: number,
  month: number,
  day: number,
  hour: number,
  minute: number,
  second: number,
  ms: number,
  zone: string | undefined,
) {
  const offset = minutesOf(zone);
  if (hour > 24 || (hour === 24 && minute + second > 0) || minute > 59 || second > 60 || Math.abs(offset) >= 24 * 60) return undefined;
  const midnight = new Date(0);
  midnight.setUTCFullYear(year, month - 1, day);
  if (midnight.getUTCMonth() !== month - 1 || midnight.getUTCDate() !== day) return undefined;
  return midnight.getTime() + ((hour * 60 + minute - offset) * 60 + second) * 1000 + ms;
}

/** Milliseconds since 1970 of a date; without an offset it is UTC, without a month or day the first. Undefined where it is no date. */
export function parseDate(value: unknown): number | undefined {
  const text = (typeof value === "number" && Number.isInteger(value) ? String(value) : value) as unknown;
  if (typeof text !== "string" || text.length > 100) return undefined;
  const trimmed = text.trim();
  const iso = isoDate.exec(trimmed);
  if (iso) {
    const [, year, month = "1", day = "1", hour = "0", minute = "0", second = "0", fraction = "", zone] = iso;
    const ms = fraction === "" ? 0 : Math.floor(Number(`0.${fraction}`) * 1000);
    return time(Number(year), Number(month), Number(day), Number(hour), Number(minute), Number(second), ms, zone);
  }
  const mail = mailDate.exec(trimmed);
  if (!mail) return undefined;
  const [, day, month, year, hour = "0", minute = "0", second = "0", zone] = mail;
  // RFC 5322, 4.3: 00 to 49 are of this century, other years of two digits of the last.
  const full = year!.length === 2 ? Number(year) + (Number(year) < 50 ? 2000 : 1900) : Number(year);
  return time(full, months.indexOf(month!.toLowerCase()) + 1, Number(day), Number(hour), Number(minute), Number(second), 0, zone);
}

/** `2002-08-23`, or with its time where it has one. */
export function showDate(ms: number): string {
  const iso = new Date(ms).toISOString();
  return iso.endsWith("T00:00:00.000Z") ? iso.slice(0, 10) : iso.replace(".000Z", "Z");
}
