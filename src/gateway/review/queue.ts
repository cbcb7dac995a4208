/**
 * Cases for people, in the gateway's state, so that a crash loses none and processes share them. Every change is one transaction in which the
 * case's row says what may happen: a case is decided once, whoever asks at the same time. A reviewer holds a case by a lease; one who leaves
 * frees it when the lease is over. Votes of others are seen by no reviewer before the case is decided. Votes, overrulings and appeals are entries of the
 * list of changes, in the same transaction and by pseudonyms: a decision cannot be taken back unseen.
 */
import { createHash, randomUUID } from "node:crypto";
import { gatewayErrors } from "../errors.ts";
import { appendChange } from "../identity/changes.ts";
import type { Database, Sql, SqlValue } from "../state/sql.ts";
import type { ReviewCipher } from "./cipher.ts";
import type { NewReviewCase, ReviewCase, ReviewDecision, ReviewDocument, ReviewVote, TakenCase } from "./review-case.ts";

/** How long a reviewer has a case. */
const defaultLeaseMs = 15 * 60_000;
/** A disagreement goes before other cases, an appeal too. */
const disputedPriority = 100;
/** Votes that decide a disagreement: of three at least two agree. */
const adjudicated = 3;
/** Characters that a client may say with an appeal, and a reviewer as a category. */
const mostReason = 2_000;
export const mostCases = 500;

interface ReviewQueueOptions {
  readonly database: Database;
  readonly cipher: ReviewCipher;
  readonly now: () => number;
  readonly leaseMs?: number;
}

interface CaseRow {
  readonly id: string;
  readonly guard: string;
  readonly request: string;
  readonly key_id: string;
  readonly subject: string;
  readonly model: string;
  readonly endpoint: string;
  readonly flagged: string;
  readonly policy: string;
  readonly priority: number;
  readonly round: number;
  readonly needed: number;
  readonly escalated: number;
  readonly state: ReviewCase["state"];
  readonly decision: ReviewDecision | null;
  readonly decided_by: ReviewCase["decidedBy"];
  readonly created_ms: number;
  readonly due_ms: number;
  readonly window_ms: number;
  readonly decided_ms: number | null;
  readonly appealed_ms: number | null;
  readonly sealed: string;
  readonly appeal_sealed: string | null;
}

interface VoteRow {
  readonly round: number;
  readonly reviewer: string;
  readonly decision: ReviewDecision;
  readonly category: string | null;
  readonly at_ms: number;
}

const tokenHash = (token: string): string => createHash("sha256").update(token).digest("hex");
const conflict = (place: string, message: string, hint: string) => gatewayErrors.fail("reviewConflict", { place, message, hint });
const unknown = (place: string) =>
  gatewayErrors.fail("unknownReview", {
    place: place.slice(0, 60),
    message: "no review case with this id or token",
    hint: "`loam gateway review list` shows the cases.",
  });

/** A rule of the row as it is: which votes the case has in its round, and what they come to. */
export function voteOutcome(
  votes: readonly Pick<ReviewVote, "decision">[],
  needed: number,
): { readonly decision?: ReviewDecision; readonly needed: number } {
  if (votes.length < needed) return { needed };
  const approved = votes.filter(v => v.decision === "approve").length;
  const refused = votes.length - approved;
  // two who differ: a third decides
  if (approved === refused) return { needed: Math.max(adjudicated, votes.length + 1) };
  return { decision: approved > refused ? "approve" : "refuse", needed };
}

export class ReviewQueue {
  readonly #options: ReviewQueueOptions;
  readonly #leaseMs: number;
  /** Of this process: told of a decision at once. */
  readonly #waiting = new Map<string, Set<(decision: ReviewDecision) => void>>();

  constructor(options: ReviewQueueOptions) {
    this.#options = options;
    this.#leaseMs = options.leaseMs ?? defaultLeaseMs;
  }

  /** The case is in the state when this resolves. Errors: stateLost. */
  async open(given: NewReviewCase): Promise<{ readonly id: string; readonly appealToken: string }> {
    const { database, cipher, now } = this.#options;
    const id = `review_${randomUUID().replaceAll("-", "").slice(0, 20)}`;
    const appealToken = cipher.appealToken(id);
    const at = now();
    const values: Record<string, SqlValue> = {
      id,
      guard: given.guard,
      request: given.request,
      key_id: given.key,
      subject: given.subject,
      model: given.model,
      endpoint: given.endpoint,
      flagged: JSON.stringify(given.flaggedBy),
      policy: given.policy,
      priority: given.priority,
      round: 1,
      needed: given.reviewers,
      escalated: 0,
      state: "waiting",
      created_ms: at,
      due_ms: at + given.deadlineMs,
      window_ms: given.deadlineMs,
      on_deadline: given.onDeadline,
      appeal_hash: tokenHash(appealToken),
      sealed: cipher.seal(given.text, `${id} text`),
    };
    const names = Object.keys(values);
    const sql = `insert into gateway_review_cases (${names.join(", ")}) values (${names.map(() => "?").join(", ")})`;
    await database.write(tx => tx.all(sql, Object.values(values)));
    return { id, appealToken };
  }

  /** `listener` is called once when this process decides the case; the result removes it. Other processes are asked by `decisionOf`. */
  watch(id: string, listener: (decision: ReviewDecision) => void): () => void {
    const all = this.#waiting.get(id) ?? new Set();
    this.#waiting.set(id, all);
    all.add(listener);
    return () => {
      all.delete(listener);
      if (all.size === 0) this.#waiting.delete(id);
    };
  }

  /** Null while it waits. Errors: unknownReview. */
  async decisionOf(id: string): Promise<ReviewDecision | null> {
    const [row] = await this.#options.database.all<{ decision: ReviewDecision | null }>(
      "select decision from gateway_review_cases where id = ?",
      [id],
    );
    if (!row) throw unknown(id);
    return row.decision;
  }

  /** Waiting cases, those that come first first; or decided ones, the newest first. */
  list(state: ReviewCase["state"], most = mostCases): Promise<readonly ReviewCase[]> {
    return this.#write(async sql => {
      const order = state === "waiting" ? "priority desc, created_ms, id" : "decided_ms desc, id";
      const rows = await sql.all<CaseRow>(`select * from gateway_review_cases where state = ? order by ${order} limit ?`, [state, most]);
      const out: ReviewCase[] = [];
      for (const row of rows) out.push(await shown(sql, row));
      return out;
    });
  }

  /**
   * Gives a case to a reviewer until the lease is over: the one they have already, else the first that wants another vote and has none of theirs.
   * Undefined where there is none. Errors: unknownReview, reviewConflict for a case that is decided, another's, or voted on.
   */
  take(subject: string, { id, isAdjudicator = false }: { readonly id?: string; readonly isAdjudicator?: boolean } = {}) {
    const { cipher } = this.#options;
    const reviewer = cipher.pseudonym(subject);
    return this.#write(async (sql, at): Promise<TakenCase | undefined> => {
      const row = id === undefined ? await this.#first(sql, reviewer, isAdjudicator) : await this.#named(sql, id, reviewer, isAdjudicator);
      if (!row) return undefined;
      const untilMs = at + this.#leaseMs;
      await sql.all("delete from gateway_review_leases where case_id = ? and reviewer = ?", [row.id, reviewer]);
      await sql.all("insert into gateway_review_leases (case_id, reviewer, until_ms) values (?, ?, ?)", [row.id, reviewer, untilMs]);
      return {
        ...(await shown(sql, row)),
        text: cipher.open(row.sealed, `${row.id} text`),
        appeal: row.appeal_sealed === null ? null : cipher.open(row.appeal_sealed, `${row.id} appeal`),
        untilMs,
      };
    });
  }

  async #first(sql: Sql, reviewer: string, isAdjudicator: boolean): Promise<CaseRow | undefined> {
    const [row] = await sql.all<CaseRow>(
      `select c.*, (select count(*) from gateway_review_leases l where l.case_id = c.id and l.reviewer = ?) as mine
      from gateway_review_cases c where c.state = 'waiting' and c.escalated <= ?
      and not exists (select 1 from gateway_review_votes v where v.case_id = c.id and v.reviewer = ?)
      and (select count(*) from gateway_review_votes v where v.case_id = c.id and v.round = c.round)
        + (select count(*) from gateway_review_leases l where l.case_id = c.id and l.reviewer <> ?) < c.needed
      order by mine desc, c.priority desc, c.created_ms, c.id limit 1`,
      [reviewer, isAdjudicator ? 1 : 0, reviewer, reviewer],
    );
    return row;
  }

  async #named(sql: Sql, id: string, reviewer: string, isAdjudicator: boolean): Promise<CaseRow> {
    const row = await caseRow(sql, id);
    if (row.state === "decided") throw decidedAlready(row);
    if (row.escalated === 1 && !isAdjudicator)
      throw conflict(id, "the case is escalated", "It needs an administrator. Take another: `loam gateway review take`.");
    const votes = await votesOf(sql, id);
    if (votes.some(v => v.reviewer === reviewer))
      throw conflict(id, "this reviewer has voted on the case already", "Another person gives the next vote.");
    const leases = await leasesOf(sql, id);
    const others = leases.filter(l => l.reviewer !== reviewer).length;
    if (votes.filter(v => v.round === row.round).length + others >= row.needed)
      throw conflict(
        id,
        "other reviewers have the case",
        "It is free again when their time is over. Take another: `loam gateway review take`.",
      );
    return row;
  }

  /** Frees a case that a reviewer has. Errors: unknownReview, reviewConflict where they have it not. */
  release(subject: string, id: string): Promise<ReviewCase> {
    const reviewer = this.#options.cipher.pseudonym(subject);
    return this.#write(async sql => {
      const row = await caseRow(sql, id);
      await checkLease(sql, row, reviewer);
      await sql.all("delete from gateway_review_leases where case_id = ? and reviewer = ?", [id, reviewer]);
      return shown(sql, row);
    });
  }

  /** Leaves a case to administrators. Errors: as `release`. */
  escalate(subject: string, id: string): Promise<ReviewCase> {
    const reviewer = this.#options.cipher.pseudonym(subject);
    return this.#write(async sql => {
      const row = await caseRow(sql, id);
      await checkLease(sql, row, reviewer);
      await sql.all("delete from gateway_review_leases where case_id = ?", [id]);
      await sql.all("update gateway_review_cases set escalated = 1, priority = priority + ? where id = ?", [disputedPriority, id]);
      return shown(sql, await caseRow(sql, id));
    });
  }

  /**
   * A vote of a reviewer who has the case. Errors: unknownReview; reviewConflict where it is decided, or the reviewer has it not (any more).
   */
  async decide(subject: string, id: string, decision: ReviewDecision, category: string | null = null): Promise<ReviewCase> {
    const reviewer = this.#options.cipher.pseudonym(subject);
    const done = await this.#write(async (sql, at) => {
      const row = await caseRow(sql, id);
      await checkLease(sql, row, reviewer);
      await sql.all("insert into gateway_review_votes (case_id, round, reviewer, decision, category, at_ms) values (?, ?, ?, ?, ?, ?)", [
        id,
        row.round,
        reviewer,
        decision,
        category,
        at,
      ]);
      await sql.all("delete from gateway_review_leases where case_id = ? and reviewer = ?", [id, reviewer]);
      await appendChange(sql, at, reviewer, `review.${decision}`, { id, guard: row.guard, policy: row.policy, round: row.round });
      const votes = (await votesOf(sql, id)).filter(v => v.round === row.round);
      const outcome = voteOutcome(votes, row.needed);
      if (outcome.decision) {
        const by = row.needed >= adjudicated || row.escalated === 1 ? "adjudicator" : "reviewers";
        await settle(sql, id, outcome.decision, by, at);
      } else if (outcome.needed > row.needed)
        await sql.all("update gateway_review_cases set needed = ?, priority = priority + ? where id = ?", [
          outcome.needed,
          disputedPriority,
          id,
        ]);
      return shown(sql, await caseRow(sql, id));
    });
    if (done.decision) this.#tell(id, done.decision);
    return done;
  }

  /** An administrator's word ends the round; the caller tells those that wait here. Errors: unknownReview, reviewConflict where it is decided. */
  overrule(id: string, decision: ReviewDecision, by: string): Promise<ReviewCase> {
    return this.#write(async (sql, at) => {
      const row = await caseRow(sql, id);
      if (row.state === "decided") throw decidedAlready(row);
      await settle(sql, id, decision, "admin", at);
      const { guard, policy, round } = row;
      await appendChange(sql, at, by, `review.overrule.${decision}`, { id, guard, policy, round });
      return shown(sql, await caseRow(sql, id));
    });
  }

  /** Opens a refused case again, once, for reviewers who have not voted on it. Errors: unknownReview, reviewConflict, parameter. */
  appeal(token: string, reason: string): Promise<ReviewCase> {
    const { cipher } = this.#options;
    if (reason.length > mostReason)
      throw gatewayErrors.fail("parameter", {
        place: "reason",
        expected: `at most ${mostReason} characters`,
        received: `${reason.length}`,
      });
    return this.#write(async (sql, at) => {
      const [row] = await sql.all<CaseRow>("select * from gateway_review_cases where appeal_hash = ?", [tokenHash(token)]);
      if (!row) throw unknown("token");
      if (row.appealed_ms !== null) throw conflict(row.id, "an appeal was made already", "There is one appeal for each case.");
      if (row.state === "waiting") throw conflict(row.id, "the case is not decided yet", "Wait for the decision.");
      if (row.decision === "approve") throw conflict(row.id, "the request was approved", "Send the request again.");
      await sql.all(
        `update gateway_review_cases set state = 'waiting', decision = null, decided_by = null, decided_ms = null, round = round + 1,
        appealed_ms = ?, appeal_sealed = ?, priority = priority + ?, due_ms = ? where id = ?`,
        [at, cipher.seal(reason, `${row.id} appeal`), disputedPriority, at + row.window_ms, row.id],
      );
      // whoever has the token appeals: no person is known
      await appendChange(sql, at, "client", "review.appeal", { id: row.id, guard: row.guard, policy: row.policy, round: row.round + 1 });
      return shown(sql, await caseRow(sql, row.id));
    });
  }

  /** What became of a case, for the client with its token. Errors: unknownReview. */
  appealed(token: string): Promise<ReviewCase> {
    return this.#write(async sql => {
      const [row] = await sql.all<CaseRow>("select * from gateway_review_cases where appeal_hash = ?", [tokenHash(token)]);
      if (!row) throw unknown("token");
      return shown(sql, row);
    });
  }

  /** Cases that people decided, as labelled documents, the oldest first; those behind the case `after`. Errors: unknownReview. */
  async documents({
    after,
    most = mostCases,
  }: {
    readonly after?: string;
    readonly most?: number;
  } = {}): Promise<readonly ReviewDocument[]> {
    const { database, cipher } = this.#options;
    const fromMs = after === undefined ? -1 : ((await caseRow(database, after)).decided_ms ?? -1);
    const rows = await database.all<CaseRow>(
      `select * from gateway_review_cases where state = 'decided' and decided_by <> 'deadline' and sealed <> ''
      and (decided_ms > ? or (decided_ms = ? and id > ?)) order by decided_ms, id limit ?`,
      [fromMs, fromMs, after ?? "", most],
    );
    const out: ReviewDocument[] = [];
    for (const row of rows) {
      const votes = (await votesOf(database, row.id)).filter(v => v.round === row.round);
      const same = votes.filter(v => v.decision === row.decision);
      out.push({
        id: row.id,
        text: cipher.open(row.sealed, `${row.id} text`),
        label: (row.decision === "refuse" ? same.find(v => v.category !== null)?.category : undefined) ?? row.decision!,
        decision: row.decision!,
        decidedBy: row.decided_by!,
        decidedAt: new Date(row.decided_ms!).toISOString(),
        guard: row.guard,
        policy: row.policy,
        model: row.model,
        round: row.round,
        reviewers: votes.map(v => v.reviewer),
        agreement: votes.length === 0 ? 1 : same.length / votes.length,
      });
    }
    return out;
  }

  /** Votes on cases that are decided, by case: what agreement is computed from. */
  async votes(): Promise<ReadonlyMap<string, readonly ReviewVote[]>> {
    const rows = await this.#options.database.all<VoteRow & { case_id: string }>(
      `select v.* from gateway_review_votes v join gateway_review_cases c on c.id = v.case_id where c.state = 'decided' order by v.at_ms`,
    );
    const out = new Map<string, ReviewVote[]>();
    for (const { case_id: id, at_ms: atMs, round, reviewer, decision, category } of rows)
      out.set(id, [...(out.get(id) ?? []), { round, reviewer, decision, category, atMs }]);
    return out;
  }

  #tell(id: string, decision: ReviewDecision): void {
    for (const listener of [...(this.#waiting.get(id) ?? [])]) listener(decision);
    this.#waiting.delete(id);
  }

  /** A transaction; before it, leases that are over end and deadlines decide. */
  #write<T>(work: (sql: Sql, at: number) => Promise<T>): Promise<T> {
    const at = this.#options.now();
    return this.#options.database.write(async sql => {
      await sql.all("delete from gateway_review_leases where until_ms <= ?", [at]);
      await sql.all(
        `update gateway_review_cases set state = 'decided', decision = on_deadline, decided_by = 'deadline', decided_ms = ?
        where state = 'waiting' and due_ms <= ? and on_deadline <> 'keep'`,
        [at, at],
      );
      return work(sql, at);
    });
  }
}

async function caseRow(sql: Sql, id: string): Promise<CaseRow> {
  const [row] = await sql.all<CaseRow>("select * from gateway_review_cases where id = ?", [id]);
  if (!row) throw unknown(id);
  return row;
}

const votesOf = (sql: Sql, id: string): Promise<VoteRow[]> =>
  sql.all<VoteRow>("select * from gateway_review_votes where case_id = ? order by round, at_ms, reviewer", [id]);
const leasesOf = (sql: Sql, id: string): Promise<{ reviewer: string; until_ms: number }[]> =>
  sql.all("select reviewer, until_ms from gateway_review_leases where case_id = ? order by reviewer", [id]);

const decidedAlready = (row: CaseRow) =>
  conflict(row.id, `the case is decided: ${row.decision} by ${row.decided_by}`, "An appeal of its client opens it again.");

async function checkLease(sql: Sql, row: CaseRow, reviewer: string): Promise<void> {
  if (row.state === "decided") throw decidedAlready(row);
  if ((await leasesOf(sql, row.id)).some(l => l.reviewer === reviewer)) return;
  throw conflict(
    row.id,
    "this reviewer does not have the case",
    `Take it first: \`loam gateway review take ${row.id}\`. A case is held for 15 minutes.`,
  );
}

async function settle(sql: Sql, id: string, decision: ReviewDecision, by: string, at: number): Promise<void> {
  await sql.all("update gateway_review_cases set state = 'decided', decision = ?, decided_by = ?, decided_ms = ? where id = ?", [
    decision,
    by,
    at,
    id,
  ]);
  await sql.all("delete from gateway_review_leases where case_id = ?", [id]);
}

async function shown(sql: Sql, row: CaseRow): Promise<ReviewCase> {
  const votes = (await votesOf(sql, row.id)).filter(v => v.round === row.round).length;
  const assigned = (await leasesOf(sql, row.id)).map(({ reviewer, until_ms: untilMs }) => ({ reviewer, untilMs }));
  const { id, guard, request, subject, model, endpoint, policy, priority, round, needed, state, decision } = row;
  return {
    id,
    guard,
    request,
    key: row.key_id,
    subject,
    model,
    endpoint,
    flaggedBy: JSON.parse(row.flagged) as string[],
    policy,
    priority,
    round,
    needed,
    isEscalated: row.escalated === 1,
    state,
    decision,
    decidedBy: row.decided_by,
    createdMs: row.created_ms,
    dueMs: row.due_ms,
    decidedMs: row.decided_ms,
    appealedMs: row.appealed_ms,
    votes,
    assigned,
  };
}
