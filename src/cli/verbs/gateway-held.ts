/** `loam gateway held`: requests that wait for a person at the gateway that runs; one is approved or refused. */
import { formatDuration } from "../../base/index.ts";
import type { HeldInfo } from "../../gateway/index.ts";
import { cliErrors } from "../errors.ts";
import { gatewayOf } from "../gateway/open-gateway.ts";
import { askRunning, runningOf } from "../gateway/running.ts";
import { textOption } from "../options.ts";
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
  const decision = decisions.find(d => d === action);
  if (action !== "list" && !decision)
    throw cliErrors.fail("usage", { place, expected: "list, approve ID or refuse ID", received: JSON.stringify(action) });
  if (decision && id === undefined)
    throw cliErrors.fail("usage", {
      place: `${place} ${decision}`,
      expected: "the id of a request that waits",
      received: "none",
      hint: "`loam gateway held` lists them.",
    });
  const config = textOption(options, "url") === undefined ? (await gatewayOf(context, options)).config : undefined;
  const running = await runningOf(context, config, options, place);
  if (!decision) {
    const { data } = await askRunning<{ readonly data: readonly HeldInfo[] }>(running, "GET", "/gateway/held");
    show(context, data);
    return context.out.result({ held: data });
  }
  const answer = await askRunning<{ readonly held: HeldInfo; readonly decision: string }>(
    running,
    "POST",
    `/gateway/held/${encodeURIComponent(id!)}`,
    { decision },
  );
  context.out.line(`  ${answer.held.id} of ${answer.held.subject} is ${answer.decision}.`);
  context.out.result(answer);
};
