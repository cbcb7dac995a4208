/**
 * What servers tell of a comparison, as it comes: a row a batch, which whoever directs the comparison takes in the order of time. A server that has one arm
 * alone would else put its whole second before another one's, and bets on an order that puts an arm first are not fair. What is younger than servers take to
 * write it waits, so the order is exact where the servers' clocks agree.
 */
import type { Json } from "../../base/index.ts";
import { changeStates, type StatesChange, type Store } from "../../store/index.ts";
import { loopScope } from "./loop-record.ts";

/** Between two writes of a server. */
export const flushMs = 1_000;
/** What came later than this waits: two writes, so that one may be late. */
const waitMs = 2 * flushMs;
/** Rows that are taken at once. */
const mostRows = 500;

const scopeOf = (model: string): string => `${loopScope(model)}/arrivals`;
const keyOf = (atMs: number): string => String(Math.max(0, Math.floor(atMs))).padStart(15, "0");

/** What a response came to, of one version. */
export interface ArmResponse {
  readonly id: string;
  readonly version: number;
  readonly isShadow: boolean;
  readonly user: string | null;
  readonly atMs: number;
  readonly isError: boolean;
  readonly totalMs: number;
}

/** A label that came for a response of the canary: its loss, 0 to 1. */
export interface ArmLabel {
  readonly id: string;
  readonly version: number;
  readonly atMs: number;
  readonly loss: number;
}

export interface Arrivals {
  readonly responses: readonly ArmResponse[];
  readonly labels: readonly ArmLabel[];
}

const sizeOf = ({ responses, labels }: Arrivals): number => responses.length + labels.length;
const earliest = ({ responses, labels }: Arrivals): number =>
  [...responses, ...labels].reduce((least, { atMs }) => Math.min(least, atMs), Number.POSITIVE_INFINITY);

const jsonOf = (arrivals: Arrivals): Json => arrivals as unknown as Json; // plain data
// rows of this scope are written here alone
const arrivalsOf = (value: Json) => value as unknown as Arrivals;

/** Errors: those of the record; then nothing was written. */
export const putArrivals = (store: Store, model: string, arrivals: Arrivals): Promise<void> =>
  changeStates(store, states => states.put(scopeOf(model), `${keyOf(earliest(arrivals))}/${crypto.randomUUID()}`, jsonOf(arrivals)));

const partOf = (all: Arrivals, isPart: (atMs: number) => boolean): Arrivals => ({
  responses: all.responses.filter(r => isPart(r.atMs)),
  labels: all.labels.filter(l => isPart(l.atMs)),
});

/** Takes what came before a moment, and is no longer there after the change; `isMore` where there may be more of it. */
export async function takeArrivals(
  states: StatesChange,
  model: string,
  nowMs: number,
): Promise<{ readonly arrivals: Arrivals; readonly isMore: boolean }> {
  const scope = scopeOf(model);
  const untilMs = nowMs - waitMs;
  const rows = await states.range(scope, { before: keyOf(untilMs), limit: mostRows });
  // rows beyond the last one begin no earlier
  const isMore = rows.length === mostRows;
  const taken: Arrivals[] = [];
  for (const { key, value } of rows) {
    const all = arrivalsOf(value);
    const rest = partOf(all, atMs => atMs >= untilMs);
    taken.push(partOf(all, atMs => atMs < untilMs));
    await states.remove(scope, key);
    if (sizeOf(rest) > 0) await states.put(scope, `${keyOf(earliest(rest))}/${key.slice(16)}`, jsonOf(rest));
  }
  return { arrivals: { responses: taken.flatMap(t => t.responses), labels: taken.flatMap(t => t.labels) }, isMore };
}

/** Nobody takes them any more. */
export const dropArrivals = (states: StatesChange, model: string): Promise<number> => states.removeAll(scopeOf(model), "0");
