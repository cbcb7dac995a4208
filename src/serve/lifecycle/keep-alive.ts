/** How long a model without work stays in memory, as Ollama's clients say it: seconds, or a text such as "5m"; below 0 is for ever. */
import { serveErrors } from "../errors.ts";

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Milliseconds; Infinity for ever. Errors: serve/parameter at `place`. */
export function keepAliveMs(value: unknown, place = "keep_alive"): number {
  const wrong = () =>
    serveErrors.fail("parameter", {
      place,
      expected: 'seconds, or a time such as "90s", "5m" or "1h30m"; below 0 is for ever',
      received: (JSON.stringify(value) ?? "nothing").slice(0, 60),
    });
  if (typeof value === "number" && Number.isFinite(value)) return value < 0 ? Number.POSITIVE_INFINITY : value * 1000;
  if (typeof value !== "string" || value.length > 40) throw wrong();
  if (/^-?\d+(\.\d+)?$/.test(value)) return keepAliveMs(Number(value), place);
  if (!/^-?(\d+(\.\d+)?(ms|s|m|h))+$/.test(value)) throw wrong();
  const ms = [...value.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)].reduce((n, [, count, unit]) => n + Number(count) * units[unit!]!, 0);
  return value.startsWith("-") ? Number.POSITIVE_INFINITY : ms;
}
