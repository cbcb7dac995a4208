/** Durations as people write them in configuration (`30s`, `1m`, `24h`) and as Go prints them, which is what OpenAI's reset headers hold. */
import { z } from "zod";

const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
type Unit = keyof typeof unitMs;

/** "1m" -> 60000; undefined where it is no duration above 0. */
export function parseDuration(text: string): number | undefined {
  const m = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d)$/.exec(text.trim());
  const ms = m ? Number(m[1]) * unitMs[m[2] as Unit] : 0;
  return ms > 0 ? ms : undefined;
}

/** A duration as configuration has it, in the largest unit that needs no fraction: 60000 -> "1m". */
export function durationText(ms: number): string {
  const unit = (["d", "h", "m", "s"] as const).find(u => ms % unitMs[u] === 0) ?? "ms";
  return `${ms / unitMs[unit]}${unit}`;
}

/** A duration in configuration; milliseconds inside. */
export const durationMs = z.string('a duration such as "30s", "1m" or "24h"').transform((text, context) => {
  const ms = parseDuration(text);
  if (ms !== undefined) return ms;
  context.issues.push({ code: "custom", input: text, message: 'a duration such as "30s", "1m" or "24h"' });
  return z.NEVER;
});

/** `12ms`, `1.5s`, `6m0s`, `1h0m0s`: Go's Duration.String, which its ParseDuration reads; whole milliseconds, rounded up. */
export function goDuration(ms: number): string {
  const total = Math.max(0, Math.ceil(ms));
  if (total === 0) return "0s";
  if (total < 1_000) return `${total}ms`;
  const hours = Math.floor(total / 3_600_000);
  const minutes = Math.floor(total / 60_000) % 60;
  const seconds = `${(total % 60_000) / 1_000}s`;
  return hours > 0 ? `${hours}h${minutes}m${seconds}` : minutes > 0 ? `${minutes}m${seconds}` : seconds;
}
