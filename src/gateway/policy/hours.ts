/** Whether a moment lies in the days and hours of a policy, in its time zone. The clock on the wall is worked out once a minute and zone. */

export const weekdays = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
type Weekday = (typeof weekdays)[number];

interface Hours {
  readonly days?: readonly Weekday[] | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly timezone: string;
  readonly notBefore?: string | undefined;
  readonly notAfter?: string | undefined;
}

export function isTimezone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

interface Wall {
  readonly day: Weekday;
  /** Minutes since midnight. */
  readonly minute: number;
}

const formats = new Map<string, Intl.DateTimeFormat>();
const walls = new Map<string, { readonly atMinute: number; readonly wall: Wall }>();

function wallAt(timezone: string, nowMs: number): Wall {
  const atMinute = Math.floor(nowMs / 60_000);
  const kept = walls.get(timezone);
  if (kept?.atMinute === atMinute) return kept.wall;
  let format = formats.get(timezone);
  if (!format) {
    format = new Intl.DateTimeFormat("en-GB", {
      timeZone: timezone,
      weekday: "short",
      hour: "2-digit",
      minute: "2-digit",
      hourCycle: "h23",
    });
    formats.set(timezone, format);
  }
  const parts = Object.fromEntries(format.formatToParts(nowMs).map(p => [p.type, p.value]));
  const wall = { day: parts.weekday!.toLowerCase() as Weekday, minute: Number(parts.hour) * 60 + Number(parts.minute) };
  walls.set(timezone, { atMinute, wall });
  return wall;
}

const minuteOf = (time: string): number => Number(time.slice(0, 2)) * 60 + Number(time.slice(3));
const dayBefore = (day: Weekday): Weekday => weekdays[(weekdays.indexOf(day) + 6) % 7]!;

/** Hours from `from` up to but without `to`. A night belongs to the day on which it began. */
export function isWithinHours(hours: Hours, nowMs: number): boolean {
  if (hours.notBefore !== undefined && nowMs < Date.parse(hours.notBefore)) return false;
  if (hours.notAfter !== undefined && nowMs >= Date.parse(hours.notAfter)) return false;
  if (hours.days === undefined && hours.from === undefined) return true;
  const { day, minute } = wallAt(hours.timezone, nowMs);
  const has = (d: Weekday): boolean => hours.days === undefined || hours.days.includes(d);
  if (hours.from === undefined || hours.to === undefined) return has(day);
  const from = minuteOf(hours.from);
  const to = minuteOf(hours.to);
  if (from < to) return has(day) && minute >= from && minute < to;
  return (has(day) && minute >= from) || (has(dayBefore(day)) && minute < to);
}
