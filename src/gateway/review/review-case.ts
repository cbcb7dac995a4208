/** What the review queue knows of a case, as plain data. */

export const reviewDecisions = ["approve", "refuse"] as const;
export type ReviewDecision = (typeof reviewDecisions)[number];

/** What becomes of a case that nobody decided by its deadline; `keep`: it goes on waiting. */
export const deadlineActs = [...reviewDecisions, "keep"] as const;
type DeadlineAct = (typeof deadlineActs)[number];

/** What a guard puts into the queue. */
export interface NewReviewCase {
  readonly guard: string;
  /** Of the request, as in the log. */
  readonly request: string;
  readonly key: string;
  readonly subject: string;
  readonly model: string;
  readonly endpoint: string;
  readonly flaggedBy: readonly string[];
  /** Version of the guard: digest of what its decisions rest on. */
  readonly policy: string;
  readonly text: string;
  /** Greater comes first. */
  readonly priority: number;
  /** Different people who must agree. */
  readonly reviewers: 1 | 2;
  readonly deadlineMs: number;
  readonly onDeadline: DeadlineAct;
}

export interface ReviewVote {
  readonly round: number;
  /** Pseudonym. */
  readonly reviewer: string;
  readonly decision: ReviewDecision;
  readonly category: string | null;
  readonly atMs: number;
}

/** Without its text, which is given to those who take it. */
export interface ReviewCase {
  readonly id: string;
  readonly guard: string;
  readonly request: string;
  readonly key: string;
  readonly subject: string;
  readonly model: string;
  readonly endpoint: string;
  readonly flaggedBy: readonly string[];
  readonly policy: string;
  readonly priority: number;
  /** 1; 2 after an appeal. */
  readonly round: number;
  /** Votes that decide it; 3 after a disagreement. */
  readonly needed: number;
  readonly isEscalated: boolean;
  readonly state: "waiting" | "decided";
  readonly decision: ReviewDecision | null;
  readonly decidedBy: "reviewers" | "adjudicator" | "admin" | "deadline" | "erasure" | null;
  readonly createdMs: number;
  readonly dueMs: number;
  readonly decidedMs: number | null;
  readonly appealedMs: number | null;
  /** Of this round so far. */
  readonly votes: number;
  /** Pseudonyms of those who have it, until when. */
  readonly assigned: readonly { readonly reviewer: string; readonly untilMs: number }[];
}

/** A case with what a reviewer judges. */
export interface TakenCase extends ReviewCase {
  readonly text: string;
  /** Why the client asks for another review. */
  readonly appeal: string | null;
  readonly untilMs: number;
}

/** A decided case as a document with its label and where that comes from. */
export interface ReviewDocument {
  readonly id: string;
  readonly text: string;
  readonly label: string;
  readonly decision: ReviewDecision;
  readonly decidedBy: string;
  readonly decidedAt: string;
  readonly guard: string;
  readonly policy: string;
  readonly model: string;
  readonly round: number;
  readonly reviewers: readonly string[];
  /** Share of the round's votes for the decision. */
  readonly agreement: number;
}
