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
import { linesOf, type RuleLine, stateOf } from "./lines.ts";
import { costOf, type Prices, unpricedOf } from "./prices.ts";
import { Granted, isAmount, mostTokens } from "./reservation.ts";
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

/** A limit that is used beyond its `warnAt`, or that denied. */
export interface LimitEvent {
  readonly kind: "near" | "denied";
  readonly rule: LimitRule;
  readonly bucket: string;
  /** Used and held, in the limit's measure; without the request where it was denied. */
  readonly used: number;
  readonly capacity: number;
  readonly subjects: Subjects;
}

export interface Limiter extends Limits {
  /** Told of limits that are near or deny; whoever is told last replaces the one before. */
  watch(listener: ((event: LimitEvent) => void) | undefined): void;
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
  /** Of this process among all that share the store. */
  const origin = `${randomUUID()}-`;
  let count = 0;
  const pending: SettleAsk[] = [];
  const underWay = new Set<Promise<void>>();

  let listener: ((event: LimitEvent) => void) | undefined;
  const tell = (subjects: Subjects, lines: readonly RuleLine[], outcome: ReserveOutcome): void =>
    lines.forEach(({ rule, line }, i) => {
      const { level, held, fits } = outcome.lines[i]!;
      const used = level + held;
      const isNear = outcome.granted && rule.warnAt !== undefined && fits && used >= rule.warnAt * line.capacity;
      const isDenied = !outcome.granted && !fits && rule.mode === "enforce";
      if (isNear || isDenied)
        listener?.({ kind: isNear ? "near" : "denied", rule, bucket: line.bucket, used, capacity: line.capacity, subjects });
    });

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
  const settling = (ask: SettleAsk): Promise<void> => {
    if (buckets.settleNow === undefined) return tracked(settle(ask));
    buckets.settleNow(ask);
    return Promise.resolve();
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
    requests: actual.requests ?? 1,
    errors: actual.status >= 400 ? 1 : 0,
    inputTokens: actual.inputTokens,
    cachedTokens: actual.cachedTokens,
    outputTokens: actual.outputTokens,
    costNano: costOf(options.prices(), s.model, actual),
  });

  const ending = { prices: options.prices, usageOf, settle: settling };
  const onLoss = (subjects: Subjects, demand: Demand, lines: readonly RuleLine[], id: string): Reservation | Denial => {
    const closed = lines.find(({ rule }) => rule.mode === "enforce" && rule.onStoreLoss === "closed");
    if (!closed) return new Granted({ id, lines, states: [], warnings: [], unlimited: true }, subjects, demand, ending);
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
    watch(next) {
      listener = next;
    },
    get pending() {
      return pending.length;
    },
    get dropped() {
      return dropped;
    },
    reserve(subjects, given) {
      if (!isAmount(given.inputTokens) || !isAmount(given.maxOutputTokens) || !isAmount(given.bytes))
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
        requests: given.requests ?? 1,
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
      const id = `${origin}${(count++).toString(36)}`;
      if (lines.length === 0) return new Granted({ id, lines, states: [], warnings: [], unlimited: false }, subjects, demand, ending);
      if (performance.now() < lostUntilMs) return onLoss(subjects, demand, lines, id);
      const ask: ReserveAsk = { id, lifeMs, lines: lines.map(l => l.line) };
      const decided = (outcome: ReserveOutcome): Reservation | Denial => {
        answered();
        aheadMs = outcome.nowMs - now();
        const states: LimitState[] = [];
        for (let i = 0; i < lines.length; i++)
          if (lines[i]!.rule.mode === "enforce") states.push(stateOf(lines[i]!, outcome.lines[i]!, outcome.nowMs));
        if (listener) tell(subjects, lines, outcome);
        if (!outcome.granted) return denialOf(lines, outcome.lines, states, outcome.nowMs, prices.currency);
        return new Granted({ id, lines, states, warnings: warningsOf(lines, outcome.lines), unlimited: false }, subjects, demand, ending);
      };
      // it may have been taken, and only the answer lost: what an open limit lets through is settled later, the rest is given back
      const undecided = (error: unknown): Reservation | Denial => {
        failed(error);
        const answer = onLoss(subjects, demand, lines, id);
        if (answer.denial) later({ id, deltas: "cancel", tookLines: true, usage: null });
        return answer;
      };
      if (!buckets.reserveNow) return reserveBatch(ask).then(decided, undecided);
      try {
        return decided(buckets.reserveNow(ask));
      } catch (error) {
        return undecided(error);
      }
    },
    async close() {
      clearInterval(sweeps);
      clearInterval(retries);
      await Promise.all(underWay);
      if (pending.length > 0) await tick();
    },
  };
}

const none: Reservation["warnings"] = [];

function warningsOf(lines: readonly RuleLine[], outcomes: readonly LineOutcome[]): Reservation["warnings"] {
  if (lines.every(({ rule }, i) => rule.warnAt === undefined && outcomes[i]!.fits)) return none;
  return lines.flatMap(({ rule, line }, i): Reservation["warnings"] => {
    const { level, held, fits } = outcomes[i]!;
    if (!fits) return [{ limit: rule.name, kind: "shadow", message: `limit "${rule.name}" (shadow) would have denied this request` }];
    const share = (level + held) / line.capacity;
    if (rule.warnAt === undefined || share < rule.warnAt) return [];
    return [{ limit: rule.name, kind: "near", message: `limit "${rule.name}" is used to ${Math.floor(share * 100)} %` }];
  });
}
