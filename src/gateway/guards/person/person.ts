/** A guard that asks a person: the request waits until an administrator decides (`held.ts`), for a bounded time and in a bounded number. */
import type { Guard, GuardedRequest, Verdict } from "../contract.ts";
import { GuardFailure } from "../failure.ts";
import { type GuardOpening, guardOf } from "../part.ts";
import type { GuardPartOf } from "../schema.ts";

export async function openPerson(opening: GuardOpening<GuardPartOf<"person">>): Promise<Guard> {
  const { name, part } = opening;
  const { holds, timeout: timeoutMs, onTimeout, most } = part;

  const before = async (request: GuardedRequest): Promise<Verdict> => {
    const { id, identity, model, endpoint, texts, flaggedBy, stop, held } = request;
    if (holds === "flagged" && flaggedBy.length === 0) return { kind: "pass" };
    if (stop.reason) return { kind: "pass" };
    if (held.numOf(name) >= most) throw new GuardFailure(`${most} requests wait for a person already`);
    const about = { guard: name, request: id, key: identity.keyId, subject: identity.subject, model, endpoint, flaggedBy };
    const { how, by } = await held.hold(about, texts, timeoutMs, stop);
    switch (how) {
      case "approved":
        return { kind: "pass", note: `approved by ${by}` };
      case "refused":
        return { kind: "block", why: "a person refused it", note: `refused by ${by}` };
      case "timeout":
        return onTimeout === "approve" ? { kind: "pass" } : { kind: "block", why: "nobody decided about it in time" };
      case "left":
        // nothing more is done for it
        return { kind: "pass" };
    }
  };
  return guardOf(opening, { open: () => ({ before }) });
}
