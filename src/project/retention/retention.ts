/**
 * `retention:` of loam.yaml, enforced: what is due under each rule, and with `apply` erased, documents by the same path as `forget`, each rule with an act in
 * the log. Done twice it does nothing the second time. It decides by the clock of the machine alone, so one that stands before what the record holds is refused.
 */
import { canonicalJson, defined, hashOf, sha256 } from "../../base/index.ts";
import { liveLocks, ownerName, recordAct, type Store } from "../../store/index.ts";
import type { Watch } from "../call.ts";
import { applyForget, planForget } from "../data/forget-documents.ts";
import { projectErrors } from "../errors.ts";
import { thisUser } from "../person.ts";
import type { Workspace } from "../workspace.ts";
import { type DocumentPlan, forgetArrivals, keepMs, planDocuments, type RetainedDocument } from "./plan-documents.ts";
import type { RetainedState, RetentionRule } from "./retention-part.ts";
import { oldObjects } from "./state-objects.ts";

export interface RetentionOptions {
  /** Erase what is due. */
  readonly apply?: boolean | undefined;
  /** With `apply`: retrain the models made from the documents, then delete unreferenced artifacts. */
  readonly retrain?: boolean | undefined;
}

/** A rule, and what it came to. */
export interface RuleOutcome {
  readonly rule: string;
  readonly keep: string;
  /** What it is about: `data/tickets`, `review`. */
  readonly on: string;
  /** Documents or objects that are past their time. */
  readonly due: number;
  /** Documents that are due, by id. */
  readonly documents: readonly RetainedDocument[];
  readonly onHold: readonly RetainedDocument[];
  readonly unreadable: DocumentPlan["unreadable"];
  readonly erased: number;
  /** Why a state was not looked into. */
  readonly problem?: string;
}

export interface RetentionReport {
  readonly at: string;
  readonly applied: boolean;
  readonly rules: readonly RuleOutcome[];
  /** Commands after which nothing of the record holds erased documents. */
  readonly remaining: readonly string[];
  /** No rule met a date that cannot be read, or a state that does not answer. */
  readonly isComplete: boolean;
}

/** Clocks of machines that share a record differ by so much. */
const clockToleranceMs = 5 * 60_000;

/** Errors: project/retention for a clock that stands before what the record holds. */
async function checkClock(store: Store): Promise<number> {
  const now = store.clock.now();
  const newest = await store.records.read
    .selectFrom("artifacts")
    .select(e => e.fn.max("created_ms").as("at"))
    .executeTakeFirst();
  const at = Number(newest?.at ?? 0);
  if (at > now + clockToleranceMs)
    throw projectErrors.fail("retention", {
      place: "clock",
      expected: `a time after ${new Date(at).toISOString()}, when the newest artifact was made`,
      received: new Date(now).toISOString(),
      hint: "Set the clock of this machine. Nothing was erased.",
    });
  return now;
}

/** Errors: project/retention while something is made in the record: it may have read what would be erased. */
async function checkIdle(store: Store): Promise<void> {
  const running = await liveLocks(store.records.read);
  if (running.length > 0)
    throw projectErrors.fail("retention", {
      place: "loam data retention --apply",
      expected: "no run under way: it may have read documents that are due",
      received: running.map(lock => `${lock.what} by ${ownerName(lock.owner)}`).join(", "),
      hint: "Run it again when the run has ended, or stop the run. Nothing was erased.",
    });
}

async function outcomeOf(at: Workspace, store: Store, name: string, rule: RetentionRule, nowMs: number): Promise<RuleOutcome> {
  const head = { rule: name, keep: rule.keep, erased: 0 };
  if (rule.state !== undefined) {
    const older = { beforeMs: nowMs - keepMs(rule), except: rule.except };
    const { count, ...told } = await oldObjects(at, rule.state, older, false);
    return { ...head, on: rule.state, due: count, documents: [], onHold: [], unreadable: [], ...told };
  }
  const plan = await planDocuments(at, store, rule, `loam.yaml: retention.${name}`, nowMs);
  return { ...head, on: `data/${rule.data}`, due: plan.due.length, documents: plan.due, onHold: plan.onHold, unreadable: plan.unreadable };
}

/** The act names the rule and how many, and documents by the digest of their hashed ids. */
const actOf = (store: Store, outcome: RuleOutcome, rule: RetentionRule) =>
  recordAct(store, {
    kind: "erasure",
    who: thisUser(),
    what: "retention",
    on: outcome.rule,
    evidence: {
      rule: hashOf(rule),
      ...(outcome.documents.length > 0 ? { documents: sha256(canonicalJson(outcome.documents.map(d => sha256(d.id)).sort())) } : {}),
    },
    purpose: `kept ${rule.keep}`,
    note: `${outcome.erased} of ${outcome.on}`,
  });

/** Erases what a rule found; answers it with what was done. A document that an earlier rule took is not counted again. */
async function enforce(
  at: Workspace,
  store: Store,
  outcome: RuleOutcome,
  rule: RetentionRule,
  nowMs: number,
  { retrain, gone, remaining }: { readonly retrain: boolean; readonly gone: Set<string>; readonly remaining: Set<string> },
  watch: Watch,
): Promise<RuleOutcome> {
  if (outcome.due === 0) return outcome;
  let erased: number;
  let problem: string | undefined;
  if (rule.state !== undefined) {
    const older = { beforeMs: nowMs - keepMs(rule), except: rule.except };
    ({ count: erased, problem } = await oldObjects(at, rule.state as RetainedState, older, true));
  } else {
    const ids = outcome.documents.map(d => d.id).filter(id => !gone.has(id));
    const plans = ids.length > 0 ? await planForget(at, ids, { hashed: true }, watch) : [];
    if (plans.length > 0) for (const command of (await applyForget(at, plans, { apply: retrain }, watch)).remaining) remaining.add(command);
    await forgetArrivals(store, rule.data!, ids);
    for (const id of ids) gone.add(id);
    erased = ids.length;
  }
  const done = { ...outcome, erased, ...defined({ problem }) };
  if (erased > 0) await actOf(store, done, rule);
  return done;
}

/**
 * What is due under the rules of loam.yaml; with `apply` it is erased. Every rule is planned before any is applied: a mistake in one erases nothing.
 * Errors: project/retention for a missing attribute, a clock that went backwards, a run under way; those of `forget`.
 */
export async function enforceRetention(at: Workspace, options: RetentionOptions, watch: Watch): Promise<RetentionReport> {
  const store = await at.store();
  const rules = Object.entries(at.file.config.retention);
  if (rules.length === 0)
    throw projectErrors.fail("retention", {
      place: "loam.yaml: retention",
      expected: "a rule",
      received: "none",
      hint: "docs/privacy.md shows one.",
    });
  const now = await checkClock(store);
  if (options.apply) await checkIdle(store);
  const planned: RuleOutcome[] = [];
  for (const [name, rule] of rules) planned.push(await outcomeOf(at, store, name, rule, now));
  const outcomes: RuleOutcome[] = [];
  const shared = { retrain: options.retrain === true, gone: new Set<string>(), remaining: new Set<string>() };
  for (const [i, [, rule]] of rules.entries())
    outcomes.push(options.apply ? await enforce(at, store, planned[i]!, rule, now, shared, watch) : planned[i]!);
  return {
    at: new Date(now).toISOString(),
    applied: options.apply === true,
    rules: outcomes,
    remaining: [...shared.remaining],
    isComplete: outcomes.every(o => o.unreadable.length === 0 && o.problem === undefined),
  };
}
