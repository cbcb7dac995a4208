/**
 * A guard that asks a person. A request becomes a case of the review queue, in the state, before anything waits; its client waits on the connection
 * for a bounded time and in a bounded number (`held.ts`). The case outlives both: what people decide later answers an appeal and labels the text.
 */
import type { Stop } from "../../upstreams/stop.ts";
import type { Guard, GuardedRequest, Verdict } from "../contract.ts";
import { GuardFailure } from "../failure.ts";
import { type GuardOpening, guardOf } from "../part.ts";
import type { GuardPartOf } from "../schema.ts";

/** How often the state is asked whether another process's reviewer has decided. */
const lookMs = 500;

/** Calls `decided` once the case is decided, by whichever process, until the stop or the result is called. */
function follow({ reviews }: GuardedRequest, id: string, decided: (how: "approved" | "refused") => void): () => void {
  const told = (decision: "approve" | "refuse") => decided(decision === "approve" ? "approved" : "refused");
  const unwatch = reviews.watch(id, told);
  const timer = setInterval(() => {
    // a state that does not answer is asked again; the request's own time bounds it
    reviews.decisionOf(id).then(
      decision => decision && told(decision),
      () => {},
    );
  }, lookMs);
  return () => {
    clearInterval(timer);
    unwatch();
  };
}

const hasLeft = ({ reason }: Stop): boolean => reason !== undefined;

export async function openPerson(opening: GuardOpening<GuardPartOf<"person">>): Promise<Guard> {
  const { name, part } = opening;
  const { holds, timeout: timeoutMs, onTimeout, most, review } = part;

  const before = async (request: GuardedRequest): Promise<Verdict> => {
    const { id, identity, model, endpoint, texts, flaggedBy, stop, held, reviews } = request;
    if (holds === "flagged" && flaggedBy.length === 0) return { kind: "pass" };
    if (hasLeft(stop)) return { kind: "pass" };
    if (held.numOf(name) >= most) throw new GuardFailure(`${most} requests wait for a person already`);
    const about = { guard: name, request: id, key: identity.keyId, subject: identity.subject, model, endpoint, flaggedBy };
    const { id: caseId, appealToken } = await reviews
      .open({
        ...about,
        policy: guard.version,
        text: texts.join("\n\n"),
        priority: review.priority,
        reviewers: review.reviewers,
        deadlineMs: review.deadline,
        onDeadline: review.onDeadline,
      })
      .catch((error: unknown) => {
        throw new GuardFailure("the review queue cannot keep the case", error);
      });
    if (hasLeft(stop)) return { kind: "pass" };
    const waits = held.hold({ ...about, review: caseId }, texts, timeoutMs, stop);
    const unfollow = follow(request, caseId, how => held.decided(caseId, how, "reviewers"));
    const { how, by } = await waits.finally(unfollow);
    const appeal = { id: caseId, token: appealToken };
    switch (how) {
      case "approved":
        return { kind: "pass", note: `approved by ${by}` };
      case "refused":
        return { kind: "block", why: "a person refused it", note: `refused by ${by}`, appeal };
      case "timeout":
        return onTimeout === "approve" ? { kind: "pass" } : { kind: "block", why: "nobody decided about it in time", appeal };
      case "left":
        // nothing more is done for it
        return { kind: "pass" };
    }
  };
  const guard = guardOf(opening, { open: () => ({ before }) });
  return guard;
}
