/** `loam gateway review`: the cases of the gateway's review queue, taken, voted on, appealed, exported as labelled documents. */
import { formatDuration } from "../../base/index.ts";
import type { ReviewAgreement, ReviewCase, TakenCase } from "../../gateway/index.ts";
import {
  appealReview,
  decideReview,
  exportReviews,
  type OwnedCase,
  reviewCases,
  reviewerAgreement,
  takeReview,
} from "../../project/gateway/index.ts";
import { wrongArgument } from "../../project/index.ts";
import { gatewayAt } from "../gateway-place.ts";
import type { Context, VerbRun } from "../verb.ts";

const place = "loam gateway review";
const actions = ["list", "take", "decide", "appeal", "export", "agreement"] as const;
const words = ["approve", "refuse", "escalate", "release"] as const;
/** What a request says must not steer the terminal that shows it. */
const unseen = /[\p{Cc}\p{Cf}]/gu;

function lineOf(c: ReviewCase & Partial<Pick<OwnedCase, "owner">>): string {
  const state = c.state === "decided" ? `${c.decision} by ${c.decidedBy}` : `${c.votes} of ${c.needed} votes`;
  const left = c.state === "waiting" ? `  ${formatDuration(Math.max(0, c.dueMs - Date.now()))} left` : "";
  const marks = [
    c.isEscalated ? "escalated" : "",
    c.round > 1 ? "appeal" : "",
    c.owner ? `owner ${c.owner.owner}` : "",
    c.assigned.length > 0 ? `taken by ${c.assigned.length}` : "",
  ];
  return `  ${c.id}  ${c.guard.padEnd(16)} priority ${c.priority}  ${state}${left}  ${marks.filter(m => m !== "").join(", ")}`.trimEnd();
}

function showTaken({ out }: Context, taken: OwnedCase<TakenCase> | null): void {
  if (!taken) {
    out.line("  No case waits for your vote.");
    return;
  }
  out.line(lineOf(taken));
  out.line(`  flagged by ${taken.flaggedBy.join(", ") || "no guard"}; yours for ${formatDuration(taken.untilMs - Date.now())}`);
  if (taken.appeal !== null) out.line(`  appeal: ${taken.appeal.replace(unseen, " ")}`);
  for (const line of taken.text.split("\n")) out.line(`    ${line.replace(unseen, " ")}`);
}

function showAgreement({ out }: Context, { cases, alpha, pairs }: ReviewAgreement): void {
  const figure = (value: number | null) => (value === null ? "none" : value.toFixed(3));
  out.line(`  ${cases} cases with two votes or more; Krippendorff's alpha ${figure(alpha)}`);
  for (const { reviewers, cases: shared, kappa } of pairs)
    out.line(`  ${reviewers.join("  ")}  ${shared} cases  Cohen's kappa ${figure(kappa)}`);
}

export const gatewayReview: VerbRun = async (context, [action = "list", first, second], options) => {
  const { out } = context;
  const at = gatewayAt(context, options);
  const given = (value: string | undefined, what: string, hint: string): string => {
    if (value !== undefined) return value;
    throw wrongArgument(`${place} ${action}`, what, "none", hint);
  };
  switch (actions.find(a => a === action)) {
    case "list": {
      const cases = await reviewCases(at, options.decided === true ? "decided" : "waiting");
      if (cases.length === 0) out.line(options.decided === true ? "  No case is decided." : "  No case waits.");
      for (const c of cases) out.line(lineOf(c));
      return out.result({ cases });
    }
    case "take": {
      const taken = await takeReview(at, first);
      showTaken(context, taken);
      return out.result({ case: taken });
    }
    case "decide": {
      const id = given(first, "the id of a case and approve, refuse, escalate or release", "`loam gateway review take` gives a case.");
      const word = words.find(w => w === second);
      if (!word) throw wrongArgument(`${place} decide`, words.join(", "), JSON.stringify(second ?? "none"));
      const category = typeof options.category === "string" ? options.category : undefined;
      const decided = await decideReview(at, id, word, category);
      out.line(lineOf(decided));
      return out.result({ case: decided });
    }
    case "appeal": {
      const token = given(first, "the token of the refusal", "It is in the header x-loam-appeal, behind the case's id.");
      const answer = await appealReview(at, token, typeof options.reason === "string" ? options.reason : "");
      out.line(`  ${answer.id} is reviewed again.`);
      return out.result(answer);
    }
    case "export": {
      const file = given(first, "a file such as data/review/cases.jsonl", "A data source of loam.yaml reads it.");
      const written = await exportReviews(at, file);
      out.line(`  ${written.documents} documents in ${written.file}`);
      return out.result(written);
    }
    case "agreement": {
      const agreement = await reviewerAgreement(at);
      showAgreement(context, agreement);
      return out.result(agreement);
    }
    case undefined:
      throw wrongArgument(place, actions.join(", "), JSON.stringify(action));
  }
};
