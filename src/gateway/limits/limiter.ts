/**
 * Limits carried out: one reservation for all that a request touches, settled once at its end. Whatever becomes of the store, nobody waits for
 * it longer than its time-out: after a failure it is left alone for a second, and meanwhile each limit's `onStoreLoss` decides. Settlements
 * that could not be written are kept and written later; they are idempotent, so one whose answer was lost may be sent again.
 */
import { randomUUID } from "node:crypto";
import type { Actual, Demand, Denial, LimitState, Limits, Reservation, Subjects, UsageRow } from "../contract.ts";
import { dayOf } from "../usage/usage.ts";
import { batched } from "./batches.ts";
import type { BucketStore, LineOutcome, ReserveAsk, ReserveOutcome, SettleAsk } from "./bucket-store.ts";
import { denial, denialOf } from "./denials.ts";
import { limitHeaders } from "./headers.ts";
import { deltasOf, linesOf, type RuleLine, stateOf } from "./lines.ts";
import { costOf, type Prices, unpricedOf } from "./prices.ts";
import type { LimitRule } from "./rules.ts";

export interface LimiterOptions {
  readonly buckets: BucketStore;
  /** Asked for each request, so that a reload applies to what comes next. */
  readonly rules: () => readonly LimitRule[];
  readonly prices: () => Prices;
  /** Process's clock; it follows the store's by what that says with each decision. */
  readonly now?: () => number;
  /** Calls to the store at the same time. */
  readonly atOnce: number;
  /** Decisions wait for what else comes in the same turn: where one alone costs a transaction. */
  readonly gathers?: boolean;
  /** Told once when the store stops answering, and once when it answers again. */
  readonly onStore?: (state: "lost" | "back", error: unknown) => void;
  /** How often this process shows that it lives; a third of the lease. */
  readonly sweepEveryMs: number;
  /** Longest life of a request that nobody settles; 1 h when absent. */
  readonly lifeMs?: number;
}

export interface Limiter extends Limits {
  /** Settlements that wait for the store. */
  readonly pending: number;
  /** Settlements that were given up because too many waited. */
  readonly dropped: number;
  close(): Promise<void>;
}

/** Decisions in one call. */
const mostInCall = 64;
/** How long the store is left alone after it failed. */
const pauseMs = 1_000;
/** Settlements kept while the store is lost: about 20 MB. */
const mostPending = 50_000;
const defaultLifeMs = 3_600_000;
/** More than any model reads or writes: beyond it, it is a mistake or a lie. */
const mostTokens = 1e9;

const isAmount = (x: number): boolean => Number.isFinite(x) && x >= 0 && x <= mostTokens;
/** What an upstream says, or what was held where that cannot be. */
const honest = (said: number, held: number): number => (isAmount(said) ? Math.ceil(said) : held);

export function createLimiter(options: LimiterOptions): Limiter {
  const { buckets } = options;
  const now = options.now ?? Date.now;
  const lifeMs = options.lifeMs ?? defaultLifeMs;
  const reserveBatch = batched<ReserveAsk, ReserveOutcome>(asks => buckets.reserve(asks), {
    most: mostInCall,
    atOnce: options.atOnce,
    gathers: options.gathers ?? false,
  });
  const settleBatch = batched<SettleAsk, void>(
    async asks => {
      await buckets.settle(asks);
      return asks.map(() => undefined);
    },
    // nobody waits for a settlement
    { most: mostInCall, atOnce: options.atOnce, gathers: true },
  );
  /** By how much the store's clock is ahead of ours. */
  let aheadMs = 0;
  let lostUntilMs = Number.NEGATIVE_INFINITY;
  let isLost = false;
  let dropped = 0;
  const pending: SettleAsk[] = [];
  const underWay = new Set<Promise<void>>();

  const failed = (error: unknown): void => {
    lostUntilMs = performance.now() + pauseMs;
    if (!isLost) options.onStore?.("lost", error);
    isLost = true;
  };
  const answered = (): void => {
    if (isLost) options.onStore?.("back", undefined);
    isLost = false;
    lostUntilMs = Number.NEGATIVE_INFINITY;
  };
  const later = (ask: SettleAsk): void => {
    pending.push(ask);
    if (pending.length > mostPending) {
      pending.shift();
      dropped++;
    }
  };
  const settle = async (ask: SettleAsk): Promise<void> => {
    if (performance.now() < lostUntilMs) return later(ask);
    try {
      await settleBatch(ask);
    } catch (error) {
      failed(error);
      later(ask);
    }
  };
  const tracked = (work: Promise<void>): Promise<void> => {
    underWay.add(work);
    return work.finally(() => underWay.delete(work));
  };
  const tick = async (): Promise<void> => {
    try {
      await buckets.sweep();
      answered();
    } catch (error) {
      return failed(error);
    }
    while (pending.length > 0) {
      const group = pending.splice(0, mostInCall);
      try {
        await buckets.settle(group);
      } catch (error) {
        failed(error);
        pending.unshift(...group);
        return;
      }
    }
  };
  const sweeps = setInterval(() => void tracked(tick()), options.sweepEveryMs);
  sweeps.unref();
  // sooner than a sweep where something waits to be written
  const retries = setInterval(() => void (pending.length > 0 && performance.now() >= lostUntilMs ? tracked(tick()) : undefined), pauseMs);
  retries.unref();

  const usageOf = (s: Subjects, actual: Actual): UsageRow => ({
    day: dayOf(now() + aheadMs),
    keyId: s.identity.keyId,
    subject: s.identity.subject,
    team: s.identity.teams[0] ?? "",
    organisation: s.identity.organisation ?? "",
    model: s.model ?? "",
    requests: 1,
    errors: actual.status >= 400 ? 1 : 0,
    inputTokens: actual.inputTokens,
    cachedTokens: actual.cachedTokens,
    outputTokens: actual.outputTokens,
    costNano: costOf(options.prices(), s.model, actual),
  });

  const reservation = (
    subjects: Subjects,
    demand: Demand,
    lines: readonly RuleLine[],
    found: {
      readonly id: string;
      readonly states: readonly LimitState[];
      readonly warnings: Reservation["warnings"];
      readonly unlimited: boolean;
    },
  ): Reservation => {
    let over = false;
    const prices = options.prices();
    const tookLines = lines.length > 0 && !found.unlimited;
    const end = (deltas: SettleAsk["deltas"], usage: UsageRow | null): Promise<void> => {
      if (over) return Promise.resolve();
      over = true;
      if (lines.length === 0 && usage === null) return Promise.resolve();
      return tracked(settle({ id: found.id, deltas, tookLines, usage }));
    };
    return {
      ...found,
      headers: () => limitHeaders(found.states),
      settle: said => {
        const inputTokens = honest(said.inputTokens, demand.inputTokens);
        const actual: Actual = {
          inputTokens,
          cachedTokens: Math.min(honest(said.cachedTokens, 0), inputTokens),
          outputTokens: honest(said.outputTokens, demand.maxOutputTokens),
          pricedAs: said.pricedAs,
          status: said.status,
        };
        return end(deltasOf(lines, prices, subjects, demand, actual), usageOf(subjects, actual));
      },
      cancel: () => end("cancel", null),
    };
  };

  const onLoss = (subjects: Subjects, demand: Demand, lines: readonly RuleLine[], id: string): Reservation | Denial => {
    const closed = lines.find(({ rule }) => rule.mode === "enforce" && rule.onStoreLoss === "closed");
    if (!closed) return reservation(subjects, demand, lines, { id, states: [], warnings: [], unlimited: true });
    return denial({
      status: 503,
      code: "limits_unavailable",
      limit: closed.rule.name,
      message: `Limit "${closed.rule.name}" cannot be checked now, and it lets nothing through meanwhile. Try again shortly.`,
      retryAfterMs: pauseMs,
      states: [],
    });
  };

  return {
    get pending() {
      return pending.length;
    },
    get dropped() {
      return dropped;
    },
    async reserve(subjects, given) {
      if (![given.inputTokens, given.maxOutputTokens, given.bytes].every(isAmount))
        return denial({
          status: 413,
          code: "request_too_large",
          limit: null,
          message: `Expected numbers of tokens and bytes from 0 to ${mostTokens}, got ${given.inputTokens}, ${given.maxOutputTokens} and ${given.bytes}. Ask for fewer tokens (max_tokens).`,
          retryAfterMs: null,
          states: [],
        });
      const demand: Demand = {
        inputTokens: Math.ceil(given.inputTokens),
        maxOutputTokens: Math.ceil(given.maxOutputTokens),
        bytes: Math.ceil(given.bytes),
      };
      const prices = options.prices();
      const { lines, unpriced } = linesOf(options.rules(), prices, subjects, demand, now() + aheadMs);
      if (unpriced)
        return denial({
          status: 429,
          code: "insufficient_quota",
          limit: unpriced.rule.name,
          message: `Limit "${unpriced.rule.name}" is on money, and model "${unpricedOf(prices, subjects) ?? ""}" has no price. Add it, or "*", under prices.models.`,
          retryAfterMs: null,
          states: [],
        });
      const id = randomUUID();
      if (lines.length === 0) return reservation(subjects, demand, lines, { id, states: [], warnings: [], unlimited: false });
      if (performance.now() < lostUntilMs) return onLoss(subjects, demand, lines, id);
      let outcome: ReserveOutcome;
      try {
        outcome = await reserveBatch({ id, lifeMs, lines: lines.map(l => l.line) });
        answered();
      } catch (error) {
        failed(error);
        // it may have been taken, and only the answer lost: what an open limit lets through is settled later, the rest is given back
        const answer = onLoss(subjects, demand, lines, id);
        if (answer.denial) later({ id, deltas: "cancel", tookLines: true, usage: null });
        return answer;
      }
      aheadMs = outcome.nowMs - now();
      const enforced = lines.map((line, i) => ({ line, outcome: outcome.lines[i]! })).filter(x => x.line.rule.mode === "enforce");
      const states = enforced.map(x => stateOf(x.line, x.outcome, outcome.nowMs));
      if (!outcome.granted) return denialOf(lines, outcome.lines, states, outcome.nowMs, prices.currency);
      return reservation(subjects, demand, lines, { id, states, warnings: warningsOf(lines, outcome.lines), unlimited: false });
    },
    async close() {
      clearInterval(sweeps);
      clearInterval(retries);
      await Promise.all(underWay);
      if (pending.length > 0) await tick();
    },
  };
}

function warningsOf(lines: readonly RuleLine[], outcomes: readonly LineOutcome[]): Reservation["warnings"] {
  return lines.flatMap(({ rule, line }, i): Reservation["warnings"] => {
    const { level, held, fits } = outcomes[i]!;
    if (!fits) return [{ limit: rule.name, kind: "shadow", message: `limit "${rule.name}" (shadow) would have denied this request` }];
    const share = (level + held) / line.capacity;
    if (rule.warnAt === undefined || share < rule.warnAt) return [];
    return [{ limit: rule.name, kind: "near", message: `limit "${rule.name}" is used to ${Math.floor(share * 100)} %` }];
  });
}
