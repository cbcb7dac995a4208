/**
 * Limits carried out: one reservation for all that a request touches, settled once at its end. Whatever becomes of the store, nobody waits for
 * it longer than its time-out: while it does not answer (`settlements.ts`), each limit's `onStoreLoss` decides.
 */
import { randomUUID } from "node:crypto";
import type { UsageRow } from "../contract.ts";
import { dayOf } from "../usage/usage.ts";
import { batched } from "./batches.ts";
import type { BucketStore, LineOutcome, ReserveAsk, ReserveOutcome } from "./bucket-store.ts";
import type { Actual, Demand, Denial, LimitEvent, LimitState, Limits, Reservation, Subjects } from "./contract.ts";
import { denial, denialOf } from "./denials.ts";
import { lineState, linesOf, type RuleLine } from "./lines.ts";
import type { Prices } from "./price-table.ts";
import { costOf, unpricedOf } from "./prices.ts";
import { Granted, isAmount, mostCountedTokens, type ReservationEnding } from "./reservation.ts";
import type { LimitRule } from "./rules.ts";
import { mostInCall, pauseMs, Settlements } from "./settlements.ts";

interface LimiterOptions {
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

const defaultLifeMs = 3_600_000;

/** One request's lines at one decision. */
interface Deciding {
  readonly subjects: Subjects;
  readonly demand: Demand;
  readonly lines: readonly RuleLine[];
  readonly id: string;
}

const tooLarge = (given: Demand): Denial =>
  denial({
    status: 413,
    code: "request_too_large",
    limit: null,
    message: `Expected numbers of tokens and bytes from 0 to ${mostCountedTokens}, got ${given.inputTokens}, ${given.maxOutputTokens} and ${given.bytes}. Ask for fewer tokens (max_tokens).`,
    retryAfterMs: null,
    states: [],
  });

const noPrice = (limit: string, model: string): Denial =>
  denial({
    status: 429,
    code: "insufficient_quota",
    limit,
    message: `Limit "${limit}" is on money, and model "${model}" has no price. Add it, or "*", under prices.models.`,
    retryAfterMs: null,
    states: [],
  });

export class Limiter implements Limits {
  readonly #options: LimiterOptions;
  readonly #now: () => number;
  readonly #settlements: Settlements;
  readonly #reserveBatch: (ask: ReserveAsk) => Promise<ReserveOutcome>;
  readonly #ending: ReservationEnding;
  /** Of this process among all that share the store. */
  readonly #origin = `${randomUUID()}-`;
  #count = 0;
  /** By how much the store's clock is ahead of ours. */
  #aheadMs = 0;
  #listener: ((event: LimitEvent) => void) | undefined;

  constructor(options: LimiterOptions) {
    const { buckets, atOnce, gathers = false, now = Date.now, prices } = options;
    this.#options = options;
    this.#now = now;
    this.#settlements = new Settlements(options);
    this.#reserveBatch = batched(asks => buckets.reserve(asks), { most: mostInCall, atOnce, gathers });
    this.#ending = {
      prices,
      usageOf: (subjects, actual) => this.#usageOf(subjects, actual),
      settle: ask => this.#settlements.settle(ask),
    };
  }

  /** Told of limits that are near or deny; whoever is told last replaces the one before. */
  watch(listener: ((event: LimitEvent) => void) | undefined): void {
    this.#listener = listener;
  }

  /** Settlements that wait for the store. */
  get pending(): number {
    return this.#settlements.pending;
  }

  /** Settlements that were given up because too many waited. */
  get dropped(): number {
    return this.#settlements.dropped;
  }

  reserve(subjects: Subjects, given: Demand): Reservation | Denial | Promise<Reservation | Denial> {
    if (!isAmount(given.inputTokens) || !isAmount(given.maxOutputTokens) || !isAmount(given.bytes)) return tooLarge(given);
    const demand: Demand = {
      inputTokens: Math.ceil(given.inputTokens),
      maxOutputTokens: Math.ceil(given.maxOutputTokens),
      bytes: Math.ceil(given.bytes),
      requests: given.requests ?? 1,
    };
    const { buckets, rules, prices: pricesNow, lifeMs = defaultLifeMs } = this.#options;
    const prices = pricesNow();
    const { lines, unpriced } = linesOf(rules(), prices, subjects, demand, this.#now() + this.#aheadMs);
    if (unpriced) return noPrice(unpriced.rule.name, unpricedOf(prices, subjects) ?? "");
    const id = `${this.#origin}${(this.#count++).toString(36)}`;
    if (lines.length === 0) return new Granted({ id, lines, states: [], warnings: [], unlimited: false }, subjects, demand, this.#ending);
    const deciding: Deciding = { subjects, demand, lines, id };
    if (this.#settlements.isResting) return this.#onLoss(deciding);
    const ask: ReserveAsk = { id, lifeMs, lines: lines.map(l => l.line) };
    const decided = (outcome: ReserveOutcome) => this.#decided(deciding, outcome, prices.currency);
    const undecided = (error: unknown) => this.#undecided(deciding, error);
    if (!buckets.reserveNow) return this.#reserveBatch(ask).then(decided, undecided);
    try {
      return decided(buckets.reserveNow(ask));
    } catch (error) {
      return undecided(error);
    }
  }

  #decided({ subjects, demand, lines, id }: Deciding, outcome: ReserveOutcome, currency: string): Reservation | Denial {
    this.#settlements.answered();
    this.#aheadMs = outcome.nowMs - this.#now();
    const states: LimitState[] = [];
    for (let i = 0; i < lines.length; i++)
      if (lines[i]!.rule.mode === "enforce") states.push(lineState(lines[i]!, outcome.lines[i]!, outcome.nowMs));
    if (this.#listener) this.#tell(subjects, lines, outcome);
    if (!outcome.granted) return denialOf(lines, outcome.lines, states, outcome.nowMs, currency);
    const warnings = warningsOf(lines, outcome.lines);
    return new Granted({ id, lines, states, warnings, unlimited: false }, subjects, demand, this.#ending);
  }

  /** It may have been taken, and only the answer lost: what an open limit lets through is settled later, the rest is given back. */
  #undecided(deciding: Deciding, error: unknown): Reservation | Denial {
    this.#settlements.failed(error);
    const answer = this.#onLoss(deciding);
    if (answer.denial) this.#settlements.keep({ id: deciding.id, deltas: "cancel", tookLines: true, usage: null });
    return answer;
  }

  #onLoss({ subjects, demand, lines, id }: Deciding): Reservation | Denial {
    const closed = lines.find(({ rule }) => rule.mode === "enforce" && rule.onStoreLoss === "closed");
    if (!closed) return new Granted({ id, lines, states: [], warnings: [], unlimited: true }, subjects, demand, this.#ending);
    return denial({
      status: 503,
      code: "limits_unavailable",
      limit: closed.rule.name,
      message: `Limit "${closed.rule.name}" cannot be checked now, and it lets nothing through meanwhile. Try again shortly.`,
      retryAfterMs: pauseMs,
      states: [],
    });
  }

  #tell(subjects: Subjects, lines: readonly RuleLine[], outcome: ReserveOutcome): void {
    lines.forEach(({ rule, line }, i) => {
      const { level, held, fits } = outcome.lines[i]!;
      const used = level + held;
      const isNear = outcome.granted && rule.warnAt !== undefined && fits && used >= rule.warnAt * line.capacity;
      const isDenied = !outcome.granted && !fits && rule.mode === "enforce";
      if (isNear || isDenied)
        this.#listener?.({ kind: isNear ? "near" : "denied", rule, bucket: line.bucket, used, capacity: line.capacity, subjects });
    });
  }

  #usageOf(s: Subjects, actual: Actual): UsageRow {
    return {
      day: dayOf(this.#now() + this.#aheadMs),
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
      costNano: costOf(this.#options.prices(), s.model, actual),
    };
  }

  close(): Promise<void> {
    return this.#settlements.close();
  }
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
