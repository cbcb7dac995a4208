/** `loam gateway held`: requests that wait for a person at the gateway that runs; one is approved or refused. */
import { formatDuration } from "../../base/index.ts";
import type { HeldInfo } from "../../gateway/index.ts";
import { decideHeld, heldRequests } from "../../project/gateway/index.ts";
import { wrongArgument } from "../../project/index.ts";
import { gatewayAt } from "../gateway-place.ts";
import type { Context, VerbRun } from "../verb.ts";

const place = "loam gateway held";

/** Characters of a request that the list shows; `--json` has all that the gateway shows. */
const shownCharacters = 300;
/** What a request says must not steer the terminal that shows it. */
const unseen = /[\p{Cc}\p{Cf}]/gu;

function show({ out }: Context, held: readonly HeldInfo[]): void {
  if (held.length === 0) out.line("  Nothing waits.");
  const now = Date.now();
  for (const h of held) {
    const why = h.flaggedBy.length > 0 ? `  flagged by ${h.flaggedBy.join(", ")}` : "";
    const waits = `waits ${formatDuration(now - h.sinceMs)}, ${formatDuration(Math.max(0, h.untilMs - now))} left`;
    out.line(`  ${h.id.padEnd(10)} ${h.guard.padEnd(16)} ${h.subject.padEnd(16)} ${h.model.padEnd(20)} ${waits}${why}`);
    const text = h.text.slice(-shownCharacters).replace(unseen, " ").replace(/\s+/g, " ");
    out.line(`             ${h.text.length > shownCharacters ? "... " : ""}${text}`);
  }
}

const decisions = ["approve", "refuse"] as const;

export const gatewayHeld: VerbRun = async (context, [action = "list", id], options) => {
  const { out } = context;
  const decision = decisions.find(d => d === action);
  if (action !== "list" && !decision) throw wrongArgument(place, "list, approve ID or refuse ID", JSON.stringify(action));
  const at = gatewayAt(context, options);
  if (!decision) {
    const held = await heldRequests(at);
    show(context, held);
    return out.result({ held });
  }
  if (id === undefined)
    throw wrongArgument(`${place} ${decision}`, "the id of a request that waits", "none", "`loam gateway held` lists them.");
  const answer = await decideHeld(at, id, decision);
  out.line(`  ${answer.held.id} of ${answer.held.subject} is ${answer.decision}.`);
  out.result(answer);
};
