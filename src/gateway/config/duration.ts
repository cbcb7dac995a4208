/** Times of the configuration: `500ms`, `30s`, `5m`, `1h`; milliseconds inside. */
import { z } from "zod";

const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;
const form = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/;
/** Longer than that is no time of a request; timers of Node end at 24.8 days. */
const longestMs = 24 * 3_600_000;

/** A time of more than nothing, up to a day. */
export const duration = z
  .string()
  .refine(text => {
    const ms = millisecondsOf(text);
    return ms !== undefined && ms > 0 && ms <= longestMs;
  }, "a time such as 500ms, 30s, 5m or 1h, at most 24h")
  .transform(text => millisecondsOf(text)!);

function millisecondsOf(text: string): number | undefined {
  const [, number, unit] = form.exec(text) ?? [];
  return number === undefined ? undefined : Math.round(Number(number) * units[unit as keyof typeof units]);
}
