/** Whether a round begins: quality first, then drift, then the schedule; and what stands against it. */
import { levelOfLook, normalAbove } from "../statistics/index.ts";
import { monthOf } from "./machine.ts";
import type { LoopPolicy } from "./part.ts";
import type { LoopRound, LoopState, LoopTrigger } from "./state.ts";

/** Losses of a sample of documents. */
export interface LossSample {
  readonly count: number;
  readonly mean: number;
  /** Sample variance. */
  readonly variance: number;
}

export interface QualitySignal {
  /** On labelled documents since the version was made. */
  readonly now: LossSample;
  /** On the version's own test set. */
  readonly home: LossSample;
}

/** An open drift alarm. */
export interface DriftSignal {
  readonly id: string;
  readonly severity: "ticket" | "page";
  readonly since: number;
  readonly what: string;
}

export interface LoopSignals {
  readonly nowMs: number;
  /** Labelled documents that no round has tried. */
  readonly newDocuments: number;
  /** Labelled documents that the current version has not learnt from. */
  readonly labelled: number;
  readonly quality?: QualitySignal | undefined;
  readonly drift?: readonly DriftSignal[] | undefined;
  /** The schedule counts from there before the first round. */
  readonly sinceMs: number;
}

export interface TriggerDecision {
  readonly trigger?: LoopTrigger;
  /** Why no round begins, where none does. */
  readonly why: string;
  /** The look at the quality was one of those that share the false-alarm rate. */
  readonly hasLooked: boolean;
}

export function lossSample(losses: readonly number[]): LossSample {
  const count = losses.length;
  const mean = count === 0 ? Number.NaN : losses.reduce((a, b) => a + b, 0) / count;
  const variance = count < 2 ? Number.NaN : losses.reduce((s, x) => s + (x - mean) ** 2, 0) / (count - 1);
  return { count, mean, variance };
}

/** One-sided p of "the loss has risen by no more than `worse`": both samples have their error, for the test set is a sample too. */
function riseP({ now, home }: QualitySignal, worse: number): number {
  const spread = Math.sqrt(now.variance / now.count + home.variance / home.count);
  const rise = now.mean - home.mean - worse;
  if (!(spread > 0)) return rise > 0 && spread === 0 ? 0 : 1;
  return normalAbove(rise / spread);
}

const metricWords: Readonly<Record<string, string>> = { logLoss: "log loss", errorRate: "error rate" };

const shown = (x: number): string => x.toFixed(3);

function qualityTrigger({ signals, data }: LoopPolicy, state: LoopState, s: LoopSignals): TriggerDecision | undefined {
  const rule = signals.quality;
  const quality = s.quality;
  if (!rule || !quality || s.labelled - state.lookedAt < rule.least || quality.now.count < 2 || quality.home.count < 2) return undefined;
  const p = riseP(quality, rule.worse);
  const level = levelOfLook(rule.alpha, state.looks);
  const { now, home } = quality;
  const figures = { metric: rule.metric, now: now.mean, home: home.mean, documents: now.count, p, level, look: state.looks + 1 };
  const why = `${metricWords[rule.metric] ?? rule.metric} ${shown(now.mean)} on ${now.count} labelled documents, ${shown(home.mean)} on the version's own test set (p ${p.toPrecision(2)}, level ${level.toPrecision(2)})`;
  if (!(p <= level)) return { why: `no significant rise: ${why}`, hasLooked: true };
  if (s.newDocuments < data.least) return undefined;
  return { trigger: { kind: "quality", why, figures }, why, hasLooked: true };
}

const severities = ["ticket", "page"] as const;

function driftTrigger({ signals }: LoopPolicy, s: LoopSignals): LoopTrigger | undefined {
  const rule = signals.drift;
  const open = rule && s.drift?.filter(d => severities.indexOf(d.severity) >= severities.indexOf(rule.severity));
  if (!open || open.length === 0) return undefined;
  const why = `${open.length === 1 ? "a drift alarm is" : `${open.length} drift alarms are`} open: ${open[0]!.what}`;
  return { kind: "drift", why, figures: { alarms: open.map(d => d.id), since: Math.min(...open.map(d => d.since)) } };
}

function scheduleTrigger({ every }: LoopPolicy, state: LoopState, s: LoopSignals): LoopTrigger | undefined {
  if (every === undefined) return undefined;
  const from = state.lastEndedMs ?? s.sinceMs;
  if (s.nowMs - from < every) return undefined;
  return { kind: "schedule", why: "the time of the schedule is over", figures: { from, every } };
}

/** What stands against any round now, a person's too; undefined where nothing does. */
export function spentBudget(
  { budget }: Pick<LoopPolicy, "budget">,
  { spent }: Pick<LoopState, "spent">,
  nowMs: number,
): string | undefined {
  if (budget.month === undefined || spent.month !== monthOf(nowMs)) return undefined;
  const own = budget.unit === "money" ? spent.money : spent.coreSeconds;
  return own >= budget.month ? `the month's budget is spent: ${own.toFixed(2)} of ${budget.month} ${budget.unit}` : undefined;
}

/** How a round's share of the budget stands: what it may still cost; undefined where nothing limits it. */
export function roundBudget(
  { budget }: Pick<LoopPolicy, "budget">,
  { spent, round }: Pick<LoopState, "spent"> & { readonly round?: Pick<LoopRound, "coreSeconds" | "money"> | null },
  nowMs: number,
): number | undefined {
  const own = spent.month !== monthOf(nowMs) ? 0 : budget.unit === "money" ? spent.money : spent.coreSeconds;
  const left = budget.month === undefined ? undefined : budget.month - own;
  if (budget.round === undefined) return left;
  // work that a full disk ended is done again, and both times are paid for
  const ofRound = Math.max(0, budget.round - ((budget.unit === "money" ? round?.money : round?.coreSeconds) ?? 0));
  return left === undefined ? ofRound : Math.min(left, ofRound);
}

/** A time in the largest unit of which it has two: 90 minutes, 24 hours, 3 days. */
function roundedUp(ms: number): string {
  const units = [
    ["days", 24 * 60],
    ["hours", 60],
  ] as const;
  const minutes = Math.ceil(ms / 60_000);
  const [name, size] = units.find(([, size]) => minutes >= 2 * size) ?? ["minutes", 1];
  return minutes === 1 ? "1 minute" : `${Math.ceil(minutes / size)} ${name}`;
}

/** Of an idle loop that is not paused. */
export function decideTrigger(policy: LoopPolicy, state: LoopState, s: LoopSignals): TriggerDecision {
  const none = (why: string): TriggerDecision => ({ why, hasLooked: false });
  // a clock that went back ends no cool-down: the time since then is unknown
  const since = state.lastEndedMs === null ? Number.POSITIVE_INFINITY : Math.max(0, s.nowMs - state.lastEndedMs);
  if (since < policy.cooldown) return none(`cool-down for another ${roundedUp(policy.cooldown - since)}`);
  const budget = spentBudget(policy, state, s.nowMs);
  if (budget !== undefined) return none(budget);
  const quality = qualityTrigger(policy, state, s);
  if (quality?.trigger) return quality;
  const other = driftTrigger(policy, s) ?? scheduleTrigger(policy, state, s);
  const hasLooked = quality?.hasLooked ?? false;
  if (other && s.newDocuments < policy.data.least)
    return { why: `${other.why}, but there are ${s.newDocuments} new documents of the least ${policy.data.least}`, hasLooked };
  return other ? { trigger: other, why: other.why, hasLooked } : { why: quality?.why ?? "no signal", hasLooked };
}
