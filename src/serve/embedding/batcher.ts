/**
 * Decides which waiting texts go into the next batch: a pure function of who waits since when. Texts of one width go together, oldest first.
 * A full batch goes at once; one that is not full goes when its oldest text has waited long enough.
 */
import type { BatchRoom } from "./pack.ts";

interface WaitingText {
  readonly width: number;
  /** Tokens of it. */
  readonly length: number;
  /** Monotonic milliseconds at which it came. */
  readonly sinceMs: number;
}

interface BatchLimits {
  /** What a batch of a width holds at most; every text fits into one. */
  readonly room: (width: number) => BatchRoom;
  /** How long a text may wait for company. */
  readonly maxWaitMs: number;
}

type BatchDecision<T> =
  | { readonly kind: "run"; readonly width: number; readonly texts: readonly T[] }
  /** Nothing is due; look again then, or when another text comes. */
  | { readonly kind: "wait"; readonly ms: number }
  | { readonly kind: "idle" };

interface Group<T> {
  readonly texts: T[];
  tokens: number;
  isFull: boolean;
}

/**
 * The next batch of `waiting`, which stands in the order in which it came. A batch is full when the next text of its width does not fit, or
 * nothing more would; none is overtaken by a younger one of its width.
 */
export function nextBatch<T extends WaitingText>(waiting: readonly T[], nowMs: number, { room, maxWaitMs }: BatchLimits): BatchDecision<T> {
  const oldest = waiting[0];
  if (!oldest) return { kind: "idle" };
  const groups = new Map<number, Group<T>>();
  let full: number | undefined;
  for (const text of waiting) {
    const group = groups.get(text.width) ?? { texts: [], tokens: 0, isFull: false };
    groups.set(text.width, group);
    if (group.isFull) continue;
    const most = room(text.width);
    const fits = group.tokens + text.length <= most.tokens;
    if (fits) {
      group.texts.push(text);
      group.tokens += text.length;
    }
    group.isFull = !fits || group.texts.length === most.texts || group.tokens === most.tokens;
    // the first width to be full has the oldest texts among the full ones, nearly enough; the overdue go before it
    if (group.isFull) full ??= text.width;
  }
  const waitedMs = nowMs - oldest.sinceMs;
  const width = waitedMs >= maxWaitMs ? oldest.width : full;
  if (width === undefined) return { kind: "wait", ms: maxWaitMs - waitedMs };
  return { kind: "run", width, texts: groups.get(width)!.texts };
}
